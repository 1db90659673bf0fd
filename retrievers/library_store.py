"""The library as a LangChain `VectorStore`: found by meaning, with cosine as the score.

Texts that are added are documents of their own in the library, so that `limner search` finds them
too; what `limner add` has read is found here as well. Leaves out search by words: that is
`retrievers.MultimodalRetriever`.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from retrievers import given
from retrievers.embeddings import MiniLMEmbeddings
from retrievers.filters import EVERYTHING, Filter
from retrievers.hits import Hit
from retrievers.library import Library, NewDocument
from retrievers.vectors import unit_rows

TITLE_CHARS = 60

Chosen = Mapping[str, Any] | Filter | None
"""Metadata that evidence must have, such as {"lang": "en", "page": [3, 4]}; see `Filter`."""


class LibraryVectorStore(VectorStore):
    """A library of limner's where LangChain expects a vector store. Safe for threads.

    Metadata come back as they were given, so they must be what JSON holds. Texts and the evidence
    that limner has read itself are found together; the latter can be deleted only as whole
    documents, with `limner remove`.
    """

    def __init__(self, path: Path | str, embedding: Embeddings | None = None) -> None:
        """path: the library's folder; one is made where there is none. embedding: limner's own when
        None; with another than the library was made with, ModelMismatch is raised.
        """
        self.library = Library.open(path, embedding or MiniLMEmbeddings(), create=True)

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
        """Close the library."""
        self.library.close()

    @property
    def embeddings(self) -> Embeddings:
        """What makes the vectors."""
        return self.library.embeddings

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        path: Path | str = ".limner",
        **kwargs: Any,  # noqa: ARG003 - LangChain's signature
    ) -> Self:
        """A store over the library in the folder `path`, with these texts added to it."""
        store = cls(path, embedding)
        try:
            store.add_texts(texts, metadatas, ids=ids)
        except BaseException:
            store.close()
            raise
        return store

    # Texts in and out

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **kwargs: Any,  # noqa: ARG002 - LangChain's signature
    ) -> list[str]:
        """Put texts in, all in one change, each in place of what has its id; gives the ids.

        Raises MetadataInvalid where metadata are not JSON, PartOfDocument where an id is that of
        evidence which limner has read itself, ValueError where the lists differ in length.
        """
        words = list(texts)
        told = list(metadatas) if metadatas else [{} for _ in words]
        named = [given_id or str(uuid.uuid4()) for given_id in ids or [None] * len(words)]
        if not len(words) == len(told) == len(named):
            raise ValueError(
                f"{len(words)} texts came with {len(told)} metadatas and {len(named)} ids; there "
                "must be one of each for every text."
            )
        entries = zip(named, words, told, strict=True)
        new = {name: _text_document(name, text, metadata) for name, text, metadata in entries}
        if new:
            self.library.replace_texts(list(new.values()), list(new))
        return named

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:  # noqa: ARG002 - its signature
        """Take texts out; ids that are not there do nothing. Gives True.

        Raises PartOfDocument for evidence that limner has read itself, ValueError without ids: the
        whole library is not a thing to delete by leaving something out.
        """
        if ids is None:
            raise ValueError("Name the ids to delete: LibraryVectorStore.delete(ids=[…]).")
        self.library.replace_texts([], ids)
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The texts with these ids, in their order, without those that are not there."""
        found = {d.metadata["chunk_id"]: d for d in reversed(self.library.chunks(ids))}
        return [given.as_given(found[name]) for name in ids if name in found]

    # Search

    def similarity_search(
        self,
        query: str,
        k: int = 4,
        *,
        filter: Chosen = None,  # noqa: A002 - LangChain's name
        **kwargs: Any,
    ) -> list[Document]:
        """At most k texts, nearest in meaning first."""
        found = self.similarity_search_with_score(query, k, filter=filter, **kwargs)
        return [document for document, _ in found]

    def similarity_search_with_score(
        self,
        query: str,
        k: int = 4,
        *,
        filter: Chosen = None,  # noqa: A002
        **kwargs: Any,  # noqa: ARG002
    ) -> list[tuple[Document, float]]:
        """At most k texts with the cosine to the query, in [-1, 1]; higher is nearer."""
        hits = self._nearest(self.embeddings.embed_query(query), k, filter)
        return [(given.as_given(hit.document), hit.score) for hit in hits]

    def similarity_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        *,
        filter: Chosen = None,  # noqa: A002
        **kwargs: Any,  # noqa: ARG002
    ) -> list[Document]:
        """At most k texts, nearest to the vector first."""
        return [given.as_given(hit.document) for hit in self._nearest(embedding, k, filter)]

    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Chosen = None,  # noqa: A002
        **kwargs: Any,
    ) -> list[Document]:
        """At most k texts that are near to the query and unlike each other."""
        vector = self.embeddings.embed_query(query)
        return self.max_marginal_relevance_search_by_vector(
            vector, k, fetch_k, lambda_mult, filter=filter, **kwargs
        )

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Chosen = None,  # noqa: A002
        **kwargs: Any,  # noqa: ARG002
    ) -> list[Document]:
        """The same by a vector. fetch_k: of how many nearest texts the k are chosen.

        lambda_mult: 1 for the nearest, 0 for the most different.
        """
        hits = self._nearest(embedding, max(k, fetch_k), filter)
        vectors = self.library.vectors([hit.document.metadata["chunk_id"] for hit in hits])
        asked = unit_rows([embedding])[0]
        chosen = maximal_marginal_relevance(asked, list(vectors), lambda_mult, k) if hits else []
        return [given.as_given(hits[place].document) for place in chosen]

    def _select_relevance_score_fn(self) -> Any:
        """Cosine, with what points the other way as unrelated: 0."""
        return _relevance

    def _nearest(self, vector: Sequence[float], k: int, chosen: Chosen) -> list[Hit]:
        found = [
            hit
            for where in _filters(chosen)
            for hit in self.library.search_by_vector(vector, k, where=where)
        ]
        return sorted(found, key=lambda hit: -hit.score)[:k]


def _relevance(cosine: float) -> float:
    return max(0.0, cosine)


def _filters(chosen: Chosen) -> list[Filter]:
    """Filters that together choose what is meant, whoever has named the metadata."""
    if chosen is None:
        return [EVERYTHING]
    where = chosen if isinstance(chosen, Filter) else Filter(metadata=chosen)
    names = {key: given.stored_key(key) for key in where.metadata}
    if all(key == name for key, name in names.items()):
        return [where]
    # A key such as `source` is kept under another name where it is the user's.
    theirs = {names[key]: wanted for key, wanted in where.metadata.items()}
    found = [replace(where, metadata=theirs | {given.GIVEN: True})]
    if given.GIVEN not in where.metadata:  # what limner has read has no such key
        found.append(replace(where, metadata={**where.metadata, given.GIVEN: {"$ne": True}}))
    return found


def _text_document(name: str, text: str, metadata: Mapping[str, Any]) -> NewDocument:
    piece = given.evidence_of(text, metadata, name)
    content = repr((text, sorted(metadata.items())))
    first_line = next(iter(text.strip().splitlines()), "")
    return NewDocument(
        given.source_of_text(metadata, name),
        [piece],
        hashlib.sha256(content.encode("utf-8", "replace")).hexdigest(),
        given.title_of(metadata, first_line[:TITLE_CHARS] or name),
    )
