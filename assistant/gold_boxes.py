"""Boxes that a person drew round the evidence of a question, and whether one of ours covers it.

Question files give them in points from the top left of the page as displayed
(`p3:70,75,525,188`), Documents as fractions of a page: its size is read from the PDF itself.
Leaves out documents that are no PDF on this disk, or not any more.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from langchain_core.documents import Document

from loaders.errors import LoaderError
from loaders.limits import DEFAULT_LIMITS
from loaders.pdf.document import open_pdf, page_size
from loaders.pdf.page import Box
from loaders.source import is_url, open_source

PATTERN = re.compile(r"p(\d{1,6}):([\d.]+),([\d.]+),([\d.]+),([\d.]+)")
MIN_SHARE, MAX_RATIO, MIN_IOU = 0.5, 4.0, 0.5


class GoldBox(NamedTuple):
    """page: 1-based; box: in points."""

    page: int
    box: Box

    @staticmethod
    def parsed(text: str) -> GoldBox | None:
        """The box that a question names; None for another way to name a picture."""
        found = PATTERN.fullmatch(text)
        return GoldBox(int(found[1]), Box(*map(float, found.groups()[1:]))) if found else None


def covers(ours: Box, gold: Box) -> bool:
    """Whether at least half of the gold box is ours, and ours is not four times as large.

    Or else whether what both cover is half of what either does.
    """
    common = ours.common(gold).area
    is_most = common >= MIN_SHARE * gold.area and ours.area < MAX_RATIO * gold.area
    return is_most or common >= MIN_IOU * (ours.area + gold.area - common)


class Pages:
    """Where Documents stand on their pages, in points."""

    def __init__(self) -> None:
        self._sizes: dict[tuple[str, int], tuple[float, float] | None] = {}

    def box(self, document: Document) -> Box | None:
        """The box of a Document; None if it has none, or its page cannot be looked up."""
        about = document.metadata
        if "bbox" not in about or "page" not in about:
            return None
        size = self.size(about["source"], about["page"])
        if size is None:
            return None
        x0, y0, x1, y1 = about["bbox"]
        return Box(x0 * size[0], y0 * size[1], x1 * size[0], y1 * size[1])

    def size(self, source: str, page: int) -> tuple[float, float] | None:
        """Width and height of a page of a local PDF."""
        if (source, page) not in self._sizes:
            self._sizes[source, page] = None if is_url(source) else _size(source, page)
        return self._sizes[source, page]


def _size(source: str, page: int) -> tuple[float, float] | None:
    try:
        with open_source(source, DEFAULT_LIMITS) as file, open_pdf(file) as pdf:
            return page_size(pdf, page - 1)
    except LoaderError:
        return None
