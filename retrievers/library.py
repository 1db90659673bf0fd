"""The library: a folder that holds documents as evidence and finds it again.

SQLite is the truth and the vector index is made from it. The pictures in `media/` are kept
by whoever writes them; a library only knows their keys. Leaves out reading documents: that
is `loaders`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from PIL import Image

from retrievers import catalogue, collection_names, evidence
from retrievers.catalogue import Entry, LibraryDocument, Taken
from retrievers.database import Database, add_generation, setting, vectors_version
from retrievers.errors import LibraryMissing, ModelMismatch, UnknownSource
from retrievers.evidence import Row, encodable
from retrievers.figure_parts import is_figure
from retrievers.filters import EVERYTHING, Filter, matching
from retrievers.hits import Hit, read_hits
from retrievers.lexical import LexicalIndex
from retrievers.pictures import OpenPicture, PictureEmbeddings, Pictures
from retrievers.recorded_model import RecordedModel, recorded_facts
from retrievers.search import AskedImage, Search
from retrievers.vectors import VectorIndex, Vectors, rows_from_blobs, unit_rows

BUSY_TIMEOUT_S = 30.0
TEXTS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Change:
    """What putting or removing a document did.

    n_chunks, n_figures: put in, or taken out by a removal. orphan_keys: pictures to which
    nothing in the library refers any more.
    """

    replaced: bool
    n_chunks: int
    n_figures: int
    orphan_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document to be put in. fingerprint: of its content, to tell whether it has changed.

    dated_at: the file's own time, ISO 8601, UTC. collections: that it is put into too; it stays in
    those it is in. moved_from: the source under which the library knows it, if not this one.
    """

    source: str
    documents: Sequence[Document]
    fingerprint: str
    title: str
    n_pages: int | None = None
    dated_at: str | None = None
    collections: tuple[str, ...] = ()
    moved_from: str | None = None


@dataclass(frozen=True, slots=True)
class Embedded:
    """Text → vector as stored. version: of the library's vectors, to which they belong."""

    by_text: dict[str, bytes]
    version: str
    dimensions: frozenset[int]
    any_new: bool


