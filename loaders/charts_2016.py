"""The kinds of native charts that Office has had since 2016, which it stores in another way.

Waterfall, funnel, treemap, sunburst, histogram, Pareto, box and whisker, map. Leaves out how a
chart looks, and the bins of a histogram, which a program makes anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from lxml import etree

from loaders.charts import LARGEST, MAX_SERIES, Chart, Series, as_shown, joined_levels, title_text

NAMESPACE = "http://schemas.microsoft.com/office/drawing/2014/chartex"
CHART = f"{{{NAMESPACE}}}chart"
"""What relates a document to a chart of these kinds."""
NAMESPACES = {"cx": NAMESPACE}
KINDS = {"boxWhisker": "box and whisker", "regionMap": "map"}
"""What Office's names for the layouts do not say."""
COLUMNS = "clusteredColumn"
"""The bars of a Pareto chart; of a histogram, where nothing names them."""
LYING = "funnel"
VALUES = ("val", "size", "y", "colorVal")


def read_chart_2016(root: etree._Element) -> Chart | None:
    """The chart in a chart part; None if it holds no data."""
    data = {d.get("id"): d for d in root.iterfind(".//cx:chartData/cx:data", NAMESPACES)}
    elements = list(root.iterfind(".//cx:plotAreaRegion/cx:series", NAMESPACES))[:MAX_SERIES]
    drawn = (_series(element, data) for element in elements)
    series = tuple(s for s in drawn if s and s.values)
    if not series:
        return None
    axes = root.findall(".//cx:plotArea/cx:axis", NAMESPACES)
    named = [a for a in axes if a.find("cx:catScaling", NAMESPACES) is not None]
    valued = [a for a in axes if a.find("cx:valScaling", NAMESPACES) is not None]
    return Chart(
        series,
        title_text(root.find("cx:chart/cx:title", NAMESPACES)) or None,
        next((t for a in named if (t := title_text(a.find("cx:title", NAMESPACES)))), ""),
        next((t for a in valued if (t := title_text(a.find("cx:title", NAMESPACES)))), ""),
        is_lying=series[0].kind == LYING,
    )


def _series(element: etree._Element, data: Mapping[str | None, etree._Element]) -> Series | None:
    link = element.find("cx:dataId", NAMESPACES)
    found = None if link is None else data.get(link.get("val"))
    values = None if found is None else _dimension(found, "numDim", VALUES)
    if found is None or values is None:  # the line of a Pareto chart has no data of its own
        return None
    names = _dimension(found, "strDim", ("cat",))
    levels = [] if names is None else names.findall("cx:lvl", NAMESPACES)
    level = values.find("cx:lvl", NAMESPACES)
    texts = {} if level is None else _points(level)
    code = "General" if level is None else level.get("formatCode", "General")
    totals = element.findall("cx:layoutPr/cx:subtotals/cx:idx", NAMESPACES)
    layout = element.get("layoutId", "bar")
    if layout == COLUMNS:
        layout = "bar" if levels else "histogram"
    y = {}
    for index, text in texts.items():
        with suppress(ValueError):
            if abs(number := float(text)) < LARGEST:
                y[index] = number
    return Series(
        " ".join(v.text or "" for v in element.iterfind("cx:tx//cx:v", NAMESPACES)).strip(),
        joined_levels([_points(each) for each in levels]) if levels else {},
        {index: as_shown(texts[index], code) for index in y},
        KINDS.get(layout, layout),
        y=y,
        totals=frozenset(int(n) for t in totals if (n := t.get("val", "")).isdecimal()),
    )


def _dimension(data: etree._Element, tag: str, kinds: tuple[str, ...]) -> etree._Element | None:
    found = {d.get("type"): d for d in data.iterfind(f"cx:{tag}", NAMESPACES)}
    return next((found[kind] for kind in kinds if kind in found), None)


def _points(level: etree._Element) -> dict[int, str]:
    """index → text."""
    return {
        int(index): text
        for point in level.iterfind("cx:pt", NAMESPACES)
        if (index := point.get("idx", "")).isdecimal() and (text := (point.text or "").strip())
    }
