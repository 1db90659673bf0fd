"""Decodes the sound of a recording, a window of some minutes at a time.

Windows end where it is quietest, so that no word is cut, and hours of sound take the memory of
one window. Leaves out what is heard in it: that is `transcriber`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from loaders.speech.recording_file import offset_s

if TYPE_CHECKING:
    from av import AudioStream
    from av.container import InputContainer

SAMPLE_RATE = 16_000
"""Samples a second, in one channel: what speech models hear."""
WINDOW_S = 120
SEARCHED_S = 30
"""Of a window's end, where the quietest place is looked for."""
QUIET_S = 0.25
MAX_FAULTS = 200
"""Packets in a row that cannot be decoded: what follows is no sound any more."""

Samples = NDArray[np.float32]


def windows(
    container: InputContainer, stream: AudioStream, max_s: float
) -> Iterator[tuple[float, Samples]]:
    """Each window's start in seconds and its samples, in [-1, 1]; at most max_s of sound.

    What cannot be decoded is left out. Raises av.FFmpegError where nothing more can be.
    """
    held: list[Samples] = []
    n_held, n_given = 0, 0
    start = 0.0
    for at, piece in _pieces(container, stream):
        if n_given + n_held == 0:
            start = at
        if start + (n_given + n_held) / SAMPLE_RATE > max_s:
            break
        held.append(piece)
        n_held += len(piece)
        if n_held >= WINDOW_S * SAMPLE_RATE:
            window = np.concatenate(held)
            end = _quietest(window)
            yield start + n_given / SAMPLE_RATE, window[:end]
            held = [window[end:].copy()]
            n_given, n_held = n_given + end, n_held - end
    if n_held:
        yield start + n_given / SAMPLE_RATE, np.concatenate(held)


def _pieces(container: InputContainer, stream: AudioStream) -> Iterator[tuple[float, Samples]]:
    """Decoded sound, piece by piece, each with the second at which the recording says it is."""
    import av

    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    n_faults, offset = 0, offset_s(container)
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
            resampled = [(f.time or 0.0, r) for f in frames for r in resampler.resample(f)]
        except (av.FFmpegError, ValueError):  # ValueError: another rate or layout than before
            n_faults += 1
            if n_faults > MAX_FAULTS:
                raise
            continue
        n_faults = 0
        for at, frame in resampled:
            yield (
                max(0.0, at - offset),
                frame.to_ndarray().reshape(-1).astype(np.float32, copy=False),
            )
    for frame in resampler.resample(None):
        yield 0.0, frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)


def _quietest(window: Samples) -> int:
    """The sample in the window's last part around which it is quietest."""
    width = int(QUIET_S * SAMPLE_RATE)
    first = len(window) - SEARCHED_S * SAMPLE_RATE
    n_parts = (len(window) - first) // width
    parts = window[first : first + n_parts * width].reshape(n_parts, width)
    loudness = np.square(parts, dtype=np.float32).mean(axis=1)
    # The last of several that are alike, so that the next window has less to hear again.
    quietest = n_parts - 1 - int(np.argmin(loudness[::-1]))
    return int(first + quietest * width + width // 2)
