"""What a run tells while it reads, and what it says at the end.

Leaves out how that is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from loaders.loader import Stage


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is. n_done of n_sources are done; source, one of several, is being read.

    stage: how far that source is read; None where it was just begun. n_pages, n_figures: put
    into the library so far. is_fetching: the source is a page that is on its way here. share: of
    the whole run, in [0, 1]; it stands still while links are followed, which tell of more sources.
    """

    source: str
    n_done: int
    n_sources: int
    stage: Stage | None = None
    n_pages: int = 0
    n_figures: int = 0
    is_fetching: bool = False
    share: float = 0.0


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one source in the library. before: where a moved one was."""

    what: Literal["added", "updated", "moved", "removed"]
    source: str
    before: str = ""


@dataclass(slots=True)
class Report:
    """What a run did. failed: sources that were not read; skipped: parts of those that were."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    moved: int = 0
    removed: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    locked: list[str] = field(default_factory=list)
    """The sources among those failed that a password would open."""
    figures: int = 0
    chunks: int = 0
    pages: int = 0
    seconds: float = 0.0
    interrupt: KeyboardInterrupt | None = None
    """What ended the run before its end."""
    n_unread: int = 0
    """Sources that were not read therefore."""
    outcomes: list[Outcome] = field(default_factory=list)

    def take_in_retry(self, source: str, retry: Report) -> None:
        """Put what a second try of one failed source did in the place of its failure."""
        self.failed = [entry for entry in self.failed if entry[0] != source] + retry.failed
        self.locked = [other for other in self.locked if other != source] + retry.locked
        self.skipped += retry.skipped
        self.outcomes += retry.outcomes
        for name in ("added", "updated", "unchanged", "moved", "figures", "chunks", "pages"):
            setattr(self, name, getattr(self, name) + getattr(retry, name))
        self.seconds += retry.seconds

    @property
    def has_done_nothing(self) -> bool:
        """Whether nothing that was asked for could be had."""
        found = self.added + self.updated + self.unchanged + self.moved + self.removed
        return bool(self.failed) and not found

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `limner add`."""
        return {
            "added": self.added,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "moved": self.moved,
            "failed": [{"source": s, "reason": r} for s, r in self.failed],
            "skipped": [{"source": s, "reason": r} for s, r in self.skipped],
            "figures": self.figures,
            "chunks": self.chunks,
            "pages": self.pages,
            "seconds": round(self.seconds, 2),
        }
