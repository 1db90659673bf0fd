"""The library's SQLite file: its connections, its transactions and its errors.

Leaves out what the tables mean: that is `retrievers.library`.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from retrievers import schema
from retrievers.errors import (
    LibraryDamaged,
    LibraryError,
    LibraryLocked,
    LibraryMissing,
    LibraryUnwritable,
    ModelMismatch,
    SchemaMismatch,
)

SCHEMA_VERSION = "2"
OLDER_VERSIONS = ("1",)
"""Formats that `retrievers.format_one` brings to the present one."""
PAGE_BYTES = 8192
"""Five vectors of MiniLM fill a page; in pages of 4 KB two would, and waste a quarter."""
TELL_AFTER_S = 1.0
"""Of waiting for another writer, that it is waited for."""

SECONDS_BETWEEN_TRIES = 0.02
MAX_VALUE_BYTES = 256 << 20
"""Of one value: what is larger is read into memory by no one."""

_PRIMARY = 0xFF  # SQLite's extended result codes carry the primary one in their low byte
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_TOOBIG,
}
_UNREADABLE = ("Could not decode to UTF-8", "malformed JSON", "malformed database schema")
_UNWRITABLE = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_IOERR,
}


logger = logging.getLogger(__name__)


class _Connection(sqlite3.Connection):
    """One that knows which file it has open: another may take its name."""

    file: tuple[int, int] | None = None


class Database:
    """A pool of connections to one library file. Safe for threads and for other processes."""

    def __init__(self, path: Path, *, busy_timeout_s: float) -> None:
        self.path = path
        self.busy_timeout_s = busy_timeout_s
        self._query = "mode=rw"
        self._idle: list[_Connection] = []
        self._closed = False

    def open(self) -> None:
        """Check that the file is a library of this version.

        Raises LibraryMissing, LibraryDamaged, SchemaMismatch or LibraryUnwritable.
        """
        if not self.path.is_file():
            raise self._missing()
        try:
            self._check_schema()
        except LibraryUnwritable:
            # In a read-only folder SQLite cannot make the files it shares between processes.
            # Without a log beside it the file is complete, and may be read as it stands.
            log = self.path.with_name(self.path.name + "-wal")
            if log.exists() and log.stat().st_size:
                raise
            self._query = "mode=ro&immutable=1"
            self._close_idle()
            self._check_schema()

    def create(self, model: str) -> None:
        """Make the tables in a file that is missing or empty, for one embedding model."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LibraryUnwritable(
                f"The folder {self.path.parent} cannot be made ({error}). "
                "Choose another with --library."
            ) from error
        self._query = "mode=rwc"
        with self._connection() as connection:
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            self._keep_log(connection)
            self._make_tables(connection, {"schema": SCHEMA_VERSION, "model": model})

    def _make_tables(self, connection: sqlite3.Connection, settings: Mapping[str, str]) -> None:
        """Make the tables and put in the settings, unless another process has done so."""
        try:
            # A process that makes the same library at the same time waits here, then finds
            # everything made.
            connection.execute("BEGIN IMMEDIATE")
            make_tables(connection)
            if setting(connection, "schema") is None:
                connection.executemany("INSERT INTO settings VALUES (?, ?)", settings.items())
            connection.execute("COMMIT")
        finally:
            connection.rollback()

    def _keep_log(self, connection: sqlite3.Connection) -> None:
        """Have SQLite write a log first, so that readers never wait.

        It does not wait by itself where another process does the same: each could hold what the
        other waits for.
        """
        end = time.monotonic() + self.busy_timeout_s
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & _PRIMARY not in _LOCKED or time.monotonic() > end:
                    raise
                time.sleep(SECONDS_BETWEEN_TRIES)
            else:
                return

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees the one state of the library that its first read finds."""
        with self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection with all or nothing of what is written in the block.

        Raises LibraryLocked if another writer holds the library longer than the timeout.
        """
        for _ in range(2):
            with self._connection() as connection:
                self._begin_writing(connection)
                try:
                    # It may have waited for one that put another file in the place of this one.
                    if connection.file == self._file():
                        yield connection
                        connection.execute("COMMIT")
                        return
                finally:
                    connection.rollback()
        raise LibraryLocked(
            f"Another process puts another file in the place of {self.path}, and nothing was "
            "written. Try again when it has finished."
        )

    def _file(self) -> tuple[int, int] | None:
        """Which file is at the path now."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _begin_writing(self, connection: sqlite3.Connection) -> None:
        """Wait for other writers, and say so where it takes long."""
        told_after_s = min(TELL_AFTER_S, self.busy_timeout_s)
        try:
            connection.execute(f"PRAGMA busy_timeout = {1_000 * told_after_s:.0f}")
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            left_s = self.busy_timeout_s - told_after_s
            if error.sqlite_errorcode & _PRIMARY not in _LOCKED or left_s <= 0:
                raise
            logger.warning(
                "Another process is writing to the library %s; waiting for it, %g s at most.",
                self.path.parent,
                self.busy_timeout_s,
            )
            connection.execute(f"PRAGMA busy_timeout = {1_000 * left_s:.0f}")
            connection.execute("BEGIN IMMEDIATE")
        finally:
            connection.execute(f"PRAGMA busy_timeout = {1_000 * self.busy_timeout_s:.0f}")

    def shrink_log(self) -> None:
        """Take what was written over into the file, if no reader is in the way."""
        with self._connection() as connection:
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute(f"PRAGMA busy_timeout = {1_000 * self.busy_timeout_s:.0f}")

    def close(self) -> None:
        """Close the connections; one in use by another thread closes when it is given back."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _connection(self) -> Iterator[_Connection]:
        if self._closed:
            raise ValueError(f"The library {self.path.parent} is closed.")
        with self._mapped():
            connection = self._idle_one() or self._connect()
            try:
                yield connection
            finally:
                if self._closed:
                    connection.close()
                else:
                    self._idle.append(connection)

    def _idle_one(self) -> _Connection | None:
        """One that has the file open which is at the path now; others are closed."""
        file = self._file()
        while self._idle:
            connection = self._idle.pop()
            if connection.file == file:
                return connection
            connection.close()
        return None

    def _connect(self) -> _Connection:
        file = self._file()  # before: one that is put there meanwhile is opened anew then
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?{self._query}",
            uri=True,
            timeout=self.busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
        connection.file = file
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            # A file may be made to do harm: it runs nothing, and a damaged page is noticed.
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
            # What is taken out is overwritten, not only forgotten.
            connection.execute("PRAGMA secure_delete = ON")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def format(self) -> str | None:
        """The format that the file says it has, None where it says nothing.

        Raises LibraryMissing, LibraryDamaged or LibraryUnwritable.
        """
        if not self.path.is_file():
            raise self._missing()
        return self._look()[0]

    def _look(self) -> tuple[str | None, str | None]:
        """The format that the file says it has, and what is wrong with its tables."""
        with self.reading() as connection:
            objects = schema.objects(connection)
            if not objects:
                raise self._missing()
            is_table = schema.is_table(objects, "settings")
            found = setting(connection, "schema") if is_table else None
            fault = schema.fault(objects) or schema.values_fault(connection)
            return found, fault

    def _check_schema(self) -> None:
        found, fault = self._look()
        if found is not None and found != SCHEMA_VERSION:
            to_do = (
                "Bring it to that one, which reads and embeds nothing again, with: limner migrate"
                if found in OLDER_VERSIONS
                else "It was made by a newer one. Update limner: pip install --upgrade limner"
            )
            raise SchemaMismatch(
                f"The library {self.path.parent} has format {found}; this version of limner "
                f"reads format {SCHEMA_VERSION}. {to_do}"
            )
        if found is None or fault:
            raise LibraryDamaged(
                f"{self.path} is an SQLite file, but not a whole library: {fault}. Restore it from "
                "a backup, have what can be read of it put into a new file with: limner verify "
                "--repair, or choose another folder with --library."
            )

    def _missing(self) -> LibraryMissing:
        return LibraryMissing(
            f"There is no library in {self.path.parent}. Make one with: limner add PATH"
        )

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        """Turn errors of SQLite into those of this package."""
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            mapped = self._error(error)
            if mapped is None:
                raise
            raise mapped from error

    def _error(self, error: sqlite3.Error | UnicodeDecodeError) -> LibraryError | None:
        # Of what is no text or no JSON, SQLite and Python only say so.
        is_unreadable = any(words in str(error) for words in _UNREADABLE)
        is_unreadable = is_unreadable or isinstance(error, UnicodeDecodeError)
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
        folder = self.path.parent
        if code in _LOCKED:
            return LibraryLocked(
                f"Another process has been writing to the library {folder} for more than "
                f"{self.busy_timeout_s:g} s. Try again when it has finished."
            )
        if code in _DAMAGED or is_unreadable:
            return LibraryDamaged(
                f"{self.path} is damaged ({error}). Restore it from a backup, or see what can be "
                "saved of it with: limner verify"
            )
        if code in _UNWRITABLE:
            return LibraryUnwritable(
                f"The library {folder} cannot be opened or written ({error}). Check its free "
                "space and the permissions of the folder; nothing in the library was changed."
            )
        return None


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables and indexes that are not there, in the caller's transaction."""
    statement = ""
    for line in schema.statements().splitlines(True):
        statement += line
        # One by one: a script would end the transaction.
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""


