"""Puts the lines found in a picture in the order in which a person reads them.

Numbers stay with their labels, the ticks of an axis on one line, and what stands side by
side without belonging together apart. Leaves out pages of documents: their layout is that
of `loaders.pdf`, which knows prose better and charts not at all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from loaders.captioning.text_line import TextLine

NUMBER = re.compile(r"[~<>≈]?\s*[-–—−+]?\s*[$€£¥]?\s*\d[\d.,\s]*\s*(?:[%‰kKMB]|bn|m)?")
DASH = re.compile(r"^[-–—−_]+\s*|\s*[-–—−_]+$")
MARK = re.compile(r"^[-–—_|]+\s+|\s+[-–—_|]+$")
"""What a tick or a line of the grid beside a label is read as."""
MOST_WORDS = 2
"""Of the label of a bar; more are a title."""
GUTTER = 1.5
"""White between columns, in heights of the letters; words stand nearer to each other."""
SAME_ROW = 0.5
"""Share of the lower of two lines that their middles may be apart on one row."""
APART = 6.0
"""White, in heights, between two items that are not said together, outside of tables."""
MIN_ROWS, MOST_STEP = 3, 3.0
"""Rows of a column of text, and the way from one to the next in heights."""
STACKED = 0.8
"""White, in heights, between a label and the number under it."""
MIN_TICKS = 3
EVEN = 0.15
"""By how much, of the usual one, the steps along an axis may differ."""
TABLE_SHARE = 0.7
"""Share of the lines that have a neighbour in their row, from which on columns are a table's."""
PROSE_CHARS = 25
"""Half of the lines are at least this long in columns of prose, and shorter in a table."""
LEVEL_DEGREES = 15.0
MAX_DEPTH = 8
MAX_LINES = 1_500
"""More are put in order by their place alone: what looks for pairs takes time with n²."""


