"""A server that speaks OpenAI's protocol: which models it has, how to chat with one.

vLLM, LM Studio and llama.cpp are such servers. Speaks to no address but the server's, and
gives it no key but the one that is passed in. Leaves out which model is used: that is
`assistant.llm`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import httpx
import openai
from pydantic import SecretStr

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
    OpenAIServerStopped,
)
from assistant.server_words import failure, silence
from assistant.tokens import MAX_CONTEXT_TOKENS, USUAL_CONTEXT_TOKENS, answer_tokens

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI

DEFAULT_PORT = 80
CONTEXT_NAMES = ("loaded_context_length", "max_model_len", "context_length", "max_context_length")
"""The protocol does not say it; these are LM Studio's, vLLM's, OpenRouter's, Mistral's names.
llama.cpp has it in `meta`."""
EMBEDDING_TYPES = ("embeddings", "embedding")
"""LM Studio's and Together's word for models that do not chat."""
OWNER_IN_LM_STUDIO = "organization_owner"
NO_KEY = "none"
"""Sent where no key is set, so that OPENAI_API_KEY, meant for another server, is not."""
Told = dict[str, Any]
"""A model as its server lists it."""
BREAKS = (openai.APIConnectionError, httpx.HTTPError, EOFError, ValueError)
"""What a stream that is cut ends in."""


@dataclass(frozen=True, slots=True)
class OpenAIModel:
    """A model and how much it reads and writes at once."""

    name: str
    context_tokens: int = USUAL_CONTEXT_TOKENS
    """To be used: the model's own, or less."""
    own_context_tokens: int = 0
    """0 where the server does not say."""
    can_chat: bool = True
    """Also where the server does not say."""
    can_see: bool = False
    n_parameters: int | None = None
    quantization: str = ""


