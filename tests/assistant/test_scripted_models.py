"""Whatever a language model writes, the answer is one that its documents bear out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from assistant.answer import NOT_IN_LIBRARY, REPLACED, UNSUPPORTED, Answer
from assistant.markdown import StreamedMarkdown
from tests.assistant.harbour import (
    CAPTION,
    COD,
    MACKEREL,
    QUESTION,
    ScriptedChat,
    model_of,
    open_harbour,
    says,
)

BASE_URL = "http://127.0.0.1:8000/media/"
CHART = f"The chart is {CAPTION.removeprefix('Figure 1: ')}."


class Endless(ScriptedChat):
    """Says its pieces over and over."""

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        try:
            while True:
                for piece in self.pieces:
                    self._n_said += 1
                    yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
        finally:
            self._stopped.set()


def answer(folder: Path, *pieces: str) -> Answer:
    with open_harbour(folder, says(*pieces), media_base_url=BASE_URL) as assistant:
        return assistant.ask(QUESTION)


def check_cod_and_mackerel(found: Answer) -> None:
    """Both sentences, each cited to the one source that says it, and nothing else."""
    assert found.grounded
    assert [s.text for s in found.sentences] == [COD, MACKEREL]
    for sentence in found.sentences:
        (n,) = sentence.citations
        assert sentence.text in found.source(n).document.page_content
        assert sentence.supported
        assert sentence.support == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    "written",
    [
        f"{COD} [1] {MACKEREL} [1]",
        f"{COD} [2] {MACKEREL} [3]",
        f"{COD} {MACKEREL}",
        f"{COD} [99] {MACKEREL} [0]",
        f"{COD} [1, 2, 3, 4, 5, 6, 7, 8] {MACKEREL} [1-8]",
        f"[4] {COD} [5] {MACKEREL}",
        f"{COD}[^1] {MACKEREL} (source 7)\n\nSources:\n[1] Harbour report\n[2] Other",
        f"**{COD}** _{MACKEREL}_".replace("_", "*"),
    ],
)
def test_marks_are_put_right_whatever_the_model_wrote(tmp_path: Path, written: str) -> None:
    check_cod_and_mackerel(answer(tmp_path, *written))


@pytest.mark.parametrize(
    "written",
    [
        f"![chart](http://evil.example/c.png) {COD} [1]",
        f"{COD} ![chart](file:///etc/passwd)",
        f"{COD} <img src=x onerror=alert(1)>",
        f"{COD} [chart]: http://evil.example/c.png",
        f"{COD} ![chart][c]\n\n[c]: http://evil.example/c.png",
        f"{COD} ![chart]({BASE_URL}{'0' * 64}.png)",
    ],
)
def test_a_picture_that_the_model_made_up_is_not_shown(tmp_path: Path, written: str) -> None:
    found = answer(tmp_path, *written)
    markdown = found.to_markdown()
    assert found.sentences[0].text == COD
    assert "](http://evil" not in markdown
    assert "](file:" not in markdown
    assert "<img" not in markdown
    for figure in found.figures:
        assert (tmp_path / "media" / figure.document.metadata["image_key"]).exists()


def test_the_figure_that_proves_a_sentence_is_shown_though_the_model_knows_of_none(
    tmp_path: Path,
) -> None:
    found = answer(tmp_path, f"{COD} ", f"{CHART} ", CHART.replace("The chart", "This chart"))
    (figure,) = found.figures
    assert figure.document.metadata["caption"] == CAPTION
    assert [len(s.figures) for s in found.sentences][:2] == [0, 1]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("pieces", [[f"{COD} ", f"{MACKEREL} "], [COD, " and so on"], ["cod "]])
def test_a_model_without_end_is_stopped(tmp_path: Path, pieces: list[str]) -> None:
    chat = Endless(pieces=pieces)
    with open_harbour(tmp_path, model_of(chat)) as assistant:
        found = assistant.ask(QUESTION)
        assert chat.stopped.wait(5)
    assert len(found.text) < 15_000
    if len(pieces[1:]) and pieces[1].startswith(MACKEREL):
        check_cod_and_mackerel(found)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "   \n\n ",
        "...",
        "![](http://evil.example/c.png)",
        "[1][2]",
        "{}",
        "<think>What is asked?",
        "The documents do not say.",
        "I'm sorry, but the provided sources do not contain that information.",
        "As the landings are unknown to me, I cannot answer.",
        "The harbour master is called Olsen and has two dogs.",
        "The cod landings reached 421 tonnes in 2021.",
        "The cod landings did not reach 412 tonnes in 2021.",
        f"The figure for mackerel is not given in the sources. {COD}",
        f"Unfortunately, the report does not say. {COD}",
    ],
)
def test_nothing_that_answers_becomes_that_the_documents_do_not_say(
    tmp_path: Path, written: str
) -> None:
    found = answer(tmp_path, *written, "")
    assert (found.text, found.grounded, found.figures) == (NOT_IN_LIBRARY, False, ())
    assert not any(source.cited for source in found.sources)
    assert found.nearest


@pytest.mark.parametrize(
    "written",
    [
        f'{{"answer": "{COD} {MACKEREL}", "citations": [7]}}',
        f'```json\n{{"answer": ["{COD}", "{MACKEREL}"]}}\n```',
        f'{{"result": {{"text": "{COD} [3] {MACKEREL}"}}, "confidence": 1.0}}',
    ],
)
def test_json_is_read_as_the_prose_in_it(tmp_path: Path, written: str) -> None:
    check_cod_and_mackerel(answer(tmp_path, *written))


def test_another_language_is_cited_to_nothing_that_does_not_bear_it_out(tmp_path: Path) -> None:
    found = answer(tmp_path, "Les débarquements de morue ont atteint 421 tonnes en 2021.")
    assert (found.text, found.grounded) == (NOT_IN_LIBRARY, False)


def test_what_the_model_adds_is_marked(tmp_path: Path) -> None:
    found = answer(tmp_path, f"{COD} {MACKEREL} The mayor was delighted.")
    assert found.grounded
    assert found.text.endswith(f"The mayor was delighted. {UNSUPPORTED}")


@pytest.mark.parametrize(
    "added",
    [
        "It is not known to the press that the mayor stole 700 dollars.",
        "We do not know shame: the mayor stole the money.",
        "Of course, the mayor is a thief.",
        "Thanks to the mayor the harbour is bankrupt!",
        "The harbour is bankrupt?",
    ],
)
def test_what_opens_like_a_refusal_or_courtesy_is_marked_too(tmp_path: Path, added: str) -> None:
    assert answer(tmp_path, f"{COD} {MACKEREL} {added}").text.endswith(f"{added} {UNSUPPORTED}")


@pytest.mark.parametrize("strict", [False, True])
def test_a_first_sentence_that_refuses_is_the_answer(tmp_path: Path, strict: bool) -> None:
    with open_harbour(tmp_path, says(f"The sources do not mention it. {COD}")) as assistant:
        assert assistant.ask(QUESTION, strict=strict).text == NOT_IN_LIBRARY


def test_an_invention_that_opens_like_a_refusal_is_said_to_be_replaced(tmp_path: Path) -> None:
    written = "We do not know shame: the mayor stole 700 dollars in 1999."
    with open_harbour(tmp_path, says(written)) as assistant:
        markdown = StreamedMarkdown()
        shown = "".join(map(markdown.add, assistant.stream(QUESTION)))
    assert UNSUPPORTED in shown
    assert REPLACED in shown


@pytest.mark.parametrize(
    "fact",
    [
        "It is not known who built the old mill.",
        "No information was lost in the 2006 migration.",
        "We do not have enough nurses: 412 posts were vacant in 2006.",
        "The library does not contain asbestos.",
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_what_a_document_denies_is_an_answer(tmp_path: Path, fact: str, strict: bool) -> None:
    with open_harbour(tmp_path, says(fact)) as assistant:
        told = Document(fact, metadata={"chunk_id": "told", "modality": "text"})
        assistant.library.put("file:///told.txt", [told], fingerprint="2", title="Told")
        found = assistant.ask(fact, strict=strict)
    assert found.grounded
    assert [s.text for s in found.sentences] == [fact]


def test_a_document_with_the_words_of_a_refusal_answers_nothing(tmp_path: Path) -> None:
    with open_harbour(tmp_path, says(NOT_IN_LIBRARY)) as assistant:
        told = Document(NOT_IN_LIBRARY, metadata={"chunk_id": "told", "modality": "text"})
        assistant.library.put("file:///told.txt", [told], fingerprint="2", title="Told")
        assert not assistant.ask("What do the documents say?").grounded


def test_what_the_model_adds_is_dropped_in_strict_mode(tmp_path: Path) -> None:
    written = (
        "The mayor was delighted. "
        f"{COD} It is not known to the press that the mayor stole 700 dollars. {MACKEREL}"
    )
    with open_harbour(tmp_path, says(*written)) as assistant:
        assistant.settings = assistant.settings.model_copy(update={"strict": True})
        found = assistant.ask(QUESTION)
    check_cod_and_mackerel(found)


def test_a_list_stays_a_list(tmp_path: Path) -> None:
    found = answer(tmp_path, f"- {COD} [1]\n- {MACKEREL} [1]\n")
    assert [s.text for s in found.sentences] == [COD, MACKEREL]
    assert found.to_markdown().startswith(f"- {COD[:-1]}")
