"""Brings a library up to date with its sources: what is new, changed, moved and deleted.

What cannot be looked at is never taken for deleted. Leaves out noticing that something has
changed: that is `assistant.watch`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from pathlib import Path

from assistant import uploads
from assistant.discovery import Wanted, places_away, rediscover
from assistant.fingerprints import companions_of
from assistant.ingestion import Ingestion
from assistant.moves import is_gone
from assistant.report import OnProgress, Outcome, Report
from assistant.run import Run
from loaders.source import is_url, local_path
from retrievers import Library, UnknownSource
from retrievers.roots import Root

GONE = (
    "{path} is not there{mounted}. The {n} documents from it stay in the library. If it was moved, "
    "add it from its new place; if it is not wanted any more: limner remove {path}"
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
    roots = library.roots.all()
    found = rediscover(roots, library.folder, report)
    for source, mounts in found.mounts.items():
        library.roots.note_mounts(source, sorted(mounts))
    wanted = found.wanted
    if only is not None:
        wanted = _changed(wanted, only, library)
    left = library.journal.left()
    first = set(left)
    wanted.sort(key=lambda one: one.uri not in first)
    with ingestion.running(report, on_progress) as run:
        run.read(wanted)
        if not report.interrupt:
            try:
                _remove_deleted(run, roots, only)
            except KeyboardInterrupt as interrupt:
                report.interrupt = interrupt
        if not report.interrupt:
            if only is None:
                library.journal.strike_left(left)
            run.learn_pictures()
    return report


def _changed(wanted: Sequence[Wanted], only: Collection[Path], library: Library) -> list[Wanted]:
    """Those of the sources that changed, or that show a file beside them that did."""
    beside = library.beside()
    places = set(only)
    found = []
    for one in wanted:
        if is_url(one.uri):
            continue
        path = local_path(one.uri)
        shown = companions_of(beside.get(one.uri, "")) or {}
        paths = [path, *((path.parent / name).resolve() for name in shown)]
        if any(_is_among(p, places) for p in paths):
            found.append(one)
    return found


def _is_among(path: Path, places: Set[Path]) -> bool:
    """Whether a path is one of the places, or below one."""
    return path in places or not places.isdisjoint(path.parents)


def _remove_deleted(run: Run, roots: Sequence[Root], only: Collection[Path] | None) -> None:
    """Take out the documents whose files are gone, where the roots that they came from are not."""
    library, report = run.library, run.report
    away = places_away(roots)
    kept: dict[Root, int] = dict.fromkeys(away, 0)
    places = set(only or ())
    for source in library.sources():
        is_own = uploads.is_upload(library.folder, source) or not is_gone(source)
        if is_own or (only is not None and not _is_among(local_path(source), places)):
            continue
        if missing := [root for root in away if root.covers(source)]:
            for root in missing:
                kept[root] += 1
        elif any(root.covers(source) for root in roots):
            _remove(run, source)
    for root, n in kept.items():
        if n:
            path = local_path(root.source)
            mounted = f" (no drive is mounted at {root.mount})" if root.mount else ""
            told = GONE.format(path=path, mounted=mounted, n=n)
            report.failed.append((root.source, told))
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
    gone = [root for root in roots if not root.mount and is_gone(root.source)]
    if gone:
        sources = library.sources()
        for root in gone:
            if not any(map(root.covers, sources)):
                library.roots.forget(root.source)
