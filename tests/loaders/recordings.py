"""Makes small sound files and films for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from loaders.errors import PartMissing
from loaders.speech.sound import Samples
from loaders.speech.transcriber import Word

RATE = 16_000


class Hears:
    """Hears the given words, at the given seconds of each window, in place of a model."""

    model = None
    fingerprint = "hears"

    def __init__(self, *words: tuple[str, float]) -> None:
        self._words = words
        self.windows: list[float] = []

    def words(self, samples: Samples, language: str | None = None) -> tuple[str, Iterator[Word]]:
        self.windows.append(len(samples) / RATE)
        return "en", (Word(f" {text}", at, at + 0.5) for text, at in self._words)


class IsMissing(Hears):
    """A model that is not here."""

    def words(self, samples: Samples, language: str | None = None) -> tuple[str, Iterator[Word]]:
        raise PartMissing("Speech is not read. Run: pip install a-model")


def silence(seconds: float) -> NDArray[np.float32]:
    return np.zeros(int(seconds * RATE), np.float32)


def noise(seconds: float, loudness: float = 0.1) -> NDArray[np.float32]:
    chance = np.random.default_rng(1)
    return (chance.normal(0, loudness, int(seconds * RATE))).astype(np.float32)


def melody(seconds: float) -> NDArray[np.float32]:
    """Plucked strings over a chord."""
    chance = np.random.default_rng(2)
    at = np.arange(RATE // 4) / RATE
    tones = chance.choice([262, 294, 330, 349, 392, 440, 494], int(seconds * 4))
    plucked = np.concatenate([np.sin(2 * np.pi * f * at) * np.exp(-8 * at) for f in tones])
    long = np.arange(len(plucked)) / RATE
    chord = sum(np.sin(2 * np.pi * f * long) for f in (131, 165, 196))
    return (0.4 * plucked + 0.05 * chord).astype(np.float32)


def sound_of(path: Path) -> NDArray[np.float32]:
    """The samples of a sound file."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    with av.open(path) as container:
        pieces = [
            r.to_ndarray()[0] for f in container.decode(audio=0) for r in resampler.resample(f)
        ]
    return np.concatenate(pieces)


def write(
    path: Path,
    sound: NDArray[np.float32] | None = None,
    pictures: Sequence[tuple[Image.Image, float]] = (),
    *,
    sound_codec: str = "pcm_s16le",
    picture_codec: str = "mpeg4",
    frames_a_second: int = 10,
    kind: str | None = None,
    chapters: Sequence[tuple[str, int]] = (),
    tags: dict[str, str] | None = None,
) -> Path:
    """A recording. pictures: each with how many seconds it is shown; chapters: with their start."""
    with av.open(path, "w", format=kind) as container:
        container.metadata.update(tags or {})
        film = speech = None
        if pictures:
            film = container.add_stream(picture_codec, rate=frames_a_second)
            film.width, film.height = pictures[0][0].size
            film.pix_fmt = "yuv420p"
        if sound is not None:
            speech = container.add_stream(sound_codec, rate=RATE, layout="mono")
        if chapters:
            container.set_chapters([_chapter(n, *c) for n, c in enumerate(chapters)])
        if film:
            _write_film(container, film, pictures, frames_a_second)
        if speech and sound is not None:
            _write_sound(container, speech, sound)
    return path


def _chapter(n: int, title: str, start: int) -> dict[str, Any]:
    unit = Fraction(1, 1000)
    times = {"start": start * 1000, "end": (start + 1) * 1000, "time_base": unit}
    return {"id": n, "metadata": {"title": title}} | times


def _write_film(container: Any, stream: Any, pictures: Any, rate: int) -> None:
    n = 0
    for picture, seconds in pictures:
        frame = av.VideoFrame.from_ndarray(np.asarray(picture.convert("RGB")), format="rgb24")
        for _ in range(round(seconds * rate)):
            frame.pts, frame.time_base = n, Fraction(1, rate)
            frame.pict_type = 0
            container.mux(stream.encode(frame))
            n += 1
    container.mux(stream.encode(None))


def _write_sound(container: Any, stream: Any, sound: NDArray[np.float32]) -> None:
    resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=RATE)
    for start in range(0, len(sound), RATE):
        piece = np.ascontiguousarray(sound[None, start : start + RATE])
        frame = av.AudioFrame.from_ndarray(piece, format="flt", layout="mono")
        frame.sample_rate, frame.pts = RATE, start
        for resampled in resampler.resample(frame):
            container.mux(stream.encode(resampled))
    container.mux(stream.encode(None))


def slide(*lines: str, size: tuple[int, int] = (640, 360)) -> Image.Image:
    """Black text on white."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for n, line in enumerate(lines):
        draw.text((30, 20 + 50 * n), line, font=ImageFont.load_default(28), fill="black")
    return image


def scene(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Large patches of colour, unlike those of another seed."""
    chance = np.random.default_rng(seed)
    patches = chance.integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(patches).resize(size, Image.Resampling.NEAREST)
