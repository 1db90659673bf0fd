"""What a page draws besides text: its images, and its lines, rectangles and other shapes.

Walks the page's objects and those inside its forms once. Leaves out what they mean:
that is `pictures`, `figures` and `tables`.
"""

from __future__ import annotations

import ctypes
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from loaders.errors import LimitExceeded
from loaders.pdf.calls import as_object, declared, fill_rows
from loaders.pdf.page import Box, Floats, Frame

MAX_OBJECTS = 1_000_000
"""On one page, those inside forms included."""
MAX_SECONDS = 5.0
"""For walking the objects of one page."""
MAX_DEPTH = 10
MAX_CLIPPED = 3_000
"""Small shapes of a page of which the clip is looked up; of large ones it always is."""
LARGE_POINTS = 72.0
MAX_STRAIGHT_SEGMENTS = 400
"""Of a path that is looked at as a grid of rules."""
BATCH_SEGMENTS = 50_000
FEW_PATHS, MAX_GATHERED = 20, 1_000
"""Holders of fewer paths are looked at together, so many at a time: a look costs a millisecond."""
MAX_RULE_POINTS = 4.0
"""A straight line or a bar no thicker than this is a rule."""
MIN_RULE_ASPECT = 4.0
STRAIGHT_POINTS = 0.3
"""How far the ends of a rule may be apart sideways."""
PLACE_POINTS = 2.0
WHITE = 250
"""The least value of red, green and blue of what counts as white, of 255."""
FAINT_ALPHA, OPAQUE_ALPHA = 8, 128
MIN_GROUND_POINTS = 2.5
"""The shorter side of a fill that may lie behind or over a word."""

_Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: _Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


class Kind(IntEnum):
    """What a drawn shape looks like."""

    RULE = 0
    """A level or upright line, or a bar as thin as one."""
    FILL = 1
    """A filled rectangle."""
    SHAPE = 2
    """A curve, a slanted line, a polygon, a shading."""


@dataclass(frozen=True, slots=True)
class Drawings:
    """The shapes that show on a page, white ones left out, in the order they are drawn.

    boxes: float (n, 4), in points from the top left of the page as displayed.
    kinds: int (n,), values of Kind. n_segments: int (n,), how many lines and curves each has.
    """

    boxes: Floats
    kinds: NDArray[np.int64]
    n_segments: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.boxes)

    def chosen(self, which: NDArray[np.bool_]) -> Drawings:
        """Those where which, bool (n,), is true."""
        return Drawings(self.boxes[which], self.kinds[which], self.n_segments[which])

    @property
    def places(self) -> NDArray[np.int64]:
        """int (n,): the same for shapes of one kind at the same place of their pages."""
        steps = np.clip(np.round(self.boxes / PLACE_POINTS), -8_192, 8_191).astype(np.int64)
        found: NDArray[np.int64] = (steps + 8_192) @ (1 << np.array([0, 14, 28, 42]))
        return found | self.kinds << 56

    @staticmethod
    def rules(boxes: Floats) -> Drawings:
        """Level and upright lines; boxes: float (n, 4)."""
        n = len(boxes)
        return Drawings(boxes, np.full(n, int(Kind.RULE)), np.ones(n, np.int64))

    @staticmethod
    def joined(parts: Sequence[Drawings]) -> Drawings:
        return Drawings(
            np.concatenate([np.empty((0, 4)), *(part.boxes for part in parts)]),
            np.concatenate([np.empty(0, np.int64), *(part.kinds for part in parts)]),
            np.concatenate([np.empty(0, np.int64), *(part.n_segments for part in parts)]),
        )


class DrawnImage(NamedTuple):
    """An image object: box is where it is drawn, clip the part of the page it may show on."""

    handle: Any
    box: Box
    clip: Box
    rank: float = 0.0
    """Place in the order in which the page is drawn, from 0 to 1."""


