"""Folders as LangChain's FAISS store saves them, and pickles that are made to do harm."""

from __future__ import annotations

import pickle
import struct
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_community.vectorstores import FAISS
from langchain_core.embeddings import Embeddings


def save_store(
    folder: Path,
    texts: list[str],
    embeddings: Embeddings,
    metadatas: list[dict[str, Any]] | None = None,
    *,
    ids: list[str] | None = None,
    protocol: int = pickle.DEFAULT_PROTOCOL,
    **options: Any,
) -> Path:
    """A store in a folder, pickled with a protocol of older Pythons if asked for."""
    store = FAISS.from_texts(texts, embeddings, metadatas, ids=ids, **options)
    store.save_local(str(folder))
    content = pickle.dumps((store.docstore, store.index_to_docstore_id), protocol)
    (folder / "index.pkl").write_bytes(content)
    return folder


def pickled_by_pydantic_1(entries: Sequence[tuple[str, str, dict[str, Any]]]) -> bytes:
    """What LangChain of before 0.2 wrote: (id, text, metadata) in classes of its modules then."""
    document = _old_class("langchain.schema.document", "Document")
    docstore = _old_class("langchain.docstore.in_memory", "InMemoryDocstore")
    documents = {}
    for name, text, metadata in entries:
        documents[name] = document()
        documents[name].state = {
            "__dict__": {"page_content": text, "metadata": metadata, "type": "Document"},
            "__fields_set__": {"page_content", "metadata"},
            "__private_attribute_values__": {},
        }
    store = docstore()
    store.state = {"_dict": documents}
    modules = {kind.__module__: types.ModuleType(kind.__module__) for kind in (document, docstore)}
    for kind in (document, docstore):
        setattr(modules[kind.__module__], kind.__name__, kind)
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        return pickle.dumps((store, {n: entry[0] for n, entry in enumerate(entries)}), 4)
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _old_class(module: str, name: str) -> Any:
    def getstate(self: Any) -> Any:
        return self.state

    return type(name, (), {"__module__": module, "__getstate__": getstate, "state": None})


def with_documents(value: bytes) -> bytes:
    """A pickle of a store whose only text has this pickled value as its metadata `x`.

    value: opcodes that leave one object on the stack.
    """
    return b"".join(
        (
            b"\x80\x04",
            _class("langchain_community.docstore.in_memory", "InMemoryDocstore"),
            b")\x81}",
            _text("_dict"),
            b"}",
            _text("1"),
            _class("langchain_core.documents.base", "Document"),
            b")\x81}(",
            _text("page_content"),
            _text("Gold."),
            _text("metadata"),
            b"}",
            _text("x"),
            value,
            b"s" + b"ub" + b"s" + b"sb",
            b"}K\x00",
            _text("1"),
            b"s\x86.",
        )
    )


def _class(module: str, name: str) -> bytes:
    return _text(module) + _text(name) + b"\x93"


def _text(text: str) -> bytes:
    content = text.encode()
    return b"X" + struct.pack("<I", len(content)) + content


def laughs(depth: int) -> bytes:
    """Lists of ten lists of ten lists, and so on, which take no room in the file or in memory."""
    levels = [b"](" + b"K\x01" * 10 + b"e\x94"]
    levels += [b"](" + (b"h" + bytes([n])) * 10 + b"e\x94" for n in range(depth)]
    return b"](" + b"".join(levels) + b"e"
