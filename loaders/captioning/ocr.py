"""Reads the text in pictures with RapidOCR (PP-OCR models, carried in its wheel).

Each model runs on one thread, and lines are read side by side, of one picture or of several:
that keeps all cores busy where a model on several threads waits for itself. Leaves out how
the models are fed (`line_models`), in which order lines are read (`reading_order`), and what
they mean on a page (`loaders.pdf.recognition`).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import version
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from loaders.captioning.line_models import LineFinder, LineRecogniser, Pixels
from loaders.captioning.reading_order import text_of
from loaders.captioning.text_line import Corners, TextLine
from loaders.limits import n_cores

MAX_SIDE = 2_000
"""Pixels. Larger pictures are scaled down: lines are cut out of a picture of this size."""
DETECTOR_SIDE = 1_120
"""Pixels. Where text stands is looked for in a picture of at most this side."""
SQUEEZE = 0.75
"""Lines are made narrower by it before they are recognised: time goes with their width, and
the words found on 15 pages of print stay the same down to it."""
FULL_SIDE = 16_000
"""Pixels. No more of a figure is looked at, in tiles; pages are not."""
MOST_PIXELS = 25_000_000
"""Of a picture that is looked at in tiles; a larger one is scaled down to it, to bound the time."""
TILE_SCALE = 0.75
"""In which tiles are looked at: print of 12 pixels is still seen."""
LARGE_LETTERS = 14
"""Pixels, in the look at a whole large picture: such lines are seen better there than in tiles."""
GLANCE_SIDE = 480
"""Pixels. What shows no line at this size is looked at no further: none of 14 charts."""
SMALL_SIDE, ENLARGED = 500, 2.5
"""Pixels. Smaller pictures are looked at so many times as large; in others it finds no more."""
MIN_SIDE = 64
"""Pixels. Small pictures are scaled up to it; the detector sees nothing in less."""
SURE_LINE = 0.9
"""A line that is read with less confidence is read again, not squeezed: it costs 2 to 7 %
more, and undoes 40 to 70 % of what squeezing changes in the words."""
SURE = 0.85
"""A mean confidence below it makes lines be tried the other way up."""
LEAST_LETTERS = 1
"""In all of a picture; less is noise."""
N_TRIED = 3
"""Lines, the longest, by which it is told which way up they all stand."""
TALL, CLEARLY_TALL = 1.5, 2.5
"""Height in widths of what is read upwards or downwards; a single letter may be TALL."""
MIN_ON_SIDE = 6
"""Upright lines from which on a picture may lie on its side."""
MAX_THREADS = 4
"""More need memory rather than time."""


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


@cache
def _version() -> str:
    """That of the engine: looking it up takes longer than finding that a file is unchanged."""
    return version("rapidocr")


class OcrReader:
    """The text in pictures. Loads its models at first use; safe for several threads."""

    def __init__(self) -> None:
        self._models: tuple[LineFinder, LineRecogniser] | None = None
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(self.n_threads, "ocr-lines")

    @property
    def fingerprint(self) -> str:
        """The engine and its version, and how it is asked."""
        return f"rapidocr:{_version()}:{MAX_SIDE}:{DETECTOR_SIDE}:{SQUEEZE}:5"

    @property
    def n_threads(self) -> int:
        """How many pictures to read at once."""
        return min(MAX_THREADS, n_cores())

    def read(self, images: Sequence[Image.Image]) -> list[str]:
        """One text an image, in order, its lines joined with line feeds; "" where there is none."""
        if len(images) < 2:
            return [self._text(image) for image in images]
        with ThreadPoolExecutor(self.n_threads) as pool:
            return list(pool.map(self._text, images))

    def read_lines(self, image: Image.Image) -> list[TextLine]:
        """What looks like a line in a picture, whichever way it lies. Raises PartMissing."""
        finder, recogniser = self._loaded()
        scaled, factor = _scaled(image)
        pixels, level, upright, is_on_side = _found_lying(finder, _pixels(scaled))
        lines = self._read_alike(recogniser, pixels, level, 0)
        lines += self._read_alike(recogniser, pixels, upright, 1)
        width = scaled.width if is_on_side else None
        return [replace(line, corners=_in_picture(line.corners, factor, width)) for line in lines]

    def _text(self, image: Image.Image) -> str:
        """The text of a figure, which may be smaller or larger than a page, or have none."""
        if max(image.size) > MAX_SIDE:
            return text_of(_without_noise(self._large_lines(image)))
        finder, recogniser = self._loaded()
        if max(image.size) > GLANCE_SIDE:
            glimpsed = finder.find(_pixels(_scaled(image)[0]), GLANCE_SIDE)
            if not len(glimpsed):
                return ""
        pixels, level, upright, _ = _found_lying(finder, _pixels(_enlarged(image)))
        lines = self._read_level(recogniser, pixels, level)
        return text_of(_without_noise(lines + self._read_upright(recogniser, pixels, upright)))

    def _large_lines(self, image: Image.Image) -> list[TextLine]:
        """The lines of a picture that is looked at in tiles, and its large letters as a whole."""
        finder, recogniser = self._loaded()
        factor = min(1.0, math.sqrt(MOST_PIXELS / (image.width * image.height)))
        size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
        pixels = _pixels(image.convert("RGB") if factor == 1.0 else image.resize(size))
        whole = finder.find(pixels, DETECTOR_SIDE)
        if not len(whole) and not len(finder.find_in_tiles(pixels, TILE_SCALE / 2)):
            return []
        least = LARGE_LETTERS * max(size) / DETECTOR_SIDE
        level, upright = _sorted_by_direction(whole)
        large = [
            line
            for line in (
                *self._recognised(recogniser, pixels, [q for q in level if _height(q) >= least]),
                *self._read_upright(recogniser, pixels, [q for q in upright if _width(q) >= least]),
            )
            if line.confidence >= SURE
        ]
        level, upright = _sorted_by_direction(finder.find_in_tiles(pixels, TILE_SCALE))
        level, upright = (
            [quad for quad in quads if not any(_is_within(quad, line.corners) for line in large)]
            for quads in (level, upright)
        )
        lines = self._read_level(recogniser, pixels, level)
        return large + lines + self._read_upright(recogniser, pixels, upright)

    def _read_upright(
        self, recogniser: LineRecogniser, pixels: Pixels, quads: list[Corners]
    ) -> list[TextLine]:
        """Lines read upwards or downwards: a chart may have a title of either kind."""
        lines = self._read_alike(recogniser, pixels, quads, 1)
        return [
            line if line.confidence >= SURE else self._surest(recogniser, pixels, line, (2,))
            for line in lines
        ]

    def _read_level(
        self, recogniser: LineRecogniser, pixels: Pixels, quads: list[Corners]
    ) -> list[TextLine]:
        """Lines read from left to right; a short one may turn out to be upright."""
        return [
            self._surest(recogniser, pixels, line, (1, 3))
            if (line.confidence < SURE or len(line.text) == 1)
            and line.height > TALL * math.dist(*line.corners[:2])
            else line
            for line in self._read_alike(recogniser, pixels, quads, 0)
        ]

    def _surest(
        self, recogniser: LineRecogniser, pixels: Pixels, line: TextLine, turns: Sequence[int]
    ) -> TextLine:
        """The line read again after so many quarter turns each, as it is read best."""
        others = [_begun_at(line.corners, n) for n in turns]
        tried = [line, *self._recognised(recogniser, pixels, others)]
        # A word on its side may pass for a letter; a letter on its side is no word.
        words = [other for other in tried if len(other.text) > 1 and other.confidence >= SURE]
        return max(words or tried[:1], key=lambda other: other.confidence)

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


def _pixels(image: Image.Image) -> Pixels:
    """image: in RGB."""
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


def _found_lying(
    finder: LineFinder, pixels: Pixels
) -> tuple[Pixels, list[Corners], list[Corners], bool]:
    """Level and upright lines, the pixels they are in, and whether these were turned to the left.

    The detector sees a twentieth of the words less where they stand on their side.
    """
    level, upright = _sorted_by_direction(finder.find(pixels, DETECTOR_SIDE))
    is_on_side = len(upright) >= MIN_ON_SIDE and len(upright) > 2 * len(level)
    if is_on_side:
        pixels = np.ascontiguousarray(np.rot90(pixels))
        level, upright = _sorted_by_direction(finder.find(pixels, DETECTOR_SIDE))
    return pixels, level, upright, is_on_side


def _enlarged(image: Image.Image) -> Image.Image:
    """The picture in RGB; a small one so large that its print is read."""
    if max(image.size) > SMALL_SIDE or min(image.size) * ENLARGED < MIN_SIDE:
        return _scaled(image)[0]
    size = round(image.width * ENLARGED), round(image.height * ENLARGED)
    return image.convert("RGB").resize(size, Image.Resampling.BICUBIC)


def _without_noise(lines: Sequence[TextLine]) -> list[TextLine]:
    """What is read with confidence. A letter alone in a picture is a texture or a mark."""
    read = [
        line
        for line in lines
        if line.is_read
        and any(letter.isalnum() for letter in line.text)
        and (len(line.text) > 1 or line.confidence >= SURE)
    ]
    n_letters = sum(letter.isalnum() for line in read for letter in line.text)
    return read if n_letters > LEAST_LETTERS else []


def _is_within(quad: Corners, large: Corners) -> bool:
    """Whether the middle of a line is in the box round a larger one."""
    x, y = (sum(values) / 4 for values in zip(*quad, strict=True))
    xs, ys = zip(*large, strict=True)
    return bool(min(xs) <= x <= max(xs) and min(ys) <= y <= max(ys))


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


def _height(quad: Corners) -> float:
    return math.dist(quad[0], quad[3])


def _width(quad: Corners) -> float:
    return math.dist(quad[0], quad[1])


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
