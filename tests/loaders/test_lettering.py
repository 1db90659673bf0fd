"""The text in pictures, line by line."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.captioning.lettering import has_words, new_lines, on_one_line, tell_lines


def test_a_number_stays_on_the_line_of_its_label() -> None:
    assert tell_lines("Atlanta  72,861\nPhoenix  58,337", is_read=True) == [
        "Atlanta 72,861",
        "Phoenix 58,337",
    ]
    assert on_one_line(["Atlanta 72,861", "Phoenix 58,337"]) == "Atlanta 72,861; Phoenix 58,337"


def test_a_sentence_that_runs_over_lines_is_not_torn() -> None:
    lines = ["Can you see any correlation between oil", "prices and stocks?", "Chat"]
    assert on_one_line(lines) == "Can you see any correlation between oil prices and stocks? Chat"


def test_the_axis_of_each_panel_is_told_once() -> None:
    text = "0 10 20 30 40\naverage\n0 10 20 30 40\nmax\n0 10 20 30 40\n0 2 4"
    assert tell_lines(text, is_read=False) == ["0 10 20 30 40", "average", "max", "0 2 4"]


def test_the_numbers_of_an_upright_axis_are_one_line_and_none_is_lost() -> None:
    assert tell_lines("9\n8\n7\nLife satisfaction", is_read=True) == ["9 8 7", "Life satisfaction"]
    values = "57.7 52.6 47.3 38.3"
    assert tell_lines(values, is_read=False) == [values]


def test_single_letters_that_ocr_sees_are_dropped_but_not_those_that_a_document_prints() -> None:
    assert tell_lines("★\nM\n口\nDoor", is_read=True) == ["Door"]
    assert tell_lines("A\nB\nDoor", is_read=False) == ["A", "B", "Door"]


def test_a_text_printed_over_itself_is_told_once() -> None:
    assert tell_lines("noise model PL" * 8, is_read=False) == ["noise model PL"]


def test_what_ocr_reads_of_printed_words_is_not_new() -> None:
    read = ["Bibliothèque nationale", "de Franco", "Charter Member", "In 1996", "North Sea"]
    printed = ["Bibliotheque nationale de France, charter member, in 1995"]
    assert new_lines(read, printed) == ["In 1996", "North Sea"]


def test_a_word_without_end_is_compared_in_little_memory() -> None:
    tracemalloc.start()
    try:
        assert new_lines(["ab" * 2_500], ["ba" * 2_500]) == ["ab" * 2_500]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("0 10 20", False),
        ("a b", False),
        ("- ★", False),
        ("max", True),
        ("水", True),
        ("CO2 5", True),
    ],
)
def test_whether_a_text_has_words(text: str, has: bool) -> None:
    assert has_words(text) is has


@given(st.lists(st.text(alphabet="abc 0123456789.,%", max_size=12), max_size=12))
def test_no_number_is_ever_changed(lines: list[str]) -> None:
    text = "\n".join(lines)
    told = " ".join(tell_lines(text, is_read=False)).split()
    assert set(told) <= set(text.split())


@given(st.text(max_size=300), st.booleans())
def test_telling_lines_again_changes_nothing_and_none_is_told_twice(
    text: str, is_read: bool
) -> None:
    told = tell_lines(text, is_read=is_read)
    assert len(told) == len(set(told))
    assert all(line == " ".join(line.split()) for line in told)


def test_lines_that_differ_in_a_sign_alone_are_both_told() -> None:
    lines = ["Growth +3 %", "Growth -3 %", "< 65 years", "> 65 years", "growth +3 %"]
    assert tell_lines("\n".join(lines), is_read=True) == lines[:-1]
