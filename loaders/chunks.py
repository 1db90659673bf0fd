"""Cuts text and tables into pieces of the size that the embedding model reads.

Leaves out sections and pages: the caller never passes text of two of them at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from langchain_text_splitters import RecursiveCharacterTextSplitter

CHUNK_CHARS = 900
"""About 220 tokens of English; all-MiniLM reads at most 256."""
TABLE_CHARS = 1_400
"""Tables are found by their words rather than their meaning, so they may be longer."""
WHOLE_CHARS = 2_400
"""Of a paragraph that is kept whole. Program text is found by its names more than its meaning."""
CELL_CHARS = 500
SENTENCE_ENDS = [r"\n\n", r"\n", r"(?<=[.!?…])\s+", r"(?<=[;:,])\s+", r"\s+", ""]
BLOCK_ENDS = [r"\n\n(?=\S)", r"\n(?=\S)", r"\n\n", r"\n", r"\s+", ""]


def _splitter(separators: list[str], n_chars: int) -> RecursiveCharacterTextSplitter:
    return RecursiveCharacterTextSplitter(
        separators=separators,
        is_separator_regex=True,
        keep_separator="end",
        chunk_size=n_chars,
        chunk_overlap=0,
        strip_whitespace=False,  # the indentation of a nested list says what belongs to what
    )


_prose_splitter = _splitter(SENTENCE_ENDS, CHUNK_CHARS)
_block_splitter = _splitter(BLOCK_ENDS, WHOLE_CHARS)


class Chunk(NamedTuple):
    """text: what it says; paragraphs: the indexes of those that it is taken from."""

    text: str
    paragraphs: range


def split_text(paragraphs: list[str], whole: Collection[int] = ()) -> Iterator[Chunk]:
    """Join paragraphs up to CHUNK_CHARS; cut longer ones at ends of sentences.

    whole: the indexes of those that are cut only where longer than WHOLE_CHARS.
    """
    held = Chunk("", range(0))
    for index, paragraph in enumerate(paragraphs):
        is_whole = index in whole
        is_short = 0 < len(paragraph) < (WHOLE_CHARS if is_whole else CHUNK_CHARS)
        splitter = _block_splitter if is_whole else _prose_splitter
        pieces = [paragraph] if is_short else splitter.split_text(paragraph)
        for piece in map(str.rstrip, pieces):
            if held.text and len(held.text) + len(piece) + 1 > CHUNK_CHARS:
                yield held
                held = Chunk("", range(0))
            text = f"{held.text}\n{piece}" if held.text else piece
            first = held.paragraphs.start if held.text else index
            held = Chunk(text, range(first, index + 1))
    if held.text:
        yield held


def split_table(rows: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    """Markdown tables of at most about TABLE_CHARS; each repeats the header row."""
    width = max((len(row) for row in rows), default=0)
    if not width:
        return
    header, *body = [_markdown_row(row, width) for row in rows]
    top = f"{header}\n|{' --- |' * width}"
    held: list[str] = []
    for line in body:
        if held and len(top) + sum(map(len, held)) + len(line) > TABLE_CHARS:
            yield "\n".join([top, *held])
            held = []
        held.append(line)
    yield "\n".join([top, *held])


def _markdown_row(row: tuple[str, ...], width: int) -> str:
    cells = [re.sub(r"\s+", " ", cell).strip()[:CELL_CHARS].replace("|", r"\|") for cell in row]
    return f"| {' | '.join(cells + [''] * (width - len(cells)))} |"
