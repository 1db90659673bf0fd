"""The documents in the library's tables: put in, taken out, listed and chosen.

Each function works inside the caller's transaction. Leaves out vectors and search.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from retrievers import collection_names, evidence
from retrievers.evidence import Row
from retrievers.figure_parts import IS_FIGURE
from retrievers.vectors import Ids

_IDS = "SELECT id FROM chunks WHERE document_id = ?"


@dataclass(frozen=True, slots=True)
class LibraryDocument:
    """One document as a list of the library shows it. added_at: ISO 8601, UTC."""

    source: str
    title: str
    n_pages: int | None
    n_chunks: int
    n_figures: int
    added_at: str
    dated_at: str | None = None
    """The file's own time, where it has one."""
    collections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """What the library notes of a document besides its evidence."""

    source: str
    title: str
    n_pages: int | None
    fingerprint: str
    dated_at: str | None = None
    collections: tuple[str, ...] = ()
    added_at: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken out of the tables. ids: of chunks, first to last."""

    n_chunks: int = 0
    n_figures: int = 0
    image_keys: tuple[str, ...] = ()
    ids: tuple[tuple[int, int], ...] = ()

    @classmethod
    def together(cls, several: Sequence[Taken]) -> Taken:
        """What was taken out in several steps of one change."""
        ids: list[tuple[int, int]] = []
        for first, last in sorted(pair for one in several for pair in one.ids):
            follows = bool(ids) and ids[-1][1] + 1 == first
            ids.append((ids.pop()[0] if follows else first, last))
        return cls(
            sum(one.n_chunks for one in several),
            sum(one.n_figures for one in several),
            tuple(sorted({key for one in several for key in one.image_keys})),
            tuple(ids),
        )


def document_id(connection: sqlite3.Connection, source: str) -> int | None:
    """The row of a document, None if it is not in the library."""
    row = connection.execute("SELECT id FROM documents WHERE source = ?", (source,)).fetchone()
    return row[0] if row else None


def with_content(connection: sqlite3.Connection, sha256: str) -> list[Entry]:
    """The documents whose fingerprint begins so, the first added first."""
    rows = connection.execute(
        "SELECT source, title, n_pages, fingerprint, dated_at FROM documents "
        "WHERE substr(fingerprint, 1, 64) = ? ORDER BY id",
        (sha256,),
    )
    return [Entry(*row) for row in rows]


def put_in(
    connection: sqlite3.Connection,
    number: int | None,
    entry: Entry,
    rows: Sequence[Row],
    vectors: Mapping[str, bytes],
) -> None:
    """Put a document in. number: of the one that it is a new version of, without its evidence.

    vectors: text → vector as stored.
    """
    values = (
        entry.source,
        entry.title,
        entry.n_pages,
        entry.fingerprint,
        entry.dated_at,
        evidence.checksum(row.values() for row in rows),
    )
    if number is None:
        number = connection.execute(
            "INSERT INTO documents (source, title, n_pages, fingerprint, dated_at, checksum, "
            "added_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*values, entry.added_at or datetime.now(UTC).isoformat(timespec="seconds")),
        ).lastrowid
        assert number is not None  # noqa: S101 - for the type checker
    else:
        connection.execute(
            "UPDATE documents SET source = ?, title = ?, n_pages = ?, fingerprint = ?, "
            "dated_at = ?, checksum = ? WHERE id = ?",
            (*values, number),
        )
    connection.executemany(
        evidence.INSERT,
        ((number, position, *row.values()) for position, row in enumerate(rows)),
    )
    first = connection.execute(
        "SELECT min(id) FROM chunks WHERE document_id = ?", (number,)
    ).fetchone()[0]
    connection.executemany(
        "INSERT INTO vectors (id, vector) VALUES (?, ?)",
        ((first + position, vectors[row.text]) for position, row in enumerate(rows)),
    )
    collect(connection, number, entry.collections)


def take_out_evidence(connection: sqlite3.Connection, number: int) -> Taken:
    """Take out the evidence of a document with all that was made from it."""
    chunks = connection.execute(
        f"SELECT {IS_FIGURE}, image_key FROM chunks WHERE document_id = ?",  # noqa: S608 - constants
        (number,),
    ).fetchall()
    if not chunks:
        return Taken()
    ids = runs(row[0] for row in connection.execute(f"{_IDS} ORDER BY id", (number,)))
    connection.execute(f"DELETE FROM vectors WHERE id IN ({_IDS})", (number,))  # noqa: S608
    connection.execute(f"DELETE FROM new_vectors WHERE id IN ({_IDS})", (number,))  # noqa: S608
    connection.execute("DELETE FROM chunks WHERE document_id = ?", (number,))
    return Taken(
        n_chunks=len(chunks),
        n_figures=sum(is_figure for is_figure, _ in chunks),
        image_keys=tuple(sorted({key for _, key in chunks if key})),
        ids=tuple(ids),
    )


def runs(ids: Iterable[int]) -> list[tuple[int, int]]:
    """Ids in order as ranges, first to last; those of a document are one unless it is damaged."""
    found: list[tuple[int, int]] = []
    for number in ids:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def collect(connection: sqlite3.Connection, number: int, names: Iterable[str]) -> None:
    """Put a document into collections too. Raises InvalidCollection."""
    for name in names:
        same = collection_names.match(name, collection_names.all_names(connection))
        connection.execute(
            "INSERT OR IGNORE INTO collections (name, document_id) VALUES (?, ?)",
            (same or collection_names.kept_name(name), number),
        )


def unused(connection: sqlite3.Connection, image_keys: Sequence[str]) -> tuple[str, ...]:
    """Those of the pictures to which no chunk refers."""
    used = "SELECT 1 FROM chunks WHERE image_key = ?"
    return tuple(key for key in image_keys if connection.execute(used, (key,)).fetchone() is None)


def forget_pictures(
    connection: sqlite3.Connection, image_keys: Sequence[str]
) -> list[tuple[int, int]]:
    """Forget what pictures look like to which no chunk refers any more.

    Gives the ids of their vectors, first to last.
    """
    chosen = json.dumps(image_keys)
    vectors = connection.execute(
        "SELECT id, id FROM picture_vectors WHERE image_key IN (SELECT value FROM json_each(?))",
        (chosen,),
    ).fetchall()
    for table, column in (
        ("pictures", "image_key"),
        ("picture_vectors", "image_key"),
        ("picture_links", "image_key"),
        ("picture_links", "other_key"),
    ):
        connection.execute(
            f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))",  # noqa: S608 - constants
            (chosen,),
        )
    return vectors


def showing(
    connection: sqlite3.Connection,
    image_keys: Sequence[str],
    among: Ids | None,
    modality: str | None = None,
) -> list[int]:
    """The ids of chunks that show the pictures, in the order of these; one of each document."""
    if not image_keys:
        return []
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
        f"count(chunks.id) FILTER (WHERE {IS_FIGURE}), added_at, dated_at, "
        f"{collection_names.OF_DOCUMENT} "
        "FROM documents LEFT JOIN chunks ON document_id = documents.id "
        "GROUP BY documents.id ORDER BY documents.id"
    )
    return [
        LibraryDocument(source, title, n_pages, n_chunks, n_figures, added, dated, names)
        for source, title, n_pages, n_chunks, n_figures, added, dated, stored in rows
        for names in [tuple(json.loads(stored))]
    ]
