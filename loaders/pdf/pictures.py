"""The pictures of a page: where they are, and what they look like there.

A picture is rendered from the page, not extracted from the file. Tried side by side on
real documents, extracted images lack their masks (a logo on a black ground, lettering
turned into a rectangle), their clip and the labels drawn over them, and many are one
strip of a map or the shadow under a drawing. Rendered at the resolution of the stored
image, a photograph keeps its detail. What was stored as JPEG is written as JPEG again:
a quarter of the size of a PNG and twenty times as fast, with no loss to be seen.

Leaves out which of them are figures: that is `figures`.
"""

from __future__ import annotations

import ctypes
import hashlib
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray
from PIL import Image, ImageChops

from loaders.pdf.document import PageAtNeed
from loaders.pdf.objects import DrawnImage
from loaders.pdf.page import Box, Frame, Region
from loaders.pdf.rendering import POINTS_PER_INCH, DrawingTime, render

MIN_DPI, LABELLED_DPI, MAX_DPI, PAGE_DPI, TABLE_DPI = 72.0, 150.0, 300.0, 150.0, 170.0
MARGIN_POINTS = 4.0
MAX_PIXELS = 3_000_000
MAX_PAGE_PIXELS = 5_000_000
MAX_READ, MIN_READ_SHARE = 300, 0.001
"""Of more images on a page, the stored bytes of those below that share of it are not read."""
BLANK_RANGE = 16
"""Grey levels between the darkest and the lightest dot of what counts as blank."""
DOT_POINTS = 2.0
"""Width of the dots in which a page is looked at for more than is known on it."""
MAX_DOTS = 500_000
MAX_DECODED_PIXELS = 32_000_000
"""Of the images of one page that PDFium may hold decoded, about 100 MB; closing it frees them."""
MAX_BANDS = 16
"""In which a page is drawn, one at a time; what lies in two bands is decoded twice."""
JPEG_QUALITY = 92
PHOTO_FILTERS = {"DCTDecode", "JPXDecode"}


@dataclass(frozen=True, slots=True)
class ImageObject:
    """One image as the file draws it."""

    box: Box
    """The part that shows."""
    pixels_per_point: float
    is_photo: bool
    key: tuple[str, ...]
    """Its content, and which part of it shows."""

    @property
    def n_pixels(self) -> float:
        """Of the part that shows."""
        return self.box.area * self.pixels_per_point**2

    @property
    def content(self) -> str:
        return self.key[0]


def read_images(drawn: Sequence[DrawnImage], frame: Frame) -> list[ImageObject]:
    """The image objects that show on a page.

    Where there are very many, small ones are told apart by their sizes alone.
    """
    least = MIN_READ_SHARE * frame.box.area if len(drawn) > MAX_READ else 0.0
    found = []
    for image in drawn:
        shown = image.box.common(image.clip).common(frame.box)
        if shown.area > 0:
            is_read = image.box.area >= least
            found.append(_image_object(image.handle, image.box, shown, is_read=is_read))
    return found


def render_region(
    page: Any, frame: Frame, region: Region, has_labels: bool, drawing_time: DrawingTime
) -> Image.Image | bytes | None:
    """The region as it looks on the page; None if it is blank."""
    least = LABELLED_DPI if has_labels else MIN_DPI
    dpi = min(MAX_DPI, max(least, region.pixels_per_point * POINTS_PER_INCH))
    image = render(page, frame, region.shown or region.box, dpi, MAX_PIXELS, drawing_time)
    if is_blank(image):
        return None
    return _jpeg(image) if region.is_photo else _without_needless_colour(image)


def render_page(page: Any, frame: Frame) -> Image.Image:
    """The whole page, sharp enough for OCR."""
    return _without_needless_colour(render(page, frame, frame.box, PAGE_DPI, MAX_PAGE_PIXELS))


def render_table(page: Any, frame: Frame, box: Box, drawing_time: DrawingTime) -> Image.Image:
    """A table as it looks on the page, with a little of what is around it."""
    x0, y0, x1, y1 = box
    around = Box(x0 - MARGIN_POINTS, y0 - MARGIN_POINTS, x1 + MARGIN_POINTS, y1 + MARGIN_POINTS)
    shown = around.common(frame.box)
    image = render(page, frame, shown, TABLE_DPI, MAX_PIXELS, drawing_time)
    return _without_needless_colour(image)


