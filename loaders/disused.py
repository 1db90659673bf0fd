"""Pictures to which perhaps nothing refers: noted beside the store, deleted when that is safe.

A picture has the same name in every document, and a run stores it long before the library refers
to it: while any process reads, none may delete. SQLite's locks tell that to other processes on
every system and end with a process that crashes; the standard library has no other shared lock
for Windows, and `filelock` takes SQLite's too. Leaves out which pictures are in use: that is the
library.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, closing, contextmanager

from loaders.media import KEY_PATTERN, MediaStore

DELETING_TIMEOUT_S = 600.0
"""How long a run waits for another process that is deleting."""


class DisusedPictures:
    """Those of one media store. Safe for threads and processes."""

    def __init__(self, media: MediaStore) -> None:
        self._media = media
        self._notes = media.folder / "disused"
        self._lock = media.folder.with_name(f"{media.folder.name}.lock")

    def add(self, key: str) -> None:
        """Note a picture that is to be deleted unless something refers to it by then."""
        self._notes.mkdir(parents=True, exist_ok=True)
        (self._notes / key).touch()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """While this is held no picture is deleted, by any process."""
        with ExitStack() as held:
            try:
                connection = held.enter_context(closing(self._connection(DELETING_TIMEOUT_S)))
                connection.execute("BEGIN")
                connection.execute("SELECT * FROM sqlite_master").fetchone()
            except sqlite3.OperationalError as error:
                # Where no lock can be made, nothing can be stored or deleted either.
                if error.sqlite_errorcode != sqlite3.SQLITE_CANTOPEN:
                    raise
            yield

    def delete(self, used: Callable[[], Collection[str]]) -> None:
        """Delete what is noted and not used; where another process reads, the last one does it.

        used: the keys of the pictures that something refers to, asked when none can be added.
        """
        with ExitStack() as held:
            try:
                connection = held.enter_context(closing(self._connection(timeout_s=0.0)))
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError:
                return
            noted = [path for path in self._notes.glob("*") if KEY_PATTERN.fullmatch(path.name)]
            in_use = used() if noted else ()
            for path in noted:
                if path.name not in in_use:
                    self._media.remove(path.name)
                path.unlink(missing_ok=True)

    def _connection(self, timeout_s: float) -> sqlite3.Connection:
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        return sqlite3.connect(self._lock, timeout=timeout_s, isolation_level=None)
