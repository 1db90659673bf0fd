"""Fetches a model from the Hugging Face hub into the cache, and verifies it before it is used.

Only the files that are needed; a broken download goes on where it stopped. huggingface_hub knows
addresses, tokens and mirrors (`HF_ENDPOINT`, `HF_TOKEN`, `HF_HOME`) and repeats what fails for a
moment; its own download keeps no part of a file that was broken off, and compares no checksums.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from assistant.errors import WeightsDamaged, WeightsUnavailable
from assistant.models import conversion, files
from assistant.models.cache import COMMIT, CachedModel, Staged, need_space
from assistant.models.files import PICKLE, PICKLED, Kind, rewritten
from retrievers.embeddings import WEIGHTS

REVISION = "main"
TIMEOUT_S = 30.0
OnProgress = Callable[[str, int, int], None]
"""What is done, and how many bytes of how many."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file on the hub. checksum: sha256 of large files, git's sha1 of others."""

    size: int
    checksum: str
    is_large: bool

    def is_same(self, file: Path) -> bool:
        """Whether a file here has the content that the hub tells."""
        if not file.is_file() or file.stat().st_size != self.size:
            return False
        return self.checksum == (files.sha256(file) if self.is_large else files.git_sha1(file))


@dataclass(slots=True)
class Pulled:
    """A model that is now in the cache. notes: what a person should know of the way."""

    name: str
    commit: str
    folder: Path
    kind: Kind
    n_files: int = 0
    n_bytes: int = 0
    n_fetched_bytes: int = 0
    notes: list[str] = field(default_factory=list)


def pull(name: str, on_progress: OnProgress = lambda *_: None) -> Pulled:
    """Have the model of this name on the hub, at its newest commit, in the cache.

    Raises WeightsUnavailable, or WeightsDamaged if what came is not what the hub tells.
    """
    with _explained(name), _quiet():
        commit, remote = _listing(name)
        return _Pull(name, commit, remote, on_progress).run()


class _Pull:
    def __init__(
        self, name: str, commit: str, remote: Mapping[str, Remote], on_progress: OnProgress
    ) -> None:
        self._name = name
        self._commit = commit
        # Texts first: what they say may make the weights needless.
        self._remote = dict(sorted(remote.items(), key=lambda item: files.is_weights(item[0])))
        self._cached = CachedModel(name)
        self._on_progress = on_progress
        self._n_done = 0
        self._n_fetched = 0
        self._notes: list[str] = []

    def run(self) -> Pulled:
        with self._cached.locked():
            staged = {path: found for path in self._remote if (found := self._here(path))}
            lacking = [path for path in self._remote if path not in staged]
            need_space(self._cached.folder, sum(self._space(path) for path in lacking))
            self._n_done = sum(self._remote[path].size for path in staged)
            texts = {p: s.path for p, s in staged.items() if not files.is_weights(p)}
            kind: Kind | None = None
            for path in lacking:
                if files.is_weights(path) and kind is None:
                    kind = files.kind_of(self._name, self._remote, texts)
                staged[path] = self._fetch(path)
                texts[path] = staged[path].path
            kind = kind or files.kind_of(self._name, self._remote, texts)
            kept = {rewritten(path): self._rewritten(path, file) for path, file in staged.items()}
            self._check(kind, kept)
            folder = self._cached.place(self._commit, kept)
        n_bytes = sum((folder / path).stat().st_size for path in kept)
        return Pulled(
            self._name, self._commit, folder, kind, len(kept), n_bytes, self._n_fetched, self._notes
        )

    def _space(self, path: str) -> int:
        size = self._remote[path].size
        part = self._cached.part(self._remote[path].checksum)
        there = part.stat().st_size if part.is_file() else 0
        return max(0, size - there) + (size if PICKLED.fullmatch(path) else 0)

    def _here(self, path: str) -> Staged | None:
        """The file if it is in the cache and whole; a damaged one is deleted."""
        remote = self._remote[path]
        pointer = self._cached.snapshot(self._commit) / rewritten(path)
        if PICKLED.fullmatch(path):
            # What was rewritten is named by its own checksum, and says what it was made of.
            is_whole = (
                pointer.is_file()
                and conversion.source_of(pointer) == remote.checksum
                and files.sha256(pointer) == pointer.resolve().name
            )
            if is_whole:
                return Staged(pointer, "")
        blob = self._cached.blob(remote.checksum)
        if remote.is_same(blob):
            return Staged(blob, remote.checksum)
        if PICKLED.fullmatch(path):
            return None
        if remote.is_same(pointer):
            return Staged(pointer, "")
        for damaged in (pointer.resolve(), blob):
            if damaged.is_file() and self._cached.folder.resolve() in damaged.parents:
                damaged.unlink()
                self._note(f"{path} in the cache was damaged; it was deleted and fetched again")
        return None

    def _fetch(self, path: str) -> Staged:
        remote = self._remote[path]
        part = self._cached.part(remote.checksum)
        before = part.stat().st_size if part.is_file() else 0
        if before > remote.size:
            part.unlink()
        self._download(path, part)
        if not remote.is_same(part) and before:
            part.unlink()  # the earlier run may have left something else
            self._download(path, part)
        if not remote.is_same(part):
            part.unlink()
            raise WeightsDamaged(
                f"{path} of {self._name} came damaged: its checksum is not {remote.checksum}, as "
                "the hub says. It was deleted. Run the same command again; if it stays so, a proxy "
                "or mirror on the way changes files."
            )
        return Staged(part, remote.checksum)

    def _download(self, path: str, part: Path) -> None:
        from huggingface_hub import get_hf_file_metadata, hf_hub_url
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        url = hf_hub_url(self._name, path, revision=self._commit)
        location = get_hf_file_metadata(url, timeout=TIMEOUT_S).location
        headers = build_hf_headers()
        if urlsplit(location).netloc != urlsplit(url).netloc:
            headers.pop("authorization", None)  # the token is for the hub alone
        before = part.stat().st_size if part.is_file() else 0
        self._told(path, before, is_fetched=False)
        with part.open("ab") as opened:
            http_get(
                location,
                opened,
                resume_size=before,
                headers=headers | {"Accept-Encoding": "identity"},
                expected_size=self._remote[path].size,
                displayed_filename=path,
                tqdm_class=_bar(lambda n: self._told(path, n)),
            )

    def _rewritten(self, path: str, file: Staged) -> Staged:
        if not PICKLED.fullmatch(path) or not file.checksum:
            return file
        new = self._cached.part(f"{file.checksum}.safetensors")
        try:
            conversion.rewrite(self._name, file.path, new, file.checksum)
        finally:
            self._cached.part(file.checksum).unlink(missing_ok=True)
        self._note(f"{path} was a pickle, and is kept as safetensors")
        return Staged(new, files.sha256(new))

    def _check(self, kind: Kind, kept: Mapping[str, Staged]) -> None:
        try:
            files.check(self._name, kind, {path: file.path for path, file in kept.items()})
        except WeightsDamaged as error:
            raise WeightsDamaged(f"{error} So it is on the hub: limner cannot use it.") from error

    def _told(self, path: str, n: int, *, is_fetched: bool = True) -> None:
        self._n_done += n
        self._n_fetched += n if is_fetched else 0
        self._on_progress(path, self._n_done, sum(r.size for r in self._remote.values()))

    def _note(self, note: str) -> None:
        if note not in self._notes:
            self._notes.append(note)


