"""Charts drawn by hand: bars, lines, areas, pies, scattered points, boxes, heat maps.

Each function draws one chart into a box of the canvas and says it in words. Leaves out what
matplotlib draws: that is `plotted`.
"""

from __future__ import annotations

import math
import random

import numpy as np

from tests.small_blip.axes import Look, frame, look
from tests.small_blip.ink import (
    BRIGHT,
    Box,
    Canvas,
    Colour,
    Point,
    counted,
    mixed,
    phrase,
    shade,
    word,
)


def _bar_colours(canvas: Canvas, how: Look, n: int) -> tuple[list[Colour], str]:
    """The colours of n bars, and the adjective where it is one."""
    rng = canvas.rng
    if rng.random() < 0.72:
        names = (*BRIGHT, "grey", "black") if max(canvas.ground) > 120 else BRIGHT
        name = rng.choice(names)
        return [shade(rng, name)] * n, f"{name} "
    return [how.colours[k % len(how.colours)] for k in range(n)], ""


def _heights(rng: random.Random, n: int) -> list[float]:
    """n shares of the height, all tall enough to be seen."""
    kind = rng.random()
    if kind < 0.25:
        rise = rng.choice((-1, 1))
        made = [
            0.5 + rise * (k / max(1, n - 1) - 0.5) * 0.7 + rng.uniform(-0.1, 0.1) for k in range(n)
        ]
    elif kind < 0.45:
        middle, wide = rng.uniform(0.2, 0.8) * n, n * rng.uniform(0.12, 0.4) + 0.5
        made = [math.exp(-(((k - middle) / wide) ** 2)) * rng.uniform(0.85, 1) for k in range(n)]
    else:
        made = [rng.uniform(0.12, 0.95) for _ in range(n)]
    return [min(0.97, max(0.07, height)) for height in made]


def bars(canvas: Canvas, box: Box) -> str:
    """One bar a category, standing or lying."""
    rng, how, flat = canvas.rng, look(canvas.rng), canvas.rng.random() < 0.27
    n = rng.choice((2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 10, 12, 15, 20, 30))
    plot = frame(canvas, box, how, [word(rng) for _ in range(n)], flat=flat)
    colours, adjective = _bar_colours(canvas, how, n)
    full = rng.uniform(0.95, 1.0) if n > 10 and rng.random() < 0.6 else rng.uniform(0.35, 0.85)
    edge = canvas.ink if rng.random() < 0.25 else None
    valued = rng.random() < 0.25
    for k, height in enumerate(_heights(rng, n)):
        start, end = (k + 0.5 - full / 2) / n, (k + 0.5 + full / 2) / n
        shares = (0.0, start, height, end) if flat else (start, 1 - height, end, 1.0)
        bar = Box(*plot.at(*shares[:2]), *plot.at(*shares[2:]))
        canvas.rect(bar, colours[k], edge)
        if valued:
            at, anchor = (
                ((bar.x1 + 2, bar.middle[1]), "lm") if flat else ((bar.middle[0], bar.y0 - 1), "mb")
            )
            canvas.text(at, f"{height * 100:.0f}", size=0.75, anchor=anchor)
    return f"a {'horizontal ' * flat}bar chart with {counted(n, f'{adjective}bar')}"


def grouped_bars(canvas: Canvas, box: Box) -> str:
    """Several bars a category, side by side."""
    rng, how, flat = canvas.rng, look(canvas.rng), canvas.rng.random() < 0.15
    n, m = rng.randint(2, 9), rng.randint(2, 4)
    plot = frame(canvas, box, how, [word(rng) for _ in range(n)], flat=flat)
    full, edge = rng.uniform(0.55, 0.8), canvas.ink if rng.random() < 0.25 else None
    for k in range(n):
        for j, height in enumerate(_heights(rng, m)):
            start = (k + 0.5 - full / 2 + full * j / m) / n
            end = start + full / m / n
            shares = (0.0, start, height, end) if flat else (start, 1 - height, end, 1.0)
            canvas.rect(Box(*plot.at(*shares[:2]), *plot.at(*shares[2:])), how.colours[j], edge)
    return f"a bar chart with {counted(n, 'group')} of bars"


