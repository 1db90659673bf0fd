"""Lines and paragraphs, put together from the runs of words in a column.

Leaves out tables: a row with wide gaps stands for itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median

from loaders.pdf.captions import CAPTION
from loaders.pdf.columns import Column, columns
from loaders.pdf.letters import LINE_END_HYPHEN, is_leftwards
from loaders.pdf.lists import BULLET, NUMBERING
from loaders.pdf.page import Box, Region, Segment

COUNTED = re.compile(r"\d+\s+[^\W\d]")
READS_ON = re.compile(r"(?=[^\W\d_])(?!\w+:)[^A-ZÀ-Þ]")
"""The middle of a sentence: a small letter, yet no `name: what it means`."""
SENTENCE_END = re.compile(r"[.!?:;][\"”’)\]]*$")
WORD_AT_END, WORD_AT_START = re.compile(r"\w[\w-]*$"), re.compile(r"\w[\w-]*")
MAX_WORD_CHARS = 200
"""How far back the start of a word is looked for: WORD_AT_END is slow in long text."""
TABULAR_GAP = 2.0
"""Between two cells of a row, in type sizes."""
PROSE_CHARS = 40
"""A line with as many is one of running text rather than of a list or a poem."""
LEADING = 1.3
"""Lines further apart than this many times the usual are of two paragraphs."""
MAX_LISTING_STEP = 2.6
"""Between two lines of one listing, in type sizes: one line may be empty."""
MAX_SPACES = 60
"""Between two words of a listing."""
PITCH = 0.6
"""Width of a typewriter's letters in type sizes, where no word is long enough to tell."""
MIN_PITCH_CHARS = 5
"""Of a word that tells it."""
SIDE = 0.25
"""Share of a letter's width that its ink leaves free at both sides."""


@dataclass(frozen=True, slots=True)
class Line:
    """What stands side by side in a column."""

    segments: tuple[Segment, ...]
    box: Box
    text: str
    baseline: float
    size: float
    is_bold: bool
    is_tabular: bool
    """Whether it consists of cells; a number before a heading is none."""
    is_typed: bool = False
    """Whether it is set in a typewriter's letters."""

    @staticmethod
    def of(segments: Sequence[Segment]) -> Line:
        """The segments, at least one, as a line; from left to right."""
        if len(segments) == 1:
            own = segments[0]
            style = own.is_bold, False, own.is_typed
            return Line((own,), own.box, own.text, own.baseline, own.size, *style)
        ordered = sorted(segments, key=lambda s: s.box.x0)
        main = max(ordered, key=lambda s: len(s.text))
        n_bold = sum(len(s.text) for s in ordered if s.is_bold)
        return Line(
            segments=tuple(ordered),
            box=Box.around(s.box for s in ordered),
            text=_beside(ordered, main),
            baseline=main.baseline,
            size=main.size,
            is_bold=n_bold > 0.8 * sum(len(s.text) for s in ordered),
            is_tabular=_are_cells(ordered, main.size),
            is_typed=all(s.is_typed for s in ordered),
        )

    @property
    def first_word_width(self) -> float:
        return self.box.width * len(self.text.split(" ", 1)[0]) / max(1, len(self.text))

    @property
    def words(self) -> Iterator[tuple[str, float, float]]:
        """Each word, and where it begins and ends; or whole segments where that is not known."""
        for segment in self.segments:
            own = segment.text.split(" ")
            if len(own) == len(segment.stops):
                for word, (x0, x1) in zip(own, segment.stops, strict=True):
                    yield word, x0, x1
            else:
                yield segment.text, segment.box.x0, segment.box.x1


