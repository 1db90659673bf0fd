"""Draws what was read from a PDF on pictures of its pages, for people who wonder.

Leaves out what has no box: headings that only the outline names.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from loaders.captioning.describer import FigureDescriber
from loaders.captioning.ocr import OcrReader
from loaders.content_type import PDF, content_type, format_name
from loaders.elements import (
    Attached,
    BBox,
    Element,
    Figure,
    Heading,
    Info,
    Paragraph,
    Skipped,
    Table,
)
from loaders.errors import UnsupportedFormat
from loaders.limits import DEFAULT_LIMITS, Limits
from loaders.media import MediaStore
from loaders.pdf.document import PAGE_ERRORS, PDFIUM, open_page, open_pdf
from loaders.pdf.loader import PdfLoader
from loaders.pdf.page import Frame
from loaders.pdf.rendering import POINTS_PER_INCH, render
from loaders.source import is_url, open_source

COLOURS = {
    "text": "#64748b",
    "heading": "#7c3aed",
    "figure": "#dc2626",
    "table": "#2563eb",
    "caption": "#b45309",
}
DPI = 110.0
MAX_PIXELS, MAX_SIDE = 4_000_000, 8_000
"""Of a drawn page, so that a poster or a mile of paper makes a picture all the same."""
LINE_PIXELS, LETTER_PIXELS, SMALL_LETTER_PIXELS = 2, 12, 9
MAX_NAME_CHARS, MAX_STEM_CHARS = 60, 60
NOT_IN_NAMES = re.compile(r"[^\w .()-]")

OnPage = Callable[[str, int, int], None]
"""Called with `Reading` or `Drawing`, the pages done and their number."""


class Mark(NamedTuple):
    """A box to be drawn. page: 1-based; name: what is printed at the box."""

    page: int
    bbox: BBox
    name: str
    colour: str


@dataclass(slots=True)
class Drawings:
    """The files that were written, and what was left out, with the reason."""

    source: str
    n_pages: int = 0
    files: list[Path] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def draw_document(
    source: str | Path,
    folder: Path,
    limits: Limits = DEFAULT_LIMITS,
    on_page: OnPage = lambda *_: None,
    *,
    passwords: Sequence[str] = (),
) -> Drawings:
    """Read a PDF and write a PNG a page, `NAME-page-N.png`, with boxes round all that was read.

    Files of these names are written over, others are left alone. passwords: tried where the
    file needs one. Raises a LoaderError if the source cannot be read, OSError if the folder
    cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open_source(source, limits) as file:
        mime = content_type(file.path, file.name, is_web_page=is_url(file.uri))
        if mime != PDF:
            raise UnsupportedFormat(
                f"{file.name} is {format_name(mime)}; only the pages of a PDF can be drawn."
            )
        drawings = Drawings(file.uri)
        marks: dict[int, list[Mark]] = {}
        media = MediaStore()  # nothing is stored, and nothing described
        loader = PdfLoader(
            file.uri,
            media=media,
            describer=_PageReader(media, reader=OcrReader()),
            limits=limits,
            passwords=passwords,
        )
        for mark in marks_of(_told(loader.read_elements(file), drawings, on_page)):
            marks.setdefault(mark.page, []).append(mark)
        with open_pdf(file, passwords) as document:
            _write(document, marks, drawings, folder / _stem(file.name), on_page)
    return drawings


class _PageReader(FigureDescriber):
    """Has pages read by OCR, and figures left undescribed: that changes no box."""

    def describe(self, *_: object, **__: object) -> dict[str, dict[str, str]]:
        return {}


def _write(
    document: Any, marks: Mapping[int, list[Mark]], drawings: Drawings, stem: Path, on_page: OnPage
) -> None:
    """A file for each page, named after the stem."""
    digits = len(str(drawings.n_pages))
    for number in range(1, drawings.n_pages + 1):
        on_page("Drawing", number - 1, drawings.n_pages)
        try:
            image = draw_page(document, number - 1, marks.get(number, ()))
        except PAGE_ERRORS as error:
            if all(s.what != f"Page {number}" for s in drawings.skipped):
                reason = f"it was read but cannot be drawn: {error}"
                drawings.skipped.append(Skipped(f"Page {number}", reason))
            continue
        path = stem.with_name(f"{stem.name}-page-{number:0{digits}}.png")
        image.save(path)
        drawings.files.append(path)


