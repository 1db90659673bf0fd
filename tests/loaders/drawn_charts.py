"""Draws charts, tables and pages whose words are known, to be read by OCR.

Leaves out what the words must be read as: that is the tests'.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

MONTHS = ["January", "February", "March", "April", "May", "June"]
CITIES = {"Atlanta": 72_861, "Phoenix": 48_120, "Denver": 31_904, "Seattle": 25_447}


def _figure(style: str, inches: tuple[float, float]) -> Any:
    from matplotlib.figure import Figure
    from matplotlib.style import context

    with context(style):
        return Figure(figsize=inches, layout="constrained")


def _image(figure: Any, width: int) -> Image.Image:
    """The figure as so many pixels wide."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(width / figure.get_size_inches()[0])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def bar_chart(width: int = 800, *, slant: int = 0, style: str = "default") -> Image.Image:
    """A bar for each month under its value, a rotated axis title, and the months below."""
    from matplotlib.style import context

    with context(style):
        figure = _figure(style, (8, 5))
        axes = figure.add_subplot()
        bars = axes.bar(MONTHS, [310, 275, 420, 515, 630, 585])
        axes.bar_label(bars)
        axes.set(ylabel="Visitors per day", xlabel="Month of arrival")
        axes.set_title("Visitors of the museum in 2023")
        if slant:
            axes.set_xticks(range(len(MONTHS)), MONTHS, rotation=slant, ha="right")
        return _image(figure, width)


def line_chart(width: int = 800, *, style: str = "default") -> Image.Image:
    """Three lines with a legend, and an axis on either side, each with a rotated title."""
    from matplotlib.style import context

    with context(style):
        figure = _figure(style, (8, 5))
        axes = figure.add_subplot()
        years = np.arange(2010, 2022)
        for name, slope in (("Gold", 2.0), ("Crude oil", 3.5), ("Wheat", -0.5)):
            axes.plot(years, 40 + slope * (years - 2010), label=name)
        axes.set(ylabel="Price in dollars", title="Prices of three commodities")
        axes.legend(title="Commodity", loc="upper left")
        other = axes.twinx()
        other.set_ylim(100, 900)
        other.set_ylabel("Volume traded", rotation=270, labelpad=14)
        return _image(figure, width)


def pie_chart(width: int = 800) -> Image.Image:
    """A slice for each city, labelled with its number on a line of its own."""
    figure = _figure("default", (8, 5))
    axes = figure.add_subplot()
    labels = [f"{city}\n{n:,}" for city, n in CITIES.items()]
    axes.pie(list(CITIES.values()), labels=labels)
    axes.set_title("New homes by city")
    return _image(figure, width)


def ranking(width: int = 800) -> Image.Image:
    """Lying bars, with the city on the left and its number at the end of its bar."""
    figure = _figure("default", (8, 4))
    axes = figure.add_subplot()
    bars = axes.barh(list(CITIES), list(CITIES.values()))
    axes.bar_label(bars, [f"{n:,}" for n in CITIES.values()], padding=4)
    axes.invert_yaxis()
    axes.set_xlim(0, 90_000)
    axes.set_title("New homes by city")
    return _image(figure, width)


def dashboard(width: int = 1_200) -> Image.Image:
    """Four charts in two rows, each with a title of its own."""
    figure = _figure("default", (12, 7))
    titles = ["Revenue by quarter", "Costs by quarter", "Staff by site", "Orders by region"]
    names = [["Q1", "Q2", "Q3"], ["Q1", "Q2", "Q3"], ["Leeds", "York"], ["North", "South"]]
    for k, (title, labels) in enumerate(zip(titles, names, strict=True)):
        axes = figure.add_subplot(2, 2, k + 1)
        axes.bar_label(axes.bar(labels, [(k + 2) * (n + 3) * 11 for n in range(len(labels))]))
        axes.set_title(title)
    return _image(figure, width)


def written(
    size: tuple[int, int],
    pieces: list[tuple[int, int, str]],
    letters: int,
    ground: str = "white",
    ink: str = "black",
) -> Image.Image:
    """Pieces of text at their places, in letters of so many pixels."""
    image = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(letters)
    for x, y, text in pieces:
        draw.text((x, y), text, fill=ink, font=font)
    return image


def photograph(size: tuple[int, int] = (640, 480), seed: int = 0) -> Image.Image:
    """Clouds of colour over grain: no letter in it."""
    random = np.random.default_rng(seed)
    pixels = np.zeros((size[1], size[0], 3))
    for cells, weight in ((4, 60.0), (16, 40.0), (64, 25.0), (256, 12.0)):
        coarse = random.uniform(0, 255, (cells, cells, 3)).astype(np.uint8)
        layer = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
        pixels += weight / 137 * np.asarray(layer)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
