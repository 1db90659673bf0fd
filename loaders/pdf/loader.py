"""Reads a PDF page by page: headings, paragraphs, tables and pictures in reading order.

Leaves out what a page holds (`contents`), XFA forms, signatures and scripts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loaders.elements import Element, Figure, Info, Skipped, Table
from loaders.errors import BrokenDocument, LimitExceeded
from loaders.limits import Limits
from loaders.loader import DocumentLoader
from loaders.pdf.attachments import attachments
from loaders.pdf.contents import Knowledge, PageContents, PageReading, Part, Picture, TableOnPage
from loaders.pdf.document import (
    PAGE_ERRORS,
    PDFIUM,
    PageAtNeed,
    damage,
    open_page,
    open_pdf,
    own_title,
    page_at_need,
    page_labels,
)
from loaders.pdf.headings import Ladder, body_size, is_thorough, read_outline
from loaders.pdf.objects import PageObjects
from loaders.pdf.page import Frame
from loaders.pdf.page_breaks import complete_sentences
from loaders.pdf.pictures import (
    MAX_DECODED_PIXELS,
    read_images,
    render_page,
    render_region,
    render_table,
)
from loaders.pdf.recognition import PageRecogniser
from loaders.pdf.rendering import DrawingTime
from loaders.pdf.survey import Survey, sampled_pages
from loaders.pdf.table_pages import TableParts
from loaders.source import SourceFile

MAX_HELD_PARTS = 20_000
"""Pieces of text, images and shapes that are remembered between survey and reading: those of
200 ordinary pages."""

MAX_REPORTED_PAGES = 5
"""Pages with invisible text that are each reported."""


class PdfLoader(DocumentLoader):
    """Reads a PDF. Safe to use from several threads; PDFium then works for one at a time."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        with open_pdf(file, self.passwords) as document:
            with PDFIUM:
                reason = damage(document, file)
            if reason:
                yield Skipped("Parts of the file", reason)
            readings = self.media.page_readings(file.uri)
            with PageRecogniser(self.describer.line_reader, readings) as recogniser:
                yield from _Reader(document, file.name, self.limits, recogniser).elements()


class _HeldPages:
    """Pages that are read and not yet given out, as many as there is room for."""

    def __init__(self) -> None:
        self._pages: dict[int, PageContents] = {}
        self._n_parts = 0

    @property
    def has_room(self) -> bool:
        return self._n_parts < MAX_HELD_PARTS

    def __contains__(self, index: int) -> bool:
        return index in self._pages

    def put(self, contents: PageContents, *, is_costly: bool = False) -> None:
        """Hold a page, if there is room for it or reading it again would be costly."""
        if is_costly or self._n_parts + contents.n_parts <= MAX_HELD_PARTS:
            self._pages[contents.index] = contents
            self._n_parts += contents.n_parts

    def take(self, index: int) -> PageContents | None:
        contents = self._pages.pop(index, None)
        self._n_parts -= contents.n_parts if contents else 0
        return contents


