"""Captions pictures with BLIP through transformers.

Weights come from the Hugging Face cache or a local folder; nothing is downloaded unless asked
for. On a processor the same captions come from faster layers (`blip_layers`). Leaves out
whether a caption is worth showing. Source: Li et al., "BLIP: Bootstrapping Language-Image
Pre-training", 2022, https://arxiv.org/abs/2201.12086.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from loaders.captioning.caption_text import tidied, whole_phrase
from loaders.errors import PartMissing

DEFAULT_MODEL = "Salesforce/blip-image-captioning-base"
DEFAULT_BEAMS = 3
"""As in BLIP's paper. Beams share what is costly, the picture: they add a tenth to its time."""
BATCH_SIZE = 8
"""Pictures of which the words are found together: four take two thirds of the time of each alone,
and 43 MB of memory each."""
MAX_NEW_TOKENS = 40
WEIGHTS = SAFE_WEIGHTS, PICKLED_WEIGHTS = "model.safetensors", "pytorch_model.bin"
NEEDED_FILES = (
    ("config.json",),
    WEIGHTS,
    ("preprocessor_config.json", "processor_config.json"),
    ("tokenizer.json", "vocab.txt"),
)
"""What BLIP loads: of each line, one of the files."""
OFFLINE_SWITCHES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
MISSING = (
    "BLIP's weights ({model}) are not on this machine, so figures are described by their "
    "captions, alt text and the text in them. To add BLIP's captions: limner models pull {pulled}"
)
NOT_FETCHED = "BLIP's weights ({model}) could not be fetched: {reason}."
SWITCHED_OFF = "{switch}={value} forbids it; unset it to download"
UNREADABLE = (
    "BLIP's weights in {folder} cannot be used: {reason}. "
    "Delete that folder and get them again: limner models pull {model}"
)


@dataclass(frozen=True, slots=True)
class _Blip:
    """A model that is loaded, with what turns pictures and words into its numbers and back."""

    pictures: Any
    tokenizer: Any
    model: Any
    device: str


class BlipCaptioner:
    """A one-sentence caption for each picture. Loads its weights at first use."""

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        prompt: str | None = None,
        beams: int = DEFAULT_BEAMS,
        allow_download: bool = False,
        device: str | None = None,
        int8: bool | None = None,
    ) -> None:
        """model: a name on the hub or a local folder.

        prompt: what each caption begins with, "a chart of" say; BLIP goes on from there.
        beams: how many captions are followed at once; the likeliest next word is taken when 1.
        device, int8: chosen by themselves when None; int8 is for processors only.
        """
        self.model = model
        self.prompt = " ".join((prompt or "").split())
        self.beams = beams
        self.device = device
        self._int8 = int8
        self._allow_download = allow_download
        self._lock = threading.Lock()
        self._loaded: _Blip | None = None

    @staticmethod
    def is_available(model: str = DEFAULT_MODEL) -> bool:
        """Whether all that it loads is on this disk. Costs a look there, no import of torch."""
        folder = folder_of(model)
        return folder is not None and not missing_files(folder)

    @property
    def fingerprint(self) -> str:
        """The model, which weights it has, and how it is decoded."""
        prompt = f":{self.prompt}" if self.prompt else ""
        return f"blip:{self.model}:{_version(self.model)}:beams{self.beams}{prompt}:3"

    def read(self, images: Sequence[Image.Image]) -> list[str]:
        """One caption an image, in order. Raises PartMissing if the weights are not here."""
        # Pictures of any shapes make a batch, in any order: each is resized to one square, and
        # the prompt is the same for all.
        captions: list[str] = []
        for start in range(0, len(images), BATCH_SIZE):
            captions += self._caption(images[start : start + BATCH_SIZE])
        return captions

    def _caption(self, images: Sequence[Image.Image]) -> list[str]:
        import torch

        with self._lock, torch.inference_mode():
            blip = self._load()
            tokens = self._words(blip, self._patches(blip, images))[:, 1:]  # without its "begin"
            texts = blip.tokenizer.batch_decode(tokens, skip_special_tokens=True)
        end = blip.model.config.text_config.sep_token_id
        return [
            tidied(text if end in row else whole_phrase(text), self.prompt)
            for row, text in zip(tokens.tolist(), texts, strict=True)
        ]

    def _patches(self, blip: _Blip, images: Sequence[Image.Image]) -> Any:
        """What the vision model says: (pictures, patches, width)."""
        import torch

        # A processor is as fast with one at a time, and needs the memory of one.
        n = 1 if blip.device == "cpu" else len(images)
        seen = []
        for start in range(0, len(images), n):
            some = [image.convert("RGB") for image in images[start : start + n]]
            pixels = blip.pictures(images=some, return_tensors="pt")["pixel_values"]
            pixels = pixels.to(blip.device, blip.model.dtype)
            seen.append(blip.model.vision_model(pixels).last_hidden_state)
        return torch.cat(seen)

    def _words(self, blip: _Blip, patches: Any) -> Any:
        """The captions as tokens, one row a picture."""
        import torch

        from loaders.captioning.blip_layers import looking_at

        text = blip.model.config.text_config
        words = blip.tokenizer(self.prompt, add_special_tokens=False)["input_ids"]
        begun = torch.tensor([[text.bos_token_id, *words]] * len(patches), device=blip.device)
        with looking_at(blip.model, patches):
            return blip.model.text_decoder.generate(
                input_ids=begun,
                attention_mask=torch.ones_like(begun),
                # The layers know the pictures: this only says that there are some.
                encoder_hidden_states=patches[:, :1],
                eos_token_id=text.sep_token_id,
                pad_token_id=text.pad_token_id,
                num_beams=self.beams,
                do_sample=False,
                max_new_tokens=MAX_NEW_TOKENS,
                # BLIP falls into loops ("a picture of a picture of a"): both guards are needed.
                no_repeat_ngram_size=3,
                repetition_penalty=1.2,
            )

    def _load(self) -> _Blip:
        if self._loaded is None:
            from loaders.captioning.blip_layers import multiplies_int8, quicken

            folder = _usable_folder(self.model, allow_download=self._allow_download)
            device = self.device or _best_device()
            loaded = _read(folder, self.model, device)
            int8 = multiplies_int8() if self._int8 is None else self._int8
            quicken(loaded.model, int8=int8 and device == "cpu")
            self._loaded = loaded
        return self._loaded


