"""Packs every model in use into a folder, for a machine without a network.

Leaves out packages, which `pip download` brings, and models that a server such as Ollama keeps. The
manifest is written last: a folder whose manifest says that it is complete, is.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from assistant.errors import BundleInvalid, WeightsDamaged, WeightsUnavailable
from assistant.models import conversion, files
from assistant.models.cache import disk_errors_explained, need_space
from assistant.models.files import PICKLED, rewritten
from assistant.models.hub import OnProgress
from assistant.models.in_use import LeftOut, ModelInUse, models_in_use
from assistant.models.manifest import (
    MANIFEST,
    MODELS,
    BundledFile,
    BundledModel,
    Manifest,
    limner_version,
    read_manifest,
)
from assistant.settings import Settings

PART = "models.part"


@dataclass(frozen=True, slots=True)
class Missing:
    """A model in use that is not here. is_set: somebody asked for it, it is no default."""

    name: str
    fix: str
    is_set: bool


@dataclass(slots=True)
class Packed:
    """What is in a bundle, and what is not."""

    folder: Path
    models: list[BundledModel] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def write_bundle(
    folder: Path, settings: Settings, on_progress: OnProgress = lambda *_: None
) -> Packed:
    """Copy the models in use into a new or empty folder, or one that has a bundle already.

    Raises BundleInvalid for another folder, WeightsUnavailable if no model is here, WeightsDamaged.
    """
    packed = Packed(folder)
    with disk_errors_explained(folder):
        _write(packed, settings, on_progress)
    return packed


def _write(packed: Packed, settings: Settings, on_progress: OnProgress) -> None:
    folder = packed.folder
    here: list[ModelInUse] = []
    for model in models_in_use(settings):
        if isinstance(model, LeftOut):
            packed.left_out.append(model)
        elif model.files:
            here.append(model)
        else:
            packed.missing.append(_missing(model, settings))
    if not here:
        fixes = "".join(f" {missing.fix}" for missing in packed.missing)
        raise WeightsUnavailable(f"No model is here that a bundle could hold.{fixes}")
    n_bytes = sum(file.stat().st_size for model in here for file in model.files.values())
    _take(folder, n_bytes)
    n_done = 0

    def on_bytes(n: int) -> None:
        nonlocal n_done
        n_done += n
        on_progress(name, n_done, n_bytes)

    for model in here:
        name = model.name
        packed.models.append(_pack(model, folder / PART, on_bytes))
    # Until here an older bundle in this folder is whole; from here on the new one is there.
    Manifest().write(folder)
    if (folder / MODELS).exists():
        shutil.rmtree(folder / MODELS)
    (folder / PART).rename(folder / MODELS)
    Manifest(limner=limner_version(), is_complete=True, models=packed.models).write(folder)


def _missing(model: ModelInUse, settings: Settings) -> Missing:
    setting = model.kind.setting
    return Missing(
        model.name,
        f"{model.name} ({model.kind.what}) is not on this machine. Run: limner models pull "
        f"{model.name}",
        setting in settings.model_fields_set,
    )


def _take(folder: Path, n_bytes: int) -> None:
    """Make the folder ours, or find that it is."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        if not (folder / MANIFEST).is_file():
            raise BundleInvalid(
                f"{folder} is not empty and no bundle of models. Name a new or an empty folder."
            )
        read_manifest(folder)
    need_space(folder, n_bytes)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / MANIFEST).exists():
        Manifest().write(folder)
    if (folder / PART).exists():
        shutil.rmtree(folder / PART)


def _pack(model: ModelInUse, models: Path, on_bytes: Callable[[int], None]) -> BundledModel:
    copied: list[BundledFile] = []
    bundled = BundledModel.model_construct(
        setting=model.kind.setting, name=model.name, commit=model.commit or None, files=copied
    )
    folder = models / bundled.folder
    for path, file in model.files.items():
        kept = folder / rewritten(path)
        kept.parent.mkdir(parents=True, exist_ok=True)
        source = file.resolve()
        if PICKLED.fullmatch(path):
            conversion.rewrite(model.name, source, kept, files.sha256(source))
            checksum = files.sha256(kept)
            on_bytes(source.stat().st_size)
        else:
            checksum = files.copy(source, kept, on_bytes)
            # The cache names large contents by their checksum.
            if model.commit and len(source.name) == len(checksum) and source.name != checksum:
                raise WeightsDamaged(
                    f"{path} of {model.name} in the cache is damaged. Run: limner models pull "
                    f"{model.name}"
                )
        copied.append(BundledFile(path=rewritten(path), size=kept.stat().st_size, sha256=checksum))
    files.check(model.name, model.kind, {f.path: folder / f.path for f in copied})
    return BundledModel.model_validate(bundled.model_dump())
