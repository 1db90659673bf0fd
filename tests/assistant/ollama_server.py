"""A server on loopback that speaks Ollama's documented protocol, for tests.

The embedded model writes its texts, under whatever model name it is asked by; of a picture
it says what a test has it see (`sees`). It can be told to fail as Ollama fails (`fault`).
Also has the OpenAI-compatible paths of Ollama.
Leaves out embeddings and the management of models.
"""

from __future__ import annotations

import base64
import io
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

import pytest
from PIL import Image

Fault = Literal["broken", "cut", "error line", "out of memory"]
"""broken: the connection closes within the stream. cut: the stream ends without its last line."""

OUT_OF_MEMORY = "model requires more system memory (5.6 GiB) than is available (3.1 GiB)"
RUNNER_ERROR = "an error was encountered while running the model: unexpected EOF"
PICTURE_ERROR = "failed to process inputs: this model is missing data required for image input"
PULL_ERROR = "pull model manifest: file does not exist"
TIME = "2026-01-01T00:00:00Z"
MAX_TOKENS = 48
FAULT_AFTER_PIECES = 3
LOOK_S = 0.05
"""How often it looks whether a test has ended."""


@dataclass
class ServedModel:
    """A model as `/api/tags` and `/api/show` tell of it. capabilities None: an old Ollama."""

    capabilities: list[str] | None = field(default_factory=lambda: ["completion", "tools"])
    architecture: str = "llama"
    context_length: int = 131_072
    modified_at: str = TIME
    parameter_size: str = ""
    """As in "8.0B"; an Ollama may leave it out."""
    quantization: str = ""
    openai_facts: dict[str, Any] = field(default_factory=dict)
    """What an OpenAI-compatible server adds to it."""
    is_damaged: bool = False


class LoopbackOllama:
    """The server's state: what tests set before and look at after."""

    def __init__(self) -> None:
        self.models = {"llama3.1:latest": ServedModel()}
        self.pullable = {"llava:latest": ServedModel(["completion", "vision"])}
        self.pull_pause_s = 0.0
        """Before each step of a download."""
        self.in_lm_studio: list[dict[str, Any]] = []
        self.loaded: list[str] = []
        """Names of models in memory."""
        self.refusal: tuple[int, str] | None = None
        """Status and words with which every question is refused."""
        self.refuses_pictures = False
        self.fault: Fault | None = None
        self.pause_s = 0.0
        """Before each piece of an answer."""
        self.pauses: Iterator[float] = iter(())
        """Before its first pieces instead."""
        self.says: str | None = None
        """The text to answer with in place of the embedded model's."""
        self.sees: Callable[[Image.Image, str], str] | None = None
        """From a picture that was sent, and the words with it, what is answered."""
        self.end_reason = "stop"
        """Why an answer ends, as its last line tells."""
        self.n_read = 1
        """Tokens of the prompt, as it tells."""
        self.n_at_once = self.most_at_once = 0
        """Questions that are being answered."""
        self.max_tokens = MAX_TOKENS
        self.redirects_to = ""
        """Another server, to which every question is sent on."""
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.client_left = threading.Event()
        """Set when a client closes the connection before the answer is complete."""
        self.stopping = threading.Event()
        self._counting = threading.Lock()
        self.url = ""

    def find(self, name: str) -> ServedModel | None:
        """A name without tag means `:latest`, as in Ollama."""
        return self.models.get(name) or self.models.get(f"{name}:latest")

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """What was asked of a path so far."""
        return [body for asked, body in self.requests if asked == path]

    def pieces(self, messages: list[dict[str, Any]], client: socket.socket) -> Iterator[str]:
        """The pieces of an answer, each after the pause. ConnectionResetError: client has left."""
        self._count(1)
        try:
            for piece in self._text(messages):
                self._wait(next(self.pauses, self.pause_s), client)
                yield piece
        finally:
            self._count(-1)

    def _wait(self, seconds: float, client: socket.socket) -> None:
        """As in Ollama, whoever leaves is noticed while nothing is sent."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self.stopping.is_set():
            readable, _, _ = select.select([client], [], [], min(left, LOOK_S))
            if readable and not client.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError("the client has left")

    def _count(self, change: int) -> None:
        with self._counting:
            self.n_at_once += change
            self.most_at_once = max(self.most_at_once, self.n_at_once)

    def _text(self, messages: list[dict[str, Any]]) -> Iterator[str]:
        if self.sees and (pictures := _pictures(messages)):
            yield from (f"{word} " for word in self.sees(pictures[0], _words(messages)).split(" "))
            return
        if self.says is not None:
            yield from (f"{word} " for word in self.says.split(" "))
            return
        from assistant.embedded import embedded_chat_model

        model = embedded_chat_model()
        for chunk in model.stream(_readable(messages), max_tokens=self.max_tokens):
            yield str(chunk.text)


def _readable(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The messages as the embedded model can read them: a tool's result is told by the user."""
    roles = {"system": "system", "assistant": "assistant"}
    return [(roles.get(m["role"], "user"), m["content"]) for m in messages if m.get("content")]


