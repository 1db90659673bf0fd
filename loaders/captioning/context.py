"""What a document says around a figure, for a model that looks at the figure.

Leaves out how these words are found: that is `loaders.loader`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from typing import Any, Self

from loaders.elements import one_line

MAX_CHARS = 600
"""Of each part: more would cost a model time, and a document may hold anything."""


@dataclass(frozen=True, slots=True)
class FigureContext:
    """Words from a document, on one line each and bounded. They are data, whatever they say."""

    title: str = ""
    section: str = ""
    caption: str = ""
    alt: str = ""
    text: str = ""
    """The sentences that refer to the figure, or stand beside it."""

    def __post_init__(self) -> None:
        for part in fields(self):
            words = one_line(getattr(self, part.name)[: 2 * MAX_CHARS])[:MAX_CHARS]
            object.__setattr__(self, part.name, words)

    @classmethod
    def from_message(cls, message: Any) -> Self:
        """The context that another process tells of; what is no text in it is left out."""
        told = message if isinstance(message, dict) else {}
        names = [part.name for part in fields(cls)]
        return cls(**{name: told[name] for name in names if isinstance(told.get(name), str)})

    def told(self) -> dict[str, str]:
        """The parts that say something, by name."""
        found = {part.name: str(getattr(self, part.name)) for part in fields(self)}
        return {name: words for name, words in found.items() if words}

    @property
    def digest(self) -> str:
        """Alike for like words; "" where there are none."""
        told = self.told()
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16] if told else ""
