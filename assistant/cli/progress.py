"""How far a run is, on stderr: as a bar in a terminal, else in a line every few seconds.

Leaves out what a run says at the end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from assistant.cli.sources import file_name
from assistant.cli.terminal import err
from assistant.counting import number_of
from assistant.report import OnProgress, Report
from assistant.report import Progress as Step
from loaders.loader import Stage
from retrievers.evidence import clock
from retrievers.progress import OnProgress as OnNamed

SECONDS_BETWEEN_LINES = 5.0
"""Where stderr is no terminal: ten thousand files are not ten thousand lines."""


def shown(read: Callable[[OnProgress], Report]) -> Report:
    """What a run reports, after showing which source it reads and how far it is."""
    bar = _bar()
    told_at = -math.inf
    with bar:
        task = bar.add_task("Looking for files", total=None, place="", read="")

        def step(progress: Step) -> None:
            nonlocal told_at
            doing = _doing(progress)
            bar.update(
                task,
                description=doing,
                place=_place(progress.stage),
                completed=progress.share * progress.n_sources,
                total=progress.n_sources,
                read=_read_so_far(progress.n_pages, progress.n_figures),
            )
            now = time.monotonic()
            if not err.is_terminal and now - told_at >= SECONDS_BETWEEN_LINES:
                told_at = now
                err.print(f"{doing} ({progress.n_done} of {progress.n_sources} done)")

        report = read(step)
        if not report.interrupt:
            bar.update(task, description="Done", completed=bar.tasks[0].total)
        bar.update(task, place="", read=_read_so_far(report.pages, report.figures))
    return report


@contextmanager
def counted(doing: str, quiet_s: float = 2.0) -> Iterator[OnNamed]:
    """A bar for what is only counted. quiet_s: what is done sooner shows none."""
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    task = bar.add_task(doing, total=None)
    tell_at = time.monotonic() + quiet_s
    begun: dict[str, tuple[float, int]] = {}

    def on_progress(what: str, n_done: int, n: int) -> None:
        nonlocal tell_at
        now = time.monotonic()
        begun_at, n_before = begun.setdefault(what, (now, n_done))
        bar.update(task, description=f"{doing}: {what}", completed=n_done, total=n)
        if now < tell_at:
            return
        bar.start()
        if not err.is_terminal:
            tell_at = now + SECONDS_BETWEEN_LINES
            n_new = n_done - n_before
            left = f", {clock((now - begun_at) / n_new * (n - n_done))} left" if n_new else ""
            err.print(f"{doing}: {n_done:,} of {n:,} {what}{left}")

    try:
        yield on_progress
    finally:
        bar.stop()


def _bar() -> Progress:
    return Progress(
        # In a narrow window the name gives way.
        TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
        ),
        TextColumn("{task.fields[place]}", markup=False),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TextColumn("{task.fields[read]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=err.is_terminal,
        expand=True,
    )


def _doing(progress: Step) -> str:
    if progress.stage and progress.stage.what == "look":
        return "Comparing pictures"
    verb = "Fetching" if progress.is_fetching else "Reading"
    return f"{verb} {file_name(progress.source)}"


def _place(stage: Stage | None) -> str:
    if stage is None:
        return ""
    return f"{stage.what} {stage.n_done}" + (f"/{stage.n}" if stage.n else "")


def _read_so_far(n_pages: int, n_figures: int) -> str:
    return f"{number_of(n_pages, 'page')}, {number_of(n_figures, 'figure')}"
