"""The language model that answers: which one, chosen when limner starts, and its text.

Ollama where a server answers, else an OpenAI-compatible server where one is set, else the
embedded model. What a person named is used or is an error, never silently replaced.
Leaves out prompts, and whether an answer is true.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from assistant.errors import (
    AssistantError,
    GenerationStopped,
    ModelUnavailable,
    SettingsInvalid,
)

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig

    from assistant.ollama_models import PullProgress

Kind = Literal["ollama", "openai", "embedded"]
Preference = Literal["auto", "ollama", "openai", "embedded"]
Explain = Callable[[Exception, int], AssistantError | None]
"""From an error of a model's client, and the number of characters that had come, to ours."""

CLOUD_WARNING = "It runs in Ollama's cloud: questions and sources leave this computer."
END_MARKS = {"done_reason", "finish_reason"}
"""The last piece of an answer carries one of these in its metadata: why it ended."""


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A chat model and what limner needs to know of it."""

    chat: BaseChatModel
    name: str
    """Kind, model and server, such as `ollama:llama3.1`."""
    kind: Kind
    can_see: bool
    context_tokens: int
    """For the prompt and the answer together."""
    reason: str
    """Why it was chosen, for `limner doctor`."""
    explain: Explain | None = field(default=None, repr=False, compare=False)
    """Set for a model on a server, whose answers must carry an end mark to be complete."""
    config: RunnableConfig | None = field(default=None, repr=False, compare=False)
    """LangChain's, with who is to be told of what the model does for one answer."""
    stop: threading.Event | None = field(default=None, repr=False, compare=False)
    """Once set, the model writes no more."""

    @property
    def is_trusted_with_facts(self) -> bool:
        """Whether it may write an answer; else it may only phrase what is quoted."""
        return self.kind != "embedded"

    def stream(self, messages: Sequence[BaseMessage]) -> Generator[str]:
        """Yield the answer's text as it comes; when iteration ends early, so does the model.

        Raises GenerationFailed, GenerationTimeout, GenerationStopped, or a ModelUnavailable.
        """
        n_chars = 0
        try:
            with closing(self._texts(messages)) as texts:
                for text in texts:
                    n_chars += len(text)
                    yield text
        except Exception as error:
            explained = self.explain(error, n_chars) if self.explain else None
            if explained is None:
                raise
            raise explained from error

    def _texts(self, messages: Sequence[BaseMessage]) -> Generator[str]:
        is_complete = self.explain is None
        self._heed_stop()
        for chunk in self.chat.stream(list(messages), self.config):
            self._heed_stop()
            is_complete = is_complete or bool(END_MARKS & chunk.response_metadata.keys())
            if chunk.text:
                yield str(chunk.text)
        if not is_complete:
            raise EOFError("the connection was closed early")

    def _heed_stop(self) -> None:
        if self.stop and self.stop.is_set():
            raise GenerationStopped("The answer was stopped before its end, as was asked for.")


def choose_llm(
    *,
    ollama_host: str | None = None,
    ollama_model: str | None = None,
    openai_base_url: str | None = None,
    openai_model: str | None = None,
    openai_api_key: str | None = None,
    prefer: Preference = "auto",
    temperature: float = 0.0,
    timeout_s: float = 120.0,
) -> LanguageModel:
    """Choose the language model. timeout_s: the longest silence while it answers.

    Raises a ModelUnavailable that says what is missing, or SettingsInvalid.
    """
    passed_over: list[str] = []
    if prefer in ("auto", "ollama"):
        is_named = bool(ollama_host or ollama_model or os.environ.get("OLLAMA_HOST"))
        try:
            return _from_ollama(ollama_host, ollama_model, temperature, timeout_s)
        except ModelUnavailable as error:
            if is_named or prefer == "ollama":
                raise
            passed_over.append(_sentence(error))
    if prefer == "openai" and not openai_base_url:
        raise SettingsInvalid(
            "The setting llm is openai, but no server is set. "
            "Set LIMNER_OPENAI_BASE_URL, for example http://localhost:8000/v1."
        )
    if openai_base_url and prefer in ("auto", "openai"):
        server = (openai_base_url, openai_api_key)
        return _from_openai(server, openai_model, temperature, timeout_s, passed_over)
    if prefer == "auto":
        passed_over.append("No OpenAI-compatible server is set.")
    return _embedded(temperature, timeout_s, passed_over)


def pull(model: str, host: str | None = None) -> Iterator[PullProgress]:
    """Have Ollama download a model; yield (status, completed, total), in bytes.

    Raises OllamaStopped, ModelNotFound, or ModelUnavailable if the download broke off.
    """
    from assistant.ollama_models import OllamaServer

    return OllamaServer(host).pull(model)


def _from_ollama(
    host: str | None, named: str | None, temperature: float, timeout_s: float
) -> LanguageModel:
    from assistant.ollama_models import OllamaServer, runs_in_cloud

    server = OllamaServer(host)
    model = server.describe(named) if named else server.newest_chat_model()
    why = "you named" if named else "its most recently changed model that can chat is"
    warning = f" {CLOUD_WARNING}" if runs_in_cloud(model.name) else ""
    return LanguageModel(
        chat=server.chat_model(model, temperature=temperature, timeout_s=timeout_s),
        name=f"ollama:{model.name}",
        kind="ollama",
        can_see=model.can_see,
        context_tokens=model.context_tokens,
        reason=f"Ollama answers at {server.url}; {why} {model.name}.{warning}",
        explain=lambda error, n_chars: server.explain(error, model.name, timeout_s, n_chars),
    )


def _from_openai(
    at: tuple[str, str | None],
    named: str | None,
    temperature: float,
    timeout_s: float,
    passed_over: list[str],
) -> LanguageModel:
    from assistant.openai_models import OpenAIServer

    server = OpenAIServer(*at)
    model = server.find(named)
    why = "you named" if named else "its first model is"
    return LanguageModel(
        chat=server.chat_model(model, temperature=temperature, timeout_s=timeout_s),
        name=f"openai:{model.name}@{server.url}",
        kind="openai",
        can_see=False,
        context_tokens=model.context_tokens,
        reason=" ".join([*passed_over, f"A server answers at {server.url}; {why} {model.name}."]),
        explain=lambda error, n_chars: server.explain(error, model.name, timeout_s, n_chars),
    )


def _embedded(temperature: float, timeout_s: float, passed_over: list[str]) -> LanguageModel:
    from assistant.embedded import CONTEXT_TOKENS, MODEL_NAME, embedded_chat_model
    from assistant.errors import EmbeddedModelMissing

    try:
        chat = embedded_chat_model(temperature=temperature, timeout_s=timeout_s)
    except EmbeddedModelMissing as error:
        if not passed_over:
            raise
        raise ModelUnavailable(
            " ".join(["No language model can be used.", *passed_over, str(error)])
        ) from error
    return LanguageModel(
        chat=chat,
        name=f"embedded:{MODEL_NAME}",
        kind="embedded",
        can_see=False,
        context_tokens=CONTEXT_TOKENS,
        reason=" ".join(passed_over) or "The setting llm is embedded.",
    )


def _sentence(error: Exception) -> str:
    return f"{str(error).rstrip('.')}."
