"""The columns of a table: from its upright rules, and from what stays free between cells.

Leaves out rows.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray

from loaders.pdf.page import Box, Floats
from loaders.pdf.table_lines import Piece, TextLine

MIN_GUTTER, MIN_GUTTER_FEW = 0.45, 0.6
"""Width of what stays free between two columns, in type sizes; in few lines it means less."""
FEW_LINES = 5
CROSSED_SHARE = 0.08
"""Of the lines, which may cross a gutter all the same."""
FULL_SHARE = 0.6
"""Lines with fewer than this share of the most pieces are not asked for gutters."""
MIN_UPRIGHT_SHARE = 0.5
"""Of the table's height, for an upright rule to divide columns where others do not."""
SAME_PLACE_POINTS = 4.0
PER_POINT = 2
ONLY_SIGN = re.compile(r"[$€£¥(\[±~<>≤≥]|US\$")
ONLY_TRAILING = re.compile(r"[%)\]*†‡]|[a-z]|\d{1,2}")
MAX_COLUMNS = 60


@dataclass(frozen=True)
class Columns:
    """bounds: the edges from left to right, one more than there are columns.

    extents: from where to where the cells of each column go.
    """

    bounds: tuple[float, ...]
    extents: tuple[tuple[float, float], ...]

    def __len__(self) -> int:
        return len(self.extents)

    def index(self, x: float) -> int:
        return min(max(bisect_right(self.bounds, x) - 1, 0), len(self) - 1)

    def span(self, piece: Piece) -> tuple[int, int]:
        """The first and the last column over which a piece stands."""
        first, last = self.index(piece.x0), self.index(piece.x1)
        if first == last:
            return first, last
        over = []
        for k in range(first, last + 1):
            lo, hi = self.extents[k]
            least = max(1.5, 0.25 * min(hi - lo, piece.width))
            if min(hi, piece.x1) - max(lo, piece.x0) > least:
                over.append(k)
        own = self.index(piece.middle)
        return (over[0], over[-1]) if over else (own, own)


def find_columns(lines: Sequence[TextLine], box: Box, uprights: Floats, is_grid: bool) -> Columns:
    """The columns of a table that consists of the lines.

    uprights: float (n, 3), those within it. is_grid: whether they divide all columns of text.
    """
    inner = _dividers(box, uprights, is_grid)
    bounds = [box.x0, *inner, box.x1]
    found = [bounds[0]]
    for left, right in pairwise(bounds):
        between = [part for line in lines if (part := line.within(left, right))]
        gutters = _gutters(between)
        if not inner or _are_columns(between, gutters):
            found += gutters
        found.append(right)
    cleaned = _without_slivers(sorted(found), lines, set(inner))
    return Columns(tuple(cleaned), _extents(cleaned, lines))


def _dividers(box: Box, uprights: Floats, is_grid: bool) -> list[float]:
    """Where upright rules divide the box."""
    inside = (uprights[:, 0] > box.x0 + SAME_PLACE_POINTS) & (
        uprights[:, 0] < box.x1 - SAME_PLACE_POINTS
    )
    lengths: list[list[float]] = []
    for x, y0, y1 in sorted(uprights[inside].tolist()):
        if lengths and x - lengths[-1][0] <= SAME_PLACE_POINTS:
            lengths[-1][1] += y1 - y0
        else:
            lengths.append([x, y1 - y0])
    least = (0.15 if is_grid else MIN_UPRIGHT_SHARE) * box.height
    return [x for x, length in lengths if length >= least][: MAX_COLUMNS - 1]


def _gutters(lines: Sequence[TextLine]) -> list[float]:
    """The middles of the upright strips that stay free between the pieces of most lines."""
    counts = sorted((len(line.pieces) for line in lines), reverse=True)
    most = counts[min(1, len(counts) - 1)] if counts else 0
    full = [line for line in lines if len(line.pieces) >= max(2, FULL_SHARE * most)]
    if len(full) < 2:
        return []
    start = min(line.box.x0 for line in lines)
    size = float(median([line.size for line in full]))
    extent = max(line.box.x1 for line in lines) - start
    aside = min(line.box.x0 for line in full), max(line.box.x1 for line in full)
    asked = [*full, *(line for line in lines if not _meets(line, aside))]
    ends = np.array([(p.x0, p.x1) for line in asked for p in line.pieces])
    cover = _cover(PER_POINT * (ends - start), int(PER_POINT * min(extent, 1e5)) + 2)
    free = cover <= int(CROSSED_SHARE * len(full))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], free, [False]]).astype(np.int8)))
    least = (MIN_GUTTER if len(full) >= FEW_LINES else MIN_GUTTER_FEW) * size
    gutters = []
    for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if a > 0 and b < len(cover) and (b - a) / PER_POINT >= least:
            gutters.append(start + (a + b) / 2 / PER_POINT)
    others = [line for line in lines if len(line.pieces) < max(2, FULL_SHARE * most)]
    return [g for g in gutters if _is_kept_free(g, full, others)][: MAX_COLUMNS - 1]


