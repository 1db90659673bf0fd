"""What only the whole document tells: its body type, its running lines, repeated pictures.

Text is sampled from at most MAX_SAMPLED pages, so that a long document costs little
more than its pages; pictures are counted on all of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median

from loaders.pdf.headings import Style
from loaders.pdf.page import Segment

MAX_SAMPLED = 64
MIN_PAGES = 4
"""A document must have as many before lines in it can be running ones."""
MARGIN = 0.1
"""Share of the page's height at the top and the bottom where running lines stand."""
SAME_HEIGHT = 0.01
MIN_REPEATS = 3
WORD = re.compile(r"[^\W\d_][\w-]*[^\W_]")
ROMAN = re.compile(r"[ivxlcdm]{1,7}")


def sampled_pages(n_pages: int) -> list[int]:
    """Indexes of the pages whose text is surveyed, spread evenly."""
    n = min(n_pages, MAX_SAMPLED)
    return sorted({index * n_pages // n for index in range(n)})


@dataclass(slots=True)
class Survey:
    """Add all pages, then ask."""

    styles: Counter[Style] = field(default_factory=Counter)
    """Characters set in each style."""
    vocabulary: set[str] = field(default_factory=set)
    _seen: dict[str, dict[int, float]] = field(default_factory=dict)
    """Marginal line → page index → its height on the page, as a fraction."""
    _sampled: set[int] = field(default_factory=set)
    _pictures: Counter[str] = field(default_factory=Counter)
    _running: dict[str, float] | None = None

    def add_page(self, index: int) -> None:
        """Count a page whose text is taken in."""
        self._sampled.add(index)
        self._running = None

    def add_text(self, index: int, segments: Iterable[Segment], height: float) -> None:
        """Take in the text of a page that is upright on a sheet of that height."""
        segments = list(segments)
        self.vocabulary.update(WORD.findall("\n".join(s.text for s in segments).lower()))
        for segment in segments:
            self.styles[Style.of(segment)] += len(segment.text)
            y = segment.baseline / height
            if y < MARGIN or y > 1 - MARGIN:
                self._seen.setdefault(_without_numbers(segment.text), {})[index] = y

    def add_pictures(self, contents: Iterable[str]) -> None:
        """Take in the contents of the images of a page."""
        self._pictures.update(set(contents))

    def repeated_pictures(self) -> set[str]:
        """Content that is on three pages or more: logos, grounds, ornaments."""
        return {content for content, n in self._pictures.items() if n >= MIN_REPEATS}

    def is_running(self, segment: Segment, height: float) -> bool:
        """Whether it is part of a running header or footer, or a page number."""
        if self._running is None:
            self._running = dict(self._running_lines())
        y = segment.baseline / height
        if MARGIN + SAME_HEIGHT < y < 1 - MARGIN - SAME_HEIGHT:
            return False
        usual = self._running.get(_without_numbers(segment.text))
        return usual is not None and abs(usual - y) <= SAME_HEIGHT

    def _running_lines(self) -> Iterator[tuple[str, float]]:
        if len(self._sampled) < MIN_PAGES:
            return
        for text, heights in self._seen.items():
            usual = median(heights.values())
            pages = {i for i, y in heights.items() if abs(y - usual) <= SAME_HEIGHT}
            # Left and right pages of a book have headers of their own.
            for of_kind in (
                self._sampled,
                *({i for i in self._sampled if i % 2 == k} for k in (0, 1)),
            ):
                if len(pages & of_kind) > max(len(of_kind) / 2, MIN_REPEATS - 1):
                    yield text, usual
                    break


def _without_numbers(text: str) -> str:
    lowered = text.casefold().strip()
    return "#" if ROMAN.fullmatch(lowered) else re.sub(r"\d+", "#", lowered)
