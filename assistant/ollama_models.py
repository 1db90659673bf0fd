"""An Ollama server: which models it has, what they can do, how to chat with one.

Speaks to no address but the server's. Leaves out which model is used: that is
`assistant.llm`.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import ollama

from assistant import hang_up
from assistant.addresses import (
    CONNECT_TIMEOUT_S,
    REPLY_TIMEOUT_S,
    is_loopback,
    quoted,
    server_address,
    without_login,
)
from assistant.errors import (
    AssistantError,
    GenerationFailed,
    ModelNotFound,
    ModelUnavailable,
    OllamaStopped,
)
from assistant.server_words import failure, silence
from assistant.tokens import MAX_CONTEXT_TOKENS, USUAL_CONTEXT_TOKENS, answer_tokens

if TYPE_CHECKING:
    from langchain_ollama import ChatOllama

logger = logging.getLogger(__name__)

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 11434
SUGGESTED_MODEL = "llama3.2"
SUGGESTED_VISION_MODEL = "qwen2.5vl"
KEEP_LOADED = "30m"
PARAMETER_UNITS = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
LOOPBACK_CONNECT_TIMEOUT_S = 0.5
BREAKS = (httpx.HTTPError, httpx.StreamError, ConnectionError, EOFError, ValueError)
"""What a stream that is cut, or that is not Ollama's, ends in."""


class PullProgress(NamedTuple):
    """One step of a download. completed and total are bytes, 0 where Ollama names none."""

    status: str
    completed: int
    total: int


@dataclass(frozen=True, slots=True)
class OllamaModel:
    """What a model can do, as Ollama says."""

    name: str
    can_chat: bool
    can_see: bool
    can_think: bool
    context_tokens: int
    """For which Ollama is asked: the model's own, or less."""
    own_context_tokens: int = 0
    n_parameters: int | None = None
    quantization: str = ""
    n_bytes: int = 0
    """On the server's disk; 0 where it was not asked for."""


