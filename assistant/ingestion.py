"""Brings what a person names into a library: files, folders, URLs, and what other loaders read.

Leaves out how a run goes on (`assistant.run`), and what was deleted (`assistant.sync`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from assistant.discovery import discover
from assistant.fingerprints import Fingerprints
from assistant.moves import Moves
from assistant.reading import SourceReader
from assistant.report import OnProgress, Report
from assistant.run import Run
from loaders import AdaptedLoader, FigureDescriber, Limits, MediaStore, Transcriber
from loaders.disused import DisusedPictures
from loaders.worker_pool import WorkerPool
from retrievers import Library, collection_names
from retrievers.roots import Root

Source = str | Path | AdaptedLoader
"""What is read: a path or URL, or what another loader reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingestion:
    """What every run over one library needs.

    passwords: tried on documents that need one; kept nowhere. transcriber: writes down speech,
    with the package's weights by default.
    """

    library: Library
    media: MediaStore
    describer: FigureDescriber
    limits: Limits
    passwords: Sequence[str] = field(default=(), repr=False)
    transcriber: Transcriber = field(default_factory=Transcriber)

    @contextmanager
    def running(self, report: Report, on_progress: OnProgress | None) -> Iterator[Run]:
        """A new run; what it leaves without use is deleted at the end of the block."""
        start = time.perf_counter()
        disused = DisusedPictures(self.media)
        with (
            # A fetch that is left behind may still be writing.
            TemporaryDirectory(prefix="limner-", ignore_cleanup_errors=True) as folder,
            disused.kept(),
            self.library.journal.running() as name,
            WorkerPool(
                self.media, self.describer, self.limits, transcriber=self.transcriber
            ) as pool,
        ):
            yield Run(
                library=self.library,
                media=self.media,
                describer=self.describer,
                limits=self.limits,
                report=report,
                on_progress=on_progress,
                reader=self._reader(pool),
                pool=pool,
                disused=disused,
                folder=Path(folder),
                name=name,
            )
        if vision := self.describer.vision:
            told = [f"{s.what}: {s.reason}" for s in self.describer.failures]
            report.skipped += [(vision.name, entry) for entry in told]
        disused.delete(self.library.image_keys)
        report.seconds = time.perf_counter() - start

    def _reader(self, pool: WorkerPool) -> SourceReader:
        fingerprints = Fingerprints(self.describer, self.transcriber, self.limits)
        return SourceReader(
            library=self.library,
            media=self.media,
            describer=self.describer,
            limits=self.limits,
            passwords=self.passwords,
            fingerprints=fingerprints,
            moves=Moves(self.library, fingerprints),
            pool=pool,
        )


def ingest(
    sources: Iterable[Source],
    ingestion: Ingestion,
    on_progress: OnProgress | None = None,
    *,
    depth: int = 0,
    fetch_remote_images: bool = False,
    collections: Sequence[str] = (),
) -> Report:
    """Bring the sources into the library; unchanged ones are left as they are.

    depth: how many links are followed from each URL, within its host. fetch_remote_images: or the
    limits'. collections: that the documents join. An interrupt from the keyboard ends the run:
    what is done stays, and the report says what was not begun. What is named is noted in the
    library, and so is what is still to be read: a sync comes back to both. Several runs may fill
    one library at once. Raises LibraryError where the library itself cannot be written, and
    InvalidCollection.
    """
    report = Report()
    given = list(sources)
    adapted = [source for source in given if isinstance(source, AdaptedLoader)]
    joined = tuple(map(collection_names.kept_name, collections))
    options = Root("", "file", depth, fetch_remote_images, joined)
    library = ingestion.library
    known = library.roots.all()
    found = discover(
        [source for source in given if not isinstance(source, AdaptedLoader)],
        known,
        options,
        library.folder,
        report,
    )
    with ingestion.running(report, on_progress) as run:
        run.collections = options.collections
        run.read(found.wanted, adapted, roots=found.roots)
        if not report.interrupt:
            _forget_failed(library, set(found.roots) - set(known))
            run.learn_pictures()
    return report


def _forget_failed(library: Library, roots: Iterable[Root]) -> None:
    """What could not be read when it was added is nothing for a sync to come back to."""
    for root in roots:
        if root.kind != "folder" and not root.depth and library.fingerprint(root.source) is None:
            library.roots.forget(root.source)
