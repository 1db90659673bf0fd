"""Draws a part of a page as a picture, within a time limit.

PDFium asks between the objects of a page whether it is to go on, so the limit holds
however many there are. Leaves out what is worth drawing: that is `pictures`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from loaders.errors import BrokenPicture, LimitExceeded
from loaders.pdf.page import Box, Frame

POINTS_PER_INCH = 72.0
MAX_SECONDS = 10.0
"""For drawing once. A map of 30,000 paths takes about one second."""
MAX_PAGE_SECONDS = 30.0
"""For drawing all figures and tables of one page, one by one."""
_FLAGS = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER


class DrawingTime:
    """What is left of the time for drawing parts of one page."""

    def __init__(self) -> None:
        self._whole_s = self._left_s = MAX_PAGE_SECONDS

    @contextmanager
    def spent(self) -> Iterator[float]:
        """Count what is done within; gives the seconds that may be spent. Raises LimitExceeded."""
        if self._left_s <= 0:
            raise LimitExceeded(
                f"drawing parts of its page takes longer than the limit of {self._whole_s:g} "
                "seconds for one page; it is left out"
            )
        start = time.thread_time()
        try:
            yield min(MAX_SECONDS, self._left_s)
        finally:
            self._left_s -= time.thread_time() - start


def render(
    page: Any,
    frame: Frame,
    box: Box,
    dpi: float,
    max_pixels: int,
    drawing_time: DrawingTime | None = None,
) -> Image.Image:
    """The box of a pypdfium2 page, in colour, less sharp where it would exceed max_pixels.

    drawing_time: where this is one of several parts of a page. Raises LimitExceeded if it
    takes longer than is left of that, or than MAX_SECONDS.
    """
    scale = min(dpi / POINTS_PER_INCH, math.sqrt(max_pixels / max(box.area, 1.0)))
    scale = max(scale, 1.5 / min(box.width, box.height))
    return render_scaled(page, frame, box, scale, drawing_time)


def render_scaled(
    page: Any, frame: Frame, box: Box, scale: float, drawing_time: DrawingTime | None = None
) -> Image.Image:
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
        with (drawing_time or DrawingTime()).spent() as limit_s:
            _draw(page, bitmap, (-left, -top, *whole, 0), limit_s)
        image: Image.Image = bitmap.to_pil().convert("RGB").copy()
    finally:
        bitmap.close()
    return image


def _draw(page: Any, bitmap: Any, place: tuple[int, ...], limit_s: float) -> None:
    deadline = time.thread_time() + limit_s
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
            f"drawing it takes longer than the limit of {limit_s:.3g} seconds; it is left out"
        )
    if status != pdfium.FPDF_RENDER_DONE:
        raise BrokenPicture("PDFium cannot draw it")
    if page.formenv:
        pdfium.FPDF_FFLDraw(page.formenv, bitmap, page, *place, _FLAGS)
