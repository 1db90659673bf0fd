"""The documents in the library's tables: put in, taken out, listed and chosen.

Each function works inside the caller's transaction. Leaves out vectors and search.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from retrievers import evidence, lexical, sources
from retrievers.evidence import Row
from retrievers.figure_parts import IS_FIGURE
from retrievers.vectors import Ids, ids_of


@dataclass(frozen=True, slots=True)
class LibraryDocument:
    """One document as a list of the library shows it. added_at: ISO 8601, UTC."""

    source: str
    title: str
    n_pages: int | None
    n_chunks: int
    n_figures: int
    added_at: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What the library notes of a document besides its evidence."""

    source: str
    title: str
    n_pages: int | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken out of the tables."""

    found: bool
    n_chunks: int = 0
    n_figures: int = 0
    image_keys: tuple[str, ...] = ()


def put_in(
    connection: sqlite3.Connection,
    entry: Entry,
    rows: Sequence[Row],
    vectors: Mapping[str, bytes],
) -> None:
    """Put a document in whose source is not there. vectors: text → vector as stored."""
    document_id = connection.execute(
        "INSERT INTO documents (source, title, n_pages, fingerprint, added_at) "
        "VALUES (?, ?, ?, ?, ?)",
        (
            entry.source,
            entry.title,
            entry.n_pages,
            entry.fingerprint,
            datetime.now(UTC).isoformat(timespec="seconds"),
        ),
    ).lastrowid
    connection.executemany(
        evidence.INSERT,
        (
            (document_id, position, vectors[row.text], *row.values())
            for position, row in enumerate(rows)
        ),
    )
    lexical.add(connection, document_id)


def take_out(connection: sqlite3.Connection, source: str) -> Taken:
    """Take a document out with all that was made from it."""
    row = connection.execute("SELECT id FROM documents WHERE source = ?", (source,)).fetchone()
    if row is None:
        return Taken(found=False)
    chunks = connection.execute(
        f"SELECT {IS_FIGURE}, image_key FROM chunks WHERE document_id = ?",  # noqa: S608 - constants
        row,
    ).fetchall()
    lexical.take_out(connection, row[0])
    connection.execute("DELETE FROM chunks WHERE document_id = ?", row)
    connection.execute("DELETE FROM documents WHERE id = ?", row)
    return Taken(
        found=True,
        n_chunks=len(chunks),
        n_figures=sum(is_figure for is_figure, _ in chunks),
        image_keys=tuple(sorted({key for _, key in chunks if key})),
    )


def unused(connection: sqlite3.Connection, image_keys: Sequence[str]) -> tuple[str, ...]:
    """Those of the pictures to which no chunk refers."""
    used = "SELECT 1 FROM chunks WHERE image_key = ?"
    return tuple(key for key in image_keys if connection.execute(used, (key,)).fetchone() is None)


def forget_pictures(connection: sqlite3.Connection, image_keys: Sequence[str]) -> None:
    """Forget what pictures look like to which no chunk refers any more."""
    for table, column in (
        ("pictures", "image_key"),
        ("picture_vectors", "image_key"),
        ("picture_links", "image_key"),
        ("picture_links", "other_key"),
    ):
        connection.executemany(
            f"DELETE FROM {table} WHERE {column} = ?",  # noqa: S608 - constants
            [(key,) for key in image_keys],
        )


def showing(
    connection: sqlite3.Connection,
    image_keys: Sequence[str],
    among: Ids | None,
    modality: str | None = None,
) -> list[int]:
    """The ids of chunks that show the pictures, in the order of these; one of each document."""
    rows = connection.execute(
        "SELECT id, document_id, image_key, modality FROM chunks "
        "WHERE image_key IN (SELECT value FROM json_each(?)) "
        "ORDER BY modality != 'figure', id",
        (json.dumps(list(image_keys)),),
    ).fetchall()
    allowed = None if among is None else set(among.tolist())
    found: dict[tuple[str, int], int] = {}
    for number, document, key, kind in rows:
        if (allowed is None or number in allowed) and modality in (None, kind):
            found.setdefault((key, document), number)
    places = {key: place for place, key in enumerate(image_keys)}
    return [found[pair] for pair in sorted(found, key=lambda pair: (places[pair[0]], pair[1]))]


def listed(connection: sqlite3.Connection) -> list[LibraryDocument]:
    """All documents, in the order in which they were put in."""
    rows = connection.execute(
        f"SELECT source, title, n_pages, count(chunks.id), "  # noqa: S608 - constants
        f"count(chunks.id) FILTER (WHERE {IS_FIGURE}), added_at "
        "FROM documents LEFT JOIN chunks ON document_id = documents.id "
        "GROUP BY documents.id ORDER BY documents.id"
    )
    return [LibraryDocument(*row) for row in rows]


def matching(connection: sqlite3.Connection, glob: str) -> list[tuple[int, str]]:
    """Id and source of the documents that a glob means."""
    rows = connection.execute("SELECT id, source FROM documents ORDER BY id").fetchall()
    chosen = set(sources.matching([source for _, source in rows], glob))
    return [(number, source) for number, source in rows if source in chosen]


def chosen(connection: sqlite3.Connection, glob: str | None, modality: str | None) -> Ids | None:
    """The ids of the chunks to search, None for all."""
    if glob is None and modality is None:
        return None
    conditions, values = ["TRUE"], []
    if glob is not None:
        conditions.append("document_id IN (SELECT value FROM json_each(?))")
        values.append(json.dumps([number for number, _ in matching(connection, glob)]))
    if modality is not None:
        conditions.append("modality = ?")
        values.append(modality)
    query = f"SELECT id FROM chunks WHERE {' AND '.join(conditions)}"  # noqa: S608 - constants
    return ids_of(connection.execute(query, values))
