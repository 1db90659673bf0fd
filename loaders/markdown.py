"""Reads Markdown: CommonMark with tables, and the HTML in it.

Leaves out the extensions of particular programs, except front matter, Pandoc's
attributes of pictures and headings, and its `:::` lines, which enclose notes; those of
Obsidian are rewritten in `obsidian`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from html import escape
from itertools import pairwise

from bs4.element import Tag
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from loaders.elements import Element, Info, one_line
from loaders.encoding import read_text
from loaders.html_tree import parse_html, prune
from loaders.limits import Limits
from loaders.loader import DocumentLoader
from loaders.markup import read_markup
from loaders.named_pictures import NamedPictures
from loaders.obsidian import PICTURE_FOLDERS, rewrite
from loaders.source import SourceFile

FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?)\n(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
TITLE = re.compile(r"^title[ \t]*[:=](.*)$", re.MULTILINE | re.IGNORECASE)
FACT = re.compile(
    r"^(date|tags|aliases|authors?)[ \t]*[:=]([^\n]*(?:\n[ \t]*-[^\n]*)*)",
    re.MULTILINE | re.IGNORECASE,
)
FENCE_LINE = re.compile(r"^[ \t]*:{3,}.*(?:\n|\Z)", re.MULTILINE)
HEADING_ATTRIBUTES = re.compile(r"(?<=\S) ?\{[#.][^{}]*\}$")
PICTURE_ATTRIBUTES = re.compile(r"\{[^{}]*\}")
MAX_NESTING = 100
MAX_OPEN_BRACKETS = 50
"""In a paragraph at once. For each, the parser looks at what follows, again for those within."""
MAX_BRACKETS_IN_CODE = 1_000
BRACKET = re.compile(r"\\.|[\[\]]")
BRACKET_OR_CODE = re.compile(r"\\.|(?<!`)(`{1,9})(?!`).*?(?<!`)\1(?!`)|[\[\]]", re.DOTALL)
ALT = re.compile(r"""\balt\s*=\s*(?:"([^"]*)"|'([^']*)')""")


