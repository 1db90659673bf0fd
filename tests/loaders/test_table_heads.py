"""Header rows with merged cells become one header row, in every format alike."""

from pathlib import Path

import docx
import pptx
import pytest
from docx.oxml import OxmlElement
from pptx.util import Inches

from tests.loaders.reading import read

ROWS = [("Trawler", "1,200", "1,450", "per day"), ("Yacht", "95", "60", "")]
ONE_HEAD = "| Class | Fee Summer | Fee Winter | Remarks |\n| --- | --- | --- | --- |\n| Trawler |"


def fill(table, *, from_row: int = 2) -> None:
    for c, (first, last) in {0: (0, 0), 1: (1, 2), 3: (3, 3)}.items():
        below = 0 if c == 1 else 1
        table.cell(0, first).merge(table.cell(below, last))
        table.cell(0, first).text = {0: "Class", 1: "Fee", 3: "Remarks"}[c]
    table.cell(1, 1).text, table.cell(1, 2).text = "Summer", "Winter"
    for r, row in enumerate(ROWS, from_row):
        for c, text in enumerate(row):
            table.cell(r, c).text = text


def test_merged_heads_of_a_word_table_are_joined(tmp_path: Path) -> None:
    document = docx.Document()
    fill(document.add_table(rows=4, cols=4))
    document.save(str(tmp_path / "fees.docx"))
    assert ONE_HEAD in read(tmp_path / "fees.docx", tmp_path).text


def test_rows_that_word_repeats_on_each_page_are_the_header(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(rows=3, cols=2)
    for r, texts in enumerate([("Port", "Ships"), ("name", "number"), ("Riga", "5")]):
        for c, text in enumerate(texts):
            table.cell(r, c).text = text
        if r < 2:
            table.rows[r]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    document.save(str(tmp_path / "ports.docx"))
    assert "| Port name | Ships number |" in read(tmp_path / "ports.docx", tmp_path).text


@pytest.mark.parametrize("first", ["", "Port"])
def test_a_row_of_data_below_a_wide_head_is_no_head(tmp_path: Path, first: str) -> None:
    document = docx.Document()
    table = document.add_table(rows=3, cols=3)
    table.cell(0, 1).merge(table.cell(0, 2)).text = "Ships"
    table.cell(0, 0).text = first
    for r, texts in enumerate([("Riga", "5", "7"), ("Kiel", "1", "2")], 1):
        for c, text in enumerate(texts):
            table.cell(r, c).text = text
    document.save(str(tmp_path / "ports.docx"))
    assert "| Riga | 5 | 7 |" in read(tmp_path / "ports.docx", tmp_path).text


def test_merged_heads_of_a_slides_table_are_joined(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    inch = Inches(1)
    fill(slide.shapes.add_table(4, 4, inch, inch, inch * 6, inch * 2).table)
    deck.save(str(tmp_path / "fees.pptx"))
    assert ONE_HEAD in read(tmp_path / "fees.pptx", tmp_path).text


def test_a_head_over_several_columns_of_a_web_page_stands_in_each(tmp_path: Path) -> None:
    head = "<tr><th rowspan=2>Mill<th colspan=2>Year<tr><th>1893<th>1894"
    for name, table in {"th.html": head, "thead.html": f"<thead>{head}</thead>"}.items():
        page = f"<html><body><p>Mills.<table>{table}<tr><td>Upper<td>4<td>5</table>"
        (tmp_path / name).write_text(page)
        found = read(tmp_path / name, tmp_path).text
        assert "| Mill | Year 1893 | Year 1894 |\n| --- | --- | --- |\n| Upper | 4 | 5 |" in found


def test_a_table_within_a_cell_is_a_table_of_its_own(tmp_path: Path) -> None:
    document = docx.Document()
    outer = document.add_table(rows=2, cols=2)
    for c, text in enumerate(("Outer A", "Outer B")):
        outer.cell(0, c).text = text
    outer.cell(1, 0).text = "row"
    inner = outer.cell(1, 1).add_table(rows=2, cols=2)
    for place, text in {(0, 0): "Key", (0, 1): "Value", (1, 0): "Anchor", (1, 1): "17 kg"}.items():
        inner.cell(*place).text = text
    document.save(str(tmp_path / "nested.docx"))
    first, second = read(tmp_path / "nested.docx", tmp_path).tables
    assert "| row |  |" in first.page_content
    assert "| Anchor | 17 kg |" in second.page_content
