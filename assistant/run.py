"""One run over many sources: read several at a time in worker processes, put into the library.

One bad file never stops a run and is never silently left out: it stands in the report
with its reason. Leaves out which sources there are (`assistant.discovery`), and how the links of
a site are followed (`assistant.crawl`).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from assistant.crawl import Crawl
from assistant.discovery import NO_LOGIN, Wanted
from assistant.moves import is_gone
from assistant.reading import SourceReader, Task
from assistant.report import OnProgress, Outcome, Progress, Report
from loaders import (
    AdaptedLoader,
    FigureDescriber,
    Limits,
    LoaderError,
    MediaStore,
    PartMissing,
    PasswordNeeded,
)
from loaders.disused import DisusedPictures
from loaders.errors import StoreUnusable, WorkerFailed
from loaders.loader import Stage
from loaders.source import (
    SourceFile,
    fetched_file,
    is_url,
    local_file,
    local_path,
    login_part,
    source_uri,
)
from loaders.worker_pool import ENDED, WorkerPool
from retrievers import Library, LibraryError, ModelMissing
from retrievers.library import Change
from retrievers.roots import Root

MAX_BEGUN = 16
"""Sources that are waiting, being read, or read and held in memory."""
MAX_HELD_CHUNKS = 256
"""Of small sources, embedded together."""
MAX_WAITING_CHUNKS = 5_000
"""Read and not yet in the library: nothing more is begun meanwhile."""
MAX_UNSTRUCK = 500
"""Sources that are done and not yet struck out of the journal; for one that was put in that is
done as it is. After a crash they are looked at again."""
READ_SHARE = 0.5
"""Of the work on a source, what is reading; the rest is embedding."""
OF_ALL = (LibraryError, ModelMissing, PartMissing, StoreUnusable)
"""What every other source would meet as well."""

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Run:
    """One run over many sources: workers read ahead while this thread fills the library."""

    library: Library
    media: MediaStore
    describer: FigureDescriber
    limits: Limits
    report: Report
    on_progress: OnProgress | None
    reader: SourceReader
    pool: WorkerPool
    disused: DisusedPictures
    folder: Path
    """For what is fetched."""
    name: str
    """In the journal."""
    collections: tuple[str, ...] = ()
    """Of what other loaders read."""
    threads: ThreadPoolExecutor = field(init=False)
    n_done: int = 0
    n_sources: int = 0
    shares: dict[str, float] = field(default_factory=dict)
    """How far each source is that is not done."""
    share: float = 0.0
    """Of the whole run, as it was told last."""
    order: dict[str, int] = field(default_factory=dict)
    """The place of each source among those that were reached."""
    unstruck: list[str] = field(default_factory=list)
    """Sources that are done and still stand in the journal."""
    uncollected: dict[str, list[str]] = field(default_factory=dict)
    """Collection → unchanged sources that it is to have too."""
    n_put: int = 0
    held: list[Task] = field(default_factory=list)
    """Sources that are read and not yet in the library: small ones are embedded together."""
    events: SimpleQueue[Task | Callable[[], object]] = field(default_factory=SimpleQueue)
    """Tasks that are done, and what else other threads have this one do."""
    room: threading.Condition = field(default_factory=threading.Condition)
    """Held to change what follows."""
    n_begun: int = 0
    n_waiting: int = 0
    """Chunks that are read and not yet in the library."""
    is_crawling: bool = False
    """Links are followed: how many sources there are is not known yet."""
    is_ended: bool = False
    """Nothing more is to be begun; nobody waits."""

    def read(
        self,
        wanted: Sequence[Wanted],
        adapted: Sequence[AdaptedLoader] = (),
        *,
        roots: Sequence[Root] = (),
    ) -> None:
        """Read all sources, a few at a time, and report what cannot be read.

        roots: what a person adds with them.
        """
        self.n_sources = len(wanted) + len(adapted)
        if wanted:
            uris = [one.uri for one in wanted]
            self.library.journal.note(self.name, uris, roots)
        self.threads = ThreadPoolExecutor(self.pool.n_workers)
        try:
            self._read_files(wanted)
            for loader in adapted:
                self._read_adapted(loader)
            self._strike_out()
        except KeyboardInterrupt as interrupt:
            self.report.interrupt = interrupt
            self.report.n_unread = self.n_sources - self.n_done
        finally:
            with self.room:
                self.is_ended = True
                self.room.notify_all()
            self.pool.close()
            self.threads.shutdown(cancel_futures=True)
            if self.n_put:
                self.library.flush()
        for entries in (self.report.failed, self.report.skipped):
            entries.sort(key=lambda entry: self.order.get(entry[0], -1))

    def learn_pictures(self) -> None:
        """Look for copies of the pictures that have come, and at what they show."""
        uri = self.library.folder.as_uri()
        try:
            self.library.pictures.learn(
                lambda n_done, n: self.tell(uri, Stage("look", n_done, n), n_done / n)
            )
        except KeyboardInterrupt as interrupt:
            self.report.interrupt = interrupt
        except LibraryError as error:
            # The documents are in, and what became of them is still to be told.
            reason = f"not all pictures were compared; the next run goes on ({error})"
            self.report.skipped.append((uri, reason))

    def _read_files(self, wanted: Sequence[Wanted]) -> None:
        sites = [one for one in wanted if one.depth and is_url(one.uri)]
        if sites:
            Crawl(self, sites).start()
        tasks = self._tasks([one for one in wanted if not (one.depth and is_url(one.uri))])
        while True:
            # No more than this is held in memory, however many sources there are.
            task = next(tasks, None) if self.n_begun < MAX_BEGUN else None
            if task:
                self.begin(task)
            elif not (self.is_crawling or self.n_begun):
                return
            if task is None or not self.events.empty():
                self._take_events()

    def _tasks(self, wanted: Sequence[Wanted]) -> Iterator[Task]:
        for n, one in enumerate(wanted):
            if is_url(one.uri):
                opened = partial(self._fetched, str(one.source), self.folder / str(n))
            else:
                opened = partial(local_file, one.source, self.limits, figure_root=one.figure_root)
            yield Task(one, opened=opened)

    def _read_adapted(self, loader: AdaptedLoader) -> None:
        self.reached(loader.uri)
        self.tell(loader.uri)
        task = self.reader.read_adapted(
            loader, Wanted(loader.uri, loader.uri, collections=self.collections)
        )
        self._count_waiting(task.n_chunks)
        self._finish(task)
        self._put_held()

    def begin(self, task: Task) -> None:
        """Have a source read by one of the threads."""
        self.reached(task.uri)
        with self.room:
            self.n_begun += 1
        self.threads.submit(self._read_file, task)

    def reached(self, uri: str) -> None:
        """A source has its place among the others from now on."""
        self.order.setdefault(uri, len(self.order))

    def _fetched(self, url: str, path: Path) -> SourceFile:
        """The page; where the run ends before it has come, its thread is left behind."""
        page: Future[SourceFile] = Future()

        def fetch() -> None:
            try:
                file = fetched_file(url, path, self.limits)
            except BaseException as error:  # noqa: BLE001 - it is raised by the run
                page.set_exception(error)
            else:
                page.set_result(file)
            with self.room:
                self.room.notify_all()

        self.events.put(partial(self.tell, source_uri(url), is_fetching=True))
        threading.Thread(target=fetch, daemon=True).start()
        self._wait_until(page.done)
        return page.result()

    def wait_for_room(self) -> None:
        """Wait until another source may be begun. Raises WorkerFailed where the run ends before."""
        self._wait_until(lambda: self.n_begun < MAX_BEGUN)

    def _wait_until(self, is_so: Callable[[], bool]) -> None:
        """Raises WorkerFailed where the run ends before."""
        with self.room:
            self.room.wait_for(lambda: self.is_ended or is_so())
            if self.is_ended:
                raise WorkerFailed(ENDED)

    def _take_events(self) -> None:
        """Wait for an event and act on it and all others that are there."""
        while True:
            event = self.events.get()
            if isinstance(event, Task):
                self._finish(event)
                with self.room:
                    self.n_begun -= 1
                    self.room.notify_all()
            else:
                event()
            is_last = self.events.empty()
            if is_last or sum(task.n_chunks for task in self.held) >= MAX_HELD_CHUNKS:
                self._put_held()
            if is_last:
                return

    def _read_file(self, task: Task) -> None:
        """Have one source read; runs in a thread of its own."""
        uri = task.uri
        try:
            self._wait_until(lambda: self.n_waiting < MAX_WAITING_CHUNKS)
            self.reader.read(
                task,
                lambda: self.events.put(partial(self.tell, uri)),
                lambda stage: self.events.put(partial(self._tell_read, uri, stage)),
            )
            self._count_waiting(task.n_chunks)
        except BaseException as error:  # noqa: BLE001 - it is raised or reported by the run
            task.error = error
        self.events.put(task)

    def _count_waiting(self, n_chunks: int) -> None:
        """So many chunks more wait for the library, or less."""
        with self.room:
            self.n_waiting += n_chunks
            self.room.notify_all()

    def _finish(self, task: Task) -> None:
        """Hold what was read for the library, or report why it was not read."""
        if task.file and task.file.path.is_relative_to(self.folder):
            task.file.path.unlink(missing_ok=True)
        if task.error:
            self.fail(task.wanted, task.error)
        elif task.reading and not task.is_known:
            self.held.append(task)
        else:
            self.report.unchanged += 1
            for name in task.wanted.collections:
                self.uncollected.setdefault(name, []).append(task.uri)
            self.strike(task.uri)
            self._end(task.uri)

    def fail(self, wanted: Wanted, error: BaseException) -> None:
        """Say why a source was not read. Raises an error that every other source would meet."""
        if isinstance(error, OF_ALL) or not isinstance(error, Exception):
            raise error
        uri, reason = wanted.uri, str(error)
        if isinstance(error, PasswordNeeded):
            self.report.locked.append(uri)
        if wanted.had_login and not login_part(str(wanted.source)):
            reason = f"{reason} {NO_LOGIN}"
        elif is_gone(uri):
            reason = f"{local_path(uri)} is not there. Check the path."
        elif not isinstance(error, LoaderError):
            # One file that trips a bug of ours must not cost the person the other files.
            logger.error("limner failed on %s", uri, exc_info=error)
            what = reason if isinstance(error, WorkerFailed) else f"{type(error).__name__}: {error}"
            reason = f"limner itself failed on it ({what}). Please report it."
        self.report.failed.append((uri, reason))
        self.strike(uri)
        self._end(uri)

    def strike(self, uri: str) -> None:
        """A source is done: strike it out of the journal, together with others."""
        self.unstruck.append(uri)
        if len(self.unstruck) >= MAX_UNSTRUCK:
            self._strike_out()

    def _strike_out(self) -> None:
        for name, sources in self.uncollected.items():
            self.library.collect(name, [s for s in sources if self.library.fingerprint(s)])
        self.uncollected.clear()
        if self.unstruck:
            self.library.journal.strike(self.name, self.unstruck)
        self.unstruck.clear()

    def _put_held(self) -> None:
        """Put what is held into the library."""
        tasks, self.held = self.held, []
        if tasks:
            self._put(tasks)
            self._count_waiting(-sum(task.n_chunks for task in tasks))

    def _put(self, tasks: Sequence[Task]) -> None:
        left = deque(tasks)

        def tell(n_done: int, n: int) -> None:
            self.tell(
                left[0].uri, Stage("piece", n_done, n), READ_SHARE + (1 - READ_SHARE) * n_done / n
            )

        try:
            new = [task.new_document() for task in tasks]
            for one in new:  # before: a run may be killed at any moment
                self.disuse(one.source)
            for change in self.library.put_all(new, tell, run=self.name):
                self._count(left.popleft(), change)
        except Exception as error:
            if not left or isinstance(error, OF_ALL):
                raise
            if len(left) == 1:
                self.fail(left[0].wanted, error)
                return
            # They are embedded together: only one by one is it known whose error it is.
            for task in left:
                self._put([task])

    def _count(self, task: Task, change: Change) -> None:
        self._end(task.uri)
        self.n_put += 1
        self.describer.readings.forget(change.orphan_keys)
        if task.former and task.was_moved and change.replaced:
            self.media.page_readings(task.former.entry.source).forget()
            self.report.moved += 1
            self.report.outcomes.append(Outcome("moved", task.uri, task.former.entry.source))
        elif change.replaced:
            self.report.updated += 1
            self.report.outcomes.append(Outcome("updated", task.uri))
        else:
            self.report.added += 1
            self.report.outcomes.append(Outcome("added", task.uri))
        if task.is_reused and task.was_moved:
            return
        self.report.figures += change.n_figures
        self.report.chunks += change.n_chunks
        if reading := task.reading:
            self.report.skipped += [(task.uri, f"{s.what}: {s.reason}") for s in reading.skipped]
            self.report.pages += reading.n_pages or 0

    def disuse(self, source: str) -> None:
        """Note the pictures of a document that is about to change or go: they may be of no use."""
        for key in self.library.image_keys(source):
            self.disused.add(key)

    def tell(
        self, uri: str, stage: Stage | None = None, share: float = 0.0, *, is_fetching: bool = False
    ) -> None:
        """Say where the run is.

        share: of the source, so far; never told as less than before, and that of the run as it
        was while links are followed.
        """
        self.shares[uri] = max(share, self.shares.get(uri, 0.0))
        if not self.is_crawling:
            share = (self.n_done + sum(self.shares.values())) / max(self.n_sources, 1)
            self.share = max(self.share, min(1.0, share))
        if self.on_progress:
            n_pages, n_figures = self.report.pages, self.report.figures
            self.on_progress(
                Progress(
                    uri,
                    self.n_done,
                    self.n_sources,
                    stage,
                    n_pages,
                    n_figures,
                    is_fetching,
                    self.share,
                )
            )

    def _tell_read(self, uri: str, stage: Stage) -> None:
        self.tell(uri, stage, READ_SHARE * stage.n_done / stage.n if stage.n else 0.0)

    def _end(self, uri: str) -> None:
        """The source is read, or reported."""
        self.n_done += 1
        self.shares.pop(uri, None)
