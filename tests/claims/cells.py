"""Sentences made from cells of tables, true ones and such with the value of another cell.

Leaves out which sources go with them: that is `tests.claims`.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from langchain_core.documents import Document

RULE = re.compile(r"\|(?:\s*:?-+:?\s*\|)+")
UNIT_NOTE = re.compile(r"\s*\((?:1,000|number|percent|mil\. dol\.|bil\. dol\.|dol\.|%)\)")
FORMS = (
    "The {column} of {row} is {value}.",
    "For {row}, the {column} is {value}.",
    "{row} has {value} as its {column}.",
    "In the table, {row} is listed with a {column} of {value}.",
)
MAX_CELL_CHARS = 60


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: what stands in it, in which row, under which head."""

    row: str
    column: str
    value: str

    def told(self, form: int) -> str:
        """A sentence that says it."""
        return FORMS[form % len(FORMS)].format(row=self.row, column=self.column, value=self.value)


def cells(document: Document) -> list[Cell]:
    """Cells of a table whose row and column can be told from all others."""
    if document.metadata["modality"] != "table":
        return []
    rows = [_row(line) for line in document.page_content.splitlines() if line.startswith("|")]
    rows = [r for r in rows if r is not None]
    if len(rows) < 3:
        return []
    head, *body = rows
    heads = [" ".join(UNIT_NOTE.sub("", h).replace("›", " ").split()) for h in head]
    labels = Counter(r[0] for r in body)
    found = []
    for row in body:
        for column, value in list(zip(heads, row, strict=False))[1:]:
            if labels[row[0]] == 1 and heads.count(column) == 1 and _can_be_told(row[0], column):
                found.append(Cell(row[0], column, value))
    return [c for c in found if _is_value(c.value)]


def others(table: list[Cell], cell: Cell, rng: random.Random) -> Iterator[Cell]:
    """The cell with the value of another row of its column, or of another column of its row."""
    beside = [
        c for c in table if (c.row == cell.row) != (c.column == cell.column) and _differs(c, cell)
    ]
    rng.shuffle(beside)
    for other in beside:
        yield Cell(cell.row, cell.column, other.value)


def _differs(cell: Cell, other: Cell) -> bool:
    mine, its = (re.sub(r"\W", "", c.value.lower()) for c in (cell, other))
    return mine not in its and its not in mine


def _row(line: str) -> list[str] | None:
    if RULE.fullmatch(line.strip()):
        return None
    return [" ".join(c.split()) for c in line.strip().strip("|").split("|")]


def _can_be_told(row: str, column: str) -> bool:
    return all(
        len(re.findall("[A-Za-z]", t)) >= 3 and len(t) <= MAX_CELL_CHARS for t in (row, column)
    )


def _is_value(value: str) -> bool:
    return len(value) <= MAX_CELL_CHARS and bool(re.search(r"\d|[A-Za-z]{3}", value))
