"""The caption of a table and the line that says in what its numbers are given.

Leaves out headings above a table that give it no number: they are headings.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from loaders.pdf.letters import LINE_END_HYPHEN
from loaders.pdf.page import Box, Segment
from loaders.pdf.paragraphs import joined
from loaders.pdf.table_lines import YEAR, TextLine

LABEL = re.compile(
    r"(?:(?i:(?:appendix |supplementary |supplemental )?(?:table|tab|tabelle|tableau|tabla|tabela"
    r"|tabella|tabel|taulukko|tabell|таблица|табл)\.?)\s*"
    r"(?P<number>(?:[A-Z]{1,3}[.\-–]?)?\d+(?:[.\-–]\d+)*[A-Za-z]?|[IVXL]+|[A-Z])"
    r"|No\.\s?(?P<count>\d+[A-Z]?)\.)"
    r"(?P<mark>\s*(?:[.:|—–-]|\(|$)|\s+(?=[A-Z“\"(\[]))"
)
"""The number is followed by a mark or a capital: "Table 3 shows" is a sentence."""
CONTINUED = re.compile(
    r"[(\[,.—–-]*\s*\b(?:continued|con(?:t(?:['’]?d)?)?|cont'd|fortsetzung|suite|continuación)\b"
    r"\.?\s*[)\]]?",
    re.IGNORECASE,
)
UNIT = re.compile(
    r"[\[(].{2,}[\])]?|(?:in|values in|figures in|all figures in|amounts in)\s.{2,60}"
    r"|.{0,40}\b(?:millions?|thousands?|billions?|percent|per cent|percentages?|dollars|euros?|US\$"
    r"|USD|EUR|€|£)\b.{0,40}|%",
    re.IGNORECASE | re.DOTALL,
)
MAX_LINES = 9
MAX_UNIT_CHARS = 600
MAX_GAP, MAX_FIRST_GAP, MAX_LABEL_GAP = 1.9, 3.2, 4.5
"""Between the lines of a caption, and between it and the table, in type sizes; a line that
begins with a label may stand further off."""

MAX_NUMBER_GAP = 3.0
"""Between the word "Table" and its number, in type sizes."""


@dataclass(frozen=True, slots=True)
class TableCaption:
    """What a document prints above or below a table."""

    text: str
    box: Box
    segments: tuple[Segment, ...]
    unit: str | None = None


def is_label(line: TextLine) -> bool:
    """Whether a line begins a caption of a table; contents have their numbers far off."""
    if LABEL.match(line.text) is None:
        return False
    first, *rest = line.pieces
    is_near = not rest or rest[0].x0 - first.x1 <= MAX_NUMBER_GAP * first.size
    return is_near or LABEL.match(first.text) is not None


def label_number(caption: str) -> str | None:
    """The number of the table that a caption names."""
    found = LABEL.match(caption)
    return (found["number"] or found["count"]).casefold() if found else None


def is_continued(caption: str) -> bool:
    """Whether a caption says that its table began on a page before."""
    return len(caption) <= 400 and CONTINUED.search(caption) is not None


def caption_above(
    lines: Sequence[TextLine], box: Box, vocabulary: Collection[str]
) -> TableCaption | None:
    """The caption that ends right above the box. lines: those not in it, from the top."""
    held: list[TextLine] = []
    edge, gap = box.y0, MAX_FIRST_GAP
    for line in reversed(lines):
        part = line.meeting(box.x0 - 30, box.x1 + 30)
        if part is None or part.box.y1 > box.y0 + 0.6 * part.size:
            continue
        if sum(p.is_numeric and not YEAR.fullmatch(p.text) for p in part.pieces) > 1:
            return None
        reach = MAX_LABEL_GAP if not held and is_label(part) else gap
        if edge - part.box.y1 > reach * part.size or len(held) == MAX_LINES:
            return None
        held.insert(0, part)
        if is_label(part):
            return _caption(held, vocabulary, has_unit=True)
        edge, gap = part.box.y0, max(MAX_GAP, gap - 0.6)
    return None


def caption_below(
    lines: Sequence[TextLine], box: Box, vocabulary: Collection[str]
) -> TableCaption | None:
    """The caption that begins right below the box."""
    held: list[TextLine] = []
    for line in lines:
        part = line.meeting(box.x0 - 6, box.x1 + 6)
        if part is None or part.box.y0 < box.y1 - 0.6 * part.size:
            continue
        if not held:
            if not is_label(part) or part.box.y0 - box.y1 > MAX_FIRST_GAP * part.size:
                return None
        else:
            step = part.baseline - held[-1].baseline
            usual = held[1].baseline - held[0].baseline if len(held) > 1 else 1.35 * part.size
            is_other = max(part.size, held[0].size) > 1.1 * min(part.size, held[0].size)
            is_over = held[-1].box.x1 < held[0].box.x1 - 4 * part.size
            if step > 1.15 * usual or is_other or is_label(part):
                break
            if len(held) == MAX_LINES or (is_over and held[-1].text.endswith(".")):
                break
        held.append(part)
    return _caption(held, vocabulary, has_unit=False) if held else None


def _caption(
    lines: Sequence[TextLine], vocabulary: Collection[str], *, has_unit: bool
) -> TableCaption:
    """has_unit: whether lines at its end may say in what the numbers are given."""
    first_unit = len(lines)
    if has_unit:
        first_unit = next((k for k in range(1, len(lines)) if _is_unit(lines[k:])), len(lines))
    unit = lines[first_unit:]
    return TableCaption(
        text=_text(lines[:first_unit], vocabulary),
        box=Box.around(line.box for line in lines),
        segments=tuple(dict.fromkeys(p.segment for line in lines for p in line.pieces)),
        unit=_text(unit, vocabulary) if unit else None,
    )


def _is_unit(lines: Sequence[TextLine]) -> bool:
    text = " ".join(line.text for line in lines)
    if len(text) > MAX_UNIT_CHARS:
        return False
    if text.startswith("["):
        return True
    if text.startswith("("):
        return text.rstrip(" .").endswith(")")
    return len(lines) == 1 and len(text) <= 90 and UNIT.fullmatch(text) is not None


def _text(lines: Sequence[TextLine], vocabulary: Collection[str]) -> str:
    whole = lines[0].text
    for line in lines[1:]:
        whole = joined(whole, line.text, vocabulary)
    return whole.replace(LINE_END_HYPHEN, "-").strip()
