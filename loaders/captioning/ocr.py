"""Reads the text in pictures with RapidOCR (PP-OCR models, carried in its wheel)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from PIL import Image

MAX_SIDE = 2_000
"""Pixels. Larger pictures are scaled down: the detector's time grows with the area."""
DETECTOR_SIDE = 1_280
"""Pixels. Where text stands is looked for in a picture of at most this side."""
MIN_SIDE = 64
"""Pixels. Small pictures are scaled up to it; the detector sees nothing in less."""
MIN_CONFIDENCE = 0.6


class OcrReader:
    """The text in each picture, in reading order. Loads its models at first use."""

    def __init__(self) -> None:
        self._engine: Any = None
        self._lock = threading.Lock()

    @property
    def fingerprint(self) -> str:
        """The engine and its version."""
        return f"rapidocr:{version('rapidocr')}:{MAX_SIDE}:{DETECTOR_SIDE}"

    def read(self, images: Sequence[Image.Image]) -> list[str]:
        """One text an image, in order, its lines joined with line feeds; "" where there is none."""
        return [self._text(image) for image in images]

    def _text(self, image: Image.Image) -> str:
        with self._lock:
            if self._engine is None:
                self._engine = _new_engine()
            found = self._engine(np.asarray(_scaled(image))[:, :, ::-1])
        if found.boxes is None:
            return ""
        return "\n".join(_lines(found.boxes, found.txts, found.scores))


def _new_engine() -> Any:
    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    return RapidOCR(
        params={
            "Global.log_level": "error",
            # Its default scales pictures up until their shorter side has 736 pixels. Measured on
            # 14 figures of 0.1 to 1.3 megapixels: a third faster this way, the same lines found.
            "Det.limit_type": "max",
            "Det.limit_side_len": DETECTOR_SIDE,
            # Lines that stand upside down are too rare in figures to ask about each line.
            "Global.use_cls": False,
        }
    )


def _scaled(image: Image.Image) -> Image.Image:
    """The picture at a size that the detector handles well, in RGB."""
    rgb = image.convert("RGB")
    factor = min(1.0, MAX_SIDE / max(rgb.size))
    factor = max(factor, min(2.0, MIN_SIDE / min(rgb.size)))
    if factor == 1.0:
        return rgb
    return rgb.resize((max(1, round(rgb.width * factor)), max(1, round(rgb.height * factor))))


def _lines(boxes: np.ndarray, texts: Sequence[str], scores: Sequence[float]) -> list[str]:
    """Boxes on one height joined from left to right, lines from top to bottom.

    boxes: float (n, 4, 2), the corners of each box in pixels.
    """
    kept = [
        (float(box[:, 1].mean()), float(box[:, 0].min()), float(np.ptp(box[:, 1])), text.strip())
        for box, text, score in zip(boxes, texts, scores, strict=True)
        if score >= MIN_CONFIDENCE and text.strip()
    ]
    lines: list[list[tuple[float, float, float, str]]] = []
    for part in sorted(kept):
        middle, _, height, _ = part
        if lines and middle - lines[-1][0][0] < 0.5 * min(height, lines[-1][0][2]):
            lines[-1].append(part)
        else:
            lines.append([part])
    return ["  ".join(text for *_, text in sorted(line, key=lambda p: p[1])) for line in lines]
