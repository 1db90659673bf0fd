"""`limner migrate`: the library's format and vectors brought to what limner is set to."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from assistant.cli.terminal import (
    err,
    interrupted_by_signals,
    print_json,
    say,
    sentences_for_errors,
    settings_of,
)
from retrievers import MiniLMEmbeddings
from retrievers.database import SCHEMA_VERSION
from retrievers.evidence import clock
from retrievers.migration import Migration, OnProgress
from retrievers.migration import migrate as migrate_library

SECONDS_BETWEEN_LINES = 5.0
"""Where stderr is no terminal."""


def migrate(library: Path | None, as_json: bool) -> None:
    """Migrate with progress on stderr; what was done stays where it is interrupted."""
    with sentences_for_errors(), interrupted_by_signals():
        settings = settings_of(library)
        embeddings = MiniLMEmbeddings(settings.embedding_model)
        with _progress() as on_progress:
            try:
                done = migrate_library(settings.library, embeddings, on_progress)
            except KeyboardInterrupt:
                err.print("Nothing is lost: `limner migrate` goes on from here.")
                raise
    if as_json:
        print_json(
            {
                "changed": done.changed,
                "format_before": done.format_before,
                "format": SCHEMA_VERSION,
                "model_before": done.model_before,
                "model": done.model,
                "dimension": done.dimension,
                "vectors": done.n_vectors,
                "embedded": done.n_embedded,
                "seconds": round(done.seconds, 2),
            }
        )
    else:
        _tell(done)


def _tell(done: Migration) -> None:
    if not done.changed:
        say(
            f"Nothing to do: the library has format {SCHEMA_VERSION}, and its {done.n_vectors} "
            f"vectors are of {done.model}."
        )
    if done.format_before != SCHEMA_VERSION:
        say(f"The library has format {SCHEMA_VERSION} now; it had {done.format_before}.")
    if done.swapped:
        say(
            f"Its {done.n_vectors} vectors are of {done.model} now, {done.dimension} numbers each; "
            f"they were of {done.model_before}. {done.seconds:.0f} s."
        )


@contextmanager
def _progress() -> Iterator[OnProgress]:
    """A bar on stderr; lines where that is no terminal."""
    bar = Progress(
        TextColumn("Embedding"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    told_at = -math.inf
    begun: tuple[float, int] | None = None
    with bar:
        task = bar.add_task("", total=None)

        def on_progress(n_done: int, n: int) -> None:
            nonlocal told_at, begun
            now = time.monotonic()
            begun = begun or (now, n_done)
            bar.update(task, completed=n_done, total=n)
            if not err.is_terminal and now - told_at >= SECONDS_BETWEEN_LINES:
                told_at = now
                n_new = n_done - begun[1]
                left = f", {clock((now - begun[0]) / n_new * (n - n_done))} left" if n_new else ""
                err.print(f"Embedding: {n_done} of {n}{left}")

        yield on_progress
