"""Reads files, folders and URLs into a library, several at a time in worker processes.

One bad file never stops a run and is never silently left out: it stands in the report
with its reason. Leaves out following folders and what was deleted from them.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

from loaders import (
    AdaptedLoader,
    FigureDescriber,
    Limits,
    LoaderError,
    MediaStore,
    PartMissing,
    PasswordNeeded,
    Transcriber,
)
from loaders.disused import DisusedPictures
from loaders.elements import Skipped
from loaders.errors import WorkerFailed
from loaders.loader import Stage
from loaders.site import crawl
from loaders.source import (
    SourceFile,
    fetched_file,
    is_url,
    local_file,
    local_path,
    source_uri,
)
from loaders.worker_pool import ENDED, Reading, WorkerPool
from retrievers import Library, LibraryError, ModelMissing, collection_names
from retrievers.library import Change, NewDocument

READING_VERSION = 6
"""Raised when loaders read the same file differently, so that `add` reads files again."""

UNFINISHED = " unfinished"
"""Ends the fingerprint of a source that the next run reads again, though it is the same."""
MAX_BEGUN = 16
"""Sources that are waiting, being read, or read and held in memory."""
MAX_HELD_CHUNKS = 256
"""Of small sources, embedded together."""
MAX_WAITING_CHUNKS = 5_000
"""Read and not yet in the library: nothing more is begun meanwhile."""
READ_SHARE = 0.5
"""Of the work on a source, what is reading; the rest is embedding."""
OF_ALL = (LibraryError, ModelMissing, PartMissing)
"""What every other source would meet as well."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is. n_done of n_sources are done; source, one of several, is being read.

    stage: how far that source is read; None where it was just begun. n_pages, n_figures: put
    into the library so far. is_fetching: the source is a page that is on its way here. share: of
    the whole run, in [0, 1]; it stands still while links are followed, which tell of more sources.
    """

    source: str
    n_done: int
    n_sources: int
    stage: Stage | None = None
    n_pages: int = 0
    n_figures: int = 0
    is_fetching: bool = False
    share: float = 0.0


OnProgress = Callable[[Progress], None]
Source = str | Path | AdaptedLoader
"""What is read: a path or URL, or what another loader reads."""


@dataclass(slots=True)
class Report:
    """What a run did. failed: sources that were not read; skipped: parts of those that were."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    locked: list[str] = field(default_factory=list)
    """The sources among those failed that a password would open."""
    figures: int = 0
    chunks: int = 0
    pages: int = 0
    seconds: float = 0.0
    interrupt: KeyboardInterrupt | None = None
    """What ended the run before its end."""
    n_unread: int = 0
    """Sources that were not read therefore."""

    def take_in_retry(self, source: str, retry: Report) -> None:
        """Put what a second try of one failed source did in the place of its failure."""
        self.failed = [entry for entry in self.failed if entry[0] != source] + retry.failed
        self.locked = [other for other in self.locked if other != source] + retry.locked
        self.skipped += retry.skipped
        for name in ("added", "updated", "unchanged", "figures", "chunks", "pages", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(retry, name))

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `limner add`."""
        return {
            "added": self.added,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "failed": [{"source": s, "reason": r} for s, r in self.failed],
            "skipped": [{"source": s, "reason": r} for s, r in self.skipped],
            "figures": self.figures,
            "chunks": self.chunks,
            "pages": self.pages,
            "seconds": round(self.seconds, 2),
        }


def ingest(
    sources: Iterable[Source],
    library: Library,
    media: MediaStore,
    describer: FigureDescriber,
    limits: Limits,
    on_progress: OnProgress | None = None,
    passwords: Sequence[str] = (),
    *,
    depth: int = 0,
    transcriber: Transcriber | None = None,
    collections: Sequence[str] = (),
) -> Report:
    """Bring the sources into the library; unchanged ones are left as they are.

    depth: how many links are followed from each URL, within its host.
    passwords: tried on documents that need one; kept nowhere. transcriber: writes down speech,
    with the package's weights by default. collections: that the sources are put into, unchanged
    ones too. An interrupt from the keyboard ends the run: what is done stays, and the report says
    what was not begun. Several runs may fill one library at once. Raises LibraryError where the
    library itself cannot be written, and InvalidCollection.
    """
    for name in collections:
        collection_names.kept_name(name)
    start = time.perf_counter()
    report = Report()
    found = list(_expanded(sources, library.folder, report))
    transcriber = transcriber or Transcriber()
    disused = DisusedPictures(media)
    with (
        # A fetch that is left behind may still be writing.
        TemporaryDirectory(prefix="limner-", ignore_cleanup_errors=True) as folder,
        disused.kept(),
        WorkerPool(media, describer, limits, transcriber=transcriber) as pool,
    ):
        run = _Run(
            library=library,
            media=media,
            describer=describer,
            transcriber=transcriber,
            limits=limits,
            report=report,
            on_progress=on_progress,
            passwords=passwords,
            depth=depth,
            collections=tuple(collections),
            pool=pool,
            disused=disused,
            folder=Path(folder),
        )
        run.read(found)
        run.collect_unchanged()
        if not report.interrupt:
            run.learn_pictures()
    if describer.vision:
        told = [f"{s.what}: {s.reason}" for s in describer.failures]
        report.skipped += [(describer.vision.name, entry) for entry in told]
    disused.delete(library.image_keys)
    report.seconds = time.perf_counter() - start
    return report


def _expanded(
    sources: Iterable[Source], library_folder: Path, report: Report
) -> Iterator[tuple[Source, Path | None]]:
    """Each file, URL or loader once, with the folder that its pictures may come from."""
    seen: set[str] = set()
    for source in sources:
        if isinstance(source, AdaptedLoader):
            yield source, None
            continue
        try:
            root = None if is_url(source) or not local_path(source).is_dir() else local_path(source)
            items = [source] if root is None else _files(root, library_folder.resolve(), report)
            known = [(source_uri(item), item) for item in items]
        except (OSError, RuntimeError, ValueError) as error:
            report.failed.append((str(source), f"{source} is no path or URL ({error})."))
            continue
        if not known:
            report.failed.append((str(source), f"{source} is a folder that holds no files."))
        for uri, item in known:
            if uri not in seen:
                seen.add(uri)
                yield item, root


def _files(folder: Path, library_folder: Path, report: Report) -> list[Path]:
    """All files below the folder in order; not hidden ones, not the library's own."""
    found = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or path.is_dir() or path.is_relative_to(library_folder):
            continue
        if path.resolve().is_relative_to(folder):
            found.append(path)
        else:
            reason = f"{path.name} is a link to a place outside the folder that was added."
            report.failed.append((f"{folder.as_uri()}/{path.name}", reason))
    return found


