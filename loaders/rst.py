"""Reads reStructuredText through docutils, and what that makes of it as a web page.

docutils may neither read other files nor pass HTML through. Directives and roles that it does not
know, as those of Sphinx, keep their words. Leaves out what they would compute.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from loaders.elements import Element, Info, Skipped, one_line
from loaders.encoding import read_text
from loaders.html_tree import parse_html, prune
from loaders.loader import DocumentLoader
from loaders.markup import read_markup
from loaders.named_pictures import NamedPictures
from loaders.source import SourceFile
from loaders.text import read_plain

MAX_CHARS = 3_000_000
"""docutils reads about 200,000 characters a second, and holds much of them."""
MAX_LOOKS = 500_000_000
"""Characters looked at: for each star or backtick, docutils looks through its whole paragraph."""
BLANK_LINES = re.compile(r"\n[ \t]*\n")
MAX_SUBSTITUTED = 10_000
MAX_SUBSTITUTION_DEPTH = 20
SUBSTITUTION = re.compile(r"^[ \t]*\.\. +\|([^|\n]+)\|.*(?:\n[ \t]+\S.*)*", re.MULTILINE)
SUBSTITUTED = re.compile(r"\|(?=([^|]{1,200})\|)")
"""What stands between any two bars: only a name that is meant is one, a cell of a table is not."""
SETTINGS: dict[str, Any] = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 5,
    "warning_stream": False,
    "line_length_limit": MAX_CHARS,
    "doctitle_xform": False,
    "input_encoding": "unicode",
    "embed_stylesheet": False,
    "stylesheet_path": "",
    "syntax_highlight": "none",
    "math_output": "LaTeX",
    "smart_quotes": False,
    "traceback": True,
}


class RstLoader(DocumentLoader):
    """Reads .rst files."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        text = read_text(file, self.limits)
        reason = _excess(text)
        try:
            body = None if reason else _body(text)
        # docutils raises what it likes on text that no person writes.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            body, reason = None, f"docutils cannot read it ({type(error).__name__}: {error})"
        if body is None:
            yield Info()
            yield from read_plain(text)
            yield Skipped("The structure of the text", reason)
            return
        page = parse_html(body, self.limits)
        prune(page)
        heading = page.find(["h1", "h2"])
        yield Info(title=heading.get_text() if heading else None)
        yield from read_markup(page.body or page, NamedPictures(file, self.limits))


def _excess(text: str) -> str:
    """Why the text is not given to docutils, which would take too long; "" where it is."""
    if len(text) > MAX_CHARS:
        return f"the text is longer than {MAX_CHARS:,} characters"
    blocks = BLANK_LINES.split(text)
    if sum(len(block) * (block.count("*") + block.count("`")) for block in blocks) > MAX_LOOKS:
        return "its paragraphs have too many stars and backticks"
    if _n_substituted(text) > MAX_SUBSTITUTED:
        return f"its substitutions stand for more than {MAX_SUBSTITUTED:,} others"
    return ""


def _n_substituted(text: str) -> int:
    """How many substitutions the text comes to, those within others counted each time."""
    meant = {
        _folded(found[1]): _between_bars(found[0])[1:] for found in SUBSTITUTION.finditer(text)
    }

    @cache
    def count(name: str, depth: int = 0) -> int:
        if name not in meant:
            return 0
        if depth > len(meant) or depth > MAX_SUBSTITUTION_DEPTH:
            return MAX_SUBSTITUTED + 1
        within = sum(count(other, depth + 1) for other in meant[name])
        return min(MAX_SUBSTITUTED + 1, 1 + within)

    return sum(map(count, _between_bars(text))) if meant else 0


def _between_bars(text: str) -> list[str]:
    return [_folded(name) for name in SUBSTITUTED.findall(text)]


def _folded(name: str) -> str:
    """docutils tells names apart neither by case nor by white space."""
    return one_line(name).casefold()


def _body(text: str) -> str:
    """The text as HTML."""
    from docutils.core import publish_parts

    from loaders.rst_names import register_unknown

    register_unknown(text)
    parts = publish_parts(text, writer="html5", settings_overrides=SETTINGS)
    return str(parts["html_body"])
