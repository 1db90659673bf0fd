"""What one page holds, in reading order: headings, paragraphs, tables, where its pictures are.

Leaves out the pictures themselves: they are rendered one by one when they are wanted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loaders.elements import BBox, Heading, Paragraph
from loaders.pdf.annotations import Annotations, read_annotations
from loaders.pdf.document import PageAtNeed
from loaders.pdf.figures import are_drawn, find_figures
from loaders.pdf.headings import (
    SLIDE,
    Bookmark,
    Ladder,
    TypeHeading,
    headings_by_outline,
    headings_by_type,
    slide_title,
)
from loaders.pdf.objects import Drawings, PageObjects
from loaders.pdf.page import Box, Frame, Region, Segment, Sheet
from loaders.pdf.page_breaks import Prose
from loaders.pdf.paragraphs import Block, arrange
from loaders.pdf.pictures import ImageObject, is_blank_but_for, read_images
from loaders.pdf.segments import SLANTED, TextLayer, read_text
from loaders.pdf.survey import Survey
from loaders.pdf.table_pages import TableParts
from loaders.pdf.tables import FoundTable, find_tables
from loaders.pdf.tags import TaggedFigure, tagged_figures

MAX_PRINTED_CHARS = 1_500
"""More text than this in a figure is told outside it too: its description would be cut."""
MAX_PICTURE_SHARE = 0.8
"""Of the page; a larger image is its ground or its scan, and tables may stand on it."""
MIN_TEXT_CHARS = 20
"""A page with fewer characters than this has no text layer worth the name."""


@dataclass(frozen=True, slots=True)
class PageContents:
    """The text layer, the image objects and the drawn shapes of a page."""

    frame: Frame
    index: int
    layer: TextLayer
    images: Sequence[ImageObject]
    drawings: Drawings
    left_out: str | None = None
    """Why it has shapes that `drawings` lacks."""
    annotations: Annotations = field(default_factory=Annotations)
    tagged: Sequence[TaggedFigure] = ()
    is_recognised: bool = False
    """Whether OCR has read the whole page."""

    @staticmethod
    def of(page: Any, index: int) -> PageContents:
        """What a pypdfium2 page contains."""
        frame = Frame.of(page)
        objects = PageObjects(page, frame)
        images = read_images(objects.images, frame)
        drawings = objects.drawings()
        layer = read_text(page, frame, objects)
        annotations = read_annotations(page, frame, index + 1, layer)
        tagged = tagged_figures(page, frame) if images or len(drawings) else []
        left_out = objects.left_out
        return PageContents(frame, index, layer, images, drawings, left_out, annotations, tagged)

    @property
    def n_hidden(self) -> int:
        """Characters left out because they cannot be seen."""
        return self.layer.n_hidden + self.annotations.n_hidden

    @property
    def has_text(self) -> bool:
        """Whether it has a text layer worth the name."""
        return self.layer.n_chars >= MIN_TEXT_CHARS

    @property
    def n_parts(self) -> int:
        """How many pieces of text, images and shapes it consists of."""
        n_segments = sum(map(len, self.layer.by_turns.values()))
        return n_segments + len(self.images) + len(self.drawings)

    @property
    def sheet(self) -> Sheet:
        """The page turned so that most of its text is upright."""
        return Sheet(self.frame, self.layer.main_turns)


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure before it is rendered. region: None for the whole page."""

    box: Box
    region: Region | None = None
    caption: str | None = None
    caption_box: Box | None = None
    alt: str | None = None
    text: str = ""
    """Printed in it."""


@dataclass(frozen=True, slots=True)
class TableOnPage:
    """A table before its picture is rendered. Boxes are those on the page as displayed."""

    box: Box
    rows: tuple[tuple[str, ...], ...]
    caption: str | None = None
    caption_box: Box | None = None
    unit: str | None = None

    @staticmethod
    def of(table: FoundTable, sheet: Sheet) -> TableOnPage:
        caption = sheet.on_page(table.caption_box) if table.caption_box else None
        return TableOnPage(sheet.on_page(table.box), table.rows, table.caption, caption, table.unit)


