"""Which words of a text layer nobody can see: that is how instructions are hidden in a PDF.

A word is suspected because of how it is drawn: pale, transparent or without ink, on a
ground of its own colour, under a fill or a picture, outside its clip, on a layer that may
be off. Whether it shows is then looked at: nothing changes on the rendered page when its
text object is left out. Ordinary pages have no suspects and are not rendered.

Leaves out layers that are off as a whole form, and words of which only some letters show.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from loaders.errors import LimitExceeded
from loaders.pdf.calls import as_object, declared, fill_rows
from loaders.pdf.objects import Fills, PageObjects
from loaders.pdf.page import Box, Floats, Frame
from loaders.pdf.rendering import render_scaled

Flags = NDArray[np.bool_]

MIN_TYPE_POINTS = 1.0
MIN_TYPE_SHARE = 1 / 800
"""Of the page's longer side: type below both is not for reading."""
MIN_THICKNESS = 0.2
"""Letters flatter than this many points are lines."""
PALE = 230
"""The least value of red, green and blue, of 255, of ink that white paper may swallow."""
FAINT_ALPHA, OPAQUE_ALPHA = 20, 250
SAME_COLOUR = 40
"""How far each of red, green and blue may be from the ground's to be suspected."""
MAX_GROUNDS = 2_000
"""Fills that are looked at behind and over words, the largest of them."""
OUTLINE_ROOM, MIN_OUTLINED = 0.3, 0.5
"""By how much of its height shapes may go beyond a word, how much of its length they are."""
MIN_SCAN_SHARE = 0.5
"""Of the page that pictures must cover for text without ink to be what OCR read there."""
PIXELS_PER_TYPE = 12.0
"""Height in which suspected type is rendered."""
MAX_PIXELS = 4_000_000
MIN_DIFFERENCE = 20
"""Levels, of 255, from which on a pixel is seen to differ."""
MIN_INK = 16
"""Levels between the darkest and the lightest dot of paper with something on it."""
MIN_DIFFERING = 0.01
"""Share of a word's box that differs where the word shows."""
OPTIONAL_CONTENT = "OC"
_PAINTLESS, _CLIP, _STROKED, _BOTH = 3, 7, (1, 5), (2, 6)
"""Text render modes."""


class Words(NamedTuple):
    """Words as they are drawn; one element for each.

    handles: addresses of their text objects, 0 where not known. boxes: float (n, 4), as
    displayed. sizes: of their type.
    """

    handles: NDArray[np.int64]
    boxes: Floats
    sizes: Floats

    @property
    def thickness(self) -> Floats:
        """The shorter side of each box."""
        shorter: Floats = (self.boxes[:, 2:] - self.boxes[:, :2]).min(axis=1)
        return shorter

    def chosen(self, which: Flags) -> Words:
        """Those where which is true."""
        return Words(self.handles[which], self.boxes[which], self.sizes[which])


class Visibility(NamedTuple):
    """is_hidden: which words cannot be seen; is_read: which OCR read on the scan that is seen."""

    is_hidden: Flags
    is_read: Flags


def look_at(page: Any, frame: Frame, objects: PageObjects, words: Words) -> Visibility:
    """How the words of a pypdfium2 page are seen. objects: after its drawings were read."""
    least = min(MIN_TYPE_POINTS, MIN_TYPE_SHARE * max(frame.width, frame.height))
    hidden: Flags = ~_centred_in(words.boxes, np.array([frame.box]))[:, 0]
    hidden |= (words.sizes < least) & (words.thickness < least)
    hidden |= words.thickness < MIN_THICKNESS
    inks, grounds = _Inks.of(words.handles), _Grounds.of(objects, words)
    faint = inks.is_faint & ~hidden
    on_scan = _is_on_scan(objects, frame, words)
    faint[faint] = ~_is_outlined(objects, words.chosen(faint))
    hidden |= faint & ~on_scan
    left = ~hidden & ~inks.is_faint & ~inks.is_clip
    by_colour = left & (inks.is_pale | grounds.is_on_image | grounds.is_of_colour(inks.colours))
    by_place = left & ~by_colour & (grounds.covers() | grounds.is_off_clip | inks.is_optional)
    as_read = (faint & on_scan) | (inks.is_clip & ~hidden)
    looked_at = by_colour | by_place | as_read
    if not looked_at.any():
        return Visibility(hidden, np.zeros_like(hidden))
    view = _View.of(page, frame, words.chosen(looked_at))
    is_read = by_place & on_scan & grounds.is_under_image
    try:
        hidden |= ~view.shows(words, [by_colour, by_place])
        # What OCR read has no ink of its own, or lies under the scan; that must show something.
        if (as_read | (is_read & hidden)).any():
            has_ink = view.has_ink(words.boxes, without=objects.texts.handles.tolist())
            hidden = (hidden & ~(is_read & has_ink)) | (as_read & ~has_ink)
    except LimitExceeded:
        # A page that is slow to draw must not be a way to pass hidden words on.
        hidden |= looked_at
    return Visibility(hidden, (as_read | is_read) & ~hidden)


