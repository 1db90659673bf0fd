"""The level and upright rules of a page, and the areas that they mark off as tables.

Leaves out whether such an area is a table: that takes its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from loaders.pdf.objects import Drawings, Kind
from loaders.pdf.page import Box, Floats, Sheet, turned

MAX_RULES = 4_000
"""On one page, of each direction; more are hatching or a drawing."""
MAX_MERGED = 1_200
SAME_POINTS = 1.5
"""Rules whose places differ by less continue each other."""
JOIN_POINTS = 4.0
"""Between rules of neighbouring cells."""
TOUCH_POINTS = 3.5
"""Between a rule and another that it meets; some styles leave a gap there."""
MIN_LEVEL_POINTS = 50.0
SAME_ENDS_POINTS = 6.0
"""How far the ends of the rules of one table may differ."""
MAX_BREAK_POINTS = 24.0
"""In a level that consists of a rule for each column."""
MIN_SHADED_POINTS, MAX_SHADED_POINTS = 6.0, 80.0
"""Height of a shaded row."""


@dataclass(frozen=True, slots=True)
class Rules:
    """levels: float (n, 3), y, x0, x1. uprights: float (n, 3), x, y0, y1. fills, shapes: boxes.

    parts: the levels before those that adjoin were joined.
    """

    levels: Floats
    parts: Floats
    uprights: Floats
    fills: Floats
    shapes: Floats

    @staticmethod
    def of(drawings: Drawings, sheet: Sheet) -> Rules:
        """The rules of a page, pieces of one joined, as they are on the sheet."""
        boxes = drawings.boxes
        if sheet.turns:
            boxes = turned(boxes, -sheet.turns, sheet.frame.width, sheet.frame.height)
        rules = boxes[drawings.kinds == Kind.RULE]
        is_level = rules[:, 2] - rules[:, 0] >= rules[:, 3] - rules[:, 1]
        level = rules[is_level][:MAX_RULES]
        parts = np.stack([(level[:, 1] + level[:, 3]) / 2, level[:, 0], level[:, 2]], axis=1)
        return Rules(
            _joined(rules[is_level], 1),
            parts,
            _joined(rules[~is_level], 0),
            boxes[drawings.kinds == Kind.FILL],
            boxes[drawings.kinds == Kind.SHAPE],
        )

    def inside(self, box: Box) -> Rules:
        """The rules that lie in the box, cut off at its edges."""
        near = TOUCH_POINTS
        level = (box.y0 - near, box.y1 + near), (box.x0 - near, box.x1 + near)
        uprights = _cut(
            self.uprights, (box.x0 - near, box.x1 + near), (box.y0 - near, box.y1 + near)
        )
        return Rules(
            _cut(self.levels, *level),
            _cut(self.parts, *level),
            uprights,
            _centred(self.fills, box),
            _centred(self.shapes, box),
        )


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the page that rules mark off. is_grid: whether uprights divide it."""

    box: Box
    levels: tuple[float, ...]
    """Where rules cross all of it, from the top."""
    is_grid: bool


def ruled_areas(rules: Rules) -> list[Area]:
    """Grids, then stacks of rules or shaded rows of the same width."""
    grids: list[Area] = []
    left = np.ones(len(rules.levels), bool)
    framing = np.zeros(len(rules.levels), bool)
    for members, box, is_grid in _components(rules):
        if is_grid:
            own = rules.levels[members]
            grids.append(Area(box, _full_levels(own, box), True))
            left[members] = False
        else:
            framing[members] = True
    levels = np.concatenate([rules.levels[left], _unbroken(rules.levels[left & ~framing])])
    return grids + _stacks(levels, rules.fills)


def _joined(boxes: Floats, axis: int) -> Floats:
    """(n, 3): the place of the rules across `axis`, and from where to where they go."""
    if not len(boxes) or len(boxes) > MAX_RULES:
        return np.empty((0, 3))
    along = 1 - axis
    place = (boxes[:, axis] + boxes[:, axis + 2]) / 2
    rows = np.stack([place, boxes[:, along], boxes[:, along + 2]], axis=1)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    group = np.cumsum(np.diff(rows[:, 0], prepend=rows[0, 0]) > SAME_POINTS)
    rows = rows[np.lexsort((rows[:, 1], group))]
    found: list[list[float]] = []
    last = -1
    for g, (at, start, end) in zip(np.sort(group).tolist(), rows.tolist(), strict=True):
        if g == last and start <= found[-1][2] + JOIN_POINTS:
            found[-1][2] = max(found[-1][2], end)
        else:
            found.append([at, start, end])
        last = g
    joined = np.array(found)
    if len(joined) > MAX_MERGED:
        longest = np.sort(np.argsort(joined[:, 1] - joined[:, 2])[:MAX_MERGED])
        joined = joined[longest]
    return joined


