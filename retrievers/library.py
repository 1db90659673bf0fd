"""The library: a folder that holds documents as evidence and finds it again.

SQLite is the truth and the vector index is made from it. The pictures in `media/` are kept
by whoever writes them; a library only knows their keys. Leaves out reading documents: that
is `loaders`.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import psutil
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from PIL import Image

from retrievers import (
    catalogue,
    collection_names,
    evidence,
    journal,
    repair,
    roots,
    texts,
    verification,
)
from retrievers.catalogue import Entry, LibraryDocument, Taken
from retrievers.database import Database, add_generation, setting, vectors_version
from retrievers.errors import LibraryMissing, ModelMismatch, UnknownSource
from retrievers.evidence import Row, encodable
from retrievers.faults import Fault, Findings, OnProgress
from retrievers.figure_parts import is_figure
from retrievers.filters import EVERYTHING, Filter, matching
from retrievers.hits import Hit, read_hits
from retrievers.journal import Journal
from retrievers.lexical import LexicalIndex
from retrievers.pictures import OpenPicture, PictureEmbeddings, Pictures
from retrievers.recorded_model import RecordedModel, recorded_facts
from retrievers.roots import Roots
from retrievers.search import AskedImage, Search
from retrievers.vectors import VectorIndex, Vectors, rows_from_blobs, unit_rows

BUSY_TIMEOUT_S = 30.0
BESIDE = '\n{"'
"""Stands in the fingerprint of a document for which files beside it were looked for."""
TEXTS_AT_ONCE = 256
UNFINISHED = re.compile(r"\.(?:new|old)-([0-9]{1,9})-")
"""How the name of a file begins that a process writes before it has its own, or has put aside."""


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
    copied_from: a source with the same words, which are not embedded again then.
    added_at: when it was first added elsewhere; now when None. vectors: text → vector as stored,
    where it is known.
    """

    source: str
    documents: Sequence[Document]
    fingerprint: str
    title: str
    n_pages: int | None = None
    dated_at: str | None = None
    collections: tuple[str, ...] = ()
    moved_from: str | None = None
    copied_from: str | None = None
    added_at: str | None = None
    vectors: Mapping[str, bytes] = field(default_factory=dict)


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
        self.roots = Roots(self._database)
        self.journal = Journal(self._database, self.folder)
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
        self._discard_unfinished()

    def _discard_unfinished(self) -> None:
        """Delete what processes that have ended were about to write, or to delete."""
        for path in self.folder.glob(".[no]*"):
            begun = UNFINISHED.match(path.name)
            if begun and not psutil.pid_exists(int(begun[1])):
                with suppress(OSError):  # read-only, or another process has just done it
                    shutil.rmtree(path) if path.is_dir() else path.unlink()

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
        *,
        run: str = "",
    ) -> Iterator[Change]:
        """Put documents in, each in place of what was there from the same source.

        Yields what became of each as soon as it is in, so that nothing happens before the first
        is asked for. Their evidence gets their source and title. Only chunks with new words are
        embedded, those of all documents together, which is several times faster where they are
        small. on_embedded: is told how many texts of how many are embedded. run: in whose journal
        each is struck out as it is put in. Raises ModelMismatch, LibraryLocked, LibraryUnwritable
        or LibraryDamaged; each document is then in the library whole, or as before.
        """
        rows = [[Row.of(document) for document in one.documents] for one in new]
        before = [s for one in new for s in (one.source, one.moved_from, one.copied_from) if s]
        vectors = self._vectors_for(before, new, rows, on_embedded)
        for one, own in zip(new, rows, strict=True):
            change = self._replace(one, own, vectors, run)
            self._words.follow_soon()
            yield change
        self._follow()

    def _replace(
        self, new: NewDocument, rows: Sequence[Row], vectors: Embedded, run: str
    ) -> Change:
        """Put one document in, in one transaction."""
        with self._database.writing() as connection:
            self._check_vectors(connection, vectors)
            number, taken = _put_in(connection, new, rows, vectors.by_text)
            journal.strike(connection, run, [new.source])
            orphans = self._end_change(connection, taken)
        n_figures = sum(is_figure(document.metadata) for document in new.documents)
        return Change(number is not None, len(rows), n_figures, orphans)

    def exchange(self, new: Sequence[NewDocument], chunk_ids: Sequence[str]) -> None:
        """Take texts that were given out by their ids and put others in, all in one change.

        For many small documents this is much faster than `put_all`. Raises PartOfDocument where an
        id is of evidence that limner has read itself.
        """
        rows = [[Row.of(document) for document in one.documents] for one in new]
        with self._database.reading() as connection:
            before = texts.sources_of(connection, chunk_ids)
        vectors = self._vectors_for(before, new, rows, lambda _, __: None)
        with self._database.writing() as connection:
            self._check_vectors(connection, vectors)
            taken = texts.take_out(connection, chunk_ids, {one.source for one in new})
            taken += [
                _put_in(connection, *both, vectors.by_text)[1]
                for both in zip(new, rows, strict=True)
            ]
            if taken:
                self._end_change(connection, Taken.together(taken))
        self._follow()

    def remove(self, source: str, *, is_gone: bool = False) -> Change:
        """Take a document out: its text, its vectors and its words. Raises UnknownSource.

        No sync brings it in again, unless it is taken out because its file is gone.
        """
        with self._database.writing() as connection:
            number = catalogue.document_id(connection, source)
            if number is None:
                raise _unknown(source)
            taken = catalogue.take_out_evidence(connection, number)
            connection.execute("DELETE FROM documents WHERE id = ?", (number,))
            if is_gone:
                roots.forget(connection, source)
            else:
                roots.exclude(connection, source)
            orphans = self._end_change(connection, taken)
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
            n_before = connection.total_changes
            for number in _numbers(connection, sources):
                catalogue.collect(connection, number, [name])
            if connection.total_changes > n_before:
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
        new: Sequence[NewDocument],
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
        for one in new:
            known |= one.vectors
        unknown = [
            text
            for text in dict.fromkeys(row.text for own in rows for row in own)
            if text not in known
        ]
        any_new = bool(unknown) or any(one.vectors for one in new)
        if any_new:  # now, that it need not be embedded while others wait to write
            with self._database.reading() as connection:
                self._recorded.prove(connection)
        known |= self._embedded(unknown, on_embedded)
        dimensions = frozenset(len(vector) // 4 for vector in known.values())
        return Embedded(known, version, dimensions, any_new=any_new)

    def _embedded(
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

    def _embedded_anew(self, wanted: Sequence[str]) -> dict[str, bytes]:
        """Text → vector as stored, where it is proven that those in the library are of this model.

        Raises ModelMismatch.
        """
        if wanted:
            with self._database.reading() as connection:
                self._recorded.prove(connection)
        return self._embedded(wanted)

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
        """Bring the indexes up to what was just written, and save them where it is due."""
        self._words.follow_soon()
        with self._database.reading() as connection, self._index.in_step(connection):
            pass
        self._index.grow(self._database)
        if self._index.wants_saving:
            self._index.save(self._database)

    # Whether it is whole

    def verify(self, on_progress: OnProgress = lambda _, __, ___: None) -> Findings:
        """What is wrong with the library's own files; see `retrievers.verification`."""
        findings = Findings()
        verification.examine(self._database, self._words, findings, on_progress)
        return findings

    def repair(
        self, faults: Iterable[Fault], on_progress: OnProgress = lambda _, __, ___: None
    ) -> None:
        """Mend what `verify` found; see `retrievers.repair`.

        Raises LibraryLocked, LibraryUnwritable or ModelMismatch; what is mended stays so.
        """
        repair.repair(self._database, self._words, faults, self._embedded_anew, on_progress)
        self._follow()

    def read_anew(self, sources: Iterable[str]) -> None:
        """Have the next `add` read these sources though they are as before."""
        with self._database.writing() as connection:
            connection.executemany(
                "UPDATE documents SET fingerprint = '' WHERE source = ? AND fingerprint != ''",
                ((source,) for source in sources),
            )

    # What is in it

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
                raise _unknown(source)
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
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT DISTINCT image_key FROM chunks WHERE image_key IS NOT NULL AND "
                "(?1 IS NULL OR document_id = (SELECT id FROM documents WHERE source = ?1))",
                (source,),
            )
            return {row[0] for row in rows}

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

    # Search

    def search(self, query: str, k: int = 10, *, where: Filter = EVERYTHING) -> list[Hit]:
        """At most k pieces of evidence, best first.

        where: what may be found; see `retrievers.filters`. The order fuses the ranks by meaning, by
        words and, with CLIP, of figures by what they show, so scores need not fall. A figure with
        many words is found once, by that part of them that fits best.
        """
        query = encodable(query)
        return self._search.by_text(query, k, where) if query.strip() else []

    def search_by_vector(
        self, vector: Sequence[float], k: int = 10, *, where: Filter = EVERYTHING
    ) -> list[Hit]:
        """At most k pieces of evidence, nearest to the vector first."""
        return self._search.by_vector(unit_rows([vector]), k, where)

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


def _put_in(
    connection: sqlite3.Connection,
    new: NewDocument,
    rows: Sequence[Row],
    vectors: Mapping[str, bytes],
) -> tuple[int | None, Taken]:
    """Put a document in; gives the row of its former version, if any, and what was in that."""
    entry = Entry(
        new.source,
        encodable(new.title),
        new.n_pages,
        new.fingerprint,
        new.dated_at,
        new.collections,
        new.added_at,
    )
    number = catalogue.document_id(connection, new.source)
    if number is None and new.moved_from is not None:
        number = catalogue.document_id(connection, new.moved_from)
    taken = Taken() if number is None else catalogue.take_out_evidence(connection, number)
    catalogue.put_in(connection, number, entry, rows, vectors)
    return number, taken


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
