"""Answers over HTTP while they are made, as server-sent events; they end when the client leaves.

Leaves out which requests there are: that is `assistant.api`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

import anyio
from fastapi import HTTPException, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from assistant.errors import EXPLAINED
from assistant.events import Event
from assistant.openai_protocol import OWN_FAILURE, error_body, explained_body

CLIENT_LEFT = 499
Done = TypeVar("Done")

logger = logging.getLogger(__name__)


class EventStream(StreamingResponse):
    """Server-sent events of an answer; the answer is no longer made when the client leaves."""

    media_type = "text/event-stream"

    def __init__(self, lines: AsyncGenerator[str]) -> None:
        super().__init__(lines, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._lines = lines

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events, then close their source, also when cancelled in between."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await self._lines.aclose()


async def event_stream(
    events: AsyncGenerator[Event],
    form: Callable[[Event], dict[str, Any] | None],
    client: Request,
    end: str = "",
) -> EventStream:
    """The events as a response. Raises what fails before the first of them that has a form.

    It is waited for here, because until then a failure can still have a status code.
    """
    pieces = _pieces(events, form)
    first = await unless_left(anext(pieces), client)
    return EventStream(_lines(first, pieces, end))


def event_json(event: Event) -> dict[str, Any]:
    return event.to_dict()


async def unless_left(work: Coroutine[Any, Any, Done], client: Request) -> Done:
    """What the work comes to; it is cancelled when the client leaves, which nobody hears of."""
    doing, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(client))
    try:
        await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
    finally:
        doing.cancel()
        leaving.cancel()
    raise HTTPException(CLIENT_LEFT, "The client left before the answer.")


async def _left(client: Request) -> None:
    while (await client.receive())["type"] != "http.disconnect":
        pass


async def _pieces(
    events: AsyncGenerator[Event], form: Callable[[Event], dict[str, Any] | None]
) -> AsyncGenerator[dict[str, Any]]:
    async with aclosing(events):
        async for event in events:
            if piece := form(event):
                yield piece


async def _lines(
    first: dict[str, Any], pieces: AsyncGenerator[dict[str, Any]], end: str
) -> AsyncGenerator[str]:
    """Server-sent events. A failure becomes one of them: the status has long been sent."""
    try:
        async with aclosing(pieces):
            yield _line(first)
            async for piece in pieces:
                yield _line(piece)
    except EXPLAINED as error:
        yield _line({"type": "error", **explained_body(error)})
    except Exception:
        logger.exception("limner failed in the middle of an answer")
        yield _line({"type": "error", **error_body(OWN_FAILURE, "server_error")})
    if end:
        yield end


def _line(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"
