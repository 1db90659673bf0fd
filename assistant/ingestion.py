"""Reads files, folders and URLs into a library, several at a time in worker processes.

One bad file never stops a run and is never silently left out: it stands in the report
with its reason. Leaves out following folders and what was deleted from them.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
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
from loaders.elements import Skipped
from loaders.errors import WorkerFailed
from loaders.formats import is_recording
from loaders.loader import Stage
from loaders.site import crawl
from loaders.source import SourceFile, is_url, local_path, open_source, source_uri
from loaders.worker_pool import Reading, WorkerPool
from retrievers import Library, LibraryError, ModelMissing
from retrievers.library import Change, NewDocument

READING_VERSION = 3
"""Raised when loaders read the same file differently, so that `add` reads files again."""

MAX_BEGUN = 16
"""Sources that are waiting, being read, or read and held in memory."""
MAX_HELD_CHUNKS = 256
OF_ALL = (LibraryError, ModelMissing, PartMissing)
"""What every other source would meet as well."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is. n_done of n_sources are done; source, one of several, is being read.

    stage: how far that source is read; None where it was just begun. n_pages, n_figures: put
    into the library so far.
    """

    source: str
    n_done: int
    n_sources: int
    stage: Stage | None = None
    n_pages: int = 0
    n_figures: int = 0


OnProgress = Callable[[Progress], None]
Source = str | Path | AdaptedLoader | SourceFile
"""What is read: a path or URL, what another loader reads, or a page that is fetched already."""


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
    n_unread: int = 0
    """Sources that were not read because the run was interrupted."""

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
) -> Report:
    """Bring the sources into the library; unchanged ones are left as they are.

    depth: how many links are followed from each URL, within its host.
    passwords: tried on documents that need one; kept nowhere. transcriber: writes down speech,
    with the package's weights by default. An interrupt from the keyboard
    ends the run: what is done stays, and the report says what was not begun. Raises
    LibraryError where the library itself cannot be written.
    """
    start = time.perf_counter()
    report = Report()
    with TemporaryDirectory(prefix="limner-") as name:
        fetched = _with_sites(sources, depth, limits, Path(name), report) if depth else sources
        found = list(_expanded(fetched, library.folder, report))
        transcriber = transcriber or Transcriber()
        with WorkerPool(media, describer, limits, transcriber=transcriber) as pool:
            run = _Run(
                library, media, describer, transcriber, limits, report, on_progress, passwords, pool
            )
            run.read(found)
    report.seconds = time.perf_counter() - start
    return report


def _with_sites(
    sources: Iterable[Source], depth: int, limits: Limits, folder: Path, report: Report
) -> Iterator[Source]:
    """The sources, with the pages of its site in the place of each URL."""
    for n, source in enumerate(sources):
        if not isinstance(source, str) or not is_url(source):
            yield source
            continue
        pages = folder / str(n)
        pages.mkdir()
        try:
            for page in crawl(source, depth, limits, pages):
                if isinstance(page, Skipped):
                    report.skipped.append((source_uri(source), f"{page.what}: {page.reason}"))
                else:
                    yield page
        except LoaderError as error:
            report.failed.append((source_uri(source), str(error)))


def _expanded(
    sources: Iterable[Source], library_folder: Path, report: Report
) -> Iterator[tuple[Source, Path | None]]:
    """Each file, URL or loader once, with the folder that its pictures may come from."""
    seen: set[str] = set()
    for source in sources:
        if isinstance(source, AdaptedLoader):
            yield source, None
            continue
        if isinstance(source, SourceFile):
            if source.uri not in seen:
                seen.add(source.uri)
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
    source: str | Path | SourceFile
    root: Path | None
    fingerprint: str = ""
    """Of the file's content; empty where it could not be opened."""
    is_known: bool = False
    reading: Reading | None = None
    error: BaseException | None = None
    stored_keys: set[str] = field(default_factory=set)


