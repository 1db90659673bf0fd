"""Captions pictures with BLIP through transformers.

Weights come from a local folder or the Hugging Face cache; nothing is downloaded
unless asked for. Source: Li et al., "BLIP: Bootstrapping Language-Image Pre-training",
2022, https://arxiv.org/abs/2201.12086.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from loaders.errors import PartMissing

DEFAULT_MODEL = "Salesforce/blip-image-captioning-base"
BATCH_SIZE = 8
MAX_NEW_TOKENS = 40
NEEDED_FILES = (
    ("config.json",),
    ("model.safetensors", "pytorch_model.bin"),
    ("preprocessor_config.json", "processor_config.json"),
    ("tokenizer.json", "vocab.txt"),
)
"""What BLIP loads: of each line, one of the files."""


class BlipCaptioner:
    """A one-sentence caption for each picture. Loads its weights at first use."""

    def __init__(
        self, model: str = DEFAULT_MODEL, *, allow_download: bool = False, device: str | None = None
    ) -> None:
        """model: a name on the hub or a local folder. device: chosen by itself when None."""
        self.model = model
        self.device = device
        self._allow_download = allow_download
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any, str] | None = None

    @staticmethod
    def is_available(model: str = DEFAULT_MODEL) -> bool:
        """Whether all that it loads is on this disk. Costs a look there, no import of torch."""
        return all(any(_is_here(model, name) for name in names) for names in NEEDED_FILES)

    @property
    def fingerprint(self) -> str:
        """The model's name and how it is decoded."""
        return f"blip:{self.model}:beam3"

    def read(self, images: Sequence[Image.Image]) -> list[str]:
        """One caption an image, in order. Raises PartMissing if the weights are not here."""
        # Pictures of any shapes make a batch: the processor resizes each to one square.
        captions: list[str] = []
        for start in range(0, len(images), BATCH_SIZE):
            captions += self._caption(images[start : start + BATCH_SIZE])
        return captions

    def _caption(self, images: Sequence[Image.Image]) -> list[str]:
        import torch

        with self._lock:
            processor, model, device = self._load()
            inputs = processor(images=[i.convert("RGB") for i in images], return_tensors="pt")
            with torch.inference_mode():
                tokens = model.generate(
                    pixel_values=inputs["pixel_values"].to(device, model.dtype),
                    num_beams=3,
                    max_new_tokens=MAX_NEW_TOKENS,
                    # BLIP falls into loops ("a picture of a picture of a"): both guards are needed.
                    no_repeat_ngram_size=3,
                    repetition_penalty=1.2,
                )
        return [_tidy(t) for t in processor.batch_decode(tokens, skip_special_tokens=True)]

    def _load(self) -> tuple[Any, Any, str]:
        if self._loaded is None:
            import torch
            from transformers import BlipForConditionalGeneration, BlipProcessor

            device = self.device or _best_device()
            dtype = torch.float16 if device == "cuda" else torch.float32
            offline = not self._allow_download
            try:
                processor = BlipProcessor.from_pretrained(self.model, local_files_only=offline)
                model: Any = BlipForConditionalGeneration.from_pretrained(
                    self.model, local_files_only=offline, dtype=dtype
                )
            except OSError as error:
                raise PartMissing(missing_weights(self.model)) from error
            self._loaded = processor, model.eval().to(device), device
        return self._loaded


def _is_here(model: str, name: str) -> bool:
    if Path(model).is_dir():
        return (Path(model) / name).is_file()
    from huggingface_hub import try_to_load_from_cache

    try:
        return isinstance(try_to_load_from_cache(model, name), str)
    except ValueError:  # not a name on the hub: a folder that is not there
        return False


def missing_weights(model: str = DEFAULT_MODEL) -> str:
    """The line that says that BLIP is not here and how to get it."""
    return (
        f"BLIP's weights ({model}) are not on this machine, so figures are described by their "
        "captions, alt text and the text in them. To add BLIP's captions: limner models pull "
        f"{'blip' if model == DEFAULT_MODEL else model}"
    )


def _best_device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _tidy(caption: str) -> str:
    """Without doubled words, and without BLIP's habitual opening."""
    text = re.sub(r"\b(\w+)( \1\b)+", r"\1", re.sub(r"\s+", " ", caption).strip())
    return re.sub(r"^(?:arafed|araffe)\w*\s+", "", text)
