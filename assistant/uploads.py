"""Files that came through the page, kept below the library's folder.

Each lies in a folder named by its content: the same file twice is one document, and two
different files of one name are two. Leaves out reading them.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = "uploads"
UNSAFE = re.compile(r"[^\w.() -]+")
MAX_STEM_BYTES = 180
MAX_SUFFIX_CHARS = 12


def store(library: Path, name: str, content: bytes | memoryview) -> Path:
    """Write an upload; return where it lies. name: as the visitor's browser says it."""
    folder = _folder(library) / hashlib.sha256(content).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / safe_name(name)
    unfinished = path.with_name(f".{os.urandom(8).hex()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)
    return path


def files(library: Path) -> Iterator[Path]:
    """All that was uploaded, or was about to be."""
    yield from (path for path in _folder(library).glob("*/*") if path.is_file())


def all_below(library: Path) -> list[Path]:
    """The uploads that are there, in order."""
    return sorted(path for path in _folder(library).glob("*/*") if not path.name.startswith("."))


def is_upload(library: Path, source: str) -> bool:
    """Whether the source is an upload. library: its folder, resolved as `Library.folder` is."""
    return source.startswith((library / FOLDER).as_uri() + "/")


def discard(library: Path, source: str) -> None:
    """Delete the upload behind a source; nothing if the source is not an upload."""
    for path in _folder(library).glob("*/*"):
        if path.as_uri() == source:
            path.unlink(missing_ok=True)
            if not any(path.parent.iterdir()):
                path.parent.rmdir()


@contextmanager
def taken_away(library: Path, source: str) -> Iterator[None]:
    """Delete the upload behind a source, if it is one, unless the block fails.

    It is out of sight before: a process that is killed leaves none that a sync would bring back.
    """
    hidden = {
        path: path.with_name(f".{path.name}.removed")
        for place in _folder(library).glob("*/*")
        for path in [place.with_name(place.name.removeprefix(".").removesuffix(".removed")), place]
        if path.as_uri() == source
    }
    for path in [path for path in hidden if path.exists()]:
        path.replace(hidden[path])
    try:
        yield
    except BaseException:
        for path, place in hidden.items():
            place.replace(path)
        raise
    for place in hidden.values():
        place.unlink()
        if not any(place.parent.iterdir()):
            place.parent.rmdir()


def safe_name(name: str) -> str:
    """The file's own name without its path, and without what a file system may not like."""
    own = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    path = Path(UNSAFE.sub("_", own).strip(" ."))
    stem = path.stem.encode()[:MAX_STEM_BYTES].decode(errors="ignore").strip(" .")
    return (stem or "file") + path.suffix[:MAX_SUFFIX_CHARS]


def _folder(library: Path) -> Path:
    return library.resolve() / FOLDER