@dataclass(frozen=True, slots=True)
class _Inks:
    """How each word's text object is painted."""

    colours: NDArray[np.int64]
    """(n, 3)"""
    is_pale: Flags
    is_faint: Flags
    is_clip: Flags
    """Whether the letters only bound what is painted next."""
    is_optional: Flags

    @staticmethod
    def of(handles: NDArray[np.int64]) -> _Inks:
        calls = _calls()
        own, inverse = np.unique(handles, return_inverse=True)
        known = own[own != 0].tolist()
        modes = np.zeros(len(own), np.int64)
        fills, strokes = (np.tile(np.array([0, 0, 0, 255], np.uint32), (len(own), 1)) for _ in "fs")
        first = len(own) - len(known)
        modes[first:] = list(map(calls.mode, known))
        fill_rows(calls.fill_colour, known, fills[first:])
        is_stroked = (modes == _STROKED[0]) | (modes == _STROKED[1])
        is_both = (modes == _BOTH[0]) | (modes == _BOTH[1])
        if is_stroked.any() or is_both.any():
            fill_rows(calls.stroke_colour, known, strokes[first:])
        rgba = np.where(is_stroked[:, None], strokes, fills).astype(np.int64)
        rgba[is_both, 3] = np.maximum(fills[is_both, 3], strokes[is_both, 3])
        is_clip = modes == _CLIP
        is_pale = (rgba[:, :3].min(axis=1) >= PALE) | (rgba[:, 3] < OPAQUE_ALPHA)
        is_faint = (modes == _PAINTLESS) | (rgba[:, 3] < FAINT_ALPHA)
        n_marks = list(map(calls.n_marks, known))
        marked: dict[int, bool] = {}
        is_optional = np.zeros(len(own), bool)
        is_optional[first:] = [
            n > 0 and _is_optional(handle, n, marked)
            for handle, n in zip(known, n_marks, strict=True)
        ]
        return _Inks(
            colours=rgba[inverse, :3],
            is_pale=is_pale[inverse],
            is_faint=is_faint[inverse],
            is_clip=is_clip[inverse],
            is_optional=is_optional[inverse],
        )


def _is_optional(handle: int, n_marks: int, marked: dict[int, bool]) -> bool:
    """Whether the text object stands on a layer. marked: the answers for marks seen before."""
    calls = _calls()
    for k in range(n_marks):
        mark = calls.mark(handle, k)
        if mark and mark not in marked:
            name, n_bytes = ctypes.create_string_buffer(64), ctypes.c_ulong()
            pdfium.FPDFPageObjMark_GetName(
                ctypes.cast(mark, pdfium.FPDF_PAGEOBJECTMARK),
                ctypes.cast(name, ctypes.POINTER(ctypes.c_ushort)),
                len(name),
                n_bytes,
            )
            written = name.raw[: min(n_bytes.value, len(name))]
            marked[mark] = written.decode("utf-16-le", "replace").rstrip("\0") == OPTIONAL_CONTENT
        if mark and marked[mark]:
            return True
    return False


