"""The HTTP API: answers, also in OpenAI's chat protocol, search and pictures.

Thin over `Assistant`, for programs on this machine. Leaves out other machines, users and tokens:
it listens on loopback addresses only and answers no request that names another host.

The pictures in answers and hits have URLs under the assistant's media base URL. `serve`
sets it to its own address; for `create_app`, open the Assistant with
`Settings(media_base_url="http://127.0.0.1:8000/media/", …)`.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from pydantic import Field
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from assistant.addresses import is_loopback
from assistant.answer import search_result
from assistant.assistant import Assistant
from assistant.errors import ASKED_WRONGLY, EXPLAINED, AssistantError, SettingsInvalid
from assistant.event_stream import EventStream, event_json, event_stream, unless_left
from assistant.filters import EvidenceFilter, WrittenFilter
from assistant.inquiry import Inquiry
from assistant.openai_protocol import (
    OWN_FAILURE,
    ChatRequest,
    Chunks,
    completion,
    error_body,
    explained_body,
    model_list,
)
from assistant.prompt import MAX_QUESTION_CHARS
from assistant.settings import Settings
from loaders import LoaderError

LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")
MAX_BODY_BYTES = 4 * 1024 * 1024
"""A long conversation fits, of which only the last turns are read."""
MAX_PICTURE_BYTES = 16 * 1024 * 1024
"""A photograph fits."""
MAX_HITS = 100
STOP_WAIT_S = 5
PICTURE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
    "Cache-Control": "public, max-age=31536000, immutable",
}
PICTURE_BODY = {
    "requestBody": {
        "required": True,
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}
MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
}

OPENAI_END = "data: [DONE]\n\n"


class SearchRequest(EvidenceFilter):
    """A search, and what it may find."""

    query: str = Field(min_length=1, max_length=MAX_QUESTION_CHARS)
    k: int = Field(default=10, ge=1, le=MAX_HITS)


class PictureRequest(WrittenFilter):
    """A search by a picture, and what it may find. query: words about the picture."""

    query: str = Field(default="", max_length=MAX_QUESTION_CHARS)
    k: int = Field(default=10, ge=1, le=MAX_HITS)


class AskRequest(Inquiry):
    """A question, and whether the answer is to come as events."""

    stream: bool = False


def create_app(assistant: Assistant, *, allowed_hosts: Sequence[str] = LOOPBACK_HOSTS) -> FastAPI:
    """The API over an open assistant.

    allowed_hosts: names in a request's Host header. A page of another site whose name was
    pointed at this machine is so kept from reading the documents (DNS rebinding).
    """
    # FastAPI's pages of documentation would load scripts from the network.
    app = FastAPI(title="limner", docs_url=None, redoc_url=None, max_body_size=MAX_BODY_BYTES)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(allowed_hosts), www_redirect=False)
    _add_error_handlers(app)
    _add_health(app, assistant)
    _add_openai(app, assistant)
    _add_ask(app, assistant)
    _add_search(app, assistant)
    _add_media(app, assistant)
    return app


def serve(
    settings: Settings,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Open the assistant and answer until the process is told to stop.

    on_ready: called with the address as soon as requests are taken. Raises SettingsInvalid
    for an address that is not this machine's own or not free, and what Assistant.open raises.
    """
    with _listening(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listener.getsockname()[1]}"
        base_url = settings.media_base_url or f"{address}/media/"
        with Assistant.open(settings.model_copy(update={"media_base_url": base_url})) as assistant:
            app = create_app(assistant, allowed_hosts=(*LOOPBACK_HOSTS, shown))
            config = uvicorn.Config(
                app,
                ws="none",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                timeout_graceful_shutdown=STOP_WAIT_S,
            )
            if on_ready:
                on_ready(address)
            with suppress(KeyboardInterrupt):
                uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    """A socket on a loopback address. Raises SettingsInvalid."""
    if not is_loopback(f"http://[{host}]" if ":" in host else f"http://{host}"):
        raise SettingsInvalid(
            f"limner serves only this machine, and {host!r} is not one of its loopback "
            "addresses. Use --host 127.0.0.1."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsInvalid(
            f"limner cannot listen on {host}, port {port}: {error}. Choose another with --port."
        ) from error


def _add_health(app: FastAPI, assistant: Assistant) -> None:
    @app.get("/healthz")
    def healthz() -> dict[str, Any]:
        """How many documents there are, and the language model; null where none can be had."""
        model = None
        with suppress(AssistantError):
            model = assistant.model.name
        return {"status": "ok", "documents": assistant.library.n_documents, "model": model}


def _add_openai(app: FastAPI, assistant: Assistant) -> None:
    started = int(time.time())

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        """The models to choose from."""
        return model_list(started)

    @app.post("/v1/chat/completions", response_model=None)
    async def chat_completions(
        request: ChatRequest, client: Request
    ) -> dict[str, Any] | EventStream:
        """A checked answer in Markdown; the field `limner` holds the Answer."""
        if request.stream:
            events = assistant.astream(
                request.question, where=request.filter, history=request.history
            )
            return await event_stream(events, Chunks(request.question).add, client, end=OPENAI_END)
        asking = assistant.aask(request.question, where=request.filter, history=request.history)
        return completion(await unless_left(asking, client))


def _add_ask(app: FastAPI, assistant: Assistant) -> None:
    @app.post("/ask", response_model=None)
    async def ask(request: AskRequest, client: Request) -> dict[str, Any] | EventStream:
        """The Answer; with `stream` the events of which `assistant.events` tells."""
        if request.stream:
            return await event_stream(assistant.astream(request), event_json, client)
        _check_takes_json(client)
        return (await unless_left(assistant.ainvoke(request), client)).to_dict()


def _check_takes_json(request: Request) -> None:
    """Refuse a client that takes nothing but events, and has not asked for them."""
    accepted = ",".join(request.headers.getlist("accept")).split(",")
    if {kind.partition(";")[0].strip().lower() for kind in accepted} == {EventStream.media_type}:
        raise HTTPException(
            406,
            "The request accepts only text/event-stream, and without `stream` the answer is JSON. "
            'Send "stream": true in the body for events, or Accept: application/json.',
        )


def _add_search(app: FastAPI, assistant: Assistant) -> None:
    @app.post("/search")
    def search(request: SearchRequest) -> dict[str, Any]:
        """Ranked evidence."""
        hits = assistant.search(request.query, request.k, where=request.filter)
        return search_result(request.query, hits)

    @app.get("/collections")
    def collections() -> dict[str, Any]:
        """The collections, by name, and how many documents each has."""
        found = assistant.library.collections()
        return {"collections": [{"name": n, "documents": count} for n, count in found.items()]}

    one_picture = threading.Lock()

    @app.post("/search/image", max_body_size=MAX_PICTURE_BYTES, openapi_extra=PICTURE_BODY)
    def search_image(
        picture: Annotated[bytes, Depends(_picture_sent)],
        request: Annotated[PictureRequest, Query()],
    ) -> dict[str, Any]:
        """Ranked evidence for a picture, which is the body of the request."""
        try:
            # A large one takes hundreds of megabytes while it is decoded.
            with one_picture:
                hits = assistant.search_image(
                    picture, query=request.query, k=request.k, where=request.filter
                )
        except LoaderError as error:
            raise HTTPException(400, str(error)) from error
        return search_result(request.query, hits)


async def _picture_sent(request: Request) -> bytes:
    """The body as it is. FastAPI would read it by its type, and fail on a picture sent as JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.startswith("image/") and kind != "application/octet-stream":
        raise HTTPException(
            415,
            f"The body has the type {kind[:100]!r}, and a picture is searched for as it is. Send "
            "the bytes of its file with Content-Type: image/png, or what it is.",
        )
    if not (content := await request.body()):
        raise HTTPException(400, "The body is empty. Send the bytes of a picture's file.")
    return content


def _add_media(app: FastAPI, assistant: Assistant) -> None:
    @app.get("/media/{key}", response_class=FileResponse)
    def picture(key: str) -> FileResponse:
        """A stored picture."""
        return _file(assistant.media.path, key)

    @app.get("/media/thumbnails/{key}", response_class=FileResponse)
    def thumbnail(key: str) -> FileResponse:
        """A picture's WebP thumbnail."""
        return _file(assistant.media.thumbnail_path, key)


def _file(path_of: Callable[[str], Path], key: str) -> FileResponse:
    try:
        path = path_of(key)
    except KeyError:
        path = None
    if path is None or not path.is_file():
        raise HTTPException(404, "There is no picture with this key.")
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], headers=PICTURE_HEADERS)


