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
SECTION = re.compile(
    r"(?:^|, )(?:(?:sheet|section|chapter|poem) |(?=[A-Z])(?!Figure |Table ))([^,]+)"
)
"""Under this it stands; a name alone, which begins with a capital, is a section's as well."""
NAME = re.compile(r'"([^"]+)"|(?:^|(?<=\s))([A-Z][^,"]*)')
"""Of a table, row or figure: quoted or with a capital; the other words describe it."""
ASIDE = re.compile(r"\([^()]*\)")
SHOWING = {
    "chart": frozenset({"figure", "table"}),
    "figure": frozenset({"figure"}),
    "image": frozenset({"figure"}),
    "video": frozenset({"figure"}),
}
"""Modality of a question → those of the Documents that can show what is only described."""


@dataclass(frozen=True, slots=True)
class GoldPlace:
    """pages: 1-based. sections: sheets too. names: of table, row or figure. cell: "D7".

    span: in seconds. modalities: of which one is at the place, where nothing else tells it.
    """

    pages: tuple[int, ...] = ()
    sections: tuple[str, ...] = ()
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
        where = ASIDE.sub("", where)
        cell, times = CELL.search(where), TIMES.search(where)
        named = NAME.findall(SECTION.sub("", CELL.sub("", where)))
        place = GoldPlace(
            sections=tuple(name.strip() for name in SECTION.findall(where)),
            names=tuple(quoted or bare.strip() for quoted, bare in named),
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
            and all(_is_among(name, about, "sheet", "section") for name in self.sections)
            and all(_is_named(name, document) for name in self.names)
            and (self.cell is None or _lies_in(self.cell, about.get("cells")))
            and (self.span is None or _overlaps(self.span, about))
            and (not self.modalities or about["modality"] in self.modalities)
        )


def _seconds(found: re.Match[str]) -> tuple[int, int]:
    start_m, start_s, end_m, end_s = map(int, found.groups())
    return 60 * start_m + start_s, 60 * end_m + end_s


def _is_named(name: str, document: Document) -> bool:
    """Whether it has the name or stands under it; a row, and what is above a figure, are words."""
    about = document.metadata
    if _is_among(name, about, "section", "caption"):
        return True
    return about["modality"] in {"table", "figure"} and _says(document.page_content, name)


def _is_among(name: str, about: Mapping[str, Any], *keys: str) -> bool:
    return any(_says(about.get(key, ""), name) for key in keys)


def _says(text: str, name: str) -> bool:
    """Whether the name stands there in whole words."""
    return re.search(rf"(?<!\w){re.escape(_plain(name))}(?!\w)", _plain(text)) is not None


def _plain(text: str) -> str:
    return text.casefold().replace("’", "'")


def _lies_in(cell: str, cells: str | None) -> bool:
    """Whether "D7" is one of "B2:F15"."""
    wanted, area = Area.parsed(cell), Area.parsed(cells or "")
    return bool(wanted and area and area.holds(wanted[:2]))


def _overlaps(span: tuple[int, int], about: Mapping[str, Any]) -> bool:
    return "start" in about and about["start"] < span[1] and about["end"] > span[0]
