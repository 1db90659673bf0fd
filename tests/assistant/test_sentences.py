"""Sentences, stems, numbers and names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.sentences import (
    is_negated,
    names,
    numbers,
    sentences_of_stream,
    split_sentences,
    stems,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two? Three!", ["One.", "Two?", "Three!"]),
        ("See Fig. 3 for Dr. Smith. It is clear.", ["See Fig. 3 for Dr. Smith.", "It is clear."]),
        (
            "The U.S. Census counts. J. Smith said so.",
            ["The U.S. Census counts.", "J. Smith said so."],
        ),
        (
            "It was cast in 1468 by Wm. Dobbes of Exeter. Geo. Pell and Thos. Gray tuned it.",
            ["It was cast in 1468 by Wm. Dobbes of Exeter.", "Geo. Pell and Thos. Gray tuned it."],
        ),
        (
            "Capt. Hale gave it to St. Mary of the Rev. Jas. Wick. It broke.",
            ["Capt. Hale gave it to St. Mary of the Rev. Jas. Wick.", "It broke."],
        ),
        ("It rose by 3.5 percent. Then it fell.", ["It rose by 3.5 percent.", "Then it fell."]),
        ("a heading\nA line below.", ["a heading", "A line below."]),
        ("He said “Stop.” She went on.", ["He said “Stop.”", "She went on."]),
        ("Es war am 3. Oktober. Dann nicht.", ["Es war am 3. Oktober.", "Dann nicht."]),
        ("It rose by 3. Then it fell.", ["It rose by 3.", "Then it fell."]),
        ("", []),
    ],
)
def test_text_is_split_where_a_reader_would(text: str, expected: list[str]) -> None:
    assert split_sentences(text) == expected


@given(st.text())
def test_splitting_loses_no_word(text: str) -> None:
    assert " ".join(split_sentences(text)).split() == text.split()


@given(st.lists(st.text(alphabet='aB. "\n', max_size=5)))
def test_a_stream_cut_anywhere_gives_the_sentences_of_its_text(pieces: list[str]) -> None:
    sentences, held = [], ""
    for text, ends in sentences_of_stream(pieces):
        held += text
        if ends:
            sentences.append(held.strip())
            held = ""
    assert held == ""
    assert " ".join(sentences).split() == "".join(pieces).split()


def test_a_streams_sentence_is_given_before_the_next_one() -> None:
    pieces = ["Oil fell", " in 2020. G", "old rose."]
    assert list(sentences_of_stream(pieces)) == [
        ("Oil fell", False),
        (" in 2020.", True),
        (" G", False),
        ("old rose.", False),
        ("", True),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("72,861 units for $1,200.50 in 2005", {"72861", "1200.5", "2005"}),
        ("13% or 13 percent", {"13"}),
        ("from -5 to 5", {"-5", "5"}),
        ("2014–2022 and 3-4", {"2014", "2022", "3", "4"}),
        ("no numbers here", set()),
    ],
)
def test_numbers_are_compared_by_value(text: str, expected: set[str]) -> None:
    assert numbers(text) == expected


def test_stems_join_forms_of_a_word_and_drop_what_carries_no_meaning() -> None:
    assert stems("the houses were authorized") == stems("house authorization") == ["hous", "author"]


def test_names_are_words_with_a_capital_inside_a_sentence() -> None:
    assert names("Units rose in Atlanta. Prices in Cape Coral fell.") == {
        "atlanta",
        "cape",
        "coral",
    }


@pytest.mark.parametrize(
    ("text", "negated"),
    [("It does not rise.", True), ("It doesn't rise.", True), ("It rises.", False)],
)
def test_negation_is_seen(text: str, negated: bool) -> None:
    assert is_negated(text) is negated