class Library:
    """Documents on disk, found by meaning and by words. Safe for threads and processes.

    One process writes at a time, others wait; readers never wait, and each search sees one
    state of the library, the newest.
    """

    def __init__(
        self,
        folder: Path,
        embeddings: Embeddings,
        *,
        media_base_url: str | None = None,
        open_picture: OpenPicture | None = None,
        picture_embeddings: PictureEmbeddings | None = None,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> None:
        """Use `Library.open`, which also checks that there is a library."""
        self.folder = folder.resolve()
        base = media_base_url or (self.folder / "media").as_uri()
        self.media_base_url = base.rstrip("/") + "/"
        self._recorded = RecordedModel(embeddings)
        self.model = self._recorded.name
        self._embeddings = embeddings
        self._database = Database(self.folder / "library.sqlite", busy_timeout_s=busy_timeout_s)
        self._index = VectorIndex(self.folder / "vectors.faiss")
        self.pictures = Pictures(self._database, self.folder, open_picture, picture_embeddings)
        self._words = LexicalIndex(self.folder / "lexical", self._database)
        self._search = Search(
            self._database,
            self._index,
            self._words,
            self.pictures,
            embeddings,
            self._recorded,
            self.media_base_url,
        )

    @classmethod
    def open(
        cls,
        folder: Path | str,
        embeddings: Embeddings,
        *,
        media_base_url: str | None = None,
        open_picture: OpenPicture | None = None,
        picture_embeddings: PictureEmbeddings | None = None,
        create: bool = False,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> Self:
        """Open the library in a folder; with create, make one where there is none.

        media_base_url: what an image key is appended to; the `file://` URI of the folder's
        media/ when None. open_picture, picture_embeddings: what pictures are found by, apart from
        their words; see `retrievers.pictures`. busy_timeout_s: how long to wait for another
        writer. Raises LibraryMissing, LibraryDamaged, LibraryUnwritable, SchemaMismatch or
        ModelMismatch.
        """
        library = cls(
            Path(folder),
            embeddings,
            media_base_url=media_base_url,
            open_picture=open_picture,
            picture_embeddings=picture_embeddings,
            busy_timeout_s=busy_timeout_s,
        )
        try:
            library._prepare(create=create)
        except BaseException:
            library._database.close()
            raise
        return library

    def _prepare(self, *, create: bool) -> None:
        try:
            self._database.open()
        except LibraryMissing:
            if not create:
                raise
            self._database.create(self.model)
            self._database.open()
        with self._database.reading() as connection:
            self._recorded.check(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Save the indexes that have changed, and close the files."""
        try:
            if self._index.wants_saving_at_end:
                self.flush()
            self.pictures.flush_removed()
            self._words.flush()
        finally:
            self._words.close()
            self._database.close()

    def flush(self) -> None:
        """Save the vector index, so that the next process need not make it."""
        self._index.save(self._database)

    # Documents in and out

    def put(
        self,
        source: str,
        documents: Sequence[Document],
        *,
        fingerprint: str,
        title: str,
        n_pages: int | None = None,
    ) -> Change:
        """Put one document in; see `put_all`."""
        new = NewDocument(source, documents, fingerprint, title, n_pages)
        (change,) = self.put_all([new])
        return change

    def put_all(
        self,
        new: Sequence[NewDocument],
        on_embedded: Callable[[int, int], None] = lambda _, __: None,
    ) -> Iterator[Change]:
        """Put documents in, each in place of what was there from the same source.

        Yields what became of each as soon as it is in, so that nothing happens before the first
        is asked for. Their evidence gets their source and title. Only chunks with new words are
        embedded, those of all documents together, which is several times faster where they are
        small. on_embedded: is told how many texts of how many are embedded. Raises
        ModelMismatch, LibraryLocked, LibraryUnwritable or LibraryDamaged; each
        document is then in the library whole, or as before.
        """
        rows = [[Row.of(document) for document in one.documents] for one in new]
        before = [s for one in new for s in (one.source, one.moved_from) if s is not None]
        vectors = self._vectors_for(before, rows, on_embedded)
        for one, own in zip(new, rows, strict=True):
            change = self._replace(one, own, vectors)
            self._words.follow_soon()
            yield change
        self._follow()

    def _replace(self, new: NewDocument, rows: Sequence[Row], vectors: Embedded) -> Change:
        """Put one document in, in one transaction."""
        entry = Entry(
            new.source,
            encodable(new.title),
            new.n_pages,
            new.fingerprint,
            new.dated_at,
            new.collections,
        )
        with self._database.writing() as connection:
            self._check_vectors(connection, vectors)
            number = catalogue.document_id(connection, new.source)
            if number is None and new.moved_from is not None:
                number = catalogue.document_id(connection, new.moved_from)
            taken = Taken() if number is None else catalogue.take_out_evidence(connection, number)
            catalogue.put_in(connection, number, entry, rows, vectors.by_text)
            orphans = self._end_change(connection, taken)
        n_figures = sum(is_figure(document.metadata) for document in new.documents)
        return Change(number is not None, len(rows), n_figures, orphans)

    def remove(self, source: str) -> Change:
        """Take a document out: its text, its vectors and its words. Raises UnknownSource."""
        with self._database.writing() as connection:
            number = catalogue.document_id(connection, source)
            if number is None:
                raise _unknown(source)
            taken = catalogue.take_out_evidence(connection, number)
            connection.execute("DELETE FROM documents WHERE id = ?", (number,))
            orphans = self._end_change(connection, taken)
        self._words.follow_soon()
        self._follow()
        return Change(False, taken.n_chunks, taken.n_figures, orphans)

    def _end_change(self, connection: sqlite3.Connection, taken: Taken) -> tuple[str, ...]:
        """Number the new state; gives the pictures to which nothing refers any more."""
        orphans = catalogue.unused(connection, taken.image_keys)
        forgotten = self.pictures.forget(connection, orphans)
        add_generation(connection, vectors=taken.ids, picture_vectors=forgotten)
        return orphans

    # Collections

    def collect(self, name: str, sources: Sequence[str]) -> None:
        """Put documents into a collection, all or none. name: see `retrievers.collection_names`.

        Raises UnknownSource or InvalidCollection.
        """
        with self._database.writing() as connection:
            for number in _numbers(connection, sources):
                catalogue.collect(connection, number, [name])
            add_generation(connection)

    def release(self, name: str, sources: Sequence[str]) -> None:
        """Take documents out of a collection, all or none; they stay in the library.

        Raises UnknownSource or UnknownCollection.
        """
        with self._database.writing() as connection:
            kept = collection_names.known(name, collection_names.all_names(connection))
            connection.executemany(
                "DELETE FROM collections WHERE name = ? AND document_id = ?",
                [(kept, number) for number in _numbers(connection, sources)],
            )
            add_generation(connection)

    def collections(self) -> dict[str, int]:
        """The names of the collections and how many documents each has, by name."""
        with self._database.reading() as connection:
            counted = connection.execute("SELECT name, count(*) FROM collections GROUP BY name")
            return dict(sorted(counted, key=lambda row: (row[0].casefold(), row[0])))

    def _vectors_for(
        self,
        sources: Sequence[str],
        rows: Sequence[Sequence[Row]],
        on_embedded: Callable[[int, int], None],
    ) -> Embedded:
        """The vectors of all texts, embedded only where their source had no such text before."""
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
        new = [
            text
            for text in dict.fromkeys(row.text for own in rows for row in own)
            if text not in known
        ]
        if new:
            with self._database.reading() as connection:
                self._recorded.prove(connection)
        for start in range(0, len(new), TEXTS_AT_ONCE):
            on_embedded(start, len(new))
            texts = new[start : start + TEXTS_AT_ONCE]
            vectors = unit_rows(self._embeddings.embed_documents(texts)).astype("<f4")
            known |= {text: vector.tobytes() for text, vector in zip(texts, vectors, strict=True)}
        dimensions = frozenset(len(vector) // 4 for vector in known.values())
        return Embedded(known, version, dimensions, any_new=bool(new))

    def _check_vectors(self, connection: sqlite3.Connection, vectors: Embedded) -> None:
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

    def _follow(self) -> None:
        """Bring the index in memory up to what was just written, and save it where it is due."""
        with self._database.reading() as connection, self._index.in_step(connection):
            pass
        self._index.grow(self._database)
        if self._index.wants_saving:
            self._index.save(self._database)

    # What is in it

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

    def fingerprint(self, source: str) -> str | None:
        """What `put` was told of the source's content, None if it is not in the library."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT fingerprint FROM documents WHERE source = ?", (source,)
            ).fetchone()
        return row[0] if row else None

    def evidence(self, source: str) -> list[Document]:
        """Everything that was read from a document, in order. Raises UnknownSource."""
        with self._database.reading() as connection:
            known = connection.execute("SELECT 1 FROM documents WHERE source = ?", (source,))
            if known.fetchone() is None:
                raise _unknown(source)
            where = "source = ? ORDER BY position"
            return evidence.read_documents(connection, self.media_base_url, where, [source])

    def similar_pictures(self, image_key: str) -> list[Hit]:
        """Evidence that shows this picture, a copy or a crop of it; most alike first."""
        alike = {image_key: 1.0, **self.pictures.links(image_key)}
        with self._database.reading() as connection:
            found = catalogue.showing(connection, list(alike), None)
            nothing = np.zeros((1, int(setting(connection, "dimension") or 0)), np.float32)
            return read_hits(connection, self.media_base_url, found, nothing, alike)

    def image_keys(self) -> set[str]:
        """The keys of all pictures that the evidence refers to."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT DISTINCT image_key FROM chunks WHERE image_key IS NOT NULL"
            )
            return {row[0] for row in rows}

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

    # Search

    def search(self, query: str, k: int = 10, *, where: Filter = EVERYTHING) -> list[Hit]:
        """At most k pieces of evidence, best first.

        where: what may be found; see `retrievers.filters`. The order fuses the ranks by meaning, by
        words and, with CLIP, of figures by what they show, so scores need not fall. A figure with
        many words is found once, by that part of them that fits best.
        """
        query = encodable(query)
        return self._search.by_text(query, k, where) if query.strip() else []

    def search_image(
        self,
        image: Image.Image,
        k: int = 10,
        *,
        image_key: str | None = None,
        query: str = "",
        describe: Callable[[], str] = str,
        where: Filter = EVERYTHING,
    ) -> list[Hit]:
        """At most k pieces of evidence for a picture: its copies and crops first, as found by

        their pixels; then what the words find that stand with the most similar of them, and what
        CLIP does. image_key: under which the picture itself may be stored. query: words about it.
        describe: finds words for a picture of which there is no copy.
        """
        asked = AskedImage(image, image_key, encodable(query), describe)
        return self._search.by_image(asked, k, where)

    def _count(self, table: str) -> int:
        with self._database.reading() as connection:
            row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - a constant
        return int(row[0])


def _unknown(source: str) -> UnknownSource:
    return UnknownSource(
        f"The library holds no document from {source}. See what it holds with: limner list"
    )


def _numbers(connection: sqlite3.Connection, sources: Sequence[str]) -> list[int]:
    """The rows of documents. Raises UnknownSource."""
    found = []
    for source in sources:
        number = catalogue.document_id(connection, source)
        if number is None:
            raise _unknown(source)
        found.append(number)
    return found
