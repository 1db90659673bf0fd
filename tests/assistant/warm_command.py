"""Runs `limner` as `tests.assistant.command_line` does, without its seconds of imports.

For tests of what a command does; how it starts, and what its imports read, is tested cold.
"""

import array
import atexit
import functools
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.assistant.command_line import ROOT, clean_environment

TIMEOUT_S = 240


def limner(
    *arguments: object, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    request = {
        "arguments": [*map(str, arguments)],
        "cwd": str(cwd or ROOT),
        "env": clean_environment() | dict(env or {}),
    }
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        asked = _process()
        socket.send_fds(asked, [json.dumps(request).encode()], [out.fileno(), err.fileno()])
        (code,) = array.array("i", asked.recv(4))
        for file in (out, err):
            file.seek(0)
        return subprocess.CompletedProcess(
            [*arguments], code, out.read().decode(), err.read().decode()
        )


def limner_json(*arguments: object, **options: Any) -> Any:
    """Run a command with --json and read what it printed."""
    result = limner(*arguments, "--json", **options)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@functools.cache
def _process() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.assistant.warm_process", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        cwd=ROOT,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    theirs.close()
    ours.settimeout(TIMEOUT_S)
    atexit.register(_end, process, ours)
    return ours


def _end(process: subprocess.Popen[bytes], asked: socket.socket) -> None:
    asked.close()
    process.wait(TIMEOUT_S)