@dataclass(slots=True)
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
    pool: WorkerPool
    n_done: int = 0
    n_sources: int = 0
    disused: set[str] = field(default_factory=set)
    """Pictures that perhaps nothing refers to any more. They are deleted when nothing is being
    read: another source may be about to use the same picture."""
    held: list[_Task] = field(default_factory=list)
    """Sources that are read and not yet in the library: small ones are embedded together."""
    events: SimpleQueue[_Task | tuple[_Task, Stage | None]] = field(default_factory=SimpleQueue)
    """Tasks that are done, and how far others are."""

    def read(self, found: Sequence[tuple[Source, Path | None]]) -> None:
        """Read all sources, a few at a time, and report what cannot be read."""
        self.n_sources = len(found)
        threads = ThreadPoolExecutor(self.pool.n_workers)
        try:
            self._read_files(
                [(s, r) for s, r in found if not isinstance(s, AdaptedLoader)], threads
            )
            for loader in (s for s, _ in found if isinstance(s, AdaptedLoader)):
                self._tell(loader.uri)
                self._finish(self._read_adapted(loader))
                self._put_held()
        except KeyboardInterrupt:
            self.report.n_unread = self.n_sources - self.n_done
        finally:
            self.pool.close()
            threads.shutdown(cancel_futures=True)
            self._disuse_unfinished()
            for key in self.disused - self.library.image_keys():
                self.media.remove(key)
            self.library.flush()
        order = {_uri(source): n for n, (source, _) in enumerate(found)}
        for entries in (self.report.failed, self.report.skipped):
            entries.sort(key=lambda entry: order.get(entry[0], -1))

    def _disuse_unfinished(self) -> None:
        """Of an ended run, the pictures of what did not get into the library."""
        tasks = list(self.held)
        while not self.events.empty():
            event = self.events.get()
            tasks += [event] if isinstance(event, _Task) else []
        for task in tasks:
            self.disused |= task.stored_keys

    def _read_files(
        self,
        found: Sequence[tuple[str | Path | SourceFile, Path | None]],
        threads: ThreadPoolExecutor,
    ) -> None:
        waiting = deque(_Task(_uri(source), source, root) for source, root in found)
        n_begun = 0
        while waiting or n_begun:
            # No more than this is held in memory, however many sources there are.
            while waiting and n_begun < MAX_BEGUN:
                threads.submit(self._read_file, waiting.popleft())
                n_begun += 1
            event = self.events.get()
            if isinstance(event, _Task):
                n_begun -= 1
                self._finish(event)
            else:
                self._tell(event[0].uri, event[1])
            if self.events.empty() or self._n_held() >= MAX_HELD_CHUNKS:
                self._put_held()
        self._put_held()

    def _read_file(self, task: _Task) -> None:
        """Have one source read; runs in a thread of its own."""
        try:
            with (
                nullcontext(task.source)
                if isinstance(task.source, SourceFile)
                else open_source(task.source, self.limits, figure_root=task.root)
            ) as file:
                pictures = " pictures" if self.limits.fetch_remote_images else ""
                task.fingerprint = f"{file.sha256()} v{READING_VERSION}{pictures}"
                if is_recording(file):
                    task.fingerprint += f" {self.transcriber.fingerprint}"
                task.is_known = self._knows(task)
                if not task.is_known:
                    self.events.put((task, None))
                    task.reading = self.pool.read(
                        file,
                        self.passwords,
                        on_progress=lambda stage: self.events.put((task, stage)),
                        on_stored=task.stored_keys.add,
                    )
                    # Anew: a reader whose model turned out to be missing is dropped meanwhile.
                    task.fingerprint += f" {self.describer.fingerprint}"
        except BaseException as error:  # noqa: BLE001 - it is raised or reported by the run
            task.error = error
        self.events.put(task)

    def _read_adapted(self, loader: AdaptedLoader) -> _Task:
        """What another loader reads: known to be unchanged only once it is read.

        It is the user's own code and is run here, in the thread that made it.
        """
        task = _Task(loader.uri, loader.uri, None)
        loader.media, loader.describer, loader.limits = self.media, self.describer, self.limits
        try:
            task.reading = Reading(list(loader.lazy_load()), loader.title, loader.n_pages)
            task.reading.skipped = loader.skipped
            told = [(d.page_content, sorted(d.metadata.items())) for d in task.reading.documents]
            content = hashlib.sha256(repr(told).encode()).hexdigest()
            task.fingerprint = f"{content} v{READING_VERSION} {self.describer.fingerprint}"
            task.is_known = self.library.fingerprint(task.uri) == task.fingerprint
        except Exception as error:  # noqa: BLE001 - reported by the run
            task.error = error
        task.stored_keys = loader.stored_keys
        return task

    def _knows(self, task: _Task) -> bool:
        wanted = f"{task.fingerprint} {self.describer.fingerprint}"
        # What was read with its remote pictures needs no reading without.
        known = self.library.fingerprint(task.uri) or ""
        return known == wanted or known.replace(" pictures", "", 1) == wanted

    def _finish(self, task: _Task) -> None:
        """Hold what was read for the library, or report why it was not read."""
        self.disused |= task.stored_keys
        if task.error:
            self._report(task.uri, task.error)
        elif task.reading and not task.is_known:
            self.held.append(task)
            return
        else:
            self.report.unchanged += 1
        self.n_done += 1

    def _n_held(self) -> int:
        return sum(len(task.reading.documents) for task in self.held if task.reading)

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

    def _put(self, tasks: Sequence[_Task]) -> None:
        left = deque(tasks)
        try:
            for change in self.library.put_all([_new_document(task) for task in tasks]):
                self._count(left.popleft(), change)
        except Exception as error:  # noqa: BLE001 - reported, or raised where all would fail
            if not left or isinstance(error, OF_ALL):
                raise
            if len(left) == 1:
                self._report(left[0].uri, error)
                self.n_done += 1
                return
            # They are embedded together: only one by one is it known whose error it is.
            for task in left:
                self._put([task])

    def _count(self, task: _Task, change: Change) -> None:
        self.n_done += 1
        self.disused |= set(change.orphan_keys)
        if change.replaced:
            self.report.updated += 1
        else:
            self.report.added += 1
        self.report.figures += change.n_figures
        self.report.chunks += change.n_chunks
        if reading := task.reading:
            self.report.skipped += [(task.uri, f"{s.what}: {s.reason}") for s in reading.skipped]
            self.report.pages += reading.n_pages or 0

    def _tell(self, uri: str, stage: Stage | None = None) -> None:
        if self.on_progress:
            n_pages, n_figures = self.report.pages, self.report.figures
            self.on_progress(Progress(uri, self.n_done, self.n_sources, stage, n_pages, n_figures))


def _new_document(task: _Task) -> NewDocument:
    reading = task.reading or Reading()
    return NewDocument(
        task.uri, reading.documents, task.fingerprint, reading.title, reading.n_pages
    )


def _uri(source: Source) -> str:
    return source.uri if isinstance(source, AdaptedLoader | SourceFile) else source_uri(source)
