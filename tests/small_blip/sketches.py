"""Drawings: sketches, geometry, clip art, engravings, and a few plain shapes to be counted.

Leaves out diagrams and maps.
"""

from __future__ import annotations

import math
import random

import numpy as np
from PIL import Image

from tests.small_blip.ink import (
    BRIGHT,
    PALETTES,
    Box,
    Canvas,
    Colour,
    Point,
    counted,
    mixed,
    shade,
    word,
)
from tests.small_blip.noise import noise, paint

SHAPES = ("circle", "square", "triangle")


def drawing(canvas: Canvas, box: Box) -> str:
    """A figure in lines, flat colours, or both."""
    rng = canvas.rng
    if rng.random() < 0.7 and (real := canvas.pictures.drawing(rng)):
        _placed(canvas, box, real)
        return "a drawing"
    make = rng.choice((_sketch, _sketch, _geometry, _clip_art, _clip_art, _engraving))
    make(canvas, box)
    if rng.random() < 0.2:
        for _ in range(rng.randint(1, 6)):
            canvas.text(box.at(rng.random() * 0.8, rng.random() * 0.9), word(rng))
    return "a drawing"


def _placed(canvas: Canvas, box: Box, real: Image.Image) -> None:
    """A drawing by somebody else, in the box, now and then stretched, grey, or with a word."""
    rng = canvas.rng
    is_scene = rng.random() < 0.25
    if is_scene or rng.random() < 0.3:
        pale = mixed(shade(rng, rng.choice(BRIGHT)), (255, 255, 255), rng.choice((0.2, 0.7, 0.9)))
        canvas.rect(box, pale)
    if is_scene:
        ground = box.at(0, rng.uniform(0.4, 0.8))
        canvas.rect(Box(box.x0, ground[1], box.x1, box.y1), shade(rng, rng.choice(BRIGHT)))
        for _ in range(rng.randint(1, 3)):
            _paste(canvas, box, canvas.pictures.drawing(rng) or real, rng.uniform(0.25, 0.6))
    _paste(canvas, box, real, rng.uniform(0.6, 1.0))
    if rng.random() < 0.2:
        size_here = min(5.0, box.width / canvas.letter / 7)
        canvas.text(
            box.at(0.5, 0.98), word(rng), size=size_here, anchor="mb", font="DejaVuSans-Bold"
        )


def _paste(canvas: Canvas, box: Box, real: Image.Image, share: float) -> None:
    """Lay the drawing into the box. share: of the box, as far as it goes."""
    rng = canvas.rng
    share *= min(box.width / real.width, box.height / real.height)
    size = (
        max(8, round(real.width * share * rng.uniform(0.85, 1.0))),
        max(8, round(real.height * share)),
    )
    made = real.resize(size, Image.Resampling.BILINEAR)
    if rng.random() < 0.25:
        made = Image.merge("LA", (made.convert("L"), made.getchannel("A"))).convert("RGBA")
    at = box.at(*((rng.random() if rng.random() < 0.4 else 0.5) for _ in range(2)))
    x = round(min(max(box.x0, at[0] - made.width / 2), box.x1 - made.width))
    y = round(min(max(box.y0, at[1] - made.height / 2), box.y1 - made.height))
    canvas.image.paste(made, (max(0, x), max(0, y)), made)


def _blob(rng: random.Random, at: Point, radius: float, rough: float) -> list[Point]:
    """A closed smooth outline around a point."""
    waves = [(rng.uniform(0, rough) / k, rng.uniform(0, 6.3)) for k in range(1, 6)]
    stretch, turn = rng.uniform(0.4, 1.6), rng.uniform(0, 6.3)
    made = []
    for k in range(48):
        t = 6.2832 * k / 48
        r = radius * (1 + sum(a * math.sin((j + 2) * t + p) for j, (a, p) in enumerate(waves)))
        x, y = r * math.cos(t) * stretch, r * math.sin(t)
        made.append(
            (
                at[0] + x * math.cos(turn) - y * math.sin(turn),
                at[1] + x * math.sin(turn) + y * math.cos(turn),
            )
        )
    return made


def _sketch(canvas: Canvas, box: Box) -> None:
    """Outlines and strokes of a pen."""
    rng, side = canvas.rng, min(box.width, box.height)
    width = max(1, round(side * rng.uniform(0.003, 0.015)))
    for _ in range(rng.randint(3, 16)):
        at = box.at(rng.gauss(0.5, 0.17), rng.gauss(0.5, 0.17))
        outline = _blob(rng, at, side * rng.uniform(0.04, 0.3), 0.35)
        part = outline + outline[:1] if rng.random() < 0.5 else outline[: rng.randint(8, 40)]
        canvas.path(part, width=width)
    for _ in range(rng.randint(0, 12)):
        a = box.at(rng.gauss(0.5, 0.2), rng.gauss(0.5, 0.2))
        b = (a[0] + rng.gauss(0, side * 0.15), a[1] + rng.gauss(0, side * 0.15))
        canvas.path([a, b], width=width)


def _geometry(canvas: Canvas, box: Box) -> None:
    """Triangles, circles and angles with letters at their corners."""
    rng, side = canvas.rng, min(box.width, box.height)
    for _ in range(rng.randint(1, 4)):
        at, radius = (
            box.at(rng.uniform(0.25, 0.75), rng.uniform(0.3, 0.7)),
            side * rng.uniform(0.1, 0.4),
        )
        n, turn = rng.choice((3, 3, 4, 5, 6)), rng.uniform(0, 6.3)
        corners = [
            (
                at[0] + radius * math.cos(turn + 6.2832 * k / n),
                at[1] + radius * math.sin(turn + 6.2832 * k / n),
            )
            for k in range(n)
        ]
        if rng.random() < 0.25:
            canvas.disc(at, radius, None, canvas.ink)
        else:
            canvas.path([*corners, corners[0]])
        for k, corner in enumerate(corners):
            if rng.random() < 0.6:
                canvas.text(corner, "ABCDEFG"[k], size=1.2)
            if rng.random() < 0.2:
                canvas.dashed([corner, at], canvas.ink, canvas.line, 4)