def _typed_lines(lines: Sequence[Line]) -> Iterator[str]:
    """The lines of a listing with the spaces before and between their words."""
    widths = [
        (x1 - x0) / (len(word) - SIDE)
        for line in lines
        for word, x0, x1 in line.words
        if len(word) >= MIN_PITCH_CHARS
    ]
    pitch = max(0.1, float(median(widths)) if widths else PITCH * lines[0].size)
    left = min(line.box.x0 for line in lines)
    for line in lines:
        typed, end = " " * min(round((line.box.x0 - left) / pitch), MAX_SPACES), line.box.x0
        for word, x0, x1 in line.words:
            # Rounded down: the gap is that of the ink, not of the letters.
            n_spaces = max(1, int((x0 - end) / pitch + 0.1)) if typed.strip() else 0
            typed += " " * min(n_spaces, MAX_SPACES) + word
            end = x1
        yield typed


def _beside(segments: Sequence[Segment], main: Segment) -> str:
    """Their text; where most of it is read from the right, so is the line."""
    parts = []
    for before, here in pairwise(segments):
        gap = here.box.x0 - before.box.x1
        parts += [before.text, " " if gap > 0.12 * here.size else ""]
    parts.append(segments[-1].text)
    return "".join(reversed(parts) if is_leftwards(main.text) else parts)


def _are_cells(segments: Sequence[Segment], size: float) -> bool:
    wide = [b.box.x0 - a.box.x1 > TABULAR_GAP * size for a, b in pairwise(segments)]
    if wide and (NUMBERING.match(segments[0].text + " ") or len(segments[0].text) < 3):
        wide[0] = False
    return any(wide)


@dataclass(frozen=True)
class Block:
    """Lines that belong together: a paragraph, a heading, a caption, a row of a table."""

    lines: tuple[Line, ...]

    @cached_property
    def box(self) -> Box:
        return Box.around(line.box for line in self.lines)

    @cached_property
    def size(self) -> float:
        return max(self.lines, key=lambda line: len(line.text)).size

    @cached_property
    def is_bold(self) -> bool:
        return all(line.is_bold for line in self.lines)

    @cached_property
    def is_tabular(self) -> bool:
        return any(line.is_tabular for line in self.lines) and not self.is_listing

    @cached_property
    def is_listing(self) -> bool:
        """Whether it is a program, or what one has printed: its lines stay lines."""
        return all(line.is_typed for line in self.lines)

    def text(self, vocabulary: Collection[str] = ()) -> str:
        """The lines joined; vocabulary tells whether a hyphen at a line's end was the word's."""
        if self.is_listing and len(self.lines) > 1:
            return "\n".join(_typed_lines(self.lines)).replace(LINE_END_HYPHEN, "-")
        whole = self.lines[0].text
        for line in self.lines[1:]:
            whole = joined(whole, line.text, vocabulary)
        return whole.replace(LINE_END_HYPHEN, "-")


def arrange(segments: Sequence[Segment], regions: Sequence[Region]) -> list[Block | Region]:
    """Text and pictures of a page in reading order."""
    arranged: list[Block | Region] = []
    for column in columns([*segments, *regions]):
        found = _in_column(column)
        if found and arranged:
            match arranged[-1], found[0]:
                case Block() as before, Block() as after if _continues(before, after):
                    arranged[-1] = Block(before.lines + after.lines)
                    found = found[1:]
        arranged += found
    return arranged


def _in_column(column: Column) -> list[Block | Region]:
    segments = [i for i in column.items if isinstance(i, Segment)]
    found: list[Block | Region] = [*_blocks(_lines(segments, column.keeps_file_order))]
    for region in (i for i in column.items if isinstance(i, Region)):
        middle = region.box.y0 + region.box.height / 2
        below = (k for k, b in enumerate(found) if b.box.y0 + b.box.height / 2 > middle)
        found.insert(next(below, len(found)), region)
    return found


def _continues(before: Block, after: Block) -> bool:
    """Whether a paragraph goes on at the top of the next column."""
    sizes = sorted((before.size, after.size))
    if before.is_listing or after.is_listing:
        return False
    if before.is_tabular or after.is_tabular or sizes[1] > 1.1 * sizes[0]:
        return False
    is_open = len(before.lines) > 1 and not SENTENCE_END.search(before.lines[-1].text)
    return is_open and after.lines[0].text[:1].islower()


