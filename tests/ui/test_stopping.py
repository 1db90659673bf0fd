"""Waiting for an answer on the page, and stopping it in a real browser."""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from assistant.events import Event, SourcesFound
from tests.assistant.ollama_server import LoopbackOllama
from tests.ui.orchard import FACT_QUESTION, HARVEST
from tests.ui.served_page import served
from tests.ui.test_browser import CHAT_BOX, Page, pytestmark  # noqa: F401 - it needs Chromium too
from ui import stopping


@pytest.fixture
def page(orchard: Path, ollama_server: LoopbackOllama, tmp_path: Path) -> Iterator[Page]:
    library = tmp_path / "library"
    shutil.copytree(orchard, library)
    env = {"LIMNER_LLM": "ollama", "LIMNER_OLLAMA_HOST": ollama_server.url}
    with served(library, env) as port:
        page = Page(tmp_path / "profile")
        page.open(port)
        yield page
        page.driver.quit()


def begin(page: Page, question: str) -> None:
    from selenium.webdriver.common.keys import Keys

    box = page.wait_for(lambda: [b for b in page.find(CHAT_BOX) if b.is_enabled()])[0]
    box.send_keys(question, Keys.ENTER)


def stop(page: Page) -> None:
    page.wait_for(lambda: page.find(".st-key-stop button"))[0].click()


def test_stop_ends_the_model_and_keeps_what_was_checked(
    page: Page, ollama_server: LoopbackOllama
) -> None:
    ollama_server.says = f"{HARVEST} And " + "so on " * 900
    ollama_server.pause_s = 0.05
    begin(page, FACT_QUESTION)
    page.wait_for(lambda: "so on so on" in page.text)
    stop(page)
    began = time.monotonic()
    assert ollama_server.client_left.wait(20)
    assert time.monotonic() - began < 1
    page.wait_for(lambda: "You stopped the answer here." in page.text)
    assert "412 tonnes" in page.text
    assert "so on" not in page.text
    page.driver.refresh()
    page.wait_for(lambda: "412 tonnes" in page.text)


def test_stop_ends_a_model_that_is_silent(page: Page, ollama_server: LoopbackOllama) -> None:
    ollama_server.says, ollama_server.pause_s = f"{HARVEST} And " + "so on " * 900, 60
    begin(page, FACT_QUESTION)
    page.wait_for(lambda: "Loading the model" in page.text)
    stop(page)
    page.wait_for(lambda: "before its first sentence" in page.text)
    assert ollama_server.client_left.wait(20)
    ollama_server.says, ollama_server.pause_s = HARVEST, 0
    page.ask(FACT_QUESTION)
    assert "412 tonnes" in page.text


def test_a_server_that_is_slow_to_tell_what_is_loaded_holds_nothing_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stopping, "PATIENCE_S", 0.1)
    monkeypatch.setattr(stopping, "TICK_S", 0.01)
    asked = []

    def is_loaded() -> bool:
        asked.append(threading.current_thread())
        time.sleep(5)
        return True

    def make(stop: threading.Event) -> Iterator[Event]:
        yield SourcesFound(())
        time.sleep(1)

    began = time.monotonic()
    model = SimpleNamespace(name="m", is_loaded=is_loaded)
    assert len(list(stopping.stoppable(make, model, stopping.SoFar()))) == 1  # type: ignore[arg-type]
    assert time.monotonic() - began < 3
    assert len(asked) == 1
    assert asked[0] is not threading.current_thread()
