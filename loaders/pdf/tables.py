"""Finds the tables of a page: from rules, from shaded rows, from text that stands in columns.

What looks like a table and is none is left alone: charts with their ticks and grid
lines, columns of prose, contents, lists, forms. Leaves out tables in pictures.

Own code, since the libraries tried on the same pages were slower by far or found tables
in most pages of prose.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from loaders.pdf.captions import CAPTION
from loaders.pdf.objects import Drawings
from loaders.pdf.page import Box, Segment, Sheet
from loaders.pdf.table_captions import TableCaption, caption_above, caption_below, is_label
from loaders.pdf.table_columns import Columns, find_columns
from loaders.pdf.table_grid import Grid, joined_grid, read_grid
from loaders.pdf.table_lines import (
    MIN_PROSE_CHARS,
    SAME_LINE,
    Piece,
    TextLine,
    is_numeric,
    read_lines,
)
from loaders.pdf.table_rules import MIN_LEVEL_POINTS, Area, Rules, ruled_areas

MIN_SEGMENTS = 4
MAX_SEGMENTS = 8_000
"""On one page; more is a map or a drawing."""
MAX_AREAS = 60
ROW_GAP = 3.2
"""Between rows of a table without rules, in type sizes."""
ALIGNED = 0.4
"""How far edges of one column may differ, in type sizes."""
MIN_NAMED = 0.6
"""Share of the columns that a line above the first rule must name."""
MAX_NEAR_POINTS = 45.0
"""Between a grid and the next rule of its width, if that is its own."""
MAX_SINGLE_SHARE = 0.15
"""Of the lines of two halves side by side, which may stand in one only."""
MIN_RULED_ROWS = 0.6
"""Rules for each row of a table of two columns of text."""
MIN_GRID_POINTS = 90.0
"""Width of a grid without caption; smaller ones are drawings."""
MAX_TEXT_CELL_CHARS = 30
"""Mean length of the cells of a table of text without rules and caption."""
MIN_VALUE_ROWS = 0.5
"""Share of the rows that have two cells at least, where no caption says that it is a table."""
MAX_ROW_STEP = 2.6
"""How far a table goes on beyond its last rule from line to line, in type sizes."""


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A table on a sheet. segments: its text, that of its caption included."""

    box: Box
    rows: tuple[tuple[str, ...], ...]
    has_header: bool
    bounds: tuple[float, ...]
    """The edges of its columns."""
    segments: tuple[Segment, ...]
    caption: str | None = None
    caption_box: Box | None = None
    unit: str | None = None


def find_tables(
    segments: Sequence[Segment],
    drawings: Drawings,
    sheet: Sheet,
    vocabulary: Collection[str] = (),
    pictures: Sequence[Box] = (),
) -> list[FoundTable]:
    """The tables among the segments, which are upright on the sheet, from the top.

    vocabulary: tells whether a hyphen at a line's end was the word's. pictures: boxes on the
    page, of images that are no ground; numbers printed on one of them are no table.
    """
    if not MIN_SEGMENTS <= len(segments) <= MAX_SEGMENTS or not _may_hold(segments, drawings):
        return []
    search = _Search(read_lines(segments), Rules.of(drawings, sheet), vocabulary)
    found = [t for t in search.tables() if not _is_on_picture(t, pictures, sheet)]
    return sorted(found, key=lambda t: (t.box.y0, t.box.x0))


def _is_on_picture(table: FoundTable, pictures: Sequence[Box], sheet: Sheet) -> bool:
    box = sheet.on_page(table.box)
    return not table.caption and any(p.common(box).area > 0.6 * box.area for p in pictures)


