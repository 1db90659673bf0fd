"""The library: a folder that holds documents as evidence and finds it again.

SQLite is the truth and the vector index is made from it. The pictures in `media/` are kept
by whoever writes them; a library only knows their keys. Leaves out reading documents: that
is `loaders`.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from PIL import Image

from retrievers import (
    catalogue,
    collection_names,
    journal,
    repair,
    roots,
    texts,
    verification,
)
from retrievers.catalogue import Entry, Taken
from retrievers.database import Database, add_generation, removed_at
from retrievers.errors import LibraryError, LibraryMissing
from retrievers.evidence import Row, encodable
from retrievers.faults import Fault, Findings
from retrievers.figure_parts import is_figure
from retrievers.filters import EVERYTHING, Filter
from retrievers.hits import Hit
from retrievers.journal import Journal
from retrievers.lexical import LexicalIndex
from retrievers.library_contents import LibraryContents, unknown
from retrievers.new_vectors import Embedded, NewVectors
from retrievers.pictures import OpenPicture, PictureEmbeddings, Pictures
from retrievers.progress import OnProgress
from retrievers.recorded_model import RecordedModel
from retrievers.roots import Roots
from retrievers.search import AskedImage, Search
from retrievers.vectors import VectorIndex, unit_rows

BUSY_TIMEOUT_S = 30.0
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


class Library(LibraryContents):
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
        database = Database(self.folder / "library.sqlite", busy_timeout_s=busy_timeout_s)
        pictures = Pictures(database, self.folder, open_picture, picture_embeddings)
        super().__init__(database, pictures, embeddings, base.rstrip("/") + "/")
        self._recorded = RecordedModel(embeddings)
        self.model = self._recorded.name
        self._new_vectors = NewVectors(database, embeddings, self._recorded)
        self._index = VectorIndex(self.folder / "vectors.faiss")
        self.roots = Roots(self._database)
        self.journal = Journal(self._database, self.folder)
        self._words = LexicalIndex(self.folder / "lexical", self._database)
        self._forgot_at = 0
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
        """Delete what processes that have ended were about to write, or to delete.

        Never a file of documents: `retrievers.salvage` knows whether one is needed.
        """
        for path in self.folder.glob(".[no]*"):
            begun = UNFINISHED.match(path.name)
            if begun and path.suffix != ".sqlite" and not psutil.pid_exists(int(begun[1])):
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
        vectors = self._new_vectors.of_documents(before, rows, _given(new), on_embedded)
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
            self._new_vectors.check(connection, vectors)
            number, taken = _put_in(connection, new, rows, vectors.by_text)
            journal.strike(connection, run, [new.source])
            orphans = self._end_change(connection, taken)
        n_figures = sum(is_figure(document.metadata) for document in new.documents)
        return Change(number is not None, len(rows), n_figures, orphans)

    def replace_texts(self, new: Sequence[NewDocument], chunk_ids: Sequence[str]) -> None:
        """Take texts that were given out by their ids and put others in, all in one change.

        For many small documents this is much faster than `put_all`. Raises PartOfDocument where an
        id is of evidence that limner has read itself.
        """
        rows = [[Row.of(document) for document in one.documents] for one in new]
        with self._database.reading() as connection:
            before = texts.sources_of(connection, chunk_ids)
        vectors = self._new_vectors.of_documents(before, rows, _given(new))
        with self._database.writing() as connection:
            self._new_vectors.check(connection, vectors)
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
                raise unknown(source)
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

    def _follow(self) -> None:
        """Bring the indexes up to what was just written, and save them where it is due."""
        self._words.follow_soon()
        with self._database.reading() as connection, self._index.in_step(connection):
            newest = removed_at(connection)
        self._index.grow(self._database)
        if self._index.wants_saving:
            self._index.save(self._database)
        if newest > self._forgot_at:
            self._forgot_at = newest
            self._forget()

    def _forget(self) -> None:
        """Have what was removed overwritten in the file too, not only in the log beside it.

        Else it would stay there for as long as any process has the library open.
        """
        # Where a reader is in the way, or the disk is full, this comes with a later change.
        with suppress(LibraryError):
            self._database.shrink_log()

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
        repair.repair(self._database, self._words, faults, self._new_vectors.of_texts, on_progress)
        self._follow()

    def read_anew(self, sources: Iterable[str]) -> None:
        """Have the next `add` read these sources though they are as before."""
        with self._database.writing() as connection:
            connection.executemany(
                "UPDATE documents SET fingerprint = '' WHERE source = ? AND fingerprint != ''",
                ((source,) for source in sources),
            )

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


def _given(new: Sequence[NewDocument]) -> dict[str, bytes]:
    """Text → vector, of what is put in with its vectors."""
    return {text: vector for one in new for text, vector in one.vectors.items()}


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


def _numbers(connection: sqlite3.Connection, sources: Sequence[str]) -> list[int]:
    """The rows of documents. Raises UnknownSource."""
    found = []
    for source in sources:
        number = catalogue.document_id(connection, source)
        if number is None:
            raise unknown(source)
        found.append(number)
    return found
