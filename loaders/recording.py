"""Reads a recording, sound or film: what is said with its times, and a frame of each scene.

Leaves out music and noise, the cover of an album, and subtitles that lie in the file.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from heapq import merge
from typing import TYPE_CHECKING

from loaders.content_type import content_type
from loaders.elements import Element, Figure, Heading, Info, Paragraph, Skipped, Speech, one_line
from loaders.errors import LoaderError, PartMissing
from loaders.loader import DocumentLoader, Stage
from loaders.source import SourceFile, is_url
from loaders.speech.key_frames import Scene, scenes
from loaders.speech.passages import passages, text_of
from loaders.speech.recording_file import has_film, is_decodable, length_s, offset_s, opened
from loaders.speech.sound import SAMPLE_RATE, windows
from loaders.speech.transcriber import Word

if TYPE_CHECKING:
    from av.container import InputContainer

DESCRIPTIONS = ("description", "synopsis", "comment", "lyrics")
"""Tags of a file in which a person says what it is."""
MIN_DESCRIPTION_CHARS = 20
MAX_DESCRIPTION_CHARS = 20_000
MAX_SPOKEN_CHARS = 600
"""Of what is said while a frame is shown."""
MAX_CHAPTERS = 500
CHAPTER_TOLERANCE_S = 2.0
"""How much before its chapter a sentence may begin."""
SOUND, PICTURES = "The sound", "The pictures"
MINUTE, FILM_MINUTE = "minute", "minute of film"
NOBODY_SPEAKS = "nobody was heard to speak in it"

OpenFile = Callable[[], AbstractContextManager["InputContainer"]]


@dataclass(slots=True)
class _Heard:
    """What was heard in a recording."""

    words: list[Word] = field(default_factory=list)
    language: str | None = None
    skipped: list[Skipped] = field(default_factory=list)


class RecordingLoader(DocumentLoader):
    """Reads sound and films in any of `recording_file.FORMATS`."""

    transcribes = True

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        mime = content_type(file.path, file.name, is_web_page=is_url(file.uri))
        logging.getLogger("libav").setLevel(logging.CRITICAL)
        open_file = partial(opened, file.path, mime, file.name)
        with open_file() as container:
            chapters = _chapters(container)
            is_film = has_film(container)
            tags = _tags(container)
        yield Info(title=tags.get("title"))
        yield from _descriptions(tags)
        heard = self._heard(open_file)
        yield from heard.skipped
        speech = self._speech(heard, chapters, "video" if is_film else "audio")
        shown = self._scenes(open_file, heard.words) if is_film else iter(())
        yield from _in_chapters(merge(speech, shown, key=_start), chapters)

    def _heard(self, open_file: OpenFile) -> _Heard:
        """Everything that is said; what goes wrong costs only the sound that follows."""
        import av

        heard = _Heard()
        end = 0.0
        try:
            with open_file() as container:
                sound = next(filter(is_decodable, container.streams.audio), None)
                if sound is None:
                    return heard
                length = length_s(container)
                for start, samples in windows(container, sound, self.limits.max_recorded_s):
                    self._tell_minute(MINUTE, start, length)
                    language, words = self.transcriber.words(samples, heard.language)
                    heard.language = heard.language or language or None
                    for word in words:
                        heard.words.append(Word(word.text, start + word.start, start + word.end))
                        self._tell_minute(MINUTE, start + word.end, length)
                    end = start + len(samples) / SAMPLE_RATE
                if length and length > self.limits.max_recorded_s:
                    heard.skipped.append(Skipped(SOUND, self._too_long()))
        except PartMissing as error:
            heard.skipped.append(Skipped(SOUND, str(error)))
            return heard
        except (av.FFmpegError, LoaderError, ValueError, MemoryError) as error:
            heard.skipped.append(Skipped(f"{SOUND} after {end:,.0f} s", f"it is damaged ({error})"))
        if not heard.words:
            heard.skipped.append(Skipped(SOUND, NOBODY_SPEAKS))
        return heard

    def _speech(
        self, heard: _Heard, chapters: list[tuple[float, str]], modality: str
    ) -> Iterator[Speech]:
        for group in passages(heard.words, [start for start, _ in chapters]):
            yield Speech(text_of(group), group[0].start, group[-1].end, modality, heard.language)

    def _scenes(self, open_file: OpenFile, words: list[Word]) -> Iterator[Element]:
        """A figure for each scene, with what is said meanwhile."""
        import av

        with open_file() as container:
            length = length_s(container)
        try:
            for scene in scenes(
                open_file, self.limits, lambda at: self._tell_minute(FILM_MINUTE, at, length)
            ):
                yield Figure(
                    scene.image, start=scene.start, end=scene.end, spoken=_said_in(scene, words)
                )
        except (av.FFmpegError, LoaderError, ValueError, MemoryError) as error:
            yield Skipped(PICTURES, f"they are damaged ({error})")

    def _tell_minute(self, what: str, second: float, length: float | None) -> None:
        n = math.ceil(length / 60) if length else 0
        n_done = int(second // 60)
        self._tell(Stage(what, n_done, max(n, n_done)))

    def _too_long(self) -> str:
        hours = self.limits.max_recorded_s / 3600
        return (
            f"what comes after {hours:,.1f} hours is left out; the setting max_recorded_s says so"
        )


def _tags(container: InputContainer) -> dict[str, str]:
    """What the file says of itself; some formats say it of the sound in it."""
    found = dict(container.metadata)
    for stream in container.streams.audio[:1]:
        found = dict(stream.metadata) | found
    return {name.lower(): text for name, text in found.items()}


def _descriptions(tags: dict[str, str]) -> Iterator[Paragraph]:
    """What a person wrote into the file about it, each text once."""
    written = (one_line(tags.get(name, ""))[:MAX_DESCRIPTION_CHARS] for name in DESCRIPTIONS)
    for text in dict.fromkeys(written):
        if len(text) >= MIN_DESCRIPTION_CHARS:
            yield Paragraph(text)


def _chapters(container: InputContainer) -> list[tuple[float, str]]:
    """The second at which each chapter begins, and its title."""
    found = []
    for chapter in container.chapters()[:MAX_CHAPTERS]:
        title = one_line(chapter["metadata"].get("title", ""))
        if title and chapter["time_base"]:
            start = float(chapter["start"] * chapter["time_base"]) - offset_s(container)
            found.append((max(0.0, start), title))
    return sorted(found)


def _in_chapters(
    elements: Iterator[Element], chapters: list[tuple[float, str]]
) -> Iterator[Element]:
    """The elements with the title of each chapter before the first of it."""
    waiting = iter([*chapters, (math.inf, "")])
    start, title = next(waiting)
    for element in elements:
        while _start(element) >= start - CHAPTER_TOLERANCE_S and start < math.inf:
            yield Heading(title, 1)
            start, title = next(waiting)
        yield element
    while start < math.inf:
        yield Heading(title, 1)
        start, title = next(waiting)


def _start(element: Element) -> float:
    """When it is heard or seen; what has no time comes last."""
    start = getattr(element, "start", None)
    return math.inf if start is None else float(start)


def _said_in(scene: Scene, words: list[Word]) -> str | None:
    """The words that begin in a scene, as many as go with one figure."""
    said = text_of(word for word in words if scene.start <= word.start < scene.end)
    if len(said) > MAX_SPOKEN_CHARS:
        said = said[:MAX_SPOKEN_CHARS].rsplit(" ", 1)[0] + " …"
    return said or None
