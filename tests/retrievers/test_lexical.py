"""What a person types, as words that are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from retrievers import Library
from retrievers.lexical import MAX_TERMS, LexicalIndex, terms
from tests.retrievers.words import WordCounts, piece

Find = Callable[[str], set[str]]

FOUND = [
    ("The companies' revenues", "company revenue"),
    ("Müller's CAFÉ", "muller"),
    ("Mu\u0308ller's other CAFE\u0301s", "café"),
    ("a total of 1,250.5 tonnes", "1,250.5"),
    ("in Table 3-2 of GPT-4", "gpt-4"),
    ("state-of-the-art model", "art"),
    ("a state of the art model", "state-of-the-art"),
    ("Die Straße nach İzmir", "strasse İzmir"),
    ("हिन्दी में लिखा हुआ", "हिन्दी"),
    ("война и мир", "МИР"),
]
NOT_FOUND = [("250 apples and 1 pear", "1,250"), ("4 of 10 GPT models", "GPT-4")]


@pytest.fixture(scope="module")
def find(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Find]:
    """The texts that a query finds among all of the above, by their words alone."""
    folder = tmp_path_factory.mktemp("words") / "library"
    texts = [text for text, _ in FOUND + NOT_FOUND]
    with Library.open(folder, WordCounts(), create=True) as library:
        library.put("file:///x", [piece(t) for t in texts], fingerprint="1", title="Whales")
        words = LexicalIndex(folder / "lexical", library._database)

        def find(query: str) -> set[str]:
            with library._database.reading() as connection:
                return {texts[number - 1] for number in words.best(connection, query, 50)}

        yield find


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text())
@example('"')
@example("NEAR(a b, 2)")
@example("text:whale AND NOT (")
@example("a* ^b -c {text}:d")
@example("nul \0 in the middle")
@example("lone surrogate \ud800 x")
@example("0,1:2/3.4.")
@example("٣٫٥ ² Ⅷ 漢字 ǅ İ ß")
def test_no_query_is_a_syntax_error(find: Find, query: str) -> None:
    find(query)


def test_a_very_long_query_is_understood(find: Find) -> None:
    query = " ".join(f"word{n}" for n in range(50_000))
    assert len(terms(query)) == MAX_TERMS
    assert not find(query)


def test_words_that_say_nothing_are_left_out_unless_there_are_no_others() -> None:
    assert terms("What is the price of oil?") == [("price",), ("oil",)]
    assert terms("to be or not to be") == [("to",), ("be",), ("or",), ("not",)]
    assert terms(" … !? ") == []


@pytest.mark.parametrize(("text", "query"), FOUND)
def test_a_text_is_found_by_its_words(find: Find, text: str, query: str) -> None:
    assert text in find(query)


@pytest.mark.parametrize(("text", "query"), NOT_FOUND)
def test_what_is_written_as_one_is_not_found_by_its_parts(
    find: Find, text: str, query: str
) -> None:
    assert text not in find(query)


def test_every_text_is_found_by_its_title(find: Find) -> None:
    assert find("whale") == {text for text, _ in FOUND + NOT_FOUND}


def test_a_phrase_does_not_reach_from_the_text_into_the_title(find: Find) -> None:
    assert not find("pear-whales")
