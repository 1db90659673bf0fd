"""What reads figures: BLIP, OCR and a vision model, loaded once and used by every run.

Leaves out how they read (`loaders.captioning`) and which figures: that is the ingestion's.
"""

from __future__ import annotations

import threading

from assistant.settings import Settings
from loaders import BlipCaptioner, FigureDescriber, MediaStore, OcrReader
from loaders.captioning.caption_queue import FigureCaptioner
from loaders.captioning.readings import ReadingCache


class FigureReaders:
    """The readers that the settings lead to. Safe to share between threads."""

    def __init__(self, settings: Settings, media: MediaStore) -> None:
        self._settings = settings
        self._media = media
        self._loading = threading.Lock()
        self._loaded: tuple[BlipCaptioner | None, OcrReader] | None = None
        self.readings = ReadingCache(settings.cache_folder, max_bytes=settings.cache_bytes)

    def describer(
        self, vision: FigureCaptioner | None = None, *, media: MediaStore | None = None
    ) -> FigureDescriber:
        """Describes the pictures of the library's media store, or of one that leaves no trace."""
        with self._loading:
            self._loaded = self._loaded or (self.blip(), OcrReader())
            captioner, reader = self._loaded
        return FigureDescriber(
            media or self._media,
            captioner=captioner,
            reader=reader,
            vision=vision,
            # What is only searched for leaves nothing behind.
            readings=self.readings if media is None else None,
        )

    def blip(self) -> BlipCaptioner | None:
        """BLIP as the settings name it; None where it is not to be used or not here."""
        chosen = self._settings
        if chosen.captioner == "none" or not BlipCaptioner.is_available(chosen.blip_model):
            return None
        return BlipCaptioner(chosen.blip_model, prompt=chosen.blip_prompt, beams=chosen.blip_beams)

    def close(self) -> None:
        """Close what was read before."""
        self.readings.close()