@dataclass(eq=False, slots=True)
class _Task:
    """One source that is being read, and then what came of it."""

    uri: str
    file: SourceFile | None = None
    """None where another loader reads."""
    opened: Callable[[], SourceFile] | None = None
    """Where the file comes from, if it is not here yet."""
    fingerprint: str = ""
    is_known: bool = False
    reading: Reading | None = None
    error: BaseException | None = None

    @property
    def n_chunks(self) -> int:
        return len(self.reading.documents) if self.reading else 0

    @property
    def image_keys(self) -> set[str]:
        documents = self.reading.documents if self.reading else []
        return {d.metadata["image_key"] for d in documents if "image_key" in d.metadata}


@dataclass(slots=True, kw_only=True)
class _Run:
    """One run over many sources: workers read ahead while this thread fills the library."""

    library: Library
    media: MediaStore
    describer: FigureDescriber
    transcriber: Transcriber
    limits: Limits
    report: Report
    on_progress: OnProgress | None
    passwords: Sequence[str] = field(repr=False)
    depth: int
    collections: tuple[str, ...]
    pool: WorkerPool
    disused: DisusedPictures
    folder: Path
    """For what is fetched."""
    threads: ThreadPoolExecutor = field(init=False)
    n_done: int = 0
    n_sources: int = 0
    shares: dict[str, float] = field(default_factory=dict)
    """How far each source is that is not done."""
    share: float = 0.0
    """Of the whole run, as it was told last."""
    order: dict[str, int] = field(default_factory=dict)
    """The place of each source among those that were reached."""
    unchanged: list[str] = field(default_factory=list)
    """The sources that need no reading."""
    held: list[_Task] = field(default_factory=list)
    """Sources that are read and not yet in the library: small ones are embedded together."""
    events: SimpleQueue[_Task | Callable[[], object]] = field(default_factory=SimpleQueue)
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

    def read(self, found: Sequence[tuple[Source, Path | None]]) -> None:
        """Read all sources, a few at a time, and report what cannot be read."""
        self.n_sources = len(found)
        self.threads = ThreadPoolExecutor(self.pool.n_workers)
        try:
            self._read_files([(s, r) for s, r in found if not isinstance(s, AdaptedLoader)])
            for loader in (s for s, _ in found if isinstance(s, AdaptedLoader)):
                self._reached(loader.uri)
                self._tell(loader.uri)
                task = self._read_adapted(loader)
                self._count_waiting(task.n_chunks)
                self._finish(task)
                self._put_held()
        except KeyboardInterrupt as interrupt:
            self.report.interrupt = interrupt
            self.report.n_unread = self.n_sources - self.n_done
        finally:
            with self.room:
                self.is_ended = True
                self.room.notify_all()
            self.pool.close()
            self.threads.shutdown(cancel_futures=True)
            self.library.flush()
        for entries in (self.report.failed, self.report.skipped):
            entries.sort(key=lambda entry: self.order.get(entry[0], -1))

    def collect_unchanged(self) -> None:
        """Put into the collections what was in the library already."""
        there = set(self.library.sources()) if self.collections and self.unchanged else set()
        for name in self.collections if there else ():
            self.library.collect(name, [uri for uri in self.unchanged if uri in there])

    def learn_pictures(self) -> None:
        """Look for copies of the pictures that have come, and at what they show."""
        uri = self.library.folder.as_uri()
        try:
            self.library.pictures.learn(
                lambda n_done, n: self._tell(uri, Stage("look", n_done, n), n_done / n)
            )
        except KeyboardInterrupt as interrupt:
            self.report.interrupt = interrupt
        except LibraryError as error:
            # The documents are in, and what became of them is still to be told.
            reason = f"not all pictures were compared; the next run goes on ({error})"
            self.report.skipped.append((uri, reason))

    def _read_files(self, found: Sequence[tuple[str | Path, Path | None]]) -> None:
        sites = [str(source) for source, _ in found if self.depth and is_url(source)]
        if sites:
            self.is_crawling = True
            threading.Thread(target=self._crawl, args=[sites], daemon=True).start()
        tasks = self._tasks([(s, r) for s, r in found if not (self.depth and is_url(s))])
        while True:
            # No more than this is held in memory, however many sources there are.
            task = next(tasks, None) if self.n_begun < MAX_BEGUN else None
            if task:
                self._begin(task)
            elif not (self.is_crawling or self.n_begun):
                return
            if task is None or not self.events.empty():
                self._take_events()

    def _tasks(self, found: Sequence[tuple[str | Path, Path | None]]) -> Iterator[_Task]:
        for n, (source, root) in enumerate(found):
            task = _Task(source_uri(source))
            if is_url(source):
                task.opened = partial(self._fetched, str(source), self.folder / str(n))
            else:
                task.opened = partial(local_file, source, self.limits, figure_root=root)
            yield task

    def _begin(self, task: _Task) -> None:
        self._reached(task.uri)
        with self.room:
            self.n_begun += 1
        self.threads.submit(self._read_file, task)

    def _reached(self, uri: str) -> None:
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

        self.events.put(partial(self._tell, source_uri(url), is_fetching=True))
        threading.Thread(target=fetch, daemon=True).start()
        self._wait_until(page.done)
        return page.result()

    def _wait_until(self, is_so: Callable[[], bool]) -> None:
        """Raises WorkerFailed where the run ends before."""
        with self.room:
            self.room.wait_for(lambda: self.is_ended or is_so())
            if self.is_ended:
                raise WorkerFailed(ENDED)

    def _crawl(self, sites: Sequence[str]) -> None:
        """Follow the links of sites, one after the other; left behind where the run ends."""
        for n, url in enumerate(sites):
            error = None
            try:
                self._follow(url, self.folder / f"site-{n}")
            except BaseException as raised:  # noqa: BLE001 - it is raised or reported by the run
                error = raised
            self.events.put(partial(self._end_site, source_uri(url), error))
        self.events.put(self._end_crawl)

    def _follow(self, url: str, folder: Path) -> None:
        """Have the pages of a site read as they come."""
        folder.mkdir()
        for page in crawl(url, self.depth, self.limits, folder, on_fetch=self._tell_of_fetch):
            self._wait_until(lambda: self.n_begun < MAX_BEGUN)
            if isinstance(page, Skipped):
                entry = source_uri(url), f"{page.what}: {page.reason}"
                self.events.put(partial(self.report.skipped.append, entry))
            elif page.uri in self.order:  # another site has led to it
                page.path.unlink()
            else:
                with self.room:
                    self.n_sources += 1
                self._begin(_Task(page.uri, page))

    def _tell_of_fetch(self, address: str) -> None:
        self.events.put(partial(self._tell, address, is_fetching=True))

    def _end_site(self, uri: str, error: BaseException | None) -> None:
        """Until here a site has counted as a source itself."""
        if error is None:
            with self.room:
                self.n_sources -= 1
            self.shares.pop(uri, None)
            return
        self._reached(uri)
        self._report(uri, error)
        self._end(uri)

    def _end_crawl(self) -> None:
        self.is_crawling = False

    def _take_events(self) -> None:
        """Wait for an event and act on it and all others that are there."""
        while True:
            event = self.events.get()
            if isinstance(event, _Task):
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

    def _read_file(self, task: _Task) -> None:
        """Have one source read; runs in a thread of its own."""
        uri = task.uri
        try:
            self._wait_until(lambda: self.n_waiting < MAX_WAITING_CHUNKS)
            task.file = task.file or (task.opened() if task.opened else None)
            assert task.file  # noqa: S101 - for the type checker
            pictures = " pictures" if self.limits.fetch_remote_images else ""
            task.fingerprint = f"{task.file.sha256()} v{READING_VERSION}{pictures}"
            task.is_known = self._knows(task)
            if not task.is_known:
                self.events.put(partial(self._tell, task.uri))
                task.reading = self.pool.read(
                    task.file,
                    self.passwords,
                    on_progress=lambda stage: self.events.put(partial(self._tell_read, uri, stage)),
                    on_stored=self.disused.add,
                )
                if task.reading.is_commented:
                    task.fingerprint += self._commented
                if task.reading.transcribes:
                    task.fingerprint += self._spoken
                # Anew: a reader whose model turned out to be missing is dropped meanwhile.
                task.fingerprint += self._described(task)
                self._count_waiting(task.n_chunks)
        except BaseException as error:  # noqa: BLE001 - it is raised or reported by the run
            task.error = error
        self.events.put(task)

    def _count_waiting(self, n_chunks: int) -> None:
        """So many chunks more wait for the library, or less."""
        with self.room:
            self.n_waiting += n_chunks
            self.room.notify_all()

    @property
    def _commented(self) -> str:
        """What the fingerprint of a source says more where comments may be in it."""
        return " comments" if self.limits.read_comments else " no-comments"

    @property
    def _spoken(self) -> str:
        """What the fingerprint of a source says more where something is spoken in it."""
        return f" {self.transcriber.fingerprint}"

    def _described(self, task: _Task) -> str:
        """How the fingerprint of a source ends: by what described its pictures."""
        is_unfinished = self.describer.is_unfinished(task.image_keys)
        return f" {self.describer.fingerprint}{UNFINISHED * is_unfinished}"

    def _read_adapted(self, loader: AdaptedLoader) -> _Task:
        """What another loader reads: known to be unchanged only once it is read.

        It is the user's own code and is run here, in the thread that made it.
        """
        task = _Task(loader.uri)
        loader.media, loader.describer, loader.limits = self.media, self.describer, self.limits
        try:
            task.reading = Reading(list(loader.lazy_load()), loader.title, loader.n_pages)
            task.reading.skipped = loader.skipped
            told = [(d.page_content, sorted(d.metadata.items())) for d in task.reading.documents]
            content = hashlib.sha256(repr(told).encode()).hexdigest()
            task.fingerprint = f"{content} v{READING_VERSION}{self._described(task)}"
            task.is_known = self.library.fingerprint(task.uri) == task.fingerprint
        except Exception as error:  # noqa: BLE001 - reported by the run
            task.error = error
        finally:  # the user's code may be interrupted
            for key in loader.stored_keys:
                self.disused.add(key)
        return task

    def _knows(self, task: _Task) -> bool:
        # What was read with its remote pictures needs no reading without.
        known = self.library.fingerprint(task.uri) or ""
        known_without = known.replace(" pictures", "", 1)
        wanted = (
            f"{task.fingerprint}{commented}{spoken} {self.describer.fingerprint}"
            for commented in ("", self._commented)
            for spoken in ("", self._spoken)
        )
        return any(fingerprint in (known, known_without) for fingerprint in wanted)

    def _finish(self, task: _Task) -> None:
        """Hold what was read for the library, or report why it was not read."""
        if task.file and task.file.path.is_relative_to(self.folder):
            task.file.path.unlink(missing_ok=True)
        if task.error:
            self._report(task.uri, task.error)
        elif task.reading and not task.is_known:
            self.held.append(task)
            return
        else:
            self.report.unchanged += 1
            self.unchanged.append(task.uri)
        self._end(task.uri)

    def _report(self, uri: str, error: BaseException) -> None:
        """Say why a source was not read. Raises an error that every other source would meet."""
        if isinstance(error, OF_ALL) or not isinstance(error, Exception):
            raise error
        reason = str(error)
        if isinstance(error, PasswordNeeded):
            self.report.locked.append(uri)
        if not isinstance(error, LoaderError):
            # One file that trips a bug of ours must not cost the person the other files.
            logger.error("limner failed on %s", uri, exc_info=error)
            what = reason if isinstance(error, WorkerFailed) else f"{type(error).__name__}: {error}"
            reason = f"limner itself failed on it ({what}). Please report it."
        self.report.failed.append((uri, reason))

    def _put_held(self) -> None:
        """Put what is held into the library."""
        tasks, self.held = self.held, []
        if tasks:
            self._put(tasks)
            self._count_waiting(-sum(task.n_chunks for task in tasks))

    def _put(self, tasks: Sequence[_Task]) -> None:
        left = deque(tasks)

        def tell(n_done: int, n: int) -> None:
            self._tell(
                left[0].uri, Stage("piece", n_done, n), READ_SHARE + (1 - READ_SHARE) * n_done / n
            )

        try:
            for change in self.library.put_all([self._new(task) for task in tasks], tell):
                self._count(left.popleft(), change)
        except Exception as error:
            if not left or isinstance(error, OF_ALL):
                raise
            if len(left) == 1:
                self._report(left[0].uri, error)
                self._end(left[0].uri)
                return
            # They are embedded together: only one by one is it known whose error it is.
            for task in left:
                self._put([task])

    def _new(self, task: _Task) -> NewDocument:
        reading = task.reading or Reading()
        return NewDocument(
            task.uri,
            reading.documents,
            task.fingerprint,
            reading.title,
            reading.n_pages,
            collections=self.collections,
        )

    def _count(self, task: _Task, change: Change) -> None:
        self._end(task.uri)
        for key in change.orphan_keys:
            self.disused.add(key)
        self.describer.readings.forget(change.orphan_keys)
        if change.replaced:
            self.report.updated += 1
        else:
            self.report.added += 1
        self.report.figures += change.n_figures
        self.report.chunks += change.n_chunks
        if reading := task.reading:
            self.report.skipped += [(task.uri, f"{s.what}: {s.reason}") for s in reading.skipped]
            self.report.pages += reading.n_pages or 0

    def _tell(
        self, uri: str, stage: Stage | None = None, share: float = 0.0, *, is_fetching: bool = False
    ) -> None:
        """share: of the source, so far; never told as less than before, and that of the run as

        it was while links are followed.
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
        self._tell(uri, stage, READ_SHARE * stage.n_done / stage.n if stage.n else 0.0)

    def _end(self, uri: str) -> None:
        """The source is read, or reported."""
        self.n_done += 1
        self.shares.pop(uri, None)
