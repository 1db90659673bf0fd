"""What only the whole document tells: its body type, its running lines, repeated pictures.

Text is sampled from at most MAX_SAMPLED pages, so that a long document costs little
more than its pages; pictures are counted on all of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from loaders.pdf.headings import Style
from loaders.pdf.objects import Drawings
from loaders.pdf.page import Frame, Segment
from loaders.pdf.running import RunningLines

MAX_SAMPLED = 64
MIN_REPEATS = 3
MAX_SHAPES = 1_000
MIN_SLIDES, WIDE, MAX_SLIDE_CHARS = 3, 1.2, 1_000
"""Slides are wider than tall, 4:3 at least, and hold less text than a page to be read: half
of what a page of a book does, on average."""
MAX_TYPED_SHARE = 0.6
"""Of the text; even in the manual of a program more than this is no listing."""
MIN_SLIDE_SHARE = 0.8
"""Of the pages; the others are hand-outs."""
WORD = re.compile(r"[^\W\d_][\w-]*[^\W_]")


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
    _pictures: Counter[str] = field(default_factory=Counter)
    _shapes: Counter[int] = field(default_factory=Counter)
    """Places of shapes, by the pages that have one there."""
    _n_pages: int = 0
    _n_wide: int = 0
    _n_typed: int = 0
    _running: RunningLines = field(default_factory=RunningLines)

    def add_page(self, index: int, frame: Frame) -> None:
        """Count a page whose text and shapes are taken in."""
        self._n_pages += 1
        self._n_wide += frame.width >= WIDE * frame.height
        self._running.add_page(index)

    def add_text(self, index: int, segments: Iterable[Segment], height: float) -> None:
        """Take in the text of a page that is upright on a sheet of that height."""
        segments = list(segments)
        self.vocabulary.update(WORD.findall("\n".join(s.text for s in segments).lower()))
        for segment in segments:
            self.styles[Style.of(segment)] += len(segment.text)
            self._n_typed += len(segment.text) if segment.is_typed else 0
        self._running.add_text(index, segments, height)

    def add_pictures(self, contents: Iterable[str]) -> None:
        """Take in the contents of the images of a page."""
        self._pictures.update(set(contents))

    def repeated_pictures(self) -> set[str]:
        """Content that is on three pages or more: logos, grounds, ornaments."""
        return {content for content, n in self._pictures.items() if n >= MIN_REPEATS}

    def add_drawings(self, drawings: Drawings) -> None:
        """Take in the shapes of a page; one of very many is a drawing of its own."""
        if len(drawings) <= MAX_SHAPES:
            self._shapes.update(set(drawings.places.tolist()))

    def ornaments(self) -> NDArray[np.int64]:
        """Places where half of the pages have the same shape: bars, frames, drawn logos."""
        least = max(MIN_REPEATS, self._n_pages / 2)
        return np.array([place for place, n in self._shapes.items() if n >= least], np.int64)

    @property
    def is_typewritten(self) -> bool:
        """Whether most of its text is set in a typewriter's letters, which then mean nothing."""
        return self._n_typed > MAX_TYPED_SHARE * sum(self.styles.values())

    @property
    def are_slides(self) -> bool:
        """Whether the pages are those of a presentation."""
        if self._n_pages < MIN_SLIDES or self._n_wide < MIN_SLIDE_SHARE * self._n_pages:
            return False
        return sum(self.styles.values()) <= MAX_SLIDE_CHARS * self._n_pages

    def is_running(self, segment: Segment, index: int, height: float) -> bool:
        """Whether it is part of a running header or footer, or a page number."""
        return self._running.holds(segment, index, height)
