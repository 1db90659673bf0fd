"""Rewrites what Obsidian and GitHub add to Markdown as CommonMark, before its inline parsing.

Links between notes, embedded pictures, highlights, comments, callouts and footnotes. Code is
left alone. Leaves out embedded notes, of which the name stays, and comments over several blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from markdown_it.common.utils import normalizeReference
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

PICTURE_FOLDERS = ("attachments", "assets", "images", "media")
"""In which programs for notes put pictures: beside the note, or at the root of the notes."""
CODE_SPAN = re.compile(r"(`+[^`]*`+)")
EMBEDDED = re.compile(r"!\[\[([^\[\]|\n]{1,300})(?:\|([^\[\]\n]{0,300}))?\]\]")
PICTURE = re.compile(r"\.(?:png|jpe?g|gif|webp|svg|bmp|avif|tiff?|heic)$", re.IGNORECASE)
WIDTH = re.compile(r"\s*\d{1,5}(?:x\d{1,5})?\s*")
LINK = re.compile(r"(?<![\w!\]\\])\[\[([^\[\]|\n]{1,300})(?:\|([^\[\]\n]{1,300}))?\]\](?![(\[])")
HIGHLIGHT = re.compile(r"(?<![\w=])==(?=[^\s=])([^=\n]{1,500})(?<!\s)==(?!=)")
COMMENT = re.compile(r"%%[^%]*%%")
CALLOUT = re.compile(r"\[!([\w-]{1,40})\][+-]?[ \t]*([^\n]*)\n?")
NOTE_MARK = re.compile(r"\[\^([^\s\[\]]{1,60})\](?!:)")
NOTE = re.compile(r"^\[\^([^\s\[\]]{1,60})\]:[ \t]*", re.MULTILINE)


def rewrite(state: StateCore) -> None:
    """Make the tokens of blocks say in CommonMark what they say in a program's own signs."""
    notes = _notes(state)
    found: list[Token] = []
    waiting: list[str] = []
    for n, token in enumerate(state.tokens):
        before = [t.type for t in state.tokens[max(0, n - 2) : n]]
        if token.type == "inline":
            if before == ["blockquote_open", "paragraph_open"]:
                token.content = CALLOUT.sub(_callout, token.content, count=1)
            is_paragraph = before[-1:] == ["paragraph_open"]
            token.content = NOTE.sub(r"Note \1: ", token.content)
            token.content = _without_code(token.content, notes, waiting if is_paragraph else None)
        found.append(token)
        if token.type == "paragraph_close":
            found += [part for note in waiting for part in _paragraph(note, token)]
            waiting.clear()
    state.tokens = found


def _notes(state: StateCore) -> dict[str, str]:
    """Name → text of the footnotes; they are taken from the tokens if a mark leads to them."""
    named = {m for t in state.tokens if t.type == "inline" for m in NOTE_MARK.findall(t.content)}
    references: Mapping[str, Mapping[str, str]] = state.env.get("references", {})
    links = {name: references.get(normalizeReference(f"^{name}")) for name in named}
    found = {name: link["href"] for name, link in links.items() if link}
    for token in state.tokens:
        if token.type != "inline" or not NOTE.match(token.content):
            continue
        _, *parts = NOTE.split(token.content)
        kept = []
        for name, text in zip(parts[::2], parts[1::2], strict=True):
            if name in named and name not in found:
                found[name] = text.strip()
            else:
                kept.append(f"[^{name}]: {text}")
        token.content = "".join(kept)
    return found


def _without_code(text: str, notes: dict[str, str], waiting: list[str] | None) -> str:
    """The text with all but its code rewritten; the footnotes it leads to go into waiting."""
    parts = CODE_SPAN.split(text)
    return "".join(
        part if n % 2 else _rewritten(part, notes, waiting) for n, part in enumerate(parts)
    )


def _rewritten(text: str, notes: dict[str, str], waiting: list[str] | None) -> str:
    def mark(found: re.Match[str]) -> str:
        note = notes.get(found[1])
        if note is None:
            return found[0]
        notes[found[1]] = ""  # it is shown once, however many marks lead to it
        if waiting is None:
            return f" ({note})" if note else ""
        waiting.extend([f"Note {found[1]}: {note}"] if note else [])
        return ""

    text = COMMENT.sub("", text)
    text = EMBEDDED.sub(_embedded, text)
    text = LINK.sub(_linked, text)
    text = HIGHLIGHT.sub(r"\1", text)
    return NOTE_MARK.sub(mark, text)


def _callout(found: re.Match[str]) -> str:
    kind, title = found[1].replace("-", " ").capitalize(), found[2].strip()
    return f"{kind}: {title}\\\n" if title and found[0].endswith("\n") else f"{kind}: {title}"


def _embedded(found: re.Match[str]) -> str:
    name, alt = found[1].strip(), found[2] or ""
    if not PICTURE.search(name):
        return _linked(found)
    return f"![{'' if WIDTH.fullmatch(alt) else alt}]({quote(name)})"


def _linked(found: re.Match[str]) -> str:
    return found[2] or found[1].strip().strip("#").replace("#", " > ")


def _paragraph(text: str, after: Token) -> Iterator[Token]:
    yield Token("paragraph_open", "p", 1, block=True, level=after.level)
    yield Token("inline", "", 0, content=text, children=[], block=True, level=after.level + 1)
    yield Token("paragraph_close", "p", -1, block=True, level=after.level)
