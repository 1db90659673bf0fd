"""Where documents come from: pages are fetched once, from public addresses, within limits."""

import base64
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from loaders.errors import FetchRefused, LimitExceeded, SourceMissing
from loaders.limits import Limits
from loaders.source import is_public, open_source, source_uri, without_login
from tests.serving import serving

PAGE = b"<!doctype html><p>A duck."


class Site(BaseHTTPRequestHandler):
    """What a server may do to whoever fetches from it."""

    seen: list[tuple[str, str | None]]
    stopped: threading.Event

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["Authorization"]))
        answers: dict[str, Callable[[], None]] = {
            "/duck.html": lambda: self.answer(200, PAGE),
            "/large": lambda: self.answer(200, b"x" * 3_000),
            "/moved": lambda: self.redirect("/duck.html"),
            "/inside": lambda: self.redirect(f"http://127.0.0.2:{self.server.server_port}/secret"),
            "/round": lambda: self.redirect("/round"),
            "/drip": self.drip_body,
            "/drip-head": self.drip_head,
            "/silent": self.be_silent,
        }
        answers.get(self.path, lambda: self.answer(404, b""))()

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def redirect(self, target: str) -> None:
        self.send_response(302)
        self.send_header("Location", target)
        self.end_headers()

    def drip_body(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.drip()

    def drip_head(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        self.drip()

    def be_silent(self) -> None:
        self.stopped.wait(10)

    def drip(self) -> None:
        try:
            while not self.stopped.wait(0.05):
                self.wfile.write(b"x")
        except OSError:  # the other side has gone
            pass

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    """The address of a server on this machine."""
    Site.seen, Site.stopped = [], threading.Event()
    with serving(Site) as address:
        try:
            yield address
        finally:
            Site.stopped.set()


def fetched(url: str, **limits: float) -> tuple[str, str, bytes]:
    """URI, name and content, where only 127.0.0.1 counts as public."""
    given = Limits(**limits)  # type: ignore[arg-type]
    with open_source(url, given, is_allowed=lambda ip: ip == "127.0.0.1") as file:
        return file.uri, file.name, file.path.read_bytes()


def test_a_page_is_fetched_and_deleted_afterwards(site: str) -> None:
    with open_source(f"{site}/duck.html", Limits(), is_allowed=lambda _: True) as file:
        assert file.path.read_bytes() == PAGE
        assert (file.uri, file.name, file.figure_root) == (f"{site}/duck.html", "duck.html", None)
    assert not file.path.exists()


def test_a_redirect_is_followed_and_gives_the_name(site: str) -> None:
    assert fetched(f"{site}/moved") == (f"{site}/moved", "duck.html", PAGE)


def test_a_redirect_to_a_private_address_is_refused(site: str) -> None:
    with pytest.raises(FetchRefused, match=r"127\.0\.0\.2 is not a public address"):
        fetched(f"{site}/inside")
    assert [path for path, _ in Site.seen] == ["/inside"]


def test_redirects_in_a_circle_end(site: str) -> None:
    with pytest.raises(FetchRefused, match="TooManyRedirects"):
        fetched(f"{site}/round")


def test_this_machine_is_not_fetched_from_by_default(site: str) -> None:
    with (
        pytest.raises(FetchRefused, match="not a public address"),
        open_source(f"{site}/duck.html", Limits()),
    ):
        pass
    assert Site.seen == []


def test_a_page_over_the_limit_is_refused(site: str) -> None:
    with pytest.raises(LimitExceeded, match=f"{site}/large is larger than"):
        fetched(f"{site}/large", max_bytes=2_000)


def test_a_page_that_is_not_there_is_refused_by_its_address(site: str) -> None:
    with pytest.raises(FetchRefused, match=f"{site}/nothing answered 404"):
        fetched(f"{site}/nothing")


@pytest.mark.parametrize("page", ["drip", "drip-head"])
def test_a_server_that_is_never_silent_cannot_hold_a_fetch_for_ever(site: str, page: str) -> None:
    start = time.monotonic()
    with pytest.raises(FetchRefused, match="took longer than"):
        fetched(f"{site}/{page}", fetch_total_s=0.4)
    assert time.monotonic() - start < 3


def test_a_server_that_is_silent_is_not_waited_for(site: str) -> None:
    start = time.monotonic()
    with pytest.raises(FetchRefused, match=f"{site}/silent"):
        fetched(f"{site}/silent", fetch_timeout_s=0.4)
    assert time.monotonic() - start < 3


def test_a_login_is_used_but_neither_stored_nor_shown(
    site: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    address = site.replace("//", "//ada:p%40ss@")
    assert fetched(f"{address}/duck.html")[0] == f"{site}/duck.html"
    assert Site.seen == [("/duck.html", f"Basic {base64.b64encode(b'ada:p@ss').decode()}")]
    with pytest.raises(FetchRefused) as refused:
        fetched(f"{address}/nothing")
    assert "ss@" not in str(refused.value) + caplog.text


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("https://ada:secret@example.org/a@b", "https://example.org/a@b"),
        ("HTTPS://ada@example.org", "HTTPS://example.org"),
        ("http://a:p@ss@example.org/", "http://example.org/"),
        ("https://example.org?to=a@b", "https://example.org?to=a@b"),
        ("https://example.org/@ada", "https://example.org/@ada"),
    ],
)
def test_what_is_stored_of_an_address_holds_no_login(url: str, stored: str) -> None:
    assert without_login(url) == source_uri(url) == stored


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "2606:2800:21f:cb07::1", "64:ff9b::5db8:d70e", "2002:5db8:d70e::1"],
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1"),
        *("ff0e::1", "fec0::1", "::127.0.0.1", "::8.8.8.8", "::ffff:10.0.0.1"),
        *("2002:7f00:1::", "2002:a00:1::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
        *("64:ff9b:1::808:808", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1"),
    ],
)
def test_addresses_that_are_or_lead_inside_are_not_public(address: str) -> None:
    assert not is_public(address)


def test_an_address_that_is_not_of_the_web_is_refused_as_such() -> None:
    with (
        pytest.raises(SourceMissing, match="Only http and https addresses"),
        open_source("ftp://x.org/y", Limits()),
    ):
        pass