class DrawnTexts(NamedTuple):
    """Text objects; one element for each, by rising handles.

    clips: float (n, 4), the part of the page that each may show on.
    """

    handles: NDArray[np.int64]
    clips: Floats
    ranks: Floats

    def of(self, handles: NDArray[np.int64]) -> DrawnTexts:
        """Those with these handles; a clip without extent, drawn last, where one is not known."""
        clips, ranks = np.zeros((len(handles), 4)), np.ones(len(handles))
        if len(self.handles):
            places = np.searchsorted(self.handles, handles) % len(self.handles)
            known = self.handles[places] == handles
            clips[known], ranks[known] = self.clips[places[known]], self.ranks[places[known]]
        return DrawnTexts(handles, clips, ranks)

    @staticmethod
    def joined(parts: Sequence[DrawnTexts]) -> DrawnTexts:
        handles = np.concatenate([np.empty(0, np.int64), *(part.handles for part in parts)])
        clips = np.concatenate([np.empty((0, 4)), *(part.clips for part in parts)])
        ranks = np.concatenate([np.empty(0), *(part.ranks for part in parts)])
        order = np.argsort(handles)
        return DrawnTexts(handles[order], clips[order], ranks[order])


class Fills(NamedTuple):
    """Opaque filled shapes that are large enough to lie behind or over a word.

    boxes: float (n, 4), as displayed, not clipped. colours: int (n, 3), of 255.
    """

    boxes: Floats
    colours: NDArray[np.int64]
    ranks: Floats

    @staticmethod
    def joined(parts: Sequence[Fills]) -> Fills:
        return Fills(
            np.concatenate([np.empty((0, 4)), *(part.boxes for part in parts)]),
            np.concatenate([np.empty((0, 3), np.int64), *(part.colours for part in parts)]),
            np.concatenate([np.empty(0), *(part.ranks for part in parts)]),
        )


class _Paths(NamedTuple):
    """Paths, for each the matrix that applies to it, (n, 6), and the clip of its holder, (n, 4)."""

    handles: list[int]
    ranks: Floats
    matrices: Floats
    clips: Floats

    @staticmethod
    def joined(parts: Sequence[_Paths]) -> _Paths:
        handles = [handle for part in parts for handle in part.handles]
        columns = zip(*(part[1:] for part in parts), strict=True)
        return _Paths(handles, *map(np.concatenate, columns))

    @staticmethod
    def gathered(parts: Sequence[_Paths]) -> Iterator[_Paths]:
        """Those of many small holders as one: some programs make a form of every dot."""
        few: list[_Paths] = []
        for part in parts:
            if len(part.handles) < FEW_PATHS:
                few.append(part)
                if len(few) < MAX_GATHERED:
                    continue
            if few:
                yield _Paths.joined(few)
                few = []
            if len(part.handles) >= FEW_PATHS:
                yield part
        if few:
            yield _Paths.joined(few)


class _Holder(NamedTuple):
    """The page, or a form: its objects are drawn from rank first on, over extent."""

    handle: int
    is_form: bool
    matrix: _Matrix
    clip: Box
    depth: int
    first: float
    extent: float


