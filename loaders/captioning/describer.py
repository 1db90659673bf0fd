"""Has every figure read by OCR and BLIP, each picture once.

What a reader says of a picture is kept beside it in the media store, under the
reader's name and version, so a picture that comes back, in this document or another,
costs nothing. Leaves out the fusion with what the document says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from PIL import Image

from loaders.captioning.blip import BlipCaptioner
from loaders.captioning.ocr import OcrReader
from loaders.media import MediaStore

BATCH_SIZE = 8


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
    ) -> None:
        self.media = media
        self._readers = {
            name: part for name, part in (("blip", captioner), ("ocr", reader)) if part is not None
        }

    @classmethod
    def from_installed(cls, media: MediaStore) -> FigureDescriber:
        """OCR, and BLIP where its weights are on this disk."""
        return cls(
            media,
            captioner=BlipCaptioner() if BlipCaptioner.is_available() else None,
            reader=OcrReader(),
        )

    @property
    def fingerprint(self) -> str:
        """Names every reader; it changes when a description would."""
        return " ".join(part.fingerprint for part in self._readers.values())

    def describe(
        self, keys: Sequence[str], on_progress: Callable[[int, int], None] | None = None
    ) -> dict[str, dict[str, str]]:
        """Key → {"blip": …, "ocr": …}, without those that say nothing."""
        found: dict[str, dict[str, str]] = {}
        for start in range(0, len(keys), BATCH_SIZE):
            batch = keys[start : start + BATCH_SIZE]
            for name, part in self._readers.items():
                for key, text in self._read(batch, part).items():
                    if text:
                        found.setdefault(key, {})[name] = text
            if on_progress:
                on_progress(min(start + BATCH_SIZE, len(keys)), len(keys))
        return found

    def _read(self, keys: Sequence[str], part: PictureReader) -> dict[str, str]:
        known = {key: self.media.readings(key).get(part.fingerprint) for key in keys}
        new = [key for key, text in known.items() if text is None]
        if new:
            for key, text in zip(new, part.read([self.media.open(k) for k in new]), strict=True):
                self.media.add_readings(key, {part.fingerprint: text})
                known[key] = text
        return {key: text for key, text in known.items() if text is not None}
