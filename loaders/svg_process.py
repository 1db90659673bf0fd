"""Draws SVG with resvg, one drawing after the other, in a process that may end at any of them.

Run as a script by `loaders.svg`: a drawing of a few lines can take resvg days or gigabytes, or
crash it. Requests come on stdin and answers go to stdout, each with its length before it. Leaves
out looking at what is drawn, and, where the system has no such clocks, the limits.
"""

from __future__ import annotations

import signal
import struct
import sys
from typing import IO

LENGTH = struct.Struct(">?I")
"""A flag, and how many bytes follow. Of a request: with fonts; of an answer: it is drawn."""
MAX_MEMORY = 512 * 1024 * 1024
CPU_SECONDS = 5.0
"""For one drawing; 100,000 half-transparent points take that."""


def send(stream: IO[bytes], content: bytes, *, flag: bool) -> None:
    """Raises OSError where nobody listens any more."""
    stream.write(LENGTH.pack(flag, len(content)) + content)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[bool, bytes] | None:
    """The flag and what was sent; None where the other side has ended."""
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    flag, n_bytes = LENGTH.unpack(head)
    content = stream.read(n_bytes)
    return (flag, content) if len(content) == n_bytes else None


def main() -> None:
    """Draw what comes until the pipe is closed."""
    import resvg_py

    _bound_memory()
    while request := receive(sys.stdin.buffer):
        with_fonts, drawing = request
        _set_clock(CPU_SECONDS)
        try:
            image = resvg_py.svg_to_bytes(
                svg_string=drawing.decode(),
                background="white",
                dpi=96,
                skip_system_fonts=not with_fonts,
            )
        except ValueError as error:
            send(sys.stdout.buffer, str(error).encode(), flag=False)
        else:
            send(sys.stdout.buffer, image, flag=True)
        _set_clock(0)


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))


def _set_clock(seconds: float) -> None:
    """End this process after so much of its own time, whatever it does then; 0: never."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


if __name__ == "__main__":
    main()
