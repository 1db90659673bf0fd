"""Puts the models of a bundle where transformers and its kin find them without a network.

A bundle is not trusted. Its manifest can name only files that models have
(`assistant.models.manifest`), and for the cache, which other programs use too, only models that a
setting here names or that are limner's own. Links in it are not followed, and no file of it can be
used before all are copied, verified and looked at. Leaves out what the bundle does not name.
"""

from __future__ import annotations

import hashlib
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import BundleInvalid, WeightsDamaged
from assistant.models import files
from assistant.models.cache import CachedModel, Staged, disk_errors_explained, need_space
from assistant.models.files import KINDS
from assistant.models.hub import OnProgress
from assistant.models.in_use import known_names, line_to_set
from assistant.models.manifest import (
    MODELS,
    BundledFile,
    BundledModel,
    Manifest,
    read_manifest,
)
from assistant.settings import Settings


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is now on this machine.

    to_set: the line of limner.toml that it needs, or "". replaced: the commit that was in use
    before, which stays in the cache; "" for none.
    """

    model: BundledModel
    folder: Path
    to_set: str
    replaced: str = ""


def load_bundle(
    bundle: Path, settings: Settings, on_progress: OnProgress = lambda *_: None
) -> list[Loaded]:
    """Verify all of a bundle, then put its models in place.

    Raises BundleInvalid or WeightsUnavailable, and then nothing has changed.
    """
    with disk_errors_explained(bundle):
        manifest = _read(bundle, settings)
    n_bytes = sum(model.n_bytes for model in manifest.models)
    n_done = 0

    def on_bytes(n: int) -> None:
        nonlocal n_done
        n_done += n
        on_progress("Verifying", n_done, n_bytes)

    before = [CachedModel(m.name).commit if m.commit else "" for m in manifest.models]
    folders = _unpack(bundle, manifest, on_bytes)
    return [
        Loaded(
            model,
            folder,
            line_to_set(model.setting, model.name_in_use(folder), settings),
            commit if commit != model.commit else "",
        )
        for model, folder, commit in zip(manifest.models, folders, before, strict=True)
    ]


def _read(bundle: Path, settings: Settings) -> Manifest:
    """What is in a bundle whose files are all there. Raises BundleInvalid or WeightsDamaged."""
    manifest = read_manifest(bundle)
    if not manifest.is_complete:
        raise BundleInvalid(
            f"{bundle} is not complete: packing it was broken off. Run limner models bundle again."
        )
    for model in manifest.models:
        if model.commit and model.name not in known_names(model.setting, settings):
            raise BundleInvalid(
                f"The bundle holds {model.name}, which no setting here names. If it is to be used, "
                f"write into limner.toml: {line_to_set(model.setting, model.name, settings)}, and "
                "load the bundle again. Nothing was loaded."
            )
        for file in model.files:
            _find(bundle, model, file)
    return manifest


def _unpack(bundle: Path, manifest: Manifest, on_bytes: Callable[[int], None]) -> list[Path]:
    """Put every model in place once all are verified. Returns their folders, in order."""
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    need_space(cache, sum(model.n_bytes for model in manifest.models))
    destinations = [_InCache(m) if m.commit else _Beside(m) for m in manifest.models]
    with disk_errors_explained(cache), ExitStack() as stack:
        for model, destination in zip(manifest.models, destinations, strict=True):
            stack.enter_context(destination.opened())
            parts = {file.path: destination.part(file) for file in model.files}
            for file in model.files:
                _copy(_find(bundle, model, file), parts[file.path], model, file, on_bytes)
            files.check(model.name, KINDS[model.setting], parts)
        return [destination.place() for destination in destinations]


class _InCache:
    """A model of the hub on its way into the Hugging Face cache."""

    def __init__(self, model: BundledModel) -> None:
        self._model = model
        self._cached = CachedModel(model.name)

    def part(self, file: BundledFile) -> Path:
        return self._cached.blob(f"{file.sha256}.limner.loading")

    def place(self) -> Path:
        staged = {file.path: Staged(self.part(file), file.sha256) for file in self._model.files}
        return self._cached.place(self._model.commit or "", staged)

    @contextmanager
    def opened(self) -> Iterator[_InCache]:
        with self._cached.locked():
            try:
                yield self
            finally:
                for file in self._model.files:
                    self.part(file).unlink(missing_ok=True)


class _Beside:
    """A model that was somebody's own folder, on its way beside the Hugging Face cache."""

    def __init__(self, model: BundledModel) -> None:
        from huggingface_hub import constants

        content = hashlib.sha256(model.model_dump_json().encode()).hexdigest()[:8]
        self._folder = Path(constants.HF_HOME) / "limner" / f"{model.name}-{content}"
        self._part = self._folder.with_name(f"{self._folder.name}.part")

    def part(self, file: BundledFile) -> Path:
        return self._part / file.path

    def place(self) -> Path:
        if self._folder.exists():
            shutil.rmtree(self._folder)
        return self._part.rename(self._folder)

    @contextmanager
    def opened(self) -> Iterator[_Beside]:
        try:
            yield self
        finally:
            shutil.rmtree(self._part, ignore_errors=True)


def _find(bundle: Path, model: BundledModel, file: BundledFile) -> Path:
    """Where a file of the bundle lies. Raises BundleInvalid if it is a link, or of another size."""
    found = bundle / MODELS
    try:
        for part in (model.folder, *file.path.split("/")):
            if not stat.S_ISDIR(found.lstat().st_mode):
                raise BundleInvalid(f"{found} in the bundle is no folder.")
            found /= part
        about = found.lstat()
    except OSError as error:
        raise BundleInvalid(
            f"{file.path} of {model.name} is not in the bundle {bundle}."
        ) from error
    if not stat.S_ISREG(about.st_mode):
        raise BundleInvalid(f"{found} is a link or no file: limner takes only files from a bundle.")
    if about.st_size != file.size:
        raise WeightsDamaged(_damaged(model, file))
    return found


def _copy(
    source: Path,
    target: Path,
    model: BundledModel,
    file: BundledFile,
    on_bytes: Callable[[int], None],
) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if files.copy(source, target, on_bytes) != file.sha256:
        raise WeightsDamaged(_damaged(model, file))


def _damaged(model: BundledModel, file: BundledFile) -> str:
    return (
        f"{file.path} of {model.name} in the bundle is not what its manifest says: it was damaged "
        "on the way. Nothing was loaded. Copy the bundle again."
    )
