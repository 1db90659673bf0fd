"""What all commands share at the edge: opening the assistant, output, errors as sentences."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from assistant.assistant import Assistant
from assistant.errors import EXPLAINED, SettingsInvalid
from assistant.settings import Settings, read_settings
from retrievers import InvalidCollection, InvalidFilter

OFFLINE = "HF_HUB_OFFLINE"
PRIVATE = {
    # Nothing is fetched from a hub while a command runs, but by `models pull`, and no library
    # reports home; onnxruntime is told so in `loaders`, for those who use it without a command.
    OFFLINE: "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LANGSMITH_TRACING": "false",
    "TOKENIZERS_PARALLELISM": "false",
}
SIGNALLED = 128
"""Plus the signal's number is the exit code of a command that it ended."""
SECONDS_TO_END = 10.0
"""After a signal: until then another one, as of an impatient hand, does nothing."""
WARNING_LOGGERS = ("assistant.llm", "retrievers.database", "retrievers.lexical")
"""Whose warnings a person should see: that another process is waited for, say."""
TRACERS = ("LANGSMITH_", "LANGCHAIN_")
"""Several variables that begin so would have LangChain upload prompts, and documents in them."""

DIRECTIONS = "\u202a-\u202e\u2066-\u2069"
"""Bidirectional overrides and isolates: they show text in another order than it is written."""
CONTROLS = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{DIRECTIONS}]")
"""All control characters but tab and line feed, and what turns the writing direction."""
SURROGATES = re.compile(r"[\ud800-\udfff]")
"""Bytes of a file name that are not UTF-8; no stream takes them."""


def printable(text: str) -> str:
    """The text without what a terminal would obey rather than show."""
    return SURROGATES.sub("\ufffd", CONTROLS.sub("", text))


class PlainConsole(Console):
    """A console that prints the words of documents as words: no markup, no control characters.

    Styles, cursor and progress bars remain its own.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Render as a console does; all text that is printed comes through here."""
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else printable(segment.text)
            yield segment._replace(text=text)


class PlainFormatter(logging.Formatter):
    """Log lines quote documents and their names as well."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, printable; a warning, which is meant for a person, as a plain sentence."""
        is_bug = record.levelno > logging.WARNING
        return printable(super().format(record) if is_bug else f"limner: {record.getMessage()}")


out = PlainConsole()
err = PlainConsole(stderr=True)


def settings_of(
    library: Path | None, *, llm: str | None = None, model: str | None = None
) -> Settings:
    """The settings with a command's flags over them. model: of the server that llm leads to."""
    settings = read_settings(library=library, llm=llm)
    if model is None:
        return settings
    if settings.llm == "embedded":
        raise SettingsInvalid(
            f"--model {model} cannot be had: the setting llm is embedded, which has one model. "
            "Leave --model out, or name a server with --llm ollama or --llm openai."
        )
    named = "openai_model" if settings.llm == "openai" else "ollama_model"
    return read_settings(library=library, llm=llm, **{named: model})


@contextmanager
def sentences_for_errors(*, may_fetch: bool = False) -> Iterator[None]:
    """Turn limner's own errors into one line on stderr and an exit code.

    may_fetch: the command is there to reach the hub, unless the user's own switch says no.
    """
    _keep_private(may_fetch)
    _log_to_stderr()
    try:
        yield
    except (SettingsInvalid, InvalidFilter, InvalidCollection) as error:
        refuse(f"limner: {error}")
    except EXPLAINED as error:
        say_error(error)
        raise typer.Exit(1) from None
    except KeyboardInterrupt as interrupt:
        err.print("Stopped.")
        raise typer.Exit(exit_code(interrupt)) from None


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """What a shell expects of a command that a signal has ended."""
    return SIGNALLED + (interrupt.args[0] if interrupt.args else signal.SIGINT)


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Have the signals that end a process do what Ctrl-C does: nothing stays behind."""
    interrupted_at = -math.inf

    def interrupt(number: int, _: FrameType | None) -> None:
        # A window that is closed sends two, and a hand several: the end must not be cut short.
        nonlocal interrupted_at
        if time.monotonic() - interrupted_at > SECONDS_TO_END:
            interrupted_at = time.monotonic()
            raise KeyboardInterrupt(number)

    # One that is ignored, as after nohup, stays so; Windows has no SIGHUP.
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in map(signal.Signals.__getitem__, names)}
    caught = {n: b for n, b in before.items() if b in (signal.SIG_DFL, signal.default_int_handler)}
    for number in caught:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in caught.items():
            # The process is about to end where it was interrupted, and Python takes a handler
            # of its own away before the end.
            is_quiet = interrupted_at == -math.inf
            signal.signal(number, handler if is_quiet else signal.SIG_IGN)


@contextmanager
def opened(
    library: Path | None, *, create: bool = False, llm: str | None = None, model: str | None = None
) -> Iterator[Assistant]:
    """The assistant over the library, with errors as sentences."""
    with (
        sentences_for_errors(),
        interrupted_by_signals(),
        Assistant.open(settings_of(library, llm=llm, model=model), create=create) as assistant,
    ):
        yield assistant


def print_json(value: Any) -> None:
    """The value as JSON on stdout, with what a terminal would obey written as escapes."""
    sys.stdout.write(escaped(json.dumps(value, ensure_ascii=False, indent=2)) + "\n")


def escaped(text: str) -> str:
    """JSON with what a terminal would obey written as escapes."""
    # JSON has escaped the other controls already; its line feeds are its own.
    return CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", SURROGATES.sub("\ufffd", text))


def say(text: str = "", style: str | None = None) -> None:
    """One line on stdout."""
    out.print(text, style=style)


def say_error(error: Exception) -> None:
    """The sentence of one of limner's errors on stderr."""
    err.print(f"limner: {error}", style="red")


def refuse(text: str) -> NoReturn:
    """End a command that was called wrongly, with a sentence on stderr."""
    err.print(text, style="red")
    raise typer.Exit(2) from None


def _keep_private(may_fetch: bool) -> None:
    for name in [name for name in os.environ if name.startswith(TRACERS)]:
        del os.environ[name]
    os.environ.update({n: v for n, v in PRIVATE.items() if n != OFFLINE or not may_fetch})


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter(logging.BASIC_FORMAT))
    logging.basicConfig(level=logging.ERROR, handlers=[handler])
    for name in WARNING_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
