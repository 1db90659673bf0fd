"""`limner export-library` and `import-library`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from assistant.cli.progress import counted
from assistant.cli.terminal import (
    err,
    interrupted_by_signals,
    opened,
    print_json,
    say,
    sentences_for_errors,
)
from assistant.counting import number_of
from assistant.exchange import (
    Exported,
    Imported,
    check_import,
    export_library,
    import_into,
)
from retrievers.imports import read_import


def export(folder: Path, library: Path | None, as_json: bool) -> None:
    """Write the library into a new folder."""
    with opened(library) as assistant, counted("Exporting") as on_progress:
        exported = export_library(assistant.library, assistant.media, folder, on_progress)
    if as_json:
        print_json(_exported_json(exported))
        return
    told = exported.manifest
    say(
        f"{exported.folder} holds {number_of(told.n_documents, 'document')}, "
        f"{number_of(told.n_chunks, 'piece')} of evidence and "
        f"{number_of(told.n_pictures - len(told.missing_pictures), 'picture')} "
        f"({exported.n_bytes / 1e6:.1f} MB)."
    )
    _tell_missing(told.missing_pictures)


def import_library(path: Path, library: Path | None, as_json: bool) -> None:
    """Read an export, or a LangChain FAISS store, into the library."""
    start = time.perf_counter()
    with counted("Importing") as on_progress:
        # What is wrong with it is found before a library is made for it.
        with sentences_for_errors(), interrupted_by_signals():
            found = read_import(path)
            check_import(found, on_progress)
        with opened(library, create=True) as assistant:
            imported = import_into(assistant.library, assistant.media, found, on_progress)
    if as_json:
        print_json(_imported_json(imported, time.perf_counter() - start))
    else:
        _tell(imported)


def _exported_json(exported: Exported) -> dict[str, Any]:
    told = exported.manifest
    return {
        "folder": str(exported.folder),
        "model": told.model,
        "dimension": told.dimension,
        "documents": told.n_documents,
        "chunks": told.n_chunks,
        "pictures": told.n_pictures - len(told.missing_pictures),
        "missing_pictures": told.missing_pictures,
        "bytes": exported.n_bytes,
    }


def _imported_json(imported: Imported, seconds: float) -> dict[str, Any]:
    report = imported.report
    return {
        "kind": report.kind,
        "vectors": "taken over" if report.took_vectors else "embedded",
        "added": report.added,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "kept": report.kept,
        "chunks": report.chunks,
        "figures": report.figures,
        "pictures": imported.n_pictures,
        "missing_pictures": imported.missing_pictures,
        "seconds": round(seconds, 2),
    }


def _tell(imported: Imported) -> None:
    report = imported.report
    say(
        f"{report.added} added, {report.updated} updated, {report.unchanged} unchanged, "
        f"{len(report.kept)} kept as they were: {report.chunks} pieces of evidence, "
        f"{imported.n_pictures} new pictures."
    )
    if report.chunks:
        say(
            "Their vectors are of the same model and were taken over."
            if report.took_vectors
            else "Their vectors are of another model, or not there: the texts were embedded."
        )
    if report.kept:
        say("\nThe library has something newer, or that it has read itself, and keeps it:")
        for source in report.kept:
            say(f"  {source}")
    _tell_missing(imported.missing_pictures)


def _tell_missing(keys: list[str]) -> None:
    if keys:
        err.print(
            f"Missing or damaged in the library: {number_of(len(keys), 'picture')}, the first "
            f"{keys[0]}. "
            "See: limner verify",
            style="yellow",
        )
