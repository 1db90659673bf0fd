"""Pages without a usable text layer, read by OCR: their lines as the segments of a layer.

Pages are drawn under PDFium's lock and read outside of it, a few at once; what was read
on a page is remembered by how the page looks. `read_pages` is all of it in one call.
Leaves out when a text layer is usable (`legibility`), and pictures (`scans`).
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from loaders.captioning.ocr import MAX_SIDE, LineReader
from loaders.captioning.text_line import TextLine
from loaders.elements import Skipped
from loaders.errors import PartMissing
from loaders.media import PageReadings
from loaders.pdf.contents import PageContents
from loaders.pdf.document import PDFIUM, open_page
from loaders.pdf.legibility import Verdict, judge
from loaders.pdf.page import Box, Floats, Frame, Segment
from loaders.pdf.pictures import is_blank
from loaders.pdf.rendering import POINTS_PER_INCH, render
from loaders.pdf.scans import TRACE_DPI, as_scan, is_traceable
from loaders.pdf.segments import TextLayer

logger = logging.getLogger(__name__)

PAGE_DPI = 150.0
"""The words found do not become more above it, on print of 6 to 12 points."""
MAX_PIXELS = 4_000_000
MIN_GAIN, MIN_SHARE = 1.2, 0.5
"""How many times the characters of the text layer OCR must find to take its place, where the
layer is sparse and where it cannot be used: it may be of a script that OCR does not know."""
TYPE_SHARE, DESCENT_SHARE = 0.83, 0.27
"""Size of the type, and depth below its baseline, in heights of the box that OCR finds.

Measured, with the margins of these boxes, on 263 lines of print from 6 to 12 points.
"""
TOP_SHARE, BOTTOM_SHARE = 0.13, 0.12
BOLD_STROKE = 1.3
"""In strokes of the page's usual type: measured 1.0 to 1.27 for plain and 1.33 to 1.9 for bold."""
HAS_WORD = re.compile(r"[^\W\d_]{3}")
SAME_TYPE = 0.18
"""Sizes this near to the page's usual one are taken for it: heights of boxes vary."""
CELL_GAP = 1.5
"""In type sizes: with more white between its words, a line is several cells."""
MIN_SKEW_LENGTH = 8.0
"""In heights: of lines that tell how far a page is turned."""
MAX_SKEW_DEGREES = 15.0
MIN_CONTRAST = 0.35


class Recognised(NamedTuple):
    """A page after OCR. problem: why it could not be read; its contents are then the file's."""

    contents: PageContents
    problem: Skipped | None = None


