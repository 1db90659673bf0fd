"""The order in which a page is read: what spans it, and the columns between.

Leaves out tables: where pieces of text stand side by side like cells, the order in
which the file draws them is taken, or else that of the rows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from loaders.pdf.lists import BULLET
from loaders.pdf.page import Region, Segment

Item = Segment | Region

MAX_DEPTH = 4
MIN_ROWS = 3
"""Side by side before two stacks of text are taken for columns."""
STEP_POINTS = 2.0
"""Between the places where a gutter is looked for."""
ROW_SIZES = 1.2
"""Height of the rows that are counted, in type sizes; a page has at most MAX_ROWS."""
MAX_ROWS = 1_000
MARGIN = 0.12
"""Share of the width in which no gutter is looked for, at either side."""
PROSE_FILL, PROSE_CHARS = 0.6, 20
"""A line of running text fills its column, and is no cell of a table."""
MIN_BULLETS = 1 / 3
"""Share of the lines of a list that begin an item; the others go on."""


@dataclass(frozen=True, slots=True)
class Column:
    """Text and pictures to be read downwards, or as the file orders them."""

    items: list[Item]
    keeps_file_order: bool = False


_Band = tuple[list[Item], list[Item], list[Item]]
"""What is left of a gutter, right of it, and across it below."""


class _Layout(Enum):
    COLUMNS = auto()
    CELLS = auto()
    ROWS = auto()


def columns(items: list[Item], depth: int = 0) -> Iterator[Column]:
    """Split what is on a page, or a part of it, into columns in reading order."""
    gutter = _gutter(items) if depth < MAX_DEPTH else None
    bands = list(_bands(items, gutter)) if gutter is not None else []
    layout = _layout(bands)
    if layout is _Layout.ROWS:
        yield Column(items)
        return
    spanning: list[Item] = []
    for left, right, next_spanning in bands:
        is_listing = layout is _Layout.CELLS and _is_typed([*left, *right])
        if min(_n_texts(left), _n_texts(right)) < 2 or is_listing:
            spanning += [*left, *right]
        else:
            if spanning:
                yield from columns(spanning, depth + 1)
            spanning = []
            if layout is _Layout.CELLS:
                yield Column([*left, *right], keeps_file_order=True)
            else:
                yield from columns(left, depth + 1)
                yield from columns(right, depth + 1)
        spanning += next_spanning
    if spanning:
        yield from columns(spanning, depth + 1)


def _bands(items: Sequence[Item], gutter: float) -> Iterator[_Band]:
    """From the top: what is left and right of the gutter, then what crosses it below."""
    crossing = sorted((i for i in items if _crosses(i, gutter)), key=_middle)
    levels = [_middle(item) for item in crossing]
    sides: list[tuple[list[Item], list[Item]]] = [([], []) for _ in range(len(levels) + 1)]
    for item in items:
        if not _crosses(item, gutter):
            band = bisect_left(levels, _middle(item))
            sides[band][item.box.x0 >= gutter - STEP_POINTS].append(item)
    for (left, right), below in zip(sides, [*([c] for c in crossing), []], strict=True):
        yield left, right, below


def _gutter(items: Sequence[Item]) -> float | None:
    """Where most lines of text stand left and right of a free upright strip."""
    sizes = [i.size for i in items if isinstance(i, Segment)]
    if len(sizes) < 2 * MIN_ROWS:
        return None
    x0, y0, x1, y1 = np.array([i.box for i in items]).T
    left, right = float(x0.min()), float(x1.max())
    margin = MARGIN * (right - left)
    places = np.arange(left + margin, right - margin, STEP_POINTS)
    if not len(places):
        return None
    height = ROW_SIZES * float(median(sizes))
    top = float(y0.min())
    n_rows = min(MAX_ROWS, int((float(y1.max()) - top) / height) + 1)
    is_text = np.array([isinstance(i, Segment) for i in items])
    middles = (y0 + y1) / 2
    first, last = (
        np.minimum(n_rows - 1, ((np.where(is_text, middles, y) - top) / height).astype(np.int64))
        for y in (y0, y1)
    )
    inner = np.searchsorted(places, (x0 + STEP_POINTS, x1 - STEP_POINTS)).T
    is_crossed = _covered(first, last + 1, inner[:, 0], inner[:, 1], (n_rows, len(places)))
    first_end, last_start = np.full(n_rows, np.inf), np.full(n_rows, -np.inf)
    np.minimum.at(first_end, first[is_text], x1[is_text])
    np.maximum.at(last_start, first[is_text], x0[is_text])
    has_both = (first_end[:, None] <= places + STEP_POINTS) & (
        last_start[:, None] >= places - STEP_POINTS
    )
    n_free = (has_both & ~is_crossed).sum(axis=0)
    best = int(n_free.max())
    return float(places[_middle_of_longest_run(n_free == best)]) if best >= MIN_ROWS else None


def _covered(
    top: NDArray[np.int64],
    bottom: NDArray[np.int64],
    start: NDArray[np.int64],
    stop: NDArray[np.int64],
    shape: tuple[int, int],
) -> NDArray[np.bool_]:
    """Which places of a raster at least one of the rectangles covers."""
    steps = np.zeros((shape[0] + 1, shape[1] + 1), np.int32)
    some = (bottom > top) & (stop > start)
    top, bottom, start, stop = top[some], bottom[some], start[some], stop[some]
    for sign, y, x in ((1, top, start), (-1, top, stop), (-1, bottom, start), (1, bottom, stop)):
        np.add.at(steps, (y, x), sign)
    covered: NDArray[np.bool_] = steps.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] > 0
    return covered


def _middle_of_longest_run(chosen: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    longest = int(np.argmax(ends - starts))
    return int((starts[longest] + ends[longest] - 1) // 2)


def _layout(bands: Sequence[_Band]) -> _Layout:
    """What stands side by side: columns of a page, or cells of a table.

    The order in which the file draws tells them apart: columns come one after the other,
    the cells of a table take turns. Two lists with bullets are columns in any order.
    """
    sides: tuple[list[Segment], list[Segment]] = ([], [])
    n_bands = 0
    for left, right, _ in bands:
        if min(_n_texts(left), _n_texts(right)) >= 2:
            n_bands += 1
            for side, found in zip(sides, (left, right), strict=True):
                side.extend(i for i in found if isinstance(i, Segment))
    if not n_bands:
        return _Layout.ROWS
    if all(_is_list(side) for side in sides):
        return _Layout.COLUMNS
    order = sorted((s.rank, k) for k, side in enumerate(sides) for s in side)
    n_turns = sum(a[1] != b[1] for a, b in pairwise(order))
    is_prose = all(_is_prose(side) for side in sides)
    if n_turns <= 2 * n_bands - 1 or (is_prose and n_turns <= 2 * n_bands + 1):
        return _Layout.COLUMNS
    if n_turns <= min(map(len, sides)):
        return _Layout.CELLS
    return _Layout.COLUMNS if is_prose else _Layout.ROWS


def _is_prose(side: Sequence[Segment]) -> bool:
    width = max(s.box.x1 for s in side) - min(s.box.x0 for s in side)
    fill = float(median([s.box.width for s in side])) / max(width, 1.0)
    return fill >= PROSE_FILL and float(median([len(s.text) for s in side])) >= PROSE_CHARS


def _is_list(side: Sequence[Segment]) -> bool:
    n_items = sum(bool(BULLET.match(s.text)) for s in side)
    return n_items >= max(2, MIN_BULLETS * len(side))


def _crosses(item: Item, gutter: float) -> bool:
    return item.box.x0 < gutter - STEP_POINTS and item.box.x1 > gutter + STEP_POINTS


def _middle(item: Item) -> float:
    return (item.box.y0 + item.box.y1) / 2


def _is_typed(items: Sequence[Item]) -> bool:
    """Whether it is all of a listing, whose lines are read as they stand."""
    return all(isinstance(i, Segment) and i.is_typed for i in items)


def _n_texts(items: Sequence[Item]) -> int:
    return sum(isinstance(i, Segment) for i in items)
