"""The sheets of an Excel workbook and their cells as they are shown, a row at a time.

openpyxl does this too, but fills every gap in a row with empty cells (one cell in the last column
of each row costs hours), knows no merged cells, tables and drawings in the mode that reads by
rows, and takes twice as long. Leaves out formulas: their values are those that Excel saved.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from lxml import etree

from loaders.number_formats import is_date_format, shown_number, shown_text
from loaders.office_package import Part
from loaders.ooxml import whole_number
from loaders.sheet_regions import MAX_COLUMN, MAX_ROW, Area, Cell, KnownTable, column_number

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
TITLE = "{http://purl.org/dc/elements/1.1/}title"
COLUMN = re.compile(r"[A-Z]{1,3}")
MERGED = re.compile(rb"<(?:\w{1,20}:)?mergeCell\s+ref\s{0,9}=\s{0,9}[\"']([A-Z0-9:$]{2,30})[\"']")
MERGED_BYTES = 100
"""Of the element of a merged cell, at most."""
BLOCK_BYTES = 1 << 20
MAX_MERGED = 100_000
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
FIRST_YEAR, LAST_YEAR = 1800, 2200
FIRST_OWN_FORMAT = 164
FORMATS = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    # Excel shows these two in the style of the reader's country.
    14: "yyyy-mm-dd",
    22: "yyyy-mm-dd h:mm",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    **dict.fromkeys((37, 38), "#,##0_);(#,##0)"),
    **dict.fromkeys((39, 40), "#,##0.00_);(#,##0.00)"),
    41: '#,##0_);(#,##0);"-"_)',
    43: '#,##0.00_);(#,##0.00);"-"_)',
    42: '$#,##0_);($#,##0);"$-"_)',
    44: '$#,##0.00_);($#,##0.00);"$-"_)',
    5: "$#,##0_);($#,##0)",
    6: "$#,##0_);($#,##0)",
    7: "$#,##0.00_);($#,##0.00)",
    8: "$#,##0.00_);($#,##0.00)",
    48: "##0.0E+0",
    49: "@",
}
"""Those that Excel does not write into the file."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a cell is shown."""

    code: str = "General"
    is_bold: bool = False
    is_date: bool = False


class Worksheet:
    """One sheet. After `rows` has ended, n_uncalculated formulas were found without values."""

    def __init__(self, book: Workbook, part: Part, name: str, number: int, is_hidden: bool) -> None:
        """number: from 0, among all sheets."""
        self.name, self.part, self.is_hidden = name, part, is_hidden
        self.n_uncalculated = 0
        self._book = book
        self._number = number

    def rows(self) -> Iterator[tuple[int, dict[int, Cell]]]:
        """The number of each row, and its cells that are not empty by their column."""
        number = 0
        for row in self._book.elements(self.part, "row"):
            number = whole_number(row.get("r"), number + 1)
            cells = dict(self._cells(row))
            if cells and 0 < number <= MAX_ROW:
                yield number, cells

    def _cells(self, row: etree._Element) -> Iterator[tuple[int, Cell]]:
        column = 0
        for element in row:
            named = COLUMN.match(element.get("r") or "")
            column = column_number(named[0]) if named else column + 1
            if column > MAX_COLUMN:
                return
            if cell := self._cell(element):
                yield column, cell

    def _cell(self, element: etree._Element) -> Cell | None:
        style = self._book.style(element.get("s"))
        kind = element.get("t", "n")
        if kind == "inlineStr":
            text = "".join(_texts(element.find(f"{MAIN}is")))
        else:
            value = element.findtext(f"{MAIN}v")
            if not value:
                self.n_uncalculated += kind != "str" and element.find(f"{MAIN}f") is not None
                return None
            if kind == "n":
                return self._number_cell(value, style)
            text = self._book.text(value) if kind == "s" else value
            if kind == "b":
                text = "TRUE" if value == "1" else "FALSE"
        text = shown_text(text, style.code).strip()
        return Cell(text, is_bold=style.is_bold) if text else None

    def _number_cell(self, value: str, style: Style) -> Cell | None:
        try:
            number = float(value)
        except ValueError:
            return Cell(value, is_bold=style.is_bold)
        text = shown_number(number, style.code, uses_1904=self._book.uses_1904)
        is_year = FIRST_YEAR <= number <= LAST_YEAR and text == f"{number:.0f}"
        is_ordinal = style.is_date or is_year
        return Cell(text, True, style.is_bold, is_ordinal) if text else None

    def merged(self) -> Iterator[Area]:
        """The ranges of cells that are merged; they come after the rows, so they are sought."""
        n_found, kept = 0, b""
        with self._book.archive.open(self.part.partname) as stream:
            while block := stream.read(BLOCK_BYTES):
                block, end = kept + block, 0
                for match in MERGED.finditer(block):
                    end = match.end()
                    yield from _areas(match[1].decode())
                    n_found += 1
                    if n_found == MAX_MERGED:
                        return
                kept = block[max(end, len(block) - MERGED_BYTES) :]

    def tables(self) -> Iterator[KnownTable]:
        """The tables that Excel itself knows on the sheet."""
        for part in self.part.related("table"):
            root = part.xml()
            columns = root.iterfind(f"{MAIN}tableColumns/{MAIN}tableColumn")
            header = tuple(_unescaped(column.get("name") or "") for column in columns)
            for area in _areas(root.get("ref") or ""):
                has_row = root.get("headerRowCount") != "0"
                named = header if not has_row and len(header) == area.width else None
                yield KnownTable(area, named)

    def print_areas(self) -> list[Area]:
        """The ranges that are printed, where they are set."""
        return self._book.print_areas.get(self._number, [])


