"""The rows of a table from its lines: cells joined over lines, the header made one row.

Leaves out where the table is on its page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from loaders.pdf.letters import LINE_END_HYPHEN
from loaders.pdf.page import Box
from loaders.pdf.paragraphs import joined
from loaders.pdf.table_columns import Columns
from loaders.pdf.table_lines import YEAR, Piece, TextLine, is_numeric
from loaders.pdf.table_rules import Rules

LEVEL_SEPARATOR = " › "
MAX_HEADER_LINES = 12
FULL_WIDTH = 0.85
"""Share of the table's width that a rule between rows covers at least."""
TIGHT = 1.22
"""Lines of one cell are at most this many times as far apart as the closest ones."""
SAME_HEIGHT_POINTS = 3.0
MAX_ROWS = 2_000


@dataclass(slots=True)
class Row:
    """What stands at one height. cells: column → its lines. spans: pieces over several."""

    cells: dict[int, list[str]] = field(default_factory=dict)
    spans: list[tuple[int, int, str]] = field(default_factory=list)
    top: float = 0.0
    pieces: tuple[Piece, ...] = ()
    baseline: float = 0.0
    size: float = 0.0
    is_bold: bool = False
    band: int = 0

    @property
    def filled(self) -> set[int]:
        return set(self.cells) | {first for first, _, _ in self.spans}

    def text(self, column: int) -> str:
        return " ".join(self.cells.get(column, ()))

    def is_heading(self) -> bool:
        """Whether it has one text only."""
        return len(self.cells) + len(self.spans) == 1


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
        row = _row(line, columns)
        row.band = int(np.searchsorted(bands, (line.box.y0 + line.box.y1) / 2)) if bands else 0
        by_band.setdefault(row.band, []).append(row)
    by_band = {band: _beside(own) for band, own in sorted(by_band.items())}
    n_single = sum(len(own) == 1 for own in by_band.values())
    n_bands = len(by_band)
    header_bands = _header_bands(by_band, columns)
    if is_grid and header_bands:
        header_bands |= _bands_going_on(max(header_bands), by_band, columns, rules, bands)
    n_lines = sum(map(len, by_band.values()))
    are_rows = n_bands > 1 and (is_grid or n_lines <= 3 * n_bands)
    header: list[Row] = []
    for band, own in by_band.items():
        if band in header_bands:
            header += own
        elif len(own) == 1 or (are_rows and not _is_stacked(own, columns, n_single, n_bands)):
            rows.append(_merged(own))
        else:
            rows += _wrapped(own)
    rows = rows[:MAX_ROWS]
    if not header_bands:
        n = _n_header_rows(rows, columns)
        header, rows = rows[:n], rows[n:]
    if is_grid:
        _fill_spans(rows, columns, rules, bands)
    header = [_spread(row, below, columns, rules) for row, below in pairwise([*header, Row()])]
    return _grid(header, rows, columns, vocabulary)


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
            is_parted = _is_parted(column, bands[above], columns, rules)
            if is_parted or any(a <= column <= b for a, b, _ in upper.spans + lower.spans):
                continue
            whole = upper.cells.get(column, []) + lower.cells.get(column, [])
            if whole and upper.cells.get(column) != lower.cells.get(column):
                upper.cells[column] = lower.cells[column] = whole


def _spread(row: Row, below: Row, columns: Columns, rules: Rules) -> Row:
    """A row of the header in which each name spans what it stands above the middle of.

    A rule right below the name tells how far it goes; else the columns that have names of
    their own in the next row, and none in this.
    """
    if not row.pieces:
        return row
    spans = [_ruled_span(piece, row, columns, rules) or columns.span(piece) for piece in row.pieces]
    taken = {c for first, last in spans for c in range(first, last + 1)}
    spread = replace(row, cells={}, spans=[])
    for piece, span in zip(row.pieces, spans, strict=True):
        first, last = span
        if first > 0 and below.pieces:
            first, last = _centred_span(piece, span, columns, taken, below.filled)
            taken |= set(range(first, last + 1))
        if first == last:
            spread.cells.setdefault(first, []).append(piece.text)
        else:
            spread.spans.append((first, last, piece.text))
    return spread


