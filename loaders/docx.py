"""Reads Word documents: headings, paragraphs, lists, tables, charts and pictures, in order.

The file has no pages, so nothing has a page. Leaves out headers and footers, comments where
the limits do not ask for them, the table of contents, the numbers of headings, and pictures
that are only linked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import takewhile
from typing import Any

import docx
from docx.opc.constants import RELATIONSHIP_TYPE as RELATION
from docx.oxml import parse_xml
from docx.oxml.ns import qn
from lxml import etree

from loaders.attached import attached_last
from loaders.captions import CaptionText, Marked, is_labelled, join_captions
from loaders.docx_numbers import ListNumbers
from loaders.docx_styles import Styles
from loaders.docx_text import (
    DRAWINGS,
    NOTE_MARKS,
    OFF,
    TEXT_BOX,
    full_text,
    is_hidden,
    read_line,
    shown,
)
from loaders.elements import Element, Heading, Info, Paragraph
from loaders.embedded_files import embedded_object
from loaders.errors import BrokenDocument
from loaders.loader import DocumentLoader
from loaders.office_parts import CHARTS, DIAGRAM, embedded_chart, embedded_diagram, embedded_picture
from loaders.ooxml import meaningful_title, open_package, whole_number
from loaders.picture_tables import Place, table_elements
from loaders.pictures import alt_text
from loaders.source import SourceFile
from loaders.table_heads import MAX_HEADS, head_rows

OLD_PICTURE = "{urn:schemas-microsoft-com:vml}imagedata"
OBJECT = "{urn:schemas-microsoft-com:office:office}OLEObject"
OLD_TITLE = "{urn:schemas-microsoft-com:office:office}title"
WRAPPERS = {qn(f"w:{t}") for t in ("sdt", "sdtContent", "customXml", "smartTag", "ins", "moveTo")}
NOTES = {
    qn("w:footnoteReference"): ("w:footnote", RELATION.FOOTNOTES),
    qn("w:endnoteReference"): ("w:endnote", RELATION.ENDNOTES),
}
MAX_COLUMNS = 500


class DocxLoader(DocumentLoader):
    """Reads .docx, .docm and .dotx files."""

    is_commented = True

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        with open_package(file, self.limits) as stream:
            document = docx.Document(stream)
            if document.element.body is None:
                raise BrokenDocument(
                    f"{file.name} is a damaged Office file (it has no body). "
                    "Open it in Office and save it again."
                )
            reader = _Reader(document, reads_comments=self.limits.read_comments)
            yield Info(title=meaningful_title(document.core_properties.title) or reader.title())
            yield from attached_last(join_captions(reader.blocks(document.element.body)))


class _Reader:
    """Walks the XML of the body: python-docx shows no content controls, drawings and boxes."""

    def __init__(self, document: Any, *, reads_comments: bool) -> None:
        self._reads_comments = reads_comments
        self._body = document.element.body
        self._part = document.part
        self._styles = Styles(document.styles.element)

    def title(self) -> str | None:
        """The text of the first paragraph in the style Title."""
        titles = (p for p in self._body.iterfind(f".//{qn('w:p')}") if self._styles.is_title(p))
        return next((text for p in titles if (text := read_line(p).text)), None)

    def blocks(self, container: etree._Element) -> Iterator[Marked]:
        """What the paragraphs and tables of a container hold."""
        for block in _unwrapped(container):
            if block.tag == qn("w:p"):
                yield from self._paragraph(block)
            elif block.tag == qn("w:tbl"):
                yield from self._table(block)

    def _paragraph(self, paragraph: etree._Element) -> Iterator[Marked]:
        if self._styles.is_contents(paragraph):
            return
        line = read_line(paragraph)
        said = list(self._said(paragraph, line.text))
        drawn = (element for drawing in line.drawings for element in self._drawing(drawing))
        if line.starts_with_drawing:
            yield from drawn
            yield from said
        else:
            yield from said
            yield from drawn
        yield from self._noted(line.note_marks)

    def _noted(self, marks: Iterable[etree._Element]) -> Iterator[Paragraph]:
        """The notes and comments to which the marks refer."""
        for mark in marks:
            number = mark.get(qn("w:id"))
            if mark.tag in NOTES:
                tag, relation = NOTES[str(mark.tag)]
                if note := self._notes.get((relation, f"{tag} {number}")):
                    yield Paragraph(f"Note: {note}")
            elif self._reads_comments and (comment := self._comments.get(number)):
                yield Paragraph(comment)

    def _said(self, paragraph: etree._Element, text: str) -> Iterator[Marked]:
        """The paragraph's text as what its style says it is."""
        if not text:
            return
        level = self._styles.heading_level(paragraph)
        place = self._styles.list_place(paragraph)
        if level:
            yield Heading(text, level)
        elif place:
            mark = self._numbers.mark(place.list_id, place.level)
            yield Paragraph(f"{'  ' * place.depth}{mark} {text}")
        elif self._styles.is_caption(paragraph) or is_labelled(text):
            yield CaptionText(text)
        else:
            yield Paragraph(text)

    @cached_property
    def _numbers(self) -> ListNumbers:
        return ListNumbers(next(self._related(RELATION.NUMBERING), None))

    @cached_property
    def _notes(self) -> dict[tuple[str, str], str]:
        """(kind, id) of a footnote or endnote → its text."""
        return {
            (relation, f"{tag} {note.get(qn('w:id'))}"): full_text(note)
            for tag, relation in NOTES.values()
            for root in self._related(relation)
            for note in root.iterfind(qn(tag))
        }

    @cached_property
    def _comments(self) -> dict[str | None, str]:
        """id of a comment → who says what."""
        return {
            comment.get(qn("w:id")): (
                f"Comment by {comment.get(qn('w:author')) or 'somebody'}: {full_text(comment)}"
            )
            for root in self._related(RELATION.COMMENTS)
            for comment in root.iterfind(qn("w:comment"))
        }

    def _related(self, kind: str) -> Iterator[etree._Element]:
        """The XML of the parts to which the body is related."""
        for relation in self._part.rels.values():
            if relation.reltype == kind and not relation.is_external:
                yield parse_xml(relation.target_part.blob)

    # Tables

    def _table(self, table: etree._Element) -> Iterator[Marked]:
        shown_rows = _shown_rows(table)
        rows = [list(_cells(row)) for row in shown_rows]
        if _is_frame(rows):
            for cell in (c for row in rows for c, _ in row if c is not None):
                yield from self.blocks(cell)
            return
        texts = [["" if c is None else _own_text(c) for c, _ in row] for row in rows]
        found = {
            (r, c): cell
            for r, row in enumerate(rows)
            for c, (cell, _) in enumerate(row)
            if cell is not None
        }
        drawn = {place: self._drawn(cell) for place, cell in found.items()}
        grid = _merged(rows)
        n_heads = max(_marked_heads(shown_rows), head_rows(texts, grid))
        yield from table_elements(texts, drawn, cells=grid, n_heads=n_heads)
        for cell in found.values():
            yield from self._noted(e for e in _own(cell) if e.tag in NOTE_MARKS)
            for inner in filter(_is_table, _unwrapped(cell)):
                yield from self._table(inner)

    def _drawn(self, cell: etree._Element) -> list[Element]:
        drawings = (e for e in _own(cell) if e.tag in DRAWINGS)
        return list(join_captions(e for drawing in drawings for e in self._drawing(drawing)))

    # Drawings

    def _drawing(self, drawing: etree._Element) -> Iterator[Marked]:
        """The pictures, charts, diagrams and text boxes of a drawing."""
        named = drawing.find(f".//{qn('wp:docPr')}")
        for element in shown(drawing):
            if element.tag == qn("pic:pic"):
                yield from self._picture(element, named)
            elif element.tag == OBJECT:
                yield from embedded_object(self._part, element.get(qn("r:id")))
            elif element.tag == OLD_PICTURE:
                yield from self._old_picture(element)
            elif element.tag in CHARTS:
                yield from embedded_chart(self._part, element.get(qn("r:id")))
            elif element.tag == DIAGRAM:
                yield from embedded_diagram(self._part, element.get(qn("r:dm")))
            elif element.tag == TEXT_BOX:
                yield from self.blocks(element)

    def _picture(self, element: etree._Element, named: etree._Element | None) -> Iterator[Element]:
        own = element.find(f".//{qn('pic:cNvPr')}")
        words = [n.get(k) for n in (named, own) if n is not None for k in ("descr", "title")]
        blip = element.find(f".//{qn('a:blip')}")
        if blip is not None:
            relation_id = blip.get(qn("r:embed")) or blip.get(qn("r:link"))
            yield from embedded_picture(self._part, relation_id, alt=alt_text(*words))

    def _old_picture(self, element: etree._Element) -> Iterator[Element]:
        shape = element.getparent()
        alt = alt_text(None if shape is None else shape.get("alt"), element.get(OLD_TITLE))
        relation_id = element.get(qn("r:id")) or element.get(qn("r:href"))
        yield from embedded_picture(self._part, relation_id, alt=alt)


