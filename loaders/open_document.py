"""Reads OpenDocument files: texts (.odt), spreadsheets (.ods) and presentations (.odp).

odfpy reads them too, but gives the bare XML and no more. Leaves out headers and footers, comments,
deleted text, formulas, and what objects other than charts hold.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lxml import etree

from loaders.attached import attached_last
from loaders.captions import CaptionText, Marked, is_labelled, join_captions
from loaders.charts import Chart
from loaders.elements import (
    Attached,
    Element,
    Figure,
    Heading,
    Info,
    Paragraph,
    Sheet,
    Skipped,
    Table,
)
from loaders.errors import BrokenDocument, EncryptedDocument, LimitExceeded
from loaders.loader import DocumentLoader
from loaders.office_parts import chart_elements
from loaders.ooxml import meaningful_title, open_archive, whole_number
from loaders.open_document_charts import read_chart
from loaders.open_document_text import (
    CELLS,
    FRAME,
    NOT_SHOWN,
    PARAGRAPHS,
    TEXT_BOX,
    all_text,
    qn,
    text_of,
)
from loaders.picture_tables import table_elements
from loaders.pictures import alt_text, left_out, picture
from loaders.sheet_regions import MAX_COLUMN, MAX_ROW, Area, Cell, Merged, Place
from loaders.sheet_tables import Row, SheetTables
from loaders.source import SourceFile

CONTENT, META, MANIFEST = "content.xml", "meta.xml", "META-INF/manifest.xml"
MAX_REPEATED = 1_000
"""Cells or rows that are written once and stand for many."""
MAX_COPIES = 100_000
"""Cells of a sheet that are copies of others."""
MAX_LIST_DEPTH = 20
YEAR = re.compile(r"(?:1[89]|2[01])\d\d")


class OpenDocumentLoader(DocumentLoader):
    """Reads .odt, .ods and .odp files."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        yield from attached_last(self._content(file))

    def _content(self, file: SourceFile) -> Iterator[Element]:
        with open_archive(file, self.limits) as archive:
            if MANIFEST in archive.NameToInfo and b"encryption-data" in archive.read(MANIFEST):
                raise EncryptedDocument(f"{file.name} needs a password. Save it without one.")
            body = _xml(archive, CONTENT).find(qn("office:body"))
            if body is None or not len(body):
                raise BrokenDocument(
                    f"{file.name} is a damaged OpenDocument file (it has no body). "
                    "Open it in LibreOffice and save it again."
                )
            title = None
            if META in archive.NameToInfo:
                title = meaningful_title(_xml(archive, META).findtext(f".//{qn('dc:title')}"))
            pages = body[0].findall(qn("draw:page"))
            if len(pages) > self.limits.max_pages:
                raise LimitExceeded(
                    f"{file.name} has {len(pages):,} slides; the limit is "
                    f"{self.limits.max_pages:,}."
                )
            yield Info(title=title, n_pages=len(pages) or None)
            reader = _Reader(archive)
            if pages:
                for number, page in enumerate(pages, 1):
                    yield from _on_page(number, reader.slide(page, number))
            elif body[0].tag == qn("office:spreadsheet"):
                for table in body[0].iterfind(qn("table:table")):
                    yield from reader.sheet(table)
            else:
                yield from join_captions(reader.blocks(body[0]))


def _xml(archive: zipfile.ZipFile, name: str) -> etree._Element:
    return etree.fromstring(archive.read(name), etree.XMLParser(resolve_entities=False))


def _on_page(number: int, elements: Iterator[Element]) -> Iterator[Element]:
    for element in elements:
        if isinstance(element, Heading | Paragraph | Table | Figure):
            yield replace(element, page=number)
        elif isinstance(element, Attached):
            yield replace(element, name=f"slide {number}, {element.name}")
        else:
            yield element


