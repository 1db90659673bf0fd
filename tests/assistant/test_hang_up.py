"""Stopping an answer: at once, whatever the model is doing, and its server notices."""

import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest
from langchain_core.messages import HumanMessage

from assistant.embedded import EmbeddedChatModel
from assistant.errors import GenerationStopped
from assistant.llm import LanguageModel, choose_llm
from tests.assistant.ollama_server import LoopbackOllama

QUESTION = [HumanMessage("Tell a long story.")]


def model_of(server: LoopbackOllama, kind: str) -> LanguageModel:
    if kind == "ollama":
        return choose_llm(ollama_host=server.url)
    return choose_llm(prefer="openai", openai_base_url=f"{server.url}/v1")


@pytest.mark.parametrize("kind", ["ollama", "openai"])
@pytest.mark.parametrize("n_before", [0, 2])
def test_stop_ends_a_silent_model_within_a_second(
    ollama_server: LoopbackOllama, kind: str, n_before: int
) -> None:
    ollama_server.says = "word " * 50
    ollama_server.pauses = iter([0.0] * n_before + [30.0])
    stop = threading.Event()
    answer = replace(model_of(ollama_server, kind), stop=stop).stream(QUESTION)
    assert [next(answer) for _ in range(n_before)] == ["word "] * n_before
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with pytest.raises(GenerationStopped):
        next(answer)
    assert time.monotonic() - began < 1.3
    assert ollama_server.client_left.wait(5)


@pytest.mark.parametrize("kind", ["ollama", "openai"])
def test_stopping_one_answer_leaves_another_alone(ollama_server: LoopbackOllama, kind: str) -> None:
    ollama_server.says, ollama_server.pause_s = "one two three four", 0.2
    model, stop = model_of(ollama_server, kind), threading.Event()
    stopped = replace(model, stop=stop).stream(QUESTION)
    kept = replace(model, stop=threading.Event()).stream(QUESTION)
    assert (next(stopped), next(kept)) == ("one ", "one ")
    stop.set()
    with pytest.raises(GenerationStopped):
        list(stopped)
    assert "".join(kept).split() == ["two", "three", "four"]


def test_answer_that_is_stopped_before_it_begins_asks_nobody(ollama_server: LoopbackOllama) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(GenerationStopped):
        list(replace(model_of(ollama_server, "ollama"), stop=stop).stream(QUESTION))
    assert not ollama_server.bodies("/api/chat")


@pytest.fixture
def embedded() -> LanguageModel:
    chat = EmbeddedChatModel(max_tokens=1_500)
    chat.invoke("Say hi.", max_tokens=2)
    return LanguageModel(chat, "embedded:x", "embedded", False, 2_048, "")


@pytest.mark.real
def test_embedded_model_stops_while_it_writes_and_while_it_reads(embedded: LanguageModel) -> None:
    for asked, n_before in ((QUESTION, 1), ([HumanMessage("word " * 1_800)], 0)):
        stop = threading.Event()
        with closing(replace(embedded, stop=stop).stream(asked)) as answer:
            for _ in range(n_before):
                next(answer)
            threading.Timer(0.2, stop.set).start()
            began = time.monotonic()
            with pytest.raises(GenerationStopped):
                list(answer)
        assert time.monotonic() - began < 6  # one batch of 128 tokens; a busy core is slow