def _ruled_span(piece: Piece, row: Row, columns: Columns, rules: Rules) -> tuple[int, int] | None:
    """What the uprights beside a name and the rule below it mark off; None if they do not."""
    edges = low, high = columns.bounds[0] - 1, columns.bounds[-1] + 1
    height = row.baseline - 0.3 * row.size
    for x, y0, y1 in rules.uprights.tolist():
        if y0 <= height <= y1:
            low, high = (max(low, x), high) if x <= piece.middle else (low, min(high, x))
    for y, x0, x1 in rules.parts.tolist():
        is_below = 0 < y - row.baseline < 1.6 * row.size
        if is_below and x0 <= piece.x0 + row.size and x1 >= piece.x1 - row.size:
            low, high = max(low, x0 - 2), min(high, x1 + 2)
    others = [p for p in row.pieces if p is not piece and low < p.middle < high]
    if others or (low, high) == edges:
        return None
    over = [k for k, (lo, hi) in enumerate(columns.extents) if low < (lo + hi) / 2 < high]
    return (over[0], over[-1]) if over else None


def _centred_span(
    piece: Piece, own: tuple[int, int], columns: Columns, taken: set[int], named: set[int]
) -> tuple[int, int]:
    """The columns around it, free in this row and named below, whose middle it is nearest to."""
    low, high = first, last = own
    while low - 1 > 0 and low - 1 not in taken and low - 1 in named:
        low -= 1
    while high + 1 < len(columns) and high + 1 not in taken and high + 1 in named:
        high += 1
    if (low, high) == own:
        return own

    def away(span: tuple[int, int]) -> float:
        middle = (columns.extents[span[0]][0] + columns.extents[span[1]][1]) / 2
        return abs(middle - piece.middle)

    spans = [(a, b) for a in range(low, first + 1) for b in range(last, high + 1)]
    best = min(spans, key=away)
    return best if away(best) + 0.3 * piece.size < away(own) else own


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


def _row(line: TextLine, columns: Columns) -> Row:
    row = Row(
        top=line.box.y0,
        baseline=line.baseline,
        size=line.size,
        is_bold=line.is_bold,
        pieces=line.pieces,
    )
    for piece in line.pieces:
        first, last = columns.span(piece)
        if first == last:
            row.cells.setdefault(first, []).append(piece.text)
        else:
            row.spans.append((first, last, piece.text))
    for column, texts in row.cells.items():
        row.cells[column] = [" ".join(texts)]
    return row


def _beside(rows: list[Row]) -> list[Row]:
    """Rows whose lines overlap are one: raised signs, labels in the middle of two lines."""
    merged: list[Row] = []
    for row in rows:
        before = merged[-1] if merged else None
        if (
            before
            and row.baseline - before.baseline < 0.7 * min(row.size, before.size)
            and not row.filled & before.filled
        ):
            before.cells |= row.cells
            before.spans += row.spans
            before.pieces += row.pieces
        else:
            merged.append(row)
    return merged


def _merged(rows: Sequence[Row]) -> Row:
    """All rows as the lines of one."""
    whole = Row(top=rows[0].top, baseline=rows[0].baseline, size=rows[0].size)
    whole.is_bold = all(row.is_bold for row in rows)
    whole.band = rows[0].band
    for row in rows:
        for column, texts in row.cells.items():
            whole.cells.setdefault(column, []).extend(texts)
        for first, last, text in row.spans:
            if len(rows) == 1:
                whole.spans.append((first, last, text))
            else:
                whole.cells.setdefault(first, []).append(text)
    return whole


