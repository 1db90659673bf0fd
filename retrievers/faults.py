"""What a verification finds, and what is to be done about it.

Leaves out the looking: `retrievers.verification` for the library's own files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

REPAIR = "limner verify --repair "
READ_ANEW = "the next limner add or limner sync of its source reads it anew"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it should be.

    what: its kind in a word or two; where: a source, a file or a picture's key; detail: what is
    wrong; repair: what mends it. document: the row of the one that is to be put in again.
    """

    what: str
    where: str
    detail: str
    repair: str
    document: int | None = field(default=None, compare=False)

    def to_dict(self) -> dict[str, str]:
        """As in the JSON of `limner verify`."""
        return {
            "what": self.what,
            "where": self.where,
            "detail": self.detail,
            "repair": self.repair,
        }


@dataclass(frozen=True, slots=True)
class Note:
    """What is no fault, but good to know: it is to come, or cannot be looked at now."""

    what: str
    where: str
    detail: str

    def to_dict(self) -> dict[str, str]:
        """As in the JSON of `limner verify`."""
        return {"what": self.what, "where": self.where, "detail": self.detail}


@dataclass(slots=True)
class Findings:
    """What a verification found. n_…: what it looked at; n_repaired: faults that are gone now."""

    n_documents: int = 0
    n_chunks: int = 0
    n_pictures: int = 0
    faults: list[Fault] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    n_repaired: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The JSON of `limner verify`."""
        return {
            "ok": not self.faults,
            "documents": self.n_documents,
            "chunks": self.n_chunks,
            "pictures": self.n_pictures,
            "faults": [fault.to_dict() for fault in self.faults],
            "notes": [note.to_dict() for note in self.notes],
            "repaired": self.n_repaired,
        }