class OllamaServer:
    """One Ollama server."""

    def __init__(self, host: str | None = None) -> None:
        """host: as in OLLAMA_HOST, whose value is the default. Raises SettingsInvalid."""
        named = host or os.environ.get("OLLAMA_HOST") or DEFAULT_HOST
        self._address = server_address(named, port=DEFAULT_PORT)
        self.url = without_login(self._address)

    def present(self) -> list[str]:
        """Names of its models, the most recently changed first. Raises OllamaStopped."""
        return list(self._sizes())

    def models(self) -> list[OllamaModel]:
        """The models that it can describe, the most recently changed first.

        Raises OllamaStopped.
        """
        sizes = self._sizes()
        return [replace(model, n_bytes=sizes[model.name]) for model in self._described(sizes)]

    def _sizes(self) -> dict[str, int]:
        """From the name of each of its models, the most recently changed first, to its bytes."""
        with self._asked() as client:
            models = client.list().models
        dated = sorted(models, key=lambda m: m.modified_at.timestamp() if m.modified_at else 0.0)
        return {m.model: int(m.size or 0) for m in reversed(dated) if m.model}

    def _described(
        self, names: Iterable[str], context_tokens: int | None = None
    ) -> Iterator[OllamaModel]:
        """What these models can do, without those that are damaged or were removed meanwhile."""
        for name in names:
            try:
                model = self.describe(name, context_tokens)
            except OllamaStopped:
                raise
            except ModelUnavailable as error:
                logger.warning("Passed over model '%s': %s", name, error)
                continue
            yield model

    def is_loaded(self, model: str) -> bool:
        """Whether it is in memory, so that it answers at once, or that cannot be told."""
        try:
            with self._asked() as client:
                names = {running.model for running in client.ps().models}
        except ModelUnavailable:  # the answer itself will say why
            return True
        return bool({model, f"{model}:latest"} & names)

    def describe(self, model: str, context_tokens: int | None = None) -> OllamaModel:
        """What the model can do. context_tokens: to ask for, where the model has as many.

        Raises OllamaStopped or ModelNotFound.
        """
        with self._asked(model) as client:
            shown = client.show(model)
        facts = shown.modelinfo or {}
        can = shown.capabilities or _usual_capabilities(facts)
        own = _context_tokens(facts)
        return OllamaModel(
            name=model,
            can_chat="completion" in can,
            can_see="vision" in can,
            can_think="thinking" in can,
            context_tokens=min(own, context_tokens or MAX_CONTEXT_TOKENS),
            own_context_tokens=own,
            n_parameters=_n_parameters(shown),
            quantization=(shown.details and shown.details.quantization_level) or "",
        )

    def describe_seeing(self, model: str) -> OllamaModel:
        """What the model can do, which is to see pictures.

        Raises OllamaStopped, or ModelNotFound that names the models here that can.
        """
        try:
            found = self.describe(model)
        except ModelNotFound as error:
            raise ModelNotFound(
                f"Model '{model}' is not in Ollama at {self.url}. "
                f"Run: ollama pull {model}. {self._that_see()}"
            ) from error
        if found.can_see and found.can_chat:
            return found
        raise ModelNotFound(
            f"Model '{model}' in Ollama at {self.url} does not see pictures. "
            f"Run: ollama pull {SUGGESTED_VISION_MODEL}. {self._that_see()}"
        )

    def _that_see(self) -> str:
        seeing = [model.name for model in self._described(self.present()) if model.can_see]
        return f"Vision models present: {_listed(seeing)}."

    def newest_chat_model(self, context_tokens: int | None = None) -> OllamaModel:
        """The most recently changed model that can chat and runs on the server itself.

        Raises OllamaStopped or ModelNotFound.
        """
        present = self.present()
        here = (name for name in present if not runs_in_cloud(name))
        for model in self._described(here, context_tokens):
            if model.can_chat:
                return model
        raise ModelNotFound(
            f"Ollama at {self.url} has no model of its own that can chat. "
            f"Run: ollama pull {SUGGESTED_MODEL}. Present: {_listed(present)}."
        )

    def chat_model(
        self,
        model: OllamaModel,
        *,
        temperature: float,
        timeout_s: float,
        keep_alive: str = KEEP_LOADED,
    ) -> ChatOllama:
        """The model as a LangChain chat model. timeout_s: the longest silence."""
        from langchain_ollama import ChatOllama

        return ChatOllama(
            model=model.name,
            base_url=self._address,
            temperature=temperature,
            num_ctx=model.context_tokens,
            num_predict=answer_tokens(model.context_tokens),
            # Ollama takes a duration such as "30m" as text, but seconds only as a number.
            keep_alive=int(keep_alive) if keep_alive.lstrip("-").isdigit() else keep_alive,
            # The sources hold the answer: nobody should wait for a monologue before it.
            reasoning=False if model.can_think else None,
            client_kwargs=self._client_options(timeout_s),
            sync_client_kwargs=hang_up.client_options(),
        )

    def pull(self, model: str) -> Generator[PullProgress]:
        """Have the server download a model, and yield its progress.

        Raises OllamaStopped, ModelNotFound if Ollama's library does not have the model, or
        ModelUnavailable if the download broke off.
        """
        status = ""
        try:
            # No limit: between two steps a slow disk may take minutes to verify gigabytes.
            with ollama.Client(self._address, **self._client_options(None)) as client:
                for step in client.pull(model, stream=True):
                    status = step.status or ""
                    yield PullProgress(status, step.completed or 0, step.total or 0)
            if status != "success":
                raise EOFError("the download ended early")
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._stopped() from error
        except (ollama.ResponseError, *BREAKS) as error:
            words = error.error if isinstance(error, ollama.ResponseError) else str(error)
            unknown = "does not exist" in words
            reason = ModelNotFound if unknown else ModelUnavailable
            hint = "Look for its name at https://ollama.com/library" if unknown else "Try again"
            raise reason(
                f"Ollama at {self.url} could not download '{model}': {quoted(words)}. {hint}."
            ) from error

    def explain(
        self, error: Exception, model: str, timeout_s: float, n_chars: int
    ) -> AssistantError | None:
        """What an error while answering means; None if it is none of Ollama's.

        n_chars: how much of the answer had come.
        """
        match error:
            case ollama.ResponseError(status_code=404):
                return self._missing(model)
            case ollama.ResponseError(status_code=401 | 403, error=words):
                return ModelUnavailable(
                    f"Ollama at {self.url} refused the request: {quoted(words)}. "
                    "Put the right name and password into OLLAMA_HOST: http://name:password@host."
                )
            case ollama.ResponseError(error=words, status_code=status):
                told = f"Ollama at {self.url} could not answer with '{model}': {quoted(words)}."
                return failure(told, words, status)
            case httpx.ConnectError() | httpx.ConnectTimeout():
                return self._stopped()
            case ConnectionError() if not n_chars:
                return self._stopped()
            case httpx.TimeoutException():
                return silence(f"'{model}' in Ollama at {self.url}", timeout_s)
            case _ if isinstance(error, BREAKS):
                return GenerationFailed(
                    f"Ollama at {self.url} broke off the answer of '{model}' after {n_chars} "
                    f"characters: {quoted(str(error))}. Ask again; Ollama's log may say why."
                )
        return None

    @contextmanager
    def _asked(self, model: str = "") -> Iterator[ollama.Client]:
        """A client for one short request, with its errors explained."""
        try:
            with ollama.Client(self._address, **self._client_options(REPLY_TIMEOUT_S)) as client:
                yield client
        except ollama.ResponseError as error:
            if model and error.status_code == httpx.codes.NOT_FOUND:
                raise self._missing(model) from error
            raise ModelUnavailable(
                f"Ollama at {self.url} reported an error: {quoted(error.error)}."
            ) from error
        except (httpx.HTTPError, ConnectionError) as error:
            raise self._stopped() from error
        except ValueError as error:  # no JSON, or other JSON than Ollama's
            raise OllamaStopped(
                f"What answers at {self.url} is not Ollama. Look at OLLAMA_HOST and its port."
            ) from error

    def _client_options(self, timeout_s: float | None) -> dict[str, Any]:
        """Options of httpx: stay with this server, directly where it is on this computer."""
        is_here = is_loopback(self._address)
        connect_s = LOOPBACK_CONNECT_TIMEOUT_S if is_here else CONNECT_TIMEOUT_S
        return {
            "timeout": httpx.Timeout(timeout_s, connect=connect_s),
            "follow_redirects": False,
            "trust_env": not is_here,
        }

    def _stopped(self) -> OllamaStopped:
        return OllamaStopped(f"Ollama does not answer at {self.url}. Run: ollama serve")

    def _missing(self, model: str) -> ModelNotFound:
        try:
            present = f" Present: {_listed(self.present())}."
        except ModelUnavailable:
            present = ""
        return ModelNotFound(
            f"Model '{model}' is not in Ollama at {self.url}. Run: ollama pull {model}.{present}"
        )


