"""The fields of a PDF form that someone has filled in, as text with what they are called.

Leaves out empty and unticked fields, passwords, buttons, signatures and XFA.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pypdfium2.raw as pdfium

from loaders.pdf.page import Box

MAX_VALUE_CHARS = 20_000
MAX_OPTIONS = 1_000
MAX_LABEL_CHARS = 120
MAX_LEFT_POINTS, MAX_RIGHT_POINTS, MAX_ABOVE_POINTS = 150.0, 40.0, 14.0
"""How far from its field a printed label may stand."""
PASSWORD_FLAG = 1 << 13
TEXT_KINDS = {pdfium.FPDF_FORMFIELD_TEXTFIELD}
CHOICE_KINDS = {pdfium.FPDF_FORMFIELD_COMBOBOX, pdfium.FPDF_FORMFIELD_LISTBOX}
TICK_KINDS = {pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON}
YES = "yes"


class Printed(Protocol):
    """Text on the page."""

    @property
    def text(self) -> str: ...

    @property
    def box(self) -> Box: ...


@dataclass(frozen=True, slots=True)
class Field:
    """A field that is filled in. value: empty where a box is ticked."""

    name: str
    """As the program that made the form calls it."""
    hint: str
    """What the form shows when the mouse is on it."""
    value: str

    def text(self, box: Box, printed: Sequence[Printed]) -> str:
        """The field as a line of text; its name is the hint, or what is printed beside it."""
        near = _right_of(box, printed) if not self.value else _before(box, printed)
        label = self.hint or near or self.name
        return f"{label}: {self.value or YES}" if label else self.value


def read_field(formenv: Any, annotation: Any) -> Field | None:
    """The field behind a widget of the page; None if nothing is filled in."""
    kind = pdfium.FPDFAnnot_GetFormFieldType(formenv, annotation)
    if kind in TEXT_KINDS:
        flags = pdfium.FPDFAnnot_GetFormFieldFlags(formenv, annotation)
        value = _string(pdfium.FPDFAnnot_GetFormFieldValue, formenv, annotation)
        if flags & PASSWORD_FLAG or not value:
            return None
    elif kind in CHOICE_KINDS:
        value = ", ".join(_chosen(formenv, annotation))
        value = value or _string(pdfium.FPDFAnnot_GetFormFieldValue, formenv, annotation)
        if not value:
            return None
    elif kind in TICK_KINDS and pdfium.FPDFAnnot_IsChecked(formenv, annotation):
        value = ""
    else:
        return None
    name = _string(pdfium.FPDFAnnot_GetFormFieldName, formenv, annotation)
    hint = _string(pdfium.FPDFAnnot_GetFormFieldAlternateName, formenv, annotation)
    return Field(_cleaned_name(name), _cleaned(hint), value[:MAX_VALUE_CHARS])


def _chosen(formenv: Any, annotation: Any) -> list[str]:
    n_options = min(pdfium.FPDFAnnot_GetOptionCount(formenv, annotation), MAX_OPTIONS)
    return [
        _string(pdfium.FPDFAnnot_GetOptionLabel, formenv, annotation, index)
        for index in range(n_options)
        if pdfium.FPDFAnnot_IsOptionSelected(formenv, annotation, index)
    ]


def _string(call: Callable[..., int], *arguments: Any) -> str:
    n_bytes = call(*arguments, None, 0)
    if n_bytes <= 2:
        return ""
    buffer = ctypes.create_string_buffer(n_bytes)
    call(*arguments, ctypes.cast(buffer, ctypes.POINTER(pdfium.FPDF_WCHAR)), n_bytes)
    text = buffer.raw.decode("utf-16-le", "ignore").rstrip("\0").replace("\r\n", "\n")
    return text.replace("\r", "\n").strip()


def _before(box: Box, printed: Sequence[Printed]) -> str:
    """What is printed left of a field, or else above it."""
    left = [
        (box.x0 - p.box.x1, p.text)
        for p in printed
        if _is_beside(box, p.box) and -2 <= box.x0 - p.box.x1 <= MAX_LEFT_POINTS
    ]
    above = [
        (box.y0 - p.box.y1, p.text)
        for p in printed
        if min(box.x1, p.box.x1) > max(box.x0, p.box.x0)
        and -2 <= box.y0 - p.box.y1 <= MAX_ABOVE_POINTS
    ]
    return _cleaned(min(left or above, default=(0.0, ""))[1])


def _right_of(box: Box, printed: Sequence[Printed]) -> str:
    """What is printed right of a box to tick, or else before it."""
    right = [
        (p.box.x0 - box.x1, p.text)
        for p in printed
        if _is_beside(box, p.box) and -2 <= p.box.x0 - box.x1 <= MAX_RIGHT_POINTS
    ]
    return _cleaned(min(right)[1]) if right else _before(box, printed)


def _is_beside(box: Box, other: Box) -> bool:
    common = min(box.y1, other.y1) - max(box.y0, other.y0)
    return common > 0.5 * min(box.height, other.height)


def _cleaned(label: str) -> str:
    return re.sub(r"\s+", " ", label)[:MAX_LABEL_CHARS].strip(" :*.…_")


def _cleaned_name(name: str) -> str:
    """The last part of a field's full name, in words."""
    last = re.sub(r"\[\d+\]$", "", name.rpartition(".")[2])
    return _cleaned(re.sub(r"(?<=[a-z])(?=[A-Z])|_+", " ", last))
