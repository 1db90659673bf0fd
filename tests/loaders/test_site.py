"""Sites: the pages within one host, as far as depth, limits and robots.txt allow."""

from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from loaders import site as site_module
from loaders.elements import Skipped
from loaders.errors import FetchRefused
from loaders.limits import Limits
from loaders.site import crawl
from loaders.source import SourceFile, open_source
from tests.loaders.reading import picture, read
from tests.serving import serving

PAGES = {
    "/": "<a href='a.html#x'>A</a><a href='/a.html'>A</a><a href='secret/x.html'>S</a>"
    "<a href='http://127.0.0.2:1/out'>Out</a><a href='pic.png'>P</a><a href='//['>Bad</a>"
    "<a href='mailto:x@y'>M</a><a rel='nofollow' href='no.html'>N</a><a href='away'>W</a>",
    "/a.html": "<a href='b.html'>B</a><a href='/'>Home</a><a href='gone.html'>G</a>",
    "/b.html": "<a href='c.html'>C</a>",
    "/c.html": "<p>C</p>",
}


class Server(BaseHTTPRequestHandler):
    robots = ""
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/a.html")
            self.end_headers()
            return
        body: bytes | None = PAGES[self.path].encode() if self.path in PAGES else None
        if body is not None:
            body = b"<!doctype html><html><body>" + body
        if self.path == "/robots.txt" and self.robots:
            body = self.robots.encode()
        if self.path == "/pic.png":
            body = picture()
        self.send_response(200 if body is not None else 404)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(site_module, "SECONDS_BETWEEN_PAGES", 0.0)
    Server.asked, Server.robots = [], ""
    with serving(Server) as address:
        yield address


def pages(
    url: str,
    depth: int,
    folder: Path,
    limits: Limits = Limits(),  # noqa: B008
) -> tuple[list[str], list[Skipped]]:
    """The paths of the pages that were fetched, and what was left out."""
    found = list(crawl(url, depth, limits, folder, is_allowed=lambda _: True))
    read_ = [page.uri.split("/", 3)[3] for page in found if isinstance(page, SourceFile)]
    return read_, [page for page in found if isinstance(page, Skipped)]


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (0, [""]),
        (1, ["", "a.html"]),
        (2, ["", "a.html", "b.html"]),
        (3, ["", "a.html", "b.html", "c.html"]),
    ],
)
def test_links_are_followed_as_deep_as_asked(
    server: str, depth: int, expected: list[str], tmp_path: Path
) -> None:
    found, _ = pages(server, depth, tmp_path)
    assert [path for path in found if "secret" not in path] == expected


def test_no_page_is_fetched_twice_and_none_of_another_host(server: str, tmp_path: Path) -> None:
    pages(server, 3, tmp_path)
    assert len(Server.asked) - Server.asked.count("/a.html") == len(set(Server.asked)) - 1
    assert not {"/pic.png", "/no.html", "/out"} & set(Server.asked)


def test_a_page_that_leads_to_another_host_is_left_out(server: str, tmp_path: Path) -> None:
    found = list(crawl(server, 1, Limits(), tmp_path, is_allowed=lambda _: True))
    uris = [page.uri for page in found if isinstance(page, SourceFile)]
    assert not [uri for uri in uris if "localhost" in uri]
    assert "/away" in Server.asked


def test_what_robots_txt_forbids_is_left_alone(server: str, tmp_path: Path) -> None:
    Server.robots = "User-agent: *\nDisallow: /secret/\n"
    _, skipped = pages(server, 1, tmp_path)
    assert "/secret/x.html" not in Server.asked
    assert "robots.txt" in next(s.reason for s in skipped if "secret" in s.what)


def test_a_page_that_is_gone_is_told_and_costs_no_other(server: str, tmp_path: Path) -> None:
    found, skipped = pages(server, 2, tmp_path)
    assert "b.html" in found
    assert any("gone.html" in s.what and "404" in s.reason for s in skipped)


def test_a_site_ends_at_the_limit_of_pages(server: str, tmp_path: Path) -> None:
    found, skipped = pages(server, 3, tmp_path, Limits(max_site_pages=2))
    assert len(found) == 2
    assert "2 pages a site" in skipped[-1].reason


def test_a_site_ends_at_the_limit_of_time(server: str, tmp_path: Path) -> None:
    found, skipped = pages(server, 3, tmp_path, Limits(max_site_s=0.0))
    assert not found
    assert "0 s a site" in skipped[-1].reason


def test_this_machine_is_no_site(server: str, tmp_path: Path) -> None:
    with pytest.raises(FetchRefused, match="not a public address"):
        list(crawl(server, 1, Limits(), tmp_path))
    assert not Server.asked


# Pictures of a page on the web


@pytest.mark.parametrize("is_fetched", [False, True])
def test_remote_pictures_are_fetched_only_where_allowed(
    server: str, is_fetched: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = partial(open_source, is_allowed=lambda _: True)
    monkeypatch.setattr("loaders.named_pictures.open_source", local)
    page = tmp_path / "page.html"
    page.write_text(f"<p>Words</p><img src='{server}/pic.png' alt='Two cranes'>")
    found = read(page, tmp_path, Limits(fetch_remote_images=is_fetched))
    assert len(found.figures) == is_fetched
    assert Server.asked == ["/pic.png"] * is_fetched
    assert "Two cranes" in found.text


def test_remote_pictures_come_from_public_addresses_only(server: str, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(f"<p>Words</p><img src='{server}/pic.png' alt='Two cranes'>")
    found = read(page, tmp_path, Limits(fetch_remote_images=True))
    assert "not a public address" in found.skipped[0].reason
    assert not Server.asked
