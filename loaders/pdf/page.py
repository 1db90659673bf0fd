"""A page as displayed: its frame, and the boxes, runs of text and pictures seen on it.

Lengths are in points, the origin is the top left corner after /Rotate and /CropBox.
Leaves out how they are found: that is `segments` and `pictures`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from loaders.elements import BBox
from loaders.errors import BrokenDocument

Floats = NDArray[np.float64]
MAX_PAGE_POINTS = 1e6


class Box(NamedTuple):
    """A rectangle; y grows downwards."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)

    def contains(self, x: float, y: float) -> bool:
        return self.x0 <= x <= self.x1 and self.y0 <= y <= self.y1

    def holds_centre_of(self, other: Box) -> bool:
        return self.contains((other.x0 + other.x1) / 2, (other.y0 + other.y1) / 2)

    def common(self, other: Box) -> Box:
        """The part that both cover; its area is 0 if they do not meet."""
        return Box(
            max(self.x0, other.x0),
            max(self.y0, other.y0),
            min(self.x1, other.x1),
            min(self.y1, other.y1),
        )

    @staticmethod
    def around(boxes: Iterable[Box]) -> Box:
        x0, y0, x1, y1 = zip(*boxes, strict=True)
        return Box(min(x0), min(y0), max(x1), max(y1))


@dataclass(frozen=True, slots=True)
class Frame:
    """Takes PDF's coordinates (any origin, y upwards, unrotated) to those displayed."""

    width: float
    height: float
    left: float
    bottom: float
    turns: int
    """Quarter turns clockwise."""

    @staticmethod
    def of(page: Any) -> Frame:
        """The frame of a pypdfium2 page. Raises BrokenDocument if it has no usable size."""
        left, bottom, right, top = page.get_bbox()
        sides = (right - left, top - bottom)
        if not all(math.isfinite(side) and 1 <= side <= MAX_PAGE_POINTS for side in sides):
            raise BrokenDocument(f"the page size makes no sense: {sides[0]:g}×{sides[1]:g} points")
        turns = page.get_rotation() // 90
        width, height = sides if turns % 2 == 0 else sides[::-1]
        return Frame(width, height, left, bottom, turns)

    @property
    def box(self) -> Box:
        return Box(0.0, 0.0, self.width, self.height)

    def displayed(self, boxes: Floats) -> Floats:
        """boxes: (n, 4) left, bottom, right, top in PDF's coordinates → x0, y0, x1, y1."""
        tall = self.height if self.turns % 2 == 0 else self.width
        flipped = np.stack(
            [
                boxes[:, 0] - self.left,
                tall - (boxes[:, 3] - self.bottom),
                boxes[:, 2] - self.left,
                tall - (boxes[:, 1] - self.bottom),
            ],
            axis=1,
        )
        wide = self.width if self.turns % 2 == 0 else self.height
        return turned(flipped, self.turns, wide, tall)

    def fractions(self, box: Box) -> BBox:
        """The box as fractions of the page."""
        inside = box.common(self.box)
        return (
            inside.x0 / self.width,
            inside.y0 / self.height,
            inside.x1 / self.width,
            inside.y1 / self.height,
        )


def turned(boxes: Floats, turns: int, width: float, height: float) -> Floats:
    """Boxes of a sheet of that size after it was turned clockwise by quarter turns."""
    x0, y0, x1, y1 = boxes.T
    match turns % 4:
        case 1:
            columns = (height - y1, x0, height - y0, x1)
        case 2:
            columns = (width - x1, height - y1, width - x0, height - y0)
        case 3:
            columns = (y0, width - x1, y1, width - x0)
        case _:
            return boxes
    return np.stack(columns, axis=1)


def turned_box(box: Box, turns: int, width: float, height: float) -> Box:
    """As `turned`, for one box."""
    return Box(*(float(v) for v in turned(np.array([box]), turns, width, height)[0]))


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page turned so that some of its text is upright."""

    frame: Frame
    turns: int
    """Quarter turns clockwise by which the text is turned on the page."""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        sides = (self.frame.width, self.frame.height)
        return sides if self.turns % 2 == 0 else sides[::-1]

    def on_page(self, box: Box) -> Box:
        """Where a box on the sheet is on the page as displayed."""
        return turned_box(box, self.turns, *self.size) if self.turns else box

    def from_page(self, box: Box) -> Box:
        if not self.turns:
            return box
        return turned_box(box, -self.turns, self.frame.width, self.frame.height)


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Words side by side on one line. box and baseline are those of the text held upright."""

    text: str
    box: Box
    baseline: float
    size: float
    """Height of the type."""
    is_bold: bool
    rank: int
    """Place in the order in which the file draws its text."""
    stops: tuple[tuple[float, float], ...] = ()
    """Where each word of the text begins and ends from left to right; empty if not known."""
    is_typed: bool = False
    """Whether its letters are those of a typewriter, as in listings."""


@dataclass(frozen=True, slots=True)
class Region:
    """A figure: image objects and shapes that belong together."""

    box: Box
    pixels_per_point: float
    """Of the finest image object in it, or what a drawing is rendered with."""
    is_photo: bool
    """Whether all of it is stored as JPEG."""
    key: tuple[Any, ...]
    """The same for the same content shown in the same way."""
    caption: Box | None = None
    """Where its caption stands."""
    is_drawn: bool = False
    """Whether there is no image object in it."""

    shown: Box | None = None
    """What is rendered of it where that is more than the box: ink goes beyond what is known."""

    @property
    def n_pixels(self) -> float:
        """Those of its images, if all are as fine as the finest."""
        return 0.0 if self.is_drawn else self.box.area * self.pixels_per_point**2
