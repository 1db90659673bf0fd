"""Maps: coasts, regions, streets, heights.

Leaves out photographs of land from above.
"""

from __future__ import annotations

import math
import random

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.small_blip.ink import (
    BRIGHT,
    PALETTES,
    Box,
    Canvas,
    Colour,
    Point,
    mixed,
    phrase,
    shade,
    word,
)
from tests.small_blip.noise import noise, paint

WATER: tuple[Colour, ...] = (
    (170, 211, 223),
    (160, 195, 235),
    (90, 140, 190),
    (200, 225, 245),
    (255, 255, 255),
    (20, 60, 110),
)
LAND: tuple[Colour, ...] = (
    (242, 239, 233),
    (245, 240, 210),
    (225, 235, 205),
    (255, 255, 255),
    (220, 220, 220),
    (180, 205, 150),
)


def map_(canvas: Canvas, box: Box) -> str:
    """Land and water, regions, roads or heights, with names."""
    rng, array = canvas.rng, np.random.default_rng(canvas.rng.getrandbits(32))
    make = rng.choice((_coasts, _coasts, _lands, _regions, _regions, _regions, _streets, _heights))
    told = make(canvas, array)
    if rng.random() < (0.2 if make is _lands else 0.7):
        for _ in range(rng.randint(3, 25)):
            at = box.at(rng.random(), rng.random())
            canvas.text(
                at, phrase(rng, rng.choice((1, 1, 2))), size=rng.uniform(0.6, 1.2), anchor="lm"
            )
            if rng.random() < 0.5:
                canvas.disc((at[0] - 4, at[1]), max(1.5, canvas.letter * 0.2), canvas.ink)
    if rng.random() < 0.4:
        _legend(canvas, box)
    if rng.random() < 0.3:
        canvas.rect(box, None, canvas.ink, max(1, canvas.line))
    return told


def _legend(canvas: Canvas, box: Box) -> None:
    rng, unit = canvas.rng, canvas.letter
    n, palette = rng.randint(2, 6), rng.choice(PALETTES)
    x, y = (
        rng.choice((box.x0 + unit, box.x1 - unit * 9)),
        rng.choice((box.y0 + unit, box.y1 - unit * (1.6 * n + 1))),
    )
    canvas.rect(Box(x, y, x + unit * 8, y + unit * (1.5 * n + 0.5)), (255, 255, 255), canvas.ink, 1)
    for k in range(n):
        top = y + unit * (0.4 + 1.5 * k)
        canvas.rect(Box(x + unit * 0.5, top, x + unit * 1.6, top + unit), palette[k])
        canvas.text((x + unit * 2.1, top), word(rng)[:9], size=0.8)


def _outlines(made: NDArray[np.uint8], mask: NDArray[np.bool_], ink: Colour, width: int) -> None:
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(made, found, -1, ink, width, cv2.LINE_AA)


def _coasts(canvas: Canvas, array: np.random.Generator) -> str:
    rng, height, width = canvas.rng, canvas.height, canvas.width
    ground = noise(array, height, width, rng.uniform(0.45, 0.7))[..., 0]
    land = ground > np.quantile(ground, rng.uniform(0.25, 0.75))
    water, soil = rng.choice(WATER), rng.choice(LAND)
    made = np.where(land[..., None], np.array(soil, np.uint8), np.array(water, np.uint8)).astype(
        np.uint8
    )
    _outlines(made, land, rng.choice((canvas.ink, mixed(soil, canvas.ink, 0.5))), 1)
    if rng.random() < 0.6:
        owner = _owners(rng, array, height, width, rng.randint(3, 14))
        borders = (
            np.abs(np.diff(owner, axis=0, prepend=owner[:1]))
            + np.abs(np.diff(owner, axis=1, prepend=owner[:, :1]))
        ) > 0
        made[borders & land] = mixed(soil, canvas.ink, 0.6)
    paint(canvas, made)
    _grid_of_degrees(canvas)
    return "a map with blue water" if water[2] - water[0] >= 40 else "a map"


