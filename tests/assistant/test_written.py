"""What language models write becomes plain sentences with their marks."""

import itertools
import time
from collections.abc import Iterable, Iterator
from random import Random

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
        ("Oil fell [2, 4].", (2, 4)),
        ("Oil fell [Source 2].", (2,)),
        ("Oil fell (source 7).", (7,)),
        ("Oil fell (sources 1 and 3).", (1, 3)),
        ("Oil fell【5†report】.", (5,)),
        ("[6] Oil fell.", (6,)),
        ("Oil fell [99].", (99,)),
        ("Oil fell [0].", ()),
        ("Oil fell [1, p. 3].", (1,)),
        ("Oil fell (see source 1, page 3).", (1,)),
        ("Oil fell [doc 1].", (1,)),
        ("Oil fell <sup>1</sup>.", (1,)),
        ("Oil fell¹.", (1,)),
        ("Oil fell [1](https://evil.example/x).", (1,)),
        ("Oil fell [[1]](https://evil.example/x).", (1,)),
        ("Oil fell [Source 1](https://evil.example/x).", (1,)),
    ],
)
def test_marks_are_read_and_taken_out(written: str, marks: tuple[int, ...]) -> None:
    (sentence,) = sentences(*written)
    assert (sentence.text, sentence.marks) == ("Oil fell.", marks)


def test_a_mark_after_the_full_stop_belongs_to_the_sentence_before_it() -> None:
    first, second = sentences("Oil fell. [1] Gold rose. [2]")
    assert (first.text, first.marks) == ("Oil fell.", (1,))
    assert (second.text, second.marks) == ("Gold rose.", (2,))


@pytest.mark.parametrize(
    ("written", "plain", "marks"),
    [
        ("Oil fell in a range [5, 1].", "Oil fell in a range.", (5, 1)),
        ("Oil fell, as is shown in [1, 5].", "Oil fell, as is shown in.", (1, 5)),
        ("Oil fell in this range [3].", "Oil fell in this range.", (3,)),
        ("Oil fell in this range [1, 2, 5].", "Oil fell in this range.", (1, 2, 5)),
        ("Oil fell in this range [1][5].", "Oil fell in this range.", (1, 5)),
    ],
)
def test_what_may_be_an_interval_or_marks_is_marks(
    written: str, plain: str, marks: tuple[int, ...]
) -> None:
    (sentence,) = sentences(*written)
    assert (sentence.text, sentence.marks) == (plain, marks)


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
        ("See https://evil.example/x?q=1.", "See."),
        ("Oil <b>fell</b> by `a[1]`.", "Oil fell by a[1]."),
        ("```python\nOil\n```\n", "Oil"),
        ("原油は**安い**です。", "原油は安いです。"),
    ],
)
def test_only_words_are_left(written: str, plain: str) -> None:
    assert [" ".join(t.split()).replace(" .", ".") for t in texts(*written)] == [plain]


@pytest.mark.parametrize(
    "written",
    [
        "2**10 bytes are 1024 bytes.",
        "> 90 % of visitors came by ferry.",
        "- 3.2 % was the growth.",
        "If a <b and c> d, it holds.",
        "The interval [0, 1] is used.",
        "Answers have values in [1, 5].",
        "Take x ∈ [2, 4] and y = [1, 3].",
        "It is in the range [1-5] or between [2; 3].",
        "The method __init__ calls run_all.",
        "Am 3. Oktober 2006 ging er.",
        "3. Oktober 2006 war ein Dienstag.",
        "It has 10³ cells on 5 m² or 3 metres².",
    ],
)
def test_values_and_names_are_not_changed(written: str) -> None:
    assert texts(*written) == [written]


def test_a_raised_value_is_no_mark() -> None:
    assert texts("It has 10<sup>3</sup> cells on 5 m<sup>2</sup>.") == ["It has 10³ cells on 5 m²."]


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
        "Okay, the user asks. Oil? Or gold?</think>\n\nOil fell [1]. Gold rose [2].",
        '```json\n{"answer": "Oil fell [1]."}\n```\nGold rose [2].',
        f"<think>{'Oil or gold? ' * 2_000}</think>Oil fell [1]. Gold rose [2].",
    ],
)
def test_json_and_thoughts_are_read_as_the_prose_in_them(written: str) -> None:
    assert [(s.text, s.marks) for s in sentences(*written)] == [
        ("Oil fell.", (1,)),
        ("Gold rose.", (2,)),
    ]


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ('{"answer": 42}', "42"),
        ('{"answer": {"height_m": 91, "year": 2006}}', "height_m: 91 year: 2006"),
        ('{"height": 91.5, "unit": "m", "sure": true}', "height: 91.5 unit: m"),
    ],
)
def test_numbers_in_json_are_read(written: str, plain: str) -> None:
    assert texts(*written) == [plain]


def test_a_line_of_sources_that_opens_the_answer_does_not_end_it() -> None:
    assert texts_of("Sources:\nOil fell [1].\n\nSources:\n[1] Report") == ["Oil fell."]


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


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "piece", ["\n", " ", "![x](http://e/y.png) ", "<br>\n", "**\n", "- \n", "<think>", "{\n", "x"]
)
def test_a_model_that_never_ends_is_left_whatever_it_writes(piece: str) -> None:
    list(read_writing(itertools.repeat(piece)))


@pytest.mark.parametrize(
    "piece",
    ["**", "(", "[", "[1]", " [1]", "![", "![x](http://e/y.png)", "<a ", "(s", "`", "x ", "_"],
)
def test_reading_takes_time_in_proportion_to_what_is_written(piece: str) -> None:
    started = time.process_time()
    list(read_writing(iter((piece * 12_000)[:12_000])))
    assert time.process_time() - started < 2


def texts_of(pieces: Iterable[str]) -> list[str]:
    return [text for text, _, _ in as_read(pieces)]


PARTS = (
    "[1]", "[a](", "http://e.x", ")", "(source ", "(see ", "2", "**", "__", "`", "```", "<b>",
    "<sup>", "</sup>", "¹", "> ", "- ", "%", "\n", " ", "Oil", "fell.", "![", "]", "[", "</think>",
    "Okay, ", "<think>", "Sources", ":", "3.", "Mai", "は", "{", '"', "0", ",",
    "the range ", "[1, 5]", "values in ",
)  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=15), st.randoms(use_true_random=False))
def test_marks_and_links_read_the_same_however_they_are_cut(
    parts: list[str], random: Random
) -> None:
    written = "".join(parts)
    cuts = sorted(random.sample(range(len(written) + 1), min(5, len(written))))
    pieces = [written[a:b] for a, b in itertools.pairwise([0, *cuts, len(written)])]
    assert as_read(pieces) == as_read([written]) == as_read(written)


@given(st.lists(st.text(alphabet='aB [1]2,.!(*\n-<>`s{"', max_size=8)))
def test_however_the_stream_is_cut_it_reads_the_same(pieces: list[str]) -> None:
    assert as_read(pieces) == as_read(["".join(pieces)])
