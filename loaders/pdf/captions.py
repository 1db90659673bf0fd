"""Which caption belongs to which picture.

Leaves out captions without a number, and tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from loaders.pdf.page import Box

CAPTION = re.compile(
    r"(?i:figure|fig|chart|exhibit|diagram|map|plate|photo(?:graph)?)\.?\s*"
    r"(?:[A-Z]?[.\-–]?\d+(?:[.\-–]\d+)*[a-z]?|[IVX]+)\b\s*"
    r"(?:[.:|—–-]|$|(?=[A-Z“\"(]))"
)
"""The number is followed by a mark or a capital: "Figure 3 shows" is a sentence."""
MAX_DISTANCE_POINTS = 72.0
MIN_WIDTH_SHARE = 0.4
"""A picture narrower than this share of its caption is only a part of what that describes."""
MAX_OVERLAP_POINTS = 12.0
ABOVE_PENALTY_POINTS = 40.0
"""A caption below the picture is preferred to one above that is this much nearer."""


def match_captions(
    pictures: Mapping[int, Box], texts: Mapping[int, tuple[Box, str]]
) -> dict[int, int]:
    """Picture → the caption right below or above it, each caption once; nearest first."""
    captions = {k: box for k, (box, text) in texts.items() if CAPTION.match(text)}
    pairs = sorted(
        (distance, p, c)
        for p, picture in pictures.items()
        for c, caption in captions.items()
        if (distance := _distance(picture, caption)) is not None
    )
    matched: dict[int, int] = {}
    for _, picture_key, caption_key in pairs:
        if picture_key not in matched and caption_key not in matched.values():
            matched[picture_key] = caption_key
    return matched


def _distance(picture: Box, caption: Box) -> float | None:
    if min(picture.x1, caption.x1) <= max(picture.x0, caption.x0):
        return None
    if picture.width < MIN_WIDTH_SHARE * caption.width:
        return None
    below, above = caption.y0 - picture.y1, picture.y0 - caption.y1
    if -MAX_OVERLAP_POINTS <= below <= MAX_DISTANCE_POINTS:
        return max(0.0, below)
    if -MAX_OVERLAP_POINTS <= above <= MAX_DISTANCE_POINTS:
        return max(0.0, above) + ABOVE_PENALTY_POINTS
    return None
