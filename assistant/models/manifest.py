"""What a bundle says of itself: `manifest.json`, and where its files lie.

The reader trusts none of it: names, paths and sizes are held to what models have.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from assistant.errors import BundleInvalid
from assistant.models.cache import HUB_NAME
from assistant.models.files import Setting, is_taken

MANIFEST = "manifest.json"
MODELS = "models"
MAX_BYTES = 4 << 20
MAX_NAME_CHARS = 100
FOLDER_NAME = re.compile(r"[^\W_][\w .-]{0,99}")
COMMIT = r"^[0-9a-f]{40}$"


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class BundledFile(_Said):
    """One file of a model. path: in the model, with slashes."""

    path: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @field_validator("path")
    @classmethod
    def _is_of_a_model(cls, path: str) -> str:
        if not is_taken(path):
            raise ValueError("is no file that limner takes in a model")
        return path


class BundledModel(_Said):
    """One model. commit: of the hub; None for what was a folder of somebody's own."""

    setting: Setting
    name: str = Field(max_length=MAX_NAME_CHARS)
    commit: str | None = Field(pattern=COMMIT)
    files: list[BundledFile] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _is_named_as_a_model(self) -> BundledModel:
        pattern = HUB_NAME if self.commit else FOLDER_NAME
        if not pattern.fullmatch(self.name) or ".." in self.name or "--" in self.name:
            raise ValueError(f"{self.name!r} is no name of a model")
        if len({file.path.lower() for file in self.files}) < len(self.files):
            raise ValueError("it names a file twice")
        return self

    @property
    def n_bytes(self) -> int:
        """The size of all its files."""
        return sum(file.size for file in self.files)

    @property
    def folder(self) -> str:
        """Where its files lie below MODELS."""
        return (self.name if self.commit else f"{self.setting}/{self.name}").replace("/", "--")

    def name_in_use(self, folder: Path) -> str:
        """What a setting calls it, once it lies in a folder of this machine."""
        return self.name if self.commit else str(folder)


class Manifest(_Said):
    """All that a bundle holds. is_complete: no longer being written."""

    limner_bundle: Literal[1] = 1
    limner: str = Field(default="", max_length=50)
    is_complete: bool = False
    models: list[BundledModel] = Field(default=[], max_length=50)

    @model_validator(mode="after")
    def _has_each_model_once(self) -> Manifest:
        if len({model.folder.lower() for model in self.models}) < len(self.models):
            raise ValueError("it names a model twice")
        return self

    def write(self, folder: Path) -> None:
        """Write it into the folder of a bundle, as a whole or not at all."""
        part = folder / f"{MANIFEST}.part"
        part.write_text(self.model_dump_json(indent=2) + "\n", "utf-8")
        part.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest:
    """What the bundle in a folder says. Raises BundleInvalid."""
    file = folder / MANIFEST
    if not file.is_file():
        raise BundleInvalid(
            f"{folder} is no bundle of models: it has no {MANIFEST}. Make one where the models "
            "are: limner models bundle DIR"
        )
    if file.stat().st_size > MAX_BYTES:
        raise BundleInvalid(f"{file} has more than {MAX_BYTES} bytes: that is no list of models.")
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise BundleInvalid(
            f"{file} is no list of models that limner takes: {place} {first['msg']}"
            f" ({str(first.get('input'))[:100]!r})."
        ) from error


def limner_version() -> str:
    """The version of this limner; "" where it runs without being installed."""
    try:
        return version("limner")
    except PackageNotFoundError:
        return ""
