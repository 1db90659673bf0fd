"""Writes Outlook messages for tests: a file system (OLE2) with a stream for each property."""

from __future__ import annotations

import struct
from pathlib import Path

SECTOR = 512
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
STREAM, STORAGE, ROOT = 2, 1, 5
MIN_STREAM = 4096
"""A smaller stream would lie among the small ones; zeros at its end do no harm."""

Tree = dict[str, "bytes | Tree"]


def text(number: str, value: str) -> Tree:
    """A property that holds text."""
    return {f"__substg1.0_{number}001F": value.encode("utf-16-le")}


def binary(number: str, value: bytes) -> Tree:
    """A property that holds bytes."""
    return {f"__substg1.0_{number}0102": value}


def attachment(n: int, tree: Tree) -> Tree:
    """The storage of the n-th attached file."""
    return {f"__attach_version1.0_#{n:08X}": tree}


def write_msg(path: Path, tree: Tree) -> Path:
    """Write the streams and storages as a file."""
    sectors: list[bytes] = []
    fat: list[int] = []
    entries: list[bytes] = []
    _add(entries, sectors, fat, "Root Entry", tree, ROOT)
    entries += [bytes(128)] * (-len(entries) % 4)
    directory = _store(b"".join(entries), sectors, fat)
    n_fat = 1
    while n_fat * 128 < len(fat) + n_fat:
        n_fat += 1
    first_fat = len(fat)
    fat += [FAT] * n_fat
    fat += [FREE] * (n_fat * 128 - len(fat))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH6xII", 0x3E, 3, 0xFFFE, 9, 6, 0, n_fat)
    header += struct.pack("<IIIIIII", directory, 0, 4096, END, 0, END, 0)
    header += struct.pack("<109I", *range(first_fat, first_fat + n_fat), *[FREE] * (109 - n_fat))
    table = struct.pack(f"<{len(fat)}I", *fat)
    path.write_bytes(header + b"".join(sectors) + table)
    return path


def _store(content: bytes, sectors: list[bytes], fat: list[int]) -> int:
    """Put content into sectors in a row; the number of the first."""
    first = len(sectors)
    pieces = [content[n : n + SECTOR].ljust(SECTOR, b"\0") for n in range(0, len(content), SECTOR)]
    sectors += pieces
    fat += [*range(first + 1, first + len(pieces)), END]
    return first


def _add(
    entries: list[bytes],
    sectors: list[bytes],
    fat: list[int],
    name: str,
    content: bytes | Tree,
    kind: int,
    right: int = FREE,
) -> int:
    """Add an entry and all below it; its number. Siblings hang on the right of each other."""
    index = len(entries)
    entries.append(b"")
    child, start, size = FREE, END, 0
    if isinstance(content, bytes):
        padded = content.ljust(MIN_STREAM, b"\0")
        start, size = _store(padded, sectors, fat), len(padded)
    else:
        for key in sorted(content, key=lambda k: (len(k), k.upper()), reverse=True):
            below = content[key]
            kind_below = STREAM if isinstance(below, bytes) else STORAGE
            child = _add(entries, sectors, fat, key, below, kind_below, child)
    raw = name.encode("utf-16-le")
    entries[index] = struct.pack(
        "<64sHBBIII16sIQQIQ",
        raw.ljust(64, b"\0"),
        len(raw) + 2,
        kind,
        1,
        FREE,
        right,
        child,
        bytes(16),
        0,
        0,
        0,
        start,
        size,
    )
    return index
