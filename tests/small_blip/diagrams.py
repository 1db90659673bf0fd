"""Diagrams: boxes and arrows, trees, networks, layers.

Leaves out charts and pages.
"""

from __future__ import annotations

import itertools
import math
import random

from tests.small_blip.ink import WHITE, Box, Canvas, Colour, Point, counted, mixed, phrase, word

FILLS: tuple[Colour, ...] = (
    WHITE,
    (222, 235, 247),
    (255, 242, 204),
    (226, 240, 217),
    (248, 203, 173),
    (230, 230, 230),
    (68, 114, 196),
    (112, 173, 71),
    (237, 125, 49),
    (0, 120, 180),
    (90, 60, 140),
    (200, 225, 255),
)


class _Style:
    """How the boxes of one diagram look."""

    def __init__(self, rng: random.Random) -> None:
        n = rng.choice((1, 1, 1, 2, 3))
        self.fills = [rng.choice(FILLS) for _ in range(n)]
        self.radius = rng.choice((0, 0, 4, 8, 14))
        self.outlined = rng.random() < 0.75 or WHITE in self.fills
        self.shape = rng.choice(("box", "box", "box", "box", "oval", "mixed"))
        self.pictured = rng.random() < 0.15
        self.n_words = rng.choice((1, 1, 2, 3, 6, 12))


def _node(canvas: Canvas, box: Box, style: _Style) -> None:
    rng = canvas.rng
    fill = rng.choice(style.fills)
    ink = WHITE if sum(fill) < 360 else (20, 20, 20)
    edge = canvas.ink if style.outlined else None
    shape = rng.choice(("box", "oval", "rhomb")) if style.shape == "mixed" else style.shape
    if shape == "oval":
        canvas.draw.ellipse((box.x0, box.y0, box.x1, box.y1), fill, edge, canvas.line)
    elif shape == "rhomb":
        corners = [box.at(0.5, 0), box.at(1, 0.5), box.at(0.5, 1), box.at(0, 0.5)]
        canvas.draw.polygon(corners, fill, edge, canvas.line)
    else:
        canvas.rect(box, fill, edge, radius=min(style.radius, box.height / 2))
    if style.pictured and shape == "box" and (icon := canvas.pictures.drawing(rng)):
        side = max(6, round(min(box.width, box.height) * 0.55))
        icon.thumbnail((side, side))
        at = box.at(0.5, 0.32)
        canvas.image.paste(
            icon, (round(at[0] - icon.width / 2), round(at[1] - icon.height / 2)), icon
        )
        box = box.inner(0, box.height * 0.6, 0, 0)
    _label(canvas, box, style.n_words, ink)


