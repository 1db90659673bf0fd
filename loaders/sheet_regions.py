"""Finds the tables on a sheet of cells: which cells belong together, and which row heads them.

Empty rows and columns divide a sheet, as do the tables and print ranges that its program knows.
Leaves out what the regions say: that is `sheet_tables`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_DEPTH = 30
"""Of regions cut out of regions."""
MAX_LABEL_GAP = 2
"""Empty columns between a label and its number in a row that stands alone."""
MIN_LABELLED_ROWS = 2
MAX_ROW, MAX_COLUMN = 1_048_576, 16_384
"""Of an Excel sheet; only a damaged file names others."""
REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Z]{1,3})\$?([0-9]{1,7}))?")
MAX_KNOWN = 500
"""Tables and print ranges of one sheet that divide it."""


class Cell(NamedTuple):
    """A cell as it is shown. is_ordinal: a number that often heads a column, as a year."""

    text: str
    is_number: bool = False
    is_bold: bool = False
    is_ordinal: bool = False


Place = tuple[int, int]
"""Row and column, both from 1."""
Grid = Mapping[Place, Cell]


class Area(NamedTuple):
    """A rectangle of cells, its last row and column included."""

    top: int
    left: int
    bottom: int
    right: int

    @staticmethod
    def parsed(name: str) -> Area | None:
        """The cells called "A1", "A1:C3" or "$A$1:$C$3"; None for what no sheet has."""
        found = REFERENCE.fullmatch(name)
        if not found:
            return None
        left, top, right, bottom = found.groups()
        columns = sorted((column_number(left), column_number(right or left)))
        rows = sorted((int(top), int(bottom or top)))
        if columns[1] > MAX_COLUMN or rows[0] < 1 or rows[1] > MAX_ROW:
            return None
        return Area(rows[0], columns[0], rows[1], columns[1])

    @property
    def width(self) -> int:
        return self.right - self.left + 1

    @property
    def name(self) -> str:
        """As spreadsheets write it, "B2:F15"."""
        first = f"{column_name(self.left)}{self.top}"
        last = f"{column_name(self.right)}{self.bottom}"
        return first if first == last else f"{first}:{last}"

    def holds(self, place: Place) -> bool:
        return self.top <= place[0] <= self.bottom and self.left <= place[1] <= self.right


class Line(NamedTuple):
    """A row of a region. spans: its cells that are merged over several columns."""

    number: int
    cells: tuple[Cell | None, ...]
    spans: tuple[range, ...] = ()

    @property
    def filled(self) -> list[Cell]:
        """The cells that are not empty."""
        return [cell for cell in self.cells if cell]


class KnownTable(NamedTuple):
    """A table that the workbook itself lists. header: where it has no row of its own for it."""

    area: Area
    header: tuple[str, ...] | None = None


@dataclass(slots=True)
class Region:
    """Cells that belong together. header: of a listed table without a row for it."""

    area: Area
    rows: dict[int, list[int]]
    """Row → its columns that are not empty; in order."""
    is_listed: bool = False
    header: tuple[str, ...] | None = None

    @property
    def n_cells(self) -> int:
        return sum(map(len, self.rows.values()))


@dataclass(slots=True)
class Merged:
    """The merged ranges of a sheet, found by their rows."""

    areas: Sequence[Area]
    _by_top: list[Area] = field(init=False)
    _tallest: int = field(init=False)

    def __post_init__(self) -> None:
        self._by_top = sorted(self.areas)
        self._tallest = max((a.bottom - a.top for a in self.areas), default=0)

    def within(self, area: Area) -> Iterator[Area]:
        """Those that begin in an area."""
        start = bisect_right(self._by_top, Area(area.top, 0, 0, 0))
        for merged in self._by_top[start:]:
            if merged.top > area.bottom:
                return
            if area.left <= merged.left <= area.right:
                yield merged


def find_regions(
    grid: Grid, tables: Sequence[KnownTable] = (), print_areas: Sequence[Area] = ()
) -> list[Region]:
    """The regions of a sheet, from the top and from the left. grid: the cells not empty."""
    found: list[Region] = []
    zones: defaultdict[int, dict[int, list[int]]] = defaultdict(dict)
    known = [*(table.area for table in tables), *print_areas][:MAX_KNOWN]
    for row, column in sorted(grid):
        zone = next((n for n, a in enumerate(known) if a.holds((row, column))), -1)
        zones[zone].setdefault(row, []).append(column)
    for zone, rows in zones.items():
        if 0 <= zone < len(tables):
            table = tables[zone]
            area = _around(rows)._replace(left=table.area.left, right=table.area.right)
            found.append(Region(area, rows, is_listed=True, header=table.header))
        else:
            found += _cut(rows, grid, MAX_DEPTH)
    return sorted(found, key=lambda region: region.area[:2])


def column_name(column: int) -> str:
    """1 is A, 27 is AA."""
    name = ""
    while column > 0:
        column, letter = divmod(column - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def column_number(name: str) -> int:
    """A is 1, AA is 27."""
    number = 0
    for letter in name:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _around(rows: Mapping[int, Sequence[int]]) -> Area:
    return Area(
        min(rows),
        min(columns[0] for columns in rows.values()),
        max(rows),
        max(columns[-1] for columns in rows.values()),
    )


def _cut(rows: dict[int, list[int]], grid: Grid, depth: int) -> list[Region]:
    """Cut at empty rows, each part at empty columns, and so on."""
    found: list[Region] = []
    bands = list(_bands(rows))
    for band in bands:
        blocks = _blocks(band, grid)
        if depth == 0 or (len(blocks) == 1 and len(bands) == 1):
            found += [Region(_around(block), block) for block in blocks]
        elif len(blocks) == 1:
            found.append(Region(_around(band), band))
        else:
            for block in blocks:
                found += _cut(block, grid, depth - 1)
    return found


def _bands(rows: dict[int, list[int]]) -> Iterator[dict[int, list[int]]]:
    """The rows in runs that no empty row divides."""
    band: dict[int, list[int]] = {}
    last = None
    for row in sorted(rows):
        if last is not None and row > last + 1:
            yield band
            band = {}
        band[row] = rows[row]
        last = row
    if band:
        yield band


def _blocks(band: dict[int, list[int]], grid: Grid) -> list[dict[int, list[int]]]:
    """The band divided at empty columns, save those that only space the columns of a table."""
    used = sorted({column for columns in band.values() for column in columns})
    runs: list[list[int]] = []
    for column in used:
        if runs and column == runs[-1][-1] + 1:
            runs[-1].append(column)
        else:
            runs.append([column])
    joined = runs[:1]
    for run in runs[1:]:
        if _is_one_table(joined[-1], run, band, grid):
            joined[-1] = joined[-1] + run
        else:
            joined.append(run)
    if len(joined) == 1:
        return [band]
    number = {column: n for n, run in enumerate(joined) for column in run}
    blocks: list[dict[int, list[int]]] = [{} for _ in joined]
    for row, columns in band.items():
        for column in columns:
            blocks[number[column]].setdefault(row, []).append(column)
    return blocks


def _is_one_table(
    left: list[int], right: list[int], band: dict[int, list[int]], grid: Grid
) -> bool:
    """Whether the columns on both sides of a gap are of one table."""
    n_empty = right[0] - left[-1] - 1
    if len(band) == 1:  # a label with its number, or two titles
        (row,) = band
        has_number = any(grid[row, c].is_number for c in right if (row, c) in grid)
        return n_empty <= MAX_LABEL_GAP and has_number
    if n_empty > 1:
        return False
    # Rows that both sides have, where the left begins with words and the right with none.
    beside = [r for r, columns in band.items() if right[0] in columns]
    labelled = sum(
        not grid[r, left[0]].is_number and grid[r, right[0]].is_number
        for r in beside
        if (r, left[0]) in grid
    )
    return labelled >= MIN_LABELLED_ROWS and labelled * 2 >= len(beside)


def lines_of(region: Region, grid: Grid, merged: Merged) -> list[Line]:
    """The rows of a region; a cell that is merged over rows stands in each of them."""
    area = region.area
    cells: dict[int, list[Cell | None]] = {row: [None] * area.width for row in region.rows}
    for row, columns in region.rows.items():
        for column in columns:
            cells[row][column - area.left] = grid[row, column]
    spans: defaultdict[int, list[range]] = defaultdict(list)
    for range_ in merged.within(area):
        start = range_.left - area.left
        if range_.width > 1:
            spans[range_.top].append(range(start, min(start + range_.width, area.width)))
        cell = grid.get((range_.top, range_.left))
        for row in range(range_.top + 1, min(range_.bottom, area.bottom) + 1):
            if cell and row in cells and cells[row][start] is None:
                cells[row][start] = cell
    return [Line(row, tuple(cells[row]), tuple(spans[row])) for row in region.rows]


def is_header(line: Line, below: Line) -> bool:
    """Whether a row says what stands below it: words over numbers, years, or bold over plain."""
    pairs = [(a, b) for a, b in zip(line.cells, below.cells, strict=True) if a]
    if any(cell.is_number and not cell.is_ordinal for cell, _ in pairs):
        return all(cell.is_bold for cell, _ in pairs) and not any(b and b.is_bold for _, b in pairs)
    years = [b for cell, b in pairs if cell.is_number]
    # Years over years are rows of a table; years over anything else head its columns.
    return not years or not all(b is not None and b.is_ordinal for b in years)
