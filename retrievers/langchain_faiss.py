"""Reads a folder that LangChain's FAISS store has saved, without unpickling it.

`index.pkl` is read as data (`retrievers.pickled`), and of `index.faiss` the vectors of a flat
index, which is what LangChain makes. Leaves out other kinds of index: their texts are embedded
anew.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.documents import Document

from retrievers.errors import ImportInvalid
from retrievers.pickled import MAX_PICKLE_BYTES, PickledObject, read_pickle
from retrievers.vectors import Vectors

DOCSTORES = frozenset(
    f"{module}.InMemoryDocstore"
    for module in (
        "langchain_community.docstore.in_memory",
        "langchain_classic.docstore.in_memory",
        "langchain.docstore.in_memory",
    )
)
DOCUMENTS = frozenset(
    f"{module}.Document"
    for module in (
        "langchain_core.documents.base",
        "langchain_core.documents",
        "langchain.schema.document",
        "langchain.schema",
        "langchain.docstore.document",
    )
)
FLAT = (b"IxF2", b"IxFI", b"IxFl")
"""How FAISS begins the file of an exact index: by L2, by inner product, by another metric."""
_HEADER = struct.Struct("<4siqqq?i")
_COUNT = struct.Struct("<Q")
SQUARED_OR_INNER = (0, 1)
"""FAISS's numbers of the metrics after which the header ends; others have a value more."""
MAX_EXPANSION = 16
"""How many times the characters of the file its texts may have, by referring to each other."""
MIN_TEXT_BUDGET = 1 << 20


@dataclass(frozen=True, slots=True)
class FaissStore:
    """What is in such a folder.

    documents: in the order of their vectors, with ids. vectors: as they are stored, not of unit
    length, a row a document; None where the index is of another kind.
    """

    name: str
    documents: list[Document]
    vectors: Vectors | None


def find_store(path: Path) -> tuple[Path, Path] | None:
    """The two files of a store (index, pickle) in a folder, or beside one of them; None if none.

    Raises ImportInvalid where there are several.
    """
    beside = path.parent if path.is_file() else path
    if not beside.is_dir():
        return None
    found = [
        index
        for index in sorted(beside.glob("*.faiss"))
        if index.is_file() and _pickle_of(index).is_file()
    ]
    if path.is_file():
        found = [index for index in found if path in (index, _pickle_of(index))]
    if len(found) > 1:
        names = ", ".join(index.name for index in found)
        raise ImportInvalid(f"{path} holds several stores: {names}. Name one of these files.")
    return (found[0], _pickle_of(found[0])) if found else None


def read_store(index: Path, pickle: Path) -> FaissStore:
    """Read what LangChain's `FAISS.save_local` has written. Raises ImportInvalid."""
    try:
        if pickle.stat().st_size > MAX_PICKLE_BYTES:
            raise ImportInvalid(f"{pickle} is larger than {MAX_PICKLE_BYTES:,} bytes.")
        content = pickle.read_bytes()
        n_rows, vectors = _read_index(index)
    except OSError as error:
        raise ImportInvalid(f"{error.filename or pickle} cannot be read: {error}.") from error
    try:
        documents = list(_documents(read_pickle(content, DOCSTORES | DOCUMENTS), len(content)))
    except ImportInvalid as error:
        raise ImportInvalid(f"{pickle} cannot be imported. {error}") from error
    if n_rows is not None and n_rows != len(documents):
        raise ImportInvalid(
            f"{index} has {n_rows:,} vectors, but {pickle.name} tells of {len(documents):,} texts: "
            "they do not belong together."
        )
    return FaissStore(pickle.resolve().parent.name, documents, vectors)


def _pickle_of(index: Path) -> Path:
    return index.with_suffix(".pkl")


def _read_index(path: Path) -> tuple[int | None, Vectors | None]:
    """How many vectors a flat index has, and these, mapped from the file; None of other kinds."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(_HEADER.size)
        if len(start) < _HEADER.size or start[:4] not in FLAT:
            return None, None
        _, dimension, n_rows, _, _, _, metric = _HEADER.unpack(start)
        if metric not in SQUARED_OR_INNER:
            return None, None
        counted = file.read(_COUNT.size)
    offset = _HEADER.size + _COUNT.size
    n_numbers = _COUNT.unpack(counted)[0] if len(counted) == _COUNT.size else -1
    is_whole = dimension > 0 and n_rows >= 0 and n_numbers == dimension * n_rows
    if not is_whole or size != offset + 4 * n_numbers:
        raise ImportInvalid(f"{path} is damaged or cut off: its size is not what it says.")
    if not n_rows:
        return 0, None
    rows = np.memmap(path, dtype="<f4", mode="r", offset=offset, shape=(n_rows, dimension))
    return n_rows, rows


def _documents(pickled: Any, n_bytes: int) -> Iterator[Document]:
    """The texts of (docstore, index → id in it), in the order of the index."""
    docstore, ids = _pair(pickled)
    stored = (docstore.state or {}).get("_dict")
    if not isinstance(stored, dict):
        raise ImportInvalid("Its docstore holds no dict of documents.")
    left = max(MIN_TEXT_BUDGET, MAX_EXPANSION * n_bytes)
    for place in range(len(ids)):
        key = ids.get(place)
        found = stored.get(key) if isinstance(key, str | int) else None
        if not isinstance(found, PickledObject) or found.kind not in DOCUMENTS:
            raise ImportInvalid(f"It is damaged: there is no document for vector {place}.")
        text, metadata = _text_and_metadata(found)
        left -= len(text)
        if left < 0:
            raise ImportInvalid("Its texts are much larger than the file, as if to fill disks.")
        yield Document(id=str(key), page_content=text, metadata=metadata)


def _pair(pickled: Any) -> tuple[PickledObject, dict[Any, Any]]:
    if (
        not isinstance(pickled, tuple)
        or len(pickled) != 2
        or not isinstance(pickled[0], PickledObject)
        or pickled[0].kind not in DOCSTORES
        or not isinstance(pickled[1], dict)
    ):
        raise ImportInvalid("It is not what LangChain's FAISS store saves.")
    return pickled[0], pickled[1]


def _text_and_metadata(document: PickledObject) -> tuple[str, dict[str, Any]]:
    """Of the state that pydantic gives, in its first and second version, or of plain fields."""
    state = document.state or {}
    fields = state.get("__dict__", state)
    if not isinstance(fields, Mapping):
        raise ImportInvalid("It is damaged: a document has no fields.")
    text, metadata = fields.get("page_content"), fields.get("metadata")
    if not isinstance(text, str) or not isinstance(metadata, dict | None):
        raise ImportInvalid("It is damaged: a document has no text, or no metadata.")
    return text, metadata or {}
