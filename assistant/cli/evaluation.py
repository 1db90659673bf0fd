"""`limner evaluate`: retrieval measured on a question file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rich.progress import Progress

from assistant.cli.terminal import err, opened, print_json, refuse, say
from assistant.evaluation import evaluate_retrieval, read_questions, write_ranked

SCOPES = ("document", "library")
PLACED = ("page", "mrr")
WHOLE = ("figure", "box", "n_boxed", "document", "median")


def evaluate(
    questions_file: Path, ranked: Path | None, scope: str, library: Path | None, as_json: bool
) -> None:
    """Print the metrics; write the rankings where asked."""
    if scope not in SCOPES:
        refuse(f"--scope is {' or '.join(SCOPES)}, not {scope}.")
    if ranked and not _can_be_written(ranked):
        refuse(f"--ranked {ranked} cannot be written. Name a file in a folder that is there.")
    with opened(library) as assistant, Progress(console=err, transient=True) as bar:
        questions = read_questions(questions_file)
        task = bar.add_task("Searching", total=len(questions))
        result = evaluate_retrieval(
            questions,
            assistant.library,
            scope=scope,
            on_progress=lambda done, n: bar.update(task, completed=done, total=n),
        )
        if ranked:
            write_ranked(result.rankings, ranked)
    if as_json:
        print_json(result.metrics)
    else:
        _tell(result.metrics)


def _can_be_written(path: Path) -> bool:
    if path.exists():
        return path.is_file() and os.access(path, os.W_OK)
    return path.parent.is_dir() and os.access(path.parent, os.W_OK)


def _tell(metrics: dict[str, Any]) -> None:
    say(f"{metrics['n_questions']} questions.")
    if absent := metrics["documents_not_in_library"]:
        say(f"Not in the library, so not asked: {', '.join(absent)}", style="yellow")
    for scope in SCOPES:
        say(f"\nWithin the {scope}:", style="bold")
        found = dict(metrics[scope])
        missed = found.pop("missed")
        rows = {"all": found, **found.pop("by_modality")}
        for name, row in rows.items():
            cells = "  ".join(f"{k} {row[k]}" for k in row if k.startswith(PLACED) and row["n"])
            places = "  ".join(f"{k} {row[k]}" for k in row if "place" in k and row["n_placed"])
            say(f"  {name:<10} n {row['n']:<4} {cells}  {places}")
        say("  " + "  ".join(f"{k} {v}" for k, v in found.items() if k.startswith(WHOLE)))
        if missed:
            say(f"  missed: {', '.join(missed)}")
