"""What lies on a page besides its own content: filled-in fields, notes, targets of links.

Each becomes a paragraph after the page's text. Leaves out what is already printed on the
page, popups (they repeat their note), and what is hidden or lies off the page.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from loaders.elements import Paragraph
from loaders.pdf.forms import Field, read_field
from loaders.pdf.letters import INVISIBLE, LINE_END_HYPHEN
from loaders.pdf.page import Box, Frame
from loaders.pdf.segments import TextLayer

MIN_ROOM_POINTS = 2.0
MAX_ANNOTATIONS = 5_000
"""On one page."""
MAX_NOTE_CHARS, MAX_AUTHOR_CHARS = 20_000, 80
MIN_REPEATED_CHARS = 10
"""A shorter note may well have words that are printed on the page, and still be a note."""
MAX_LINKS = 12
"""A page with more targets that are not printed is an index or full of references: there
they would drown the text, and are left out."""
MAX_URI_CHARS = 300
URI = re.compile(r"(?:https?://|mailto:)[^\s\x00-\x1f\x7f]+", re.IGNORECASE)
NOTES = {
    pdfium.FPDF_ANNOT_TEXT,
    pdfium.FPDF_ANNOT_FREETEXT,
    pdfium.FPDF_ANNOT_LINE,
    pdfium.FPDF_ANNOT_SQUARE,
    pdfium.FPDF_ANNOT_CIRCLE,
    pdfium.FPDF_ANNOT_POLYGON,
    pdfium.FPDF_ANNOT_POLYLINE,
    pdfium.FPDF_ANNOT_HIGHLIGHT,
    pdfium.FPDF_ANNOT_UNDERLINE,
    pdfium.FPDF_ANNOT_SQUIGGLY,
    pdfium.FPDF_ANNOT_STRIKEOUT,
    pdfium.FPDF_ANNOT_STAMP,
    pdfium.FPDF_ANNOT_CARET,
    pdfium.FPDF_ANNOT_INK,
}
HIDDEN = pdfium.FPDF_ANNOT_FLAG_HIDDEN | pdfium.FPDF_ANNOT_FLAG_NOVIEW


class PrintedText(NamedTuple):
    """Words side by side on a page, as displayed."""

    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class Annotations:
    """Those of one page, in the order in which they are read."""

    paragraphs: Sequence[Paragraph] = ()
    n_hidden: int = 0
    """Characters of notes and fields that are not shown."""


def read_annotations(page: Any, frame: Frame, number: int, layer: TextLayer) -> Annotations:
    """The annotations of a pypdfium2 page of that number. layer: its own text."""
    n_annotations = min(pdfium.FPDFPage_GetAnnotCount(page), MAX_ANNOTATIONS)
    if n_annotations < 1:
        return Annotations()
    printed = [
        PrintedText(segment.text, sheet.on_page(segment.box))
        for sheet, segments in layer.sheets(frame)
        for segment in segments
    ]
    found = _Found(printed)
    for index in range(n_annotations):
        with _opened(page, index) as annotation:
            if annotation:
                found.add(page, annotation, frame)
    paragraphs = [
        Paragraph(text, number, frame.fractions(box)) for text, box in found.texts() if text
    ]
    return Annotations(paragraphs, found.n_hidden)


class _Found:
    """Takes in one annotation after the other."""

    def __init__(self, printed: Sequence[PrintedText]) -> None:
        self.n_hidden = 0
        self._printed = printed
        whole = " ".join(p.text for p in printed)
        self._whole, self._letters = _squeezed(whole), _letters(whole)
        self._fields: list[tuple[Field, Box]] = []
        self._notes: list[tuple[str, str, Box]] = []
        self._links: dict[str, list[Box]] = {}

    def add(self, page: Any, annotation: Any, frame: Frame) -> None:
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        box = _box(annotation, frame)
        is_shown = not pdfium.FPDFAnnot_GetFlags(annotation) & HIDDEN and frame.box.contains(
            (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        )
        # A note shows an icon whatever its box; what is written on the page must have room.
        is_icon = kind == pdfium.FPDF_ANNOT_TEXT
        is_shown &= is_icon or min(box.width, box.height) >= MIN_ROOM_POINTS
        if kind == pdfium.FPDF_ANNOT_LINK:
            uri = _uri(page.pdf, annotation)
            if uri and is_shown:
                self._links.setdefault(uri, []).append(box)
        elif kind == pdfium.FPDF_ANNOT_WIDGET and page.formenv:
            field = read_field(page.formenv, annotation)
            if field and is_shown:
                self._fields.append((field, box))
            elif field and field.value:
                self.n_hidden += len(_squeezed(field.value))
        elif kind in NOTES and (written := _note(annotation)):
            if is_shown:
                self._notes.append((_introduction(annotation, kind), written, box))
            else:
                self.n_hidden += len(_squeezed(written))

    def texts(self) -> Iterator[tuple[str, Box]]:
        """Fields as they stand on the page, then notes, then targets of links."""
        for field, box in sorted(self._fields, key=lambda own: (round(own[1].y0 / 4), own[1].x0)):
            within = " ".join(p.text for p in self._printed if box.holds_centre_of(p.box))
            if not field.value or _squeezed(field.value) not in _squeezed(within):
                yield field.text(box, self._printed), box
        for introduction, written, box in dict.fromkeys(self._notes):
            if len(written) < MIN_REPEATED_CHARS or _squeezed(written) not in self._whole:
                yield f"{introduction}{written}", box
        targets = {u: b for u, b in self._links.items() if not self._is_printed(u)}
        if 0 < len(targets) <= MAX_LINKS:
            for uri, boxes in targets.items():
                words = " ".join(_words_in(box, self._printed) for box in boxes).strip()
                words = re.sub(f"{LINE_END_HYPHEN} ?", "", words)
                yield f"Link: {words} ({uri})" if words else f"Link: {uri}", Box.around(boxes)

    def _is_printed(self, uri: str) -> bool:
        bare = re.sub(r"^(?:https?://|mailto:)(?:www\.)?", "", uri, flags=re.IGNORECASE)
        return _letters(bare) in self._letters


def _words_in(box: Box, printed: Sequence[PrintedText]) -> str:
    """The words that stand in the box, by their share of their line's length."""
    found = []
    for text, line in printed:
        if not line.y0 <= (box.y0 + box.y1) / 2 <= line.y1 or box.common(line).area <= 0:
            continue
        step = line.width / max(1, len(text))
        found += [
            word[0]
            for word in re.finditer(r"\S+", text)
            if box.x0 <= line.x0 + step * (word.start() + word.end()) / 2 <= box.x1
        ]
    return " ".join(found)