def _lands(canvas: Canvas, array: np.random.Generator) -> str:
    """Lands in one flat colour on the paper, with a few marks."""
    rng, height, width = canvas.rng, canvas.height, canvas.width
    ground = noise(array, height, width, rng.uniform(0.5, 0.7))[..., 0]
    land = ground > np.quantile(ground, rng.uniform(0.5, 0.8))
    soil = rng.choice(
        ((210, 210, 210), (180, 180, 180), (120, 120, 120), shade(rng, rng.choice(BRIGHT)))
    )
    made = np.where(land[..., None], np.array(soil, np.uint8), np.array(canvas.ground, np.uint8))
    if rng.random() < 0.4:
        owner = _owners(rng, array, height, width, rng.randint(8, 40))
        edge = np.diff(owner, axis=0, prepend=owner[:1]) | np.diff(
            owner, axis=1, prepend=owner[:, :1]
        )
        made[(edge != 0) & land] = canvas.ground
    paint(canvas, made.astype(np.uint8))
    for _ in range(rng.randint(0, 5)):
        canvas.disc(
            canvas.box.at(rng.random(), rng.random()), canvas.letter * 0.4, shade(rng, "red")
        )
    return "a map"


def _grid_of_degrees(canvas: Canvas) -> None:
    rng = canvas.rng
    if rng.random() < 0.3:
        for k in range(1, n := rng.randint(3, 7)):
            canvas.path([canvas.box.at(k / n, 0), canvas.box.at(k / n, 1)], width=1)
            canvas.path([canvas.box.at(0, k / n), canvas.box.at(1, k / n)], width=1)


def _owners(
    rng: random.Random, array: np.random.Generator, height: int, width: int, n: int
) -> NDArray[np.int64]:
    """The region that each dot belongs to: the nearest of n seeds, by a crooked measure."""
    crooked = rng.uniform(0.0, 0.4) * max(height, width)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    bend = noise(array, height, width, 0.55, 2) - 0.5
    y, x = y + bend[..., 0] * crooked, x + bend[..., 1] * crooked
    seeds = array.uniform(0, 1, (n, 2)) * (height, width)
    far = np.stack([(y - sy) ** 2 + (x - sx) ** 2 for sy, sx in seeds])
    return far.argmin(axis=0)


def _regions(canvas: Canvas, array: np.random.Generator) -> str:
    """Regions with borders, filled by value or bare, inside an outline or to the edge."""
    rng, height, width = canvas.rng, canvas.height, canvas.width
    n = rng.randint(5, 40)
    owner = _owners(rng, array, height, width, n)
    whole = rng.random() < 0.3
    shape = noise(array, height, width, 0.5)[..., 0]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    inside = (
        np.ones_like(shape, bool)
        if whole
        else shape * 1.2 + 0.35 - (x**2 + y**2) * 0.9 > rng.uniform(0.2, 0.45)
    )
    filled = rng.random() < 0.7
    if filled:
        low = (255, 255, 255)
        high = shade(rng, rng.choice(BRIGHT))
        fills = (
            [mixed(low, high, rng.random()) for _ in range(n)]
            if rng.random() < 0.6
            else [rng.choice(rng.choice(PALETTES)) for _ in range(n)]
        )
    else:
        fills = [rng.choice(LAND)] * n
    ground = rng.choice((canvas.ground, canvas.ground, rng.choice(WATER)))
    made = np.array(fills, np.uint8)[owner]
    edge = np.zeros((height, width), bool)
    edge[1:] |= owner[1:] != owner[:-1]
    edge[:, 1:] |= owner[:, 1:] != owner[:, :-1]
    if canvas.line > 1:
        edge = cv2.dilate(edge.astype(np.uint8), np.ones((2, 2), np.uint8)).astype(bool)
    made[edge] = rng.choice(((255, 255, 255), canvas.ink, (120, 120, 120)))
    made[~inside] = ground
    _outlines(made, inside, canvas.ink, 1)
    paint(canvas, made)
    return "a map with coloured regions" if filled else "a map"


