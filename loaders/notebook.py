"""Reads Jupyter notebooks: their text, their code, and what the code gave: plots, tables, words.

Leaves out interactive widgets, and what a script would draw.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loaders.elements import Element, Figure, Info, Paragraph, Skipped, Table
from loaders.encoding import read_text
from loaders.errors import BrokenDocument
from loaders.loader import DocumentLoader
from loaders.markdown import read_markdown
from loaders.markup import read_html
from loaders.named_pictures import NamedPictures
from loaders.pictures import picture
from loaders.source import SourceFile

PICTURE_TYPES = ("image/png", "image/jpeg", "image/svg+xml", "image/gif", "image/webp")
TEXT_TYPES = ("text/markdown", "text/latex", "text/plain", "application/json")
ANSI = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
OBJECT_NAME = re.compile(r"<[\w.]+(?: [^<>]*)?>|[\w.]+\([^)]{0,80}\) *|<Figure size .*>", re.DOTALL)
"""What Python prints of a figure or object that has no text: it says nothing."""
MAX_OUTPUT_CHARS = 20_000
"""Of one output's text; logs are longer, and say the same again and again."""
ATTACHMENT = "attachment:"


class NotebookLoader(DocumentLoader):
    """Reads .ipynb files of versions 3 and 4."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        notebook = _parsed(read_text(file, self.limits), file.name)
        metadata = _mapping(notebook.get("metadata"))
        cells = [_mapping(cell) for cell in _cells(notebook)]
        yield Info(title=_text(metadata.get("title")) or _first_heading(cells))
        for n, cell in enumerate(cells, 1):
            reader = _Cell(cell, n, file, self)
            yield from reader.elements()


class _Cell:
    """One cell of a notebook."""

    def __init__(
        self, cell: Mapping[str, Any], n: int, file: SourceFile, loader: DocumentLoader
    ) -> None:
        self._cell = cell
        self._name = f"cell {n}"
        self._limits = loader.limits
        self._pictures = NamedPictures(
            file, loader.limits, titles_are_captions=True, inside=self._attachment
        )

    def elements(self) -> Iterator[Element]:
        """What the cell says, then what its code gave."""
        kind = self._cell.get("cell_type")
        source = _text(self._cell.get("source", self._cell.get("input")))
        if kind == "heading":  # of version 3
            level = self._cell.get("level", 1)
            source = f"{'#' * int(level) if level in range(1, 7) else '#'} {source}"
        if kind in {"markdown", "heading"}:
            yield from read_markdown(source, self._pictures, self._limits)
        elif source.strip():
            yield Paragraph(source.strip("\n"), is_whole=True)
        for output in _list(self._cell.get("outputs")):
            yield from self._output(_mapping(output))

    def _output(self, output: Mapping[str, Any]) -> Iterator[Element]:
        kind = output.get("output_type")
        if kind == "stream":
            yield from _printed(_text(output.get("text")))
        elif kind in {"error", "pyerr"}:
            yield from _printed(f"{output.get('ename')}: {_text(output.get('evalue'))}")
        else:
            yield from self._shown(_mapping(output.get("data", _data_of_version_3(output))))

    def _shown(self, data: Mapping[str, Any]) -> Iterator[Element]:
        """The best form of what one output shows."""
        printed = _text(data.get("text/plain"))
        for kind in PICTURE_TYPES:
            if kind in data:
                yield from self._picture(kind, data[kind])
                if printed.strip() and not OBJECT_NAME.fullmatch(printed.strip()):
                    yield from _printed(printed)
                return
        if "text/html" in data:
            page = list(read_html(_text(data["text/html"]), self._pictures, self._limits))
            if any(isinstance(element, Table | Figure) for element in page) or not printed:
                yield from page
                return
        found = next((data[kind] for kind in TEXT_TYPES if kind in data), None)
        if "text/markdown" in data:
            yield from read_markdown(_text(found), self._pictures, self._limits)
        elif found is not None:
            yield from _printed(found if isinstance(found, str) else printed or _text(found))

    def _picture(self, kind: str, data: Any) -> Iterator[Element]:
        name = f"The picture of {self._name}"
        content = _text(data)
        try:
            decoded = content.encode() if kind == "image/svg+xml" else base64.b64decode(content)
        except (binascii.Error, ValueError) as error:
            yield Skipped(name, f"its data cannot be decoded ({error})")
            return
        yield from picture(decoded, name)

    def _attachment(self, address: str) -> bytes | None:
        """A picture that is pasted into the cell."""
        if not address.startswith(ATTACHMENT):
            return None
        attachments = _mapping(self._cell.get("attachments"))
        data = _mapping(attachments.get(address.removeprefix(ATTACHMENT)))
        for kind, content in data.items():
            if kind.startswith("image/"):
                try:
                    return base64.b64decode(_text(content))
                except (binascii.Error, ValueError):
                    return None
        return None


def _parsed(text: str, name: str) -> Mapping[str, Any]:
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BrokenDocument(
            f"{name} is a damaged notebook ({error}). Open it in Jupyter and save it again."
        ) from error
    if not isinstance(notebook, dict) or not ("cells" in notebook or "worksheets" in notebook):
        raise BrokenDocument(f"{name} is named a Jupyter notebook but holds no cells.")
    return notebook


def _cells(notebook: Mapping[str, Any]) -> list[Any]:
    if "cells" in notebook:
        return _list(notebook["cells"])
    sheets = [_mapping(sheet) for sheet in _list(notebook["worksheets"])]
    return [cell for sheet in sheets for cell in _list(sheet.get("cells"))]


def _first_heading(cells: Sequence[Mapping[str, Any]]) -> str | None:
    """The notebook's title, where its first text begins with a main heading."""
    told = next((c for c in cells if c.get("cell_type") in {"markdown", "heading"}), {})
    if told.get("cell_type") == "heading":
        return _text(told.get("source")) or None
    found = re.match(r"\s*#[ \t]+(.+)", _text(told.get("source")))
    return found[1].strip("*_# ") if found else None


def _data_of_version_3(output: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {"png": "image/png", "jpeg": "image/jpeg", "svg": "image/svg+xml"}
    kinds |= {"html": "text/html", "text": "text/plain", "latex": "text/latex"}
    return {kinds[key]: value for key, value in output.items() if key in kinds}


def _printed(text: str) -> Iterator[Element]:
    shown = ANSI.sub("", text).strip("\n")
    # Of a line that was written over, as a progress bar is, the last state.
    shown = "\n".join(line.rsplit("\r", 1)[-1] for line in shown.split("\n"))
    if shown.strip():
        yield Paragraph(shown[:MAX_OUTPUT_CHARS], is_whole=True)
    if len(shown) > MAX_OUTPUT_CHARS:
        reason = f"the limit is {MAX_OUTPUT_CHARS:,} characters an output"
        yield Skipped(f"{len(shown) - MAX_OUTPUT_CHARS:,} characters that code printed", reason)


def _text(value: Any) -> str:
    """A text, which notebooks write as a string or as its lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
