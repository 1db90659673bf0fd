"""A library as Parquet tables, which other programs read as well: written, checked, read back.

An export is a folder: `manifest.json`, `documents.parquet` with a row a document,
`evidence.parquet` with a row a chunk in the same order, and the pictures in `media/`. What is
imported is hostile until shown otherwise. Leaves out the pictures: that is
`assistant.exchange`.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from retrievers import collection_names
from retrievers.database import setting
from retrievers.errors import ImportInvalid, LibraryDamaged
from retrievers.progress import OnCount
from retrievers.schema import MAX_DIMENSION
from retrievers.vectors import rows_from_blobs

FORMAT = "limner-library"
FORMAT_VERSION = 1
MANIFEST, DOCUMENTS, EVIDENCE, MEDIA = (
    "manifest.json",
    "documents.parquet",
    "evidence.parquet",
    "media",
)
ROWS_AT_ONCE = 1024
"""In a row group of the evidence: about 3 MB with vectors of 384 numbers."""
BYTES_AT_ONCE = 32 << 20
MAX_MANIFEST_BYTES = 16 << 20
"""Each missing picture takes 80."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export says of itself.

    files: name of a table → SHA-256 of its bytes. missing_pictures: keys to which the evidence
    refers, but of which the library had no picture, or a damaged one.
    """

    model: str
    dimension: int
    n_documents: int
    n_chunks: int
    n_pictures: int
    files: dict[str, str]
    missing_pictures: list[str] = field(default_factory=list)
    limner: str = field(default_factory=lambda: version("limner"))
    format: str = FORMAT
    version: int = FORMAT_VERSION

    def write(self, folder: Path) -> None:
        """Write it into the export."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=2)
        (folder / MANIFEST).write_text(text + "\n", "utf-8")

    @classmethod
    def read(cls, folder: Path) -> Manifest | None:
        """None where the folder holds no export. Raises ImportInvalid."""
        path = folder / MANIFEST
        if not path.is_file():
            return None
        try:
            with path.open("rb") as file:
                found = json.loads(file.read(MAX_MANIFEST_BYTES))
        except (OSError, ValueError, RecursionError) as error:
            raise ImportInvalid(f"{path} cannot be read ({error}).") from error
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            return None
        if found.get("version") != FORMAT_VERSION:
            raise ImportInvalid(
                f"{folder} is an export in format {found.get('version')!r}; this version of limner "
                f"reads format {FORMAT_VERSION}. Export the library again with this version."
            )
        if not _is_manifest(found):
            raise ImportInvalid(f"{path} is damaged: it lacks fields, or has others.")
        return cls(**found)


def _is_manifest(found: dict[str, Any]) -> bool:
    counts = ("n_documents", "n_chunks", "n_pictures", "dimension")
    files = found.get("files")
    return (
        found.keys() == set(Manifest.__dataclass_fields__)
        and all(type(found[name]) is int and found[name] >= 0 for name in counts)
        and found["dimension"] <= MAX_DIMENSION
        and isinstance(found["model"], str)
        and isinstance(files, dict)
        and files.keys() == {DOCUMENTS, EVIDENCE}
        and all(isinstance(text, str) for text in (*files.values(), found["limner"]))
        and isinstance(found["missing_pictures"], list)
        and all(isinstance(key, str) for key in found["missing_pictures"])
    )


