"""Listings: programs and what they print stay text, and their lines stay lines."""

from tests.loaders.conftest import Read
from tests.loaders.pdfs import Page

PROSE = (
    "The levels of the river are read by a program that is started every morning",
    "at half past six by the people of the harbour, and that tells the ferries how",
    "many horses they may carry. It sums up what the gauges showed in one year,",
    "and gives the highest level of each month as a list that is printed out.",
)
PROGRAM = ("def highest(levels):", "    for level in levels:", "        print(level)")
OUTPUT = ("  year  level    flow", "1   18    5.5    1043", "2   20    7.5     912")


def test_the_lines_of_a_program_stay_lines_set_in_as_they_were(read: Read) -> None:
    page = Page().lines(72, 700, *PROSE).listing(90, 640, *PROGRAM).lines(72, 595, *PROSE)
    assert "\n".join(PROGRAM) in read(page).text


def test_columns_that_a_program_printed_are_no_table(read: Read) -> None:
    page = Page().lines(72, 700, *PROSE, *PROSE).listing(90, 580, *OUTPUT, *OUTPUT[1:])
    reading = read(page.lines(72, 500, *PROSE))
    assert not reading.tables
    assert "\n".join(line.lstrip() for line in OUTPUT) in reading.text.replace("\n  ", "\n")


def test_a_line_of_code_within_a_sentence_does_not_cut_it(read: Read) -> None:
    code = "harbour/programs/gauges/of/the/river/and/its/arms/highest.py"
    page = Page().lines(
        72, 700, *PROSE, "It may be found in the folder of the ferries, and is named"
    )
    page.listing(72, 640, code).lines(72, 628, "which is short for all that it does.", *PROSE)
    assert f"is named {code} which is short" in read(page).text


def test_text_of_a_typewriter_is_text_like_any_other(read: Read) -> None:
    page = Page().listing(72, 700, *PROSE)
    assert " ".join(PROSE) in read(page).text
