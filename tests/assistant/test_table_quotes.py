"""Rows of tables, and what is quoted of them."""

from assistant.questions import Asked
from assistant.table_quotes import read_rows

SALES = """|  | Q1 | Q2 |
| --- | --- | --- |
| Asia | 29 | 35 |
| Latin America | 11 | 9 |"""
GROUPED = """| Model | 2-hop | FEVEROUS |
| --- | --- | --- |
| InstructGPT |  |  |
| - Direct | 56.51 | 60.13 |
| - CoT | 57.20 | 61.05 |
| Codex | 55.57 | 57.85 |"""


def quoted(table: str, question: str) -> list[str]:
    terms = Asked(question).terms
    return [row.about(terms) for row in read_rows(table.splitlines())]


def test_of_a_row_the_cell_is_quoted_whose_column_is_asked_about() -> None:
    assert quoted(SALES, "What was sold in Latin America in Q2?") == [
        "Asia — Q2: 35",
        "Latin America — Q2: 9",
    ]


def test_a_row_is_quoted_whole_where_no_column_is_asked_about() -> None:
    assert quoted(SALES, "What was sold in Asia?")[0] == "Asia — Q1: 29; Q2: 35"


def test_a_row_is_named_with_the_group_that_it_stands_in() -> None:
    rows = read_rows(GROUPED.splitlines())
    assert [row.first for row in rows] == ["InstructGPT › Direct", "InstructGPT › CoT", "Codex"]


def test_the_number_of_a_row_is_that_of_the_column_that_is_asked_about() -> None:
    rows = read_rows(GROUPED.splitlines())
    assert [row.number(Asked("Which is best on FEVEROUS?").terms) for row in rows] == [
        60.13,
        61.05,
        57.85,
    ]


def test_a_table_without_a_header_has_no_names_of_columns() -> None:
    rows = read_rows(["| 78 | Canada | 2013 |", "| --- | --- | --- |", "| 136 | Oman | 2012 |"])
    assert [row.text for row in rows] == ["78 — Canada; 2013", "136 — Oman; 2012"]


def test_an_escaped_bar_belongs_to_its_cell() -> None:
    (row,) = read_rows(["| a | b |", "| --- | --- |", r"| x \| y | 1 |"])
    assert row.text == "x | y — b: 1"
