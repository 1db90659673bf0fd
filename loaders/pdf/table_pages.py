"""Tables that go on over pages: each part gets the caption and the header of the first.

A part stays a table of its own, for it must name its page. Leaves out parts that are set
in other columns than the first, and say nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from loaders.pdf.page import Segment
from loaders.pdf.table_captions import CONTINUED, LABEL, is_continued, label_number
from loaders.pdf.tables import FoundTable

MAX_CHARS_ABOVE, MAX_CHARS_BELOW = 60, 300
"""Text between a table and the top or the bottom of a page over whose end it goes on."""
SAME_COLUMN_POINTS = 8.0
MIN_OWN_WORDS = 3
"""A caption with fewer words besides its label only says that the table goes on."""
MIN_SAME_NAMES = 0.5
MAX_REMEMBERED = 200


@dataclass(slots=True)
class TableParts:
    """Give it the tables of every page in order."""

    _last: FoundTable | None = None
    _last_page: int = -1
    _by_number: dict[str, FoundTable] = field(default_factory=dict)

    def completed(
        self, tables: Sequence[FoundTable], page: int, segments: Sequence[Segment]
    ) -> list[FoundTable]:
        """The tables, those that go on from a page before with the words of its first part.

        page: its index. segments: all text of the page but running lines.
        """
        whole: list[FoundTable] = []
        known = self._by_number
        for k, table in enumerate(tables):
            first = self._first_part(table, page, segments) if k == 0 else None
            number = label_number(table.caption) if table.caption else None
            if first is None and number and is_continued(table.caption or ""):
                first = known.get(number)
            whole.append(_completed(table, first) if first else table)
            if number and len(known) < MAX_REMEMBERED:
                known.setdefault(number, whole[-1])
        lowest = max(whole, key=lambda t: t.box.y1, default=None)
        if lowest is not None and _chars_beside(lowest, segments)[1] <= MAX_CHARS_BELOW:
            self._last, self._last_page = lowest, page
        else:
            self._last = None
        return whole

    def _first_part(
        self, table: FoundTable, page: int, segments: Sequence[Segment]
    ) -> FoundTable | None:
        """What a table at the top of a page goes on from, if it does."""
        last = self._last
        if last is None or self._last_page != page - 1:
            return None
        if table.caption:
            number = label_number(table.caption)
            same = number is not None and number == label_number(last.caption or "")
            return last if same else None
        if _chars_beside(table, segments)[0] > MAX_CHARS_ABOVE:
            return None
        return last if _has_same_columns(last, table) else None


def _chars_beside(table: FoundTable, segments: Sequence[Segment]) -> tuple[int, int]:
    """How many characters stand above and below a table and its caption."""
    own = set(table.segments)
    above = below = 0
    for segment in segments:
        if segment in own:
            continue
        if segment.box.y1 <= table.box.y0 + segment.size:
            above += len(segment.text)
        elif segment.box.y0 >= table.box.y1 - segment.size:
            below += len(segment.text)
    return above, below


def _has_same_columns(first: FoundTable, table: FoundTable) -> bool:
    if len(first.rows[0]) != len(table.rows[0]):
        return False
    if _has_same_header(first, table):
        return True
    pairs = zip(first.bounds[1:-1], table.bounds[1:-1], strict=False)
    return len(first.bounds) == len(table.bounds) and all(
        abs(a - b) <= SAME_COLUMN_POINTS for a, b in pairs
    )


def _has_same_header(first: FoundTable, table: FoundTable) -> bool:
    names = [(_plain(a), _plain(b)) for a, b in zip(first.rows[0], table.rows[0], strict=False)]
    named = [pair for pair in names if any(pair)]
    return sum(a == b for a, b in named) > MIN_SAME_NAMES * len(named) if named else False


def _plain(text: str) -> str:
    return re.sub(r"\W+", "", CONTINUED.sub("", text)).casefold()


def _completed(table: FoundTable, first: FoundTable) -> FoundTable:
    """A part of a table with the caption, the unit and the header of its first part."""
    caption = table.caption
    own = LABEL.sub("", CONTINUED.sub("", caption or ""))
    if first.caption and len(own.split()) < MIN_OWN_WORDS:
        caption = first.caption
    rows, has_header = table.rows, table.has_header
    is_as_wide = len(rows[0]) == len(first.rows[0])
    if first.has_header and is_as_wide and not _has_same_header(first, table):
        if not has_header:
            rows, has_header = (first.rows[0], *rows[1:]), True
        elif not table.caption:
            # Without rules the first row of a part is easily taken for its header.
            rows = (first.rows[0], *rows)
    return replace(
        table, caption=caption, unit=table.unit or first.unit, rows=rows, has_header=has_header
    )
