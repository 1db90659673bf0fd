"""Draws what was read from a PDF on pictures of its pages, for people who wonder.

Leaves out what has no box: headings that only the outline names.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from loaders.elements import BBox, Element, Figure, Heading, Info, Paragraph, Skipped, Table
from loaders.pdf.document import PAGE_ERRORS, PDFIUM, open_page, open_pdf
from loaders.pdf.loader import PdfLoader
from loaders.pdf.page import Frame
from loaders.source import SourceFile, open_source

COLOURS = {
    "text": "#64748b",
    "heading": "#7c3aed",
    "figure": "#dc2626",
    "table": "#2563eb",
    "caption": "#b45309",
}
DPI, POINTS_PER_INCH = 110.0, 72.0
MAX_PIXELS, MAX_SIDE = 4_000_000, 8_000
"""Of a drawn page, so that a poster or a mile of paper makes a picture all the same."""
LINE_PIXELS, LETTER_PIXELS = 2, 12
MAX_NAME_CHARS = 60

Progress = Callable[[str, int, int], None]
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

    files: list[Path] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def draw_document(
    loader: PdfLoader, folder: Path, on_progress: Progress = lambda *_: None
) -> Drawings:
    """Read a PDF and write a PNG a page, `NAME-page-N.png`, with a box round all that was read.

    Files of these names are written over, others are left alone. Raises a LoaderError if the
    source cannot be read, OSError if the folder cannot be written.
    """
    drawings = Drawings()
    with open_source(loader.source, loader.limits) as file:
        marks: dict[int, list[Mark]] = {}
        for mark in _marks(_told(loader, file, drawings, on_progress)):
            marks.setdefault(mark.page, []).append(mark)
        folder.mkdir(parents=True, exist_ok=True)
        with open_pdf(file) as document:
            n_pages = len(document)
            for index in range(n_pages):
                on_progress("Drawing", index, n_pages)
                try:
                    image = draw_page(document, index, marks.get(index + 1, ()))
                except PAGE_ERRORS as error:
                    reason = f"it cannot be drawn: {error}"
                    drawings.skipped.append(Skipped(f"Page {index + 1}", reason))
                    continue
                digits = len(str(n_pages))
                path = folder / f"{Path(file.name).stem}-page-{index + 1:0{digits}}.png"
                image.save(path)
                drawings.files.append(path)
    return drawings


def draw_page(document: Any, index: int, marks: Iterable[Mark]) -> Image.Image:
    """A page of a pypdfium2 document with boxes on it. Raises one of PAGE_ERRORS."""
    with PDFIUM, open_page(document, index) as page:
        frame = Frame.of(page)
        scale = min(
            DPI / POINTS_PER_INCH,
            math.sqrt(MAX_PIXELS / frame.box.area),
            MAX_SIDE / max(frame.box.width, frame.box.height),
        )
        bitmap = page.render(scale=max(scale, 1.0 / min(frame.box.width, frame.box.height)))
        try:
            image: Image.Image = bitmap.to_pil().convert("RGB")
        finally:
            bitmap.close()
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(LETTER_PIXELS)
    for mark in marks:
        _draw(pen, font, mark, image.size)
    return image


def _told(
    loader: PdfLoader, file: SourceFile, drawings: Drawings, on_progress: Progress
) -> Iterator[Element]:
    """The elements, with progress told and what was left out taken down on the way."""
    n_pages = 0
    for element in loader.read_elements(file):
        match element:
            case Info():
                n_pages = element.n_pages or 0
            case Skipped():
                drawings.skipped.append(element)
            case _:
                on_progress("Reading", element.page or 0, n_pages)
        yield element


def _marks(elements: Iterable[Element]) -> Iterator[Mark]:
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


def _draw(pen: ImageDraw.ImageDraw, font: Any, mark: Mark, size: tuple[int, int]) -> None:
    width, height = size
    x0, y0 = int(mark.bbox[0] * width), int(mark.bbox[1] * height)
    x1, y1 = max(x0, math.ceil(mark.bbox[2] * width)), max(y0, math.ceil(mark.bbox[3] * height))
    pen.rectangle((x0, y0, x1, y1), outline=mark.colour, width=LINE_PIXELS)
    name = " ".join(mark.name.split())
    if len(name) > MAX_NAME_CHARS:
        name = name[: MAX_NAME_CHARS - 1] + "…"
    # Above the box where there is room, so that it hides nothing of what is in it.
    top = max(0, y0 - LETTER_PIXELS - 2)
    left = max(0, min(x0, width - int(pen.textlength(name, font)) - 4))
    pen.rectangle(
        (left, top, left + pen.textlength(name, font) + 4, top + LETTER_PIXELS + 2),
        fill=mark.colour,
    )
    pen.text((left + 2, top), name, fill="white", font=font)
