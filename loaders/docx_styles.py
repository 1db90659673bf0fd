"""What the styles of a Word document make of a paragraph: heading, title, caption, list item.

Word keeps the names of its own styles in English in the file, whatever its language.
Leaves out how things look, and the numbers of lists (`docx_numbers`) and headings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from docx.oxml.ns import qn
from lxml import etree

from loaders.ooxml import whole_number

HEADING_NAME = re.compile(r"heading (\d)", re.IGNORECASE)
CONTENTS_NAME = re.compile(r"toc .*|table of figures", re.IGNORECASE)
LIST_NAME = re.compile(r"list (?:bullet|number)(?: (\d))?", re.IGNORECASE)
BODY_LEVEL = 9
MAX_DEPTH = 8
"""Of a list in a list; Word knows no deeper."""
NO_LIST = "0"


@dataclass(frozen=True, slots=True)
class _Style:
    name: str
    based_on: str | None
    properties: etree._Element | None


class ListPlace(NamedTuple):
    """list_id: as the file calls the list. level: in that list. depth: 0 for the outermost."""

    list_id: str
    level: int
    depth: int


class Styles:
    """Answers questions about paragraphs by their styles and the styles those are based on."""

    def __init__(self, styles: etree._Element) -> None:
        """styles: the `w:styles` element."""
        self._styles = {
            style.get(qn("w:styleId"), ""): _Style(
                _value(style, "w:name") or "", _value(style, "w:basedOn"), style.find(qn("w:pPr"))
            )
            for style in styles.iterfind(qn("w:style"))
        }

    def is_title(self, paragraph: etree._Element) -> bool:
        """Whether it is the title of the document."""
        return any(style.name.lower() == "title" for style in self._chain(paragraph))

    def is_caption(self, paragraph: etree._Element) -> bool:
        """Whether it is the caption of a figure or table."""
        names = [style.name.lower() for style in self._chain(paragraph)]
        return any("caption" in name and "captioned" not in name for name in names)

    def is_contents(self, paragraph: etree._Element) -> bool:
        """Whether it is a line of the table of contents, which only repeats the headings."""
        return any(CONTENTS_NAME.fullmatch(style.name) for style in self._chain(paragraph))

    def heading_level(self, paragraph: etree._Element) -> int | None:
        """1 for a heading of the highest level; None for what is no heading."""
        if self.is_title(paragraph):
            return 1
        for style in self._chain(paragraph):
            named = HEADING_NAME.fullmatch(style.name)
            if named:
                return int(named[1]) or None
        for properties in self._properties(paragraph):
            level = whole_number(_value(properties, "w:outlineLvl"), -1)
            if level >= 0:
                return level + 1 if level < BODY_LEVEL else None
        return None

    def list_place(self, paragraph: etree._Element) -> ListPlace | None:
        """Where in which list an item stands; None for what is no list item."""
        # Word's "List Bullet 2" is a list of its own, whose level the file gives as the first.
        names = (LIST_NAME.fullmatch(style.name) for style in self._chain(paragraph))
        by_name = next((int(named[1] or 1) - 1 for named in names if named), None)
        for properties in self._properties(paragraph):
            number = properties.find(f"{qn('w:numPr')}/{qn('w:numId')}")
            if number is None:
                continue
            list_id = number.get(qn("w:val"), NO_LIST)
            if list_id == NO_LIST:
                return None
            found = properties.find(f"{qn('w:numPr')}/{qn('w:ilvl')}")
            level = 0 if found is None else whole_number(found.get(qn("w:val")))
            return ListPlace(list_id, level, max(min(level, MAX_DEPTH), by_name or 0))
        return None if by_name is None else ListPlace("", 0, by_name)

    def _properties(self, paragraph: etree._Element) -> Iterator[etree._Element]:
        """Paragraph properties, the strongest first."""
        own = paragraph.find(qn("w:pPr"))
        if own is not None:
            yield own
        yield from (s.properties for s in self._chain(paragraph) if s.properties is not None)

    def _chain(self, paragraph: etree._Element) -> Iterator[_Style]:
        """The paragraph's style, then the styles it is based on; each at most once."""
        properties = paragraph.find(qn("w:pPr"))
        name = None if properties is None else _value(properties, "w:pStyle")
        seen: set[str] = set()
        while name and name in self._styles and name not in seen:
            seen.add(name)
            yield self._styles[name]
            name = self._styles[name].based_on


def _value(element: etree._Element, tag: str) -> str | None:
    found = element.find(qn(tag))
    return None if found is None else found.get(qn("w:val"))
