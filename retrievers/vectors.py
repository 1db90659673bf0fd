"""The index over a table's vectors: made from the database and kept in step with it.

The file is only a copy that saves time: whenever it is missing, damaged or does not belong to the
database, the index is made anew. Leaves out how the nearest are found: `retrievers.vector_forms`.
"""

from __future__ import annotations

import json
import logging
import math
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from retrievers import database, vector_forms
from retrievers.database import Database
from retrievers.errors import LibraryDamaged
from retrievers.vector_forms import MAX_GROWTH, ROWS_PER_LIST, Ids, Note, Vectors

__all__ = ["Ids", "VectorIndex", "Vectors", "ids_of", "knows", "rows_from_blobs", "unit_rows"]

SAVE_AFTER_ROWS = 10_000
"""So many take a twentieth of a second, most of it for the disk."""
SAVE_REMOVED_AFTER_S = 60.0
"""Between two times that a larger file is written because rows were removed."""
ROWS_AT_ONCE = 4_096
MIN_COMPARED = 100
"""Rows found in lists whose cosines are computed from what the database holds."""
MAX_COMPARED = 2_000
"""Of a filter: so many are compared one by one in less time than lists take."""

logger = logging.getLogger(__name__)


def unit_rows(vectors: Sequence[Sequence[float]] | Vectors) -> Vectors:
    """The vectors as float32 rows of length 1; a row of zeros stays one."""
    rows = np.array(vectors, dtype=np.float32, ndmin=2)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Vectors = rows / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit


def rows_from_blobs(blobs: Sequence[bytes], dimension: int) -> Vectors:
    """What the database holds as rows. Raises LibraryDamaged if one cannot be used."""
    is_long = all(isinstance(blob, bytes) and len(blob) == 4 * dimension for blob in blobs)
    rows = np.frombuffer(b"".join(blobs) if is_long else b"", dtype="<f4")
    if not (is_long and np.isfinite(rows).all()):
        raise LibraryDamaged(
            f"A stored vector is not {dimension} numbers. Have it made anew with: limner verify "
            "--repair"
        )
    return rows.reshape(len(blobs), dimension)


class _OfOtherState(ValueError):
    """The file is whole, but not of this state of the library: of before a migration, say."""