def _may_hold(segments: Sequence[Segment], drawings: Drawings) -> bool:
    """A quick look: two lines at least with short text side by side, or two long rules."""
    edges = np.array([(s.baseline, s.size, len(s.text)) for s in segments])
    order = np.argsort(edges[:, 0], kind="stable")
    baselines, sizes, lengths = edges[order].T
    is_beside = np.diff(baselines) < SAME_LINE * sizes[1:]
    are_short = (lengths[1:] < MIN_PROSE_CHARS) & (lengths[:-1] < MIN_PROSE_CHARS)
    if int((is_beside & are_short).sum()) >= 2:
        return True
    long = (drawings.boxes[:, 2:] - drawings.boxes[:, :2]).max(axis=1, initial=0.0)
    return int(is_beside.sum()) >= 2 and int((long >= MIN_LEVEL_POINTS).sum()) >= 2


class _Search:
    """Looks for tables in the lines of one page; what one table took no other has."""

    def __init__(self, lines: list[TextLine], rules: Rules, vocabulary: Collection[str]) -> None:
        self._lines = lines
        self._rules = rules
        self._vocabulary = vocabulary
        self._found: list[FoundTable] = []
        self._tried: set[Box] = set()

    def tables(self) -> list[FoundTable]:
        areas = ruled_areas(self._rules)[:MAX_AREAS]
        # A grid that does not read as one may be a stack whose uprights mean nothing.
        stacks = [
            area
            for area in sorted(areas, key=lambda a: (not a.is_grid, -a.box.area))
            if not area.is_grid
            or not self._try(self._with_rules_near(area.box), True, is_ruled=True)
        ]
        parts = [part for area in stacks for part in self._tabular_parts(area)]
        for box, is_ruled in self._united(parts, self._runs()):
            self._try(box, False, is_ruled=is_ruled)
        for box in parts:
            self._try(box, False, is_ruled=True)
        if self._found:
            for box in self._runs():
                self._try(box, False, is_ruled=False)
        return self._found

    def _try(self, box: Box, is_grid: bool, *, is_ruled: bool) -> bool:
        """Take the box for a table if it reads as one."""
        if box in self._tried or any(_overlaps(box, table.box) for table in self._found):
            return False
        self._tried.add(box)
        lines = self._inside(box)
        if len(lines) < 2:
            return False
        own = Box.around([box, *(line.box for line in lines)]) if is_grid else box
        rules = self._rules.inside(own)
        columns = find_columns(lines, own, rules.uprights, is_grid)
        if len(columns) < 2:
            return False
        if not is_grid and (narrower := _without_prose(lines, columns, rules)):
            return self._try(
                Box(narrower[0], box.y0, narrower[1], box.y1), False, is_ruled=is_ruled
            )
        if not is_grid:
            own, lines = self._extended(own, lines, columns)
            rules = self._rules.inside(own)
            columns = find_columns(lines, own, rules.uprights, is_grid)
        caption, lines = self._caption(own, lines)
        grid = self._read(own, lines, columns, rules, is_grid)
        evidence = _Evidence(grid, columns, lines, rules, own, is_grid, is_ruled, bool(caption))
        if not evidence.is_table() or (not caption and self._is_in_figure(own, grid, is_grid)):
            return False
        taken = dict.fromkeys(p.segment for line in lines for p in line.pieces)
        box = Box.around([s.box for s in taken] + ([own] if is_ruled else []))
        if caption:
            taken |= dict.fromkeys(caption.segments)
        self._found.append(
            FoundTable(
                box=box,
                rows=grid.rows,
                has_header=grid.has_header,
                bounds=columns.bounds,
                segments=tuple(taken),
                caption=caption.text if caption else None,
                caption_box=caption.box if caption else None,
                unit=caption.unit if caption else None,
            )
        )
        used = set(taken)
        self._lines = [
            TextLine(left)
            for line in self._lines
            if (left := tuple(p for p in line.pieces if p.segment not in used))
        ]
        return True

    def _read(
        self,
        box: Box,
        lines: list[TextLine],
        columns: Columns,
        rules: Rules,
        is_grid: bool,
    ) -> Grid:
        """The rows; where the table is folded to stand in two halves, those one by one."""
        half = len(columns) // 2
        if is_grid or not _is_folded(lines, columns):
            return read_grid(lines, box, columns, rules, is_grid, self._vocabulary)
        middle = columns.bounds[half]
        grids = []
        for x0, x1 in ((box.x0, middle), (middle, box.x1)):
            part = [own for line in lines if (own := line.within(x0, x1))]
            side = Box(x0, box.y0, x1, box.y1)
            own_columns = find_columns(part, side, rules.inside(side).uprights, False)
            grids.append(
                read_grid(part, side, own_columns, rules.inside(side), False, self._vocabulary)
            )
        return joined_grid(*grids)

    def _with_rules_near(self, box: Box) -> Box:
        """The box of a grid as far as rules of its width go on right above and below it."""
        levels = self._rules.levels
        same = (abs(levels[:, 1] - box.x0) < 6) & (abs(levels[:, 2] - box.x1) < 6)
        for y in sorted(levels[same, 0].tolist(), key=lambda y: abs(y - box.y0)):
            if not (0 < box.y0 - y < MAX_NEAR_POINTS or 0 < y - box.y1 < MAX_NEAR_POINTS):
                continue
            top, bottom = (y, box.y0) if y < box.y0 else (box.y1, y)
            beyond = Box(box.x0, top, box.x1, bottom)
            if not any(p.is_prose for line in self._inside(beyond) for p in line.pieces):
                box = Box.around([box, beyond])
        return box

    def _inside(self, box: Box) -> list[TextLine]:
        """The text whose middle lies in the box."""
        near = [line for line in self._lines if box.y0 <= (line.box.y0 + line.box.y1) / 2 <= box.y1]
        return [part for line in near if (part := line.within(box.x0, box.x1))]

    def _caption(
        self, box: Box, lines: list[TextLine]
    ) -> tuple[TableCaption | None, list[TextLine]]:
        """The caption above, in the first row, or below; and the lines without it."""
        inside = set(lines)
        if is_label(lines[0].text):
            top = 1
            while top < min(4, len(lines) - 2) and len(lines[top].pieces) == 1:
                top += 1
            rest = Box(box.x0, lines[top].box.y0, box.x1, box.y1)
            first = caption_above(lines[:top], rest, self._vocabulary)
            if first:
                return first, lines[top:]
        taken = {p for line in lines for p in line.pieces}
        others = [
            TextLine(left)
            for line in self._lines
            if line not in inside and (left := tuple(p for p in line.pieces if p not in taken))
        ]
        above = caption_above(others, box, self._vocabulary)
        return above or caption_below(others, box, self._vocabulary), lines

    def _is_in_figure(self, box: Box, grid: Grid, is_grid: bool) -> bool:
        """Whether the caption of a figure stands right below."""
        shapes = self._rules.inside(box).shapes
        is_plain = not len(shapes) or float((shapes[:, 2:] - shapes[:, :2]).max()) < 20
        if is_grid and is_plain and grid.n_values >= 3 and len(grid.rows[0]) >= 3:
            return False
        below = self._inside(Box(box.x0 - 12, box.y1, box.x1 + 12, box.y1 + 80))
        for line in below[:4]:
            if line.box.y0 - box.y1 > 5 * line.size:
                return False
            if FIGURE.match(line.text):
                return True
        return False

    def _extended(
        self, box: Box, lines: list[TextLine], columns: Columns
    ) -> tuple[Box, list[TextLine]]:
        """The box with what stands in its columns right above and below it."""
        inside = set(lines)
        near = [
            part
            for line in self._lines
            if line not in inside and (part := line.within(box.x0 - 4, box.x1 + 4))
        ]
        below = [line for line in near if line.box.y0 > lines[-1].box.y0]
        above = [line for line in near if line.box.y1 < lines[0].box.y1][::-1]
        down = _fitting(below, lines[-1], columns)
        up = _fitting(above, lines[0], columns, MIN_NAMED * len(columns))
        whole = [*up[::-1], *lines, *down]
        if not up and not down:
            return box, lines
        return Box.around([box, *(line.box for line in up), *(line.box for line in down)]), whole

    def _tabular_parts(self, area: Area) -> Iterator[Box]:
        """Neighbouring bands between the rules of an area that hold cells."""
        run: list[tuple[float, float]] = []
        is_tabular = False
        for y0, y1 in pairwise(area.levels):
            lines = self._inside(Box(area.box.x0, y0, area.box.x1, y1))
            kind = _band_kind(lines)
            if kind is None:
                if is_tabular:
                    yield Box(area.box.x0, run[0][0], area.box.x1, run[-1][1])
                run, is_tabular = [], False
            else:
                run.append((y0, y1))
                is_tabular |= kind
        if is_tabular:
            yield Box(area.box.x0, run[0][0], area.box.x1, run[-1][1])

    def _united(self, parts: Sequence[Box], runs: Sequence[Box]) -> list[tuple[Box, bool]]:
        """Areas and runs, those that go on below each other as one; large ones first."""
        boxes = sorted(
            [(box, True) for box in parts] + [(box, False) for box in runs],
            key=lambda b: b[0].y0,
        )
        united: list[tuple[Box, bool]] = []
        for box, is_ruled in boxes:
            k = next(
                (
                    k
                    for k, (above, _) in reversed(list(enumerate(united)))
                    if self._goes_on(above, box)
                ),
                None,
            )
            if k is None:
                united.append((box, is_ruled))
            else:
                united[k] = (Box.around([united[k][0], box]), united[k][1] or is_ruled)
        return sorted(united, key=lambda b: -b[0].area)

    def _goes_on(self, above: Box, below: Box) -> bool:
        """Whether nothing but short lines parts two areas that have the same columns."""
        common = min(above.x1, below.x1) - max(above.x0, below.x0)
        if common < 0.8 * max(above.width, below.width):
            return common >= 0.8 * min(above.width, below.width) and below.y0 <= above.y1 + 1
        x0, x1 = min(above.x0, below.x0), max(above.x1, below.x1)
        last = above.y1
        for whole in self._lines:
            if not above.y1 <= (whole.box.y0 + whole.box.y1) / 2 <= below.y0:
                continue
            line = whole.meeting(x0, x1)
            if line is None:
                continue
            if line.box.y0 - last > MAX_ROW_STEP * line.size or len(line.pieces) > 1:
                return False
            if line.pieces[0].is_prose or is_label(line.text) or CAPTION.match(line.text):
                return False
            last = line.box.y1
        near = [line for line in self._lines if abs(line.box.y0 - below.y0) < 40]
        size = near[0].size if near else 10.0
        return below.y0 - last <= MAX_ROW_STEP * size

    def _runs(self) -> list[Box]:
        """Lines below each other whose pieces stand in the same places."""
        open_runs: list[list[list[Piece]]] = []
        closed: list[list[list[Piece]]] = []
        for line in self._lines:
            if len(line.pieces) < 2 or is_label(line.text):
                continue
            for row in _cells(line):
                kept = []
                joined_run = None
                for run in open_runs:
                    last = run[-1][0].segment
                    if line.baseline - last.baseline > ROW_GAP * max(line.size, last.size):
                        closed.append(run)
                        continue
                    kept.append(run)
                    if joined_run is None and _aligns(row, run):
                        joined_run = run
                if joined_run is not None:
                    joined_run.append(row)
                else:
                    kept.append([row])
                open_runs = kept
        least = 2 if any(is_label(line.text) for line in self._lines) else 3
        boxes = [
            Box.around(
                Box(p.x0, p.segment.box.y0, p.x1, p.segment.box.y1) for row in run for p in row
            )
            for run in closed + open_runs
            if len(run) >= least
        ]
        return sorted(boxes, key=lambda b: -b.area)


