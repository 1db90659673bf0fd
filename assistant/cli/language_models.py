"""`limner models list`, and `limner models pull ollama:NAME`."""

from __future__ import annotations

from contextlib import closing

from assistant.asking import Asking
from assistant.cli.terminal import print_json, say, sentences_for_errors, settings_of
from assistant.errors import EXPLAINED
from assistant.llm import pull
from assistant.models.cache import in_mb
from assistant.models.hub import OnProgress
from assistant.present_models import PresentModel, present_models
from assistant.settings import Settings

OLLAMA = "ollama:"
"""Begins the name of a model that Ollama is to download, not the hub."""
BILLION = 1e9


def list_models(as_json: bool) -> None:
    """Print the language models that could answer, and which one does."""
    with sentences_for_errors():
        settings = settings_of(None)
        found, problems = present_models(settings)
        in_use = _in_use(settings, problems)
    if as_json:
        told = [model.to_dict() | {"in_use": model.name == in_use} for model in found]
        print_json({"models": told, "problems": problems})
        return
    for model in found:
        say(f"{'→' if model.name == in_use else ' '} {model.name}  ({_told(model)})")
    for problem in problems:
        say(problem, style="yellow")
    say("Choose one with --llm and --model, or llm and ollama_model or openai_model in limner.toml")


def pull_into_ollama(name: str, settings: Settings, on_progress: OnProgress) -> dict[str, object]:
    """Have Ollama download a model; when this ends early, Ollama stops too and goes on later."""
    model = name.removeprefix(OLLAMA)
    total = 0
    with closing(pull(model, settings.ollama_host)) as steps:
        for step in steps:
            total = max(total, step.total)
            on_progress(step.status, step.completed, step.total or total)
    return {"name": name, "setting": "ollama_model", "bytes": total}


def tell_pulled(name: str) -> None:
    """Say how the model is used."""
    model = name.removeprefix(OLLAMA)
    say(f"✓ {model} is in Ollama")
    say(f'  To use it, write into limner.toml: ollama_model = "{model}"', style="yellow")


def _in_use(settings: Settings, problems: list[str]) -> str:
    try:
        model = Asking.choose_model(settings)
    except EXPLAINED as error:
        if str(error) not in problems:
            problems.append(str(error))
        return ""
    name = model.name.partition("@")[0]
    is_latest = model.kind == "ollama" and name.count(":") == 1
    return f"{name}:latest" if is_latest else name


def _told(model: PresentModel) -> str:
    """What is known of a model, in a few words."""
    told = []
    if model.n_parameters:
        told.append(f"{model.n_parameters / BILLION:.2g} billion parameters")
    if model.quantization:
        told.append(model.quantization)
    if model.n_bytes:
        told.append(in_mb(model.n_bytes))
    if model.context_tokens:
        told.append(f"context of {model.context_tokens:,} tokens")
    if not model.can_chat:
        return ", ".join([*told, "cannot chat"])
    told += ["sees pictures"] * model.can_see + ["thinks"] * model.can_think
    return ", ".join([*told, "writes answers" if model.writes_answers else "phrases quotes"])