def _streets(canvas: Canvas, array: np.random.Generator) -> str:
    """Blocks, roads, parks and a river, as a town's map shows them."""
    rng, box, unit = canvas.rng, canvas.box, canvas.letter
    canvas.rect(box, rng.choice(LAND))
    for _ in range(rng.randint(0, 4)):
        at = box.at(rng.random(), rng.random())
        canvas.rect(
            Box(at[0], at[1], at[0] + unit * rng.uniform(3, 12), at[1] + unit * rng.uniform(3, 9)),
            (200, 230, 190),
        )
    if rng.random() < 0.6:
        canvas.path(_wander(rng, box), rng.choice(WATER[:4]), round(unit * rng.uniform(0.6, 3)))
    turn, road = (
        rng.uniform(0, 1.5),
        rng.choice(((255, 255, 255), (255, 255, 255), (150, 150, 150))),
    )
    reach, step = canvas.width + canvas.height, unit * rng.uniform(1.5, 5)
    for way in (turn, turn + math.pi / 2):
        offset = -reach
        while offset < reach:
            offset += step * rng.uniform(0.7, 1.8)
            cx, cy = box.middle[0] - math.sin(way) * offset, box.middle[1] + math.cos(way) * offset
            ends = [
                (cx + s * reach * math.cos(way), cy + s * reach * math.sin(way)) for s in (-1, 1)
            ]
            canvas.path(ends, road, max(1, round(unit * rng.choice((0.15, 0.25, 0.5)))))
    for _ in range(rng.randint(1, 4)):
        canvas.path(
            _wander(rng, box),
            rng.choice(((250, 200, 90), (230, 120, 110), (255, 235, 150), (90, 90, 90))),
            max(2, round(unit * rng.uniform(0.3, 0.7))),
        )
    if rng.random() < 0.4:
        for _ in range(rng.randint(1, 8)):
            x, y = box.at(rng.random(), rng.random())
            canvas.disc((x, y), unit * 0.6, shade(rng, "red"), (255, 255, 255))
    return "a map with roads"


def _wander(rng: random.Random, box: Box) -> list[Point]:
    """A crooked way across the box."""
    turn = rng.random() < 0.5
    y, made = rng.random(), []
    for k in range(14):
        y += rng.gauss(0, 0.05)
        made.append(box.at(y, k / 13) if turn else box.at(k / 13, y))
    return made


def _heights(canvas: Canvas, array: np.random.Generator) -> str:
    """Contour lines or shaded relief."""
    rng, height, width = canvas.rng, canvas.height, canvas.width
    ground = noise(array, height, width, rng.uniform(0.4, 0.5))[..., 0]
    if rng.random() < 0.5:
        made = np.full((height, width, 3), rng.choice(LAND), np.uint8)
        brown = rng.choice(((150, 100, 60), (90, 90, 90), canvas.ink))
        for level in np.linspace(0.1, 0.9, rng.randint(6, 16)):
            _outlines(made, ground > level, brown, 1)
        paint(canvas, made)
        return "a map with contour lines"
    steps = np.array(
        ((60, 120, 60), (140, 180, 90), (220, 210, 140), (170, 120, 80), (240, 240, 240)),
        np.float32,
    )
    at = ground * 3.99
    low = at.astype(int)
    colour = steps[low] + (steps[np.minimum(low + 1, 4)] - steps[low]) * (at - low)[..., None]
    light = 1 + (np.gradient(ground)[0] + np.gradient(ground)[1]) * width * 0.12
    made = np.clip(colour * light[..., None], 0, 255).astype(np.uint8)
    made[ground < rng.uniform(0, 0.4)] = rng.choice(WATER[:4])
    paint(canvas, made)
    return "a map"
