"""Reads plain text: paragraphs are what blank lines part.

Leaves out structure that a text may have by convention (underlined titles, columns):
its lines are kept as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from loaders.elements import Element, Info, Paragraph
from loaders.encoding import read_text
from loaders.loader import DocumentLoader
from loaders.source import SourceFile

BLANK_LINES = re.compile(r"\n\s*\n")


class TextLoader(DocumentLoader):
    """Reads a text file in any encoding."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        text = read_text(file, self.limits)
        yield Info()
        yield from read_plain(text)


def read_plain(text: str) -> Iterator[Paragraph]:
    """The paragraphs of a plain text, here or in another document."""
    for paragraph in BLANK_LINES.split(text):
        if paragraph.strip():
            yield Paragraph(paragraph.strip("\n"))