def _unwrapped(container: etree._Element) -> Iterator[etree._Element]:
    """The children, with those of content controls and the like in their place."""
    for child in container:
        if child.tag in WRAPPERS:
            yield from _unwrapped(child)
        elif isinstance(child.tag, str):
            yield child


def _shown_rows(table: etree._Element) -> list[etree._Element]:
    return [row for row in _unwrapped(table) if row.tag == qn("w:tr") and not is_hidden(row)]


def _is_frame(rows: Sequence[Sequence[object]]) -> bool:
    """Whether it serves the layout rather than being a table."""
    return len(rows) == 1 or all(len(row) == 1 for row in rows)


def _is_table(block: etree._Element) -> bool:
    is_table = block.tag == qn("w:tbl")
    return is_table and not _is_frame([list(_cells(row)) for row in _shown_rows(block)])


def _own(cell: etree._Element) -> Iterator[etree._Element]:
    """What is shown in a table's cell, except in the tables within it."""
    for block in _unwrapped(cell):
        if block.tag in {qn("w:p"), qn("w:tbl")} and not _is_table(block):
            yield block
            yield from shown(block)


def _own_text(cell: etree._Element) -> str:
    lines = (read_line(e).text for e in _own(cell) if e.tag == qn("w:p"))
    return " ".join(" ".join(lines).split())


