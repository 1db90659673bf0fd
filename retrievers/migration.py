"""Builds the vectors of another embedding model beside the old ones, and swaps them.

Until the swap the library is searched and filled with the old model, by other processes too; the
swap is one transaction. What was embedded stays over an interruption. Leaves out the vectors of
pictures, which `retrievers.pictures` renews by itself.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from langchain_core.embeddings import Embeddings

from retrievers import format_one
from retrievers.database import (
    PAGE_BYTES,
    SCHEMA_VERSION,
    Database,
    add_generation,
    generation,
    make_tables,
    set_setting,
    setting,
)
from retrievers.errors import LibraryDamaged, LibraryLocked, LibraryUnwritable, ModelMismatch
from retrievers.library import BUSY_TIMEOUT_S, Library
from retrievers.progress import OnCount
from retrievers.recorded_model import RecordedModel, as_text, from_text, is_alike
from retrievers.vectors import unit_rows

TEXTS_AT_ONCE = 256
"""Embedded and stored together: what an interruption costs."""
SPARE_BYTES = 16 << 20
"""That a disk should have free beyond what is needed."""
DERIVED = ("vectors.faiss", "pictures.faiss")
"""Files that are made anew, in the form of now."""
BEGUN = ("new_model", "new_probe", "new_begun")
"""Settings that tell whose vectors are being built; gone with the swap."""


@dataclass(frozen=True, slots=True)
class Migration:
    """What a migration did. n_embedded: texts; 0 where the vectors were of the model already."""

    format_before: str
    model_before: str
    model: str
    dimension: int | None
    n_vectors: int
    n_embedded: int
    swapped: bool
    seconds: float

    @property
    def changed(self) -> bool:
        """Whether the library is another than before."""
        return self.swapped or self.format_before != SCHEMA_VERSION


def migrate(
    folder: Path | str,
    embeddings: Embeddings,
    on_progress: OnCount = lambda _, __: None,
    *,
    busy_timeout_s: float = BUSY_TIMEOUT_S,
) -> Migration:
    """Bring a library to the present format, and its vectors to this embedding model.

    on_progress: is told how many of how many chunks have their new vector. What was embedded
    before an interruption is not embedded again. Raises LibraryMissing, LibraryDamaged,
    LibraryLocked, LibraryUnwritable, SchemaMismatch or ModelMissing; the library is as before
    then, or of the present format.
    """
    start = time.perf_counter()
    database = Database(Path(folder).resolve() / "library.sqlite", busy_timeout_s=busy_timeout_s)
    try:
        before = database.format() or ""
        if before == format_one.FORMAT:
            # What it grows by, and a log of as much twice: what is made, and what is overwritten.
            _check_space(database, 3 * database.path.stat().st_size)
            format_one.convert(database)
            for name in DERIVED:
                (database.path.parent / name).unlink(missing_ok=True)
        database.open()
        with database.reading() as connection:
            model_before = setting(connection, "model") or ""
        run = _Run(database, embeddings, on_progress)
        # What is of an older format is of no other model for that; the next search proves it.
        is_same = model_before == run.model.name and (before != SCHEMA_VERSION or run.is_proven())
        if is_same:
            run.forget_begun()
        else:
            run.build()
        with database.reading() as connection:
            dimension = setting(connection, "dimension")
            n_vectors = connection.execute("SELECT count(*) FROM chunks").fetchone()[0]
    finally:
        database.close()
    if not is_same:
        with Library.open(folder, embeddings) as library:
            library.flush()  # so that the first search need not
    return Migration(
        before,
        model_before,
        run.model.name,
        int(dimension) if dimension else None,
        n_vectors,
        run.n_embedded,
        not is_same,
        time.perf_counter() - start,
    )


class _Run:
    """One run over the chunks that have no vector of the new model yet, in the order of ids.

    Ids grow and are never used twice, and a chunk never changes: what is missing is what comes
    after the last.
    """

    def __init__(self, database: Database, embeddings: Embeddings, on_progress: OnCount) -> None:
        self.model = RecordedModel(embeddings)
        self.n_embedded = 0
        self._database = database
        self._embeddings = embeddings
        self._on_progress = on_progress
        self._begun = ""
        """Tells this building of vectors from any other."""

    def is_proven(self) -> bool:
        """Whether the library's vectors are of the model already."""
        try:
            with self._database.reading() as connection:
                self.model.check(connection, self.model.probe.shape[1])
                self.model.prove(connection)
        except (ModelMismatch, LibraryDamaged):
            return False
        return True

    def forget_begun(self) -> None:
        """Take out what was begun with another model and is not wanted any more."""
        with self._database.reading() as connection:
            if setting(connection, "new_begun") is None:
                return
        with self._database.writing() as connection:
            _take_out_begun(connection)

    def build(self) -> None:
        """Build all vectors, then swap. Raises LibraryLocked, LibraryUnwritable, ModelMissing."""
        self.model.probe  # noqa: B018 - a model that is missing or fails changes nothing
        with self._database.reading() as connection:
            n = _count(connection, "chunks")
            dimension = int(setting(connection, "dimension") or 0)
            left = n - (_count(connection, "new_vectors") if self._goes_on(connection) else 0)
        new = self.model.probe.shape[1]
        # The new ones, the log in which the old ones are overwritten, and the index in a file.
        needed = stored_bytes(left, new) + stored_bytes(n, dimension) + 4 * new * n
        _check_space(self._database, needed)
        self._begin()
        with self._database.reading() as connection:
            n_done = _count(connection, "new_vectors")
        while len(texts := self._next_texts(n_done)) == TEXTS_AT_ONCE:
            vectors = self._embedded(texts)
            with self._database.writing() as connection:
                self._check_begun(connection)
                _put_in(connection, vectors)
            n_done += len(texts)
        self._swap()
        self._database.shrink_log()

    def _goes_on(self, connection: sqlite3.Connection) -> bool:
        """Whether what was begun is of this model."""
        recorded = setting(connection, "new_probe")
        if recorded is None or setting(connection, "new_model") != self.model.name:
            return False
        return is_alike(from_text(recorded), self.model.probe)

    def _begin(self) -> None:
        """Go on with what was begun, or begin."""
        with self._database.writing() as connection:
            if not self._goes_on(connection):
                _take_out_begun(connection)
                set_setting(connection, "new_model", self.model.name)
                set_setting(connection, "new_probe", as_text(self.model.probe))
                set_setting(connection, "new_begun", str(time.time_ns()))
            self._begun = setting(connection, "new_begun") or ""

    def _next_texts(self, n_done: int) -> list[tuple[int, str]]:
        """The chunks that come next: id and text."""
        with self._database.reading() as connection:
            n = _count(connection, "chunks")
            texts = _missing(connection, TEXTS_AT_ONCE)
        self._on_progress(min(n_done, n), n)
        return texts

    def _embedded(self, texts: Sequence[tuple[int, str]]) -> list[tuple[int, bytes]]:
        if not texts:
            return []
        distinct = list(dict.fromkeys(text for _, text in texts))
        rows = unit_rows(self._embeddings.embed_documents(distinct)).astype("<f4")
        by_text = {text: row.tobytes() for text, row in zip(distinct, rows, strict=True)}
        self.n_embedded += len(distinct)
        return [(number, by_text[text]) for number, text in texts]

    def _swap(self) -> None:
        """Embed what came last while nobody else can write, and swap, all or nothing."""
        with self._database.writing() as connection:
            self._check_begun(connection)
            _put_in(connection, self._embedded(_missing(connection)))
            connection.execute("DROP TABLE vectors")
            connection.execute("ALTER TABLE new_vectors RENAME TO vectors")
            make_tables(connection)
            _take_out_begun(connection)
            for key, value in self.model.facts(self.model.probe.shape[1]).items():
                set_setting(connection, key, value)
            add_generation(connection)
            set_setting(connection, "vectors_version", str(generation(connection)))
            n = _count(connection, "chunks")
        self._on_progress(n, n)

    def _check_begun(self, connection: sqlite3.Connection) -> None:
        if setting(connection, "new_begun") != self._begun:
            raise LibraryLocked(
                "Another process has finished this migration, or begun one to another model. "
                "Run limner migrate again to see what is still to be done."
            )


