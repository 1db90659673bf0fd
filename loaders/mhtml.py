"""Reads web pages that a browser saved as one file, with their pictures (MHTML).

Leaves out the frames of a page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from loaders.elements import Element
from loaders.errors import BrokenDocument
from loaders.html import page_elements
from loaders.loader import DocumentLoader
from loaders.mime import LinkedParts, header, leaves, parse_message, text_of
from loaders.named_pictures import NamedPictures
from loaders.source import SourceFile

PAGE_TYPES = {"text/html", "application/xhtml+xml"}


class MhtmlLoader(DocumentLoader):
    """Reads .mhtml and .mht files."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        message = parse_message(file)
        parts = leaves(message, self.limits)
        page = next((part for part in parts if part.get_content_type() in PAGE_TYPES), None)
        if page is None:
            raise BrokenDocument(
                f"{file.name} holds no web page. Open the page in a browser and save it again."
            )
        linked = LinkedParts(message, self.limits)
        yield from page_elements(
            text_of(page),
            lambda base: NamedPictures(
                replace(file, figure_root=None),
                self.limits,
                base=base or header(page, "Content-Location") or None,
                inside=linked.content,
            ),
            self.limits,
        )
