"""The index over a table's vectors: FAISS, made from the database and kept in step with it.

Exact inner product over unit vectors. The file is only a copy that saves time: whenever it
is missing, damaged or does not belong to the database, the index is made anew.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from retrievers import database
from retrievers.errors import LibraryDamaged

Vectors = npt.NDArray[np.float32]
"""Shape (n, dimension), rows of unit length."""
Ids = npt.NDArray[np.int64]

SAVE_AFTER_CHUNKS = 10_000
ROWS_AT_ONCE = 4_096
MAX_LOOPS = 1 << 20
"""Of FAISS, while it reads a file: it has one for each list."""
# After FAISS's own bytes, which it reads from the front: mark, generation, checksum of all.
_TRAILER = struct.Struct("<8sQI")
_MARK = b"limner01"

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


class VectorIndex:
    """Nearest rows of a table by cosine. Safe for threads: all use is inside `in_step`.

    The table's ids grow and its rows never change; `generations` tells of those taken out.
    """

    def __init__(
        self, path: Path, *, table: str = "vectors", dimension_setting: str = "dimension"
    ) -> None:
        self._path = path
        self._table = table
        self._dimension_setting = dimension_setting
        self._lock = threading.Lock()
        self._index: Any = None
        self._generation = 0
        self._version = ""
        self._last_id = 0
        self.n_unsaved = 0
        """Vectors added or removed since the file was written."""

    @contextmanager
    def in_step(self, connection: sqlite3.Connection) -> Iterator[VectorIndex]:
        """Hold the index in the state that the connection sees.

        This must be the connection's first read: a state seen before the lock was taken could
        be older than the index, which does not go back.
        """
        with self._lock:
            self._catch_up(connection)
            yield self

    def nearest(self, vector: Vectors, n: int, among: Ids | None = None) -> list[int]:
        """The ids of at most n rows, nearest first. among: search only these."""
        return [number for number, _ in self.scored(vector, n, among)]

    def scored(self, vector: Vectors, n: int, among: Ids | None = None) -> list[tuple[int, float]]:
        """The ids and cosines of at most n rows, nearest first."""
        n = min(n, len(self) if among is None else len(among))
        if n == 0 or self._index is None:
            return []
        import faiss

        chosen = None
        if among is not None:
            chosen = faiss.SearchParameters(sel=faiss.IDSelectorBatch(among))  # type: ignore[call-arg]
        scores, found = self._index.search(vector.reshape(1, -1), n, params=chosen)
        return [(int(i), float(s)) for i, s in zip(found[0], scores[0], strict=True) if i >= 0]

    def __len__(self) -> int:
        return 0 if self._index is None else int(self._index.ntotal)

    @property
    def wants_saving(self) -> bool:
        """Has so much changed that losing it would cost a noticeable rebuild?"""
        # In proportion to the size, so that all the saving of a long run costs no more than
        # a few times the last.
        return self.n_unsaved > SAVE_AFTER_CHUNKS + len(self) // 2

    def save(self) -> None:
        """Write the file. A failure is logged: the library is whole without it."""
        if self._index is None:
            return
        import faiss

        content = faiss.serialize_index(self._index).data
        trailer = _TRAILER.pack(_MARK, self._generation, zlib.crc32(content))
        # One name for each process and thread: others may be saving as well.
        new = self._path.with_name(f".new-{os.getpid()}-{threading.get_ident()}-{self._path.name}")
        try:
            try:
                with new.open("wb") as file:
                    file.write(content)
                    file.write(trailer)
                new.replace(self._path)
            finally:
                new.unlink(missing_ok=True)
        except OSError as error:
            logger.info("The vector index could not be saved: %s", error)
        else:
            self.n_unsaved = 0

    def check(self, connection: sqlite3.Connection) -> str | None:
        """What is wrong with the file; None where nothing is, or there is no file.

        Loads it, so use an object of its own. This must be the connection's first read.
        """
        newest = database.generation(connection)
        dimension = int(database.setting(connection, self._dimension_setting) or 0)
        if not (newest and dimension and self._path.exists()):
            return None
        if self._table == "vectors":
            self._version = database.vectors_version(connection)
        try:
            self._index, self._generation = self._read(connection, dimension)
        except (OSError, ValueError, RuntimeError) as error:
            return str(error)
        held = self._held()
        self._last_id = int(held.max()) if len(held) else 0
        try:
            self._drop_removed(connection)
            self._add_new(connection, dimension)
            return self._differs(connection)
        except LibraryDamaged:
            return None  # the library's own vectors are: that is told of their document

    def _differs(self, connection: sqlite3.Connection) -> str | None:
        """How the index differs from the table."""
        rows = connection.execute(f"SELECT id, vector FROM {self._table} ORDER BY id")  # noqa: S608
        held = np.sort(self._held())
        n_known = n_equal = 0
        while block := rows.fetchmany(ROWS_AT_ONCE):
            blobs = {row[0]: row[1] for row in block}
            ids = held[np.isin(held, list(blobs))]
            n_known += len(ids)
            stored = rows_from_blobs([blobs[int(i)] for i in ids], self._index.d)
            if len(ids):
                found = self._index.reconstruct_batch(ids)
                n_equal += int((found == stored).all(axis=1).sum())
            if len(ids) < len(block):
                return "it lacks vectors that the library has"
        if n_known != len(held):
            return f"it holds {len(held) - n_known} vectors that the library does not have"
        if n_equal < n_known:
            return f"{n_known - n_equal} of its vectors are others than those of the library"
        return None

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        newest = database.generation(connection)
        dimension = int(database.setting(connection, self._dimension_setting) or 0)
        if not dimension or newest == self._generation:
            return
        version = database.vectors_version(connection) if self._table == "vectors" else ""
        if version != self._version:
            self._index, self._version = None, version
        if self._index is None or self._index.d != dimension:
            self._open(connection, dimension)
        self._drop_removed(connection)
        self._add_new(connection, dimension)
        self._generation = newest

    def _open(self, connection: sqlite3.Connection, dimension: int) -> None:
        """Start from the file if this database made it, else from nothing."""
        import faiss

        try:
            self._index, self._generation = self._read(connection, dimension)
        except (OSError, ValueError, RuntimeError) as error:
            logger.info("The vector index is made anew: %s", error)
            self._index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
            self._generation = 0
        held = self._held()
        self._last_id = int(held.max()) if len(held) else 0

    def _read(self, connection: sqlite3.Connection, dimension: int) -> tuple[Any, int]:
        """The index in the file and its generation. Raises ValueError if it is of no use."""
        import faiss

        content = self._path.read_bytes()
        whole, trailer = content[: -_TRAILER.size], content[-_TRAILER.size :]
        if len(trailer) < _TRAILER.size:
            raise ValueError("the file is too short")
        mark, generation, checksum = _TRAILER.unpack(trailer)
        if mark != _MARK or checksum != zlib.crc32(whole):
            raise ValueError("the file is damaged")
        if not knows(connection, generation):
            raise ValueError("the file belongs to another state of the library")
        if generation < int(self._version or 0):
            raise ValueError("the file is older than the vectors")
        # What its header says must not make FAISS ask for more memory than the file can fill.
        faiss.set_deserialization_vector_byte_limit(len(whole))
        faiss.set_deserialization_loop_limit(MAX_LOOPS)
        index = faiss.deserialize_index(np.frombuffer(whole, dtype=np.uint8))
        flat = isinstance(index, faiss.IndexIDMap2) and faiss.downcast_index(index.index)
        if not isinstance(flat, faiss.IndexFlatIP) or index.d != dimension:
            raise ValueError("the file holds another kind of index")
        return index, generation

    def _drop_removed(self, connection: sqlite3.Connection) -> None:
        held = self._held()
        removed = connection.execute(
            "SELECT first_id, last_id FROM removals WHERE name = ? AND generation > ?",
            (self._table, self._generation),
        )
        gone = [held[(held >= first) & (held <= last)] for first, last in removed]
        if gone:
            self._index.remove_ids(np.concatenate(gone))
            self.n_unsaved += sum(map(len, gone))

    def _add_new(self, connection: sqlite3.Connection, dimension: int) -> None:
        new = connection.execute(
            f"SELECT id, vector FROM {self._table} WHERE id > ? ORDER BY id",  # noqa: S608
            (self._last_id,),
        )
        while rows := new.fetchmany(ROWS_AT_ONCE):
            ids = np.array([row[0] for row in rows], dtype=np.int64)
            vectors = rows_from_blobs([row[1] for row in rows], dimension)
            self._index.add_with_ids(vectors, ids)
            self._last_id = int(ids[-1])
            self.n_unsaved += len(ids)

    def _held(self) -> Ids:
        import faiss

        return np.asarray(faiss.vector_to_array(self._index.id_map), dtype=np.int64)


def ids_of(rows: Iterable[tuple[int]]) -> Ids:
    """The first column of a query's rows."""
    return np.fromiter((row[0] for row in rows), dtype=np.int64)


def knows(connection: sqlite3.Connection, generation: int) -> bool:
    """Whether the library was ever in this state."""
    row = connection.execute("SELECT 1 FROM generations WHERE generation = ?", (generation,))
    return row.fetchone() is not None
