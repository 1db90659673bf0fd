"""What one page holds, in reading order: headings, paragraphs, and where its pictures are.

Leaves out the pictures themselves: they are rendered one by one when they are wanted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from loaders.elements import Heading, Paragraph
from loaders.pdf.annotations import Annotations, read_annotations
from loaders.pdf.captions import match_captions
from loaders.pdf.headings import (
    Bookmark,
    Ladder,
    headings_by_outline,
    headings_by_type,
)
from loaders.pdf.objects import Drawings, PageObjects
from loaders.pdf.page import Box, Frame, Region, Segment, Sheet
from loaders.pdf.paragraphs import Block, arrange
from loaders.pdf.pictures import ImageObject, find_regions, is_blank_but_for, read_images
from loaders.pdf.segments import TextLayer, read_text
from loaders.pdf.survey import Survey

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
    annotations: Annotations = field(default_factory=Annotations)

    @staticmethod
    def of(page: Any, index: int) -> PageContents:
        """What a pypdfium2 page contains."""
        frame = Frame.of(page)
        objects = PageObjects(page, frame)
        images = read_images(objects.images, frame)
        drawings = objects.drawings()
        layer = read_text(page, frame, objects)
        annotations = read_annotations(page, frame, index + 1, layer)
        return PageContents(frame, index, layer, images, drawings, annotations)

    @property
    def n_hidden(self) -> int:
        """Characters left out because they cannot be seen."""
        return self.layer.n_hidden + self.annotations.n_hidden

    @property
    def has_text(self) -> bool:
        """Whether it has a text layer worth the name."""
        return self.layer.n_chars >= MIN_TEXT_CHARS

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
    has_labels: bool = False


Part = Heading | Paragraph | Picture


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the whole document tells of each page."""

    survey: Survey
    body_size: float
    ladder: Ladder
    """Moves on with every page: read them in order."""
    outline: Mapping[int, Sequence[Bookmark]]
    outline_is_thorough: bool
    repeated_pictures: Collection[str]
    min_figure_side: int


@dataclass(frozen=True, slots=True)
class PageReading:
    """Puts the contents of a page in order."""

    contents: PageContents
    known: Knowledge
    page: Any
    """The pypdfium2 page; not used where the contents are all text."""

    @property
    def frame(self) -> Frame:
        return self.contents.frame

    @property
    def number(self) -> int:
        return self.contents.index + 1

    def parts(self) -> Iterator[Part]:
        """Everything on the page in reading order."""
        layer, sheet = self.contents.layer, self.contents.sheet
        regions = self._regions(sheet)
        if regions is None:
            yield Picture(self.frame.box)
            regions = []
        # Arranged on the sheet, rendered from the page.
        pictures = {replace(r, box=sheet.from_page(r.box)): Picture(r.box, r) for r in regions}
        segments = self._without_running_lines(layer.main, sheet)
        labels: list[Segment] = []
        body: list[Segment] = []
        for segment in segments:
            is_label = any(region.box.holds_centre_of(segment.box) for region in pictures)
            (labels if is_label else body).append(segment)
        yield from self._body(arrange(body, list(pictures)), pictures, labels, sheet)
        yield from self._paragraphs(arrange(labels, []), sheet)
        for turned, others in layer.sheets(self.frame):
            if others is not layer.main:
                kept = self._without_running_lines(others, turned)
                yield from self._paragraphs(arrange(kept, []), turned)
        yield from self.contents.annotations.paragraphs

    def _regions(self, sheet: Sheet) -> list[Region] | None:
        """The pictures on the page; None if the page is itself the picture."""
        repeated = self.known.repeated_pictures
        text = [replace(s, box=sheet.on_page(s.box)) for s in self.contents.layer.main]
        regions = find_regions(
            self.contents.images,
            text,
            self.frame,
            repeated=repeated,
            min_pixels=self.known.min_figure_side,
        )
        if self.contents.has_text:
            return regions
        known = [segment.box for segment in text] + [region.box for region in regions]
        known += [image.box for image in self.contents.images if image.content in repeated]
        return regions if is_blank_but_for(self.page, self.frame, known) else None

    def _without_running_lines(self, segments: Iterable[Segment], sheet: Sheet) -> list[Segment]:
        return [s for s in segments if not self.known.survey.is_running(s, sheet.size[1])]

    def _body(
        self,
        items: Sequence[Block | Region],
        pictures: Mapping[Region, Picture],
        labels: Sequence[Segment],
        sheet: Sheet,
    ) -> Iterator[Part]:
        words = self.known.survey.vocabulary
        boxes = {k: item.box for k, item in enumerate(items) if isinstance(item, Region)}
        texts = {k: (b.box, b.text(words)) for k, b in enumerate(items) if isinstance(b, Block)}
        captions = match_captions(boxes, texts)
        said = set(captions.values())
        headings, printed = self._headings(items, said, sheet)
        for k, item in enumerate(items):
            yield from headings.get(k, [])
            if isinstance(item, Region):
                caption = texts[captions[k]][1] if k in captions else None
                has_labels = any(item.box.holds_centre_of(label.box) for label in labels)
                yield replace(pictures[item], caption=caption, has_labels=has_labels)
            elif k not in said and k not in printed:
                yield self._paragraph(item, sheet)
        if not items:
            yield from headings.get(0, [])

    def _headings(
        self, items: Sequence[Block | Region], captions: set[int], sheet: Sheet
    ) -> tuple[dict[int, list[Heading]], set[int]]:
        """Headings by the item before which they stand, and the items that print them."""
        places = [k for k, i in enumerate(items) if isinstance(i, Block) and k not in captions]
        blocks = [b for k in places if isinstance(b := items[k], Block)]
        found: dict[int, list[Heading]] = {}
        printed: set[int] = set()
        for k, bookmark, is_printed in headings_by_outline(blocks, self._bookmarks(sheet)):
            place = places[k] if places else 0
            text = blocks[k].text() if is_printed else bookmark.title
            found.setdefault(place, []).append(Heading(text, bookmark.level, self.number))
            if is_printed:
                printed.add(place)
        if not self.known.outline_is_thorough:
            for heading in headings_by_type(blocks, self.known.body_size):
                own = [places[k] for k in heading.blocks]
                if printed.isdisjoint(own):
                    text = " ".join(blocks[k].text() for k in heading.blocks)
                    level = self.known.ladder.level(heading.style)
                    found.setdefault(own[0], []).append(Heading(text, level, self.number))
                    printed.update(own)
        return found, printed

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
        bbox = self.frame.fractions(sheet.on_page(block.box))
        return Paragraph(block.text(self.known.survey.vocabulary), self.number, bbox)
