"""Brings a library up to date with its sources: what is new, changed, moved and deleted.

What cannot be looked at is never taken for deleted. Leaves out noticing that something has
changed: that is `assistant.watch`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence, Set
from functools import cache
from pathlib import Path

from assistant import uploads
from assistant.counting import number_of
from assistant.discovery import is_among, places_away, rediscover, roots_near
from assistant.fingerprints import companions_of
from assistant.ingestion import Ingestion
from assistant.moves import is_gone
from assistant.report import OnProgress, Outcome, Report
from assistant.run import Run
from loaders.source import is_url, local_path
from retrievers import Library, UnknownSource
from retrievers.roots import KnownRoots, Root

GONE = (
    "{path} is not there{mounted}. What was read from it, {documents}, stays in the library. If it "
    "was moved, add it from its new place; if it is not wanted any more: limner remove {path}"
)


def sync(
    ingestion: Ingestion,
    on_progress: OnProgress | None = None,
    *,
    only: Collection[Path] | None = None,
) -> Report:
    """Read what is new or changed, and take out what was deleted, below all that was added.

    What an interrupted run left is read first. only: the paths at or below which something has
    changed, as far as is known; pages on the web are not fetched then. Raises LibraryError where
    the library itself cannot be written.
    """
    report = Report()
    library = ingestion.library
    uploads.end_removals(library.folder, library.sources)
    roots, places = library.roots.all(), None
    if only is not None:
        places = set(only)
        places |= _showing(places, library)
        roots = roots_near(roots, places)
    found = rediscover(roots, library.folder, report, places)
    for source, mounts in found.mounts.items():
        library.roots.note_mounts(source, sorted(mounts))
    wanted = found.wanted
    left = library.journal.left()
    first = set(left)
    wanted.sort(key=lambda one: one.uri not in first)
    with ingestion.running(report, on_progress) as run:
        run.read(wanted)
        if not report.interrupt:
            try:
                _remove_deleted(run, roots, places)
            except KeyboardInterrupt as interrupt:
                report.interrupt = interrupt
        if not report.interrupt:
            if only is None:
                library.journal.strike_left(left)
            run.learn_pictures()
    return report


def _showing(places: Set[Path], library: Library) -> set[Path]:
    """The files that show a file beside them that is at or below one of the places."""

    @cache
    def resolved(folder: Path) -> tuple[Path, bool]:
        path = folder.resolve()
        return path, is_among(path, places)

    def is_changed(path: Path) -> bool:
        folder, is_within = resolved(path.parent)
        place = folder / path.name
        return is_within or place in places or (place.is_symlink() and place.resolve() in places)

    found = set()
    for source, fingerprint in library.beside().items():
        shown = companions_of(fingerprint)
        if shown and not is_url(source):
            path = local_path(source)
            if any(is_changed(path.parent / name) for name in shown):
                found.add(path)
    return found


def _remove_deleted(run: Run, roots: Sequence[Root], places: Set[Path] | None) -> None:
    """Take out the documents whose files are gone, where the roots that they came from are not."""
    library, known = run.library, KnownRoots(roots)
    away = {root.source: root for root in places_away(roots)}
    known_away = KnownRoots(away.values())
    kept = Counter[str]()
    named = None if places is None else [place.absolute().as_uri() for place in places]
    for source in library.sources() if named is None else library.sources_at(named):
        if uploads.is_upload(library.folder, source) or not is_gone(source):
            continue
        if missing := known_away.covering(source):
            kept.update(root.source for root in missing)
        elif known.covering(source):
            _remove(run, source)
    for place, n in kept.items():
        root = away[place]
        path = local_path(root.source)
        mounted = f" (no drive is mounted at {root.mount})" if root.mount else ""
        told = GONE.format(path=path, mounted=mounted, documents=number_of(n, "document"))
        run.report.failed.append((root.source, told))
    _forget_empty(library, roots)


def _remove(run: Run, source: str) -> None:
    run.disuse(source)
    run.media.page_readings(source).forget()
    try:
        change = run.library.remove(source, is_gone=True)
    except UnknownSource:  # another run was quicker
        return
    run.describer.readings.forget(change.orphan_keys)
    run.report.removed += 1
    run.report.outcomes.append(Outcome("removed", source))


def _forget_empty(library: Library, roots: Sequence[Root]) -> None:
    """Look no more where a file or folder was of which nothing is left: it was moved."""
    for root in roots:
        if not root.mount and is_gone(root.source) and not library.sources_at([root.source]):
            library.roots.forget(root.source)