class PageObjects:
    """What a pypdfium2 page draws, objects inside its forms included, while it is open.

    Where there are more than MAX_OBJECTS, or they take longer than MAX_SECONDS,
    `left_out` says so after `drawings`: no shapes are given then, and only the images
    that were come to.
    """

    def __init__(self, page: Any, frame: Frame) -> None:
        self.images: list[DrawnImage] = []
        self.left_out: str | None = None
        self._frame = frame
        self._texts: list[DrawnTexts] = []
        self._paths: list[_Paths] = []
        self._fills: list[Fills] = []
        self._n_clipped = 0
        self._deadline = time.thread_time() + MAX_SECONDS
        try:
            self._walk(page)
        except LimitExceeded as error:
            self.left_out = str(error)
        self.texts = DrawnTexts.joined(self._texts)
        """Those in forms that are clipped away are left out."""

    def drawings(self) -> Drawings:
        """The shapes that show."""
        self._fills = []
        if not self.left_out:
            try:
                return Drawings.joined(
                    [self._drawn(paths) for paths in _Paths.gathered(self._paths)]
                )
            except LimitExceeded as error:
                self.left_out = str(error)
        return Drawings.joined([])

    def fills(self) -> Fills:
        """The fills among the `drawings`, which must have been read, and white ones."""
        return Fills.joined(self._fills)

    def _walk(self, page: Any) -> None:
        calls = _calls()
        n_seen = 0
        waiting = [_Holder(_address(page.raw), False, _IDENTITY, self._frame.box, 0, 0.0, 1.0)]
        while waiting:
            holder, is_inner, matrix, clip, depth, first, extent = waiting.pop()
            place = np.array([matrix]), np.array([clip])
            count = calls.count_in_form if is_inner else calls.count_on_page
            get = calls.get_in_form if is_inner else calls.get_on_page
            n_objects = count(holder)
            n_seen += n_objects
            if n_seen > MAX_OBJECTS:
                raise LimitExceeded(
                    f"it draws more than {MAX_OBJECTS:,} objects, the limit for one page"
                )
            handles = [h for h in map(get, repeat(holder), range(n_objects)) if h]
            kinds = np.fromiter(map(calls.kind, handles), np.int64, len(handles))
            step = extent / max(1, len(handles))
            ranks: Floats = first + step * np.arange(len(handles), dtype=np.float64)

            texts = np.flatnonzero(kinds == pdfium.FPDF_PAGEOBJ_TEXT).tolist()
            images = np.flatnonzero(kinds == pdfium.FPDF_PAGEOBJ_IMAGE).tolist()
            is_form = (kinds == pdfium.FPDF_PAGEOBJ_FORM) & (depth < MAX_DEPTH)
            forms = np.flatnonzero(is_form).tolist()
            is_path = (kinds == pdfium.FPDF_PAGEOBJ_PATH) | (kinds == pdfium.FPDF_PAGEOBJ_SHADING)
            paths = np.flatnonzero(is_path).tolist()
            if texts:
                own = [handles[k] for k in texts]
                clips = self._clips(own, *place)
                self._texts.append(DrawnTexts(np.array(own, np.int64), clips, ranks[texts]))
            if images:
                own = [handles[k] for k in images]
                self._take_images(own, place[0], self._clips(own, *place), ranks[images])
            clips = self._clips([handles[k] for k in forms], *place)
            for k, row in zip(forms, clips.tolist(), strict=True):
                if (shown := Box._make(row)).area > 0:
                    inner, rank = _combined(_matrix(handles[k]), matrix), float(ranks[k])
                    waiting.append(_Holder(handles[k], True, inner, shown, depth + 1, rank, step))
            if paths:
                own = [handles[k] for k in paths]
                rows = (np.tile(np.array(row), (len(own), 1)) for row in (matrix, clip))
                self._paths.append(_Paths(own, ranks[paths], *rows))
            self._check_time()

    def _take_images(
        self, handles: list[int], matrices: Floats, clips: Floats, ranks: Floats
    ) -> None:
        boxes = _boxes(handles, matrices, self._frame)
        for k in np.flatnonzero(np.isfinite(boxes).all(axis=1)).tolist():
            box, clip = Box._make(boxes[k].tolist()), Box._make(clips[k].tolist())
            self.images.append(DrawnImage(as_object(handles[k]), box, clip, float(ranks[k])))

    def _check_time(self) -> None:
        if time.thread_time() > self._deadline:
            raise LimitExceeded(
                f"its drawings take longer than the limit of {MAX_SECONDS:g} seconds for one page"
            )

    def _clips(self, handles: list[int], matrices: Floats, clips: Floats) -> Floats:
        """(n, 4): the part of its holder's clip in which each object may show.

        matrices, clips: one row for each object, or one for all.
        """
        shown = np.broadcast_to(clips, (len(handles), 4)).copy()
        matrices = np.broadcast_to(matrices, (len(handles), 6))
        addresses = list(map(_calls().clip_path, handles))
        n_paths = np.fromiter(map(_calls().n_clip_paths, addresses), np.int64, len(handles))
        for some in _batches(np.flatnonzero(n_paths > 0), n_paths):
            self._narrow(
                shown, some, [addresses[k] for k in some.tolist()], n_paths[some], matrices
            )
        return shown

    def _narrow(
        self,
        shown: Floats,
        objects: NDArray[np.int64],
        clips: Sequence[int | None],
        n_paths: NDArray[np.int64],
        matrices: Floats,
    ) -> None:
        """Cut what shows of some objects, indexes into shown, by the n_paths of their clips."""
        calls = _calls()
        paths = [clips[k] for k in np.repeat(np.arange(len(clips)), n_paths).tolist()]
        numbers = _counted(n_paths)
        owners = np.repeat(objects, n_paths)
        counts = np.fromiter(map(calls.n_clip_segments, paths, numbers), np.int64, len(paths))
        for some in _batches(np.flatnonzero(counts > 0), counts):
            n_points = counts[some]
            own = np.repeat(some, n_points).tolist()
            of_path = [paths[k] for k in own], [numbers[k] for k in own]
            points = _points(list(map(calls.clip_segment, *of_path, _counted(n_points))))
            starts = np.cumsum(n_points) - n_points
            placing = np.repeat(matrices[owners[some]], n_points, axis=0)
            boxes = _around(points, starts, placing, self._frame)
            known = np.isfinite(boxes).all(axis=1)
            np.maximum.at(shown[:, :2], owners[some[known]], boxes[known, :2])
            np.minimum.at(shown[:, 2:], owners[some[known]], boxes[known, 2:])
            self._check_time()

    def _drawn(self, paths: _Paths) -> Drawings:
        handles, ranks, matrices, clips = paths
        boxes = _boxes(handles, matrices, self._frame)
        fills, strokes = _modes(handles)
        fill_colours = _colours(handles, _calls().fill_colour)
        self._fills.append(_grounds(boxes, fills, fill_colours, ranks))
        fills &= ~_is_white(fill_colours)
        strokes &= ~_is_white(_colours(handles, _calls().stroke_colour))
        shown = (fills | strokes) & np.isfinite(boxes).all(axis=1)
        clips = clips.copy()
        is_small = shown & ~((boxes[:, 2:] - boxes[:, :2]).max(axis=1) > LARGE_POINTS)
        n_small = self._n_clipped + np.cumsum(is_small)
        self._n_clipped = int(n_small[-1])
        asked = np.flatnonzero(shown & (~is_small | (n_small <= MAX_CLIPPED)))
        own = [handles[k] for k in asked.tolist()]
        clips[asked] = self._clips(own, matrices[asked], clips[asked])
        kinds = np.full(len(handles), Kind.SHAPE)
        kinds[_is_thin(boxes)] = Kind.RULE
        counts = np.fromiter(map(_calls().n_segments, handles), np.int64, len(handles))
        is_short = (counts >= 2) & (counts <= MAX_STRAIGHT_SEGMENTS)
        found: list[Drawings] = []
        for some in _batches(np.flatnonzero(shown & (kinds == Kind.SHAPE) & is_short), counts):
            runs, owners = _straight_runs(
                [handles[k] for k in some.tolist()], counts[some], matrices[some], self._frame
            )
            n_runs = np.bincount(owners, minlength=len(some))
            kinds[some[fills[some] & (n_runs > 0) & (n_runs <= 4)]] = Kind.FILL
            shown[some[~fills[some] & (n_runs > 0)]] = False
            is_line = ~fills[some[owners]]
            inside = _within(runs[is_line], clips[some[owners[is_line]]])
            found.append(Drawings.rules(inside))
            self._check_time()
        boxes = _clipped(boxes, clips)
        shown &= (boxes[:, 2] >= boxes[:, 0]) & (boxes[:, 3] >= boxes[:, 1])
        kinds[shown & _is_thin(boxes) & (kinds == Kind.FILL)] = Kind.RULE
        kept = Drawings(boxes[shown], kinds[shown], np.maximum(counts[shown], 1))
        return Drawings.joined([kept, *found])


