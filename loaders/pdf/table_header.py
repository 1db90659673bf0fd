"""The header of a table: which rows it is, and the names of the columns made one row.

Leaves out the rows below it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from loaders.pdf.table_columns import SAME_PLACE_POINTS, Columns
from loaders.pdf.table_lines import YEAR, Piece, is_numeric
from loaders.pdf.table_rows import Row, cell_text
from loaders.pdf.table_rules import Rules

LEVEL_SEPARATOR = " › "
MAX_HEADER_LINES = 12
SAME_HEIGHT_POINTS = 3.0
MAX_OPEN_SHARE = 0.6
"""Of the columns, over which a name may stand that nothing ends on one side."""


def header_bands(by_band: dict[int, list[Row]], columns: Columns) -> set[int]:
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


def bands_going_on(
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
        if is_parted(0, bands[last], columns, rules):
            break
        last += 1
        found.add(last)
    return found


def is_parted(column: int, height: float, columns: Columns, rules: Rules) -> bool:
    """Whether a rule at that height goes through the column."""
    x = (columns.bounds[column] + columns.bounds[column + 1]) / 2
    levels = rules.levels
    through = (levels[:, 1] < x) & (levels[:, 2] > x)
    return bool((abs(levels[through, 0] - height) <= SAME_HEIGHT_POINTS).any())


def n_header_rows(rows: Sequence[Row], columns: Columns) -> int:
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


def _spread(row: Row, named: set[int], columns: Columns, rules: Rules) -> Row:
    """A row of the header in which each name spans what it stands above the middle of.

    The cell that uprights make round it tells, or a rule right below the name, how far it
    goes; else the columns that have names of their own in a row below, and none in this.
    named: the columns that have.
    """
    if not row.pieces:
        return row
    cells = [_celled_span(piece, row, columns, rules) for piece in row.pieces]
    spans = [
        cell or _ruled_span(piece, row, columns, rules) or columns.span(piece)
        for piece, cell in zip(row.pieces, cells, strict=True)
    ]
    taken = {c for first, last in spans for c in range(first, last + 1)}
    spread = replace(row, cells={}, spans=[])
    for piece, cell, span in zip(row.pieces, cells, spans, strict=True):
        first, last = span
        if first > 0 and not cell:
            first, last = _centred_span(piece, span, columns, taken, named)
            taken |= set(range(first, last + 1))
        if first == last:
            spread.cells.setdefault(first, []).append(piece.text)
        else:
            spread.spans.append((first, last, piece.text))
    return spread


def _celled_span(piece: Piece, row: Row, columns: Columns, rules: Rules) -> tuple[int, int] | None:
    """The columns between the uprights at both sides of a name; None where that may be no cell.

    Several columns are one cell where each upright between them begins further down.
    """
    uprights, height = rules.uprights, row.baseline - 0.3 * row.size
    x = uprights[(uprights[:, 1] <= height) & (uprights[:, 2] >= height), 0]
    left, right = x[x <= piece.middle], x[x > piece.middle]
    if not len(left) or not len(right):
        return None
    low, high = float(left.max()), float(right.min())
    over = [k for k, extent in enumerate(columns.extents) if low < sum(extent) / 2 < high]
    if not over or any(p is not piece and low < p.middle < high for p in row.pieces):
        return None
    starts = uprights[uprights[:, 1] > height, 0]
    inner = columns.bounds[over[0] + 1 : over[-1] + 1]
    are_parted_below = all((abs(starts - x) <= SAME_PLACE_POINTS).any() for x in inner)
    return (over[0], over[-1]) if are_parted_below else None


def _ruled_span(piece: Piece, row: Row, columns: Columns, rules: Rules) -> tuple[int, int] | None:
    """What the uprights beside a name and the rule below it mark off; None if they do not."""
    edges = low, high = columns.bounds[0] - 1, columns.bounds[-1] + 1
    height = row.baseline - 0.3 * row.size
    beside = (rules.uprights[:, 1] <= height) & (rules.uprights[:, 2] >= height)
    for x in rules.uprights[beside, 0].tolist():
        low, high = (max(low, x), high) if x <= piece.middle else (low, min(high, x))
    below = rules.parts[:, 0] - row.baseline
    for _, x0, x1 in rules.parts[(below > 0) & (below < 1.6 * row.size)].tolist():
        if x0 <= piece.x0 + row.size and x1 >= piece.x1 - row.size:
            low, high = max(low, x0 - 2), min(high, x1 + 2)
    others = [p for p in row.pieces if p is not piece and low < p.middle < high]
    if others or (low, high) == edges:
        return None
    over = [k for k, (lo, hi) in enumerate(columns.extents) if low < (lo + hi) / 2 < high]
    # What only one side marks off reaches to the edge of the table, not of the name.
    is_open = low == edges[0] or high == edges[1]
    if not over or (is_open and len(over) > MAX_OPEN_SHARE * len(columns)):
        return None
    left, right = columns.extents[over[0]][0], columns.extents[over[-1]][1]
    is_centred = abs((left + right) / 2 - piece.middle) <= max(piece.size, 0.15 * (right - left))
    is_flush = abs(piece.x0 - left) <= piece.size
    return (over[0], over[-1]) if is_centred or is_flush else None


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


def header_names(
    rows: Sequence[Row], columns: Columns, rules: Rules, vocabulary: Collection[str]
) -> Iterator[str]:
    """One text for each column: the names that span it, then its own."""
    header = [
        _spread(row, set().union(*(below.filled for below in rows[k + 1 :])), columns, rules)
        for k, row in enumerate(rows)
    ]
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
        names = (cell_text(texts, vocabulary) for _, texts in levels[column])
        yield LEVEL_SEPARATOR.join(dict.fromkeys(names))
