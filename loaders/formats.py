"""Opens a source and picks the loader for what it holds.

LOADERS is the list of formats: a new one takes a module with a DocumentLoader, and a line there.
Leaves out the formats themselves: a module is imported only when a file of its format comes.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path, PurePath
from typing import Unpack

from langchain_core.documents import Document

from loaders.content_type import (
    CONVERTED_TYPES,
    CSV,
    DOCX,
    EPUB,
    HTML,
    JSON,
    MAIL,
    MARKDOWN,
    NOTEBOOK,
    OPEN_DOCUMENT_TYPES,
    OUTLOOK,
    PDF,
    PICTURE_TYPES,
    PLAIN_TEXT,
    PPTX,
    RST,
    RTF,
    SOURCE_SUFFIXES,
    UNKNOWN,
    WEB_ARCHIVE,
    XLSX,
    XML,
    content_type,
    format_name,
)
from loaders.errors import UnsupportedFormat
from loaders.limits import DEFAULT_LIMITS
from loaders.loader import DocumentLoader, LoaderOptions
from loaders.source import SourceFile, is_url, open_source
from loaders.speech.recording_file import FORMATS as RECORDING_TYPES

LOADERS = {
    PDF: "loaders.pdf.PdfLoader",
    DOCX: "loaders.docx.DocxLoader",
    PPTX: "loaders.pptx.PptxLoader",
    XLSX: "loaders.xlsx.XlsxLoader",
    HTML: "loaders.html.HtmlLoader",
    MARKDOWN: "loaders.markdown.MarkdownLoader",
    EPUB: "loaders.epub.EpubLoader",
    MAIL: "loaders.mail.MailLoader",
    OUTLOOK: "loaders.outlook.OutlookLoader",
    WEB_ARCHIVE: "loaders.mhtml.MhtmlLoader",
    NOTEBOOK: "loaders.notebook.NotebookLoader",
    CSV: "loaders.delimited.DelimitedLoader",
    JSON: "loaders.json.JsonLoader",
    RST: "loaders.rst.RstLoader",
    XML: "loaders.xml.XmlLoader",
    RTF: "loaders.rtf.RtfLoader",
    PLAIN_TEXT: "loaders.text.TextLoader",
    **dict.fromkeys(OPEN_DOCUMENT_TYPES, "loaders.open_document.OpenDocumentLoader"),
    **dict.fromkeys(CONVERTED_TYPES, "loaders.converted.ConvertedLoader"),
    **dict.fromkeys(SOURCE_SUFFIXES, "loaders.source_code.SourceCodeLoader"),
    **dict.fromkeys(PICTURE_TYPES, "loaders.image.ImageLoader"),
    "image/heic": "loaders.image.HeicLoader",
    "image/svg+xml": "loaders.image.SvgLoader",
    **dict.fromkeys(RECORDING_TYPES, "loaders.recording.RecordingLoader"),
}
"""MIME type, or the suffix of a kind of text (".bib"), → the class that reads it."""


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
    loader = _loader_class(mime, file.name)
    if loader is None:
        raise UnsupportedFormat(_refusal(file.name, mime))
    return loader(file.uri, **options)


def _loader_class(mime: str, name: str) -> type[DocumentLoader] | None:
    where = LOADERS.get(PurePath(name).suffix.lower()) if mime == PLAIN_TEXT else None
    where = where or LOADERS.get(mime)
    if where is None:
        return None
    module, _, loader = where.rpartition(".")
    found: type[DocumentLoader] = getattr(import_module(module), loader)
    return found


def _refusal(name: str, mime: str) -> str:
    what = (
        "neither text nor a format that limner knows"
        if mime == UNKNOWN
        else f"{format_name(mime)}, which limner does not read"
    )
    if mime.startswith("image/"):
        return f"{name} is {what}. Save it as PNG and add that."
    return f"{name} is {what}. Save or print it as a PDF in its own program and add that."