def _lines(segments: list[Segment], keeps_file_order: bool) -> list[Line]:
    if keeps_file_order:
        ordered = sorted(segments, key=lambda s: s.rank)
    else:
        ordered = sorted(segments, key=lambda s: (s.baseline, s.box.x0))
    lines: list[list[Segment]] = []
    mains: list[Segment] = []  # of each line what is set in the largest type
    for segment in ordered:
        # A raised number is drawn before its line begins, or after the next has begun.
        recent = range(len(lines) - 1, max(-1, len(lines) - (2 if keeps_file_order else 3)), -1)
        k = next((k for k in recent if _is_beside(segment, mains[k])), None)
        if k is None or (keeps_file_order and segment.box.x0 < lines[k][-1].box.x1 - segment.size):
            lines.append([segment])
            mains.append(segment)
        else:
            lines[k].append(segment)
            mains[k] = max(mains[k], segment, key=lambda s: s.size)
    return [Line.of(line) for line in lines]


def _is_beside(segment: Segment, main: Segment) -> bool:
    top = max(main.baseline - 0.75 * main.size, segment.baseline - 0.75 * segment.size)
    bottom = min(main.baseline + 0.2 * main.size, segment.baseline + 0.2 * segment.size)
    return bottom - top > 0.55 * min(main.size, segment.size)


def _blocks(lines: list[Line]) -> Iterator[Block]:
    if not lines:
        return
    shape = _Shape.of(lines)
    are_listed = _are_listed(lines, shape)
    held = [lines[0]]
    for k, line in enumerate(lines[1:], 1):
        following = lines[k + 1] if k + 1 < len(lines) else None
        if are_listed[k] and are_listed[k - 1]:
            begins = not _goes_on_listing(held[-1], line)
        elif are_listed[k] != are_listed[k - 1]:
            begins = True
        else:
            begins = _begins_block(held, line, following, shape)
        if begins:
            yield Block(tuple(held))
            held = []
        held.append(line)
    yield Block(tuple(held))


def _are_listed(lines: Sequence[Line], shape: _Shape) -> list[bool]:
    """Which lines are those of listings.

    A sentence may have a line of code in it: what follows on its line before, neither set in
    nor apart, is of its paragraph.
    """
    listed: list[bool] = []
    for k, line in enumerate(lines):
        if k and not listed[-1] and not lines[k - 1].text.endswith(":"):
            listed.append(line.is_typed and _is_set_apart(line, lines[k - 1], shape))
        elif not k and len(lines) > 1 and not lines[1].is_typed:
            listed.append(line.is_typed and _is_set_apart(line, lines[1], shape))
        else:
            listed.append(line.is_typed)
    return listed


def _is_set_apart(line: Line, other: Line, shape: _Shape) -> bool:
    is_far = abs(other.baseline - line.baseline) > LEADING * shape.leading * line.size
    return is_far or line.box.x0 - other.box.x0 > 0.8 * line.size


