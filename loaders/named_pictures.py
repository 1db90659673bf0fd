"""The pictures that a web page or Markdown text names: data URIs, files beside it or inside it.

Nothing is fetched unless the limits say so, and then from public addresses only; no file
outside the document's figure root is opened. Leaves out the captions that stand around a
picture: that is `markup`.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
import stat
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urljoin, urlsplit

from bs4.element import Tag
from PIL import Image

from loaders import companions
from loaders.elements import Element
from loaders.errors import LoaderError
from loaders.html_tree import attribute
from loaders.limits import BYTES_PER_MIB, Limits
from loaders.media import PICTURE_FORMATS
from loaders.pictures import alt_text, is_svg, left_out, picture
from loaders.source import SourceFile, is_url, open_source

DATA_URI = re.compile(r"data:(?P<type>[^,]*),(?P<content>.*)", re.IGNORECASE | re.DOTALL)
SCHEME = re.compile(r"[a-z][a-z0-9+.\-]+:", re.IGNORECASE)
CANDIDATE = re.compile(r"([^\s,]\S*+)(?:(?<!,)\s([^,]*+))?")
"""One address in a `srcset` and its descriptor; a comma ends both, but may be in an address."""
MAX_CANDIDATES = 50
LENGTH = re.compile(r"(\d{1,6})(?:\.\d+)?(?:px)?")
LAZY_ATTRIBUTES = ("data-src", "data-original", "data-lazy-src", "data-lazy", "data-full-src")
ADDRESS_ATTRIBUTES = ("src", "href", "xlink:href", "data")
"""Where `img`, `image` of a drawing in a page, and `object` say what they show."""
DECORATIVE_ROLES = {"presentation", "none"}
MIN_REAL_SIDE = 64
"""In pixels. A smaller picture in a data URI keeps the place for one that a script loads."""
MAX_SPACER_PIXELS = 4_000_000
DRAWN = re.compile(rb"<(?:text|path|line|poly\w+|circle|ellipse|use)\b", re.IGNORECASE)
PICTURE_FAULTS = (
    *(OSError, ValueError, SyntaxError, ArithmeticError, LookupError, RuntimeError),
    *(TypeError, AttributeError, MemoryError, Image.DecompressionBombError),
)
SHOWN_CHARS = 200
ON_THE_WEB = "pictures on the web are not fetched, except with `limner add --fetch-remote-images`"
OUTSIDE = "its address leads outside the document's folder"
NOT_INSIDE = "the file does not hold it"
MAX_FETCHED_BYTES = 32 * BYTES_PER_MIB
"""Of one picture on the web."""


class _Unread(Exception):
    """A picture that is named but not read. The text is the reason."""


class NamedPictures:
    """The pictures that one document may show."""

    def __init__(
        self,
        file: SourceFile,
        limits: Limits,
        *,
        base: str | None = None,
        titles_are_captions: bool = False,
        inside: Callable[[str], bytes | None] | None = None,
        folders: Sequence[str] = (),
    ) -> None:
        """base: what the document says its addresses are relative to.

        titles_are_captions: a picture's title is printed with it, as in Markdown.
        inside: what the file itself holds under an address, as a book or a mail does.
        folders: where else a picture may be, beside the document and at the root.
        """
        page = file.uri if is_url(file.uri) and inside is None else ""
        self._base = _joined(page, base or "")
        self._inside = inside
        self._folders = folders
        self._fetch_s = limits.fetch_total_s
        self._folder = file.path.parent
        self._companions = file.companions
        self._root = file.figure_root
        self._limits = limits
        self._titles_are_captions = titles_are_captions

    def figure(self, image: Tag) -> Iterator[Element]:
        """What an `img`, `object` or the like shows; nothing for decoration."""
        addresses = _addresses(image)
        if not addresses or self._is_decoration(image):
            return
        title = attribute(image, "title")
        caption = alt_text(title) if self._titles_are_captions else None
        alt = alt_text(
            attribute(image, "alt"), attribute(image, "aria-label"), title if not caption else None
        )
        reasons: list[str] = []
        for address in addresses:
            try:
                content = self._read(address)
            except _Unread as error:
                reasons.append(str(error))
                continue
            yield from picture(content, self._name(address), caption=caption, alt=alt)
            return
        yield from left_out(self._name(addresses[0]), reasons[0], caption=caption, alt=alt)

    def _is_decoration(self, image: Tag) -> bool:
        """Icons, tracking pixels, and what the page itself calls decoration."""
        sides = [LENGTH.fullmatch(attribute(image, side)) for side in ("width", "height")]
        is_small = any(side and int(side[1]) < self._limits.min_figure_side for side in sides)
        return is_small or attribute(image, "role").lower() in DECORATIVE_ROLES

    def _read(self, address: str) -> bytes:
        data = DATA_URI.fullmatch(address)
        if data:
            return _decoded(data["type"], data["content"])
        full = _joined(self._base, address)
        content = self._inside(full) if self._inside else None
        if content is not None:
            return content
        if is_url(full) or full.startswith("//"):
            return self._fetched(full if is_url(full) else f"https:{full}")
        if self._root is None:
            raise _Unread(NOT_INSIDE if self._inside else ON_THE_WEB)
        if SCHEME.match(full):
            raise _Unread(OUTSIDE)
        return self._read_file(_path(full))

    def _fetched(self, url: str) -> bytes:
        """A picture on the web, where a person allowed it; all of them share one time."""
        if not self._limits.fetch_remote_images:
            raise _Unread(ON_THE_WEB)
        if self._fetch_s <= 0:
            raise _Unread(f"the pictures took longer than {self._limits.fetch_total_s:,.0f} s")
        n_bytes = min(MAX_FETCHED_BYTES, self._limits.max_bytes)
        limits = replace(self._limits, max_bytes=n_bytes, fetch_total_s=self._fetch_s)
        start = time.monotonic()
        try:
            with open_source(url, limits) as file:
                return file.path.read_bytes()
        except LoaderError as error:
            raise _Unread(str(error)) from error
        finally:
            self._fetch_s -= time.monotonic() - start

    def _name(self, address: str) -> str:
        """The picture as a report names it."""
        if is_data_uri(address):
            return "A picture in the text (data URI)"
        full = _joined(self._base, address)
        return f"The picture {'https:' if full.startswith('//') else ''}{full}"[:SHOWN_CHARS]

    def _read_file(self, path: str) -> bytes:
        for name in dict.fromkeys((unquote(path), path, unquote(path).replace("\\", "/"))):
            for place in (name, *self._elsewhere(name)):
                content = self._read_below_root(place)
                if content is not None:
                    return content
        raise _Unread("there is no such file")

    def _elsewhere(self, name: str) -> Iterator[str]:
        if self._folders and ".." not in name and not name.startswith("/"):
            yield from (f"{folder}/{name}" for folder in self._folders)
            yield f"/{name}"
            yield from (f"/{folder}/{name}" for folder in self._folders)

    def _read_below_root(self, name: str) -> bytes | None:
        """The content of a regular file below the root; None if there is none."""
        root = self._root or self._folder
        path = self._folder
        try:
            path = ((root if name.startswith("/") else self._folder) / name.lstrip("/")).resolve()
            if not path.is_relative_to(root):
                self._noted(path, None)  # a folder around it may be added later
                raise _Unread(OUTSIDE)
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                return None
            if found.st_size > self._limits.max_bytes:
                self._noted(path, None)
                raise _Unread(f"it has {found.st_size / BYTES_PER_MIB:,.0f} MiB, above the limit")
            return self._noted(path, path.read_bytes())
        except OSError:  # not there: it may come
            return self._noted(path, None)
        except (ValueError, RuntimeError):  # not a possible name
            return None

    def _noted(self, path: Path, content: bytes | None) -> bytes | None:
        with suppress(OSError, ValueError):
            companions.note(self._companions, self._folder, path, content)
        return content


def is_data_uri(address: str) -> bool:
    """Whether the address holds the picture itself."""
    return address.lower().startswith("data:")


def is_spacer(address: str) -> bool:
    """Whether it is a data URI that only keeps the place for a picture: tiny, or of one colour."""
    data = DATA_URI.fullmatch(address)
    if not data:
        return False
    try:
        content = _decoded(data["type"], data["content"])
        if is_svg(content):
            return not DRAWN.search(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=PICTURE_FORMATS) as image:
                if min(image.size) < MIN_REAL_SIDE:
                    return True
                is_large = image.width * image.height > MAX_SPACER_PIXELS
                return not is_large and image.convert("RGBA").getcolors(1) is not None
    except (_Unread, *PICTURE_FAULTS):
        return True


def _addresses(image: Tag) -> list[str]:
    """Where the picture may be, the likeliest first."""
    lazy = [attribute(image, name) for name in LAZY_ATTRIBUTES]
    sets = [attribute(image, name) for name in ("srcset", "data-srcset")]
    around = image.find_parent("picture")
    if around is not None:
        sets += [attribute(source, "srcset") for source in around.find_all("source")]
    listed = [candidate for text in sets for candidate in _candidates(text)][:MAX_CANDIDATES]
    listed.sort(key=lambda candidate: candidate[1], reverse=True)
    real = [*filter(None, lazy), *(address for address, _ in listed)]
    source = next(filter(None, (attribute(image, name) for name in ADDRESS_ATTRIBUTES)), "")
    is_placeholder = bool(real) and is_data_uri(source)
    first = [] if is_placeholder or not source else [source]
    return list(dict.fromkeys([*filter(None, lazy), *first, *real]))


def _candidates(source_set: str) -> list[tuple[str, float]]:
    """The first addresses in a `srcset`, each with the size that it is said to have."""
    found = islice(CANDIDATE.finditer(source_set), MAX_CANDIDATES)
    return [(m[1].rstrip(","), _size(m[2] or "")) for m in found]


def _size(descriptor: str) -> float:
    try:
        return float(descriptor.strip().rstrip("wx"))
    except ValueError:
        return 0.0


def _path(address: str) -> str:
    try:
        return urlsplit(address).path
    except ValueError:  # as of "//[", which is no address
        return address


def _joined(base: str, address: str) -> str:
    try:
        return urljoin(base, address) if base else address
    except ValueError:  # as for "http://[", which is no address
        return address


def _decoded(kind: str, content: str) -> bytes:
    if not kind.lower().rstrip().endswith(";base64"):
        return unquote_to_bytes(content)
    packed = re.sub(rb"\s+", b"", unquote_to_bytes(content))
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _Unread(f"its data cannot be decoded ({error})") from error