def stored_bytes(n: int, dimension: int) -> int:
    """That a table of n vectors takes; what does not fill a page is lost."""
    row = 4 * dimension + 8
    fit = PAGE_BYTES // row
    pages = -(-n // fit) if fit else n * -(-row // PAGE_BYTES)
    return pages * PAGE_BYTES


def _check_space(database: Database, needed: int) -> None:
    """Raise LibraryUnwritable unless the disk has room for so many bytes and some more."""
    needed += SPARE_BYTES
    free = shutil.disk_usage(database.path.parent).free
    if free < needed:
        raise LibraryUnwritable(
            f"The migration of the library {database.path.parent} needs {needed / 1e6:,.0f} MB, "
            f"and its disk has {free / 1e6:,.0f} MB free; nothing in the library was changed. Make "
            "room, then run limner migrate again."
        )


def _missing(connection: sqlite3.Connection, n: int = -1) -> list[tuple[int, str]]:
    """At most n chunks, or all, that come after the last new vector: id and text."""
    return connection.execute(
        "SELECT id, text FROM chunks WHERE id > (SELECT ifnull(max(id), 0) FROM new_vectors) "
        "ORDER BY id LIMIT ?",
        (n,),
    ).fetchall()


def _put_in(connection: sqlite3.Connection, vectors: Sequence[tuple[int, bytes]]) -> None:
    """Put new vectors in; not those of chunks that were removed meanwhile."""
    connection.executemany(
        "INSERT OR IGNORE INTO new_vectors SELECT ?1, ?2 "
        "WHERE EXISTS (SELECT 1 FROM chunks WHERE id = ?1)",
        vectors,
    )


def _take_out_begun(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM new_vectors")
    connection.executemany("DELETE FROM settings WHERE key = ?", ((key,) for key in BEGUN))


def _count(connection: sqlite3.Connection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - a constant
    return int(row[0])
