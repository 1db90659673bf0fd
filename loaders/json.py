"""Reads JSON and JSON lines: lists of alike records as tables, all else as names and values.

Leaves out long lists of numbers, which say nothing in words, but for their beginning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from loaders.chunks import CELL_CHARS
from loaders.elements import Element, Heading, Info, Paragraph, Skipped, Table, one_line
from loaders.encoding import encoding_of, read_text
from loaders.errors import BrokenDocument, LimitExceeded
from loaders.limits import Limits
from loaders.loader import DocumentLoader
from loaders.source import SourceFile

HEAD_BYTES = 256 * 1024
"""In which the encoding of a large file is looked for."""
LINE = re.compile(r"[^\n]*+\n?+")
LINE_SUFFIXES = {".jsonl", ".ndjson"}
MAX_HEADINGS = 3
"""Deeper objects are told in lines such as `address.city: Paris`."""
MAX_DEPTH = 60
MAX_COLUMNS = 60
MIN_SHARED = 0.5
"""Of the names of alike records, those that an average record has."""
MAX_NUMBERS = 20
ROWS_AT_ONCE = 500
TITLE_KEYS = ("title", "name", "label", "id")
MAX_NAME_CHARS = 120


class JsonLoader(DocumentLoader):
    """Reads .json and .jsonl files."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        is_lines = PurePath(file.name).suffix.lower() in LINE_SUFFIXES
        left_out: list[Skipped] = []
        if is_lines and file.path.stat().st_size > self.limits.max_text_chars:
            text, left_out = _first_lines(file, self.limits)
        else:
            text = read_text(file, self.limits)
        try:
            value = None if is_lines else _parsed(text)
            if is_lines or value is INVALID:
                records, broken = _lines(text, self.limits.max_rows)
                if not records:
                    _refuse(text, file.name)
                yield Info()
                yield from self._list(records, 1)
                yield from broken
                if len(records) <= self.limits.max_rows:
                    yield from left_out
                return
        except RecursionError as error:
            raise LimitExceeded(f"{file.name} is nested too deep to be data.") from error
        yield Info(title=_title(value) if isinstance(value, dict) else None)
        yield from self._value(value, 1)

    def _value(self, value: Any, level: int) -> Iterator[Element]:
        match value:
            case dict():
                yield from self._object(value, level)
            case list():
                yield from self._list(value, level)
            case _ if said := _said(value):
                yield Paragraph(said)

    def _object(self, value: Mapping[str, Any], level: int) -> Iterator[Element]:
        """First what an object says itself, then what is in the parts of it."""
        parts = {k: v for k, v in value.items() if level <= MAX_HEADINGS and _is_part(v)}
        lines = [line for k, v in value.items() if k not in parts for line in _told(k, v, 0)]
        if lines:
            yield Paragraph("\n".join(lines))
        for name, part in parts.items():
            yield Heading(one_line(name) or "(no name)", level)
            yield from self._value(part, level + 1)

    def _list(self, values: Sequence[Any], level: int) -> Iterator[Element]:
        if len(values) > self.limits.max_rows:
            reason = f"the limit is {self.limits.max_rows:,}"
            yield Skipped(f"The records after the first {self.limits.max_rows:,}", reason)
            values = values[: self.limits.max_rows]
        columns = _columns(values)
        if columns:
            for start in range(0, len(values), ROWS_AT_ONCE):
                rows = [
                    tuple(_said(value.get(name)) for name in columns)
                    for value in values[start : start + ROWS_AT_ONCE]
                ]
                yield Table((tuple(columns), *rows))
            return
        for value in values:
            name = _title(value) if isinstance(value, dict) and level <= MAX_HEADINGS else None
            if name and _is_part(value):
                yield Heading(name, level)
                yield from self._value(value, level + 1)
            elif lines := list(_told("", value, 0)):
                yield Paragraph("\n".join(lines))


INVALID = object()
"""What a text that is no JSON is parsed to."""


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return INVALID


def _refuse(text: str, name: str) -> None:
    """Raise BrokenDocument that says where the text stops being JSON."""
    try:
        json.loads(text)
    except ValueError as error:
        raise BrokenDocument(
            f"{name} is not valid JSON ({error}). Mend it, or rename it to .txt to have it "
            "read as text."
        ) from error