def _listing(name: str) -> tuple[str, dict[str, Remote]]:
    """The commit that the hub has, and of its files those that are needed."""
    from huggingface_hub import HfApi, constants

    found = HfApi().model_info(name, revision=REVISION, files_metadata=True, timeout=TIMEOUT_S)
    commit = found.sha or ""
    remote = {
        file.rfilename: Remote(
            (file.lfs.size if file.lfs else file.size) or 0,
            (file.lfs.sha256 if file.lfs else file.blob_id) or "",
            file.lfs is not None,
        )
        for file in found.siblings or []
    }
    needed = {path: remote[path] for path in files.wanted(remote)}
    whole = all(len(r.checksum) in (40, 64) and r.checksum.isalnum() for r in needed.values())
    if not COMMIT.fullmatch(commit) or not whole:
        raise WeightsUnavailable(
            f"{constants.ENDPOINT} does not tell the commit and checksums of {name}, without which "
            "limner does not take it. If HF_ENDPOINT names a mirror, try another."
        )
    if not any(files.is_weights(path) for path in needed):
        raise WeightsUnavailable(
            f"{name} has no weights that limner can use, neither {WEIGHTS} nor {PICKLE}."
        )
    return commit, needed


def _bar(told: Callable[[int], None]) -> Any:
    """What huggingface_hub takes for a tqdm progress bar."""

    class Bar:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def __enter__(self) -> Bar:
            return self

        def __exit__(
            self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
        ) -> None:
            pass

        def update(self, n: float | None = 1) -> None:
            told(int(n or 0))

    return Bar


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the remarks of huggingface_hub, with signed addresses in them, off stderr."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Raise WeightsUnavailable for what huggingface_hub and the system raise."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (  # type: ignore[attr-defined]
        GatedRepoError,
        HfHubHTTPError,
        HTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    hub = constants.ENDPOINT
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise WeightsUnavailable(
            f"{name} was not fetched: HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set. Unset it, or "
            "bring the model from a machine with a network: limner models bundle DIR, and here "
            "limner models load DIR."
        ) from error
    except GatedRepoError as error:
        raise WeightsUnavailable(
            f"{name} asks for consent: accept its terms at {hub}/{name}, then set HF_TOKEN."
        ) from error
    except RepositoryNotFoundError as error:
        raise WeightsUnavailable(
            f"{name} is not on the hub at {hub}, or is private: check the name; for a private "
            "model set HF_TOKEN."
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise WeightsUnavailable(
            f"{name} cannot be had: {hub} answers {status}. Try again later; what is here already "
            "is kept."
        ) from error
    except HTTPError as error:
        raise WeightsUnavailable(
            f"{name} cannot be had: {hub} cannot be reached ({error or type(error).__name__}). "
            "Run the same command again to go on; without a network, bring the model with limner "
            "models bundle and load."
        ) from error
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        said = str(error).partition("\n")[0]
        where = f"the disk of {constants.HF_HUB_CACHE} is full" if is_full else said
        raise WeightsUnavailable(f"{name} was not fetched: {where}.") from error