def folder_of(model: str) -> Path | None:
    """Where a model lies: in the Hugging Face cache, or else the folder of that name."""
    from huggingface_hub import try_to_load_from_cache

    try:
        cached = try_to_load_from_cache(model, "config.json")
    except ValueError:  # not a name on the hub
        cached = None
    if isinstance(cached, str):
        return Path(cached).parent
    return Path(model) if Path(model).is_dir() else None


def _version(model: str) -> str:
    """Tells weights of one name apart: by the hub's commit, or by when their file was written."""
    folder = folder_of(model)
    if folder is None:
        return ""
    if folder.parent.name == "snapshots":
        return folder.name[:12]
    written = [path.stat() for path in map(folder.joinpath, WEIGHTS) if path.is_file()]
    told = [str(folder.resolve()), *((found.st_size, found.st_mtime_ns) for found in written)]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:12]


def missing_files(folder: Path) -> list[str]:
    """What BLIP needs and a folder does not hold."""
    return [
        " or ".join(names)
        for names in NEEDED_FILES
        if not any((folder / name).is_file() for name in names)
    ]


def missing_weights(model: str = DEFAULT_MODEL) -> str:
    """The line that says that BLIP is not here and how to get it."""
    return MISSING.format(model=model, pulled="blip" if model == DEFAULT_MODEL else model)


def _usable_folder(model: str, *, allow_download: bool) -> Path:
    """A folder with all that is loaded: the cache, a local one, or fetched from the hub."""
    folder = folder_of(model)
    missing = missing_files(folder) if folder else []
    if folder and not missing:
        return folder
    if allow_download and not Path(model).is_dir():
        return _fetched(model)
    if folder:
        reason = f"it lacks {', '.join(missing)}"
        raise PartMissing(UNREADABLE.format(folder=folder, reason=reason, model=model))
    raise PartMissing(missing_weights(model))


def _fetched(model: str) -> Path:
    from huggingface_hub import snapshot_download

    for switch in OFFLINE_SWITCHES:
        value = os.environ.get(switch, "")
        if value.upper() in {"1", "ON", "YES", "TRUE"}:
            reason = SWITCHED_OFF.format(switch=switch, value=value)
            raise PartMissing(NOT_FETCHED.format(model=model, reason=reason))
    safe = [name for names in NEEDED_FILES for name in names if name != PICKLED_WEIGHTS]
    try:
        folder = Path(snapshot_download(model, allow_patterns=[*safe, "*token*.json"]))
        if not (folder / SAFE_WEIGHTS).is_file():
            snapshot_download(model, allow_patterns=[PICKLED_WEIGHTS])
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
        raise PartMissing(NOT_FETCHED.format(model=model, reason=reason)) from error
    if missing := missing_files(folder):
        reason = f"the hub's model lacks {', '.join(missing)}"
        raise PartMissing(NOT_FETCHED.format(model=model, reason=reason))
    return folder


def _read(folder: Path, name: str, device: str) -> _Blip:
    """Load what lies in a folder. Raises PartMissing if it is damaged, or no BLIP."""
    import torch
    from transformers import AutoTokenizer, BlipForConditionalGeneration, BlipImageProcessorPil

    weights = SAFE_WEIGHTS if (folder / SAFE_WEIGHTS).is_file() else PICKLED_WEIGHTS
    what = f"{folder.name}/"
    try:
        with _quiet():
            pictures = BlipImageProcessorPil.from_pretrained(folder, local_files_only=True)
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            what = weights
            found: Any = BlipForConditionalGeneration.from_pretrained(
                folder,
                local_files_only=True,
                use_safetensors=weights == SAFE_WEIGHTS,
                # Salesforce publishes BLIP-base as a pickle only, as others than `limner models
                # pull` bring it. Of it torch builds nothing but tensors; that is transformers 5's
                # default, said here so that it stays so.
                weights_only=True,
                # Half precision: graphics cards of any age have it, and it keeps more digits
                # than bfloat16, which no processor tried here multiplies faster than fp32.
                dtype=torch.float16 if device.startswith("cuda") else torch.float32,
                output_loading_info=True,
            )
    # At a damaged file transformers raises almost anything: SafetensorError, KeyError, EOFError …
    except Exception as error:
        reason = f"{what} is damaged ({str(error).strip().splitlines()[0][:200]})"
        text = UNREADABLE.format(folder=folder, reason=reason, model=name)
        raise PartMissing(text) from error
    model, about = found
    if lost := sorted(about["missing_keys"]):
        reason = f"{weights} is not a BLIP that captions, {lost[0]} is not in it"
        raise PartMissing(UNREADABLE.format(folder=folder, reason=reason, model=name))
    return _Blip(pictures, tokenizer, model.eval().to(device), device)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' bars and remarks: what matters is raised."""
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


def _best_device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
