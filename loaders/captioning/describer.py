"""Has every figure read by OCR and BLIP, each picture once.

What a reader says of a picture is remembered under the picture's content and the reader's
name and version, so a picture that comes back, in this document or another, costs nothing.
Leaves out the fusion with what the document says.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from PIL import Image

from loaders.captioning.blip import BlipCaptioner
from loaders.captioning.ocr import FULL_SIDE, MAX_SIDE, LineReader, OcrReader
from loaders.captioning.readings import ReadingCache
from loaders.errors import PartMissing
from loaders.media import MediaStore

BATCH_SIZE = 8
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
        readings: ReadingCache | None = None,
    ) -> None:
        """readings: what was read before; nothing is remembered when None."""
        self.media = media
        self._readings = readings or ReadingCache(max_bytes=0)
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
        return " ".join(part.fingerprint for part in self._readers.values())

    @property
    def line_reader(self) -> LineReader | None:
        """What reads the lines of a page by OCR; None where there is no such reader."""
        reader = self._readers.get("ocr")
        return reader if isinstance(reader, LineReader) else None

    def describe(
        self,
        keys: Sequence[str],
        on_progress: Callable[[int, int], None] | None = None,
        *,
        without_ocr: Collection[str] = (),
    ) -> dict[str, dict[str, str]]:
        """Key → {"blip": …, "ocr": …}, without those that say nothing.

        without_ocr: keys of pictures that OCR is not to read: all their text is known. A reader
        whose model turns out not to be here is dropped; the others go on.
        """
        found: dict[str, dict[str, str]] = {}
        for start in range(0, len(keys), BATCH_SIZE):
            batch = keys[start : start + BATCH_SIZE]
            found |= {key: texts for key, texts in self._read(batch, without_ocr).items() if texts}
            if on_progress:
                on_progress(min(start + BATCH_SIZE, len(keys)), len(keys))
        return found

    def _read(self, keys: Sequence[str], without_ocr: Collection[str]) -> dict[str, dict[str, str]]:
        """Key → {"blip": …, "ocr": …}; each picture is decoded once for all readers."""
        found: dict[str, dict[str, str]] = {key: {} for key in keys}
        images: dict[str, Image.Image] = {}
        for name, part in list(self._readers.items()):
            wanted = [key for key in keys if name != "ocr" or key not in without_ocr]
            texts = self._readings.known(wanted, part.fingerprint)
            new = [key for key in wanted if key not in texts]
            for key in new:
                if key not in images:
                    # Eight large pictures fill the memory.
                    images[key] = self.media.open(key, max_side=MAX_SIDE)
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
