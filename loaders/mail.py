"""Reads e-mail: who wrote what to whom and when, with the pictures and files in it.

Of a text that is sent in two forms, HTML is read. Leaves out signatures and encrypted parts.
"""

from __future__ import annotations

import mailbox
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message
from itertools import chain, islice

from loaders.elements import Attached, Element, Figure, Heading, Info, Paragraph, Skipped, Table
from loaders.errors import LimitExceeded, LoaderError
from loaders.limits import Limits
from loaders.loader import DocumentLoader
from loaders.markup import read_html
from loaders.mime import (
    LinkedParts,
    as_bytes,
    content_of,
    file_name,
    header,
    parse_content,
    parse_message,
    text_of,
)
from loaders.named_pictures import NamedPictures
from loaders.source import SourceFile
from loaders.text import read_plain

SHOWN_HEADERS = ("From", "To", "Cc", "Date")
SIGNATURES = {
    "application/pgp-signature",
    "application/pkcs7-signature",
    "application/x-pkcs7-signature",
}
ENCRYPTED = {"application/pgp-encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"}
MAX_DEPTH = 50
MBOX_START = b"From "


class MailLoader(DocumentLoader):
    """Reads .eml files, and .mbox files message by message."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        with file.path.open("rb") as opened:
            is_mailbox = opened.read(len(MBOX_START)) == MBOX_START
        # Nothing of a message lies beside its file.
        inside = replace(file, figure_root=None)
        if not is_mailbox:
            message = parse_message(file)
            yield Info(title=header(message, "Subject") or None)
            yield from read_message(message, inside, self.limits)
            return
        messages = _messages(file)
        first = list(islice(messages, 2))
        yield Info(title=header(first[0], "Subject") or None if len(first) == 1 else None)
        for n, message in enumerate(chain(first, messages)):
            if n >= self.limits.max_pages:
                reason = f"the limit is {self.limits.max_pages:,} messages a file"
                yield Skipped(f"Messages after the first {n:,}", reason)
                return
            try:
                yield from read_message(message, inside, self.limits)
            except LoaderError as error:
                yield Skipped(f"Message {n + 1}", str(error))


def read_message(message: Message, file: SourceFile, limits: Limits) -> Iterator[Element]:
    """What a message says, and the files in it."""
    subject = header(message, "Subject")
    if subject:
        yield Heading(subject, 1)
    lines = [f"{name}: {text}" for name in SHOWN_HEADERS if (text := header(message, name))]
    if lines:
        yield Paragraph("\n".join(lines))
    yield from _Body(message, file, limits).elements()


class _Body:
    """The parts of one message: those that are its text, and those that are files."""

    def __init__(self, message: Message, file: SourceFile, limits: Limits) -> None:
        self._message = message
        self._file = file
        self._limits = limits
        self._linked = LinkedParts(message, limits)
        self._files: list[Message] = []

    def elements(self) -> Iterator[Element]:
        """The text in order, then the files."""
        yield from self._read(self._message, 0)
        for part in self._files:
            if id(part) not in self._linked.shown:
                yield from _attached(part)

    def _read(self, part: Message, depth: int) -> Iterator[Element]:
        kind = part.get_content_type()
        if depth > MAX_DEPTH:
            raise LimitExceeded(f"{self._file.name} is nested more than {MAX_DEPTH} parts deep.")
        if kind in ENCRYPTED or kind == "multipart/encrypted":
            yield Skipped("An encrypted part", "open the message in your mail program")
        elif kind == "multipart/alternative" and part.is_multipart():
            yield from self._best_of(part, depth)
        elif part.is_multipart() and part.get_content_maintype() == "multipart":
            for child in _children(part):
                yield from self._read(child, depth + 1)
        elif kind in {"text/html", "text/plain"} and not _is_file(part):
            yield from self._text(part)
        elif kind not in SIGNATURES:
            self._files.append(part)

    def _best_of(self, part: Message, depth: int) -> Iterator[Element]:
        """The last form that says something: senders put the richest last."""
        elements: list[Element] = []
        for child in reversed(_children(part)):
            if child.get_content_type() == "text/calendar":
                self._files.append(child)
                continue
            elements = list(self._read(child, depth + 1))
            if any(isinstance(e, Paragraph | Table | Figure) for e in elements):
                break
        yield from elements

    def _text(self, part: Message) -> Iterator[Element]:
        if part.get_content_type() == "text/plain":
            yield from read_plain(text_of(part))
            return
        base = header(part, "Content-Location") or header(part, "Content-Base")
        pictures = NamedPictures(
            self._file, self._limits, base=base or None, inside=self._linked.content
        )
        for element in read_html(text_of(part), pictures, self._limits):
            yield replace(element, is_sent=True) if isinstance(element, Figure) else element


def _messages(file: SourceFile) -> Iterator[Message]:
    box = mailbox.mbox(file.path, create=False)
    try:
        for key in box.iterkeys():
            yield parse_content(box.get_bytes(key), file.name)
    finally:
        box.close()


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [p for p in payload if isinstance(p, Message)] if isinstance(payload, list) else []


def _is_file(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(file_name(part))


def _attached(part: Message) -> Iterator[Element]:
    if part.get_content_type() == "message/rfc822":
        inner = next(iter(_children(part)), None)
        content = as_bytes(inner) if inner is not None else None
        name = file_name(part) or (header(inner, "Subject") if inner is not None else "")
        name = f"{name.removesuffix('.eml') or 'message'}.eml"
    else:
        content = content_of(part)
        name = file_name(part) or part.get_content_type().replace("/", ".")
    if content:
        yield Attached(name, content)
    elif content is None:
        yield Skipped(f"Attachment {name}", "it cannot be decoded")
