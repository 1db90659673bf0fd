"""Where in its document the evidence of a question stands, and whether a Document of ours does.

Question files name the place as a person would: "slide 8", "sheet Rollup, row Visualization",
"chapter III", "Sheet1, cell D7", "0:04-0:06". Leaves out boxes: those are `gold_boxes`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.documents import Document

from loaders.sheet_regions import Area

TIMES = re.compile(r"(\d{1,3}):(\d\d)\s*[-–]\s*(\d{1,3}):(\d\d)")
CELL = re.compile(r"\bcell ([A-Z]{1,3}[1-9]\d{0,6})\b")
NAME = re.compile(r'"([^"]+)"|(?:^|(?<=\s))([A-Z][^,"]*)')
"""A name is quoted or begins with a capital; other words describe, as in "native bar chart"."""
SHOWING = {
    "chart": frozenset({"figure", "table"}),
    "figure": frozenset({"figure"}),
    "image": frozenset({"figure"}),
    "video": frozenset({"figure"}),
}
"""Modality of a question → those of the Documents that can show what is only described."""


@dataclass(frozen=True, slots=True)
class GoldPlace:
    """pages: 1-based. names: of sheet, section, table or row. cell: "D7". span: in seconds.

    modalities: of which one is at the place, where nothing else tells it.
    """

    pages: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    cell: str | None = None
    span: tuple[int, int] | None = None
    modalities: frozenset[str] = frozenset()

    @staticmethod
    def parsed(where: str, pages: Sequence[int], modality: str | None) -> GoldPlace | None:
        """None where the question says nothing by which a place could be told.

        A place that is only described ("opening figure") is any figure of the document.
        """
        if pages:
            return GoldPlace(pages=tuple(pages))
        cell, times = CELL.search(where), TIMES.search(where)
        place = GoldPlace(
            names=tuple(
                quoted or bare.strip() for quoted, bare in NAME.findall(CELL.sub("", where))
            ),
            cell=cell[1] if cell else None,
            span=_seconds(times) if times else None,
        )
        if place == GoldPlace() and where:
            place = GoldPlace(modalities=SHOWING.get(modality or "", frozenset()))
        return place if place != GoldPlace() else None

    def holds(self, document: Document) -> bool:
        """Whether the Document stands there: everything that is known of the place is true."""
        about = document.metadata
        return (
            # A file of one picture has no pages, and is its only one.
            (not self.pages or about.get("page", 1) in self.pages)
            and all(_is_named(name, document) for name in self.names)
            and (self.cell is None or _lies_in(self.cell, about.get("cells")))
            and (self.span is None or _overlaps(self.span, about))
            and (not self.modalities or about["modality"] in self.modalities)
        )


def _seconds(found: re.Match[str]) -> tuple[int, int]:
    start_m, start_s, end_m, end_s = map(int, found.groups())
    return 60 * start_m + start_s, 60 * end_m + end_s


def _is_named(name: str, document: Document) -> bool:
    """Whether it stands under the name; that of a table's row is among the table's words."""
    about = document.metadata
    texts = [about.get(key, "") for key in ("sheet", "section", "caption")]
    if about["modality"] in {"table", "figure"}:
        texts.append(document.page_content)
    pattern = re.compile(rf"(?<!\w){re.escape(_plain(name))}(?!\w)")
    return any(pattern.search(_plain(text)) for text in texts)


def _plain(text: str) -> str:
    return text.casefold().replace("’", "'")


def _lies_in(cell: str, cells: str | None) -> bool:
    """Whether "D7" is one of "B2:F15"."""
    wanted, area = Area.parsed(cell), Area.parsed(cells or "")
    return bool(wanted and area and area.holds(wanted[:2]))


def _overlaps(span: tuple[int, int], about: Mapping[str, Any]) -> bool:
    return "start" in about and about["start"] < span[1] and about["end"] > span[0]