def stacked_bars(canvas: Canvas, box: Box) -> str:
    """Bars made of several parts."""
    rng, how, flat = canvas.rng, look(canvas.rng), canvas.rng.random() < 0.3
    n, m = rng.randint(2, 12), rng.randint(2, 5)
    plot = frame(canvas, box, how, [word(rng) for _ in range(n)], flat=flat)
    full, is_whole = rng.uniform(0.4, 0.85), rng.random() < 0.3
    for k, height in enumerate(_heights(rng, n)):
        parts = np.array([rng.uniform(0.3, 1) for _ in range(m)])
        ends = np.concatenate([[0], np.cumsum(parts / parts.sum())]) * (
            0.98 if is_whole else height
        )
        start, end = (k + 0.5 - full / 2) / n, (k + 0.5 + full / 2) / n
        for j in range(m):
            low, high = float(ends[j]), float(ends[j + 1])
            shares = (low, start, high, end) if flat else (start, 1 - high, end, 1 - low)
            canvas.rect(Box(*plot.at(*shares[:2]), *plot.at(*shares[2:])), how.colours[j])
    return f"a stacked bar chart with {counted(n, 'bar')}"


def _course(rng: random.Random, n: int) -> list[float]:
    """n heights of a line, from smooth to jagged."""
    steps = np.cumsum([rng.gauss(0, 1) for _ in range(n)])
    kind = rng.random()
    if kind < 0.3:
        x = np.linspace(0, 1, n)
        steps = np.sin(x * rng.uniform(2, 14) + rng.uniform(0, 6)) + x * rng.uniform(-2, 2)
    elif kind < 0.5:
        x = np.linspace(0, 1, n)
        steps = np.exp(-x * rng.uniform(1, 6)) * rng.choice((-1, 1)) + 0.05 * steps / max(
            1, np.ptp(steps)
        )
    elif kind < 0.6 and n > 30:
        x, steps = np.arange(n), np.zeros(n) + 0.02 * steps / max(1, np.ptp(steps))
        for _ in range(rng.randint(2, 9)):
            steps = steps + rng.random() * np.exp(
                -(((x - rng.uniform(0, n)) / (n * rng.uniform(0.004, 0.03))) ** 2)
            )
    elif kind < 0.7:
        steps = np.array([rng.gauss(0, 1) for _ in range(n)])
    span = max(1e-6, float(np.ptp(steps)))
    low = rng.uniform(0.04, 0.5)
    high = rng.uniform(low + 0.15, 0.97)
    return [float(low + (high - low) * v) for v in (steps - steps.min()) / span]


def lines(canvas: Canvas, box: Box) -> str:
    """One or more courses over time."""
    rng, how = canvas.rng, look(canvas.rng)
    m = rng.choice((1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5, 7))
    n = rng.choice((4, 6, 8, 12, 20, 40, 100, 200))
    labels = [word(rng) for _ in range(n)] if n <= 12 and rng.random() < 0.5 else []
    plot = frame(canvas, box, how, labels)
    marked, width = rng.random() < 0.35 and n <= 20, max(1, round(canvas.line * rng.uniform(1, 3)))
    name = rng.choice((*BRIGHT, "black")) if max(canvas.ground) > 120 else rng.choice(BRIGHT)
    colours = [shade(rng, name)] if m == 1 else [*list(how.colours), canvas.ink]
    same = m > 1 and rng.random() < 0.15
    for k in range(m):
        heights = _course(rng, n)
        points = [plot.at(j / (n - 1), 1 - h) for j, h in enumerate(heights)]
        colour = canvas.ink if same else colours[k]
        if k and rng.random() < (0.8 if same else 0.2):
            canvas.dashed(points, colour, width, canvas.letter * 0.35)
        else:
            canvas.path(points, colour, width)
        for point in points if marked else ():
            canvas.disc(point, canvas.letter * 0.3, colour)
    return f"a line chart with {counted(m, f'{name} curve' if m == 1 else 'curve', most=5)}"


