"""Reads messages as Outlook saves them: their text, pictures, and attached files and messages.

A .msg file is a small file system (OLE2) with a stream for each property, named by its number;
the numbers are those of Microsoft's specification MS-OXPROPS. olefile reads the file system;
python-oxmsg above it gives no attached messages. Leaves out text that is kept as RTF only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from loaders.elements import Attached, Element, Figure, Heading, Info, Paragraph, Skipped, one_line
from loaders.encoding import decode
from loaders.errors import BrokenDocument
from loaders.loader import DocumentLoader
from loaders.markup import read_html
from loaders.named_pictures import NamedPictures
from loaders.source import SourceFile
from loaders.text import read_plain

SUBJECT, BODY, HTML = "0037", "1000", "1013"
SHOWN = {"From": ("0C1A", "0042"), "To": ("0E04",), "Cc": ("0E03",)}
SENDER_ADDRESS = ("5D01", "0C1F")
SENT, RECEIVED = 0x0039, 0x0E06
FILE_NAMES = ("3707", "3704", "3001")
CONTENT, CONTENT_ID = "3701", "3712"
UNICODE, ANSI, BINARY, OBJECT = "001F", "001E", "0102", "000D"
TIME_TYPE = 0x0040
STREAM = "__substg1.0_"
PROPERTIES = "__properties_version1.0"
ATTACHMENT = "__attach_version1.0_"
HEADER_BYTES = {True: 32, False: 24}
"""Before the properties of a message that is a file, and of one inside another."""
PROPERTY_BYTES = 16
FIRST_YEAR = datetime(1601, 1, 1, tzinfo=UTC)
MAX_TIME_US = 10**17

Folder = tuple[str, ...]


class OutlookLoader(DocumentLoader):
    """Reads .msg files."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        import olefile

        try:
            opened = olefile.OleFileIO(file.path)
        # It raises what it likes on damaged files, and reads nothing else.
        except Exception as error:
            raise BrokenDocument(_damaged(file.name, error)) from error
        with opened:
            message = _Message(opened, (), file.name)
            yield Info(title=message.text(SUBJECT) or None)
            yield from self._message(message, file, 0)

    def _message(self, message: _Message, file: SourceFile, depth: int) -> Iterator[Element]:
        subject = one_line(message.text(SUBJECT))
        if subject:
            yield Heading(subject, 1 + depth)
        if lines := list(message.headers()):
            yield Paragraph("\n".join(lines))
        files = message.files()
        linked = {f"cid:{f.content_id}": f for f in files if f.content_id}
        shown: set[str] = set()

        def inside(address: str) -> bytes | None:
            found = linked.get(address)
            if found:
                shown.add(address)
            return found.content() if found else None

        pictures = NamedPictures(replace(file, figure_root=None), self.limits, inside=inside)
        page = message.html()
        said = list(read_html(page, pictures, self.limits)) if page else []
        for element in said or read_plain(message.text(BODY)):
            yield replace(element, is_sent=True) if isinstance(element, Figure) else element
        for attached in files:
            if f"cid:{attached.content_id}" not in shown:
                yield from self._attached(attached, file, depth)

    def _attached(self, attached: _File, file: SourceFile, depth: int) -> Iterator[Element]:
        name = attached.name or "without a name"
        if attached.message is None:
            content = attached.content()
            yield Attached(name, content) if content else Skipped(f"Attachment {name}", "is empty")
        elif depth >= self.limits.max_nesting:
            reason = f"the limit is {self.limits.max_nesting} messages inside each other"
            yield Skipped(f"Attachment {name}", reason)
        else:
            yield Heading(f"Attachment: {name}", 1 + depth)
            yield from self._message(attached.message, file, depth + 1)


class _Streams:
    """The properties in one folder of the file."""

    def __init__(self, opened: Any, folder: Folder, file_name: str) -> None:
        self._opened = opened
        self._folder = folder
        self._file_name = file_name

    def text(self, *numbers: str) -> str:
        """The first of these properties that holds text."""
        for number in numbers:
            text = self._content(number, UNICODE).decode("utf-16-le", "replace")
            text = text or decode(self._content(number, ANSI)) or ""
            if text := text.rstrip("\0").replace("\r\n", "\n"):
                return text
        return ""

    def _content(self, number: str, kind: str) -> bytes:
        return self._stream(f"{STREAM}{number}{kind}")

    def _stream(self, name: str) -> bytes:
        path = [*self._folder, name]
        try:
            if not self._opened.exists(path):
                return b""
            with self._opened.openstream(path) as stream:
                return bytes(stream.read())
        except Exception as error:
            raise BrokenDocument(_damaged(self._file_name, error)) from error


class _Message(_Streams):
    """One message."""

    def headers(self) -> Iterator[str]:
        """Who wrote to whom, and when."""
        for label, numbers in SHOWN.items():
            text = one_line(self.text(*numbers))
            address = one_line(self.text(*SENDER_ADDRESS)) if label == "From" else ""
            if "@" in address and address not in text:
                text = f"{text} <{address}>".strip()
            if text:
                yield f"{label}: {text}"
        if sent := self._time():
            yield f"Date: {sent:%a, %d %b %Y %H:%M} UTC"

    def html(self) -> str:
        content = self._content(HTML, BINARY)
        return decode(content) or content.decode("cp1252", "replace") or self.text(HTML)

    def files(self) -> list[_File]:
        """What is attached, in order."""
        depth = len(self._folder)
        names = {
            entry[depth]
            for entry in self._opened.listdir(streams=True, storages=True)
            if tuple(entry[:depth]) == self._folder
            and len(entry) > depth
            and entry[depth].startswith(ATTACHMENT)
        }
        return [
            _File(self._opened, (*self._folder, name), self._file_name) for name in sorted(names)
        ]

    def _time(self) -> datetime | None:
        """When the message was sent, else received."""
        content = self._stream(PROPERTIES)[HEADER_BYTES[not self._folder] :]
        for start in range(0, len(content) - PROPERTY_BYTES + 1, PROPERTY_BYTES):
            kind, number, _, value = struct.unpack_from("<HHIQ", content, start)
            if kind == TIME_TYPE and number in {SENT, RECEIVED} and 0 < value // 10 < MAX_TIME_US:
                return FIRST_YEAR + timedelta(microseconds=value // 10)
        return None


class _File(_Streams):
    """Something that is attached to a message."""

    @property
    def name(self) -> str:
        return one_line(self.text(*FILE_NAMES))

    @property
    def content_id(self) -> str:
        return self.text(CONTENT_ID).strip("<> ")

    @property
    def message(self) -> _Message | None:
        """The message that is attached; None for any other file."""
        folder = (*self._folder, f"{STREAM}{CONTENT}{OBJECT}")
        if not self._opened.exists([*folder, PROPERTIES]):
            return None
        return _Message(self._opened, folder, self._file_name)

    def content(self) -> bytes:
        return self._content(CONTENT, BINARY)


def _damaged(name: str, error: Exception) -> str:
    return (
        f"{name} is a damaged Outlook message ({type(error).__name__}: {error}). "
        "Open it in Outlook and save it again."
    )
