"""Reads tables that are text: values parted by commas, tabs, semicolons or bars.

The file is read piece by piece, so a large one costs time rather than memory. Leaves out what
the columns mean: numbers and dates stay as they are written.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import PurePath

from loaders.chunks import CELL_CHARS
from loaders.elements import Element, Info, Paragraph, Skipped, Table
from loaders.encoding import MAX_BYTES_PER_CHAR, encoding_of
from loaders.errors import BrokenDocument
from loaders.loader import DocumentLoader
from loaders.source import SourceFile

DELIMITERS = ",;\t|"
QUOTE = '"'
HEAD_BYTES = 256 * 1024
"""In which encoding, delimiter and header are looked for."""
HEAD_ROWS = 50
ROWS_AT_ONCE = 500
"""In one table, each with the header row."""
MAX_COLUMNS = 1_000
MAX_FIELD_CHARS = 1_000_000
NUMBER = re.compile(r"[-+(]?[$€£¥]?\s?\d[\d.,\s]*(?:[eE][-+]?\d+)?\s?[%€$)]?|\d{1,4}[-/.]\d.*")


class DelimitedLoader(DocumentLoader):
    """Reads .csv and .tsv files in any dialect and encoding."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        with file.path.open("rb") as opened:
            head = opened.read(HEAD_BYTES)
        encoding = encoding_of(head, file.name, is_cut=len(head) == HEAD_BYTES)
        yield Info()
        with file.path.open(encoding=encoding, errors="replace", newline="") as text:
            sample = text.read(HEAD_BYTES // MAX_BYTES_PER_CHAR)
            text.seek(0)
            delimiter = _delimiter(sample, file.name)
            yield from self._tables(_rows(text, delimiter, file.name))

    def _tables(self, rows: Iterator[list[str]]) -> Iterator[Element]:
        head = list(islice(rows, HEAD_ROWS))
        preamble, header, body = _parted(head)
        for line in preamble:
            yield Paragraph(" ".join(filter(None, line)))
        waiting: list[tuple[str, ...]] = []
        n_chars, most = 0, self.limits.max_cell_chars
        for n, row in enumerate(chain(body, rows)):
            n_chars += sum(map(len, row))
            if n >= self.limits.max_rows or n_chars > most:
                reason = f"the limits are {self.limits.max_rows:,} rows and {most:,} characters"
                yield Skipped(f"The rows after the first {n:,}", reason)
                break
            if max(map(len, row), default=0) > CELL_CHARS:
                yield from _table(header, waiting)
                waiting = []
                yield record(header, row)
                continue
            waiting.append(tuple(row))
            if len(waiting) == ROWS_AT_ONCE:
                yield from _table(header, waiting)
                waiting = []
        yield from _table(header, waiting)


def record(names: list[str], values: list[str]) -> Paragraph:
    """One row as lines of name and value: its cells are too long for a table."""
    named = zip([*names, *[""] * (len(values) - len(names))], values, strict=False)
    return Paragraph("\n".join(f"{n}: {v}" if n else v for n, v in named if v.strip()))


def _table(header: list[str], rows: list[tuple[str, ...]]) -> Iterator[Table]:
    if rows:
        yield Table((tuple(header), *rows))


def _rows(text: io.TextIOBase, delimiter: str, name: str) -> Iterator[list[str]]:
    """The rows with something in them. Raises BrokenDocument."""
    csv.field_size_limit(MAX_FIELD_CHARS)
    # A zero byte is damage that the parser of older Pythons refuses.
    lines = (line.replace("\0", "") for line in text)
    try:
        for row in csv.reader(lines, delimiter=delimiter, quotechar=QUOTE, skipinitialspace=True):
            if any(map(str.strip, row)):
                yield row[:MAX_COLUMNS]
    except csv.Error as error:
        raise BrokenDocument(
            f"{name} cannot be read as a table ({error}). Look for a quotation mark that is "
            "never closed, mend it and add the file again."
        ) from error


def _delimiter(sample: str, name: str) -> str:
    """What parts the values: the sign that makes rows of the same number of them."""
    if PurePath(name).suffix.lower() == ".tsv" and "\t" in sample:
        return "\t"
    # The last line may be cut.
    lines = sample.splitlines(keepends=True)[: 4 * HEAD_ROWS]
    return max(DELIMITERS, key=lambda sign: _fit(lines[:-1] or lines, sign))


def _fit(lines: list[str], delimiter: str) -> tuple[float, int]:
    """How well a delimiter suits: the share of rows of the same width, then that width."""
    csv.field_size_limit(MAX_FIELD_CHARS)
    try:
        widths = Counter(
            len(row) for row in csv.reader(lines, delimiter=delimiter, quotechar=QUOTE) if row
        )
    except csv.Error:
        return 0.0, 0
    if not widths:
        return 0.0, 0
    width, n_rows = widths.most_common(1)[0]
    return (n_rows / widths.total(), width) if width > 1 else (0.0, 0)


def _parted(head: list[list[str]]) -> tuple[list[list[str]], list[str], list[list[str]]]:
    """Lines above the table, its header row, and the rows below.

    A table whose first row holds a number, or one thing twice, has no header; its columns are
    numbered.
    """
    widths = Counter(map(_width, head))
    width = widths.most_common(1)[0][0] if widths else 0
    n_above = 0
    while n_above < len(head) - 1 and width > 1 and _width(head[n_above]) == 1:
        n_above += 1
    preamble, rows = head[:n_above], head[n_above:]
    if rows and len(rows) > 1 and _is_header(rows[0]):
        return preamble, rows[0], rows[1:]
    n_columns = max(map(len, rows), default=0)
    return preamble, [f"Column {n}" for n in range(1, n_columns + 1)], rows


def _width(row: list[str]) -> int:
    """The columns up to the last one with something in it."""
    return max((n for n, cell in enumerate(row, 1) if cell.strip()), default=0)


def _is_header(row: list[str]) -> bool:
    names = [cell.strip() for cell in row if cell.strip()]
    is_distinct = len(set(names)) == len(names)
    return is_distinct and not any(NUMBER.fullmatch(name) for name in names)