def _without_prose(
    lines: Sequence[TextLine], columns: Columns, rules: Rules
) -> tuple[float, float] | None:
    """Where the table ends left and right if a column of running text stands beside it."""
    across = [(x0, x1) for _, x0, x1 in rules.levels.tolist()]
    across += [(x0, x1) for x0, _, x1, _ in rules.fills.tolist()]
    pieces: list[list[Piece]] = [[] for _ in range(len(columns))]
    for line in lines:
        for piece in line.pieces:
            pieces[columns.index(piece.middle)].append(piece)
    is_text = [
        sum(len(p.text) for p in own if p.is_prose) > 0.5 * sum(len(p.text) for p in own)
        and len(own) > 4
        for own in pieces
    ]
    for k, bound in ((0, columns.bounds[1]), (-1, columns.bounds[-2])):
        # What a rule goes on to belongs to the table, however long it is.
        is_text[k] &= sum(x0 < bound - 8 and x1 > bound + 8 for x0, x1 in across) < 2
    first, last = int(is_text[0]), len(columns) - int(is_text[-1])
    if last - first in {len(columns), 0, 1}:
        return None
    return columns.bounds[first], columns.bounds[last]


def _is_folded(lines: Sequence[TextLine], columns: Columns) -> bool:
    """Whether the columns come twice, and the rows of the two halves do not match."""
    half = len(columns) // 2
    if len(columns) != 2 * half or half < 2:
        return False
    shifts = [columns.extents[k + half][0] - columns.extents[k][0] for k in range(half)]
    if max(shifts) - min(shifts) > lines[0].size:
        return False
    middle = columns.bounds[half]
    rows = [line for line in lines if len(line.pieces) > 1]
    single = [
        sum(line.box.x1 < middle for line in rows),
        sum(line.box.x0 > middle for line in rows),
    ]
    return min(single) >= 1 and sum(single) > MAX_SINGLE_SHARE * len(lines)


