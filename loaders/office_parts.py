"""What office documents embed alike: pictures, charts and diagrams.

Leaves out where in the document they stand, and everything that is only linked.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any

from lxml import etree

from loaders.chart_drawing import draw_chart
from loaders.charts import Chart, read_chart
from loaders.charts_2016 import CHART as CHART_2016
from loaders.charts_2016 import NAMESPACE as NAMESPACE_2016
from loaders.charts_2016 import read_chart_2016
from loaders.diagrams import diagram_text
from loaders.elements import BBox, Element, Figure, Paragraph, Skipped
from loaders.pictures import left_out, picture

CHARTS = ("{http://schemas.openxmlformats.org/drawingml/2006/chart}chart", CHART_2016)
DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}relIds"
"""The elements that stand for them in a drawing, each with the id of its relation."""


def embedded_picture(
    part: Any,
    relation_id: str | None,
    *,
    caption: str | None = None,
    alt: str | None = None,
    page: int | None = None,
    bbox: BBox | None = None,
) -> Iterator[Element]:
    """The picture that a part (of python-docx or python-pptx) relates to."""
    where = f" on slide {page}" if page else ""
    relation = part.rels.get(relation_id)
    if relation is None:
        name, reason = f"A picture{where}", "it is missing from the file"
    elif relation.is_external:
        name = f"The picture {relation.target_ref}{where}"
        reason = "it is only linked, and links are not followed"
    else:
        target = relation.target_part
        name = f"The picture {posixpath.basename(target.partname)}{where}"
        yield from picture(target.blob, name, caption=caption, alt=alt, page=page, bbox=bbox)
        return
    yield from left_out(name, reason, caption=caption, alt=alt, page=page)


def embedded_chart(
    part: Any,
    relation_id: str | None,
    *,
    caption: str | None = None,
    page: int | None = None,
    bbox: BBox | None = None,
) -> Iterator[Element]:
    """A native chart: drawn, and its data as a table. caption: where it has no title."""
    try:
        xml = part.rels[relation_id].target_part.blob
        root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False))
        is_new = etree.QName(root).namespace == NAMESPACE_2016
        chart = read_chart_2016(root) if is_new else read_chart(root)
    except (LookupError, ValueError, etree.XMLSyntaxError) as error:
        yield Skipped(f"A chart{f' on slide {page}' if page else ''}", f"no data in it ({error})")
        return
    if chart:
        yield from chart_elements(chart, caption, page=page, bbox=bbox)


def chart_elements(
    chart: Chart, caption: str | None, *, page: int | None = None, bbox: BBox | None = None
) -> Iterator[Element]:
    """A chart drawn, and its data as a table with the same picture: either answers questions."""
    caption = chart.caption(caption)
    image = cache(partial(draw_chart, chart, caption))
    yield Figure(image, caption, data=chart.words(), page=page, bbox=bbox)
    yield replace(chart.table(caption), page=page, bbox=bbox, image=image)


def embedded_diagram(
    part: Any, relation_id: str | None, *, page: int | None = None, bbox: BBox | None = None
) -> Iterator[Element]:
    """The text of a SmartArt diagram."""
    try:
        text = diagram_text(part.rels[relation_id].target_part.blob)
    except (LookupError, ValueError, etree.XMLSyntaxError) as error:
        yield Skipped(f"A diagram{f' on slide {page}' if page else ''}", f"no text in it ({error})")
        return
    if text:
        yield Paragraph(text, page, bbox)
