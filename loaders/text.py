"""Reads plain text: paragraphs are what blank lines part.

Leaves out structure that a text may have by convention (underlined titles, columns):
its lines are kept as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from loaders.elements import Element, Info, Paragraph
from loaders.encoding import decode
from loaders.errors import UnsupportedFormat
from loaders.loader import DocumentLoader
from loaders.source import SourceFile

BLANK_LINES = re.compile(r"\n\s*\n")


class TextLoader(DocumentLoader):
    """Reads a text file in any encoding."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        text = decode(file.path.read_bytes())
        if text is None:
            raise UnsupportedFormat(
                f"{file.name} is not text in any encoding that limner knows. Save it as UTF-8."
            )
        yield Info()
        for paragraph in BLANK_LINES.split(text.replace("\r\n", "\n").replace("\r", "\n")):
            if paragraph.strip():
                yield Paragraph(paragraph.strip("\n"))
