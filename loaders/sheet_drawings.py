"""Reads what floats above the cells of a sheet: pictures, charts, diagrams and text boxes.

Leaves out controls, ink, and how large things are shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from lxml import etree

from loaders.elements import Element, Figure, Paragraph, Table
from loaders.office_package import Part
from loaders.office_parts import CHARTS, DIAGRAM, embedded_chart, embedded_diagram, embedded_picture
from loaders.ooxml import whole_number
from loaders.pictures import alt_text
from loaders.sheet_regions import MAX_COLUMN, MAX_ROW, Place, column_name

DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
MAIN = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
ANCHORS = {f"{DRAWING}{kind}" for kind in ("twoCellAnchor", "oneCellAnchor", "absoluteAnchor")}


def drawn_elements(sheet: Part) -> dict[Place, list[Element]]:
    """Cell → what lies at it. Raises KeyError or lxml.etree.XMLSyntaxError."""
    found: defaultdict[Place, list[Element]] = defaultdict(list)
    for part in sheet.related("drawing"):
        for anchor in part.xml():
            if anchor.tag in ANCHORS:
                place = _place(anchor)
                found[place] += [_at(element, place) for element in _elements(anchor, part)]
    return dict(found)


def _at(element: Element, place: Place) -> Element:
    cell = f"{column_name(place[1])}{place[0]}"
    return replace(element, cells=cell) if isinstance(element, Figure | Table) else element


def _place(anchor: etree._Element) -> Place:
    row, column = (
        whole_number(anchor.findtext(f"{DRAWING}from/{DRAWING}{side}")) for side in ("row", "col")
    )
    return min(max(row, 0) + 1, MAX_ROW), min(max(column, 0) + 1, MAX_COLUMN)


def _elements(container: etree._Element, part: Part) -> Iterator[Element]:
    for child in container:
        if child.tag == FALLBACK:  # a second version for older programs
            continue
        if child.tag == f"{DRAWING}pic":
            yield from _picture(child, part)
        elif child.tag in CHARTS:
            yield from embedded_chart(part, child.get(f"{RELATION}id"))
        elif child.tag == DIAGRAM:
            yield from embedded_diagram(part, child.get(f"{RELATION}dm"))
        elif child.tag == f"{DRAWING}txBody":
            if text := _text(child):
                yield Paragraph(text)
        elif isinstance(child.tag, str):
            yield from _elements(child, part)


def _picture(element: etree._Element, part: Part) -> Iterator[Element]:
    named = element.find(f"{DRAWING}nvPicPr/{DRAWING}cNvPr")
    words = [] if named is None else [named.get("descr"), named.get("title")]
    blip = element.find(f".//{MAIN}blip")
    if blip is not None:
        relation_id = blip.get(f"{RELATION}embed") or blip.get(f"{RELATION}link")
        yield from embedded_picture(part, relation_id, alt=alt_text(*words))


def _text(body: etree._Element) -> str:
    lines = (
        "".join(run.text or "" for run in paragraph.iter(f"{MAIN}t"))
        for paragraph in body.iter(f"{MAIN}p")
    )
    return "\n".join(filter(None, map(str.strip, lines)))
