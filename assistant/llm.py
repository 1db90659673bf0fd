"""The language model that answers: which one, chosen when limner starts, and its text.

Ollama where a server answers, else an OpenAI-compatible server where one is set, else the
embedded model. What a person named is used or is an error, never silently replaced.
Leaves out prompts, and whether an answer is true.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from assistant.errors import (
    AssistantError,
    GenerationStopped,
    ModelUnavailable,
    SettingsInvalid,
)
from assistant.hang_up import cut_by

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig

    from assistant.ollama_models import PullProgress

logger = logging.getLogger(__name__)

Kind = Literal["ollama", "openai", "embedded"]
Preference = Literal["auto", "ollama", "openai", "embedded"]
Explain = Callable[[Exception, int], AssistantError | None]
"""From an error of a model's client, and the number of characters that had come, to ours."""

MIN_TRUSTED_PARAMETERS = 900_000_000
"""Smaller models mix up what several sources say: they only phrase quotes. What is sold as
"1B" has a little less than a billion."""
CLOUD_WARNING = "It runs in Ollama's cloud: questions and sources leave this computer."
READ = "input_tokens"
"""Of a prompt, as the server counts them, in the last piece of an answer."""
NOT_TOLD = {READ: 0}
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
    n_parameters: int | None = None
    """None where its server does not say."""
    is_loaded: Callable[[], bool] = field(default=lambda: True, repr=False, compare=False)
    """Whether it is in its server's memory; if not, its first words may take a minute."""
    explain: Explain | None = field(default=None, repr=False, compare=False)
    """Set for a model on a server, whose answers must carry an end mark to be complete."""
    config: RunnableConfig | None = field(default=None, repr=False, compare=False)
    """LangChain's, with who is to be told of what the model does for one answer."""
    stop: threading.Event | None = field(default=None, repr=False, compare=False)
    """Once set, the model writes no more."""

    @property
    def is_trusted_with_facts(self) -> bool:
        """Whether it may write an answer; else it may only phrase what is quoted."""
        return is_trusted(self.kind, self.n_parameters)

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
            heed_stop(self.stop, error)
            explained = self.explain(error, n_chars) if self.explain else None
            if explained is None:
                raise
            raise explained from error

    def _texts(self, messages: Sequence[BaseMessage]) -> Generator[str]:
        is_complete, n_read = self.explain is None, 0
        heed_stop(self.stop)
        with cut_by(self.stop):
            for chunk in self.chat.stream(list(messages), self.config):
                heed_stop(self.stop)
                is_complete = is_complete or bool(END_MARKS & chunk.response_metadata.keys())
                n_read = max(n_read, (getattr(chunk, "usage_metadata", None) or NOT_TOLD)[READ])
                if chunk.text:
                    yield str(chunk.text)
        if not is_complete:
            raise EOFError("the connection was closed early")
        if n_read >= self.context_tokens:  # Ollama leaves out what does not fit, and is silent
            logger.warning(
                "The server of %s read only a part of the sources: its context of %d tokens was "
                "full. Raise LIMNER_CONTEXT_TOKENS or lower LIMNER_N_SOURCES.",
                self.name,
                self.context_tokens,
            )


def heed_stop(stop: threading.Event | None, cause: Exception | None = None) -> None:
    """Raises GenerationStopped once the answer is not wanted any more."""
    if stop and stop.is_set() and not isinstance(cause, GenerationStopped):
        raise GenerationStopped(
            "The answer was stopped before its end, as was asked for."
        ) from cause


def is_trusted(kind: Kind, n_parameters: int | None) -> bool:
    """Whether a model of this size may write answers; one whose size nobody tells may."""
    is_large = n_parameters is None or n_parameters >= MIN_TRUSTED_PARAMETERS
    return kind != "embedded" and is_large


@dataclass(frozen=True, slots=True)
class Dials:
    """How a model is asked. timeout_s: the longest silence while it answers."""

    temperature: float = 0.0
    timeout_s: float = 120.0
    context_tokens: int | None = None
    """As many as the model has, up to a bound, when None."""
    keep_alive: str = "30m"
    """How long Ollama keeps it in memory after an answer."""
    openai_sees: bool | None = None
    """Whether the model of an OpenAI-compatible server sees pictures; as it says, when None."""


