"""What hostile servers and names do to whoever fetches a page: nothing."""

import gzip
import socket
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpcore
import pytest

from loaders.errors import FetchRefused, LimitExceeded
from loaders.limits import Limits
from loaders.source import open_source
from tests.serving import serving

PAGE = b"<!doctype html><p>A duck."
PUBLIC, PRIVATE = "93.184.215.14", "127.0.0.1"
ZSTD = bytes.fromhex("28b52ffd0458c90000") + PAGE
ANSWERS = {
    "/gzip": ("gzip", gzip.compress(PAGE)),
    "/deflate": ("deflate", zlib.compress(PAGE)),
    "/twice": ("gzip, gzip", gzip.compress(gzip.compress(PAGE))),
    "/zstd": ("zstd", ZSTD),
    "/br": ("br", PAGE),
    "/no-gzip": ("gzip", PAGE),
    "/bomb": ("gzip", gzip.compress(bytes(50_000_000))),
}
INSIDE = (
    *("127.0.0.1", "localhost", "169.254.169.254", "[::1]", "0x7f.1", "2130706433", "0"),
    *("[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "127.1", "[fe80::1]", "10.0.0.1", "[::]"),
)


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", f"http://{self.path.removeprefix('/to/')}/secret")
            self.end_headers()
            return
        encoding, body = ANSWERS[self.path]
        self.send_response(200)
        self.send_header("Content-Encoding", encoding)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with serving(Site) as address:
        yield address


def fetched(url: str, limits: Limits | None = None) -> bytes:
    """What comes of a page; only the first address that is asked for may be on this machine."""
    asked: list[str] = []

    def is_first(address: str) -> bool:
        asked.append(address)
        return len(asked) == 1

    with open_source(url, limits or Limits(), is_allowed=is_first) as file:
        return file.path.read_bytes()


@pytest.mark.parametrize("path", ["/gzip", "/deflate"])
def test_a_packed_page_is_unpacked(path: str, site: str) -> None:
    assert fetched(site + path) == PAGE


@pytest.mark.parametrize("path", ["/twice", "/zstd", "/br"])
def test_a_packing_that_was_not_asked_for_is_refused(path: str, site: str) -> None:
    with pytest.raises(FetchRefused, match="was not asked for"):
        fetched(site + path)


def test_a_page_that_is_not_packed_as_it_says_is_refused(site: str) -> None:
    with pytest.raises(FetchRefused, match="cannot be fetched"):
        fetched(site + "/no-gzip")


def test_a_packed_bomb_ends_at_the_limit(site: str) -> None:
    with pytest.raises(LimitExceeded, match="is larger than"):
        fetched(site + "/bomb", Limits(max_bytes=2_000_000))


@pytest.mark.parametrize("host", INSIDE)
def test_no_redirect_leads_inside(host: str, site: str) -> None:
    with pytest.raises(
        FetchRefused, match=r"not a public address|cannot be found|cannot be fetched"
    ):
        fetched(f"{site}/to/{host}")
    with pytest.raises(FetchRefused), open_source(f"http://{host}/", Limits()):
        pass


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[list[str]], list[str]]]:
    """The answers of a hostile name server, one a question, and the addresses connected to."""
    answers: list[list[str]] = []
    connected: list[str] = []

    def look_up(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in answers.pop(0)
        ]

    def connect(self: object, host: str, *_: Any, **__: Any) -> None:
        connected.append(host)
        raise httpcore.ConnectError("no network in tests")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    return answers, connected


def test_a_name_that_changes_its_address_is_connected_to_where_it_was_checked(resolver) -> None:
    answers, connected = resolver
    answers += [[PUBLIC], [PRIVATE], [PRIVATE]]
    with pytest.raises(FetchRefused), open_source("http://rebinding.example/", Limits()):
        pass
    assert connected == [PUBLIC]


def test_a_name_with_one_inner_address_among_others_is_refused(resolver) -> None:
    answers, connected = resolver
    answers += [[PUBLIC, PRIVATE]]
    with (
        pytest.raises(FetchRefused, match="not a public address"),
        open_source("http://both.example/", Limits()),
    ):
        pass
    assert not connected
