"""The names of columns where cells of the header reach over several columns or rows."""

from tests.loaders.conftest import Read
from tests.loaders.pdfs import Page
from tests.loaders.test_pdf_tables import level, put, rows, upright

EDGES = (75.0, 150.0, 210.0, 270.0, 500.0)
BODY = [(f"Parish {k}", str(3 * k), str(7 * k), "a few words of a note") for k in range(1, 6)]


def orchards() -> Page:
    """A grid whose first header cell and last are two rows high, whose second is two wide."""
    page = Page().text(80, 600, "Parish").text(275, 600, "Note")
    page.text(155, 608, "Orchards").text(155, 592, "Large").text(215, 592, "Small")
    put(page, BODY, 570, [x + 5 for x in EDGES])
    level(level(page, 620), 604, EDGES[1], EDGES[3])
    for k in range(len(BODY) + 1):
        level(page, 584 - 14 * k)
    for x in EDGES:
        upright(page, x, 514, 604 if x == EDGES[2] else 620)
    return page


def test_a_name_at_the_left_of_a_wide_cell_names_all_columns_below_it(read: Read) -> None:
    (table,) = read(orchards()).tables
    assert rows(table)[0][1:3] == ["Orchards › Large", "Orchards › Small"]


def test_a_name_beside_two_rows_of_the_header_names_its_own_column_only(read: Read) -> None:
    (table,) = read(orchards()).tables
    assert (rows(table)[0][0], rows(table)[0][3]) == ("Parish", "Note")
