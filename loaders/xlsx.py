"""Reads Excel workbooks: tables, texts, pictures, charts and objects of each sheet, in order.

Cells are read as they are shown, those of hidden rows and columns too. Leaves out comments,
formulas, colours, headers and footers, links between workbooks, and what is behind pivot tables.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from loaders.elements import Element, Info, Sheet, Skipped
from loaders.embedded_files import embedded_object
from loaders.limits import Limits
from loaders.loader import DocumentLoader
from loaders.ooxml import meaningful_title, open_package
from loaders.sheet_drawings import drawn_elements
from loaders.sheet_regions import Merged
from loaders.sheet_tables import Row, SheetTables
from loaders.source import SourceFile
from loaders.workbook import Workbook, Worksheet


class XlsxLoader(DocumentLoader):
    """Reads .xlsx, .xlsm and .xltx files."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        with open_package(file, self.limits) as stream, zipfile.ZipFile(stream) as archive:
            book = Workbook(archive)
            yield Info(title=meaningful_title(book.title))
            bounds = _Bounds(self.limits)
            for sheet in book.sheets():
                yield Sheet(f"{sheet.name}{' (hidden)' if sheet.is_hidden else ''}")
                yield from _sheet(sheet, bounds)


class _Bounds:
    """How much of a workbook is read: so many rows of each sheet, so much text in all."""

    def __init__(self, limits: Limits) -> None:
        self._max_rows = limits.max_rows
        self._n_chars = self._most = limits.max_cell_chars
        self.left_out: Skipped | None = None
        """Of the sheet that was read last."""

    def rows(self, sheet: Worksheet) -> Iterator[Row]:
        """The rows of a sheet, as many as are read."""
        self.left_out = None
        for n, (number, cells) in enumerate(sheet.rows()):
            self._n_chars -= sum(len(cell.text) for cell in cells.values())
            if n >= self._max_rows or self._n_chars < 0:
                what = f"Row {number:,} of sheet {sheet.name} and what follows"
                reason = f"the limits are {self._max_rows:,} rows and {self._most:,} characters"
                self.left_out = Skipped(what, reason)
                return
            yield number, cells


def _sheet(sheet: Worksheet, bounds: _Bounds) -> Iterator[Element]:
    tables = SheetTables(
        tables=list(sheet.tables()),
        print_areas=sheet.print_areas(),
        merged=Merged(list(sheet.merged())),
        drawn=drawn_elements(sheet.part),
    )
    yield from tables.read(bounds.rows(sheet))
    if bounds.left_out:
        yield bounds.left_out
    if sheet.n_uncalculated:
        yield Skipped(
            f"{sheet.n_uncalculated:,} formulas on sheet {sheet.name}",
            "their values are not in the file; open it in Excel or LibreOffice and save it there",
        )
    # Last, for what comes later on the sheet would seem to be theirs.
    for relation_id in sheet.part.rels:
        yield from embedded_object(sheet.part, relation_id)