def _is_thin(boxes: Floats) -> NDArray[np.bool_]:
    sides = np.sort(boxes[:, 2:] - boxes[:, :2], axis=1)
    thin: NDArray[np.bool_] = (sides[:, 0] <= MAX_RULE_POINTS) & (
        sides[:, 1] >= MIN_RULE_ASPECT * sides[:, 0]
    )
    return thin


def _clipped(boxes: Floats, clips: Floats) -> Floats:
    low = np.maximum(boxes[:, :2], clips[:, :2])
    high = np.minimum(boxes[:, 2:], clips[:, 2:])
    return np.concatenate([low, high], axis=1)


def _within(boxes: Floats, clips: Floats) -> Floats:
    inside = _clipped(boxes, clips)
    return inside[(inside[:, 2] >= inside[:, 0]) & (inside[:, 3] >= inside[:, 1])]


def _batches(chosen: NDArray[np.int64], counts: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Parts of chosen of about BATCH_SEGMENTS in all, so that the time can be looked at."""
    if len(chosen):
        batches = np.cumsum(counts[chosen]) // BATCH_SEGMENTS
        yield from np.split(chosen, np.flatnonzero(np.diff(batches)) + 1)


def _straight_runs(
    handles: list[int], counts: NDArray[np.int64], outer: Floats, frame: Frame
) -> tuple[Floats, NDArray[np.int64]]:
    """The level and upright lines of the paths that consist of nothing else.

    Gives boxes (n, 4) as displayed, and the index of the path of each.
    """
    segments, kinds, owners = _segments(handles, counts)
    points = _points(segments)
    closes = np.fromiter(map(_calls().segment_closes, segments), bool, len(segments))
    ends = points.astype(np.float64)
    is_move = kinds == pdfium.FPDF_SEGMENT_MOVETO
    is_first = np.diff(owners, prepend=-1) > 0
    before = np.where(is_first[:, None], 0.0, np.roll(ends, 1, axis=0))
    places = np.arange(len(segments))
    # A path that begins without a move begins at the origin, index -1 here.
    begun = np.maximum.accumulate(np.where(is_move | is_first, places, 0))
    begun = np.where(is_move[begun], begun, -1)
    begins = np.concatenate([ends, [[0.0, 0.0]]])[begun]
    drawn = np.flatnonzero(~is_move)
    closed = np.flatnonzero(~is_move & closes)
    lines = np.concatenate(
        [
            np.concatenate([before[drawn], ends[drawn]], axis=1),
            np.concatenate([ends[closed], begins[closed]], axis=1),
        ]
    )
    order = np.argsort(np.concatenate([drawn, closed]), kind="stable")
    lines, own = lines[order], np.concatenate([owners[drawn], owners[closed]])[order]
    extents = np.abs(lines[:, 2:] - lines[:, :2])
    is_run = extents.max(axis=1) > 0
    slanted = ~(extents.min(axis=1) <= STRAIGHT_POINTS)  # true where a point is not known
    runs = _placed(lines, _matrices(handles, outer)[own])
    slanted |= is_run & ~(np.isfinite(runs).all(axis=1) & _is_level(runs))
    kept = is_run & (np.bincount(own[slanted], minlength=len(handles)) == 0)[own]
    return frame.displayed(runs[kept]), own[kept]


def _segments(
    handles: list[int], counts: NDArray[np.int64]
) -> tuple[list[int], NDArray[np.int64], NDArray[np.int64]]:
    """Handles of the segments of the paths without curves, their kinds, and whose they are."""
    calls = _calls()
    owners = np.repeat(np.arange(len(handles)), counts)
    found = list(map(calls.segment, [handles[k] for k in owners.tolist()], _counted(counts)))
    kinds = np.fromiter(map(calls.segment_kind, found), np.int64, len(found))
    is_curve = (kinds != pdfium.FPDF_SEGMENT_LINETO) & (kinds != pdfium.FPDF_SEGMENT_MOVETO)
    straight = (np.bincount(owners[is_curve], minlength=len(handles)) == 0)[owners]
    return [found[k] for k in np.flatnonzero(straight).tolist()], kinds[straight], owners[straight]


def _points(segments: Sequence[int]) -> NDArray[np.float32]:
    """(n, 2): where each segment ends; nan where it does not say."""
    points = np.full((len(segments), 2), np.nan, np.float32)
    fill_rows(_calls().segment_point, segments, points)
    return points


def _counted(counts: NDArray[np.int64]) -> list[int]:
    """From 0 on to each of the counts, one after the other."""
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    numbers: list[int] = (np.arange(len(starts)) - starts).tolist()
    return numbers


def _around(
    points: NDArray[np.float32], starts: NDArray[np.int64], matrices: Floats, frame: Frame
) -> Floats:
    """(n, 4): the boxes, as displayed, around the runs of points that begin at starts."""
    a, b, c, d, e, f = matrices.T
    x, y = points.astype(np.float64).T
    with np.errstate(invalid="ignore", over="ignore"):  # damaged numbers; nan is left out later
        placed = np.stack([a * x + c * y + e, b * x + d * y + f], axis=1)
    low, high = np.fmin.reduceat(placed, starts), np.fmax.reduceat(placed, starts)
    return frame.displayed(np.concatenate([low, high], axis=1))


def _matrices(handles: list[int], outer: Floats) -> Floats:
    """(n, 6): the matrix of a path applies to its points, the outer one, (n, 6), to the path."""
    own = np.tile(np.array(_IDENTITY, np.float32), (len(handles), 1))
    start, stride = own.ctypes.data, own.strides[0]
    deque(map(_calls().matrix, handles, range(start, start + own.nbytes, stride)), maxlen=0)
    a, b, c, d, e, f = own.astype(np.float64).T
    p, q, r, s, t, u = outer.T
    return np.stack(_combined((a, b, c, d, e, f), (p, q, r, s, t, u)), axis=1)


def _placed(lines: Floats, matrices: Floats) -> Floats:
    """The boxes around lines (n, 4) from point to point, each under its own matrix."""
    a, b, c, d, e, f = matrices.T
    xs = a * lines[:, [0, 2]].T + c * lines[:, [1, 3]].T + e
    ys = b * lines[:, [0, 2]].T + d * lines[:, [1, 3]].T + f
    return np.stack([xs.min(0), ys.min(0), xs.max(0), ys.max(0)], axis=1)


def _is_level(boxes: Floats) -> NDArray[np.bool_]:
    level: NDArray[np.bool_] = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) <= STRAIGHT_POINTS + 0.2
    return level


def _boxes(handles: list[int], matrices: Floats, frame: Frame) -> Floats:
    """(n, 4) as displayed; nan where an object has none."""
    found = np.full((len(handles), 4), np.nan, np.float32)
    fill_rows(_calls().bounds, handles, found)
    a, b, c, d, e, f = matrices.T
    left, bottom, right, top = found.astype(np.float64).T
    with np.errstate(invalid="ignore", over="ignore"):  # damaged numbers; nan is left out later
        xs = np.stack([a * x + c * y + e for x in (left, right) for y in (bottom, top)])
        ys = np.stack([b * x + d * y + f for x in (left, right) for y in (bottom, top)])
    boxes = np.stack([xs.min(0), ys.min(0), xs.max(0), ys.max(0)], axis=1)
    return frame.displayed(boxes)


def _modes(handles: list[int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which paths are filled, and which are stroked; a shading is filled."""
    modes = np.zeros((len(handles), 2), np.int32)
    modes[:, 0] = -1
    fill_rows(_calls().draw_mode, handles, modes)
    return modes[:, 0] != pdfium.FPDF_FILLMODE_NONE, modes[:, 1] != 0


def _colours(handles: list[int], colour: Callable[..., int]) -> NDArray[np.uint32]:
    """(n, 4): red, green, blue, alpha; black for what has none, as a shading."""
    rgba = np.zeros((len(handles), 4), np.uint32)
    rgba[:, 3] = 255
    fill_rows(colour, handles, rgba)
    return rgba


def _is_white(rgba: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """White or transparent."""
    white: NDArray[np.bool_] = (rgba[:, :3].min(axis=1) >= WHITE) | (rgba[:, 3] < FAINT_ALPHA)
    return white


def _grounds(
    boxes: Floats, fills: NDArray[np.bool_], rgba: NDArray[np.uint32], ranks: Floats
) -> Fills:
    sides = boxes[:, 2:] - boxes[:, :2]
    large = fills & (rgba[:, 3] >= OPAQUE_ALPHA) & (sides.min(axis=1) >= MIN_GROUND_POINTS)
    colours = rgba[large, :3].astype(np.int64)
    return Fills(boxes[large], colours, ranks[large])


def _matrix(handle: int) -> _Matrix:
    m = pdfium.FS_MATRIX()
    found = pdfium.FPDFPageObj_GetMatrix(as_object(handle), m)
    return (m.a, m.b, m.c, m.d, m.e, m.f) if found else _IDENTITY


def _combined(inner: _Matrix, outer: _Matrix) -> _Matrix:
    a, b, c, d, e, f = inner
    p, q, r, s, t, u = outer
    return (
        a * p + b * r,
        a * q + b * s,
        c * p + d * r,
        c * q + d * s,
        e * p + f * r + t,
        e * q + f * s + u,
    )


def _address(raw: Any) -> int:
    return ctypes.cast(raw, ctypes.c_void_p).value or 0


class _Calls(NamedTuple):
    """PDFium's functions that are called for every object."""

    count_on_page: Callable[[int], int]
    count_in_form: Callable[[int], int]
    get_on_page: Callable[[int, int], int | None]
    get_in_form: Callable[[int, int], int | None]
    kind: Callable[[int], int]
    bounds: Callable[..., int]
    draw_mode: Callable[..., int]
    n_segments: Callable[[int], int]
    fill_colour: Callable[..., int]
    stroke_colour: Callable[..., int]
    matrix: Callable[..., int]
    segment: Callable[[int, int], int]
    segment_kind: Callable[[int], int]
    segment_point: Callable[..., int]
    segment_closes: Callable[[int], int]
    clip_path: Callable[[int], int | None]
    n_clip_paths: Callable[[int | None], int]
    n_clip_segments: Callable[[int | None, int], int]
    clip_segment: Callable[[int | None, int, int], int]


@cache
def _calls() -> _Calls:
    handle, number = ctypes.c_void_p, ctypes.c_int
    return _Calls(
        declared(pdfium.FPDFPage_CountObjects, number, handle),
        declared(pdfium.FPDFFormObj_CountObjects, number, handle),
        declared(pdfium.FPDFPage_GetObject, handle, handle, number),
        declared(pdfium.FPDFFormObj_GetObject, handle, handle, ctypes.c_ulong),
        declared(pdfium.FPDFPageObj_GetType, number, handle),
        declared(pdfium.FPDFPageObj_GetBounds, number, *[handle] * 5),
        declared(pdfium.FPDFPath_GetDrawMode, number, *[handle] * 3),
        declared(pdfium.FPDFPath_CountSegments, number, handle),
        declared(pdfium.FPDFPageObj_GetFillColor, number, *[handle] * 5),
        declared(pdfium.FPDFPageObj_GetStrokeColor, number, *[handle] * 5),
        declared(pdfium.FPDFPageObj_GetMatrix, number, *[handle] * 2),
        declared(pdfium.FPDFPath_GetPathSegment, handle, handle, number),
        declared(pdfium.FPDFPathSegment_GetType, number, handle),
        declared(pdfium.FPDFPathSegment_GetPoint, number, *[handle] * 3),
        declared(pdfium.FPDFPathSegment_GetClose, number, handle),
        declared(pdfium.FPDFPageObj_GetClipPath, handle, handle),
        declared(pdfium.FPDFClipPath_CountPaths, number, handle),
        declared(pdfium.FPDFClipPath_CountPathSegments, number, handle, number),
        declared(pdfium.FPDFClipPath_GetPathSegment, handle, handle, number, number),
    )
