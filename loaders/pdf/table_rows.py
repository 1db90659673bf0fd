"""The rows of a table from its lines: cells joined over lines.

Leaves out the header and what rules tell: that is `table_header` and `table_grid`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from loaders.pdf.letters import LINE_END_HYPHEN
from loaders.pdf.paragraphs import joined
from loaders.pdf.table_columns import Columns
from loaders.pdf.table_lines import Piece, TextLine, is_numeric

TIGHT = 1.22
"""Lines of one cell are at most this many times as far apart as the closest ones."""
MIN_SMALL_NAMES = 0.6
"""Share of the labels in small letters from which on that says nothing of where rows begin: a
label of two lines has one of them at most in small letters, and those of three are few."""


@dataclass(slots=True)
class Row:
    """What stands at one height. cells: column → its lines. spans: pieces over several."""

    cells: dict[int, list[str]] = field(default_factory=dict)
    spans: list[tuple[int, int, str]] = field(default_factory=list)
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


def row_of(line: TextLine, columns: Columns) -> Row:
    row = Row(
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


def beside(rows: list[Row]) -> list[Row]:
    """Rows whose lines overlap are one: raised signs, labels in the middle of two lines."""
    found: list[Row] = []
    for row in rows:
        before = found[-1] if found else None
        if (
            before
            and row.baseline - before.baseline < 0.7 * min(row.size, before.size)
            and not row.filled & before.filled
        ):
            before.cells |= row.cells
            before.spans += row.spans
            before.pieces += row.pieces
        else:
            found.append(row)
    return found


def merged(rows: Sequence[Row]) -> Row:
    """All rows as the lines of one."""
    whole = Row(baseline=rows[0].baseline, size=rows[0].size)
    whole.is_bold = all(row.is_bold for row in rows)
    whole.band = rows[0].band
    whole.pieces = rows[0].pieces if len(rows) == 1 else ()
    for row in rows:
        for column, texts in row.cells.items():
            whole.cells.setdefault(column, []).extend(texts)
        for first, last, text in row.spans:
            if len(rows) == 1:
                whole.spans.append((first, last, text))
            else:
                whole.cells.setdefault(first, []).append(text)
    return whole


def are_stacked(rows: Sequence[Row], columns: Columns, n_single: int, n_bands: int) -> bool:
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
    words = sorted(len(row.text(0).split()) for row in rows if 0 in row.cells)
    # Lines that fill the columns, each with a label of one word, wrap nothing.
    if words[len(words) // 2] <= (2 if n_full >= 0.9 * len(rows) else 1):
        return True
    later = [row.text(c) for row in rows[1:] for c in row.cells]
    return sum(text[:1].islower() for text in later) < 0.2 * len(later)


def wrapped(rows: Sequence[Row]) -> list[Row]:
    """Rows from lines without rules between: what goes on from the line before joins it."""
    steps = [b.baseline - a.baseline for a, b in pairwise(rows)]
    usual = [step for step in steps if step > 0.5 * rows[0].size]
    closest = float(np.percentile(usual, 10)) if usual else 0.0
    loose = [step > TIGHT * closest for step in steps]
    are_spaced = sum(loose) >= 0.25 * len(steps) and sum(loose) < 0.95 * len(steps)
    are_names = _are_names(rows)
    found: list[Row] = []
    pending: Row | None = None  # a label whose numbers stand on its last line
    for k, row in enumerate(rows):
        tight = k > 0 and not loose[k - 1]
        if pending is not None:
            found.append(merged([pending, row]))
            pending = None
        elif found and tight and _goes_on(found[-1], row, are_spaced, are_names):
            found[-1] = merged([found[-1], row])
        elif k + 1 < len(rows) and not loose[k] and _is_first_of_label(row, rows[k + 1]):
            pending = row
        else:
            found.append(merged([row]))
    return found


def _are_names(rows: Sequence[Row]) -> bool:
    """Whether the labels are words of a language of its own, in small letters: `abs`, `float`."""
    labels = [row.text(0) for row in rows if 0 in row.cells]
    n_small = sum(label[:1].islower() for label in labels)
    n_single = sum(" " not in label for label in labels)
    return bool(labels) and n_small >= MIN_SMALL_NAMES * len(labels) and 2 * n_single > len(labels)


def _goes_on(before: Row, row: Row, are_spaced: bool, are_names: bool) -> bool:
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
        is_name = are_names and before.text(0)[:1].islower()
        return starts_small and not is_name and not before.is_heading()
    if are_names:
        return False
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


def cell_text(lines: Sequence[str], vocabulary: Collection[str]) -> str:
    if not lines:
        return ""
    whole = lines[0]
    for line in lines[1:]:
        whole = joined(whole, line, vocabulary)
    return whole.replace(LINE_END_HYPHEN, "-").strip()
