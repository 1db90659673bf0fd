"""Measures answers beside those of a plain LangChain chain: `make quality-answers`.

Both get the same hits and the same language model, the embedded one where none is named. Prints a
table for each half of the questions, and writes them into docs/quality.md where asked. Leaves out
retrieval: that is `limner evaluate`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from assistant import Assistant, Settings
from assistant.answer import Answer
from assistant.answer_evaluation import Outcome, answer_metrics, ask_all
from assistant.errors import AssistantError
from assistant.evaluation import HALVES, read_questions
from assistant.llm import LanguageModel
from tests.plain_chain import PROMPT, ask_plainly

PAGE = Path(__file__).parents[1] / "docs" / "quality.md"
TABLE = re.compile(r"(?<=<!-- answers measured -->\n).*?(?=<!-- end -->)", re.DOTALL)
SECONDS_BETWEEN_LINES = 30
Metrics = dict[str, Any]


class Row(NamedTuple):
    """A line of the table. path: to the number in the metrics. goal: (least or most, number)."""

    label: str
    path: tuple[str, ...]
    goal: tuple[str, float] | None = None
    n: str = "n"

    def value(self, metrics: Metrics) -> float | None:
        found: Any = metrics
        for name in self.path:
            found = found.get(name) if found else None
        return found

    def cell(self, metrics: Metrics) -> str:
        value = self.value(metrics)
        if value is None:
            return "–"
        within = metrics
        for name in self.path[:-1]:
            within = within[name]
        number = f"{value:.2f}".rstrip("0").rstrip(".") if value > 1 else f"{value:.2f}"
        n = within.get(self.n) if len(self.path) > 1 else None
        return f"{number} ({n})" if n is not None else number

    def is_missed(self, metrics: Metrics) -> bool:
        value = self.value(metrics)
        if self.goal is None:
            return False
        if value is None:
            return True
        kind, number = self.goal
        return value < number if kind == "least" else value > number


CITED = ("citations", "figures", "boxes", "shown", "calibration")
"""How the names of what a chain without citations has not begin."""
MODALITIES = ("text", "table", "chart", "figure", "image", "audio", "video")
ROWS = (
    Row("correct answers", ("correctness", "correct")),
    Row("– where the evidence was retrieved", ("correctness_where_retrieved", "correct")),
    *(Row(f"– {m}", ("by_modality", m, "correctness", "correct")) for m in MODALITIES),
    Row("– all numbers said", ("correctness", "numeric"), n="n_numeric"),
    Row("– F1 of the words", ("correctness", "f1")),
    Row("words of an answer, median", ("median_words",)),
    Row(
        "citation precision where the evidence was retrieved",
        ("citations_where_retrieved", "precision"),
        ("least", 0.80),
    ),
    Row("– all answered", ("citations", "precision")),
    Row(
        "citation recall where the evidence was retrieved",
        ("citations_where_retrieved", "recall"),
        n="n_gold",
    ),
    Row("– all answered", ("citations", "recall"), n="n_gold"),
    Row("figure precision, by page", ("figures", "precision"), ("least", 0.85)),
    Row("– by box", ("boxes", "precision")),
    Row("figure recall, by page", ("figures", "recall"), n="n_gold"),
    Row("– by box", ("boxes", "recall"), n="n_gold"),
    Row("– by page, where it was retrieved", ("figures_where_retrieved", "recall"), n="n_gold"),
    Row("shows the figure when asked to", ("shown_when_asked", "share")),
    Row("unanswerable questions refused", ("refusals", "share"), ("least", 0.70)),
    Row("false refusals", ("false_refusals", "share"), ("most", 0.15)),
    Row("– where the evidence was retrieved", ("false_refusals_where_retrieved", "share")),
    Row("support off by", ("calibration", "expected_error")),
    Row("first words, median s", ("latency_s", "first_token", "median")),
    Row("– 95 in 100 within s", ("latency_s", "first_token", "p95")),
    Row("whole answer, median s", ("latency_s", "total", "median")),
    Row("– 95 in 100 within s", ("latency_s", "total", "p95")),
)


def both(
    library: Path,
    questions: Path,
    halves: Sequence[str],
    llm: str,
    is_beside: bool,
    kept: Path | None = None,
) -> Iterator[tuple[Outcome, Outcome | None]]:
    """Each question answered by limner and, from the same hits, by the plain chain."""
    with Assistant.open(Settings(library=library, llm=llm)) as assistant:  # type: ignore[arg-type]
        wanted = [q for q in read_questions(questions) if q.split in halves]
        tell = progress(questions.name, len(wanted))
        for ours in ask_all(wanted, assistant):
            theirs = None
            if is_beside and ours.answer:
                theirs = beside(ours, assistant.model, kept)
            tell()
            yield ours, theirs


def beside(ours: Outcome, model: LanguageModel, kept: Path | None = None) -> Outcome:
    """The plain chain's answer to the same question. kept: a folder of earlier ones."""
    question, sources = ours.question, ours.answer.sources if ours.answer else ()
    given = [PROMPT, model.name, question.question, *(s.document.page_content for s in sources)]
    key = hashlib.sha256(json.dumps(given).encode()).hexdigest()
    file = kept / f"{key}.json" if kept else None
    if file and file.exists():
        answer = Answer.from_dict(json.loads(file.read_text("utf-8")))
        return Outcome(question, ours.source, answer)
    try:
        answer = ask_plainly(question.question, sources, model)
    except AssistantError as error:
        return Outcome(question, ours.source, None, str(error))
    if file:
        new = file.with_suffix(".new")
        new.write_text(json.dumps(answer.to_dict()), "utf-8")
        new.replace(file)
    return Outcome(question, ours.source, answer)


