"""Reads the text in pictures with RapidOCR (PP-OCR models, carried in its wheel).

Each model runs on one thread, and lines are read side by side, of one picture or of several:
that keeps all cores busy where a model on several threads waits for itself. Leaves out how
the models are fed (`line_models`), and what the lines mean on a page (`loaders.pdf.recognition`).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from loaders.captioning.line_models import LineFinder, LineRecogniser, Pixels
from loaders.limits import n_cores

MAX_SIDE = 2_000
"""Pixels. Larger pictures are scaled down: lines are cut out of a picture of this size."""
DETECTOR_SIDE = 1_120
"""Pixels. Where text stands is looked for in a picture of at most this side."""
SQUEEZE = 0.75
"""Lines are made narrower by it before they are recognised: time goes with their width, and
the words found on 15 pages of print stay the same down to it."""
MIN_SIDE = 64
"""Pixels. Small pictures are scaled up to it; the detector sees nothing in less."""
SURE_LINE = 0.9
"""A line that is read with less confidence is read again, not squeezed: it costs 2 to 7 %
more, and undoes 40 to 70 % of what squeezing changes in the words."""
MIN_CONFIDENCE = 0.6
SURE = 0.85
"""A mean confidence below it makes lines be tried the other way up."""
N_TRIED = 3
"""Lines, the longest, by which it is told which way up they all stand."""
TALL, CLEARLY_TALL = 1.5, 2.5
"""Height in widths of what is read upwards or downwards; a single letter may be TALL."""
MIN_ON_SIDE = 6
"""Upright lines from which on a picture may lie on its side."""
MAX_THREADS = 4
"""More need memory rather than time."""

Corners = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text in a picture.

    corners: four (x, y) in pixels, clockwise as the text is read, from its top left one.
    """

    text: str
    corners: Corners
    confidence: float

    @property
    def is_read(self) -> bool:
        """Whether the text is what stands there; else it may be handwriting, or none at all."""
        return bool(self.text) and self.confidence >= MIN_CONFIDENCE

    @property
    def turns(self) -> int:
        """Quarter turns clockwise by which the line lies in the picture."""
        (x0, y0), (x1, y1), *_ = self.corners
        return round(math.atan2(y1 - y0, x1 - x0) / (math.pi / 2)) % 4

    @property
    def height(self) -> float:
        """Of the line, in pixels, whichever way it lies."""
        return math.dist(self.corners[0], self.corners[3])


@runtime_checkable
class LineReader(Protocol):
    """Reads the lines in pictures, by OCR."""

    @property
    def fingerprint(self) -> str:
        """Name and version; another one means that pages are read again."""

    @property
    def n_threads(self) -> int:
        """How many pictures to read at once."""

    def read_lines(self, image: Image.Image) -> list[TextLine]:
        """What looks like a line in a picture, whichever way it lies. Raises PartMissing."""


class OcrReader:
    """The text in pictures. Loads its models at first use; safe for several threads."""

    def __init__(self) -> None:
        self._models: tuple[LineFinder, LineRecogniser] | None = None
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(self.n_threads, "ocr-lines")

    @property
    def fingerprint(self) -> str:
        """The engine and its version, and how it is asked."""
        return f"rapidocr:{version('rapidocr')}:{MAX_SIDE}:{DETECTOR_SIDE}:{SQUEEZE}:4"

    @property
    def n_threads(self) -> int:
        """How many pictures to read at once."""
        return min(MAX_THREADS, n_cores())

    def read(self, images: Sequence[Image.Image]) -> list[str]:
        """One text an image, in order, its lines joined with line feeds; "" where there is none."""
        if len(images) < 2:
            return [_text(self.read_lines(image)) for image in images]
        with ThreadPoolExecutor(self.n_threads) as pool:
            return [_text(lines) for lines in pool.map(self.read_lines, images)]

    def read_lines(self, image: Image.Image) -> list[TextLine]:
        """What looks like a line in a picture, whichever way it lies. Raises PartMissing."""
        finder, recogniser = self._loaded()
        scaled, factor = _scaled(image)
        pixels = np.ascontiguousarray(np.asarray(scaled)[:, :, ::-1])
        level, upright = _sorted_by_direction(finder.find(pixels, DETECTOR_SIDE))
        is_on_side = len(upright) >= MIN_ON_SIDE and len(upright) > 2 * len(level)
        if is_on_side:
            # The detector sees a twentieth of the words less where they stand on their side.
            pixels = np.ascontiguousarray(np.rot90(pixels))
            level, upright = _sorted_by_direction(finder.find(pixels, DETECTOR_SIDE))
        lines = self._read_alike(recogniser, pixels, level, 0)
        lines += self._read_alike(recogniser, pixels, upright, 1)
        width = scaled.width if is_on_side else None
        return [replace(line, corners=_in_picture(line.corners, factor, width)) for line in lines]

    def _read_alike(
        self, recogniser: LineRecogniser, pixels: Pixels, quads: list[Corners], turns: int
    ) -> list[TextLine]:
        """Read lines that lie alike: turned by so many quarters, or else by two more."""
        quads = sorted(quads, key=lambda quad: -_length(quad))
        tried = [_begun_at(quad, turns) for quad in quads[:N_TRIED]]
        first = self._recognised(recogniser, pixels, tried)
        if _mean_confidence(first) < SURE:
            other = self._recognised(recogniser, pixels, [_begun_at(quad, 2) for quad in tried])
            if _mean_confidence(other) > _mean_confidence(first):
                first, turns = other, turns + 2
        rest = [_begun_at(quad, turns) for quad in quads[N_TRIED:]]
        return first + self._recognised(recogniser, pixels, rest)

    def _recognised(
        self, recogniser: LineRecogniser, pixels: Pixels, quads: Sequence[Corners]
    ) -> list[TextLine]:
        return list(self._pool.map(partial(_recognised_line, recogniser, pixels), quads))

    def _loaded(self) -> tuple[LineFinder, LineRecogniser]:
        with self._lock:
            if self._models is None:
                self._models = LineFinder(), LineRecogniser()
            return self._models


