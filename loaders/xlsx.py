"""Reads Excel workbooks: the tables, texts, pictures and charts of each sheet, in order.

Cells are read as they are shown, those of hidden rows and columns too. Leaves out comments,
formulas, colours, headers and footers, links between workbooks, and what is behind pivot tables.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from loaders.elements import Element, Info, Sheet, Skipped
from loaders.loader import DocumentLoader
from loaders.ooxml import meaningful_title, open_package
from loaders.sheet_drawings import drawn_elements
from loaders.sheet_regions import Merged
from loaders.sheet_tables import SheetTables
from loaders.source import SourceFile
from loaders.workbook import Workbook, Worksheet


class XlsxLoader(DocumentLoader):
    """Reads .xlsx, .xlsm and .xltx files."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        with open_package(file, self.limits) as stream, zipfile.ZipFile(stream) as archive:
            book = Workbook(archive)
            yield Info(title=meaningful_title(book.title))
            for sheet in book.sheets():
                yield Sheet(f"{sheet.name}{' (hidden)' if sheet.is_hidden else ''}")
                yield from _sheet(sheet)


def _sheet(sheet: Worksheet) -> Iterator[Element]:
    tables = SheetTables(
        tables=list(sheet.tables()),
        print_areas=sheet.print_areas(),
        merged=Merged(list(sheet.merged())),
        drawn=drawn_elements(sheet.part),
    )
    yield from tables.read(sheet.rows())
    if sheet.n_uncalculated:
        yield Skipped(
            f"{sheet.n_uncalculated:,} formulas on sheet {sheet.name}",
            "their values are not in the file; open it in Excel or LibreOffice and save it there",
        )