def _is_stacked(rows: Sequence[Row], columns: Columns, n_single: int, n_bands: int) -> bool:
    """Whether the lines between two rules are rows of their own."""
    if n_single > 0.6 * n_bands and len(rows) <= 4:
        return False
    for column in range(1, len(columns)):
        texts = [row.text(column) for row in rows if column in row.cells]
        n_numeric = sum(map(is_numeric, texts))
        if len(texts) >= max(2, 0.6 * len(rows)) and n_numeric >= 0.75 * len(texts):
            return True
    n_labelled = sum(0 in row.cells for row in rows)
    n_full = sum(len(row.filled) >= 0.6 * len(columns) for row in rows)
    if len(rows) < 3 or min(n_labelled, n_full) < 0.7 * len(rows):
        return False
    later = [row.text(c) for row in rows[1:] for c in row.cells]
    return sum(text[:1].islower() for text in later) < 0.2 * len(later)


def _wrapped(rows: Sequence[Row]) -> list[Row]:
    """Rows from lines without rules between: what goes on from the line before joins it."""
    steps = [b.baseline - a.baseline for a, b in pairwise(rows)]
    usual = [step for step in steps if step > 0.5 * rows[0].size]
    closest = float(np.percentile(usual, 10)) if usual else 0.0
    loose = [step > TIGHT * closest for step in steps]
    are_spaced = sum(loose) >= 0.25 * len(steps) and sum(loose) < 0.95 * len(steps)
    found: list[Row] = []
    pending: Row | None = None  # a label whose numbers stand on its last line
    for k, row in enumerate(rows):
        tight = k > 0 and not loose[k - 1]
        if pending is not None:
            found.append(_merged([pending, row]))
            pending = None
        elif found and tight and _goes_on(found[-1], row, are_spaced):
            found[-1] = _merged([found[-1], row])
        elif k + 1 < len(rows) and not loose[k] and _is_first_of_label(row, rows[k + 1]):
            pending = row
        else:
            found.append(_merged([row]))
    return found


def _goes_on(before: Row, row: Row, are_spaced: bool) -> bool:
    """Whether a line that follows closely continues the cells of the row before."""
    if before.is_heading() and not row.is_heading():
        return False
    numeric = {c for c in row.cells if is_numeric(row.text(c))}
    if any(c in before.cells for c in numeric - {0}) or (numeric and 0 in row.cells):
        return False
    if 0 not in row.filled:
        # As many cells as the row before are rows of one group, unless those were cut short.
        if len(row.filled) < len(before.filled) - 1 or are_spaced or 0 not in before.filled:
            return are_spaced or row.filled <= before.filled or not row.filled & before.filled
        return all(_is_cut(before.cells[c], row.text(c)) for c in row.cells if c in before.cells)
    label = row.text(0)
    starts_small = label[:1].islower() or label.startswith(("(", "&"))
    if row.is_heading():
        return starts_small and not before.is_heading()
    return (are_spaced or starts_small) and row.filled <= before.filled


def _is_cut(lines: Sequence[str], following: str) -> bool:
    """Whether the text of a cell goes on in the line below it."""
    if following[:1].islower() or lines[-1].endswith((",", "-", LINE_END_HYPHEN)):
        return True
    return len(lines[-1]) > 24 and not lines[-1].endswith(".")


def _is_first_of_label(row: Row, following: Row) -> bool:
    if not row.is_heading() or set(row.cells) != {0} or following.is_heading():
        return False
    after = following.text(0)
    return after[:1].islower() or row.text(0).endswith((",", "&", " and", " of", LINE_END_HYPHEN))


def _header_bands(by_band: dict[int, list[Row]], columns: Columns) -> set[int]:
    """The bands above the first rule that parts names from values."""
    names = list(by_band)
    if len(names) < 2:
        return set()
    header: set[int] = set()
    n_lines = 0
    for k, band in enumerate(names[:-1]):
        rows = by_band[band]
        n_lines += len(rows)
        if n_lines > MAX_HEADER_LINES or (header and _holds_values(rows, columns)):
            break
        if not header:
            if _holds_values(rows, columns) or (len(rows) > 4 and _looks_like_body(rows)):
                break
            header.add(band)
            if _names_columns(rows, columns):
                break
        elif _names_columns(rows, columns) and _is_value_band(by_band, names[k + 1 :], columns):
            header.add(band)
            break
        else:
            break
    return header


