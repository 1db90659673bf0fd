"""`limner verify`."""

from __future__ import annotations

from pathlib import Path

import typer

from assistant import verification
from assistant.cli.progress import counted
from assistant.cli.terminal import (
    interrupted_by_signals,
    print_json,
    say,
    sentences_for_errors,
    settings_of,
)
from assistant.counting import number_of
from retrievers.faults import Findings

MAX_SHOWN = 20
"""Faults of one kind; --json has all."""


def verify(library: Path | None, as_json: bool, *, mends: bool) -> None:
    """Say whether the library is whole, and mend it if that is wanted; exit code 1 if it is not."""
    with sentences_for_errors(), interrupted_by_signals():
        settings = settings_of(library)
        with counted("Verifying") as on_progress:
            findings = verification.verify(settings, mends=mends, on_progress=on_progress)
        if as_json:
            print_json(findings.to_dict())
        else:
            _tell(findings, mends=mends)
    if findings.faults:
        raise typer.Exit(1)


def _tell(findings: Findings, *, mends: bool) -> None:
    documents = number_of(findings.n_documents, "document")
    pieces = number_of(findings.n_chunks, "piece")
    pictures = number_of(findings.n_pictures, "picture")
    say(f"{documents}, {pieces} of evidence, {pictures}.")
    if findings.n_repaired:
        say(f"{number_of(findings.n_repaired, 'fault')} mended.")
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
        say(f"{number_of(len(findings.faults), 'fault')} {left}.")


def _to_do(repair: str, *, mends: bool) -> str:
    """What is to be done about a fault, or, once that was done, what is to come."""
    return repair.partition("has it that ")[2].capitalize() if mends else repair