class Workbook:
    """A workbook in an archive that is checked already."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """Raises KeyError where the file has no workbook in it."""
        self.archive = archive
        package = Part(archive, "")
        self._part = next(package.related("officeDocument"), Part(archive, "xl/workbook.xml"))
        self._root = self._part.xml()
        self._core = next(package.related("core-properties"), None)
        settings = self._root.find(f"{MAIN}workbookPr")
        self.uses_1904 = settings is not None and settings.get("date1904") in {"1", "true"}

    @property
    def title(self) -> str | None:
        """As the file's properties give it."""
        return None if self._core is None else self._core.xml().findtext(TITLE)

    def sheets(self) -> Iterator[Worksheet]:
        """The sheets, those of only a chart among them, in the order of their tabs."""
        for number, sheet in enumerate(self._root.iterfind(f"{MAIN}sheets/{MAIN}sheet")):
            relation = self._part.rels.get(sheet.get(f"{RELATION}id"))
            if relation is not None and relation.kind in {"worksheet", "chartsheet"}:
                is_hidden = sheet.get("state", "visible") != "visible"
                name = sheet.get("name") or f"Sheet {number + 1}"
                yield Worksheet(self, relation.target_part, name, number, is_hidden)

    def elements(self, part: Part, name: str) -> Iterator[etree._Element]:
        """The elements of that name in a part; each is forgotten once the next is asked for."""
        with self.archive.open(part.partname) as stream:
            for _, element in etree.iterparse(stream, tag=f"{MAIN}{name}", resolve_entities=False):
                yield element
                element.clear()
                parent = element.getparent()
                while parent is not None and element.getprevious() is not None:
                    del parent[0]

    def text(self, index: str) -> str:
        """One of the strings that all sheets share."""
        number = whole_number(index, -1)
        return self._strings[number] if 0 <= number < len(self._strings) else ""

    def style(self, index: str | None) -> Style:
        """How a cell with this style is shown."""
        number = whole_number(index)
        return self._styles[number] if 0 <= number < len(self._styles) else Style()

    @cached_property
    def print_areas(self) -> dict[int, list[Area]]:
        """Number of a sheet → the ranges that are printed of it."""
        return {
            whole_number(name.get("localSheetId")): list(_areas(name.text or ""))
            for name in self._root.iterfind(f"{MAIN}definedNames/{MAIN}definedName")
            if name.get("name") == "_xlnm.Print_Area"
        }

    @cached_property
    def _strings(self) -> list[str]:
        part = next(self._part.related("sharedStrings"), None)
        if part is None:
            return []
        return ["".join(_texts(element)) for element in self.elements(part, "si")]

    @cached_property
    def _styles(self) -> list[Style]:
        part = next(self._part.related("styles"), None)
        if part is None:
            return []
        root = part.xml()
        codes = dict(FORMATS)
        for own in root.iterfind(f"{MAIN}numFmts/{MAIN}numFmt"):
            number = whole_number(own.get("numFmtId"), -1)
            if number >= FIRST_OWN_FORMAT or number not in codes:
                codes[number] = own.get("formatCode") or "General"
        bold = [_is_bold(font) for font in root.iterfind(f"{MAIN}fonts/{MAIN}font")]
        found = []
        for style in root.iterfind(f"{MAIN}cellXfs/{MAIN}xf"):
            code = codes.get(whole_number(style.get("numFmtId")), "General")
            font = whole_number(style.get("fontId"))
            is_bold = 0 <= font < len(bold) and bold[font]
            found.append(Style(code, is_bold, is_date_format(code)))
        return found


def _is_bold(font: etree._Element) -> bool:
    mark = font.find(f"{MAIN}b")
    return mark is not None and mark.get("val") not in {"0", "false"}


def _texts(element: etree._Element | None) -> Iterator[str]:
    """The runs of a text; how words are pronounced is left out."""
    for child in () if element is None else element:
        if child.tag == f"{MAIN}t":
            yield _unescaped(child.text or "")
        elif child.tag == f"{MAIN}r":
            yield from _texts(child)


def _unescaped(text: str) -> str:
    """Characters that XML does not allow are written as _x000D_."""
    return ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _areas(references: str) -> Iterator[Area]:
    """The ranges in "A1:C3" or "'My sheet'!$A$1:$C$3,…"."""
    for reference in references.split(","):
        if area := Area.parsed(reference.rpartition("!")[2].strip()):
            yield area
