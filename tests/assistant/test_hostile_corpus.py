"""`limner add` over real hostile files: each ends as its collector says it must, and does no harm.

The command runs on one processor, as on the smallest machine, with its own home and folders.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from langchain_core.documents import Document

from assistant.assistant import Assistant
from assistant.settings import Settings
from tests.assistant.command_line import clean_environment
from tests.loaders.reading import CORPUS, expected, with_corpus

HOSTILE = CORPUS / "hostile"
EXPECTED = expected("hostile")
MAX_SECONDS = 20
READ_ALL_THE_SAME = {"poppler-91414-0-53.pdf"}
"""Stated to be rejected; PDFium reads its one word without harm."""
MAX_BYTES = 1_000_000_000
BLOCKER = Path(__file__).parent / "blocked_network"

pytestmark = [pytest.mark.real, with_corpus, pytest.mark.timeout(300)]


@dataclass
class Run:
    """What one `limner add` of the folder did."""

    report: dict[str, Any]
    library: Path
    peak: int
    """Bytes of all its processes together; what they share is counted once."""
    commands: set[tuple[str, ...]]
    """Of the processes that it started."""
    changed: set[Path]
    """Files that were not there before or are gone, outside the library."""
    log: Path

    def refusal(self, name: str) -> str | None:
        reasons = [e["reason"] for e in self.report["failed"] if e["source"].endswith(f"/{name}")]
        assert len(reasons) <= 1
        return reasons[0] if reasons else None

    def evidence(self, name: str) -> list[Document]:
        with Assistant.open(Settings(library=self.library, llm="embedded")) as assistant:
            return assistant.library.evidence((HOSTILE / name).resolve().as_uri())

    def skipped(self, name: str) -> list[str]:
        return [e["reason"] for e in self.report["skipped"] if e["source"].endswith(f"/{name}")]


def bytes_of(process: psutil.Process) -> int:
    try:
        found = process.memory_full_info()
    except psutil.Error:
        return 0
    return int(getattr(found, "pss", found.uss))


def watched(process: subprocess.Popen[str]) -> Iterator[list[psutil.Process]]:
    """All processes that come of it, again and again until it has ended."""
    parent = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            yield [parent, *parent.children(recursive=True)]
        except psutil.Error:
            return
        time.sleep(0.05)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("hostile")
    for name in ("home", "temp", "desk"):
        (folder / name).mkdir()
    library = folder / "desk" / ".limner"
    environment = clean_environment() | {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "temp"),
        "BLOCKED_LOG": str(folder / "blocked.log"),
        "LIMNER_MAX_SECONDS": str(MAX_SECONDS),
        "LIMNER_MAX_SILENCE_S": str(MAX_SECONDS),
        "LIMNER_MAX_MEMORY": str(MAX_BYTES),
    }
    environment["PYTHONPATH"] = f"{BLOCKER}:{environment['PYTHONPATH']}"
    before = {*folder.rglob("*"), *HOSTILE.rglob("*")}
    process = subprocess.Popen(
        [sys.executable, "-m", "assistant.cli", "add", str(HOSTILE), "--json"],
        cwd=folder / "desk",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if hasattr(psutil.Process, "cpu_affinity"):
        psutil.Process(process.pid).cpu_affinity([min(psutil.Process().cpu_affinity())])
    peak, commands = 0, set()
    for processes in watched(process):
        peak = max(peak, sum(map(bytes_of, processes)))
        for child in processes[1:]:
            try:
                commands.add(tuple(child.cmdline()))
            except psutil.Error:
                continue
    output, _ = process.communicate()
    after = {path for path in folder.rglob("*") if not path.is_relative_to(library)}
    changed = ({*after, *HOSTILE.rglob("*")} ^ before) - {library, folder / "blocked.log"}
    return Run(json.loads(output), library, peak, commands, changed, folder / "blocked.log")


def test_each_file_ends_in_the_stated_outcome(run: Run) -> None:
    assert EXPECTED
    for name, stated in EXPECTED.items():
        behaviour, refusal = stated["correct_behaviour"], run.refusal(name)
        assert refusal is None or (name in refusal and "was given up" not in refusal), name
        is_refused = "reject with one clear message" in behaviour or "must be refused" in behaviour
        if is_refused and name not in READ_ALL_THE_SAME:
            assert refusal is not None, name
        if "password is needed" in behaviour:
            assert "password" in (refusal or ""), name
        if "must not" in behaviour and refusal is None:
            assert run.evidence(name), name


def test_the_other_files_of_the_folder_are_read(run: Run) -> None:
    assert run.refusal("expected.jsonl") is None
    assert run.evidence("expected.jsonl")
    assert run.report["added"] + len(run.report["failed"]) == len(EXPECTED) + 1


def test_no_content_is_invented(run: Run) -> None:
    name = "fake-email-malformed-encoding.eml"
    written = (HOSTILE / name).read_text("latin-1").split()
    for piece in run.evidence(name):
        assert set(piece.page_content.split()) <= set(written)


def test_only_the_first_frame_of_the_bomb_is_shown(run: Run) -> None:
    (figure,) = run.evidence("decompression_bomb_extents.gif")
    assert (figure.metadata["width"], figure.metadata["height"]) == (100, 100)


def test_the_linked_picture_is_told_and_not_read(run: Run) -> None:
    assert {e.metadata["modality"] for e in run.evidence("rlink.docx")} == {"text"}
    (reason,) = run.skipped("rlink.docx")
    assert "links are not followed" in reason


def test_it_stays_within_a_gigabyte(run: Run) -> None:
    assert 0 < run.peak < MAX_BYTES


def test_nothing_is_written_outside_the_library(run: Run) -> None:
    temporary = {path for path in run.changed if "temp" in path.parts}
    assert run.changed == temporary
    assert not [path for path in temporary if path.name.startswith("limner-")]


def test_nothing_is_asked_of_the_network(run: Run) -> None:
    assert not run.log.exists(), run.log.read_text()


def test_no_program_is_started_but_the_readers(run: Run) -> None:
    assert run.commands
    for command in run.commands:
        assert Path(command[0]).name.startswith("python") if command else True