@dataclass(slots=True)
class _Reader:
    """Walks the XML of the content."""

    archive: zipfile.ZipFile

    def blocks(self, container: etree._Element, depth: int = 0) -> Iterator[Marked]:
        """What the paragraphs, lists, tables and frames of a container hold."""
        for block in container:
            if not isinstance(block.tag, str) or block.tag in NOT_SHOWN:
                continue
            if block.tag in PARAGRAPHS:
                yield from self._paragraph(block)
            elif block.tag == qn("text:list"):
                yield from self._list(block, depth)
            elif block.tag == qn("table:table"):
                yield from self._table(block)
            elif block.tag == FRAME:
                yield from self._frame(block)
            elif depth < MAX_LIST_DEPTH:  # a section, a shape with text, a group of them
                yield from self.blocks(block, depth)

    def _paragraph(self, paragraph: etree._Element) -> Iterator[Marked]:
        text = text_of(paragraph)
        if text and paragraph.tag == qn("text:h"):
            yield Heading(text, max(whole_number(paragraph.get(qn("text:outline-level")), 1), 1))
        elif text:
            yield CaptionText(text) if is_labelled(text) else Paragraph(text)
        for frame in _frames(paragraph):
            yield from self._frame(frame)
        for note in paragraph.iter(qn("text:note-body")):
            words = " ".join(filter(None, map(text_of, note.iter(*PARAGRAPHS))))
            if words:
                yield Paragraph(f"Note: {words}")

    def _list(self, block: etree._Element, depth: int) -> Iterator[Marked]:
        for item in block:
            for element in self.blocks(item, min(depth + 1, MAX_LIST_DEPTH)):
                is_own = isinstance(element, Paragraph) and not element.text.lstrip().startswith(
                    "- "
                )
                if is_own and isinstance(element, Paragraph):
                    yield Paragraph(f"{'  ' * depth}- {element.text}")
                else:
                    yield element

    def _table(self, table: etree._Element) -> Iterator[Marked]:
        rows: list[list[str]] = []
        drawn: dict[Place, list[Element]] = {}
        for row in table.iter(qn("table:table-row")):
            if next(row.iterancestors(qn("table:table"))) is not table:
                continue
            texts: list[str] = []
            for cell in (c for c in row if c.tag in CELLS):
                found = list(join_captions(e for f in _frames(cell) for e in self._frame(f)))
                if found:
                    drawn[len(rows), len(texts)] = found
                texts += [all_text(cell)] * _repeated(cell, "columns")
            rows.append(texts)
        width = max(map(len, rows), default=0)
        yield from table_elements([row + [""] * (width - len(row)) for row in rows], drawn)

    # Frames

    def _frame(self, frame: etree._Element) -> Iterator[Marked]:
        """A picture, a chart, a table, or a box of text."""
        words = [frame.findtext(qn("svg:desc")), frame.findtext(qn("svg:title"))]
        box, drawn = frame.find(TEXT_BOX), frame.find(qn("draw:object"))
        if (media := frame.find(qn("draw:plugin"))) is not None:
            yield self._media(_address(media), frame.get(qn("draw:name")))
        if box is not None:
            yield from self.blocks(box)
        elif (table := frame.find(qn("table:table"))) is not None:
            yield from self._table(table)
        elif drawn is not None and (chart := self._chart(_address(drawn))):
            yield from chart_elements(chart, alt_text(*words))
        elif (image := frame.find(qn("draw:image"))) is not None:
            yield from self._picture(_address(image), alt_text(*words))

    def _picture(self, address: str, alt: str | None) -> Iterator[Element]:
        name = f"The picture {address or 'without a name'}"
        if address in self.archive.NameToInfo:
            yield from picture(self.archive.read(address), name, alt=alt)
        else:
            yield from left_out(name, "it is only linked, and links are not followed", alt=alt)

    def _media(self, address: str, name: str | None) -> Element:
        """A sound or film."""
        if address in self.archive.NameToInfo:
            return Attached(posixpath.basename(address), self.archive.read(address))
        what = f"The sound or film {name or address}"
        return Skipped(what, "it is only linked, and links are not followed")

    def _chart(self, address: str) -> Chart | None:
        name = posixpath.join(address, CONTENT)
        known = name in self.archive.NameToInfo
        return read_chart(_xml(self.archive, name)) if known else None

    # Slides

    def slide(self, page: etree._Element, number: int) -> Iterator[Element]:
        """The title as a heading, what is on the slide, and its notes."""
        title = next((f for f in page.iter(FRAME) if f.get(CLASS) == "title"), None)
        name = "" if title is None else all_text(title)
        notes = page.find(qn("presentation:notes"))
        said = "" if notes is None else all_text(notes)
        for read in (title, notes):
            if read is not None and (parent := read.getparent()) is not None:
                parent.remove(read)
        content = list(join_captions(self.blocks(page)))
        if name or content or said:
            yield Heading(name or f"Slide {number}", 1)
        yield from content
        if said:
            yield Paragraph(f"Notes: {said}")

    # Sheets

    def sheet(self, table: etree._Element) -> Iterator[Element]:
        """What stands on a sheet of a spreadsheet."""
        name = table.get(qn("table:name")) or "Sheet"
        yield Sheet(f"{name}{' (hidden)' if _is_hidden(table) else ''}")
        read = _Cells()
        drawn: defaultdict[Place, list[Element]] = defaultdict(list)
        rows = list(read.rows(table))
        for place, frame in read.frames:
            drawn[place] += join_captions(self._frame(frame))
        for frame in table.iterfind(f"{qn('table:shapes')}/{FRAME}"):
            drawn[1, 1] += join_captions(self._frame(frame))
        yield from SheetTables(merged=Merged(read.merged), drawn=drawn).read(rows)
        if read.n_left_out:
            yield Skipped(f"Cells of sheet {name}", f"{read.n_left_out:,} repeat the one before")


