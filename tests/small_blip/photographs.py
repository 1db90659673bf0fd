"""What is continuous in tone: landscapes, leaves, clouds, lit things, land from above.

Made of noise at several scales, overlapping leaves and light; where there are real photographs,
pieces of them come in too. The leaves are those of Baradad et al., "Learning to See by Looking at
Noise", 2021, https://arxiv.org/abs/2106.05963. Leaves out maps and drawings.
"""

from __future__ import annotations

import math
import random

import cv2
import numpy as np
from PIL import Image

from tests.small_blip.ink import (
    Box,
    Canvas,
    word,
)
from tests.small_blip.noise import Field, noise


def photograph(canvas: Canvas, box: Box) -> str:
    """Something continuous in tone, from edge to edge."""
    rng, array = canvas.rng, np.random.default_rng(canvas.rng.getrandbits(32))
    height, width = canvas.height, canvas.width
    real = _real(canvas, height, width)
    if real is None:
        make = rng.choice((_landscape, _leaves, _leaves, _leaves, _cloudy, _thing, _aerial))
        made = make(rng, array, height, width)
        made = _lit(rng, array, made)
    else:
        made = real
    is_grey = rng.random() < 0.12
    if is_grey:
        made = made.mean(axis=2, keepdims=True).repeat(3, axis=2)
    canvas.image.paste(Image.fromarray((np.clip(made, 0, 1) * 255).astype(np.uint8)))
    if rng.random() < 0.08:
        colour = rng.choice(((255, 255, 255), (255, 255, 255), (250, 220, 60)))
        size = min(5.0, box.width / canvas.letter / 7)
        canvas.text(
            box.at(0.5, rng.uniform(0.15, 0.9)), word(rng), size=size, anchor="mm", colour=colour
        )
    return "a black and white photograph" if is_grey else "a photograph"


def patch(canvas: Canvas, box: Box) -> None:
    """A photograph within something else, as web pages have them."""
    height, width = max(8, round(box.height)), max(8, round(box.width))
    made = _real(canvas, height, width)
    if made is None:
        array = np.random.default_rng(canvas.rng.getrandbits(32))
        made = _landscape(canvas.rng, array, height, width)
    pixels = (np.clip(made, 0, 1) * 255).astype(np.uint8)
    canvas.image.paste(Image.fromarray(pixels), (round(box.x0), round(box.y0)))


def _real(canvas: Canvas, height: int, width: int) -> Field | None:
    """A piece of a real photograph, in most cases where there are any."""
    rng = canvas.rng
    if rng.random() < 0.4 or (picture := canvas.pictures.photograph(rng)) is None:
        return None
    share = rng.uniform(0.3, 1.0)
    high = min(picture.height * share, picture.width * share * height / width)
    wide = high * width / height
    x, y = rng.uniform(0, picture.width - wide), rng.uniform(0, picture.height - high)
    piece = picture.resize((width, height), Image.Resampling.BILINEAR, (x, y, x + wide, y + high))
    made = np.asarray(piece, np.float32) / 255
    gain = np.array([rng.uniform(0.7, 1.3) for _ in range(3)], np.float32)
    order = rng.sample(range(3), 3) if rng.random() < 0.4 else [0, 1, 2]
    return np.clip(made[..., order] * gain + rng.uniform(-0.1, 0.1), 0, 1)


def _tone(rng: random.Random) -> Field:
    """A colour as things have: rarely pure."""
    base, grey = np.array([rng.random() for _ in range(3)]), rng.random()
    return (base * 0.45 + grey * 0.55).astype(np.float32)


def _landscape(rng: random.Random, array: np.random.Generator, height: int, width: int) -> Field:
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    sky = np.array([0.55, 0.7, 0.9], np.float32) * rng.uniform(0.5, 1.1) + y * rng.uniform(0, 0.4)
    made = np.broadcast_to(sky, (height, width, 3)) + (
        noise(array, height, width, 0.55) - 0.5
    ) * rng.uniform(0, 0.6)
    for k in range(rng.randint(1, 4)):
        rough = noise(array, 1, width, rng.uniform(0.35, 0.7))[0, :, 0]
        edge = (0.25 + 0.18 * k + rng.uniform(0, 0.2)) + (rough - 0.5) * rng.uniform(0.05, 0.5)
        mask = (y[:, :, 0] > edge[None, :])[..., None]
        grain = noise(array, height, width, rng.uniform(0.6, 0.95))
        made = np.where(mask, _tone(rng) * (0.5 + grain * rng.uniform(0.4, 1.0)), made)
    return made.astype(np.float32)


