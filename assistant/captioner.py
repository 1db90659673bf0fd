"""The vision model that describes figures, where the setting `captioner` names one.

A model that is not on its server, or does not see, is an error: the setting is wrong. A server
that does not answer is told of with the figures that it did not see; the next run asks it again.
Leaves out BLIP, which is chosen by whether its weights are here, and how a model is asked
(`loaders.captioning.vision`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.errors import OllamaStopped, OpenAIServerStopped, SettingsInvalid
from assistant.llm import CLOUD_WARNING
from assistant.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from loaders.captioning.caption_queue import FigureCaptioner
    from loaders.captioning.vision import Explain, VisionCaptioner

TEMPERATURE = 0.0
SECONDS_OF_GRACE = 10.0
"""Added to the client's limit on silence: the limit on a picture is to be met first."""


@dataclass(frozen=True, slots=True)
class ChosenCaptioner:
    """A vision model, and why it is used, for `limner doctor`."""

    vision: VisionCaptioner
    reason: str


def choose_captioner(settings: Settings) -> ChosenCaptioner | None:
    """The vision model that the settings name; None where they name none.

    Raises a ModelUnavailable that says what is missing, or SettingsInvalid.
    """
    kind, _, model = settings.captioner.partition(":")
    if kind == "ollama":
        return _from_ollama(model, settings)
    return _from_openai(model, settings) if kind == "openai" else None


def captioner_for_run(settings: Settings) -> FigureCaptioner | None:
    """The vision model that the settings name, or what stands in for it while its server is down.

    Raises a ModelUnavailable where the setting is wrong, or SettingsInvalid.
    """
    try:
        chosen = choose_captioner(settings)
    except (OllamaStopped, OpenAIServerStopped) as error:
        from loaders.captioning.vision import StoppedCaptioner

        return StoppedCaptioner(settings.captioner, str(error).rstrip("."))
    return chosen.vision if chosen else None


def _from_ollama(name: str, settings: Settings) -> ChosenCaptioner:
    from assistant.ollama_models import OllamaServer, runs_in_cloud

    server = OllamaServer(settings.ollama_host)
    model = server.describe_seeing(name)
    limit = settings.captioner_timeout_s + SECONDS_OF_GRACE
    vision = _captioner(
        server.chat_model(model, temperature=TEMPERATURE, timeout_s=limit),
        lambda error, n_chars: server.explain(error, name, limit, n_chars),
        settings,
    )
    warning = f" {CLOUD_WARNING}" if runs_in_cloud(name) else ""
    return ChosenCaptioner(vision, f"Ollama answers at {server.url}; you named {name}.{warning}")


def _from_openai(name: str, settings: Settings) -> ChosenCaptioner:
    from assistant.openai_models import OpenAIServer

    if not settings.openai_base_url:
        raise SettingsInvalid(
            f"The setting captioner is {settings.captioner}, but no server is set. "
            "Set LIMNER_OPENAI_BASE_URL, for example http://localhost:8000/v1."
        )
    key = settings.openai_api_key
    server = OpenAIServer(settings.openai_base_url, key.get_secret_value() if key else None)
    limit = settings.captioner_timeout_s + SECONDS_OF_GRACE
    vision = _captioner(
        server.chat_model(server.find(name), temperature=TEMPERATURE, timeout_s=limit),
        lambda error, n_chars: server.explain(error, name, limit, n_chars),
        settings,
    )
    return ChosenCaptioner(vision, f"A server answers at {server.url}; you named {name}.")


def _captioner(chat: BaseChatModel, explain: Explain, settings: Settings) -> VisionCaptioner:
    from loaders.captioning.vision import VisionCaptioner  # it takes a moment to be imported

    return VisionCaptioner(
        chat,
        settings.captioner,
        timeout_s=settings.captioner_timeout_s,
        n_parallel=settings.captioner_parallel,
        explain=explain,
    )