def runs_in_cloud(model: str) -> bool:
    """Whether Ollama passes questions on to ollama.com; such models have a tag that says so."""
    return model.endswith((":cloud", "-cloud"))


def _listed(names: list[str]) -> str:
    return ", ".join(name.removesuffix(":latest") for name in names) or "none"


def _context_tokens(facts: Mapping[str, Any]) -> int:
    found = (v for k, v in facts.items() if k.endswith(".context_length") and isinstance(v, int))
    return next(found, USUAL_CONTEXT_TOKENS)


def _n_parameters(shown: ollama.ShowResponse) -> int | None:
    """How many parameters the model has; None where Ollama does not say."""
    exact = (shown.modelinfo or {}).get("general.parameter_count")
    if isinstance(exact, int) and exact > 0:
        return exact
    size = (shown.details and shown.details.parameter_size) or ""
    if found := re.fullmatch(r"([\d.]+)([KMBT])", size.strip().upper()):
        return int(float(found[1]) * PARAMETER_UNITS[found[2]])
    return None


def _usual_capabilities(facts: Mapping[str, Any]) -> list[str]:
    """What an Ollama before 0.6.4, which does not say, can be taken to mean."""
    is_embedding = "bert" in str(facts.get("general.architecture", ""))
    return ["embedding"] if is_embedding else ["completion"]
