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

from loaders.errors import StoreUnusable
from loaders.media import KEY_PATTERN, MediaStore

DELETING_TIMEOUT_S = 600.0
"""How long a run waits for another process that is deleting."""
BUSY = (
    "Another process has been deleting pictures for {seconds:,.0f} s (it holds {lock}). "
    "Wait until it has ended, or end it, and try again."
)
NO_LOCK = (
    "{lock} cannot be used to keep pictures from being deleted while they are in use ({error}). "
    "limner keeps nothing in that file: move it elsewhere and try again."
)


class DisusedPictures:
    """Those of one media store. Safe for threads and processes."""

    def __init__(self, media: MediaStore) -> None:
        self._media = media
        self._notes = media.disused_folder
        self._lock = media.folder.with_name(f"{media.folder.name}.lock")

    def add(self, key: str) -> None:
        """Note a picture that is to be deleted unless something refers to it by then.

        Raises KeyError if key is not of the form of a key, StoreUnusable if it cannot be noted.
        """
        self._media.note_disused(key)

    def noted(self) -> Iterator[str]:
        """The keys of pictures that wait to be deleted, or to be found in use."""
        yield from (path.name for path in self._notes.glob("*") if path.is_file())

    @contextmanager
    def kept(self) -> Iterator[None]:
        """While this is held no picture is deleted, by any process that makes the same lock.

        Where none can be made it goes on without. Raises StoreUnusable where what lies in the
        lock's place is no lock, or another process is deleting for too long.
        """
        with ExitStack() as held:
            try:
                connection = held.enter_context(closing(self._connection(DELETING_TIMEOUT_S)))
                connection.execute("BEGIN")
                connection.execute("SELECT * FROM sqlite_master").fetchone()
            except sqlite3.DatabaseError as error:
                # Where no lock can be made, `delete` has none either: this process deletes
                # nothing. One that may write there could.
                if error.sqlite_errorcode != sqlite3.SQLITE_CANTOPEN:
                    raise self._unusable(error) from error
            yield

    def delete(self, used: Callable[[], Collection[str]]) -> None:
        """Delete what is noted and not used; where another process reads, the last one does it.

        Deletes nothing where no lock can be had: what is noted waits for a later run.
        used: the keys of the pictures that something refers to, asked when none can be added.
        """
        with self.alone() as is_alone:
            if not is_alone:
                return
            self._media.discard_former_readings()
            self._media.discard_unfinished()
            noted = list(self.noted())
            in_use = used() if noted else ()
            for name in noted:
                if KEY_PATTERN.fullmatch(name) and name not in in_use:
                    self._media.remove(name)
                (self._notes / name).unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no other process reads or deletes; none begins to while this is held."""
        with ExitStack() as held:
            try:
                connection = held.enter_context(closing(self._connection(timeout_s=0.0)))
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.DatabaseError:
                yield False
            else:
                yield True

    def _unusable(self, error: sqlite3.DatabaseError) -> StoreUnusable:
        is_busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
        text = BUSY if is_busy else NO_LOCK
        return StoreUnusable(text.format(lock=self._lock, seconds=DELETING_TIMEOUT_S, error=error))

    def _connection(self, timeout_s: float) -> sqlite3.Connection:
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        return sqlite3.connect(self._lock, timeout=timeout_s, isolation_level=None)
