"""The two forms of a vector index, FAISS's: exact while it is small, in lists beyond.

A list holds the vectors that are nearest to one of some hundred centres, in a byte for each
number; a search looks only into the lists whose centres are nearest to it. Leaves out keeping in
step with the database: that is `retrievers.vectors`.
"""

from __future__ import annotations

import json
import math
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from retrievers.schema import MAX_GENERATION, MAX_ID

Vectors = npt.NDArray[np.float32]
"""Shape (n, dimension), rows of unit length."""
Ids = npt.NDArray[np.int64]

MAX_FLAT = 40_000
"""Rows of 384 numbers that one processor compares in about 5 ms."""
MAX_GROWTH = 4
"""How many times as many rows as it was trained for an index of lists holds well."""
PROBES = 24
"""Lists to look into: of 1,024 over a million rows these hold 99 % of the best ten."""
ROWS_PER_LIST = 32
"""Of the sample that the centres are trained on."""
MIN_LIKENESS = 0.95
"""Of a vector and what a byte for each number makes of it."""
MAX_BIT = 1 << 28
"""Of ids that are chosen by a bit each: 32 MiB of them."""
BYTES_AT_ONCE = 1 << 20
MAX_LOOPS = 1 << 20
"""Of FAISS, while it reads a file: it has one for each list."""

# After FAISS's own bytes, which it reads from the front: a note in JSON, then its length, the
# checksum of all before, and a mark.
_END = struct.Struct("<II8s")
_MARK = b"limner02"


@dataclass(frozen=True, slots=True)
class Note:
    """What a file says of itself.

    generation: of the library that it was made from. last_id: the highest that it has ever held.
    version: of the vectors. trained_for: how many rows, 0 of the exact form.
    """

    generation: int
    last_id: int
    version: str
    trained_for: int

    def is_sound(self) -> bool:
        """Whether each is of its type, and within bounds."""
        bounds = (
            (self.generation, MAX_GENERATION),
            (self.last_id, MAX_ID),
            (self.trained_for, MAX_ID),
        )
        return isinstance(self.version, str) and all(
            type(number) is int and 0 <= number <= most for number, most in bounds
        )


def flat(dimension: int) -> Any:
    """An empty index of the exact form."""
    import faiss

    return faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))


def is_flat(index: Any) -> bool:
    """Whether it is of the exact form."""
    import faiss

    return isinstance(index, faiss.IndexIDMap2)


def n_lists(n: int) -> int:
    """How many lists n rows are best kept in: a power of two near their root."""
    return int(2 ** round(math.log2(1.25 * math.sqrt(n))))


def in_lists(sample: Vectors, n: int) -> Any:
    """An empty index for about n rows that are like the sample; the same for the same sample."""
    import faiss

    count = min(n_lists(n), len(sample))
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(sample.shape[1]),
        sample.shape[1],
        count,
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
        False,  # the vectors themselves, not their distance from the centre
    )
    index.cp.min_points_per_centroid = 1  # few rows only tell FAISS to warn
    index.cp.max_points_per_centroid = ROWS_PER_LIST
    index.train(sample)
    return index


def nearest_exactly(
    index: Any, vector: Vectors, n: int, among: Ids | None
) -> tuple[Ids, npt.NDArray[np.float32]]:
    """The ids and cosines of the n nearest rows in an index of the exact form."""
    import faiss

    chosen = None
    if among is not None:
        chosen = faiss.SearchParameters(sel=_selector(among))  # type: ignore[call-arg]
    with _one_thread():
        scores, found = index.search(vector.reshape(1, -1), n, params=chosen)
    is_there = found[0] >= 0
    return found[0][is_there], scores[0][is_there]


def near_in_lists(index: Any, vector: Vectors, n: int, among: Ids | None) -> Ids:
    """The ids of n rows, nearest first as far as the lists can tell."""
    import faiss

    # With a filter so many more lists that as many rows are compared as without.
    n_chosen = len(among) if among is not None else index.ntotal
    n_probes = math.ceil(max(PROBES, index.nlist * 4 * n / index.ntotal) * index.ntotal / n_chosen)
    selector = _selector(among) if among is not None else None
    while True:
        settings = faiss.SearchParametersIVF(sel=selector, nprobe=min(n_probes, index.nlist))  # type: ignore[call-arg]
        with _one_thread():
            _, found = index.search(vector.reshape(1, -1), n, params=settings)
        ids: Ids = found[0][found[0] >= 0]
        if len(ids) >= min(n, n_chosen) or n_probes >= index.nlist:
            return ids
        n_probes *= 4


@contextmanager
def _one_thread() -> Iterator[None]:
    """Search without others: for one query, waiting for them takes longer than it saves."""
    import faiss

    n_threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(n_threads)


def _selector(among: Ids) -> Any:
    """One bit for each id up to the highest: as fast for a million ids as for one."""
    import faiss

    if among.max() > MAX_BIT:
        return faiss.IDSelectorBatch(among)
    bits = np.zeros(int(among.max()) + 1, dtype=bool)
    bits[among] = True
    return faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))  # type: ignore[call-arg, arg-type]


def ids_in(index: Any) -> Ids:
    """The ids of all rows, in no order."""
    import faiss

    if is_flat(index):
        return np.asarray(faiss.vector_to_array(index.id_map), dtype=np.int64)
    lists = index.invlists
    sizes = [lists.list_size(number) for number in range(index.nlist)]
    found = [
        faiss.rev_swig_ptr(lists.get_ids(number), size).copy()
        for number, size in enumerate(sizes)
        if size
    ]
    return np.concatenate([np.empty(0, dtype=np.int64), *found])


