"""Which files and pages a person means by what was named: folders are looked through.

Leaves out reading them, and what was deleted.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from assistant import uploads
from assistant.report import Report
from loaders.errors import SourceMissing
from loaders.source import is_url, local_path, login_part, source_uri
from retrievers.roots import Kind, KnownRoots, Root, folders_of

PASSING_STARTS = (".", "~$")
PASSING_ENDS = ("~", ".tmp", ".part", ".partial", ".crdownload")
NO_LOGIN = "Its address was added with a login, which is kept nowhere: add it again with that."


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file or page that is to be read, and how. source: as it was named, with its login."""

    uri: str
    source: str | Path
    figure_root: Path | None = None
    depth: int = 0
    fetch_remote_images: bool = False
    collections: tuple[str, ...] = ()
    unwanted: tuple[Root, ...] = ()
    """Of a site: where it says what was taken out again."""
    had_login: bool = False


@dataclass(slots=True)
class Found:
    """What is to be read, and the roots that were named with it."""

    wanted: list[Wanted] = field(default_factory=list)
    roots: list[Root] = field(default_factory=list)
    mounts: dict[str, set[str]] = field(default_factory=dict)
    """Folder that was added → where drives are mounted below it that are not noted with it yet."""


def discover(
    sources: Iterable[str | Path],
    known: Sequence[Root],
    options: Root,
    library_folder: Path,
    report: Report,
) -> Found:
    """Each file and URL that is named, once. known: what was added before.

    options: with which all of them are added.
    """
    found, seen, before = Found(), set[str](), KnownRoots(known)
    for source in sources:
        try:
            root = _root(source, options)
            items: Sequence[str | Path] = [source]
            if root.kind == "folder":
                mounts = set[str]()
                items = files_below(local_path(source), library_folder.resolve(), report, mounts)
                root = replace(root, mounts=tuple(sorted(mounts)))
            named = [(source_uri(item), item) for item in items]
        except (OSError, RuntimeError, ValueError) as error:
            report.failed.append((str(source), f"{source} is no path or URL ({error})."))
            continue
        if not named:
            report.failed.append((str(source), f"{source} is a folder that holds no files."))
            continue
        # What is not there, such as a mistyped path, is nothing to come back to.
        is_there = root.kind != "file" or local_path(source).exists()
        if is_there and not uploads.is_upload(library_folder, root.source):
            found.roots.append(root)
        for uri, item in named:
            if uri not in seen:
                seen.add(uri)
                found.wanted.append(_wanted(uri, item, [root, *before.allowing(uri)]))
    return found


def rediscover(
    roots: Sequence[Root], library_folder: Path, report: Report, only: Set[Path] | None = None
) -> Found:
    """Each file and URL that is there now below the roots, and each upload, once.

    only: the paths at and below which is looked, all of them where it is None.
    """
    found: dict[str, Wanted] = {}
    new_mounts: dict[str, set[str]] = {}
    known, library_folder = KnownRoots(roots), library_folder.resolve()
    for root in roots:
        mounts = set[str]()
        items = _items(root, library_folder, report, mounts, only)
        if not mounts <= {*root.mounts}:
            new_mounts[root.source] = mounts - {*root.mounts}
        for item in items:
            uri = source_uri(item)
            if uri not in found and (allowing := known.allowing(uri)):
                found[uri] = _wanted(uri, item, allowing)
    for path in uploads.all_below(library_folder):
        if only is None or is_among(path, only):
            uri = path.as_uri()
            found.setdefault(uri, Wanted(uri, path))
    return Found(list(found.values()), mounts=new_mounts)


def roots_near(roots: Iterable[Root], places: Iterable[Path]) -> list[Root]:
    """The folders and files that were added at, below or above one of the places."""
    uris = {place.absolute().as_uri() for place in places}
    above = uris.union(*map(folders_of, uris))
    return [
        root
        for root in roots
        if root.kind != "url"
        and (root.source in above or not uris.isdisjoint(folders_of(root.source)))
    ]


def is_among(path: Path, places: Set[Path]) -> bool:
    """Whether a path is one of the places, or below one."""
    return path in places or not places.isdisjoint(path.parents)


def folder_root(folder: str | Path) -> Root:
    """A folder as a root, though it may hold no files yet. Raises SourceMissing."""
    path = local_path(folder)
    if is_url(folder) or not path.is_dir():
        raise SourceMissing(f"{folder} is not a folder. Give one to be watched.")
    return _root(folder, Root("", "folder"))


