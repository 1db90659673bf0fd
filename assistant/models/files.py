"""Which files of a model limner takes, and whether they are a model that it runs.

Weights are safetensors, or CTranslate2's for speech. A pickle is wanted only where there is nothing
else, to be rewritten (`assistant.models.conversion`). Loads no model: it looks at names, headers
and configurations.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from assistant.errors import WeightsDamaged, WeightsUnavailable
from loaders.captioning.blip import NEEDED_FILES
from retrievers.embeddings import NEEDED, WEIGHTS

PICKLE = "pytorch_model.bin"
SPEECH_WEIGHTS = "model.bin"
"""CTranslate2's own format, and no pickle."""
MODULE = r"(?:\d+_\w+/)?"
"""The folder of a part of a sentence-transformers model, such as `1_Pooling/`."""
NAMES = "|".join(
    [
        r"(?:generation_|(?:pre|image_)?processor_|tokenizer_|adapter_)?config\.json",
        r"config_sentence_transformers\.json|sentence_\w+_config\.json|modules\.json",
        r"preprocessor_config\.json|special_tokens_map\.json|added_tokens\.json",
        r"tokenizer\.json|vocab(?:ulary)?\.(?:json|txt)|merges\.txt",
        r"(?:spiece|tokenizer|sentencepiece\.bpe)\.model",
        r"model(?:-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json",
        r"README\.md|LICENSE(?:\.txt|\.md)?",
    ]
)
TAKEN = re.compile(rf"{MODULE}(?:{NAMES})|{re.escape(SPEECH_WEIGHTS)}")
PICKLED = re.compile(rf"{MODULE}{re.escape(PICKLE)}")
CONFIG = re.compile(r"(?:0_\w+/)?config\.json")
"""What the first part of a model is; a CLIP's lies in a folder."""
PARTS = re.compile(
    r"sentence_transformers(?:\.[a-z_]+)*\.(?:Transformer|CLIPModel|Pooling|Normalize|Dense|LayerNorm)"
)
"""The parts that a sentence-transformers model may have: it imports whatever name stands there."""
PART_FOLDER = re.compile(r"(?:\d+_\w+)?")
MAX_TEXT_BYTES = 64 << 20
"""A file that is not weights: a vocabulary of many languages has 17 MB."""
SPEECH_HEADER = re.compile(rb".\0\0\0..Whisper\w*\0", re.DOTALL)
"""A version, and the length and name of what is stored."""
READ_BYTES = 1 << 20

