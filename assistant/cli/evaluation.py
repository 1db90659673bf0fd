"""`limner evaluate`: retrieval and answers measured on a question file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.progress import Progress

from assistant.answer_evaluation import Outcome, answer_metrics, as_line, ask_all
from assistant.assistant import Assistant
from assistant.cli.progress import counted
from assistant.cli.terminal import err, opened, print_json, refuse, say
from assistant.counting import number_of
from assistant.evaluation import (
    HALVES,
    Question,
    evaluate_retrieval,
    read_questions,
    write_ranked,
)

SCOPES = ("document", "library")
PLACED = ("page", "mrr")
WHOLE = ("figure", "box", "n_boxed", "document", "median")
RATES = ("refusals", "false_refusals", "false_refusals_where_retrieved", "shown_when_asked")


def evaluate(
    questions_file: Path,
    ranked: Path | None,
    answers: Path | None,
    scope: str,
    split: str | None,
    library: Path | None,
    as_json: bool,
    llm: str | None,
    model: str | None,
) -> None:
    """Print the metrics; write the rankings, and make and write the answers, where asked."""
    if scope not in SCOPES:
        refuse(f"--scope is {' or '.join(SCOPES)}, not {scope}.")
    if split not in (None, *HALVES):
        refuse(f"--split is {' or '.join(HALVES)}, not {split}.")
    for flag, path in {"--ranked": ranked, "--answers": answers}.items():
        if path and not _can_be_written(path):
            refuse(f"{flag} {path} cannot be written. Name a file in a folder that is there.")
    with opened(library, llm=llm, model=model) as assistant:
        questions = [q for q in read_questions(questions_file) if split in (None, q.split)]
        with Progress(console=err, transient=True) as bar:
            task = bar.add_task("Searching", total=len(questions))
            result = evaluate_retrieval(
                questions,
                assistant.library,
                scope=scope,
                on_progress=lambda done, n: bar.update(task, completed=done, total=n),
            )
        if ranked:
            write_ranked(result.rankings, ranked)
        metrics = result.metrics
        if answers:
            asked = _answered(questions, assistant, scope, answers, metrics["n_questions"])
            metrics["answers"] = answer_metrics(asked)
    if as_json:
        print_json(metrics)
    else:
        _tell(metrics)


def _answered(
    questions: Sequence[Question], assistant: Assistant, scope: str, path: Path, n: int
) -> list[Outcome]:
    """Answer the questions, and write each answer as it is made: they take long."""
    found = []
    with path.open("w", encoding="utf-8") as file, counted("Answering") as tell:
        for one in ask_all(questions, assistant, scope=scope):
            file.write(as_line(one))
            file.flush()
            found.append(one)
            tell("questions", len(found), n)
    return found


def _can_be_written(path: Path) -> bool:
    if path.exists():
        return path.is_file() and os.access(path, os.W_OK)
    return path.parent.is_dir() and os.access(path.parent, os.W_OK)


def _tell(metrics: dict[str, Any]) -> None:
    say(f"{number_of(metrics['n_questions'], 'question')}.")
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
    if "answers" in metrics:
        _tell_answers(metrics["answers"])


def _tell_answers(found: dict[str, Any]) -> None:
    say(f"\nAnswers of {found['model']}: {found['n']}", style="bold")
    for failed in found["failed"]:
        say(f"  {failed['id']} was not answered: {failed['reason']}", style="yellow")
    for name, row in {"all": found, **found["by_modality"]}.items():
        said, cited, shown = row["correctness"], row["citations"], row["figures"]
        say(
            f"  {name:<10} correct {said['correct']} of {said['n']}  "
            f"citation precision {cited['precision']}  recall {cited['recall']}  "
            f"figure precision {shown['precision']}  recall {shown['recall']}"
        )
    for name in RATES:
        if rate := found.get(name):
            say(f"  {name.replace('_', ' ')}: {rate['share']} of {rate['n']}")
    for name in ("citations_where_retrieved", "figures_where_retrieved", "boxes"):
        told = found[name]
        say(f"  {name.replace('_', ' ')}: precision {told['precision']}  recall {told['recall']}")
    say(f"  support is off by {found['calibration']['expected_error']} on average")
    for name, seconds in found["latency_s"].items():
        say(f"  {name}: {seconds['median']} s, 95 in 100 within {seconds['p95']} s")
