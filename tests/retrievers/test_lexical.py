"""What a person types, as a query to FTS5."""

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrievers.lexical import MAX_TERMS, match_expression


@pytest.fixture(scope="module")
def fts() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE VIRTUAL TABLE lexical USING fts5 "
        "(text, tokenize = 'porter unicode61 remove_diacritics 2')"
    )
    yield connection
    connection.close()


def found(connection: sqlite3.Connection, text: str, query: str) -> bool:
    connection.execute("DELETE FROM lexical")
    connection.execute("INSERT INTO lexical VALUES (?)", (text,))
    match = "SELECT count(*) FROM lexical WHERE lexical MATCH ?"
    return bool(connection.execute(match, (match_expression(query),)).fetchone()[0])


@given(st.text())
@example('"')
@example("NEAR(a b, 2)")
@example("text:whale AND NOT (")
@example("a* ^b -c {text}:d")
@example("nul \0 in the middle")
@example("lone surrogate \ud800 x")
@example("0,1:2/3.4.")
@example("٣٫٥ ² Ⅷ 漢字 ǅ İ ß")
def test_no_query_is_a_syntax_error(fts: sqlite3.Connection, query: str) -> None:
    expression = match_expression(query)
    if expression is not None:
        fts.execute("SELECT rowid FROM lexical WHERE lexical MATCH ?", (expression,)).fetchall()


def test_a_very_long_query_is_understood(fts: sqlite3.Connection) -> None:
    expression = match_expression(" ".join(f"word{n}" for n in range(50_000)))
    assert expression is not None
    assert expression.count(" OR ") == MAX_TERMS - 1
    fts.execute("SELECT rowid FROM lexical WHERE lexical MATCH ?", (expression,)).fetchall()


def test_words_that_say_nothing_are_left_out_unless_there_are_no_others() -> None:
    assert match_expression("What is the price of oil?") == '"price" OR "oil"'
    assert match_expression("to be or not to be") == '"to" OR "be" OR "or" OR "not"'
    assert match_expression(" … !? ") is None


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("The companies' revenues", "company revenue"),
        ("Müller's CAFÉ", "muller"),
        ("a total of 1,250.5 tonnes", "1,250.5"),
        ("in Table 3-2 of GPT-4", "gpt-4"),
        ("state-of-the-art model", "art"),
        ("a state of the art model", "state-of-the-art"),
    ],
)
def test_a_text_is_found_by_its_words(fts: sqlite3.Connection, text: str, query: str) -> None:
    assert found(fts, text, query)


@pytest.mark.parametrize(
    ("text", "query"), [("250 apples and 1 pear", "1,250"), ("4 of 10 GPT models", "GPT-4")]
)
def test_what_is_written_as_one_is_not_found_by_its_parts(
    fts: sqlite3.Connection, text: str, query: str
) -> None:
    assert not found(fts, text, query)
