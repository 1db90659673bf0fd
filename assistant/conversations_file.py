"""The SQLite file of the conversations: its tables, its transactions and its errors.

It keeps no write-ahead log, in which deleted words would stay for a while; a transaction is short
enough for others to wait. Leaves out what is stored: that is `assistant.conversations`.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from assistant.errors import ConversationsDamaged, ConversationsNewer, ConversationsUnwritable

NAME = "conversations.sqlite"
VERSION = 1
BUSY_TIMEOUT_S = 10.0
MAX_VALUE_BYTES = 32 << 20
"""Of one answer: what is larger is read into memory by no one."""
TABLES = {
    "conversations": """CREATE TABLE conversations (
  id TEXT NOT NULL PRIMARY KEY,
  title TEXT NOT NULL,
  changed_at TEXT NOT NULL
)""",
    "turns": """CREATE TABLE turns (
  id INTEGER PRIMARY KEY,
  conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  question TEXT NOT NULL,
  within TEXT NOT NULL,
  answer TEXT NOT NULL,
  asked_at TEXT NOT NULL
)""",
    "turns_of_conversation": "CREATE INDEX turns_of_conversation ON turns (conversation)",
}
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_MISMATCH}


class ConversationsFile:
    """Transactions over the file. Safe for threads and for other processes."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        # Closing any handle of a file drops the locks that this process has on it (POSIX), so
        # the one that makes the file must not come between.
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection that sees one state of the file; None where there is no file yet.

        Raises a ConversationsUnusable.
        """
        with self._lock:
            if not self.path.exists():
                yield None
                return
            with self._transaction("BEGIN") as connection:
                yield connection if self._has_tables(connection) else None

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection with all or nothing of what is written in the block.

        Raises a ConversationsUnusable.
        """
        with self._lock:
            try:
                # For its owner only, whatever the folder's own permissions are.
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            except FileExistsError:
                pass
            except OSError as error:
                raise self._unwritable(error) from error
            with self._transaction("BEGIN IMMEDIATE") as connection:
                if not self._has_tables(connection):
                    for statement in TABLES.values():
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {VERSION}")
                yield connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        connection = None
        try:
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
            )
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA foreign_keys = ON")
            # What is deleted is written over with zeros.
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute(begin)
            yield connection
            connection.execute("COMMIT")
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._explained(error) from error
        finally:
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.rollback()
                connection.close()

    def _has_tables(self, connection: sqlite3.Connection) -> bool:
        """Whether the tables are there; raises unless they are ours, of this version."""
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise ConversationsNewer(
                f"{self.path} was written by a newer limner (its version is {version}, this one "
                f"reads {VERSION}). Update limner, or move the file away to begin anew."
            )
        made = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        found = dict(connection.execute(made))
        if not found and version == 0:
            return False  # the process that made the file was ended before the tables were in it
        if found != TABLES:
            raise self.damaged("its tables are not those that limner makes")
        return True

    def damaged(self, what: str) -> ConversationsDamaged:
        """The error that the file is not what limner wrote."""
        return ConversationsDamaged(
            f"The conversations in {self.path} cannot be read: {what}. Restore the file from a "
            "backup, or move it away to begin anew; the library itself is not touched."
        )

    def _unwritable(self, error: Exception) -> ConversationsUnwritable:
        return ConversationsUnwritable(
            f"The conversations in {self.path} cannot be used ({error}). Check the permissions and "
            "the free space of the folder, and whether another limner hangs; answers are given, "
            "but not stored. To store none, set LIMNER_KEEP_CONVERSATIONS=false."
        )

    def _explained(self, error: Exception) -> Exception:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None or code & 0xFF in DAMAGED or "malformed" in str(error):
            return self.damaged(str(error))
        return self._unwritable(error)
