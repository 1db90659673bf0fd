"""Tables in PDF: ruled, shaded and bare ones, over columns, rows and pages; and what is none."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest
from langchain_core.documents import Document

from assistant.gold_boxes import GoldBox, covers
from loaders.pdf.contents import PageContents
from loaders.pdf.page import Sheet
from loaders.pdf.tables import FoundTable, find_tables
from tests.loaders.conftest import Read
from tests.loaders.pdfs import HEIGHT, Page
from tests.loaders.reading import CORPUS, with_corpus

PROSE = (
    "The first column tells how the river was measured in the",
    "spring of that year, by which instruments, and at which",
    "places along its banks the gauges stood until the autumn",
    "floods carried three of them away for good and all.",
)
COLUMNS = (80, 220, 320, 420)
CITIES = (
    ("City", "Inhabitants", "Area", "Founded in"),
    ("Graz", "291,072", "127.6", "1128"),
    ("Linz", "206,595", "96.0", "799"),
    ("Salzburg", "155,021", "65.7", "696"),
    ("Innsbruck", "132,493", "104.9", "1180"),
)


def put(
    page: Page,
    rows: Sequence[Sequence[str]],
    y: float = 600,
    xs: Sequence[float] = COLUMNS,
    leading: float = 14,
) -> Page:
    """Write the cells of rows, the first at height y."""
    for k, row in enumerate(rows):
        for x, cell in zip(xs, row, strict=False):
            if cell:
                page.text(x, y - k * leading, cell)
    return page


def level(page: Page, y: float, x0: float = 75, x1: float = 500) -> Page:
    return page.rectangle(x0, y, x1 - x0, 0.5)


def upright(page: Page, x: float, y0: float, y1: float) -> Page:
    return page.rectangle(x, y0, 0.5, y1 - y0)


def grid(page: Page, xs: Sequence[float], ys: Sequence[float]) -> Page:
    for y in ys:
        level(page, y, xs[0], xs[-1])
    for x in xs:
        upright(page, x, ys[-1], ys[0])
    return page


def rows(table: Document) -> list[list[str]]:
    """The cells of a table Document, without the line below the header."""
    lines = [line for line in table.page_content.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return cells[:1] + cells[2:]


def as_lists(table: Sequence[Sequence[str]]) -> list[list[str]]:
    return [list(row) for row in table]


def test_cells_between_rules_on_all_sides_become_one_table_with_its_picture(read: Read) -> None:
    page = put(grid(Page(), (75, 215, 315, 415, 500), (612, 596, 582, 568, 554, 540)), CITIES)
    reading = read(page)
    (table,) = reading.tables
    assert rows(table) == as_lists(CITIES)
    assert table.metadata["page"] == 1
    assert table.metadata["width"] > 400
    x0, y0, x1, y1 = table.metadata["bbox"]
    assert (x0, x1) == pytest.approx((75 / 612, 500 / 612), abs=0.01)
    assert (y0, y1) == pytest.approx(((HEIGHT - 612) / HEIGHT, (HEIGHT - 540) / HEIGHT), abs=0.01)
    assert not reading.texts


def test_three_level_rules_are_enough(read: Read) -> None:
    page = put(Page(), CITIES)
    for y in (612, 596, 538):
        level(page, y)
    (table,) = read(page).tables
    assert rows(table) == as_lists(CITIES)


def test_shaded_rows_mark_a_table_off(read: Read) -> None:
    page = Page()
    words = [(name, "open", "north bank", "stone") for name, *_ in CITIES]
    for k in (0, 2, 4):
        page.content.append("0.8 g")
        page.rectangle(75, 596 - 14 * k, 425, 14)
        page.content.append("0 g")
    (table,) = read(put(page, words)).tables
    assert rows(table) == as_lists(words)


def test_numbers_in_columns_need_no_rule(read: Read) -> None:
    page = put(Page().lines(72, 700, *PROSE), CITIES)
    page.lines(72, 500, *PROSE)
    reading = read(page)
    (table,) = reading.tables
    assert rows(table) == as_lists(CITIES)
    assert reading.text.count("floods carried three") == 2


def test_caption_and_unit_above_belong_to_the_table(read: Read) -> None:
    page = Page().lines(80, 650, "Table 3. Cities of Austria", "1992 to 1999", "[In thousands]")
    (table,) = read(put(page, CITIES)).tables
    caption = "Table 3. Cities of Austria 1992 to 1999"
    assert table.metadata["caption"] == caption
    assert table.page_content.startswith(f"{caption}\n[In thousands]\n| City |")


def test_caption_of_several_lines_below_belongs_to_the_table(read: Read) -> None:
    page = put(Page(), CITIES)
    for y in (612, 596, 538):
        level(page, y)
    page.lines(
        80, 520, "Table 3: Cities of Austria, their inhabitants, the area that", "they cover."
    )
    reading = read(page.lines(80, 470, *PROSE))
    (table,) = reading.tables
    assert table.metadata["caption"] == (
        "Table 3: Cities of Austria, their inhabitants, the area that they cover."
    )
    assert "Table 3" not in "".join(reading.texts)


def test_a_name_over_several_columns_goes_before_the_names_of_each(read: Read) -> None:
    page = Page().text(260, 614, "2000").text(380, 614, "2001")
    level(page, 624), level(page, 610, 210, 325), level(page, 610, 340, 460), level(page, 596)
    body = [("", "Total", "Rate", "Total", "Rate"), ("North", "10.5", "1.5", "11.5", "1.7")]
    body += [("South", "20.5", "2.5", "21.5", "2.7"), ("West", "7.5", "0.5", "7.9", "0.7")]
    put(page, body, xs=(80, 220, 290, 350, 420))
    (table,) = read(level(page, 552)).tables
    assert rows(table)[0] == ["", "2000 › Total", "2000 › Rate", "2001 › Total", "2001 › Rate"]
    assert rows(table)[1] == ["North", "10.5", "1.5", "11.5", "1.7"]


def test_lines_of_a_cell_are_joined_and_a_cell_over_rows_is_in_each(read: Read) -> None:
    page = Page()
    xs, ys = (75, 200, 350, 500), (640, 620, 580, 550)
    for y in ys[:2] + ys[3:]:
        level(page, y, 75, 500)
    level(page, 580, 200, 500)
    for x in xs:
        upright(page, x, 550, 640)
    put(page, [("Plant", "Use", "Found")], 626, xs=(80, 205, 355))
    page.text(80, 583, "Willow")
    page.lines(205, 608, "Baskets and the", "banks of rivers").text(355, 602, "by water")
    page.text(205, 560, "Tea").text(355, 560, "in gardens")
    (table,) = read(page).tables
    assert rows(table) == [
        ["Plant", "Use", "Found"],
        ["Willow", "Baskets and the banks of rivers", "by water"],
        ["Willow", "Tea", "in gardens"],
    ]


def test_a_label_of_two_lines_is_one_even_without_rules(read: Read) -> None:
    body = [("Goods", "1999", "2000"), ("Bread", "10.5", "11.0"), ("Furniture and", "", "")]
    body += [("home furnishings", "7.2", "7.9"), ("Shoes", "5.5", "6.0"), ("Tea", "1.5", "1.0")]
    page = put(Page().text(80, 626, "Table 1. Sales"), body, leading=12)
    (table,) = read(page).tables
    assert ["Furniture and home furnishings", "7.2", "7.9"] in rows(table)


def test_dots_that_lead_to_a_number_part_it_from_its_label(read: Read) -> None:
    page = Page().text(80, 626, "Table 1. Sales in two years")
    for k, (label, first, second) in enumerate(
        [("Bread", 10, 11), ("Tea", 25, 20), ("All", 35, 31)]
    ):
        page.text(80, 600 - 14 * k, f"{label}{'.' * (30 - len(label))}{first}")
        page.text(300, 600 - 14 * k, str(second))
    (table,) = read(page).tables
    assert ["Tea", "25", "20"] in rows(table)


def test_part_of_a_table_on_the_next_page_has_caption_and_header_of_the_first(read: Read) -> None:
    body = [(f"Place {k}", f"{k * 37 % 101}.5", f"{k * 7}", f"{1900 + k}") for k in range(80)]
    first = Page().text(80, 740, "Table 4. Places and their levels")
    put(first, [CITIES[0], *body[:45]], 720)
    reading = read(first, put(Page(), body[45:], 740), Page().lines(72, 700, *PROSE))
    assert {t.metadata["page"] for t in reading.tables} == {1, 2}
    for table in reading.tables:
        assert table.metadata["caption"] == "Table 4. Places and their levels"
        assert rows(table)[0] == list(CITIES[0])
    found = [row for table in reading.tables for row in rows(table)[1:]]
    assert found == as_lists(body)


def test_a_table_that_says_it_is_continued_has_the_whole_caption(read: Read) -> None:
    first = put(Page().text(80, 640, "Table 5. Cities of Austria"), CITIES)
    second = put(Page().text(80, 640, "Table 5. (continued)"), CITIES)
    reading = read(first, second)
    assert [t.metadata["caption"] for t in reading.tables] == ["Table 5. Cities of Austria"] * 2


def test_another_table_on_the_next_page_keeps_to_itself(read: Read) -> None:
    other = [("Bird", "Eggs"), ("Heron", "4"), ("Coot", "7"), ("Swan", "5"), ("Rail", "9")]
    reading = read(
        put(Page().text(80, 640, "Table 5. Cities of Austria"), CITIES), put(Page(), other, 740)
    )
    assert "caption" not in reading.tables[1].metadata
    assert rows(reading.tables[1])[0] == ["Bird", "Eggs"]


def test_header_that_runs_at_the_top_of_every_page_stays_with_the_table(read: Read) -> None:
    pages = []
    for n in range(6):
        body = [(f"Place {n}-{k}", f"{k * 37 % 101}.{n}", f"{k * 7}", "yes") for k in range(20)]
        page = put(Page(), [CITIES[0], *body], 750)
        for y in (764, 746, 466):
            level(page, y)
        pages.append(page)
    assert all(rows(table)[0] == list(CITIES[0]) for table in read(*pages).tables)


def test_a_table_turned_on_its_page_is_read_upright(read: Read) -> None:
    page = Page()
    for k, row in enumerate(CITIES):
        for x, cell in zip(COLUMNS, row, strict=True):
            page.turned_text(200 + 14 * k, x, cell, (0, 1, -1, 0))
    page.turned_text(170, 80, "Table 6. Cities of Austria", (0, 1, -1, 0))
    (table,) = read(page).tables
    assert rows(table) == as_lists(CITIES)
    assert table.metadata["caption"] == "Table 6. Cities of Austria"
    x0, y0, x1, y1 = table.metadata["bbox"]
    assert x1 - x0 < y1 - y0


def test_prose_in_the_other_column_stays_prose(read: Read) -> None:
    left = [line[:48] for line in PROSE * 5]
    left[10] = "2  Gauges"
    page = Page().lines(60, 700, *left).lines(330, 700, *(line[:45] for line in PROSE * 2))
    put(page, [row[:3] for row in CITIES], 580, xs=(330, 410, 490), leading=12)
    reading = read(page.text(330, 512, "Table 1. Cities"))
    (table,) = reading.tables
    assert rows(table) == [list(row[:3]) for row in CITIES]
    assert table.metadata["caption"] == "Table 1. Cities"
    assert "".join(reading.texts).count("floods carried three") == 7


def test_every_word_of_a_page_with_a_table_is_found(read: Read) -> None:
    page = put(Page().text(80, 640, "Table 5. Cities of Austria"), CITIES)
    page.text(80, 520, "* Without the suburbs; see the annex.").text(430, 586, "m")
    for y in (612, 596, 538):
        level(page, y)
    reading = read(page)
    expected = " ".join(" ".join(row) for row in CITIES) + " Without the suburbs; see the annex."
    assert set(expected.split()) <= set(reading.text.replace("|", " ").split())


def contents_list(page: Page) -> Page:
    entries = [("1", "Water", "3"), ("2", "Banks", "9"), ("3", "Gauges", "14"), ("4", "Ice", "22")]
    return put(page, entries, xs=(80, 110, 480))


def two_columns(page: Page) -> Page:
    return page.lines(50, 700, *PROSE * 4).lines(320, 700, *PROSE * 4)


def short_lines_in_columns(page: Page) -> Page:
    first = [
        "The river",
        "rose again",
        "in the autumn",
        "of that year",
        "and carried",
        "three away",
    ]
    return page.lines(80, 700, *first).lines(320, 700, *reversed(first))


def addresses(page: Page) -> Page:
    lines = [("Anna Berg", "Tom Lee", "Mia Roth"), ("Graz", "Linz", "Wels")]
    lines += [("anna@river.org", "tom@river.org", "mia@river.org"), ("Austria",) * 3]
    return put(page, lines)


def ticks(page: Page) -> Page:
    """The scales of three charts side by side."""
    return put(page, [(str(v),) * 3 for v in (100, 80, 60, 40, 20, 0)], leading=20)


def bars(page: Page) -> Page:
    for k, height in enumerate((40, 70, 55, 90, 65)):
        page.content.append("0.3 g")
        page.rectangle(110 + 70 * k, 500, 30, height)
        page.content.append("0 g")
        page.text(115 + 70 * k, 505 + height, str(height)).text(112 + 70 * k, 485, f"201{k}")
    for k in range(6):
        level(page.text(80, 497 + 20 * k, str(20 * k)), 500 + 20 * k, 100, 460)
    return page


def frames(page: Page) -> Page:
    """Boxes side by side with running text."""
    for x in (60, 310):
        grid(page, (x, x + 240), (715, 640)).lines(x + 5, 700, *(line[:48] for line in PROSE))
    return page


def listing(page: Page) -> Page:
    code = ("def area(width, height):", "size = width * height", "return size", "area(3, 4)")
    notes = ("# in metres", "# square metres", "# never negative", "# twelve")
    return page.lines(80, 600, *code).lines(300, 600, *notes)


def index(page: Page) -> Page:
    names = ("Ash, 12", "Birch, 9, 14", "Cedar, 31", "Elm, 7", "Fir, 22-25", "Hazel, 3")
    for x in COLUMNS[:3]:
        page.lines(x, 600, *names)
    return page


def empty_form(page: Page) -> Page:
    grid(page, (75, 200, 500), (640, 620, 600, 580, 560))
    return page.lines(80, 626, "Name", "Address", "Born on", "Signature", leading=20)


def under_page_rules(page: Page) -> Page:
    """Running text between a rule at the top and one at the bottom."""
    level(page, 720), level(page, 500)
    return page.lines(80, 700, *PROSE * 4)


@pytest.mark.parametrize(
    "draw",
    [
        contents_list,
        two_columns,
        short_lines_in_columns,
        addresses,
        ticks,
        bars,
        frames,
        listing,
        index,
        empty_form,
        under_page_rules,
    ],
)
def test_what_only_stands_in_columns_or_boxes_is_no_table(
    read: Read, draw: Callable[[Page], Page]
) -> None:
    assert not read(draw(Page())).tables


def found_on(path: Path, numbers: Sequence[int] | None = None) -> Iterator[list[FoundTable]]:
    """The tables on the pages of a file with these numbers, or on all of them."""
    document = pypdfium2.PdfDocument(path)
    for index in range(len(document)) if numbers is None else [n - 1 for n in numbers]:
        contents = PageContents.of(document[index], index)
        for sheet, segments in contents.layer.sheets(contents.frame):
            tables = find_tables(segments, contents.drawings, sheet)
            yield [on_page(table, sheet) for table in tables]
    document.close()


def on_page(table: FoundTable, sheet: Sheet) -> FoundTable:
    return replace(table, box=sheet.on_page(table.box))


@with_corpus
def test_nine_of_ten_tables_that_people_marked_are_found() -> None:
    gold = set()
    for line in (CORPUS / "qa" / "manifest.jsonl").read_text("utf-8").splitlines():
        question = json.loads(line)
        if question["modality"] == "table":
            gold |= {(question["doc"], name) for name in question["image"] or []}
    hits = []
    for name, marked in sorted(gold):
        if box := GoldBox.parsed(marked):
            pages = found_on(CORPUS / "qa" / "corpus" / name, [box.page])
            hits.append(any(covers(t.box, box.box) for tables in pages for t in tables))
    assert len(hits) >= 25
    assert sum(hits) >= 0.9 * len(hits)


@with_corpus
@pytest.mark.parametrize(
    "name",
    [
        "qa/corpus/Northwind_Standard_Benefits_Details.pdf",
        "docs/pdkids.pdf",
        "docs/webCapture.pdf",
        "qa/corpus/amt_handbook_sample.pdf",
    ],
)
def test_documents_without_tables_have_none(name: str) -> None:
    assert not any(found_on(CORPUS / name))
