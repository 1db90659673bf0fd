"""The media store: pictures under names made from their content, with thumbnails.

A key is `<sha256>.<ext>`. What is stored is a PNG, JPEG, GIF or WebP that Pillow could
decode; other formats are re-encoded as PNG. Beside a picture lies its thumbnail. Leaves out
who refers to a picture: that is the library.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from loaders.errors import BrokenPicture, LimitExceeded, StoreUnusable
from loaders.limits import DEFAULT_LIMITS

PICTURE_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000", "ICO")
"""What Pillow may try. Others it knows have no clear signature, or, as EPS, run a program."""
WEB_FORMATS = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg", "GIF": "gif", "WEBP": "webp"}
KEY_PATTERN = re.compile(r"[0-9a-f]{64}\.(?:png|jpg|gif|webp)")
UNFINISHED_PATTERN = re.compile(r"\.[0-9]+-\w+")
THUMBNAIL_SIDE = 320
THUMBNAIL_DECODED = 2 * THUMBNAIL_SIDE
"""The side at which a JPEG is decoded for it: as a whole it would take 4 bytes a pixel."""
MIN_ALPHA = 32
LIGHT, MAX_DARK_SHARE = 200, 0.02
"""A transparent picture with a smaller share of darker dots is drawn for a dark ground."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A stored picture. width and height are in pixels, as displayed."""

    key: str
    width: int
    height: int