def documents_schema() -> Any:
    """The columns of documents.parquet, a pyarrow Schema."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("source", pa.string(), nullable=False),
            pa.field("title", pa.string(), nullable=False),
            pa.field("pages", pa.int64()),
            pa.field("fingerprint", pa.string(), nullable=False),
            pa.field("added_at", pa.string(), nullable=False),
            pa.field("dated_at", pa.string()),
            pa.field("collections", pa.list_(pa.field("name", pa.string(), nullable=False))),
            pa.field("chunks", pa.int64(), nullable=False),
        ]
    )


def evidence_schema(dimension: int) -> Any:
    """The columns of evidence.parquet, a pyarrow Schema."""
    import pyarrow as pa

    number = pa.field("number", pa.float32(), nullable=False)
    return pa.schema(
        [
            pa.field("source", pa.string(), nullable=False),
            pa.field("position", pa.int64(), nullable=False),
            pa.field("chunk_id", pa.string(), nullable=False),
            pa.field("modality", pa.string(), nullable=False),
            pa.field("page", pa.int64()),
            pa.field("text", pa.string(), nullable=False),
            pa.field("metadata", pa.string(), nullable=False),
            pa.field("image_key", pa.string()),
            pa.field("vector", pa.list_(number, dimension), nullable=False),
        ]
    )


def write_tables(
    connection: sqlite3.Connection, folder: Path, on_progress: OnCount = lambda _, __: None
) -> Manifest:
    """Write the two tables of what the connection sees; a row group at a time is in memory.

    Gives the manifest, which is to be written last. Raises OSError or LibraryDamaged.
    """
    import pyarrow as pa

    dimension = int(setting(connection, "dimension") or 0)
    n_chunks = _count(connection, "SELECT count(*) FROM chunks")
    try:
        n_documents = _write_documents(connection, folder / DOCUMENTS)
        _write_evidence(connection, folder / EVIDENCE, dimension, n_chunks, on_progress)
    except pa.ArrowException as error:  # SQLite keeps any value in any column
        raise LibraryDamaged(
            f"The library holds what it cannot have put in itself ({error}). Look into it with: "
            "limner verify"
        ) from error
    return Manifest(
        model=setting(connection, "model") or "",
        dimension=dimension,
        n_documents=n_documents,
        n_chunks=n_chunks,
        n_pictures=_count(connection, "SELECT count(DISTINCT image_key) FROM chunks"),
        files={name: digest(folder / name) for name in (DOCUMENTS, EVIDENCE)},
    )


def picture_keys(connection: sqlite3.Connection) -> list[str]:
    """The keys of the pictures to which the evidence that the connection sees refers."""
    query = "SELECT DISTINCT image_key FROM chunks WHERE image_key IS NOT NULL ORDER BY 1"
    return [row[0] for row in connection.execute(query)]


def digest(path: Path) -> str:
    """The SHA-256 of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_documents(connection: sqlite3.Connection, path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = connection.execute(
        "SELECT source, title, n_pages, fingerprint, added_at, dated_at, "  # noqa: S608 - constants
        f"{collection_names.OF_DOCUMENT}, "
        "(SELECT count(*) FROM chunks WHERE document_id = documents.id) "
        "FROM documents ORDER BY id"
    )
    schema = documents_schema()
    n_documents = 0
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
        while block := rows.fetchmany(ROWS_AT_ONCE):
            n_documents += len(block)
            told = [(*row[:6], json.loads(row[6]), row[7]) for row in block]
            columns = zip(*told, strict=True)
            arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return n_documents


def _write_evidence(
    connection: sqlite3.Connection,
    path: Path,
    dimension: int,
    n_chunks: int,
    on_progress: OnCount,
) -> None:
    import pyarrow.parquet as pq

    rows = connection.execute(
        "SELECT source, position, chunk_id, modality, page, text, metadata, image_key, vector "
        "FROM documents JOIN chunks ON chunks.document_id = documents.id "
        "JOIN vectors ON vectors.id = chunks.id ORDER BY documents.id, position"
    )
    schema = evidence_schema(dimension)
    n_done = 0
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
        for block in _blocks(rows):
            on_progress(n_done, n_chunks)
            writer.write_table(_evidence_table(block, schema))
            n_done += len(block)


def _blocks(rows: sqlite3.Cursor) -> Iterator[list[tuple[Any, ...]]]:
    """Rows in blocks of bounded number and size."""
    block: list[tuple[Any, ...]] = []
    n_bytes = 0
    for row in rows:
        block.append(row)
        n_bytes += len(row[5]) + len(row[6]) + len(row[8])
        if len(block) == ROWS_AT_ONCE or n_bytes > BYTES_AT_ONCE:
            yield block
            block, n_bytes = [], 0
    if block:
        yield block


def _evidence_table(block: list[tuple[Any, ...]], schema: Any) -> Any:
    import pyarrow as pa

    *columns, blobs = zip(*block, strict=True)
    kind = schema.field("vector").type
    numbers = pa.array(rows_from_blobs(blobs, kind.list_size).reshape(-1))
    vectors = pa.FixedSizeListArray.from_arrays(numbers, type=kind)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=False)]
    return pa.Table.from_arrays([*arrays, vectors], schema=schema)


def _count(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])