def n_alike(index: Any, ids: Ids, rows: Vectors) -> int:
    """How many of the rows with the ids the index holds as they are, as far as its form can."""
    import faiss

    hashed: Any = faiss.DirectMap.Hashtable  # type: ignore[attr-defined]
    if not len(ids):
        return 0
    if is_flat(index):
        return int((index.reconstruct_batch(ids) == rows).all(axis=1).sum())
    if index.direct_map.type != hashed:
        index.set_direct_map_type(hashed)
    found = index.reconstruct_batch(ids)
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(rows, axis=1)
    return int(((found * rows).sum(axis=1) >= MIN_LIKENESS * lengths).sum())


# The file


def write(index: Any, note: Note, path: Path) -> Path:
    """Write all but the end into a new file beside the path, which is given back."""
    import faiss

    # One name for each process and thread: others may be saving as well.
    new = path.with_name(f".new-{os.getpid()}-{threading.get_ident()}-{path.name}")
    try:
        faiss.write_index(index, str(new))
        with new.open("ab") as file:
            file.write(json.dumps(asdict(note)).encode())
    except BaseException as error:
        new.unlink(missing_ok=True)
        if isinstance(error, RuntimeError):  # FAISS's for all that the system refuses
            raise OSError(str(error)) from error
        raise
    return new


def finish(new: Path, path: Path, note: Note) -> None:
    """Complete what `write` wrote, and put it in place of the file. Raises OSError."""
    try:
        with new.open("r+b") as file:
            checksum = _checksum(file, new.stat().st_size)
            file.write(_END.pack(len(json.dumps(asdict(note))), checksum, _MARK))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def read_note(path: Path) -> Note:
    """What the file says of itself, unchecked. Raises OSError or ValueError."""
    with path.open("rb") as file:
        return _note(file)[0]


def read(path: Path) -> tuple[Any, Note]:
    """The index in the file. Raises OSError or ValueError if it is of no use."""
    import faiss

    while True:
        with path.open("rb") as file:
            note, n_bytes, checksum = _note(file)
            file.seek(0)
            if _checksum(file, n_bytes) != checksum:
                raise ValueError("the file is damaged")
            with _memory_bounded(n_bytes):
                index: Any = faiss.read_index(str(path))
            if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                break  # else another process has just put its own in place of it
    if (is_flat(index) and _is_exact(index, index.index)) or (
        isinstance(index, faiss.IndexIVFScalarQuantizer) and note.trained_for and _agrees(index)
    ):
        return index, note
    raise ValueError("the file holds another kind of index")


@contextmanager
def _memory_bounded(n_bytes: int) -> Iterator[None]:
    """Let FAISS not ask for more memory than so many bytes can fill, whatever a file says.

    Raises ValueError where it will not read one.
    """
    import faiss

    before = faiss.get_deserialization_vector_byte_limit()
    faiss.set_deserialization_vector_byte_limit(n_bytes)
    faiss.set_deserialization_loop_limit(MAX_LOOPS)
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        raise ValueError(f"the file cannot be read ({error})") from error
    finally:
        faiss.set_deserialization_vector_byte_limit(before)


def _is_exact(whole: Any, part: Any) -> bool:
    """Whether a part of an index holds the vectors themselves, as many and as long as it must."""
    import faiss

    rows = faiss.downcast_index(part)
    return bool(
        type(rows) is faiss.IndexFlatIP
        and rows.metric_type == whole.metric_type == faiss.METRIC_INNER_PRODUCT
        and rows.d == whole.d
        and rows.codes.size() == rows.ntotal * rows.d * 4
        and (not is_flat(whole) or rows.ntotal == whole.ntotal == whole.id_map.size())
    )


def _agrees(index: Any) -> bool:
    """Whether what an index of lists says in several places is the same: FAISS believes each."""
    import faiss

    lists, quantizer = faiss.downcast_InvertedLists(index.invlists), index.sq
    return bool(
        # Others of its kinds read files of which this one holds the names.
        type(lists) is faiss.ArrayInvertedLists
        and _is_exact(index, index.quantizer)
        and index.quantizer.ntotal == index.nlist == lists.nlist
        and index.ntotal == sum(lists.list_size(number) for number in range(index.nlist))
        and quantizer.qtype == faiss.ScalarQuantizer.QT_8bit
        and index.d == index.code_size == lists.code_size == quantizer.d == quantizer.code_size
        and quantizer.trained.size() == 2 * index.d
        and index.is_trained
        and not index.by_residual
        and index.direct_map.type == faiss.DirectMap.NoMap  # type: ignore[attr-defined]
    )


def _note(file: BinaryIO) -> tuple[Note, int, int]:
    """What stands at the end: the note, and of how many bytes what the checksum is."""
    size = file.seek(0, os.SEEK_END)
    if size < _END.size:
        raise ValueError("the file is too short")
    file.seek(size - _END.size)
    length, checksum, mark = _END.unpack(file.read())
    if mark != _MARK or length + _END.size > size:
        raise ValueError("the file is damaged, or of another version of limner")
    file.seek(size - _END.size - length)
    try:
        note = Note(**json.loads(file.read(length)))
    except (RecursionError, TypeError) as error:
        raise ValueError("the file is damaged") from error
    if not note.is_sound():
        raise ValueError("what the file says of itself makes no sense")
    return note, size - _END.size, checksum


def _checksum(file: BinaryIO, n_bytes: int) -> int:
    """Of so many bytes from where the file stands."""
    checksum = 0
    while n_bytes > 0 and (block := file.read(min(BYTES_AT_ONCE, n_bytes))):
        checksum = zlib.crc32(block, checksum)
        n_bytes -= len(block)
    return checksum
