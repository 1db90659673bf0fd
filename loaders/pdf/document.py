"""A PDF file, opened with PDFium: its errors, its lock and its own title.

PDFium is not safe for threads, not even on different documents: every call to it is
made under PDFIUM. The lock is never held while the reader's caller works.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from loaders.errors import BrokenDocument, EncryptedDocument, LoaderError
from loaders.source import SourceFile

PDFIUM = threading.RLock()
PAGE_ERRORS = (pypdfium2.PdfiumError, LoaderError, ValueError, ArithmeticError, OSError)
"""What a damaged page raises; the other pages can still be read."""
MAX_TITLE_CHARS = 300
MADE_BY_PROGRAM = re.compile(
    r"(?i)(?:microsoft (?:word|powerpoint|excel|publisher)\b.*|powerpoint[ -]pr[eäé]sentation.*"
    r"|(?:untitled|document|presentation|slide|book|title|print|scan|layout|template|report"
    r"|dokument|unbenannt|\W|\d)*"
    r"|.*\.(?:pdf|docx?|dotx?|rtf|odt|pptx?|xlsx?|indd|qxd|fm|tex|dvi|ps|html?|txt|png|jpe?g|tiff?)"
    r"|.*[\\/].*[\\/].*)"
)
"""Titles that a program wrote, or that are file names."""


@contextmanager
def open_pdf(file: SourceFile) -> Iterator[Any]:
    """The file as a pypdfium2 document. Raises EncryptedDocument or BrokenDocument."""
    try:
        with PDFIUM:
            document = pypdfium2.PdfDocument(file.path)
    except pypdfium2.PdfiumError as error:
        raise _explained(error, file.name) from error
    try:
        yield document
    finally:
        with PDFIUM:
            document.close()


@contextmanager
def open_page(document: Any, index: int) -> Iterator[Any]:
    """One page, closed again whatever happens. Raises one of PAGE_ERRORS."""
    with PDFIUM:
        page = document[index]
    try:
        yield page
    finally:
        with PDFIUM:
            page.close()


def page_size(document: Any, index: int) -> tuple[float, float]:
    """Width and height of a page as displayed, in points. Raises BrokenDocument."""
    try:
        with PDFIUM:
            width, height = document.get_page_size(index)
    except pypdfium2.PdfiumError as error:
        raise BrokenDocument(f"Page {index + 1} cannot be read: {error}") from error
    return width, height


def own_title(document: Any, name: str) -> str | None:
    """The title in the document's metadata, if a person wrote it."""
    written = re.sub(
        r"[\s\x00-\x1f\ufffe\ufffd]+", " ", document.get_metadata_value("Title")
    ).strip()
    is_name = " " not in written and written.casefold() == name.rsplit(".", 1)[0].casefold()
    if is_name or not 3 <= len(written) <= MAX_TITLE_CHARS or MADE_BY_PROGRAM.fullmatch(written):
        return None
    return written if sum(c.isalpha() for c in written) >= 0.5 * len(written) else None


def _explained(error: pypdfium2.PdfiumError, name: str) -> LoaderError:
    if error.err_code == pdfium.FPDF_ERR_PASSWORD:
        return EncryptedDocument(f"{name} needs a password; open it and save a copy without one.")
    if error.err_code == pdfium.FPDF_ERR_SECURITY:
        return EncryptedDocument(
            f"{name} is protected in a way that limner cannot open; save a copy without protection."
        )
    return BrokenDocument(
        f"{name} is not a PDF that can be read ({str(error).rstrip('.')}). "
        "If a PDF viewer opens it, print it to a new PDF and add that."
    )