Setting = Literal["blip_model", "clip_model", "embedding_model", "speech_model"]
OnBytes = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a model is for. needed: of each line, one of the files."""

    setting: Setting
    what: str
    needed: tuple[tuple[str, ...], ...]


CAPTIONS = Kind("blip_model", "captions of figures", NEEDED_FILES)
TEXTS = Kind("embedding_model", "search", tuple((name,) for name in (*NEEDED, WEIGHTS)))
PICTURES = Kind("clip_model", "search by picture", (("modules.json",),))
SPEECH = Kind(
    "speech_model",
    "speech",
    (
        (SPEECH_WEIGHTS,),
        ("config.json",),
        ("tokenizer.json",),
        ("vocabulary.txt", "vocabulary.json"),
    ),
)
KINDS = {kind.setting: kind for kind in (CAPTIONS, PICTURES, TEXTS, SPEECH)}
PICTURE_MODELS = ("clip", "siglip", "siglip2", "chinese_clip")


def is_taken(path: str) -> bool:
    """Whether limner keeps a file of this name in a model."""
    return TAKEN.fullmatch(path) is not None


def is_weights(path: str) -> bool:
    """Whether the file is large: all others are texts."""
    return path.endswith((".safetensors", ".bin"))


def wanted(paths: Iterable[str]) -> list[str]:
    """The files of a model that are needed; a pickle only where its folder has no safetensors."""
    found = sorted(paths)
    taken = [path for path in found if is_taken(path)]
    safe = {PurePosixPath(path).parent for path in taken if path.endswith(".safetensors")}
    pickles = [path for path in found if PICKLED.fullmatch(path)]
    return taken + [path for path in pickles if PurePosixPath(path).parent not in safe]


def rewritten(path: str) -> str:
    """What a file is called once it is kept: a pickle becomes safetensors."""
    return str(PurePosixPath(path).with_name(WEIGHTS)) if PICKLED.fullmatch(path) else path


def kind_of(model: str, paths: Collection[str], texts: Mapping[str, Path]) -> Kind:
    """What a model is for, from its files' names and its configuration.

    Raises WeightsUnavailable if it is none that limner runs.
    """
    if SPEECH_WEIGHTS in paths:
        return SPEECH
    configs = sorted((p for p in texts if CONFIG.fullmatch(p)), key=len)
    config = _read_json(texts[configs[0]]) if configs else {}
    model_type = config.get("model_type") if isinstance(config, dict) else None
    if "modules.json" in paths:
        return PICTURES if model_type in PICTURE_MODELS else TEXTS
    if model_type == "blip":
        return CAPTIONS
    said = f"its config.json says model_type {model_type!r}" if configs else "it has no config.json"
    raise WeightsUnavailable(
        f"{model} is no model that limner runs ({said}): it takes BLIP for captions, "
        "sentence-transformers models for search, and Whisper in CTranslate2 form for speech."
    )


def missing(kind: Kind, paths: Collection[str]) -> str:
    """The first file that such a model lacks; "" for none."""
    kept = {rewritten(path) for path in paths}
    lacking = [names for names in kind.needed if not kept.intersection(names)]
    if lacking:
        return " or ".join(lacking[0])
    return "" if any(is_weights(path) for path in kept) else WEIGHTS


def check(model: str, kind: Kind, files: Mapping[str, Path]) -> None:
    """Whether files are a whole model of this kind, as far as headers and configurations tell.

    Raises WeightsDamaged that names the file and what is wrong with it, or WeightsUnavailable if
    it is no model that limner runs.
    """
    if lacks := missing(kind, files):
        raise WeightsDamaged(f"{model} lacks {lacks}, without which it cannot be loaded.")
    for path, file in files.items():
        if path.endswith(".safetensors"):
            _check_safetensors(model, path, file)
        elif path == SPEECH_WEIGHTS:
            with file.open("rb") as opened:
                is_speech = kind is SPEECH and SPEECH_HEADER.match(opened.read(64))
            if not is_speech:
                raise WeightsDamaged(f"{path} of {model} is not Whisper in CTranslate2's form.")
        elif path.endswith(".json"):
            _check_json(model, path, _read_json(file), files)
    if (found := kind_of(model, files, files)) is not kind:
        raise WeightsDamaged(f"{model} is no model for {kind.what}, but one for {found.what}.")


def sha256(file: Path) -> str:
    """The checksum of a file as hexadecimal digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def git_sha1(file: Path) -> str:
    """The name of a file's content in git: no protection against a forger."""
    hashed = hashlib.sha1(f"blob {file.stat().st_size}\0".encode(), usedforsecurity=False)
    with file.open("rb") as opened:
        while block := opened.read(READ_BYTES):
            hashed.update(block)
    return hashed.hexdigest()


def copy(source: Path, target: Path, on_bytes: OnBytes) -> str:
    """Copy a file that is no link. Returns the sha256 of what was copied."""
    hashed = hashlib.sha256()
    with (
        open(source, "rb", opener=_without_links) as opened,
        target.open("wb") as written,
    ):
        while block := opened.read(READ_BYTES):
            hashed.update(block)
            written.write(block)
            on_bytes(len(block))
    return hashed.hexdigest()


def _without_links(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))


def _check_safetensors(model: str, path: str, file: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="np"):
            pass
    except (SafetensorError, OSError) as error:
        raise WeightsDamaged(f"{path} of {model} is not readable as weights: {error}") from error


def _check_json(model: str, path: str, value: Any, files: Mapping[str, Path]) -> None:
    if value is None:
        raise WeightsDamaged(f"{path} of {model} is not JSON.")
    if path == "modules.json":
        _check_parts(model, path, value)
    if path.endswith(".safetensors.index.json"):
        shards = value.get("weight_map") if isinstance(value, dict) else None
        folder = PurePosixPath(path).parent
        for shard in sorted(set(shards.values()) if isinstance(shards, dict) else {WEIGHTS}):
            if str(folder / str(shard)) not in files:
                raise WeightsDamaged(f"{model} lacks {shard}, a part of its weights.")


def _check_parts(model: str, path: str, parts: Any) -> None:
    """Whether a sentence-transformers model has parts, of known kinds, all within itself."""
    if not isinstance(parts, list) or not parts:
        raise WeightsDamaged(f"{path} of {model} lists no parts of a model.")
    for part in parts:
        told = part if isinstance(part, dict) else {}
        if not PARTS.fullmatch(str(told.get("type"))):
            raise WeightsDamaged(
                f"{path} of {model} names code that limner does not run: {told.get('type')}"
            )
        if not PART_FOLDER.fullmatch(str(told.get("path"))):
            raise WeightsDamaged(
                f"{path} of {model} names a folder that is none of the model: {told.get('path')!r}"
            )


def _read_json(file: Path) -> Any:
    """What a JSON file says; None where it is none."""
    if file.stat().st_size > MAX_TEXT_BYTES:
        return None
    try:
        return json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError):
        return None
