"""What the text of a page is to its figures: running text, labels, captions, walls.

Leaves out which figures there are: that is `figures`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loaders.pdf.captions import CAPTION
from loaders.pdf.page import Box, Floats, Segment

SENTENCE = re.compile(r"(?:\S+ ){3,}\S+[.:;?!]")
WORDS = re.compile(r"(?:[^\W\d_]{2,}\W+){3}[^\W\d_]{2,}")
NUMBER = re.compile(r"[^\w\s]?\s?\d[\d.,:\s-]*\s?[%\w°]{0,3}")
PROSE_CHARS, PROSE_SHARE = 30, 0.85
"""A line of running text has as many characters, and type of this share of the body's size."""
MIN_PAGE_LINES = 12
LABEL_GAP, TITLE_GAP = 1.3, 2.0
"""Between a figure and the text that belongs to it, in type sizes."""
MAX_LABEL_SIZE, MAX_LABEL_LINE = 1.25, 60
"""Larger type than this many times the body's, and longer lines, are no labels at the side."""
MAX_CAPTION_LINES = 12


@dataclass(frozen=True, slots=True)
class Texts:
    """The text of a page as boxes (n, 4) on the page as displayed, and what each line is."""

    segments: Sequence[Segment]
    boxes: Floats
    sizes: Floats
    n_chars: NDArray[np.int64]
    is_sentence: NDArray[np.bool_]
    is_worded: NDArray[np.bool_]
    """Lines of several words, in type as large as the body's."""
    below: NDArray[np.int64]
    """The line right below each in its column, or -1."""
    is_prose: NDArray[np.bool_]
    captions: NDArray[np.int64]
    """Indexes of the first lines of captions."""
    body_size: float

    @staticmethod
    def of(segments: Sequence[Segment], body_size: float) -> Texts:
        boxes = as_array(s.box for s in segments)
        sizes = np.array([s.size for s in segments], float)
        n_chars = np.array([len(s.text) for s in segments], np.int64)
        is_sentence = np.array([bool(SENTENCE.fullmatch(s.text)) for s in segments], bool)
        usual = np.sort(sizes[n_chars >= PROSE_CHARS])
        if len(usual) >= MIN_PAGE_LINES:
            # A page may be set in smaller type than most of its document.
            body_size = min(body_size, float(usual[len(usual) // 2]))
        is_large = sizes >= PROSE_SHARE * body_size
        is_worded = is_large & np.array([bool(WORDS.search(s.text)) for s in segments], bool)
        below, above = _neighbours(boxes, sizes)
        is_long = is_large & (n_chars >= PROSE_CHARS)
        is_joined = np.zeros(len(segments), bool)
        for beside in (below, above):
            is_joined |= (beside >= 0) & (n_chars[beside] >= PROSE_CHARS / 2)
        captions = [
            k
            for k, s in enumerate(segments)
            if CAPTION.match(s.text) and not _goes_on(segments, int(above[k]), k)
        ]
        return Texts(
            segments,
            boxes,
            sizes,
            n_chars,
            is_sentence,
            is_worded,
            below,
            is_long & is_joined,
            np.array(captions, np.int64),
            body_size,
        )

    def box(self, k: int) -> Box:
        return Box(*(float(v) for v in self.boxes[k]))

    def inside(self, box: Box) -> NDArray[np.bool_]:
        """Which have their middle in the box, bool (n,)."""
        middle = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        held: NDArray[np.bool_] = (
            (middle[:, 0] >= box.x0)
            & (middle[:, 0] <= box.x1)
            & (middle[:, 1] >= box.y0)
            & (middle[:, 1] <= box.y1)
        )
        return held

    def cover(self, box: Box, *, prose_only: bool = False) -> float:
        """Share of the box that is covered by its text."""
        chosen = self.inside(box)
        if prose_only:
            chosen &= self.is_prose
        sides = self.boxes[chosen, 2:] - self.boxes[chosen, :2]
        return float(sides.prod(axis=1).sum()) / max(box.area, 1.0)

    def n_lines(self, box: Box) -> int:
        """How many lines of several words stand in the box, in type as large as the body's."""
        return int((self.inside(box) & self.is_worded).sum())

    def n_numbers(self, box: Box) -> int:
        """How many pieces of text in the box are numbers."""
        inside = np.flatnonzero(self.inside(box)).tolist()
        return sum(bool(NUMBER.fullmatch(self.segments[k].text)) for k in inside)

    def are_labels(self, box: Box) -> NDArray[np.bool_]:
        """Which are text of the figure with that box, bool (n,): cut by it, or at its side."""
        x0, y0, x1, y1 = box
        own = self.boxes
        shared = np.maximum(np.minimum(own[:, 2], x1) - np.maximum(own[:, 0], x0), 0.0)
        shared *= np.maximum(np.minimum(own[:, 3], y1) - np.maximum(own[:, 1], y0), 0.0)
        cut = shared / np.maximum((own[:, 2:] - own[:, :2]).prod(axis=1), 1e-6)
        is_free = ~self.is_prose & (self.sizes <= MAX_LABEL_SIZE * self.body_size)
        is_free[self.captions] = False
        middle = (own[:, :2] + own[:, 2:]) / 2
        over = (middle[:, 0] >= x0) & (middle[:, 0] <= x1)
        beside = (middle[:, 1] >= y0) & (middle[:, 1] <= y1)
        gaps = distances(own, box)
        is_near = is_free & ~self.is_sentence & (self.n_chars < MAX_LABEL_LINE)
        is_near &= gaps <= LABEL_GAP * self.sizes
        apart = np.maximum(y0 - own[:, 3], own[:, 1] - y1)
        is_title = (
            is_free
            & ~self.is_sentence
            & (np.abs(apart) <= TITLE_GAP * self.sizes)
            & (np.abs(middle[:, 0] - (x0 + x1) / 2) <= 0.08 * (x1 - x0))
            & (own[:, 2] - own[:, 0] <= x1 - x0)
        )
        is_cut = (is_free & (cut > 0.2)) | (cut > 0.5)
        found: NDArray[np.bool_] = is_cut | (is_near & (over | beside)) | is_title
        return found

    def room_around(self, box: Box, points: float) -> Box:
        """The box and what is free of other text around it, points wide at most."""
        x0, y0, x1, y1 = box
        middle = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        is_outside = (middle < box[:2]).any(axis=1) | (middle > box[2:]).any(axis=1)
        room = [points] * 4
        for text in self.boxes[is_outside].tolist():
            gaps = (x0 - text[2], y0 - text[3], text[0] - x1, text[1] - y1)
            # It limits the one side from which it is furthest off.
            side = gaps.index(max(gaps))
            if max(gaps) < points:
                room[side] = min(room[side], max(0.0, gaps[side]))
        return Box(x0 - room[0], y0 - room[1], x1 + room[2], y1 + room[3])

    def caption_box(self, first: int) -> Box:
        """The caption whose first line that is: what stands beside it, and its next lines."""
        size, here = self.sizes[first], self.boxes[first]
        middle = (self.boxes[:, 1] + self.boxes[:, 3]) / 2
        beside = np.abs(middle - (here[1] + here[3]) / 2) < 0.4 * size
        beside &= np.abs(self.boxes[:, 0] - here[2]) < 2 * size
        beside[first] = True
        k = first
        for _ in range(MAX_CAPTION_LINES):
            following = int(self.below[k])
            if following < 0 or self.boxes[following, 1] - self.boxes[k, 3] > 0.8 * size:
                break
            beside[following] = True
            k = following
        rows = self.boxes[beside]
        return Box(*(float(v) for v in (*rows[:, :2].min(axis=0), *rows[:, 2:].max(axis=0))))


@dataclass(frozen=True, slots=True)
class Walls:
    """What no figure reaches across: lines of running text, captions, tables."""

    boxes: Floats

    @staticmethod
    def of(texts: Texts, tables: Sequence[Box]) -> Walls:
        is_wall = texts.is_prose.copy()
        is_wall[texts.captions] = True
        return Walls(np.concatenate([texts.boxes[is_wall], as_array(tables)]))

    def inside(self, box: Box) -> NDArray[np.bool_]:
        """Which walls have their middle in the box, bool (n,)."""
        x = (self.boxes[:, 0] + self.boxes[:, 2]) / 2
        y = (self.boxes[:, 1] + self.boxes[:, 3]) / 2
        x0, y0, x1, y1 = box
        # A long line beside the middle of which a figure ends is cut by it all the same.
        overlap = np.minimum(self.boxes[:, 2], x1) - np.maximum(self.boxes[:, 0], x0)
        across = (x >= x0) & (x <= x1) | (overlap > 0.3 * (self.boxes[:, 2] - self.boxes[:, 0]))
        held: NDArray[np.bool_] = across & (y >= y0) & (y <= y1)
        return held

    def part(self, *boxes: Box) -> bool:
        """Whether the box around all of them holds a wall that none of them holds."""
        around = self.inside(Box.around(boxes))
        for box in boxes:
            around &= ~self.inside(box)
        return bool(around.any())


def _neighbours(boxes: Floats, sizes: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each line the index of that right below and right above it in its column, or -1."""
    n = len(boxes)
    below, above = np.full(n, -1), np.full(n, -1)
    if not n:
        return below, above
    order = np.argsort(boxes[:, 1], kind="stable")
    tops = boxes[order, 1]
    first = np.searchsorted(tops, boxes[:, 1] + 0.5 * sizes).tolist()
    last = np.searchsorted(tops, boxes[:, 3] + 1.2 * sizes).tolist()
    rows, heights = boxes.tolist(), sizes.tolist()
    for k, (x0, _, x1, y1) in enumerate(rows):
        best, size = math.inf, heights[k]
        for j in order[first[k] : last[k]].tolist():
            left, top, right, _ = rows[j]
            overlap = min(x1, right) - max(x0, left)
            alike = max(size, heights[j]) < 1.2 * min(size, heights[j])
            gap = top - y1
            if alike and overlap > 0.3 * min(x1 - x0, right - left) and gap < best:
                best, below[k] = gap, j
    for k, j in enumerate(below.tolist()):
        if j >= 0:
            above[j] = k
    return below, above


def _goes_on(segments: Sequence[Segment], above: int, here: int) -> bool:
    """Whether a line that reads like a caption only goes on with the text above it."""
    if above < 0:
        return False
    before, line = segments[above], segments[here]
    is_tight = line.baseline - before.baseline < 1.35 * line.size
    is_flush = before.box.x1 - before.box.x0 >= 0.8 * (line.box.x1 - line.box.x0)
    return is_tight and is_flush and len(before.text) >= PROSE_CHARS and before.text[-1] not in ".:"


def distances(boxes: Floats, box: Box) -> Floats:
    """How far each box (n, 4) is from the box; 0 where they overlap."""
    across = np.maximum(boxes[:, 0] - box.x1, box.x0 - boxes[:, 2])
    down = np.maximum(boxes[:, 1] - box.y1, box.y0 - boxes[:, 3])
    gaps: Floats = np.maximum(np.maximum(across, down), 0.0)
    return gaps


def as_array(boxes: Iterable[Box]) -> Floats:
    return np.array([*boxes], float).reshape(-1, 4)