def areas(canvas: Canvas, box: Box) -> str:
    """The ground under one or more courses filled."""
    rng, how = canvas.rng, look(canvas.rng)
    m, n = rng.choice((1, 1, 2, 2, 3, 4)), rng.choice((6, 10, 20, 60))
    plot = frame(canvas, box, how, [])
    courses = [np.array(_course(rng, n)) for _ in range(m)]
    stack = np.cumsum(courses, axis=0)
    stack = stack / stack.max() * rng.uniform(0.7, 0.97)
    for k in reversed(range(m)):
        points = [plot.at(j / (n - 1), 1 - h) for j, h in enumerate(stack[k])]
        canvas.draw.polygon([plot.at(0, 1), *points, plot.at(1, 1)], fill=how.colours[k])
    return f"an area chart with {counted(m, 'layer')}"


def points(canvas: Canvas, box: Box) -> str:
    """Points scattered over two axes, some with a line through them."""
    rng, how = canvas.rng, look(canvas.rng)
    plot = frame(canvas, box, how, [])
    groups = rng.choice((1, 1, 1, 2, 3))
    name = rng.choice((*BRIGHT, "black")) if max(canvas.ground) > 120 else rng.choice(BRIGHT)
    colours = [shade(rng, name)] if groups == 1 else list(how.colours)
    radius = canvas.letter * rng.uniform(0.13, 0.5)
    hollow, shape = rng.random() < 0.25, rng.choice(("disc", "disc", "square", "cross"))
    for k in range(groups):
        n = rng.randint(12, 150) // groups
        slope, centre = rng.uniform(-1, 1), rng.uniform(0.35, 0.65)
        wide, loose = rng.uniform(0.1, 0.35), rng.uniform(0.03, 0.25)
        for _ in range(n):
            x = rng.gauss(centre, wide) if groups > 1 else rng.random()
            y = 0.5 + slope * (x - 0.5) * 0.8 + rng.gauss(0, loose)
            if 0.01 < x < 0.99 and 0.01 < y < 0.99:
                _mark(canvas, plot.at(x, y), radius, colours[k], shape, hollow=hollow)
        if rng.random() < 0.2:
            canvas.path([plot.at(0.03, 0.5 + slope * 0.38), plot.at(0.97, 0.5 - slope * 0.38)])
    told = f"{name} points" if groups == 1 else f"points in {counted(groups, 'colour')}"
    return f"a scatter plot with {told}"


def _mark(
    canvas: Canvas, at: Point, radius: float, colour: Colour, shape: str, *, hollow: bool
) -> None:
    x, y = at
    fill, line = (None, colour) if hollow else (colour, None)
    if shape == "disc":
        canvas.disc(at, radius, fill, line)
    elif shape == "square":
        canvas.rect(Box(x - radius, y - radius, x + radius, y + radius), fill, line, 1)
    else:
        canvas.path([(x - radius, y - radius), (x + radius, y + radius)], colour)
        canvas.path([(x - radius, y + radius), (x + radius, y - radius)], colour)


