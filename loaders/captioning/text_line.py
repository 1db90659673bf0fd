"""A line of text that was found in a picture.

Leaves out how it is found and read: that is `ocr`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MIN_CONFIDENCE = 0.6

Corners = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text in a picture.

    corners: four (x, y) in pixels, clockwise as the text is read, from its top left one.
    """

    text: str
    corners: Corners
    confidence: float

    @property
    def is_read(self) -> bool:
        """Whether the text is what stands there; else it may be handwriting, or none at all."""
        return bool(self.text) and self.confidence >= MIN_CONFIDENCE

    @property
    def turns(self) -> int:
        """Quarter turns clockwise by which the line lies in the picture."""
        (x0, y0), (x1, y1), *_ = self.corners
        return round(math.atan2(y1 - y0, x1 - x0) / (math.pi / 2)) % 4

    @property
    def height(self) -> float:
        """Of the line, in pixels, whichever way it lies."""
        return math.dist(self.corners[0], self.corners[3])
