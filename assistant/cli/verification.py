"""`limner verify`."""

from __future__ import annotations

import time
from pathlib import Path

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from assistant import verification
from assistant.cli.terminal import (
    err,
    interrupted_by_signals,
    print_json,
    say,
    sentences_for_errors,
    settings_of,
)
from assistant.settings import Settings
from retrievers.faults import Findings

QUIET_S = 2.0
"""What is done sooner shows no progress."""
MAX_SHOWN = 20
"""Faults of one kind; --json has all."""


def verify(library: Path | None, as_json: bool, *, mends: bool) -> None:
    """Say whether the library is whole, and mend it if that is wanted; exit code 1 if it is not."""
    with sentences_for_errors(), interrupted_by_signals():
        settings = settings_of(library)
        findings = _with_progress(settings, mends=mends)
        if as_json:
            print_json(findings.to_dict())
        else:
            _tell(findings, mends=mends)
    if findings.faults:
        raise typer.Exit(1)


def _with_progress(settings: Settings, *, mends: bool) -> Findings:
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        console=err,
        transient=True,
    )
    task = bar.add_task("", total=1)
    start = time.monotonic()

    def step(what: str, n_done: int, n: int) -> None:
        if err.is_terminal and time.monotonic() - start > QUIET_S:
            bar.start()
        bar.update(task, description=f"Looking at {what}", completed=n_done, total=n)

    try:
        return verification.verify(settings, mends=mends, on_progress=step)
    finally:
        bar.stop()


def _tell(findings: Findings, *, mends: bool) -> None:
    held = f"{findings.n_documents} documents, {findings.n_chunks} pieces of evidence, "
    say(f"{held}{findings.n_pictures} pictures.")
    if findings.n_repaired:
        say(f"{_counted(findings.n_repaired)} mended.")
    of_kind: dict[str, int] = {}
    for fault in findings.faults:
        of_kind[fault.what] = of_kind.get(fault.what, 0) + 1
        if of_kind[fault.what] <= MAX_SHOWN:
            to_do = _to_do(fault.repair, mends=mends)
            say(f"  {fault.what}: {fault.where}: {fault.detail}. {to_do}")
    for what, n in of_kind.items():
        if n > MAX_SHOWN:
            say(f"  {what}: {n - MAX_SHOWN} more; --json names them all.")
    for note in findings.notes:
        say(f"  {note.what}: {note.where}: {note.detail}.", style="dim")
    if not findings.faults:
        say("The library is whole.")
    else:
        left = "left, see above" if mends else "found. To mend what can be: limner verify --repair"
        say(f"{_counted(len(findings.faults))} {left}.")


def _counted(n: int) -> str:
    return f"{n} fault{'' if n == 1 else 's'}"


def _to_do(repair: str, *, mends: bool) -> str:
    """What is to be done about a fault, or, once that was done, what is to come."""
    return repair.partition("has it that ")[2].capitalize() if mends else repair
