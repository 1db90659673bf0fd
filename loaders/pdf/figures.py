"""Where the figures of a page are: pictures, charts, diagrams, maps, drawings.

What is drawn close together is one figure, with the short text at its side (labels of
axes, legends); a caption joins the panels between it and the next text. Lines of
running text, captions and tables part figures from each other. Rules, boxes round text
and what comes back on other pages are decoration.

Leaves out how a figure looks (`pictures`) and what is drawn (`objects`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from loaders.pdf.captions import CAPTION
from loaders.pdf.objects import Drawings, Kind
from loaders.pdf.page import Box, Floats, Frame, Region, Segment
from loaders.pdf.pictures import ImageObject

SENTENCE = re.compile(r"(?:\S+ ){3,}\S+[.:;?!]")
WORDS = re.compile(r"(?:[^\W\d_]{2,}\W+){3}[^\W\d_]{2,}")
NUMBER = re.compile(r"[^\w\s]?\s?\d[\d.,:\s-]*\s?[%\w°]{0,3}")
MIN_SIDE_POINTS = 36.0
MIN_PAGE_SHARE = 0.01
MAX_ASPECT = 12.0
"""Smaller or longer pictures are icons, bullets, rules and ornaments."""
MAX_GROUND = 0.85
"""Share of the page above which a drawn shape is its ground."""
MIN_GROUND = 0.05
"""Share of the page below which an image is not looked at as a ground for text."""
MAX_LABEL_CHARS, MAX_LABEL_DENSITY = 300, 0.0025
"""More characters on an image, in all and for each square point, mean that it is a ground."""
TOUCH_POINTS = 5.0
"""What is drawn no further apart is of one figure: bars, tiles, strips."""
PANEL_POINTS = 30.0
"""Panels no further apart are of one figure, unless text stands between them."""
MAX_CAPTION_POINTS = 90.0
"""Between a caption and the nearest panel that it describes."""
CELL_POINTS = 2.0
"""Of the raster in which what touches is found."""
MAX_CELLS = 2_000
PROSE_CHARS, PROSE_SHARE = 30, 0.85
"""A line of running text has as many characters, and type of this share of the body's size."""
MIN_MARKS, MIN_SEGMENTS = 6, 30
"""With fewer shapes, of fewer lines and curves in all, a drawing without caption is decoration."""
MIN_PAGE_LINES = 12
UNDERLINE_POINTS = 4.0
MAX_CLUSTERS = 200
"""More pieces on a page are looked for with a coarser raster."""
LABEL_ROUNDS = 4
LABEL_GAP, TITLE_GAP = 1.3, 2.0
"""Between a figure and the text that belongs to it, in type sizes."""
MAX_LABEL_SIZE, MAX_LABEL_LINE = 1.25, 60
"""Larger type than this many times the body's, and longer lines, are no labels at the side."""
MAX_CAPTION_LINES = 12
ABOVE_PENALTY_POINTS = 40.0
"""A caption below a figure is preferred to one above that is this much nearer."""
MAX_TEXT_COVER, MAX_PROSE_COVER = 0.3, 0.15
"""Share of a box that text covers: more of it is a text in a box, not a drawing."""
SEPARATOR_POINTS = 6.0
MIN_GROUND_LINES, MIN_GROUND_SHARE, MAX_GROUND_SEGMENTS = 3, 0.01, 16
"""A simple shape of that share of the page with as many lines of words on it is a ground."""
MAX_BOX_SHAPES = 4
"""Rounded corners of a frame."""
MIN_LAYOUT_LINES = 5
MIN_BARS, MIN_NUMBERS, MIN_BOXES = 3, 3, 4
MIN_GRID_LINES = 3
MIN_ROW_OF_DOTS, MAX_DOT_POINTS = 8, 2.5
VECTOR_PIXELS_PER_POINT = 200.0 / 72.0


