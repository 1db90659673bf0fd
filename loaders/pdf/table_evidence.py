"""What speaks for and against a table: numbers, rules and a caption; curves, ticks and prose.

Leaves out finding where one may be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from loaders.pdf.page import Box
from loaders.pdf.table_columns import Columns
from loaders.pdf.table_grid import Grid
from loaders.pdf.table_lines import TextLine, is_numeric
from loaders.pdf.table_rules import Rules

MIN_RULED_ROWS = 0.6
"""Rules for each row of a table of two columns of text."""
MIN_GRID_POINTS = 90.0
"""Width of a grid without caption; smaller ones are drawings."""
MAX_TEXT_CELL_CHARS = 30
"""Mean length of the cells of a table of text without rules and caption."""
MIN_VALUE_ROWS = 0.5
"""Share of the rows that have two cells at least, where no caption says that it is a table."""
MIN_LISTING_SHARE = 0.5
"""Of the text of a listing, set in a typewriter's letters; the rest is said between its lines."""
INDEX_ENTRY = re.compile(r",\s*\d+(?:[-–]\d+)?(?:,\s*\d+(?:[-–]\d+)?)*$")
TICK = re.compile(r"\$?([-−–]?\d+(?:,\d{3})*(?:\.\d+)?)[%°]?")


@dataclass(frozen=True, slots=True)
class Evidence:
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
        if self._is_drawn() or self._is_contents() or self._are_ticks() or self._is_listing():
            return False
        if not self.has_caption and self._n_unexplained() > 0.3 * len(self.lines):
            return False
        if self.has_caption:
            is_headed = self.is_ruled and grid.has_header
            return grid.fill >= 0.3 and grid.n_values >= (1 if is_headed else 2)
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

    def _n_unexplained(self) -> int:
        """Lines on which text stands apart within a column."""
        return sum(
            any(
                b.x0 - a.x1 > 1.2 * b.size
                and self.columns.index(a.middle) == self.columns.index(b.middle)
                for a, b in pairwise(line.pieces)
            )
            for line in self.lines
        )

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

    def _is_listing(self) -> bool:
        """Whether it is a program, or what one has printed: only its letters line up."""
        if self.has_caption or self.is_grid or self.is_ruled:
            return False
        pieces = [p for line in self.lines for p in line.pieces]
        n_typed = sum(len(p.text) for p in pieces if p.segment.is_typed)
        return n_typed > MIN_LISTING_SHARE * sum(len(p.text) for p in pieces)

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


def _value(text: str) -> float | None:
    found = TICK.fullmatch(text.strip())
    return float(re.sub("[−–]", "-", found[1].replace(",", ""))) if found else None
