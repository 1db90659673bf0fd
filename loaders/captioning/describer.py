"""Has every figure read by OCR and by BLIP or a vision model, each picture once.

What a reader says of a picture is remembered under the picture's content and the reader's
name and version, so a picture that comes back, in this document or another, costs nothing. What a
vision model says may hold words of the document, so it is remembered under these words too; what
it said without any serves every document (`caption_queue`).

Leaves out the fusion with what the document says.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Container, Mapping, Sequence
from typing import Protocol

from PIL import Image

from loaders.captioning.blip import BlipCaptioner
from loaders.captioning.caption_queue import (
    NOTHING,
    CaptionQueue,
    FigureCaptioner,
    OnProgress,
)
from loaders.captioning.context import FigureContext
from loaders.captioning.ocr import FULL_SIDE, MAX_SIDE, LineReader, OcrReader
from loaders.captioning.readings import ReadingCache
from loaders.elements import Skipped
from loaders.errors import PartMissing
from loaders.media import MediaStore

BATCH_SIZE = 8
NO_CONTEXTS: Mapping[str, FigureContext] = {}
logger = logging.getLogger(__name__)


class PictureReader(Protocol):
    """Says something about pictures: BLIP's caption, or the text in them."""

    @property
    def fingerprint(self) -> str:
        """Name and version; another one means that pictures are read again."""

    def read(self, images: Sequence[Image.Image]) -> list[str]:
        """One text an image, in order; "" where there is nothing to say."""