class PageRecogniser:
    """Reads pages in threads, each page once, and remembers what was read."""

    def __init__(self, reader: LineReader | None, readings: PageReadings | None = None) -> None:
        """reader: None where OCR is not to be used. readings: what was read before."""
        self._reader = reader
        self._readings = readings
        self._n_threads = reader.n_threads if reader else 1
        self._pool = ThreadPoolExecutor(self._n_threads, "ocr")
        self._begun: dict[int, Future[Recognised]] = {}
        self._lock = threading.Lock()
        self._is_missing = reader is None
        self.has_read = False
        """Whether any page was begun."""

    def __enter__(self) -> PageRecogniser:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        if kind is None and self._readings and not self._is_missing:
            self._readings.forget_others()

    @property
    def n_ahead(self) -> int:
        """How many pages to begin before the first of them is asked for."""
        return 2 * self._n_threads

    def begin(self, page: Any, contents: PageContents) -> bool:
        """Begin to read a pypdfium2 page; false where there is nothing to read on it.

        PDFIUM is held by the caller. Raises one of PAGE_ERRORS if the page cannot be drawn.
        """
        if self.leaves(contents):
            return False
        is_usable = judge(contents) is Verdict.USABLE
        image = _drawn(page, contents.frame, TRACE_DPI if is_usable else PAGE_DPI)
        if is_blank(image):
            return False
        read = self._traced if is_usable else self._recognise
        self._begun[contents.index] = self._pool.submit(read, contents, image)
        self.has_read = True
        return True

    def leaves(self, contents: PageContents) -> bool:
        """Whether there is nothing to read or to trace on a page."""
        if judge(contents) is Verdict.USABLE:
            return not is_traceable(contents)
        return self._is_missing

    def begun(self, n_left: int = 0) -> list[int]:
        """The indexes of pages that were begun and not taken, but for the n_left last ones."""
        return list(self._begun)[: max(0, len(self._begun) - n_left)]

    def take(self, index: int) -> Recognised:
        """What a page that was begun holds. PDFIUM must not be held: this waits."""
        return self._begun.pop(index).result()

    @staticmethod
    def _traced(contents: PageContents, image: Image.Image) -> Recognised:
        try:
            return Recognised(as_scan(contents, image))
        except Exception as error:
            # The text of the page is read; only what its scan shows is not.
            logger.debug("tracing failed on page %d", contents.index + 1, exc_info=True)
            what = f"The figures in the scan on page {contents.index + 1}"
            return Recognised(contents, Skipped(what, f"{type(error).__name__}: {error}"))

    def _recognise(self, contents: PageContents, image: Image.Image) -> Recognised:
        where = f"The text of page {contents.index + 1}"
        if self._reader is None or self._is_missing:
            return Recognised(contents)
        try:
            lines = self._lines(self._reader, image)
            return Recognised(replace(with_lines(contents, image, lines), is_recognised=True))
        except PartMissing as error:
            with self._lock:
                is_new, self._is_missing = not self._is_missing, True
            what = "Pages without text that can be read"
            return Recognised(contents, Skipped(what, str(error)) if is_new else None)
        except Exception as error:
            # Whatever a model does on one page, the other pages can still be read.
            logger.debug("OCR failed on page %d", contents.index + 1, exc_info=True)
            reason = f"OCR failed on it ({type(error).__name__}: {error})"
            return Recognised(contents, Skipped(where, reason))

    def _lines(self, reader: LineReader, image: Image.Image) -> list[TextLine]:
        if self._readings is None:
            return reader.read_lines(image)
        digest = hashlib.sha256(f"{reader.fingerprint} {image.size}".encode())
        digest.update(image.tobytes())
        key = digest.hexdigest()
        if (known := self._readings.get(key)) is not None:
            # A damaged entry is read again, and written over.
            with suppress(ValueError, TypeError):
                return [_line(*entry) for entry in json.loads(known)]
        lines = reader.read_lines(image)
        entries = [(line.text, line.corners, line.confidence) for line in lines]
        self._readings.put(key, json.dumps(entries, ensure_ascii=False))
        return lines


def _line(text: str, corners: list[list[float]], confidence: float) -> TextLine:
    return TextLine(text, tuple((x, y) for x, y in corners), confidence)


def read_pages(document: Any, reader: LineReader) -> Iterator[list[TextLine]]:
    """The lines that OCR finds on every page of a pypdfium2 document, in order.

    What the speed of OCR is measured by: pages are drawn, begun ahead and read in threads
    as when a document is loaded, whether they have text or not. Nothing is remembered.
    """
    with ThreadPoolExecutor(reader.n_threads, "ocr") as pool:
        waiting: deque[Future[list[TextLine]]] = deque()
        for index in range(len(document)):
            with PDFIUM, open_page(document, index) as page:
                image = _drawn(page, Frame.of(page), PAGE_DPI)
            waiting.append(pool.submit(reader.read_lines, image))
            if len(waiting) > 2 * reader.n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _drawn(page: Any, frame: Frame, dpi: float) -> Image.Image:
    dpi = min(dpi, POINTS_PER_INCH * MAX_SIDE / max(frame.width, frame.height))
    return render(page, frame, frame.box, dpi, MAX_PIXELS)