Part = Heading | Paragraph | Picture | TableOnPage


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the whole document tells of each page."""

    survey: Survey
    body_size: float
    ladder: Ladder
    """Moves on with every page: read them in order."""
    table_parts: TableParts
    """Likewise."""
    outline: Mapping[int, Sequence[Bookmark]]
    outline_is_thorough: bool
    repeated_pictures: Collection[str]
    ornaments: NDArray[np.int64]
    """Places of shapes that come back on most pages."""
    min_figure_side: int


@dataclass(frozen=True)
class PageReading:
    """Puts the contents of a page in order."""

    contents: PageContents
    known: Knowledge
    page: PageAtNeed
    """Not opened where the contents are all text."""

    @property
    def frame(self) -> Frame:
        return self.contents.frame

    @property
    def number(self) -> int:
        return self.contents.index + 1

    @cached_property
    def text(self) -> TextLayer:
        """The text layer without running lines."""
        survey, index = self.known.survey, self.contents.index
        kept = {}
        for turns, segments in self.contents.layer.by_turns.items():
            height = Sheet(self.frame, max(0, turns)).size[1]
            kept[turns] = [s for s in segments if not survey.is_running(s, index, height)]
        return TextLayer(kept)

    def parts(self) -> Iterator[Part]:
        """Everything on the page in reading order."""
        sheet = self.contents.sheet
        tables = self._tables()
        said = {id(s) for found in tables.values() for table in found for s in table.segments}
        on_page = [
            turned.on_page(t.box)
            for turned, _ in self.text.sheets(self.frame)
            for t in tables.get(turned.turns, [])
        ]
        regions = self._regions(on_page)
        is_picture = regions is None
        regions = regions or []
        taken = [r.box for r in regions] + [r.caption for r in regions if r.caption]
        # Arranged on the sheet, rendered from the page.
        pictures: dict[Region, Picture | TableOnPage] = {
            replace(r, box=sheet.from_page(r.box)): picture
            for r, picture in zip(regions, self._pictures(regions), strict=True)
        }
        pictures |= _table_regions(tables.get(sheet.turns, []), sheet)
        main = self.text.by_turns.get(sheet.turns, [])
        body = [s for s in _outside(taken, main, sheet) if id(s) not in said]
        arranged = list(self._body(arrange(body, list(pictures)), pictures, sheet))
        if is_picture:
            n_titles = len(list(takewhile(lambda part: isinstance(part, Heading), arranged)))
            arranged.insert(n_titles, Picture(self.frame.box))
        is_titled = not arranged or isinstance(arranged[0], Heading)
        if self.known.survey.are_slides and not is_titled and not self.known.ladder.is_empty:
            # Without a title of its own it would count to the slide before.
            yield Heading(f"Slide {self.number}", self.known.ladder.level(SLIDE, ""), self.number)
        yield from arranged
        for turned, segments in self.text.sheets(self.frame):
            if segments is not main:
                rest = [s for s in _outside(taken, segments, turned) if id(s) not in said]
                yield from self._paragraphs(arrange(rest, []), turned)
                if turned.turns != sheet.turns:
                    yield from _table_regions(tables.get(turned.turns, []), turned).values()
        for picture in pictures.values():
            if isinstance(picture, Picture) and len(picture.text) > MAX_PRINTED_CHARS:
                bbox = self.frame.fractions(picture.box)
                yield Paragraph(picture.text, self.number, bbox)
        yield from self.contents.annotations.paragraphs

    def _pictures(self, regions: Sequence[Region]) -> Iterator[Picture]:
        """The regions with what the page says of them."""
        for region in regions:
            caption = " ".join(self._texts_in(region.caption)) if region.caption else ""
            yield Picture(
                region.box,
                region,
                caption or None,
                region.caption if caption else None,
                _alt(region.box, self.contents.tagged),
                "\n".join(self._texts_in(region.box)),
            )

    def _texts_in(self, box: Box) -> Iterator[str]:
        """The text that stands in a part of the page, block by block."""
        for turned, segments in self.contents.layer.sheets(self.frame):
            inside = [s for s in segments if box.holds_centre_of(turned.on_page(s.box))]
            for block in arrange(inside, []):
                if isinstance(block, Block):
                    yield block.text(self.known.survey.vocabulary)

    def _tables(self) -> dict[int, list[FoundTable]]:
        """The tables on the page by the direction in which they are read."""
        found: dict[int, list[FoundTable]] = {}
        main_turns = self.contents.layer.main_turns
        pictures = [
            image.box
            for image in self.contents.images
            if image.content not in self.known.repeated_pictures
            and image.box.area < MAX_PICTURE_SHARE * self.frame.box.area
        ]
        for turns, segments in self.text.by_turns.items():
            if turns == SLANTED:
                continue
            tables = self._tables_among(segments, Sheet(self.frame, turns), pictures)
            if turns == main_turns:
                parts = self.known.table_parts
                tables = parts.completed(tables, self.contents.index, segments)
            if tables:
                found[turns] = tables
        return found

    def _tables_among(
        self, segments: Sequence[Segment], sheet: Sheet, pictures: Sequence[Box]
    ) -> list[FoundTable]:
        words, drawings = self.known.survey.vocabulary, self.contents.drawings
        found = find_tables(segments, drawings, sheet, words, pictures)
        drawn = are_drawn([sheet.on_page(t.box) for t in found], drawings, self.frame)
        return [t for t, is_drawn in zip(found, drawn, strict=True) if t.caption or not is_drawn]

    def _regions(self, tables: Sequence[Box]) -> list[Region] | None:
        """The pictures on the page; None if the page is itself the picture."""
        repeated = self.known.repeated_pictures
        text = [
            replace(segment, box=turned.on_page(segment.box)) if turned.turns else segment
            for turned, segments in self.text.sheets(self.frame)
            for segment in segments
        ]
        regions = find_figures(
            self.contents.images,
            self.contents.drawings,
            text,
            self.frame,
            tables=tables,
            body_size=self.known.body_size,
            repeated=repeated,
            ornaments=self.known.ornaments,
            min_pixels=self.known.min_figure_side,
        )
        if self.contents.has_text:
            return regions
        # A page number too is nothing to be seen besides the text.
        sheets = self.contents.layer.sheets(self.frame)
        known = [turned.on_page(s.box) for turned, segments in sheets for s in segments]
        known += [region.box for region in regions]
        known += [image.box for image in self.contents.images if image.content in repeated]
        n_decoded = sum(image.n_pixels for image in self.contents.images)
        return regions if is_blank_but_for(self.page, self.frame, known, n_decoded) else None

    def _body(
        self,
        items: Sequence[Block | Region],
        pictures: Mapping[Region, Picture | TableOnPage],
        sheet: Sheet,
    ) -> Iterator[Part]:
        headings, printed = self._headings(items, sheet)
        for k, item in enumerate(items):
            yield from headings.get(k, [])
            if isinstance(item, Region):
                yield pictures[item]
            elif k not in printed:
                yield self._paragraph(item, sheet)
        if not items:
            yield from headings.get(0, [])

    def _headings(
        self, items: Sequence[Block | Region], sheet: Sheet
    ) -> tuple[dict[int, list[Heading]], set[int]]:
        """Headings by the item before which they stand, and the items that print them."""
        places = [k for k, item in enumerate(items) if isinstance(item, Block)]
        blocks = [b for k in places if isinstance(b := items[k], Block)]
        found: dict[int, list[Heading]] = {}
        printed: set[int] = set()
        for k, bookmark, is_printed in headings_by_outline(blocks, self._bookmarks(sheet)):
            place = places[k] if places else 0
            text = blocks[k].text() if is_printed else bookmark.title
            bbox = self._fractions([blocks[k]], sheet) if is_printed else None
            found.setdefault(place, []).append(Heading(text, bookmark.level, self.number, bbox))
            if is_printed:
                printed.add(place)
        for heading in self._typed_headings(blocks, sheet, bool(found)):
            own = [places[k] for k in heading.blocks]
            if printed.isdisjoint(own):
                text = " ".join(blocks[k].text() for k in heading.blocks)
                level = self.known.ladder.level(heading.style, text)
                bbox = self._fractions([blocks[k] for k in heading.blocks], sheet)
                # What stands above the title of a slide is of the slide too.
                place = 0 if heading.style == SLIDE else own[0]
                found.setdefault(place, []).append(Heading(text, level, self.number, bbox))
                printed.update(own)
        return found, printed

    def _typed_headings(
        self, blocks: Sequence[Block], sheet: Sheet, is_headed: bool
    ) -> list[TypeHeading]:
        """What the type tells where the outline does not. is_headed: whether it told some here."""
        if self.known.outline_is_thorough:
            return []
        if not self.known.survey.are_slides:
            return headings_by_type(blocks, self.known.body_size)
        title = None if is_headed else slide_title(blocks, self.known.body_size, sheet.size[1])
        return [title] if title else []

    def _bookmarks(self, sheet: Sheet) -> list[tuple[Bookmark, float | None]]:
        placed: list[tuple[Bookmark, float | None]] = []
        for bookmark in self.known.outline.get(self.contents.index, []):
            y = None
            if bookmark.y_points is not None and not sheet.turns and not self.frame.turns:
                point = np.array([[0.0, bookmark.y_points, 0.0, bookmark.y_points]])
                y = float(self.frame.displayed(point)[0, 1])
            placed.append((bookmark, y))
        return placed

    def _paragraphs(self, items: Iterable[Block | Region], sheet: Sheet) -> Iterator[Paragraph]:
        for item in items:
            if isinstance(item, Block):
                yield self._paragraph(item, sheet)

    def _paragraph(self, block: Block, sheet: Sheet) -> Paragraph:
        bbox, text = self._fractions([block], sheet), block.text(self.known.survey.vocabulary)
        if block.is_tabular or block.is_listing:
            return Paragraph(text, self.number, bbox, is_whole=block.is_listing)
        return Prose(text, self.number, bbox, size=block.size)

    def _fractions(self, blocks: Iterable[Block], sheet: Sheet) -> BBox:
        return self.frame.fractions(sheet.on_page(Box.around(block.box for block in blocks)))


def _outside(boxes: Sequence[Box], segments: Sequence[Segment], sheet: Sheet) -> Sequence[Segment]:
    """The text that stands in none of the boxes. boxes: on the page as displayed."""
    if not boxes:
        return segments
    return [
        segment
        for segment in segments
        if not any(box.holds_centre_of(sheet.on_page(segment.box)) for box in boxes)
    ]


def _table_regions(tables: Sequence[FoundTable], sheet: Sheet) -> dict[Region, TableOnPage]:
    """Where tables stand among what is on the sheet."""
    return {
        Region(t.box, 0.0, False, ("table", k)): TableOnPage.of(t, sheet)
        for k, t in enumerate(tables)
    }


def _alt(box: Box, tagged: Iterable[TaggedFigure]) -> str | None:
    """What the tags say of the figures that lie mostly in the box."""
    alts = [t.alt for t in tagged if box.common(t.box).area > 0.5 * min(box.area, t.box.area)]
    return " ".join(alts) or None