@dataclass(frozen=True, slots=True)
class _Grounds:
    """The fills and pictures that words lie on or under, in pairs of a word and one of them."""

    n_words: int
    in_fill: tuple[NDArray[np.int64], NDArray[np.int64]]
    """Which words have their centre in which fills."""
    fill_is_over: Flags
    """For each of these pairs: whether the fill is drawn after the word."""
    fill_colours: NDArray[np.int64]
    is_under_image: Flags
    is_on_image: Flags
    is_off_clip: Flags

    @staticmethod
    def of(objects: PageObjects, words: Words) -> _Grounds:
        _, clips, ranks = objects.texts.of(words.handles)
        fills = _largest(objects.fills())
        in_fill = np.nonzero(_centred_in(words.boxes, fills.boxes))
        image_ranks = np.array([image.rank for image in objects.images])
        on_image = _centred_in(words.boxes, _image_boxes(objects))
        is_over = image_ranks >= ranks[:, None]
        is_under_image: Flags = np.logical_or.reduce(on_image & is_over, axis=1)
        is_on_image: Flags = np.logical_or.reduce(on_image & ~is_over, axis=1)
        x, y = _centres(words.boxes)
        return _Grounds(
            n_words=len(ranks),
            in_fill=(in_fill[0], in_fill[1]),
            fill_is_over=fills.ranks[in_fill[1]] >= ranks[in_fill[0]],
            fill_colours=fills.colours,
            is_under_image=is_under_image,
            is_on_image=is_on_image,
            is_off_clip=~(
                (x >= clips[:, 0]) & (x <= clips[:, 2]) & (y >= clips[:, 1]) & (y <= clips[:, 3])
            ),
        )

    def is_of_colour(self, colours: NDArray[np.int64]) -> Flags:
        """Which words lie on a fill of nearly their own colour."""
        on, behind = (pair[~self.fill_is_over] for pair in self.in_fill)
        apart = np.abs(self.fill_colours[behind] - colours[on]).max(axis=1, initial=0)
        return self._flagged(on[apart <= SAME_COLOUR])

    def covers(self) -> Flags:
        """Which words have something drawn over them."""
        return self._flagged(self.in_fill[0][self.fill_is_over]) | self.is_under_image

    def _flagged(self, words: NDArray[np.int64]) -> Flags:
        flags = np.zeros(self.n_words, bool)
        flags[words] = True
        return flags


def _largest(fills: Fills) -> Fills:
    if len(fills.boxes) <= MAX_GROUNDS:
        return fills
    sides = fills.boxes[:, 2:] - fills.boxes[:, :2]
    chosen = np.argsort(-sides.prod(axis=1))[:MAX_GROUNDS]
    return Fills(fills.boxes[chosen], fills.colours[chosen], fills.ranks[chosen])


def _image_boxes(objects: PageObjects) -> Floats:
    """(n, 4): the part of each picture that shows."""
    boxes = [tuple(image.box.common(image.clip)) for image in objects.images]
    return np.array(boxes, np.float64).reshape(-1, 4)


def _is_outlined(objects: PageObjects, words: Words) -> Flags:
    """Which words are seen as shapes: programs draw effects so, and the text without ink."""
    shapes = objects.fills().boxes
    outlined = np.zeros(len(words.handles), bool)
    for k, box in enumerate(words.boxes):
        along = 0 if box[2] - box[0] >= box[3] - box[1] else 1
        across = 1 - along
        room = OUTLINE_ROOM * (box[across + 2] - box[across])
        on_line = (shapes[:, across] >= box[across] - room) & (
            shapes[:, across + 2] <= box[across + 2] + room
        )
        low = np.maximum(shapes[on_line, along], box[along])
        high = np.minimum(shapes[on_line, along + 2], box[along + 2])
        covered = np.maximum(high - low, 0).sum()
        outlined[k] = covered >= MIN_OUTLINED * (box[along + 2] - box[along])
    return outlined


def _is_on_scan(objects: PageObjects, frame: Frame, words: Words) -> Flags:
    """Which words lie on pictures that cover most of the page."""
    images = _image_boxes(objects)
    if not len(images):
        return np.zeros(len(words.handles), bool)
    x, y = (np.linspace(0, side, 33)[:-1] + side / 64 for side in (frame.width, frame.height))
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    if _centred_in(np.hstack([points, points]), images).any(axis=1).mean() < MIN_SCAN_SHARE:
        return np.zeros(len(words.handles), bool)
    on_image: Flags = np.logical_or.reduce(_centred_in(words.boxes, images), axis=1)
    return on_image