class MarkdownLoader(DocumentLoader):
    """Reads a Markdown file."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        title, facts, text = _without_front_matter(read_text(file, self.limits))
        pictures = NamedPictures(
            file, self.limits, titles_are_captions=True, folders=PICTURE_FOLDERS
        )
        page = _page(text, self.limits)
        heading = page.find("h1")
        if facts:
            _add_facts(page, facts, self.limits)
        yield Info(title=title or (heading.get_text().strip() if heading else None) or None)
        yield from read_markup(page, pictures)


def read_markdown(text: str, pictures: NamedPictures, limits: Limits) -> Iterator[Element]:
    """What a piece of Markdown in another document says, in reading order."""
    yield from read_markup(_page(text, limits), pictures)


def _page(text: str, limits: Limits) -> Tag:
    """The text as a parsed page."""
    page = parse_html(_parser().render(text), limits)
    prune(page)
    return page.body or page


def _without_front_matter(text: str) -> tuple[str | None, str, str]:
    """The title and what else of note the front matter gives, and the text after it."""
    found = FRONT_MATTER.match(text)
    if not found:
        return None, "", text
    title = TITLE.search(found[2])
    stated = ((fact[1].lower(), _value(fact[2])) for fact in FACT.finditer(found[2]))
    facts = "; ".join(f"{name}: {value}" for name, value in stated if value)
    return (title[1].strip().strip("\"'") if title else None), facts, text[found.end() :]


def _value(text: str) -> str:
    """A value of the front matter, or its values, each on a line or in brackets, on one line."""
    parts = re.split(r"\n\s*-|,", text.strip().strip("[]"))
    return one_line(", ".join(filter(None, (part.strip(" \t\n\"'-") for part in parts))))


def _add_facts(page: Tag, facts: str, limits: Limits) -> None:
    """Put what the front matter says below the heading that the text begins with."""
    paragraph = parse_html(f"<p>{escape(facts)}</p>", limits).find("p")
    heading = page.find("h1")
    if paragraph and heading and heading.find_previous_sibling() is None:
        heading.insert_after(paragraph.extract())
    elif paragraph:
        page.insert(0, paragraph.extract())


@cache
def _parser() -> MarkdownIt:
    """Making one takes longer than reading a cell of a notebook with it."""
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING}).enable(
        ["table", "strikethrough"]
    )
    parser.core.ruler.before("inline", "obsidian", rewrite)
    parser.core.ruler.before("inline", "pandoc_blocks", _clean_blocks)
    parser.core.ruler.before("inline", "bounds", _disarm_brackets)
    parser.core.ruler.after("inline", "nesting", _flatten)
    parser.core.ruler.after("inline", "pandoc_pictures", _read_picture_attributes)
    return parser


def _disarm_brackets(state: StateCore) -> None:
    """Have the brackets be text that a paragraph opens beyond what a person would."""
    for token in state.tokens:
        if token.type == "inline" and token.content.count("[") > MAX_OPEN_BRACKETS:
            # What seems to be code here may be none to the parser: it is only trusted so far.
            if _disarmed(token.content, BRACKET)[1] > MAX_BRACKETS_IN_CODE:
                token.content = _disarmed(token.content, BRACKET)[0]
            else:
                token.content = _disarmed(token.content, BRACKET_OR_CODE)[0]


def _disarmed(text: str, sign: re.Pattern[str]) -> tuple[str, int]:
    """The text with surplus brackets escaped, and how many it has open at once.

    Surplus are, of more than MAX_OPEN_BRACKETS, those that are never closed, then those around
    too many others: what they hold stays a link or a picture.
    """
    waiting: list[tuple[int, int]] = []  # where a bracket opens, how many levels are in it
    surplus: list[int] = []
    most = 0
    for found in sign.finditer(text):
        if found[0] == "[":
            waiting.append((found.start(), 1))
            most = max(most, len(waiting))
        elif found[0] == "]" and waiting:
            start, n_levels = waiting.pop()
            if n_levels > MAX_OPEN_BRACKETS:
                surplus += start, found.start()
            if waiting:
                waiting[-1] = waiting[-1][0], max(waiting[-1][1], n_levels + 1)
    if most <= MAX_OPEN_BRACKETS:
        return text, most
    surplus += (start for start, _ in waiting)
    pieces: list[str] = []
    end = 0
    for place in sorted(surplus):
        pieces += text[end:place], "\\"
        end = place
    return "".join([*pieces, text[end:]]), most


def _flatten(state: StateCore) -> None:
    """Take out emphasis inside emphasis that lies too deep."""
    for token in state.tokens:
        depth = 0
        kept: list[Token] = []
        for child in token.children or []:
            depth += child.nesting == 1
            if not child.nesting or depth <= MAX_NESTING:
                kept.append(child)
            depth -= child.nesting == -1
        if token.children:
            token.children = kept


def _clean_blocks(state: StateCore) -> None:
    """Make what `:::` lines enclose a note, and take out the attributes after a heading."""
    notes = _notes(state.tokens)
    found: list[Token] = []
    for n, token in enumerate(state.tokens):
        before = state.tokens[n - 1].type if n else ""
        if token.type == "inline" and before == "heading_open":
            token.content = HEADING_ATTRIBUTES.sub("", token.content)
        elif token.type == "inline" and before == "paragraph_open":
            token.content = FENCE_LINE.sub("", token.content)
        found += [Token("html_block", "", 0, content=tag) for tag in notes.get(n, [])]
        found.append(token)
    state.tokens = found


def _notes(tokens: Sequence[Token]) -> Mapping[int, Sequence[str]]:
    """Index of a paragraph → the tags of the notes that begin and end at it."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    begun: list[int] = []
    for n, (paragraph, token) in enumerate(pairwise(tokens)):
        if paragraph.type != "paragraph_open" or token.type != "inline":
            continue
        for line in FENCE_LINE.findall(token.content):
            if line.strip(" \t\n:"):
                begun.append(n)
            elif begun:  # what is not ended is no note
                found[begun.pop()].append("<aside>")
                found[n].append("</aside>")
    return found


def _read_picture_attributes(state: StateCore) -> None:
    """Give a picture the alternative text from the `{alt='…'}` after it."""
    for token in state.tokens:
        children = token.children or []
        for image, after in pairwise(children):
            found = PICTURE_ATTRIBUTES.match(after.content) if image.type == "image" else None
            if not found or after.type != "text":
                continue
            after.content = after.content[found.end() :]
            alt = ALT.search(found[0])
            if alt:
                image.children = [Token("text", "", 0, content=alt[1] or alt[2] or "")]