class OpenAIServer:
    """One server with OpenAI's protocol."""

    def __init__(self, base_url: str, api_key: str | None = None) -> None:
        """base_url: as clients want it, ending in `/v1` with most servers.

        Raises SettingsInvalid.
        """
        self._address = server_address(base_url, port=DEFAULT_PORT)
        self._api_key = api_key or NO_KEY
        self.url = without_login(self._address)

    def present(self) -> list[OpenAIModel]:
        """The models that it has. Raises OpenAIServerStopped or ModelUnavailable."""
        client = openai.OpenAI(
            base_url=self._address,
            api_key=self._api_key,
            max_retries=0,
            http_client=openai.DefaultHttpxClient(**self._client_options(REPLY_TIMEOUT_S)),
        )
        try:
            with client:
                told = [model.model_dump() for model in client.models.list()]
                return [_described(model | more) for model, more in self._with_more(client, told)]
        except openai.APIConnectionError as error:
            raise self._stopped() from error
        except openai.APIStatusError as error:
            raise self._refused(error) from error
        except (openai.APIError, ValueError, AttributeError, TypeError) as error:
            raise OpenAIServerStopped(
                f"What answers at {self.url} does not speak OpenAI's protocol. "
                "Look at LIMNER_OPENAI_BASE_URL; with most servers it ends in /v1."
            ) from error

    @staticmethod
    def _with_more(client: openai.OpenAI, told: list[Told]) -> Iterator[tuple[Told, Told]]:
        """Each model with what LM Studio tells of it outside of OpenAI's protocol."""
        more: dict[str, Told] = {}
        if any(model.get("owned_by") == OWNER_IN_LM_STUDIO for model in told):
            with suppress(openai.APIError, httpx.HTTPError, ValueError, AttributeError, TypeError):
                own = client.base_url.copy_with(path="/api/v0/models")
                found = client.get(str(own), cast_to=httpx.Response).json()["data"]
                more = {model["id"]: model for model in found}
        for model in told:
            yield model, more.get(model["id"], {})

    def find(self, model: str | None, context_tokens: int | None = None) -> OpenAIModel:
        """The named model, or the first that can chat.

        context_tokens: to use, where it has as many.
        Raises ModelNotFound and what `present` raises.
        """
        present = self.present()
        for found in present:
            if model == found.name or (model is None and found.can_chat):
                return _with_context(found, context_tokens)
        names = ", ".join(found.name for found in present) or "none"
        raise ModelNotFound(
            f"Model '{model}' is not at {self.url}. Load it there. Present: {names}."
            if model
            else f"The server at {self.url} has no model that can chat. Load one there. "
            f"Present: {names}."
        )

    def chat_model(self, model: OpenAIModel, *, temperature: float, timeout_s: float) -> ChatOpenAI:
        """The model as a LangChain chat model. timeout_s: the longest silence."""
        from langchain_openai import ChatOpenAI

        options = self._client_options(timeout_s)
        return ChatOpenAI(
            model=model.name,
            base_url=self._address,
            api_key=SecretStr(self._api_key),
            temperature=temperature,
            max_completion_tokens=answer_tokens(model.context_tokens),
            timeout=options["timeout"],
            stream_chunk_timeout=timeout_s,
            max_retries=0,
            use_responses_api=False,
            openai_proxy="",
            http_client=openai.DefaultHttpxClient(**options, **hang_up.client_options()),
            http_async_client=openai.DefaultAsyncHttpxClient(**options),
        )

    def explain(
        self, error: Exception, model: str, timeout_s: float, n_chars: int
    ) -> AssistantError | None:
        """What an error while answering means; None if it is none of the client's.

        n_chars: how much of the answer had come.
        """
        match error:
            case openai.APITimeoutError() | httpx.TimeoutException():
                return silence(f"'{model}' at {self.url}", timeout_s)
            case openai.APIConnectionError() if not n_chars:
                return self._stopped()
            case openai.APIStatusError(status_code=401 | 403 | 404):
                return self._refused(error)
            case _ if isinstance(error, BREAKS):
                return GenerationFailed(
                    f"The server at {self.url} broke off the answer of '{model}' after "
                    f"{n_chars} characters: {quoted(str(_root(error)))}. "
                    "Ask again; the server's log may say why."
                )
            case openai.APIStatusError(message=words, status_code=status):
                return self._failed(model, words, status)
            case openai.APIError(message=words):
                return self._failed(model, words)
        return None

    def _failed(self, model: str, words: str, status: int = 0) -> GenerationFailed:
        told = f"The server at {self.url} could not answer with '{model}': {quoted(words)}."
        return failure(told, words, status)

    def _client_options(self, timeout_s: float) -> dict[str, Any]:
        """Options of httpx: stay with this server, directly where it is on this computer."""
        return {
            "timeout": openai.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
            "follow_redirects": False,
            "trust_env": not is_loopback(self._address),
        }

    def _stopped(self) -> OpenAIServerStopped:
        return OpenAIServerStopped(
            f"No server answers at {self.url}. Start it, or mend LIMNER_OPENAI_BASE_URL."
        )

    def _refused(self, error: openai.APIStatusError) -> ModelUnavailable:
        is_key = error.status_code in (401, 403)
        hint = (
            "Set the right key in LIMNER_OPENAI_API_KEY."
            if is_key
            else "Look at LIMNER_OPENAI_BASE_URL; with most servers it ends in /v1."
        )
        return ModelUnavailable(
            f"The server at {self.url} refused the request: {quoted(error.message)}. {hint}"
        )


def _root(error: BaseException) -> BaseException:
    """What first went wrong: the client and LangChain wrap it as "Connection error."."""
    while error.__cause__:
        error = error.__cause__
    return error


def _with_context(model: OpenAIModel, wanted: int | None) -> OpenAIModel:
    own = model.own_context_tokens
    used = min(own or USUAL_CONTEXT_TOKENS, MAX_CONTEXT_TOKENS)
    if wanted:
        used = min(wanted, own) if own else wanted
    return replace(model, context_tokens=used)


def _described(told: Told) -> OpenAIModel:
    """A model by what its server tells of it; what it does not tell is not guessed."""
    meta = _part(told, "meta")
    contexts = [meta.get("n_ctx"), *map(told.get, CONTEXT_NAMES)]
    n_parameters = meta.get("n_params")
    return OpenAIModel(
        name=str(told["id"]),
        own_context_tokens=next((n for n in contexts if isinstance(n, int) and n > 0), 0),
        can_chat=told.get("type") not in EMBEDDING_TYPES,
        can_see=_can_see(told),
        n_parameters=n_parameters if isinstance(n_parameters, int) else None,
        quantization=str(told.get("quantization") or meta.get("ftype") or ""),
    )


def _can_see(told: Told) -> bool:
    """As llama.cpp and OpenRouter, LM Studio, and Mistral say it. vLLM does not."""
    inputs = _part(told, "architecture").get("input_modalities")
    return (
        (isinstance(inputs, list) and "image" in inputs)
        or told.get("type") == "vlm"
        or _part(told, "capabilities").get("vision") is True
    )


def _part(told: Told, name: str) -> Told:
    part = told.get(name)
    return part if isinstance(part, dict) else {}