def _goes_on_listing(last: Line, line: Line) -> bool:
    is_near = 0 < line.baseline - last.baseline <= MAX_LISTING_STEP * line.size
    return is_near and max(line.size, last.size) <= 1.15 * min(line.size, last.size)


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the lines of a column are set."""

    leading: float
    """The usual distance of lines, in type sizes."""
    is_ragged: bool
    """Whether the lines begin anywhere, so that an indent means nothing."""

    @staticmethod
    def of(lines: list[Line]) -> _Shape:
        steps = [(b.baseline - a.baseline) / b.size for a, b in pairwise(lines)]
        usual = [step for step in steps if 0.8 < step < 2.5]
        left = Counter(round(line.box.x0 / line.size) for line in lines).most_common(4)
        right = Counter(round(line.box.x1 / line.size) for line in lines).most_common(1)
        n_aligned = sum(n for _, n in left)
        is_flush_right = right[0][1] > 2 * left[0][1]
        return _Shape(
            leading=float(median(usual)) if usual else 1.2,
            is_ragged=len(lines) > 6 and (n_aligned < 0.6 * len(lines) or is_flush_right),
        )


def _begins_block(held: list[Line], line: Line, following: Line | None, shape: _Shape) -> bool:
    """Whether a paragraph begins with the line; held: the lines of the one before."""
    last = held[-1]
    if line.is_tabular or last.is_tabular or BULLET.match(line.text):
        return True
    if max(line.size, last.size) > 1.15 * min(line.size, last.size):
        return True
    step = line.baseline - last.baseline
    usual = held[1].baseline - held[0].baseline if len(held) > 1 else shape.leading * line.size
    if not 0 < step <= LEADING * usual:
        return True
    if (label := CAPTION.match(last.text)) and label[0] == last.text:
        return False
    if line.is_bold != last.is_bold:
        bold = line if line.is_bold else last
        if step > 1.1 * usual or bold.box.x1 < _right_edge(held, line) - 2 * line.size:
            return True
    is_over = bool(SENTENCE_END.search(last.text))
    if CAPTION.match(line.text) and (is_over or step > 1.1 * usual):
        return True
    if NUMBERING.match(line.text) and (is_over or NUMBERING.match(held[0].text)):
        return True
    if COUNTED.match(line.text) and COUNTED.match(last.text):
        return True
    if not is_over and len(last.text) >= PROSE_CHARS and READS_ON.match(line.text):
        return False  # wherever its lines end and begin
    if _ends_early(held, line, following, is_over):
        return True
    return not shape.is_ragged and _is_indented(held, line, following, is_over)


def _right_edge(held: list[Line], line: Line, following: Line | None = None) -> float:
    nearby = [*held, line]
    if following and following.is_bold == line.is_bold and following.size < 1.15 * line.size:
        nearby.append(following)
    return max(near.box.x1 for near in nearby)


def _ends_early(held: list[Line], line: Line, following: Line | None, is_over: bool) -> bool:
    """Whether the last line ends although the next word would have fitted in."""
    last = held[-1]
    free = _right_edge(held, line, following) - last.box.x1
    is_centred = abs(sum(line.box[::2]) - sum(last.box[::2])) < line.size
    if is_centred and not is_over and abs(line.box.x0 - last.box.x0) > 0.5 * line.size:
        return False
    return free > line.first_word_width + (0.5 if is_over else 3.0) * line.size


def _is_indented(held: list[Line], line: Line, following: Line | None, is_over: bool) -> bool:
    """Whether the line's left edge begins a paragraph: set in, or out again after others."""
    shift = line.box.x0 - held[-1].box.x0
    if shift > 0.8 * line.size:
        goes_out_again = following is None or following.box.x0 < line.box.x0 - 0.8 * line.size
        is_hanging = len(held) == 1 and not goes_out_again
        return not is_hanging and is_over
    # One line set in is the first of its paragraph; several are a paragraph of their own.
    return shift < -0.8 * line.size and len(held) > 1


def joined(before: str, after: str, vocabulary: Collection[str]) -> str:
    """Two lines as one text; vocabulary tells whether a hyphen between them was the word's."""
    if not before.endswith((LINE_END_HYPHEN, "-")) or len(before) < 2:
        return f"{before} {after}"
    head = before[:-1]
    first, second = WORD_AT_END.search(head[-MAX_WORD_CHARS:]), WORD_AT_START.match(after)
    if first is None or second is None:
        return f"{head}- {after}"  # a dash, not a hyphen
    if f"{first[0]}{second[0]}".lower() in vocabulary:
        return f"{head}{after}"
    is_compound = "-" in first[0] or f"{first[0]}-{second[0]}".lower() in vocabulary
    if is_compound or not (first[0][-1].isalpha() and second[0][0].islower()):
        return f"{head}-{after}"
    return f"{head}{after}"
