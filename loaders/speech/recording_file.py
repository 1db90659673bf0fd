"""Opens the file of a recording: only as what it is, and nothing that it refers to.

The format is told by limner's own look at the content, so that none of the formats that FFmpeg
knows and that name other files or addresses, such as playlists, is ever tried. Leaves out
decoding what is in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from loaders.errors import BrokenDocument, UnsupportedFormat

if TYPE_CHECKING:
    from av import AudioStream, VideoStream
    from av.container import InputContainer

FORMATS = {
    "audio/aac": "aac",
    "audio/aiff": "aiff",
    "audio/amr": "amr",
    "audio/flac": "flac",
    "audio/mp4": "mov",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
    "audio/x-caf": "caf",
    "video/mp2t": "mpegts",
    "video/mp4": "mov",
    "video/mpeg": "mpeg",
    "video/quicktime": "mov",
    "video/webm": "matroska",
    "video/x-flv": "flv",
    "video/x-ms-wmv": "asf",
    "video/x-msvideo": "avi",
}
"""MIME type → FFmpeg's name of the format."""
OPTIONS = {"max_streams": "64", "protocol_whitelist": ""}
"""More streams than a person would put in are refused, and so is any address."""


@contextmanager
def opened(path: Path, mime: str, name: str) -> Iterator[InputContainer]:
    """The recording, ready to be decoded. Raises BrokenDocument or UnsupportedFormat."""
    import av

    if mime not in FORMATS:
        raise UnsupportedFormat(f"{name} is not a sound file or film that limner reads.")
    with path.open("rb") as file:
        try:
            container = av.open(
                file,
                mode="r",
                format=FORMATS[mime],
                options=OPTIONS,
                metadata_errors="replace",
                io_open=_refuse,
            )
        except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
            raise broken(name, error) from error
        with container:
            yield container


def _refuse(url: str, *_: object) -> None:
    raise PermissionError(f"a recording may not open {url}")


def broken(name: str, error: Exception) -> BrokenDocument:
    """The error for a recording that cannot be decoded."""
    why = getattr(error, "strerror", None) or str(error)
    return BrokenDocument(
        f"{name} is a damaged recording ({why}). Play it in another program to check, and save "
        "it anew."
    )


def has_film(container: InputContainer) -> bool:
    """Whether there is more to see than the cover of an album."""
    return any(_is_film(stream) for stream in container.streams.video)


def film_stream(container: InputContainer) -> VideoStream:
    """What is shown, of a recording that has a film."""
    return next(stream for stream in container.streams.video if _is_film(stream))


def is_decodable(stream: AudioStream | VideoStream) -> bool:
    """Whether there is a decoder for it: none is found for a damaged or an unknown kind."""
    # PyAV's types leave out that there may be none.
    return getattr(stream, "codec_context", None) is not None


def _is_film(stream: VideoStream) -> bool:
    from av.stream import Disposition

    return is_decodable(stream) and not stream.disposition & Disposition.attached_pic


def length_s(container: InputContainer) -> float | None:
    """How long the recording says it is; None where it does not."""
    if container.duration is None or container.duration <= 0:
        return None
    return float(container.duration) / 1_000_000


def offset_s(container: InputContainer) -> float:
    """The time stamp at which the recording begins."""
    return float(container.start_time or 0) / 1_000_000
