"""Whole libraries out and in: their tables with their pictures.

The tables are `retrievers.exchange` and `retrievers.imports`; here the pictures come beside them,
and an export appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from loaders import MediaStore
from loaders.disused import DisusedPictures
from loaders.errors import LoaderError
from retrievers import ExportRefused, ImportInvalid, Library
from retrievers.exchange import MEDIA, Manifest, picture_keys, write_tables
from retrievers.exported import LibraryExport
from retrievers.imports import ImportReport, import_export, import_faiss
from retrievers.langchain_faiss import FaissStore
from retrievers.progress import OnProgress

MAX_PICTURE_BYTES = 512 << 20
READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds. n_bytes: of all its files."""

    folder: Path
    manifest: Manifest
    n_bytes: int


@dataclass(slots=True)
class Imported:
    """What an import did. n_pictures: that the library did not have before."""

    report: ImportReport
    n_pictures: int = 0
    missing_pictures: list[str] = field(default_factory=list)


def export_library(
    library: Library, media: MediaStore, folder: Path, on_progress: OnProgress
) -> Exported:
    """Write the library into a new folder. Raises ExportRefused."""
    folder = folder.absolute()
    if folder.exists() or folder.is_symlink():
        raise ExportRefused(
            f"{folder} is there already. Name a new folder: an export never overwrites."
        )
    with _unfinished(folder) as unfinished, DisusedPictures(media).kept():
        with library.reading() as connection:
            manifest = write_tables(connection, unfinished, _telling(on_progress, "chunks"))
            keys = picture_keys(connection)
        (unfinished / MEDIA).mkdir()
        missing = []
        for n_done, key in enumerate(keys):
            on_progress("pictures", n_done, len(keys))
            if not _copied(media.path(key), unfinished / MEDIA / key):
                missing.append(key)
        manifest = replace(manifest, missing_pictures=missing)
        manifest.write(unfinished)
        n_bytes = sum(_synced(path) for path in unfinished.rglob("*") if path.is_file())
        unfinished.rename(folder)
    return Exported(folder, manifest, n_bytes)


def check_import(found: LibraryExport | FaissStore, on_progress: OnProgress) -> None:
    """Make sure of all that can be known before a library is touched. Raises ImportInvalid."""
    if isinstance(found, FaissStore):
        return  # it was read as a whole
    found.check(_telling(on_progress, "chunks checked"))
    keys = sorted(found.image_keys - set(found.manifest.missing_pictures))
    scratch = MediaStore(found.media)
    for n_done, key in enumerate(keys):
        on_progress("pictures checked", n_done, len(keys))
        _check_picture(scratch, key)


def import_into(
    library: Library,
    media: MediaStore,
    found: LibraryExport | FaissStore,
    on_progress: OnProgress,
) -> Imported:
    """Put what was checked into the library; what it has already is left as it is.

    Raises ImportInvalid, a LoaderError or a LibraryError; documents that are in then stay.
    """
    telling = _telling(on_progress, "chunks")
    if isinstance(found, FaissStore):
        return Imported(import_faiss(library, found, telling))
    disused = DisusedPictures(media)
    missing = sorted(found.image_keys & set(found.manifest.missing_pictures))
    try:
        with disused.kept():
            n_new = _take_pictures(found, media, on_progress, missing)
            report = import_export(library, found, telling)
            for key in report.orphan_keys:
                disused.add(key)
            library.pictures.learn(_telling(on_progress, "pictures compared"))
    finally:
        disused.delete(library.image_keys)
    return Imported(report, n_new, missing)


def _take_pictures(
    export: LibraryExport,
    media: MediaStore,
    on_progress: OnProgress,
    missing: Sequence[str],
) -> int:
    """Store the pictures of an export; gives how many are new."""
    keys = sorted(export.image_keys.difference(missing))
    n_new = 0
    for n_done, key in enumerate(keys):
        on_progress("pictures", n_done, len(keys))
        if media.path(key).exists() and media.thumbnail_path(key).exists():
            continue
        content = (export.media / key).read_bytes()
        try:
            stored = media.put(content).key
        except LoaderError as error:
            raise ImportInvalid(f"The picture {export.media / key} is refused. {error}") from error
        if stored != key:
            media.remove(stored)
            raise ImportInvalid(
                f"{export.media / key} is damaged or forged: its content does not fit its name."
            )
        n_new += 1
    return n_new


def _check_picture(scratch: MediaStore, key: str) -> None:
    """Raise ImportInvalid unless the picture is there and is what its name says."""
    try:
        path = scratch.path(key)
    except KeyError as error:
        raise ImportInvalid(
            f"The evidence refers to a picture {key[:100]!r}, which is no name of a picture. "
            "Nothing was imported."
        ) from error
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_PICTURE_BYTES:
        raise ImportInvalid(
            f"{path} is not there, is no plain file or has more than {MAX_PICTURE_BYTES:,} bytes. "
            "Copy the export again. Nothing was imported."
        )
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != path.stem:
            raise ImportInvalid(
                f"{path} is damaged: its SHA-256 is not its name. Copy the export again. Nothing "
                "was imported."
            )


def _copied(picture: Path, target: Path) -> bool:
    """Copy a picture; False where it is missing or is not what its name says."""
    told = hashlib.sha256()
    try:
        with picture.open("rb") as file, target.open("xb") as copy:
            while content := file.read(READ_BYTES):
                told.update(content)
                copy.write(content)
    except FileNotFoundError:
        return False
    if told.hexdigest() != picture.stem:
        target.unlink()
        return False
    return True


def _synced(path: Path) -> int:
    """Have the file's content on the disk before its folder gets its name; gives its size."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size


@contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """A folder beside that of the export, gone at the end unless it was renamed."""
    unfinished = folder.with_name(f".{folder.name}-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
    except OSError as error:
        raise ExportRefused(
            f"The export {folder} cannot be written ({error}). Name a folder on a disk with space "
            "that you may write to; the library is as it was."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _telling(on_progress: OnProgress, what: str) -> Callable[[int, int], None]:
    return lambda n_done, n: on_progress(what, n_done, n)
