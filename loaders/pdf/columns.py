"""The order in which a page is read: what spans it, and the columns between.

Leaves out tables: where pieces of text stand side by side like cells, the order in
which the file draws them is taken, or else that of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True, slots=True)
class Column:
    """Text and pictures to be read downwards, or as the file orders them."""

    items: list[Item]
    keeps_file_order: bool = False


class _Layout(Enum):
    COLUMNS = auto()
    CELLS = auto()
    ROWS = auto()


def columns(items: list[Item], depth: int = 0) -> Iterator[Column]:
    """Split what is on a page, or a part of it, into columns in reading order."""
    gutter = _gutter(items) if depth < MAX_DEPTH else None
    layout = _layout(items, gutter) if gutter is not None else _Layout.ROWS
    if gutter is None or layout is _Layout.ROWS:
        yield Column(items)
        return
    spanning: list[Item] = []
    for left, right, next_spanning in _bands(items, gutter):
        if min(_n_texts(left), _n_texts(right)) < 2:
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


def _bands(
    items: Sequence[Item], gutter: float
) -> Iterator[tuple[list[Item], list[Item], list[Item]]]:
    """From the top: what is left and right of the gutter, then what crosses it below."""
    crossing = sorted((i for i in items if _crosses(i, gutter)), key=_middle)
    levels = [_middle(item) for item in crossing]
    sides: list[tuple[list[Item], list[Item]]] = [([], []) for _ in range(len(levels) + 1)]
    for item in items:
        if not _crosses(item, gutter):
            band = int(np.searchsorted(levels, _middle(item)))
            sides[band][item.box.x0 >= gutter - STEP_POINTS].append(item)
    for (left, right), below in zip(sides, [*([c] for c in crossing), []], strict=True):
        yield left, right, below


def _gutter(items: Sequence[Item]) -> float | None:
    """Where most lines of text stand left and right of a free upright strip."""
    texts = [i for i in items if isinstance(i, Segment)]
    if len(texts) < 2 * MIN_ROWS:
        return None
    left, right = min(i.box.x0 for i in items), max(i.box.x1 for i in items)
    margin = MARGIN * (right - left)
    places = np.arange(left + margin, right - margin, STEP_POINTS)
    if not len(places):
        return None
    height = ROW_SIZES * float(np.median([s.size for s in texts]))
    top = min(i.box.y0 for i in items)
    n_rows = min(MAX_ROWS, int((max(i.box.y1 for i in items) - top) / height) + 1)
    is_crossed = np.zeros((n_rows, len(places)), bool)
    first_end, last_start = np.full(n_rows, np.inf), np.full(n_rows, -np.inf)
    for item in items:
        ends = (_middle(item),) if isinstance(item, Segment) else (item.box.y0, item.box.y1)
        first, *_, last = (min(n_rows - 1, int((y - top) / height)) for y in (ends[0], ends[-1]))
        inner = np.searchsorted(places, (item.box.x0 + STEP_POINTS, item.box.x1 - STEP_POINTS))
        is_crossed[first : last + 1, inner[0] : max(inner)] = True
        if isinstance(item, Segment):
            first_end[first] = min(first_end[first], item.box.x1)
            last_start[first] = max(last_start[first], item.box.x0)
    has_both = (first_end[:, None] <= places + STEP_POINTS) & (
        last_start[:, None] >= places - STEP_POINTS
    )
    n_free = (has_both & ~is_crossed).sum(axis=0)
    best = int(n_free.max())
    return float(places[_middle_of_longest_run(n_free == best)]) if best >= MIN_ROWS else None


def _middle_of_longest_run(chosen: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    starts, ends = edges[::2], edges[1::2]
    longest = int(np.argmax(ends - starts))
    return int((starts[longest] + ends[longest] - 1) // 2)


def _layout(items: Sequence[Item], gutter: float) -> _Layout:
    """What stands side by side: columns of a page, or cells of a table.

    The order in which the file draws tells them apart: columns come one after the other,
    the cells of a table take turns.
    """
    sides: tuple[list[Segment], list[Segment]] = ([], [])
    bands = 0
    for left, right, _ in _bands(items, gutter):
        if min(_n_texts(left), _n_texts(right)) >= 2:
            bands += 1
            for side, found in zip(sides, (left, right), strict=True):
                side.extend(i for i in found if isinstance(i, Segment))
    if not bands:
        return _Layout.ROWS
    order = sorted((s.rank, k) for k, side in enumerate(sides) for s in side)
    n_turns = sum(a[1] != b[1] for a, b in pairwise(order))
    is_prose = all(_is_prose(side) for side in sides)
    if n_turns <= 2 * bands - 1 or (is_prose and n_turns <= 2 * bands + 1):
        return _Layout.COLUMNS
    if n_turns <= min(map(len, sides)):
        return _Layout.CELLS
    return _Layout.COLUMNS if is_prose else _Layout.ROWS


def _is_prose(side: Sequence[Segment]) -> bool:
    width = max(s.box.x1 for s in side) - min(s.box.x0 for s in side)
    fill = float(np.median([s.box.width for s in side])) / max(width, 1.0)
    return fill >= PROSE_FILL and float(np.median([len(s.text) for s in side])) >= PROSE_CHARS


def _crosses(item: Item, gutter: float) -> bool:
    return item.box.x0 < gutter - STEP_POINTS and item.box.x1 > gutter + STEP_POINTS


def _middle(item: Item) -> float:
    return (item.box.y0 + item.box.y1) / 2


def _n_texts(items: Sequence[Item]) -> int:
    return sum(isinstance(i, Segment) for i in items)
