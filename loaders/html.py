"""Reads web pages: the content of a page without what surrounds it.

Leaves out pictures on the web, which are never fetched, and what a script would draw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bs4.dammit import EncodingDetector
from bs4.element import Tag

from loaders.elements import Element, Info
from loaders.encoding import read_text
from loaders.html_tree import attribute, parse_html, prune, remove
from loaders.limits import Limits
from loaders.loader import DocumentLoader
from loaders.markup import read_markup
from loaders.named_pictures import LAZY_ATTRIBUTES, NamedPictures, is_data_uri, is_spacer
from loaders.source import SourceFile

PAGE_FURNITURE = ("header", "footer", "aside")
SECTIONS = ("article", "main", "section", "blockquote", "figure", "td")
"""Within these, a header or aside belongs to the content."""
FURNITURE_ROLES = {"banner", "contentinfo", "complementary"}
OTHER_PICTURES = ("svg", "object", "embed", "video", "canvas")
HEAD_BYTES = 8 * 1024
"""In which a page names its encoding. Beautiful Soup's search is quadratic in hostile pages."""
MIN_MAIN_SHARE = 0.2
"""A `main` with less of the page's text than this does not hold its content."""


class HtmlLoader(DocumentLoader):
    """Reads a page from a file or the web."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        text = read_text(file, self.limits, declared=_declared_encoding)
        yield from page_elements(
            text, lambda base: NamedPictures(file, self.limits, base=base), self.limits
        )


def page_elements(
    text: str, pictures_of: Callable[[str | None], NamedPictures], limits: Limits
) -> Iterator[Element]:
    """What a whole page shows for reading.

    pictures_of: the pictures by the address that the page says its own are relative to.
    """
    page = parse_html(text, limits)
    base = page.find("base", href=True)
    title = _title(page)
    body = page.body or page
    _show_lazy_pictures(body)
    prune(body)
    yield Info(title=title)
    yield from read_markup(_main(body), pictures_of(str(base["href"]) if base else None))


def _declared_encoding(content: bytes) -> str | None:
    head = content[:HEAD_BYTES]
    return EncodingDetector.find_declared_encoding(head, is_html=True, search_entire_document=True)


def _title(page: Tag) -> str | None:
    """The page's title, else its first main heading."""
    for tag in (page.find("title"), page.find("h1")):
        text = " ".join(tag.get_text().split()) if tag else ""
        if text:
            return text
    return None


def _show_lazy_pictures(body: Tag) -> None:
    """Show the pictures for readers without scripts, in the place of stand-ins before them."""
    shown = [image for image in body.find_all("img") if image.find_parent("noscript") is None]
    named = {address for image in shown for address in _named(image)}
    for hidden in body.find_all("noscript"):
        real, before = hidden.find("img"), hidden.find_previous("img")
        if real is None:
            continue
        beside = _named(before) if before and _are_neighbours(before, hidden) else None
        if before and beside is not None and all(map(is_spacer, beside)):
            before.replace_with(real.extract())
        elif all(map(is_data_uri, beside or ())) and named.isdisjoint(_named(real)):
            hidden.insert_before(real.extract())


def _named(image: Tag) -> set[str]:
    """The addresses where an image may be."""
    return {attribute(image, name) for name in ("src", *LAZY_ATTRIBUTES, "srcset")} - {""}


def _are_neighbours(image: Tag, hidden: Tag) -> bool:
    """Whether neither text nor another picture stands between an image and a noscript."""
    if any(tag is hidden for tag in image.parents):
        return False
    for node in image.next_elements:
        if node is hidden:
            return True
        if node.name in OTHER_PICTURES if isinstance(node, Tag) else str(node).strip():
            return False
    return False


def _main(body: Tag) -> Tag:
    """The part of the page that holds its content."""
    articles = body.find_all("article")
    marked = [*body.find_all("main"), *body.find_all(role="main")]
    marked += articles if len(articles) == 1 else []
    n_chars = len(body.get_text())
    for main in marked:
        if len(main.get_text()) >= MIN_MAIN_SHARE * n_chars:
            return main
    _remove_furniture(body)
    return body


def _remove_furniture(body: Tag) -> None:
    """Take out the page's own header, footer and sidebars; a main heading in them stays."""
    for heading in body.find_all("h1"):
        around = [tag for tag in heading.parents if _is_furniture(tag)]
        if around:
            around[-1].insert_before(heading.extract())
    remove(body, _is_furniture)


def _is_furniture(tag: Tag) -> bool:
    is_named_so = tag.name in PAGE_FURNITURE or attribute(tag, "role") in FURNITURE_ROLES
    return is_named_so and tag.find_parent(SECTIONS) is None
