"""What is drawn on a scanned page: its rules and shapes, traced from its pixels.

What OCR or the text layer explains is taken out of the ink; level and upright lines that
are left are rules, the rest are shapes, so that figures and ruled tables are found as on
any other page. A picture over the whole page that is no paper with print on it, such as a
photograph, is left alone. Leaves out handwriting, and lines that are neither level nor upright.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from loaders.pdf.contents import PageContents
from loaders.pdf.legibility import covering, is_scan
from loaders.pdf.objects import Drawings, Kind
from loaders.pdf.page import Box, Floats
from loaders.pdf.pictures import ImageObject

TRACE_DPI = 100.0
MIN_PAPER_LEVEL, PAPER_RANGE, MIN_PAPER_SHARE = 128, 20, 0.45
"""Paper is light, and takes as much of the page, within so many grey levels."""
MIN_HELD = 0.8
"""Share of the lines that stand in images which are pieces of a scan."""
INK_LEVELS = 45
"""By how much ink is darker than the paper."""
MARGIN_SHARE = 0.012
"""Of each side of the page, where scanners leave shadows."""
MIN_RULE_POINTS, MAX_RULE_THICKNESS = 24.0, 4.0
MIN_MARK_POINTS = 2.0
"""Smaller marks are dust."""
LARGE_POINTS = 36.0
FILLED_SHARE, MAX_FLATNESS = 0.9, 12.0
"""Of its box that a filled rectangle covers, and how much its grey levels may vary."""
FEW_SEGMENTS, MANY_SEGMENTS = 4, 100
MAX_MARKS = 4_000
MAX_DRAWN = 20
"""A page that draws more than this is none that was only scanned."""

Grey = NDArray[np.uint8]
Polygon = Sequence[tuple[float, float]]


def is_traceable(contents: PageContents) -> bool:
    """Whether a page with a text layer is a scan, so that its figures are to be traced."""
    layer = contents.layer
    is_plain = len(contents.drawings) <= MAX_DRAWN and 2 * layer.n_read > layer.n_chars
    return is_plain and is_scan(contents.images, contents.frame)


def as_scan(
    contents: PageContents, image: Image.Image, texts: Sequence[Polygon] | None = None
) -> PageContents:
    """The contents of a page, with what its scan draws in the place of the scan.

    image: the page as drawn. texts: where its text is, in pixels of the image; the boxes of
    the text layer if None.
    """
    per_point = image.width / contents.frame.width
    is_read = texts is not None
    texts = _text_boxes(contents, per_point) if texts is None else texts
    scans = covering(contents.images, contents.frame)
    if not scans and is_read and _hold(contents.images, texts, per_point):
        scans = list(contents.images)  # some programs cut a scan into pieces
    if not scans:
        return replace(contents, drawings=_without_letters(contents.drawings, texts, per_point))
    grey = np.asarray(image.convert("L"))
    scans = [s for s in scans if _Paper.of(_part(grey, s.box, per_point)).is_paper]
    if not scans or len(contents.drawings) > MAX_DRAWN:
        return contents
    kept = [image for image in contents.images if image not in scans]
    hidden = [*texts, *(_corners(i.box, per_point) for i in kept)]
    traced = _traced(grey, _Paper.of(grey).level, hidden, per_point)
    return replace(contents, images=kept, drawings=Drawings.joined([contents.drawings, traced]))


def _hold(images: Sequence[ImageObject], texts: Sequence[Polygon], per_point: float) -> bool:
    """Whether most of the text stands in the images."""
    middles = [np.array(text).mean(axis=0) / per_point for text in texts]
    n_held = sum(any(i.box.contains(float(x), float(y)) for i in images) for x, y in middles)
    return n_held > 0 and n_held >= MIN_HELD * len(texts)


def _part(grey: Grey, box: Box, per_point: float) -> Grey:
    x0, y0, x1, y1 = (max(0, round(v * per_point)) for v in box)
    return grey[y0 : y1 + 1, x0 : x1 + 1]


def _text_boxes(contents: PageContents, per_point: float) -> list[Polygon]:
    return [
        _corners(sheet.on_page(segment.box), per_point)
        for sheet, segments in contents.layer.sheets(contents.frame)
        for segment in segments
    ]


def _corners(box: Sequence[float], per_point: float) -> Polygon:
    x0, y0, x1, y1 = (v * per_point for v in box)
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def _without_letters(drawings: Drawings, texts: Sequence[Polygon], per_point: float) -> Drawings:
    """Leave out shapes within lines of text: letters that are drawn as outlines."""
    if not len(drawings) or not texts:
        return drawings
    keep = np.ones(len(drawings), bool)
    for text in texts:
        corners = np.array(text) / per_point
        low, high = corners.min(axis=0) - 1.0, corners.max(axis=0) + 1.0
        inside = (drawings.boxes[:, :2] >= low).all(axis=1) & (drawings.boxes[:, 2:] <= high).all(
            axis=1
        )
        keep &= ~(inside & (drawings.kinds != Kind.RULE))
    return drawings.chosen(keep)


class _Paper(NamedTuple):
    """The ground of a page. level: its grey value; share: of the page that has it."""

    level: int
    share: float

    @staticmethod
    def of(grey: Grey) -> _Paper:
        counts = np.bincount(grey[::2, ::2].ravel(), minlength=256).astype(float)
        near = np.convolve(counts, np.ones(2 * PAPER_RANGE + 1), "same")
        level = int(near.argmax())
        # The middle of the plateau where the whole peak is within reach.
        plateau = np.flatnonzero(near >= 0.999 * near[level])
        level = int(plateau.mean())
        return _Paper(level, float(near[level] / max(1.0, counts.sum())))

    @property
    def is_paper(self) -> bool:
        return self.level >= MIN_PAPER_LEVEL and self.share >= MIN_PAPER_SHARE


def _traced(grey: Grey, paper: int, hidden: Sequence[Polygon], per_point: float) -> Drawings:
    """Rules and shapes in points; hidden: what is left out, in pixels of grey."""
    import cv2

    factor = min(1.0, TRACE_DPI / 72.0 / per_point)
    resized = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    small: Grey = resized.astype(np.uint8)
    scale = per_point * factor
    ink = (small < paper - INK_LEVELS).astype(np.uint8)
    for polygon in hidden:
        cv2.fillPoly(ink, [np.round(np.array(polygon) * factor).astype(np.int32)], 0)
    _clear_edges(ink)
    rules = np.concatenate([_rules(ink, scale, is_level) for is_level in (True, False)])
    for x0, y0, x1, y1 in rules.astype(int).tolist():
        ink[max(0, y0 - 1) : y1 + 1, max(0, x0 - 1) : x1 + 1] = 0
    marks = _marks(ink, small, scale)
    return Drawings.joined([Drawings.rules(rules / scale), marks])


def _clear_edges(ink: Grey) -> None:
    """Take out what scanners leave at the edges of the page."""
    for axis in (0, 1):
        n = max(1, round(MARGIN_SHARE * ink.shape[axis]))
        edges = ink if axis == 0 else ink.T
        edges[:n] = 0
        edges[-n:] = 0


def _rules(ink: Grey, scale: float, is_level: bool) -> Floats:
    """Level or upright lines, (n, 4) in pixels; pieces of a line a little apart are one."""
    import cv2

    length = max(3, round(MIN_RULE_POINTS * scale))
    gap = max(1, round(2 * scale))
    kernel = (length, 1) if is_level else (1, length)
    # A line that is not quite level is a row of steps, thickened before it is looked for.
    thick = cv2.dilate(ink, np.ones((2, 1) if is_level else (1, 2), np.uint8))
    runs = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones(kernel[::-1], np.uint8))
    joined = cv2.dilate(runs, np.ones((1, gap) if is_level else (gap, 1), np.uint8))
    n, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    boxes = stats[1:n, :4].astype(float)
    boxes[:, 2:] += boxes[:, :2]
    across = boxes[:, 3] - boxes[:, 1] if is_level else boxes[:, 2] - boxes[:, 0]
    found: Floats = boxes[across - 1 <= MAX_RULE_THICKNESS * scale]
    return found


def _marks(ink: Grey, grey: Grey, scale: float) -> Drawings:
    """What hangs together, as shapes."""
    import cv2

    closed = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    n, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    sides = stats[1:n, 2:4].max(axis=1)
    chosen = 1 + np.flatnonzero(sides >= MIN_MARK_POINTS * scale)
    if len(chosen) > MAX_MARKS:
        chosen = chosen[np.argsort(-sides[chosen - 1], kind="stable")[:MAX_MARKS]]
    boxes, kinds, n_segments = [], [], []
    for k in chosen.tolist():
        x, y, width, height, area = (int(v) for v in stats[k])
        kind, n_own = Kind.SHAPE, FEW_SEGMENTS
        if max(width, height) >= LARGE_POINTS * scale:
            part = np.s_[y : y + height, x : x + width]
            own = labels[part] == k
            kind, n_own = _kind(own, grey[part], area)
        boxes.append((x, y, x + width, y + height))
        kinds.append(int(kind))
        n_segments.append(n_own)
    return Drawings(
        np.array(boxes, float).reshape(-1, 4) / scale,
        np.array(kinds, np.int64),
        np.array(n_segments, np.int64),
    )


def _kind(own: NDArray[np.bool_], grey: Grey, area: int) -> tuple[Kind, int]:
    """What a large mark is, and of about how many lines: flat fills have few."""
    import cv2

    if area >= FILLED_SHARE * own.size and float(grey[own].std()) <= MAX_FLATNESS:
        return Kind.FILL, FEW_SEGMENTS
    outlines, _ = cv2.findContours(own.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    n = sum(len(cv2.approxPolyDP(outline, 1.0, True)) for outline in outlines[:MANY_SEGMENTS])
    is_shaded = float(grey[own].std()) > MAX_FLATNESS
    return Kind.SHAPE, MANY_SEGMENTS if is_shaded and area > 0.3 * own.size else n