def _scaled(image: Image.Image) -> tuple[Image.Image, float]:
    """The picture in RGB at a size that the detector handles well, and the factor."""
    rgb = image.convert("RGB")
    factor = min(1.0, MAX_SIDE / max(rgb.size))
    factor = max(factor, min(2.0, MIN_SIDE / min(rgb.size)))
    if factor == 1.0:
        return rgb, factor
    size = (max(1, round(rgb.width * factor)), max(1, round(rgb.height * factor)))
    return rgb.resize(size), factor


def _in_picture(corners: Corners, factor: float, width: int | None) -> Corners:
    """Corners in the picture that was scaled by the factor.

    width: of the scaled picture if it was turned to the left after that.
    """
    if width is not None:
        corners = tuple((width - y, x) for x, y in corners)
    return tuple((x / factor, y / factor) for x, y in corners)


def _sorted_by_direction(
    quads: NDArray[np.float64],
) -> tuple[list[Corners], list[Corners]]:
    """Level lines and upright ones.

    quads: (n, 4, 2), the corners clockwise from the top left one in the picture.
    """
    widths = np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1)
    heights = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
    tall = heights > TALL * widths
    # A single letter tells nothing of its direction: it lies as the others do.
    mostly_tall = heights[tall].sum() > widths[~tall].sum()
    unclear = np.maximum(heights, widths) < CLEARLY_TALL * np.minimum(heights, widths)
    tall = np.where(unclear, mostly_tall, tall)
    level, upright = (
        [tuple((float(x), float(y)) for x, y in quad) for quad in quads[which]]
        for which in (~tall, tall)
    )
    return level, upright


def _length(quad: Corners) -> float:
    return max(math.dist(quad[0], quad[1]), math.dist(quad[0], quad[3]))


def _begun_at(quad: Corners, first: int) -> Corners:
    first %= 4
    return quad[first:] + quad[:first]


def _recognised_line(recogniser: LineRecogniser, pixels: Pixels, quad: Corners) -> TextLine:
    text, confidence = recogniser.read(_cut_out(pixels, quad, SQUEEZE))
    if confidence < SURE_LINE:
        again = recogniser.read(_cut_out(pixels, quad, 1.0))
        text, confidence = max((text, confidence), again, key=lambda found: found[1])
    return TextLine(text, quad, confidence)


def _mean_confidence(lines: Sequence[TextLine]) -> float:
    """0 where there is no line."""
    return sum(line.confidence for line in lines) / max(1, len(lines))


def _cut_out(pixels: Pixels, quad: Corners, squeeze: float) -> Pixels:
    """The line held upright, and squeezed."""
    import cv2

    width = max(1, int(squeeze * math.dist(quad[0], quad[1])))
    height = max(1, int(math.dist(quad[0], quad[3])))
    upright = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    matrix = cv2.getPerspectiveTransform(np.array(quad, np.float32), upright)
    cut = cv2.warpPerspective(
        pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return cut.astype(np.uint8, copy=False)


def _text(found: Sequence[TextLine]) -> str:
    """Lines on one height joined from left to right, lines from top to bottom."""
    kept = [
        (
            sum(y for _, y in line.corners) / 4,
            min(x for x, _ in line.corners),
            max(y for _, y in line.corners) - min(y for _, y in line.corners),
            line.text,
        )
        for line in found
        if line.is_read
    ]
    lines: list[list[tuple[float, float, float, str]]] = []
    for part in sorted(kept):
        middle, _, height, _ = part
        if lines and middle - lines[-1][0][0] < 0.5 * min(height, lines[-1][0][2]):
            lines[-1].append(part)
        else:
            lines.append([part])
    return "\n".join("  ".join(p[3] for p in sorted(line, key=lambda p: p[1])) for line in lines)
