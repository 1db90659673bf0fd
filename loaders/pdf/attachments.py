"""The files that a PDF carries inside it, named for the report.

Leaves out reading them: PDFium unpacks an attachment only as a whole, up to a gigabyte,
before its size is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pypdfium2

from loaders.elements import Skipped

MAX_NAMED = 20
MAX_NAME_CHARS = 120
UNPRINTABLE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069]+")
REASON = "files inside a PDF are not read; save it with a PDF viewer and add it"


def attachments(document: Any) -> Iterator[Skipped]:
    """What the report says of the attachments of a pypdfium2 document."""
    n_files = document.count_attachments()
    for index in range(min(n_files, MAX_NAMED)):
        name = ""
        with suppress(pypdfium2.PdfiumError, UnicodeDecodeError):
            name = UNPRINTABLE.sub(" ", document.get_attachment(index).get_name()).strip()
        yield Skipped(f"Attachment {name[:MAX_NAME_CHARS] or index + 1}", REASON)
    if n_files > MAX_NAMED:
        yield Skipped(f"{n_files - MAX_NAMED:,} more attachments", REASON)
