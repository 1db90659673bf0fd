"""Opens a source and picks the loader for what it holds.

Leaves out the formats themselves: each has a module of its own, imported only when a
file of that format comes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from langchain_core.documents import Document

from loaders.content_type import (
    DOCX,
    HTML,
    MARKDOWN,
    PDF,
    PICTURE_TYPES,
    PLAIN_TEXT,
    PPTX,
    UNKNOWN,
    content_type,
    format_name,
)
from loaders.errors import UnsupportedFormat
from loaders.limits import DEFAULT_LIMITS
from loaders.loader import DocumentLoader, LoaderOptions
from loaders.source import SourceFile, is_url, open_source

READABLE = (
    "It reads PDF, Word (.docx), PowerPoint (.pptx), HTML, Markdown, plain text and pictures "
    "(PNG, JPEG, GIF, WebP, TIFF, BMP, AVIF, JPEG 2000, ICO)."
)
OLD_OFFICE = {
    "application/msword": ".docx",
    "application/vnd.ms-powerpoint": ".pptx",
}


def load(source: str | Path, **options: Unpack[LoaderOptions]) -> list[Document]:
    """Read a file or web page into Documents. Raises a LoaderError.

    source: a path, a `file://` URI, or a web address, which is fetched once.
    """
    limits = options.get("limits", DEFAULT_LIMITS)
    with open_source(source, limits, figure_root=options.get("figure_root")) as file:
        return list(loader_for(file, **options).load_file(file))


def loader_for(file: SourceFile, **options: Unpack[LoaderOptions]) -> DocumentLoader:
    """The loader for what an open source holds; pass the same file to its `load_file`.

    Raises UnsupportedFormat, EmptyDocument, EncryptedDocument, BrokenDocument or
    LimitExceeded.
    """
    mime = content_type(file.path, file.name, is_web_page=is_url(file.uri))
    loader = _loader_class(mime)
    if loader is None:
        raise UnsupportedFormat(_refusal(file.name, mime))
    return loader(file.uri, **options)


def _loader_class(mime: str) -> type[DocumentLoader] | None:
    if mime == PDF:
        from loaders.pdf import PdfLoader

        return PdfLoader
    if mime == DOCX:
        from loaders.docx import DocxLoader

        return DocxLoader
    if mime == PPTX:
        from loaders.pptx import PptxLoader

        return PptxLoader
    if mime == HTML:
        from loaders.html import HtmlLoader

        return HtmlLoader
    if mime == MARKDOWN:
        from loaders.markdown import MarkdownLoader

        return MarkdownLoader
    if mime == PLAIN_TEXT:
        from loaders.text import TextLoader

        return TextLoader
    if mime in PICTURE_TYPES:
        from loaders.image import ImageLoader

        return ImageLoader
    return None


def _refusal(name: str, mime: str) -> str:
    if mime == UNKNOWN:
        return f"{name} is neither text nor a format that limner knows. {READABLE}"
    if mime in OLD_OFFICE:
        return f"{name} is {format_name(mime)}. Save it as {OLD_OFFICE[mime]} in Office."
    return f"{name} is {format_name(mime)}, which limner does not read yet. {READABLE}"
