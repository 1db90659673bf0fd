"""Measures `limner add` over many and large documents, time and memory: part of `make bench`.

Memory is what the command and the processes that it starts hold resident at the same time; what
several of them share is counted for each. Leaves out what came of the reading: that is `make test`.

CORPUS=folder chooses the documents; arguments name other files or folders to be measured instead.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psutil

from tests.loaders.pdfs import write_book
from tests.side_by_side import ROOT, corpus, say

BOOK_PAGES, PAGES_A_PICTURE = 1_600, 5
N_SMALL_FILES = 1_000
SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the command. report: its JSON; n_bytes: resident in all its processes."""

    report: dict[str, Any]
    seconds: float
    n_bytes: int


def add(source: Path) -> Run:
    """Add a file or folder to a library of its own. Raises RuntimeError where it tells nothing."""
    with tempfile.TemporaryDirectory() as folder:
        told, said = Path(folder) / "told", Path(folder) / "said"
        command = [sys.executable, "-m", "assistant.cli", "add", str(source), "--json"]
        start = time.perf_counter()
        with told.open("wb") as answers, said.open("wb") as complaints:
            process = subprocess.Popen(
                [*command, "--library", f"{folder}/library"],
                cwd=ROOT,
                stdout=answers,
                stderr=complaints,
            )
            n_bytes = 0
            while process.poll() is None:
                n_bytes = max(n_bytes, _resident(process.pid))
                time.sleep(SECONDS_BETWEEN_LOOKS)
        seconds = time.perf_counter() - start
        try:
            return Run(json.loads(told.read_text("utf-8")), seconds, n_bytes)
        except ValueError as error:
            raise RuntimeError(said.read_text("utf-8", "replace")[-2_000:]) from error


def _resident(pid: int) -> int:
    """Bytes of a process and of all below it; 0 where it has ended."""
    n_bytes = 0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.Error):
                n_bytes += each.memory_info().rss
    return n_bytes


def write_small_files(folder: Path, n_files: int) -> Path:
    """Notes, pages, tables and mails, each with words of its own."""
    folder.mkdir()
    for n in range(n_files):
        says = [f"On day {n} gauge {k} of the river stood at {n * k} cm." for k in range(9)]
        title = f"What was seen on day {n}"
        match n % 5:
            case 0:
                name, content = "md", f"# {title}\n\n" + "\n\n".join(says)
            case 1:
                body = "".join(f"<p>{line}</p>" for line in says)
                name, content = "html", f"<title>{title}</title><h1>{title}</h1>{body}"
            case 2:
                name, content = "txt", f"{title}\n\n" + " ".join(says)
            case 3:
                lines = [f"{n},{k},{n * k}" for k in range(9)]
                name, content = "csv", "\n".join(["day,gauge,level in cm", *lines])
            case _:
                mail = EmailMessage()
                mail["From"], mail["To"], mail["Subject"] = "a@x.org", "b@x.org", title
                mail.set_content("\n".join(says))
                name, content = "eml", mail.as_string()
        (folder / f"note{n:04}.{name}").write_text(content, "utf-8")
    return folder


def measure(name: str, source: Path) -> None:
    """Add it and print a line."""
    run = add(source)
    report = run.report
    n_files = report["added"] + report["updated"]
    say(
        f"{name:<40} {run.seconds:8.1f} {n_files / run.seconds:8.1f} "
        f"{report['pages'] / run.seconds:8.1f} {run.n_bytes / 2**20:9,.0f} "
        f"{n_files:6,} {report['chunks']:8,} {report['figures']:8,} {len(report['failed']):7,}"
    )


def main(sources: list[str]) -> None:
    """Measure what is named, or else the corpus's documents, a book, and many small files."""
    say(
        f"{'limner add':<40} {'seconds':>8} {'files/s':>8} {'pages/s':>8} {'peak MiB':>9} "
        f"{'files':>6} {'chunks':>8} {'figures':>8} {'failed':>7}"
    )
    for source in sources:
        measure(Path(source).name, Path(source))
    if sources:
        return
    if (documents := corpus("docs")).is_dir():
        measure(f"all of {documents.name}", documents)
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "book.pdf"
        write_book(book, BOOK_PAGES, pages_a_picture=PAGES_A_PICTURE)
        measure(f"a book of {BOOK_PAGES:,} pages", book)
        small = write_small_files(Path(folder) / "small", N_SMALL_FILES)
        measure(f"{N_SMALL_FILES:,} small files", small)


if __name__ == "__main__":
    main(sys.argv[1:])
