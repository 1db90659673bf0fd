"""Reads the rows of a Markdown table, and quotes of a row the cells that are asked about.

Leaves out which row answers: that is `assistant.quotes`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from assistant.questions import meanings

CELLS = " — "
"""Stands between the first cell of a quoted table row and the others."""
LEVEL = " › "
"""Stands between the levels of a column's name."""
TABLE_LINE = re.compile(r"^\|.*\|$")
TABLE_RULE = re.compile(r"^\|(?:\s*:?-+:?\s*\|)+$")
PLAIN_NUMBER = re.compile(r"[-−]?[$€£]?\d[\d,]*(?:\.\d+)?%?")


@dataclass(frozen=True)
class Row:
    """One row: its first cell, and the others with the names of their columns ("" for none)."""

    first: str
    cells: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """The whole row."""
        return _quoted(self.first, self.cells)

    @cached_property
    def name(self) -> frozenset[str]:
        """Meanings of the words that name the row: beside a number also words in other cells."""
        known = set(meanings(self.first))
        if PLAIN_NUMBER.fullmatch(self.first):
            told = (value for _, value in self.cells if not PLAIN_NUMBER.fullmatch(value))
            known |= {m for value in told for m in meanings(value)}
        return frozenset(known)

    def number(self, terms: Collection[str]) -> float | None:
        """The number in the one cell that the question names; None where it names none."""
        chosen = self._chosen(terms)
        if len(chosen) != 1 and len(self.cells) != 1:
            return None
        (_, value), *_ = chosen or self.cells
        found = PLAIN_NUMBER.fullmatch(value)
        return (
            float(re.sub(r"[^\d.]", "", value)) * (-1 if value[0] in "-−" else 1) if found else None
        )

    def about(self, terms: Collection[str]) -> str:
        """The cells whose columns the question names; the whole row where it names none."""
        chosen = self._chosen(terms)
        return _quoted(self.first, chosen) if chosen else self.text

    def _chosen(self, terms: Collection[str]) -> list[tuple[str, str]]:
        """The cells whose columns the question names best; none where it tells none apart."""
        if len(self.cells) < 2:
            return []
        names = [set(meanings(name)) for name, _ in self.cells]
        common = set.intersection(*names)
        wanted = set(terms) - common - self.name
        n_named = [len(known & wanted) for known in names]
        chosen = [c for c, n in zip(self.cells, n_named, strict=True) if n == max(n_named)]
        in_values = {m for _, value in chosen for m in meanings(value)} & wanted
        is_choice = max(n_named) and not in_values and len(chosen) <= len(self.cells) // 2 + 1
        return chosen if is_choice else []


def read_rows(lines: Sequence[str]) -> list[Row]:
    """The rows of a table, in order."""
    table = [
        [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines
        if not TABLE_RULE.match(line)
    ]
    if len(table) < 2:
        return []
    header, *body = table
    if _is_body(header, body):
        header, body = [""] * len(header), table
    rows: list[Row] = []
    group, has_items = "", False
    for first, *rest in body:
        cells = tuple((name, value) for name, value in zip(header[1:], rest, strict=False) if value)
        is_item = first.startswith("-")
        if rows and has_items and not is_item:
            group = ""
        if cells:
            name = first.lstrip("- ") if group else first
            rows.append(Row(f"{group}{name}", cells))
            group, has_items = (group, True) if is_item else ("", False)
        else:
            group, has_items = f"{first}{LEVEL}", False
    return rows


def _is_body(header: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the first row only stands where the names of columns should."""
    return bool(PLAIN_NUMBER.fullmatch(header[0])) and all(
        PLAIN_NUMBER.fullmatch(first) or not first for first, *_ in body
    )


def _quoted(first: str, cells: Sequence[tuple[str, str]]) -> str:
    """The row as `first cell — header: value; header: value`."""
    told = "; ".join(f"{name}: {value}" if name else value for name, value in cells)
    return CELLS.join(filter(None, (first, told)))
