"""Draws native Office charts as pictures, so that a person can check what an answer rests on.

Matplotlib earns its place by the axes, ticks and legends that Pillow would need a library of our
own for. The chart looks plain, not as its author made it: colours, fonts, error bars, trend lines
and labels of points are left out.
"""

from __future__ import annotations

import math
import os
import tempfile
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

from PIL import Image

from loaders.charts import Chart, Series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_INCHES, HEIGHT_INCHES, DPI = 7.0, 4.4, 110
MAX_POINTS = 2_000
"""Of a series that is drawn; its table has them all."""
MAX_DRAWN_SERIES = 30
MAX_LABELS = 40
MAX_BAR_LABELS = 24
MAX_LABEL_CHARS = 28
MAX_TITLE_CHARS = 90
ROOM_FOR_LABELS = 70
"""Characters of all labels of the category axis that fit beside each other."""
BAR_ROOM = 0.8
MAX_BUBBLE = 1_500
"""The area of the largest bubble, in square points."""
PIE_KINDS = {"pie", "ofPie", "doughnut", "sunburst"}
BAR_KINDS = {"bar", "waterfall", "funnel", "treemap", "map"}
SAMPLE_KINDS = {"histogram", "box and whisker"}
"""Their values are what was measured, of which the chart shows how it is spread."""
FONTS = (
    *("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei"),
    *("Microsoft YaHei", "Hiragino Sans", "Arial Unicode MS"),
)
"""The first has most scripts; the others, where they are installed, the Chinese characters."""


def draw_chart(chart: Chart, title: str | None = None) -> Image.Image:
    """The chart as a picture, under that title."""
    matplotlib = _matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with warnings.catch_warnings(), matplotlib.rc_context(_settings()):
        # It warns of letters that no font has, and of layouts that are too crowded.
        warnings.simplefilter("ignore")
        figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), dpi=DPI, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        shown = [s for s in chart.series if s.y][:MAX_DRAWN_SERIES]
        is_radar = bool(shown) and all(s.kind == "radar" for s in shown)
        axes = figure.subplots(subplot_kw={"projection": "polar"} if is_radar else {})
        if is_radar:
            _draw_radar(axes, shown)
        elif shown and shown[0].kind in PIE_KINDS:
            _draw_pie(axes, shown[0])
        elif shown and shown[0].kind in SAMPLE_KINDS:
            _draw_samples(axes, chart, shown)
        else:
            _draw_axes(axes, chart, shown)
        if title:
            axes.set_title(_shortened(title, MAX_TITLE_CHARS))
        canvas.draw()  # type: ignore[no-untyped-call]
        return Image.fromarray(_pixels(canvas)).convert("RGB")


def _pixels(canvas: Any) -> Any:
    import numpy as np

    return np.asarray(canvas.buffer_rgba())


@cache
def _matplotlib() -> Any:
    """Matplotlib, its list of fonts kept out of the user's home."""
    if "MPLCONFIGDIR" not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="limner-", ignore_cleanup_errors=True)
        os.environ["MPLCONFIGDIR"] = folder.name
        _kept.append(folder)
    import matplotlib as found

    return found


_kept: list[tempfile.TemporaryDirectory[str]] = []


@cache
def _settings() -> dict[str, Any]:
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    return {
        "font.family": [font for font in FONTS if font in installed],
        "text.parse_math": False,  # a dollar sign is a dollar sign
        "axes.spines.top": False,
        "axes.spines.right": False,
    }


def _draw_pie(axes: Axes, series: Series) -> None:
    indexes = [n for n in sorted(series.y) if series.y[n] > 0][:MAX_LABELS]
    sizes = [series.y[n] for n in indexes]
    labels = [f"{_label(series, n)}\n{series.values.get(n, '')}".strip() for n in indexes]
    hole = {"width": 0.5} if series.kind == "doughnut" else {}
    if sizes:
        axes.pie(sizes, labels=labels, startangle=90, counterclock=False, wedgeprops=hole)


def _draw_radar(axes: Any, shown: list[Series]) -> None:
    """Each category is a spoke, from the top clockwise."""
    indexes = sorted(set().union(*(s.y for s in shown)))[:MAX_POINTS]
    angles = [n * math.tau / len(indexes) for n in range(len(indexes))]
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    for series in shown:
        known = [(a, series.y[n]) for a, n in zip(angles, indexes, strict=True) if n in series.y]
        known += known[:1]
        axes.plot([a for a, _ in known], [y for _, y in known], "o-", label=_name(series))
    step = -(-len(indexes) // MAX_LABELS)
    axes.set_xticks(angles[::step], [_label(shown[0], n) for n in indexes[::step]])
    axes.set_rlabel_position(180 / len(indexes))
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.1, 0.5))


def _draw_samples(axes: Axes, chart: Chart, shown: list[Series]) -> None:
    if shown[0].kind == "histogram":
        for series in shown:
            axes.hist(list(series.y.values()), bins="auto", alpha=0.8, label=_name(series))
    else:
        groups: dict[str, list[float]] = {}
        for series in shown:
            for index, value in series.y.items():
                name = " ".join(filter(None, [series.categories.get(index), series.name]))
                groups.setdefault(_shortened(name, MAX_LABEL_CHARS), []).append(value)
        names = list(groups)[:MAX_LABELS]
        axes.boxplot([groups[name] for name in names], tick_labels=names)
    axes.set_xlabel(_shortened(chart.category_title, MAX_TITLE_CHARS))
    axes.set_ylabel(_shortened(chart.value_title, MAX_TITLE_CHARS))


