"""Documents as rows of the library, and back.

A picture's URL is not stored: it is made when a Document is read, so that a library can be
moved. Leaves out transactions and search.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.documents import Document

from retrievers.errors import LibraryDamaged

COLUMNS = ("chunk_id", "modality", "page", "image_key")
"""Metadata with a column of their own; `source` and `title` are their document's."""
NOT_IN_JSON = {*COLUMNS, "source", "title", "image_url", "score"}

PICTURE_NAME = re.compile(r"\w[\w.-]{0,200}")

INSERT = f"""
INSERT INTO chunks (document_id, position, text, metadata, {", ".join(COLUMNS)})
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""  # noqa: S608 - only constants
SELECT_STORED = f"""
SELECT text, metadata, {", ".join(COLUMNS)} FROM chunks WHERE document_id = ? ORDER BY position
"""  # noqa: S608 - only constants
SELECT = f"""
SELECT chunks.text, documents.source, documents.title, chunks.metadata, {", ".join(COLUMNS)}
FROM chunks JOIN documents ON documents.id = chunks.document_id
"""  # noqa: S608 - only constants


def place_name(metadata: Mapping[str, Any]) -> str:
    """Where in its document it stands, as a person finds it; "" where no such place is known.

    A page by its number and by what the document itself calls it, a sheet of a workbook and its
    cells, the time in a recording: "page 3 (iv)", "sheet Sales, B2:F15", "at 1:05".
    """
    parts = []
    if "page" in metadata:
        label = metadata.get("page_label")
        parts.append(f"page {metadata['page']}" + (f" ({label})" if label else ""))
    if "sheet" in metadata:
        parts.append(f"sheet {metadata['sheet']}")
    if "cells" in metadata:
        parts.append(str(metadata["cells"]))
    if "start" in metadata:
        parts.append(f"at {clock(metadata['start'])}")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """A time in a recording as players show it: "1:05", "2:03:09"."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


@dataclass(frozen=True, slots=True)
class Row:
    """What is stored of one Document besides its vector."""

    text: str
    metadata: str
    chunk_id: str
    modality: str
    page: int | None
    image_key: str | None

    @classmethod
    def of(cls, document: Document) -> Row:
        """Raises ValueError if the metadata break the data contract."""
        found = document.metadata
        chunk_id, modality = found.get("chunk_id"), found.get("modality")
        if not chunk_id or not modality:
            raise ValueError("A Document in the library needs a chunk_id and a modality.")
        rest = {key: value for key, value in found.items() if key not in NOT_IN_JSON}
        return cls(
            encodable(document.page_content),
            encodable(json.dumps(rest, ensure_ascii=False, allow_nan=False)),
            chunk_id,
            modality,
            found.get("page"),
            found.get("image_key"),
        )

    def values(self) -> tuple[Any, ...]:
        """In the order of INSERT, from text on."""
        return (
            self.text,
            self.metadata,
            self.chunk_id,
            self.modality,
            self.page,
            self.image_key,
        )


def checksum(stored: Iterable[tuple[Any, ...]]) -> str:
    """SHA-256 over what is stored of a document's chunks, in order: rows as of SELECT_STORED.

    Each value is preceded by its length, so that no other values give the same bytes.
    """
    digest = hashlib.sha256()
    for row in stored:
        for value in row:
            content = b"" if value is None else str(value).encode()
            digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()


def read_documents(
    connection: sqlite3.Connection, media_base_url: str, where: str, values: Sequence[Any]
) -> list[Document]:
    """The Documents of the chunks for which the SQL condition (and order) holds."""
    return [
        _document(row, media_base_url)
        for row in connection.execute(f"{SELECT} WHERE {where}", values)
    ]


def stored_metadata(stored: Any) -> dict[str, Any]:
    """The JSON object of a chunk. Raises TypeError, ValueError or RecursionError if it is none."""
    found = json.loads(stored, parse_constant=_no_number)
    if not isinstance(found, dict):
        raise TypeError("its metadata are no JSON object")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def is_picture_name(key: Any) -> bool:
    """Whether it names a file in the folder of the pictures, and no other."""
    return isinstance(key, str) and PICTURE_NAME.fullmatch(key) is not None


def encodable(text: str) -> str:
    """The text without lone surrogates, which neither SQLite nor a tokenizer takes."""
    return text.encode("utf-8", "replace").decode()


def _document(row: Sequence[Any], media_base_url: str) -> Document:
    text, source, title, stored, *columns = row
    try:
        rest = stored_metadata(stored)
        if not (isinstance(text, str) and isinstance(source, str) and isinstance(title, str)):
            raise TypeError("a text is none")  # noqa: TRY301 - told as the others are
    except (TypeError, ValueError, RecursionError) as error:
        raise LibraryDamaged(
            f"A chunk of {source} cannot be read ({error}). Have it mended with: limner verify "
            "--repair"
        ) from error
    found = dict(zip(COLUMNS, columns, strict=True))
    # Of a library from somebody else, the JSON might hold what has a column of its own, or a URL.
    metadata = {key: value for key, value in rest.items() if key not in NOT_IN_JSON}
    metadata |= {"source": source, "title": title}
    metadata |= {key: value for key, value in found.items() if value is not None}
    if is_picture_name(found["image_key"]):
        metadata["image_url"] = media_base_url + found["image_key"]
    return Document(page_content=text, metadata=metadata)
