"""What the command line lets out: to the terminal, to the log, to anyone who would trace it."""

import io
import json
import logging
import subprocess
import sys

import pytest
from rich.progress import Progress, TextColumn

from assistant.cli.sources import file_name
from assistant.cli.terminal import PlainConsole, PlainFormatter, print_json, settings_of
from assistant.errors import SettingsInvalid
from tests.assistant.command_line import ROOT, clean_environment

HOSTILE = "a\x1b[31m\x1b]0;t\x07\r\x9b2J\u202eb\udcffc\td\ne"
HARMLESS = "a[31m]0;t2Jb\ufffdc\td\ne"
SHOWS_TRACING = """
from assistant.cli.terminal import sentences_for_errors
with sentences_for_errors():
    from langchain_core.callbacks import CallbackManager
    from langsmith.utils import tracing_is_enabled
    CallbackManager.configure()
    print(tracing_is_enabled())
"""


def console() -> tuple[PlainConsole, io.StringIO]:
    console = PlainConsole()
    console.file = io.StringIO()
    return console, console.file


def test_the_console_prints_words_and_no_commands() -> None:
    plain, file = console()
    plain.print(HOSTILE, style="bold")
    plain.print("[red]:smile:[/nonsense]")
    printed = file.getvalue()
    assert "\x1b" not in printed
    assert printed.expandtabs() == (f"{HARMLESS}\n[red]:smile:[/nonsense]\n").expandtabs()


def test_a_progress_bar_prints_words_and_no_commands() -> None:
    plain, file = console()
    with Progress(TextColumn("{task.description}", markup=False), console=plain) as bar:
        bar.add_task("\x1b]0;t\x07[b]name", total=1)
    assert "]0;t[b]name" in file.getvalue()
    assert "\x1b" not in file.getvalue()


def test_a_log_line_is_printable() -> None:
    record = logging.LogRecord("x", logging.ERROR, "x", 1, "%s", (HOSTILE,), None)
    assert PlainFormatter().format(record) == HARMLESS


def test_json_escapes_what_a_terminal_obeys_and_can_always_be_encoded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_json({"text": HOSTILE})
    printed = capsys.readouterr().out
    assert printed.encode("utf-8", "strict")
    assert not set(printed) & {"\x1b", "\x9b", "\u202e", "\r"}
    assert json.loads(printed) == {"text": HOSTILE.replace("\udcff", "\ufffd")}


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("file:///x/a%20b.pdf", "a b.pdf"),
        ("https://example.org/", "example.org"),
        ("file:///x/a%0A✓ b.pdf", "a ✓ b.pdf"),
        ("http://[", "http://["),
    ],
)
def test_every_source_has_a_name(uri: str, name: str) -> None:
    assert file_name(uri) == name


def test_a_model_is_that_of_the_server_that_is_chosen() -> None:
    assert settings_of(None, llm="openai", model="m").openai_model == "m"
    assert settings_of(None, llm="openai", model="m").ollama_model is None
    assert settings_of(None, llm="ollama", model="m").ollama_model == "m"
    assert settings_of(None, model="m").ollama_model == "m"
    with pytest.raises(SettingsInvalid, match="--model m cannot be had"):
        settings_of(None, llm="embedded", model="m")


@pytest.mark.parametrize(
    "variable",
    [
        "LANGSMITH_TRACING",
        "LANGSMITH_TRACING_V2",
        "LANGCHAIN_TRACING",
        "LANGCHAIN_TRACING_V2",
        "LANGCHAIN_HANDLER",
    ],
)
def test_no_variable_makes_langchain_upload_prompts(variable: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", SHOWS_TRACING],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env=clean_environment() | {variable: "true"},
        check=False,
    )
    assert result.stdout == "False\n", result.stderr
