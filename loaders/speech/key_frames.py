"""Finds the scenes of a film and gives one frame of each.

Only key frames are decoded, where there are enough: encoders set one where the picture changes.
PySceneDetect looks at every frame and needs a second copy of OpenCV; its way of telling a cut
from movement, a change far beyond that of the frames before, is what is done here. Leaves out
what a frame shows: that is `loaders.captioning`.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from fractions import Fraction
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from loaders.limits import Limits, n_cores
from loaders.speech.recording_file import film_stream, length_s, offset_s

if TYPE_CHECKING:
    from av import Packet, VideoFrame, VideoStream
    from av.container import InputContainer

MAX_SCENES = 240
"""Of one film: in a long one, scenes that are too short are not shown."""
MAX_SIDE = 1_280
"""Pixels. Frames are stored no larger."""
JPEG_QUALITY = 85
SECONDS_BETWEEN_LOOKS = 1.0
MAX_KEY_GAP_S = 4.0
"""Where key frames are farther apart, all frames are decoded on which others build."""
LOOK_WIDTH, LOOK_HEIGHT = 64, 36
N_RECENT = 5
MAX_CHANGE = 25.0
"""Mean difference of the pixels, in 256 steps, that makes another scene in any film."""
MIN_CHANGE, CHANGE_FACTOR = 0.5, 3.0
"""The least difference that does in a still picture, as of slides, and how many times the usual
difference between looks is needed in a moving one."""
CODING_NOISE = 8
"""Steps by which pixels of a still picture differ, since it was coded twice."""
N_REMEMBERED = 12
"""Scenes shown before: a film that cuts back to one does not show it again."""
MIN_CONTRAST = 6.0
"""Standard deviation of the pixels, below which a frame is blank: a fade."""
MAX_FAULTS = 200
"""Packets in a row that cannot be decoded: what follows is no film any more."""
MAX_THREADS = 4

Look = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene, in seconds. image: a frame of it, as a JPEG file."""

    start: float
    end: float
    image: bytes


def scenes(
    open_film: Callable[[], AbstractContextManager[InputContainer]],
    limits: Limits,
    on_second: Callable[[float], None],
) -> Iterator[Scene]:
    """The scenes in order. Raises BrokenDocument, or av.FFmpegError where nothing is left.

    open_film: gives the film from its beginning. on_second: is told how far it is looked through.
    """
    with open_film() as container:
        length = min(length_s(container) or limits.max_recorded_s, limits.max_recorded_s)
        only_keys = _are_dense(_key_times(container, film_stream(container)), length)
    with open_film() as container:
        stream = film_stream(container)
        stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = min(MAX_THREADS, n_cores())
        if not only_keys:
            stream.codec_context.skip_frame = "NONREF"
        finder = _SceneFinder(max(SECONDS_BETWEEN_LOOKS, length / MAX_SCENES), stream)
        at = 0.0
        for time, frame in _frames(container, stream, only_keys=only_keys):
            at = max(0.0, time - offset_s(container))
            if at > limits.max_recorded_s or finder.n_shown == MAX_SCENES:
                break
            on_second(at)
            yield from finder.see(at, frame)
        yield from finder.close(max(at, length_s(container) or 0.0))


def _key_times(container: InputContainer, stream: VideoStream) -> list[float]:
    """The second of each key frame, as far as the file tells."""
    return [
        float(packet.pts * packet.time_base)
        for packet in _packets(container, stream)
        if packet.is_keyframe and packet.pts is not None and packet.time_base is not None
    ]


def _are_dense(times: list[float], length: float) -> bool:
    """Whether key frames alone show what a film of so many seconds shows."""
    gaps = (b - a for a, b in zip(times, [*times[1:], length], strict=True))
    return bool(times) and max(gaps) <= MAX_KEY_GAP_S


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """The film's packets; a damaged end is an end."""
    import av

    try:
        yield from container.demux(stream)
    except av.FFmpegError:
        return


