"""What a worker process starts counts as its own, and ends with it, however that ends."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from loaders import FigureDescriber, Limits, MediaStore
from loaders.errors import BrokenDocument, LimitExceeded
from loaders.limits import BYTES_PER_MIB
from loaders.loader import Stage
from loaders.source import open_source
from loaders.worker_pool import WorkerPool
from tests.loaders.hostile_files import svg
from tests.loaders.samples import old_office

SLEEP = f"986.{os.getpid()}"
"""Seconds; no other process of this machine sleeps so long."""
HANGS = f"#!/bin/sh\nsleep {SLEEP} &\nsleep {SLEEP}\n"
GROWS = f"#!{sys.executable}\nimport time\nheld = bytearray(500 << 20)\ntime.sleep(986)\n"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-ins are scripts")


def stand_in(folder: Path, script: str, patch: pytest.MonkeyPatch) -> Path:
    """A file that is read through LibreOffice, with a script in that one's place."""
    (folder / "bin").mkdir()
    (folder / "bin" / "soffice").write_text(script)
    (folder / "bin" / "soffice").chmod(0o755)
    patch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    path = folder / "old.doc"
    path.write_bytes(old_office("WordDocument"))
    return path


def read(path: Path, limits: Limits, **options: Any) -> None:
    media = MediaStore(path.parent / "media")
    with (
        WorkerPool(media, FigureDescriber(media), limits, 1) as pool,
        open_source(path, limits) as file,
    ):
        pool.read(file, **options)


def sleeping() -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if SLEEP in (p.info["cmdline"] or [])]


@pytest.fixture
def worker_is_killed_when_it_waits() -> Iterator[None]:
    """Kills the worker, and it alone, as soon as it has started the program that hangs."""

    def kill() -> None:
        end = time.monotonic() + 60
        while not sleeping() and time.monotonic() < end:
            time.sleep(0.05)
        for process in psutil.Process().children():
            if "loaders.worker" in process.cmdline():
                process.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    yield
    thread.join()


def test_the_programs_of_a_worker_that_crashes_end(
    worker_is_killed_when_it_waits: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stand_in(tmp_path, HANGS, monkeypatch)
    with pytest.raises(BrokenDocument, match="SIGKILL"):
        read(path, Limits())
    assert not sleeping()


def test_the_programs_of_a_worker_that_is_given_up_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stand_in(tmp_path, HANGS, monkeypatch)
    with pytest.raises(LimitExceeded, match="for 2 s no page"):
        read(path, replace(Limits(), max_silence_s=2.0))
    assert not sleeping()


def test_the_memory_of_a_program_is_that_of_its_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stand_in(tmp_path, GROWS, monkeypatch)
    with pytest.raises(LimitExceeded, match="needs more than 450 MiB of memory"):
        read(path, replace(Limits(), max_memory=450 * BYTES_PER_MIB))


def test_the_process_that_draws_ends_with_its_worker(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_text(svg("<rect width='99' height='99' fill='red'/>"))
    drawing: list[psutil.Process] = []

    def look(stage: Stage) -> None:
        workers = (p for p in psutil.Process().children() if "loaders.worker" in p.cmdline())
        drawing.extend(child for worker in workers for child in worker.children())

    read(path, Limits(), on_progress=look)
    assert drawing
    assert not psutil.wait_procs(drawing, timeout=5)[1]
