"""The vectors of what is put into a library: those it has already, and those that are embedded.

Leaves out the model (`retrievers.embeddings`) and where vectors are kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from langchain_core.embeddings import Embeddings

from retrievers.database import Database, vectors_version
from retrievers.errors import ModelMismatch
from retrievers.evidence import Row
from retrievers.recorded_model import RecordedModel
from retrievers.vectors import unit_rows

TEXTS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Embedded:
    """Text → vector as stored. version: of the library's vectors, to which they belong."""

    by_text: dict[str, bytes]
    version: str
    dimensions: frozenset[int]
    any_new: bool


class NewVectors:
    """Those for one library by one model. Safe for threads."""

    def __init__(self, database: Database, embeddings: Embeddings, recorded: RecordedModel) -> None:
        self._database = database
        self._embeddings = embeddings
        self._recorded = recorded

    def of_documents(
        self,
        sources: Sequence[str],
        rows: Sequence[Sequence[Row]],
        given: Mapping[str, bytes],
        on_embedded: Callable[[int, int], None] = lambda _, __: None,
    ) -> Embedded:
        """The vectors of all texts, embedded only where none of the sources had such a text.

        given: of texts that are embedded already. Raises ModelMismatch.
        """
        known: dict[str, bytes] = {}
        with self._database.reading() as connection:
            self._recorded.check(connection)
            version = vectors_version(connection)
            for source in sources:
                known |= dict(
                    connection.execute(
                        "SELECT text, vector FROM chunks JOIN vectors USING (id) "
                        "WHERE document_id = (SELECT id FROM documents WHERE source = ?)",
                        (source,),
                    )
                )
        known |= given
        unknown = [
            text
            for text in dict.fromkeys(row.text for own in rows for row in own)
            if text not in known
        ]
        any_new = bool(unknown) or bool(given)
        if any_new:  # now, that it need not be embedded while others wait to write
            with self._database.reading() as connection:
                self._recorded.prove(connection)
        known |= self._of_texts(unknown, on_embedded)
        dimensions = frozenset(len(vector) // 4 for vector in known.values())
        return Embedded(known, version, dimensions, any_new=any_new)

    def _of_texts(
        self, wanted: Sequence[str], on_embedded: Callable[[int, int], None] = lambda _, __: None
    ) -> dict[str, bytes]:
        """Text → vector as stored."""
        found: dict[str, bytes] = {}
        for start in range(0, len(wanted), TEXTS_AT_ONCE):
            on_embedded(start, len(wanted))
            some = list(wanted[start : start + TEXTS_AT_ONCE])
            vectors = unit_rows(self._embeddings.embed_documents(some)).astype("<f4")
            found |= {text: vector.tobytes() for text, vector in zip(some, vectors, strict=True)}
        return found

    def of_texts(self, wanted: Sequence[str]) -> dict[str, bytes]:
        """Text → vector as stored, where it is proven that those in the library are of this model.

        Raises ModelMismatch.
        """
        if wanted:
            with self._database.reading() as connection:
                self._recorded.prove(connection)
        return self._of_texts(wanted)

    def check(self, connection: sqlite3.Connection, vectors: Embedded) -> None:
        """Raise ModelMismatch if the vectors are not of the model that the library has now."""
        self._recorded.check(connection)
        if vectors.version != vectors_version(connection):
            raise ModelMismatch(
                "Another process has built the vectors of the library anew while documents were "
                "embedded for it. Run the same command again."
            )
        for dimension in vectors.dimensions:
            if vectors.any_new:
                self._recorded.record(connection, dimension)
            else:
                self._recorded.check(connection, dimension)