class _Reader:
    """Reads an open document twice: a quick survey of all pages, then one after the other."""

    def __init__(
        self, document: Any, name: str, limits: Limits, recogniser: PageRecogniser
    ) -> None:
        self._document = document
        self._name = name
        self._limits = limits
        self._recogniser = recogniser
        self._n_begun = 0
        """Pages from the first on that OCR has begun to read, where it is to."""
        self._problems: list[Skipped] = []
        self._held = _HeldPages()
        self._shown: set[tuple[Any, ...]] = set()
        self._n_figures = 0
        self._n_hidden: dict[int, int] = {}
        """Characters left out, by page number."""
        self._n_tables = 0

    def elements(self) -> Iterator[Element]:
        with PDFIUM:
            n_pages = len(self._document)
            title = own_title(self._document, self._name)
            labels = page_labels(self._document) if n_pages <= self._limits.max_pages else {}
        if not n_pages:
            raise BrokenDocument(f"{self._name} has no pages. Open it in a PDF viewer to check it.")
        if n_pages > self._limits.max_pages:
            raise LimitExceeded(
                f"{self._name} has {n_pages:,} pages; the limit is {self._limits.max_pages:,}. "
                "Split it into parts."
            )
        yield Info(title=title, n_pages=n_pages, page_labels=labels)
        known = self._knowledge(n_pages)
        yield from complete_sentences(self._pages(n_pages, known), known.survey.vocabulary)
        yield from _hidden_text(self._n_hidden)
        yield from attachments(self._document, self._limits)

    def _knowledge(self, n_pages: int) -> Knowledge:
        with PDFIUM:
            outline = read_outline(self._document)
        survey = Survey()
        sampled = set(sampled_pages(n_pages))
        for index in range(n_pages):
            try:
                with PDFIUM, open_page(self._document, index) as page:
                    self._look_at(page, index, survey, index in sampled)
            except PAGE_ERRORS:
                continue  # reported when the page is read
            self._take_in(survey, self._recogniser.n_ahead)
        self._take_in(survey, 0)
        return Knowledge(
            survey,
            body_size(survey.styles),
            Ladder(),
            TableParts(),
            outline,
            is_thorough(outline, n_pages),
            survey.repeated_pictures(),
            survey.ornaments(),
            self._limits.min_figure_side,
        )

    def _look_at(self, page: Any, index: int, survey: Survey, is_sampled: bool) -> None:
        if not is_sampled and not self._held.has_room:
            frame = Frame.of(page)
            images = read_images(PageObjects(page, frame).images, frame)
            survey.add_pictures(image.content for image in images)
            return
        contents = PageContents.of(page, index)
        survey.add_pictures(image.content for image in contents.images)
        if is_sampled:
            if not self._recogniser.begin(page, contents):
                self._add(contents, survey)
                self._held.put(contents)
        elif self._recogniser.leaves(contents):
            self._held.put(contents)

    def _pages(self, n_pages: int, known: Knowledge) -> Iterator[Element]:
        for index in range(n_pages):
            self._begin_ahead(index, n_pages)
            yield from self._page(index, known)
            yield from self._problems
            self._problems.clear()

    def _take_in(self, survey: Survey, n_left: int) -> None:
        """Survey what OCR has read, but for the n_left pages begun last."""
        for index in self._recogniser.begun(n_left):
            contents = self._recognised(index)
            self._add(contents, survey)
            self._held.put(contents, is_costly=True)

    def _recognised(self, index: int) -> PageContents:
        """What OCR read on a page that it has begun."""
        read = self._recogniser.take(index)
        self._problems += [read.problem] if read.problem else []
        return read.contents

    def _begin_ahead(self, index: int, n_pages: int) -> None:
        """In a document of which pages are read by OCR, begin with the next ones."""
        if not self._recogniser.has_read:
            return
        for ahead in range(
            max(index, self._n_begun), min(n_pages, index + self._recogniser.n_ahead)
        ):
            self._n_begun = ahead + 1
            if ahead in self._held:
                continue
            try:
                with PDFIUM, open_page(self._document, ahead) as page:
                    contents = PageContents.of(page, ahead)
                    if not self._recogniser.begin(page, contents):
                        self._held.put(contents)
            except PAGE_ERRORS:
                continue  # reported when the page is read

    def _add(self, contents: PageContents, survey: Survey) -> None:
        survey.add_page(contents.index, contents.frame)
        survey.add_drawings(contents.drawings)
        for sheet, segments in contents.layer.sheets(contents.frame):
            survey.add_text(contents.index, segments, sheet.size[1])

    def _page(self, index: int, known: Knowledge) -> Iterator[Element]:
        held = self._held.take(index)
        try:
            if index in self._recogniser.begun():
                held = self._recognised(index)
            # Loading the page again costs as much as reading it: only where it is to be drawn.
            with page_at_need(self._document, index) as page:
                contents = held or self._contents(page, index)
                if known.survey.is_typewritten:
                    contents.layer.forget_typewriter()
                with PDFIUM:
                    parts = list(PageReading(contents, known, page).parts())
                yield from self._elements_of(page, contents, parts)
        except PAGE_ERRORS as error:
            yield Skipped(f"Page {index + 1}", str(error) or type(error).__name__)

    def _contents(self, page: PageAtNeed, index: int) -> PageContents:
        with PDFIUM:
            contents = PageContents.of(page(), index)
            is_begun = self._recogniser.begin(page(), contents)
        return self._recognised(index) if is_begun else contents

    def _elements_of(
        self, page: PageAtNeed, contents: PageContents, parts: Sequence[Part]
    ) -> Iterator[Element]:
        self._count_hidden(contents)
        if contents.left_out:
            yield Skipped(f"The drawings on page {contents.index + 1}", contents.left_out)
        drawing_time, n_decoded = DrawingTime(), 0.0
        for part in parts:
            if isinstance(part, Picture):
                yield from self._figure(page, contents, part, drawing_time)
                n_decoded += part.region.n_pixels if part.region else 0.0
                if n_decoded > MAX_DECODED_PIXELS:
                    page.close()
                    n_decoded = 0.0
            elif isinstance(part, TableOnPage):
                yield from self._table(page, contents, part, drawing_time)
            else:
                yield part

    def _count_hidden(self, contents: PageContents) -> None:
        if n_hidden := contents.n_hidden:
            self._n_hidden[contents.index + 1] = n_hidden

    def _figure(
        self,
        page: PageAtNeed,
        contents: PageContents,
        picture: Picture,
        drawing_time: DrawingTime,
    ) -> Iterator[Figure | Skipped]:
        """The rendered figure; nothing if it is blank, or was shown on a page before."""
        number, region = contents.index + 1, picture.region
        # With a caption of its own it is told again: the caption must not be lost.
        if region and region.key in self._shown and not picture.caption:
            return
        if self._n_figures >= self._limits.max_figures:
            reason = f"the limit is {self._limits.max_figures:,} figures a document"
            yield Skipped(f"A figure on page {number}", reason)
            return
        try:
            with PDFIUM:
                image = (
                    render_region(page(), contents.frame, region, bool(picture.text), drawing_time)
                    if region
                    else render_page(page(), contents.frame)
                )
        except PAGE_ERRORS as error:
            yield Skipped(f"A figure on page {number}", str(error) or type(error).__name__)
            return
        if image is None:
            return
        if region:
            self._shown.add(region.key)
        self._n_figures += 1
        frame = contents.frame
        yield Figure(
            image,
            picture.caption,
            picture.alt,
            text=None if contents.is_recognised else picture.text or None,
            ocr=picture.text if contents.is_recognised else None,
            is_drawn=bool(region and region.is_drawn),
            page=number,
            bbox=frame.fractions(picture.box),
            caption_bbox=frame.fractions(picture.caption_box) if picture.caption_box else None,
        )

    def _table(
        self,
        page: PageAtNeed,
        contents: PageContents,
        table: TableOnPage,
        drawing_time: DrawingTime,
    ) -> Iterator[Table | Skipped]:
        """The table with its picture; without one if it cannot be drawn."""
        number, frame = contents.index + 1, contents.frame
        image = None
        self._n_tables += 1
        if self._n_tables == self._limits.max_figures + 1:
            reason = f"the limit is {self._limits.max_figures:,} pictures of tables a document"
            yield Skipped(f"The pictures of tables from page {number} on", reason)
        if self._n_tables <= self._limits.max_figures:
            try:
                with PDFIUM:
                    image = render_table(page(), frame, table.box, drawing_time)
            except PAGE_ERRORS as error:
                reason = str(error) or type(error).__name__
                yield Skipped(f"The picture of a table on page {number}", reason)
        yield Table(
            table.rows,
            table.caption,
            page=number,
            bbox=frame.fractions(table.box),
            unit=table.unit,
            image=image,
            caption_bbox=frame.fractions(table.caption_box) if table.caption_box else None,
        )


def _hidden_text(n_chars: Mapping[int, int]) -> Iterator[Skipped]:
    """The report of text that nobody can see. n_chars: by page number."""
    if len(n_chars) <= MAX_REPORTED_PAGES:
        for number, n in n_chars.items():
            yield Skipped(f"Page {number}", f"{_counted(n)} of invisible text left out")
        return
    most = sorted(sorted(n_chars, key=lambda number: -n_chars[number])[:MAX_REPORTED_PAGES])
    where = ", ".join(map(str, most))
    total = _counted(sum(n_chars.values()))
    yield Skipped(
        f"{len(n_chars):,} pages", f"{total} of invisible text left out, most on pages {where}"
    )


def _counted(n_chars: int) -> str:
    return f"{n_chars:,} character{'' if n_chars == 1 else 's'}"
