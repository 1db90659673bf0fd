"""Where a document comes from: a local file, or a web page fetched once and safely.

A URL is fetched only because a person named it. Its host must resolve to public
addresses, checked for the very connection that is made and so again after each
redirect. Leaves out everything that a document itself points to: nothing is fetched
for it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import socket
import ssl
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import unquote, urlsplit

import httpcore
import httpx

from loaders.companions import Companions
from loaders.errors import FetchRefused, LimitExceeded, SourceMissing
from loaders.limits import BYTES_PER_MIB, Limits

MAX_REDIRECTS = 5
OTHER_SCHEME = re.compile(r"(?!file:)([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
LOGIN = re.compile(r"(https?://)([^/?#]*)@", re.IGNORECASE)
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that the public internet uses, apart from NAT64."""
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
READ_CHUNK_BYTES = 1 << 20
ZLIB_OR_GZIP = 47
"""zlib's name for both of the forms in which a server may pack."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source as a file on this disk."""

    uri: str
    """`file:///…` or `https://…`: what `source` says in the metadata."""
    path: Path
    name: str
    """The file's name as a person knows it."""
    figure_root: Path | None
    """Relative pictures are read only from below this folder; None reads none."""
    dated_at: str | None = None
    """When it was last changed, ISO 8601, UTC."""
    companions: Companions = field(default_factory=dict, compare=False)
    """The files beside it that reading it looked for."""

    def sha256(self) -> str:
        """Hash of the content, read in pieces."""
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while piece := file.read(READ_CHUNK_BYTES):
                digest.update(piece)
        return digest.hexdigest()


def is_url(source: str | Path) -> bool:
    """Whether the source is a web address rather than a path."""
    return str(source).lower().startswith(("http://", "https://"))


def source_uri(source: str | Path) -> str:
    """The URI under which a path, `file://` URI or web address is known; it holds no login."""
    text = str(source)
    if is_url(text):
        return without_login(text)
    return local_path(text).as_uri()


def without_login(url: str) -> str:
    """The address without the `user:password@` in it, to be stored and shown."""
    return LOGIN.sub(r"\1", url, count=1) if LOGIN.match(url) else url


def login_part(url: str) -> str:
    """The `user:password` in a web address as it stands there, "" where there is none."""
    found = LOGIN.match(url)
    return found[2] if found else ""


def local_path(source: str | Path) -> Path:
    """The absolute path behind a path or `file://` URI."""
    text = str(source)
    if text.startswith("file://"):
        text = unquote(urlsplit(text).path)
    try:
        return Path(text).expanduser().resolve()
    except RuntimeError:
        return Path(text).resolve()  # no such user: the name itself begins with a tilde


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet.

    An IPv6 address that stands for an IPv4 one, as behind NAT64, is as public as that.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.teredo:  # it leads through a tunnel to a computer at home
            return False
        inner = ip.ipv4_mapped or ip.sixtofour or _behind_nat64(ip)
        if inner is None and ip not in GLOBAL_UNICAST:
            return False
        ip = inner or ip
    return ip.is_global and not ip.is_multicast


