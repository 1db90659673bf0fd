"""An iterator that blocks, stepped through in threads for asynchronous callers.

Nothing is made before it is asked for. Leaves out what the iterator makes.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from typing import TypeVar

import anyio

Item = TypeVar("Item")


async def step_through(items: Generator[Item], stop: threading.Event) -> AsyncGenerator[Item]:
    """Yield the items as they come. Ends at once when cancelled or closed, also within a step.

    stop: is set then; what blocks in a step should end it. The generator is closed right after.
    """
    at_work = threading.Lock()

    def step() -> list[Item]:
        with at_work:
            if not stop.is_set():
                for item in items:
                    return [item]
            return []

    def close() -> None:
        with at_work, suppress(Exception):  # nobody is left to hear of it
            items.close()

    try:
        while found := await anyio.to_thread.run_sync(step, abandon_on_cancel=True):
            yield found[0]
    finally:
        stop.set()
        # In a thread of its own: the step may wait for a language model that is silent.
        threading.Thread(target=close, name="limner-stop", daemon=True).start()