def _cover(ends: Floats, n: int) -> NDArray[np.int64]:
    """How many of the stretches, (m, 2), go over each of n places."""
    first, last = np.clip(ends.astype(np.int64) + np.array([0, 1]), 0, n).T
    steps = np.bincount(first, minlength=n + 1)
    steps -= np.bincount(np.maximum(first, last), minlength=n + 1)
    cover: NDArray[np.int64] = steps.cumsum()[:n]
    return cover


def _is_kept_free(gutter: float, full: Sequence[TextLine], others: Sequence[TextLine]) -> bool:
    """Whether more lines have cells on both sides of a gutter than have text across it."""
    n_parted = sum(
        line.pieces[0].x1 < gutter < line.pieces[-1].x0
        and not any(p.x0 < gutter < p.x1 for p in line.pieces)
        for line in full
    )
    n_crossing = sum(any(p.x0 < gutter < p.x1 for p in line.pieces) for line in others)
    return n_parted > n_crossing or n_parted >= FEW_LINES


def _meets(line: TextLine, extent: tuple[float, float]) -> bool:
    return line.box.x1 > extent[0] and line.box.x0 < extent[1]


def _are_columns(lines: Sequence[TextLine], gutters: Sequence[float]) -> bool:
    """Whether gutters between two upright rules part columns, not the words of one."""
    if not gutters:
        return False
    parts = [[p for p in line.pieces if p.middle > gutters[0]] for line in lines]
    filled = [part for part in parts if part]
    numeric = sum(all(p.is_numeric for p in part) for part in filled)
    return len(filled) >= 2 and numeric >= 0.6 * len(filled)


def _without_slivers(
    bounds: list[float], lines: Sequence[TextLine], fixed: set[float]
) -> list[float]:
    """Leave out columns of one stray cell, and those of a currency or a footnote sign."""
    kept = list(bounds)
    by_column = _by_column(kept, lines)
    k = 0
    while k < len(kept) - 1 and len(kept) > 2:
        cells = by_column[k]
        texts = [" ".join(p.text for p in part) for part in cells]
        drop = None
        if all(ONLY_SIGN.fullmatch(t) for t in texts) and k + 1 < len(kept) - 1:
            drop = k + 1
        elif k and all(
            ONLY_TRAILING.fullmatch(t) and (not t[-1].isalnum() or _is_small(part, lines))
            for t, part in zip(texts, cells, strict=True)
        ):
            drop = k
        elif len(cells) < 2 and len(lines) > 2:
            drop = (
                k
                if k and not (k + 1 < len(kept) - 1 and _is_nearer_right(cells, kept, k))
                else k + 1
            )
        if drop is not None and 0 < drop < len(kept) - 1 and kept[drop] not in fixed:
            del kept[drop]
            by_column = _by_column(kept, lines)
            k = max(0, k - 1)
        else:
            k += 1
    return kept


def _by_column(bounds: Sequence[float], lines: Sequence[TextLine]) -> list[list[list[Piece]]]:
    """For each column, its pieces on each line that has some."""
    found: list[list[list[Piece]]] = [[] for _ in bounds]
    for line in lines:
        parts: dict[int, list[Piece]] = {}
        for piece in line.pieces:
            parts.setdefault(bisect_right(bounds, piece.middle) - 1, []).append(piece)
        parts.pop(-1, None)
        for column, part in parts.items():
            found[column].append(part)
    return found


def _is_small(part: Sequence[Piece], lines: Sequence[TextLine]) -> bool:
    usual = float(median([line.size for line in lines]))
    return all(p.size < 0.85 * usual for p in part)


def _is_nearer_right(cells: Sequence[Sequence[Piece]], bounds: list[float], k: int) -> bool:
    if not cells:
        return False
    piece = cells[0][0]
    return bounds[k + 1] - piece.x1 < piece.x0 - bounds[k]


def _extents(bounds: Sequence[float], lines: Sequence[TextLine]) -> tuple[tuple[float, float], ...]:
    found = []
    for left, right in pairwise(bounds):
        own = [
            (p.x0, p.x1)
            for line in lines
            for p in line.pieces
            if p.x0 >= left - 1 and p.x1 <= right + 1
        ]
        if own:
            found.append((min(a for a, _ in own), max(b for _, b in own)))
        else:
            found.append((left, right))
    return tuple(found)
