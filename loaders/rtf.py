"""Reads rich text files: their words by striprtf, and their pictures.

Leaves out styles, so that nothing in it is a heading, hidden text, what a tracked
change deleted, and pictures of Windows' own kinds.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from loaders.elements import Element, Info, Paragraph, one_line
from loaders.errors import BrokenDocument, LimitExceeded
from loaders.limits import BYTES_PER_MIB
from loaders.loader import DocumentLoader
from loaders.pictures import alt_text, left_out, picture
from loaders.source import SourceFile

PICTURE_GROUP = re.compile(rb"\{\s*\\(pict|nonshppict)\b")
OPTIONAL = re.compile(rb"\{\s*\\\*\s*\\shppict\b")
"""Around a picture, for programs that know it; others show the poorer one that follows."""
BRACE = re.compile(rb"\\[{}\\]|[{}]")
WORDS = re.compile(rb"\\[a-z]+-?\d* ?|\\.")
DESCRIPTION = re.compile(rb"\{\\sn wzDescription\}\s*\{\\sv ([^{}]{1,2000})\}")
HIDDEN = re.compile(rb"\\[\\{}]|\\(?:deleted|v)(?![a-z]|-?0)")
END_OF_HIDDEN = re.compile(rb"\\[\\{}]|[{}]|\\(?:deleted0|v0|plain)(?![a-z\d])")
KINDS = (b"\\pngblip", b"\\jpegblip")
TITLE = re.compile(rb"\{\\title ([^{}]{1,500})\}")
MARK = "\ue000{}\ue001"
"""Private characters, which no text has: where a picture stood."""
MARKED = re.compile("\ue000(\\d+)\ue001")
MAX_BYTES = 64 * BYTES_PER_MIB


class RtfLoader(DocumentLoader):
    """Reads .rtf files."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        content = file.path.read_bytes()
        if len(content) > MAX_BYTES:
            raise LimitExceeded(
                f"{file.name} is larger than {MAX_BYTES // BYTES_PER_MIB} MiB, the limit for rich "
                "text. Save it as .docx."
            )
        text, pictures = _without_pictures(content)
        title = TITLE.search(text)
        shown = _words(_without_hidden(text), file.name)
        yield Info(title=one_line(title[1].decode("cp1252", "replace")) if title else None)
        for n, part in enumerate(MARKED.split(shown)):
            if n % 2:
                yield from _picture(pictures[int(part)], file.name)
                continue
            for line in part.split("\n"):
                if line.strip():
                    yield Paragraph(line.strip())


def _words(content: bytes, name: str) -> str:
    """What the rich text says. Raises BrokenDocument."""
    from striprtf.striprtf import rtf_to_text

    try:
        return str(
            rtf_to_text(  # type: ignore[no-untyped-call]
                content.decode("latin-1"), encoding="cp1252", errors="replace"
            )
        )
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise BrokenDocument(
            f"{name} is a damaged rich text file ({type(error).__name__}: {error}). "
            "Open it in its own program and save it again."
        ) from error


def _without_pictures(content: bytes) -> tuple[bytes, list[bytes]]:
    """The file with a mark in the place of each picture, and the groups that hold those."""
    content = OPTIONAL.sub(b"{", content)
    pieces: list[bytes] = []
    found: list[bytes] = []
    start = 0
    while group := PICTURE_GROUP.search(content, start):
        end = _end_of_group(content, group.start())
        pieces.append(content[start : group.start()])
        if group[1] == b"pict":
            mark = MARK.format(len(found))
            pieces.append(
                b"".join(b"\\u%d?" % (ord(c) - 0x10000) if c > "9" else c.encode() for c in mark)
            )
            found.append(content[group.start() : end])
        start = end
    return b"".join([*pieces, content[start:]]), found


def _without_hidden(content: bytes) -> bytes:
    """The file without hidden text and what a tracked change deleted, each to its end."""
    pieces: list[bytes] = []
    start = 0
    while found := HIDDEN.search(content, start):
        if found[0][-1:].isalpha():
            pieces.append(content[start : found.start()])
            start = _end_of_hidden(content, found.end())
        else:  # a sign of the text
            pieces.append(content[start : found.end()])
            start = found.end()
    return b"".join([*pieces, content[start:]])


def _end_of_hidden(content: bytes, start: int) -> int:
    depth = 0
    for sign in END_OF_HIDDEN.finditer(content, start):
        depth += {b"{": 1, b"}": -1}.get(sign[0], 0)
        is_word = sign[0][-1:].isalnum()
        if depth < 0 or (is_word and not depth):
            return sign.start()
    return len(content)


def _end_of_group(content: bytes, start: int) -> int:
    """Where the group that opens at start is closed."""
    depth = 0
    for brace in BRACE.finditer(content, start):
        depth += {b"{": 1, b"}": -1}.get(brace[0], 0)
        if depth == 0:
            return brace.end()
    return len(content)


def _picture(group: bytes, name: str) -> Iterator[Element]:
    described = DESCRIPTION.search(group)
    alt = alt_text(_words(rb"{\rtf1 " + described[1] + b"}", name)) if described else None
    own = _own(group[1:-1])
    if not any(kind in own for kind in KINDS):
        reason = "pictures of Windows' own kinds cannot be drawn"
        yield from left_out("A picture", reason, alt=alt)
        return
    try:
        content = binascii.unhexlify(b"".join(WORDS.sub(b" ", own).split()))
    except (binascii.Error, ValueError) as error:
        yield from left_out("A picture", f"its data cannot be decoded ({error})", alt=alt)
        return
    yield from picture(content, "A picture", alt=alt)


def _own(group: bytes) -> bytes:
    """What stands in a group itself, not in groups inside it, such as a picture's properties."""
    pieces: list[bytes] = []
    depth = start = 0
    for brace in BRACE.finditer(group):
        if brace[0] == b"{":
            if not depth:
                pieces.append(group[start : brace.start()])
            depth += 1
        elif brace[0] == b"}":
            depth -= 1
            start = brace.end()
    return b" ".join([*pieces, group[start:]])
