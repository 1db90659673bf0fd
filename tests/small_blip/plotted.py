"""Charts drawn by matplotlib, as most of those in papers and notebooks are.

Leaves out the charts drawn by hand, which are many times faster: `charts`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from tests.small_blip.ink import BRIGHT, counted, phrase, shade, word

STYLES = (
    "default",
    "default",
    "default",
    "ggplot",
    "seaborn-v0_8-darkgrid",
    "seaborn-v0_8-whitegrid",
    "bmh",
    "fivethirtyeight",
    "grayscale",
    "dark_background",
    "tableau-colorblind10",
    "classic",
)
Plotter = Callable[[Any, random.Random, Any], str]


def plot(rng: random.Random, kind: str) -> tuple[Image.Image, str]:
    """A chart of that kind and its caption."""
    import matplotlib
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style = rng.choice(STYLES)
    with matplotlib.rc_context():
        if style != "default":
            matplotlib.style.use(style)
        matplotlib.rcParams["font.family"] = rng.choice(
            ("DejaVu Sans", "DejaVu Serif", "STIXGeneral")
        )
        matplotlib.rcParams["font.size"] = rng.uniform(7, 14)
        figure = Figure((rng.uniform(3.5, 8), rng.uniform(3, 5)), dpi=rng.randint(45, 75))
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        caption = PLOTTERS[kind](axes, rng, np.random.default_rng(rng.getrandbits(32)))
        if rng.random() < 0.6:
            axes.set_title(phrase(rng, rng.randint(2, 5)))
        if kind != "pie chart":
            axes.set_xlabel(phrase(rng, 2)) if rng.random() < 0.6 else None
            axes.set_ylabel(phrase(rng, 2)) if rng.random() < 0.6 else None
            axes.grid(visible=True) if rng.random() < 0.3 else None
            if rng.random() < 0.3:
                axes.spines[["top", "right"]].set_visible(False)
        if rng.random() < 0.6:
            figure.tight_layout()
        figure.canvas.draw()
        pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    return Image.fromarray(pixels.copy()), caption


def _key(axes: Any, rng: random.Random, labels: list[str]) -> None:
    if len(labels) > 1 and rng.random() < 0.8:
        axes.legend(labels, loc=rng.choice(("best", "upper right", "lower left")))


def _colour(rng: random.Random) -> tuple[str, Any]:
    name = rng.choice(BRIGHT)
    return name, np.array(shade(rng, name)) / 255


def _bars(axes: Any, rng: random.Random, array: Any) -> str:
    if rng.random() < 0.3:
        name, colour = _colour(rng)
        axes.hist(
            array.normal(0, 1, 500),
            bins=rng.randint(14, 40),
            color=colour,
            edgecolor=rng.choice((None, "black", "white")),
        )
        return f"a bar chart with many {name} bars"
    n = rng.randint(2, 10)
    labels, flat = [word(rng) for _ in range(n)], rng.random() < 0.3
    if rng.random() < 0.3:
        m = rng.randint(2, 3)
        for k in range(m):
            axes.bar(np.arange(n) + k * 0.8 / m, array.uniform(0.2, 1, n), 0.8 / m)
        _key(axes, rng, [word(rng) for _ in range(m)])
        return f"a bar chart with {counted(n, 'group')} of bars"
    name, colour = _colour(rng)
    (axes.barh if flat else axes.bar)(
        range(n), array.uniform(0.15, 1, n), 0.8 * rng.uniform(0.6, 1), color=colour
    )
    (axes.set_yticks if flat else axes.set_xticks)(
        range(n), labels, rotation=rng.choice((0, 0, 45))
    )
    return f"a {'horizontal ' * flat}bar chart with {counted(n, f'{name} bar')}"


def _lines(axes: Any, rng: random.Random, array: Any) -> str:
    m, n = rng.choice((1, 1, 2, 2, 3, 4, 5)), rng.choice((6, 12, 40, 200))
    name, colour = _colour(rng)
    marker = rng.choice((None, None, "o", "s")) if n < 20 else None
    for _ in range(m):
        y = (
            np.cumsum(array.normal(0, 1, n))
            if rng.random() < 0.6
            else np.exp(-np.linspace(0, rng.uniform(1, 5), n)) * n**0.5
        )
        extra = {"color": colour} if m == 1 else {}
        axes.plot(
            np.linspace(0, 10, n),
            y + array.normal(0, 0.05, n) + rng.uniform(-2, 2),
            marker=marker,
            linestyle=rng.choice(("-", "-", "-", "--")) if m > 1 else "-",
            **extra,
        )
    _key(axes, rng, [word(rng) for _ in range(m)])
    return f"a line chart with {counted(m, f'{name} curve' if m == 1 else 'curve', most=5)}"


def _points(axes: Any, rng: random.Random, array: Any) -> str:
    groups = rng.choice((1, 1, 2, 3))
    name, colour = _colour(rng)
    for _ in range(groups):
        x = array.normal(rng.uniform(-1, 1), 1, 120 // groups)
        extra = {"color": colour} if groups == 1 else {}
        axes.scatter(
            x,
            x * rng.uniform(-1, 1) + array.normal(0, 0.5, len(x)),
            s=rng.uniform(5, 40),
            alpha=rng.choice((1.0, 0.6)),
            **extra,
        )
    _key(axes, rng, [word(rng) for _ in range(groups)])
    told = f"{name} points" if groups == 1 else f"points in {counted(groups, 'colour')}"
    return f"a scatter plot with {told}"


def _pie(axes: Any, rng: random.Random, array: Any) -> str:
    n = rng.randint(2, 8)
    labels = [word(rng) for _ in range(n)]
    ring = {"wedgeprops": {"width": rng.uniform(0.3, 0.6)}} if rng.random() < 0.25 else {}
    axes.pie(
        array.uniform(0.35, 1.6, n),
        labels=labels,
        autopct=rng.choice((None, "%1.0f%%")),
        startangle=rng.choice((0, 90)),
        **ring,
    )
    return f"a pie chart with {counted(n, 'slice', most=8)}"


def _boxes(axes: Any, rng: random.Random, array: Any) -> str:
    n = rng.randint(2, 9)
    axes.boxplot(
        [array.normal(rng.uniform(-1, 1), rng.uniform(0.5, 1.5), 60) for _ in range(n)],
        patch_artist=rng.random() < 0.5,
    )
    return f"a box plot with {counted(n, 'box', 'boxes')}"


def _heat(axes: Any, rng: random.Random, array: Any) -> str:
    shown = axes.imshow(
        array.uniform(0, 1, (rng.randint(3, 20), rng.randint(3, 20))),
        cmap=rng.choice(("viridis", "Blues", "coolwarm", "hot", "Greens")),
        aspect="auto",
    )
    if rng.random() < 0.6:
        axes.figure.colorbar(shown)
    return "a heat map"


def _areas(axes: Any, rng: random.Random, array: Any) -> str:
    m, n = rng.randint(1, 4), rng.choice((8, 30))
    axes.stackplot(range(n), *[np.abs(np.cumsum(array.normal(0, 1, n))) + 2 for _ in range(m)])
    return f"an area chart with {counted(m, 'layer')}"


PLOTTERS: dict[str, Plotter] = {
    "bar chart": _bars,
    "line chart": _lines,
    "area chart": _areas,
    "pie chart": _pie,
    "scatter plot": _points,
    "box plot": _boxes,
    "heat map": _heat,
}
