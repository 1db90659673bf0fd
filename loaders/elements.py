"""What a format's reader yields, in reading order, before it becomes Documents.

Leaves out everything that all formats share (chunks, figure storage, descriptions, ids):
that is `loaders.loader`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from PIL import Image

BBox = tuple[float, float, float, float]
"""(x0, y0, x1, y1) as fractions of the page, origin top left."""


@dataclass(frozen=True, slots=True)
class Info:
    """Facts about the whole document. Yield it first; absent facts stay None."""

    title: str | None = None
    n_pages: int | None = None
    page_labels: Mapping[int, str] = field(default_factory=dict)
    """Page → what the document itself calls it ("iv", "A-3"), where that is not its number."""


@dataclass(frozen=True, slots=True)
class Heading:
    """Opens a section. level: 1 is the highest.

    is_resumed: the section is open already, and goes on after a note with headings of its own;
    without text, what comes next stands in no section of that level.
    """

    text: str
    level: int
    page: int | None = None
    bbox: BBox | None = None
    is_resumed: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A run of text that belongs together: a paragraph, a list item, a note, a code block.

    is_whole: it makes sense only as a whole, as program text does, and is cut later than prose.
    """

    text: str
    page: int | None = None
    bbox: BBox | None = None
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """rows[0] is the header row; cells are plain text.

    unit: the line that says in what the numbers are given. image: the region as it looks, or
    the chart of which these are the data, or what draws it.
    cells: where it lies on its sheet, "B2:F15".
    """

    rows: tuple[tuple[str, ...], ...]
    caption: str | None = None
    page: int | None = None
    bbox: BBox | None = None
    unit: str | None = None
    image: bytes | Image.Image | Callable[[], Image.Image] | None = None
    caption_bbox: BBox | None = None
    cells: str | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One picture. image: its file's bytes in any format that Pillow reads, or the picture, or
    what draws it if it is wanted.

    caption is what the document prints with the figure, alt its alternative text. text is
    what the document prints in the figure, ocr what was read in its pixels already, "" for
    nothing. is_drawn: whether there are no pixels in it that could hold more text. start and
    end, in seconds, are when a film shows it; spoken is what is said meanwhile. is_sent: a
    person added or sent it by itself, so that it is no icon though it may be small. data: the
    numbers that a chart draws. cells: the cell of a sheet at which it lies.
    """

    image: bytes | Image.Image | Callable[[], bytes | Image.Image]
    caption: str | None = None
    alt: str | None = None
    page: int | None = None
    bbox: BBox | None = None
    caption_bbox: BBox | None = None
    text: str | None = None
    ocr: str | None = None
    is_drawn: bool = False
    start: float | None = None
    end: float | None = None
    spoken: str | None = None
    is_sent: bool = False
    data: str | None = None
    cells: str | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """What follows stands on the sheet of a workbook that has this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Speech:
    """Words spoken from start to end, in seconds. modality: "audio", or "video" in a film.

    language: of the text, "en".
    """

    text: str
    start: float
    end: float
    modality: str = "audio"
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in the document that was left out, with the reason, for the report."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Attached:
    """A whole file inside the document; its name is as the document gives it."""

    name: str
    content: bytes


Element = Info | Heading | Paragraph | Table | Figure | Speech | Sheet | Skipped | Attached


def one_line(text: str) -> str:
    """The text with single spaces for all white space."""
    return re.sub(r"\s+", " ", text).strip()
