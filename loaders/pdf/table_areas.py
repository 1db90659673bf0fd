"""Where on a page tables may be: between rules, on shaded rows, where lines have cells.

Leaves out whether there is one: that is `table_evidence`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from loaders.pdf.captions import CAPTION
from loaders.pdf.page import Box, Segment
from loaders.pdf.table_captions import is_label
from loaders.pdf.table_columns import Columns, find_columns
from loaders.pdf.table_lines import Piece, TextLine
from loaders.pdf.table_rules import Area, Rules

MAX_CANDIDATES = 120
ROW_GAP = 3.2
"""Between rows of a table without rules, in type sizes."""
ALIGNED = 0.4
"""How far edges of one column may differ, in type sizes."""
MAX_HEADER_LINES = 4
"""Above running text in cells."""
MIN_NAMED = 0.6
"""Share of the columns that a line above the first rule must name."""
MAX_NEAR_POINTS = 45.0
"""Between a grid and the next rule of its width, if that is its own."""
MAX_NAME_STEP = 1.2
"""Between two parts of a table and a line that stands alone in between, in type sizes."""
MAX_ROW_STEP = 2.6
"""How far a table goes on beyond its last rule from line to line, in type sizes."""


@dataclass(frozen=True)
class Layout:
    """The lines of a page that no table took yet, and its rules."""

    lines: list[TextLine]
    rules: Rules

    def without(self, segments: Collection[Segment]) -> Layout:
        """What is left when a table took the segments."""
        left = [tuple(p for p in line.pieces if p.segment not in segments) for line in self.lines]
        return Layout([TextLine(pieces) for pieces in left if pieces], self.rules)

    def inside(self, box: Box) -> list[TextLine]:
        """The text whose middle lies in the box."""
        near = [line for line in self.lines if box.y0 <= (line.box.y0 + line.box.y1) / 2 <= box.y1]
        return [part for line in near if (part := line.within(box.x0, box.x1))]

    def with_rules_near(self, box: Box) -> Box:
        """The box of a grid as far as rules of its width go on right above and below it."""
        levels = self.rules.levels
        same = (abs(levels[:, 1] - box.x0) < 6) & (abs(levels[:, 2] - box.x1) < 6)
        for y in sorted(levels[same, 0].tolist(), key=lambda y: abs(y - box.y0)):
            if not (0 < box.y0 - y < MAX_NEAR_POINTS or 0 < y - box.y1 < MAX_NEAR_POINTS):
                continue
            top, bottom = (y, box.y0) if y < box.y0 else (box.y1, y)
            beyond = Box(box.x0, top, box.x1, bottom)
            if not any(p.is_prose for line in self.inside(beyond) for p in line.pieces):
                box = Box.around([box, beyond])
        return box

    def tabular_parts(self, area: Area, areas: Sequence[Area]) -> Iterator[Box]:
        """Neighbouring bands between the rules of an area that hold cells."""
        run: list[tuple[float, float]] = []
        is_tabular = False
        others = [a for a in areas if a.is_grid or len(a.levels) > 2]
        for y0, y1 in pairwise(area.levels):
            band = Box(area.box.x0, y0, area.box.x1, y1)
            lines = self.inside(band)
            is_other = any(a is not area and _is_inside(a.box, band) for a in others)
            # Another caption begins another table.
            is_other |= bool(run) and any(is_label(line) for line in lines)
            kind = None if is_other else _band_kind(lines)
            if kind is None:
                if is_tabular:
                    yield Box(area.box.x0, run[0][0], area.box.x1, run[-1][1])
                run, is_tabular = [], False
            else:
                run.append((y0, y1))
                is_tabular |= kind
        if is_tabular:
            yield Box(area.box.x0, run[0][0], area.box.x1, run[-1][1])

    def with_body(self, box: Box) -> Box:
        """The box of a header with the lines below it that begin where its names do.

        Cells of running text show no gutters; that they begin below a name tells.
        """
        header = self.inside(box)
        if not 0 < len(header) <= MAX_HEADER_LINES or not _is_named(header[-1]):
            return box
        starts = [p.x0 for p in header[-1].pieces]
        bottom, last, n_right = box.y1, header[-1], 0
        for whole in self.lines:
            line = whole.meeting(box.x0, box.x1)
            if line is None or line.baseline <= last.baseline:
                continue
            if line.baseline - last.baseline > MAX_ROW_STEP * line.size or is_label(line):
                break
            own = [_start_of(p, starts) for p in line.pieces]
            if None in own or len(set(own)) < len(own):
                break
            n_right += any(own)
            bottom, last = line.box.y1, line
        return Box(box.x0, box.y0, box.x1, bottom) if n_right >= 2 else box

    def runs(self) -> list[Box]:
        """Lines below each other whose pieces stand in the same places."""
        open_runs: list[list[list[Piece]]] = []
        closed: list[list[list[Piece]]] = []
        for line in self.lines:
            if len(line.pieces) < 2 or is_label(line):
                continue
            for row in _cells(line):
                kept = []
                joined_run = None
                for run in open_runs:
                    last = run[-1][0].segment
                    if line.baseline - last.baseline > ROW_GAP * max(line.size, last.size):
                        closed.append(run)
                        continue
                    kept.append(run)
                    if joined_run is None and _aligns(row, run):
                        joined_run = run
                if joined_run is not None:
                    joined_run.append(row)
                else:
                    kept.append([row])
                open_runs = kept
        least = 2 if any(is_label(line) for line in self.lines) else 3
        boxes = [
            Box.around(
                Box(p.x0, p.segment.box.y0, p.x1, p.segment.box.y1) for row in run for p in row
            )
            for run in closed + open_runs
            if len(run) >= least
        ]
        return sorted(boxes, key=lambda b: -b.area)[:MAX_CANDIDATES]

    def united(self, parts: Sequence[Box], runs: Sequence[Box]) -> list[tuple[Box, bool]]:
        """Areas and runs, those that go on below each other as one; large ones first."""
        both = [(box, True) for box in parts] + [(box, False) for box in runs]
        boxes = sorted(
            sorted(both, key=lambda b: -b[0].area)[:MAX_CANDIDATES], key=lambda b: b[0].y0
        )
        united: list[tuple[Box, bool]] = []
        for box, is_ruled in boxes:
            k = next(
                (
                    k
                    for k, (above, _) in reversed(list(enumerate(united)))
                    if self._goes_on(above, box)
                ),
                None,
            )
            if k is None:
                united.append((box, is_ruled))
            else:
                united[k] = (Box.around([united[k][0], box]), united[k][1] or is_ruled)
        return sorted(united, key=lambda b: -b[0].area)

    def _goes_on(self, above: Box, below: Box) -> bool:
        """Whether nothing but short lines parts two areas that have the same columns."""
        common = min(above.x1, below.x1) - max(above.x0, below.x0)
        if common < 0.8 * max(above.width, below.width):
            return common >= 0.8 * min(above.width, below.width) and below.y0 <= above.y1 + 1
        x0, x1 = min(above.x0, below.x0), max(above.x1, below.x1)
        last = above.y1
        for whole in self.lines:
            if not above.y1 <= (whole.box.y0 + whole.box.y1) / 2 <= below.y0:
                continue
            line = whole.meeting(x0, x1)
            if line is None:
                continue
            if line.box.y0 - last > MAX_NAME_STEP * line.size or len(line.pieces) > 1:
                return False
            if line.pieces[0].is_prose or is_label(line) or CAPTION.match(line.text):
                return False
            last = line.box.y1
        near = [line for line in self.lines if abs(line.box.y0 - below.y0) < 40]
        size = near[0].size if near else 10.0
        most = (MAX_ROW_STEP if last == above.y1 else MAX_NAME_STEP) * size
        return below.y0 - last <= most and self._are_alike(above, below, 0.8 * size)

    def _are_alike(self, above: Box, below: Box, near: float) -> bool:
        """Whether the edges of the columns of two areas fit, as far as both have some."""
        few, many = sorted(
            (
                find_columns(self.inside(box), box, self.rules.inside(box).uprights, False)
                for box in (above, below)
            ),
            key=len,
        )
        inner = few.bounds[1:-1]
        fitting = sum(any(abs(x - y) <= near for y in many.bounds[1:-1]) for x in inner)
        return fitting >= 0.5 * len(inner)

    def extended(
        self, box: Box, lines: list[TextLine], columns: Columns
    ) -> tuple[Box, list[TextLine]]:
        """The box with what stands in its columns right above and below it."""
        inside = set(lines)
        near = [
            part
            for line in self.lines
            if line not in inside and (part := line.within(box.x0 - 4, box.x1 + 4))
        ]
        below = [line for line in near if line.box.y0 > lines[-1].box.y0]
        above = [line for line in near if line.box.y1 < lines[0].box.y1][::-1]
        down = _fitting(below, lines[-1], columns) if below else []
        up = _fitting(above, lines[0], columns, MIN_NAMED * len(columns))
        rest = above[len(up) :]
        if rest and _is_name_over_columns(rest[0], [*lines[:1], *up][-1], columns):
            up.append(rest[0])
        whole = [*up[::-1], *lines, *down]
        if not up and not down:
            return box, lines
        return Box.around([box, *(line.box for line in up), *(line.box for line in down)]), whole


def _cells(line: TextLine) -> Iterator[list[Piece]]:
    """Runs of short pieces side by side on the line."""
    row: list[Piece] = []
    for piece in line.pieces:
        if piece.is_prose:
            if len(row) > 1:
                yield row
            row = []
        else:
            row.append(piece)
    if len(row) > 1:
        yield row


def _aligns(row: Sequence[Piece], run: Sequence[Sequence[Piece]]) -> bool:
    """Whether two pieces of the row stand below pieces of the run's last rows."""
    near = ALIGNED * row[0].size + 0.5
    before = [(p.x0, p.x1, p.middle) for other in run[-3:] for p in other]
    least = 1 if len(run) == 1 else 2
    for piece in row:
        x0, x1, middle = piece.x0, piece.x1, piece.middle
        for left, right, centre in before:
            if abs(x0 - left) <= near or abs(x1 - right) <= near or abs(middle - centre) <= near:
                least -= 1
                break
        if not least:
            return True
    return False


