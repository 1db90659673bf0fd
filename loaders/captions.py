"""Joins the captions that a document prints to the figures and tables beside them.

A reader marks a paragraph that may be a caption; here it becomes part of the figure or
table that it stands directly above or below, or else an ordinary paragraph. Leaves out
captions that the format itself ties to the figure (`figcaption`, a title), and layouts
without reading order (PDF).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from loaders.elements import Element, Figure, Paragraph, Table

MAX_CAPTION_CHARS = 500
FIGURE_LABELS = (
    "figure|fig|chart|diagram|exhibit|image|photo|photograph|picture|illustration|plate|map|scheme|"
    "graph|screenshot|abbildung|abb|bild|grafik|figura|figuur|afbeelding|рисунок|рис|图|図"
)
TABLE_LABELS = "table|tabelle|tab|tabla|tableau|tabela|tabella|таблица|表"
LABELLED = re.compile(
    rf"(?i:(?P<figure>{FIGURE_LABELS})|(?P<table>{TABLE_LABELS}))"
    r"(?:\.?\s*(?:\d+|[A-Z]|[IVX]+)(?:[.\-–]\d+)*[a-z]?(?:\([a-z]\))?"  # a number, then
    r"(?:\s*[.:)|–—-]|\s*$|\s+(?=[^\Wa-z\d_]|[\"“(]))"  # no small letter: that is a sentence
    r"|\s*:)"
)


@dataclass(frozen=True, slots=True)
class CaptionText:
    """A paragraph that may be a caption. is_below: only of a figure directly above it."""

    text: str
    page: int | None = None
    is_below: bool = False


Marked = Element | CaptionText


def is_labelled(text: str) -> bool:
    """Whether a text reads as a caption ("Figure 2: …"), not as a sentence ("Figure 2 shows …")."""
    return len(text) <= MAX_CAPTION_CHARS and LABELLED.match(text.strip()) is not None


def join_captions(elements: Iterable[Marked]) -> Iterator[Element]:
    """The elements in order, each caption given to its figures or table and said only there."""
    near: list[CaptionText | Figure | Table] = []
    for element in elements:
        if isinstance(element, CaptionText | Figure | Table):
            near.append(element)
        else:
            yield from _joined(near)
            near = []
            yield element
    yield from _joined(near)


def _joined(near: list[CaptionText | Figure | Table]) -> Iterator[Element]:
    """near: captions, figures and tables that follow each other with nothing in between."""
    captions = _captions_of_owners(near)
    taken = {id(caption) for caption in captions.values()}
    for element in near:
        if not isinstance(element, CaptionText):
            own = captions.get(id(element))
            yield replace(element, caption=own.text) if own else element
        elif id(element) not in taken:
            yield Paragraph(element.text, page=element.page)


def _captions_of_owners(near: list[CaptionText | Figure | Table]) -> dict[int, CaptionText]:
    """id of a figure or table → its caption."""
    runs: list[list[CaptionText]] = [[]]
    owners: list[list[Figure | Table]] = []  # owners[n] stand between runs[n] and runs[n + 1]
    for kind, group in groupby(near, key=type):
        if kind is CaptionText:
            runs[-1] = [e for e in group if isinstance(e, CaptionText)]
        else:
            owners.append([e for e in group if not isinstance(e, CaptionText)])
            runs.append([])
    near_types = {type(element) for element in near}
    found: dict[int, CaptionText] = {}
    for n, group_of_owners in enumerate(owners):
        open_owners = [o for o in group_of_owners if not o.caption]
        if not open_owners:
            continue
        taken = {id(caption) for caption in found.values()}
        # What stands above and belongs to nothing before it belongs here; else what is below.
        above = [
            c
            for c in runs[n]
            if id(c) not in taken and not c.is_below and _fits(c, open_owners[0], near_types)
        ]
        below = [c for c in runs[n + 1] if _fits(c, open_owners[0], near_types)]
        fitting = above or below
        if len(fitting) == len(open_owners):
            found |= {id(o): c for o, c in zip(open_owners, fitting, strict=True)}
        elif fitting:
            nearest = above[-1] if above else below[0]
            found |= {id(o): nearest for o in open_owners}
    return found


def _fits(caption: CaptionText, owner: Figure | Table, near_types: set[type]) -> bool:
    """Whether the caption's label suits its owner.

    near_types: where there is no figure, a "Figure" may be a chart, which is read as a
    table; where there is no table, a "Table" may be the picture of one.
    """
    label = LABELLED.match(caption.text.strip())
    if label and label["table"]:
        return isinstance(owner, Table) or Table not in near_types
    if label and label["figure"]:
        return isinstance(owner, Figure) or Figure not in near_types
    return isinstance(owner, Figure) or not caption.is_below
