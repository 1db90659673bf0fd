"""Draws pictures of figures with a caption that is true of the pixels, from a seed.

No caption says a word twice: BLIP's decoding holds that against it. `draw(seed)` gives the same
drawing again. Leaves out how each kind is drawn (the other modules here) and training.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from tests.small_blip import charts, diagrams, maps, pages, photographs, plotted, screens, sketches
from tests.small_blip.ink import NUMBERS, WHITE, Box, Canvas, Colour
from tests.small_blip.pictures import NONE, Pictures

Drawer = Callable[[Canvas, Box], str]

KINDS: dict[str, str] = {
    "bar chart": "chart",
    "line chart": "chart",
    "area chart": "chart",
    "pie chart": "chart",
    "scatter plot": "chart",
    "box plot": "chart",
    "heat map": "chart",
    "table": "table",
    "diagram": "diagram",
    "map": "map",
    "screenshot": "screenshot",
    "photograph": "photograph",
    "drawing": "drawing",
    "text": "text",
}
"""The kinds of figure that captions name, and the coarser kind of each."""
WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "with",
        "in",
        "of",
        "the",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "many",
        "red",
        "blue",
        "green",
        "orange",
        "purple",
        "yellow",
        "grey",
        "black",
        "white",
        "bar",
        "bars",
        "chart",
        "charts",
        "group",
        "groups",
        "stacked",
        "horizontal",
        "line",
        "lines",
        "curve",
        "curves",
        "area",
        "layer",
        "layers",
        "pie",
        "slice",
        "slices",
        "scatter",
        "plot",
        "plots",
        "point",
        "points",
        "colour",
        "colours",
        "box",
        "boxes",
        "heat",
        "map",
        "maps",
        "table",
        "row",
        "rows",
        "column",
        "columns",
        "flow",
        "tree",
        "network",
        "block",
        "diagram",
        "circle",
        "circles",
        "coloured",
        "regions",
        "water",
        "roads",
        "contour",
        "screenshot",
        "window",
        "web",
        "page",
        "code",
        "dark",
        "light",
        "photograph",
        "drawing",
        "square",
        "squares",
        "triangle",
        "triangles",
        "picture",
        "text",
        "image",
        "figure",
    ]
)
"""All words of the captions, and those with which one may begin a caption."""
DRAWERS: dict[str, tuple[tuple[Drawer, float], ...]] = {
    "bar chart": ((charts.bars, 6), (charts.grouped_bars, 2), (charts.stacked_bars, 2)),
    "line chart": ((charts.lines, 1),),
    "area chart": ((charts.areas, 1),),
    "pie chart": ((charts.pie, 1),),
    "scatter plot": ((charts.points, 1),),
    "box plot": ((charts.boxes, 1),),
    "heat map": ((charts.heat, 1),),
    "table": ((pages.table, 1),),
    "diagram": (
        (diagrams.flow, 5),
        (diagrams.tree, 2),
        (diagrams.network, 2),
        (diagrams.layers, 2),
    ),
    "map": ((maps.map_, 1),),
    "screenshot": ((screens.window, 3), (screens.web, 3), (screens.code, 3), (screens.dialog, 2)),
    "photograph": ((photographs.photograph, 1),),
    "drawing": ((sketches.drawing, 7), (sketches.shapes, 3)),
    "text": ((pages.text, 1),),
}
WEIGHTS = {
    "bar chart": 14,
    "line chart": 11,
    "area chart": 6,
    "pie chart": 8,
    "scatter plot": 10,
    "box plot": 6,
    "heat map": 6,
    "table": 13,
    "diagram": 13,
    "map": 11,
    "screenshot": 11,
    "photograph": 13,
    "drawing": 13,
    "text": 6,
}
"""How often each kind is drawn in training."""
PANELLED = {"bar chart", "line chart", "pie chart", "scatter plot", "heat map"}
FULL_PAGE = {"photograph", "screenshot", "map"}
ASPECTS = {
    "pie chart": (0.7, 2.0),
    "table": (0.5, 3.5),
    "diagram": (0.4, 3.2),
    "map": (0.6, 2.0),
    "screenshot": (0.6, 2.4),
    "photograph": (0.6, 1.9),
    "drawing": (0.5, 2.6),
    "text": (0.5, 5.0),
}


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture and what is to be said of it."""

    image: Image.Image
    caption: str
    kind: str


def draw(seed: int, kind: str | None = None, *, pictures: Pictures = NONE) -> Drawing:
    """The drawing of that seed, of any kind where none is named.

    pictures: what others made, mixed among ours; a seed gives the same drawing only with the
    same of them.
    """
    rng = random.Random(seed)
    kind = kind or rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    if kind in plotted.PLOTTERS and rng.random() < 0.1:
        image, caption = plotted.plot(rng, kind)
    else:
        image, caption = _drawn(rng, kind, pictures)
    return Drawing(_worn(rng, image, kind), caption, kind)


