"""Reads EPUB books: their chapters in order, under the names that the contents give them.

Leaves out books with copy protection, sound and film, and pages that only list the contents.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from lzma import LZMAError
from urllib.parse import unquote, urlsplit

from bs4.element import Tag
from lxml import etree

from loaders.elements import Element, Heading, Info, Paragraph, Skipped, one_line
from loaders.encoding import decode
from loaders.errors import BrokenDocument, EncryptedDocument, LimitExceeded
from loaders.html_tree import attribute, parse_html
from loaders.limits import Limits
from loaders.loader import DocumentLoader
from loaders.markup import read_html
from loaders.named_pictures import NamedPictures
from loaders.ooxml import check_archive
from loaders.pictures import picture
from loaders.source import SourceFile
from loaders.xml_tree import local_name, parse_xml, text_of

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
PAGES = {"application/xhtml+xml", "text/html", "application/x-dtbook+xml"}
NCX = "application/x-dtbncx+xml"
FONT_OBFUSCATION = (b"http://www.idpf.org/2008/embedding", b"http://ns.adobe.com/pdf/enc#RC")
ENCRYPTED_DATA = re.compile(rb"<(?:\w+:)?EncryptedData[\s>]")
CONTENTS_LIST = "toc"
MAX_DEPTH = 8
DAMAGE = (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, OSError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of the contents. path: the names of the parts that it lies in, then its own."""

    member: str
    path: tuple[str, ...]


class EpubLoader(DocumentLoader):
    """Reads .epub files of version 2 and 3."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        with _opened(file, self.limits) as archive:
            book = _Book(archive, file, self.limits)
            yield Info(title=book.title)
            yield from book.elements()


@contextmanager
def _opened(file: SourceFile, limits: Limits) -> Iterator[zipfile.ZipFile]:
    """The book's archive, once it is known to do no harm."""
    try:
        with zipfile.ZipFile(file.path) as archive:
            check_archive(archive, file, limits)
            yield archive
    except DAMAGE as error:
        raise BrokenDocument(
            f"{file.name} is a damaged EPUB book ({type(error).__name__}: {error}). "
            "Get the file again from where it came."
        ) from error


