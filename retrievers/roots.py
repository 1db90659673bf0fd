"""What a person had added: folders, files and web addresses, each with how it is to be read.

A sync looks there again. Leaves out looking: that is `assistant.sync`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from retrievers.database import Database
from retrievers.errors import LibraryDamaged

Kind = Literal["folder", "file", "url"]


@dataclass(frozen=True)
class Root:
    """One thing that was added. source: a `file://` URI or a web address, without a login.

    depth, fetch_remote_images, collections: as it was added. mount: where the drive is mounted on
    which it lies; mounts: where others were seen mounted below it. had_login: the address held a
    login, which is kept nowhere. excluded: sources that were taken out again; of a folder, all that
    is below it.
    """

    source: str
    kind: Kind
    depth: int = 0
    fetch_remote_images: bool = False
    collections: tuple[str, ...] = ()
    mount: str = ""
    mounts: tuple[str, ...] = ()
    had_login: bool = False
    excluded: tuple[str, ...] = ()

    def covers(self, source: str) -> bool:
        """Whether the source comes in with this root; the pages of a site do where links are

        followed.
        """
        if self.kind == "folder":
            return is_below(source, self.source)
        is_page = self.kind == "url" and self.depth > 0 and _is_web(source)
        return source == self.source or (is_page and _host(source) == _host(self.source))

    def excludes(self, source: str) -> bool:
        """Whether the source was taken out again."""
        return source in self._excluded or not self._excluded.isdisjoint(folders_of(source))

    @cached_property
    def _excluded(self) -> frozenset[str]:
        return frozenset(self.excluded)


class KnownRoots:
    """Roots by what they cover: a source is looked up, not compared with each of them."""

    def __init__(self, roots: Iterable[Root]) -> None:
        self._named: dict[str, list[tuple[int, Root]]] = {}
        self._folders: dict[str, list[tuple[int, Root]]] = {}
        self._sites: dict[str | None, list[tuple[int, Root]]] = {}
        for numbered in enumerate(roots):
            root = numbered[1]
            if root.kind == "folder":
                self._folders.setdefault(root.source, []).append(numbered)
            else:
                self._named.setdefault(root.source, []).append(numbered)
            if root.kind == "url" and root.depth > 0:
                self._sites.setdefault(_host(root.source), []).append(numbered)

    def covering(self, source: str) -> list[Root]:
        """Those that the source comes in with, in the order in which they were given."""
        found = dict(self._named.get(source, ()))
        for folder in folders_of(source):
            found.update(self._folders.get(folder, ()))
        if self._sites and _is_web(source):
            found.update(self._sites.get(_host(source), ()))
        return [found[number] for number in sorted(found)]

    def allowing(self, source: str) -> list[Root]:
        """Those that the source comes in with, unless it was taken out again."""
        return [root for root in self.covering(source) if not root.excludes(source)]


class Roots:
    """Those of one library. Safe for threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Root]:
        """All of them, by source. Raises LibraryDamaged."""
        with self._database.reading() as connection:
            return read(connection)

    def note(self, roots: Sequence[Root]) -> None:
        """Note what a person adds; see the function `note`."""
        with self._database.writing() as connection:
            note(connection, roots)

    def note_mounts(self, source: str, mounts: Iterable[str]) -> None:
        """Note where drives were seen mounted below a folder, if it is still a root."""
        with self._database.writing() as connection:
            for root in [root for root in read(connection) if root.source == source]:
                seen = tuple(dict.fromkeys((*root.mounts, *mounts)))
                _write(connection, [replace(root, mounts=seen)])

    def forget(self, source: str) -> None:
        """Look there no more; what came from it stays in the library."""
        with self._database.writing() as connection:
            forget(connection, source)

    def exclude(self, source: str) -> None:
        """Have no sync bring in a source, or what is below a folder, until it is added again."""
        with self._database.writing() as connection:
            exclude(connection, source)


def is_below(source: str, folder: str) -> bool:
    """Whether a source lies in a folder or deeper; both are URIs."""
    return source.startswith(folder.rstrip("/") + "/")


def folders_of(source: str) -> set[str]:
    """The URIs of all folders that a source is below, each with and without a slash at its end."""
    ends = [place for place, character in enumerate(source) if character == "/"]
    return {source[: end + with_slash] for end in ends for with_slash in (0, 1)}


