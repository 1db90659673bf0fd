"""The files that a PDF carries inside it.

PDFium unpacks one only as a whole, before its size is known: what bounds the memory is the worker
process that reads the PDF. Leaves out files pinned to a place on a page.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pypdfium2

from loaders.elements import Attached, Skipped
from loaders.limits import Limits
from loaders.pdf.document import PDFIUM
from loaders.pdf.letters import on_one_line


def attachments(document: Any, limits: Limits) -> Iterator[Attached | Skipped]:
    """The attached files of a pypdfium2 document, as many as the limits allow, one by one."""
    with PDFIUM:
        n_files = document.count_attachments()
    for index in range(min(n_files, limits.max_attachments)):
        name = str(index + 1)
        try:
            with PDFIUM:
                attachment = document.get_attachment(index)
                name = on_one_line(attachment.get_name()) or name
                content = bytes(attachment.get_data())
        except (pypdfium2.PdfiumError, UnicodeDecodeError, MemoryError) as error:
            yield Skipped(f"Attachment {name}", f"it cannot be unpacked ({error})")
        else:
            yield Attached(name, content)
    if n_files > limits.max_attachments:
        reason = f"the limit is {limits.max_attachments:,} attachments a document"
        yield Skipped(f"{n_files - limits.max_attachments:,} more attachments", reason)