class _Book:
    """The parts of a book by what its package file says of them."""

    def __init__(self, archive: zipfile.ZipFile, file: SourceFile, limits: Limits) -> None:
        self._archive = archive
        self._limits = limits
        self._name = file.name
        # Nothing of a book lies beside it.
        self._file = replace(file, figure_root=None)
        self._members = {info.filename for info in archive.infolist()}
        self._check_protection()
        self._package_name = self._find_package()
        package = self._xml(self._package_name)
        self._types: dict[str, str] = {}
        self._spine: list[str] = []
        self._contents_name: str | None = None
        self._cover = ""
        self._shown: set[str] = set()
        self._read_manifest(package)
        self.title = _first(package, "title")
        self._entries = self._contents()

    def elements(self) -> Iterator[Element]:
        """What stands in the book, page by page, and its cover if no page shows that."""
        shown: tuple[str, ...] = ()
        for member in self._spine:
            paths = [e.path for e in self._entries if e.member == member]
            # Several entries that lead to one page lead to headings in it.
            place = paths[0] if len(paths) == 1 else paths[0][:-1] if paths else shown
            yield from _new_headings(shown, place)
            shown = place
            try:
                yield from self._page(member, place, is_listed=bool(paths))
            except (KeyError, LimitExceeded) as error:
                reason = "it is missing" if isinstance(error, KeyError) else str(error)
                yield Skipped(f"The page {member}", reason)
        if self._cover in self._members and self._cover not in self._shown:
            yield Heading("Cover", 1)
            yield from picture(self._archive.read(self._cover), "The cover")

    def _page(self, member: str, place: tuple[str, ...], *, is_listed: bool) -> Iterator[Element]:
        """What a page shows. place: its entry in the contents, or the part that it lies in."""
        if self._types.get(member) == "image/svg+xml":
            text = f"<img src='{posixpath.basename(member)}'>"
        else:
            text = self._text(member)
        pictures = NamedPictures(self._file, self._limits, base=member, inside=self._inside)
        elements = list(read_html(text, pictures, self._limits))
        levels = [e.level for e in elements if isinstance(e, Heading)]
        shift = len(place) + 1 - min(levels) if levels and (place or is_listed) else 0
        name = one_line(place[-1]).casefold() if place else ""
        is_head = True
        for element in elements:
            if isinstance(element, Heading | Paragraph):
                text = one_line(element.text).casefold()
                is_resumed = isinstance(element, Heading) and element.is_resumed
                if is_resumed and place and text in {"", name}:
                    yield Heading(place[-1], len(place), is_resumed=True)
                    continue
                is_head = is_head and text in name
                if is_head or (isinstance(element, Heading) and text == name):
                    continue
            yield (
                replace(element, level=element.level + shift)
                if isinstance(element, Heading)
                else element
            )

    def _inside(self, address: str) -> bytes | None:
        """A picture of the book."""
        member = _member_of(address)
        if member not in self._members:
            return None
        self._shown.add(member)
        return self._archive.read(member)

    def _text(self, member: str) -> str:
        content = self._archive.read(member)
        text = decode(content, declared=_declared(content))
        return text if text is not None else content.decode("utf-8", "replace")

    def _xml(self, member: str) -> etree._Element:
        try:
            return parse_xml(self._archive.read(member))
        except (KeyError, etree.XMLSyntaxError) as error:
            raise BrokenDocument(
                f"{self._name} is a damaged EPUB book: its part {member} cannot be read ({error}). "
                "Get the file again from where it came."
            ) from error

    def _check_protection(self) -> None:
        if ENCRYPTION not in self._members:
            return
        content = self._archive.read(ENCRYPTION)
        n_fonts = sum(content.count(way) for way in FONT_OBFUSCATION)
        if len(ENCRYPTED_DATA.findall(content)) > n_fonts:
            raise EncryptedDocument(
                f"{self._name} is copy-protected (DRM). Only the program it was bought for "
                "can open it."
            )

    def _find_package(self) -> str:
        rootfile = next(_named(self._xml(CONTAINER), "rootfile"), None)
        return (rootfile.get("full-path") if rootfile is not None else None) or ""

    def _read_manifest(self, package: etree._Element) -> None:
        items = {item.get("id"): item for item in _named(package, "item")}
        covers = {m.get("content") for m in _named(package, "meta") if m.get("name") == "cover"}
        for item in items.values():
            member = self._resolved(self._package_name, item.get("href"))
            self._types[member] = item.get("media-type") or ""
            properties = (item.get("properties") or "").split()
            if "nav" in properties:
                self._contents_name = member
            if "cover-image" in properties or item.get("id") in covers:
                self._cover = member
        spine = next(_named(package, "spine"), None)
        if spine is None:
            raise BrokenDocument(
                f"{self._name} is a damaged EPUB book: it does not say in what order its pages "
                "stand (spine). Get the file again from where it came."
            )
        for reference in _named(spine, "itemref"):
            page = items.get(reference.get("idref"))
            if page is not None:
                self._spine.append(self._resolved(self._package_name, page.get("href")))
        ncx = items.get(spine.get("toc"))
        if self._contents_name is None and ncx is not None:
            self._contents_name = self._resolved(self._package_name, ncx.get("href"))
        # The list of contents says what the headings say, and is no evidence.
        self._spine = [m for m in dict.fromkeys(self._spine) if m != self._contents_name]

    def _contents(self) -> list[_Entry]:
        """The entries of the book's contents in order; none where it has none."""
        name = self._contents_name
        if name is None or name not in self._members:
            return []
        if self._types.get(name) == NCX:
            try:
                root = self._xml(name)
            except BrokenDocument:  # the headings of the pages remain
                return []
            lines = _points(next(_named(root, "navMap"), root), ())
        else:
            page = parse_html(self._text(name), self._limits)
            navs = page.find_all("nav")
            is_toc = [n for n in navs if CONTENTS_LIST in attribute(n, "epub:type").split()]
            listed = (is_toc or navs or [page])[0].find(["ol", "ul"])
            lines = _lines(listed, ()) if listed else iter(())
        return [_Entry(self._resolved(name, target), path) for target, path in lines]

    def _resolved(self, base: str, address: str | None) -> str:
        folder = posixpath.dirname(base)
        return posixpath.normpath(posixpath.join(folder, _member_of(address or "")))


def _new_headings(shown: tuple[str, ...], path: tuple[str, ...]) -> Iterator[Heading]:
    """The headings that lead from the one place in the book to the other."""
    n_same = 0
    while n_same < min(len(shown), len(path)) and shown[n_same] == path[n_same]:
        n_same += 1
    for level, text in enumerate(path[n_same:], n_same + 1):
        yield Heading(text, level)


def _lines(listed: Tag, around: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Address and names of each entry in a list of contents."""
    for item in listed.find_all("li", recursive=False):
        label = item.find(["a", "span"], recursive=False) or item.find("a")
        if label is None:
            continue
        path = (*around, " ".join(label.get_text().split()))
        if target := attribute(label, "href"):
            yield target, path
        below = item.find(["ol", "ul"], recursive=False)
        if below is not None and len(path) < MAX_DEPTH:
            yield from _lines(below, path)


def _points(
    parent: etree._Element, around: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Address and names of each entry in the contents of a book of version 2."""
    for point in parent:
        if local_name(point) != "navPoint":
            continue
        path = (*around, _first(point, "text") or "")
        content = next(_named(point, "content"), None)
        if content is not None and content.get("src"):
            yield content.get("src", ""), path
        if len(path) < MAX_DEPTH:
            yield from _points(point, path)


def _named(parent: etree._Element, name: str) -> Iterator[etree._Element]:
    return (element for element in parent.iter() if local_name(element) == name)


def _first(parent: etree._Element, name: str) -> str | None:
    found = next(_named(parent, name), None)
    return text_of(found) or None if found is not None else None


def _member_of(address: str) -> str:
    """The part of the archive that an address within it names."""
    try:
        return unquote(urlsplit(address).path).lstrip("/")
    except ValueError:  # as of "http://[", which is no address
        return ""


def _declared(content: bytes) -> str | None:
    """The encoding in the XML declaration."""
    found = re.match(
        rb"<\?xml[^>]{0,200}?encoding=[\"']([\w.-]{1,40})[\"']", content.lstrip()[:300]
    )
    return found[1].decode("ascii", "replace") if found else None