class FigureDescriber:
    """Reads stored pictures with the readers that are here."""

    def __init__(
        self,
        media: MediaStore,
        *,
        captioner: PictureReader | None = None,
        reader: PictureReader | None = None,
        vision: FigureCaptioner | None = None,
        readings: ReadingCache | None = None,
    ) -> None:
        """vision: describes pictures; the captioner then has those that it fails on.

        readings: what was read before; nothing is remembered when None.
        """
        self.media = media
        self.vision = vision
        self._readings = readings or ReadingCache(max_bytes=0)
        self._queue = (
            CaptionQueue(vision, self._opened, self._keep, self._was_late) if vision else None
        )
        self._readers = {
            name: part for name, part in (("blip", captioner), ("ocr", reader)) if part is not None
        }
        self.missing: dict[str, str] = {}
        """Why a reader was dropped, by its name."""

    @classmethod
    def from_installed(cls, media: MediaStore) -> FigureDescriber:
        """OCR, and BLIP where its weights are on this disk."""
        return cls(
            media,
            captioner=BlipCaptioner() if BlipCaptioner.is_available() else None,
            reader=OcrReader(),
            readings=ReadingCache(),
        )

    @property
    def readings(self) -> ReadingCache:
        """What was read out of pictures before."""
        return self._readings

    @property
    def readers(self) -> Mapping[str, PictureReader]:
        """The readers by the name that their text has in the descriptions."""
        return self._readers

    def drop(self, name: str, reason: str) -> None:
        """Go on without a reader whose model is not here."""
        if self._readers.pop(name, None):
            logger.warning("%s", reason)
            self.missing[name] = reason

    @property
    def fingerprint(self) -> str:
        """Names every reader; it changes when a description would."""
        seen = [self.vision.fingerprint] if self.vision else []
        return " ".join([*seen, *(part.fingerprint for part in self._readers.values())])

    def is_unfinished(self, keys: Collection[str]) -> bool:
        """Whether a vision model's server failed on one of the pictures: it may be well later."""
        return self._queue is not None and not self._queue.unreached.isdisjoint(keys)

    @property
    def failures(self) -> list[Skipped]:
        """How many pictures the vision model did not describe, for each reason."""
        if self._queue is None:
            return []
        instead = "; BLIP captioned them" if "blip" in self._readers else ""
        return [Skipped(s.what, f"{s.reason}{instead}") for s in self._queue.told()]

    @property
    def line_reader(self) -> LineReader | None:
        """What reads the lines of a page by OCR; None where there is no such reader."""
        reader = self._readers.get("ocr")
        return reader if isinstance(reader, LineReader) else None

    def describe(
        self,
        keys: Sequence[str],
        on_progress: OnProgress | None = None,
        *,
        without_ocr: Collection[str] = (),
        contexts: Mapping[str, FigureContext] = NO_CONTEXTS,
    ) -> dict[str, dict[str, str]]:
        """Key → {"vision": …, "blip": …, "ocr": …}, without those that say nothing.

        without_ocr: keys of pictures that OCR is not to read: all their text is known. A reader
        whose model turns out not to be here is dropped; the others go on. contexts: what a
        vision model is told with a picture.
        """
        seen = self.ask_vision(keys, contexts, on_progress)
        found = {key: {"vision": text} for key, text in seen.items()}
        # Where a vision model has seen a picture, its words stand in the place of BLIP's.
        needless = {"ocr": without_ocr, "blip": seen}
        for start in range(0, len(keys), BATCH_SIZE):
            batch = keys[start : start + BATCH_SIZE]
            for key, texts in self._read(batch, needless).items():
                if texts:
                    found[key] = found.get(key, {}) | texts
            if on_progress:
                on_progress(min(start + BATCH_SIZE, len(keys)), len(keys))
        return found

    def ask_vision(
        self,
        keys: Sequence[str],
        contexts: Mapping[str, FigureContext],
        on_progress: OnProgress | None = None,
    ) -> dict[str, str]:
        """What the vision model, if any, says of the pictures, without those that it failed on.

        Safe for threads.
        """
        if self._queue is None or self.vision is None:
            return {}
        told = {key: contexts.get(key, NOTHING) for key in keys}
        known = self._readings.known(keys, self._seer(NOTHING))
        for key, context in told.items():
            if context != NOTHING:
                known |= self._readings.known([key], self._seer(context))
        new = {key: context for key, context in told.items() if key not in known}
        return known | self._queue.describe(new, on_progress)

    def _seer(self, context: FigureContext) -> str:
        """What the vision model is called in the readings when it is told these words."""
        name = self.vision.fingerprint if self.vision else ""
        return f"{name} told {context.digest}" if context.digest else name

    def _keep(self, key: str, context: FigureContext, text: str) -> None:
        self._readings.remember(self._seer(context), {key: text})

    def _was_late(self, key: str) -> bool:
        """Whether the vision model took too long for a picture before: from now on it did."""
        late = f"{self._seer(NOTHING)} late"
        was_late = key in self._readings.known([key], late)
        self._readings.remember(late, {key: ""})
        return was_late

    def _opened(self, key: str) -> Image.Image:
        return self.media.open(key, max_side=MAX_SIDE)

    def _read(
        self, keys: Sequence[str], needless: Mapping[str, Container[str]]
    ) -> dict[str, dict[str, str]]:
        """Key → {"blip": …, "ocr": …}; each picture is decoded once for all readers here.

        needless: by a reader's name, the keys of the pictures that it is not to read.
        """
        found: dict[str, dict[str, str]] = {key: {} for key in keys}
        images: dict[str, Image.Image] = {}
        for name, part in list(self._readers.items()):
            wanted = [key for key in keys if key not in needless.get(name, ())]
            texts = self._readings.known(wanted, part.fingerprint)
            new = [key for key in wanted if key not in texts]
            for key in new:
                if key not in images:
                    # Eight large pictures fill the memory.
                    images[key] = self._opened(key)
            try:
                read = self._asked(part, new, images)
            except PartMissing as error:
                self.drop(name, str(error))
                continue
            said = dict(zip(new, read, strict=True))
            self._readings.remember(part.fingerprint, said)
            for key, text in (texts | said).items():
                if text:
                    found[key][name] = text
        return found

    def _asked(
        self, part: PictureReader, keys: Sequence[str], images: Mapping[str, Image.Image]
    ) -> list[str]:
        """One text a key. Large pictures are shown to OCR, which sees more in them, one by one."""
        large = [k for k in keys if isinstance(part, LineReader) and _is_reduced(images[k])]
        small = [key for key in keys if key not in large]
        texts = part.read([images[key] for key in small]) if small else []
        read = dict(zip(small, texts, strict=True))
        for key in large:
            (read[key],) = part.read([self.media.open(key, max_side=FULL_SIDE)])
        return [read[key] for key in keys]


def _is_reduced(image: Image.Image) -> bool:
    return max(image.size) >= MAX_SIDE