def _pictures(messages: list[dict[str, Any]]) -> list[Image.Image]:
    """Those of the last message, in Ollama's form or in OpenAI's."""
    sent = list(messages[-1].get("images") or [])
    if isinstance(parts := messages[-1]["content"], list):
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        sent += [url.partition("base64,")[2] for url in urls]
    return [Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB") for picture in sent]


def _words(messages: list[dict[str, Any]]) -> str:
    told = messages[-1]["content"]
    return told if isinstance(told, str) else "".join(part.get("text", "") for part in told)


class _BreakOff(Exception):
    """Close the connection in the middle of an answer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    ollama: LoopbackOllama

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep stderr for the tests."""

    def do_GET(self) -> None:
        self.ollama.requests.append((self.path, {}))
        match self.path:
            case "/api/version":
                self._send({"version": "0.14.0"})
            case "/api/tags":
                self._send({"models": [_tag(*item) for item in self.ollama.models.items()]})
            case "/api/ps":
                self._send({"models": [{"model": name} for name in self.ollama.loaded]})
            case "/v1/models":
                models = self.ollama.models.items()
                self._send({"object": "list", "data": [_openai_model(*item) for item in models]})
            case "/api/v0/models":  # LM Studio's
                self._send({"data": self.ollama.in_lm_studio})
            case _:
                self._send({"error": "404 page not found"}, 404)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length) or b"{}")
        self.ollama.requests.append((self.path, body))
        if self.ollama.redirects_to:
            self._redirect()
            return
        answers = {
            "/api/show": self._show,
            "/api/chat": self._chat,
            "/api/pull": self._pull,
            "/v1/chat/completions": self._openai_chat,
        }
        answer = answers.get(self.path)
        if answer is None:
            self._send({"error": "404 page not found"}, 404)
            return
        try:
            answer(body)
        except _BreakOff:
            self.close_connection = True
        except (BrokenPipeError, ConnectionResetError):
            self.ollama.client_left.set()

    def _redirect(self) -> None:
        self._head(307, "text/plain")
        self.send_header("Location", self.ollama.redirects_to + self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _show(self, body: dict[str, Any]) -> None:
        model = self.ollama.find(body["model"])
        if model is None:
            self._not_found(body["model"])
            return
        if model.is_damaged:
            self._send({"error": "invalid file magic"}, 500)
            return
        facts = {
            "general.architecture": model.architecture,
            f"{model.architecture}.context_length": model.context_length,
        }
        details = {
            "family": model.architecture,
            "parameter_size": model.parameter_size,
            "quantization_level": model.quantization,
        }
        shown = {"details": details, "model_info": facts}
        if model.capabilities is not None:
            shown["capabilities"] = model.capabilities
        self._send(shown)

    def _chat(self, body: dict[str, Any]) -> None:
        if self.ollama.find(body["model"]) is None:
            self._not_found(body["model"])
        elif refusal := self._refusal(body):
            self._send({"error": refusal[1]}, refusal[0])
        elif body.get("stream", True):
            self._send_lines(self._with_fault(self._chat_lines(body)), "application/x-ndjson")
        else:
            lines = [json.loads(line) for line in self._chat_lines(body)]
            message = lines[-2]["message"] if len(lines) == 2 else {"role": "assistant"}
            text = "".join(line["message"]["content"] for line in lines)
            self._send(lines[-1] | {"message": message | {"content": text}})

    def _refusal(self, body: dict[str, Any]) -> tuple[int, str] | None:
        if self.ollama.refuses_pictures and _pictures(body["messages"]):
            return 500, PICTURE_ERROR
        memory = (500, OUT_OF_MEMORY) if self.ollama.fault == "out of memory" else None
        return self.ollama.refusal or memory

    def _chat_lines(self, body: dict[str, Any]) -> Iterator[bytes]:
        n_pieces = 0
        for message in self._messages(body):
            n_pieces += 1
            yield _line({"model": body["model"], "message": message, "done": False})
        yield _line(
            {
                "model": body["model"],
                "message": {"role": "assistant", "content": ""},
                "done": True,
                "done_reason": self.ollama.end_reason,
                "total_duration": 1_000_000,
                "load_duration": 1_000,
                "prompt_eval_count": self.ollama.n_read,
                "prompt_eval_duration": 1_000,
                "eval_count": n_pieces,
                "eval_duration": 1_000,
            }
        )

    def _messages(self, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A call of the first tool where tools are offered and none has answered, else text."""
        asked = body["messages"]
        if body.get("tools") and all(m["role"] != "tool" for m in asked):
            question = next(m["content"] for m in reversed(asked) if m["role"] == "user")
            tool = body["tools"][0]["function"]
            (asked_for,) = tool["parameters"]["required"]
            call = {"function": {"name": tool["name"], "arguments": {asked_for: question}}}
            yield {"role": "assistant", "content": "", "tool_calls": [call]}
            return
        for piece in self.ollama.pieces(asked, self.connection):
            yield {"role": "assistant", "content": piece}

    def _pull(self, body: dict[str, Any]) -> None:
        self._send_lines(self._with_fault(self._pull_lines(body["model"])), "application/x-ndjson")

    def _pull_lines(self, name: str) -> Iterator[bytes]:
        full_name = name if ":" in name else f"{name}:latest"
        yield _line({"status": "pulling manifest"})
        model = self.ollama.pullable.get(full_name)
        if model is None:
            yield _line({"error": PULL_ERROR})
            return
        layer = {"status": "pulling 8934d96d3f08", "digest": "sha256:8934d96d3f08", "total": 300}
        for completed in (0, 100, 200, 300):
            self.ollama.stopping.wait(self.ollama.pull_pause_s)
            yield _line(layer | {"completed": completed})
        for status in ("verifying sha256 digest", "writing manifest"):
            yield _line({"status": status})
        self.ollama.models[full_name] = model
        yield _line({"status": "success"})

    def _openai_chat(self, body: dict[str, Any]) -> None:
        if self.ollama.find(body["model"]) is None:
            self._send({"error": {"message": f"model '{body['model']}' not found"}}, 404)
        elif refusal := self._refusal(body):
            self._send({"error": {"message": refusal[1]}}, refusal[0])
        else:
            self._send_lines(self._with_fault(self._openai_lines(body)), "text/event-stream")

    def _openai_lines(self, body: dict[str, Any]) -> Iterator[bytes]:
        for piece in self.ollama.pieces(body["messages"], self.connection):
            yield _event(body["model"], {"role": "assistant", "content": piece}, None)
        yield _event(body["model"], {}, self.ollama.end_reason) + b"data: [DONE]\n\n"

    def _with_fault(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        for n, line in enumerate(lines):
            if n == FAULT_AFTER_PIECES and self.ollama.fault == "cut":
                return
            if n == FAULT_AFTER_PIECES and self.ollama.fault == "broken":
                raise _BreakOff
            if n == FAULT_AFTER_PIECES and self.ollama.fault == "error line":
                is_openai = self.path.startswith("/v1/")
                error = {"error": {"message": RUNNER_ERROR} if is_openai else RUNNER_ERROR}
                yield b"data: " + _line(error) + b"\n" if is_openai else _line(error)
                return
            yield line

    def _send(self, content: dict[str, Any], status: int = 200) -> None:
        sent = json.dumps(content).encode()
        self._head(status, "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def _send_lines(self, lines: Iterator[bytes], kind: str) -> None:
        self._head(200, kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in lines:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.write(b"0\r\n\r\n")

    def _head(self, status: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        # A client that a test leaves behind must not hold a socket open.
        self.send_header("Connection", "close")

    def _not_found(self, name: str) -> None:
        self._send({"error": f"model '{name}' not found"}, 404)


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps({"created_at": TIME} | content).encode() + b"\n"


def _event(model: str, delta: dict[str, str], reason: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": model}
    return b"data: " + json.dumps(chunk | {"choices": [choice]}).encode() + b"\n\n"


def _tag(name: str, model: ServedModel) -> dict[str, Any]:
    details = {"family": model.architecture, "format": "gguf"}
    return {
        "name": name,
        "model": name,
        "modified_at": model.modified_at,
        "size": 1,
        "digest": "8934d96d3f08",
        "details": details,
    }


def _openai_model(name: str, model: ServedModel) -> dict[str, Any]:
    told = {"id": name.removesuffix(":latest"), "object": "model", "created": 1}
    return told | {"owned_by": "library"} | model.openai_facts


@contextmanager
def running_ollama() -> Iterator[LoopbackOllama]:
    """Serve on a free port of loopback until the block ends."""
    state = LoopbackOllama()
    handler = type("Handler", (_Handler,), {"ollama": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = False  # so that closing waits for the answers under way
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state
    finally:
        state.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def ollama_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackOllama]:
    """A loopback Ollama; OLLAMA_HOST is unset, so that only who is given its URL finds it."""
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    with running_ollama() as server:
        yield server
