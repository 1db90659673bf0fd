"""Takes in what any LangChain loader yields, such as those of langchain-community.

Their Documents become limner's: cut to size, with the metadata of limner's own. Pictures come
along that stand in the text as Markdown with a data URI, and those that unstructured's loaders
give as `image_base64`. Leaves out pictures that a Document only points to.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, Unpack
from urllib.parse import unquote, urlsplit

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

from loaders.elements import Element, Figure, Info, Paragraph, Skipped
from loaders.errors import BrokenDocument, LoaderError, PartMissing
from loaders.loader import DocumentLoader, LoaderOptions
from loaders.source import source_uri

EMBEDDED = re.compile(
    r"!\[(?P<alt>[^\]\n]{0,1000})\]\(\s*data:image/[\w.+-]+;base64,(?P<content>[A-Za-z0-9+/=\s]+)\)"
)
"""A picture in Markdown with its content in it."""


class AdaptedLoader(DocumentLoader):
    """Another loader's Documents, as those of one source."""

    def __init__(self, loader: BaseLoader, source: str, **options: Unpack[LoaderOptions]) -> None:
        """loader: reads the whole source. source: the path or URI under which it is known."""
        super().__init__(source, **options)
        self.loader = loader
        self.uri = source_uri(source)

    def lazy_load(self) -> Iterator[Document]:
        """Yield the Documents in their order.

        Raises EmptyDocument where there are none, BrokenDocument where the loader fails.
        """
        yield from self._documents(self.uri, self._name, self._elements())

    @property
    def _name(self) -> str:
        return unquote(urlsplit(self.uri).path.rstrip("/").rsplit("/", 1)[-1]) or self.uri

    def _elements(self, file: object = None) -> Iterator[Element]:  # noqa: ARG002 - the other reads
        for document in self._read():
            page = document.metadata.get("page")
            title = document.metadata.get("title")
            yield Info(title=title if isinstance(title, str) else None)
            # LangChain's loaders count pages from 0.
            yield from _content(document, page + 1 if isinstance(page, int) else None)

    def _read(self) -> Iterator[Document]:
        """What the other loader yields; whatever it raises is about the source."""
        try:
            yield from self.loader.lazy_load()
        except (LoaderError, PartMissing):
            raise
        except Exception as error:
            raise BrokenDocument(
                f"{self._name} could not be read by {type(self.loader).__name__} "
                f"({type(error).__name__}: {error}). Check the source, and what that loader needs."
            ) from error


def _content(document: Document, page: int | None) -> Iterator[Element]:
    """The text of a Document with its pictures where they stand."""
    end = 0
    for found in EMBEDDED.finditer(document.page_content):
        yield Paragraph(document.page_content[end : found.start()].strip("\n"), page)
        yield _picture(found["content"], found["alt"], page)
        end = found.end()
    given: Any = document.metadata.get("image_base64")
    text = document.page_content[end:].strip("\n")
    if isinstance(given, str):
        # The text of such a Document is what was read in the picture.
        yield _picture(given, text, page)
    else:
        yield Paragraph(text, page)


def _picture(content: str, words: str, page: int | None) -> Element:
    try:
        return Figure(base64.b64decode(content), alt=words.strip() or None, page=page)
    except binascii.Error as error:
        return Skipped("A picture", f"its base64 text is damaged ({error})")


def adapt(loader: BaseLoader, source: str, **options: Unpack[LoaderOptions]) -> AdaptedLoader:
    """Any LangChain loader as one of limner's: `assistant.add([adapt(loader, "rows.csv")])`."""
    return AdaptedLoader(loader, source, **options)
