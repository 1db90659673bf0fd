"""Draws whole slides through LibreOffice, where it is installed: their shapes make the diagram.

Leaves out which slides are worth a picture: that is `pptx`.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from loaders import libre_office
from loaders.errors import BrokenDocument
from loaders.limits import Limits
from loaders.source import SourceFile

LONG_SIDE = 1600
"""Pixels."""
MAX_DRAWN = 200
READER = "Impress MS PowerPoint 2007 XML"
TO_PDF = 'pdf:impress_pdf_Export:{"ExportHiddenSlides":{"type":"boolean","value":"true"}}'


def draw_slides(
    file: SourceFile, n_slides: int, numbers: Sequence[int], limits: Limits
) -> dict[int, bytes]:
    """Number of a slide, from 1 → its picture as PNG; {} where LibreOffice is not installed.

    Raises a LoaderError where it is and cannot draw them.
    """
    if not numbers or not limits.max_figures or libre_office.program() is None:
        return {}
    from pypdfium2 import PdfDocument, PdfiumError

    with libre_office.converted(
        file.path, file.name, ".pptx", TO_PDF, limits, reader=READER
    ) as path:
        try:
            with PdfDocument(path) as pdf:
                if len(pdf) != n_slides:
                    raise BrokenDocument(f"LibreOffice drew {len(pdf)} of {n_slides} slides")
                return {number: _drawn(pdf, number) for number in numbers[:MAX_DRAWN]}
        except PdfiumError as error:
            raise BrokenDocument(f"LibreOffice drew no slides ({error})") from error


def _drawn(pdf: Any, number: int) -> bytes:
    page = pdf[number - 1]
    try:
        picture = page.render(scale=LONG_SIDE / max(page.get_size())).to_pil().convert("RGB")
    finally:
        page.close()
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=4)
    return stream.getvalue()