def _not_json(body: str, position: int, reason: str) -> str:
    line = body.count("\n", 0, position) + 1
    column = position - body.rfind("\n", 0, position)
    place = f"line {line}, column {column}" if line > 1 else f"column {column}"
    return f"The body is not JSON ({place}): {reason}."


def _add_error_handlers(app: FastAPI) -> None:
    """Every error in OpenAI's format."""

    @app.exception_handler(RequestValidationError)
    def refused(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            message = _not_json(str(error.body), first["loc"][-1], first["ctx"]["error"])
            return JSONResponse(error_body(message, "invalid_request_error"), 400)
        place = ".".join(str(part) for part in first["loc"][1:])
        reason = str(first["msg"]).removeprefix("Value error, ")
        message = f"{place}: {reason}" if place else reason
        return JSONResponse(error_body(message, "invalid_request_error", param=place or None), 400)

    @app.exception_handler(StarletteHTTPException)
    def no_route(_: Request, error: StarletteHTTPException) -> JSONResponse:
        body = error_body(str(error.detail), "invalid_request_error")
        return JSONResponse(body, error.status_code, headers=error.headers)

    def unavailable(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse(explained_body(error), 503)

    def asked_wrongly(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse(error_body(str(error), "invalid_request_error"), 400)

    for wrong in ASKED_WRONGLY:
        app.add_exception_handler(wrong, asked_wrongly)
    for kind in EXPLAINED:
        app.add_exception_handler(kind, unavailable)

    @app.exception_handler(Exception)
    def own_failure(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse(error_body(OWN_FAILURE, "server_error"), 500)
