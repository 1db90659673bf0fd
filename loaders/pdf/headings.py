"""Headings: from the outline of the document, or else from its type.

Leaves out headings that look like their text, and tables of contents that are printed
but no outline. A wrong heading does more harm than a missing one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from loaders.pdf.captions import CAPTION
from loaders.pdf.letters import on_one_line
from loaders.pdf.page import Segment
from loaders.pdf.paragraphs import Block

MAX_BOOKMARKS = 10_000
MAX_TITLE_CHARS = 200
NOT_A_TITLE = re.compile(
    r"_\w+|(?:page|slide|sheet|seite|folie|blank page)\s*[\divxlc]*|\W*\d*\W*"
    r"|.*\.(?:pdf|docx?|pptx?|xlsx?|indd|qxd|tex|ps|eps|tiff?|jpe?g|png)",
    re.IGNORECASE,
)
"""Bookmarks that programs make by themselves."""
SLIDE_NUMBER = re.compile(r"(?:slide|page)\s*\d+\s*[:.–-]\s*", re.IGNORECASE)
LEADING_NUMBER = re.compile(
    r"^(?:(?:section|chapter|part|appendix)\s+)?(?:\d+(?:\.\d+)*|[a-z]|[ivxlc]+)?[.):]?\s+",
    re.IGNORECASE,
)
LISTED = re.compile(r"\(?(?:[a-z]|[ivxlc]{1,6})[.)]\s+")
NUMBERED = re.compile(
    r"(?:(?i:section|chapter|part|appendix)\s+)?((?:\d{1,3}|[A-Z])(?:\.\d+)*)\.?\s"
)
MIN_SHARE_OF_PAGES = 1 / 8
"""An outline with fewer entries for a page is too coarse to be all headings."""

LARGE, CLEARLY_LARGE = 1.15, 1.3
"""In sizes of the body's type."""
MAX_HEADING_CHARS, MAX_HEADING_LINES, MAX_BOLD_WORDS = 120, 3, 14
MAX_SHARE_OF_BLOCKS = 0.5
SLIDE_TITLE_PLACE = 1 / 3
"""Share of a slide's height at its top where its title stands, unless it has one line only."""


class Bookmark(NamedTuple):
    """One entry of the outline. level: 1 is the highest."""

    title: str
    level: int
    y_points: float | None
    """Above the bottom of the page, in PDF's coordinates."""


def read_outline(document: Any) -> dict[int, list[Bookmark]]:
    """The outline of a pypdfium2 document by page index, in its order."""
    outline: dict[int, list[Bookmark]] = {}
    for entry in islice(document.get_toc(), MAX_BOOKMARKS):
        try:
            title = on_one_line(entry.get_title())[:MAX_TITLE_CHARS]
        except UnicodeDecodeError:  # half a character
            continue
        title = SLIDE_NUMBER.sub("", title, count=1) if SLIDE_NUMBER.match(title) else title
        target = entry.get_dest()
        index = target.get_index() if target else None
        if index is None or NOT_A_TITLE.fullmatch(title):
            continue
        view, position = target.get_view()
        y = position[1] if view == 1 and len(position) > 1 else None
        outline.setdefault(index, []).append(Bookmark(title, entry.level + 1, y))
    return outline


def is_thorough(outline: dict[int, list[Bookmark]], n_pages: int) -> bool:
    """Whether the outline can stand for all headings."""
    n_entries = sum(map(len, outline.values()))
    return n_entries >= max(3, n_pages * MIN_SHARE_OF_PAGES)


def is_titled(block: Block, bookmark: Bookmark) -> bool:
    """Whether the block prints the title of the bookmark, with or without its number."""
    if len(block.lines) > MAX_HEADING_LINES + 1:
        return False
    printed, title = block.text(), bookmark.title
    return bool(
        {_letters(printed), _letters(LEADING_NUMBER.sub("", printed))}
        & {_letters(title), _letters(LEADING_NUMBER.sub("", title))} - {""}
    )


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


class Style(NamedTuple):
    """Type as a reader tells it apart. size: rounded to half a point."""

    size: float
    is_bold: bool

    @staticmethod
    def of(text: Segment | Block) -> Style:
        return Style(round(2 * text.size) / 2, text.is_bold)


SLIDE = Style(float("inf"), True)
"""That of a slide's title, whatever its type: it leaves all that was before."""


def body_size(n_chars: Counter[Style]) -> float:
    """The size of most of the text; n_chars: the characters set in each style."""
    sizes: Counter[float] = Counter()
    for style, n in n_chars.items():
        sizes[style.size] += n
    return sizes.most_common(1)[0][0] if sizes else 10.0


class Ladder:
    """The headings that a place lies under, highest first, as their type and numbers rank them."""

    def __init__(self) -> None:
        self._ranks: list[tuple[Style, int]] = []
        self._depths: dict[Style, int] = {}

    @property
    def is_empty(self) -> bool:
        """Whether no heading has come yet."""
        return not self._ranks

    def level(self, style: Style, text: str) -> int:
        """The level of the next heading: below those in larger type, or in bold of its size.

        In the same type, 2.1 is below 2; what has no number is beside the one before.
        """
        found = NUMBERED.match(text)
        depth = found[1].count(".") if found else self._depths.get(style, 0)
        self._depths[style] = depth
        rank = (style, -depth)
        while self._ranks and not self._ranks[-1] > rank:
            self._ranks.pop()
        self._ranks.append(rank)
        return len(self._ranks)


