"""The Hugging Face cache: where a model lies in it, and how its files are put there.

The layout is huggingface_hub's, so that transformers, sentence-transformers and faster-whisper find
a model by its name: `blobs/CHECKSUM`, `snapshots/COMMIT/FILE` that point to them, and `refs/main`
with the commit. Leaves out other branches.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from assistant.errors import WeightsUnavailable

COMMIT = re.compile(r"[0-9a-f]{40}")
HUB_NAME = re.compile(r"(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*", re.ASCII)
SPARE_BYTES = 100 << 20
"""Left free on a disk that models are written to."""


@dataclass(frozen=True, slots=True)
class Staged:
    """A file that is ready for the cache. checksum: the name of its blob; "" for one in place."""

    path: Path
    checksum: str


class CachedModel:
    """The folder of one model in the cache, whether it is there or not."""

    def __init__(self, name: str) -> None:
        """name: as on the hub."""
        from huggingface_hub import constants

        self.name = name
        self._cache = Path(constants.HF_HUB_CACHE)
        self.folder = self._cache / f"models--{name.replace('/', '--')}"

    @property
    def commit(self) -> str:
        """The commit that is in use; "" for none."""
        ref = self.folder / "refs" / "main"
        commit = ref.read_text("utf-8").strip() if ref.is_file() else ""
        return commit if COMMIT.fullmatch(commit) else ""

    def snapshot(self, commit: str) -> Path:
        """The folder with the files of a commit under their names."""
        return self.folder / "snapshots" / commit

    def files(self) -> dict[str, Path]:
        """The files of the commit in use, by their path in the model."""
        return files_below(self.snapshot(self.commit)) if self.commit else {}

    def blob(self, checksum: str) -> Path:
        """Where the content with this checksum lies, or will."""
        return self.folder / "blobs" / checksum

    def part(self, checksum: str) -> Path:
        """Where that content grows until it is whole."""
        return self.folder / "blobs" / f"{checksum}.limner.incomplete"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs of limner from writing this model meanwhile."""
        from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

        lock = self._cache / ".locks" / self.folder.name / "limner.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        self.blob("").mkdir(parents=True, exist_ok=True)
        with WeakFileLock(lock):
            try:
                yield
            finally:
                with suppress(OSError):  # they stay unless nothing came
                    self.blob("").rmdir()
                    self.folder.rmdir()

    def place(self, commit: str, files: Mapping[str, Staged]) -> Path:
        """Move files into the cache as this commit, and make it the one in use: that comes last."""
        snapshot = self.snapshot(commit)
        for path, staged in files.items():
            if not staged.checksum:
                continue
            blob = self.blob(staged.checksum)
            if staged.path != blob and staged.path.exists():  # one content may have two names
                staged.path.replace(blob)
            _point(snapshot / path, blob)
        ref = self.folder / "refs" / "main"
        ref.parent.mkdir(exist_ok=True)
        part = ref.with_name("main.limner")
        part.write_text(commit, "utf-8")
        part.replace(ref)
        return snapshot


def files_below(folder: Path) -> dict[str, Path]:
    """Every file of a folder, and of the folders right in it, by its path with slashes."""
    found = [*folder.glob("*"), *folder.glob("*/*")]
    return {file.relative_to(folder).as_posix(): file for file in found if file.is_file()}


def need_space(folder: Path, n_bytes: int) -> None:
    """Raise WeightsUnavailable if so many bytes do not fit on the disk of a folder."""
    there = next(f for f in (folder, *folder.absolute().parents) if f.exists())
    free = shutil.disk_usage(there).free
    if n_bytes + SPARE_BYTES > free:
        raise WeightsUnavailable(
            f"The disk of {folder} is too full: {in_mb(n_bytes)} are needed, {in_mb(free)} are "
            "free. Free some, or use another disk (HF_HOME in the environment moves the cache)."
        )


@contextmanager
def disk_errors_explained(folder: Path) -> Iterator[None]:
    """Raise WeightsUnavailable for what the system says of the files below a folder."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a name with NUL in it
        raise WeightsUnavailable(f"{str(folder)[:200]!r} cannot be used: {error}.") from error


def in_mb(n_bytes: int) -> str:
    """A size in words."""
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes < 1e7 else f"{n_bytes / 1e6:,.0f} MB"


def _point(pointer: Path, blob: Path) -> None:
    """Have a file of a snapshot be the blob: as a link, or a copy where links cannot be had."""
    if pointer.exists() and pointer.samefile(blob):
        return
    pointer.parent.mkdir(parents=True, exist_ok=True)
    new = pointer.with_name(f"{pointer.name}.limner")
    new.unlink(missing_ok=True)
    with suppress(OSError, NotImplementedError):
        new.symlink_to(os.path.relpath(blob, pointer.parent))
    if not new.exists():
        shutil.copyfile(blob, new)
    new.replace(pointer)
