"""Rows of tables that no rules part: which lines are rows, and which go on."""

from tests.loaders.conftest import Read
from tests.loaders.pdfs import Page
from tests.loaders.test_pdf_tables import grid, put, rows

SIZES = ("Name", "Default", "Use")


def table(*body: tuple[str, str, str]) -> Page:
    """A table with rules round its header, its body and its columns only."""
    page = put(Page(), [SIZES, *body], xs=(80, 180, 280), leading=12)
    return grid(page, (75, 175, 275, 500), (610, 597, 595 - 12 * len(body)))


def test_names_in_small_letters_are_rows_of_their_own_whatever_they_lack(read: Read) -> None:
    body = [
        ("center", "false", "center drawing on page"),
        ("clusterrank", "local", "may be global or none"),
        ("fontpath", "", "list of directories with fonts"),
        ("fontsize", "14", "point size of label"),
        ("label", "", "any string"),
        ("mode", "major", "variation of layout"),
    ]
    (found,) = read(table(*body)).tables
    assert rows(found) == [list(SIZES), *map(list, body)]


def test_labels_that_go_on_in_small_letters_stay_one(read: Read) -> None:
    lines = [
        ("Interest on", "paid", "all that was lent to the"),
        ("loans", "twice", "harbour and its ferries"),
        ("Ferries", "free", "boats over the river"),
        ("Bridge toll", "paid", "carts and their horses"),
        ("and tickets", "once", "that come to the market"),
    ]
    (found,) = read(table(*lines)).tables
    assert [row[0] for row in rows(found)[1:]] == [
        "Interest on loans",
        "Ferries",
        "Bridge toll and tickets",
    ]
