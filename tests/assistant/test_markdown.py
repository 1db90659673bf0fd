"""An answer in the making as Markdown: its marks and figures stand where they belong."""

from collections.abc import Iterable
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from markdown_it import MarkdownIt

from assistant.answer import (
    GOES_ON,
    NOT_IN_LIBRARY,
    REPLACED,
    UNSUPPORTED,
    Answer,
    Sentence,
    Source,
)
from assistant.conversation import words_of_answer
from assistant.events import (
    AnswerFinished,
    Event,
    FigureShown,
    SentenceChecked,
    SourcesFound,
    TextAdded,
    events_of,
)
from assistant.markdown import StreamedMarkdown, as_markdown
from assistant.sentences import sentences_of_stream

TEXT = {"title": "Report", "page": 2, "modality": "text"}
CHART = {
    "title": "Report",
    "page": 3,
    "modality": "figure",
    "caption": "Landings [2021]",
    "image_key": "k.png",
    "image_url": "http://127.0.0.1:8000/media/k.png",
}
SOURCES = (
    Source(1, 0.9, Document("…", metadata=TEXT), cited=True),
    Source(2, 0.8, Document("…", metadata=CHART), cited=True),
)
FIRST = Sentence("Cod rose to 1.5 kt (e.g. in May).", (1, 2), (2,), 1.0, True)
SECOND = Sentence("“Gulls” stayed.", (1,), (), 1.0, True)
FIGURE = (
    "![Landings \\[2021\\]](http://127.0.0.1:8000/media/k.png)\n"
    "*Landings \\[2021\\] (Report, page 3)*"
)


REFUSED = AnswerFinished(Answer("?", (Sentence(NOT_IN_LIBRARY),), (), False, "m"))


def finished(*sentences: Sentence) -> AnswerFinished:
    return AnswerFinished(Answer("?", sentences, SOURCES, True, "m"))


def streamed(events: Iterable[Event], question: str = "") -> str:
    markdown = StreamedMarkdown(question=question)
    return "".join(markdown.add(event) for event in events)


def as_the_assistant_tells(pieces: Iterable[str], sentences: Iterable[Sentence]) -> list[Event]:
    """Each sentence is checked when its text is complete, as the events promise."""
    waiting = iter(sentences)
    events: list[Event] = [SourcesFound(SOURCES)]
    is_new = True
    for text, ends in sentences_of_stream(pieces):
        events.append(TextAdded(text.lstrip() if is_new else text, GOES_ON if is_new else ""))
        is_new = ends
        if ends:
            sentence = next(waiting)
            events.append(SentenceChecked(sentence))
            events += [FigureShown(SOURCES[n - 1]) for n in sentence.figures]
    return events


@st.composite
def cut_anywhere(draw: st.DrawFn) -> list[str]:
    text = f"{FIRST.text} {SECOND.text}"
    cuts = sorted(draw(st.sets(st.integers(1, len(text) - 1))))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@given(cut_anywhere())
def test_marks_and_figures_follow_their_sentence_however_the_stream_cuts_it(
    pieces: list[str],
) -> None:
    events = as_the_assistant_tells(pieces, [FIRST, SECOND])
    assert streamed([*events, finished(FIRST, SECOND)]) == (
        f"Cod rose to 1.5 kt (e.g. in May). [1][2]\n\n{FIGURE}\n\n"
        "“Gulls” stayed. [1]\n\n**Sources**\n\n1. Report, page 2\n2. Report, page 3"
    )


def test_an_answer_that_the_check_replaces_is_said_to_be_replaced() -> None:
    claim = Sentence("The moon is cheese.")
    events = [TextAdded(claim.text), SentenceChecked(claim)]
    shown = streamed([*events, REFUSED])
    assert shown == f"The moon is cheese. {UNSUPPORTED}\n\n**{REPLACED}**\n\n{NOT_IN_LIBRARY}"


def test_an_answer_without_any_words_before_it_stands_alone() -> None:
    assert streamed([REFUSED]) == NOT_IN_LIBRARY


def test_a_refusal_in_the_models_own_words_is_not_said_twice() -> None:
    refusal = Sentence("The documents do not say how high it is.")
    events = [TextAdded(refusal.text), SentenceChecked(refusal)]
    shown = streamed([*events, REFUSED])
    assert shown == refusal.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Landings (2021): 4-5 kt = {x} + 1. So!", "Landings (2021): 4-5 kt = {x} + 1. So!"),
        ("snake_case and C# are 1) and 2.", "snake_case and C# are 1) and 2."),
        ("_set off_ *here* ~there~", r"\_set off_ \*here\* \~there\~"),
        ("- 1", r"\- 1"),
        (" + 1", r" \+ 1"),
        ("1. May", r"1\. May"),
        ("12) x", r"12\) x"),
        ("> 5", r"\> 5"),
        ("=====", r"\====="),
        ("# 1 # #", r"\# 1 \# \#"),
        ("a | b", r"a \| b"),
        ("$5 & $6", r"\$5 \& \$6"),
        ("http://x www.x", r"http:\//x www\.x"),
    ],
)
def test_only_what_would_take_effect_is_escaped(text: str, shown: str) -> None:
    assert as_markdown(text) == shown
    read = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(as_markdown(text))
    assert read == f"<p>{escape(text.strip())}</p>\n"


def test_a_follow_up_says_first_how_it_was_understood() -> None:
    answer = Answer("And [x]?", (FIRST,), SOURCES, True, "m", searched_as="How much is *x*?")
    markdown = streamed([*events_of(answer)], question=answer.question)
    assert markdown.startswith("*Understood as: How much is \\*x\\*?*\n\nCod rose")
    assert markdown == answer.to_markdown()
    assert words_of_answer(markdown) == FIRST.text
    assert "<p><em>Understood as: How much is *x*?</em></p>" in answer.to_html()
    refused = Answer("?", (Sentence(NOT_IN_LIBRARY),), (), False, "m", searched_as="What?")
    assert words_of_answer(refused.to_markdown()) == ""


def test_words_of_a_model_are_not_taken_for_how_the_question_was_understood() -> None:
    said = "*Understood as: a lie*"
    assert words_of_answer(streamed([TextAdded(said)])) == said


def test_nothing_in_the_models_words_takes_effect_as_markdown() -> None:
    shown = streamed([TextAdded("![x](http://evil"), TextAdded("/a.png) <script>")])
    assert shown == r"!\[x\]\(http:\//evil/a.png) \<script>"
    assert streamed([TextAdded("Ask bob@evil"), TextAdded(".example")]) == r"Ask bob\@evil.example"
