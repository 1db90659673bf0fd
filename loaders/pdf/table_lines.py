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
SAME_LINE, SAME_LINE_SMALL = 0.45, 0.75
"""How far baselines on one line may differ, in type sizes; more for raised small type."""
MIN_JUSTIFIED_WORDS, MAX_JUSTIFIED_GAP = 5, 0.75
"""Of a line that is spread over its column; the gap in type sizes."""
PITCH = 0.6
"""Width of the letters of a typewriter, in type sizes."""
MIN_PROSE_WORDS, MIN_PROSE_CHARS = 7, 38
_NUMBER = r"[-+±~≈<>≤≥−–—↑↓▲▼△▽]{0,2}\s?[$€£¥]?\s?(?:\d[\d,.:/’' ]*|\.\d+)"
NUMERIC = re.compile(
    rf"\(?(?:{_NUMBER}(?:[eE×x]\s?\d*[-−]?\d+)?)\)?\s?(?:%|‰|°C?|[kKMx×])?"
    rf"(?:\s?(?:±|–|—|-|to|/|\||)\s?\(?{_NUMBER}\)?\s?%?)?(?:\s?(?:[*†‡§]{{1,3}}|[a-z]|\d{{1,2}}))?"
    r"|\(?(?:NA|N/A|n/a|n\.a\.|X|Z|S|D|B)\)|[-–—−.…*✓✗✔✘]{1,3}"
)
"""What stands in a column of numbers, signs for missing numbers included."""
NO_LETTERS = re.compile(r"[^\w\s]|[\d_]")
YEAR = re.compile(r"\(?(?:FY\s?)?[12]\d{3}(?:\s?[-–/]\s?\d{2,4})?\)?[*†‡,.]?(?:\s?\d)?")


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Words set like running text, all of one segment."""

    text: str
    x0: float
    x1: float
    middle: float
    segment: Segment
    is_prose: bool
    """Whether its segment reads like a line of running text rather than a cell."""

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
        if self.box.x0 >= x0 and self.box.x1 <= x1:
            return self
        if self.box.x1 <= x0 or self.box.x0 >= x1:
            return None
        inside = tuple(p for p in self.pieces if x0 <= p.middle <= x1)
        if len(inside) == len(self.pieces):
            return self
        return TextLine(inside) if inside else None

    def meeting(self, x0: float, x1: float) -> TextLine | None:
        """The pieces of which some part lies between; None if there are none."""
        if self.box.x0 >= x0 and self.box.x1 <= x1:
            return self
        met = tuple(p for p in self.pieces if p.x1 > x0 and p.x0 < x1)
        return TextLine(met) if met else None


def is_numeric(text: str) -> bool:
    """Whether a cell gives a number, or says that there is none."""
    return len(text) <= 40 and NUMERIC.fullmatch(text.strip()) is not None


@dataclass(slots=True)
class _Held:
    """Segments of one line while more may come."""

    main: Segment
    segments: list[Segment]

    def takes(self, segment: Segment) -> bool:
        main = self.main
        away = abs(main.baseline - segment.baseline)
        small, large = sorted((main.size, segment.size))
        if away > (SAME_LINE_SMALL if small < 0.8 * large else SAME_LINE) * large:
            return False
        if away < 0.1 * large:
            return True
        # Two lines set tight overlap as well: what stands above each other is not side by side.
        x0, x1 = segment.box.x0 + 0.5 * small, segment.box.x1 - 0.5 * small
        return not any(s.box.x1 > x0 and s.box.x0 < x1 for s in self.segments)

    def take(self, segment: Segment) -> None:
        self.segments.append(segment)
        if segment.size > self.main.size:
            self.main = segment


def read_lines(segments: Sequence[Segment]) -> list[TextLine]:
    """The lines from top to bottom."""
    lines: list[_Held] = []
    for segment in sorted(segments, key=lambda s: s.baseline):
        for line in lines[:-4:-1]:
            if line.takes(segment):
                line.take(segment)
                break
        else:
            lines.append(_Held(segment, [segment]))
    found = [
        TextLine(tuple(sorted((p for s in line.segments for p in pieces(s)), key=_left)))
        for line in lines
    ]
    return sorted(found, key=lambda line: line.baseline)


def _left(piece: Piece) -> float:
    return piece.x0


def pieces(segment: Segment) -> Iterator[Piece]:
    """Cut a segment where its words stand apart."""
    words = segment.text.split(" ")
    stops = segment.stops
    starts = [0]
    gaps = [here[0] - before[1] for before, here in pairwise(stops)]
    widest = PIECE_GAP * segment.size
    may_part = len(stops) == len(words) and max(gaps, default=0.0) > 0.75 * widest
    if may_part and not _is_justified(words, gaps, segment.size):
        if _is_typewritten(words, stops, segment.size):
            widest = 1.5 * PITCH * segment.size
        for k, gap in enumerate(gaps, 1):
            if gap > widest or (gap > 0.75 * widest and _are_values(words[k - 1], words[k])):
                starts.append(k)
    reads_on = 3 * len(starts) <= len(words) and _is_prose(segment.text, len(words))
    if len(starts) == 1:
        yield _piece(words, segment.box.x0, segment.box.x1, segment, reads_on)
        return
    for first, end in pairwise([*starts, len(words)]):
        yield _piece(words[first:end], stops[first][0], stops[end - 1][1], segment, reads_on)


def _is_justified(words: Sequence[str], gaps: Sequence[float], size: float) -> bool:
    """Whether words stand apart only because their line is spread over its column."""
    if len(words) < MIN_JUSTIFIED_WORDS:
        return False
    gaps = sorted(gaps)
    usual = gaps[len(gaps) // 2]
    if not PIECE_GAP * size < gaps[-1] <= 1.7 * usual or usual > MAX_JUSTIFIED_GAP * size:
        return False
    return sum(word[0].isalpha() for word in words) > 0.7 * len(words)


def _is_typewritten(
    words: Sequence[str], stops: Sequence[tuple[float, float]], size: float
) -> bool:
    """Whether all letters are as wide as each other, and spaces as wide as letters."""
    pitches = [(stops[k + 1][0] - stops[k][0]) / (len(words[k]) + 1) for k in range(len(words) - 1)]
    if sum(word[0].isdigit() for word in words) > 0.3 * len(words):
        return False
    return sum(abs(pitch - PITCH * size) < 0.08 * size for pitch in pitches) > 0.7 * len(pitches)


def _piece(words: list[str], x0: float, x1: float, segment: Segment, reads_on: bool) -> Piece:
    return Piece(" ".join(words), x0, x1, (x0 + x1) / 2, segment, reads_on)


def _are_values(before: str, here: str) -> bool:
    """Whether two numbers stand side by side, which in running text they do not."""
    return before[-1:].isdecimal() and here[:1].isdecimal() and "." in before + here


def _is_prose(text: str, n_words: int) -> bool:
    if len(text) < MIN_PROSE_CHARS or n_words < MIN_PROSE_WORDS:
        return False
    n_letters = len(text) - n_words + 1 - len(NO_LETTERS.findall(text))
    return n_letters > 0.65 * (len(text) - n_words + 1)
