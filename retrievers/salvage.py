"""Puts what can be read of a damaged SQLite file of a library into a new one.

Rows are read from both ends of each table up to the damage. The damaged file is kept beside the
new one. Leaves out what the rows mean: `retrievers.repair` mends that afterwards.
"""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from retrievers import schema
from retrievers.database import MAX_VALUE_BYTES, PAGE_BYTES, SCHEMA_VERSION
from retrievers.errors import LibraryDamaged, LibraryLocked, LibraryUnwritable, SchemaMismatch

TABLES = (
    "settings",
    "documents",
    "chunks",
    "vectors",
    "collections",
    "roots",
    "journal",
    "pictures",
    "picture_links",
    "picture_vectors",
    "removals",
)
"""What is copied; all else is made from it."""
ROWS_AT_ONCE = 1_000
WAIT_S = 5.0
"""For others to close the library."""
NEW = ".new-{pid}-library.sqlite"
COPY = ".new-{pid}-library.damaged"
KEPT = "library.damaged-{time}.sqlite"
DAMAGED = (
    "{path} is damaged ({error}), and nothing of it can be read. Restore it from a backup, or move "
    "it away and add the documents again."
)


def n_readable(path: Path) -> int:
    """How many documents of a damaged file can be read."""
    with suppress(sqlite3.Error, UnicodeDecodeError), closing(_opened(path)) as damaged:
        if _is_table(damaged, "documents"):
            return sum(1 for _ in _rows(damaged, "documents", ["source"]))
    return 0


