"""Says what stands on a sheet of cells: tables with their captions and headers, and texts.

A sheet is read a stretch at a time, so that one of any length takes bounded memory. Leaves out
where the cells come from: that is `xlsx` and `open_document`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from loaders.chunks import CELL_CHARS
from loaders.elements import Element, Figure, Paragraph, Table, one_line
from loaders.picture_tables import table_elements
from loaders.sheet_regions import (
    Area,
    Cell,
    Grid,
    KnownTable,
    Line,
    Merged,
    Place,
    Region,
    column_name,
    find_regions,
    is_header,
    lines_of,
)

MAX_HELD_CELLS = 60_000
MAX_COLUMNS = 40
"""Of a table; a wider one is given in parts that repeat its first column."""
MAX_EMPTY_SHARE = 20
"""Cells for each that is not empty: beyond it a region is no table but scattered cells."""
MAX_SCATTERED = 10_000
"""Cells of a region that is small enough to be a table, however few of them are filled."""
MAX_HEADER_ROWS = 4
MAX_CAPTION_CHARS = 200
MAX_TITLE_GAP = 2
"""Rows from a title down to its table."""
MAX_OPEN = 50
"""Titles and headers that wait for a table below them."""
MIN_NOTE_CHARS = 60

Row = tuple[int, dict[int, Cell]]
"""Its number, and its cells that are not empty by their column."""
Drawn = dict[Place, list[Element]]


@dataclass(slots=True)
class SheetTables:
    """Turns the rows of one sheet into elements.

    drawn: the pictures and charts that lie at a cell.
    """

    tables: Sequence[KnownTable] = ()
    print_areas: Sequence[Area] = ()
    merged: Merged = field(default_factory=lambda: Merged(()))
    drawn: Mapping[Place, list[Element]] = field(default_factory=dict)
    _headers: deque[tuple[Area, tuple[str, ...]]] = field(
        default_factory=lambda: deque(maxlen=MAX_OPEN)
    )
    """The last tables and their headers: a part below an empty row, or below the end of a
    stretch, has none of its own."""

    def read(self, rows: Iterable[Row]) -> Iterator[Element]:
        """What the rows hold; they come in order."""
        grid: dict[Place, Cell] = {}
        waiting = dict(sorted(self.drawn.items()))
        for number, cells in rows:
            if len(grid) > MAX_HELD_CELLS:
                above = {place: waiting.pop(place) for place in list(waiting) if place[0] < number}
                yield from self._stretch(grid, above)
                grid = {}
            grid.update({(number, column): cell for column, cell in cells.items()})
        yield from self._stretch(grid, waiting)

    def _stretch(self, grid: Grid, drawn: Drawn) -> Iterator[Element]:
        """The elements of some rows, pictures in their place."""
        titles: list[Region] = []
        for region in find_regions(grid, self.tables, self.print_areas):
            area = region.area
            for place in [p for p in drawn if p[0] < area.top]:
                yield from drawn.pop(place)
            is_text = _is_text(region, grid)
            own = [] if is_text else [t for t in titles if _is_title_of(t.area, area)]
            for title in [t for t in titles if t not in own]:
                if title.area.bottom + MAX_TITLE_GAP < area.top or len(titles) > MAX_OPEN:
                    titles.remove(title)
                    yield from _paragraphs(title, grid)
            if is_text:
                titles.append(region)
                continue
            titles = [t for t in titles if t not in own]
            lines = [paragraph.text for t in own for paragraph in _paragraphs(t, grid)]
            inside = {p: drawn.pop(p) for p in [p for p in drawn if area.holds(p)]}
            yield from self._region(region, grid, lines, inside)
        for title in titles:
            yield from _paragraphs(title, grid)
        for elements in drawn.values():
            yield from elements

    def _region(
        self, region: Region, grid: Grid, titles: list[str], drawn: Drawn
    ) -> Iterator[Element]:
        """titles: the texts that stand closely above it."""
        area = region.area
        if area.width * len(region.rows) > MAX_EMPTY_SHARE * region.n_cells + MAX_SCATTERED:
            yield from map(Paragraph, titles)
            for row, columns in region.rows.items():
                yield Paragraph(_joined([grid[row, column] for column in columns]))
            return
        lines = lines_of(region, grid, self.merged)
        notes: list[Line] = []
        if not region.is_listed:
            n_titles = _n_titles(lines)
            titles = titles + [line.filled[0].text for line in lines[:n_titles]]
            lines = lines[n_titles:]
            notes = _notes(lines)
            lines = lines[: len(lines) - len(notes)]
        above = None if region.is_listed else self._header_above(area)
        if len(lines) == 1 and not region.header and not above:
            yield from _single(lines[0], titles, drawn)
        else:
            yield from self._table(region, lines, titles, above, drawn)
        yield from (Paragraph(line.filled[0].text) for line in notes)

    def _table(
        self,
        region: Region,
        lines: list[Line],
        titles: list[str],
        above: tuple[str, ...] | None,
        drawn: Drawn,
    ) -> Iterator[Element]:
        """above: the header of the table that goes on in this region, if one does."""
        area = region.area._replace(top=lines[0].number, bottom=lines[-1].number)
        caption, said = _caption(titles)
        yield from map(Paragraph, said)
        header, n_header = _header(region, lines, above)
        self._headers.append((area, header))
        body = lines[n_header:]
        rows = [list(header), *([c.text if c else "" for c in line.cells] for line in body)]
        index = {line.number: n for n, line in enumerate(body, 1)}
        for place in [p for p in drawn if p[0] not in index]:
            yield from drawn.pop(place)
        for columns in _parts(area.width):
            part = [[row[n] for n in columns] for row in rows]
            at = {
                (index[place[0]], columns.index(place[1] - area.left)): drawn.pop(place)
                for place in list(drawn)
                if place[1] - area.left in columns
            }
            for element in table_elements(part, at, caption=caption):
                yield replace(element, cells=area.name) if isinstance(element, Table) else element
        yield from _cut_short(rows)

    def _header_above(self, area: Area) -> tuple[str, ...] | None:
        """The header of a table above that goes on in this area, perhaps below an empty row."""
        for other, header in reversed(self._headers):
            is_near = area.top - 2 <= other.bottom < area.top
            if is_near and other.left <= area.left and area.right <= other.right:
                start = area.left - other.left
                return header[start : start + area.width]
        return None


def _is_text(region: Region, grid: Grid) -> bool:
    """Whether a region is a column of words, so a text or the title of a table."""
    return region.area.width == 1 and not (
        region.is_listed or any(grid[row, c].is_number for row, (c,) in region.rows.items())
    )


def _paragraphs(region: Region, grid: Grid) -> Iterator[Paragraph]:
    for row, (column,) in region.rows.items():
        yield Paragraph(grid[row, column].text)


def _is_title_of(title: Area, table: Area) -> bool:
    is_above = title.bottom < table.top <= title.bottom + MAX_TITLE_GAP
    return is_above and table.left <= title.left <= table.right


def _n_titles(lines: list[Line]) -> int:
    """How many rows at the top hold nothing but a title."""
    n = 0
    while n < len(lines) - 1 and _is_title(lines[n], lines[n + 1]):
        n += 1
    return n


def _is_title(line: Line, below: Line) -> bool:
    filled = line.filled
    if len(filled) != 1 or filled[0].is_number:
        return False
    if len(line.cells) == 1:  # a column of words, then numbers: the last word heads these
        return not below.filled[0].is_number
    is_wide = any(len(span) >= len(line.cells) - 1 for span in line.spans)
    return is_wide or line.cells[0] is not None or not any(c.is_number for c in below.filled)


def _notes(lines: list[Line]) -> list[Line]:
    """The rows at the bottom that hold a sentence about the table."""
    n = len(lines)
    while n > 2:
        filled = lines[n - 1].filled
        is_long = bool(filled) and len(filled[0].text) >= MIN_NOTE_CHARS
        if len(filled) != 1 or filled[0].is_number or not (is_long or lines[n - 1].spans):
            break
        n -= 1
    return lines[n:]


def _caption(titles: list[str]) -> tuple[str | None, list[str]]:
    """The caption, and those of the titles that are too long for one."""
    lines = [one_line(title) for title in titles]
    caption = " – ".join(dict.fromkeys(lines))
    if len(caption) <= MAX_CAPTION_CHARS:
        return caption or None, []
    return (lines[0], lines[1:]) if len(lines[0]) <= MAX_CAPTION_CHARS else (None, lines)


def _header(
    region: Region, lines: list[Line], above: tuple[str, ...] | None
) -> tuple[tuple[str, ...], int]:
    """The header, and of how many of the rows it is made."""
    if region.header:
        return region.header, 0
    own = len(lines) > 1 and (region.is_listed or is_header(lines[0], lines[1]))
    # Rows of words below a table of words are its rows, not a header of their own.
    is_new = own and not (above and not any(c.is_number for c in lines[1].filled))
    if is_new:
        return _joined_header(lines)
    letters = range(region.area.left, region.area.right + 1)
    return above or tuple(column_name(column) for column in letters), 0


def _joined_header(lines: list[Line]) -> tuple[tuple[str, ...], int]:
    """The first row, and those below it while cells over them span several columns."""
    texts = [cell.text if cell else "" for cell in lines[0].cells]
    n_rows = 1
    while n_rows < min(len(lines) - 1, MAX_HEADER_ROWS) and lines[n_rows - 1].spans:
        if any(cell.is_number and not cell.is_ordinal for cell in lines[n_rows].filled):
            break
        for span in lines[n_rows - 1].spans:
            for column in span[1:]:
                texts[column] = texts[column] or texts[span[0]]
        for column, cell in enumerate(lines[n_rows].cells):
            if cell and cell.text != texts[column]:
                texts[column] = f"{texts[column]} {cell.text}".strip()
        n_rows += 1
    return tuple(texts), n_rows


def _single(line: Line, titles: list[str], drawn: Drawn) -> Iterator[Element]:
    """A row that stands alone, with the words above it."""
    said = _joined(line.filled)
    *others, last = titles or [""]
    yield from map(Paragraph, others)
    yield Paragraph(f"{last.rstrip(':')}: {said}" if last else said)
    for element in (e for elements in drawn.values() for e in elements):
        if isinstance(element, Figure) and not element.caption:
            yield replace(element, caption=said[:MAX_CAPTION_CHARS])
        else:
            yield element


def _joined(cells: list[Cell]) -> str:
    """A row in one line: "label: number", or its cells side by side."""
    texts = [one_line(cell.text) for cell in cells]
    if len(cells) == 2 and not cells[0].is_number:
        return f"{texts[0].rstrip(':')}: {texts[1]}"
    return " | ".join(texts)


def _parts(width: int) -> Iterator[list[int]]:
    """The columns of a table, or of the parts in which a wide one is given."""
    if width <= MAX_COLUMNS:
        yield list(range(width))
        return
    for start in range(1, width, MAX_COLUMNS - 1):
        yield [0, *range(start, min(start + MAX_COLUMNS - 1, width))]


def _cut_short(rows: list[list[str]]) -> Iterator[Element]:
    """The texts that a table's row would cut short, whole."""
    for row in rows[1:]:
        for column, text in enumerate(row):
            if len(text) > CELL_CHARS:
                named = " – ".join(
                    filter(None, dict.fromkeys([row[0][:CELL_CHARS], rows[0][column]]))
                )
                yield Paragraph(f"{named}: {text}" if column else text)