def _stem(name: str) -> str:
    """The name of a file without its ending, as part of another: a web address may hold all."""
    return NOT_IN_NAMES.sub("_", name.removesuffix(".pdf"))[:MAX_STEM_CHARS]


def draw_page(document: Any, index: int, marks: Iterable[Mark]) -> Image.Image:
    """A page of a pypdfium2 document with boxes on it. Raises one of PAGE_ERRORS."""
    with PDFIUM, open_page(document, index) as page:
        frame = Frame.of(page)
        dpi = min(DPI, POINTS_PER_INCH * MAX_SIDE / max(frame.box.width, frame.box.height))
        image = render(page, frame, frame.box, dpi, MAX_PIXELS)
    pen = ImageDraw.Draw(image)
    # What lies over text, and is named at more length, comes last.
    for mark in sorted(marks, key=lambda mark: mark.colour != COLOURS["text"]):
        _draw(pen, mark, image.size)
    return image


def _told(elements: Iterable[Element], drawings: Drawings, on_page: OnPage) -> Iterator[Element]:
    """The elements, with progress told and what is left out taken down on the way."""
    for element in elements:
        match element:
            case Info(n_pages=n_pages):
                drawings.n_pages = n_pages or 0
            case Skipped():
                drawings.skipped.append(element)
            case Attached():
                continue  # what is in it stands on no page
            case Heading() | Paragraph() | Table() | Figure():
                on_page("Reading", element.page or 0, drawings.n_pages)
        yield element


def marks_of(elements: Iterable[Element]) -> Iterator[Mark]:
    """A mark for each box, numbered through the document by kind: in reading order."""
    numbers: Counter[str] = Counter()
    for element in elements:
        match element:
            case Paragraph():
                kind, words = "text", ""
            case Heading():
                kind, words = "heading", f" · level {element.level}"
            case Figure():
                kind, words = "figure", f" · {element.caption}" if element.caption else ""
            case Table():
                kind, words = "table", f" · {element.caption}" if element.caption else ""
            case _:
                continue
        numbers[kind] += 1
        name = f"{kind} {numbers[kind]}"
        if element.page and element.bbox:
            yield Mark(element.page, element.bbox, name + words, COLOURS[kind])
        if isinstance(element, Figure | Table) and element.page and element.caption_bbox:
            yield Mark(element.page, element.caption_bbox, f"caption of {name}", COLOURS["caption"])


def _draw(pen: ImageDraw.ImageDraw, mark: Mark, size: tuple[int, int]) -> None:
    width, height = size
    x0, y0 = int(mark.bbox[0] * width), int(mark.bbox[1] * height)
    x1, y1 = max(x0, math.ceil(mark.bbox[2] * width)), max(y0, math.ceil(mark.bbox[3] * height))
    pen.rectangle((x0, y0, x1, y1), outline=mark.colour, width=LINE_PIXELS)
    n_pixels = SMALL_LETTER_PIXELS if mark.colour == COLOURS["text"] else LETTER_PIXELS
    font = ImageFont.load_default(n_pixels)
    name = " ".join(mark.name.split())
    if len(name) > MAX_NAME_CHARS:
        name = f"{name[: MAX_NAME_CHARS - 1]}…"
    # Above the box where there is room, so that it hides nothing of what is in it.
    top, wide = max(0, y0 - n_pixels - 2), math.ceil(pen.textlength(name, font)) + 4
    left = max(0, min(x0, width - wide))
    pen.rectangle((left, top, left + wide, top + n_pixels + 2), fill=mark.colour)
    pen.text((left + 2, top), name, fill="white", font=font)
