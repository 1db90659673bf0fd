"""Where the shapes of a slide stand: reading order, and which text captions which picture.

Leaves out rotation, and animations that change places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pptx.oxml.ns import qn

from loaders.captions import is_labelled
from loaders.elements import BBox
from loaders.ooxml import whole_number

# Lengths are fractions of the slide.
ROW_HEIGHT = 0.03
"""Shapes whose tops differ by less stand in one row."""
CAPTION_GAP = 0.06
CAPTION_OVERLAP = 0.5
MIN_CAPTIONED_SIDE = 0.1
"""A smaller picture is an icon, and the text below it says more than what it shows."""
MAX_CAPTION_CHARS = 200
MAX_LABEL_CHARS = 80
MAX_LENGTH = 10**12
"""In EMU, as python-pptx gives lengths: about 1,000 km. Only a damaged file holds more."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A shape of python-pptx, its place on the slide if known, and its text."""

    shape: Any
    box: BBox | None
    text: str


@dataclass(frozen=True, slots=True)
class _Frame:
    """How the lengths inside a group become fractions of the slide."""

    scale_x: float
    scale_y: float
    left: float
    top: float

    def box(self, shape: Any) -> BBox | None:
        if not _has_place(shape):
            return None
        x0, y0 = shape.left * self.scale_x + self.left, shape.top * self.scale_y + self.top
        x1, y1 = x0 + shape.width * self.scale_x, y0 + shape.height * self.scale_y
        x0, y0, x1, y1 = (min(max(v, 0.0), 1.0) for v in (x0, y0, x1, y1))
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None

    def inside(self, group: Any) -> _Frame:
        """The frame of a group's children, which are measured in lengths of its own."""
        xfrm = group._element.find(f"{qn('p:grpSpPr')}/{qn('a:xfrm')}")
        origin = None if xfrm is None else xfrm.find(qn("a:chOff"))
        extent = None if xfrm is None else xfrm.find(qn("a:chExt"))
        if origin is None or extent is None or not _has_place(group):
            return self
        width, height = whole_number(extent.get("cx")), whole_number(extent.get("cy"))
        scale_x = self.scale_x * (group.width / width if width else 1)
        scale_y = self.scale_y * (group.height / height if height else 1)
        return _Frame(
            scale_x,
            scale_y,
            group.left * self.scale_x + self.left - whole_number(origin.get("x")) * scale_x,
            group.top * self.scale_y + self.top - whole_number(origin.get("y")) * scale_y,
        )


def placed_shapes(shapes: Iterable[Any], width: int, height: int) -> list[Placed]:
    """All shapes, those in groups too, in reading order. width, height: of the slide."""
    frame = _Frame(1 / (width or 1), 1 / (height or 1), 0.0, 0.0)
    return in_reading_order(list(_flat(shapes, frame)))


def in_reading_order(shapes: list[Placed]) -> list[Placed]:
    """Row by row from the top, each from the left; shapes of unknown place keep to the end."""
    known = sorted((s for s in shapes if s.box), key=lambda s: s.box[1] if s.box else 0.0)
    rows: list[list[Placed]] = []
    for shape in known:
        top = shape.box[1] if shape.box else 0.0
        first = rows[-1][0].box if rows else None
        if first and top - first[1] < ROW_HEIGHT:
            rows[-1].append(shape)
        else:
            rows.append([shape])
    ordered = [s for row in rows for s in sorted(row, key=lambda s: s.box[0] if s.box else 0.0)]
    return ordered + [s for s in shapes if not s.box]


def caption_of(picture: BBox, texts: Iterable[Placed]) -> Placed | None:
    """A short text directly below the picture, or one that begins as captions do, above it."""
    if min(picture[2] - picture[0], picture[3] - picture[1]) < MIN_CAPTIONED_SIDE:
        return None
    for text in texts:
        if not text.box or len(text.text) > MAX_CAPTION_CHARS or "\n" in text.text:
            continue
        is_below = _is_near(text.box[1] - picture[3]) and _overlaps(picture, text.box)
        if is_below or (is_labelled(text.text) and label_above(picture, [text])):
            return text
    return None


def label_above(box: BBox, texts: Iterable[Placed]) -> Placed | None:
    """A line directly above a chart or picture, such as the heading of its column."""
    for text in texts:
        is_line = len(text.text) <= MAX_LABEL_CHARS and "\n" not in text.text
        if is_line and text.box and _is_near(box[1] - text.box[3]) and _overlaps(box, text.box):
            return text
    return None


def _has_place(shape: Any) -> bool:
    lengths = (shape.left, shape.top, shape.width, shape.height)
    return all(length is not None and abs(length) <= MAX_LENGTH for length in lengths)


def _is_near(gap: float) -> bool:
    return -CAPTION_GAP / 2 <= gap <= CAPTION_GAP


def _overlaps(a: BBox, b: BBox) -> bool:
    """Whether two boxes share most of the width of the narrower one."""
    shared = min(a[2], b[2]) - max(a[0], b[0])
    return shared >= CAPTION_OVERLAP * min(a[2] - a[0], b[2] - b[0])


def _flat(shapes: Iterable[Any], frame: _Frame) -> Iterator[Placed]:
    for shape in shapes:
        if shape._element.tag == qn("p:grpSp"):
            yield from _flat(shape.shapes, frame.inside(shape))
        else:
            text = shape.text_frame.text.strip() if shape.has_text_frame else ""
            yield Placed(shape, frame.box(shape), text.replace("\v", "\n"))
