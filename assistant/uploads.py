"""Files that came through the page, kept below the library's folder.

Each lies in a folder named by its content: the same file twice is one document, and two
different files of one name are two. Leaves out reading them.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loaders.media import sync_folder

FOLDER = "uploads"
UNSAFE = re.compile(r"[^\w.() -]+")
REMOVED = ".removed"
"""How the name ends of an upload that is being removed."""
MAX_STEM_BYTES = 180
MAX_SUFFIX_CHARS = 12


def store(library: Path, name: str, content: bytes | memoryview) -> Path:
    """Write an upload; return where it lies, for good. name: as the visitor's browser says it."""
    folder = _folder(library) / hashlib.sha256(content).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / safe_name(name)
    unfinished = path.with_name(f".{os.urandom(8).hex()}")
    try:
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    for place in (folder, folder.parent, library):
        sync_folder(place)
    return path


def files(library: Path) -> Iterator[Path]:
    """All that was uploaded, or was about to be."""
    yield from (path for path in _folder(library).glob("*/*") if path.is_file())


def unfinished(library: Path) -> Iterator[Path]:
    """What was about to be uploaded."""
    for path in files(library):
        if path.name.startswith(".") and not path.name.endswith(REMOVED):
            yield path


def discard_unfinished(library: Path) -> None:
    """Delete what was about to be uploaded. Raises OSError."""
    for path in list(unfinished(library)):
        _delete(path)


def all_below(library: Path) -> list[Path]:
    """The uploads that are there, in order."""
    return sorted(path for path in _folder(library).glob("*/*") if not path.name.startswith("."))


def removals(library: Path) -> dict[Path, Path]:
    """Uploads that are being removed, or whose removal was cut short → where they are hidden."""
    return {
        path.with_name(path.name[1:].removesuffix(REMOVED)): path
        for path in files(library)
        if path.name.startswith(".") and path.name.endswith(REMOVED)
    }


def end_removals(library: Path, sources: Callable[[], Collection[str]]) -> None:
    """End what was cut short: an upload that is still a document is put back, others are deleted.

    sources: of all documents.
    """
    if not (hidden := removals(library)):
        return
    known = set(sources())
    for path, place in hidden.items():
        with suppress(FileNotFoundError):  # its removal goes on just now
            if path.as_uri() in known and not path.exists():
                place.replace(path)
            else:
                _delete(place)


def is_upload(library: Path, source: str) -> bool:
    """Whether the source is an upload. library: its folder, resolved as `Library.folder` is."""
    return source.startswith((library / FOLDER).as_uri() + "/")


def discard(library: Path, source: str) -> None:
    """Delete the upload behind a source; nothing if the source is not an upload."""
    for path in _folder(library).glob("*/*"):
        if path.as_uri() == source:
            _delete(path)


@contextmanager
def taken_away(library: Path, source: str) -> Iterator[None]:
    """Delete the upload behind a source, if it is one, unless the block fails.

    It is out of sight before: a process that is killed leaves none that a sync would bring back
    once the document is gone.
    """
    if not is_upload(library, source):
        yield
        return
    hidden = {path: _hidden(path) for path in all_below(library) if path.as_uri() == source}
    for path, place in hidden.items():
        path.replace(place)
    hidden |= {path: p for path, p in removals(library).items() if path.as_uri() == source}
    try:
        yield
    except BaseException:
        for path, place in hidden.items():
            with suppress(FileNotFoundError):  # another process has put it back meanwhile
                place.replace(path)
        raise
    for path, place in hidden.items():
        _delete(place)
        _delete(path)


def _hidden(path: Path) -> Path:
    return path.with_name(f".{path.name}{REMOVED}")


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)
    with suppress(OSError):  # it holds another file, or is gone
        path.parent.rmdir()


def safe_name(name: str) -> str:
    """The file's own name without its path, and without what a file system may not like."""
    own = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    path = Path(UNSAFE.sub("_", own).strip(" ."))
    stem = path.stem.encode()[:MAX_STEM_BYTES].decode(errors="ignore").strip(" .")
    return (stem or "file") + path.suffix[:MAX_SUFFIX_CHARS]


def _folder(library: Path) -> Path:
    return library.resolve() / FOLDER
