"""The pictures of a page: where they are, and what they look like there.

A picture is rendered from the page, not extracted from the file. Tried side by side on
real documents, extracted images lack their masks (a logo on a black ground, lettering
turned into a rectangle), their clip and the labels drawn over them, and many are one
strip of a map or the shadow under a drawing. Rendered at the resolution of the stored
image, a photograph keeps its detail. What was stored as JPEG is written as JPEG again:
a quarter of the size of a PNG and twenty times as fast, with no loss to be seen.

Leaves out drawings made of lines.
"""

from __future__ import annotations

import ctypes
import hashlib
import io
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from PIL import Image, ImageChops

from loaders.pdf.captions import CAPTION
from loaders.pdf.objects import DrawnImage
from loaders.pdf.page import Box, Frame, Region, Segment
from loaders.pdf.rendering import POINTS_PER_INCH, render

MIN_SIDE_POINTS = 36.0
MIN_PAGE_SHARE = 0.01
MAX_ASPECT = 12.0
"""Smaller or longer pictures are icons, bullets, rules and ornaments."""
MIN_GROUND = 0.05
"""Share of the page below which an image is not looked at as a ground for text."""
TOUCH_POINTS = 6.0
"""Image objects no further apart are pieces of one picture: strips, tiles, panels."""
MAX_CUT_LABEL_CHARS = 40
MAX_LABEL_CHARS, MAX_LABEL_DENSITY = 300, 0.0025
"""More characters on a picture, in all and for each square point, mean that it is a ground."""
MIN_DPI, LABELLED_DPI, MAX_DPI, PAGE_DPI = 72.0, 150.0, 300.0, 150.0
MAX_PIXELS = 3_000_000
MAX_PAGE_PIXELS = 5_000_000
BLANK_RANGE = 16
"""Grey levels between the darkest and the lightest dot of what counts as blank."""
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
    def content(self) -> str:
        return self.key[0]


def read_images(drawn: Sequence[DrawnImage], frame: Frame) -> list[ImageObject]:
    """The image objects that show on a page."""
    found = []
    for image in drawn:
        shown = image.box.common(image.clip).common(frame.box)
        if shown.area > 0:
            found.append(_image_object(image.handle, image.box, shown))
    return found


def find_regions(
    images: Sequence[ImageObject],
    segments: Sequence[Segment],
    frame: Frame,
    *,
    repeated: Collection[str],
    min_pixels: int,
) -> list[Region]:
    """The pictures on a page, adjoining pieces as one.

    segments: its upright text. repeated: content that comes back on other pages.
    """
    own = [
        image
        for image in images
        if image.content not in repeated
        and not (image.box.area > MIN_GROUND * frame.box.area and _is_ground(image.box, segments))
    ]
    regions = [_region(pieces) for pieces in _pieces(own)]
    return [
        replace(region, box=_with_cut_labels(region.box, segments).common(frame.box))
        for region in regions
        if _is_figure(region, frame, min_pixels) and not _is_ground(region.box, segments)
    ]


def render_region(
    page: Any, frame: Frame, region: Region, has_labels: bool
) -> Image.Image | bytes | None:
    """The region as it looks on the page; None if it is blank."""
    least = LABELLED_DPI if has_labels else MIN_DPI
    dpi = min(MAX_DPI, max(least, region.pixels_per_point * POINTS_PER_INCH))
    image = render(page, frame, region.box, dpi, MAX_PIXELS)
    if _is_blank(image):
        return None
    return _jpeg(image) if region.is_photo else _without_needless_colour(image)


def render_page(page: Any, frame: Frame) -> Image.Image:
    """The whole page, sharp enough for OCR."""
    return _without_needless_colour(render(page, frame, frame.box, PAGE_DPI, MAX_PAGE_PIXELS))


def is_blank_but_for(page: Any, frame: Frame, boxes: Sequence[Box]) -> bool:
    """Whether nothing can be seen on the page outside the boxes."""
    seen = np.array(render(page, frame, frame.box, POINTS_PER_INCH / 2, 500_000).convert("L"))
    per_point = seen.shape[1] / frame.width
    outside = np.ones(seen.shape, bool)
    for box in boxes:
        x0, y0 = (math.floor(v * per_point) - 1 for v in box[:2])
        x1, y1 = (math.ceil(v * per_point) + 1 for v in box[2:])
        outside[max(0, y0) : y1, max(0, x0) : x1] = False
    rest = seen[outside]
    return not rest.size or int(rest.max()) - int(rest.min()) <= BLANK_RANGE