def _note(annotation: Any) -> str:
    """What a person wrote; that a note was accepted or rejected is none."""
    is_state = pdfium.FPDFAnnot_HasKey(annotation, b"StateModel")
    return "" if is_state else _written(annotation, b"Contents")


def _introduction(annotation: Any, kind: int) -> str:
    """Whose note it is; text put on the page stands for itself."""
    if kind == pdfium.FPDF_ANNOT_FREETEXT:
        return ""
    author = " ".join(_written(annotation, b"T").split())[:MAX_AUTHOR_CHARS]
    return f"Note by {author}: " if author else "Note: "


def _written(annotation: Any, key: bytes) -> str:
    n_bytes = pdfium.FPDFAnnot_GetStringValue(annotation, key, None, 0)
    if n_bytes <= 2:
        return ""
    buffer = ctypes.create_string_buffer(n_bytes)
    pdfium.FPDFAnnot_GetStringValue(
        annotation, key, ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), n_bytes
    )
    text = buffer.raw.decode("utf-16-le", "ignore").rstrip("\0").replace("\r\n", "\n")
    return INVISIBLE.sub("", text.replace("\r", "\n"))[:MAX_NOTE_CHARS].strip()


def _uri(document: Any, annotation: Any) -> str | None:
    link = pdfium.FPDFAnnot_GetLink(annotation)
    action = pdfium.FPDFLink_GetAction(link) if link else None
    if not action or pdfium.FPDFAction_GetType(action) != pdfium.PDFACTION_URI:
        return None
    n_bytes = pdfium.FPDFAction_GetURIPath(document, action, None, 0)
    if not 0 < n_bytes <= MAX_URI_CHARS:
        return None
    buffer = ctypes.create_string_buffer(n_bytes)
    pdfium.FPDFAction_GetURIPath(document, action, buffer, n_bytes)
    uri = buffer.value.decode("utf-8", "replace")
    return uri if URI.fullmatch(uri) else None


def _box(annotation: Any, frame: Frame) -> Box:
    rect = pdfium.FS_RECTF()
    pdfium.FPDFAnnot_GetRect(annotation, rect)
    xs, ys = sorted((rect.left, rect.right)), sorted((rect.bottom, rect.top))
    drawn = np.nan_to_num(np.array([[xs[0], ys[0], xs[1], ys[1]]]), posinf=-1e7, neginf=-1e7)
    return Box(*(float(v) for v in frame.displayed(drawn)[0]))


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text).casefold()


@contextmanager
def _opened(page: Any, index: int) -> Iterator[Any]:
    annotation = pdfium.FPDFPage_GetAnnot(page, index)
    try:
        yield annotation
    finally:
        if annotation:
            pdfium.FPDFPage_CloseAnnot(annotation)
