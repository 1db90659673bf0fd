"""Files that were moved, renamed or copied: known by their content, so that none is read twice.

Leaves out pages on the web, which show what their address says.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field

from assistant.fingerprints import Fingerprints, companions_of
from loaders.loader import placed_anew
from loaders.source import SourceFile, is_url, local_path
from loaders.worker_pool import Reading
from retrievers import Library, LibraryError
from retrievers.catalogue import Entry

FILE = "file://"


@dataclass(frozen=True, slots=True)
class Former:
    """A document whose file had the content that a file elsewhere has now.

    is_gone: its file is not there any more: it was moved.
    """

    entry: Entry
    is_gone: bool


def is_gone(source: str) -> bool:
    """Whether there is certainly no such file: one that cannot be looked at may be there."""
    if not source.startswith(FILE):
        return False
    try:
        os.lstat(local_path(source))
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False


@dataclass(slots=True)
class Moves:
    """Those that one run finds. Safe for threads."""

    library: Library
    fingerprints: Fingerprints
    _claimed: set[str] = field(default_factory=set)
    _claiming: threading.Lock = field(default_factory=threading.Lock)

    def former(self, uri: str, sha256: str, *, is_new: bool) -> Former | None:
        """The document that the file was before, or is a copy of.

        is_new: the library knows nothing from that file yet. Of several files only one can be
        what another was.
        """
        if is_url(uri):
            return None
        copies = [c for c in self.library.copies(sha256) if c.source.startswith(FILE)]
        others = [entry for entry in copies if entry.source != uri]
        with self._claiming:
            for entry in others if is_new else ():
                if entry.source not in self._claimed and is_gone(entry.source):
                    self._claimed.add(entry.source)
                    return Former(entry, True)
        return Former(others[0], False) if others else None

    def reading(
        self, former: Former, file: SourceFile, sha256: str, *, fetches_pictures: bool
    ) -> Reading | None:
        """What reading the file would give, if the library holds just that; else None."""
        entry = former.entry
        before, after = local_path(entry.source), file.path
        beside = companions_of(entry.fingerprint)
        if beside is None or before.suffix.lower() != after.suffix.lower():
            return None
        if not self.fingerprints.fits(
            entry.fingerprint, sha256, file, fetches_pictures=fetches_pictures
        ):
            return None
        try:
            evidence = self.library.evidence(entry.source)
            if self.library.fingerprint(entry.source) != entry.fingerprint:
                return None  # another run has replaced it meanwhile
        except LibraryError:
            return None
        title = entry.title
        if title == before.name and before.name != after.name:
            if any("image_key" in document.metadata for document in evidence):
                return None  # the words of a figure may hold the title
            title = after.name
        documents = list(placed_anew(evidence, file.uri, title))
        return Reading(documents, title, entry.n_pages, companions=beside)