def _behind_nat64(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    return ipaddress.IPv4Address(ip.packed[-4:]) if ip in NAT64 else None


@contextmanager
def open_source(
    source: str | Path,
    limits: Limits,
    *,
    figure_root: Path | None = None,
    is_allowed: Callable[[str], bool] = is_public,
) -> Iterator[SourceFile]:
    """Give the source as a local file; a fetched page is deleted afterwards.

    figure_root: the folder that relative pictures may come from; the file's own by default.
    is_allowed: which IP addresses may be fetched from.
    Raises SourceMissing, FetchRefused or LimitExceeded.
    """
    if is_url(source):
        with tempfile.TemporaryDirectory(prefix="limner-") as folder:
            yield fetched_file(str(source), Path(folder) / "page", limits, is_allowed)
    else:
        yield local_file(source, limits, figure_root=figure_root)


def fetched_file(
    url: str, path: Path, limits: Limits, is_allowed: Callable[[str], bool] = is_public
) -> SourceFile:
    """The page that a person named, written to path. Raises FetchRefused or LimitExceeded."""
    found = fetch(url, path, limits, is_allowed)
    parts = urlsplit(found.url)
    name = unquote(parts.path.rstrip("/").rsplit("/", 1)[-1])
    return SourceFile(source_uri(url), path, name or parts.netloc, None, found.dated_at)


def local_file(
    source: str | Path, limits: Limits, *, figure_root: Path | None = None
) -> SourceFile:
    """The file behind a path or `file://` URI. Raises SourceMissing or LimitExceeded."""
    other = OTHER_SCHEME.match(str(source))
    path = local_path(source)
    if other and not path.exists():
        raise SourceMissing(
            f"{source} is an address of {other[1].lower()}. Only http and https addresses are "
            "read; save the file and add it."
        )
    _check_readable(path, limits)
    root = (figure_root or path.parent).resolve()
    return SourceFile(path.as_uri(), path, path.name, root, _dated_at(path.stat().st_mtime))


def _dated_at(seconds: float) -> str | None:
    """A time as a source has it; None where it is none that can be."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (OSError, OverflowError, ValueError):
        return None


def _last_modified(response: httpx.Response) -> str | None:
    """When a server says that a page was changed."""
    try:
        return _dated_at(parsedate_to_datetime(response.headers["Last-Modified"]).timestamp())
    except (KeyError, OverflowError, ValueError):
        return None


def _check_readable(path: Path, limits: Limits) -> None:
    try:
        n_bytes = path.stat().st_size
        if not path.is_file():
            raise SourceMissing(f"{path} is not a file. Give a file, a folder or a URL.")
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise SourceMissing(f"{path} is not there. Check the path.") from error
    except OSError as error:
        raise SourceMissing(
            f"{path} may not be read ({error.strerror}). Check its rights."
        ) from error
    if n_bytes > limits.max_bytes:
        raise LimitExceeded(
            f"{path.name} has {n_bytes / BYTES_PER_MIB:,.0f} MiB; "
            f"the limit is {limits.max_bytes / BYTES_PER_MIB:,.0f} MiB."
        )


class _TooSlow(Exception):
    """A fetch has used up its time."""


class _Deadline:
    """The end of a whole fetch, over all its connections."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def within(self, timeout: float | None) -> float:
        """The timeout, or what is left if that is less. Raises _TooSlow if nothing is left."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise _TooSlow
        return left if timeout is None else min(timeout, left)


class _TimedStream(httpcore.NetworkStream):
    """A connection that ends at the deadline, however busy it is.

    The check belongs here: headers, and a body that unpacks to nothing, come in without
    the client telling of it.
    """

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadline.within(timeout)
        try:
            return self._stream.read(max_bytes, left)
        except httpcore.TimeoutException:
            self._deadline.within(timeout)  # which of the two times was over?
            raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.within(timeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.within(timeout)
        return _TimedStream(
            self._stream.start_tls(ssl_context, server_hostname, left), self._deadline
        )

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _CheckedBackend(httpcore.SyncBackend):
    """Connects only to allowed addresses, and to the very address that was checked.

    The check belongs here: resolving first and letting the client resolve again would
    let a name change its address in between (DNS rebinding).
    """

    def __init__(self, is_allowed: Callable[[str], bool], deadline: _Deadline) -> None:
        super().__init__()
        self._is_allowed = is_allowed
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise FetchRefused(
                f"The address of {host} cannot be found ({error}). "
                "Check the URL and the network, or save the page and add the file."
            ) from error
        addresses = [str(info[4][0]) for info in found]
        refused = [a for a in addresses if not self._is_allowed(a)]
        if refused:
            raise FetchRefused(
                f"{_in_words(host, refused[0])}. limner fetches public pages only, so that no "
                "page can make it read what is private; save the page and add the file."
            )
        left = self._deadline.within(timeout)
        stream = super().connect_tcp(addresses[0], port, left, local_address, socket_options)
        return _TimedStream(stream, self._deadline)


def _in_words(host: str, address: str) -> str:
    leads = host if host == address else f"{host} leads to {address}, which"
    return f"{leads} is not a public address, but one of this computer or of a private network"


def _client(limits: Limits, is_allowed: Callable[[str], bool]) -> httpx.Client:
    transport = httpx.HTTPTransport(trust_env=False)
    transport._pool = httpcore.ConnectionPool(  # httpx has no public way to give a backend
        ssl_context=httpx.create_ssl_context(trust_env=False),
        network_backend=_CheckedBackend(is_allowed, _Deadline(limits.fetch_total_s)),
    )
    return httpx.Client(
        transport=transport,
        follow_redirects=True,
        max_redirects=MAX_REDIRECTS,
        timeout=limits.fetch_timeout_s,
        headers={
            "User-Agent": "limner",
            "Accept": "text/html,application/pdf,image/*,*/*;q=0.5",
            "Accept-Encoding": "gzip, deflate",
        },
    )


class Fetched(NamedTuple):
    """What came of a fetch. url: after redirects. dated_at: of the page, where it is known."""

    url: str
    dated_at: str | None


def fetch(
    url: str, path: Path, limits: Limits, is_allowed: Callable[[str], bool] = is_public
) -> Fetched:
    """Write the page to path.

    Raises FetchRefused or LimitExceeded.
    """
    shown = without_login(url)
    try:
        with (
            _client(limits, is_allowed) as client,
            client.stream("GET", shown, auth=_login(url)) as response,
            _whole(path) as file,
        ):
            if response.is_error:
                raise FetchRefused(
                    f"{shown} answered {response.status_code} {response.reason_phrase}."
                )
            n_bytes = 0
            for piece in _unpacked(response, shown):
                n_bytes += len(piece)
                if n_bytes > limits.max_bytes:
                    raise LimitExceeded(
                        f"{shown} is larger than {limits.max_bytes / BYTES_PER_MIB:,.0f} MiB."
                    )
                file.write(piece)
            return Fetched(without_login(str(response.url)), _last_modified(response))
    except _TooSlow as error:
        raise FetchRefused(
            f"{shown} took longer than {limits.fetch_total_s:,.0f} s. "
            "Try again later, or save the page and add the file."
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL, zlib.error) as error:
        raise FetchRefused(
            f"{shown} cannot be fetched ({type(error).__name__}: {error})."
        ) from error


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """The file to be written; no part of it stays behind."""
    try:
        with path.open("wb") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _unpacked(response: httpx.Response, shown: str) -> Iterator[bytes]:
    """The content in pieces of bounded size: the client unpacks each that comes in as a whole."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "identity":
        yield from response.iter_raw()
        return
    if encoding not in {"gzip", "deflate"}:
        raise FetchRefused(
            f"{shown} answered in the encoding {encoding!r}, which was not asked for."
        )
    unpacker = zlib.decompressobj(wbits=ZLIB_OR_GZIP)
    for piece in response.iter_raw():
        waiting = piece
        while waiting:
            yield unpacker.decompress(waiting, READ_CHUNK_BYTES)
            waiting = unpacker.unconsumed_tail


def _login(url: str) -> tuple[str, str] | None:
    """The user and password in a web address, if any."""
    user, _, password = login_part(url).partition(":")
    return (unquote(user), unquote(password)) if user or password else None
