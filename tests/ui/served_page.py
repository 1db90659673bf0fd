"""`limner ui` as a person starts it, in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(library: Path, port: int, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "assistant.cli", "ui", "--no-browser"]
    return subprocess.Popen(
        [*command, f"--port={port}", f"--library={library}"],
        cwd=ROOT,
        env=os.environ | {"LIMNER_LLM": "embedded"} | dict(env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_address(process: subprocess.Popen[str]) -> str:
    """What it printed up to the line with its address; it is stopped if that does not come."""
    assert process.stdout
    said = []
    timer = threading.Timer(START_TIMEOUT_S, process.kill)
    timer.start()
    try:
        for line in process.stdout:
            said.append(line)
            if "limner is at" in line:
                return "".join(said)
    finally:
        timer.cancel()
    raise AssertionError(f"limner ui did not start:\n{''.join(said)}")


def interrupt(process: subprocess.Popen[str]) -> str:
    """Press Ctrl-C; return what it said then."""
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=STOP_TIMEOUT_S)
    return said


@contextmanager
def served(library: Path, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """The page over this library; gives its port."""
    port = free_port()
    with start(library, port, env) as process:
        try:
            wait_for_address(process)
            yield port
        finally:
            process.kill()