def files_below(
    folder: Path,
    library_folder: Path,
    report: Report,
    mounts: set[str],
    only: Set[Path] | None = None,
) -> list[Path]:
    """All files below the folder in order; not hidden or passing ones, not the library's own.

    mounts: is given the places where drives are mounted below it. only: the paths at and below
    which is looked, all of them where it is None.
    """
    found: set[Path] = set()
    if folder.is_relative_to(library_folder):
        return []

    def refuse(error: OSError) -> None:
        place = Path(error.filename or folder)
        reason = f"{place} may not be looked through ({error.strerror}). Check its rights."
        report.failed.append((place.as_uri(), reason))

    for start in [folder] if only is None else _starts(folder, only, library_folder):
        if not start.is_dir():
            found.update([start] if os.path.lexists(start) else [])
            continue
        for place, folders, names in os.walk(start, onerror=refuse):
            here = Path(place)
            folders[:] = [n for n in folders if not is_passing(n) and here / n != library_folder]
            found.update(here / name for name in names if not is_passing(name))
            mounts.update(str(here / name) for name in folders if os.path.ismount(here / name))
    return list(_inside(folder, sorted(found), report))


def _starts(folder: Path, only: Set[Path], library_folder: Path) -> Sequence[Path]:
    """Where to look in a folder for what is at and below these paths, as a walk would reach it."""
    if is_among(folder, only):
        return [folder]
    inside = [path for path in only if path.is_relative_to(folder)]
    return [
        path
        for path in inside
        if not any(map(is_passing, path.relative_to(folder).parts))
        and not path.is_relative_to(library_folder)
        and path.parent.resolve() == path.parent  # no walk goes through a link
        and not (path.is_symlink() and path.is_dir())
    ]


def is_passing(name: str) -> bool:
    """Whether a file or folder is hidden, or what a program leaves while it works on another."""
    return name.startswith(PASSING_STARTS) or name.lower().endswith(PASSING_ENDS)


def places_away(roots: Iterable[Root]) -> set[Root]:
    """Where one cannot look now: files and folders that were added, and drives below these."""
    away = set[Root]()
    for root in (root for root in roots if root.kind != "url"):
        drives = {Root(Path(m).absolute().as_uri(), "folder", mount=m) for m in root.mounts}
        away |= {place for place in {root, *drives} if not is_there(place)}
    return away


def is_there(root: Root) -> bool:
    """Whether one can look there: the folder, or that of the file, exists and is no drive's

    that is not mounted now.
    """
    path = local_path(root.source)
    folder = path if root.kind == "folder" else path.parent
    try:
        if not folder.is_dir():
            return False
        is_mounted = not root.mount or os.path.ismount(root.mount)
        # What file managers leave in the empty folder of a drive is hidden.
        return is_mounted or any(not path.name.startswith(".") for path in folder.iterdir())
    except OSError:
        return False


def _inside(folder: Path, paths: Iterable[Path], report: Report) -> Iterator[Path]:
    """The paths without links that lead out of the folder, which are reported."""
    for path in paths:
        if path.resolve().is_relative_to(folder):
            yield path
        else:
            reason = f"{path.name} is a link to a place outside the folder that was added."
            report.failed.append((f"{folder.as_uri()}/{path.name}", reason))


def _items(
    root: Root, library_folder: Path, report: Report, mounts: set[str], only: Set[Path] | None
) -> Sequence[str | Path]:
    """What is there now of a root."""
    if root.kind == "url":
        return [root.source]
    path = local_path(root.source)
    if root.kind == "folder":
        return files_below(path, library_folder, report, mounts, only) if is_there(root) else []
    return [path] if path.exists() else []


def _root(source: str | Path, options: Root) -> Root:
    """What is noted of a source that a person adds."""
    uri = source_uri(source)
    if is_url(source):
        return replace(options, source=uri, kind="url", had_login=bool(login_part(str(source))))
    path = local_path(source)
    kind: Kind = "folder" if path.is_dir() else "file"
    return replace(options, source=uri, kind=kind, depth=0, mount=_mount_of(path))


def _wanted(uri: str, item: str | Path, roots: Sequence[Root]) -> Wanted:
    """How the source is read that comes in with these roots."""
    folders = sorted((r.source for r in roots if r.kind == "folder"), key=len)
    own = [root for root in roots if root.source == uri]
    return Wanted(
        uri,
        item,
        # The pictures of a file may come from all of the folder that was added.
        local_path(folders[0]) if folders else None,
        depth=own[0].depth if own else 0,
        fetch_remote_images=any(root.fetch_remote_images for root in roots),
        collections=tuple(dict.fromkeys(name for root in roots for name in root.collections)),
        unwanted=tuple(root for root in own[:1] if root.excluded),
        had_login=any(root.had_login for root in own),
    )


def _mount_of(path: Path) -> str:
    """Where the drive is mounted on which a path lies; "" for the drive of the system."""
    for place in (path, *path.parents):
        if os.path.ismount(place):
            return "" if place == Path(place.anchor) else str(place)
    return ""
