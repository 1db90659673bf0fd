"""How the page shows an answer whose events a test chooses."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.documents import Document
from markdown_it import MarkdownIt
from PIL import Image
from streamlit.testing.v1 import AppTest

from assistant.answer import NOT_IN_LIBRARY, Answer, Sentence, Source
from assistant.events import AnswerFinished, Event, SentenceChecked, SourcesFound, TextAdded
from loaders import MediaStore

EVIL = "See ![x](http://evil.example/x.png) <img src=x onerror=alert(1)> -> :red[now]."


def show(events: list[Event], media: MediaStore | None = None) -> AppTest:
    """The page after the events."""

    def script(events, assistant):
        from ui.answers import stream_answer

        stream_answer(iter(events), assistant)

    assistant = SimpleNamespace(media=media)
    page = AppTest.from_function(script, args=(events, assistant), default_timeout=30).run()
    assert not page.exception
    return page


def answered(*sentences: Sentence, sources: tuple[Source, ...] = ()) -> list[Event]:
    """The events of an answer of these sentences."""
    checked: list[Event] = []
    for sentence in sentences:
        checked += [TextAdded(sentence.text + " "), SentenceChecked(sentence)]
    answer = Answer("?", sentences, sources, True, "a model")
    return [SourcesFound(sources), *checked, AnswerFinished(answer)]


def text_source(n: int, text: str, **metadata: Any) -> Source:
    found = {"title": "A report", "page": n, "modality": "text"} | metadata
    return Source(n, 0.5, Document(text, metadata=found), cited=True)


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path)


def figure_source(n: int, media: MediaStore, size: tuple[int, int], **descriptions: str) -> Source:
    picture = media.put(Image.new("RGB", size, "seagreen"))
    assert picture
    return text_source(
        n,
        "A green field",
        modality="figure",
        image_key=picture.key,
        width=picture.width,
        height=picture.height,
        caption="A green field",
        descriptions=descriptions,
    )


def test_hostile_words_of_a_model_show_as_text() -> None:
    page = show(answered(Sentence(EVIL, (1,), supported=True), sources=(text_source(1, EVIL),)))
    assert [t.value for t in page.text] == [f"{EVIL} [1]", EVIL]
    for shown in page.markdown:
        assert not re.search("<img|<a ", MarkdownIt("commonmark").render(shown.value))


def test_sentences_run_on_with_their_marks() -> None:
    page = show(
        answered(
            Sentence("One.", (1,), supported=True),
            Sentence("Two.", (1, 2), supported=True),
            sources=(text_source(1, "one"), text_source(2, "two")),
        )
    )
    assert page.text[0].value == "One. [1] Two. [1][2]"
    assert page.expander[0].label == "Sources (2)"


def test_only_the_unsupported_sentence_is_marked() -> None:
    sentences = (
        Sentence("True.", supported=True),
        Sentence("Made up."),
        Sentence("So.", supported=True),
    )
    page = show(answered(*sentences))
    kinds = [(e.type, e.value) for e in page.main if e.type in {"text", "markdown"}]
    assert [kind for kind, _ in kinds] == ["text", "markdown", "text"]
    assert kinds[0][1] == "True. Made up."
    assert "not in the documents" in kinds[1][1]


def test_a_sentence_that_claims_nothing_is_not_marked() -> None:
    opening = Sentence("Here is the answer:")
    page = show(answered(opening, Sentence("True.", supported=True)))
    assert [t.value for t in page.text] == ["Here is the answer: True."]
    assert not opening.is_doubtful


def test_figure_follows_its_sentence_at_once(media: MediaStore) -> None:
    figure = figure_source(1, media, (300, 200), document="A green field")
    sentences = (
        Sentence("The field is green.", (1,), (1,), supported=True),
        Sentence("It is wide.", (1,), supported=True),
    )
    page = show(answered(*sentences, sources=(figure,)), media)
    kinds = [e.type for e in page.main if e.type in {"text", "image", "caption"}]
    assert kinds[:4] == ["text", "image", "caption", "text"]
    assert page.caption[0].value == "A green field  \n**A report, page 1**"


def test_caption_by_a_machine_is_marked(media: MediaStore) -> None:
    figure = figure_source(1, media, (300, 200), blip="A green field")
    page = show(answered(Sentence("Green.", (1,), (1,), supported=True), sources=(figure,)), media)
    assert "caption by a machine" in page.caption[0].value


def test_refusal_takes_back_what_was_streamed() -> None:
    sources = tuple(text_source(n, f"passage {n}") for n in range(1, 6))
    refusal = Answer("?", (Sentence(NOT_IN_LIBRARY),), sources, False, "a model")
    page = show([SourcesFound(sources), TextAdded("The moon is"), AnswerFinished(refusal)])
    assert [t.value for t in page.text] == [NOT_IN_LIBRARY, "passage 1", "passage 2", "passage 3"]
    assert page.expander[0].label == "Nearest passages"


def test_table_shows_as_a_table_and_its_cells_as_text() -> None:
    table = "Harvest\n| Year | Tonnes \\| t |\n| --- | --- |\n| 2021 | <img src=x> |"
    page = show(answered(Sentence("So.", (1,), supported=True), sources=(text_source(1, table),)))
    shown = next(m.value for m in page.markdown if m.value.startswith("|"))
    html = MarkdownIt("commonmark").enable("table").render(shown)
    assert html.count("<td>") == 2
    assert "<th>Tonnes | t</th>" in html
    assert "<td>&lt;img src=x&gt;</td>" in html
