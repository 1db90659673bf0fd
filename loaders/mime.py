"""Takes apart messages in MIME: mail and saved web pages are made of such parts.

Leaves out what the parts hold, and encrypted parts.
"""

from __future__ import annotations

import email
import email.errors
import email.header
from collections.abc import Iterator
from email.message import Message
from urllib.parse import unquote

from loaders.elements import one_line
from loaders.encoding import decode
from loaders.errors import BrokenDocument, LimitExceeded
from loaders.limits import Limits
from loaders.source import SourceFile

MALFORMED = (
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    email.errors.MessageError,
)
"""What the standard library raises on headers and parts that no mail program writes."""


def parse_message(file: SourceFile) -> Message:
    """The message in a file. Raises BrokenDocument or LimitExceeded."""
    return parse_content(file.path.read_bytes(), file.name)


def parse_content(content: bytes, name: str) -> Message:
    """The message of these bytes. Raises BrokenDocument or LimitExceeded."""
    try:
        return email.message_from_bytes(content)
    except RecursionError as error:
        raise LimitExceeded(f"{name} is nested too deep. No mail program writes that.") from error
    except MALFORMED as error:
        raise BrokenDocument(
            f"{name} is a damaged message ({type(error).__name__}: {error}). "
            "Open it in a mail program and save it again."
        ) from error


def header(part: Message, name: str) -> str:
    """A header's text on one line; "" if it is not there."""
    try:
        value = part[name]
        if value is None:
            return ""
        return one_line(str(email.header.make_header(email.header.decode_header(str(value)))))
    except MALFORMED:
        return one_line(str(part.get(name, "")))


def file_name(part: Message) -> str:
    """The name that the part gives its file; "" without one."""
    try:
        name = part.get_filename() or ""
        return one_line(str(email.header.make_header(email.header.decode_header(name))))
    except MALFORMED:
        return ""


def content_of(part: Message) -> bytes:
    """What a part holds, decoded; b"" where that cannot be done."""
    try:
        content = part.get_payload(decode=True)
    except MALFORMED:
        return b""
    return content if isinstance(content, bytes) else b""


def text_of(part: Message) -> str:
    """The text that a part holds."""
    content = content_of(part)
    try:
        charset = part.get_content_charset()
    except MALFORMED:
        charset = None
    text = decode(content, declared=charset)
    text = text if text is not None else content.decode("utf-8", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def leaves(message: Message, limits: Limits) -> Iterator[Message]:
    """All parts that hold no others, in order. Raises LimitExceeded."""
    for n, part in enumerate(message.walk()):
        if n >= limits.max_archive_members:
            raise LimitExceeded(f"The message has more than {limits.max_archive_members:,} parts.")
        if not part.is_multipart():
            yield part


def as_bytes(message: Message) -> bytes | None:
    """The message as a file; None where it cannot be written."""
    try:
        return message.as_bytes()
    except (*MALFORMED, RecursionError):
        return None


class LinkedParts:
    """The parts of a message that its text shows by their addresses."""

    def __init__(self, message: Message, limits: Limits) -> None:
        self._by_address: dict[str, Message] = {}
        self.shown: set[int] = set()
        """The ids of the parts that were asked for."""
        for part in leaves(message, limits):
            identifier = header(part, "Content-ID").strip("<> ")
            location = header(part, "Content-Location")
            for address in (f"cid:{identifier}" if identifier else "", location):
                if address:
                    self._by_address.setdefault(address, part)

    def content(self, address: str) -> bytes | None:
        """What the part of this address holds; None if there is none."""
        part = self._by_address.get(address) or self._by_address.get(unquote(address))
        if part is None:
            return None
        self.shown.add(id(part))
        return content_of(part)