def _band_kind(lines: Sequence[TextLine]) -> bool | None:
    """Of what stands between two rules: True for cells, False for a name, None for others."""
    if not lines:
        return False
    pieces = [p for line in lines for p in line.pieces]
    prose = sum(len(p.text) for p in pieces if p.is_prose)
    share = prose / max(1, sum(len(p.text) for p in pieces))
    n_multi = sum(len(line.pieces) > 1 for line in lines)
    if n_multi >= max(1, 0.4 * len(lines)) and (share < 0.5 or len(lines) <= 4):
        return True
    if len(lines) <= 3 and share < 0.5:
        return False
    n_starts = len({round(p.x0 / 8) for p in pieces})
    if len(lines) <= 8 and n_multi and n_starts <= len(lines):
        return True
    return None


def _is_inside(box: Box, band: Box) -> bool:
    return box.y0 > band.y0 + 1 and box.y1 < band.y1 - 1 and box.common(band).area > 0.9 * box.area


def _is_named(line: TextLine) -> bool:
    """Whether a line may name several columns."""
    return len(line.pieces) > 1 and not any(p.is_prose or p.is_numeric for p in line.pieces)


def _start_of(piece: Piece, starts: Sequence[float]) -> int | None:
    """Below which of the names a piece begins, and ends before the next; None if below none."""
    near = 0.6 * piece.size
    k = next((k for k, x in enumerate(starts) if abs(piece.x0 - x) <= near), None)
    if k is None or (k + 1 < len(starts) and piece.x1 > starts[k + 1] - 1):
        return None
    return k


