"""An export of a library, checked and read back document by document.

Everything in it is hostile until shown otherwise: sizes, types and values are checked before a
document is given on. Leaves out what is done with the documents: `retrievers.imports`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.documents import Document

from retrievers.collection_names import kept_name
from retrievers.errors import ImportInvalid, InvalidCollection
from retrievers.evidence import NOT_IN_JSON
from retrievers.exchange import (
    DOCUMENTS,
    EVIDENCE,
    MEDIA,
    Manifest,
    digest,
    documents_schema,
    evidence_schema,
)
from retrievers.given import MAX_TEXT_CHARS
from retrievers.library import NewDocument
from retrievers.modalities import MODALITIES
from retrievers.progress import OnCount
from retrievers.vectors import Vectors

ROWS_AT_ONCE = 128
MAX_ROW_GROUP_BYTES = 256 << 20
MAX_NAME_CHARS = 16_384
MAX_COLLECTIONS = 10_000
MAX_PLACE = 1 << 31
"""Of pages, pixels and parts."""
PLAIN_ENCODINGS = frozenset(("PLAIN", "RLE", "BIT_PACKED"))
"""Without a value that stands for many: a long text in a small file could fill the memory."""
LENGTH_TOLERANCE = 1e-3


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) < MAX_PLACE


def _is_count(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int) and value >= 0


def _is_words(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _is_box(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


KINDS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(
        ("section", "sheet", "cells", "page_label", "caption", "label", "language"), _is_text
    ),
    **dict.fromkeys(("width", "height", "part"), _is_count),
    **dict.fromkeys(("start", "end"), _is_number),
    **dict.fromkeys(("descriptions", "rejected"), _is_words),
    "bbox": _is_box,
    "given": lambda value: value is True,
}
"""What limner relies on in metadata; any other key may hold any JSON."""


class LibraryExport:
    """A folder that `limner export-library` has written. Files are opened anew for each pass."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.image_keys: set[str] = set()
        """To which its evidence refers; known after `check`."""

    @classmethod
    def find(cls, folder: Path) -> LibraryExport | None:
        """The export in a folder; None where it holds none. Raises ImportInvalid."""
        manifest = Manifest.read(folder)
        return cls(folder, manifest) if manifest else None

    @property
    def media(self) -> Path:
        """Where its pictures lie."""
        return self.folder / MEDIA

    def check(self, on_progress: OnCount = lambda _, __: None) -> None:
        """Read all of it, so that nothing of a bad export comes into a library.

        Raises ImportInvalid.
        """
        for name, expected in self.manifest.files.items():
            path = self.folder / name
            if path.is_symlink() or not path.is_file():
                raise ImportInvalid(f"{path} is not there, or is no plain file.")
            with self._explained(name):
                found = digest(path)
            if found != expected:
                raise ImportInvalid(
                    f"{path} is not what was exported: its SHA-256 is {found[:16]}…, the manifest "
                    f"says {expected[:16]!r}…. Copy the export again, or export the library anew."
                )
        sources: set[str] = set()
        n_chunks = 0
        for document in self.documents():
            if document.source in sources:
                raise self._bad(DOCUMENTS, f"the source {document.source!r} stands in it twice")
            sources.add(document.source)
            keys = (piece.metadata.get("image_key") for piece in document.documents)
            self.image_keys.update(key for key in keys if key is not None)
            n_chunks += len(document.documents)
            on_progress(n_chunks, self.manifest.n_chunks)
        for what, found_n, said in (
            ("documents", len(sources), self.manifest.n_documents),
            ("chunks", n_chunks, self.manifest.n_chunks),
            ("pictures", len(self.image_keys), self.manifest.n_pictures),
        ):
            if found_n != said:
                raise self._bad(EVIDENCE, f"{found_n:,} {what} are in it, not {said:,}")

    def documents(self) -> Iterator[NewDocument]:
        """The documents with their evidence and vectors, each checked. Raises ImportInvalid."""
        evidence = self._evidence()
        for row in self._rows(DOCUMENTS, documents_schema()):
            entry = self._checked_entry(row)
            pieces: list[Document] = []
            vectors: dict[str, bytes] = {}
            for position in range(row["chunks"]):
                source, found, piece, vector = next(evidence, ("", -1, None, b""))
                if piece is None or (source, found) != (entry["source"], position):
                    raise self._bad(
                        EVIDENCE, f"chunk {position} of {entry['source']!r} is not in its place"
                    )
                pieces.append(piece)
                vectors[piece.page_content] = vector
            yield NewDocument(documents=pieces, vectors=vectors, **entry)
        if next(evidence, None) is not None:
            raise self._bad(EVIDENCE, "it holds chunks of documents that are not there")

    def _checked_entry(self, row: dict[str, Any]) -> dict[str, Any]:
        names = row["collections"] or []
        told = [row["source"], row["title"], row["fingerprint"], *names]
        if any(len(text) > MAX_NAME_CHARS for text in told) or len(names) > MAX_COLLECTIONS:
            raise self._bad(DOCUMENTS, "a name in it is too long, or a list of them")
        if not row["source"]:
            raise self._bad(DOCUMENTS, "a name in it is empty")
        try:
            names = [kept_name(name) for name in names]
        except InvalidCollection as error:
            raise self._bad(DOCUMENTS, str(error)) from error
        pages = row["pages"]
        if row["chunks"] < 0 or (pages is not None and not 0 <= pages < MAX_PLACE):
            raise self._bad(DOCUMENTS, f"{row['source']!r} has an impossible count")
        for name in ("added_at", "dated_at"):
            if row[name] is not None and not _is_time(row[name]):
                raise self._bad(DOCUMENTS, f"{row[name][:50]!r} is no time ({name})")
        kept = ("source", "title", "fingerprint", "added_at", "dated_at")
        return {name: row[name] for name in kept} | {
            "n_pages": pages,
            "collections": tuple(names),
        }

    def _evidence(self) -> Iterator[tuple[str, int, Document, bytes]]:
        """Source, position, piece and vector of each chunk."""
        dimension = self.manifest.dimension
        schema = evidence_schema(dimension)
        for batch in self._batches(EVIDENCE, schema):
            numbers = batch.column("vector").flatten().to_numpy(zero_copy_only=False)
            vectors = self._checked_vectors(numbers.reshape(len(batch), dimension))
            rows = batch.drop_columns(["vector"]).to_pylist()
            for row, vector in zip(rows, vectors, strict=True):
                yield row["source"], row["position"], self._piece(row), vector.tobytes()

    def _checked_vectors(self, vectors: Vectors) -> Vectors:
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
        # What has no words may have a vector of zeros.
        is_unit = (np.abs(lengths - 1.0) < LENGTH_TOLERANCE) | (lengths == 0.0)
        if not is_unit.all():  # not of NaN either
            place = int(np.argmin(is_unit))
            raise self._bad(EVIDENCE, f"a vector has the length {lengths[place]:g} instead of 1")
        return vectors

    def _piece(self, row: dict[str, Any]) -> Document:
        if len(row["text"]) > MAX_TEXT_CHARS or len(row["metadata"]) > MAX_TEXT_CHARS:
            raise self._bad(EVIDENCE, f"a chunk has more than {MAX_TEXT_CHARS:,} characters")
        if not 0 < len(row["chunk_id"]) <= MAX_NAME_CHARS or row["modality"] not in MODALITIES:
            raise self._bad(EVIDENCE, f"a chunk has the modality {row['modality'][:50]!r} or no id")
        page, key = row["page"], row["image_key"]
        if page is not None and not 0 <= page < MAX_PLACE:
            raise self._bad(EVIDENCE, f"a chunk is on page {page}")
        own = {"chunk_id": row["chunk_id"], "modality": row["modality"]}
        own |= {
            name: value for name, value in (("page", page), ("image_key", key)) if value is not None
        }
        return Document(page_content=row["text"], metadata=self._metadata(row["metadata"]) | own)

    def _metadata(self, text: str) -> dict[str, Any]:
        try:
            found = json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise self._bad(EVIDENCE, f"metadata are no JSON ({error})") from error
        if not isinstance(found, dict) or found.keys() & NOT_IN_JSON:
            raise self._bad(
                EVIDENCE, "metadata are no object, or hold what has a column of its own"
            )
        for key, fits in KINDS.items():
            if key in found and not fits(found[key]):
                raise self._bad(EVIDENCE, f"the metadata {key!r} have a value of the wrong kind")
        return dict(found)

    def _rows(self, name: str, schema: Any) -> Iterator[dict[str, Any]]:
        for batch in self._batches(name, schema):
            yield from batch.to_pylist()

    def _batches(self, name: str, schema: Any) -> Iterator[Any]:
        """The table in batches. Raises ImportInvalid where it has other columns."""
        import pyarrow.parquet as pq

        path = self.folder / name
        # Read ahead, it would hold the whole file.
        with self._explained(name), pq.ParquetFile(path, pre_buffer=False) as file:
            if not file.schema_arrow.equals(schema):
                raise self._bad(
                    name, f"it does not have the columns that it should: {schema.names}"
                )
            for number in range(file.metadata.num_row_groups):
                self._check_group(name, file.metadata.row_group(number))
            for batch in file.iter_batches(ROWS_AT_ONCE, use_threads=False):
                batch.validate(full=True)
                yield batch

    def _check_group(self, name: str, group: Any) -> None:
        """Refuse a row group that would unfold to much more than it says."""
        if group.total_byte_size > MAX_ROW_GROUP_BYTES:
            raise self._bad(name, f"a row group is larger than {MAX_ROW_GROUP_BYTES:,} bytes")
        for number in range(group.num_columns):
            others = set(group.column(number).encodings) - PLAIN_ENCODINGS
            if others:
                raise self._bad(name, f"it is encoded by {', '.join(sorted(others))}, not plainly")

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError, UnicodeDecodeError, MemoryError) as error:
            raise self._bad(name, f"it cannot be read ({error})") from error

    def _bad(self, name: str, why: str) -> ImportInvalid:
        return ImportInvalid(
            f"{self.folder / name} is damaged, or no export: {why}. Nothing was imported."
        )


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")