class TypeHeading(NamedTuple):
    """A heading recognised by its type. blocks: indexes of those that print it."""

    blocks: tuple[int, ...]
    style: Style


def headings_by_type(blocks: Sequence[Block], body: float) -> list[TypeHeading]:
    """The headings of a page: what stands out from a body of that size and opens text."""
    found: list[TypeHeading] = []
    is_text = False  # whether text follows that the heading may open
    for k in range(len(blocks) - 1, -1, -1):
        block = blocks[k]
        if not (_reads_like_heading(block) and _stands_out(block, body)):
            is_text = is_text or _is_text(block, body)
            continue
        is_above = bool(found) and found[-1].blocks[0] == k + 1
        if _is_cell(block, blocks[max(0, k - 4) : k + 5]) or not is_text:
            continue
        if is_above and _goes_on(block, blocks[k + 1]):
            found[-1] = TypeHeading((k, *found[-1].blocks), found[-1].style)
        elif block.size >= LARGE * body or is_above or _opens(blocks[k + 1 : k + 2]):
            found.append(TypeHeading((k,), Style.of(block)))
    # Where most of a page stands out, nothing does: a cover, a poster, a list in bold.
    return found[::-1] if len(found) <= max(3, MAX_SHARE_OF_BLOCKS * len(blocks)) else []


def slide_title(blocks: Sequence[Block], body: float, height: float) -> TypeHeading | None:
    """The title of a slide of that height: the largest type at its top, or else on all of it."""
    at_top = [k for k, b in enumerate(blocks) if b.box.y0 < SLIDE_TITLE_PLACE * height]
    for places, least in ((at_top, LARGE * body), (range(len(blocks)), CLEARLY_LARGE * body)):
        large = [k for k in places if blocks[k].size >= least and _reads_like_heading(blocks[k])]
        if large:
            k = max(large, key=lambda k: (round(2 * blocks[k].size), -blocks[k].box.y0))
            goes_on = k + 1 < len(blocks) and _goes_on(blocks[k], blocks[k + 1])
            return TypeHeading((k, k + 1) if goes_on else (k,), SLIDE)
    return None


def headings_by_outline(
    blocks: Sequence[Block], bookmarks: Sequence[tuple[Bookmark, float | None]]
) -> Iterator[tuple[int, Bookmark, bool]]:
    """(index, bookmark, whether the block there prints it): else it goes before that block.

    bookmarks: those of the page, with their height on it from the top.
    """
    printed: set[int] = set()
    for bookmark, y in bookmarks:
        own = [k for k, b in enumerate(blocks) if k not in printed and is_titled(b, bookmark)]
        if own:
            k = min(own, key=lambda k: (abs(blocks[k].box.y0 - y) if y is not None else 0, k))
            printed.add(k)
            yield k, bookmark, True
        else:
            below = [] if y is None else [k for k, b in enumerate(blocks) if b.box.y1 > y]
            yield min(below, key=lambda k: blocks[k].box.y0, default=0), bookmark, False


def _stands_out(block: Block, body: float) -> bool:
    ratio = block.size / body
    if ratio >= CLEARLY_LARGE or (block.is_bold and ratio >= LARGE):
        return True
    n_words = len(block.text().split())
    return block.is_bold and ratio >= 0.97 and n_words <= MAX_BOLD_WORDS and len(block.lines) <= 2


def _reads_like_heading(block: Block) -> bool:
    text = block.text()
    if block.is_listing and len(block.lines) > 1:
        return False
    if block.is_tabular or len(block.lines) > MAX_HEADING_LINES or len(text) > MAX_HEADING_CHARS:
        return False
    if CAPTION.match(text) or re.match(r"(?i:table)\s*\d", text) or text[-1:] in ".,;:-–—":
        return False
    named = LEADING_NUMBER.sub("", text)  # "2.3.1 Data" is named with four letters
    n_letters = sum(c.isalpha() for c in named)
    first = LISTED.sub("", text)[:1]  # "iv. Clean transit"
    starts_well = first.isalnum() and not first.islower()
    return starts_well and n_letters >= 3 and n_letters >= 0.6 * len(named.replace(" ", ""))


def _goes_on(block: Block, following: Block) -> bool:
    """Whether the heading takes up the following block too, set in the same type."""
    gap = following.lines[0].baseline - block.lines[-1].baseline
    n_lines = len(block.lines) + len(following.lines)
    is_same = Style.of(block) == Style.of(following)
    return is_same and 0 < gap < 1.6 * block.size and n_lines <= MAX_HEADING_LINES


def _is_text(block: Block, body: float) -> bool:
    """Whether it is running text rather than a label, a cell, a note or a line of a list."""
    n_chars = len(block.text())
    is_long = n_chars >= 80 or (n_chars >= 50 and len(block.lines) > 1)
    return is_long and not block.is_tabular and block.size > 0.7 * body


def _opens(following: Sequence[Block]) -> bool:
    """Whether what comes right below a bold line can be what it is the heading of."""
    return any(not (block.is_tabular or block.is_bold) for block in following)


def _is_cell(block: Block, blocks: Sequence[Block]) -> bool:
    """Whether something short stands at its side, as in a table."""
    for other in blocks:
        overlap = min(block.box.y1, other.box.y1) - max(block.box.y0, other.box.y0)
        is_short = len(other.lines) <= len(block.lines)
        if other is not block and is_short and overlap > 0.3 * block.size:
            return True
    return False
