"""Reads files, folders and URLs into a library, one document after the other.

One bad file never stops a run and is never silently left out: it stands in the report
with its reason. Leaves out following folders and what was deleted from them.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain_core.documents import Document

from loaders import (
    AdaptedLoader,
    DocumentLoader,
    FigureDescriber,
    Limits,
    LoaderError,
    MediaStore,
    PartMissing,
    PasswordNeeded,
    loader_for,
)
from loaders.source import SourceFile, is_url, local_path, open_source, source_uri
from retrievers import Library, LibraryError, ModelMissing

READING_VERSION = 2
"""Raised when loaders read the same file differently, so that `add` reads files again."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is. n_done of n_sources are done; source is being read."""

    source: str
    n_done: int
    n_sources: int
    n_figures_done: int = 0
    n_figures: int = 0


OnProgress = Callable[[Progress], None]


@dataclass(slots=True)
class Report:
    """What a run did. failed: sources that were not read; skipped: parts of those that were."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    locked: list[str] = field(default_factory=list)
    """The sources among those failed that a password would open."""
    figures: int = 0
    chunks: int = 0
    pages: int = 0
    seconds: float = 0.0

    def take_in_retry(self, source: str, retry: Report) -> None:
        """Put what a second try of one failed source did in the place of its failure."""
        self.failed = [entry for entry in self.failed if entry[0] != source] + retry.failed
        self.locked = [other for other in self.locked if other != source] + retry.locked
        self.skipped += retry.skipped
        for name in ("added", "updated", "unchanged", "figures", "chunks", "pages", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(retry, name))

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `limner add`."""
        return {
            "added": self.added,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "failed": [{"source": s, "reason": r} for s, r in self.failed],
            "skipped": [{"source": s, "reason": r} for s, r in self.skipped],
            "figures": self.figures,
            "chunks": self.chunks,
            "pages": self.pages,
            "seconds": round(self.seconds, 2),
        }


def ingest(
    sources: Iterable[str | Path | AdaptedLoader],
    library: Library,
    media: MediaStore,
    describer: FigureDescriber,
    limits: Limits,
    on_progress: OnProgress | None = None,
    passwords: Sequence[str] = (),
) -> Report:
    """Bring the sources into the library; unchanged ones are left as they are.

    passwords: tried on documents that need one; kept nowhere.
    Raises LibraryError where the library itself cannot be written.
    """
    start = time.perf_counter()
    report = Report()
    found = list(_expanded(sources, library.folder, report))
    run = _Run(library, media, describer, limits, report, on_progress, len(found), passwords)
    try:
        for n_done, (source, root) in enumerate(found):
            run.read(source, root, n_done)
    finally:
        library.flush()
    report.seconds = time.perf_counter() - start
    return report


def _expanded(
    sources: Iterable[str | Path | AdaptedLoader], library_folder: Path, report: Report
) -> Iterator[tuple[str | Path | AdaptedLoader, Path | None]]:
    """Each file, URL or loader once, with the folder that its pictures may come from."""
    seen: set[str] = set()
    for source in sources:
        if isinstance(source, AdaptedLoader):
            yield source, None
            continue
        try:
            root = None if is_url(source) or not local_path(source).is_dir() else local_path(source)
            items = [source] if root is None else _files(root, library_folder.resolve(), report)
            known = [(source_uri(item), item) for item in items]
        except (OSError, RuntimeError, ValueError) as error:
            report.failed.append((str(source), f"{source} is no path or URL ({error})."))
            continue
        if not known:
            report.failed.append((str(source), f"{source} is a folder that holds no files."))
        for uri, item in known:
            if uri not in seen:
                seen.add(uri)
                yield item, root


def _files(folder: Path, library_folder: Path, report: Report) -> list[Path]:
    """All files below the folder in order; not hidden ones, not the library's own."""
    found = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or path.is_dir() or path.is_relative_to(library_folder):
            continue
        if path.resolve().is_relative_to(folder):
            found.append(path)
        else:
            reason = f"{path.name} is a link to a place outside the folder that was added."
            report.failed.append((f"{folder.as_uri()}/{path.name}", reason))
    return found


@dataclass(slots=True)
class _Run:
    """One run over many sources."""

    library: Library
    media: MediaStore
    describer: FigureDescriber
    limits: Limits
    report: Report
    on_progress: OnProgress | None
    n_sources: int
    passwords: Sequence[str] = field(repr=False)

    def read(self, source: str | Path | AdaptedLoader, root: Path | None, n_done: int) -> None:
        """Read one source, and report it if it cannot be read."""
        uri = source.uri if isinstance(source, AdaptedLoader) else source_uri(source)
        self._tell(Progress(uri, n_done, self.n_sources))
        try:
            if isinstance(source, AdaptedLoader):
                self._read_adapted(source)
                return
            with open_source(source, self.limits, figure_root=root) as file:
                self._read_file(file, n_done)
        except LoaderError as error:
            self.report.failed.append((uri, str(error)))
            if isinstance(error, PasswordNeeded):
                self.report.locked.append(uri)
        except (LibraryError, ModelMissing, PartMissing):
            raise  # every other file would fail in the same way
        except Exception as error:
            # One file that trips a bug of ours must not cost the person the other files.
            logger.exception("limner failed on %s", uri)
            reason = (
                f"limner itself failed on it ({type(error).__name__}: {error}). Please report it."
            )
            self.report.failed.append((uri, reason))

    def _read_file(self, file: SourceFile, n_done: int) -> None:
        content = f"{file.sha256()} v{READING_VERSION}"
        if self._is_known(file.uri, f"{content} {self.describer.fingerprint}"):
            return
        loader = loader_for(
            file,
            media=self.media,
            describer=self.describer,
            limits=self.limits,
            passwords=self.passwords,
            on_progress=lambda done, n: self._tell(
                Progress(file.uri, n_done, self.n_sources, done, n)
            ),
        )
        try:
            documents = list(loader.load_file(file))
            # Asked anew: a reader whose model turns out to be missing is dropped while reading.
            self._put(file.uri, loader, documents, f"{content} {self.describer.fingerprint}")
        except BaseException:
            for key in loader.stored_keys - self.library.image_keys():
                self.media.remove(key)
            raise

    def _read_adapted(self, loader: AdaptedLoader) -> None:
        """What another loader reads: known to be unchanged only once it is read."""
        documents = list(loader.lazy_load())
        ids = "".join(d.metadata["chunk_id"] for d in documents)
        fingerprint = hashlib.sha256(ids.encode()).hexdigest()
        if not self._is_known(loader.uri, fingerprint):
            self._put(loader.uri, loader, documents, fingerprint)

    def _is_known(self, uri: str, fingerprint: str) -> bool:
        is_known = self.library.fingerprint(uri) == fingerprint
        self.report.unchanged += is_known
        return is_known

    def _put(
        self, uri: str, loader: DocumentLoader, documents: list[Document], fingerprint: str
    ) -> None:
        change = self.library.put(
            uri, documents, fingerprint=fingerprint, title=loader.title, n_pages=loader.n_pages
        )
        for key in change.orphan_keys:
            if not self.library.with_picture(key):
                self.media.remove(key)
        if change.replaced:
            self.report.updated += 1
        else:
            self.report.added += 1
        self.report.skipped += [(uri, f"{s.what}: {s.reason}") for s in loader.skipped]
        self.report.figures += change.n_figures
        self.report.chunks += change.n_chunks
        self.report.pages += loader.n_pages or 0

    def _tell(self, progress: Progress) -> None:
        if self.on_progress:
            self.on_progress(progress)