def _unbroken(levels: Floats) -> Floats:
    """Rules of three columns or more at one height, taken for one."""
    found: list[list[float]] = []
    counts: list[int] = []
    for at, start, end in levels.tolist():
        same = found and abs(at - found[-1][0]) <= SAME_POINTS
        if same and 0 <= start - found[-1][2] <= MAX_BREAK_POINTS:
            found[-1][2] = end
            counts[-1] += 1
        else:
            found.append([at, start, end])
            counts.append(1)
    whole = [rule for rule, n in zip(found, counts, strict=True) if n > 2]
    return np.array(whole).reshape(-1, 3)


def _cut(rules: Floats, across: tuple[float, float], along: tuple[float, float]) -> Floats:
    start = np.maximum(rules[:, 1], along[0])
    end = np.minimum(rules[:, 2], along[1])
    kept = (rules[:, 0] >= across[0]) & (rules[:, 0] <= across[1]) & (end > start)
    return np.stack([rules[:, 0], start, end], axis=1)[kept]


def _centred(boxes: Floats, box: Box) -> Floats:
    x = (boxes[:, 0] + boxes[:, 2]) / 2
    y = (boxes[:, 1] + boxes[:, 3]) / 2
    return boxes[(x >= box.x0) & (x <= box.x1) & (y >= box.y0) & (y <= box.y1)]


def _components(rules: Rules) -> Iterator[tuple[NDArray[np.int64], Box, bool]]:
    """Levels that uprights tie together: their indexes, the box, whether it is divided."""
    levels, uprights = rules.levels, rules.uprights
    if len(levels) < 2 or not len(uprights):
        return
    y, x0, x1 = (levels[:, k, None] for k in range(3))
    x, y0, y1 = uprights.T
    meets = (
        (x >= x0 - TOUCH_POINTS)
        & (x <= x1 + TOUCH_POINTS)
        & (y >= y0 - TOUCH_POINTS)
        & (y <= y1 + TOUCH_POINTS)
    )
    waiting = set(np.flatnonzero(meets.any(axis=1)).tolist())
    while waiting:
        own = np.zeros(len(levels), bool)
        own[waiting.pop()] = True
        n_own, n_before = 1, 0
        while n_own > n_before:
            n_before = n_own
            crossing = meets[own].any(axis=0)
            own |= meets[:, crossing].any(axis=1)
            n_own = int(own.sum())
        members = np.flatnonzero(own)
        waiting.difference_update(members.tolist())
        box = Box(
            min(levels[own, 1].min(), uprights[crossing, 0].min()),
            min(levels[own, 0].min(), uprights[crossing, 1].min()),
            max(levels[own, 2].max(), uprights[crossing, 0].max()),
            max(levels[own, 0].max(), uprights[crossing, 2].max()),
        )
        box = Box(*(float(v) for v in box))
        places = uprights[crossing, 0]
        inner = (places > box.x0 + JOIN_POINTS) & (places < box.x1 - JOIN_POINTS)
        yield members, box, bool(inner.any()) and n_own >= 2


def _full_levels(levels: Floats, box: Box) -> tuple[float, ...]:
    whole = levels[levels[:, 2] - levels[:, 1] >= 0.9 * box.width, 0]
    return _distinct([box.y0, *sorted(whole.tolist()), box.y1])


def _distinct(places: Sequence[float], apart: float = JOIN_POINTS) -> tuple[float, ...]:
    """Sorted places, of those close together only the first."""
    kept: list[float] = []
    for place in places:
        if not kept or place - kept[-1] > apart:
            kept.append(place)
    return tuple(kept)


def _stacks(levels: Floats, fills: Floats) -> list[Area]:
    rules = levels[levels[:, 2] - levels[:, 1] >= MIN_LEVEL_POINTS].tolist()
    heights = fills[:, 3] - fills[:, 1]
    shaded = fills[
        (heights >= MIN_SHADED_POINTS)
        & (heights <= MAX_SHADED_POINTS)
        & (fills[:, 2] - fills[:, 0] >= 2 * heights)
    ]
    if len(shaded) <= MAX_RULES:
        tops = _joined(shaded[:, [0, 1, 2, 1]], 1)
        bottoms = _joined(shaded[:, [0, 3, 2, 3]], 1)
        both = np.concatenate([tops, bottoms])[:MAX_MERGED]
        rules += both[both[:, 2] - both[:, 1] >= MIN_LEVEL_POINTS].tolist()
    stacks: dict[tuple[float, float], list[float]] = {}
    for at, start, end in sorted(rules):
        key = next(
            (
                k
                for k in stacks
                if abs(k[0] - start) <= SAME_ENDS_POINTS and abs(k[1] - end) <= SAME_ENDS_POINTS
            ),
            (start, end),
        )
        stacks.setdefault(key, []).append(at)
    found = []
    for (start, end), places in stacks.items():
        distinct = _distinct(places, 2.5)
        if len(distinct) >= 2:
            found.append(Area(Box(start, distinct[0], end, distinct[-1]), distinct, False))
    return found
