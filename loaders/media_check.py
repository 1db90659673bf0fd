"""Looks whether a media store is whole: pictures, thumbnails, and files that nothing refers to.

Leaves out which pictures are in use: that is the library.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from loaders.media import KEY_PATTERN, THUMBNAIL_SIDE, MediaStore

BYTES_AT_ONCE = 1 << 20


def picture_fault(media: MediaStore, key: str) -> str | None:
    """What is wrong with a stored picture."""
    if not KEY_PATTERN.fullmatch(key):
        return "its key is none"
    digest = hashlib.sha256()
    try:
        with media.path(key).open("rb") as file:
            while block := file.read(BYTES_AT_ONCE):
                digest.update(block)
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return (
        None if key.startswith(digest.hexdigest()) else "its bytes are not those that were stored"
    )


def thumbnail_fault(media: MediaStore, key: str) -> str | None:
    """What is wrong with the thumbnail of a picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(media.thumbnail_path(key), formats=["WEBP"]) as image:
                if max(image.size) > THUMBNAIL_SIDE:
                    return "it is no thumbnail"
                image.load()
    except FileNotFoundError:
        return "it is missing"
    except Exception as error:  # noqa: BLE001 - Pillow has many for a damaged file
        return f"it cannot be read ({type(error).__name__})"
    return None


def thumbnails(media: MediaStore) -> Iterator[tuple[str, Path]]:
    """The key of each thumbnail, and where it lies."""
    for path in (media.folder / "thumbnails").glob("*.webp"):
        if KEY_PATTERN.fullmatch(path.stem):
            yield path.stem, path


def read_pages(media: MediaStore) -> Iterator[Path]:
    """The folders with what was read on the pages of a source."""
    yield from (path for path in (media.folder / "pages").glob("*") if path.is_dir())
