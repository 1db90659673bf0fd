"""Takes in what any LangChain loader yields, such as those of langchain-community.

Their Documents become limner's: cut to size, with the metadata of limner's own. Leaves out
pictures in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack
from urllib.parse import unquote, urlsplit

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

from loaders.elements import Element, Info, Paragraph
from loaders.errors import BrokenDocument, LoaderError, PartMissing
from loaders.loader import DocumentLoader, LoaderOptions
from loaders.source import source_uri


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
            yield Paragraph(document.page_content, page + 1 if isinstance(page, int) else None)

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


def adapt(loader: BaseLoader, source: str, **options: Unpack[LoaderOptions]) -> AdaptedLoader:
    """Any LangChain loader as one of limner's: `assistant.add([adapt(loader, "rows.csv")])`."""
    return AdaptedLoader(loader, source, **options)