def _overlaps(box: Box, other: Box) -> bool:
    return box.common(other).area > 0.1 * min(box.area, other.area)


def _cells(line: TextLine) -> Iterator[list[Piece]]:
    """Runs of short pieces side by side on the line."""
    row: list[Piece] = []
    for piece in line.pieces:
        if piece.is_prose:
            if len(row) > 1:
                yield row
            row = []
        else:
            row.append(piece)
    if len(row) > 1:
        yield row


def _is_rest_of_cell(line: TextLine, step: float, columns: Columns) -> bool:
    """Whether a line can only be the end of a cell that stands right of the first column."""
    first, last = columns.span(line.pieces[0])
    is_flush = abs(line.box.x0 - columns.extents[first][0]) < 0.3 * line.size
    return len(line.pieces) == 1 and first == last > 0 and is_flush and step < 1.4 * line.size


def _aligns(row: Sequence[Piece], run: Sequence[Sequence[Piece]]) -> bool:
    """Whether two pieces of the row stand below pieces of the run's last rows."""
    near = ALIGNED * row[0].size + 0.5
    before = [(p.x0, p.x1, p.middle) for other in run[-3:] for p in other]
    least = 1 if len(run) == 1 else 2
    for piece in row:
        x0, x1, middle = piece.x0, piece.x1, piece.middle
        for left, right, centre in before:
            if abs(x0 - left) <= near or abs(x1 - right) <= near or abs(middle - centre) <= near:
                least -= 1
                break
        if not least:
            return True
    return False


