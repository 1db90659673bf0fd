"""Native Office charts: the numbers that a chart draws, from its cache in the file.

Leaves out how a chart looks, and the newer kinds (waterfall, sunburst, map), which are
stored in another way: those are `charts_2016`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from lxml import etree

from loaders.elements import Table
from loaders.number_formats import shown_number

NAMESPACES = {
    "c": "http://schemas.openxmlformats.org/drawingml/2006/chart",
    "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
}
SCATTER_KINDS = {"scatter", "bubble"}
KIND_NAMES = {"ofPie": "pie", "doughnut": "doughnut", "stock": "stock"}
MAX_SERIES = 100
LARGEST = 1e300
"""Of a number that can be drawn; infinity and what is no number cannot."""
QUOTED = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')
UNIT = re.compile(r'"[^"\s]|\[\$[^\]-]|[$€£¥#0],[#0]|^[$€£¥]')
"""A number format that tells more than digits: a currency, a unit, thousands."""
DAYS_1904 = 1462
DAY_0 = datetime(1899, 12, 30)
MAX_CODE_CHARS = 255
"""Of a number format, as in Excel; more would make QUOTED slow."""
LAST_DAY = 2_958_465
"""31 December 9999, the last day that Excel knows."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series: points are index → text, as far as the file caches them.

    kind: as the file calls it, "bar". x and y are the numbers behind the texts. totals: the
    points of a waterfall that stand on the axis. sizes and size: the texts of the bubbles' sizes
    and the numbers behind them.
    """

    name: str
    categories: dict[int, str]
    values: dict[int, str]
    kind: str = "bar"
    x: dict[int, float] = field(default_factory=dict)
    y: dict[int, float] = field(default_factory=dict)
    totals: frozenset[int] = frozenset()
    sizes: dict[int, str] = field(default_factory=dict)
    size: dict[int, float] = field(default_factory=dict)

    def point(self, index: int) -> str:
        """The point in words."""
        size = f" (size {self.sizes[index]})" if index in self.sizes else ""
        return f"{self.categories.get(index, index + 1)} {self.values[index]}{size}"

    @property
    def is_scatter(self) -> bool:
        return self.kind in SCATTER_KINDS


@dataclass(frozen=True, slots=True)
class Chart:
    """A native chart. category_title and value_title: of its axes, "" where they have none.

    is_lying: bars from left to right. stacking: "clustered", "stacked" or "percentStacked".
    """

    series: tuple[Series, ...]
    title: str | None = None
    category_title: str = ""
    value_title: str = ""
    is_lying: bool = False
    stacking: str = "clustered"

    @property
    def kinds(self) -> list[str]:
        """In words, each once: "bar", "line"."""
        return list(dict.fromkeys(KIND_NAMES.get(s.kind, s.kind) for s in self.series))

    def caption(self, around: str | None = None) -> str | None:
        """Its title, or else what the document says around it, or the name of its only series."""
        names = [s.name for s in self.series if s.name]
        return self.title or around or (names[0] if len(self.series) == 1 and names else None)

    def table(self, caption: str | None = None) -> Table:
        """Its data, a column a series."""
        rows = tuple(_rows(self.series, self.category_title, self.value_title))
        is_said = self.value_title in rows[0]
        return Table(rows, caption, unit=None if is_said else self.value_title or None)

    def words(self) -> str:
        """Its kind, axes and data as a text."""
        lines = [f"{' and '.join(self.kinds)} chart".capitalize()]
        axes = (self.category_title, self.value_title)
        lines += [f"{axis}: {title}" for axis, title in zip("xy", axes, strict=True) if title]
        for s in self.series:
            points = (s.point(n) for n in sorted(s.values))
            lines.append(f"{s.name or 'Values'}: {', '.join(points)}")
        return "; ".join(lines)


def read_chart(root: etree._Element) -> Chart | None:
    """The chart in a part of an Office file; None if the part holds no data."""
    drawn = map(_series, root.iterfind(".//c:plotArea//c:ser", NAMESPACES))
    series = tuple(s for s in drawn if s.values)[:MAX_SERIES]
    if not series:
        return None
    plot = root.find(".//c:plotArea", NAMESPACES)
    grouping = root.find(".//c:plotArea/*/c:grouping", NAMESPACES)
    return Chart(
        series,
        title_text(root.find("c:chart/c:title", NAMESPACES)) or None,
        *_axis_titles(root),
        is_lying=plot is not None and plot.find(".//c:barDir[@val='bar']", NAMESPACES) is not None,
        stacking="clustered" if grouping is None else grouping.get("val", "clustered"),
    )


def _rows(
    series: tuple[Series, ...], category_title: str, value_title: str
) -> Iterator[tuple[str, ...]]:
    first = series[0]
    has_sizes = any(s.sizes for s in series)
    if not has_sizes and all(s.categories == first.categories or not s.categories for s in series):
        named = [s.name or value_title or f"Series {n}" for n, s in enumerate(series, 1)]
        yield (category_title, *named)
        for index in sorted(set().union(*(s.values for s in series))):
            label = first.categories.get(index, str(index + 1))
            yield (label, *(s.values.get(index, "") for s in series))
        return
    # Scatter charts: each series has its own x values.
    yield ("Series", category_title or "x", value_title or "y", *(["Size"] if has_sizes else []))
    for s in series:
        for index, value in sorted(s.values.items()):
            size = [s.sizes.get(index, "")] if has_sizes else []
            yield (s.name, s.categories.get(index, ""), value, *size)


def _series(element: etree._Element) -> Series:
    label_format = element.find("c:dLbls/c:numFmt[@sourceLinked='0']", NAMESPACES)
    shown_as = label_format.get("formatCode") if label_format is not None else None
    percent = element.find("c:dLbls/c:showPercent[@val='1']", NAMESPACES) is not None
    values = _points(element, ("c:val", "c:yVal"), shown_as)
    group = element.getparent()
    kind = "" if group is None else etree.QName(group).localname.removesuffix("Chart")
    return Series(
        name=" ".join(v.text or "" for v in element.iterfind("c:tx//c:v", NAMESPACES)).strip(),
        categories=_points(element, ("c:cat", "c:xVal"), None),
        values=_with_percent(values) if percent else values,
        kind=kind.removesuffix("3D"),
        x=_numbers(element, ("c:xVal",)),
        y=_numbers(element, ("c:val", "c:yVal")),
        sizes=_points(element, ("c:bubbleSize",), None),
        size=_numbers(element, ("c:bubbleSize",)),
    )


def _numbers(element: etree._Element, paths: tuple[str, ...]) -> dict[int, float]:
    """index → the number that is drawn."""
    found: dict[int, float] = {}
    for point in (p for path in paths for p in element.iterfind(f"{path}//c:pt", NAMESPACES)):
        index = point.get("idx") or ""
        with suppress(ValueError):
            number = float(point.findtext("c:v", "", NAMESPACES))
            if index.isdecimal() and abs(number) < LARGEST:
                found[int(index)] = number
    return found


def _points(
    element: etree._Element, paths: tuple[str, ...], shown_as: str | None
) -> dict[int, str]:
    """index → text, categories of several levels joined from the outermost to the innermost."""
    for path in paths:
        found = element.find(path, NAMESPACES)
        if found is None:
            continue
        levels = found.findall(".//c:lvl", NAMESPACES)
        if levels:
            return joined_levels([_cached(level, None, found) for level in levels])
        return _cached(found, shown_as, found)
    return {}


def _cached(element: etree._Element, shown_as: str | None, axis: etree._Element) -> dict[int, str]:
    code = shown_as or axis.findtext(".//c:formatCode", None, NAMESPACES) or "General"
    root = axis.getroottree().getroot()
    uses_1904 = root.find("c:date1904[@val='1']", NAMESPACES) is not None
    points: dict[int, str] = {}
    for point in element.iterfind(".//c:pt", NAMESPACES):
        text = point.findtext("c:v", "", NAMESPACES).strip()
        own_code = point.get("formatCode") or code
        index = point.get("idx") or ""
        if index.isdecimal() and text:
            points[int(index)] = as_shown(text, own_code, uses_1904=uses_1904)
    return points


def joined_levels(levels: list[dict[int, str]]) -> dict[int, str]:
    """levels: the innermost first; an outer label stands only at the first of its points."""
    joined = dict(levels[0])
    for level in levels[1:]:
        label = ""
        for index in sorted(joined):
            label = level.get(index, label)
            joined[index] = f"{label} {joined[index]}".strip()
    return joined


def as_shown(text: str, code: str, *, uses_1904: bool = False) -> str:
    """A cached number as the chart shows it: percent, date, or without rounding noise."""
    try:
        number = float(text)
    except ValueError:
        return text
    letters = QUOTED.sub("", code[:MAX_CODE_CHARS]).lower()
    if "%" in letters:
        return f"{number * 100:.6g}%"
    if "y" in letters or ("d" in letters and "m" in letters):
        days = number + (DAYS_1904 if uses_1904 else 0)
        if 0 <= days <= LAST_DAY:
            day = DAY_0 + timedelta(days=days)
            return day.strftime("%Y-%m-%d" if "d" in letters else "%Y-%m")
    if UNIT.search(code[:MAX_CODE_CHARS]):
        return shown_number(number, code)
    return f"{number:.10g}"


def _with_percent(values: dict[int, str]) -> dict[int, str]:
    """Pie charts that show shares: each value with its share of the whole."""
    try:
        numbers = {index: float(text) for index, text in values.items()}
    except ValueError:  # shown as percent already
        return values
    total = sum(numbers.values())
    if total <= 0:
        return values
    return {index: f"{values[index]} ({number / total:.1%})" for index, number in numbers.items()}


def _axis_titles(root: etree._Element) -> tuple[str, str]:
    """Titles of the category axis and the value axis; a scatter chart has two value axes."""
    area = root.find(".//c:plotArea", NAMESPACES)
    if area is None:
        return "", ""
    named = area.findall("c:catAx", NAMESPACES) + area.findall("c:dateAx", NAMESPACES)
    valued = area.findall("c:valAx", NAMESPACES)
    if not named:
        lying = [a for a in valued if a.find("c:axPos[@val='b']", NAMESPACES) is not None]
        named, valued = lying, [a for a in valued if a not in lying]
    category, value = (
        next((t for a in axes if (t := title_text(a.find("c:title", NAMESPACES)))), "")
        for axes in (named, valued)
    )
    return category, value


def title_text(title: etree._Element | None) -> str:
    """A title's text; small letters that are shown as capitals are given as shown."""
    if title is None:
        return ""
    runs = [t.text or "" for t in title.iterfind(".//a:t", NAMESPACES)]
    runs = runs or [v.text or "" for v in title.iterfind(".//{*}v")]
    text = " ".join("".join(runs).split())
    return text.upper() if title.find(".//a:defRPr[@cap='all']", NAMESPACES) is not None else text
