"""What each run has still to do, so that one that was ended is known and gone on with.

A run holds a lock as long as it lives: SQLite's, which ends with a process that is killed, on
every system. What a run whose lock is free has noted was left by it. Leaves out how a source is
read: that is noted with the roots (`retrievers.roots`), and no password is noted anywhere.
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from retrievers import roots
from retrievers.database import Database
from retrievers.roots import Root

RUN_PATTERN = re.compile(r"[0-9a-f]{16}")


class Journal:
    """That of one library. Safe for threads and processes."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._locks = folder / "runs"

    @contextmanager
    def running(self) -> Iterator[str]:
        """The name of a new run, which counts as alive in this block.

        Where no lock can be made it counts as ended: another run may then do its work as well.
        """
        run, lock = self._locked()
        if lock is None:
            yield run
            return
        try:
            with closing(lock):
                yield run
        finally:
            self._discard(run)

    def _locked(self) -> tuple[str, sqlite3.Connection | None]:
        """The name of a new run, and what holds its lock."""
        with suppress(OSError):
            self._locks.mkdir(parents=True, exist_ok=True)
        while True:
            run = secrets.token_hex(8)
            try:
                lock = sqlite3.connect(
                    self._path(run), isolation_level=None, check_same_thread=False
                )
            except sqlite3.Error:
                return run, None
            with suppress(sqlite3.Error):
                lock.execute("PRAGMA journal_mode = MEMORY")  # no file of its own
                lock.execute("BEGIN EXCLUSIVE")
            if self._path(run).exists():
                return run, lock
            lock.close()  # another run discarded it before it was held

    def note(self, run: str, sources: Sequence[str], added: Sequence[Root] = ()) -> None:
        """Note what a run is about to read, and what a person adds with it.

        What runs that have ended left of it is this run's now.
        """
        ended = self._ended()
        with self._database.writing() as connection:
            roots.note(connection, added)
            _strike_of(connection, ended, sources)
            connection.executemany(
                "INSERT OR IGNORE INTO journal (run, source) VALUES (?, ?)",
                ((run, source) for source in sources),
            )

    def strike(self, run: str, sources: Iterable[str]) -> None:
        """Strike out what a run has done."""
        with self._database.writing() as connection:
            strike(connection, run, sources)

    def strike_left(self, sources: Sequence[str]) -> None:
        """Strike out what runs that have ended left of these: nothing is to be done for it."""
        ended = self._ended()
        if sources and ended:
            with self._database.writing() as connection:
                _strike_of(connection, ended, sources)

    def left(self) -> list[str]:
        """The sources that runs which have ended left undone, in order."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT DISTINCT source FROM journal "
                "WHERE run IN (SELECT value FROM json_each(?)) ORDER BY source",
                (json.dumps(self._ended()),),
            )
            return [source for (source,) in rows]

    def _ended(self) -> list[str]:
        """The runs that left something and do not live any more."""
        self._discard_free()
        with self._database.reading() as connection:
            runs = [run for (run,) in connection.execute("SELECT DISTINCT run FROM journal")]
        return [run for run in runs if not self._lives(run)]

    def _lives(self, run: str) -> bool:
        # The library may be another's: a name in it must not lead elsewhere.
        if not RUN_PATTERN.fullmatch(run) or not self._path(run).is_file():
            return False
        try:
            address = f"{self._path(run).as_uri()}?mode=ro"
            with closing(sqlite3.connect(address, uri=True, timeout=0.0)) as lock:
                lock.execute("SELECT * FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            return error.sqlite_errorcode == sqlite3.SQLITE_BUSY
        return False

    def _discard_free(self) -> None:
        """Delete the locks that nobody holds: a run that was killed leaves its own."""
        for path in self._locks.glob("*.lock"):
            try:
                address = f"{path.as_uri()}?mode=rw"
                with closing(sqlite3.connect(address, uri=True, timeout=0.0)) as lock:
                    lock.execute("BEGIN EXCLUSIVE")  # nor does one that has just made it
                    self._discard(path.stem)
            except sqlite3.Error:
                continue
            self._discard(path.stem)  # Windows deletes no file that is open

    def _path(self, run: str) -> Path:
        return self._locks / f"{run}.lock"

    def _discard(self, run: str) -> None:
        """Delete the lock of a run that has ended."""
        if RUN_PATTERN.fullmatch(run):
            with suppress(OSError):
                self._path(run).unlink(missing_ok=True)


def strike(connection: sqlite3.Connection, run: str, sources: Iterable[str]) -> None:
    """Strike out what a run has done."""
    connection.executemany(
        "DELETE FROM journal WHERE run = ? AND source = ?", ((run, source) for source in sources)
    )


def _strike_of(connection: sqlite3.Connection, runs: Sequence[str], sources: Sequence[str]) -> None:
    connection.execute(
        "DELETE FROM journal WHERE run IN (SELECT value FROM json_each(?)) "
        "AND source IN (SELECT value FROM json_each(?))",
        (json.dumps(runs), json.dumps(list(sources))),
    )
