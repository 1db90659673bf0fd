"""Follows the links of a web page within its host, as far as the limits and the site allow.

Pages are fetched one after the other from public addresses only (`loaders.source`), and none that
the site's robots.txt asks programs to leave alone. Leaves out pictures, films and archives, which
are no pages, and what only a script would load.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit
from urllib.robotparser import RobotFileParser

from loaders.content_type import BINARY_SUFFIXES, HTML, ZIP, content_type
from loaders.elements import Skipped
from loaders.encoding import decode
from loaders.errors import LoaderError
from loaders.html_tree import attribute, parse_html
from loaders.limits import Limits
from loaders.source import Fetched, SourceFile, fetch, is_public, is_url, login_part, without_login

AGENT = "limner"
SECONDS_BETWEEN_PAGES = 0.2
MAX_CRAWL_DELAY_S = 10.0
MAX_ROBOTS_BYTES = 512 * 1024
MAX_LINKED_BYTES = 2 << 20
"""Of a page whose links are followed: they are looked for in this process, not in a worker."""
MAX_LINKS = 2_000
"""Of one page; what it links to beyond that is left out."""
NO_PAGES = {".css", ".js", ".mjs", ".map", ".woff", ".woff2", ".ttf", ".eot", ".svg", ".exe"}
NO_PAGES |= {".gz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".tgz", ".dmg", ".iso", ".whl", ".deb"}
PORTS = {"http": 80, "https": 443}
ELSEWHERE = "it leads to another site, or where robots.txt asks programs not to go"


def crawl(
    url: str,
    depth: int,
    limits: Limits,
    folder: Path,
    *,
    on_fetch: Callable[[str], None] = lambda _: None,
    is_allowed: Callable[[str], bool] = is_public,
) -> Iterator[SourceFile | Skipped]:
    """The page and those it links to within its host, each kept as a file in folder.

    depth: how many links away from the first page; 0 is that page alone. A login in the address
    is used for all pages of that host. on_fetch: is told each address before it is fetched.
    Raises LoaderError where the first page cannot be fetched.
    """
    site = _Site(url, limits, folder, is_allowed)
    waiting = deque([(_address(url), 0)])
    known = {waiting[0][0]}
    n_tried = 0
    while waiting:
        address, n_links = waiting.popleft()
        if reason := site.refusal(address, n_tried):
            yield Skipped(address, reason)
            if n_tried >= limits.max_site_pages or site.is_late:
                return
            continue
        on_fetch(address)
        try:
            page = site.page(address, n_tried)
        except LoaderError as error:
            if not n_tried:
                raise
            page = Skipped(address, str(error))
        n_tried += 1
        if isinstance(page, Skipped):
            yield page
            continue
        if page.uri != address and page.uri in known:
            continue
        known.add(page.uri)
        if n_links < depth:
            found = [link for link in site.links(page) if link not in known]
            known.update(found)
            waiting += [(link, n_links + 1) for link in found]
        yield page  # it is the caller's now, to delete as well


class _Site:
    """One host, with what it allows."""

    def __init__(
        self, url: str, limits: Limits, folder: Path, is_allowed: Callable[[str], bool]
    ) -> None:
        self._login, self._login_host = login_part(url), _host(_address(url))
        self._host = self._login_host
        self._limits = limits
        self._folder = folder
        self._is_allowed = is_allowed
        self._seconds_left = limits.max_site_s
        self._n_bytes_left = limits.max_bytes
        self._robots = self._fetch_robots(url)
        delay = float(self._robots.crawl_delay(AGENT) or 0)
        self._pause_s = min(max(delay, SECONDS_BETWEEN_PAGES), MAX_CRAWL_DELAY_S)

    @property
    def is_late(self) -> bool:
        return self._seconds_left <= 0

    def refusal(self, address: str, n_tried: int) -> str | None:
        """Why a page is not fetched; None where it is. n_tried: pages that were, dead ones too."""
        if n_tried >= self._limits.max_site_pages:
            return f"and what follows: the limit is {self._limits.max_site_pages:,} pages a site"
        if self.is_late:
            return f"and what follows: the limit is {self._limits.max_site_s:,.0f} s a site"
        if not self._robots.can_fetch(AGENT, address):
            return "the site's robots.txt asks programs to leave it alone"
        return None

    def page(self, address: str, n: int) -> SourceFile | Skipped:
        """The page as a file, unless it leads to another host, or is not to be read.

        The first page decides which host that is: `http` leads to `https`, a name to its `www`.
        """
        path = self._folder / f"page-{n}"
        start = time.monotonic()
        try:
            if n:
                time.sleep(self._pause_s)
            return self._page(address, path, is_first=not n)
        finally:  # what the caller does between two pages is not the site's time
            self._seconds_left -= time.monotonic() - start

    def _page(self, address: str, path: Path, *, is_first: bool) -> SourceFile | Skipped:
        found = self._fetch(address, path, self._n_bytes_left)
        final = _address(found.url)
        self._n_bytes_left -= path.stat().st_size
        if is_first and _host(final) != self._host:
            self._host, self._robots = _host(final), self._fetch_robots(final)
        if _host(final) != self._host or not self._robots.can_fetch(AGENT, final):
            path.unlink()
            return Skipped(address, ELSEWHERE)
        name = unquote(PurePosixPath(urlsplit(final).path).name)
        return SourceFile(final, path, name or self._host[1], None, found.dated_at)

    def _fetch(self, address: str, path: Path, max_bytes: int) -> Fetched:
        """Write a page to path, with the login where it is for this host."""
        if self._login and _host(address) in (self._login_host, _secured(self._login_host)):
            address = address.replace("://", f"://{self._login}@", 1)
        limits = replace(self._limits, max_bytes=max_bytes)
        return fetch(address, path, limits, self._is_allowed)

    def links(self, page: SourceFile) -> list[str]:
        """The addresses on the same host that a page links to, in order."""
        try:
            is_page = content_type(page.path, page.name, is_web_page=True) == HTML
            if not is_page or page.path.stat().st_size > MAX_LINKED_BYTES:
                return []
            tree = parse_html(decode(page.path.read_bytes()) or "", self._limits)
        except LoaderError:  # it is reported where the page is read
            return []
        base = tree.find("base", href=True)
        root = _joined(page.uri, attribute(base, "href") if base else "")
        found: dict[str, None] = {}
        for tag in tree.find_all(["a", "area"], href=True, limit=MAX_LINKS):
            address = _address(_joined(root, attribute(tag, "href")))
            if "nofollow" not in attribute(tag, "rel").split() and self._is_page(address):
                found[address] = None
        return list(found)

    def _is_page(self, address: str) -> bool:
        if not is_url(address) or _host(address) != self._host:
            return False
        suffix = PurePosixPath(urlsplit(address).path).suffix.lower()
        kind = BINARY_SUFFIXES.get(suffix, "")
        return (
            suffix not in NO_PAGES
            and kind != ZIP
            and not kind.startswith(("image/", "audio/", "video/"))
        )

    def _fetch_robots(self, url: str) -> RobotFileParser:
        """What the site asks of programs; nothing where it has no such file."""
        robots = RobotFileParser()
        path = self._folder / "robots.txt"
        try:
            self._fetch(_address(_joined(url, "/robots.txt")), path, MAX_ROBOTS_BYTES)
            robots.parse((decode(path.read_bytes()) or "").splitlines())
        except (LoaderError, ValueError):  # what is no rule binds nobody
            robots.parse([])
        finally:
            path.unlink(missing_ok=True)
        return robots


def _address(url: str) -> str:
    """The address in one form, without a login and the part of the page that it points to."""
    try:
        parts = urlsplit(without_login(url.strip()))
        return urlunsplit(
            parts._replace(
                scheme=parts.scheme.lower(),
                netloc=_netloc(parts),
                path=parts.path or "/",
                fragment="",
            )
        )
    except ValueError:  # as of "http://[", which is no address
        return ""


def _netloc(parts: SplitResult) -> str:
    port = PORTS.get(parts.scheme.lower())
    return parts.netloc.lower().removesuffix(f":{port}") if port else parts.netloc.lower()


def _host(address: str) -> tuple[str, str]:
    """Scheme, and host with its port."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()


def _secured(host: tuple[str, str]) -> tuple[str, str]:
    """The same host by https, to which many lead at once; only at the port that it has there."""
    return ("https", host[1]) if host[0] == "http" and ":" not in host[1] else host


def _joined(base: str, address: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:
        return ""
