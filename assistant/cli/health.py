"""`limner doctor`: what is active, what is missing, how to get it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from assistant.cli.terminal import print_json, say, sentences_for_errors, settings_of
from assistant.doctor import checks


def doctor(library: Path | None, as_json: bool) -> None:
    """Print every check. What is missing is no failure: the exit code stays 0."""
    with sentences_for_errors():
        found = checks(settings_of(library))
        if as_json:
            print_json({"checks": [asdict(check) for check in found]})
            return
        for check in found:
            say(f"{'✓' if check.ok else '✗'} {check.name:<11} {check.detail}")
            if check.fix:
                say(f"  {'':<11} {check.fix}", style="yellow")
