"""The chat page over a copy of the orchard's library, run by Streamlit's own test driver."""

import shutil
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ui.launch import PAGE

TIMEOUT_S = 120


@pytest.fixture
def library(orchard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the orchard's library, which the page will open."""
    folder = tmp_path / "library"
    shutil.copytree(orchard, folder)
    monkeypatch.setenv("LIMNER_LIBRARY", str(folder))
    monkeypatch.setenv("LIMNER_LLM", "embedded")
    st.cache_resource.clear()
    st.cache_data.clear()
    return folder


def open_page(conversation: str = "") -> AppTest:
    """The page as a browser opens it. conversation: the id in its address."""
    page = AppTest.from_file(str(PAGE), default_timeout=TIMEOUT_S)
    if conversation:
        page.query_params["conversation"] = conversation
    return shown(page.run())


def shown(page: AppTest) -> AppTest:
    """The page, after it was drawn without a failure."""
    assert not page.exception
    return page


def ask(page: AppTest, question: str) -> AppTest:
    """The page after this question was typed and answered."""
    return shown(page.chat_input[0].set_value(question).run())
