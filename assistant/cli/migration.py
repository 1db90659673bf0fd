"""`limner migrate`: the library's format and vectors brought to what limner is set to."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from assistant.cli.progress import counted
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
from retrievers.migration import Migration
from retrievers.migration import migrate as migrate_library


def migrate(library: Path | None, as_json: bool) -> None:
    """Migrate with progress on stderr; what was done stays where it is interrupted."""
    with sentences_for_errors(), interrupted_by_signals():
        settings = settings_of(library)
        embeddings = MiniLMEmbeddings(settings.embedding_model)
        with counted("Embedding", quiet_s=0.0) as on_progress:
            try:
                done = migrate_library(settings.library, embeddings, partial(on_progress, "chunks"))
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
