"""Joins the header rows of a table into one that says of each column what all of them say.

Leaves out where cells are merged: that is for each format.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

MAX_HEADS = 4
"""Rows of a table that may make up its header."""
NUMBER = re.compile(r"(?!(?:1[5-9]|20)\d\d$)[\W_]*\d[\d\s.,:/%()–-]*\D{0,3}$")
"""A number with its unit, which is no year."""

Rows = list[list[str]]
Cells = Sequence[Sequence[Hashable]]
"""For each place of the grid what tells its cell: the same one wherever a merged cell goes on."""


def head_rows(rows: Rows, cells: Cells) -> int:
    """How many rows the header has by its merged cells; 1 where they say nothing."""
    n = 1
    while n < min(MAX_HEADS, len(rows) - 1) and _goes_on(rows, cells, n):
        n += 1
    return n


def join_heads(rows: Rows, cells: Cells, n_heads: int) -> Rows:
    """The rows with the first n_heads as one; a head stands in each of the columns it spans."""
    texts: dict[Hashable, str] = {}
    for row, places in zip(rows[:n_heads], cells, strict=False):
        for text, cell in zip(row, places, strict=True):
            texts[cell] = texts.get(cell) or text
    wide = {places[0] for places in cells[:n_heads] if len(places) > 1 and len(set(places)) == 1}
    header = []
    for column in range(max(map(len, rows[:n_heads]), default=0)):
        above = [places[column] for places in cells[:n_heads] if column < len(places)]
        # What stands over all columns is a title, and is said once.
        said = (texts[cell] for cell in above if not column or cell not in wide)
        header.append(" ".join(dict.fromkeys(filter(None, said))))
    return [header, *rows[n_heads:]]


def _goes_on(rows: Rows, cells: Cells, n: int) -> bool:
    """Whether row n divides a head of the row above it, and leaves the others as they are."""
    upper, lower = cells[n - 1], cells[n]
    width = len(upper)
    if len(lower) != width or len(set(upper)) == 1:
        return False
    is_spanned = [upper.count(cell) > 1 for cell in upper]
    divided = [c for c in range(width) if is_spanned[c] and lower[c] != upper[c]]
    others = [c for c in range(width) if not is_spanned[c]]
    if len({lower[c] for c in divided}) <= len({upper[c] for c in divided}):
        return False
    if others and all(upper[c] == lower[c] for c in others):
        return True
    says_twice = any(upper[c] != lower[c] and rows[n - 1][c] and rows[n][c] for c in others)
    return not says_twice and not any(NUMBER.match(rows[n][c]) for c in divided)
