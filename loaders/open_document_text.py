"""The names of OpenDocument's elements, and the text below one as it is read.

Leaves out what the elements are for: that is `open_document` and `open_document_charts`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from loaders.ooxml import whole_number

NAMESPACES = {
    name: f"urn:oasis:names:tc:opendocument:xmlns:{path}:1.0"
    for name, path in (
        ("office", "office"),
        ("text", "text"),
        ("table", "table"),
        ("draw", "drawing"),
        ("presentation", "presentation"),
        ("style", "style"),
        ("chart", "chart"),
        ("svg", "svg-compatible"),
    )
} | {"xlink": "http://www.w3.org/1999/xlink", "dc": "http://purl.org/dc/elements/1.1/"}

MAX_SPACES = 1_000
"""Written as one element."""


def qn(name: str) -> str:
    """The tag or attribute that is written with a prefix, "text:p"."""
    prefix, _, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


NOT_SHOWN = {
    qn(name)
    for name in (
        *("office:annotation", "office:annotation-end", "text:tracked-changes", "text:note"),
        *("text:table-of-content", "text:alphabetical-index", "text:illustration-index"),
        *("text:ruby-text", "svg:title", "svg:desc", "office:forms", "text:sequence-decls"),
    )
}
SPACES = {qn("text:tab"): "\t", qn("text:line-break"): "\n"}
CELLS = {qn("table:table-cell"), qn("table:covered-table-cell")}
FRAME, TEXT_BOX = qn("draw:frame"), qn("draw:text-box")
PARAGRAPHS = {qn("text:p"), qn("text:h")}


def text_of(paragraph: etree._Element) -> str:
    """The text of a paragraph, without that of its frames and notes."""
    return "".join(_runs(paragraph)).strip()


def _runs(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if child.tag == qn("text:s"):
            yield " " * min(whole_number(child.get(qn("text:c")), 1), MAX_SPACES)
        elif child.tag in SPACES:
            yield SPACES[child.tag]
        elif isinstance(child.tag, str) and child.tag not in NOT_SHOWN and child.tag != FRAME:
            yield from _runs(child)
        yield child.tail or ""


def all_text(element: etree._Element) -> str:
    """The text of all paragraphs below an element, in one line."""
    texts = filter(None, map(text_of, element.iter(*PARAGRAPHS)))
    return " ".join(" ".join(texts).split())
