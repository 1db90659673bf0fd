"""Reads one source for a run, unless the library knows what reading it would give.

Leaves out the order in which sources are read, and putting them into the library.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from assistant.discovery import Wanted
from assistant.fingerprints import Fingerprints
from assistant.moves import Former, Moves
from loaders import AdaptedLoader, FigureDescriber, Limits, MediaStore
from loaders.loader import Stage
from loaders.source import SourceFile
from loaders.worker_pool import Reading, WorkerPool
from retrievers import Library
from retrievers.library import NewDocument


@dataclass(eq=False, slots=True)
class Task:
    """One source that is being read, and then what came of it."""

    wanted: Wanted
    file: SourceFile | None = None
    """None where it is not here yet, and where another loader reads."""
    opened: Callable[[], SourceFile] | None = None
    """Where the file comes from, if it is not here yet."""
    fingerprint: str = ""
    is_known: bool = False
    former: Former | None = None
    is_reused: bool = False
    """Whether the reading is what the library held already."""
    reading: Reading | None = None
    error: BaseException | None = None

    @property
    def uri(self) -> str:
        return self.wanted.uri

    @property
    def n_chunks(self) -> int:
        return len(self.reading.documents) if self.reading else 0

    @property
    def was_moved(self) -> bool:
        return self.former is not None and self.former.is_gone

    def new_document(self) -> NewDocument:
        """What was read, for the library."""
        reading = self.reading or Reading()
        former = self.former.entry.source if self.former else None
        return NewDocument(
            self.uri,
            reading.documents,
            self.fingerprint,
            reading.title,
            reading.n_pages,
            dated_at=self.file.dated_at if self.file else None,
            collections=self.wanted.collections,
            moved_from=former if self.was_moved else None,
            copied_from=former,
        )


@dataclass(slots=True, kw_only=True)
class SourceReader:
    """Reads the sources of one run. Safe for threads."""

    library: Library
    media: MediaStore
    describer: FigureDescriber
    limits: Limits
    passwords: Sequence[str] = field(repr=False)
    fingerprints: Fingerprints
    moves: Moves
    pool: WorkerPool

    def read(
        self, task: Task, on_begun: Callable[[], None], on_progress: Callable[[Stage], None]
    ) -> None:
        """Fill in what came of a source. on_begun: is called where it is not known yet.

        Raises a LoaderError, PartMissing, LibraryError or WorkerFailed.
        """
        file = task.file = task.file or (task.opened() if task.opened else None)
        assert file  # noqa: S101 - for the type checker
        sha256 = file.sha256()
        fetches = task.wanted.fetch_remote_images or self.limits.fetch_remote_images
        known = self.library.fingerprint(task.uri)
        if known and self.fingerprints.fits(known, sha256, file, fetches_pictures=fetches):
            task.is_known = True
            return
        on_begun()
        task.former = self.moves.former(task.uri, sha256, is_new=known is None)
        if task.former:
            task.reading = self.moves.reading(task.former, file, sha256, fetches_pictures=fetches)
            if task.reading:
                task.is_reused, task.fingerprint = True, task.former.entry.fingerprint
                return
        task.reading = self.pool.read(
            file,
            self.passwords,
            fetch_remote_images=fetches,
            on_progress=on_progress,
        )
        task.fingerprint = self.fingerprints.of(sha256, task.reading, fetches_pictures=fetches)

    def read_adapted(self, loader: AdaptedLoader, wanted: Wanted) -> Task:
        """What another loader reads: known to be unchanged only once it is read.

        It is the user's own code and is run here, in the thread that made it.
        """
        task = Task(wanted)
        loader.media, loader.describer, loader.limits = self.media, self.describer, self.limits
        try:
            task.reading = Reading(list(loader.lazy_load()), loader.title, loader.n_pages)
            task.reading.skipped = loader.skipped
            told = [(d.page_content, sorted(d.metadata.items())) for d in task.reading.documents]
            content = hashlib.sha256(repr(told).encode()).hexdigest()
            task.fingerprint = self.fingerprints.of_adapted(content, task.reading)
            task.is_known = self.library.fingerprint(task.uri) == task.fingerprint
        except Exception as error:  # noqa: BLE001 - reported by the run
            task.error = error
        return task
