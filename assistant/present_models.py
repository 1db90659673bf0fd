"""The language models that could answer: embedded, in Ollama, at the OpenAI-compatible server.

Leaves out which of them is used: that is `assistant.llm`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assistant.errors import EmbeddedModelMissing, ModelUnavailable, OllamaStopped
from assistant.llm import Kind, is_trusted
from assistant.settings import Settings


@dataclass(frozen=True, slots=True)
class PresentModel:
    """A model, and what its server says of it; 0, None or "" where it does not."""

    kind: Kind
    model: str
    n_parameters: int | None = None
    quantization: str = ""
    context_tokens: int = 0
    """Its own; limner may use less."""
    n_bytes: int = 0
    can_chat: bool = True
    can_see: bool = False
    can_think: bool = False

    @property
    def name(self) -> str:
        """Kind and model, such as `ollama:llama3.2:latest`."""
        return f"{self.kind}:{self.model}"

    @property
    def writes_answers(self) -> bool:
        """Whether it may write answers; else they are quotes."""
        return is_trusted(self.kind, self.n_parameters)

    def chosen_in(self, settings: Settings) -> Settings:
        """The settings with this model in them."""
        named = {} if self.kind == "embedded" else {f"{self.kind}_model": self.model}
        return settings.model_copy(update={"llm": self.kind, **named})

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `limner models list`."""
        return {
            "name": self.name,
            "kind": self.kind,
            "model": self.model,
            "bytes": self.n_bytes,
            "parameters": self.n_parameters,
            "quantization": self.quantization,
            "context_tokens": self.context_tokens,
            "can_chat": self.can_chat,
            "can_see": self.can_see,
            "can_think": self.can_think,
            "writes_answers": self.writes_answers,
        }


def present_models(settings: Settings) -> tuple[list[PresentModel], list[str]]:
    """The models, and sentences on servers that could not be asked."""
    found: list[PresentModel] = []
    problems: list[str] = []
    for look in (_in_ollama, _at_openai, _embedded):
        try:
            found += look(settings)
        except OllamaStopped as error:
            if settings.llm in ("auto", "ollama"):
                problems.append(str(error))
        except ModelUnavailable as error:
            problems.append(str(error))
    return found, problems


def _in_ollama(settings: Settings) -> list[PresentModel]:
    from assistant.ollama_models import OllamaServer

    return [
        PresentModel(
            "ollama",
            model.name,
            model.n_parameters,
            model.quantization,
            model.own_context_tokens,
            model.n_bytes,
            model.can_chat,
            model.can_see,
            model.can_think,
        )
        for model in OllamaServer(settings.ollama_host).models()
    ]


def _at_openai(settings: Settings) -> list[PresentModel]:
    if not settings.openai_base_url:
        return []
    from assistant.openai_models import OpenAIServer

    key = settings.openai_api_key
    server = OpenAIServer(settings.openai_base_url, key.get_secret_value() if key else None)
    return [
        PresentModel(
            "openai",
            model.name,
            model.n_parameters,
            model.quantization,
            model.own_context_tokens,
            can_chat=model.can_chat,
            can_see=model.can_see if settings.openai_sees is None else settings.openai_sees,
        )
        for model in server.present()
    ]


def _embedded(settings: Settings) -> list[PresentModel]:  # noqa: ARG001 - as the others
    from assistant.embedded import CONTEXT_TOKENS, MODEL_NAME, N_PARAMETERS, model_path

    try:
        path = model_path()
    except EmbeddedModelMissing:
        return []
    return [
        PresentModel(
            "embedded",
            MODEL_NAME,
            N_PARAMETERS,
            path.stem.rpartition(".")[2],
            CONTEXT_TOKENS,
            path.stat().st_size,
        )
    ]