def kind_of(caption: str) -> str:
    """The kind that a caption names; "drawing" for plain shapes, "" for none."""
    for kind in ("screenshot", "photograph", "heat map", "map", "table", "diagram"):
        if f" {kind}" in f" {caption}":
            return kind
    for kind in KINDS:
        if kind in caption:
            return kind
    return "drawing" if any(shape in caption for shape in sketches.SHAPES) else ""


def _drawn(rng: random.Random, kind: str, pictures: Pictures) -> tuple[Image.Image, str]:
    drawers = DRAWERS[kind]
    drawer = rng.choices([d for d, _ in drawers], [w for _, w in drawers])[0]
    side = (180, 320) if kind in {"photograph", "map"} else (260, 560)
    canvas = Canvas(rng, ASPECTS.get(kind, (0.7, 2.2)), *_paper(rng, kind), side, pictures)
    if kind in PANELLED and rng.random() < 0.12:
        return canvas.image, _panels(canvas, kind, drawer)
    box = canvas.box
    if kind not in FULL_PAGE:
        unit = canvas.letter
        box = box.inner(*(unit * rng.uniform(0.1, 1.6) for _ in range(4)))
        if rng.random() < 0.12 and kind != "text":
            box = _with_line_of_text(canvas, box)
    caption = drawer(canvas, box)
    return canvas.image, caption


def _paper(rng: random.Random, kind: str) -> tuple[Colour, Colour | None]:
    """The ground and the ink."""
    chance = rng.random()
    if kind in {"photograph", "screenshot"} or chance < 0.78:
        return WHITE, None
    if chance < 0.9 or kind in {"map", "table", "text"}:
        pale = rng.choice(
            ((250, 248, 240), (242, 242, 242), (235, 240, 250), (225, 235, 245), (252, 250, 225))
        )
        return pale, None
    return rng.choice(((30, 30, 30), (20, 30, 50), (45, 45, 55), (0, 0, 0))), (225, 225, 225)


def _with_line_of_text(canvas: Canvas, box: Box) -> Box:
    """A line or two of the page above or below the figure; the rest of the box."""
    high = canvas.letter * canvas.rng.uniform(1.6, 3.2)
    if canvas.rng.random() < 0.6:
        canvas.lines_of_text(Box(box.x0, box.y1 - high, box.x1, box.y1))
        return box.inner(0, 0, 0, high + canvas.letter * 0.5)
    canvas.lines_of_text(Box(box.x0, box.y0, box.x1, box.y0 + high))
    return box.inner(0, high + canvas.letter * 0.5, 0, 0)


def _panels(canvas: Canvas, kind: str, drawer: Drawer) -> str:
    """Two to six charts of a kind side by side."""
    rng = canvas.rng
    columns, rows = rng.choice(((2, 1), (2, 1), (3, 1), (1, 2), (2, 2), (3, 2)))
    canvas.letter = max(5, round(canvas.letter * 0.75))
    for r in range(rows):
        for c in range(columns):
            cell = Box(
                *canvas.box.at(c / columns, r / rows),
                *canvas.box.at((c + 1) / columns, (r + 1) / rows),
            )
            drawer(canvas, cell.inner(*(canvas.letter * 0.5,) * 4))
    return f"{NUMBERS[rows * columns]} {kind}s"


def _ground(image: Image.Image) -> tuple[int, ...]:
    """The colour of a corner that is not a frame's."""
    x, y = min(4, image.width - 1), min(4, image.height - 1)
    return image.getpixel((x, y))  # type: ignore[return-value]


def _worn(rng: random.Random, image: Image.Image, kind: str) -> Image.Image:
    """As documents carry it: cut wider or closer, dulled, scanned, shrunk, saved as JPEG."""
    if rng.random() < (0.05 if kind in FULL_PAGE else 0.25):
        ground = _ground(image)
        left, top, right, bottom = (rng.randint(0, max(1, image.width // 12)) for _ in range(4))
        wider = Image.new("RGB", (image.width + left + right, image.height + top + bottom), ground)
        wider.paste(image, (left, top))
        image = wider
    if rng.random() < 0.12 and kind in {"text", "table", "diagram", "drawing", "map"}:
        turn = rng.uniform(-2.5, 2.5)
        image = image.rotate(turn, Image.Resampling.BILINEAR, fillcolor=_ground(image))
    if rng.random() < 0.35:
        image = ImageEnhance.Contrast(image).enhance(rng.uniform(0.7, 1.15))
        image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.85, 1.1))
    if rng.random() < 0.15:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.3)))
    if rng.random() < 0.12:
        array = np.asarray(image, np.float32)
        grain = np.random.default_rng(rng.getrandbits(32)).normal(
            0, rng.uniform(2, 12), array.shape[:2]
        )
        image = Image.fromarray(np.clip(array + grain[..., None], 0, 255).astype(np.uint8))
    if rng.random() < 0.2:
        share = rng.uniform(0.45, 0.9)
        small = (max(24, round(image.width * share)), max(24, round(image.height * share)))
        image = image.resize(small, Image.Resampling.BILINEAR)
    if rng.random() < 0.3:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=rng.randint(25, 90))
        image = Image.open(buffer).convert("RGB")
    return image
