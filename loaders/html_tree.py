"""The tree of a parsed page: what of it is shown for reading, and its tags' attributes.

Leaves out what the tags say: that is `markup`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable

from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning, XMLParsedAsHTMLWarning
from bs4.element import NavigableString, Tag

from loaders.errors import LimitExceeded
from loaders.limits import Limits

MAX_DEPTH = 100
"""Pages that people write stay below 60."""
MAX_TAGS = 600_000
"""That open an element: with its text, one takes about 1.4 KB."""
NOT_READ = {
    *("script", "style", "template", "noscript", "head", "link", "meta", "nav", "rt", "rp"),
    *("iframe", "canvas", "video", "audio", "map"),
    *("button", "select", "input", "textarea", "datalist", "progress", "meter"),
}
NOT_READ_ROLES = {"navigation", "search", "menu", "menubar", "toolbar", "dialog", "alertdialog"}
NOT_READ_CLASSES = {
    *("noprint", "d-print-none", "headerlink"),
    *("mw-editsection", "mw-jump-link", "mw-cite-backlink", "catlinks", "printfooter"),  # Wikipedia
    *("interlanguage-link", "after-portlet", "metadata", "navbox"),
}
NOTE_MARKS = {"reference", "footnote-ref", "footnote-reference"}
SHOWING = {"object", "embed"}
"""What may show a picture, or something that is not for reading."""
HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def parse_html(text: str, limits: Limits) -> BeautifulSoup:
    """The parsed page; any text at all is a page. Raises LimitExceeded."""
    n_tags = text.count("<") - text.count("</")
    if n_tags > MAX_TAGS or len(text) > limits.max_text_chars:
        raise LimitExceeded(
            f"The page is too large: {len(text):,} characters with {n_tags:,} tags; "
            f"the limits are {limits.max_text_chars:,} and {MAX_TAGS:,}."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        # Attributes of several values, such as `class`, stay as they are written.
        page = BeautifulSoup(text, "lxml", multi_valued_attributes=None)
    _flatten(page)
    return page


def prune(root: Tag) -> None:
    """Take out what is below root and not shown, or not for reading."""
    remove(root, lambda tag: not _is_for_reading(tag) or _is_hidden(tag))


def remove(root: Tag, is_unwanted: Callable[[Tag], bool]) -> None:
    """Take out the unwanted tags below root with all that they hold."""
    waiting = [root]
    while waiting:
        for child in [c for c in waiting.pop().children if isinstance(c, Tag)]:
            if is_unwanted(child):
                child.decompose()
            else:
                waiting.append(child)


def _flatten(page: Tag) -> None:
    """Leave only the text of what is nested too deep."""
    waiting = [(page, 0)]
    while waiting:
        tag, depth = waiting.pop()
        for child in [c for c in tag.children if isinstance(c, Tag)]:
            if depth >= MAX_DEPTH:
                child.replace_with(NavigableString(f" {child.get_text(' ')} "))
            else:
                waiting.append((child, depth + 1))


def attribute(tag: Tag, name: str) -> str:
    """An attribute's value; "" if it is not there."""
    return str(tag.attrs.get(name) or "").strip()


def classes(tag: Tag) -> set[str]:
    """The names in the attribute `class`."""
    return set(attribute(tag, "class").split())


def _is_hidden(tag: Tag) -> bool:
    if not tag.attrs:
        return tag.name == "dialog"
    return (
        (tag.has_attr("hidden") and attribute(tag, "hidden") != "until-found")
        or attribute(tag, "aria-hidden").lower() == "true"
        or HIDING_STYLE.search(attribute(tag, "style")) is not None
        or (tag.name == "dialog" and not tag.has_attr("open"))
    )


def _is_for_reading(tag: Tag) -> bool:
    if tag.name in NOT_READ:
        return False
    if not tag.attrs:
        return tag.name not in SHOWING
    return not (
        (tag.name in SHOWING and not attribute(tag, "type").lower().startswith("image/"))
        or attribute(tag, "role").lower() in NOT_READ_ROLES
        or not classes(tag).isdisjoint(NOT_READ_CLASSES)
        or (tag.name == "sup" and not classes(tag).isdisjoint(NOTE_MARKS))
    )
