"""Reads plain XML as text: titles as headings, and what else the elements say.

Entities are never expanded and nothing is loaded from outside. Leaves out what the elements of a
vocabulary mean: of a feed or an article in XML this shows the words only.
"""

from __future__ import annotations

from collections.abc import Iterator
from html.entities import html5

from lxml import etree

from loaders.elements import Element, Heading, Info, Paragraph, Skipped, one_line
from loaders.errors import BrokenDocument, LimitExceeded
from loaders.loader import DocumentLoader
from loaders.source import SourceFile
from loaders.xml_tree import BOMB, is_bomb, local_name, parse_xml, text_of, without_namespace

TITLES = {"title", "head", "heading", "caption"}
MAX_HEADINGS = 6


class XmlLoader(DocumentLoader):
    """Reads .xml files and the like."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        content = file.path.read_bytes()
        if len(content) > 4 * self.limits.max_text_chars:
            raise LimitExceeded(f"{file.name} is too large for XML. Split it.")
        skipped: list[Skipped] = []
        try:
            root = parse_xml(content)
        except etree.XMLSyntaxError as error:
            if is_bomb(error):
                raise LimitExceeded(f"{file.name} {BOMB}") from error
            try:
                root = parse_xml(content, mends=True)
            except etree.XMLSyntaxError:
                raise BrokenDocument(
                    f"{file.name} is damaged XML ({error}). Mend it, or rename it to .txt to have "
                    "it read as text."
                ) from error
            skipped.append(Skipped("What follows the first fault", f"it is damaged ({error})"))
        n_entities = _replace_entities(root)
        if n_entities:
            reason = "entities that a file declares are not expanded"
            skipped.append(Skipped(f"Text in {n_entities:,} places", reason))
        yield Info(title=_title(root))
        yield from skipped
        yield from _read(root)


def _replace_entities(root: etree._Element) -> int:
    """Put the characters that HTML has names for in their place; how many others are left out."""
    n_others = 0
    for entity in list(root.iter(etree.Entity)):
        character = html5.get((entity.text or "").removeprefix("&"), "")
        n_others += not character
        entity.tail = character + (entity.tail or "")
    etree.strip_elements(root, etree.Entity, with_tail=False)
    return n_others


def _title(root: etree._Element) -> str | None:
    found = next((e for e in root.iter() if local_name(e) in TITLES), None)
    return text_of(found) or None if found is not None else None


def _read(root: etree._Element) -> Iterator[Element]:
    """What stands below root. No recursion: hostile XML is nested deep."""
    waiting: list[tuple[etree._Element, int]] = [(root, 0)]
    while waiting:
        element, level = waiting.pop()
        parts = [e for e in element if local_name(e)]
        if _is_mixed(element) or not parts:
            if said := _said(element):
                yield Paragraph(said)
            continue
        attributes = _attributes(element)
        if local_name(parts[0]) in TITLES and level < MAX_HEADINGS:
            text = text_of(parts[0])
            if text:
                level += 1
                yield Heading(text, level)
                parts = parts[1:]
        leaves = [part for part in parts if not len(part)]
        if len(leaves) == len(parts):
            # A record: its values stand together.
            if said := "\n".join(filter(None, [attributes, *map(_said, leaves)])):
                yield Paragraph(said)
        else:
            if attributes:
                yield Paragraph(attributes)
            waiting += [(part, level) for part in reversed(parts)]


def _is_mixed(element: etree._Element) -> bool:
    """Whether text stands between the element's parts: a paragraph with words marked in it."""
    texts = [element.text, *(part.tail for part in element)]
    return bool(len(element)) and any(text and text.strip() for text in texts)


def _said(element: etree._Element) -> str:
    """The element's name, attributes and text on a line."""
    text = text_of(element)
    name = local_name(element)
    values = " ".join(filter(None, [_attributes(element), text]))
    is_prose = len(name) <= 2 or _is_mixed(element)
    return text if is_prose and text else f"{name}: {values}" if values else ""


def _attributes(element: etree._Element) -> str:
    found = (
        f"{without_namespace(str(name))}={one_line(str(value))}"
        for name, value in element.attrib.items()
        if not str(value).startswith(("http://www.w3.org/", "{"))
    )
    return ", ".join(found)
