"""The cells of a table: its lines put into rows and columns, the header made one row.

Leaves out where the table is on its page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from loaders.pdf.page import Box
from loaders.pdf.table_columns import Columns
from loaders.pdf.table_header import (
    bands_going_on,
    header_bands,
    header_names,
    is_parted,
    n_header_rows,
)
from loaders.pdf.table_lines import TextLine, is_numeric
from loaders.pdf.table_rows import Row, are_stacked, beside, cell_text, merged, row_of, wrapped
from loaders.pdf.table_rules import Rules

FULL_WIDTH = 0.85
"""Share of the table's width that a rule between rows covers at least."""


@dataclass(frozen=True, slots=True)
class Grid:
    """rows[0] is the header, empty texts if there is none."""

    rows: tuple[tuple[str, ...], ...]
    has_header: bool
    n_numeric: int
    """Columns besides the first that hold numbers."""
    fill: float
    """Share of the cells below the header that say something."""
    n_values: int
    """Rows below the header with two texts at least."""


def read_grid(
    lines: Sequence[TextLine],
    box: Box,
    columns: Columns,
    rules: Rules,
    is_grid: bool,
    vocabulary: Collection[str] = (),
) -> Grid:
    """Read the table that consists of the lines. rules: those within it."""
    bands = _bands(box, rules, is_grid)
    rows: list[Row] = []
    by_band: dict[int, list[Row]] = {}
    for line in lines:
        row = row_of(line, columns)
        row.band = int(np.searchsorted(bands, (line.box.y0 + line.box.y1) / 2)) if bands else 0
        by_band.setdefault(row.band, []).append(row)
    by_band = {band: beside(own) for band, own in sorted(by_band.items())}
    n_single = sum(len(own) == 1 for own in by_band.values())
    n_bands = len(by_band)
    on_top = header_bands(by_band, columns)
    if is_grid and on_top:
        on_top |= bands_going_on(max(on_top), by_band, columns, rules, bands)
    n_lines = sum(map(len, by_band.values()))
    are_rows = n_bands > 1 and (is_grid or n_lines <= 3 * n_bands)
    header: list[Row] = []
    for band, own in by_band.items():
        if band in on_top:
            header += own
        elif len(own) == 1 or (are_rows and not are_stacked(own, columns, n_single, n_bands)):
            rows.append(merged(own))
        else:
            rows += wrapped(own)
    if not on_top:
        n = n_header_rows(rows, columns)
        header, rows = rows[:n], rows[n:]
    if is_grid:
        _fill_spans(rows, columns, rules, bands)
    names = tuple(header_names(header, columns, rules, vocabulary))
    return _grid(names, rows, columns, vocabulary)


def joined_grid(first: Grid, second: Grid) -> Grid:
    """The rows of two halves of a table, one after the other."""
    width = max(len(first.rows[0]), len(second.rows[0]))
    repeats = second.rows[0] == first.rows[0]
    rows = first.rows + (second.rows[1:] if repeats or not second.has_header else second.rows)
    return Grid(
        rows=tuple(row + ("",) * (width - len(row)) for row in rows),
        has_header=first.has_header,
        n_numeric=min(first.n_numeric, second.n_numeric),
        fill=min(first.fill, second.fill),
        n_values=first.n_values + second.n_values,
    )


def _bands(box: Box, rules: Rules, is_grid: bool) -> list[float]:
    """Heights at which rules, or the edges of shaded rows, part the rows."""
    least = FULL_WIDTH * box.width
    places = [y for y, x0, x1 in rules.levels.tolist() if x1 - x0 >= least]
    if is_grid:
        # A cell over several rows interrupts the rules of the others.
        wide = 0.3 * box.width
        places += [y for y, x0, x1 in rules.levels.tolist() if x1 - x0 >= wide]
    for x0, y0, x1, y1 in rules.fills.tolist():
        if x1 - x0 >= least and y1 - y0 < 0.5 * box.height:
            places += [y0, y1]
    kept: list[float] = []
    for place in sorted(places):
        if box.y0 + 1 < place < box.y1 - 1 and (not kept or place - kept[-1] > 2.5):
            kept.append(place)
    return kept


def _fill_spans(
    rows: Sequence[Row], columns: Columns, rules: Rules, bands: Sequence[float]
) -> None:
    """Repeat a cell that goes over several rows in each: no rule parts it there."""
    by_band: dict[int, list[Row]] = {}
    for row in rows:
        by_band.setdefault(row.band, []).append(row)
    for column in range(len(columns)):
        for above, below in pairwise(sorted(by_band)):
            upper, lower = by_band[above][-1], by_band[below][0]
            if below != above + 1 or len(by_band[above]) + len(by_band[below]) > 2:
                continue
            is_spanned = any(a <= column <= b for a, b, _ in upper.spans + lower.spans)
            if is_spanned or is_parted(column, bands[above], columns, rules):
                continue
            whole = upper.cells.get(column, []) + lower.cells.get(column, [])
            if whole and upper.cells.get(column) != lower.cells.get(column):
                upper.cells[column] = lower.cells[column] = whole


def _grid(
    names: tuple[str, ...], rows: Sequence[Row], columns: Columns, vocabulary: Collection[str]
) -> Grid:
    body = [tuple(_cells(row, columns, vocabulary)) for row in rows]
    used = [c for c in range(len(columns)) if names[c] or any(row[c] for row in body)]
    names = tuple(names[c] for c in used)
    body = [tuple(row[c] for c in used) for row in body]
    filled = [sum(bool(cell) for cell in row) for row in body]
    many = [n for n in filled if n > 1]
    numeric = 0
    for c in range(1, len(used)):
        values = [row[c] for row in body if row[c]]
        numeric += bool(values) and sum(map(is_numeric, values)) >= 0.6 * len(values)
    return Grid(
        rows=(names, *body),
        has_header=any(names),
        n_numeric=numeric,
        fill=sum(many) / (len(many) * max(1, len(used))) if many else 0.0,
        n_values=len(many),
    )


def _cells(row: Row, columns: Columns, vocabulary: Collection[str]) -> Iterator[str]:
    texts = {c: list(lines) for c, lines in row.cells.items()}
    for first, _, text in row.spans:
        texts.setdefault(first, []).append(text)
    for column in range(len(columns)):
        yield cell_text(texts.get(column, []), vocabulary)
