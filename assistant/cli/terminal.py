"""What all commands share at the edge: opening the assistant, output, errors as sentences."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from assistant.assistant import Assistant
from assistant.errors import EXPLAINED, SettingsInvalid
from assistant.settings import Settings, read_settings

PRIVATE = {
    # Nothing is fetched from a hub while a command runs, and no library reports home.
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # LangChain would upload prompts, and with them documents, wherever this is set.
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "TOKENIZERS_PARALLELISM": "false",
}

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def settings_of(library: Path | None, **flags: Any) -> Settings:
    """The settings with a command's flags over them."""
    return read_settings(library=library, **flags)


@contextmanager
def sentences_for_errors() -> Iterator[None]:
    """Turn limner's own errors into one line on stderr and an exit code."""
    os.environ.update(PRIVATE)
    logging.basicConfig(level=os.environ.get("LOGLEVEL", "ERROR"), stream=sys.stderr)
    try:
        yield
    except SettingsInvalid as error:
        err.print(f"limner: {error}", style="red", markup=False)
        raise typer.Exit(2) from None
    except EXPLAINED as error:
        err.print(f"limner: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        err.print("Stopped.")
        raise typer.Exit(130) from None


@contextmanager
def opened(library: Path | None, *, create: bool = False, **flags: Any) -> Iterator[Assistant]:
    """The assistant over the library, with errors as sentences."""
    with (
        sentences_for_errors(),
        Assistant.open(settings_of(library, **flags), create=create) as assistant,
    ):
        yield assistant


def print_json(value: Any) -> None:
    """The value as JSON on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def say(text: str = "", style: str | None = None) -> None:
    """One line on stdout, taken as it is: nothing in it is markup."""
    out.print(text, style=style, markup=False)