def _cells(row: etree._Element) -> Iterator[tuple[etree._Element | None, str]]:
    """The cells of a row in its grid, and from where a merged cell goes on, "left" or "above"."""
    for cell in _unwrapped(row):
        if cell.tag != qn("w:tc"):
            continue
        merged = cell.find(f"{qn('w:tcPr')}/{qn('w:vMerge')}")
        goes_on = merged is not None and merged.get(qn("w:val"), "continue") == "continue"
        yield (None, "above") if goes_on else (cell, "")
        span = cell.find(f"{qn('w:tcPr')}/{qn('w:gridSpan')}")
        width = whole_number(span.get(qn("w:val")), 1) if span is not None else 1
        yield from [(None, "left")] * (min(width, MAX_COLUMNS) - 1)


def _merged(rows: Sequence[Sequence[tuple[etree._Element | None, str]]]) -> list[list[Place]]:
    """For each place of the grid that at which its cell begins."""
    grid: list[list[Place]] = []
    for r, row in enumerate(rows):
        line: list[Place] = []
        for c, (_, goes_on) in enumerate(row):
            if goes_on == "left":
                line.append(line[-1])
            elif goes_on == "above" and grid and c < len(grid[-1]):
                line.append(grid[-1][c])
            else:
                line.append((r, c))
        grid.append(line)
    return grid


def _marked_heads(rows: Iterable[etree._Element]) -> int:
    """How many rows are marked as the header, to be repeated on each page."""
    marks = (row.find(f"{qn('w:trPr')}/{qn('w:tblHeader')}") for row in rows)
    marked = (mark is not None and mark.get(qn("w:val")) not in OFF for mark in marks)
    n_heads = len(list(takewhile(bool, marked)))
    return n_heads if n_heads <= MAX_HEADS else 1
