"""What all drawings are made with: a canvas, colours by name, lettering, words.

Leaves out what is drawn. Everything comes from the generator that is passed in, so that a
seed gives the same drawing again.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFont

from tests.small_blip.pictures import NONE, Pictures

Colour = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)
BARS: tuple[Colour, ...] = (
    (240, 240, 240),
    (222, 225, 230),
    (0, 120, 215),
    (60, 60, 60),
    (36, 41, 46),
    (43, 87, 154),
    (255, 255, 255),
    (33, 115, 70),
)
"""Behind the heads of tables and the titles of windows."""
Point = tuple[float, float]

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
COLOURS: dict[str, tuple[Colour, ...]] = {
    "red": ((214, 39, 40), (200, 16, 30), (230, 70, 60), (178, 24, 43)),
    "blue": ((31, 119, 180), (68, 114, 196), (0, 70, 200), (40, 60, 140), (80, 150, 230)),
    "green": ((44, 160, 44), (112, 173, 71), (0, 128, 60), (40, 110, 40), (100, 200, 120)),
    "orange": ((255, 127, 14), (237, 125, 49), (250, 150, 40)),
    "purple": ((148, 103, 189), (112, 48, 160), (140, 60, 190)),
    "yellow": ((255, 217, 47), (255, 192, 0), (240, 220, 60)),
    "grey": ((127, 127, 127), (165, 165, 165), (100, 100, 105)),
    "black": ((0, 0, 0), (25, 25, 25)),
}
BRIGHT = ("red", "blue", "green", "orange", "purple")
PALETTES: tuple[tuple[Colour, ...], ...] = (
    ((31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189), (140, 86, 75)),
    (
        (68, 114, 196),
        (237, 125, 49),
        (165, 165, 165),
        (255, 192, 0),
        (91, 155, 213),
        (112, 173, 71),
    ),
    ((228, 26, 28), (55, 126, 184), (77, 175, 74), (152, 78, 163), (255, 127, 0), (255, 220, 51)),
    (
        (102, 194, 165),
        (252, 141, 98),
        (141, 160, 203),
        (231, 138, 195),
        (166, 216, 84),
        (255, 217, 47),
    ),
    (
        (8, 48, 107),
        (33, 113, 181),
        (107, 174, 214),
        (158, 202, 225),
        (198, 219, 239),
        (80, 90, 110),
    ),
    ((0, 63, 92), (122, 81, 149), (239, 86, 117), (255, 166, 0), (88, 80, 141), (255, 99, 97)),
    ((51, 102, 204), (220, 57, 18), (255, 153, 0), (16, 150, 24), (153, 0, 153), (0, 153, 198)),
    ((20, 20, 20), (90, 90, 90), (140, 140, 140), (190, 190, 190), (60, 60, 60), (225, 225, 225)),
)
FONTS = ("DejaVuSans", "DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "STIXGeneral", "cmr10")
MONO_FONTS = ("DejaVuSansMono", "DejaVuSansMono-Bold")
SYLLABLES = [
    "an",
    "ba",
    "be",
    "ca",
    "co",
    "da",
    "de",
    "di",
    "do",
    "en",
    "er",
    "fa",
    "fi",
    "for",
    "ga",
    "ge",
    "gra",
    "ha",
    "in",
    "is",
    "ka",
    "la",
    "le",
    "li",
    "lo",
    "ma",
    "me",
    "mi",
    "mo",
    "na",
    "ne",
    "no",
    "nu",
    "on",
    "or",
    "pa",
    "per",
    "pi",
    "po",
    "pro",
    "qua",
    "ra",
    "re",
    "ri",
    "ro",
    "sa",
    "se",
    "si",
    "so",
    "sta",
    "ta",
    "te",
    "ti",
    "to",
    "tra",
    "tu",
    "un",
    "va",
    "ve",
    "vi",
    "wa",
]


@lru_cache(maxsize=256)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(get_data_path(), "fonts", "ttf", f"{name}.ttf"), size)


def counted(n: int, one: str, many: str | None = None, *, most: int = 10) -> str:
    """ "four boxes"; "many boxes" where they are more than can be told at a glance."""
    if n == 1:
        return f"one {one}"
    return f"{NUMBERS[n] if n <= most else 'many'} {many or one + 's'}"


def shade(rng: random.Random, name: str) -> Colour:
    """One of the shades that bear the name, a little off."""
    base = rng.choice(COLOURS[name])
    off = 4 if name in {"black", "grey"} else 14
    move = rng.randint(-off, off)
    r, g, b = (min(255, max(0, value + move + rng.randint(-3, 3))) for value in base)
    return r, g, b


def mixed(a: Colour, b: Colour, share: float) -> Colour:
    """share: how much of b."""
    r, g, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return r, g, blue


def word(rng: random.Random) -> str:
    """Something that looks like a word."""
    made = "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(1, 4)))
    return made.capitalize() if rng.random() < 0.3 else made


def phrase(rng: random.Random, n: int) -> str:
    """n words, the first one with a capital."""
    made = " ".join(word(rng) for _ in range(max(1, n)))
    return made[0].upper() + made[1:]


def figure(rng: random.Random) -> str:
    """A number as cells and axes hold it."""
    return rng.choice(
        (
            f"{rng.randint(0, 99)}",
            f"{rng.randint(100, 9999):,}",
            f"{rng.random() * 100:.1f}",
            f"{rng.random():.2f}",
            f"{rng.randint(1, 100)}%",
            f"${rng.randint(1, 900)}",
        )
    )


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the canvas, in pixels."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def middle(self) -> Point:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def at(self, x: float, y: float) -> Point:
        """The point at those shares of width and height, from the top left."""
        return self.x0 + x * self.width, self.y0 + y * self.height

    def inner(self, left: float, top: float, right: float, bottom: float) -> Box:
        """The box less those margins."""
        return Box(self.x0 + left, self.y0 + top, self.x1 - right, self.y1 - bottom)


class Canvas:
    """A picture being drawn, with its ground, its ink and its lettering."""

    def __init__(
        self,
        rng: random.Random,
        aspect: tuple[float, float] = (0.6, 2.2),
        ground: Colour = (255, 255, 255),
        ink: Colour | None = None,
        long_side: tuple[int, int] = (260, 560),
        pictures: Pictures = NONE,
    ) -> None:
        """aspect: the least and the most of width by height."""
        self.rng = rng
        self.pictures = pictures
        ratio = np.exp(rng.uniform(np.log(aspect[0]), np.log(aspect[1])))
        side = rng.randint(*long_side)
        self.width = round(side if ratio > 1 else side * ratio)
        self.height = round(side / ratio if ratio > 1 else side)
        self.ground = ground
        self.ink = ink or shade(rng, rng.choice(("black", "black", "grey")))
        self.font = rng.choice(FONTS)
        self.letter = max(6, round(side * rng.uniform(0.018, 0.042)))
        """Pixels: the height of the common lettering."""
        self.line = max(1, round(side * rng.uniform(0.001, 0.006)))
        self.image = Image.new("RGB", (self.width, self.height), ground)
        self.draw = ImageDraw.Draw(self.image)

    @property
    def box(self) -> Box:
        return Box(0, 0, self.width, self.height)

    def text(
        self,
        at: Point,
        text: str,
        *,
        size: float = 1.0,
        anchor: str = "la",
        colour: Colour | None = None,
        font: str | None = None,
    ) -> None:
        """size: by the common lettering. anchor: as Pillow has it."""
        font_here = _font(font or self.font, max(5, round(self.letter * size)))
        self.draw.text(at, text, font=font_here, fill=colour or self.ink, anchor=anchor)

    def upright(self, at: Point, text: str, size: float = 1.0) -> None:
        """Text that runs upwards, centred on the point."""
        font_here = _font(self.font, max(5, round(self.letter * size)))
        length = round(font_here.getlength(text)) + 2
        strip = Image.new("L", (length, round(self.letter * size * 1.4)), 0)
        ImageDraw.Draw(strip).text((0, 0), text, font=font_here, fill=255)
        turned = strip.transpose(Image.Transpose.ROTATE_90)
        where = (round(at[0] - turned.width / 2), round(at[1] - turned.height / 2))
        self.image.paste(
            self.ink, (*where, where[0] + turned.width, where[1] + turned.height), turned
        )

    def rect(
        self,
        box: Box,
        fill: Colour | None = None,
        outline: Colour | None = None,
        width: int | None = None,
        radius: float = 0,
    ) -> None:
        corners = (*_ordered(box.x0, box.x1, box.y0, box.y1),)
        line = (width or self.line) if outline else 0
        if radius:
            self.draw.rounded_rectangle(corners, radius, fill, outline, line)
        else:
            self.draw.rectangle(corners, fill, outline, line)

    def path(self, points: Sequence[Point], colour: Colour | None = None, width: int = 0) -> None:
        self.draw.line(list(points), colour or self.ink, width or self.line, joint="curve")

    def dashed(self, points: Sequence[Point], colour: Colour, width: int, dash: float) -> None:
        """A line of dashes, that long in pixels."""
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            n = max(1, round(np.hypot(x1 - x0, y1 - y0) / (2 * dash)))
            for k in range(n):
                a, b = k / n, (k + 0.55) / n
                start = (x0 + (x1 - x0) * a, y0 + (y1 - y0) * a)
                end = (x0 + (x1 - x0) * b, y0 + (y1 - y0) * b)
                self.draw.line([start, end], colour, width)

    def disc(
        self, at: Point, radius: float, fill: Colour | None, outline: Colour | None = None
    ) -> None:
        x, y = at
        self.draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill, outline)

    def lines_of_text(self, box: Box, size: float = 1.0, *, ragged: bool = True) -> None:
        """Fill the box with lines of words."""
        step = self.letter * size * self.rng.uniform(1.25, 1.6)
        letters = max(4, int(box.width / (self.letter * size * 0.55)))
        y = box.y0
        while y + step <= box.y1:
            share = self.rng.uniform(0.55, 1.0) if ragged and self.rng.random() < 0.35 else 1.0
            line = phrase(self.rng, letters // 4)[: max(3, int(letters * share))]
            self.text((box.x0, y), line, size=size)
            y += step


def _ordered(x0: float, x1: float, y0: float, y1: float) -> tuple[float, float, float, float]:
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
