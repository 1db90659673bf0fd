"""Where the figures of a page are: pictures, charts, diagrams, maps, drawings.

What is drawn close together is one figure, with the short text at its side (labels of
axes, legends); a caption joins the panels between it and the next text. Lines of
running text, captions and tables part figures from each other. Rules, boxes round text
and what comes back on other pages are decoration.

Leaves out how a figure looks (`pictures`) and what is drawn (`objects`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from loaders.pdf.clusters import (
    MAX_GROUND_SEGMENTS,
    MIN_GROUND_LINES,
    MIN_GROUND_SHARE,
    PANEL_POINTS,
    Cluster,
    touching,
    with_grids,
    without_decoration,
)
from loaders.pdf.figure_texts import Texts, Walls, as_array, distances
from loaders.pdf.objects import Drawings, Kind
from loaders.pdf.page import Box, Floats, Frame, Region, Segment
from loaders.pdf.pictures import ImageObject

MIN_SIDE_POINTS = 36.0
MIN_PAGE_SHARE = 0.01
MAX_ASPECT = 12.0
"""Smaller or longer pictures are icons, bullets, rules and ornaments."""
MAX_PAGE_AREA = 1_500_000.0
"""Square points, three times A4: the size of a poster, or of a web page printed as one page,
says nothing of that of its figures."""
MIN_GROUND = 0.05
"""Share of the page below which an image is not looked at as a ground for text."""
MAX_LABEL_CHARS, MAX_LABEL_DENSITY = 300, 0.0025
"""More characters on an image, in all and for each square point, mean that it is a ground."""
MAX_CAPTION_POINTS = 90.0
"""Between a caption and the nearest panel that it describes."""
MIN_MARKS, MIN_SEGMENTS = 6, 30
"""With fewer shapes, of fewer lines and curves in all, a drawing without caption is decoration."""
LABEL_ROUNDS = 4
ABOVE_PENALTY_POINTS = 40.0
"""A caption below a figure is preferred to one above that is this much nearer."""
MAX_TEXT_COVER, MAX_PROSE_COVER = 0.3, 0.15
"""Share of a box that text covers: more of it is a text in a box, not a drawing."""
MAX_BOX_SHAPES = 4
"""Rounded corners of a frame."""
MIN_TILED = 0.3
MIN_CURVES, MIN_CURVE_POINTS, MIN_AROUND = 3, 18.0, 1.5
MIN_LAYOUT_LINES = 5
MIN_BARS, MIN_NUMBERS, MIN_BOXES = 3, 3, 4
ROOM_POINTS = 4.0
"""Rendered around a drawing: letters and thick lines go beyond their boxes by as much."""
VECTOR_PIXELS_PER_POINT = 200.0 / 72.0

NOTHING = np.array([], np.int64)


def find_figures(
    images: Sequence[ImageObject],
    drawings: Drawings,
    segments: Sequence[Segment],
    frame: Frame,
    *,
    tables: Sequence[Box] = (),
    body_size: float = 10.0,
    repeated: Collection[str] = (),
    ornaments: NDArray[np.int64] = NOTHING,
    min_pixels: int = 48,
) -> list[Region]:
    """The figures of a page, panels of one as one, from the top.

    segments: all text with its boxes on the page as displayed. tables: where no figure is.
    repeated: contents of images that come back on other pages; ornaments: places of such
    shapes.
    """
    images = [
        image
        for image in images
        if image.content not in repeated
        and not (image.box.area > MIN_GROUND * frame.box.area and _is_ground(image.box, segments))
    ]
    drawings = without_decoration(drawings, segments, tables, ornaments, frame)
    if not images and not len(drawings):
        return []
    texts = Texts.of(segments, body_size)
    walls = Walls.of(texts, tables)
    is_ground = _are_grounds(drawings, texts, frame)
    clusters = with_grids(touching(images, drawings, ~is_ground, frame), texts)
    # A caption makes a figure of what else is only text on a ground.
    grounds = touching([], drawings, is_ground, frame)
    captioned, others = _captioned([*clusters, *grounds], texts, walls)
    others = [c for c in others if c not in grounds]
    others = _merged([*_without_layout(others, texts, drawings, frame)], walls)
    for cluster in [*captioned, *others]:
        _take_labels(cluster, texts, walls)
    found = [
        _region(cluster, drawings, texts, frame)
        for cluster in _without_layout(_apart([*captioned, *others]), texts, drawings, frame)
        if _is_figure(cluster, texts, frame, min_pixels)
    ]
    return sorted(found, key=lambda region: (region.box.y0, region.box.x0))


def _are_grounds(drawings: Drawings, texts: Texts, frame: Frame) -> NDArray[np.bool_]:
    """Which shapes lie behind text that is read as such, bool (n,)."""
    found = np.zeros(len(drawings), bool)
    areas = (drawings.boxes[:, 2:] - drawings.boxes[:, :2]).prod(axis=1)
    large = (drawings.kinds != Kind.RULE) & (drawings.n_segments <= MAX_GROUND_SEGMENTS)
    large &= areas > MIN_GROUND_SHARE * frame.box.area
    for k in np.flatnonzero(large).tolist():
        box = Box(*(float(v) for v in drawings.boxes[k]))
        found[k] = texts.n_lines(box) >= MIN_GROUND_LINES
    return found


def _merged(clusters: list[Cluster], walls: Walls) -> list[Cluster]:
    """Join clusters that are near each other, and panels in a row, where no wall parts them."""
    left = sorted(clusters, key=lambda c: c.box.area)
    done: list[Cluster] = []
    while left:
        here = left.pop()
        boxes = as_array(c.box for c in left)
        gaps = distances(boxes, here.box)
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


def _apart(clusters: list[Cluster]) -> list[Cluster]:
    """Take what lies mostly within another cluster into it."""
    kept: list[Cluster] = []
    for cluster in sorted(clusters, key=lambda c: -c.box.area):
        around = (k for k in kept if k.box.common(cluster.box).area > 0.5 * cluster.box.area)
        if (larger := next(around, None)) is not None:
            larger.take(cluster)
        else:
            kept.append(cluster)
    return kept


def _take_labels(cluster: Cluster, texts: Texts, walls: Walls) -> None:
    """Widen the box to its text: what it cuts, ticks at its sides, titles of axes, its title."""
    if not len(texts.boxes):
        return
    for _ in range(LABEL_ROUNDS):
        before = cluster.box
        for k in np.flatnonzero(texts.are_labels(cluster.box)).tolist():
            box = texts.box(k)
            if cluster.box.common(box) != box and not walls.part(cluster.box, box):
                cluster.box = Box.around([cluster.box, box])
        if cluster.box == before:
            break


def _captioned(
    clusters: Sequence[Cluster], texts: Texts, walls: Walls
) -> tuple[list[Cluster], list[Cluster]]:
    """Give each caption what lies between it and the next text: (figures, the rest)."""
    captions = [texts.caption_box(k) for k in texts.captions.tolist()]
    claims: list[list[tuple[float, int]]] = [[] for _ in captions]
    claimed: set[int] = set()
    pairs = (
        (_reach(cluster.box, caption), number, k)
        for number, cluster in enumerate(clusters)
        for k, caption in enumerate(captions)
    )
    for reach, number, k in sorted(pairs):
        # The text in a panel parts no other panel from the caption below both.
        held = [clusters[n].box for _, n in claims[k]]
        if number not in claimed and not walls.part(captions[k], *held, clusters[number].box):
            claims[k].append((reach, number))
            claimed.add(number)
    figures: list[Cluster] = []
    taken: set[int] = set()
    for caption, own in zip(captions, claims, strict=True):
        figure: Cluster | None = None
        waiting = [number for _, number in own]
        n_waiting = len(waiting) + 1
        while len(waiting) < n_waiting:  # a piece in between may bring another one near
            n_waiting = len(waiting)
            for number in list(waiting):
                box = clusters[number].box
                gap = float(distances(as_array([box]), figure.box if figure else caption)[0])
                if gap > MAX_CAPTION_POINTS or (figure and walls.part(figure.box, box)):
                    continue
                if figure:
                    figure.take(clusters[number])
                else:
                    figure = clusters[number]
                    figure.caption = caption
                waiting.remove(number)
                taken.add(number)
        figures += [figure] if figure else []
    return figures, [c for number, c in enumerate(clusters) if number not in taken]


def _reach(figure: Box, caption: Box) -> float:
    """How far a caption is from what it may describe; best right below it, worst at its side."""
    across = max(0.0, figure.x0 - caption.x1, caption.x0 - figure.x1)
    down = max(0.0, caption.y0 - figure.y1)
    up = max(0.0, figure.y0 - caption.y1)
    return across + down + up + (ABOVE_PENALTY_POINTS if up else 0.0) + (across > 0) * down


def _is_ground(box: Box, segments: Sequence[Segment]) -> bool:
    """Whether so much text stands on the picture that it only lies behind it."""
    n_chars = sum(len(s.text) for s in segments if box.holds_centre_of(s.box))
    return n_chars > MAX_LABEL_CHARS and n_chars > MAX_LABEL_DENSITY * box.area


def _without_layout(
    clusters: Iterable[Cluster], texts: Texts, drawings: Drawings, frame: Frame
) -> Iterator[Cluster]:
    """Where shapes are frames, grounds and buttons of running text: only the images in them."""
    for cluster in clusters:
        if _is_layout(cluster, texts):
            yield from touching(cluster.images, drawings, np.zeros(len(drawings), bool), frame)
        else:
            yield cluster


def are_drawn(boxes: Sequence[Box], drawings: Drawings, frame: Frame) -> list[bool]:
    """Which boxes, taken for tables, are parts of a larger drawing: records in a diagram."""
    curves = drawings.boxes[drawings.kinds == Kind.SHAPE]
    curves = curves[(curves[:, 2:] - curves[:, :2]).max(axis=1) >= MIN_CURVE_POINTS]
    if not boxes or len(curves) < MIN_CURVES:
        return [False] * len(boxes)
    x, y = (curves[:, 0] + curves[:, 2]) / 2, (curves[:, 1] + curves[:, 3]) / 2
    clusters = touching([], drawings, np.ones(len(drawings), bool), frame)
    found = []
    for box in boxes:
        around = [
            c.box
            for c in clusters
            if c.box.common(box).area > 0.5 * box.area and c.box.area > MIN_AROUND * box.area
        ]
        beside = np.zeros(len(curves), bool)
        for other in around:
            beside |= (x >= other.x0) & (x <= other.x1) & (y >= other.y0) & (y <= other.y1)
        beside &= ~((x >= box.x0) & (x <= box.x1) & (y >= box.y0) & (y <= box.y1))
        found.append(bool(beside.sum() >= MIN_CURVES))
    return found


def _is_layout(cluster: Cluster, texts: Texts) -> bool:
    if cluster.caption or not cluster.marks:
        return False
    if texts.cover(cluster.box, prose_only=True) > MAX_PROSE_COVER:
        return True
    is_plain = cluster.n_shapes <= MAX_BOX_SHAPES
    is_full = not cluster.images and texts.cover(cluster.box) > MAX_TEXT_COVER
    return is_plain and (is_full or texts.n_lines(cluster.box) >= MIN_LAYOUT_LINES)


def _is_figure(cluster: Cluster, texts: Texts, frame: Frame, min_pixels: int) -> bool:
    box = cluster.box.common(frame.box)
    short, long = sorted((box.width, box.height))
    if short < MIN_SIDE_POINTS or long > MAX_ASPECT * short:
        return False
    if box.area < MIN_PAGE_SHARE * min(frame.box.area, MAX_PAGE_AREA):
        return False
    if cluster.images and not cluster.marks:
        sharpest = max(i.pixels_per_point for i in cluster.images)
        if short * sharpest < min_pixels:
            return False
    return bool(cluster.caption) or _is_pictured(cluster) or _is_drawing(cluster, texts)


def _is_pictured(cluster: Cluster) -> bool:
    """Whether its images are more than icons: one is large, or they are tiles that cover it."""
    is_large = (min(i.box.width, i.box.height) >= MIN_SIDE_POINTS for i in cluster.images)
    covered = sum(i.box.area for i in cluster.images)
    return any(is_large) or covered >= MIN_TILED * cluster.box.area


def _is_drawing(cluster: Cluster, texts: Texts) -> bool:
    """Whether shapes without images and caption are more than decoration."""
    is_rich = len(cluster.marks) >= MIN_MARKS or cluster.n_segments >= MIN_SEGMENTS
    if cluster.n_shapes:
        return is_rich
    # Bars with the numbers at their axis, or boxes with lines between them.
    n_rules = len(cluster.marks) - cluster.n_fills
    is_chart = cluster.n_fills >= MIN_BARS and texts.n_numbers(cluster.box) >= MIN_NUMBERS
    is_tall = min(cluster.box.width, cluster.box.height) >= 2 * MIN_SIDE_POINTS
    return is_chart or (is_tall and cluster.n_fills >= MIN_BOXES and n_rules >= MIN_BOXES - 1)


def _region(cluster: Cluster, drawings: Drawings, texts: Texts, frame: Frame) -> Region:
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
        shown=texts.room_around(cluster.box, ROOM_POINTS).common(frame.box)
        if cluster.marks
        else None,
    )


def _key(cluster: Cluster, drawings: Drawings, texts: Texts) -> Iterator[str]:
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
