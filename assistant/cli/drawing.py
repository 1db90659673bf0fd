"""`limner show FILE.pdf --draw DIR`: pictures of the pages with what was read from them."""

from __future__ import annotations

from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from assistant.cli.sources import as_typed, file_name, find
from assistant.cli.terminal import (
    err,
    opened,
    print_json,
    refuse,
    say,
    sentences_for_errors,
    settings_of,
)
from loaders.pdf.overlay import Drawings, draw_document
from loaders.source import is_url, local_path


def draw(
    source: str, folder: Path, passwords: list[str], library: Path | None, as_json: bool
) -> None:
    """Read a PDF afresh, in the library or not, and draw its pages with progress on stderr."""
    with sentences_for_errors():
        wanted = _located(source, library)
        if own := settings_of(library).password:
            passwords = [own.get_secret_value(), *passwords]
        try:
            drawings = _draw_with_progress(wanted, folder, passwords)
        except OSError as error:
            refuse(f"--draw {folder} cannot be written ({error.strerror or error}).")
    if as_json:
        print_json(
            {
                "source": drawings.source,
                "pages": drawings.n_pages,
                "files": [str(path) for path in drawings.files],
                "skipped": [{"what": s.what, "reason": s.reason} for s in drawings.skipped],
            }
        )
    else:
        _tell(drawings, folder)


def _located(source: str, library: Path | None) -> str:
    """The path or address; the source in the library that is meant where no file is there."""
    typed = as_typed(source)
    is_here = is_url(typed) or local_path(typed).exists()
    if is_here or not settings_of(library).library.exists():
        return typed
    with opened(library) as assistant:
        return find(assistant, source)


def _draw_with_progress(source: str, folder: Path, passwords: list[str]) -> Drawings:
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    with bar:
        name = file_name(source)
        task = bar.add_task(f"Reading {name}", total=None)

        def step(doing: str, n_done: int, n_pages: int) -> None:
            bar.update(task, description=f"{doing} {name}", completed=n_done, total=n_pages)

        return draw_document(source, folder, on_page=step, passwords=passwords)


def _tell(drawings: Drawings, folder: Path) -> None:
    n_files = len(drawings.files)
    names = f", {drawings.files[0].name} and on" if drawings.files else ""
    say(f"{n_files} of {drawings.n_pages} pages drawn in {folder}{names}.")
    for skipped in drawings.skipped:
        say(f"  {skipped.what}: {skipped.reason}")
