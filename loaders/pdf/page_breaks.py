"""Sentences that a page break cuts in two are completed on the page where they begin.

The words that complete the last sentence of a page are taken from the top of the next
one; what stands there otherwise stays, so that every chunk still names one page. Looks
one page ahead and holds nothing longer. Leaves out sentences that go on over headings.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from loaders.elements import Element, Figure, Paragraph, Skipped, Table
from loaders.pdf.lists import BULLET, NUMBERING
from loaders.pdf.paragraphs import SENTENCE_END, joined

MIN_OPEN_CHARS = 40
"""A shorter text without an end is a label or a line of a form, not a sentence cut off."""
MAX_MOVED_CHARS = 600
MAX_SIZE_RATIO = 1.05
ABBREVIATED = r"(?<!\b[A-Za-z])(?<!\b(?:al|cf|vs|Dr|Mr|St|No))(?<!\b(?:Fig|Eqs|Sec|Mrs|etc))"
FIRST_SENTENCE = re.compile(rf".*?{ABBREVIATED}[.!?][\"”’)\]]*(?=\s+[\"“(\[]?[A-Z0-9])", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Prose(Paragraph):
    """A paragraph that may go on over the end of its page. size: of its type, in points."""

    size: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether its last sentence has no end."""
        text = self.text.rstrip()
        return len(text) >= MIN_OPEN_CHARS and not SENTENCE_END.search(text)


def complete_sentences(
    elements: Iterable[Element], vocabulary: Collection[str]
) -> Iterator[Element]:
    """The same elements in the same order, sentences cut by a page break made whole.

    vocabulary: tells whether a hyphen at the end of the page was the word's own.
    """
    open_: Prose | None = None
    after: list[Element] = []  # what follows the open paragraph: notes, figures
    for found in elements:
        element = found
        if open_ and not _may_go_on(open_, element):
            yield from (open_, *after)
            open_, after = None, []
        if open_ and isinstance(element, Prose) and _is_like(open_, element):
            whole, rest = _completed(open_, element, vocabulary)
            yield from (whole, *after)
            open_, after = None, []
            if not rest:
                continue
            element = rest
        if isinstance(element, Prose) and element.is_open and not open_:
            open_ = element
        elif open_:
            after.append(element)
        else:
            yield element
    if open_:
        yield from (open_, *after)


def _may_go_on(open_: Prose, element: Element) -> bool:
    """Whether the open paragraph can still be completed by the element or by one after it."""
    if isinstance(element, Skipped):
        return True
    # Figures of another page are not held back: their pictures may be large, and many.
    is_heavy = isinstance(element, Figure) and element.page != open_.page
    if not isinstance(element, Paragraph | Table | Figure) or is_heavy:
        return False
    if element.page is None or open_.page is None:
        return False
    is_below = isinstance(element, Prose) and _is_like(open_, element)
    return element.page == open_.page + 1 or (element.page == open_.page and not is_below)


def _is_like(open_: Prose, other: Prose) -> bool:
    """Whether it is set in type of the same size: a note or a caption is not."""
    low, high = sorted((open_.size, other.size))
    return high <= MAX_SIZE_RATIO * low


def _completed(
    open_: Prose, following: Prose, vocabulary: Collection[str]
) -> tuple[Prose, Prose | None]:
    """The paragraph with its sentence completed, and what is left of the following one."""
    text = following.text
    first = FIRST_SENTENCE.match(text[: MAX_MOVED_CHARS + 1])
    head = first[0] if first else text
    is_new = BULLET.match(text) or NUMBERING.match(text) or not text[:1].islower()
    if is_new or len(head) > MAX_MOVED_CHARS or not (first or SENTENCE_END.search(head)):
        return open_, following
    whole = replace(open_, text=joined(open_.text.rstrip(), head, vocabulary))
    rest = text[len(head) :].strip()
    return whole, replace(following, text=rest) if rest else None
