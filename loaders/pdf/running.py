"""Running lines: what comes back at the edge of page after page, and page numbers.

Such a line stands apart: nothing of the page's own is beyond it, and a gap is between it
and the body. The head of a table that goes on over pages does not. Leaves out a chapter's
own header where the chapter has one page.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import median

from loaders.pdf.page import Segment

MIN_PAGES = 4
"""A document must have as many before lines in it can be running ones."""
MIN_NUMBERED = 3
"""Pages whose numbers go up with them before those are page numbers."""
MARGIN, NUMBER_MARGIN = 0.1, 0.2
"""Shares of the page's height at the top and the bottom where running lines stand."""
SAME_HEIGHT = 0.01
SAME_LINE = 0.3
"""Baselines no further apart than this, in type sizes, are of one line."""
MIN_REPEATS = 3
REMEMBERED_TEXTS = 1_000
"""The same lines are asked about several times for a page, and come back on others."""
MIN_GAP = 1.5
"""Between a running line and the body, in type sizes."""
MIN_APART = 0.6
"""Share of its pages on which a running line stands apart."""
MIN_FILLED = 0.8
"""Share of the lines at one height that come back, where each chapter has its own."""
NUMBER = re.compile(
    r"\W*(?:(?:page|pg|p|sheet|slide|seite|folie|blatt)\b\W*)?(\d{1,5}|[ivxlc]{1,7})\W*"
    r"(?:(?:of|von|de|/)\W*\d{1,5}\W*)?"
)
NUMBER_AT_END = re.compile(r"^(\d{1,5}) | (\d{1,5})$")
ROMAN = re.compile(r"(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})")
ROMAN_DIGITS = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}

Name = tuple[bool, str]
"""Whether it stands at the top, and its text without numbers."""
Heights = Mapping[Name, float]
Count = tuple[bool, int]
"""Whether the number is Roman, and how far it is ahead of the page's index."""


@dataclass(frozen=True, slots=True)
class _Line:
    """Words in the margin. y: of the baseline, from the edge of the page inwards."""

    name: Name
    y: float
    size: float
    count: Count | None

    def is_in(self, running: Heights) -> bool:
        usual = running.get(self.name)
        return usual is not None and abs(self.y - usual) <= SAME_HEIGHT


@dataclass(frozen=True, slots=True)
class _Edge:
    """The top or the bottom of a page: its lines, and where the text beyond the margin is."""

    index: int
    lines: list[_Line]
    body: float

    def without(self, running: Heights) -> _Edge:
        """The edge with the other lines only."""
        others = [line for line in self.lines if not line.is_in(running)]
        return _Edge(self.index, others, self.body)

    def is_outermost(self, line: _Line) -> bool:
        """Whether no line is between it and the edge of the page."""
        return all(o.y > line.y - SAME_HEIGHT / 2 for o in self.lines)

    def is_apart(self, line: _Line) -> bool:
        """Whether it is the outermost, and a gap is between it and the text of the page."""
        inner = [o.y for o in self.lines if o.y > line.y + SAME_LINE * line.size]
        gap = min(inner, default=self.body) - line.y
        return gap >= MIN_GAP * line.size and self.is_outermost(line)

    def is_alone(self, line: _Line) -> bool:
        """Whether it is the outermost, and nothing is beside it."""
        near = SAME_LINE * line.size
        is_beside = any(abs(o.y - line.y) < near for o in self.lines if o is not line)
        return not is_beside and self.is_outermost(line)


_Places = dict[Name, list[tuple[int, _Line]]]
"""Lines by their names, each with the place of its edge among all edges."""