def _fitting(
    lines: Sequence[TextLine], last: TextLine, columns: Columns, least: float = 2
) -> list[TextLine]:
    """Those that go on from the last one in the columns; fewer cells only in between."""
    found: list[TextLine] = []
    held: list[TextLine] = []
    for line in lines:
        step = abs(line.baseline - last.baseline)
        if not held and _is_rest_of_cell(line, step, columns):
            found.append(line)
            last = line
            continue
        if step > MAX_ROW_STEP * line.size or any(p.is_prose for p in line.pieces):
            break
        if is_label(line):
            break
        own = [columns.span(p) for p in line.pieces]
        is_cells = (
            len(own) >= max(2, least)
            and all(a[0] == a[1] for a in own)
            and len({a[0] for a in own}) == len(own)
        )
        held.append(line)
        last = line
        if is_cells:
            found += held
            held = []
        elif len(held) > 1:
            break
    return found


def _is_rest_of_cell(line: TextLine, step: float, columns: Columns) -> bool:
    """Whether a line can only be the end of a cell that stands right of the first column."""
    first, last = columns.span(line.pieces[0])
    is_flush = abs(line.box.x0 - columns.extents[first][0]) < 0.3 * line.size
    return len(line.pieces) == 1 and first == last > 0 and is_flush and step < 1.4 * line.size


def _is_name_over_columns(line: TextLine, first: TextLine, columns: Columns) -> bool:
    """Whether a line right above the first one only stands over columns right of the labels."""
    if first.baseline - line.baseline > 1.6 * line.size or is_label(line):
        return False
    spans = [columns.span(p) for p in line.pieces]
    return all(a > 0 for a, _ in spans) and any(b > a for a, b in spans)
