"""Finds the tables of a page: from rules, from shaded rows, from text that stands in columns.

What looks like a table and is none is left alone: charts with their ticks and grid
lines, columns of prose, contents, lists, forms. Leaves out tables in pictures.

Own code: on 27 pages with 29 tables pdfplumber found 20 of them in 17 ms a page at best,
camelot 28 in 1,270 ms, img2table 14 in 960 ms.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from loaders.pdf.objects import Drawings
from loaders.pdf.page import Box, Segment, Sheet
from loaders.pdf.table_areas import MAX_CANDIDATES, Layout
from loaders.pdf.table_captions import TableCaption, caption_above, caption_below, is_label
from loaders.pdf.table_columns import Columns, find_columns
from loaders.pdf.table_evidence import Evidence
from loaders.pdf.table_grid import Grid, joined_grid, read_grid
from loaders.pdf.table_lines import (
    MIN_PROSE_CHARS,
    SAME_LINE,
    Piece,
    TextLine,
    read_lines,
)
from loaders.pdf.table_rules import MIN_LEVEL_POINTS, Rules, ruled_areas

MIN_SEGMENTS = 4
MAX_SEGMENTS = 8_000
"""On one page; more is a map or a drawing."""
MAX_AREAS = 60
MAX_SINGLE_SHARE = 0.15
"""Of the lines of two halves side by side, which may stand in one only."""
FIGURE = re.compile(r"(?i:fig(?:ure)?\.?|abb(?:ildung)?\.?)\s*[A-Z]?[.\-–]?\d")


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
        self._page = Layout(lines, rules)
        self._vocabulary = vocabulary
        self._found: list[FoundTable] = []
        self._tried: set[Box] = set()

    def tables(self) -> list[FoundTable]:
        areas = ruled_areas(self._page.rules)[:MAX_AREAS]
        # A grid that does not read as one may be a stack whose uprights mean nothing.
        stacks = [
            area
            for area in sorted(areas, key=lambda a: (not a.is_grid, -a.box.area))
            if not area.is_grid
            or not self._try(self._page.with_rules_near(area.box), True, is_ruled=True)
        ]
        parts = [
            self._page.with_body(part)
            for area in stacks
            for part in self._page.tabular_parts(area, areas)
        ][:MAX_CANDIDATES]
        for box, is_ruled in self._page.united(parts, self._page.runs()):
            self._try(box, False, is_ruled=is_ruled)
        for box in parts:
            self._try(box, False, is_ruled=True)
        if self._found:
            for box in self._page.runs():
                self._try(box, False, is_ruled=False)
        return self._found

    def _try(self, box: Box, is_grid: bool, *, is_ruled: bool) -> bool:
        """Take the box for a table if it reads as one."""
        if box in self._tried or any(_overlaps(box, table.box) for table in self._found):
            return False
        self._tried.add(box)
        lines = self._page.inside(box)
        if len(lines) < 2:
            return False
        own = Box.around([box, *(line.box for line in lines)]) if is_grid else box
        rules = self._page.rules.inside(own)
        columns = find_columns(lines, own, rules.uprights, is_grid)
        if len(columns) < 2:
            return False
        if not is_grid and (narrower := _without_prose(lines, columns, rules)):
            return self._try(
                Box(narrower[0], box.y0, narrower[1], box.y1), False, is_ruled=is_ruled
            )
        if not is_grid:
            own, lines = self._page.extended(own, lines, columns)
            rules = self._page.rules.inside(own)
            columns = find_columns(lines, own, rules.uprights, is_grid)
        caption, lines = self._caption(own, lines)
        grid = self._read(own, lines, columns, rules, is_grid)
        evidence = Evidence(grid, columns, lines, rules, own, is_grid, is_ruled, bool(caption))
        if not evidence.is_table() or (not caption and self._is_in_figure(own, grid, is_grid)):
            return False
        self._take(own if is_ruled else None, lines, columns, grid, caption)
        return True

    def _take(
        self,
        ruled: Box | None,
        lines: list[TextLine],
        columns: Columns,
        grid: Grid,
        caption: TableCaption | None,
    ) -> None:
        """Add a table, and leave its text to no other. ruled: what its rules mark off."""
        taken = dict.fromkeys(p.segment for line in lines for p in line.pieces)
        box = Box.around([s.box for s in taken] + ([ruled] if ruled else []))
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
        self._page = self._page.without(set(taken))

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

    def _caption(
        self, box: Box, lines: list[TextLine]
    ) -> tuple[TableCaption | None, list[TextLine]]:
        """The caption above, in the first row, or below; and the lines without it."""
        inside = set(lines)
        if is_label(lines[0]):
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
            for line in self._page.lines
            if line not in inside and (left := tuple(p for p in line.pieces if p not in taken))
        ]
        if above := caption_above(others, box, self._vocabulary):
            return above, lines
        below = caption_below(others, box, self._vocabulary)
        return (below if below and not self._is_of_next(below, box) else None), lines

    def _is_of_next(self, caption: TableCaption, box: Box) -> bool:
        """Whether a caption below the box stands as near above another table."""
        levels = self._page.rules.levels
        met = (levels[:, 1] < caption.box.x1) & (levels[:, 2] > caption.box.x0)
        met &= levels[:, 2] - levels[:, 1] > 0.5 * box.width
        gaps = levels[met, 0] - caption.box.y1
        gaps = gaps[gaps > 0]
        gap = caption.box.y0 - box.y1
        return bool(len(gaps)) and float(gaps.min()) < 1.5 * gap and float(gaps.min()) < 24

    def _is_in_figure(self, box: Box, grid: Grid, is_grid: bool) -> bool:
        """Whether the caption of a figure stands right below."""
        shapes = self._page.rules.inside(box).shapes
        is_plain = not len(shapes) or float((shapes[:, 2:] - shapes[:, :2]).max()) < 20
        if is_grid and is_plain and grid.n_values >= 3 and len(grid.rows[0]) >= 3:
            return False
        below = self._page.inside(Box(box.x0 - 12, box.y1, box.x1 + 12, box.y1 + 80))
        for line in below[:4]:
            if line.box.y0 - box.y1 > 5 * line.size:
                return False
            if FIGURE.match(line.text):
                return True
        return False


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
    return columns.extents[first][0] - 1, columns.extents[last - 1][1] + 1


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