def setting(connection: sqlite3.Connection, key: str) -> str | None:
    """The value of a setting, None if it is not set."""
    row = connection.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def set_setting(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Set a setting, in place of what it was."""
    connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (key, value))


def vectors_version(connection: sqlite3.Connection) -> str:
    """What changes whenever all vectors were built anew: the generation that this made."""
    return setting(connection, "vectors_version") or ""


def check_model(connection: sqlite3.Connection, model: str, dimension: int | None = None) -> None:
    """Raise ModelMismatch unless the library was built with this embedding model."""
    built_with = setting(connection, "model")
    if built_with != model:
        raise ModelMismatch(
            f"The library was built with the embedding model {built_with}, but limner is set to "
            f'{model}. Set it back, in limner.toml, with embedding_model = "{built_with}"; or '
            f"build the vectors anew with {model}: limner migrate"
        )
    built_for = setting(connection, "dimension")
    if dimension is not None and built_for is not None and int(built_for) != dimension:
        raise ModelMismatch(
            f"The library was built with vectors of {built_for} numbers, but the embedding model "
            f"{model} gives {dimension}: it is another model of that name. Set embedding_model, "
            "in limner.toml, to the one of that time; or build the vectors anew: limner migrate"
        )


def add_generation(
    connection: sqlite3.Connection,
    *,
    vectors: Iterable[tuple[int, int]] = (),
    picture_vectors: Iterable[tuple[int, int]] = (),
) -> None:
    """Number the state that this transaction makes.

    vectors, picture_vectors: ids, first to last, that it took out of these tables.
    """
    # A time, so that a library restored from a backup does not count to a number that
    # an index file of the time after the backup carries.
    number = max(generation(connection) + 1, time.time_ns())
    connection.execute("INSERT INTO generations VALUES (?)", (number,))
    for name, removed in (("vectors", vectors), ("picture_vectors", picture_vectors)):
        connection.executemany(
            "INSERT INTO removals VALUES (?, ?, ?, ?)",
            ((number, name, first, last) for first, last in removed),
        )


def generation(connection: sqlite3.Connection) -> int:
    """The number of the state that the connection sees."""
    newest: int | None = connection.execute("SELECT max(generation) FROM generations").fetchone()[0]
    return newest or 0


def removed_at(connection: sqlite3.Connection) -> int:
    """The generation that last took anything out of `vectors`, 0 if none did."""
    rows = connection.execute("SELECT max(generation) FROM removals WHERE name = 'vectors'")
    newest: int | None = rows.fetchone()[0]
    return newest or 0
