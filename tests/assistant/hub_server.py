"""A Hugging Face hub on this machine: what huggingface_hub asks to fetch a model, and no more.

Large files are redirected to a second server, as the real hub sends them to another host.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.serving import serving

COMMIT = "c0ffee" + "0" * 34
LARGE = (".safetensors", ".bin")


@dataclass
class Hub:
    """Models by name, the faults that a test asks for, and what was asked."""

    models: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)
    """Files whose last byte is another than the listing says."""
    broken_off: dict[str, int] = field(default_factory=dict)
    """How often the connection is cut in the middle of a file."""
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """Server ("hub" or "store"), path, and the range that was asked for."""
    tokens: dict[str, set[str]] = field(default_factory=lambda: {"hub": set(), "store": set()})
    address: str = ""
    store: str = ""

    def publish(self, name: str, folder: Path) -> None:
        """Have a model with the files of a folder."""
        self.models[name] = {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for file in folder.rglob("*")
            if file.is_file()
        }

    def fetched(self) -> list[str]:
        """The files that were sent, by name."""
        return [path.rpartition("/")[2] for server, path, _ in self.requests if server == "sent"]


def _info(files: dict[str, bytes]) -> dict[str, object]:
    siblings = []
    for path, content in files.items():
        about: dict[str, object] = {"rfilename": path, "size": len(content), "blobId": git(content)}
        if path.endswith(LARGE):
            sha256 = hashlib.sha256(content).hexdigest()
            about["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 130}
        siblings.append(about)
    return {"id": "x", "sha": COMMIT, "siblings": siblings, "tags": [], "private": False}


def git(content: bytes) -> str:
    """The name of a content in git."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _handler(hub: Hub, server: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._answer(has_body=False)

        def do_GET(self) -> None:
            self._answer(has_body=True)

        def _answer(self, has_body: bool) -> None:
            asked = self.path.partition("?")[0]
            hub.requests.append((server, asked, self.headers.get("Range", "")))
            hub.tokens[server].add(self.headers.get("Authorization", ""))
            if found := re.fullmatch(r"/api/models/([\w.-]+/[\w.-]+)(?:/revision/main)?", asked):
                self._tell(found[1])
            elif found := re.fullmatch(r"/([\w.-]+/[\w.-]+)/resolve/([0-9a-f]{40})/(.+)", asked):
                self._send_file(found[1], found[3], has_body)
            else:
                self._send(404, {}, b"")

        def _tell(self, name: str) -> None:
            if name in hub.gated:
                self._send(403, {"X-Error-Code": "GatedRepo"}, b"")
            elif name not in hub.models:
                self._send(401, {"X-Error-Code": "RepoNotFound"}, b"")
            else:
                said = json.dumps(_info(hub.models[name])).encode()
                self._send(200, {"Content-Type": "application/json"}, said)

        def _send_file(self, name: str, path: str, has_body: bool) -> None:
            content = hub.models[name][path]
            sha256 = hashlib.sha256(content).hexdigest()
            if path in hub.damaged:
                content = content[:-1] + bytes([content[-1] ^ 1])
            about = {"X-Repo-Commit": COMMIT, "ETag": f'"{git(content)}"'}
            if path.endswith(LARGE) and server == "hub":
                about |= {
                    "X-Linked-Etag": f'"{sha256}"',
                    "X-Linked-Size": str(len(content)),
                    "Location": hub.store + self.path,
                }
                self._send(302, about, b"")
                return
            if not has_body:
                self._send(200, about | {"Content-Length": str(len(content))}, b"")
                return
            start = int(self.headers.get("Range", "bytes=0-")[6:].partition("-")[0])
            hub.requests.append(("sent", self.path, str(start)))
            cut = hub.broken_off.get(path, 0)
            hub.broken_off[path] = max(0, cut - 1)
            about |= {"Content-Length": str(len(content) - start), "Accept-Ranges": "bytes"}
            if start:
                about["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            body = content[start:]
            self._send(206 if start else 200, about, body[: len(body) // 2] if cut else body)

        def _send(self, status: int, about: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for header, value in ({"Content-Length": str(len(body))} | about).items():
                self.send_header(header, value)
            self.end_headers()
            self.wfile.write(body)

    return Handler


@contextmanager
def hub_running() -> Iterator[Hub]:
    """A hub without models, until the block ends."""
    hub = Hub()
    with serving(_handler(hub, "hub")) as address, serving(_handler(hub, "store")) as store:
        hub.address, hub.store = address, store
        yield hub


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that huggingface_hub in this process asks, with an empty cache in tmp_path."""
    from huggingface_hub import constants

    with hub_running() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.address)
        template = running.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
        use_cache(tmp_path / "hf", monkeypatch)
        yield running


def use_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have huggingface_hub in this process keep models below home. Returns the cache."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HOME", str(home))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    return home / "hub"
