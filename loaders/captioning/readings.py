"""What machines read out of pictures, remembered for all libraries of a user in one SQLite file.

It is only a cache: where the file is locked, damaged or cannot be written, pictures are read
again. Leaves out the pictures, and the text of scanned pages, which lies with its library.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_path

MAX_BYTES = 256 << 20
"""About a million captions, or 200,000 pictures full of text."""
BUSY_TIMEOUT_S = 5.0
KEPT_SHARE = 0.8
"""Of the limit: so much is left when the longest unused readings are deleted."""
DELETED_SHARE = 0.1
"""Of the readings: so many are deleted at a time."""
SECONDS_A_DAY = 86_400
FILE = "readings-1.sqlite"
"""Other tables would have another number: versions of limner side by side leave each other's."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS readings (
  picture TEXT NOT NULL,
  reader TEXT NOT NULL,
  text TEXT NOT NULL,
  used_on INTEGER NOT NULL,
  PRIMARY KEY (picture, reader)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS readings_by_use ON readings (used_on);
"""
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

logger = logging.getLogger(__name__)


def default_folder() -> Path:
    """The user's own folder for caches: ~/.cache/limner on Linux."""
    return user_cache_path("limner", appauthor=False)


class ReadingCache:
    """Readings by picture and reader. Safe for threads and processes; it never raises."""

    def __init__(self, folder: Path | None = None, *, max_bytes: int = MAX_BYTES) -> None:
        """folder: the user's own when None. max_bytes: of the file; nothing is kept when 0."""
        self.folder = folder or default_folder()
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._is_off = max_bytes == 0

    def known(self, pictures: Sequence[str], reader: str) -> dict[str, str]:
        """Of the pictures that the reader has read: key → text, "" where it found nothing.

        reader: its name and version.
        """
        found: dict[str, str] = {}

        def look(connection: sqlite3.Connection) -> None:
            rows = connection.execute(
                "SELECT picture, text, used_on FROM readings "
                "WHERE reader = ? AND picture IN (SELECT value FROM json_each(?))",
                (reader, json.dumps(list(pictures))),
            ).fetchall()
            found.update((picture, text) for picture, text, _ in rows)
            # Once a day, so that looking hardly ever writes.
            if unused := [picture for picture, _, used_on in rows if used_on < _today()]:
                connection.execute(
                    "UPDATE readings SET used_on = ? "
                    "WHERE reader = ? AND picture IN (SELECT value FROM json_each(?))",
                    (_today(), reader, json.dumps(unused)),
                )

        self._do(look)
        return found

    def remember(self, reader: str, texts: Mapping[str, str]) -> None:
        """Keep what the reader, a name and version, said of pictures: key → text."""

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?)",
                [
                    (picture, reader, text.encode("utf-8", "replace").decode(), _today())
                    for picture, text in texts.items()
                ],
            )
            self._shrink(connection)

        if texts:
            self._do(write)

    def forget(self, pictures: Collection[str]) -> None:
        """Delete all that was read out of the pictures."""

        def delete(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM readings WHERE picture IN (SELECT value FROM json_each(?))",
                (json.dumps(list(pictures)),),
            )

        if pictures:
            self._do(delete)

    @property
    def is_usable(self) -> bool:
        """Whether readings are kept; makes the file where there is none."""
        found: list[object] = []
        self._do(found.append)
        return bool(found)

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock:
            self._close()

    def _do(self, act: Callable[[sqlite3.Connection], None]) -> None:
        """Run it in a transaction; without effect where the file cannot be used."""
        with self._lock:
            for is_last in (False, True):
                if self._is_off:
                    return
                try:
                    connection = self._open()
                    connection.execute("BEGIN")
                    act(connection)
                    connection.execute("COMMIT")
                except (OSError, sqlite3.Error) as error:
                    self._close()
                    if not self._mend(error, is_last=is_last):
                        return
                except BaseException:  # an interrupt: nothing of it is written
                    self._close()
                    raise
                else:
                    return

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = sqlite3.connect(
                self.folder / FILE,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
            )
            self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA trusted_schema = OFF")
            self._connection.executescript(SCHEMA)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.rollback()
            self._connection.close()
            self._connection = None

    def _mend(self, error: Exception, *, is_last: bool) -> bool:
        """Whether to try once more."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CANTOPEN) & 0xFF
        if code in BUSY:
            logger.info("Another process holds %s: pictures are read again.", self.folder / FILE)
            return False
        if code in DAMAGED and not is_last:
            logger.info("%s is damaged (%s) and is made anew.", self.folder / FILE, error)
            with suppress(OSError):
                for end in ("", "-wal", "-shm"):
                    (self.folder / (FILE + end)).unlink(missing_ok=True)
                return True
        logger.warning(
            "What is read out of pictures cannot be kept in %s (%s), so they are read again each "
            "time. Choose another folder with the setting cache_folder.",
            self.folder,
            error,
        )
        self._is_off = True
        return False

    def _shrink(self, connection: sqlite3.Connection) -> None:
        """Where the file has grown too large, delete what was not used for longest."""
        if _n_bytes(connection) <= self.max_bytes:
            return
        while _n_bytes(connection) > KEPT_SHARE * self.max_bytes:
            n = connection.execute("SELECT count(*) FROM readings").fetchone()[0]
            if not n:
                break
            connection.execute(
                "DELETE FROM readings WHERE (picture, reader) IN "
                "(SELECT picture, reader FROM readings ORDER BY used_on LIMIT ?)",
                (max(1, int(n * DELETED_SHARE)),),
            )
        connection.execute("PRAGMA incremental_vacuum").fetchall()


def _n_bytes(connection: sqlite3.Connection) -> int:
    """What is in use of the file."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _today() -> int:
    return int(time.time() // SECONDS_A_DAY)