def _bands_going_on(
    last: int,
    by_band: dict[int, list[Row]],
    columns: Columns,
    rules: Rules,
    bands: Sequence[float],
) -> set[int]:
    """The bands below the header into which its first cell reaches."""
    found: set[int] = set()
    names = sorted(by_band)
    while last + 1 in by_band and last + 1 != names[-1]:
        if _is_parted(0, bands[last], columns, rules):
            break
        last += 1
        found.add(last)
    return found


def _is_parted(column: int, height: float, columns: Columns, rules: Rules) -> bool:
    """Whether a rule at that height goes through the column."""
    x = (columns.bounds[column] + columns.bounds[column + 1]) / 2
    levels = rules.levels
    through = (levels[:, 1] < x) & (levels[:, 2] > x)
    return bool((abs(levels[through, 0] - height) <= SAME_HEIGHT_POINTS).any())


def _names_columns(rows: Sequence[Row], columns: Columns) -> bool:
    named = set().union(*(row.cells for row in rows))
    return len(named) >= 0.6 * len(columns)


def _holds_values(rows: Sequence[Row], columns: Columns) -> bool:
    """Whether numbers that are no years stand in half of the columns besides the first."""
    for row in rows:
        values = [row.text(c) for c in row.cells if c]
        numeric = [t for t in values if is_numeric(t) and not YEAR.fullmatch(t)]
        if values and len(numeric) >= max(1, 0.5 * (len(columns) - 1)):
            return True
    return False


def _looks_like_body(rows: Sequence[Row]) -> bool:
    return sum(0 in row.cells for row in rows) > 0.6 * len(rows)


def _is_value_band(by_band: dict[int, list[Row]], names: Sequence[int], columns: Columns) -> bool:
    return any(_holds_values(by_band[name], columns) for name in names)


def _n_header_rows(rows: Sequence[Row], columns: Columns) -> int:
    """How many rows at the top name the columns, where no rule tells."""
    first_value = next(
        (k for k, row in enumerate(rows) if _holds_values([row], columns)), len(rows)
    )
    if 0 < first_value < len(rows) and first_value <= MAX_HEADER_LINES:
        n = 0
        for k in range(first_value):
            if not (rows[k].is_heading() and 0 in rows[k].cells):
                n = k + 1
        return n
    if first_value == 0:
        return 0
    n_bold = next((k for k, row in enumerate(rows) if not row.is_bold), len(rows))
    if 0 < n_bold <= 3 and n_bold < len(rows):
        return n_bold
    is_wide = len(columns) >= 3 and len(rows) > 1
    return 1 if is_wide and len(rows[0].filled) >= 0.7 * len(columns) else 0


def _grid(
    header: Sequence[Row], rows: Sequence[Row], columns: Columns, vocabulary: Collection[str]
) -> Grid:
    body = [tuple(_cells(row, columns, vocabulary)) for row in rows]
    names = tuple(_header_cells(header, columns, vocabulary))
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
        yield _text(texts.get(column, []), vocabulary)


def _text(lines: Sequence[str], vocabulary: Collection[str]) -> str:
    if not lines:
        return ""
    whole = lines[0]
    for line in lines[1:]:
        whole = joined(whole, line, vocabulary)
    return whole.replace(LINE_END_HYPHEN, "-").strip()


def _header_cells(
    header: Sequence[Row], columns: Columns, vocabulary: Collection[str]
) -> Iterator[str]:
    """One text for each column: the names that span it, then its own."""
    levels: list[list[tuple[tuple[int, int], list[str]]]] = [[] for _ in range(len(columns))]
    for row in header:
        own = [((c, c), " ".join(texts)) for c, texts in row.cells.items()]
        for span, text in own + [((a, b), text) for a, b, text in row.spans]:
            for column in range(span[0], span[1] + 1):
                if levels[column] and levels[column][-1][0] == span:
                    levels[column][-1][1].append(text)
                else:
                    levels[column].append((span, [text]))
    for column in range(len(columns)):
        names = (_text(texts, vocabulary) for _, texts in levels[column])
        yield LEVEL_SEPARATOR.join(dict.fromkeys(names))
