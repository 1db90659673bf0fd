"""Documents that need a password: from a flag, the environment or a person, and kept nowhere."""

import os
import pty
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.settings import Settings
from tests.assistant.command_line import IN_WORDS, ROOT, clean_environment
from tests.assistant.warm_command import limner, limner_json
from tests.loaders.pdfs import Page, write_pdf

PASSWORD = "open sesame"


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    page = Page().text(72, 700, "The treasurer keeps the second key to the strong room.")
    return write_pdf(tmp_path / "keys.pdf", [page], password=PASSWORD)


def _wait_until_hidden(terminal: int) -> None:
    """Until nothing typed is shown: what comes before that is thrown away with the echo."""
    deadline = time.monotonic() + 60
    while termios.tcgetattr(terminal)[3] & termios.ECHO:
        assert time.monotonic() < deadline, "the terminal still shows what is typed"
        time.sleep(0.01)


def add_in_terminal(source: Path, library: Path, *typed: str) -> str:
    """Run `limner add` as in a terminal, type an answer to each question; what is shown there."""
    own, its = pty.openpty()
    script = f"{IN_WORDS}\nfrom assistant.cli import main\nmain()"
    command = [sys.executable, "-c", script, "add", str(source), "--library", str(library)]
    environment = clean_environment() | {"TERM": "dumb"}
    with subprocess.Popen(
        command,
        stdin=its,
        stdout=its,
        stderr=its,
        cwd=ROOT,
        env=environment,
        start_new_session=True,
    ) as running:
        os.close(its)
        shown, waiting = "", list(typed)
        while True:
            try:
                shown += os.read(own, 4096).decode()
            except OSError:  # the other end is closed
                break
            if waiting and shown.count("leaves it out)") > len(typed) - len(waiting):
                _wait_until_hidden(own)
                os.write(own, f"{waiting.pop(0)}\n".encode())
        running.wait(timeout=60)
    os.close(own)
    return shown


def test_a_password_comes_from_the_flag(locked: Path, tmp_path: Path) -> None:
    arguments = ("add", locked, "--library", tmp_path / "library")
    done = limner_json(*arguments, "--password", "mellon", "--password", PASSWORD)
    assert (done["added"], done["failed"]) == (1, [])


def test_a_password_comes_from_the_environment(locked: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    env = {"LIMNER_PASSWORD": PASSWORD}
    assert limner_json("add", locked, "--library", library, env=env)["added"] == 1
    kept = [p.read_bytes() for p in library.rglob("*") if p.is_file()]
    assert kept
    assert not any(PASSWORD.encode() in content for content in kept)


def test_a_wrong_password_is_not_shown(locked: Path, tmp_path: Path) -> None:
    result = limner("add", locked, "--library", tmp_path / "library", "--password", "mellon")
    assert result.returncode == 1
    assert "The password given is not that of keys.pdf" in result.stdout + result.stderr
    assert "mellon" not in result.stdout + result.stderr


def test_a_person_is_asked_and_what_is_typed_is_not_shown(locked: Path, tmp_path: Path) -> None:
    shown = add_in_terminal(locked, tmp_path / "library", "mellon", PASSWORD)
    assert "Password of keys.pdf" in shown
    assert "1 added, 0 updated, 0 unchanged, 0 failed" in shown
    assert "mellon" not in shown
    assert PASSWORD not in shown


def test_a_person_may_leave_it_out(locked: Path, tmp_path: Path) -> None:
    shown = add_in_terminal(locked, tmp_path / "library", "")
    assert "keys.pdf needs a password" in shown


def test_a_locked_document_is_reported_as_such(locked: Path, tmp_path: Path) -> None:
    settings = Settings(library=tmp_path / "library", llm="embedded")
    with Assistant.open(settings, create=True) as assistant:
        report = assistant.add([locked])
        assert report.locked == [locked.as_uri()]
        retry = assistant.add([locked], passwords=[PASSWORD])
        report.take_in_retry(locked.as_uri(), retry)
    assert (report.added, report.failed, report.locked, report.pages) == (1, [], [], 1)
