"""Follows the folders and files that were added, and syncs what changes in them.

What is being written is left until it is still. Leaves out pages on the web, and hidden folders:
a sync sees what shows a picture in one.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from assistant.discovery import is_passing
from assistant.report import Report
from loaders.source import local_path
from retrievers.roots import Root

STILL_S = 1.0
"""So long nothing may be written to a file before it is read."""
MAX_WAIT_S = 600.0
"""A file that is never still, such as a log, is read after this."""
TICK_MS = 500
SECONDS_BETWEEN_LOOKS = 2.0
"""At the files that were added by themselves, and at what else was added meanwhile."""
SECONDS_OF_DOUBT = 5.0
"""After which a file that was taken for still is not looked at again unasked."""
SECONDS_TO_RETRY = 10.0
MANY = 1_000
"""Changes at once, of which the system may have lost some: everything is looked at."""
REMOTE = ("nfs", "cifs", "smb", "fuse", "9p", "vboxsf", "drvfs", "afs")
"""File systems, by how their names begin, whose changes elsewhere this machine is not told of."""

Sync = Callable[[Collection[Path] | None], Report]
logger = logging.getLogger(__name__)


def watch(
    sync: Sync,
    roots: Callable[[], Sequence[Root]],
    library_folder: Path,
    on_report: Callable[[Report], None],
    on_error: Callable[[Exception], None],
    stop: threading.Event,
) -> None:
    """Sync everything, then what changes, until stop is set.

    sync: is given the paths that changed, or None for all. roots: what is to be followed; asked
    again and again. on_error: is told what kept a sync from its end; it is tried again. Raises
    KeyboardInterrupt.
    """
    while not stop.is_set():
        places = Places.of(roots(), library_folder)
        due: Collection[Path] | None = None
        with closing(_changes(places, stop)) as changes:
            next(changes)  # from now on nothing is missed
            while not stop.is_set():
                if due is None or due:
                    try:
                        report = sync(due)
                    except Exception as error:  # noqa: BLE001 - whatever it is, it may be over soon
                        on_error(error)
                        stop.wait(SECONDS_TO_RETRY)
                        due = None
                        continue
                    on_report(report)
                    if report.interrupt:
                        raise report.interrupt
                if (found := next(changes, None)) is None:
                    break
                if places.are_due and Places.of(roots(), library_folder) != places:
                    break
                due = None if len(found) >= MANY else found


@dataclass(slots=True)
class Places:
    """What is followed now: folders with all below them, and files by themselves."""

    folders: tuple[Path, ...]
    files: tuple[Path, ...]
    library_folder: Path
    inodes: tuple[int, ...] = ()
    """Of the folders: one that was replaced must be followed anew."""
    looked_at: float = field(default=0.0, compare=False)

    @classmethod
    def of(cls, roots: Sequence[Root], library_folder: Path) -> Places:
        """Those of the roots that are there."""
        named = [local_path(root.source) for root in roots if root.kind == "folder"]
        folders = [path for path in named if path.is_dir()]
        every = set(folders)
        outer = [folder for folder in folders if every.isdisjoint(folder.parents)]
        files = [local_path(root.source) for root in roots if root.kind == "file"]
        alone = [path for path in files if every.isdisjoint((path, *path.parents))]
        return cls(
            tuple(outer),
            tuple(alone),
            library_folder,
            tuple(_state(folder)[-1] for folder in outer),
            time.monotonic(),
        )

    @property
    def are_due(self) -> bool:
        """Whether it is time to see if other places are to be followed."""
        if time.monotonic() - self.looked_at < SECONDS_BETWEEN_LOOKS:
            return False
        self.looked_at = time.monotonic()
        return True

    def follow(self, path: Path) -> bool:
        """Whether a change there can matter: no hidden or passing file, nor the library's own."""
        if path.is_relative_to(self.library_folder):
            return False
        own = next((f for f in self.folders if path.is_relative_to(f)), None)
        return own is not None and not any(map(is_passing, path.relative_to(own).parts))


@dataclass(slots=True)
class _Waiting:
    """Paths that have changed, until they are still."""

    since: dict[Path, tuple[float, float]] = field(default_factory=dict)
    """When each changed first and last."""
    taken: dict[Path, tuple[float, tuple[int, int, int]]] = field(default_factory=dict)
    """When each was last taken for still, and what it was like then."""

    def add(self, path: Path) -> None:
        now = time.monotonic()
        self.since[path] = (self.since.get(path, (now, now))[0], now)

    def take_still(self) -> set[Path]:
        """Those that have been still, or have waited, for long enough."""
        now = time.monotonic()
        still = {
            path
            for path, (first, last) in self.since.items()
            if now - last >= STILL_S or now - first >= MAX_WAIT_S
        }
        for path in still:
            del self.since[path]
            self.taken[path] = (now, _state(path))
        return still

    def look_again(self) -> None:
        """Find what has changed since it was taken for still: polling sees whole seconds only."""
        now = time.monotonic()
        for path, (taken_at, state) in list(self.taken.items()):
            if _state(path) != state:
                self.add(path)
            if now - taken_at > SECONDS_OF_DOUBT or path in self.since:
                del self.taken[path]


def _changes(places: Places, stop: threading.Event) -> Generator[set[Path]]:
    """At least every TICK_MS the paths that have changed and are still now; the first at once."""
    waiting, states = _Waiting(), {path: _state(path) for path in places.files}
    looked_at = time.monotonic()
    for batch in _batches(places.folders, stop):
        for path in map(Path, batch):
            if places.follow(path):
                waiting.add(path)
        if time.monotonic() - looked_at >= SECONDS_BETWEEN_LOOKS:
            looked_at = time.monotonic()
            for path, before in states.items():
                states[path] = _state(path)
                if states[path] != before:
                    waiting.add(path)
        waiting.look_again()
        yield waiting.take_still()


def _batches(folders: Sequence[Path], stop: threading.Event) -> Iterator[set[str]]:
    """What the system tells of; empty where nothing has changed for a moment."""
    # watchfiles, and not watchdog, which Streamlit brings: it gathers changes in batches and has
    # an end, for which the other needs threads, queues and observers of our own.
    from watchfiles import watch as follow

    if not folders:
        while not stop.is_set():
            yield set()
            stop.wait(TICK_MS / 1_000)
        return
    polls = True if _are_remote(folders) else None
    for force_polling in (polls, True):
        try:
            for batch in follow(
                *folders,
                watch_filter=None,
                stop_event=stop,
                step=50,
                debounce=TICK_MS,
                rust_timeout=TICK_MS,
                yield_on_timeout=True,
                force_polling=force_polling,
                ignore_permission_denied=True,
            ):
                yield {path for _, path in batch}
        except OSError as error:
            if force_polling:
                raise
            # As where there are more folders than the system may follow.
            logger.warning("The folders are looked at in turn instead (%s).", error)
        else:
            return


def _are_remote(folders: Sequence[Path]) -> bool:
    mounts = {Path(p.mountpoint): p.fstype for p in psutil.disk_partitions(all=True)}
    for folder in folders:
        mount = next((place for place in (folder, *folder.parents) if place in mounts), None)
        if mount and mounts[mount].lower().startswith(REMOTE):
            return True
    return False


def _state(path: Path) -> tuple[int, int, int]:
    """What changes with a file; zeros where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - one call, on what may be gone
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino
