"""Reads the files that a document carries inside it, as sections at its end.

What stands in an attached file is evidence of the document that carries it: it keeps no page
numbers of its own, which would be taken for that document's. What is said and shown in an
attached recording keeps its times: documents that carry recordings have none. Leaves out where
in a document such files lie: that is each format's matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from loaders.elements import (
    Attached,
    Element,
    Figure,
    Heading,
    Info,
    Paragraph,
    Sheet,
    Skipped,
    Speech,
    Table,
    one_line,
)
from loaders.errors import LoaderError
from loaders.limits import BYTES_PER_MIB, Limits
from loaders.source import SourceFile

MAX_NAME_CHARS = 120
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069]+")
"""Control characters, and what turns the direction of writing."""


def attached_last(elements: Iterator[Element]) -> Iterator[Element]:
    """The elements, and after all of them the files: what comes later must not seem to be theirs.

    A file that stands in several places comes once.
    """
    files: dict[bytes, Attached] = {}
    for element in elements:
        if isinstance(element, Attached):
            files.setdefault(sha256(element.content).digest(), element)
        else:
            yield element
    yield from files.values()


@dataclass(slots=True)
class AttachedFiles:
    """Puts what attached files hold in their place, within the limits of one document.

    read: what a file holds, by the loader of its format.
    """

    uri: str
    limits: Limits
    read: Callable[[SourceFile], Iterator[Element]]
    n_files: int = 0
    n_bytes: int = 0

    def read_in(self, elements: Iterator[Element], depth: int = 0) -> Iterator[Element]:
        """The elements, with those of attached files under the name of each."""
        for element in elements:
            if not isinstance(element, Attached):
                yield element
                continue
            name = one_line(UNPRINTABLE.sub(" ", element.name))[:MAX_NAME_CHARS]
            name = name or "without a name"
            if reason := self._refusal(element, depth):
                yield Skipped(f"Attachment {name}", reason)
            else:
                yield from self._contents(name, element.content, depth)

    def _refusal(self, attached: Attached, depth: int) -> str | None:
        """Why an attached file is not read; None where it is."""
        self.n_files += 1
        self.n_bytes += len(attached.content)
        if self.n_files > self.limits.max_attachments:
            return f"the limit is {self.limits.max_attachments:,} attachments a document"
        if depth >= self.limits.max_nesting:
            return f"it is attached {depth + 1} files deep; the limit is {self.limits.max_nesting}"
        if self.n_bytes > self.limits.max_bytes:
            mib = self.limits.max_bytes / BYTES_PER_MIB
            return f"the limit is {mib:,.0f} MiB for all attachments of a document"
        return None

    def _contents(self, name: str, content: bytes, depth: int) -> Iterator[Element]:
        with TemporaryDirectory(prefix="limner-") as folder:
            path = Path(folder) / "attached"  # its own name is the sender's choice
            path.write_bytes(content)
            file = SourceFile(self.uri, path, name, None)
            yield Heading(f"Attachment: {name}", 1)
            try:
                for element in self.read_in(self.read(file), depth + 1):
                    yield from _without_place(element, name)
            except LoaderError as error:
                yield Skipped(f"Attachment {name}", str(error))


def _without_place(element: Element, name: str) -> Iterator[Element]:
    """The element of an attached file as one of the document that carries it."""
    match element:
        case Info():
            return
        case Skipped():
            own = element.what.startswith("Attachment ")
            yield element if own else replace(element, what=f"Attachment {name}: {element.what}")
        case Heading():
            yield replace(element, level=element.level + 1, page=None, bbox=None)
        case Paragraph():
            yield replace(element, page=None, bbox=None)
        case Table():
            yield replace(element, page=None, bbox=None, caption_bbox=None)
        case Figure():
            yield replace(element, page=None, bbox=None, caption_bbox=None)
        case Sheet():
            yield Heading(element.name, 2)
        case Speech():
            yield element
