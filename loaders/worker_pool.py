"""Has files read by worker processes, each within its limits of time and memory.

A worker that crashes, hangs or grows too large costs its file and nothing else. Of the pools
that exist, those that outlive a crashed process send pickles, which a broken process could
forge, and none bounds the memory. Leaves out what is done in a worker (`loaders.worker`).
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from types import TracebackType
from typing import Self

import psutil
from langchain_core.documents import Document

from loaders import errors
from loaders.captioning.context import FigureContext
from loaders.captioning.describer import BATCH_SIZE, FigureDescriber
from loaders.captioning.ocr import OcrReader
from loaders.companions import Companions
from loaders.elements import Skipped
from loaders.errors import (
    BrokenDocument,
    LimitExceeded,
    LoaderError,
    PartMissing,
    StoreUnusable,
    WorkerFailed,
)
from loaders.limits import BYTES_PER_MIB, Limits, n_cores
from loaders.loader import OnProgress, Stage
from loaders.media import MediaStore
from loaders.source import SourceFile
from loaders.speech.transcriber import Transcriber
from loaders.worker import Channel, Message

MAX_WORKERS = 4
"""More need memory, a few hundred megabytes each, rather than time: embedding comes after."""
SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_BETWEEN_COUNTS = 1.0
"""Of the processes that a worker has started: finding them looks at all there are."""
RENEWED_SHARE = 0.5
"""Of the memory limit: a worker that has grown to it is replaced before the next file."""
SECONDS_DESCRIBING = 2.0
"""What describes a few pictures faster is given more of them at once: BLIP takes two thirds of
the time for each of four, and a run that is ended waits for them."""
SECONDS_TO_END = 5.0
MAX_WORDS_BYTES = 2_000
FRUGAL = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20), "MALLOC_TRIM_THRESHOLD_": str(4 << 20)}
"""Has glibc give freed memory back: a worker that reads scans takes 490 MB instead of 795."""

ENDED = "the worker processes were ended"
CRASHED = (
    "{name} ended the process that read it ({how}). It is damaged, or trips a fault in a "
    "parser. Open it in its own program, save it anew and add that."
)
TOO_LARGE = (
    "{name} was given up: reading it needs more than {limit:,.0f} MiB of memory. It is made to do "
    "harm, damaged, or too large: split it, or raise the setting max_memory."
)
TOO_SLOW = (
    "{name} was given up: reading it takes longer than {limit:,.0f} s. "
    "Split it, or raise the setting max_seconds."
)
SILENT = (
    "{name} was given up: for {limit:,.0f} s no page and no figure of it could be read. "
    "It is damaged, or too complex; the setting max_silence_s allows more time."
)

Descriptions = dict[str, dict[str, str]]
"""Of pictures: key → {"blip": …, "ocr": …}."""


@dataclass(slots=True)
class Reading:
    """What a worker read from one file; the fields are those of a DocumentLoader."""

    documents: list[Document] = field(default_factory=list)
    title: str = ""
    n_pages: int | None = None
    skipped: list[Skipped] = field(default_factory=list)
    transcribes: bool = False
    is_commented: bool = False
    companions: Companions = field(default_factory=dict)


class WorkerPool:
    """Reads files in worker processes, started when they are needed. Safe for threads."""

    def __init__(
        self,
        media: MediaStore,
        describer: FigureDescriber,
        limits: Limits,
        n_workers: int = 0,
        *,
        transcriber: Transcriber | None = None,
    ) -> None:
        """describer: OCR is done in the workers, its other readers read in this process.

        n_workers: at most; one for each processor, up to MAX_WORKERS, when 0.
        transcriber: names the model with which the workers write down speech.
        """
        self.n_workers = n_workers or min(MAX_WORKERS, n_cores())
        self._media = media
        self._describer = describer
        self._limits = limits
        reads_text = isinstance(describer.readers.get("ocr"), OcrReader)
        self._setup: Message = {
            "limits": dataclasses.asdict(limits),
            "media": {
                "folder": str(media.folder),
                "base_url": media.base_url,
                "max_pixels": media.max_pixels,
            },
            "reads_text": reads_text,
            "readings": [str(describer.readings.folder), describer.readings.max_bytes],
            "asks_parent": len(describer.readers) > reads_text or describer.vision is not None,
            "speech_model": transcriber.model if transcriber else None,
        }
        self._free = threading.Semaphore(self.n_workers)
        self._lock = threading.Lock()
        self._describing = threading.Lock()
        self._n_described_at_once = 1
        self._idle: list[_Process] = []
        self._busy: list[_Process] = []
        self._is_closed = threading.Event()
        # What a worker that is ended has left in it goes with the pool.
        self._scratch = TemporaryDirectory(prefix="limner-", ignore_cleanup_errors=True)
        self._watch = threading.Thread(target=self._keep_watch, daemon=True)
        self._watch.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all workers; what they are reading fails."""
        self._is_closed.set()
        with self._lock:
            idle, self._idle = self._idle, []
            for process in self._busy:
                process.kill()  # whoever reads from it notices, and ends it
        for process in idle:
            self._end(process)
        self._watch.join()
        self._scratch.cleanup()

    def read(
        self,
        file: SourceFile,
        passwords: Sequence[str] = (),
        *,
        fetch_remote_images: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Reading:
        """Read one file; waits for a worker.

        fetch_remote_images: even if the limits do not say so.
        Raises a LoaderError, StoreUnusable, PartMissing, or WorkerFailed for a fault of limner's
        own.
        """
        with self._free:
            process = self._take()
            try:
                process.begin()
                process.send(
                    {
                        "uri": file.uri,
                        "path": str(file.path),
                        "name": file.name,
                        "figure_root": str(file.figure_root) if file.figure_root else None,
                        "passwords": list(passwords),
                        "fetch_remote_images": fetch_remote_images
                        or self._limits.fetch_remote_images,
                    }
                )
                return self._listen(process, file.name, on_progress)
            finally:
                self._give_back(process)

    def _listen(self, process: _Process, name: str, on_progress: OnProgress | None) -> Reading:
        """What the worker tells until it has read the file."""
        reading = Reading()
        while True:
            match self._next_message(process, name):
                case {"ready": True}:
                    process.is_ready = True
                case {"stage": [str(what), int(n_done), int(n)]}:
                    if on_progress:
                        on_progress(Stage(what, n_done, n))
                case {
                    "describe": list(keys),
                    "contexts": dict(told),
                    "without_ocr": list(without_ocr),
                }:
                    contexts = {key: FigureContext.from_message(told.get(key)) for key in keys}
                    with process.waiting():
                        # Of several files at once.
                        self._describer.ask_vision(keys, contexts, self._tell(on_progress))
                        with self._describing:
                            found = self._described(keys, contexts, without_ocr, on_progress)
                    process.send({"descriptions": found})
                case {"documents": list(documents), **rest}:
                    reading.documents += [
                        Document(page_content=d["text"], metadata=d["metadata"]) for d in documents
                    ]
                    if done := rest.get("done"):
                        process.is_between_files = True
                        return self._finished(reading, done)
                case message:
                    process.is_between_files = True
                    raise _error(message)

    def _described(
        self,
        keys: list[str],
        contexts: Mapping[str, FigureContext],
        without_ocr: list[str],
        on_progress: OnProgress | None,
    ) -> Descriptions:
        """What is said of the pictures; so many at a time that a closed pool soon ends.

        A graphics card is much faster with several, a processor somewhat.
        """
        found: Descriptions = {}
        n_done = 0
        tell = self._tell(on_progress)
        while n_done < len(keys):
            tell(n_done, len(keys))
            start = time.monotonic()
            some = keys[n_done : n_done + self._n_described_at_once]
            # The worker has read them where its own OCR was to do it.
            known = some if self._setup["reads_text"] else without_ocr
            found |= self._describer.describe(some, without_ocr=known, contexts=contexts)
            n_done += len(some)
            is_fast = time.monotonic() - start < SECONDS_DESCRIBING
            self._n_described_at_once = (
                min(2 * len(some), BATCH_SIZE) if is_fast else max(1, len(some) // 2)
            )
        return found

    def _tell(self, on_progress: OnProgress | None) -> Callable[[int, int], None]:
        """Tells how many pictures are described; raises WorkerFailed where the pool is closed."""

        def tell(n_done: int, n: int) -> None:
            if self._is_closed.is_set():
                raise WorkerFailed(ENDED)
            if on_progress:
                on_progress(Stage("caption", n_done, n))

        return tell

    def _next_message(self, process: _Process, name: str) -> Message:
        try:
            message = process.receive()
        except (OSError, TypeError, ValueError) as error:
            raise WorkerFailed(f"a worker process cannot be understood ({error})") from error
        if message is not None:
            return message
        if process.verdict:
            text, limit = process.verdict
            raise LimitExceeded(text.format(name=name, limit=limit))
        if self._is_closed.is_set():
            raise WorkerFailed(ENDED)
        if not process.is_ready:
            raise WorkerFailed(
                f"a worker process did not start ({process.how_it_ended()}): {process.last_words()}"
            )
        raise BrokenDocument(CRASHED.format(name=name, how=process.how_it_ended()))

    def _finished(self, reading: Reading, done: Message) -> Reading:
        reading.title, reading.n_pages = done["title"], done["n_pages"]
        reading.skipped = [Skipped(what, reason) for what, reason in done["skipped"]]
        reading.transcribes = done["transcribes"]
        reading.is_commented = done["is_commented"]
        reading.companions = {
            str(name): None if digest is None else str(digest)
            for name, digest in done["companions"].items()
        }
        for reader, reason in done["missing"].items():
            self._describer.drop(reader, reason)
        return reading

    def _take(self) -> _Process:
        with self._lock:
            if self._is_closed.is_set():
                raise WorkerFailed(ENDED)
            while self._idle:
                process = self._idle.pop()
                if process.is_fit:
                    break
                self._end(process)
            else:
                process = _Process(self._setup, self._scratch.name)
            self._busy.append(process)
            return process

    def _give_back(self, process: _Process) -> None:
        limit = RENEWED_SHARE * self._limits.max_memory
        is_good = process.is_between_files and process.is_fit and process.n_bytes() < limit
        with self._lock:
            self._busy.remove(process)
            if is_good and not self._is_closed.is_set():
                self._idle.append(process)
                return
        self._end(process)

    def _end(self, process: _Process) -> None:
        process.end()
        self._media.discard_unfinished(process.pid)

    def _keep_watch(self) -> None:
        """End the workers that exceed their limits."""
        while not self._is_closed.wait(SECONDS_BETWEEN_LOOKS):
            with self._lock:
                busy = list(self._busy)
            for process in busy:
                process.judge(self._limits)


class _Process:
    """One worker process and what is known of it."""

    def __init__(self, setup: Message, scratch: str) -> None:
        # -P: a module in the folder in which a person works must not take the place of ours.
        here = str(Path(__file__).resolve().parents[1])
        paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._complaints = TemporaryFile(dir=scratch)  # noqa: SIM115 - closed by end
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "loaders.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            encoding="utf-8",
            # Ctrl-C in a terminal is this process's to act on.
            start_new_session=True,
            env=os.environ
            | FRUGAL
            | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUTF8": "1", "TMPDIR": scratch},
        )
        answers, requests = self._process.stdout, self._process.stdin
        assert answers is not None  # noqa: S101 - for the type checker: both are pipes
        assert requests is not None  # noqa: S101
        self._pipes = answers, requests
        self._channel = Channel(answers, requests)
        self._watched = psutil.Process(self.pid)
        self._started: list[psutil.Process] = []
        self._counted = 0.0
        self._begun = self._heard = time.monotonic()
        self._is_waiting = False
        self.is_between_files = True
        self.is_ready = False
        self.verdict: tuple[str, float] | None = None
        """The error's text and the limit, where this process was ended for that."""
        self.send(setup)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_fit(self) -> bool:
        """Whether the process is there, and is not being ended for its limits."""
        return self.verdict is None and self._process.poll() is None

    def begin(self) -> None:
        """A file is to be read: its time begins."""
        self._begun = self._heard = time.monotonic()
        self.is_between_files = False  # last: from here on the other thread judges by the times

    def send(self, message: Message) -> None:
        with suppress(OSError):  # an ended process is noticed where its answer is awaited
            self._channel.send(message)

    def receive(self) -> Message | None:
        message = self._channel.receive()
        self._heard = time.monotonic()
        return message

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """While the worker waits for this process, its time does not run."""
        start = time.monotonic()
        self._is_waiting = True
        try:
            yield
        finally:
            self._heard = time.monotonic()
            self._begun += self._heard - start
            self._is_waiting = False

    def n_bytes(self) -> int:
        """Resident memory of the process and of those it has started; 0 where it has ended."""
        if time.monotonic() - self._counted > SECONDS_BETWEEN_COUNTS:
            with suppress(psutil.Error):
                self._started = self._watched.children(recursive=True)
            self._counted = time.monotonic()
        return sum(map(_resident, [self._watched, *self._started]))

    def judge(self, limits: Limits) -> None:
        """End the process where it exceeds its limits."""
        now = time.monotonic()
        if self.n_bytes() > limits.max_memory:
            self._condemn(TOO_LARGE, limits.max_memory / BYTES_PER_MIB)
        elif self._is_waiting or self.is_between_files:
            return
        elif now - self._begun > limits.max_seconds:
            self._condemn(TOO_SLOW, limits.max_seconds)
        elif now - self._heard > limits.max_silence_s:
            self._condemn(SILENT, limits.max_silence_s)

    def _condemn(self, text: str, limit: float) -> None:
        self.verdict = self.verdict or (text, limit)
        self.kill()

    def how_it_ended(self) -> str:
        """The signal or exit code of a process whose pipe is closed."""
        try:
            code = self._process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            return "it closed its pipe"
        try:
            return signal.Signals(-code).name if code < 0 else f"exit code {code}"
        except ValueError:
            return f"signal {-code}"

    def last_words(self) -> str:
        """The end of what the process wrote on stderr."""
        self._complaints.seek(-min(MAX_WORDS_BYTES, self._complaints.seek(0, os.SEEK_END)), 2)
        return self._complaints.read().decode("utf-8", "replace").strip()

    def end(self) -> None:
        """Kill the process and close the pipes; safe to call again."""
        self.kill()
        self._process.wait()
        self._complaints.close()
        for pipe in self._pipes:
            with suppress(OSError):
                pipe.close()

    def kill(self) -> None:
        """Kill the process and all that it has started."""
        with suppress(psutil.Error):
            for child in self._watched.children(recursive=True):
                with suppress(psutil.Error):
                    child.kill()
        self._process.kill()
        for orphan in self._orphans():
            with suppress(psutil.Error):
                orphan.kill()

    def _orphans(self) -> list[psutil.Process]:
        """What the process has started and left behind: it is in its session."""
        is_reused = self._process.returncode is not None and psutil.pid_exists(self.pid)
        if is_reused or not hasattr(os, "getsid"):
            return []
        return [p for p in psutil.process_iter() if p.pid != self.pid and _is_in(p, self.pid)]


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _is_in(process: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(process.pid) == session
    except OSError:
        return False


def _error(message: Message) -> Exception:
    """The exception that a worker tells of."""
    match message:
        case {"error": str(kind), "text": str(text)}:
            found = getattr(errors, kind, None)
            if isinstance(found, type) and issubclass(found, LoaderError | StoreUnusable):
                return found(text)
        case {"part_missing": str(text)}:
            return PartMissing(text)
        case {"bug": str(text), "traceback": str(trace)}:
            error = WorkerFailed(text)
            error.add_note(trace)
            return error
    return WorkerFailed(f"a worker process said {str(message)[:200]!r}")