def span_below(folder: str) -> tuple[str, str]:
    """From which string on, and before which, all sources below a folder are in SQLite's order."""
    start = folder.rstrip("/") + "/"
    return start, start[:-1] + chr(ord("/") + 1)


def read(connection: sqlite3.Connection) -> list[Root]:
    """All roots that the connection sees. Raises LibraryDamaged."""
    rows = connection.execute("SELECT source, kind, options FROM roots ORDER BY source")
    return [_root(*row) for row in rows]


def note(connection: sqlite3.Connection, roots: Iterable[Root]) -> None:
    """Note what a person adds, with the options of this time; it joins its collections too.

    Nothing that is named, or below it, is excluded any more.
    """
    before = {root.source: root for root in read(connection)}
    after = dict(before)
    named: list[Root] = []
    for root in roots:
        if other := after.get(root.source):
            collections = tuple(dict.fromkeys(other.collections + root.collections))
            mounts = tuple(dict.fromkeys(other.mounts + root.mounts))
            root = replace(root, collections=collections, mounts=mounts)  # noqa: PLW2901
        after[root.source] = root
        named.append(root)
    sources, known = {root.source for root in named}, KnownRoots(named)
    for root in [root for root in after.values() if root.excluded]:
        kept = [s for s in root.excluded if s not in sources and not known.covering(s)]
        after[root.source] = replace(root, excluded=tuple(kept))
    _write(connection, [root for root in after.values() if before.get(root.source) != root])


def exclude(connection: sqlite3.Connection, source: str) -> None:
    """Have no sync bring in a source, or what is below a folder, until it is added again.

    A root of which nothing is left in the library is forgotten.
    """
    start, end = span_below(source)
    connection.execute(
        "DELETE FROM roots WHERE source = ? OR (source >= ? AND source < ?)", (source, start, end)
    )
    for root in _perhaps_covering(connection, source):
        if root.covers(source):
            if not root.excludes(source):
                excluded = tuple(s for s in root.excluded if not is_below(s, source))
                _write(connection, [replace(root, excluded=(*excluded, source))])
            if not _holds_any(connection, root):
                forget(connection, root.source)


def _perhaps_covering(connection: sqlite3.Connection, source: str) -> list[Root]:
    """Of the roots the few that may cover a source: the folders above it, or web addresses."""
    rows = connection.execute(
        "SELECT source, kind, options FROM roots "
        "WHERE source IN (SELECT value FROM json_each(?)) OR (? AND kind = 'url')",
        (json.dumps(sorted(folders_of(source))), _is_web(source)),
    )
    return [_root(*row) for row in rows]


def forget(connection: sqlite3.Connection, source: str) -> None:
    """Look there no more."""
    connection.execute("DELETE FROM roots WHERE source = ?", (source,))


def _write(connection: sqlite3.Connection, roots: Iterable[Root]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO roots (source, kind, options) VALUES (?, ?, ?)",
        ((root.source, root.kind, json.dumps(_options(root))) for root in roots),
    )


def _holds_any(connection: sqlite3.Connection, root: Root) -> bool:
    """Whether the library holds something that came in with the root."""
    start, end = span_below(root.source)
    if root.kind != "folder":
        start, end = ("http", "httq") if root.depth else ("", "")
    rows = connection.execute(
        "SELECT source FROM documents WHERE source = ? OR (source >= ? AND source < ?)",
        (root.source, start, end),
    )
    return any(root.covers(source) for (source,) in rows)


def _options(root: Root) -> dict[str, Any]:
    found = asdict(root)
    del found["source"], found["kind"]
    return {name: value for name, value in found.items() if value}


def _root(source: str, kind: str, stored: str) -> Root:
    """A row as a root; only what a root may hold is taken from it."""
    try:
        options = dict(json.loads(stored))
        known: dict[str, Any] = {
            field.name: options[field.name] for field in fields(Root)[2:] if field.name in options
        }
        for name in ("mounts", "collections", "excluded"):
            if name in known:
                known[name] = tuple(map(str, known[name]))
        root = Root(source, kind, **known)  # type: ignore[arg-type]
        is_whole = kind in get_args(Kind) and all(
            type(getattr(root, field.name)) is type(field.default) for field in fields(Root)[2:]
        )
    except (TypeError, ValueError):
        is_whole = False
    if not is_whole:
        raise LibraryDamaged(
            f"What the library notes of {source} cannot be read. Have it noted anew with: "
            "limner add SOURCE"
        )
    return root


def _is_web(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
