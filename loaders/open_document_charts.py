"""The charts of OpenDocument files: the numbers that a chart draws, from the table it keeps.

Leaves out how a chart looks, and the cells of a sheet that it was made from.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from lxml import etree

from loaders.charts import LARGEST, MAX_SERIES, Chart, Series
from loaders.open_document_text import CELLS, all_text, qn

KINDS = {"circle": "pie", "ring": "doughnut"}
"""What Office calls otherwise."""


def read_chart(content: etree._Element) -> Chart | None:
    """The chart in the content.xml of an object; None if it is no chart, or one without data.

    A row of its table is a point. The first column names the points, and then each series has
    a column for each of its domains (the x values, a bubble's sizes), and one for its values.
    """
    chart = content.find(f".//{qn('chart:chart')}")
    plot = None if chart is None else chart.find(qn("chart:plot-area"))
    if chart is None or plot is None:
        return None
    rows = [_cells(row) for row in chart.iter(qn("table:table-row"))]
    series = _series(plot, rows[:1], rows[1:], _kind(chart, "bar"))
    if not series:
        return None
    titles = {
        axis.get(qn("chart:dimension"), ""): _title(axis) for axis in plot.iter(qn("chart:axis"))
    }
    return Chart(
        tuple(series),
        _title(chart) or None,
        titles.get("x", ""),
        titles.get("y", ""),
        is_lying=_has(content, plot, "chart:vertical"),
        stacking=(
            "percentStacked"
            if _has(content, plot, "chart:percentage")
            else "stacked"
            if _has(content, plot, "chart:stacked")
            else "clustered"
        ),
    )


def _series(
    plot: etree._Element,
    heads: Sequence[Sequence[etree._Element]],
    points: Sequence[Sequence[etree._Element]],
    kind: str,
) -> list[Series]:
    found: list[Series] = []
    categories = dict(enumerate(_texts(points, 0)))
    x: dict[int, float] = {}
    column = 1
    for element in list(plot.iter(qn("chart:series")))[:MAX_SERIES]:
        n_domains = len(element.findall(qn("chart:domain")))
        if n_domains:
            x, categories = _numbers(points, column), dict(enumerate(_texts(points, column)))
        column += n_domains
        y = _numbers(points, column)
        texts = _texts(points, column)
        name = all_text(heads[0][column]) if heads and column < len(heads[0]) else ""
        if values := {n: texts[n] for n in y}:
            found.append(Series(name, categories, values, _kind(element, kind), x, y))
        column += 1
    return found


def _cells(row: etree._Element) -> list[etree._Element]:
    return [cell for cell in row if cell.tag in CELLS]


def _texts(points: Sequence[Sequence[etree._Element]], column: int) -> list[str]:
    return [all_text(row[column]) if column < len(row) else "" for row in points]


def _numbers(points: Sequence[Sequence[etree._Element]], column: int) -> dict[int, float]:
    """index → the number that is drawn."""
    found: dict[int, float] = {}
    for index, row in enumerate(points):
        with suppress(ValueError):
            number = float(row[column].get(qn("office:value"), "") if column < len(row) else "")
            if abs(number) < LARGEST:  # NaN stands for a point that is not there
                found[index] = number
    return found


def _kind(element: etree._Element, otherwise: str) -> str:
    name = element.get(qn("chart:class"), "").rpartition(":")[2]
    return KINDS.get(name, name) or otherwise


def _title(element: etree._Element) -> str:
    title = element.find(qn("chart:title"))
    return "" if title is None else all_text(title)


def _has(content: etree._Element, plot: etree._Element, name: str) -> bool:
    """Whether the plot's style says so."""
    style_name = plot.get(qn("chart:style-name"))
    return any(
        properties.get(qn(name)) == "true"
        for style in content.iter(qn("style:style"))
        if style.get(qn("style:name")) == style_name
        for properties in style
    )
