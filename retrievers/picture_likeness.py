"""Whether one picture is a copy or a crop of another, rescaled or recompressed.

Marks and hashes only propose; that two pictures show the same is said by their pixels, laid over
each other. So charts of one template are told apart as far as their pixels are. Leaves out
pictures that were turned, mirrored or stretched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from retrievers.picture_marks import N_ASKED, N_STORED, Gray, Marks, marks_of, shades_of

MIN_LIKENESS = 0.85
"""Correlation from which two pictures are said to show the same. On the 140 pictures of our corpus:

99 % of copies at half size and 95 % of crops reach it, and no pair but copies and charts of one
template.
"""
MAX_MARK_BITS = 24
"""Of 128, that differ between a mark and its copy."""
MIN_SHARED = 4
"""Marks at the same relative places that make it worth to compare the pixels."""
MAX_HASH_BITS = 40
"""Of 256, that differ between the hashes of pictures to compare."""
MIN_SPAN, MAX_SCALE, MAX_TURN, MAX_ERROR = 20.0, 4.0, 0.05, 8.0
"""Pixels between two marks; one picture's size to the other's; sine of an angle; pixels."""
MAX_PAIRS = 600
MAX_STRETCH = 1.1
COMPARED_SIDE = 160
MIN_OVERLAP = 24
"""Pixels a side, of the 512 at which pictures are looked at."""


@dataclass(frozen=True, slots=True)
class Laid:
    """How one picture lies on another: what is at x and y is at scale · x + shift there."""

    weight: int
    """Marks that agree on it."""
    scale: float
    shift: npt.NDArray[np.float32]


class AskedPicture:
    """A picture that is compared with many others."""

    def __init__(self, image: Image.Image) -> None:
        self._look = shades_of(image)
        self._marks = marks_of(self._look, N_ASKED)

    @property
    def is_blank(self) -> bool:
        """Whether it looks like every other blank: then it has no copies."""
        return self._marks is None

    @property
    def stored(self) -> bytes:
        """What a library keeps of it; b"" of a blank."""
        if self._marks is None:
            return b""
        # They are ordered: the first are those that would have been found had fewer been asked for.
        first = slice(None, N_STORED)
        mine = self._marks
        return Marks(mine.whole, mine.places[first], mine.bits[first]).to_bytes()

    def shared(self, stored: Sequence[Marks]) -> list[int]:
        """For each picture how many of its marks this one has too, wherever they are."""
        mine = self._marks
        if mine is None or not len(mine.bits) or not stored:
            return [0] * len(stored)
        distances, _ = _nearest(mine.bits, np.concatenate([marks.bits for marks in stored]))
        ends = np.cumsum([len(marks.bits) for marks in stored])
        hits = np.concatenate([[0], np.cumsum(distances <= MAX_MARK_BITS)])
        found: list[int] = np.diff(hits[np.concatenate([[0], ends])]).tolist()
        return found

    def hash_bits(self, stored: Sequence[Marks]) -> list[int]:
        """For each picture in how many of 256 bits its hash differs from this one's."""
        if self._marks is None or not stored:
            return [8 * 32] * len(stored)
        hashes = np.frombuffer(b"".join(marks.whole for marks in stored), "<u8").reshape(-1, 4)
        own = np.frombuffer(self._marks.whole, "<u8")
        found: list[int] = np.bitwise_count(hashes ^ own).sum(axis=1).tolist()
        return found

    def laid_by_marks(self, marks: Marks) -> Laid | None:
        """How this picture lies on another by their marks; None where these do not agree."""
        mine = self._marks
        if mine is None or min(len(mine.bits), len(marks.bits)) < MIN_SHARED:
            return None
        distances, nearest = _nearest(mine.bits, marks.bits)
        is_near = distances <= MAX_MARK_BITS
        return _agreed(mine.places[nearest[is_near]], marks.places[is_near])

    def likeness(self, image: Image.Image, laid: Laid | None) -> float:
        """Correlation of the pixels of the two, in [0, 1]. laid: as a whole when None."""
        other = shades_of(image)
        mine, there = _whole(self._look), _whole(other)
        if laid is None:
            stretch = (mine[2] / mine[3]) / (there[2] / there[3])
            if max(stretch, 1 / stretch) > MAX_STRETCH:
                return 0.0
            return _correlation(self._look, mine, other, there)
        shift = np.tile(laid.shift, 2)
        here = laid.scale * np.array(mine) + shift
        common = np.concatenate([np.maximum(here, there)[:2], np.minimum(here, there)[2:]])
        if min(common[2:] - common[:2]) < MIN_OVERLAP:
            return 0.0
        own = np.clip((common - shift) / laid.scale, 0, np.tile(mine[2:], 2))
        return _correlation(self._look, own.tolist(), other, common.tolist())