def choose_llm(
    *,
    ollama_host: str | None = None,
    ollama_model: str | None = None,
    openai_base_url: str | None = None,
    openai_model: str | None = None,
    openai_api_key: str | None = None,
    prefer: Preference = "auto",
    **dials: Any,
) -> LanguageModel:
    """Choose the language model. dials: as in `Dials`.

    Raises a ModelUnavailable that says what is missing, or SettingsInvalid.
    """
    asked = Dials(**dials)
    passed_over: list[str] = []
    if prefer in ("auto", "ollama"):
        is_named = bool(ollama_host or ollama_model or os.environ.get("OLLAMA_HOST"))
        try:
            return _from_ollama(ollama_host, ollama_model, asked)
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
        return _from_openai(server, openai_model, asked, passed_over)
    if prefer == "auto":
        passed_over.append("No OpenAI-compatible server is set.")
    return _embedded(asked, passed_over)


def pull(model: str, host: str | None = None) -> Generator[PullProgress]:
    """Have Ollama download a model; yield (status, completed, total), in bytes.

    Raises OllamaStopped, ModelNotFound, or ModelUnavailable if the download broke off.
    """
    from assistant.ollama_models import OllamaServer

    return OllamaServer(host).pull(model)


def _from_ollama(host: str | None, named: str | None, dials: Dials) -> LanguageModel:
    from assistant.ollama_models import OllamaServer, runs_in_cloud

    server = OllamaServer(host)
    tokens = dials.context_tokens
    model = server.describe(named, tokens) if named else server.newest_chat_model(tokens)
    why = "you named" if named else "its most recently changed model that can chat is"
    warning = f" {CLOUD_WARNING}" if runs_in_cloud(model.name) else ""
    return LanguageModel(
        chat=server.chat_model(
            model,
            temperature=dials.temperature,
            timeout_s=dials.timeout_s,
            keep_alive=dials.keep_alive,
        ),
        name=f"ollama:{model.name}",
        kind="ollama",
        can_see=model.can_see,
        context_tokens=model.context_tokens,
        reason=f"Ollama answers at {server.url}; {why} {model.name}.{warning}",
        n_parameters=model.n_parameters,
        is_loaded=lambda: server.is_loaded(model.name),
        explain=lambda error, n: server.explain(error, model.name, dials.timeout_s, n),
    )


def _from_openai(
    at: tuple[str, str | None], named: str | None, dials: Dials, passed_over: list[str]
) -> LanguageModel:
    from assistant.openai_models import OpenAIServer

    server = OpenAIServer(*at)
    model = server.find(named, dials.context_tokens)
    why = "you named" if named else "its first model that can chat is"
    sees = model.can_see if dials.openai_sees is None else dials.openai_sees
    return LanguageModel(
        chat=server.chat_model(model, temperature=dials.temperature, timeout_s=dials.timeout_s),
        name=f"openai:{model.name}@{server.url}",
        kind="openai",
        can_see=sees,
        context_tokens=model.context_tokens,
        reason=" ".join([*passed_over, f"A server answers at {server.url}; {why} {model.name}."]),
        n_parameters=model.n_parameters,
        explain=lambda error, n: server.explain(error, model.name, dials.timeout_s, n),
    )


def _embedded(dials: Dials, passed_over: list[str]) -> LanguageModel:
    from assistant import embedded
    from assistant.errors import EmbeddedModelMissing

    try:
        chat = embedded.embedded_chat_model(
            temperature=dials.temperature, timeout_s=dials.timeout_s
        )
    except EmbeddedModelMissing as error:
        if not passed_over:
            raise
        raise ModelUnavailable(
            " ".join(["No language model can be used.", *passed_over, str(error)])
        ) from error
    return LanguageModel(
        chat=chat,
        name=f"embedded:{embedded.MODEL_NAME}",
        kind="embedded",
        can_see=False,
        context_tokens=embedded.CONTEXT_TOKENS,
        reason=" ".join(passed_over) or "The setting llm is embedded.",
        n_parameters=embedded.N_PARAMETERS,
    )


def _sentence(error: Exception) -> str:
    return f"{str(error).rstrip('.')}."