def _is_blank(image: Image.Image) -> bool:
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


def _is_ground(box: Box, segments: Sequence[Segment]) -> bool:
    """Whether so much text stands on the picture that it only lies behind it."""
    n_chars = sum(len(s.text) for s in segments if box.holds_centre_of(s.box))
    return n_chars > MAX_LABEL_CHARS and n_chars > MAX_LABEL_DENSITY * box.area


def _with_cut_labels(box: Box, segments: Sequence[Segment]) -> Box:
    """The box, and the labels that its edge would cut through."""
    cut = [
        s.box
        for s in segments
        if len(s.text) <= MAX_CUT_LABEL_CHARS
        and box.common(s.box).area > 0.2 * s.box.area
        and not CAPTION.match(s.text)
    ]
    return Box.around([box, *cut])


def _is_figure(region: Region, frame: Frame, min_pixels: int) -> bool:
    short, long = sorted((region.box.width, region.box.height))
    return (
        short >= MIN_SIDE_POINTS
        and short * region.pixels_per_point >= min_pixels
        and long <= MAX_ASPECT * short
        and region.box.area >= MIN_PAGE_SHARE * frame.box.area
    )


def _pieces(images: Sequence[ImageObject]) -> Iterator[list[ImageObject]]:
    """Image objects in groups that adjoin or overlap."""
    boxes = np.array([image.box for image in images]).reshape(-1, 4)
    boxes += np.array([-1, -1, 1, 1]) * TOUCH_POINTS / 2
    left = np.ones(len(images), bool)
    for first in range(len(images)):
        if not left[first]:
            continue
        group, around = [], boxes[first].copy()
        while len(new := np.flatnonzero(left & _meets(boxes, around))):
            left[new] = False
            group.extend(new.tolist())
            around[:2] = np.minimum(around[:2], boxes[new, :2].min(axis=0))
            around[2:] = np.maximum(around[2:], boxes[new, 2:].max(axis=0))
        yield [images[k] for k in sorted(group)]


def _meets(boxes: Any, around: Any) -> Any:
    return (
        (boxes[:, 0] <= around[2])
        & (boxes[:, 2] >= around[0])
        & (boxes[:, 1] <= around[3])
        & (boxes[:, 3] >= around[1])
    )


def _region(pieces: Sequence[ImageObject]) -> Region:
    box = Box.around(piece.box for piece in pieces)
    size = (str(round(box.width)), str(round(box.height))) if len(pieces) > 1 else ()
    return Region(
        box=box,
        pixels_per_point=max(piece.pixels_per_point for piece in pieces),
        is_photo=all(piece.is_photo for piece in pieces),
        key=(*size, *(part for piece in pieces for part in piece.key)),
    )


def _image_object(handle: Any, box: Box, shown: Box) -> ImageObject:
    width, height = ctypes.c_uint(), ctypes.c_uint()
    pdfium.FPDFImageObj_GetImagePixelSize(handle, width, height)
    n_pixels = max(1, width.value) * max(1, height.value)
    part = [f"{v:.2f}" for v in _part(box, shown)]
    content = hashlib.blake2b(_stored(handle), digest_size=12)
    content.update(f"{width.value}x{height.value}".encode())
    return ImageObject(
        box=shown,
        pixels_per_point=math.sqrt(n_pixels / max(box.area, 1e-6)),
        is_photo=_last_filter(handle) in PHOTO_FILTERS,
        key=(content.hexdigest(), *part),
    )


def _part(box: Box, shown: Box) -> Iterator[float]:
    """Which part of the box shows, as fractions of it."""
    for low, high in ((0, 2), (1, 3)):
        extent = max(box[high] - box[low], 1e-6)
        yield (shown[low] - box[low]) / extent
        yield (shown[high] - box[low]) / extent


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
