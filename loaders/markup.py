"""Turns HTML into elements: of pages, and inside Markdown, mails, books and notebooks.

Leaves out scripts, forms, hidden parts, sound and film, and small drawings without words in
the page itself (SVG), which are icons.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from bs4.element import CData, NavigableString, Tag

from loaders.captions import CaptionText, Marked, is_labelled, join_captions
from loaders.elements import Element, Figure, Heading, Paragraph, Skipped, Table
from loaders.html_table import MAX_CELLS, MAX_COLUMNS, Cell, lay_out
from loaders.html_tree import attribute, classes, parse_html, prune
from loaders.inline_svg import drawing
from loaders.limits import Limits
from loaders.named_pictures import NamedPictures
from loaders.picture_tables import table_elements
from loaders.table_heads import MAX_HEADS, head_rows

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "center", "details", "div", "dd", "dl"),
    *("dt", "fieldset", "figcaption", "footer", "form", "header", "hgroup", "hr", "html", "legend"),
    *("li", "main", "menu", "p", "section", "summary"),
    *("caption", "tbody", "td", "tfoot", "th", "thead", "tr"),
}
NOTES = {"aside", "blockquote", "details"}
NO_SECTION = Heading("", 1)
CAPTION_CLASSES = {"caption", "figure-caption", "gallerytext", "thumbcaption", "wp-caption-text"}
ITALICS = {"em", "i"}
PICTURES = {"img", "object", "embed"}
LAYOUT_ROLES = {"presentation", "none"}
SPACES = re.compile(r"\s+")


def read_html(text: str, pictures: NamedPictures, limits: Limits) -> Iterator[Element]:
    """What a piece of HTML in another document shows, in reading order."""
    page = parse_html(text, limits)
    body = page.body or page
    prune(body)
    yield from read_markup(body, pictures)


def read_markup(root: Tag, pictures: NamedPictures) -> Iterator[Element]:
    """What stands below root (pruned), in reading order."""
    yield from join_captions(_Flow(pictures).read(root))


class _Flow:
    """One run through a part of the page, gathering text until a block ends."""

    def __init__(self, pictures: NamedPictures) -> None:
        self._named = pictures
        self._text: list[str] = []
        self._pictures: list[Marked] = []
        self._picture_is_first = False
        self._mark = ""  # of the list item whose text comes next
        self._list_depth = 0
        self._path: list[Heading] = []  # the sections that are open
        self._level = 0  # of the section in which a note stands

    def read(self, root: Tag) -> Iterator[Marked]:
        """What stands below root."""
        yield from self._children(root)
        yield from self._flush()

    def _children(self, parent: Tag) -> Iterator[Marked]:
        for child in parent.children:
            if isinstance(child, Tag):
                yield from self._tag(child)
            elif type(child) in {NavigableString, CData}:
                self._text.append(SPACES.sub(" ", str(child)))

    def _tag(self, tag: Tag) -> Iterator[Marked]:
        name = tag.name
        if name == "br":
            self._text.append("\n")
        elif name == "math":
            self._text.append(_formula(tag))
        elif name in PICTURES:
            self._add_pictures(list(self._named.figure(tag)))
        elif name == "svg":
            named = [e for image in tag.find_all("image") for e in self._named.figure(image)]
            self._add_pictures(named or list(drawing(tag)))
        elif name in STRUCTURES:
            yield from self._flush()
            yield from STRUCTURES[name](self, tag)
        elif name in BLOCKS or ("-" in name and tag.find([*STRUCTURES, *BLOCKS])):
            yield from self._block(tag)
        else:
            yield from self._children(tag)
            if "-" in name:  # an element of the page's own making, such as a note
                self._text.append(" ")

    def _add_pictures(self, pictures: list[Element]) -> None:
        self._picture_is_first |= bool(pictures) and not "".join(self._text).strip()
        self._pictures += pictures

    def _flush(self, *, is_emphasised: bool = False) -> Iterator[Marked]:
        """End a paragraph: its text and the pictures in it."""
        lines = (" ".join(line.split()) for line in "".join(self._text).split("\n"))
        text = "\n".join(filter(None, lines))
        said: list[Marked] = []
        if text and not self._mark and (is_emphasised or is_labelled(text)):
            said = [CaptionText(text, is_below=not is_labelled(text))]
        elif text:
            said = [Paragraph(self._mark + text)]
            self._mark = ""
        drawn, is_first = self._pictures, self._picture_is_first
        self._text, self._pictures, self._picture_is_first = [], [], False
        yield from [*drawn, *said] if is_first else [*said, *drawn]

    def _block(self, tag: Tag) -> Iterator[Marked]:
        yield from self._flush()
        if tag.name in NOTES:
            yield from self._note(tag)
        elif CAPTION_CLASSES.isdisjoint(classes(tag)):
            yield from self._children(tag)
            yield from self._flush(is_emphasised=_is_emphasised(tag))
        else:
            text, drawn = self._gathered(tag)
            yield from drawn
            if text:
                yield CaptionText(text)

    def _note(self, tag: Tag) -> Iterator[Marked]:
        """Something set apart: its headings are below the section that is open, and end with it."""
        path, level = self._path, self._level
        self._level = path[-1].level if path else 0
        yield from self._children(tag)
        yield from self._flush()
        if self._path != path:
            yield replace(path[-1] if path else NO_SECTION, is_resumed=True)
        self._path, self._level = path, level

    def _gathered(self, tag: Tag) -> tuple[str, list[Element]]:
        """All text below the tag in one line, and the pictures there."""
        texts: list[str] = []
        drawn: list[Element] = []
        for element in _Flow(self._named).read(tag):
            match element:
                case Paragraph(text=text) | Heading(text=text) | CaptionText(text=text):
                    texts.append(text)
                case Table(rows=rows):
                    texts += [cell for row in rows for cell in row if cell]
                case _:
                    drawn.append(element)
        return " ".join(" ".join(texts).split()), drawn

    def _heading(self, tag: Tag) -> Iterator[Marked]:
        text, drawn = self._gathered(tag)
        if text:
            heading = Heading(text, self._level + HEADINGS.index(tag.name) + 1)
            self._path = [*(h for h in self._path if h.level < heading.level), heading]
            yield heading
        yield from drawn

    def _code(self, tag: Tag) -> Iterator[Marked]:
        for line_break in tag.find_all("br"):
            line_break.replace_with("\n")
        text = tag.get_text().strip("\n")
        if text.strip():
            yield Paragraph(text, is_whole=True)

    def _list(self, tag: Tag) -> Iterator[Marked]:
        start = attribute(tag, "start")
        number = int(start) if start.isdecimal() else 1
        for child in tag.find_all(True, recursive=False):
            if child.name != "li":
                yield from self._tag(child)
                continue
            self._mark = "  " * self._list_depth + (f"{number}. " if tag.name == "ol" else "- ")
            self._list_depth += 1
            yield from self._children(child)
            yield from self._flush()
            self._list_depth -= 1
            self._mark = ""
            number += 1

    def _figure(self, tag: Tag) -> Iterator[Marked]:
        """What a figure holds, with its caption."""
        label = next(
            (c for c in tag.find_all("figcaption") if c.find_parent("figure") is tag), None
        )
        caption = ""
        if label is not None:
            caption, _ = self._gathered(label)
            label.extract()
        is_said = not caption
        for element in join_captions(_Flow(self._named).read(tag)):
            if caption and isinstance(element, Figure | Table) and not element.caption:
                yield replace(element, caption=caption)
                is_said = True
            else:
                yield element
        if not is_said:
            yield Paragraph(caption)

    def _table(self, tag: Tag) -> Iterator[Marked]:
        rows = [
            row.find_all(["td", "th"], recursive=False)
            for row in tag.find_all("tr")
            if row.find_parent("table") is tag
        ]
        if _is_layout(tag, rows):
            yield from self._children(tag)
            yield from self._flush()
            return
        cells = [[self._gathered(cell) for cell in row] for row in rows]
        spans = [[(_number(c, "colspan"), _number(c, "rowspan")) for c in row] for row in rows]
        grid = lay_out(spans)
        texts = [
            [cells[at[0]][at[1]][0] if at and _begins(line, c) else "" for c, at in enumerate(line)]
            for line in grid
        ]
        drawn = {
            (r, c): cells[at[0]][at[1]][1]
            for r, line in enumerate(grid)
            for c, at in enumerate(line)
            if at and at[0] == r and _begins(line, c)
        }
        n_heads = _marked_heads(tag, rows) or head_rows(texts, grid)
        label = tag.find("caption", recursive=False)
        caption = self._gathered(label)[0] if label else None
        yield from table_elements(
            texts, drawn, cells=grid, n_heads=n_heads, caption=caption or None
        )
        laid_out = {at for line in grid for at in line if at}
        if n_left := sum(map(len, rows)) - len(laid_out):
            reason = f"the limits are {MAX_COLUMNS} columns and {MAX_CELLS:,} cells"
            yield Skipped(f"{n_left:,} cells of a table", reason)


STRUCTURES: dict[str, Callable[[_Flow, Tag], Iterator[Marked]]] = {
    **dict.fromkeys(HEADINGS, _Flow._heading),
    **dict.fromkeys(("ul", "ol"), _Flow._list),
    "figure": _Flow._figure,
    "pre": _Flow._code,
    "table": _Flow._table,
}


def _begins(line: list[Cell | None], column: int) -> bool:
    """Whether the cell in the column does not go on from the column before."""
    return not column or line[column - 1] != line[column]


def _marked_heads(table: Tag, rows: Sequence[Sequence[Tag]]) -> int:
    """How many rows the table says are its header."""
    n_heads = sum(1 for r in table.find_all("tr") if r.parent and r.parent.name == "thead")
    if not n_heads:
        are_heads = (bool(row) and all(cell.name == "th" for cell in row) for row in rows)
        n_heads = len(list(takewhile(bool, are_heads)))
    return n_heads if n_heads <= MAX_HEADS else 1


def _is_emphasised(tag: Tag) -> bool:
    """Whether a paragraph stands in italics as a whole, as captions often do."""
    if tag.name != "p":
        return False
    strings = [s for s in tag.strings if s.strip()]
    return bool(strings) and all(any(p.name in ITALICS for p in s.parents) for s in strings)


def _is_layout(table: Tag, rows: Sequence[Sequence[Tag]]) -> bool:
    """Whether a table only arranges the page."""
    return (
        attribute(table, "role").lower() in LAYOUT_ROLES
        or len(rows) == 1
        or all(len(row) <= 1 for row in rows)
        or table.find(["table", *HEADINGS]) is not None
    )


def _formula(tag: Tag) -> str:
    source = tag.find("annotation")
    return attribute(tag, "alttext") or (source or tag).get_text()


def _number(tag: Tag, name: str) -> int:
    text = attribute(tag, name)
    return min(int(text), 100_000) if text.isascii() and text.isdecimal() and len(text) < 8 else 1