def with_lines(
    contents: PageContents, image: Image.Image, lines: Sequence[TextLine]
) -> PageContents:
    """The contents of a page as OCR tells them; image: the page as it was drawn for OCR."""
    layer = text_layer(lines, image, contents.frame)
    is_sparse = judge(contents) is Verdict.SPARSE
    least = (MIN_GAIN if is_sparse else MIN_SHARE) * contents.layer.n_chars
    if not layer.n_chars or layer.n_chars < least:
        return contents
    return as_scan(replace(contents, layer=layer), image, [line.corners for line in lines])


def text_layer(lines: Sequence[TextLine], image: Image.Image, frame: Frame) -> TextLayer:
    """The lines that OCR found on a picture of the page, as its text layer."""
    grey = np.asarray(image.convert("L"))
    per_point = image.width / frame.width
    layer = TextLayer()
    by_turns: dict[int, list[TextLine]] = {}
    for line in lines:
        if line.is_read:
            by_turns.setdefault(line.turns, []).append(line)
    for turns, alike in by_turns.items():
        upright = np.rot90(grey, turns)  # a turn clockwise is undone by one to the left
        held = [_held_upright(line, turns, grey.shape) for line in alike]
        found = _segments(held, upright, per_point)
        if found:
            layer.by_turns[turns] = found
    return layer


def _held_upright(line: TextLine, turns: int, shape: tuple[int, ...]) -> TextLine:
    """The line where it is after the picture was turned back."""
    height, width = shape
    corners = line.corners
    match turns:
        case 1:
            corners = tuple((y, width - x) for x, y in corners)
        case 2:
            corners = tuple((width - x, height - y) for x, y in corners)
        case 3:
            corners = tuple((height - y, x) for x, y in corners)
    return replace(line, corners=corners)


class _Row(NamedTuple):
    """A piece of a line in pixels, after skew was taken out."""

    text: str
    box: Box
    """As wide as its ink, as high as what OCR found."""
    height: float
    stroke: float
    stops: tuple[tuple[float, float], ...]


def _segments(
    lines: Sequence[TextLine], grey: NDArray[np.uint8], per_point: float
) -> list[Segment]:
    """Lines that are upright, in the order of their rows. grey: the page, upright too."""
    skew = _skew(lines)
    rows = [row for line in lines for row in _cells(line, grey, skew)]
    if not rows:
        return []
    lengths = [len(row.text) for row in rows]
    usual = _usual([row.height for row in rows], lengths)
    heights = [
        usual if abs(row.height - usual) <= SAME_TYPE * usual else row.height for row in rows
    ]
    bold = BOLD_STROKE * _usual([row.stroke for row in rows], lengths)
    order = sorted(range(len(rows)), key=lambda k: (rows[k].box.y1, rows[k].box.x0))
    segments = []
    for rank, k in enumerate(order):
        box, height = rows[k].box, rows[k].height
        inner = (box.x0, box.y0 + TOP_SHARE * height, box.x1, box.y1 - BOTTOM_SHARE * height)
        segments.append(
            Segment(
                text=rows[k].text,
                box=Box(*(v / per_point for v in inner)),
                baseline=(box.y1 - DESCENT_SHARE * heights[k]) / per_point,
                size=TYPE_SHARE * heights[k] / per_point,
                is_bold=rows[k].stroke > bold and HAS_WORD.search(rows[k].text) is not None,
                rank=rank,
                stops=tuple((a / per_point, b / per_point) for a, b in rows[k].stops),
            )
        )
    return segments


def _usual(values: Sequence[float], lengths: Sequence[int]) -> float:
    """The value of most of the text."""
    ordered = sorted(zip(values, lengths, strict=True))
    left = sum(lengths) / 2
    for value, n in ordered:
        left -= n
        if left <= 0:
            return value
    return ordered[-1][0]


def _skew(lines: Sequence[TextLine]) -> float:
    """The angle, in radians, by which long lines fall to the right; 0 if none is long."""
    angles = []
    for line in lines:
        (x0, y0), (x1, y1), *_ = line.corners
        if math.dist((x0, y0), (x1, y1)) > MIN_SKEW_LENGTH * line.height:
            angles.append(math.atan2(y1 - y0, x1 - x0))
    skew = median(angles) if angles else 0.0
    return skew if abs(skew) <= math.radians(MAX_SKEW_DEGREES) else 0.0


