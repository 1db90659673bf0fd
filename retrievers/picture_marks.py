"""What marks a picture, in two kilobytes: by it copies and crops of the picture are found.

A mark is a corner or blob that SIFT finds, with its place and 128 bits of what is around it; a
picture without any is told by a difference hash of the whole. Leaves out the comparison: that is
`retrievers.picture_likeness`.
SIFT: Lowe, IJCV 2004, by OpenCV. Its numbers as bits: Peker, "Binary SIFT", 2011.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Gray = npt.NDArray[np.uint8]
"""Shape (height, width)."""

VERSION = 1
"""The first byte of what is stored; another one means that the picture is looked at again."""
SIDE = 512
"""Pixels: the longer side at which a picture is looked at."""
N_STORED, N_ASKED = 96, 250
"""Marks of a picture in the library, and of one that is asked about."""
CELLS = 4
"""The marks are the strongest of each of so many by so many parts, so that a crop has some."""
CONTRAST = 0.02
"""Half of SIFT's own threshold: charts have thin and pale lines."""
MIN_DEVIATION = 2.0
"""In 256 shades: what varies less is a blank, like any other blank."""
MIN_MARKED_SIDE = 8
"""Pixels: in a thinner stripe SIFT finds nothing, and fails where it is one pixel thin."""
HASH_SIDE = 16
_HEAD = struct.Struct("<B32s")
_MARK = np.dtype([("place", "<u2", (2,)), ("bits", "u1", (16,))])
_PLACE_STEPS = 64
"""Of a pixel."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Of one picture. places: float32 (n, 2), x and y in pixels; bits: uint8 (n, 16).

    whole: the difference hash, 32 bytes.
    """

    whole: bytes
    places: npt.NDArray[np.float32]
    bits: npt.NDArray[np.uint8]

    def to_bytes(self) -> bytes:
        """As it is stored."""
        rows = np.empty(len(self.bits), _MARK)
        rows["place"] = np.round(self.places * _PLACE_STEPS)
        rows["bits"] = self.bits
        return _HEAD.pack(VERSION, self.whole) + rows.tobytes()

    @classmethod
    def from_bytes(cls, stored: bytes) -> Marks:
        """Raises ValueError or struct.error if that is not what `to_bytes` made."""
        _, whole = _HEAD.unpack_from(stored)
        rows = np.frombuffer(stored, _MARK, offset=_HEAD.size)
        return cls(whole, rows["place"].astype(np.float32) / np.float32(_PLACE_STEPS), rows["bits"])


def is_stored(stored: object) -> bool:
    """Whether that is what is kept of a picture, or of a blank, by this version or another."""
    if not isinstance(stored, bytes) or not stored:
        return False
    n_marks = len(stored) - _HEAD.size
    is_whole = n_marks >= 0 and n_marks % _MARK.itemsize == 0
    return stored[0] != VERSION or len(stored) == 1 or is_whole


def shades_of(image: Image.Image) -> Gray:
    """The picture in shades of gray, its longer side SIDE pixels."""
    share = SIDE / max(image.size)
    width, height = (max(1, round(side * share)) for side in image.size)
    small = image.convert("L").resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.asarray(small)


def marks_of(look: Gray, n: int) -> Marks | None:
    """At most n marks; None of a blank, which looks like every other blank."""
    if float(look.std()) < MIN_DEVIATION:
        return None
    if min(look.shape) < MIN_MARKED_SIDE:
        return _without_places(look)
    import cv2

    finder = cv2.SIFT_create(contrastThreshold=CONTRAST)  # type: ignore[attr-defined]
    upright: dict[tuple[float, ...], Any] = {}
    for found in finder.detect(look, None):
        # SIFT tells of one place several times, in each direction that it may have. Copies
        # stand upright, and then what is around it says more.
        found.angle = 0.0
        upright[found.pt[0], found.pt[1], found.size] = found
    places, numbers = finder.compute(look, _spread(list(upright.values()), look, n))
    if numbers is None:
        return _without_places(look)
    bits = np.packbits(numbers > np.median(numbers, axis=1, keepdims=True), axis=1)
    return Marks(_hash(look), np.array([p.pt for p in places], np.float32), bits)


def _without_places(look: Gray) -> Marks:
    return Marks(_hash(look), np.empty((0, 2), np.float32), np.empty((0, 16), np.uint8))


def _spread(found: list[Any], look: Gray, n: int) -> list[Any]:
    """The strongest of each part of the picture, then the second of each, and so on."""
    height, width = look.shape
    parts: dict[tuple[int, int], int] = {}
    ranked = []
    for number, mark in enumerate(sorted(found, key=lambda mark: -mark.response)):
        part = int(mark.pt[0] * CELLS / width), int(mark.pt[1] * CELLS / height)
        parts[part] = parts.get(part, 0) + 1
        ranked.append((parts[part], number, mark))
    return [mark for _, _, mark in sorted(ranked, key=lambda entry: entry[:2])[:n]]


def _hash(look: Gray) -> bytes:
    """Whether each of 16 × 16 parts is brighter than the one to its left."""
    size = (HASH_SIDE + 1, HASH_SIDE)
    small = np.asarray(Image.fromarray(look).resize(size, Image.Resampling.BOX), np.int16)
    return np.packbits(small[:, 1:] > small[:, :-1]).tobytes()
