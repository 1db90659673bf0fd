"""Has a captioner on a server describe pictures: several at a time, each once with the same words.

A description may hold words of the document that it was made with, so it serves no other one. Yet
a logo on the first page of a thousand documents is not described a thousand times: with the words
of MAX_CONTEXTS documents, and from then on without any, once for all others.

A captioner that keeps failing is given up for the run, with its reason; what it failed on is
counted. Leaves out asking a model (`vision`) and who describes the pictures in its place.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from PIL import Image

from loaders.captioning.context import FigureContext
from loaders.elements import Skipped

MAX_SERVER_FAILURES = 3
MAX_FAILURES = 12
"""Pictures in a row that the captioner may fail on, whatever the reason."""
MAX_CONTEXTS = 2
"""What comes back more often is no figure of one document: its words tell nothing of it."""
NOTHING = FigureContext()
FAILED_HERE = "limner itself failed on them"
SECONDS_BETWEEN_LOOKS = 0.2
logger = logging.getLogger(__name__)
_starting = threading.Lock()

OnProgress = Callable[[int, int], None]


class Undescribed(Exception):
    """A model gave no description of a picture. reason: in what way, alike for like failures.

    by_server: whether another picture would likely meet the same. is_late: it took too long,
    which may be the server's fault or the picture's.
    """

    def __init__(
        self, reason: str, detail: str = "", *, by_server: bool = False, is_late: bool = False
    ) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.by_server = by_server
        self.is_late = is_late


class NotAsked(Undescribed):
    """The captioner's server did not answer when the run began."""


class FigureCaptioner(Protocol):
    """Describes a picture with the words around it; it may fail on any."""

    @property
    def name(self) -> str:
        """The model's, for people."""

    @property
    def fingerprint(self) -> str:
        """Name and version; another one means that pictures are described again."""

    @property
    def n_parallel(self) -> int:
        """How many pictures it takes at once."""

    async def describe(self, image: Image.Image, context: FigureContext) -> str:
        """The picture in words. Raises Undescribed."""


@dataclass(slots=True)
class _Failure:
    """What went wrong alike for n pictures; told: as it was the first time."""

    told: str
    n: int = 0


@dataclass(eq=False, slots=True)
class _Question:
    """What is asked of a picture, by those who wait for the answer."""

    answer: Future[str | None]
    n_waiting: int = 0


class CaptionQueue:
    """Asks about each picture once with the same words. Safe for several threads."""

    def __init__(
        self,
        captioner: FigureCaptioner,
        picture: Callable[[str], Image.Image],
        keep: Callable[[str, FigureContext, str], None],
        was_late: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """picture: opens what has that key. keep: is given each description at once.

        was_late: whether the captioner took too long for that picture in an earlier run, too.
        """
        self.unreached: set[str] = set()
        """Keys of pictures for which the server failed, or was not asked any more."""
        self._captioner = captioner
        self._picture = picture
        self._keep = keep
        self._was_late = was_late
        self._free = asyncio.Semaphore(captioner.n_parallel)
        self._lock = threading.Lock()
        self._asked: dict[str, dict[str, _Question]] = {}
        """By the picture's key and the digest of the words with it."""
        # What follows is changed in the loop's thread alone.
        self._failures: dict[str, _Failure] = {}
        self._n_failed_in_a_row = self._n_server_failed_in_a_row = 0
        self._n_described = self._n_left_out = 0
        self._is_given_up = False

    def describe(
        self, contexts: Mapping[str, FigureContext], on_progress: OnProgress | None = None
    ) -> dict[str, str]:
        """Key → description, without the pictures that the captioner failed on.

        What on_progress raises ends the waiting, and what nobody else waits for.
        """
        with self._lock:
            asked = {key: self._asked_about(key, context) for key, context in contexts.items()}
        try:
            waiting = {question.answer for question in asked.values()}
            while waiting:
                _, waiting = wait(waiting, SECONDS_BETWEEN_LOOKS)
                if on_progress:
                    on_progress(len(asked) - len(waiting), len(asked))
            found = {key: question.answer.result() for key, question in asked.items()}
        finally:
            with self._lock:
                for question in asked.values():
                    question.n_waiting -= 1
                    if not question.n_waiting:
                        question.answer.cancel()
        return {key: text for key, text in found.items() if text}

    def told(self) -> list[Skipped]:
        """What was not described, and why: an entry for each reason."""
        entries = [Skipped(_counted(f.n), f.told) for f in self._failures.values()]
        if self._n_left_out:
            n = self._n_failed_in_a_row
            reason = f"it was not asked any more, since it failed on {n} in a row"
            entries.append(Skipped(_counted(self._n_left_out), reason))
        return entries

    def _asked_about(self, key: str, context: FigureContext) -> _Question:
        """The question that is under way or was answered in this run, or else a new one."""
        asked = self._asked.setdefault(key, {})
        question = asked.get(context.digest)
        if question is None or question.answer.cancelled():
            first = list(asked)[:MAX_CONTEXTS]
            if len(first) == MAX_CONTEXTS and context.digest and context.digest not in first:
                question = self._asked_about(key, NOTHING)
                question.n_waiting -= 1
            else:
                answer = asyncio.run_coroutine_threadsafe(self._ask(key, context), _loop())
                question = _Question(answer)
            asked[context.digest] = question
        question.n_waiting += 1
        return question

    async def _ask(self, key: str, context: FigureContext) -> str | None:
        async with self._free:
            if self._is_given_up:
                self._n_left_out += 1
                self.unreached.add(key)
                return None
            try:
                text = await self._described(key, context)
            except Undescribed as failure:
                is_its_own = failure.is_late and (
                    await asyncio.to_thread(self._was_late, key) or self._n_described > 0
                )
                if failure.by_server and not is_its_own:
                    self.unreached.add(key)
                self._count(failure)
                return None
            self._n_described += 1
            self._n_failed_in_a_row = self._n_server_failed_in_a_row = 0
            return text

    async def _described(self, key: str, context: FigureContext) -> str:
        """The description, which is kept. Raises nothing but Undescribed."""
        try:
            image = await asyncio.to_thread(self._picture, key)
            text = await self._captioner.describe(image, context)
        except Undescribed:
            raise
        except Exception as error:  # one picture must not cost a document, or all that have it
            raise Undescribed(FAILED_HERE, f"{type(error).__name__}: {error}") from error
        try:
            await asyncio.to_thread(self._keep, key, context, text)
        except Exception:  # it only costs time in the next run
            logger.exception("The description of a picture could not be kept")
        return text

    def _count(self, failure: Undescribed) -> None:
        known = self._failures.get(failure.reason)
        if known is None:
            logger.warning("%s did not describe a picture: %s", self._captioner.name, failure)
            known = self._failures[failure.reason] = _Failure(str(failure))
        known.n += 1
        if isinstance(failure, NotAsked):  # it costs no time, and has told its reason
            return
        self._n_failed_in_a_row += 1
        n = self._n_server_failed_in_a_row + 1
        self._n_server_failed_in_a_row = n if failure.by_server else 0
        self._is_given_up |= (
            self._n_server_failed_in_a_row >= MAX_SERVER_FAILURES
            or self._n_failed_in_a_row >= MAX_FAILURES
        )


def _counted(n: int) -> str:
    return f"{n:,} figure{'' if n == 1 else 's'}"


def _loop() -> asyncio.AbstractEventLoop:
    """The one event loop in which questions are asked, in a thread that ends with the process.

    A question can then be broken off at its time limit, which a blocked thread cannot be.
    """
    with _starting:
        return _started_loop()


@cache
def _started_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="captions", daemon=True).start()
    return loop
