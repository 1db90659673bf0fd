"""The chat page, run by Streamlit's own test driver over a real library and model."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest

from assistant.answer import NOT_IN_LIBRARY
from assistant.assistant import Assistant
from assistant.errors import GenerationFailed
from assistant.events import Event, SourcesFound, TextAdded
from assistant.settings import Settings
from tests.assistant.ollama_server import LoopbackOllama, ServedModel
from tests.loaders.pdfs import Page as PdfPage
from tests.loaders.pdfs import write_pdf
from tests.ui.chat_page import ask, open_page
from tests.ui.orchard import (
    CAPTION,
    FACT_QUESTION,
    GATE_QUESTION,
    HARVEST,
    HOSTILE,
    HOSTILE_TITLE,
    TITLE,
    UNANSWERABLE,
    WISH,
)

pytestmark = pytest.mark.real


def texts(block) -> list[str]:
    return [text.value for text in block.text]


def everything_shown(page: AppTest) -> list[str]:
    """All Markdown on the page: what could carry a link or a picture."""
    kinds = (page.markdown, page.caption, page.error, page.info, page.warning, page.success)
    return [element.value for kind in kinds for element in kind]


def test_answer_shows_the_figure_with_its_caption_and_document(library: Path) -> None:
    page = ask(open_page(), WISH)
    question, answer = page.chat_message
    assert texts(question) == [WISH]
    assert len(answer.get("image")) == 2  # in the answer, and among its sources
    assert f"{CAPTION}  \n**{TITLE}, “Harvest”**" in [
        c.value.replace("\\", "") for c in answer.caption
    ]
    assert [e.label for e in answer.expander] == ["Sources (1)"]


def test_answer_cites_the_source_that_it_lists(library: Path) -> None:
    page = ask(open_page(), FACT_QUESTION)
    answer = page.chat_message[1]
    assert "412 tonnes" in texts(answer)[0]
    n = texts(answer)[0].rpartition("[")[2].rstrip("]")
    sources = answer.expander[0]
    assert any(m.value.startswith(rf"**\[{n}\] {TITLE}") for m in sources.markdown)
    assert any("412 tonnes" in text for text in texts(sources))


def test_conversation_stays_on_the_page(library: Path) -> None:
    page = ask(ask(open_page(), FACT_QUESTION), UNANSWERABLE)
    assert [texts(m)[0] for m in page.chat_message][::2] == [FACT_QUESTION, UNANSWERABLE]
    assert "412 tonnes" in texts(page.chat_message[1])[0]


def test_refusal_is_plain_and_offers_the_nearest_passages(library: Path) -> None:
    answer = ask(open_page(), UNANSWERABLE).chat_message[1]
    assert texts(answer)[0] == NOT_IN_LIBRARY
    assert [e.label for e in answer.expander] == ["Nearest passages"]
    assert not [m for m in answer.markdown if "not found" in m.value]


def test_hostile_text_of_a_document_shows_as_text(library: Path) -> None:
    page = ask(open_page(), GATE_QUESTION)
    sources = page.chat_message[1].expander[0]
    assert HOSTILE in texts(sources)
    html = [MarkdownIt("commonmark").render(shown) for shown in everything_shown(page)]
    assert not [h for h in html if "<img" in h or "<a " in h]
    assert not [i for i in page.get("image") if "evil" in str(i.value)]


def test_question_stays_within_the_chosen_document(library: Path) -> None:
    page = open_page()
    page.selectbox(key="within").select(HOSTILE_TITLE).run()
    ask(page, FACT_QUESTION)
    assert not any("412" in text for text in texts(page.chat_message[1]))


def test_question_stays_within_the_chosen_collection(library: Path) -> None:
    with Assistant.open(Settings(library=library)) as assistant:
        assistant.library.collect("Ways *in*", assistant.find_sources("gate.html"))
    page = open_page()
    assert any("in Ways \\*in\\*" in m.value for m in page.sidebar.markdown)
    page.selectbox(key="collection").select("Ways *in*").run()
    assert page.selectbox(key="within").options == [HOSTILE_TITLE]
    assert not any(TITLE in m.value for m in page.sidebar.markdown)
    ask(page, FACT_QUESTION)
    assert not any("412" in text for text in texts(page.chat_message[1]))
    page.selectbox(key="collection").set_value(None).run()
    ask(page, FACT_QUESTION)
    assert "412" in texts(page.chat_message[3])[0]


def test_upload_is_put_into_the_chosen_collection(library: Path) -> None:
    with Assistant.open(Settings(library=library)) as assistant:
        assistant.library.collect("Bees", assistant.find_sources("gate.html"))
        page = open_page()
        page.selectbox(key="collection").select("Bees").run()
        page.file_uploader[0].upload("bees.txt", b"The orchard keeps 37 hives.").run()
        assert not page.exception
        assert assistant.library.collections() == {"Bees": 2}


def test_example_question_is_asked_by_a_click(library: Path) -> None:
    page = open_page()
    example = next(b for b in page.button if CAPTION in b.label.replace("\\", "").replace("⁠", ""))
    example.click().run()
    assert CAPTION in texts(page.chat_message[0])[0]
    assert page.chat_message[1].get("image")


def test_empty_library_says_how_to_fill_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMNER_LIBRARY", str(tmp_path / "new"))
    monkeypatch.setenv("LIMNER_LLM", "embedded")
    st.cache_resource.clear()
    page = open_page()
    assert "limner add" in page.info[0].value
    assert page.chat_input[0].disabled


def test_model_and_its_reason_stand_in_the_sidebar(library: Path) -> None:
    page = open_page()
    assert any("SmolLM2" in caption.value for caption in page.sidebar.caption)


def test_upload_is_read_and_kept_under_a_safe_name(library: Path) -> None:
    page = open_page()
    text = b"# Bees\n\nThe orchard keeps 37 hives of bees behind the barn.\n"
    page.file_uploader[0].upload("../../etc/bees of vale.md", text, "text/markdown").run()
    assert not page.exception
    assert page.success[0].value == "Read 1 document with 0 figures."
    assert [p.name for p in (library / "uploads").glob("*/*")] == ["bees of vale.md"]
    ask(page, "How many hives of bees does the orchard keep?")
    assert "37" in texts(page.chat_message[1])[0]


def test_upload_that_cannot_be_read_is_named_with_the_reason(library: Path) -> None:
    page = open_page()
    page.file_uploader[0].upload("broken.pdf", b"%PDF-1.7 nothing", "application/pdf").run()
    assert "Not read: broken.pdf**" in page.error[0].value.replace("\\", "")
    assert len(page.error[0].value) > 60  # and why
    assert not list((library / "uploads").glob("*/*"))


def test_upload_that_needs_a_password_is_read_once_it_is_given(
    library: Path, tmp_path: Path
) -> None:
    keys = [PdfPage().text(72, 700, "The orchard's gate is locked with seven keys.")]
    locked = write_pdf(tmp_path / "keys.pdf", keys, password="open sesame").read_bytes()
    page = open_page()
    page.file_uploader[0].upload("keys.pdf", locked, "application/pdf").run()
    assert "needs a password" in page.error[0].value.replace("\\", "")
    page.text_input[0].set_value("mellon")
    next(b for b in page.button if b.label == "Open").click().run()
    assert "not that of keys" in page.error[0].value.replace("\\", "")
    page.text_input[0].set_value("open sesame")
    next(b for b in page.button if b.label == "Open").click().run()
    assert not page.exception
    assert not page.error
    assert not [box for box in page.text_input if box.form_id != "pull"]
    assert any("keys" in m.value for m in page.sidebar.markdown)


def test_document_is_removed_only_after_confirmation(library: Path) -> None:
    page = open_page()
    n_pictures = len(list((library / "media").glob("*.png")))
    report = next(b for b in page.sidebar.button if "report.md" in (b.key or ""))
    report.click().run()
    assert len(list((library / "media").glob("*.png"))) == n_pictures == 1
    next(b for b in page.button if b.label == "Remove").click().run()
    assert not list((library / "media").glob("*.png"))
    assert not any(TITLE in m.value for m in page.sidebar.markdown)
    assert any("Gate" in m.value for m in page.sidebar.markdown)


def test_removed_upload_leaves_no_file(library: Path) -> None:
    page = open_page()
    page.file_uploader[0].upload("bees.txt", b"The orchard keeps 37 hives.", "text/plain").run()
    next(b for b in page.sidebar.button if "bees.txt" in (b.key or "")).click().run()
    next(b for b in page.button if b.label == "Remove").click().run()
    assert not list((library / "uploads").glob("*"))


def test_answer_survives_that_its_picture_is_removed(library: Path) -> None:
    page = ask(open_page(), WISH)
    st.cache_data.clear()
    with Assistant.open(Settings(library=library)) as assistant:
        assistant.remove(next(s for s in assistant.library.sources() if "report" in s))
    page.run()
    assert not page.exception
    assert any("no longer in the library" in c.value for c in page.caption)


def test_wrong_setting_is_a_sentence(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMNER_N_SOURCES", "0")
    page = open_page()
    assert "n_sources" in page.error[0].value.replace("\\", "")


def test_missing_model_is_a_sentence_and_the_library_can_be_seen(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("LIMNER_LLM", "ollama")
    monkeypatch.setenv("LIMNER_OLLAMA_HOST", f"http://127.0.0.1:{port}")
    page = open_page()
    assert str(port) in page.sidebar.error[0].value
    assert any(TITLE in m.value for m in page.sidebar.markdown)
    ask(page, FACT_QUESTION)
    assert str(port) in page.chat_message[1].error[0].value


def test_broken_stream_is_a_sentence_that_stays(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def stream(self: Assistant, question: str, **options: object) -> Iterator[Event]:
        asked.append(question)
        yield SourcesFound(())
        yield TextAdded("The orchard")
        raise GenerationFailed("The stream broke after 11 characters. Ask again.")

    monkeypatch.setattr(Assistant, "stream", stream)
    page = ask(open_page(), FACT_QUESTION)
    page.run()
    answer = page.chat_message[1]
    assert answer.error[0].value == "The stream broke after 11 characters. Ask again."
    assert asked == [FACT_QUESTION]


@pytest.fixture
def ollama(
    library: Path, ollama_server: LoopbackOllama, monkeypatch: pytest.MonkeyPatch
) -> LoopbackOllama:
    """A server with one model, which the page uses."""
    monkeypatch.setenv("LIMNER_LLM", "ollama")
    monkeypatch.setenv("LIMNER_OLLAMA_HOST", ollama_server.url)
    ollama_server.says = HARVEST
    return ollama_server


def test_model_can_be_chosen_and_is_asked(ollama: LoopbackOllama) -> None:
    ollama.models["mistral:7b"] = ServedModel(modified_at="2020-01-01T00:00:00Z")
    page = open_page()
    box = page.selectbox(key="language_model")
    assert box.options[1:3] == ["llama3.1:latest · ollama", "mistral:7b · ollama"]
    box.select("ollama:mistral:7b").run()
    assert any("mistral:7b" in c.value.replace("\\", "") for c in page.sidebar.caption)
    page.number_input[0].set_value(2_048).run()
    ask(page, FACT_QUESTION)
    asked = ollama.bodies("/api/chat")[-1]
    assert (asked["model"], asked["options"]["num_ctx"]) == ("mistral:7b", 2_048)
    assert "412 tonnes" in texts(page.chat_message[1])[0]


def test_model_is_downloaded_and_can_then_be_chosen(ollama: LoopbackOllama) -> None:
    page = open_page()
    pull_box(page).set_value("llava")
    next(b for b in page.button if b.label == "Download").click().run()
    assert not page.exception
    page.run()
    assert "llava:latest · sees pictures · ollama" in page.selectbox(key="language_model").options


def test_download_that_fails_is_a_sentence(ollama: LoopbackOllama) -> None:
    page = open_page()
    pull_box(page).set_value("lava")
    next(b for b in page.button if b.label == "Download").click().run()
    assert "Look for its name at" in page.sidebar.error[0].value.replace("\\", "")


def pull_box(page: AppTest):
    return next(box for box in page.text_input if box.form_id == "pull")
