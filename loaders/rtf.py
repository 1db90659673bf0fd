"""Reads rich text files: their words by striprtf, and their pictures.

Leaves out styles, so that nothing in it is a heading, and pictures of Windows' own kinds.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from loaders.elements import Element, Info, Paragraph, one_line
from loaders.errors import BrokenDocument, LimitExceeded
from loaders.limits import BYTES_PER_MIB
from loaders.loader import DocumentLoader
from loaders.pictures import left_out, picture
from loaders.source import SourceFile

PICTURE_GROUP = re.compile(rb"\{\s*\\(pict|nonshppict)\b")
OPTIONAL = re.compile(rb"\{\s*\\\*\s*\\shppict\b")
"""Around a picture, for programs that know it; others show the poorer one that follows."""
BRACE = re.compile(rb"\\[{}\\]|[{}]")
WORDS = re.compile(rb"\{[^{}]*\}|\\[a-z]+-?\d* ?|\\.")
KINDS = (b"\\pngblip", b"\\jpegblip")
TITLE = re.compile(rb"\{\\title ([^{}]{1,500})\}")
MARK = "\ue000{}\ue001"
"""Private characters, which no text has: where a picture stood."""
MARKED = re.compile("\ue000(\\d+)\ue001")
MAX_BYTES = 64 * BYTES_PER_MIB


class RtfLoader(DocumentLoader):
    """Reads .rtf files."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        from striprtf.striprtf import rtf_to_text

        content = file.path.read_bytes()
        if len(content) > MAX_BYTES:
            raise LimitExceeded(
                f"{file.name} is larger than {MAX_BYTES // BYTES_PER_MIB} MiB, the limit for rich "
                "text. Save it as .docx."
            )
        text, pictures = _without_pictures(content)
        title = TITLE.search(text)
        try:
            shown = rtf_to_text(  # type: ignore[no-untyped-call]
                text.decode("latin-1"), encoding="cp1252", errors="replace"
            )
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            raise BrokenDocument(
                f"{file.name} is a damaged rich text file ({type(error).__name__}: {error}). "
                "Open it in its own program and save it again."
            ) from error
        yield Info(title=one_line(title[1].decode("cp1252", "replace")) if title else None)
        for n, part in enumerate(MARKED.split(shown)):
            if n % 2:
                yield from _picture(pictures[int(part)])
                continue
            for line in part.split("\n"):
                if line.strip():
                    yield Paragraph(line.strip())


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


def _end_of_group(content: bytes, start: int) -> int:
    """Where the group that opens at start is closed."""
    depth = 0
    for brace in BRACE.finditer(content, start):
        depth += {b"{": 1, b"}": -1}.get(brace[0], 0)
        if depth == 0:
            return brace.end()
    return len(content)


def _picture(group: bytes) -> Iterator[Element]:
    if not any(kind in group for kind in KINDS):
        yield from left_out("A picture", "pictures of Windows' own kinds cannot be drawn")
        return
    digits = WORDS.sub(b" ", group[1:-1])
    try:
        content = binascii.unhexlify(b"".join(digits.split()))
    except (binascii.Error, ValueError) as error:
        yield from left_out("A picture", f"its data cannot be decoded ({error})")
        return
    yield from picture(content, "A picture")
