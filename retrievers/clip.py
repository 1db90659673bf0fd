"""Pictures and words as vectors of one space, by a CLIP model of sentence-transformers.

Found on this machine without a network: nothing is downloaded. Source: Radford et al., "Learning
Transferable Visual Models From Natural Language Supervision", 2021,
https://arxiv.org/abs/2103.00020. Leaves out where the vectors are kept.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from retrievers.embeddings import quiet_loading, recorded_name
from retrievers.errors import ModelMissing
from retrievers.vectors import Vectors, unit_rows

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_MODEL = "sentence-transformers/clip-ViT-B-32"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""The first that is there; of the second transformers reads nothing but tensors."""
TOKENIZERS = ("tokenizer.json", "vocab.json")
BATCH_SIZE = 16


class ClipEmbeddings:
    """Vectors of unit length; a picture is near the words that tell it. Read at first use."""

    def __init__(self, name: str | Path = DEFAULT_MODEL, *, device: str | None = None) -> None:
        """name: of the model, or its folder. device: as torch names it; the best when None."""
        self._given = str(name)
        self._device = device
        self._model: SentenceTransformer | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """What a library records: the model's name, or the name of its folder."""
        return recorded_name(self._given)

    @property
    def is_available(self) -> bool:
        """Whether its weights are on this machine; costs a look, and no import of torch."""
        try:
            self.locate()
        except ModelMissing:
            return False
        return True

    def embed_pictures(self, images: Sequence[Image.Image]) -> Vectors:
        """float32 (n, dimension), unit rows. Raises ModelMissing."""
        return self._encode([image.convert("RGB") for image in images])

    def embed_text(self, text: str) -> Vectors:
        """float32 (1, dimension); words beyond the first 75 or so have no effect.

        Raises ModelMissing.
        """
        return self._encode([text])

    def locate(self) -> Path:
        """The folder of the weights on this machine. Raises ModelMissing."""
        folder = Path(self._given) if Path(self._given).is_dir() else _cached(self._given)
        if folder is None or not _is_whole(folder):
            raise ModelMissing(missing_weights(self._given))
        return folder

    def _encode(self, inputs: Sequence[Image.Image | str]) -> Vectors:
        # Tokenizers do not stand two threads at once.
        with self._lock:
            if self._model is None:
                self._model = self._load()
            vectors = self._model.encode(
                list(inputs),
                batch_size=BATCH_SIZE,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return unit_rows(np.asarray(vectors, dtype=np.float32))

    def _load(self) -> SentenceTransformer:
        folder = self.locate()
        from sentence_transformers import SentenceTransformer

        with quiet_loading():
            try:
                model = SentenceTransformer(str(folder), device=self._device, local_files_only=True)
            except Exception as error:  # each reader of damaged weights raises its own
                raise ModelMissing(
                    f"The CLIP model {self._given} cannot be read from {folder} ({error}). "
                    "Delete that folder and get the model again."
                ) from error
        if not model.supports("image"):
            raise ModelMissing(
                f"The model {self._given} does not read pictures. "
                f"Set clip_model to {DEFAULT_MODEL}."
            )
        return model


def missing_weights(name: str = DEFAULT_MODEL) -> str:
    """The line that says that CLIP is not here and how to get it."""
    return (
        f"The CLIP model ({name}) is not on this machine, so pictures are found by their copies "
        "and their descriptions, not by what they show. To add it: limner models pull "
        f"{'clip' if name == DEFAULT_MODEL else name}"
    )


def _cached(name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        modules = try_to_load_from_cache(name, "modules.json")
    except HFValidationError:
        return None
    return Path(modules).parent if isinstance(modules, str) else None


def _is_whole(folder: Path) -> bool:
    """Whether its first module has what it loads: a download may have been broken off."""
    try:
        modules = json.loads((folder / "modules.json").read_text("utf-8"))
        inside = PurePosixPath(str(modules[0]["path"]))
    except (OSError, ValueError, LookupError, TypeError):
        return False
    part = folder / inside
    needed = (("config.json",), WEIGHTS, TOKENIZERS)
    return all(any((part / name).is_file() for name in names) for names in needed)