def _label(canvas: Canvas, box: Box, n_words: int, ink: Colour) -> None:
    """As many words as fit, centred, in one line or several."""
    letters = int(box.width / (canvas.letter * 0.6))
    if letters < 2:
        return
    n_lines = max(1, min(int(box.height / (canvas.letter * 1.4)), (n_words + 1) // 2))
    x, y = box.middle
    for k in range(n_lines):
        text = phrase(canvas.rng, max(1, letters // 5))[:letters]
        canvas.text(
            (x, y + (k - (n_lines - 1) / 2) * canvas.letter * 1.25), text, anchor="mm", colour=ink
        )


def arrow(
    canvas: Canvas, start: Point, end: Point, *, headed: bool = True, dashed: bool = False
) -> None:
    """A line from point to point, with a head."""
    size = canvas.letter * 0.55 + canvas.line
    if dashed:
        canvas.dashed([start, end], canvas.ink, canvas.line, canvas.letter * 0.3)
    else:
        canvas.path([start, end])
    if not headed:
        return
    turn = math.atan2(end[1] - start[1], end[0] - start[0])
    wings = [
        (end[0] - size * math.cos(turn + d), end[1] - size * math.sin(turn + d))
        for d in (-0.45, 0.45)
    ]
    canvas.draw.polygon([end, *wings], fill=canvas.ink)


def _joined(canvas: Canvas, a: Box, b: Box, *, headed: bool, bent: bool, dashed: bool) -> None:
    """An arrow from the edge of one box to the edge of another."""
    (ax, ay), (bx, by) = a.middle, b.middle
    if abs(bx - ax) * (a.height + b.height) > abs(by - ay) * (a.width + b.width):
        start, end = ((a.x1, ay), (b.x0, by)) if bx > ax else ((a.x0, ay), (b.x1, by))
        corner = [((start[0] + end[0]) / 2, start[1]), ((start[0] + end[0]) / 2, end[1])]
    else:
        start, end = ((ax, a.y1), (bx, b.y0)) if by > ay else ((ax, a.y0), (bx, b.y1))
        corner = [(start[0], (start[1] + end[1]) / 2), (end[0], (start[1] + end[1]) / 2)]
    if bent and math.dist(start, end) > 6:
        canvas.path([start, *corner])
        start = corner[1]
    arrow(canvas, start, end, headed=headed, dashed=dashed)


def flow(canvas: Canvas, box: Box) -> str:
    """Boxes in rows and columns, joined by arrows."""
    rng, style = canvas.rng, _Style(canvas.rng)
    columns, rows = _layout(canvas, box)
    cells = [(r, c) for r in range(rows) for c in range(columns)]
    rng.shuffle(cells) if rng.random() < 0.3 else None
    n = min(len(cells), rng.randint(max(2, len(cells) - 2), len(cells)))
    full_x, full_y = rng.uniform(0.5, 0.8), rng.uniform(0.35, 0.7)
    if rng.random() < 0.3:
        canvas.text((box.middle[0], box.y0 + 2), phrase(rng, 3), size=1.3, anchor="ma")
        box = box.inner(0, canvas.letter * 2, 0, 0)
    placed = []
    for r, c in cells[:n]:
        x0, y0 = box.at((c + 0.5 - full_x / 2) / columns, (r + 0.5 - full_y / 2) / rows)
        x1, y1 = box.at((c + 0.5 + full_x / 2) / columns, (r + 0.5 + full_y / 2) / rows)
        placed.append(Box(x0, y0, x1, y1))
    headed, bent, dashed = rng.random() < 0.85, rng.random() < 0.5, rng.random() < 0.12
    if rng.random() < 0.3 and rows * columns > 2:
        _frame_around(canvas, placed[: max(2, n // 2)])
    for a, b in itertools.pairwise(placed):
        _joined(canvas, a, b, headed=headed, bent=bent, dashed=dashed)
        if rng.random() < 0.2:
            _joined(
                canvas,
                a,
                rng.choice([p for p in placed if p is not a]),
                headed=headed,
                bent=bent,
                dashed=dashed,
            )
        if rng.random() < 0.2:
            at = ((a.middle[0] + b.middle[0]) / 2, (a.middle[1] + b.middle[1]) / 2 - canvas.letter)
            canvas.text(at, word(rng), size=0.8, anchor="mm")
    for node in placed:
        _node(canvas, node, style)
    return f"a flow diagram with {counted(n, 'box', 'boxes', most=9)}"


def _layout(canvas: Canvas, box: Box) -> tuple[int, int]:
    """Columns and rows that suit the box."""
    rng, ratio = canvas.rng, box.width / box.height
    if ratio > 2:
        return rng.randint(2, 6), rng.randint(1, 2)
    if ratio < 0.7:
        return rng.randint(1, 2), rng.randint(2, 6)
    return rng.randint(1, 4), rng.randint(2, 4)


def _frame_around(canvas: Canvas, nodes: list[Box]) -> None:
    """A pale or dashed frame behind some of the boxes, with a name."""
    rng, margin = canvas.rng, canvas.letter * 0.9
    frame = Box(
        min(b.x0 for b in nodes) - margin,
        min(b.y0 for b in nodes) - margin,
        max(b.x1 for b in nodes) + margin,
        max(b.y1 for b in nodes) + margin,
    )
    pale = mixed(WHITE, rng.choice(FILLS), 0.35)
    if rng.random() < 0.5:
        canvas.rect(frame, pale)
    else:
        corners = [frame.at(0, 0), frame.at(1, 0), frame.at(1, 1), frame.at(0, 1), frame.at(0, 0)]
        canvas.dashed(corners, canvas.ink, canvas.line, canvas.letter * 0.3)


def tree(canvas: Canvas, box: Box) -> str:
    """A tree of boxes: one above, its children below."""
    rng, style = canvas.rng, _Style(canvas.rng)
    n_children = rng.randint(2, 4)
    n_leaves = (
        [rng.choice((0, 1, 2)) for _ in range(n_children)]
        if rng.random() < 0.6
        else [0] * n_children
    )
    levels = 3 if any(n_leaves) else 2
    width, height = 1 / max(n_children, sum(n_leaves), 2), 1 / levels
    full = (width * rng.uniform(0.6, 0.85), height * rng.uniform(0.3, 0.5))
    top = _cell(box, 0.5, height / 2, *full)
    placed, leaf_x = [top], 0
    for k in range(n_children):
        child = _cell(box, (k + 0.5) / n_children, height * 1.5, *full)
        _joined(canvas, top, child, headed=False, bent=rng.random() < 0.7, dashed=False)
        placed.append(child)
        for _ in range(n_leaves[k]):
            leaf = _cell(box, (leaf_x + 0.5) / sum(n_leaves), height * 2.5, *full)
            _joined(canvas, child, leaf, headed=False, bent=True, dashed=False)
            placed.append(leaf)
            leaf_x += 1
    for node in placed:
        _node(canvas, node, style)
    return f"a tree diagram with {counted(len(placed), 'box', 'boxes', most=9)}"


def _cell(box: Box, x: float, y: float, width: float, height: float) -> Box:
    return Box(*box.at(x - width / 2, y - height / 2), *box.at(x + width / 2, y + height / 2))


def network(canvas: Canvas, box: Box) -> str:
    """Discs joined by lines: a graph, or the layers of a neural network."""
    rng = canvas.rng
    radius = min(box.width, box.height) * rng.uniform(0.035, 0.09)
    fill, layered = rng.choice(FILLS), rng.random() < 0.4
    if layered:
        sizes = [rng.randint(2, 6) for _ in range(rng.randint(2, 4))]
        at = [
            [
                box.at(
                    (k + 0.5) / len(sizes),
                    (j + 0.5) / max(sizes) + (max(sizes) - m) / 2 / max(sizes),
                )
                for j in range(m)
            ]
            for k, m in enumerate(sizes)
        ]
        edges = [(a, b) for left, right in itertools.pairwise(at) for a in left for b in right]
        nodes = [p for layer in at for p in layer]
    else:
        nodes = []
        for _ in range(200):
            new = box.at(rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.9))
            if all(math.dist(new, p) > radius * 3 for p in nodes):
                nodes.append(new)
            if len(nodes) >= 9:
                break
        nodes = nodes[: rng.randint(3, 9)]
        edges = [(nodes[rng.randrange(k)], nodes[k]) for k in range(1, len(nodes))]
        edges += [(rng.choice(nodes), rng.choice(nodes)) for _ in range(rng.randint(0, 4))]
    headed = rng.random() < 0.5 and not layered
    for a, b in edges:
        reach = math.dist(a, b)
        if reach > 2 * radius:
            stop = (b[0] + (a[0] - b[0]) * radius / reach, b[1] + (a[1] - b[1]) * radius / reach)
            arrow(canvas, a, stop, headed=headed)
    for p in nodes:
        canvas.disc(p, radius, fill, canvas.ink)
        canvas.text(
            p,
            word(rng)[:2],
            anchor="mm",
            size=0.8,
            colour=WHITE if sum(fill) < 360 else (20, 20, 20),
        )
    return f"a network diagram with {counted(len(nodes), 'circle', most=9)}"


def layers(canvas: Canvas, box: Box) -> str:
    """Broad boxes one upon the other, as an architecture is shown, with boxes in them."""
    rng, style = canvas.rng, _Style(canvas.rng)
    style.shape = "box"
    rows = rng.randint(2, 5)
    gap = rng.uniform(0.08, 0.25)
    total = 0
    for r in range(rows):
        row = Box(*box.at(0.03, (r + gap / 2) / rows), *box.at(0.97, (r + 1 - gap / 2) / rows))
        n = rng.randint(1, 4)
        if n > 1 and rng.random() < 0.6:
            canvas.rect(
                row, mixed(WHITE, rng.choice(FILLS), 0.4), canvas.ink if style.outlined else None
            )
            row = row.inner(
                row.width * 0.03, row.height * 0.15, row.width * 0.03, row.height * 0.12
            )
        for c in range(n):
            _node(canvas, Box(*row.at((c + 0.06) / n, 0), *row.at((c + 0.94) / n, 1)), style)
        total += n
    return f"a block diagram with {counted(total, 'box', 'boxes', most=9)}"
