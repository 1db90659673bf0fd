"""Sources in, LangChain Documents out: text, tables and figures with where they stand.

Leaves out what is done with the Documents: searching is `retrievers`, answering `assistant`.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loaders.adapted import AdaptedLoader, adapt
    from loaders.captioning.blip import BlipCaptioner
    from loaders.captioning.describer import FigureDescriber
    from loaders.captioning.ocr import OcrReader
    from loaders.docx import DocxLoader
    from loaders.errors import (
        BrokenDocument,
        BrokenPicture,
        EmptyDocument,
        EncryptedDocument,
        FetchRefused,
        LimitExceeded,
        LoaderError,
        PartMissing,
        PasswordNeeded,
        SourceMissing,
        UnsupportedFormat,
    )
    from loaders.formats import load, loader_for
    from loaders.html import HtmlLoader
    from loaders.image import ImageLoader
    from loaders.limits import Limits
    from loaders.loader import DocumentLoader
    from loaders.markdown import MarkdownLoader
    from loaders.media import MediaStore
    from loaders.pdf import PdfLoader
    from loaders.pptx import PptxLoader
    from loaders.recording import RecordingLoader
    from loaders.speech.transcriber import Transcriber
    from loaders.text import TextLoader

# onnxruntime would number this machine in the home folder and report its use to Microsoft. It is
# told here, and not where we load it: faster-whisper loads it of its own accord. This module comes
# before all of them, in each worker process too.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = [
    "AdaptedLoader",
    "BlipCaptioner",
    "BrokenDocument",
    "BrokenPicture",
    "DocumentLoader",
    "DocxLoader",
    "EmptyDocument",
    "EncryptedDocument",
    "FetchRefused",
    "FigureDescriber",
    "HtmlLoader",
    "ImageLoader",
    "LimitExceeded",
    "Limits",
    "LoaderError",
    "MarkdownLoader",
    "MediaStore",
    "OcrReader",
    "PartMissing",
    "PasswordNeeded",
    "PdfLoader",
    "PptxLoader",
    "RecordingLoader",
    "SourceMissing",
    "TextLoader",
    "Transcriber",
    "UnsupportedFormat",
    "adapt",
    "load",
    "loader_for",
]

_MODULES = {
    "AdaptedLoader": "adapted",
    "adapt": "adapted",
    "BlipCaptioner": "captioning.blip",
    "DocumentLoader": "loader",
    "DocxLoader": "docx",
    "FigureDescriber": "captioning.describer",
    "HtmlLoader": "html",
    "ImageLoader": "image",
    "Limits": "limits",
    "MarkdownLoader": "markdown",
    "MediaStore": "media",
    "OcrReader": "captioning.ocr",
    "PdfLoader": "pdf",
    "PptxLoader": "pptx",
    "RecordingLoader": "recording",
    "TextLoader": "text",
    "Transcriber": "speech.transcriber",
    "load": "formats",
    "loader_for": "formats",
}
"""Where a public name lives, if not in `errors`."""

if not TYPE_CHECKING:  # a type checker sees the imports above, and knows no other name

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used: each format's library takes its time."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
        globals()[name] = found
        return found