@dataclass(slots=True)
class _Cluster:
    """What is drawn close together. box: of what is drawn and of its labels."""

    box: Box
    images: list[ImageObject] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    """Indexes of its drawings."""
    n_shapes: int = 0
    n_fills: int = 0
    n_segments: int = 0
    caption: Box | None = None

    def take(self, other: _Cluster) -> None:
        self.box = Box.around([self.box, other.box])
        self.images += other.images
        self.marks += other.marks
        self.n_shapes += other.n_shapes
        self.n_fills += other.n_fills
        self.n_segments += other.n_segments


@dataclass(frozen=True, slots=True)
class _Texts:
    """The text of a page as boxes (n, 4) on the page as displayed, and what each line is."""

    segments: Sequence[Segment]
    boxes: Floats
    sizes: Floats
    n_chars: NDArray[np.int64]
    is_sentence: NDArray[np.bool_]
    is_worded: NDArray[np.bool_]
    """Lines of several words, in type as large as the body's."""
    below: NDArray[np.int64]
    """The line right below each in its column, or -1."""
    is_prose: NDArray[np.bool_]
    captions: NDArray[np.int64]
    """Indexes of the first lines of captions."""
    body_size: float

    @staticmethod
    def of(segments: Sequence[Segment], body_size: float) -> _Texts:
        boxes = _array(s.box for s in segments)
        sizes = np.array([s.size for s in segments], float)
        n_chars = np.array([len(s.text) for s in segments], np.int64)
        is_sentence = np.array([bool(SENTENCE.fullmatch(s.text)) for s in segments], bool)
        usual = np.sort(sizes[n_chars >= PROSE_CHARS])
        if len(usual) >= MIN_PAGE_LINES:
            # A page may be set in smaller type than most of its document.
            body_size = min(body_size, float(usual[len(usual) // 2]))
        is_large = sizes >= PROSE_SHARE * body_size
        is_worded = is_large & np.array([bool(WORDS.search(s.text)) for s in segments], bool)
        below, above = _neighbours(boxes, sizes)
        is_long = is_large & (n_chars >= PROSE_CHARS)
        is_joined = np.zeros(len(segments), bool)
        for beside in (below, above):
            is_joined |= (beside >= 0) & (n_chars[beside] >= PROSE_CHARS / 2)
        captions = [
            k
            for k, s in enumerate(segments)
            if CAPTION.match(s.text) and not _goes_on(segments, int(above[k]), k)
        ]
        return _Texts(
            segments,
            boxes,
            sizes,
            n_chars,
            is_sentence,
            is_worded,
            below,
            is_long & is_joined,
            np.array(captions, np.int64),
            body_size,
        )

    def box(self, k: int) -> Box:
        return Box(*(float(v) for v in self.boxes[k]))

    def inside(self, box: Box) -> NDArray[np.bool_]:
        """Which have their middle in the box, bool (n,)."""
        middle = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        held: NDArray[np.bool_] = (
            (middle[:, 0] >= box.x0)
            & (middle[:, 0] <= box.x1)
            & (middle[:, 1] >= box.y0)
            & (middle[:, 1] <= box.y1)
        )
        return held

    def cover(self, box: Box, *, prose_only: bool = False) -> float:
        """Share of the box that is covered by its text."""
        chosen = self.inside(box)
        if prose_only:
            chosen &= self.is_prose
        sides = self.boxes[chosen, 2:] - self.boxes[chosen, :2]
        return float(sides.prod(axis=1).sum()) / max(box.area, 1.0)

    def n_lines(self, box: Box) -> int:
        """How many lines of several words stand in the box, in type as large as the body's."""
        return int((self.inside(box) & self.is_worded).sum())

    def n_numbers(self, box: Box) -> int:
        """How many pieces of text in the box are numbers."""
        inside = np.flatnonzero(self.inside(box)).tolist()
        return sum(bool(NUMBER.fullmatch(self.segments[k].text)) for k in inside)

    def are_labels(self, box: Box) -> NDArray[np.bool_]:
        """Which are text of the figure with that box, bool (n,): cut by it, or at its side."""
        x0, y0, x1, y1 = box
        own = self.boxes
        shared = np.maximum(np.minimum(own[:, 2], x1) - np.maximum(own[:, 0], x0), 0.0)
        shared *= np.maximum(np.minimum(own[:, 3], y1) - np.maximum(own[:, 1], y0), 0.0)
        cut = shared / np.maximum((own[:, 2:] - own[:, :2]).prod(axis=1), 1e-6)
        is_free = ~self.is_prose & (self.sizes <= MAX_LABEL_SIZE * self.body_size)
        is_free[self.captions] = False
        middle = (own[:, :2] + own[:, 2:]) / 2
        over = (middle[:, 0] >= x0) & (middle[:, 0] <= x1)
        beside = (middle[:, 1] >= y0) & (middle[:, 1] <= y1)
        gaps = _gaps(own, box)
        is_near = is_free & ~self.is_sentence & (self.n_chars < MAX_LABEL_LINE)
        is_near &= gaps <= LABEL_GAP * self.sizes
        apart = np.maximum(y0 - own[:, 3], own[:, 1] - y1)
        is_title = (
            is_free
            & ~self.is_sentence
            & (np.abs(apart) <= TITLE_GAP * self.sizes)
            & (np.abs(middle[:, 0] - (x0 + x1) / 2) <= 0.08 * (x1 - x0))
            & (own[:, 2] - own[:, 0] <= x1 - x0)
        )
        is_cut = (is_free & (cut > 0.2)) | (cut > 0.5)
        found: NDArray[np.bool_] = is_cut | (is_near & (over | beside)) | is_title
        return found

    def caption_box(self, first: int) -> Box:
        """The caption whose first line that is: what stands beside it, and its next lines."""
        size, here = self.sizes[first], self.boxes[first]
        middle = (self.boxes[:, 1] + self.boxes[:, 3]) / 2
        beside = np.abs(middle - (here[1] + here[3]) / 2) < 0.4 * size
        beside &= np.abs(self.boxes[:, 0] - here[2]) < 2 * size
        beside[first] = True
        k = first
        for _ in range(MAX_CAPTION_LINES):
            following = int(self.below[k])
            if following < 0 or self.boxes[following, 1] - self.boxes[k, 3] > 0.8 * size:
                break
            beside[following] = True
            k = following
        rows = self.boxes[beside]
        return Box(*(float(v) for v in (*rows[:, :2].min(axis=0), *rows[:, 2:].max(axis=0))))


def find_figures(
    images: Sequence[ImageObject],
    drawings: Drawings,
    segments: Sequence[Segment],
    frame: Frame,
    *,
    tables: Sequence[Box] = (),
    body_size: float = 10.0,
    repeated: Collection[str] = (),
    min_pixels: int = 48,
) -> list[Region]:
    """The figures of a page, panels of one as one, from the top.

    segments: all text with its boxes on the page as displayed. tables: where no figure is.
    repeated: contents of images that come back on other pages.
    """
    images = [
        image
        for image in images
        if image.content not in repeated
        and not (image.box.area > MIN_GROUND * frame.box.area and _is_ground(image.box, segments))
    ]
    drawings = _without_decoration(drawings, segments, tables, frame)
    if not images and not len(drawings):
        return []
    texts = _Texts.of(segments, body_size)
    walls = _Walls.of(texts, tables)
    is_ground = _are_grounds(drawings, texts, frame)
    clusters = _with_grids(_touching(images, drawings, ~is_ground, frame), texts)
    # A caption makes a figure of what else is only text on a ground.
    grounds = _touching([], drawings, is_ground, frame)
    captioned, others = _captioned([*clusters, *grounds], texts, walls)
    others = [c for c in others if c not in grounds]
    others = _merged([*_without_layout(others, texts, drawings, frame)], walls)
    for cluster in [*captioned, *others]:
        _take_labels(cluster, texts, walls)
    found = [
        _region(cluster, drawings, texts)
        for cluster in _without_layout(_apart([*captioned, *others]), texts, drawings, frame)
        if _is_figure(cluster, texts, frame, min_pixels)
    ]
    return sorted(found, key=lambda region: (region.box.y0, region.box.x0))


def _without_decoration(
    drawings: Drawings, segments: Sequence[Segment], tables: Sequence[Box], frame: Frame
) -> Drawings:
    """Leave out grounds, underlines, what belongs to tables, and rules across the page."""
    if not len(drawings):
        return drawings
    boxes = drawings.boxes
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    keep = width * height < MAX_GROUND * frame.box.area
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    for table in tables:
        keep &= ~(
            (centres[:, 0] >= table.x0 - 2)
            & (centres[:, 0] <= table.x1 + 2)
            & (centres[:, 1] >= table.y0 - 2)
            & (centres[:, 1] <= table.y1 + 2)
        )
    keep &= ~_dot_leaders(boxes)
    rules = np.flatnonzero(keep & (drawings.kinds == Kind.RULE) & (width > height))
    if len(rules) and segments:
        keep[rules] &= ~_underlines(boxes[rules], segments)
    return drawings.chosen(keep)


def _dot_leaders(boxes: Floats) -> NDArray[np.bool_]:
    """Which boxes are dots in a row, as between a title and its page number, bool (n,)."""
    is_dot = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) <= MAX_DOT_POINTS
    _, rows, counts = np.unique(
        np.round(boxes[:, 1] * 2).astype(np.int64)[is_dot], return_inverse=True, return_counts=True
    )
    found: NDArray[np.bool_] = is_dot.copy()
    found[is_dot] = counts[rows] >= MIN_ROW_OF_DOTS
    return found


def _underlines(rules: Floats, segments: Sequence[Segment]) -> NDArray[np.bool_]:
    """Which level rules lie right under, or through, a piece of text and are no longer than it."""
    text = np.array([s.box for s in segments], float)
    order = np.argsort(text[:, 3])
    text = text[order]
    found = np.zeros(len(rules), bool)
    middle = (rules[:, 1] + rules[:, 3]) / 2
    tallest = float((text[:, 3] - text[:, 1]).max())
    first = np.searchsorted(text[:, 3], middle - UNDERLINE_POINTS)
    last = np.searchsorted(text[:, 3], middle + tallest)
    for k, (start, end) in enumerate(zip(first, last, strict=True)):
        near = text[start:end]
        found[k] = bool(
            (
                (near[:, 0] - 2 <= rules[k, 0])
                & (near[:, 2] + 2 >= rules[k, 2])
                & (near[:, 1] < middle[k])
            ).any()
        )
    return found


def _array(boxes: Iterable[Box]) -> Floats:
    return np.array([*boxes], float).reshape(-1, 4)


def _are_grounds(drawings: Drawings, texts: _Texts, frame: Frame) -> NDArray[np.bool_]:
    """Which shapes lie behind text that is read as such, bool (n,)."""
    found = np.zeros(len(drawings), bool)
    areas = (drawings.boxes[:, 2:] - drawings.boxes[:, :2]).prod(axis=1)
    large = (drawings.kinds != Kind.RULE) & (drawings.n_segments <= MAX_GROUND_SEGMENTS)
    large &= areas > MIN_GROUND_SHARE * frame.box.area
    for k in np.flatnonzero(large).tolist():
        box = Box(*(float(v) for v in drawings.boxes[k]))
        found[k] = texts.n_lines(box) >= MIN_GROUND_LINES
    return found


def _touching(
    images: Sequence[ImageObject], drawings: Drawings, chosen: NDArray[np.bool_], frame: Frame
) -> list[_Cluster]:
    """Images and the chosen shapes, bool (n,), in groups that touch, found on a raster."""
    places = np.flatnonzero(chosen)
    if not images and not len(places):
        return []
    boxes = np.concatenate([_array(i.box for i in images), drawings.boxes[places]])
    boxes = np.clip(boxes, 0, [frame.width, frame.height] * 2)
    reach = TOUCH_POINTS
    labels = _components(boxes, frame, reach)
    while len(np.unique(labels)) > MAX_CLUSTERS:
        reach *= 2
        labels = _components(boxes, frame, reach)
    clusters: list[_Cluster] = []
    order = np.argsort(labels, kind="stable")
    bounds = np.flatnonzero(np.diff(labels[order])) + 1
    for members in np.split(order, bounds):
        marks = places[members[members >= len(images)] - len(images)]
        low, high = boxes[members, :2].min(axis=0), boxes[members, 2:].max(axis=0)
        kinds = drawings.kinds[marks]
        clusters.append(
            _Cluster(
                Box(*(float(v) for v in (*low, *high))),
                [images[k] for k in members[members < len(images)].tolist()],
                marks.tolist(),
                int((kinds == Kind.SHAPE).sum()),
                int((kinds == Kind.FILL).sum()),
                int(drawings.n_segments[marks].sum()),
            )
        )
    return clusters


def _components(boxes: Floats, frame: Frame, reach: float) -> NDArray[np.int64]:
    """For each box the number of the group that it is in, boxes in a group touching."""
    from scipy.ndimage import label

    cell = max(CELL_POINTS, max(frame.width, frame.height) / MAX_CELLS)
    low = np.floor((boxes[:, :2] - reach / 2) / cell).astype(int)
    high = np.floor((boxes[:, 2:] + reach / 2) / cell).astype(int) + 1
    shape = (int(frame.height / cell) + 3, int(frame.width / cell) + 3)
    low = np.clip(low, 0, [shape[1] - 2, shape[0] - 2])
    high = np.clip(high, low + 1, [shape[1] - 1, shape[0] - 1])
    # Painted all at once: the corners of every box into a grid whose running sums fill them.
    grid = np.zeros(shape, np.int32)
    for sign, x, y in (
        (1, low[:, 0], low[:, 1]),
        (-1, high[:, 0], low[:, 1]),
        (-1, low[:, 0], high[:, 1]),
        (1, high[:, 0], high[:, 1]),
    ):
        np.add.at(grid, (y, x), sign)
    painted = grid.cumsum(axis=0).cumsum(axis=1) > 0
    groups, _ = label(painted)
    found: NDArray[np.int64] = groups[low[:, 1], low[:, 0]].astype(np.int64)
    return found


@dataclass(frozen=True, slots=True)
class _Walls:
    """What no figure reaches across: lines of running text, captions, tables."""

    boxes: Floats

    @staticmethod
    def of(texts: _Texts, tables: Sequence[Box]) -> _Walls:
        is_wall = texts.is_prose.copy()
        is_wall[texts.captions] = True
        return _Walls(np.concatenate([texts.boxes[is_wall], _array(tables)]))

    def inside(self, box: Box) -> NDArray[np.bool_]:
        """Which walls have their middle in the box, bool (n,)."""
        x = (self.boxes[:, 0] + self.boxes[:, 2]) / 2
        y = (self.boxes[:, 1] + self.boxes[:, 3]) / 2
        x0, y0, x1, y1 = box
        # A long line beside the middle of which a figure ends is cut by it all the same.
        overlap = np.minimum(self.boxes[:, 2], x1) - np.maximum(self.boxes[:, 0], x0)
        across = (x >= x0) & (x <= x1) | (overlap > 0.3 * (self.boxes[:, 2] - self.boxes[:, 0]))
        held: NDArray[np.bool_] = across & (y >= y0) & (y <= y1)
        return held

    def part(self, *boxes: Box) -> bool:
        """Whether the box around all of them holds a wall that none of them holds."""
        around = self.inside(Box.around(boxes))
        for box in boxes:
            around &= ~self.inside(box)
        return bool(around.any())


def _merged(clusters: list[_Cluster], walls: _Walls) -> list[_Cluster]:
    """Join clusters that are near each other, and panels in a row, where no wall parts them."""
    left = sorted(clusters, key=lambda c: c.box.area)
    done: list[_Cluster] = []
    while left:
        here = left.pop()
        boxes = _array(c.box for c in left)
        gaps = _gaps(boxes, here.box)
        near = np.flatnonzero((gaps <= PANEL_POINTS) | _is_panel(boxes, here.box, gaps))
        taken = set()
        for k in near[np.argsort(gaps[near], kind="stable")].tolist():
            # Photographs side by side are figures of their own.
            is_drawn = here.marks or left[k].marks
            if is_drawn and not walls.part(here.box, left[k].box):
                here.take(left[k])
                taken.add(k)
        if taken:
            left = [c for k, c in enumerate(left) if k not in taken]
            left.append(here)
        else:
            done.append(here)
    return done


def _is_panel(boxes: Floats, box: Box, gaps: Floats) -> NDArray[np.bool_]:
    """Which boxes are as large as the box, aligned with it and not far off, bool (n,)."""
    alike = np.ones(len(boxes), bool)
    aligned = np.zeros(len(boxes), bool)
    for low, high in ((0, 2), (1, 3)):
        extent = box[high] - box[low]
        alike &= np.abs(boxes[:, high] - boxes[:, low] - extent) <= 0.15 * extent
        aligned |= np.abs(boxes[:, low] - box[low]) <= 0.05 * extent
    is_panel: NDArray[np.bool_] = alike & aligned & (gaps <= 0.4 * min(box.width, box.height))
    return is_panel


def _apart(clusters: list[_Cluster]) -> list[_Cluster]:
    """Take what lies mostly within another cluster into it."""
    kept: list[_Cluster] = []
    for cluster in sorted(clusters, key=lambda c: -c.box.area):
        around = (k for k in kept if k.box.common(cluster.box).area > 0.5 * cluster.box.area)
        if (larger := next(around, None)) is not None:
            larger.take(cluster)
        else:
            kept.append(cluster)
    return kept


def _gaps(boxes: Floats, box: Box) -> Floats:
    """How far each box (n, 4) is from the box; 0 where they overlap."""
    across = np.maximum(boxes[:, 0] - box.x1, box.x0 - boxes[:, 2])
    down = np.maximum(boxes[:, 1] - box.y1, box.y0 - boxes[:, 3])
    gaps: Floats = np.maximum(np.maximum(across, down), 0.0)
    return gaps


def _take_labels(cluster: _Cluster, texts: _Texts, walls: _Walls) -> None:
    """Widen the box to its text: what it cuts, ticks at its sides, titles of axes, its title."""
    if not len(texts.boxes):
        return
    for _ in range(LABEL_ROUNDS):
        before = cluster.box
        for k in np.flatnonzero(texts.are_labels(cluster.box)).tolist():
            box = texts.box(k)
            if not walls.part(cluster.box, box):
                cluster.box = Box.around([cluster.box, box])
        if cluster.box == before:
            break


def _captioned(
    clusters: Sequence[_Cluster], texts: _Texts, walls: _Walls
) -> tuple[list[_Cluster], list[_Cluster]]:
    """Give each caption what lies between it and the next text: (figures, the rest)."""
    captions = [texts.caption_box(k) for k in texts.captions.tolist()]
    claims: list[list[tuple[float, int]]] = [[] for _ in captions]
    for number, cluster in enumerate(clusters):
        reach = [_reach(cluster.box, caption) for caption in captions]
        for k in sorted(range(len(captions)), key=reach.__getitem__):
            if not walls.part(captions[k], cluster.box):
                claims[k].append((reach[k], number))
                break
    figures: list[_Cluster] = []
    taken: set[int] = set()
    for caption, claimed in zip(captions, claims, strict=True):
        figure: _Cluster | None = None
        for _, number in sorted(claimed):
            box = clusters[number].box
            gap = float(_gaps(_array([box]), figure.box if figure else caption)[0])
            if gap > MAX_CAPTION_POINTS or (figure and walls.part(figure.box, box)):
                continue
            if figure:
                figure.take(clusters[number])
            else:
                figure = clusters[number]
                figure.caption = caption
            taken.add(number)
        figures += [figure] if figure else []
    return figures, [c for number, c in enumerate(clusters) if number not in taken]


def _reach(figure: Box, caption: Box) -> float:
    """How far a caption is from what it may describe; best right below it, worst at its side."""
    across = max(0.0, figure.x0 - caption.x1, caption.x0 - figure.x1)
    down = max(0.0, caption.y0 - figure.y1)
    up = max(0.0, figure.y0 - caption.y1)
    return across + down + up + (ABOVE_PENALTY_POINTS if up else 0.0) + (across > 0) * down


def _neighbours(boxes: Floats, sizes: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each line the index of that right below and right above it in its column, or -1."""
    n = len(boxes)
    below, above = np.full(n, -1), np.full(n, -1)
    if not n:
        return below, above
    order = np.argsort(boxes[:, 1], kind="stable")
    tops = boxes[order, 1]
    for k in range(n):
        x0, y0, x1, y1 = boxes[k]
        first = int(np.searchsorted(tops, y0 + 0.5 * sizes[k]))
        last = int(np.searchsorted(tops, y1 + 1.2 * sizes[k]))
        best = np.inf
        for j in order[first:last].tolist():
            overlap = min(x1, boxes[j, 2]) - max(x0, boxes[j, 0])
            alike = max(sizes[k], sizes[j]) < 1.2 * min(sizes[k], sizes[j])
            gap = boxes[j, 1] - y1
            if alike and overlap > 0.3 * min(x1 - x0, boxes[j, 2] - boxes[j, 0]) and gap < best:
                best, below[k] = gap, j
    for k, j in enumerate(below.tolist()):
        if j >= 0:
            above[j] = k
    return below, above


def _goes_on(segments: Sequence[Segment], above: int, here: int) -> bool:
    """Whether a line that reads like a caption only goes on with the text above it."""
    if above < 0:
        return False
    before, line = segments[above], segments[here]
    is_tight = line.baseline - before.baseline < 1.35 * line.size
    is_flush = before.box.x1 - before.box.x0 >= 0.8 * (line.box.x1 - line.box.x0)
    return is_tight and is_flush and len(before.text) >= PROSE_CHARS and before.text[-1] not in ".:"


def _is_ground(box: Box, segments: Sequence[Segment]) -> bool:
    """Whether so much text stands on the picture that it only lies behind it."""
    n_chars = sum(len(s.text) for s in segments if box.holds_centre_of(s.box))
    return n_chars > MAX_LABEL_CHARS and n_chars > MAX_LABEL_DENSITY * box.area


def _with_grids(clusters: Sequence[_Cluster], texts: _Texts) -> list[_Cluster]:
    """Join single lines that are the grid of a chart, and leave out those that stand alone.

    A grid is several lines of one length side by side with no text between them, or one
    along the side of a drawing.
    """
    lines = [c for c in clusters if _is_separator(c)]
    others = [c for c in clusters if not _is_separator(c)]
    grids: dict[tuple[bool, int, int], list[_Cluster]] = {}
    for line in sorted(lines, key=lambda c: c.box):
        is_level = line.box.width >= line.box.height
        low, high = line.box[0::2] if is_level else line.box[1::2]
        grids.setdefault((is_level, round(low / 2), round(high / 2)), []).append(line)
    for grid in grids.values():
        if len(grid) >= MIN_GRID_LINES:
            joined = _joined(grid)
            if texts.n_lines(joined.box) < MIN_GROUND_LINES:
                others.append(joined)
            continue
        for line in grid:
            beside = next((c for c in others if _bounds(line.box, c.box)), None)
            if beside:
                beside.take(line)
    return others


def _joined(clusters: Sequence[_Cluster]) -> _Cluster:
    first, *rest = clusters
    for cluster in rest:
        first.take(cluster)
    return first


def _bounds(line: Box, box: Box) -> bool:
    """Whether a line runs along a side of the box, as long as it and not far from it."""
    if line.width >= line.height:
        gap = max(box.y0 - line.y1, line.y0 - box.y1)
        ends, extent = abs(line.x0 - box.x0) + abs(line.x1 - box.x1), box.width
    else:
        gap = max(box.x0 - line.x1, line.x0 - box.x1)
        ends, extent = abs(line.y0 - box.y0) + abs(line.y1 - box.y1), box.height
    return gap <= PANEL_POINTS + 0.1 * extent and ends <= 0.05 * extent


def _is_separator(cluster: _Cluster) -> bool:
    """Whether it is only a line: between columns, under a header, over the notes."""
    thickness = min(cluster.box.width, cluster.box.height)
    return not cluster.images and thickness <= SEPARATOR_POINTS


def _without_layout(
    clusters: Iterable[_Cluster], texts: _Texts, drawings: Drawings, frame: Frame
) -> Iterator[_Cluster]:
    """Where shapes are frames, grounds and buttons of running text: only the images in them."""
    for cluster in clusters:
        if _is_layout(cluster, texts):
            yield from _touching(cluster.images, drawings, np.zeros(len(drawings), bool), frame)
        else:
            yield cluster


def _is_layout(cluster: _Cluster, texts: _Texts) -> bool:
    if cluster.caption or not cluster.marks:
        return False
    if texts.cover(cluster.box, prose_only=True) > MAX_PROSE_COVER:
        return True
    is_plain = cluster.n_shapes <= MAX_BOX_SHAPES
    is_full = not cluster.images and texts.cover(cluster.box) > MAX_TEXT_COVER
    return is_plain and (is_full or texts.n_lines(cluster.box) >= MIN_LAYOUT_LINES)


def _is_figure(cluster: _Cluster, texts: _Texts, frame: Frame, min_pixels: int) -> bool:
    box = cluster.box.common(frame.box)
    short, long = sorted((box.width, box.height))
    if short < MIN_SIDE_POINTS or long > MAX_ASPECT * short:
        return False
    if box.area < MIN_PAGE_SHARE * frame.box.area:
        return False
    if cluster.images and not cluster.marks:
        sharpest = max(i.pixels_per_point for i in cluster.images)
        if short * sharpest < min_pixels:
            return False
    is_icon = [min(i.box.width, i.box.height) < MIN_SIDE_POINTS for i in cluster.images]
    return bool(cluster.caption) or not all(is_icon) or _is_drawing(cluster, texts)


def _is_drawing(cluster: _Cluster, texts: _Texts) -> bool:
    """Whether shapes without images and caption are more than decoration."""
    is_rich = len(cluster.marks) >= MIN_MARKS or cluster.n_segments >= MIN_SEGMENTS
    if cluster.n_shapes:
        return is_rich
    # Bars with the numbers at their axis, or boxes with lines between them.
    n_rules = len(cluster.marks) - cluster.n_fills
    is_chart = cluster.n_fills >= MIN_BARS and texts.n_numbers(cluster.box) >= MIN_NUMBERS
    is_tall = min(cluster.box.width, cluster.box.height) >= 2 * MIN_SIDE_POINTS
    return is_chart or (is_tall and cluster.n_fills >= MIN_BOXES and n_rules >= MIN_BOXES - 1)


def _region(cluster: _Cluster, drawings: Drawings, texts: _Texts) -> Region:
    pixels = [i.pixels_per_point for i in cluster.images]
    pixels += [VECTOR_PIXELS_PER_POINT] if cluster.marks else []
    return Region(
        box=cluster.box,
        pixels_per_point=max(pixels),
        is_photo=bool(cluster.images)
        and not cluster.marks
        and all(i.is_photo for i in cluster.images),
        key=tuple(_key(cluster, drawings, texts)),
        caption=cluster.caption,
        is_drawn=not cluster.images,
    )


def _key(cluster: _Cluster, drawings: Drawings, texts: _Texts) -> Iterator[str]:
    """The same for the same figure wherever it stands on a page."""
    if len(cluster.images) > 1 or cluster.marks:
        yield f"{cluster.box.width:.0f}x{cluster.box.height:.0f}"
    for image in cluster.images:
        yield from image.key
    if cluster.marks:
        corner = np.array([cluster.box.x0, cluster.box.y0] * 2)
        drawn = np.round(drawings.boxes[sorted(cluster.marks)] - corner).astype(np.int32)
        digest = hashlib.blake2b(drawn.tobytes(), digest_size=12)
        for k in np.flatnonzero(texts.inside(cluster.box)).tolist():
            digest.update(texts.segments[k].text.encode())
        yield digest.hexdigest()