def _frames(
    container: InputContainer, stream: VideoStream, *, only_keys: bool
) -> Iterator[tuple[float, VideoFrame]]:
    """Frames about SECONDS_BETWEEN_LOOKS apart, with their seconds."""
    import av

    rate = float(stream.average_rate or stream.base_rate or 25) or 25.0
    n_frames, n_faults = 0, 0
    fault: Exception | None = None
    taken, shown = -SECONDS_BETWEEN_LOOKS, -SECONDS_BETWEEN_LOOKS
    for packet in _packets(container, stream):
        if only_keys and packet.size:
            if not packet.is_keyframe or packet.pts is None or packet.time_base is None:
                continue
            at = float(packet.pts * packet.time_base)
            if abs(at - taken) < SECONDS_BETWEEN_LOOKS:
                continue
            taken = at
        try:
            decoded = packet.decode()
        except (av.FFmpegError, ValueError, MemoryError) as error:
            fault, n_faults = error, n_faults + 1
            if n_faults > MAX_FAULTS:
                raise
            continue
        for frame in decoded:
            n_frames, n_faults = n_frames + 1, 0
            at = n_frames / rate if frame.time is None else frame.time
            if at - shown >= SECONDS_BETWEEN_LOOKS or only_keys:
                shown = at
                yield at, frame
    if fault and not n_frames:
        raise fault


@dataclass(slots=True)
class _SceneFinder:
    """Tells by one frame after the other where scenes begin. min_s: their shortest length."""

    min_s: float
    stream: VideoStream
    n_shown: int = 0
    _start: float = 0.0
    _image: bytes = b""
    _kept: Look | None = None
    _last: Look | None = None
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=N_RECENT))
    _shown: deque[Look] = field(default_factory=lambda: deque(maxlen=N_REMEMBERED))

    def see(self, at: float, frame: VideoFrame) -> Iterator[Scene]:
        """Give the scene that this frame ends, if it does."""
        look = _look(frame)
        usual = median(self._recent) if self._recent else MAX_CHANGE
        needed = min(MAX_CHANGE, MIN_CHANGE + CHANGE_FACTOR * usual)
        if self._last is not None:
            self._recent.append(_difference(look, self._last))
        self._last = look
        if look.std() < MIN_CONTRAST:
            return
        if self._kept is not None:
            if at - self._start < self.min_s or _difference(look, self._kept) <= needed:
                return
            yield from self.close(at)
        is_new = all(_difference(look, other) > needed for other in self._shown)
        self._start, self._kept = at if self._shown else 0.0, look
        self._image = _jpeg(frame, self.stream.sample_aspect_ratio) if is_new else b""
        if is_new:
            self._shown.append(look)

    def close(self, at: float) -> Iterator[Scene]:
        """Give the scene that ends there, unless it was shown before."""
        if self._image:
            self.n_shown += 1
            yield Scene(self._start, at, self._image)
        self._image = b""


def _look(frame: VideoFrame) -> Look:
    """The frame as a few pixels, by which it is compared."""
    small = frame.reformat(LOOK_WIDTH, LOOK_HEIGHT, format="rgb24", interpolation="AREA")
    return small.to_ndarray().astype(np.int16)


def _difference(a: Look, b: Look) -> float:
    return float(np.maximum(np.abs(a - b) - CODING_NOISE, 0).mean())


def _jpeg(frame: VideoFrame, pixel_ratio: Fraction | None) -> bytes:
    """The frame as it is shown: with square pixels, upright, and not too large."""

    width = frame.width * min(4.0, max(0.25, float(pixel_ratio or 1)))
    scale = min(1.0, MAX_SIDE / max(width, frame.height))
    size = max(1, round(width * scale)), max(1, round(frame.height * scale))
    image = Image.fromarray(frame.reformat(*size, format="rgb24").to_ndarray())
    turned = image.rotate(frame.rotation, expand=True) if frame.rotation % 90 == 0 else image
    buffer = io.BytesIO()
    turned.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