@dataclass(frozen=True, slots=True)
class _Item:
    """What is said on one line. height: of its letters; is_axis: the ticks of an upright axis."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    height: float
    is_axis: bool = False
    is_alone: bool = False
    """Whether it stands on no row: a turned title."""

    @property
    def middle(self) -> float:
        return (self.y0 + self.y1) / 2

    @property
    def centre(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def is_number(self) -> bool:
        return NUMBER.fullmatch(self.text) is not None


def text_of(lines: Sequence[TextLine]) -> str:
    """The lines, joined with line feeds; what stands on one line is parted by two spaces."""
    level = [_item(line) for line in lines if _slant(line) is None]
    turned = [line for line in lines if _slant(line) is not None]
    items = level + list(_turned(turned))
    if len(items) <= MAX_LINES:
        items = _with_axes(items)
        items = _with_numbers_above(_with_numbers_below(items))
        return "\n".join(_ordered(items))
    return "\n".join(_by_rows(items))


def _item(line: TextLine) -> _Item:
    xs, ys = zip(*line.corners, strict=True)
    return _Item(MARK.sub("", line.text), min(xs), min(ys), max(xs), max(ys), line.height)


def _slant(line: TextLine) -> float | None:
    """The angle by which a line is turned clockwise, in degrees; None where it is level."""
    (x0, y0), (x1, y1), *_ = line.corners
    angle = math.degrees(math.atan2(y1 - y0, x1 - x0))
    return None if min(abs(angle), 180 - abs(angle)) <= LEVEL_DEGREES else angle


def _turned(lines: Sequence[TextLine]) -> Iterator[_Item]:
    """Turned lines: those that hang from one height are ticks, others titles."""
    left = [_item(line) for line in lines]
    while left:
        first = left[0]
        row = max(
            ([i for i in left if abs(edge(i) - edge(first)) < i.height] for edge in (_top, _foot)),
            key=len,
        )
        if len(row) >= MIN_TICKS:
            text = "  ".join(i.text for i in sorted(row, key=lambda i: i.x1))
            foot = min(i.y0 for i in row) + first.height
            ends = min(i.x0 for i in row), max(i.x1 for i in row)
            yield _Item(text, ends[0], foot - first.height, ends[1], foot, first.height)
        else:
            row = [first]
            yield replace(first, y1=first.y0 + first.height, is_alone=True)
        left = [i for i in left if i not in row]


def _top(item: _Item) -> float:
    return item.y0


def _foot(item: _Item) -> float:
    return item.y1


def _with_axes(items: list[_Item]) -> list[_Item]:
    """The numbers of an upright axis made one item, at the height of the highest of them."""
    numbers = [i for i in items if not i.is_alone and NUMBER.fullmatch(DASH.sub("", i.text))]
    for edge in (lambda i: i.x1, lambda i: i.x0, lambda i: i.centre):
        numbers.sort(key=edge)
        for column in _runs(numbers, edge):
            for ticks in _axes(sorted(column, key=lambda i: i.middle)):
                axis = _axis(ticks)
                gone = {id(i) for i in ticks}
                numbers = [i for i in numbers if id(i) not in gone]
                items = [*(i for i in items if id(i) not in gone), axis]
    return items


def _runs(items: Sequence[_Item], edge: Callable[[_Item], float]) -> Iterator[list[_Item]]:
    """Items whose edges follow on each other within half a letter."""
    run: list[_Item] = []
    for item in items:
        if run and edge(item) - edge(run[-1]) > SAME_ROW * item.height:
            yield run
            run = []
        run.append(item)
    if run:
        yield run


def _axes(column: Sequence[_Item]) -> Iterator[list[_Item]]:
    """The longest stretches of a column whose values and places both go in even steps."""
    start = 0
    while start + MIN_TICKS <= len(column):
        end = start + MIN_TICKS
        if not _is_axis(column[start:end]):
            start += 1
            continue
        while end < len(column) and _is_axis(column[start : end + 1]):
            end += 1
        yield list(column[start:end])
        start = end


def _is_axis(ticks: Sequence[_Item]) -> bool:
    if not _is_even([i.middle for i in ticks]):
        return False
    # A tick's mark may be read as a minus.
    return _is_even(_values(ticks)) or _is_even([abs(v) for v in _values(ticks)])


def _axis(ticks: Sequence[_Item]) -> _Item:
    texts = [i.text for i in ticks]
    if not _is_even(_values(ticks)):
        texts = [DASH.sub("", text) for text in texts]
    first = ticks[0]
    x0, x1 = min(i.x0 for i in ticks), max(i.x1 for i in ticks)
    return replace(first, text="  ".join(texts), x0=x0, x1=x1, is_axis=True, is_alone=True)


def _values(ticks: Sequence[_Item]) -> list[float]:
    return [_value(i.text) for i in ticks]


def _value(text: str) -> float:
    """The number in a text; NaN, which goes in no steps, where it is none after all."""
    sign = -1.0 if re.match(r"[-–—−]", text) else 1.0
    digits = re.sub(r"[^\d.]", "", text)
    try:
        return sign * float(digits)
    except ValueError:
        return math.nan


def _is_even(values: Sequence[float]) -> bool:
    steps = [b - a for a, b in pairwise(values)]
    usual = median(steps)
    return usual != 0 and all(abs(step - usual) <= EVEN * abs(usual) for step in steps)


def _with_numbers_below(items: list[_Item]) -> list[_Item]:
    """A label and the number under it made one line, where they stand by themselves."""
    for number in [i for i in items if i.is_number and not i.is_alone]:
        near = [i for i in items if i is not number and not i.is_alone and _are_near(i, number)]
        if len(near) == 1 and not near[0].is_number and _is_under(number, near[0]):
            (label,) = near
            others = [i for i in items if i not in (label, number) and not i.is_alone]
            if not any(_on_row(i, label) for i in others):
                items = [i for i in items if i is not label and i is not number]
                items.append(_joined(label, number))
    return items


def _with_numbers_above(items: list[_Item]) -> list[_Item]:
    """Labels under bars with the numbers that stand over them, as on top of the bars."""
    free = [i for i in items if not i.is_alone]
    labels = [i for i in free if not i.is_number and len(i.text.split()) <= MOST_WORDS]
    pairs: dict[int, list[_Item]] = {}
    for number in (i for i in free if i.is_number):
        below = [i for i in free if i.middle > number.y1 and _is_centred(i, number)]
        nearest = min((i for i in below if not i.is_number), key=_top, default=None)
        if nearest is not None:
            pairs.setdefault(id(nearest), []).append(number)
    for label in labels:
        row = [i for i in labels if _on_row(i, label) and id(i) in pairs]
        heights = {round(i.middle / i.height) for r in row for i in pairs[id(r)]}
        # Numbers on one height are a table's row; tops of bars are at several.
        if id(label) not in pairs or len(row) < 2 or len(heights) < 2:
            continue
        above = sorted(pairs[id(label)], key=lambda i: -i.y0)
        text = " ".join([label.text, *(i.text for i in above)])
        items = [i for i in items if i is not label and i not in above]
        items.append(replace(label, text=text))
    return items


def _joined(label: _Item, number: _Item) -> _Item:
    x0, x1 = min(label.x0, number.x0), max(label.x1, number.x1)
    return replace(label, text=f"{label.text} {number.text}", x0=x0, x1=x1, y1=number.y1)


def _is_centred(a: _Item, b: _Item) -> bool:
    return abs(a.centre - b.centre) < min(a.height, b.height)


def _is_under(number: _Item, label: _Item) -> bool:
    """Whether a number is set below its label: on its middle, or flush with an end of it."""
    least = 1.5 * max(label.height, number.height)
    ends = abs(label.x0 - number.x0), abs(label.x1 - number.x1)
    return label.y1 <= number.middle and (_is_centred(label, number) or min(ends) < least)


def _are_near(a: _Item, b: _Item) -> bool:
    """Whether one stands right above the other."""
    white = max(a.y0, b.y0) - min(a.y1, b.y1)
    overlap = min(a.x1, b.x1) - max(a.x0, b.x0)
    return overlap > 0 and white < STACKED * min(a.height, b.height)


def _on_row(a: _Item, b: _Item) -> bool:
    lower = min(a.y1 - a.y0, b.y1 - b.y0)
    return abs(a.middle - b.middle) < SAME_ROW * lower


def _ordered(items: list[_Item], depth: int = 0) -> Iterator[str]:
    """Bands from the top; in each the columns from the left, or else its rows."""
    if depth == MAX_DEPTH:
        yield from _by_rows(items)
        return
    for band in _bands(items):
        columns = _columns(band)
        panels = _panels(columns)
        if len(panels) > 1:
            columns = panels
        elif len(columns) < 2 or not all(map(_is_text, columns)) or _is_table(band):
            yield from _by_rows(band, is_table=_is_table(band))
            continue
        for column in columns:
            yield from _ordered(column, depth + 1)


def _bands(items: Sequence[_Item]) -> list[list[_Item]]:
    """From top to bottom, as much at once as leaves a strip of white from top to bottom."""
    bands: list[list[_Item]] = []
    for row in _rows(items):
        both = [*bands[-1], *row] if bands else row
        is_parted = len(_columns(both)) > 1
        was_parted = bool(bands) and len(_columns(bands[-1])) > 1
        if bands and (is_parted or (not was_parted and len(_columns(row)) < 2)):
            bands[-1] = both
        else:
            bands.append(list(row))
    return bands


def _rows(items: Sequence[_Item]) -> list[list[_Item]]:
    """Items on one height, from the top; each row from the left."""
    rows: list[list[_Item]] = []
    for item in sorted(items, key=lambda i: (i.middle, i.x0)):
        if rows and _on_row(rows[-1][0], item):
            rows[-1].append(item)
        else:
            rows.append([item])
    return [sorted(row, key=lambda i: i.x0) for row in rows]


def _by_rows(items: Sequence[_Item], *, is_table: bool = True) -> Iterator[str]:
    for row in _rows(items):
        yield from (item.text for item in row if item.is_alone)
        beside = [item for item in row if not item.is_alone]
        if len(beside) == 2 and not is_table and _are_apart(*beside):
            yield from (item.text for item in beside)
        elif beside:
            yield "  ".join(item.text for item in beside)


def _columns(items: Sequence[_Item]) -> list[list[_Item]]:
    """Split where a strip of white goes from top to bottom; from the left."""
    gutter = GUTTER * median(i.height for i in items)
    columns: list[list[_Item]] = []
    end = -math.inf
    for item in sorted(items, key=lambda i: i.x0):
        if columns and item.x0 - end < gutter:
            columns[-1].append(item)
        else:
            columns.append([item])
        end = max(end, item.x1)
    return columns


def _panels(columns: Sequence[list[_Item]]) -> list[list[_Item]]:
    """Columns put together to charts that stand side by side: each begins with an axis."""
    panels: list[list[_Item]] = []
    for column in columns:
        if not panels or any(item.is_axis for item in column):
            panels.append([])
        panels[-1] += column
    return panels


def _are_apart(a: _Item, b: _Item) -> bool:
    """Whether two items only happen to be on one height."""
    return max(a.x0, b.x0) - min(a.x1, b.x1) > APART * max(a.height, b.height)


def _is_text(column: Sequence[_Item]) -> bool:
    """Whether lines follow on each other closely, as they do not in a chart."""
    rows = _rows([i for i in column if not i.is_alone])
    steps = [b[0].middle - a[0].middle for a, b in pairwise(rows)]
    return len(rows) >= MIN_ROWS and median(steps) <= MOST_STEP * median(i.height for i in column)


def _is_table(band: Sequence[_Item]) -> bool:
    """Whether what stands side by side is on the same rows, and short."""
    rows = _rows([i for i in band if not i.is_alone])
    n = sum(len(row) for row in rows)
    n_beside = sum(len(row) for row in rows if len(row) > 1)
    is_prose = len(rows) > 1 and median(len(i.text) for i in band) >= PROSE_CHARS
    return n_beside >= TABLE_SHARE * n and not is_prose
