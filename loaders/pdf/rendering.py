"""Draws a part of a page as a picture, within a time limit.

PDFium asks between the objects of a page whether it is to go on, so the limit holds
however many there are. Leaves out what is worth drawing: that is `pictures`.
"""

from __future__ import annotations

import math
import time
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from loaders.errors import BrokenPicture, LimitExceeded
from loaders.pdf.page import Box, Frame

POINTS_PER_INCH = 72.0
MAX_SECONDS = 10.0
"""For drawing once. A map of 30,000 paths takes about one second."""
_FLAGS = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER


def render(page: Any, frame: Frame, box: Box, dpi: float, max_pixels: int) -> Image.Image:
    """The box of a pypdfium2 page, in colour, less sharp where it would exceed max_pixels.

    Raises LimitExceeded if it takes longer than MAX_SECONDS.
    """
    scale = min(dpi / POINTS_PER_INCH, math.sqrt(max_pixels / max(box.area, 1.0)))
    return render_scaled(page, frame, box, max(scale, 1.5 / min(box.width, box.height)))


def render_scaled(page: Any, frame: Frame, box: Box, scale: float) -> Image.Image:
    """As `render`; scale: pixels for each point."""
    whole = (math.ceil(frame.width * scale), math.ceil(frame.height * scale))
    margins = (box.x0, box.y0, frame.width - box.x1, frame.height - box.y1)
    left, top, right, bottom = (math.ceil(max(0.0, margin) * scale) for margin in margins)
    size = (whole[0] - left - right, whole[1] - top - bottom)
    if min(size) < 1:
        raise BrokenPicture(f"it lies outside of the page, by {min(size)} pixels")
    bitmap = pypdfium2.PdfBitmap.new_native(*size, pdfium.FPDFBitmap_BGR, rev_byteorder=True)
    try:
        bitmap.fill_rect((255, 255, 255, 255), 0, 0, *size)
        _draw(page, bitmap, (-left, -top, *whole, 0))
        image: Image.Image = bitmap.to_pil().convert("RGB").copy()
    finally:
        bitmap.close()
    return image


def _draw(page: Any, bitmap: Any, place: tuple[int, ...]) -> None:
    deadline = time.thread_time() + MAX_SECONDS
    pause = pdfium.IFSDK_PAUSE(version=1)
    kind = type(pause.NeedToPauseNow)
    # The name keeps the function alive as long as PDFium may call it.
    is_late = kind(lambda _: time.thread_time() > deadline)
    pause.NeedToPauseNow = is_late
    try:
        status = pdfium.FPDF_RenderPageBitmap_Start(bitmap, page, *place, _FLAGS, pause)
    finally:
        pdfium.FPDF_RenderPage_Close(page)
    if status == pdfium.FPDF_RENDER_TOBECONTINUED:
        raise LimitExceeded(
            f"drawing it takes longer than the limit of {MAX_SECONDS:g} seconds; it is left out"
        )
    if status != pdfium.FPDF_RENDER_DONE:
        raise BrokenPicture("PDFium cannot draw it")
    if page.formenv:
        pdfium.FPDF_FFLDraw(page.formenv, bitmap, page, *place, _FLAGS)
