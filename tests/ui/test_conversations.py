"""Conversations on the chat page: kept, opened again as they were, renamed, deleted."""

from pathlib import Path
from typing import NoReturn

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from assistant.assistant import Assistant
from assistant.conversations import Conversations
from assistant.settings import Settings
from loaders import MediaStore
from retrievers import ModelMissing
from tests.ui.chat_page import ask, open_page, shown
from tests.ui.orchard import CAPTION, FACT_QUESTION, TITLE

pytestmark = pytest.mark.real
FOLLOW_UP = "Show me the chart of it"
NEW = "New conversation"


def kept(library: Path) -> Conversations:
    return Conversations(library, MediaStore(library / "media"))


def said(page: AppTest) -> list[list[str]]:
    return [
        [element.value for kind in (message.text, message.caption) for element in kind]
        for message in page.chat_message
    ]


def button(page: AppTest, key: str):
    return next(b for b in page.button if b.key == key or b.label == key)


def test_a_reload_shows_the_same_conversation(library: Path) -> None:
    page = ask(ask(open_page(), FACT_QUESTION), FOLLOW_UP)
    (listed,) = kept(library).all()
    assert page.query_params["conversation"] in (listed.id, [listed.id])
    again = open_page(listed.id)
    assert said(again) == said(page)
    assert any("Show me the chart of tonnes of apples" in line for line in said(again)[3])
    assert any(CAPTION in line.replace("\\", "") for line in said(again)[3])
    assert len(again.chat_message[3].get("image")) == len(page.chat_message[3].get("image")) == 2
    ask(again, "Thanks!")
    assert kept(library).all()[0].n_turns == 3


def test_what_was_asked_within_is_shown_with_the_answer_and_after_a_reload(library: Path) -> None:
    page = open_page()
    page.selectbox(key="within").select(TITLE).run()
    page = ask(page, FACT_QUESTION)
    page.selectbox(key="within").set_value(None).run()
    page = ask(page, "How old is the oldest tree?")
    told = "Asked within: document report.md"
    shown_with = [told in (line.replace("\\", "") for line in lines) for lines in said(page)]
    assert shown_with == [False, True, False, False]
    (listed,) = kept(library).all()
    assert said(open_page(listed.id)) == said(page)


def test_a_new_conversation_leaves_the_old_one_in_the_list(library: Path) -> None:
    page = ask(open_page(), FACT_QUESTION)
    page = shown(button(page, NEW).click().run())
    assert not page.chat_message
    assert not page.query_params.get("conversation")
    page = ask(page, "How old is the oldest tree?")
    newest, oldest = kept(library).all()
    page = shown(button(page, f"open {oldest.id}").click().run())
    assert said(page)[0] == [FACT_QUESTION]
    ask(page, FOLLOW_UP)
    assert [c.n_turns for c in kept(library).all()] == [2, 1]
    assert kept(library).all()[0].id == oldest.id
    assert newest.id != oldest.id


def test_a_conversation_is_renamed_and_after_a_confirmation_deleted(library: Path) -> None:
    page = ask(open_page(), FACT_QUESTION)
    (listed,) = kept(library).all()
    page.text_input(key=f"title {listed.id}").set_value("Harvest")
    page = shown(button(page, "Rename").click().run())
    assert kept(library).all()[0].title == "Harvest"
    assert button(page, f"delete {listed.id}").disabled
    page = shown(page.checkbox(key=f"sure {listed.id}").check().run())
    page = shown(button(page, f"delete {listed.id}").click().run())
    assert kept(library).all() == []
    assert not page.chat_message


def test_an_unknown_conversation_in_the_address_is_told(library: Path) -> None:
    page = open_page("feedface")
    assert any("feedface" in error.value for error in page.error)
    assert not page.chat_message
    ask(page, FACT_QUESTION)
    assert len(kept(library).all()) == 1


def test_what_is_asked_after_a_conversation_was_deleted_elsewhere_is_kept(library: Path) -> None:
    page = ask(open_page(), FACT_QUESTION)
    (listed,) = kept(library).all()
    kept(library).delete(listed.id)
    ask(page, FOLLOW_UP)
    (new,) = kept(library).all()
    assert new.id != listed.id


def test_the_list_is_drawn_before_the_examples(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(open_page(), FACT_QUESTION)
    (listed,) = kept(library).all()

    def failing(*_: object, **__: object) -> NoReturn:
        raise ModelMissing("no weights")

    monkeypatch.setattr(Assistant, "search", failing)
    page = open_page()
    assert [error.value for error in page.error] == ["no weights"]
    assert button(page, f"open {listed.id}")


def test_a_damaged_file_costs_no_answer(library: Path) -> None:
    (library / "conversations.sqlite").write_bytes(b"nonsense" * 512)
    page = ask(open_page(), FACT_QUESTION)
    assert "412 tonnes" in said(page)[1][0]
    assert any("move it away" in warning.value for warning in page.warning)


def test_nothing_is_kept_where_that_was_set(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMNER_KEEP_CONVERSATIONS", "false")
    page = ask(ask(open_page(), FACT_QUESTION), FOLLOW_UP)
    assert any("Understood as" in line for line in said(page)[3])
    assert not (library / "conversations.sqlite").exists()


def test_figures_of_a_removed_document_are_told_to_be_gone(library: Path) -> None:
    ask(open_page(), "Show me the chart of the apples harvested by year")
    (listed,) = kept(library).all()
    with Assistant.open(Settings(library=library, llm="embedded")) as assistant:
        assistant.remove(assistant.find_source("report.md"))
    st.cache_data.clear()
    page = open_page(listed.id)
    assert any("no longer in the library" in line for line in said(page)[1])