class MediaStore:
    """A folder of pictures named by content. Safe for several processes at once."""

    def __init__(
        self,
        folder: Path | str = ".limner/media",
        *,
        base_url: str | None = None,
        max_pixels: int = DEFAULT_LIMITS.max_pixels,
    ) -> None:
        """base_url: what a key is appended to; the folder's `file://` URI when None."""
        self.folder = Path(folder).resolve()
        self.base_url = base_url or f"{self.folder.as_uri()}/"
        self.max_pixels = max_pixels

    def put(self, image: bytes | Image.Image) -> Picture:
        """Store a picture and its thumbnail.

        One that is there, but damaged, is written anew. Raises BrokenPicture if it cannot be
        decoded, LimitExceeded if it has more than max_pixels, StoreUnusable if it cannot be
        written.
        """
        if isinstance(image, Image.Image):
            opened, (width, height) = image, image.size
            self._check_size(opened)
        else:
            width, height = self.size(image)
            opened = self._decode(image, THUMBNAIL_DECODED)
        if _is_turned(opened):
            width, height = height, width
        shown = self._displayed(opened)
        extension = WEB_FORMATS.get(opened.format or "") if isinstance(image, bytes) else None
        content = image if isinstance(image, bytes) and extension else _png_bytes(shown)
        key = f"{hashlib.sha256(content).hexdigest()}.{extension or 'png'}"
        self._keep(key, content, shown)
        return Picture(key, width, height)

    def _keep(self, key: str, content: bytes, shown: Image.Image) -> None:
        """Write what is not there yet; the picture last, since whatever shows it has both."""
        # Before: this process may be killed at any moment, and nothing refers to it yet.
        self.note_disused(key)
        if not self.thumbnail_path(key).exists():
            _write(self.thumbnail_path(key), _thumbnail_bytes(shown))
        if not _holds(self.path(key), content):
            _write(self.path(key), content)

    def note_disused(self, key: str) -> None:
        """Note a picture that is to be deleted unless something refers to it: `loaders.disused`.

        Raises KeyError if key is not of the form of a key, StoreUnusable if it cannot be noted.
        """
        try:
            self.disused_folder.mkdir(parents=True, exist_ok=True)
            (self.disused_folder / _checked(key)).touch()
        except OSError as error:
            raise StoreUnusable(
                f"{self.disused_folder} cannot be written ({error}). Check the free space of the "
                "disk and the permissions of the folder, then try again: what is in the library "
                "stays as it is."
            ) from error

    @property
    def disused_folder(self) -> Path:
        """A file with the name of each picture that is noted."""
        return self.folder / "disused"

    def make_thumbnail(self, key: str) -> None:
        """Make the thumbnail anew. Raises what `put` does, and OSError."""
        opened = self._decode(self.path(key).read_bytes(), THUMBNAIL_DECODED)
        _write(self.thumbnail_path(key), _thumbnail_bytes(self._displayed(opened)))

    def size(self, image: bytes | Image.Image) -> tuple[int, int]:
        """Width and height in pixels, from the picture's header. Raises BrokenPicture."""
        return image.size if isinstance(image, Image.Image) else self._opened(image).size

    def path(self, key: str) -> Path:
        """Where the picture lies. Raises KeyError if key is not of the form of a key."""
        return self.folder / _checked(key)

    def thumbnail_path(self, key: str) -> Path:
        """Where the WebP thumbnail lies, at most 320 pixels a side."""
        return self.folder / "thumbnails" / f"{_checked(key)}.webp"

    def url(self, key: str) -> str:
        """The stable URL of the picture."""
        return self.base_url + _checked(key)

    def open(self, key: str, *, max_side: int | None = None) -> Image.Image:
        """The picture as displayed (EXIF rotation applied), in RGB on white.

        max_side: in pixels; a larger picture is scaled down to it.
        """
        shown = self._displayed(self._decode(self.path(key).read_bytes(), max_side))
        if max_side:
            shown.thumbnail((max_side, max_side))
        return shown.convert("RGB")

    def remove(self, key: str) -> None:
        """Delete the picture, its thumbnail and its note; nothing if it is not there."""
        for path in (self.path(key), self.thumbnail_path(key), self.disused_folder / key):
            path.unlink(missing_ok=True)

    def keys(self) -> Iterator[str]:
        """The keys of all stored pictures."""
        if self.folder.is_dir():
            yield from (p.name for p in self.folder.iterdir() if KEY_PATTERN.fullmatch(p.name))

    def unfinished(self, pid: int | None = None) -> Iterator[Path]:
        """The files that a process, or any, has begun to write under another name."""
        for path in self.folder.rglob(f".{pid or '*'}-*"):
            if UNFINISHED_PATTERN.fullmatch(path.name):
                yield path

    def discard_unfinished(self, pid: int | None = None) -> None:
        """Delete what a process that has ended was about to write; of any, where none writes."""
        for path in list(self.unfinished(pid)):
            path.unlink(missing_ok=True)

    def discard_former_readings(self) -> None:
        """Delete what was read out of pictures when that still lay beside them."""
        shutil.rmtree(self.folder / "readings", ignore_errors=True)

    def page_readings(self, uri: str) -> PageReadings:
        """What OCR read on the pages of that source before."""
        return PageReadings(self.folder / "pages" / hashlib.sha256(uri.encode()).hexdigest())

    def _decode(self, content: bytes, max_side: int | None = None) -> Image.Image:
        opened = self._opened(content)
        self._check_size(opened)
        if max_side and max(opened.size) > max_side:
            # A JPEG is decoded at the smallest of its own scales that is large enough.
            share = max_side / max(opened.size)
            opened.draft(None, (ceil(opened.width * share), ceil(opened.height * share)))
        with _broken_pictures(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            opened.load()
        return opened

    @staticmethod
    def _opened(content: bytes) -> Image.Image:
        """The picture with its header read, its pixels not yet."""
        with _broken_pictures(), warnings.catch_warnings():
            # Pillow warns at its own pixel limit, where ours is checked, and of odd metadata.
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(content), formats=PICTURE_FORMATS)

    def _check_size(self, image: Image.Image) -> None:
        n_pixels = image.width * image.height
        if n_pixels > self.max_pixels:
            raise LimitExceeded(
                f"The picture has {image.width}×{image.height} pixels; "
                f"the limit is {self.max_pixels:,} pixels in all (max_pixels in the settings)."
            )

    @staticmethod
    def _displayed(image: Image.Image) -> Image.Image:
        """The first frame, upright, with transparency laid on white, or on black if it is light."""
        with _broken_pictures(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged metadata
            # Without an orientation it would make a copy, and a large picture is large twice.
            is_upright = image.getexif().get(ExifTags.Base.Orientation, 1) == 1
            upright = image if is_upright else ImageOps.exif_transpose(image)
        if upright.mode in {"I;16", "I;16B", "I", "F"}:
            low, high = (float(v) for v in upright.getextrema())  # type: ignore[arg-type]
            scale = 255.0 / (high - low) if high > low else 1.0
            upright = upright.convert("F").point(lambda v: (v * scale) - low * scale).convert("L")
        if "A" in upright.getbands() or "transparency" in upright.info:
            rgba = upright.convert("RGBA")
            ground = Image.new("RGBA", rgba.size, "black" if _is_light(rgba) else "white")
            ground.alpha_composite(rgba)
            return ground.convert("RGB")
        return upright if upright.mode in {"RGB", "L"} else upright.convert("RGB")


class PageReadings:
    """What was read on the pages of one source, by how each looks. Safe for several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._used: set[str] = set()

    def get(self, key: str) -> str | None:
        """What was put under the key, a hexadecimal digest; None if nothing was."""
        self._used.add(key)
        try:
            return self._path(key).read_text("utf-8")
        except (FileNotFoundError, UnicodeDecodeError):
            return None

    def put(self, key: str, reading: str) -> None:
        """Remember what was read."""
        self._used.add(key)
        _write(self._path(key), reading.encode())

    def forget_others(self) -> None:
        """Delete what was not asked for: it is of pages that the source no longer has."""
        for path in self.folder.glob("*.json"):
            if path.stem not in self._used:
                path.unlink(missing_ok=True)

    def forget(self) -> None:
        """Delete all of it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def _holds(path: Path, content: bytes) -> bool:
    """Whether that is in the file."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False


def _write(path: Path, content: bytes) -> None:
    """Write so that a reader sees the whole file or none, and that it survives a power cut."""
    unfinished = path.with_name(f".{os.getpid()}-{os.urandom(8).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        sync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise StoreUnusable(
                f"{path.parent} cannot be written ({error.strerror or error}). Check the free "
                "space of the disk and the permissions of the folder, then run the same command "
                "again: what is in the library stays as it is."
            ) from error
        raise


def sync_folder(folder: Path) -> None:
    """Have the folder's list of names on the disk too; Windows has no means, and no need."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def _broken_pictures() -> Iterator[None]:
    """Turn Pillow's errors into ours."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise LimitExceeded(
            f"The picture is too large; the limit is {DEFAULT_LIMITS.max_pixels:,} pixels in all "
            "(max_pixels in the settings)."
        ) from error
    except UnidentifiedImageError as error:  # its text is the address of a buffer
        raise BrokenPicture(
            "The picture cannot be decoded: it is damaged, or no PNG, JPEG, GIF, WebP, TIFF, BMP, "
            "AVIF or JPEG 2000. Open it in a picture viewer and save it again as PNG or JPEG."
        ) from error
    except (OSError, ValueError, SyntaxError, RuntimeError) as error:
        raise BrokenPicture(
            f"The picture cannot be decoded ({type(error).__name__}: {error}). "
            "Open it in a picture viewer and save it again as PNG or JPEG."
        ) from error


def _is_turned(image: Image.Image) -> bool:
    """Whether it is displayed with width and height changed for each other."""
    with _broken_pictures(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged metadata
        return image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)


def _is_light(rgba: Image.Image) -> bool:
    """Whether what can be seen of a picture would hardly stand out from white."""
    red, green, blue, alpha = rgba.split()
    seen = Image.merge("RGB", (red, green, blue)).convert("L")
    mask = alpha.point(lambda a: 255 if a >= MIN_ALPHA else 0)
    shades = seen.histogram(mask)
    return sum(shades[:LIGHT]) < MAX_DARK_SHARE * sum(shades)


def _checked(key: str) -> str:
    if not KEY_PATTERN.fullmatch(key):
        raise KeyError(key)
    return key


def _png_bytes(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def _thumbnail_bytes(image: Image.Image) -> bytes:
    # What is shown is RGB or gray; a copy of a large one is as large.
    largest = THUMBNAIL_SIDE / max(*image.size, THUMBNAIL_SIDE)
    size = max(1, round(image.width * largest)), max(1, round(image.height * largest))
    small = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    buffer = io.BytesIO()
    small.convert("RGB").save(buffer, "WEBP", quality=80)
    return buffer.getvalue()
