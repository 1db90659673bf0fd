"""Ctrl-C while an answer is written: it ends the answer, and with it the model."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from assistant.cli.terminal import err, say
from assistant.llm import LanguageModel


@contextmanager
def stopped_by_hand() -> Iterator[None]:
    """Have Ctrl-C end what is done here rather than the command; other signals end both."""
    before = signal.getsignal(signal.SIGINT)
    if callable(before):  # else it is ignored, as after nohup
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if interrupt.args:
            raise
        say()
        err.print("Stopped. Ctrl-C again ends the conversation.")
    finally:
        signal.signal(signal.SIGINT, before)


def tell_if_loading(model: LanguageModel) -> None:
    """Say that the first words will take a while, where they will."""
    if not model.is_loaded():
        err.print("Loading the model; its first words may take a minute.", style="dim")
