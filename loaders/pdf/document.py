"""A PDF file, opened with PDFium: its errors, its lock and its own title.

PDFium is not safe for threads, not even on different documents: every call to it is
made under PDFIUM. The lock is never held while the reader's caller works.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from loaders.errors import BrokenDocument, EncryptedDocument, LoaderError, PasswordNeeded
from loaders.pdf.letters import on_one_line
from loaders.source import SourceFile

PDFIUM = threading.RLock()
PAGE_ERRORS = (
    pypdfium2.PdfiumError,
    LoaderError,
    ValueError,
    ArithmeticError,
    OSError,
    MemoryError,
)
"""What a damaged page raises; the other pages can still be read."""
TAIL_BYTES = 2048
"""At the end of the file, where its end mark stands, and at its start."""
LINEARIZED_LENGTH = re.compile(rb"/Linearized[^>]*?/L\s+(\d{1,12})\b")
"""How long a file is that was written for reading over a network; it has an end mark inside."""
MAX_TITLE_CHARS = 300
SEARCHED_BYTES = 1 << 20
MAX_LABEL_CHARS = 20
"""A longer page label is not one to find a page by."""
MADE_BY_PROGRAM = re.compile(
    r"(?i)(?:microsoft (?:word|powerpoint|excel|publisher)\b.*|powerpoint[ -]pr[eäé]sentation.*"
    r"|(?:untitled|document|presentation|slide|book|title|print|scan|layout|template|report"
    r"|dokument|unbenannt|anonymous|unnamed|unspecified|unknown|no title|null|none|\W|\d)*"
    r"|.*\.(?:pdf|docx?|dotx?|rtf|odt|pptx?|xlsx?|indd|qxd|fm|tex|dvi|ps|html?|txt|png|jpe?g|tiff?)"
    r"|.*[\\/].*[\\/].*)"
)
"""Titles that a program wrote, or that are file names."""


@contextmanager
def open_pdf(file: SourceFile, passwords: Sequence[str] = ()) -> Iterator[Any]:
    """The file as a pypdfium2 document.

    passwords: tried one after the other where the file needs one. Raises PasswordNeeded,
    EncryptedDocument or BrokenDocument.
    """
    document = _opened(file, passwords)
    try:
        with PDFIUM, suppress(pypdfium2.PdfiumError):
            # Without it, what is filled in is neither read nor drawn. No script is run.
            document.init_forms()
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


class PageAtNeed:
    """Gives the page, loaded when it is first asked for, and again after it was closed."""

    def __init__(self, document: Any, index: int) -> None:
        self._document = document
        self._index = index
        self._opened: Any = None

    def __call__(self) -> Any:
        if self._opened is None:
            self._opened = self._document[self._index]
        return self._opened

    def close(self) -> None:
        """Let go of all that PDFium keeps of the page, the pictures it decoded above all."""
        if self._opened is not None:
            with PDFIUM:
                self._opened.close()
            self._opened = None


@contextmanager
def page_at_need(document: Any, index: int) -> Iterator[PageAtNeed]:
    """The page, closed in the end if it was opened."""
    page = PageAtNeed(document, index)
    try:
        yield page
    finally:
        page.close()


def own_title(document: Any, name: str) -> str | None:
    """The title in the document's metadata, if a person wrote it."""
    try:
        written = on_one_line(document.get_metadata_value("Title"))
    except UnicodeDecodeError:  # half a character
        return None
    is_name = " " not in written and written.casefold() == name.rsplit(".", 1)[0].casefold()
    if is_name or not 3 <= len(written) <= MAX_TITLE_CHARS or MADE_BY_PROGRAM.fullmatch(written):
        return None
    return written if sum(c.isalpha() for c in written) >= 0.5 * len(written) else None


def damage(document: Any, file: SourceFile) -> str | None:
    """What is wrong with an open document as a whole; None if nothing is seen."""
    with file.path.open("rb") as stream:
        head = stream.read(TAIL_BYTES)
        n_bytes = stream.seek(0, io.SEEK_END)
        stream.seek(max(0, n_bytes - TAIL_BYTES))
        _, has_end, after = stream.read().rpartition(b"%%EOF")
    planned = LINEARIZED_LENGTH.search(head)
    if not has_end or b" obj" in after or (planned and int(planned[1]) > n_bytes):
        return "the end of the file is missing: pages may be missing too; get a whole copy"
    if not pdfium.FPDF_DocumentHasValidCrossReferenceTable(document):
        return (
            "the file's index of its objects is damaged and was made anew: "
            "see in a PDF viewer whether pages are missing"
        )
    return None


def page_labels(document: Any) -> dict[int, str]:
    """Page number → what the document itself calls the page, where that is not its number."""
    labels = {}
    for index in range(len(document)):
        try:
            label = on_one_line(document.get_page_label(index))
        except UnicodeDecodeError:
            continue
        if label and label != str(index + 1) and len(label) <= MAX_LABEL_CHARS:
            labels[index + 1] = label
    return labels


def _opened(file: SourceFile, passwords: Sequence[str]) -> Any:
    for password in (None, *passwords):
        try:
            with PDFIUM:
                return pypdfium2.PdfDocument(file.path, password)
        except pypdfium2.PdfiumError as error:
            # PDFium gives this code for files without pages, too.
            if error.err_code != pdfium.FPDF_ERR_PASSWORD or not _is_encrypted(file):
                raise _explained(error, file.name) from error
    raise PasswordNeeded(_password_wanted(file.name, len(passwords)))


def _is_encrypted(file: SourceFile) -> bool:
    with file.path.open("rb") as stream:
        while block := stream.read(SEARCHED_BYTES):
            if b"/Encrypt" in block:
                return True
            if len(block) == SEARCHED_BYTES:
                stream.seek(-len(b"/Encrypt"), io.SEEK_CUR)
    return False


def _password_wanted(name: str, n_tried: int) -> str:
    """What to do; the passwords themselves are never shown."""
    ways = "with `limner add --password`, in LIMNER_PASSWORD, or in the page's field for it"
    if not n_tried:
        return f"{name} needs a password. Give it {ways}."
    which = "The password" if n_tried == 1 else f"None of the {n_tried} passwords"
    return f"{which} given {'is not that of' if n_tried == 1 else 'opens'} {name}. Give it {ways}."


def _explained(error: pypdfium2.PdfiumError, name: str) -> LoaderError:
    if error.err_code == pdfium.FPDF_ERR_SECURITY:
        return EncryptedDocument(
            f"{name} is protected in a way that limner cannot open; save a copy without protection."
        )
    return BrokenDocument(
        f"{name} is not a PDF that can be read ({str(error).rstrip('.')}). "
        "If a PDF viewer opens it, print it to a new PDF and add that."
    )