def _clip_art(canvas: Canvas, box: Box) -> None:
    """Flat patches with or without an outline, as icons, logos and cartoons are made."""
    rng, side, palette = canvas.rng, min(box.width, box.height), canvas.rng.choice(PALETTES)
    if rng.random() < 0.35:
        canvas.rect(box, mixed(rng.choice(palette), (255, 255, 255), rng.choice((0.0, 0.5, 0.8))))
    edge = rng.random() < 0.5
    colours = rng.sample(palette, rng.randint(1, 5))
    simple = rng.random() < 0.4
    for k in range(rng.randint(1, 4) if simple else rng.randint(4, 14)):
        at = box.at(
            rng.gauss(0.5, 0.05 + 0.12 * (not simple)), rng.gauss(0.45, 0.05 + 0.12 * (not simple))
        )
        radius = side * (rng.uniform(0.2, 0.42) if simple and k == 0 else rng.uniform(0.03, 0.25))
        outline = _blob(rng, at, radius, 0.0 if rng.random() < 0.4 else 0.4)
        if rng.random() < 0.3:
            outline = outline[:: rng.choice((6, 8, 12, 16))]
        canvas.draw.polygon(outline, fill=rng.choice(colours))
        if edge:
            canvas.path(outline + outline[:1], width=max(1, round(side * 0.008)))
    if rng.random() < 0.35:
        size = min(6.0, box.width / canvas.letter / 6)
        canvas.text(
            box.at(0.5, 0.95),
            word(rng),
            size=size,
            anchor="mb",
            colour=rng.choice(colours),
            font="DejaVuSans-Bold",
        )


def _engraving(canvas: Canvas, box: Box) -> None:
    """Forms made of many fine strokes."""
    rng, array = canvas.rng, np.random.default_rng(canvas.rng.getrandbits(32))
    height, width = canvas.height, canvas.width
    tone = noise(array, height, width, 0.5)[..., 0]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    tone = np.clip(tone * 1.3 - 0.1 + (x**2 + y**2) * rng.uniform(0.0, 0.8), 0, 1)
    turn, pitch = rng.uniform(0, 3.1), rng.uniform(3, 7)
    bend = noise(array, height, width, 0.4)[..., 0] * rng.uniform(0, 40)
    waves = 0.5 + 0.5 * np.sin(
        (x * width / 2 * math.cos(turn) + y * height / 2 * math.sin(turn) + bend) * 6.28 / pitch
    )
    ink = (waves > tone * 1.15)[..., None]
    paper = np.array(canvas.ground, np.uint8)
    paint(canvas, np.where(ink, np.array(canvas.ink, np.uint8), paper).astype(np.uint8))
    for _ in range(rng.randint(2, 8)):
        outline = _blob(
            rng,
            box.at(rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8)),
            min(width, height) * rng.uniform(0.05, 0.3),
            0.4,
        )
        canvas.path(outline, width=max(1, canvas.line))


def shapes(canvas: Canvas, box: Box) -> str:
    """Circles, squares or triangles, two forms at most, to be counted."""
    rng, side = canvas.rng, min(box.width, box.height)
    canvas.rect(
        box, rng.choice(((255, 255, 255), (255, 255, 255), (245, 240, 225), (230, 230, 230)))
    )
    n_kinds = rng.choice((1, 2, 2))
    forms = sorted(rng.sample(SHAPES, n_kinds), key=SHAPES.index)
    kinds = list(zip(forms, rng.sample((*BRIGHT, "yellow", "black"), n_kinds), strict=True))
    counts = rng.sample(range(1, 6), n_kinds)
    taken: list[tuple[Point, float]] = []
    for (form, name), n in zip(kinds, counts, strict=True):
        colour = shade(rng, name)
        for _ in range(n):
            at, radius = _free_place(rng, box, side, taken)
            taken.append((at, radius))
            _shape(canvas, form, at, radius, colour)
    told = [counted(n, f"{name} {form}") for (form, name), n in zip(kinds, counts, strict=True)]
    return " and ".join(told)


def _free_place(
    rng: random.Random, box: Box, side: float, taken: list[tuple[Point, float]]
) -> tuple[Point, float]:
    """A place where nothing stands, and how large a shape may be there."""
    radius = side * rng.uniform(0.07, 0.14)
    for _ in range(300):
        at = (
            rng.uniform(box.x0 + radius, box.x1 - radius),
            rng.uniform(box.y0 + radius, box.y1 - radius),
        )
        if all(math.dist(at, other) > (radius + r) * 1.15 for other, r in taken):
            return at, radius
        radius *= 0.995
    return at, radius


def _shape(canvas: Canvas, form: str, at: Point, radius: float, colour: Colour) -> None:
    x, y = at
    if form == "circle":
        canvas.disc(at, radius, colour)
    elif form == "square":
        canvas.rect(
            Box(x - radius * 0.9, y - radius * 0.9, x + radius * 0.9, y + radius * 0.9), colour
        )
    else:
        canvas.draw.polygon(
            [(x, y - radius), (x + radius, y + radius * 0.8), (x - radius, y + radius * 0.8)],
            fill=colour,
        )