def _draw_axes(axes: Axes, chart: Chart, shown: list[Series]) -> None:
    scatter = [s for s in shown if s.is_scatter]
    largest = max((abs(size) for s in scatter for size in s.size.values()), default=0) or 1.0
    if any(s.size for s in scatter):
        axes.margins(0.2)
    for series in scatter:
        indexes = [n for n in sorted(series.y) if n in series.x or not series.x][:MAX_POINTS]
        x = [series.x.get(n, n + 1) for n in indexes]
        y = [series.y[n] for n in indexes]
        if series.size:
            sizes = [abs(series.size.get(n, 0.0)) / largest * MAX_BUBBLE for n in indexes]
            axes.scatter(x, y, sizes, alpha=0.6, label=_name(series))
        else:
            axes.plot(x, y, "o", label=_name(series), markersize=4)
    named = [s for s in shown if not s.is_scatter]
    if named:
        _draw_named(axes, chart, named)
    is_lying = chart.is_lying and bool(named)
    along, across = (
        (axes.set_ylabel, axes.set_xlabel) if is_lying else (axes.set_xlabel, axes.set_ylabel)
    )
    along(_shortened(chart.category_title, MAX_TITLE_CHARS))
    across(_shortened(chart.value_title, MAX_TITLE_CHARS))
    if shown and all(text.endswith("%") for s in shown for text in s.values.values()):
        (axes.xaxis if is_lying else axes.yaxis).set_major_formatter("{x:.0%}")
    axes.grid(axis="x" if is_lying else "y", alpha=0.3)
    axes.set_axisbelow(True)
    if len(shown) > 1 or (shown and shown[0].name and chart.title):
        axes.legend(fontsize="small", ncols=1 + len(shown) // 12)


def _draw_named(axes: Axes, chart: Chart, shown: list[Series]) -> None:
    """Series over categories: bars, lines and areas, beside or upon each other."""
    indexes = sorted(set().union(*(s.y for s in shown)))[:MAX_POINTS]
    places = list(range(len(indexes)))
    is_stacked = chart.stacking in {"stacked", "percentStacked"}
    sums = [sum(abs(s.y.get(n, 0.0)) for s in shown) or 1.0 for n in indexes]
    bars = [s for s in shown if s.kind in BAR_KINDS]
    width = BAR_ROOM / (1 if is_stacked else max(len(bars), 1))
    above, below = [0.0] * len(indexes), [0.0] * len(indexes)
    for series in shown:
        values = [series.y.get(n, 0.0) for n in indexes]
        if chart.stacking == "percentStacked":
            values = [value / total * 100 for value, total in zip(values, sums, strict=True)]
        bases = [above[n] if v >= 0 else below[n] for n, v in enumerate(values)]
        bases = bases if is_stacked else [0.0] * len(indexes)
        if series.kind == "waterfall":
            bases = _steps(values, [n in series.totals for n in indexes])
        if series.kind in BAR_KINDS:
            shift = 0.0 if is_stacked else (bars.index(series) - (len(bars) - 1) / 2) * width
            at = [place + shift for place in places]
            if chart.is_lying:
                drawn = axes.barh(at, values, width, left=bases, label=_name(series))
            else:
                drawn = axes.bar(at, values, width, bottom=bases, label=_name(series))
            if len(bars) * len(indexes) <= MAX_BAR_LABELS and not is_stacked:
                texts = [series.values.get(n, "") for n in indexes]
                axes.bar_label(drawn, texts, fontsize="small", padding=1)
        elif series.kind == "area":
            tops = [base + value for base, value in zip(bases, values, strict=True)]
            axes.fill_between(places, bases, tops, alpha=0.7, label=_name(series))
        else:
            tops = [base + value for base, value in zip(bases, values, strict=True)]
            known = [(p, t) for p, t, n in zip(places, tops, indexes, strict=True) if n in series.y]
            axes.plot(
                [p for p, _ in known],
                [t for _, t in known],
                "o-",
                label=_name(series),
                markersize=4,
            )
        for n, value in enumerate(values):
            sums_of = above if value >= 0 else below
            sums_of[n] += value
    _label_categories(axes, chart, shown[0], indexes)


def _steps(values: list[float], are_totals: list[bool]) -> list[float]:
    """Where each bar of a waterfall begins; a total begins at the axis."""
    bases, level = [], 0.0
    for value, is_total in zip(values, are_totals, strict=True):
        bases.append(0.0 if is_total else level)
        level = value if is_total else level + value
    return bases


def _label_categories(axes: Axes, chart: Chart, first: Series, indexes: list[int]) -> None:
    step = max(1, -(-len(indexes) // MAX_LABELS))
    places = list(range(0, len(indexes), step))
    labels = [_label(first, indexes[place]) for place in places]
    if chart.is_lying:
        axes.set_yticks(places, labels)
        return
    is_crowded = sum(map(len, labels)) > ROOM_FOR_LABELS
    axes.set_xticks(places, labels)
    if is_crowded:
        axes.tick_params(axis="x", labelrotation=45)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("right")


def _label(series: Series, index: int) -> str:
    return _shortened(series.categories.get(index, str(index + 1)), MAX_LABEL_CHARS)


def _name(series: Series) -> str:
    # A name that begins with an underscore would be left out of the legend.
    return _shortened(series.name or "Values", MAX_LABEL_CHARS).lstrip("_") or "Values"


def _shortened(text: str, n_chars: int) -> str:
    return text if len(text) <= n_chars else f"{text[: n_chars - 1]}…"