def _first_lines(file: SourceFile, limits: Limits) -> tuple[str, list[Skipped]]:
    """As many lines of a large file as are read, and what is said of the others."""
    most = limits.max_cell_chars
    with file.path.open("rb") as opened:
        encoding = encoding_of(opened.read(HEAD_BYTES), file.name, is_cut=True)
    with file.path.open(encoding=encoding, errors="replace") as lines:
        text = lines.read(most)
        if not lines.read(1):
            return text, []
    text = text[: text.rfind("\n") + 1]
    if not text:
        raise LimitExceeded(
            f"The first line of {file.name} is longer than the limit of {most:,} characters."
        )
    n_lines = text.count("\n")
    return text, [
        Skipped(f"The lines after the first {n_lines:,}", f"the limit is {most:,} characters")
    ]


def _lines(text: str, max_rows: int) -> tuple[list[Any], list[Skipped]]:
    """The records of JSON lines, and what is said of the lines that are none.

    One record more than are used, if there are more: millions of short ones take gigabytes.
    """
    records: list[Any] = []
    broken: list[int] = []
    for n, found in enumerate(LINE.finditer(text), 1):
        if not (line := found[0].strip()):
            continue
        record = _parsed(line)
        if record is INVALID:
            broken.append(n)
        else:
            records.append(record)
        if len(records) > max_rows:
            break
    shown = ", ".join(map(str, broken[:5])) + (" …" if len(broken) > 5 else "")
    return records, [Skipped(f"Lines {shown}", "they are not valid JSON")] if broken else []


def _is_part(value: Any) -> bool:
    """Whether a value deserves a heading of its own."""
    if isinstance(value, dict):
        return bool(value)
    return isinstance(value, list) and any(isinstance(v, dict) for v in value)


def _columns(values: Sequence[Any]) -> list[str]:
    """The names of the columns, if these are alike records of plain values; else none."""
    if len(values) < 2:
        return []
    names: dict[str, None] = {}
    n_held = 0
    for value in values:
        if not isinstance(value, dict) or any(not _is_plain(v) for v in value.values()):
            return []
        n_held += len(value)
        names |= dict.fromkeys(value)
        if len(names) > MAX_COLUMNS:
            return []
    return list(names) if n_held >= MIN_SHARED * len(names) * len(values) else []


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(not isinstance(v, dict | list) for v in value) and len(_said(value)) < CELL_CHARS
    return not isinstance(value, dict) and len(str(value)) <= CELL_CHARS


def _told(path: str, value: Any, depth: int) -> Iterator[str]:
    """Lines of path and value for everything below."""
    is_plain_list = isinstance(value, list) and not any(isinstance(v, dict | list) for v in value)
    if depth >= MAX_DEPTH or is_plain_list or not isinstance(value, dict | list):
        if said := _said(value):
            yield f"{path}: {said}" if path else said
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _told(f"{path}.{name}" if path else name, part, depth + 1)
    elif _n_numbers(value) > MAX_NUMBERS:
        yield f"{path}: {_n_numbers(value):,} numbers" if path else f"{_n_numbers(value):,} numbers"
    else:
        for n, part in enumerate(value, 1):
            yield from _told(f"{path} {n}".strip(), part, depth + 1)


def _n_numbers(value: Any) -> int:
    """How many numbers are in lists within lists; 0 where there is anything else."""
    total, waiting = 0, [value]
    while waiting:
        for part in waiting.pop():
            if isinstance(part, list):
                waiting.append(part)
            elif isinstance(part, int | float):
                total += 1
            else:
                return 0
    return total


def _said(value: Any) -> str:
    """A value in words; "" for nothing."""
    match value:
        case None | {} | []:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            shown = [_said(v) for v in value[: MAX_NUMBERS if _n_numbers(value) else None]]
            more = [f"… {len(value):,} numbers"] if len(shown) < len(value) else []
            return ", ".join([*filter(None, shown), *more])
        case dict():
            return json.dumps(value, ensure_ascii=False)[:CELL_CHARS]
        case _:
            return str(value)


def _title(value: Mapping[str, Any]) -> str | None:
    for key in TITLE_KEYS:
        found = value.get(key)
        if isinstance(found, str | int) and (text := one_line(str(found))):
            return text[:MAX_NAME_CHARS]
    return None
