"""Reads a picture file: a figure, one a page of a TIFF, the distinctive frames of an animation.

HEIC is read where pi-heif is installed: its wheel holds libheif and libde265, both LGPL; that of
pillow-heif, which writes HEIC too, adds x265 under the GPL.
Leaves out what is seen in the picture: that is `loaders.captioning`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageChops, ImageOps, ImageStat

from loaders.elements import Element, Figure, Info, Skipped
from loaders.errors import (
    BrokenDocument,
    BrokenPicture,
    EmptyDocument,
    LimitExceeded,
    LoaderError,
    UnsupportedFormat,
)
from loaders.loader import MIN_SENT_SIDE, DocumentLoader
from loaders.media import PICTURE_FORMATS
from loaders.pictures import alt_text, drawn
from loaders.source import SourceFile

EXIF_DESCRIPTION = 0x010E
WINDOWS_TITLE, WINDOWS_COMMENT, WINDOWS_SUBJECT = 0x9C9B, 0x9C9C, 0x9C9F
PNG_KEYS = ("Description", "Caption", "Title")
TIFF_SUBFILE_TYPE = 0x00FE
REDUCED_RESOLUTION = 1
ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")
MAX_FRAMES, MAX_SHOWN = 500, 8
"""Of an animation: frames that are looked at, and figures that are made of them."""
LOOK_SIDE = 32
MIN_CHANGE = 12.0
"""Mean difference of the pixels, in 256 steps, that makes a frame unlike another."""
NO_HEIC = "{} is a HEIC picture. To read it run: pip install pi-heif, or save it as JPEG."
UNDECODABLE = (
    *(OSError, EOFError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError),
    RuntimeError,  # of AVIF
)
"""What Pillow raises on damaged files."""
CAMERA_TEXT = re.compile(
    r"(?:olympus|sony|samsung|kodak|minolta|konica|nikon|canon|dcim|dsc|created with|screenshot)"
    r"\b.{0,40}",
    re.IGNORECASE,
)
"""What cameras and programs write where a description belongs."""


class ImageLoader(DocumentLoader):
    """Reads a picture in any of PICTURE_FORMATS."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        with _decoding(file.name):
            image = Image.open(file.path, formats=PICTURE_FORMATS)
        with image:
            with _decoding(file.name):
                # Only of a TIFF are the frames pages. Of others they are not even counted,
                # since a hostile animation may claim a later frame of any size.
                n_pages = self._n_pages(image, file.name) if image.format == "TIFF" else 1
            if n_pages > 1:
                yield from self._pages(image, n_pages, file.name)
                return
            with _decoding(file.name):
                self._check_size(image, file.name)
                image.load()
                caption = _caption(image)
            yield Info()
            # The file itself, so that it is stored unchanged.
            yield Figure(file.path.read_bytes(), caption=caption, is_sent=True)
            if image.format in ANIMATED:
                yield from self._later_frames(image, caption)

    def _later_frames(self, image: Image.Image, caption: str | None) -> Iterator[Element]:
        """The frames of an animation that look unlike those before; damage ends them."""
        shown = [_look(image)]
        seconds = 0.0
        for index in range(1, MAX_FRAMES):
            seconds += float(image.info.get("duration", 0) or 0) / 1000
            try:
                with _decoding("The animation"), warnings.catch_warnings():
                    # A later frame may claim any size: Pillow looks at it before it is decoded.
                    warnings.simplefilter("error", Image.DecompressionBombWarning)
                    image.seek(index)
                    self._check_size(image, "The animation")
                    look = _look(image)
            except (LoaderError, Image.DecompressionBombWarning, EOFError):
                return
            if all(_difference(look, other) >= MIN_CHANGE for other in shown):
                shown.append(look)
                picture = image.convert("RGBA")
                yield Figure(picture, caption=caption, start=seconds, end=seconds)
            if len(shown) == MAX_SHOWN:
                return

    def _n_pages(self, image: Image.Image, name: str) -> int:
        """How many pages a TIFF has. Pillow would count them all, however many that are."""
        for index in range(1, self.limits.max_pages + 1):
            try:
                image.seek(index)
            except EOFError:
                image.seek(0)
                return index
        raise LimitExceeded(
            f"{name} has more than {self.limits.max_pages:,} pages, which is the limit."
        )

    def _pages(self, image: Image.Image, n_pages: int, name: str) -> Iterator[Element]:
        yield Info(n_pages=n_pages)
        with _decoding(name):
            caption = _caption(image)
        for index in range(n_pages):
            yield from self._page(image, index, caption, name)

    def _page(
        self, image: Image.Image, index: int, caption: str | None, name: str
    ) -> Iterator[Element]:
        """One page of a TIFF; a damaged one is left out, since the others can be read."""
        try:
            with _decoding(name):
                image.seek(index)
                if image.getexif().get(TIFF_SUBFILE_TYPE, 0) & REDUCED_RESOLUTION:
                    return
                self._check_size(image, name)
                picture = ImageOps.exif_transpose(image.copy())
        except LoaderError as error:
            yield Skipped(f"Page {index + 1}", str(error))
            return
        yield Figure(picture, caption=caption, page=index + 1)

    def _check_size(self, image: Image.Image, name: str) -> None:
        size = f"{image.width}×{image.height} pixels"
        if image.width * image.height > self.limits.max_pixels:
            raise LimitExceeded(
                f"{name} has {size}; the limit is {self.limits.max_pixels:,} in all. "
                "Save it smaller."
            )
        if min(image.size) < MIN_SENT_SIDE:
            raise EmptyDocument(
                f"{name} has only {size}; with a side below {MIN_SENT_SIDE} it shows nothing."
            )