def salvage(path: Path, model: str) -> Path:
    """Put a new file in the place of a damaged one; gives where that is kept.

    model: of the embeddings, where the file does not say. No other process may have the library
    open meanwhile. Raises LibraryDamaged where no document can be read, LibraryLocked,
    LibraryUnwritable or SchemaMismatch; all is then as before.
    """
    if not (n_documents := n_readable(path)):
        raise LibraryDamaged(DAMAGED.format(path=path, error="no document is left"))
    # What this process could not read to the end keeps the file open until it is collected.
    gc.collect()
    new = path.with_name(NEW.format(pid=os.getpid()))
    kept = path.with_name(KEPT.format(time=datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")))
    try:
        with closing(_opened(path)) as damaged:
            _hold(damaged, path)
            _discard_unfinished(path)
            try:
                with closing(_created(new, model)) as mended:
                    _copy_all(damaged, mended)
                    n_copied = mended.execute("SELECT count(*) FROM documents").fetchone()[0]
                    mended.execute("PRAGMA journal_mode = WAL")  # as in every library
                if n_copied < n_documents:
                    raise LibraryDamaged(DAMAGED.format(path=path, error="its rows are unreadable"))
                _empty_log(damaged, path)
                _exchange(path, new, kept, damaged)
            finally:
                _discard_unfinished(path)
    except (OSError, sqlite3.OperationalError) as error:
        raise LibraryUnwritable(
            f"What can be read of {path} cannot be put into a new file ({error}). Check the free "
            "space and the permissions of the folder; nothing in it was changed."
        ) from error
    return kept


def _discard_unfinished(path: Path) -> None:
    """Delete new files that no salvage is at work on: this one alone holds the library."""
    for unfinished in path.parent.glob(NEW.format(pid="*") + "*"):
        unfinished.unlink(missing_ok=True)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=WAIT_S, isolation_level=None
    )
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    connection.text_factory = lambda stored: stored.decode("utf-8", "replace")
    return connection


def _created(new: Path, model: str) -> sqlite3.Connection:
    connection = sqlite3.connect(new, isolation_level=None)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.executescript(f"BEGIN; {schema.statements()} COMMIT;")
    settings = {"schema": SCHEMA_VERSION, "model": model}
    connection.executemany("INSERT INTO settings VALUES (?, ?)", settings.items())
    return connection


def _hold(damaged: sqlite3.Connection, path: Path) -> None:
    """Keep others out until the connection is closed, through all transactions.

    Raises LibraryLocked where one has the library open, or SchemaMismatch of another format.
    """
    try:
        damaged.execute("PRAGMA locking_mode = EXCLUSIVE")
        damaged.execute("BEGIN EXCLUSIVE")
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise LibraryLocked(
                f"Another process uses the library {path.parent}. End it, and try again."
            ) from error
    with suppress(sqlite3.DatabaseError):
        if _is_table(damaged, "settings"):
            stored = damaged.execute("SELECT value FROM settings WHERE key = 'schema'").fetchone()
            if stored and stored[0] != SCHEMA_VERSION:
                raise SchemaMismatch(f"The library {path.parent} has format {stored[0]}.")


def _copy_all(damaged: sqlite3.Connection, mended: sqlite3.Connection) -> None:
    mended.execute("BEGIN")
    for table in TABLES:
        with suppress(sqlite3.DatabaseError):
            if _is_table(damaged, table):
                _copy(damaged, mended, table)
    with suppress(sqlite3.DatabaseError):
        # Ids are never used twice.
        for name, last in damaged.execute("SELECT name, seq FROM sqlite_sequence").fetchall():
            mended.execute(
                "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ? AND typeof(?) = "
                "'integer'",
                (last, name, last),
            )
    _renumber(mended)
    for key in schema.DIMENSIONS:
        mended.execute(
            "DELETE FROM settings WHERE key = ? AND NOT (value GLOB '[1-9]*' "
            "AND value NOT GLOB '*[^0-9]*' AND CAST(value AS INTEGER) <= ?)",
            (key, schema.MAX_DIMENSION),
        )
    # Of a time that no index file knows: all of them are made anew.
    mended.execute("INSERT INTO generations VALUES (strftime('%s') * 1000000000)")
    mended.execute(
        "DELETE FROM removals WHERE generation > (SELECT max(generation) FROM generations)"
    )
    mended.execute("COMMIT")


def _renumber(mended: sqlite3.Connection) -> None:
    """Give ids from which can be counted on; vectors without one go, and are made anew."""
    bad = f"id NOT BETWEEN 1 AND {schema.MAX_ID}"
    for (number,) in mended.execute(f"SELECT id FROM documents WHERE {bad}").fetchall():  # noqa: S608 - constants
        new = _next_id(mended, "documents")
        mended.execute("UPDATE documents SET id = ? WHERE id = ?", (new, number))
        for table in ("chunks", "collections"):
            mended.execute(
                f"UPDATE OR IGNORE {table} SET document_id = ? WHERE document_id = ?",  # noqa: S608 - constants
                (new, number),
            )
    of_bad = f"document_id IN (SELECT document_id FROM chunks WHERE {bad})"  # noqa: S608 - constants
    # Those of one document follow each other.
    rows = mended.execute(f"SELECT id FROM chunks WHERE {of_bad} ORDER BY document_id, position")  # noqa: S608 - constants
    for (number,) in rows.fetchall():
        new = _next_id(mended, "chunks")
        for table in ("chunks", "vectors"):
            mended.execute(f"UPDATE OR IGNORE {table} SET id = ? WHERE id = ?", (new, number))  # noqa: S608 - constants
    for table in ("vectors", "picture_vectors"):
        mended.execute(f"DELETE FROM {table} WHERE {bad}")  # noqa: S608 - constants
    for table in ("documents", "chunks", "picture_vectors"):
        last = _next_id(mended, table) - 1
        mended.execute(
            "UPDATE sqlite_sequence SET seq = CASE WHEN seq BETWEEN ? AND ? THEN seq ELSE ? END "
            "WHERE name = ?",
            (last, schema.MAX_ID, last, table),
        )


def _next_id(mended: sqlite3.Connection, table: str) -> int:
    query = f"SELECT coalesce(max(id), 0) + 1 FROM {table} WHERE id BETWEEN 1 AND ?"  # noqa: S608 - constants
    return int(mended.execute(query, (schema.MAX_ID,)).fetchone()[0])


def _copy(damaged: sqlite3.Connection, mended: sqlite3.Connection, table: str) -> None:
    wanted = {
        name: f"coalesce(?, {_nothing(kind)})" if is_needed else "?"
        for _, name, kind, is_needed, _, _ in mended.execute(f"PRAGMA table_info({table})")
    }
    there = {row[1] for row in damaged.execute(f"PRAGMA table_info({table})")}
    columns = [name for name in wanted if name in there]
    values = ", ".join(wanted[name] for name in columns)
    way = "REPLACE" if table == "settings" else "IGNORE"
    insert = f"INSERT OR {way} INTO {table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608 - constants
    for row in _rows(damaged, table, columns):
        with suppress(sqlite3.IntegrityError):
            mended.execute(insert, row)


def _nothing(kind: str) -> str:
    return {"BLOB": "x''", "INTEGER": "0", "REAL": "0"}.get(kind.upper(), "''")


def _rows(
    connection: sqlite3.Connection, table: str, columns: list[str]
) -> Iterator[tuple[object, ...]]:
    """All rows that can be read: from the first on, then from the last back to the damage."""
    if not _has_rowid(connection, table):
        with suppress(sqlite3.DatabaseError):
            yield from connection.execute(f"SELECT {', '.join(columns)} FROM {table} NOT INDEXED")  # noqa: S608
        return
    last = -(1 << 63)
    for place, row in _numbered(connection, table, columns, last, ">", "ASC"):
        last = place
        yield row
    for place, row in _numbered(connection, table, columns, (1 << 63) - 1, "<", "DESC"):
        if place <= last:
            return
        yield row


def _numbered(
    connection: sqlite3.Connection, table: str, columns: list[str], last: int, side: str, way: str
) -> Iterator[tuple[int, tuple[object, ...]]]:
    """Rows with their numbers up to one that cannot be read."""
    query = (
        f"SELECT rowid, {', '.join(columns)} FROM {table} NOT INDEXED "  # noqa: S608 - constants
        f"WHERE rowid {side} ? ORDER BY rowid {way}"
    )
    with suppress(sqlite3.DatabaseError):
        for last, *row in connection.execute(query, (last,)):  # noqa: B020 - where it goes on
            yield last, tuple(row)
        return
    # Python's sqlite3 looks one row ahead and drops the one before a damage.
    with suppress(sqlite3.DatabaseError):
        while found := connection.execute(f"{query} LIMIT 1", (last,)).fetchone():
            last, *row = found
            yield last, tuple(row)


def _has_rowid(connection: sqlite3.Connection, table: str) -> bool:
    try:
        connection.execute(f"SELECT rowid FROM {table} LIMIT 1").fetchone()  # noqa: S608 - constants
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        return True
    return True


def _is_table(connection: sqlite3.Connection, name: str) -> bool:
    """Whether it is a plain table: what only has the name of one may run anything."""
    found = connection.execute(
        "SELECT type, sql FROM sqlite_master WHERE name = ?", (name,)
    ).fetchone()
    return found is not None and found[0] == "table" and "virtual" not in str(found[1]).lower()[:20]


def _empty_log(damaged: sqlite3.Connection, path: Path) -> None:
    """Take what was committed into the damaged file itself, which is whole then without its log.

    SQLite would take a log that stays for that of the new file.
    """
    damaged.rollback()
    damaged.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise OSError(f"{log.name} cannot be taken into it")


def _exchange(path: Path, new: Path, kept: Path, damaged: sqlite3.Connection) -> None:
    """Put the new file in the place of the damaged one, which is kept.

    At every moment one of the two is there, whole.
    """
    with new.open("rb") as file:
        os.fsync(file.fileno())
    for other in path.parent.glob(KEPT.format(time="*")):
        if other.samefile(path):  # of an exchange that was killed
            other.unlink()
    with ExitStack() as opened:
        try:
            os.link(path, kept)
        except OSError:  # not every file system gives a file two names
            _copy_file(opened, path, kept)
        _sync_folder(path.parent)
        if os.name == "nt":
            damaged.close()  # Windows replaces no file that is open
        new.replace(path)
    _sync_folder(path.parent)
    for name in ("vectors.faiss", "pictures.faiss"):
        path.with_name(name).unlink(missing_ok=True)


def _copy_file(opened: ExitStack, path: Path, kept: Path) -> None:
    """Copy the damaged file; it stays open, because closing it would give up SQLite's locks."""
    unfinished = path.with_name(COPY.format(pid=os.getpid()))
    try:
        with unfinished.open("xb") as copy:
            shutil.copyfileobj(opened.enter_context(path.open("rb")), copy)
            copy.flush()
            os.fsync(copy.fileno())
        unfinished.replace(kept)
    finally:
        unfinished.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Have the folder's list of names on the disk too; Windows has no means, and no need."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
