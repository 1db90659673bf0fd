"""Puts what was exported elsewhere into a library, document by document.

What the library has already is left as it is, unless it came from an older import. Leaves out
pictures: that is `assistant.exchange`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from retrievers import given
from retrievers.errors import ImportInvalid, MetadataInvalid
from retrievers.exported import LibraryExport
from retrievers.langchain_faiss import FaissStore, find_store, read_store
from retrievers.library import Change, Library, NewDocument
from retrievers.progress import OnCount
from retrievers.recorded_model import is_alike
from retrievers.vectors import Vectors, unit_rows

N_PROBES = 3
MAX_NUMBER = 1e15
"""In a vector: the length of a larger one could not be told in float32."""
MAX_HELD_CHUNKS = 1_024
"""Of small documents, embedded together where that is needed."""
FAISS_FINGERPRINT = "langchain-faiss "
"""How the fingerprint of a document from such a store begins: the next import may replace it."""


@dataclass(slots=True)
class ImportReport:
    """What an import did.

    kept: sources of which the library has something else, newer than what was to be imported, or
    read by itself. took_vectors: whether the vectors were taken over; else the texts were embedded.
    """

    kind: str
    took_vectors: bool = False
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    chunks: int = 0
    figures: int = 0
    kept: list[str] = field(default_factory=list)
    orphan_keys: list[str] = field(default_factory=list)
    """Pictures to which nothing in the library refers any more."""

    def count(self, change: Change) -> None:
        """Count one document that was put in."""
        if change.replaced:
            self.updated += 1
        else:
            self.added += 1
        self.chunks += change.n_chunks
        self.figures += change.n_figures
        self.orphan_keys += change.orphan_keys


def read_import(path: Path) -> LibraryExport | FaissStore:
    """What there is to import at a path, told by its content. Raises ImportInvalid."""
    if path.is_dir() and (export := LibraryExport.find(path)):
        return export
    if files := find_store(path):
        return read_store(*files)
    raise ImportInvalid(
        f"{path} holds nothing that can be imported: neither an export of limner's (manifest.json) "
        "nor a LangChain FAISS store (index.faiss and index.pkl)."
    )


def import_export(library: Library, export: LibraryExport, on_progress: OnCount) -> ImportReport:
    """Put the documents of a checked export in. Its pictures must be there already.

    Raises ImportInvalid, ModelMissing, or what `Library.put_all` does.
    """
    report = ImportReport("limner")
    if export.manifest.model == library.model:
        report.took_vectors = _are_of_model(library.embeddings, *_samples(export))
    _put(library, export.documents(), report, export.manifest.n_chunks, on_progress, _is_newer)
    return report


def import_faiss(library: Library, store: FaissStore, on_progress: OnCount) -> ImportReport:
    """Put the texts of a LangChain store in; those of one source become one document.

    Raises ImportInvalid, ModelMissing, or what `Library.put_all` does.
    """
    report = ImportReport("langchain-faiss")
    for _ in _documents_of(store):  # each is checked before the first is put in
        pass
    if store.vectors is not None:
        places = _spread([i for i, d in enumerate(store.documents) if d.page_content.strip()])
        texts = [store.documents[place].page_content for place in places]
        report.took_vectors = _are_of_model(library.embeddings, texts, store.vectors[places])
    documents = _documents_of(store)
    _put(library, documents, report, len(store.documents), on_progress, _was_imported)
    return report


def _put(
    library: Library,
    documents: Iterable[NewDocument],
    report: ImportReport,
    n_chunks: int,
    on_progress: OnCount,
    may_replace: Callable[[NewDocument, str, str], bool],
) -> None:
    """may_replace: whether a document may take the place of one with this fingerprint and time."""
    known = library.fingerprints()
    n_seen = 0
    held: list[NewDocument] = []

    def put_held() -> None:
        for change in library.put_all(held):
            report.count(change)
        held.clear()

    for document in documents:
        on_progress(n_seen, n_chunks)
        n_seen += len(document.documents)
        fingerprint, added_at = known.get(document.source, (None, ""))
        if fingerprint == document.fingerprint:
            report.unchanged += 1
        elif fingerprint is not None and not may_replace(document, fingerprint, added_at):
            report.kept.append(document.source)
        else:
            held.append(_as_put_in(document, with_vectors=report.took_vectors))
            if sum(len(one.documents) for one in held) >= MAX_HELD_CHUNKS:
                put_held()
    put_held()
    on_progress(n_chunks, n_chunks)


def _is_newer(document: NewDocument, _: str, added_at: str) -> bool:
    """Whether a document of an export may take the place of one that was added here at this time.

    It may if it was added elsewhere later than that. What comes from a file that is there on this
    machine gives way only if the export's was moreover changed after that file. A time in the
    future says nothing.
    """
    now = datetime.now(UTC)
    if not _time(added_at) < _time(document.added_at or "") <= now:
        return False
    changed_at = _changed_at(document.source)
    dated_at = _time(document.dated_at or "")
    return changed_at is None or (changed_at < dated_at.timestamp() and dated_at <= now)


def _changed_at(source: str) -> float | None:
    """When the file of a source was changed, in seconds; None if there is none.

    One that cannot be looked at may be newer than anything.
    """
    if not source.startswith("file://"):
        return None
    try:
        return Path(unquote(urlsplit(source).path)).stat().st_mtime
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError:
        return math.inf


def _as_put_in(document: NewDocument, *, with_vectors: bool) -> NewDocument:
    # What came from the future would take the place of all that is put in until then.
    is_believed = _time(document.added_at or "") <= datetime.now(UTC)
    return replace(
        document,
        vectors=document.vectors if with_vectors else {},
        added_at=document.added_at if is_believed else None,
    )


def _was_imported(_: NewDocument, fingerprint: str, __: str) -> bool:
    return fingerprint.startswith(FAISS_FINGERPRINT)


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _documents_of(store: FaissStore) -> Iterator[NewDocument]:
    """The texts of a store by the documents that they name. Raises ImportInvalid."""
    places: dict[str, list[int]] = {}
    for place, document in enumerate(store.documents):
        source = given.source_of_document(document.metadata, store.name)
        places.setdefault(source, []).append(place)
    for source, own in places.items():
        pieces = [_piece(store.documents[place]) for place in own]
        yield NewDocument(
            source,
            pieces,
            FAISS_FINGERPRINT + _content_hash(pieces),
            given.title_of(store.documents[own[0]].metadata, store.name),
            vectors=_vectors_of(pieces, store.vectors, own),
        )


def _piece(document: Document) -> Document:
    try:
        return given.evidence_of(document.page_content, document.metadata, document.id or "")
    except MetadataInvalid as error:
        raise ImportInvalid(
            f"The text {document.page_content[:60]!r} cannot be imported. {error}"
        ) from error


def _content_hash(pieces: Sequence[Document]) -> str:
    told = hashlib.sha256()
    for piece in pieces:
        content = repr((piece.page_content, sorted(piece.metadata.items())))
        told.update(content.encode("utf-8", "replace"))
    return told.hexdigest()


def _vectors_of(
    pieces: Sequence[Document], vectors: Vectors | None, places: Sequence[int]
) -> Mapping[str, bytes]:
    if vectors is None:
        return {}
    found = np.asarray(vectors[places])
    if not (np.abs(found) < MAX_NUMBER).all():  # nor with NaN
        raise ImportInvalid("The index holds a vector with a number that is none, or is too large.")
    rows = unit_rows(found).astype("<f4")
    return {piece.page_content: row.tobytes() for piece, row in zip(pieces, rows, strict=True)}


def _samples(export: LibraryExport) -> tuple[list[str], Vectors]:
    """A few texts of an export with their vectors."""
    found: dict[str, bytes] = {}
    for document in export.documents():
        found |= {text: vector for text, vector in document.vectors.items() if text.strip()}
        if len(found) >= N_PROBES:
            break
    texts = list(found)[:N_PROBES]
    rows = np.frombuffer(b"".join(found[text] for text in texts), dtype="<f4")
    return texts, rows.reshape(len(texts), export.manifest.dimension)


def _spread(places: Sequence[int]) -> list[int]:
    """First, middle and last."""
    last = len(places) - 1
    return sorted({places[n * last // (N_PROBES - 1)] for n in range(N_PROBES)}) if places else []


def _are_of_model(embeddings: Embeddings, texts: list[str], vectors: Vectors) -> bool:
    """Whether the model makes these vectors of these texts. Raises ModelMissing."""
    return bool(texts) and is_alike(
        unit_rows(embeddings.embed_documents(texts)), unit_rows(vectors)
    )