@dataclass(slots=True)
class RunningLines:
    """Add pages, then ask about any."""

    _edges: list[_Edge] = field(default_factory=list)
    _added: set[int] = field(default_factory=set)
    _found: tuple[Heights, set[Count]] | None = None

    def add_page(self, index: int) -> None:
        """Count a page, with or without text."""
        self._added.add(index)
        self._found = None

    def add_text(self, index: int, segments: Iterable[Segment], height: float) -> None:
        """Take in the text of a page that is upright on a sheet of that height."""
        segments = list(segments)
        from_top = [s.baseline / height for s in segments]
        for is_top, ys in ((True, from_top), (False, [1 - y for y in from_top])):
            lines = [
                _line(segments[k], index, y, height, is_top=is_top)
                for k, y in enumerate(ys)
                if y < NUMBER_MARGIN
            ]
            if lines:
                body = min((y for y in ys if y >= NUMBER_MARGIN), default=1.0)
                self._edges.append(_Edge(index, lines, body))

    def holds(self, segment: Segment, index: int, height: float) -> bool:
        """Whether a segment is part of a running line, or a page number."""
        if self._found is None:
            running = self._running()
            self._found = running, self._counts(running)
        running, counts = self._found
        if not running and not counts:
            return False
        y = segment.baseline / height
        if NUMBER_MARGIN < y < 1 - NUMBER_MARGIN:
            return False
        line = _line(segment, index, y if (is_top := y < 0.5) else 1 - y, height, is_top=is_top)
        is_number = line.name[1] == "#" and line.y < NUMBER_MARGIN
        return line.is_in(running) or (is_number and line.count in counts)

    def _running(self) -> Heights:
        """What comes back, with its usual height."""
        if len(self._added) < MIN_PAGES:
            return {}
        heights: dict[Name, list[float]] = defaultdict(list)
        for edge in self._edges:
            for line in edge.lines:
                if line.y < MARGIN:
                    heights[line.name].append(line.y)
        usual = {name: median(ys) for name, ys in heights.items()}
        places: _Places = defaultdict(list)
        for k, edge in enumerate(self._edges):
            for line in edge.lines:
                if line.is_in(usual):
                    places[line.name].append((k, line))
        often = {name for name in places if self._are_most(places[name])}
        twice = {
            name
            for name in places
            if name[1] not in ("", "#") and len({self._edges[k].index for k, _ in places[name]}) > 1
        }
        repeated = self._apart(places, {name: usual[name] for name in often | twice})
        others = [edge.without(repeated) for edge in self._edges]
        kept = {
            name: y
            for name, y in repeated.items()
            if name in often or self._is_filled(name[0], y, repeated, others)
        }
        return self._apart(places, kept)

    def _apart(self, places: _Places, heights: Heights) -> Heights:
        """Those that stand apart on most of their pages; the others are text of the page."""
        while True:
            others = [edge.without(heights) for edge in self._edges]
            apart = {
                name: y
                for name, y in heights.items()
                if sum(others[k].is_apart(line) for k, line in places[name])
                >= MIN_APART * len(places[name])
            }
            if len(apart) == len(heights):
                return apart
            heights = apart

    def _are_most(self, places: Iterable[tuple[int, _Line]]) -> bool:
        """Whether they are on most pages, or on most left or most right ones of a book."""
        pages = {self._edges[k].index for k, _ in places}
        for of_kind in (self._added, *({i for i in self._added if i % 2 == k} for k in (0, 1))):
            if len(pages & of_kind) > max(len(of_kind) / 2, MIN_REPEATS - 1):
                return True
        return False

    def _is_filled(
        self, is_top: bool, y: float, repeated: Heights, others: Sequence[_Edge]
    ) -> bool:
        """Whether most pages have a line at this height, and nearly all of those come back.

        others: the edges without what is repeated.
        """
        places = [
            (k, line)
            for k, edge in enumerate(self._edges)
            for line in edge.lines
            if abs(line.y - y) <= SAME_HEIGHT
            and line.name[0] == is_top
            and line.name[1] not in ("", "#")
            and others[k].is_outermost(line)
        ]
        of_these = [(k, line) for k, line in places if line.is_in(repeated)]
        n_pages = len({self._edges[k].index for k, _ in places})
        n_repeated = len({self._edges[k].index for k, _ in of_these})
        return n_repeated >= MIN_FILLED * n_pages and self._are_most(of_these)

    def _counts(self, running: Heights) -> set[Count]:
        """What the numbers of the pages have in common: how far they are ahead of the index."""
        pages: dict[Count, set[int]] = defaultdict(set)
        for edge in self._edges:
            others = edge.without(running)
            for line in edge.lines:
                if line.count is None:
                    continue
                if others.is_alone(line) if line.name[1] == "#" else line.is_in(running):
                    pages[line.count].add(edge.index)
        return {count for count, indexes in pages.items() if len(indexes) >= MIN_NUMBERED}


def _line(segment: Segment, index: int, y: float, height: float, *, is_top: bool) -> _Line:
    name = (is_top, _without_numbers(segment.text))
    return _Line(name, y, segment.size / height, _count(segment.text, index))


@lru_cache(REMEMBERED_TEXTS)
def _without_numbers(text: str) -> str:
    """The text as it comes back on other pages; "#" for a number."""
    folded = _folded(text)
    if NUMBER.fullmatch(folded):
        return "#"
    return re.sub(r"^# | #$", "", re.sub(r"\d+", "#", folded))


@lru_cache(REMEMBERED_TEXTS)
def _count(text: str, index: int) -> Count | None:
    """That of a number, or of the one before or after a text."""
    found = NUMBER.fullmatch(folded := _folded(text)) or NUMBER_AT_END.search(folded)
    number = next(filter(None, found.groups()), "") if found else ""
    if number.isdecimal():
        return False, int(number) - index
    return (True, _roman(number) - index) if number and ROMAN.fullmatch(number) else None


def _folded(text: str) -> str:
    return text.casefold().strip()


def _roman(number: str) -> int:
    values = [ROMAN_DIGITS[digit] for digit in number]
    return sum(
        -value if k + 1 < len(values) and value < values[k + 1] else value
        for k, value in enumerate(values)
    )