class VectorIndex:
    """Nearest rows of a table by cosine. Safe for threads: all use is inside `in_step`.

    The table's ids grow and its rows never change; `removals` tells of those taken out.
    """

    def __init__(
        self, path: Path, *, table: str = "vectors", dimension_setting: str = "dimension"
    ) -> None:
        self._path = path
        self._table = table
        self._dimension_setting = dimension_setting
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._file_seen: tuple[int, int] | None = None
        self._n_added = 0
        self._n_removed = 0
        self._saved_at = -math.inf

    @contextmanager
    def in_step(self, connection: sqlite3.Connection) -> Iterator[Nearest]:
        """Hold the index in the state that the connection sees.

        This must be the connection's first read: a state seen before the lock was taken could
        be older than the index, which does not go back.
        """
        with self._lock:
            self._catch_up(connection)
            yield Nearest(connection, self._table, self._held.index if self._held else None)

    @property
    def n_unsaved(self) -> int:
        """Vectors added or removed since the file was written."""
        return self._n_added + self._n_removed

    @property
    def n_removed(self) -> int:
        """Vectors removed since the file was written, in which they still are."""
        return self._n_removed

    @property
    def wants_saving(self) -> bool:
        """Has so much changed that losing it would cost a noticeable rebuild?"""
        # In proportion to the size, so that all the saving of a long run costs no more than
        # a few times the last.
        if self.n_unsaved > SAVE_AFTER_ROWS + self._n_held // 2:
            return True
        # What was removed is not to stay in the file, however long the process lives.
        is_due = time.monotonic() - self._saved_at >= SAVE_REMOVED_AFTER_S
        return self._n_removed > 0 and (is_due or self._n_held <= SAVE_AFTER_ROWS)

    @property
    def wants_saving_at_end(self) -> bool:
        """Should a process that ends write the file? What was removed must not stay in it."""
        small = self._n_held <= SAVE_AFTER_ROWS
        return self._n_removed > 0 or self._n_added > (0 if small else self._n_held // 200)

    @property
    def is_outgrown(self) -> bool:
        """Would another form hold so many rows better?"""
        held = self._held
        return held is not None and self._n_held > (
            MAX_GROWTH * held.trained_for if held.trained_for else vector_forms.MAX_FLAT
        )

    @property
    def _n_held(self) -> int:
        return int(self._held.index.ntotal) if self._held else 0

    def save(self, library: Database) -> None:
        """Write the file. A failure is logged: the library is whole without it."""
        unsaved = 0, 0
        try:
            with library.reading() as connection, self.in_step(connection):
                if self._held is None:
                    return
                note = self._held.note()
                new = vector_forms.write(self._held.index, note, self._path)
                unsaved = self._n_added, self._n_removed
                self._n_added = self._n_removed = 0
                self._saved_at = time.monotonic()
            # Searches need not wait for the disk.
            vector_forms.finish(new, self._path, note)
            self._file_seen = _identity(self._path)
        except OSError as error:
            self._n_added += unsaved[0]
            self._n_removed += unsaved[1]
            logger.info("The vector index could not be saved: %s", error)

    def grow(self, library: Database) -> None:
        """Make the index anew for the size that it has got, if it must be, and save it.

        Searches go on with the old one meanwhile.
        """
        if not self.is_outgrown:
            return
        with library.reading() as connection:
            held = self._made(connection, self._dimension(connection))
        with self._lock:
            self._held = held
        self.save(library)

    def check(self, connection: sqlite3.Connection) -> str | None:
        """What is wrong with the file; None where nothing is, or there is no file.

        Loads it, so use an object of its own. This must be the connection's first read.
        """
        newest, dimension = database.generation(connection), self._dimension(connection)
        if not (newest and dimension and self._path.exists()):
            return None
        try:
            held = self._read(connection, dimension)
        except _OfOtherState:
            return None  # nobody believes it, and the next search makes it anew
        except (OSError, ValueError) as error:
            return str(error)
        try:
            self._drop_removed(connection, held)
            held.add_new(connection, self._table)
            return _difference(connection, self._table, held.index)
        except LibraryDamaged:
            return None  # the library's own vectors are: that is told of their document

    # Following the database

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        newest = database.generation(connection)
        dimension = self._dimension(connection)
        held = self._held
        if not dimension or (held and newest == held.generation):
            return
        if held is None or held.index.d != dimension or held.version != self._version(connection):
            self._held = held = self._opened(connection, dimension)
        elif self.is_outgrown:
            self._held = held = self._adopted(connection, held)
        self._drop_removed(connection, held)
        self._n_added += held.add_new(connection, self._table)
        held.generation = newest

    def _opened(self, connection: sqlite3.Connection, dimension: int) -> _Held:
        """What the file holds if this database made it, else an index made anew."""
        try:
            return self._read(connection, dimension)
        except (OSError, ValueError) as error:
            logger.info("The vector index is made anew: %s", error)
        held = self._made(connection, dimension)
        self._n_added = int(held.index.ntotal)
        return held

    def _adopted(self, connection: sqlite3.Connection, held: _Held) -> _Held:
        """What another process has trained for more rows, if it has saved it."""
        try:
            if _identity(self._path) == self._file_seen:
                return held
            self._file_seen = _identity(self._path)
            if vector_forms.read_note(self._path).trained_for <= held.trained_for:
                return held
            return self._read(connection, held.index.d)
        except (OSError, ValueError) as error:
            logger.info("The vector index in the file is not used: %s", error)
            return held

    def _read(self, connection: sqlite3.Connection, dimension: int) -> _Held:
        """The index in the file. Raises OSError or ValueError if it is of no use."""
        index, note = vector_forms.read(self._path)
        if index.d != dimension or note.version != self._version(connection):
            raise _OfOtherState("the file holds other vectors")
        if not knows(connection, note.generation):
            raise _OfOtherState("the file belongs to another state of the library")
        if note.last_id > last_given(connection, self._table):
            raise ValueError("the file says that it holds more than the library ever had")
        self._n_added = self._n_removed = 0
        self._file_seen = _identity(self._path)
        return _Held(index, **asdict(note))

    def _made(self, connection: sqlite3.Connection, dimension: int) -> _Held:
        """An index of what the connection sees, in the form that suits so many rows."""
        generation, version = database.generation(connection), self._version(connection)
        n = connection.execute(f"SELECT count(*) FROM {self._table}").fetchone()[0]  # noqa: S608 - a constant
        if n <= vector_forms.MAX_FLAT:
            held = _Held(vector_forms.flat(dimension), generation, 0, version, 0)
        else:
            sample = _sample(connection, self._table, vector_forms.n_lists(n) * ROWS_PER_LIST)
            _, rows = _stored(connection, self._table, sample, dimension)
            held = _Held(vector_forms.in_lists(rows, n), generation, 0, version, n)
        held.add_new(connection, self._table)
        return held

    def _drop_removed(self, connection: sqlite3.Connection, held: _Held) -> None:
        ranges = removed_ranges(connection, self._table, held.generation, held.last_id)
        if len(ranges):
            gone = among_ranges(vector_forms.ids_in(held.index), ranges)
            self._n_removed += held.index.remove_ids(gone) if len(gone) else 0

    def _dimension(self, connection: sqlite3.Connection) -> int:
        return int(database.setting(connection, self._dimension_setting) or 0)

    def _version(self, connection: sqlite3.Connection) -> str:
        """Another one when all vectors were replaced by others."""
        return database.vectors_version(connection) if self._table == "vectors" else ""


@dataclass(slots=True)
class _Held:
    """An index in memory; the fields are those of its `Note`."""

    index: Any
    generation: int
    last_id: int
    version: str
    trained_for: int

    def note(self) -> Note:
        return Note(self.generation, self.last_id, self.version, self.trained_for)

    def add_new(self, connection: sqlite3.Connection, table: str) -> int:
        """Add the rows that the table has got since; gives how many."""
        n_before = int(self.index.ntotal)
        new = connection.execute(
            f"SELECT id, vector FROM {table} WHERE id > ? ORDER BY id",  # noqa: S608 - a constant
            (self.last_id,),
        )
        while rows := new.fetchmany(ROWS_AT_ONCE):
            ids = np.array([row[0] for row in rows], dtype=np.int64)
            self.index.add_with_ids(rows_from_blobs([row[1] for row in rows], self.index.d), ids)
            self.last_id = int(ids[-1])
        return int(self.index.ntotal) - n_before


@dataclass(frozen=True, slots=True)
class Nearest:
    """The index in the state that a connection sees."""

    _connection: sqlite3.Connection
    _table: str
    _index: Any

    def nearest(self, vector: Vectors, n: int, among: Ids | None = None) -> list[int]:
        """The ids of at most n rows, nearest first. among: search only these."""
        return [number for number, _ in self.scored(vector, n, among)]

    def scored(self, vector: Vectors, n: int, among: Ids | None = None) -> list[tuple[int, float]]:
        """The ids and cosines of at most n rows, nearest first, of equals the newest first."""
        n = min(n, len(self) if among is None else len(among))
        if n == 0 or not len(self):
            return []
        if vector_forms.is_flat(self._index):
            ids, scores = vector_forms.nearest_exactly(self._index, vector, n, among)
        else:
            chosen = self._worth_comparing(vector, n, among)
            ids, rows = _stored(self._connection, self._table, chosen, self._index.d)
            scores = rows @ vector.reshape(-1)
        best = np.lexsort((-ids, -scores))[:n]
        return [(int(ids[place]), float(scores[place])) for place in best]

    def _worth_comparing(self, vector: Vectors, n: int, among: Ids | None) -> Ids:
        """Of an index of lists, in order: among them are the nearest but for a few."""
        if among is not None and len(among) <= MAX_COMPARED:
            return np.sort(among)
        n_compared = min(max(MIN_COMPARED, 2 * n), len(self))
        return np.sort(vector_forms.near_in_lists(self._index, vector, n_compared, among))

    def __len__(self) -> int:
        return 0 if self._index is None else int(self._index.ntotal)


def _stored(
    connection: sqlite3.Connection, table: str, ids: Ids, dimension: int
) -> tuple[Ids, Vectors]:
    """Those of the ids that are there, in order, and their rows."""
    rows = connection.execute(
        f"SELECT id, vector FROM {table} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",  # noqa: S608 - a constant
        (json.dumps(ids.tolist()),),
    ).fetchall()
    return ids_of(rows), rows_from_blobs([row[1] for row in rows], dimension)


def _difference(connection: sqlite3.Connection, table: str, index: Any) -> str | None:
    """How the index differs from the table."""
    rows = connection.execute(f"SELECT id, vector FROM {table} ORDER BY id")  # noqa: S608 - a constant
    held = np.sort(vector_forms.ids_in(index))
    n_known = n_equal = 0
    while block := rows.fetchmany(ROWS_AT_ONCE):
        blobs = {row[0]: row[1] for row in block}
        first, after = np.searchsorted(held, [block[0][0], block[-1][0] + 1])
        ids = held[first:after]
        ids = ids[np.isin(ids, list(blobs))]
        n_known += len(ids)
        stored = rows_from_blobs([blobs[int(i)] for i in ids], index.d)
        n_equal += vector_forms.n_alike(index, ids, stored)
        if len(ids) < len(block):
            return "it lacks vectors that the library has"
    if n_known != len(held):
        return f"it holds {len(held) - n_known} vectors that the library does not have"
    if n_equal < n_known:
        return f"{n_known - n_equal} of its vectors are others than those of the library"
    return None


def _sample(connection: sqlite3.Connection, table: str, n: int) -> Ids:
    """The ids of about n rows, as many from each part of the table; always the same ones."""
    first, last = connection.execute(f"SELECT min(id), max(id) FROM {table}").fetchone()  # noqa: S608 - a constant
    following = f"SELECT min(id) FROM {table} WHERE id >= ?"  # noqa: S608 - a constant
    places = np.linspace(first, last, n).astype(np.int64).tolist()
    return np.unique([connection.execute(following, (place,)).fetchone()[0] for place in places])


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def ids_of(rows: Iterable[tuple[int]]) -> Ids:
    """The first column of a query's rows."""
    return np.fromiter((row[0] for row in rows), dtype=np.int64)


def removed_ranges(
    connection: sqlite3.Connection, table: str, after: int, last_id: int
) -> npt.NDArray[np.int64]:
    """Of the ids up to the last, first to last of those removed after a generation, (n, 2)."""
    rows = connection.execute(
        "SELECT max(first_id, 1) AS first, min(last_id, ?) AS last FROM removals WHERE name = ? "
        "AND generation > ? AND first <= last "
        "AND typeof(first_id) = 'integer' AND typeof(last_id) = 'integer'",
        (last_id, table, after),
    )
    return np.array(rows.fetchall(), dtype=np.int64).reshape(-1, 2)


def among_ranges(ids: Ids, ranges: npt.NDArray[np.int64]) -> Ids:
    """Those of the ids that lie in one of the ranges, both ends of which belong to it."""
    n_begun = np.searchsorted(np.sort(ranges[:, 0]), ids, side="right")
    n_ended = np.searchsorted(np.sort(ranges[:, 1]), ids, side="left")
    chosen: Ids = ids[n_begun > n_ended]
    return chosen


def last_given(connection: sqlite3.Connection, table: str) -> int:
    """The highest id that a row of the table has ever had."""
    counted = "chunks" if table == "vectors" else table
    seq, last = connection.execute(
        f"SELECT (SELECT seq FROM sqlite_sequence WHERE name = ?), max(id) FROM {counted}",  # noqa: S608 - a constant
        (counted,),
    ).fetchone()
    return max(seq or 0, last or 0)


def knows(connection: sqlite3.Connection, generation: int) -> bool:
    """Whether the library was ever in this state."""
    row = connection.execute("SELECT 1 FROM generations WHERE generation = ?", (generation,))
    return row.fetchone() is not None
