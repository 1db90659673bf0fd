"""What is drawn close together on a page, without grounds, separators and ornaments.

Leaves out which of it are figures: that is `figures`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from loaders.pdf.figure_texts import Texts, as_array
from loaders.pdf.objects import Drawings, Kind
from loaders.pdf.page import Box, Floats, Frame, Segment
from loaders.pdf.pictures import ImageObject

MAX_GROUND = 0.85
"""Share of the page above which a drawn shape is its ground."""
TOUCH_POINTS = 5.0
"""What is drawn no further apart is of one figure: bars, tiles, strips."""
PANEL_POINTS = 30.0
"""Panels no further apart are of one figure, unless text stands between them."""
CELL_POINTS = 2.0
"""Of the raster in which what touches is found."""
MAX_CELLS = 2_000
UNDERLINE_POINTS = 4.0
MAX_CLUSTERS = 200
"""More pieces on a page are looked for with a coarser raster."""
SEPARATOR_POINTS = 6.0
MIN_GROUND_LINES, MIN_GROUND_SHARE, MAX_GROUND_SEGMENTS = 3, 0.01, 16
"""A simple shape of that share of the page with as many lines of words on it is a ground."""
MIN_GRID_LINES = 3
MIN_ROW_OF_DOTS, MAX_DOT_POINTS = 8, 2.5


@dataclass(slots=True)
class Cluster:
    """What is drawn close together. box: of what is drawn and of its labels."""

    box: Box
    images: list[ImageObject] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    """Indexes of its drawings."""
    n_shapes: int = 0
    n_fills: int = 0
    n_segments: int = 0
    caption: Box | None = None

    def take(self, other: Cluster) -> None:
        self.box = Box.around([self.box, other.box])
        self.images += other.images
        self.marks += other.marks
        self.n_shapes += other.n_shapes
        self.n_fills += other.n_fills
        self.n_segments += other.n_segments


def without_decoration(
    drawings: Drawings,
    segments: Sequence[Segment],
    tables: Sequence[Box],
    ornaments: NDArray[np.int64],
    frame: Frame,
) -> Drawings:
    """Leave out grounds, ornaments, underlines, dot leaders and what belongs to tables."""
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
    keep &= ~_dot_leaders(boxes) & ~np.isin(drawings.places, ornaments)
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


def touching(
    images: Sequence[ImageObject], drawings: Drawings, chosen: NDArray[np.bool_], frame: Frame
) -> list[Cluster]:
    """Images and the chosen shapes, bool (n,), in groups that touch, found on a raster."""
    places = np.flatnonzero(chosen)
    if not images and not len(places):
        return []
    boxes = np.concatenate([as_array(i.box for i in images), drawings.boxes[places]])
    boxes = np.clip(boxes, 0, [frame.width, frame.height] * 2)
    reach = TOUCH_POINTS
    labels = _components(boxes, frame, reach)
    while len(np.unique(labels)) > MAX_CLUSTERS:
        reach *= 2
        labels = _components(boxes, frame, reach)
    clusters: list[Cluster] = []
    order = np.argsort(labels, kind="stable")
    bounds = np.flatnonzero(np.diff(labels[order])) + 1
    for members in np.split(order, bounds):
        marks = places[members[members >= len(images)] - len(images)]
        low, high = boxes[members, :2].min(axis=0), boxes[members, 2:].max(axis=0)
        kinds = drawings.kinds[marks]
        clusters.append(
            Cluster(
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
    # Rows and columns of the raster that are alike are as good as one.
    low[:, 0], high[:, 0] = _ranked(low[:, 0], high[:, 0])
    low[:, 1], high[:, 1] = _ranked(low[:, 1], high[:, 1])
    # Painted all at once: the corners of every box into a grid whose running sums fill them.
    grid = np.zeros(high.max(axis=0)[::-1] + 1, np.int32)
    for sign, x, y in (
        (1, low[:, 0], low[:, 1]),
        (-1, high[:, 0], low[:, 1]),
        (-1, low[:, 0], high[:, 1]),
        (1, high[:, 0], high[:, 1]),
    ):
        np.add.at(grid, (y, x), sign)
    np.cumsum(grid, axis=0, out=grid)
    np.cumsum(grid, axis=1, out=grid)
    groups, _ = label(grid > 0)
    found: NDArray[np.int64] = groups[low[:, 1], low[:, 0]].astype(np.int64)
    return found


def _ranked(low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.int64]:
    """(2, n): the places of both among all of both."""
    _, ranks = np.unique(np.stack([low, high]), return_inverse=True)
    found: NDArray[np.int64] = ranks.reshape(2, -1)
    return found


def with_grids(clusters: Sequence[Cluster], texts: Texts) -> list[Cluster]:
    """Join single lines that are the grid of a chart, and leave out those that stand alone.

    A grid is several lines of one length side by side with no text between them, or one
    along the side of a drawing.
    """
    lines = [c for c in clusters if _is_separator(c)]
    others = [c for c in clusters if not _is_separator(c)]
    grids: dict[tuple[bool, int, int], list[Cluster]] = {}
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


def _joined(clusters: Sequence[Cluster]) -> Cluster:
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


def _is_separator(cluster: Cluster) -> bool:
    """Whether it is only a line: between columns, under a header, over the notes."""
    thickness = min(cluster.box.width, cluster.box.height)
    return not cluster.images and thickness <= SEPARATOR_POINTS
