"""Ends what an answer waits for, from another thread: the connection to a model's server.

A model that is being loaded, or reads a long prompt, sends nothing for a minute. Whoever
stops it must not wait for that, and its server notices that a connection ends. Leaves out when
an answer is to be stopped: that is who asked.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import httpx

OPENED = ("connection.connect_tcp.complete", "connection.start_tls.complete")
"""What httpx traces, with the connection."""
POLL_S = 0.1


class Line:
    """What one answer waits for."""

    def __init__(self) -> None:
        self._ends: list[Callable[[], None]] = []
        self._is_cut = False
        self._lock = threading.Lock()

    def ends_by(self, end: Callable[[], None]) -> None:
        """Call end, once, when the line is cut; at once where it is cut already."""
        with self._lock:
            if not self._is_cut:
                self._ends.append(end)
                return
        end()

    def cut(self) -> None:
        """End what is waited for."""
        with self._lock:
            self._is_cut, ends = True, self._ends
            self._ends = []
        for end in ends:
            end()


_line: ContextVar[Line | None] = ContextVar("line", default=None)


@contextmanager
def cut_by(stop: threading.Event | None) -> Iterator[None]:
    """What is begun here is waited for no longer than until stop is set."""
    line, is_over = Line(), threading.Event()

    def watch() -> None:
        while not is_over.is_set():
            if stop and stop.wait(POLL_S):
                line.cut()
                return

    _line.set(line)
    if stop:
        threading.Thread(target=watch, name="limner-hang-up", daemon=True).start()
    try:
        yield
    finally:
        is_over.set()
        _line.set(None)


def current_line() -> Line | None:
    """The line of the answer that is begun in this thread."""
    return _line.get()


def client_options() -> dict[str, Any]:
    """Options of a synchronous httpx client whose connections can be cut.

    Each question has a connection of its own: one that is kept could serve another's answer.
    """
    return {
        "event_hooks": {"request": [_trace]},
        "limits": httpx.Limits(max_keepalive_connections=0),
    }


def _trace(request: httpx.Request) -> None:
    if line := current_line():

        def note(event: str, info: dict[str, Any]) -> None:
            if event in OPENED:
                opened = info["return_value"].get_extra_info("socket")
                line.ends_by(lambda: _shut(opened))

        request.extensions["trace"] = note


def _shut(opened: socket.socket) -> None:
    with suppress(OSError):  # it has ended by itself
        opened.shutdown(socket.SHUT_RDWR)
