"""What is in a library: its documents, their evidence and their pictures, as they are read.

Leaves out changing any of it (`retrievers.library`), and search.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from retrievers import catalogue, evidence, roots, verification
from retrievers.catalogue import Entry, LibraryDocument
from retrievers.database import Database, setting
from retrievers.errors import UnknownSource
from retrievers.filters import matching
from retrievers.hits import Hit, read_hits
from retrievers.pictures import Pictures
from retrievers.recorded_model import recorded_facts
from retrievers.vectors import Vectors, rows_from_blobs

BESIDE = '\n{"'
"""Stands in the fingerprint of a document for which files beside it were looked for."""


class LibraryContents:
    """All of a library that only reads it. Safe for threads and processes."""

    def __init__(
        self, database: Database, pictures: Pictures, embeddings: Embeddings, media_base_url: str
    ) -> None:
        self._database = database
        self._embeddings = embeddings
        self.pictures = pictures
        self.media_base_url = media_base_url

    @property
    def embeddings(self) -> Embeddings:
        """What makes the vectors."""
        return self._embeddings

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One state of the library, for what reads it as a whole."""
        with self._database.reading() as connection:
            yield connection

    @property
    def n_documents(self) -> int:
        """Number of documents."""
        return self._count("documents")

    @property
    def n_chunks(self) -> int:
        """Number of chunks: pieces of evidence of all documents."""
        return self._count("chunks")

    def documents(self) -> list[LibraryDocument]:
        """All documents, in the order in which they were added."""
        with self._database.reading() as connection:
            return catalogue.listed(connection)

    def facts(self) -> dict[str, Any]:
        """What the library records of itself: format, embedding model, dimension, versions."""
        with self._database.reading() as connection:
            return recorded_facts(connection)

    def sources(self, glob: str = "*") -> list[str]:
        """The sources whose file name or whole URI the glob matches; case does not matter."""
        with self._database.reading() as connection:
            return [source for _, source in matching(connection, glob)]

    def sources_at(self, places: Iterable[str]) -> list[str]:
        """The sources that are among these URIs, or below one, in the order of adding."""
        found: dict[int, str] = {}
        with self._database.reading() as connection:
            for place in places:
                start, end = roots.span_below(place)
                rows = connection.execute(
                    "SELECT id, source FROM documents "
                    "WHERE source = ? OR (source >= ? AND source < ?)",
                    (place, start, end),
                )
                found.update(rows.fetchall())
        return [found[number] for number in sorted(found)]

    def fingerprints(self) -> dict[str, tuple[str, str]]:
        """Source → fingerprint and time of adding, of all documents."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT source, fingerprint, added_at FROM documents")
            return {source: (fingerprint, added_at) for source, fingerprint, added_at in rows}

    def fingerprint(self, source: str) -> str | None:
        """What `put` was told of the source's content, None if it is not in the library."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT fingerprint FROM documents WHERE source = ?", (source,)
            ).fetchone()
        return row[0] if row else None

    def copies(self, sha256: str) -> list[Entry]:
        """The documents that were read from a file with this content, the first added first."""
        with self._database.reading() as connection:
            return catalogue.with_content(connection, sha256)

    def beside(self) -> dict[str, str]:
        """Source → fingerprint of the documents for which files beside them were looked for."""
        with self._database.reading() as connection:
            return dict(
                connection.execute(
                    "SELECT source, fingerprint FROM documents WHERE instr(fingerprint, ?)",
                    (BESIDE,),
                )
            )

    def evidence(self, source: str) -> list[Document]:
        """Everything that was read from a document, in order. Raises UnknownSource."""
        with self._database.reading() as connection:
            known = connection.execute("SELECT 1 FROM documents WHERE source = ?", (source,))
            if known.fetchone() is None:
                raise unknown(source)
            where = "source = ? ORDER BY position"
            return evidence.read_documents(connection, self.media_base_url, where, [source])

    def chunks(self, chunk_ids: Sequence[str]) -> list[Document]:
        """The evidence with these ids, without those that are not in the library."""
        with self._database.reading() as connection:
            where = "chunk_id IN (SELECT value FROM json_each(?)) ORDER BY chunks.id"
            chosen = [json.dumps(list(chunk_ids))]
            return evidence.read_documents(connection, self.media_base_url, where, chosen)

    def similar_pictures(self, image_key: str) -> list[Hit]:
        """Evidence that shows this picture, a copy or a crop of it; most alike first."""
        alike = {image_key: 1.0, **self.pictures.links(image_key)}
        with self._database.reading() as connection:
            found = catalogue.showing(connection, list(alike), None)
            nothing = np.zeros((1, int(setting(connection, "dimension") or 0)), np.float32)
            return read_hits(connection, self.media_base_url, found, nothing, alike)

    def image_keys(self, source: str | None = None) -> set[str]:
        """The keys of all pictures that the evidence refers to, or that of one document."""
        every = "SELECT DISTINCT image_key FROM chunks WHERE image_key IS NOT NULL"
        # One statement for both would go through all pictures for each document.
        own = f"{every} AND document_id = (SELECT id FROM documents WHERE source = ?)"  # noqa: S608 - constants
        query, chosen = (every, []) if source is None else (own, [source])
        with self._database.reading() as connection:
            return {key for (key,) in connection.execute(query, chosen)}

    def image_keys_after(self, key: str, n: int) -> list[str]:
        """The next n keys of pictures that the evidence refers to, in order."""
        with self._database.reading() as connection, verification.lenient(connection):
            rows = connection.execute(
                "SELECT DISTINCT image_key FROM chunks WHERE image_key > ? AND "
                "typeof(image_key) = 'text' ORDER BY image_key LIMIT ?",
                (key, n),
            )
            return [row[0] for row in rows]

    def unused_pictures(self, image_keys: Sequence[str]) -> tuple[str, ...]:
        """Those of the pictures to which no evidence refers."""
        with self._database.reading() as connection:
            return catalogue.unused(connection, image_keys)

    def showing(self, image_key: str) -> list[str]:
        """The sources of the documents that show a picture."""
        with self._database.reading() as connection, verification.lenient(connection):
            rows = connection.execute(
                "SELECT DISTINCT source FROM documents JOIN chunks ON document_id = documents.id "
                "WHERE image_key = ?",
                (image_key,),
            )
            return [row[0] for row in rows]

    def vectors(self, chunk_ids: Sequence[str]) -> Vectors:
        """float32 (n, dimension), unit rows in the order of the chunk ids.

        A chunk that is not in the library any more has a row of zeros: it is close to nothing.
        """
        with self._database.reading() as connection:
            dimension = int(setting(connection, "dimension") or 0)
            found: dict[str, bytes] = dict(
                connection.execute(
                    "SELECT chunk_id, vector FROM chunks JOIN vectors USING (id) "
                    "WHERE chunk_id IN (SELECT value FROM json_each(?))",
                    (json.dumps(list(chunk_ids)),),
                )
            )
        nothing = bytes(4 * dimension)
        return rows_from_blobs([found.get(key, nothing) for key in chunk_ids], dimension)

    def _count(self, table: str) -> int:
        with self._database.reading() as connection:
            row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - a constant
        return int(row[0])


def unknown(source: str) -> UnknownSource:
    """The error for a source of which there is no document."""
    return UnknownSource(
        f"The library holds no document from {source}. See what it holds with: limner list"
    )