def progress(name: str, n: int) -> Callable[[], None]:
    """What is to be called after each question; tells how far it is on stderr."""
    begun = told = time.monotonic()
    n_done = 0

    def tell() -> None:
        nonlocal told, n_done
        n_done += 1
        now = time.monotonic()
        if now - told >= SECONDS_BETWEEN_LINES or n_done == n:
            told = now
            left = (now - begun) / n_done * (n - n_done)
            sys.stderr.write(f"{name}: {n_done} of {n}, {left / 60:.0f} min left\n")

    return tell


def as_table(half: str, ours: Metrics, theirs: Metrics) -> str:
    """The metrics of one half as Markdown."""
    lines = [
        f"Half `{half}`, {ours['n']} questions, {ours['model']}:\n",
        "| | goal | limner | plain chain |",
        "| --- | --- | --- | --- |",
    ]
    for row in ROWS:
        if row.value(ours) is None and row.value(theirs) is None:
            continue
        goal = f"at {row.goal[0]} {row.goal[1]:.2f}" if row.goal else ""
        lines.append(f"| {row.label} | {goal} | {row.cell(ours)} | {row.cell(theirs)} |")
    for name, metrics in {"limner": ours, "The plain chain": theirs}.items():
        if metrics["failed"]:
            lines.append(f"\n{name} failed on {len(metrics['failed'])} of these.")
    bins = [
        f"{b['from']:.1f}–{b['to']:.1f}: {b['gold']:.2f} ({b['n']})"
        for b in ours["calibration"]["bins"]
    ]
    lines.append(f"\nSupport of a sentence: share whose citation is gold (n): {'; '.join(bins)}.")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Print the tables; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("measured", nargs="+", metavar="LIBRARY=QUESTIONS")
    parser.add_argument("--split", choices=HALVES, help="only this half")
    parser.add_argument("--llm", default="embedded", help="as for `limner ask`")
    parser.add_argument("--alone", action="store_true", help="without the plain chain")
    parser.add_argument("--kept", type=Path, metavar="FOLDER", help="of the chain's answers")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.name}")
    wanted = parser.parse_args()
    halves = [wanted.split] if wanted.split else HALVES
    if wanted.kept:
        wanted.kept.mkdir(parents=True, exist_ok=True)
    pairs = [
        pair
        for library, questions in (text.split("=") for text in wanted.measured)
        for pair in both(
            Path(library), Path(questions), halves, wanted.llm, not wanted.alone, wanted.kept
        )
    ]
    tables, missed = [], []
    for half in halves:
        here = [pair for pair in pairs if pair[0].question.split == half]
        ours = answer_metrics(ours for ours, _ in here)
        theirs = answer_metrics(theirs for _, theirs in here if theirs)
        theirs = {k: v for k, v in theirs.items() if not k.startswith(CITED)}
        tables.append(as_table(half, ours, theirs))
        missed += [f"{half}: {r.label} {r.cell(ours)}" for r in ROWS if r.is_missed(ours)]
    text = "\n".join(tables)
    sys.stdout.write(text)
    if wanted.write:
        page = PAGE.read_text("utf-8")
        PAGE.write_text(TABLE.sub(lambda _: text, page), "utf-8")
    for line in missed:
        sys.stdout.write(f"Goal missed, {line}.\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
