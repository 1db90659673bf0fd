"""Whole files that stand in an Office document: sound, films, and documents put in as objects.

They become attached files. Leaves out what is only linked, which is never fetched, and objects
that only the program that made them can read: of those the document holds a picture.
"""

from __future__ import annotations

import io
import posixpath
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import olefile

from loaders.content_type import OLE2_STREAMS
from loaders.elements import Attached, Element, Skipped

PACKAGE, OBJECT = "/package", "/oleObject"
"""How the type of a relation to an Office file and to an object of any program ends."""
NATIVE = "\x01Ole10Native"
WHOLE_FILES = ("Package", "CONTENTS")
"""Streams of an object that hold a file as it is: an Office file, a PDF."""
OLD_FILES = (*OLE2_STREAMS, "__properties_version1.0")
"""Streams of an object that is itself an Office file of before 2007, or an Outlook message."""
UNREADABLE = (OSError, ValueError, LookupError, AttributeError, TypeError, struct.error)
"""What olefile raises on damaged objects."""


def embedded_media(
    part: Any, relation_ids: Sequence[str | None], kind: str, name: str, place: str = ""
) -> Iterator[Element]:
    """The sound or film that a part (of python-docx or python-pptx) relates to.

    relation_ids: of the same recording; what lies in the file goes before what is linked.
    kind: "sound". place: "slide 5".
    """
    relations = [r for r in map(part.rels.get, relation_ids) if r is not None]
    inside = next((r for r in relations if not r.is_external), None)
    if inside is not None:
        target = inside.target_part
        yield Attached(_placed(_with_suffix(name, str(target.partname)), place), target.blob)
        return
    reason = "it is missing from the file"
    if relations:
        reason = "it is only linked, and links are not followed"
    yield Skipped(f"The {kind} {name}{f' on {place}' if place else ''}", reason)


def embedded_object(part: Any, relation_id: str | None, place: str = "") -> Iterator[Element]:
    """The file that was put into the document as an object, if it holds one."""
    relation = part.rels.get(relation_id)
    if relation is None or not relation.reltype.endswith((OBJECT, PACKAGE)):
        return
    if relation.is_external:
        name = _placed(posixpath.basename(relation.target_ref), place)
        yield Skipped(f"The object {name}", "it is only linked, and links are not followed")
        return
    name = posixpath.basename(relation.target_ref)
    try:
        content = relation.target_part.blob
        found = (name, content) if relation.reltype.endswith(PACKAGE) else _file_in(content)
    except UNREADABLE as error:
        yield Skipped(f"The object {_placed(name, place)}", f"it is damaged ({error})")
        return
    if found:
        yield Attached(_placed(found[0] or name, place), found[1])


def _file_in(content: bytes) -> tuple[str, bytes] | None:
    """Name and content of the file in an object; None where only its own program knows it.

    Raises one of UNREADABLE.
    """
    if not content.startswith(olefile.MAGIC):
        return "", content
    with olefile.OleFileIO(io.BytesIO(content)) as opened:
        if opened.exists(NATIVE):
            return _native_file(opened.openstream(NATIVE).read())
        if any(map(opened.exists, OLD_FILES)):
            return "", content
        held = next((name for name in WHOLE_FILES if opened.exists(name)), None)
        return ("", opened.openstream(held).read()) if held else None


def _native_file(stream: bytes) -> tuple[str, bytes]:
    """Windows writes: size, flags, name, path, flags, another path with its length, the file."""
    name, _, rest = stream[6:].partition(b"\0")
    _, _, rest = rest.partition(b"\0")
    (n_path,) = struct.unpack_from("<I", rest, 4)
    (n_bytes,) = struct.unpack_from("<I", rest, 8 + n_path)
    start = 12 + n_path
    content = rest[start : start + n_bytes]
    if len(content) < n_bytes:
        raise ValueError(f"only {len(content):,} of {n_bytes:,} bytes are there")
    return name.decode("cp1252", "replace"), content


def _with_suffix(name: str, partname: str) -> str:
    """The name that a person gave, with the suffix that says what the file is."""
    suffix = posixpath.splitext(partname)[1]
    return name if name.lower().endswith(suffix.lower()) else f"{name}{suffix}"


def _placed(name: str, place: str) -> str:
    return f"{place}, {name}" if place else name