def _centres(boxes: Floats) -> tuple[Floats, Floats]:
    return (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2


def _centred_in(boxes: Floats, others: Floats) -> Flags:
    """(n, m): which boxes have their centre in which others."""
    x, y = (centres[:, None] for centres in _centres(boxes))
    inside: Flags = (
        (x >= others[:, 0]) & (x <= others[:, 2]) & (y >= others[:, 1]) & (y <= others[:, 3])
    )
    return inside


@dataclass(frozen=True, slots=True)
class _View:
    """The part of the page where suspected words are, as it is rendered."""

    page: Any
    frame: Frame
    box: Box
    scale: float

    @staticmethod
    def of(page: Any, frame: Frame, words: Words) -> _View:
        low, high = words.boxes[:, :2].min(axis=0) - 1, words.boxes[:, 2:].max(axis=0) + 1
        box = Box(*low.tolist(), *high.tolist()).common(frame.box)
        size = float(np.percentile(words.sizes, 20))
        scale = min(PIXELS_PER_TYPE / size, 4.0, (MAX_PIXELS / max(box.area, 1.0)) ** 0.5)
        scale = max(scale, 1.5 / max(0.1, min(box.width, box.height)))
        return _View(page, frame, box, scale)

    def shows(self, words: Words, suspects: Sequence[Flags]) -> Flags:
        """Which words are seen: the page looks different without the suspects of their kind."""
        shown = np.ones(len(words.handles), bool)
        kinds = [kind for kind in suspects if kind.any()]
        if not kinds:
            return shown
        pixels = self._rendered()
        for kind in kinds:
            handles = np.unique(words.handles[kind & (words.handles != 0)]).tolist()
            without = self._rendered(handles)
            places = self._places(words.boxes[kind], pixels.shape).tolist()
            shown[kind] = [
                _differ(pixels[y0:y1, x0:x1], without[y0:y1, x0:x1]) for x0, y0, x1, y1 in places
            ]
        return shown

    def has_ink(self, boxes: Floats, without: Sequence[int]) -> Flags:
        """Which boxes are not all of one colour. without: text objects that do not count."""
        grey = self._rendered(without).mean(axis=2)
        places = self._places(boxes, grey.shape).tolist()
        seen = [grey[y0:y1, x0:x1] for x0, y0, x1, y1 in places]
        return np.array([bool(part.size and np.ptp(part) >= MIN_INK) for part in seen])

    def _rendered(self, without: Sequence[int] = ()) -> NDArray[np.uint8]:
        """(height, width, 3), with these objects left out."""
        try:
            for handle in without:
                pdfium.FPDFPageObj_SetIsActive(as_object(handle), False)
            image = render_scaled(self.page, self.frame, self.box, self.scale)
        finally:
            for handle in without:
                pdfium.FPDFPageObj_SetIsActive(as_object(handle), True)
        return np.asarray(image)

    def _places(self, boxes: Floats, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Boxes in pixels, (n, 4), at least one wide and high where they lie in the view."""
        height, width = shape[:2]
        moved = (boxes - np.array([*self.box[:2]] * 2)) * self.scale
        low, high = np.floor(moved[:, :2]), np.ceil(moved[:, 2:])
        places = np.hstack([low, np.maximum(high, low + 1)]).astype(np.int64)
        return np.clip(places, 0, np.array([width, height, width, height]))


def _differ(pixels: NDArray[np.uint8], others: NDArray[np.uint8]) -> bool:
    """Whether two pictures of a word are seen to be different."""
    apart = np.abs(pixels.astype(np.int16) - others).max(axis=2, initial=0)
    return bool((apart >= MIN_DIFFERENCE).sum() > MIN_DIFFERING * apart.size)


class _Calls(NamedTuple):
    """PDFium's functions that are called for every text object."""

    mode: Callable[[int], int]
    fill_colour: Callable[..., int]
    stroke_colour: Callable[..., int]
    n_marks: Callable[[int], int]
    mark: Callable[[int, int], int | None]


@cache
def _calls() -> _Calls:
    handle, number = ctypes.c_void_p, ctypes.c_int
    return _Calls(
        declared(pdfium.FPDFTextObj_GetTextRenderMode, number, handle),
        declared(pdfium.FPDFPageObj_GetFillColor, number, *[handle] * 5),
        declared(pdfium.FPDFPageObj_GetStrokeColor, number, *[handle] * 5),
        declared(pdfium.FPDFPageObj_CountMarks, number, handle),
        declared(pdfium.FPDFPageObj_GetMark, handle, handle, ctypes.c_ulong),
    )
