"""`limner sync` and `watch`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from assistant.cli.documents import end, tell
from assistant.cli.progress import shown
from assistant.cli.sources import as_typed, file_name
from assistant.cli.terminal import (
    err,
    escaped,
    opened,
    print_json,
    say,
    say_error,
    sentences_for_errors,
)
from assistant.discovery import folder_root
from assistant.errors import EXPLAINED
from assistant.report import Outcome, Report


def sync(passwords: list[str], library: Path | None, as_json: bool) -> None:
    """Bring the library up to date, with progress on stderr."""
    with opened(library) as assistant:
        report = shown(lambda step: assistant.sync(passwords=passwords, on_progress=step))
        if as_json:
            print_json(report.to_dict() | {"removed": report.removed})
        else:
            tell(report)
    end(report)


def watch(folders: list[str], library: Path | None, as_json: bool) -> None:
    """Follow what was added, with a line for each change; Ctrl-C is the way to end it."""
    failures: dict[str, str] = {}

    def tell_changes(report: Report) -> None:
        for outcome in report.outcomes:
            _tell_change(outcome, as_json)
        for source, reason in report.failed:
            if failures.get(source) != reason:  # once, however often it is tried
                err.print(f"not read {file_name(source)}: {reason}")
        failures.clear()
        failures.update(report.failed)

    def tell_error(error: Exception) -> None:
        say_error(error if isinstance(error, EXPLAINED) else RuntimeError(repr(error)))

    named = [as_typed(folder) for folder in folders]
    with sentences_for_errors():  # before a library is made for them
        for folder in named:
            folder_root(folder)
    with opened(library, create=bool(folders)) as assistant:
        err.print("Watching. Ctrl-C ends it.")
        try:
            assistant.watch(
                named,
                on_report=tell_changes,
                on_error=tell_error,
            )
        except KeyboardInterrupt:
            err.print("Stopped.")


def _tell_change(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        told = {"what": outcome.what, "source": outcome.source}
        told |= {"before": outcome.before} if outcome.before else {}
        sys.stdout.write(escaped(json.dumps(told, ensure_ascii=False)) + "\n")
    else:
        where = f"{file_name(outcome.before)} → " if outcome.before else ""
        say(f"{outcome.what} {where}{file_name(outcome.source)}")
    sys.stdout.flush()