CLASS = qn("presentation:class")


@dataclass(slots=True)
class _Cells:
    """The cells of a sheet, and what was found on the way."""

    merged: list[Area] = field(default_factory=list)
    frames: list[tuple[Place, etree._Element]] = field(default_factory=list)
    n_left_out: int = 0
    n_spare: int = MAX_COPIES

    def rows(self, table: etree._Element) -> Iterator[Row]:
        number = 1
        for row in table.iter(qn("table:table-row")):
            cells = dict(self._cells(row, number))
            n_rows = whole_number(row.get(qn("table:number-rows-repeated")), 1)
            if cells:
                n_given = self._given(n_rows, len(cells))
                yield from ((number + copy, cells) for copy in range(n_given))
            number += max(n_rows, 1)
            if number > MAX_ROW:
                return

    def _given(self, n: int, n_cells: int) -> int:
        """How many times cells that stand for n times as many are given."""
        n_given = max(1, min(n, MAX_REPEATED, self.n_spare // n_cells))
        self.n_spare -= (n_given - 1) * n_cells
        self.n_left_out += max(0, n - n_given) * n_cells
        return n_given

    def _cells(self, row: etree._Element, number: int) -> Iterator[tuple[int, Cell]]:
        column = 1
        for element in (c for c in row if c.tag in CELLS):
            n_columns = max(whole_number(element.get(qn("table:number-columns-repeated")), 1), 1)
            self.frames += [((number, column), frame) for frame in _frames(element)]
            wide = whole_number(element.get(qn("table:number-columns-spanned")), 1)
            high = whole_number(element.get(qn("table:number-rows-spanned")), 1)
            if wide > 1 or high > 1:
                self.merged.append(Area(number, column, number + high - 1, column + wide - 1))
            cell = _cell(element)
            if cell and element.tag == qn("table:table-cell"):
                n_given = self._given(n_columns, 1)
                yield from ((column + copy, cell) for copy in range(n_given))
            column += n_columns
            if column > MAX_COLUMN:
                return


def _cell(element: etree._Element) -> Cell | None:
    paragraphs = (child for child in element if child.tag in PARAGRAPHS)
    text = "\n".join(filter(None, map(text_of, paragraphs)))
    kind = element.get(qn("office:value-type"), "string")
    is_ordinal = kind in {"date", "time"} or YEAR.fullmatch(text) is not None
    return Cell(text, kind not in {"string", "boolean"}, False, is_ordinal) if text else None


def _is_hidden(table: etree._Element) -> bool:
    name = table.get(qn("table:style-name"))
    styles = table.getroottree().getroot().iter(qn("style:style"))
    found = next((s for s in styles if s.get(qn("style:name")) == name), None)
    shown = None if found is None else found.find(qn("style:table-properties"))
    return shown is not None and shown.get(qn("table:display")) == "false"


def _repeated(cell: etree._Element, what: str) -> int:
    number = whole_number(cell.get(qn(f"table:number-{what}-repeated")), 1)
    return min(max(number, 1), MAX_REPEATED)


def _address(element: etree._Element) -> str:
    return (element.get(qn("xlink:href")) or "").removeprefix("./")


def _frames(element: etree._Element) -> Iterator[etree._Element]:
    """The frames in an element, those in frames not among them."""
    for child in element:
        if child.tag == FRAME:
            yield child
        elif isinstance(child.tag, str) and child.tag not in NOT_SHOWN:
            yield from _frames(child)