def _leaves(rng: random.Random, array: np.random.Generator, height: int, width: int) -> Field:
    """Overlapping things of all sizes, each with its texture and shading."""
    made = np.broadcast_to(_tone(rng), (height, width, 3)) * (
        0.6 + 0.6 * noise(array, height, width, 0.6)
    )
    made = np.ascontiguousarray(made, np.float32)
    side, family = max(height, width), _tone(rng)
    textures = [noise(array, height, width, rng.uniform(0.5, 0.95)) for _ in range(3)]
    for k in range(rng.randint(6, 40)):
        radius = (
            side
            * min(0.6, 0.03 / max(0.03, rng.random()) ** 1.2 * rng.uniform(0.6, 2.5))
            / (1 + k * 0.02)
        )
        mask = np.zeros((height, width), np.uint8)
        centre = (rng.randint(0, width), rng.randint(0, height))
        if rng.random() < 0.55:
            axes = (max(2, int(radius)), max(2, int(radius * rng.uniform(0.3, 1))))
            cv2.ellipse(mask, centre, axes, rng.uniform(0, 180), 0, 360, 255, -1)
        else:
            n, turn = rng.randint(3, 7), rng.uniform(0, 6.3)
            corners = [
                (
                    centre[0] + radius * rng.uniform(0.5, 1) * math.cos(turn + 6.28 * j / n),
                    centre[1] + radius * rng.uniform(0.5, 1) * math.sin(turn + 6.28 * j / n),
                )
                for j in range(n)
            ]
            cv2.fillPoly(mask, [np.array(corners, np.int32)], 255)
        soft = (
            cv2.GaussianBlur(mask, (0, 0), rng.choice((0.6, 1.0, 2.5, 6.0))).astype(np.float32)[
                ..., None
            ]
            / 255
        )
        _, _, w, h = cv2.boundingRect(mask)
        if w < 2 or h < 2:
            continue
        slope = np.linspace(rng.uniform(0.4, 1), rng.uniform(0.6, 1.3), width, dtype=np.float32)[
            None, :, None
        ]
        tone = (_tone(rng) * 0.6 + family * 0.4) * slope
        if rng.random() < 0.5:
            tone = tone * (0.6 + 0.8 * rng.choice(textures))
        made = made * (1 - soft) + tone * soft
    return made


def _cloudy(rng: random.Random, array: np.random.Generator, height: int, width: int) -> Field:
    made = noise(array, height, width, rng.uniform(0.45, 0.9), 3)
    grey = noise(array, height, width, rng.uniform(0.45, 0.8))
    return (
        _tone(rng) * 0.5
        + grey * rng.uniform(0.3, 0.9) * _tone(rng)
        + (made - 0.5) * rng.uniform(0.05, 0.5)
    )


def _thing(rng: random.Random, array: np.random.Generator, height: int, width: int) -> Field:
    """A few rounded, lit things on a plain or dark ground: a studio, the sky at night."""
    dark = rng.random() < 0.4
    base = np.array([0.02, 0.02, 0.04], np.float32) if dark else _tone(rng) * 0.4 + 0.55
    made = np.broadcast_to(base, (height, width, 3)) + (noise(array, height, width, 0.4) - 0.5) * (
        0.03 if dark else 0.2
    )
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    for _ in range(rng.randint(1, 4)):
        radius = min(height, width) * rng.uniform(0.12, 0.5)
        cx, cy = rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height
        stretch, turn = rng.uniform(0.5, 2), rng.uniform(0, 3.14)
        u = ((x - cx) * math.cos(turn) + (y - cy) * math.sin(turn)) / radius
        v = (-(x - cx) * math.sin(turn) + (y - cy) * math.cos(turn)) / radius * stretch
        inside = u * u + v * v
        light = np.sqrt(np.clip(1 - inside, 0, 1)) * 0.6 + (u * rng.uniform(-0.5, 0.5) + 0.4)
        skin = _tone(rng) * (0.55 + 0.7 * noise(array, height, width, rng.uniform(0.4, 0.8)))
        mask = cv2.GaussianBlur((inside < 1).astype(np.float32), (0, 0), 1.2)[..., None]
        made = made * (1 - mask) + skin * light[..., None] * mask
    return made.astype(np.float32)


def _aerial(rng: random.Random, array: np.random.Generator, height: int, width: int) -> Field:
    """Land, water and clouds from above."""
    ground = noise(array, height, width, rng.uniform(0.55, 0.8))
    water = np.array([0.05, 0.12, 0.25], np.float32) * rng.uniform(0.5, 2.5)
    land = _tone(rng) * np.array([0.9, 0.9, 0.6], np.float32)
    grain = noise(array, height, width, 0.85)
    made = np.where(
        ground > rng.uniform(0.3, 0.6), land * (0.45 + grain), water * (0.8 + 0.4 * grain)
    )
    clouds = np.clip(noise(array, height, width, 0.65) * 3 - rng.uniform(1.5, 3), 0, 1)
    return (made * (1 - clouds) + clouds * 0.95).astype(np.float32)


def _lit(rng: random.Random, array: np.random.Generator, made: Field) -> Field:
    """Light that falls off, a little blur, the grain of a sensor."""
    height, width = made.shape[:2]
    if rng.random() < 0.5:
        made = cv2.GaussianBlur(made, (0, 0), rng.uniform(0.5, 2.0))
    light = noise(array, height, width, 0.3)
    made = made * (1 - rng.uniform(0, 0.6) * light) * rng.uniform(0.8, 1.35)
    grain = array.standard_normal((height, width, 1)).astype(np.float32) * rng.choice(
        (0.0, 0.01, 0.03, 0.06)
    )
    return np.clip(made + grain, 0, 1) ** rng.uniform(0.7, 1.4)
