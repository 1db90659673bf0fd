"""Measures what a person waits for, over the samples: `make bench`.

Prints one line a figure, with the median and the range over its runs, in seconds of
wall-clock time. Leaves out quality: that is `make quality`.
"""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "samples"
QUESTION = (SAMPLES / "questions.txt").read_text("utf-8").splitlines()[0]
SEARCHES = 50


def limner(*arguments: str) -> None:
    """Run a command in a process of its own, as a person does."""
    subprocess.run(
        [sys.executable, "-m", "assistant.cli", *arguments],
        check=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def measured(name: str, action: Callable[[], object], n_runs: int) -> None:
    """Time an action and print its line."""
    seconds = []
    for _ in range(n_runs):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    middle, low, high = statistics.median(seconds), min(seconds), max(seconds)
    sys.stdout.write(f"{name:<46} {middle:8.3f} s  ({low:.3f} to {high:.3f}, {n_runs} runs)\n")
    sys.stdout.flush()


def main() -> None:
    """Measure everything over a fresh library."""
    with tempfile.TemporaryDirectory() as folder:
        library = ["--library", str(Path(folder) / "library")]
        measured("limner --help", lambda: limner("--help"), 5)
        measured(
            "limner add samples/documents, new library",
            lambda: limner("add", "samples/documents", *library),
            1,
        )
        measured(
            "limner add samples/documents, unchanged",
            lambda: limner("add", "samples/documents", *library),
            3,
        )
        embedded = ["--llm", "embedded", *library]
        measured("limner ask, a process of its own", lambda: limner("ask", QUESTION, *embedded), 3)
        measure_in_process(Path(folder) / "library")


def measure_in_process(library: Path) -> None:
    """Search and ask in a process that has its models loaded."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from assistant import Assistant, Settings

    with Assistant.open(Settings(library=library, llm="embedded")) as assistant:
        assistant.ask(QUESTION)
        # With another number of spaces it is another question: vectors of questions are kept.
        spaces = itertools.count(1)
        measured(
            "search, models loaded",
            lambda: assistant.search(QUESTION + " " * next(spaces)),
            SEARCHES,
        )
        measured("ask, models loaded", lambda: assistant.ask(QUESTION + " " * next(spaces)), 5)


if __name__ == "__main__":
    main()