def _cells(line: TextLine, grey: NDArray[np.uint8], skew: float) -> Iterator[_Row]:
    """The line, in pieces where it is wide open."""
    height = line.height
    middles = (
        _between(line.corners[0], line.corners[3]),
        _between(line.corners[1], line.corners[2]),
    )
    (x0, y0), (x1, y1) = (_turned_back(point, skew, grey.shape) for point in middles)
    top, bottom = (y0 + y1 - height) / 2, (y0 + y1 + height) / 2
    contrast = _contrast(line, grey)
    stroke = _stroke(contrast, height)
    words = line.text.split()
    stops = [
        (x0 + start * (x1 - x0), x0 + end * (x1 - x0))
        for start, end in _stops(_is_inked(contrast), len(words))
    ]
    first = 0
    for k in range(1, len(words) + 1):
        is_end = k == len(words)
        if is_end or stops[k][0] - stops[k - 1][1] > CELL_GAP * TYPE_SHARE * height:
            own = tuple(stops[first:k])
            box = Box(own[0][0], top, own[-1][1], bottom)
            yield _Row(" ".join(words[first:k]), box, height, stroke, own)
            first = k


def _stops(is_ink: NDArray[np.bool_], n_words: int) -> list[tuple[float, float]]:
    """Where each word begins and ends, in shares of the line: its widest gaps part them."""
    inked = np.flatnonzero(is_ink)
    n = len(is_ink)
    if len(inked) <= n_words:
        return [(k / n_words, (k + 1) / n_words) for k in range(n_words)]
    gaps = np.sort(np.argsort(np.diff(inked), kind="stable")[len(inked) - n_words :])
    starts = [inked[0], *inked[gaps + 1]]
    ends = [*inked[gaps], inked[-1]]
    return [(float(a) / n, float(b + 1) / n) for a, b in zip(starts, ends, strict=True)]


def _between(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


def _turned_back(
    point: tuple[float, float], skew: float, shape: tuple[int, ...]
) -> tuple[float, float]:
    """Where the point is once the page lies straight."""
    cx, cy = shape[1] / 2, shape[0] / 2
    x, y = point[0] - cx, point[1] - cy
    c, s = math.cos(skew), math.sin(skew)
    return cx + c * x + s * y, cy - s * x + c * y


def _contrast(line: TextLine, grey: NDArray[np.uint8]) -> Floats:
    """How much each dot of the line held upright differs from its ground, light or dark."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = line.corners
    length, height = math.dist((x0, y0), (x1, y1)), line.height
    along = np.linspace(0.0, 1.0, max(2, round(length)))[None, :]
    down = np.linspace(0.1, 0.9, max(4, round(height)))[:, None]
    xs = (1 - down) * (x0 + along * (x1 - x0)) + down * (x3 + along * (x2 - x3))
    ys = (1 - down) * (y0 + along * (y1 - y0)) + down * (y3 + along * (y2 - y3))
    rows = np.clip(ys, 0, grey.shape[0] - 1).astype(int)
    columns = np.clip(xs, 0, grey.shape[1] - 1).astype(int)
    seen = grey[rows, columns].astype(np.float64)
    contrast: Floats = np.abs(seen - np.median(seen))
    return contrast


def _is_inked(contrast: Floats) -> NDArray[np.bool_]:
    """Which columns along a line hold ink."""
    highest = contrast.max(axis=0)
    inked: NDArray[np.bool_] = highest > MIN_CONTRAST * max(1.0, float(highest.max()))
    return inked


def _stroke(contrast: Floats, height: float) -> float:
    """How thick the letters are drawn, in heights of the line: ink for each edge it has."""
    ink = np.clip(contrast - 0.1 * contrast.max(), 0.0, None)
    edges = float(np.abs(np.diff(ink, axis=1)).sum())
    return 2.0 * float(ink.sum()) / max(1.0, edges) / height
