"""Runs `limner` as a person does: in a process of its own, with nothing inherited."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "samples" / "documents"

IN_WORDS = """
from assistant import assistant
from tests.assistant.words import WordEmbeddings
assistant.MiniLMEmbeddings = lambda _: WordEmbeddings()
"""
"""Run in a command's process before it: evidence is then embedded without a model, in no time."""


def clean_environment() -> dict[str, str]:
    """The environment of a command, without settings."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LIMNER_", "OLLAMA_"))}
    return clean | {"PYTHONPATH": str(ROOT)}


def limner(
    *arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "assistant.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=cwd or ROOT,
        env=clean_environment() | dict(env or {}),
        check=False,
    )


def limner_json(*arguments: object, **options: Any) -> Any:
    """Run a command with --json and read what it printed."""
    result = limner(*arguments, "--json", **options)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)