def is_blank_but_for(
    page: PageAtNeed, frame: Frame, boxes: Sequence[Box], n_decoded: float = 0.0
) -> bool:
    """Whether nothing can be seen on the page outside the boxes.

    n_decoded: pixels of its images. Of many, no more are held at once than in one band.
    """
    x1, y1 = frame.width - DOT_POINTS, frame.height - DOT_POINTS
    if any(max(b.x0, b.y0) <= DOT_POINTS and b.x1 >= x1 and b.y1 >= y1 for b in boxes):
        return True
    n_bands = min(MAX_BANDS, 1 + int(n_decoded / MAX_DECODED_PIXELS))
    rest = []
    for top, bottom in pairwise(np.linspace(0.0, frame.height, n_bands + 1).tolist()):
        rest.append(_seen_outside(page(), frame, Box(0.0, top, frame.width, bottom), boxes))
        if n_bands > 1:
            page.close()
    return not (dots := np.concatenate(rest)).size or int(np.ptp(dots)) <= BLANK_RANGE


def _seen_outside(page: Any, frame: Frame, band: Box, boxes: Sequence[Box]) -> NDArray[np.uint8]:
    """The grey dots of a band of the page that lie in none of the boxes."""
    dpi = POINTS_PER_INCH / DOT_POINTS
    most = math.ceil(MAX_DOTS * band.height / frame.height)
    seen = np.array(render(page, frame, band, dpi, most).convert("L"))
    per_point = seen.shape[1] / frame.width
    outside = np.ones(seen.shape, bool)
    for box in boxes:
        x0, y0 = (math.floor(v * per_point) - 1 for v in (box.x0, box.y0 - band.y0))
        x1, y1 = (math.ceil(v * per_point) + 1 for v in (box.x1, box.y1 - band.y0))
        outside[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = False
    dots: NDArray[np.uint8] = seen[outside]
    return dots


def is_blank(image: Image.Image) -> bool:
    """Whether nothing is seen on it."""
    low, high = image.convert("L").getextrema()
    return float(high) - float(low) <= BLANK_RANGE  # type: ignore[arg-type]


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def _without_needless_colour(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    is_grey = not (
        ImageChops.difference(red, green).getbbox() or ImageChops.difference(green, blue).getbbox()
    )
    return red if is_grey else image


def _image_object(handle: Any, box: Box, shown: Box, *, is_read: bool) -> ImageObject:
    width, height = ctypes.c_uint(), ctypes.c_uint()
    pdfium.FPDFImageObj_GetImagePixelSize(handle, width, height)
    n_pixels = max(1, width.value) * max(1, height.value)
    size = f"{width.value}x{height.value}"
    content = hashlib.blake2b(_stored(handle) + size.encode(), digest_size=12) if is_read else None
    return ImageObject(
        box=shown,
        pixels_per_point=math.sqrt(n_pixels / max(box.area, 1e-6)),
        is_photo=is_read and _last_filter(handle) in PHOTO_FILTERS,
        key=(content.hexdigest(), *_part(box, shown)) if content else (size,),
    )


def _part(box: Box, shown: Box) -> Iterator[str]:
    """Which part of the box shows, as fractions of it."""
    for low, high in ((0, 2), (1, 3)):
        extent = max(box[high] - box[low], 1e-6)
        yield f"{(shown[low] - box[low]) / extent:.2f}"
        yield f"{(shown[high] - box[low]) / extent:.2f}"


def _stored(handle: Any) -> bytes:
    """The bytes of the image as the file holds them, not decoded."""
    n_bytes = pdfium.FPDFImageObj_GetImageDataRaw(handle, None, 0)
    buffer = ctypes.create_string_buffer(n_bytes)
    pdfium.FPDFImageObj_GetImageDataRaw(handle, buffer, n_bytes)
    return buffer.raw


def _last_filter(handle: Any) -> str:
    n_filters = pdfium.FPDFImageObj_GetImageFilterCount(handle)
    name = ctypes.create_string_buffer(32)
    if n_filters > 0:
        pdfium.FPDFImageObj_GetImageFilter(handle, n_filters - 1, name, len(name))
    return name.value.decode("latin-1")
