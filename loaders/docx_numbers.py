"""Counts the items of numbered lists in a Word document, which keeps only how to count them.

Leaves out the numbers of headings, and ways of counting other than numbers, letters and Roman.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from docx.oxml.ns import qn
from lxml import etree

from loaders.ooxml import whole_number

BULLET = "-"
PLACE = re.compile(r"%([1-9])")
MAX_LEVELS = 9
MAX_MARK_CHARS = 30
ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
MAX_ROMAN = 3999


@dataclass(frozen=True, slots=True)
class _Level:
    """How one level of a list is counted."""

    kind: str
    text: str
    start: int


class ListNumbers:
    """Gives each item of a list its mark, in the order of the document."""

    def __init__(self, numbering: etree._Element | None) -> None:
        """numbering: the `w:numbering` element, if the document has one."""
        self._lists: dict[str, str] = {}
        self._levels: dict[str, dict[int, _Level]] = {}
        self._restarts: dict[tuple[str, int], int] = {}
        self._counts: defaultdict[str, dict[int, int]] = defaultdict(dict)
        self._begun: set[str] = set()
        if numbering is None:
            return
        for element in numbering.iterfind(qn("w:abstractNum")):
            levels = {_number(lvl, "w:ilvl"): _level(lvl) for lvl in element.iterfind(qn("w:lvl"))}
            self._levels[element.get(qn("w:abstractNumId"), "")] = levels
        for element in numbering.iterfind(qn("w:num")):
            number = element.get(qn("w:numId"), "")
            self._lists[number] = _value(element, "w:abstractNumId") or ""
            for override in element.iterfind(qn("w:lvlOverride")):
                start = _value(override, "w:startOverride")
                if start is not None:
                    self._restarts[number, _number(override, "w:ilvl")] = whole_number(start, 1)

    def mark(self, list_id: str, level: int) -> str:
        """What stands before the next item: "2.", "b)", or a hyphen."""
        abstract = self._lists.get(list_id, "")
        levels = self._levels.get(abstract, {})
        own = levels.get(level)
        if own is None:
            return BULLET
        counts = self._counts[abstract]
        if list_id not in self._begun:
            self._begun.add(list_id)
            for (restarted, at), start in self._restarts.items():
                if restarted == list_id:
                    counts[at] = start - 1
        counts[level] = counts.get(level, own.start - 1) + 1
        for deeper in range(level + 1, MAX_LEVELS):
            counts.pop(deeper, None)
        if own.kind in {"bullet", "none"}:
            return BULLET
        marked = PLACE.sub(lambda found: _shown(int(found[1]) - 1, levels, counts), own.text)
        return marked.strip()[:MAX_MARK_CHARS] or BULLET


def _shown(level: int, levels: dict[int, _Level], counts: dict[int, int]) -> str:
    found = levels.get(level)
    if found is None:
        return ""
    number = counts.get(level, found.start)
    match found.kind:
        case "lowerLetter":
            return _letters(number)
        case "upperLetter":
            return _letters(number).upper()
        case "lowerRoman":
            return _roman(number)
        case "upperRoman":
            return _roman(number).upper()
        case "decimalZero":
            return f"{number:02d}"
    return str(number)


def _letters(number: int) -> str:
    """a to z, then aa, bb, as Word counts."""
    if not 0 < number <= 26 * MAX_LEVELS:
        return str(number)
    times, letter = divmod(number - 1, 26)
    return chr(ord("a") + letter) * (times + 1)


def _roman(number: int) -> str:
    if not 0 < number <= MAX_ROMAN:
        return str(number)
    found = ""
    for value, letters in ROMAN:
        times, number = divmod(number, value)
        found += letters * times
    return found


def _level(element: etree._Element) -> _Level:
    kind = _value(element, "w:numFmt") or "decimal"
    return _Level(
        kind, _value(element, "w:lvlText") or "", whole_number(_value(element, "w:start"), 1)
    )


def _number(element: etree._Element, name: str) -> int:
    return whole_number(element.get(qn(name)))


def _value(element: etree._Element, tag: str) -> str | None:
    found = element.find(qn(tag))
    return None if found is None else found.get(qn("w:val"))