def _band_kind(lines: Sequence[TextLine]) -> bool | None:
    """Of what stands between two rules: True for cells, False for a name, None for others."""
    if not lines:
        return False
    pieces = [p for line in lines for p in line.pieces]
    prose = sum(len(p.text) for p in pieces if p.is_prose)
    share = prose / max(1, sum(len(p.text) for p in pieces))
    n_multi = sum(len(line.pieces) > 1 for line in lines)
    if n_multi >= max(1, 0.4 * len(lines)) and (share < 0.5 or len(lines) <= 4):
        return True
    if len(lines) <= 3 and share < 0.5:
        return False
    n_starts = len({round(p.x0 / 8) for p in pieces})
    if len(lines) <= 8 and n_multi and n_starts <= len(lines):
        return True
    return None


def _fitting(
    lines: Sequence[TextLine], last: TextLine, columns: Columns, least: float = 2
) -> list[TextLine]:
    """Those that go on from the last one in the columns; fewer cells only in between."""
    found: list[TextLine] = []
    held: list[TextLine] = []
    for line in lines:
        step = abs(line.baseline - last.baseline)
        if not held and _is_rest_of_cell(line, step, columns):
            found.append(line)
            last = line
            continue
        if step > MAX_ROW_STEP * line.size or any(p.is_prose for p in line.pieces):
            break
        if is_label(line.text):
            break
        own = [columns.span(p) for p in line.pieces]
        is_cells = (
            len(own) >= max(2, least)
            and all(a[0] == a[1] for a in own)
            and len({a[0] for a in own}) == len(own)
        )
        held.append(line)
        last = line
        if is_cells:
            found += held
            held = []
        elif len(held) > 1:
            break
    return found


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What speaks for and against a table."""

    grid: Grid
    columns: Columns
    lines: Sequence[TextLine]
    rules: Rules
    box: Box
    is_grid: bool
    is_ruled: bool
    has_caption: bool

    def is_table(self) -> bool:
        grid = self.grid
        width = len(grid.rows[0])
        if width < 2 or len(grid.rows) < 2:
            return False
        if grid.n_values < 1:
            return self.is_grid and all(grid.rows[0])
        if not self.has_caption and grid.n_values < MIN_VALUE_ROWS * (len(grid.rows) - 1):
            return False
        if self._is_drawn() or self._is_contents() or self._are_ticks():
            return False
        if self.has_caption:
            return grid.fill >= 0.3 and grid.n_values >= 2
        if self.is_grid:
            return self._is_honest_grid()
        if self.is_ruled:
            return self._is_honest_stack()
        return self._is_regular()

    def _is_drawn(self) -> bool:
        """Whether curves or bars say that it is a chart or a drawing."""
        shapes = self.rules.shapes
        if len(shapes):
            sides = shapes[:, 2:] - shapes[:, :2]
            inside = (sides[:, 0] < 0.98 * self.box.width) | (sides[:, 1] < 0.98 * self.box.height)
            large = inside & (sides.min(axis=1) > 4)
            area = float((sides[large, 0] * sides[large, 1]).sum())
            if area > (0.5 if self.has_caption else 0.12) * self.box.area:
                return True
        return self._n_bars() >= 4 and not self.is_grid

    def _n_bars(self) -> int:
        """Filled rectangles that are neither the ground of a cell nor that of a column."""
        size = float(np.median([line.size for line in self.lines]))
        n = 0
        for x0, y0, x1, y1 in self.rules.fills[:200].tolist():
            if (x1 - x0) * (y1 - y0) < 12 or x1 - x0 > 0.9 * self.box.width:
                continue
            box = Box(x0 - 1, y0 - 1, x1 + 1, y1 + 1)
            n_inside = sum(
                box.contains(p.middle, (p.segment.box.y0 + p.segment.box.y1) / 2)
                for line in self.lines
                for p in line.pieces
            )
            is_tall = y1 - y0 > max(3 * size, 0.8 * (x1 - x0))
            n += n_inside == 0 or (n_inside == 1 and is_tall)
        return n

    def _is_contents(self) -> bool:
        """Whether the last column counts pages."""
        rows = self.grid.rows if not self.grid.has_header else self.grid.rows[1:]
        last = [row[-1] for row in rows if row[-1]]
        if len(self.grid.rows[0]) > 3 or len(last) < 3 or self.has_caption:
            return False
        pages = [int(t) for t in last if t.isdecimal() and len(t) <= 4]
        if len(pages) < 0.7 * len(last):
            return False
        rising = sum(b >= a for a, b in pairwise(pages))
        return self.grid.n_numeric <= 1 and rising >= 0.9 * (len(pages) - 1)

    def _are_ticks(self) -> bool:
        """Whether the numbers are those along the axes of charts."""
        if self.has_caption or self.is_grid:
            return False
        rows = self.grid.rows[1:]
        for column in range(len(rows[0]) if rows else 0):
            texts = [row[column] for row in rows if row[column]]
            if not texts:
                continue
            values = [_value(t) for t in texts]
            if any(v is None for v in values) or len(values) < 3:
                return False
            steps = np.diff(np.array([v for v in values if v is not None]))
            if np.ptp(steps) > 0.02 * abs(float(steps.mean())) + 1e-9:
                return False
        return True

    def _prose_share(self) -> float:
        pieces = [p for line in self.lines for p in line.pieces]
        chars = sum(len(p.text) for p in pieces)
        return sum(len(p.text) for p in pieces if p.is_prose) / max(1, chars)

    def _is_honest_stack(self) -> bool:
        """Whether what stands between level rules are rows, not a layout or a drawing."""
        grid = self.grid
        if grid.n_values < 2 or grid.fill < 0.4:
            return False
        if grid.n_numeric:
            return self._prose_share() <= 0.5
        cells = [cell for row in grid.rows[1:] for cell in row if cell]
        mean = sum(map(len, cells)) / max(1, len(cells))
        if len(grid.rows[0]) == 2 and len(self.rules.levels) < MIN_RULED_ROWS * len(grid.rows):
            # Frames side by side have two columns as well.
            return grid.fill >= 0.9 and mean <= 30
        return self._prose_share() <= 0.35 and grid.fill >= 0.6 and mean <= 80

    def _is_honest_grid(self) -> bool:
        cells = [cell for row in self.grid.rows for cell in row if cell]
        mean = sum(map(len, cells)) / max(1, len(cells))
        if self.box.width < MIN_GRID_POINTS:
            return False
        return len(cells) >= 4 and self.grid.fill >= 0.3 and (mean <= 350 or len(cells) >= 9)

    def _is_regular(self) -> bool:
        """Whether text without rules and caption can only be a table."""
        grid = self.grid
        width = len(grid.rows[0])
        body = grid.rows[1:]
        if grid.n_values < 3 or self._prose_share() > 0.35:
            return False
        cells = [cell for row in body for cell in row if cell]
        if any("@" in cell for cell in cells):
            return False
        n_numbers = sum(map(is_numeric, cells))
        if width >= 3 and grid.n_numeric >= max(1, (width - 1) // 2) and grid.fill >= 0.6:
            return n_numbers >= 0.2 * len(cells)
        if width == 2:
            is_full = grid.n_values >= 4 and grid.fill >= 0.8
            return grid.n_numeric == 1 and is_full and grid.has_header
        mean = sum(map(len, cells)) / max(1, len(cells))
        if mean > MAX_TEXT_CELL_CHARS or self._is_list():
            return False
        if grid.has_header:
            return grid.n_values >= 5 and grid.fill >= 0.75
        return grid.n_values >= 8 and grid.fill >= 0.9

    def _is_list(self) -> bool:
        """Whether names in alphabetical order, or those of an index, run down the columns."""
        rows = self.grid.rows[1:]
        cells = [cell for row in rows for cell in row if cell]
        if sum(bool(INDEX_ENTRY.search(cell)) for cell in cells) >= 0.3 * len(cells):
            return True
        for column in range(len(rows[0])):
            names = [row[column].casefold() for row in rows if row[column]]
            rising = sum(a <= b for a, b in pairwise(names))
            if rising < 0.85 * (len(names) - 1):
                return False
        return True


FIGURE = re.compile(r"(?i:fig(?:ure)?\.?|abb(?:ildung)?\.?)\s*[A-Z]?[.\-–]?\d")
INDEX_ENTRY = re.compile(r",\s*\d+(?:[-–]\d+)?(?:,\s*\d+(?:[-–]\d+)?)*$")
TICK = re.compile(r"\$?([-−–]?\d+(?:,\d{3})*(?:\.\d+)?)[%°]?")


def _value(text: str) -> float | None:
    found = TICK.fullmatch(text.strip())
    return float(re.sub("[−–]", "-", found[1].replace(",", ""))) if found else None