class HeicLoader(DocumentLoader):
    """Reads a HEIC photograph, where pi-heif is installed."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        try:
            from pi_heif import register_heif_opener
        except ImportError as error:
            raise UnsupportedFormat(NO_HEIC.format(file.name)) from error
        register_heif_opener(thumbnails=False)
        with _decoding(file.name), Image.open(file.path, formats=("HEIF",)) as image:
            if image.width * image.height > self.limits.max_pixels:
                raise LimitExceeded(
                    f"{file.name} has {image.width}×{image.height} pixels; the limit is "
                    f"{self.limits.max_pixels:,} in all. Save it smaller."
                )
            caption = _caption(image)
            picture = image.convert("RGB")
        yield Info()
        yield Figure(picture, caption=caption, is_sent=True)


class SvgLoader(DocumentLoader):
    """Reads a drawing in SVG: as a picture, with the words in it."""

    def _elements(self, file: SourceFile) -> Iterator[Element]:
        content = file.path.read_bytes()
        try:
            figure = drawn(Figure(content, is_sent=True), content)
        except BrokenPicture as error:
            raise BrokenDocument(f"{file.name}: {error}") from error
        yield Info()
        yield figure


def _look(image: Image.Image) -> Image.Image:
    """The frame as a few pixels, by which it is compared."""
    on_white = Image.new("RGBA", image.size, "white")
    on_white.alpha_composite(image.convert("RGBA"))
    return on_white.convert("RGB").resize((LOOK_SIDE, LOOK_SIDE), Image.Resampling.BOX)


def _difference(a: Image.Image, b: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(a, b)).mean) / 3


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Map what Pillow raises to a LoaderError, and keep its warnings to itself."""
    try:
        with warnings.catch_warnings():
            # At Pillow's own pixel limit, which ours replaces, and at odd metadata.
            warnings.simplefilter("ignore")
            yield
    except Image.DecompressionBombError as error:
        raise LimitExceeded(f"{name} is too large a picture: {error}") from error
    except UNDECODABLE as error:
        raise BrokenDocument(
            f"{name} is a damaged picture ({error}). Open it in a picture viewer and save it again."
        ) from error


def _caption(image: Image.Image) -> str | None:
    """What a person wrote into the picture's own metadata."""
    try:
        exif = image.getexif()
        tags = (EXIF_DESCRIPTION, WINDOWS_TITLE, WINDOWS_SUBJECT, WINDOWS_COMMENT)
        written = [exif.get(tag) for tag in tags]
    except UNDECODABLE:  # damaged metadata does not make the picture unreadable
        written = []
    for value in [*written, *(image.info.get(key) for key in PNG_KEYS)]:
        text = alt_text(_as_text(value))
        if text and not CAMERA_TEXT.fullmatch(text):
            return text
    return None


def _as_text(value: object) -> str:
    """Metadata as text. Windows writes UTF-16 as bytes; others UTF-8 where ASCII is due."""
    if isinstance(value, bytes):
        return value.decode("utf-16-le", "replace").strip("\0 ")
    if not isinstance(value, str):
        return ""
    try:
        return value.encode("latin-1").decode("utf-8").strip("\0 ")
    except UnicodeError:
        return value.strip("\0 ")
