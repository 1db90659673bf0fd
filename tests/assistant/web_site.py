"""A web site on this machine, for tests that follow links."""

import base64
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.serving import serving

ALLOW_LOOPBACK = """
import ipaddress
ipaddress.IPv4Address.is_global = property(lambda address: True)
"""
"""What lets a process fetch from this machine, which limner refuses."""


@dataclass
class Site:
    """pages: path → HTML. login: "user:password" that it asks for. delay_s: of each answer."""

    pages: Mapping[str, str]
    login: str = ""
    delay_s: float = 0.0
    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def served(site: Site) -> Iterator[Site]:
    """The site, answering at its url."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            time.sleep(site.delay_s)
            token = base64.b64encode(site.login.encode()).decode()
            if site.login and self.headers.get("Authorization") != f"Basic {token}":
                self.send_response(401)
                self.end_headers()
                return
            page = site.pages.get(self.path)
            self.send_response(200 if page else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<!doctype html><html><body>{page}".encode() if page else b"")

        def log_message(self, *args: object) -> None:
            pass

    with serving(Handler) as site.url:
        yield site