def pie(canvas: Canvas, box: Box) -> str:
    """A disc or a ring in slices, with labels around or a key."""
    rng, how = canvas.rng, look(canvas.rng)
    n = rng.choice((2, 3, 3, 4, 4, 5, 5, 6, 7, 8))
    if how.titled:
        canvas.text((box.middle[0], box.y0 + 2), phrase(rng, 3), size=1.3, anchor="ma")
        box = box.inner(0, canvas.letter * 1.8, 0, 0)
    room = min(box.width, box.height) / 2 * rng.uniform(0.55, 0.95)
    keyed = rng.random() < 0.4 and box.width > room * 2.6
    cx, cy = (box.x0 + room * 1.1, box.middle[1]) if keyed else box.middle
    sizes = [rng.uniform(0.35, 1.6) for _ in range(n)]
    start = rng.choice((-90.0, 0.0, rng.uniform(0, 360)))
    colours = (how.colours * 2)[:n]
    if n > len(how.colours):
        colours = (*how.colours, *(mixed(c, (255, 255, 255), 0.5) for c in how.colours))[:n]
    edge = rng.choice((None, (255, 255, 255), canvas.ink))
    for k in range(n):
        sweep = sizes[k] / sum(sizes) * 360
        corners = (cx - room, cy - room, cx + room, cy + room)
        canvas.draw.pieslice(corners, start, start + sweep, colours[k], edge, canvas.line)
        turn = math.radians(start + sweep / 2)
        if not keyed or rng.random() < 0.3:
            far = room * (0.65 if keyed else 1.15)
            at = (cx + far * math.cos(turn), cy + far * math.sin(turn))
            text = f"{sweep / 3.6:.0f}%" if keyed or rng.random() < 0.3 else word(rng)
            canvas.text(at, text, anchor="mm", size=0.9)
        if keyed:
            y = cy + (k - n / 2) * canvas.letter * 1.6
            mark = Box(cx + room * 1.25, y, cx + room * 1.25 + canvas.letter, y + canvas.letter)
            canvas.rect(mark, colours[k])
            canvas.text((mark.x1 + 4, y), word(rng), size=0.9)
        start += sweep
    if rng.random() < 0.3:
        canvas.disc((cx, cy), room * rng.uniform(0.35, 0.65), canvas.ground)
    return f"a pie chart with {counted(n, 'slice', most=8)}"


def boxes(canvas: Canvas, box: Box) -> str:
    """Boxes with whiskers over two axes."""
    rng, how = canvas.rng, look(canvas.rng)
    n = rng.randint(2, 9)
    plot = frame(canvas, box, how, [word(rng) for _ in range(n)])
    full, filled = rng.uniform(0.3, 0.7), rng.random() < 0.6
    for k in range(n):
        low, first, middle, third, high = sorted(rng.uniform(0.04, 0.96) for _ in range(5))
        first, third = min(first, middle - 0.04), max(third, middle + 0.04)
        low, high = min(low, first), max(high, third)
        x0, x, x1 = (k + 0.5 - full / 2) / n, (k + 0.5) / n, (k + 0.5 + full / 2) / n
        canvas.path([plot.at(x, 1 - low), plot.at(x, 1 - high)])
        for cap in (low, high):
            canvas.path([plot.at((x0 + x) / 2, 1 - cap), plot.at((x + x1) / 2, 1 - cap)])
        fill = how.colours[k % len(how.colours)] if filled else canvas.ground
        canvas.rect(Box(*plot.at(x0, 1 - third), *plot.at(x1, 1 - first)), fill, canvas.ink)
        canvas.path([plot.at(x0, 1 - middle), plot.at(x1, 1 - middle)])
    return f"a box plot with {counted(n, 'box', 'boxes')}"


def heat(canvas: Canvas, box: Box) -> str:
    """A grid of cells whose colour is the value."""
    rng, how = canvas.rng, look(canvas.rng)
    rows, columns = rng.randint(3, 16), rng.randint(3, 16)
    plot = frame(canvas, box, how, [word(rng) for _ in range(columns)])
    low, high = rng.choice(
        (
            ((255, 255, 255), (8, 48, 107)),
            ((255, 245, 200), (180, 0, 38)),
            ((68, 1, 84), (253, 231, 37)),
            ((59, 76, 192), (180, 4, 38)),
            ((247, 252, 245), (0, 68, 27)),
            ((0, 0, 4), (252, 253, 191)),
        )
    )
    lettered, edge = rng.random() < 0.35, rng.choice((None, (255, 255, 255)))
    diagonal = rng.random() < 0.35
    for r in range(rows):
        for c in range(columns):
            near = 1 - abs(r / rows - c / columns) * 1.6
            share = min(1.0, max(0.0, near if diagonal else 0.5)) * 0.7 + rng.random() * 0.3
            share = share if diagonal else rng.random()
            cell = Box(*plot.at(c / columns, r / rows), *plot.at((c + 1) / columns, (r + 1) / rows))
            canvas.rect(cell, mixed(low, high, share), edge)
            if lettered:
                canvas.text(
                    cell.middle,
                    f"{share:.1f}",
                    size=0.6,
                    anchor="mm",
                    colour=mixed(high, low, round(share)),
                )
    return "a heat map"
