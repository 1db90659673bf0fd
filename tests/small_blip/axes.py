"""The axes of a chart: lettering, ticks, grid, title, key.

Leaves out the data: `charts`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.small_blip.ink import (
    PALETTES,
    Box,
    Canvas,
    Colour,
    mixed,
    phrase,
    word,
)

GREYS = (
    (40, 40, 40),
    (120, 120, 120),
    (180, 180, 180),
    (80, 80, 80),
    (150, 150, 150),
    (215, 215, 215),
)


@dataclass(frozen=True, slots=True)
class Look:
    """What the parts of one chart share."""

    colours: tuple[Colour, ...]
    grid: str
    spines: str
    ticks: int
    titled: bool
    is_lettered: bool


def look(rng: random.Random) -> Look:
    """How the charts of a picture look."""
    palette = GREYS if rng.random() < 0.15 else rng.choice(PALETTES)
    colours = list(palette)
    if rng.random() < 0.5:
        rng.shuffle(colours)
    return Look(
        colours=tuple(colours),
        grid=rng.choice(("", "", "rows", "rows", "both", "dashed")),
        spines=rng.choice(("all", "all", "corner", "corner", "foot", "none")),
        ticks=rng.randint(3, 8),
        titled=rng.random() < 0.55,
        is_lettered=rng.random() < 0.93,
    )


def frame(canvas: Canvas, box: Box, how: Look, labels: list[str], *, flat: bool = False) -> Box:
    """Axes with their lettering, title and key; what is left is returned for the data.

    labels: of the categories along the foot, or up the side if flat; none gives numbers.
    """
    rng, unit = canvas.rng, canvas.letter
    left = unit * rng.uniform(1.2, 4.5 if not (flat and labels) else 7.0)
    foot = unit * rng.uniform(1.4, 3.6)
    top = unit * (rng.uniform(1.6, 2.8) if how.titled else rng.uniform(0.3, 1.0))
    plot = box.inner(min(left, box.width * 0.3), top, unit * rng.uniform(0.3, 1.5), foot)
    if how.titled:
        where = rng.choice((0.0, 0.5, 0.5))
        anchor = "la" if where == 0 else "ma"
        title = phrase(rng, rng.randint(2, 5))
        canvas.text((box.x0 + where * box.width, box.y0 + 2), title, size=1.25, anchor=anchor)
    if how.is_lettered and rng.random() < 0.5:
        canvas.text((plot.middle[0], box.y1 - 1), phrase(rng, 2), anchor="md", size=0.9)
    if how.is_lettered and rng.random() < 0.4:
        canvas.upright((box.x0 + unit * 0.7, plot.middle[1]), phrase(rng, 2), 0.9)
    plot = _with_key(canvas, plot, how)
    _grid(canvas, plot, how, flat=flat)
    _spines(canvas, plot, how)
    if how.is_lettered:
        _tick_labels(canvas, plot, how, labels, flat=flat)
    return plot


def _with_key(canvas: Canvas, plot: Box, how: Look) -> Box:
    """A key of the colours beside or above the data in half of the charts."""
    rng, unit = canvas.rng, canvas.letter * 0.85
    if rng.random() < 0.55 or plot.width < unit * 14:
        return plot
    n = rng.randint(1, 5)
    if rng.random() < 0.5:
        room = min(plot.width * 0.25, unit * 7)
        x, y = plot.x1 - room + unit * 0.5, plot.y0 + rng.uniform(0.1, 0.5) * plot.height
        step, inner = (0.0, unit * 1.5), plot.inner(0, 0, room, 0)
    else:
        x, y = plot.x0 + unit, plot.y0
        step, inner = (plot.width / n * 0.9, 0.0), plot.inner(0, unit * 1.8, 0, 0)
    for k in range(n):
        at = (x + k * step[0], y + k * step[1])
        mark = Box(at[0], at[1] + unit * 0.2, at[0] + unit * 0.8, at[1] + unit * 0.9)
        canvas.rect(mark, how.colours[k % len(how.colours)])
        canvas.text((at[0] + unit * 1.1, at[1]), word(rng), size=0.85)
    return inner


def _grid(canvas: Canvas, plot: Box, how: Look, *, flat: bool) -> None:
    if not how.grid:
        return
    pale = mixed(canvas.ground, canvas.ink, 0.17)
    for k in range(how.ticks + 1):
        share = k / how.ticks
        across = [plot.at(0, share), plot.at(1, share)]
        along = [plot.at(share, 0), plot.at(share, 1)]
        for points in [across, along] if how.grid == "both" else [along if flat else across]:
            if how.grid == "dashed":
                canvas.dashed(points, pale, 1, canvas.letter * 0.4)
            else:
                canvas.path(points, pale, 1)


def _spines(canvas: Canvas, plot: Box, how: Look) -> None:
    if how.spines == "all":
        canvas.rect(plot, None, canvas.ink)
    elif how.spines == "corner":
        canvas.path([plot.at(0, 0), plot.at(0, 1), plot.at(1, 1)])
    elif how.spines == "foot":
        canvas.path([plot.at(0, 1), plot.at(1, 1)])


def _tick_labels(canvas: Canvas, plot: Box, how: Look, labels: list[str], *, flat: bool) -> None:
    rng, unit = canvas.rng, canvas.letter
    top = rng.choice((1, 1.0, 5, 10, 50, 200, 4000, 25000))
    numbers = [f"{top * k / how.ticks:g}" for k in range(how.ticks + 1)]
    slots = [(k + 0.5) / len(labels) for k in range(len(labels))] if labels else []
    even = [k / how.ticks for k in range(how.ticks + 1)]
    foot, side = (numbers, labels[::-1]) if flat else (labels, numbers)
    foot_at = even if flat or not labels else slots
    side_at = slots if flat and labels else even
    fits = all(len(t) * unit * 0.5 < plot.width / max(1, len(foot)) for t in foot)
    for share, text in zip(foot_at, foot or numbers, strict=False):
        at = plot.at(share, 1)
        if fits:
            canvas.text((at[0], at[1] + unit * 0.3), text, size=0.85, anchor="ma")
        elif rng.random() < 0.97:
            canvas.upright((at[0], at[1] + unit * 1.2), text[:6], 0.75)
    for share, text in zip(side_at, side or numbers, strict=False):
        at = plot.at(0, 1 - share)
        canvas.text((at[0] - unit * 0.3, at[1]), text, size=0.85, anchor="rm")
