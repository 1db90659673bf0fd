"""`limner models pull`, `bundle` and `load`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from assistant.cli.language_models import OLLAMA, pull_into_ollama, tell_pulled
from assistant.cli.terminal import (
    err,
    interrupted_by_signals,
    print_json,
    say,
    sentences_for_errors,
    settings_of,
)
from assistant.counting import number_of
from assistant.models import hub_name, line_to_set, load_bundle, pull, write_bundle
from assistant.models.cache import in_mb
from assistant.models.hub import OnProgress, Pulled
from assistant.settings import Settings

SECONDS_BETWEEN_LINES = 5.0
"""Where stderr is no terminal."""


def pull_models(names: list[str], as_json: bool) -> None:
    """Fetch models one after the other; the first that cannot be had ends it."""
    with sentences_for_errors(may_fetch=True), interrupted_by_signals():
        settings = settings_of(None)
        told: list[dict[str, object]] = []
        for name in dict.fromkeys(_full_name(name, settings) for name in names):
            with _progress(f"Fetching {name}", as_json) as on_progress:
                is_ollamas = name.startswith(OLLAMA)
                if is_ollamas:
                    told.append(pull_into_ollama(name, settings, on_progress))
                else:
                    model = pull(name, on_progress)
            if is_ollamas:
                if not as_json:
                    tell_pulled(name)
                continue
            to_set = line_to_set(model.kind.setting, model.name, settings)
            told.append(_pulled_json(model, to_set))
            if not as_json:
                _tell_pulled(model, to_set)
        if as_json:
            print_json({"models": told})


def _full_name(name: str, settings: Settings) -> str:
    return name if name.startswith(OLLAMA) else hub_name(name, settings)


def bundle_models(folder: Path, as_json: bool) -> None:
    """Pack the models in use. Exit code 1 if one is missing that a setting names."""
    with sentences_for_errors(), interrupted_by_signals():
        with _progress("Packing", as_json) as on_progress:
            packed = write_bundle(folder, settings_of(None), on_progress)
        if as_json:
            print_json(
                {
                    "folder": str(packed.folder),
                    "models": [
                        {
                            "name": model.name,
                            "setting": model.setting,
                            "commit": model.commit,
                            "files": len(model.files),
                            "bytes": model.n_bytes,
                        }
                        for model in packed.models
                    ],
                    "missing": [{"name": m.name, "fix": m.fix} for m in packed.missing],
                    "left_out": [{"name": m.name, "reason": m.reason} for m in packed.left_out],
                }
            )
        else:
            for model in packed.models:
                say(f"✓ {model.name}  ({in_mb(model.n_bytes)})")
            for missing in packed.missing:
                say(f"✗ {missing.fix}", style="yellow")
            for left in packed.left_out:
                say(f"- {left.name} {left.reason}")
            say(f"{folder} is ready. On the other machine: limner models load {folder.name}")
        if any(missing.is_set for missing in packed.missing):
            raise typer.Exit(1)


def load_models(folder: Path, as_json: bool) -> None:
    """Unpack a bundle, and tell which settings it needs."""
    with sentences_for_errors(), interrupted_by_signals():
        with _progress("Verifying", as_json) as on_progress:
            loaded = load_bundle(folder, settings_of(None), on_progress)
        if as_json:
            print_json(
                {
                    "models": [
                        {
                            "name": each.model.name,
                            "setting": each.model.setting,
                            "commit": each.model.commit,
                            "folder": str(each.folder),
                            "files": len(each.model.files),
                            "bytes": each.model.n_bytes,
                            "to_set": each.to_set,
                            "replaced": each.replaced,
                        }
                        for each in loaded
                    ]
                }
            )
            return
        for each in loaded:
            say(f"✓ {each.model.name}  ({in_mb(each.model.n_bytes)})  {each.folder}")
            if each.replaced:
                say(f"  It is now used in the place of commit {each.replaced[:12]}", style="yellow")
            _tell_setting(each.to_set)


def _pulled_json(model: Pulled, to_set: str) -> dict[str, object]:
    return {
        "name": model.name,
        "setting": model.kind.setting,
        "commit": model.commit,
        "folder": str(model.folder),
        "files": model.n_files,
        "bytes": model.n_bytes,
        "fetched_bytes": model.n_fetched_bytes,
        "notes": model.notes,
        "to_set": to_set,
    }


def _tell_pulled(model: Pulled, to_set: str) -> None:
    had = "fetched" if model.n_fetched_bytes else "was here already"
    say(
        f"✓ {model.name} {had} and verified: {number_of(model.n_files, 'file')}, "
        f"{in_mb(model.n_bytes)}, commit {model.commit[:12]}"
    )
    for note in model.notes:
        say(f"  {note}")
    _tell_setting(to_set)


def _tell_setting(to_set: str) -> None:
    if to_set:
        say(f"  To use it, write into limner.toml: {to_set}", style="yellow")


@contextmanager
def _progress(doing: str, as_json: bool) -> Iterator[OnProgress]:
    """A bar on stderr; lines where that is no terminal; nothing with --json."""
    if as_json:
        yield lambda *_: None
        return
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    told_at = -math.inf
    with bar:
        task = bar.add_task(doing, total=None)

        def on_progress(what: str, n_done: int, n_bytes: int) -> None:
            nonlocal told_at
            bar.update(task, completed=n_done, total=n_bytes)
            now = time.monotonic()
            if not err.is_terminal and now - told_at >= SECONDS_BETWEEN_LINES:
                told_at = now
                err.print(f"{doing}: {what}, {in_mb(n_done)} of {in_mb(n_bytes)}")

        yield on_progress