def _nearest(
    asked: npt.NDArray[np.uint8], stored: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """For each stored mark its distance to the nearest that is asked about, and which that is."""
    import faiss

    index = faiss.IndexBinaryFlat(8 * asked.shape[1])
    index.add(np.ascontiguousarray(asked))
    distances, found = index.search(np.ascontiguousarray(stored), 1)
    return distances[:, 0], found[:, 0]


def _agreed(mine: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> Laid | None:
    """What most pairs of marks say of how one picture lies on the other."""
    first, second = np.triu_indices(len(mine), 1)
    across, across_other = mine[second] - mine[first], other[second] - other[first]
    span, span_other = np.hypot(*across.T), np.hypot(*across_other.T)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = span_other / span
        turn = np.hypot(*(across_other - scale[:, None] * across).T) / span_other
    is_sound = (np.minimum(span, span_other) > MIN_SPAN) & (turn < MAX_TURN)
    is_sound &= np.maximum(scale, 1 / np.maximum(scale, 1e-6)) < MAX_SCALE
    pairs = np.flatnonzero(is_sound)
    if not len(pairs):
        return None
    if len(pairs) > MAX_PAIRS:
        pairs = np.random.default_rng(0).choice(pairs, MAX_PAIRS, replace=False)
    scales, starts = scale[pairs, None], first[pairs]
    shifts = other[starts] - scales * mine[starts]
    errors = scales[:, :, None] * mine + shifts[:, None] - other
    agrees = np.hypot(errors[:, :, 0], errors[:, :, 1]) < MAX_ERROR
    best = agrees[agrees.sum(axis=1).argmax()]
    a, b = mine[best], other[best]
    weight = len(np.unique(np.round(a / MAX_ERROR), axis=0))
    if weight < MIN_SHARED:
        return None
    # The scale and shift with the least squared error.
    centred, centred_other = a - a.mean(axis=0), b - b.mean(axis=0)
    least = float((centred * centred_other).sum() / (centred**2).sum())
    return Laid(weight, least, b.mean(axis=0) - least * a.mean(axis=0))


def _whole(look: Gray) -> tuple[float, float, float, float]:
    return 0.0, 0.0, float(look.shape[1]), float(look.shape[0])


def _correlation(a: Gray, box_a: Sequence[float], b: Gray, box_b: Sequence[float]) -> float:
    """Of the shades within the boxes (left, upper, right, lower), made the same size."""
    sides = box_b[2] - box_b[0], box_b[3] - box_b[1]
    width, height = (max(1, round(side * COMPARED_SIDE / max(sides))) for side in sides)
    shades = []
    for look, box in ((a, box_a), (b, box_b)):
        part = Image.fromarray(look).resize(
            (width, height), Image.Resampling.BILINEAR, box=(box[0], box[1], box[2], box[3])
        )
        shades.append(np.asarray(part, np.float64) - np.asarray(part).mean())
    length = float(np.sqrt((shades[0] ** 2).sum() * (shades[1] ** 2).sum()))
    return max(0.0, float((shades[0] * shades[1]).sum()) / length) if length else 0.0
