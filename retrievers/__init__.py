"""Documents in, ranked evidence out: the library on disk, its search, and the retriever.

Leaves out how sources become Documents and what is answered from the evidence.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from retrievers.errors import (
    ExportRefused,
    ImportInvalid,
    InvalidCollection,
    InvalidFilter,
    LibraryDamaged,
    LibraryError,
    LibraryLocked,
    LibraryMissing,
    LibraryUnwritable,
    MetadataInvalid,
    ModelMismatch,
    ModelMissing,
    PartOfDocument,
    SchemaMismatch,
    UnknownCollection,
    UnknownSource,
)

if TYPE_CHECKING:
    from retrievers.catalogue import LibraryDocument
    from retrievers.clip import ClipEmbeddings
    from retrievers.embeddings import MiniLMEmbeddings
    from retrievers.filters import Filter
    from retrievers.hits import Hit
    from retrievers.library import Change, Library
    from retrievers.library_store import LibraryVectorStore
    from retrievers.retriever import MultimodalRetriever

__all__ = [
    "Change",
    "ClipEmbeddings",
    "ExportRefused",
    "Filter",
    "Hit",
    "ImportInvalid",
    "InvalidCollection",
    "InvalidFilter",
    "Library",
    "LibraryDamaged",
    "LibraryDocument",
    "LibraryError",
    "LibraryLocked",
    "LibraryMissing",
    "LibraryUnwritable",
    "LibraryVectorStore",
    "MetadataInvalid",
    "MiniLMEmbeddings",
    "ModelMismatch",
    "ModelMissing",
    "MultimodalRetriever",
    "PartOfDocument",
    "SchemaMismatch",
    "UnknownCollection",
    "UnknownSource",
]

_MODULES = {
    "Change": "library",
    "ClipEmbeddings": "clip",
    "Filter": "filters",
    "Hit": "hits",
    "Library": "library",
    "LibraryDocument": "catalogue",
    "LibraryVectorStore": "library_store",
    "MiniLMEmbeddings": "embeddings",
    "MultimodalRetriever": "retriever",
}


def __getattr__(name: str) -> Any:
    # Numpy and LangChain take most of a second to import: whoever only asks for help or
    # handles an error need not wait for them.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
