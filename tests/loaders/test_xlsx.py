"""Excel workbooks: each table with its header, numbers as shown, pictures and charts in place."""

import io
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import xlsxwriter

from loaders.errors import BrokenDocument
from loaders.limits import Limits
from tests.loaders.reading import CORPUS, Reading, expected, picture, read, with_corpus, words

CITIES = [["City", "People", "Share"], ["Lagos", 16060000, 0.25], ["Delhi", 16788000, 0.5]]


@pytest.fixture
def book(tmp_path: Path) -> Iterator[xlsxwriter.Workbook]:
    book = xlsxwriter.Workbook(tmp_path / "book.xlsx")
    yield book
    if not book.fileclosed:
        book.close()


@pytest.fixture
def reread(tmp_path: Path, book) -> Callable[..., Reading]:
    def close_and_read(limits: Limits | None = None) -> Reading:
        book.close()
        return read(tmp_path / "book.xlsx", tmp_path, limits or Limits())

    return close_and_read


def write(sheet, top: int, left: int, rows: list[list]) -> None:
    for number, row in enumerate(rows, top):
        sheet.write_row(number, left, row)


def cells(table) -> list[list[str]]:
    """The cells of a Markdown table, its header first."""
    lines = [line for line in table.page_content.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [rows[0], *rows[2:]]


def test_a_table_has_its_sheet_its_cells_and_the_text_above_it_as_caption(book, reread) -> None:
    sheet = book.add_worksheet("Big cities")
    sheet.write(0, 1, "Cities by people, 2014")
    write(sheet, 1, 1, CITIES)
    (table,) = reread().tables
    assert table.metadata["sheet"] == table.metadata["section"] == "Big cities"
    assert table.metadata["cells"] == "B2:D4"
    assert table.metadata["caption"] == "Cities by people, 2014"
    assert cells(table)[:2] == [["City", "People", "Share"], ["Lagos", "16060000", "0.25"]]


def test_numbers_are_read_as_they_are_shown(book, reread) -> None:
    sheet = book.add_worksheet()
    codes = ["#,##0", "0.0%", "$#,##0.00", "d mmmm yyyy", "0.00"]
    sheet.write_row(0, 0, ["People", "Share", "Price", "Day", "Made"])
    for column, (code, value) in enumerate(
        zip(codes, [16060000, 0.256, 9.5, 38792, 1], strict=True)
    ):
        sheet.write(1, column, value, book.add_format({"num_format": code}))
    sheet.write_formula(1, 4, "=1+1", None, 2.25)
    (table,) = reread().tables
    assert cells(table)[1] == ["16,060,000", "25.6%", "$9.50", "16 March 2006", "2.25"]


def test_empty_rows_and_columns_tell_tables_apart(book, reread) -> None:
    sheet = book.add_worksheet()
    write(sheet, 0, 0, CITIES)
    write(sheet, 0, 5, [["Fruit", "Kind"], ["Apple", "sweet"], ["Lemon", "sour"]])
    write(sheet, 6, 0, [["River", "Length"], ["Elbe", 1094], ["Oder", 840]])
    found = [cells(table)[0] for table in reread().tables]
    assert found == [["City", "People", "Share"], ["Fruit", "Kind"], ["River", "Length"]]


def test_a_column_left_empty_for_space_does_not_divide_a_table(book, reread) -> None:
    sheet = book.add_worksheet()
    for row, line in enumerate([["", "2005", "2006"], ["Income", 5, 6], ["Costs", 3, 4]]):
        for column, value in zip((0, 2, 4), line, strict=True):
            sheet.write(row, column, value)
    (table,) = reread().tables
    assert cells(table)[1:] == [["Income", "", "5", "", "6"], ["Costs", "", "3", "", "4"]]


def test_a_part_below_an_empty_row_has_the_header_of_its_table(book, reread) -> None:
    sheet = book.add_worksheet()
    write(sheet, 0, 0, [["Item", "2005", "2006"], ["Cash", 5, 6], ["Stock", 7, 8]])
    write(sheet, 4, 0, [["Debts"], ["Bank", 1, 2], ["Other", 3, 4]])
    first, second = reread().tables
    assert cells(first)[0] == cells(second)[0] == ["Item", "2005", "2006"]
    assert second.metadata["caption"] == "Debts"


def test_tables_that_excel_knows_are_taken_as_it_knows_them(book, reread) -> None:
    sheet = book.add_worksheet()
    write(sheet, 0, 0, CITIES)
    sheet.add_table(0, 0, 2, 2, {"columns": [{"header": h} for h in CITIES[0]]})
    write(sheet, 0, 3, [["Fruit"], ["Apple"], ["Lemon"]])
    sheet.add_table(
        6,
        0,
        7,
        1,
        {
            "header_row": False,
            "data": [["Elbe", 1094], ["Oder", 840]],
            "columns": [{"header": "River"}, {"header": "Length"}],
        },
    )
    first, second = reread().tables
    assert cells(first)[0] == ["City", "People", "Share"]
    assert cells(second) == [["River", "Length"], ["Elbe", "1094"], ["Oder", "840"]]


def test_what_is_printed_is_told_apart_from_what_stands_beside_it(book, reread) -> None:
    sheet = book.add_worksheet()
    write(sheet, 0, 0, CITIES)
    write(sheet, 0, 3, [["Factor"], [2], [3]])
    sheet.print_area(0, 0, 2, 2)
    assert [cells(t)[0] for t in reread().tables] == [CITIES[0], ["Factor"]]


def test_headers_of_several_rows_are_joined(book, reread) -> None:
    sheet = book.add_worksheet()
    sheet.merge_range(0, 1, 0, 2, "2005")
    sheet.merge_range(0, 3, 0, 4, "2006")
    write(sheet, 1, 0, [["Region", "Q1", "Q2", "Q1", "Q2"], ["North", 1, 2, 3, 4]])
    (table,) = reread().tables
    assert cells(table)[0] == ["Region", "2005 Q1", "2005 Q2", "2006 Q1", "2006 Q2"]


def test_a_cell_merged_over_rows_stands_in_each(book, reread) -> None:
    sheet = book.add_worksheet()
    write(sheet, 0, 0, [["Region", "Town", "People"], ["", "Kiel", 5], ["", "Bonn", 6]])
    sheet.merge_range(1, 0, 2, 0, "North")
    (table,) = reread().tables
    assert cells(table)[1:] == [["North", "Kiel", "5"], ["North", "Bonn", "6"]]


def test_a_table_without_a_header_gets_the_letters_of_its_columns(book, reread) -> None:
    sheet = book.add_worksheet()
    write(sheet, 0, 1, [[1.5, 2.5], [3.5, 4.5]])
    (table,) = reread().tables
    assert cells(table)[0] == ["B", "C"]


def test_texts_are_paragraphs_and_a_label_stays_with_its_number(book, reread) -> None:
    sheet = book.add_worksheet()
    sheet.write(0, 0, "This workbook lists what the harbour took in.")
    sheet.write(4, 0, "Total of all ships:")
    sheet.write(4, 2, 5200)
    (text,) = reread().texts
    assert "what the harbour took in." in text
    assert "Total of all ships: 5200" in text


def test_a_sentence_below_a_table_is_a_text(book, reread) -> None:
    sheet = book.add_worksheet()
    note = "Source: the harbour office, which counts all ships of more than one hundred tons."
    write(sheet, 0, 0, [*CITIES, [note]])
    found = reread()
    assert note in found.texts[0]
    assert note not in found.tables[0].page_content


def test_a_long_text_in_a_cell_is_read_whole(book, reread) -> None:
    sheet = book.add_worksheet()
    long = "It rained. " * 100 + "Then it stopped."
    write(sheet, 0, 0, [["Day", "Report"], ["Monday", long], ["Tuesday", "dry"]])
    assert any("Then it stopped." in text for text in reread().texts)


def test_hidden_sheets_are_read_and_marked(book, reread) -> None:
    write(book.add_worksheet("Open"), 0, 0, CITIES)
    hidden = book.add_worksheet("Secret")
    hidden.hide()
    write(hidden, 0, 0, CITIES)
    sheets = [d.metadata["sheet"] for d in reread().documents]
    assert sheets == ["Open", "Secret (hidden)"]


def test_comments_are_left_out(book, reread) -> None:
    sheet = book.add_worksheet()
    write(sheet, 0, 0, CITIES)
    sheet.write_comment(1, 1, "Who counted them?")
    assert "Who counted" not in reread().text


def test_a_picture_has_its_alternative_text_and_its_cell(book, reread) -> None:
    sheet = book.add_worksheet("Harbour")
    sheet.insert_image(
        4, 2, "quay.png", {"image_data": io.BytesIO(picture()), "description": "The quay at dawn"}
    )
    sheet.insert_textbox(10, 0, "Seen from the tower")
    found = reread()
    (figure,) = found.figures
    assert figure.metadata["cells"] == "C5"
    assert figure.metadata["sheet"] == "Harbour"
    assert words(figure)["alt"] == "The quay at dawn"
    assert "Seen from the tower" in found.text


def test_a_picture_in_a_row_of_a_table_is_named_by_the_row(book, reread) -> None:
    sheet = book.add_worksheet()
    write(sheet, 0, 0, [["Photo", "Name"], ["", "Red boat"], ["", "Blue boat"]])
    sheet.write(0, 2, "Price")
    write(sheet, 1, 2, [[5], [6]])
    sheet.insert_image(2, 0, "b.png", {"image_data": io.BytesIO(picture(color="blue"))})
    (figure,) = reread().figures
    assert "Blue boat" in words(figure)["document"]


def chart_of(book, kind: str, **more: str):
    """A sheet with the cities and a chart of them."""
    sheet = book.add_worksheet("Data")
    write(sheet, 0, 0, CITIES)
    chart = book.add_chart({"type": kind, **more})
    chart.add_series(
        {
            "name": "People",
            "categories": ["Data", 1, 0, 2, 0],
            "values": ["Data", 1, 1, 2, 1],
            "categories_data": ["Lagos", "Delhi"],
            "values_data": [16060000, 16788000],
        }
    )
    chart.set_title({"name": "Largest cities"})
    chart.set_x_axis({"name": "City"})
    chart.set_y_axis({"name": "Inhabitants"})
    return sheet, chart


def test_a_chart_is_drawn_and_its_data_is_a_table(book, reread) -> None:
    sheet, chart = chart_of(book, "column")
    sheet.insert_chart(6, 4, chart)
    found = reread()
    (figure,) = found.figures
    assert figure.metadata["caption"] == "Largest cities"
    assert figure.metadata["cells"] == "E7"
    data = words(figure)["chart_data"]
    assert "x: City" in data
    assert "y: Inhabitants" in data
    assert "Lagos 16060000" in data
    table = found.tables[-1]
    assert cells(table) == [["City", "People"], ["Lagos", "16060000"], ["Delhi", "16788000"]]
    assert "Inhabitants" in table.page_content


def test_a_sheet_of_only_a_chart_is_read(book, reread) -> None:
    _, chart = chart_of(book, "pie")
    book.add_chartsheet("Picture").set_chart(chart)
    assert [f.metadata["sheet"] for f in reread().figures] == ["Picture"]


def test_formulas_without_values_are_reported(tmp_path: Path, book) -> None:
    sheet = book.add_worksheet("Sums")
    write(sheet, 0, 0, CITIES)
    sheet.write_formula(3, 1, "=SUM(B2:B3)", None, 7.5)
    book.close()
    change(tmp_path / "book.xlsx", "xl/worksheets/sheet1.xml", b"<v>7.5</v>", b"")
    (skipped,) = read(tmp_path / "book.xlsx", tmp_path).skipped
    assert skipped.what == "1 formulas on sheet Sums"


def change(path: Path, part: str, old: bytes, new: bytes) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old in parts[part]
    parts[part] = parts[part].replace(old, new)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_a_long_table_keeps_its_header_in_every_piece(book, reread) -> None:
    sheet = book.add_worksheet()
    write(sheet, 0, 0, [["Number", "Square"], *([n, n * n] for n in range(1, 40_001))])
    tables = reread().tables
    assert all(cells(table)[0] == ["Number", "Square"] for table in tables)
    assert cells(tables[-1])[-1] == ["40000", "1600000000"]


def test_a_wide_table_is_given_in_parts_that_repeat_its_first_column(book, reread) -> None:
    sheet = book.add_worksheet()
    write(sheet, 0, 0, [["City", *(f"Y{n}" for n in range(90))], ["Lagos", *range(90)]])
    tables = reread().tables
    assert all(cells(table)[1][0] == "Lagos" for table in tables)
    assert [row[-1] for row in cells(tables[-1])] == ["Y89", "89"]


@pytest.mark.timeout(20)
def test_cells_far_apart_cost_little(book, reread) -> None:
    sheet = book.add_worksheet()
    for n in range(1_000):
        sheet.write(n, n * 16, f"diagonal {n}")
        sheet.write(1_048_575 - n, 16_383, f"far {n}")
    text = reread().text
    assert "diagonal 999" in text
    assert "far 999" in text


def test_an_entity_is_not_resolved(tmp_path: Path, book) -> None:
    write(book.add_worksheet(), 0, 0, CITIES)
    book.close()
    secret = tmp_path / "secret.txt"
    secret.write_text("the password")
    path = tmp_path / "book.xlsx"
    doctype = f'<!DOCTYPE sst [<!ENTITY x SYSTEM "{secret.as_uri()}">]><sst '
    change(path, "xl/sharedStrings.xml", b"<sst ", doctype.encode())
    change(path, "xl/sharedStrings.xml", b"Lagos", b"&x;")
    assert "password" not in read(path, tmp_path).text


def test_a_damaged_workbook_is_refused(tmp_path: Path, book) -> None:
    write(book.add_worksheet(), 0, 0, CITIES)
    book.close()
    path = tmp_path / "book.xlsx"
    change(path, "xl/worksheets/sheet1.xml", b"</row>", b"")
    with pytest.raises(BrokenDocument, match=r"book\.xlsx is a damaged Office file"):
        read(path, tmp_path)


@with_corpus
@pytest.mark.parametrize("name", [n for n in expected("docs") if n.endswith(".xlsx")])
def test_real_workbooks_are_read_whole(name: str, tmp_path: Path) -> None:
    about = expected("docs")[name]
    found = read(CORPUS / "docs" / name, tmp_path)
    assert len(found.figures) == about["media_raster"] + about["charts"]
    for passage in about.get("must_contain", []):
        assert passage in found.text
    sheets = {document.metadata["sheet"] for document in found.documents}
    assert sheets <= set(about["sheets"])


@with_corpus
def test_the_link_of_a_hostile_workbook_is_not_followed(tmp_path: Path) -> None:
    assert read(CORPUS / "hostile" / "testDdeLink.xlsx", tmp_path).documents


def test_of_a_giant_sheet_the_first_rows_are_read(book, reread) -> None:
    write(book.add_worksheet("Gauges"), 0, 0, [["Day", "cm"], *([n, n * 7] for n in range(300))])
    write(book.add_worksheet("Cities"), 0, 0, CITIES)
    found = reread(Limits(max_rows=100))
    assert "| 98 | 686 |" in found.text
    assert "| 99 | 693 |" not in found.text
    assert "| Delhi |" in found.text
    (skipped,) = found.skipped
    assert skipped.what == "Row 101 of sheet Gauges and what follows"


def test_of_a_giant_workbook_as_much_text_is_read_as_the_limit_allows(book, reread) -> None:
    for name in ("First", "Second"):
        write(book.add_worksheet(name), 0, 0, [["Day", "cm"], *([n, "x" * 90] for n in range(60))])
    found = reread(Limits(max_text_chars=8_000))
    assert {d.metadata["sheet"] for d in found.tables} == {"First", "Second"}
    (skipped,) = found.skipped
    assert "of sheet Second" in skipped.what
