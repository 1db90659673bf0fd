"""Cuts the words of a figure into parts of the size that the embedding model reads.

Most figures are one part. Of a screenshot full of text or a chart full of numbers, the first
part holds what people and machines say of it, the others the rest of the words in it, each
below its caption. Leaves out which words those are: that is `fusion`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from loaders.captioning.lettering import has_words

MAX_TOKENS = 230
"""As counted here; all-MiniLM reads 256 of its own. Of 2,475 chunks counted as 230 or less, 12
had more than 256."""
MAX_PARTS = 10
"""Of one figure. What a picture says beyond them is not searched."""
MIN_ROOM = 40
"""Tokens. Less is not worth cutting a text for."""
ELSEWHERE_TOKENS = 100
"""For sentences that refer to a figure, whatever its own words need: an answer that takes one of
them shows the figure for it."""
TOKEN = re.compile(r"[a-zA-Z]{1,6}|[^\W\d_]|\d{1,3}|[^\w\s]|_")
GOOD_END = re.compile(r"[;.!?…。！？]\s|[。！？]|\s")


class Line(NamedTuple):
    """One thing known of a figure. label: what tells its provenance, in front of the text.

    is_lettering: the text in the picture or the data of a chart, which may be cut and go on in
    a later part, rather than something said about the figure. is_elsewhere: it stands in the
    document by itself too, so that it never needs a further part.
    """

    label: str
    text: str
    is_lettering: bool = False
    is_elsewhere: bool = False

    def __str__(self) -> str:
        return self.label + self.text


def n_tokens(text: str) -> int:
    """About the number of tokens that an embedding model makes of a text."""
    return sum(1 for _ in TOKEN.finditer(text))


def split(lines: Sequence[Line], head: str) -> list[str]:
    """The text of each part: one where all lines fit, else each later one begins with the head."""
    lines = _with_less_from_elsewhere(lines)
    kept: dict[int, Line] = {}
    rest: dict[int, Line] = {}
    room = MAX_TOKENS
    # What is said about the figure comes first, then as much of its lettering as there is room.
    for n in sorted(range(len(lines)), key=lambda n: (lines[n].is_lettering, n)):
        first, more = _cut(lines[n], room, may_overflow=not kept)
        if first:
            kept[n] = first
            room -= n_tokens(str(first))
        if more:
            rest[n] = more
    whole = "\n".join(str(kept[n]) for n in sorted(kept))
    later = _packed([rest[n] for n in sorted(rest)], head)
    return [whole, *(part for part, _ in zip(later, range(MAX_PARTS - 1), strict=False))]


def _with_less_from_elsewhere(lines: Sequence[Line]) -> list[Line]:
    """The lines, with only so much of what stands elsewhere too as leaves room for the others."""
    own = sum(n_tokens(str(line)) for line in lines if not line.is_elsewhere)
    room = max(MAX_TOKENS - own, ELSEWHERE_TOKENS)
    kept = []
    for line in lines:
        if not line.is_elsewhere:
            kept.append(line)
            continue
        needed, n_label = n_tokens(str(line)), n_tokens(line.label)
        if needed <= room:
            kept.append(line)
        elif room - n_label >= MIN_ROOM:
            kept.append(line._replace(text=_taken(line.text, room - n_label)[0]))
        room -= needed
    return kept


def _cut(line: Line, room: int, *, may_overflow: bool) -> tuple[Line | None, Line | None]:
    """What of a line goes into the room, and what is left of it."""
    if n_tokens(str(line)) <= room or (may_overflow and not line.is_lettering):
        return line, None
    room -= n_tokens(line.label)
    if room < MIN_ROOM or not line.is_lettering:
        return None, line
    first, more = _taken(line.text, room)
    return line._replace(text=first), line._replace(text=more)


def _packed(lines: Iterable[Line], head: str) -> Iterator[str]:
    """The lines below the head, in as many texts as they need, without those of no word."""
    most = MAX_TOKENS - n_tokens(head)
    heads = [head] if head else []
    held: list[str] = []
    room = most
    for piece in _pieces(lines, most):
        needed = n_tokens(piece)
        if held and needed > room:
            yield "\n".join([*heads, *held])
            held, room = [], most
        held.append(piece)
        room -= needed
    if held:
        yield "\n".join([*heads, *held])


def _pieces(lines: Iterable[Line], most: int) -> Iterator[str]:
    for line in lines:
        more = line.text
        while more:
            first, more = _taken(more, max(MIN_ROOM, most - n_tokens(line.label)))
            if has_words(first):
                yield line.label + first


def _taken(text: str, most: int) -> tuple[str, str]:
    """The text up to so many tokens, cut where a sentence, a line or a word ends, and the rest."""
    # No further than needed: a text is cut again and again.
    ends = [found.end() for found in islice(TOKEN.finditer(text), most + 1)]
    if len(ends) <= most:
        return text, ""
    limit = ends[most - 1]
    found = [end for end in GOOD_END.finditer(text, 0, limit) if end.end() > limit // 2]
    lines = [end for end in found if not end.group()[0].isspace()]
    cut = max((end.end() for end in lines or found), default=limit)
    return text[:cut].rstrip(), text[cut:].lstrip()
