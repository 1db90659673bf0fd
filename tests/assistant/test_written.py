"""What language models write becomes plain sentences with their marks."""

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.written import Written, WrittenSentence, read_writing


def sentences(*pieces: str) -> list[WrittenSentence]:
    return [part for part in read_writing(pieces) if isinstance(part, WrittenSentence)]


def texts(*pieces: str) -> list[str]:
    return [sentence.text for sentence in sentences(*pieces)]


def as_read(pieces: Iterable[str]) -> list[tuple[str, str, tuple[int, ...]]]:
    """The sentences, and what was given of each while it was written."""
    found, given_text, lead = [], "", ""
    for part in read_writing(pieces):
        if isinstance(part, Written):
            given_text += part.text
            lead = lead or part.lead
        else:
            assert (given_text, lead) == (part.text, part.lead)
            found.append((part.text, part.lead, part.marks))
            given_text, lead = "", ""
    assert not given_text
    return found


@pytest.mark.parametrize(
    ("written", "marks"),
    [
        ("Oil fell [1][2].", (1, 2)),
        ("Oil fell. [3, 4]", (3, 4)),
        ("Oil fell [2-4].", (2, 3, 4)),
        ("Oil fell [Source 2].", (2,)),
        ("Oil fell (source 7).", (7,)),
        ("Oil fell (sources 1 and 3).", (1, 3)),
        ("Oil fell【5†report】.", (5,)),
        ("[6] Oil fell.", (6,)),
        ("Oil fell [99].", (99,)),
    ],
)
def test_marks_are_read_and_taken_out(written: str, marks: tuple[int, ...]) -> None:
    (sentence,) = sentences(*written)
    assert (sentence.text, sentence.marks) == ("Oil fell.", marks)


def test_a_mark_after_the_full_stop_belongs_to_the_sentence_before_it() -> None:
    first, second = sentences("Oil fell. [1] Gold rose. [2]")
    assert (first.text, first.marks) == ("Oil fell.", (1,))
    assert (second.text, second.marks) == ("Gold rose.", (2,))


def test_brackets_that_are_no_marks_stay() -> None:
    assert texts("A list [a] of the year [2021] (so it says).") == [
        "A list [a] of the year [2021] (so it says)."
    ]


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Oil ![chart](http://evil.example/x.png) fell.", "Oil fell."),
        ("Oil <img src='http://evil.example/?q=1'> fell.", "Oil fell."),
        ("Oil [fell](http://evil.example).", "Oil fell."),
        ("**Oil** `fell` by *1.5* * 2.", "Oil fell by 1.5 * 2."),
        ("Where a < b and c > d.", "Where a < b and c > d."),
        ("See <https://evil.example/x>.", "See."),
        ("## Oil fell.", "Oil fell."),
    ],
)
def test_only_words_are_left(written: str, plain: str) -> None:
    assert [" ".join(t.split()).replace(" .", ".") for t in texts(*written)] == [plain]


def test_lists_and_paragraphs_are_kept() -> None:
    found = sentences("Two things:\n- Oil fell. It recovered.\n* Gold rose.\n\nEnd.\n1. Go.\n")
    assert [(s.lead, s.text) for s in found] == [
        ("\n\n", "Two things:"),
        ("\n- ", "Oil fell."),
        (" ", "It recovered."),
        ("\n- ", "Gold rose."),
        ("\n\n", "End."),
        ("\n1. ", "Go."),
    ]


@pytest.mark.parametrize(
    "written",
    [
        '{"answer": "Oil fell [1]. Gold rose [2].", "sources": [1, 2]}',
        '```json\n{"response": {"text": "Oil fell [1]. Gold rose [2]."}}\n```',
        '["Oil fell [1].", "Gold rose [2]."]',
        "<think>Oil? Or gold?</think>\n\nOil fell [1]. Gold rose [2].",
    ],
)
def test_json_and_thoughts_are_read_as_the_prose_in_them(written: str) -> None:
    assert [(s.text, s.marks) for s in sentences(*written)] == [
        ("Oil fell.", (1,)),
        ("Gold rose.", (2,)),
    ]


def test_a_list_of_sources_ends_the_answer() -> None:
    assert texts("Oil fell [1].\n\n**Sources:**\n[1] Report, page 2\n") == ["Oil fell."]


def test_a_model_that_turns_in_circles_is_left() -> None:
    n_read = 0

    def circling() -> Iterator[str]:
        nonlocal n_read
        while True:
            n_read += 1
            yield "The price of oil fell. The price of gold rose. "

    assert texts_of(circling()) == ["The price of oil fell.", "The price of gold rose."]
    assert n_read < 5


def test_a_sentence_without_end_is_cut() -> None:
    def endless() -> Iterator[str]:
        while True:
            yield "and so on "

    (text,) = texts_of(endless())
    assert text.endswith("…")
    assert len(text) < 2_000


def texts_of(pieces: Iterable[str]) -> list[str]:
    return [text for text, _, _ in as_read(pieces)]


@given(st.lists(st.text(alphabet='aB [1]2,.!(*\n-<>`s{"', max_size=8)))
def test_however_the_stream_is_cut_it_reads_the_same(pieces: list[str]) -> None:
    assert as_read(pieces) == as_read(["".join(pieces)])
