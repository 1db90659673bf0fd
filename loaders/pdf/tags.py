"""Alternative texts of a tagged PDF's figures, and where on the page those figures are.

Leaves out what else the tags tell: headings and reading order come from how a page looks,
since few files are tagged well.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium

from loaders.pdf.page import Box, Frame
from loaders.pictures import alt_text

MAX_ELEMENTS = 20_000
"""Of the structure of one page."""
MAX_OBJECTS = 50_000
"""Objects of one page among which a figure's are looked for."""
MAX_ALT_BYTES = 8_192


class TaggedFigure(NamedTuple):
    """A figure that the author tagged. alt: its alternative text."""

    box: Box
    alt: str


def tagged_figures(page: Any, frame: Frame) -> list[TaggedFigure]:
    """The figures of a pypdfium2 page that have an alternative text."""
    tree = pdfium.FPDF_StructTree_GetForPage(page.raw)
    if not tree:
        return []
    try:
        told = {
            content: alt
            for element in islice(_elements(tree), MAX_ELEMENTS)
            if _text(element, pdfium.FPDF_StructElement_GetType) == "Figure"
            and (alt := alt_text(_text(element, pdfium.FPDF_StructElement_GetAltText)))
            for content in _contents(element)
        }
    finally:
        pdfium.FPDF_StructTree_Close(tree)
    return [TaggedFigure(box, alt) for alt, box in _boxes(page, frame, told).items()]


def _elements(tree: Any) -> Iterator[Any]:
    """Every element below the tree; the depth is PDFium's to bound."""
    count = pdfium.FPDF_StructTree_CountChildren(tree)
    waiting = [pdfium.FPDF_StructTree_GetChildAtIndex(tree, k) for k in range(count)]
    while waiting:
        element = waiting.pop()
        if not element:
            continue
        yield element
        count = min(pdfium.FPDF_StructElement_CountChildren(element), MAX_ELEMENTS)
        waiting += [pdfium.FPDF_StructElement_GetChildAtIndex(element, k) for k in range(count)]


def _contents(element: Any) -> Iterator[int]:
    """The marked content on the page that an element stands for."""
    count = pdfium.FPDF_StructElement_GetMarkedContentIdCount(element)
    own = (pdfium.FPDF_StructElement_GetMarkedContentIdAtIndex(element, k) for k in range(count))
    yield from (content for content in own if content >= 0)


def _text(element: Any, call: Callable[..., int]) -> str:
    n_bytes = call(element, None, 0)
    if not 2 < n_bytes <= MAX_ALT_BYTES:
        return ""
    buffer = ctypes.create_string_buffer(n_bytes)
    call(element, buffer, n_bytes)
    return buffer.raw[: n_bytes - 2].decode("utf-16-le", "replace").strip("\0 ")


def _boxes(page: Any, frame: Frame, told: dict[int, str]) -> dict[str, Box]:
    """Alternative text → the box around all objects of its figure."""
    found: dict[str, Box] = {}
    count = pdfium.FPDFPage_CountObjects(page.raw) if told else 0
    edges = [ctypes.c_float() for _ in range(4)]
    for k in range(min(count, MAX_OBJECTS)):
        handle = pdfium.FPDFPage_GetObject(page.raw, k)
        alt = told.get(pdfium.FPDFPageObj_GetMarkedContentID(handle))
        if alt is None or not pdfium.FPDFPageObj_GetBounds(handle, *edges):
            continue
        drawn = np.array([[edge.value for edge in edges]])
        box = Box(*(float(v) for v in frame.displayed(drawn)[0]))
        found[alt] = Box.around([found[alt], box]) if alt in found else box
    return found
