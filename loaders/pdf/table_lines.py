"""Lines of pieces: the text of a page cut wherever the words stand further apart than usual.

A segment joins words that may well be of two cells; a piece joins only those that are
set like running text. Leaves out what is a cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from loaders.pdf.page import Box, Segment

PIECE_GAP = 0.5
"""Between words of one piece, in type sizes."""
SAME_LINE, SAME_LINE_SMALL = 0.45, 0.65
"""How far baselines on one line may differ, in type sizes; more for raised small type."""
MIN_PROSE_WORDS, MIN_PROSE_CHARS = 7, 38
_NUMBER = r"[-+±~≈<>≤≥−–—↑↓▲▼△▽]{0,2}\s?[$€£¥]?\s?(?:\d[\d,.:/’' ]*|\.\d+)"
NUMERIC = re.compile(
    rf"\(?(?:{_NUMBER}(?:[eE×x]\s?\d*[-−]?\d+)?)\)?\s?(?:%|‰|°C?|[kKMx×])?"
    rf"(?:\s?(?:±|–|—|-|to|/|\|)\s?\(?{_NUMBER}\)?\s?%?)?(?:\s?[*†‡§a-z\d]{{1,2}})?"
    r"|\(?(?:NA|N/A|n/a|n\.a\.|X|Z|S|D|B)\)|[-–—−.…*✓✗✔✘]{1,3}"
)
"""What stands in a column of numbers, signs for missing numbers included."""
YEAR = re.compile(r"\(?(?:FY\s?)?[12]\d{3}(?:\s?[-–/]\s?\d{2,4})?\)?[*†‡,.]?(?:\s?\d)?")


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Words set like running text, all of one segment."""

    text: str
    x0: float
    x1: float
    segment: Segment

    @property
    def middle(self) -> float:
        return (self.x0 + self.x1) / 2

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def size(self) -> float:
        return self.segment.size

    @property
    def is_numeric(self) -> bool:
        return is_numeric(self.text)


@dataclass(frozen=True, eq=False)
class TextLine:
    """Pieces from left to right that stand on one line."""

    pieces: tuple[Piece, ...]

    @cached_property
    def main(self) -> Segment:
        return max(self.pieces, key=lambda p: p.size).segment

    @property
    def baseline(self) -> float:
        return self.main.baseline

    @property
    def size(self) -> float:
        return self.main.size

    @cached_property
    def box(self) -> Box:
        y0 = min(p.segment.box.y0 for p in self.pieces)
        y1 = max(p.segment.box.y1 for p in self.pieces)
        return Box(self.pieces[0].x0, y0, max(p.x1 for p in self.pieces), y1)

    @cached_property
    def text(self) -> str:
        return " ".join(p.text for p in self.pieces)

    @property
    def is_bold(self) -> bool:
        return all(p.segment.is_bold for p in self.pieces)

    def within(self, x0: float, x1: float) -> TextLine | None:
        """The pieces whose middle lies between; None if there are none."""
        inside = tuple(p for p in self.pieces if x0 <= p.middle <= x1)
        if len(inside) == len(self.pieces):
            return self
        return TextLine(inside) if inside else None


def is_numeric(text: str) -> bool:
    """Whether a cell gives a number, or says that there is none."""
    return len(text) <= 40 and NUMERIC.fullmatch(text.strip()) is not None


def is_prose(segment: Segment) -> bool:
    """Whether it reads like a line of running text rather than a cell."""
    text = segment.text
    if len(text) < MIN_PROSE_CHARS or text.count(" ") + 1 < MIN_PROSE_WORDS:
        return False
    return sum(c.isalpha() for c in text) > 0.65 * (len(text) - text.count(" "))


def read_lines(segments: Sequence[Segment]) -> list[TextLine]:
    """The lines from top to bottom."""
    lines: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda s: (s.baseline, s.box.x0)):
        own = next((line for line in reversed(lines[-3:]) if _is_on(line, segment)), None)
        if own is None:
            lines.append([segment])
        else:
            own.append(segment)
    found = [
        TextLine(tuple(sorted((p for s in line for p in pieces(s)), key=lambda p: p.x0)))
        for line in lines
    ]
    return sorted(found, key=lambda line: line.baseline)


def _is_on(line: Sequence[Segment], segment: Segment) -> bool:
    main = max(line, key=lambda s: s.size)
    small, large = sorted((main.size, segment.size))
    share = SAME_LINE_SMALL if small < 0.8 * large else SAME_LINE
    away = abs(main.baseline - segment.baseline)
    if away > share * large:
        return False
    # Two lines set tight overlap as well: what stands above each other is not side by side.
    stacked = any(
        min(s.box.x1, segment.box.x1) - max(s.box.x0, segment.box.x0) > 0.5 * small for s in line
    )
    return not stacked or away < 0.1 * large


def pieces(segment: Segment) -> Iterator[Piece]:
    """Cut a segment where its words stand apart."""
    words = segment.text.split(" ")
    stops = segment.stops
    if len(words) == 1 or len(stops) != len(words):
        yield Piece(segment.text, segment.box.x0, segment.box.x1, segment)
        return
    first = 0
    widest = PIECE_GAP * segment.size
    for k, (before, here) in enumerate(pairwise(stops), 1):
        if here[0] - before[1] > widest:
            yield Piece(" ".join(words[first:k]), stops[first][0], before[1], segment)
            first = k
    yield Piece(" ".join(words[first:]), stops[first][0], stops[-1][1], segment)
