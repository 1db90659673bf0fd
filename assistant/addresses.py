"""Addresses of model servers, as people write them and as limner shows them.

Also how long limner waits there.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from assistant.errors import SettingsInvalid

STANDARD_PORTS = {"http": 80, "https": 443}
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what a server binds, not we
MAX_WORDS_CHARS = 300
CONNECT_TIMEOUT_S = 3.0
REPLY_TIMEOUT_S = 5.0
"""For a short request; an answer has a limit of its own."""


def server_address(text: str, *, port: int) -> str:
    """A URL without trailing slash from `host`, `host:port`, `:port` or a URL.

    port: the one meant where neither port nor `http://` is written.
    Raises SettingsInvalid.
    """
    has_scheme = "://" in text
    try:
        parts = urlsplit(text.strip() if has_scheme else f"http://{text.strip()}")
        found = parts.port or (STANDARD_PORTS[parts.scheme] if has_scheme else port)
    except (ValueError, KeyError) as error:
        raise SettingsInvalid(
            f"{text.rpartition('@')[2]!r} is not the address of a server. Write it like http://localhost:{port}."
        ) from error
    host = parts.hostname or "127.0.0.1"
    host = ANY_ADDRESS.get(host, host)
    login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    place = f"[{host}]" if ":" in host else host
    standard = STANDARD_PORTS[parts.scheme] == found
    return (
        f"{parts.scheme}://{login}{place}{'' if standard else f':{found}'}{parts.path.rstrip('/')}"
    )


def without_login(address: str) -> str:
    """The address without the name and password it may hold: the form to show."""
    parts: SplitResult = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def is_loopback(address: str) -> bool:
    """Whether the server is on this computer, where no proxy may come between."""
    host = ""
    try:
        host = urlsplit(address).hostname or ""
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def quoted(words: str) -> str:
    """A server's own words on one line, without their full stop, cut where they run on."""
    return " ".join(words.split())[:MAX_WORDS_CHARS].rstrip(". ")
