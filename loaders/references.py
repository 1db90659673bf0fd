"""Which sentences of a document refer to a figure or a table by its number.

Leaves out figures without a number, and references between documents.
"""

from __future__ import annotations

import re

from loaders.elements import one_line

KIND = "figure|fig|chart|diagram|exhibit|image|photo|plate|map|scheme|table|tab"
NUMBER = r"(?-i:[A-Z]{1,2})?[.\-–]?\d+(?:[.\-–]\d+)*[a-z]?\b|(?-i:[IVXL]{1,5})\b"
LABEL = re.compile(rf"\b({KIND})s?\.?\s*({NUMBER})", re.IGNORECASE)
NAMES = {"fig": "figure", "tab": "table"}
SENTENCE_END = re.compile(
    # The point of "Fig. 3" ends no sentence.
    r"(?<=[.!?])(?<!\b[Ff]ig\.)(?<!\b[Ff]igs\.)(?<!\b[Tt]ab\.)(?<!\b[Nn]o\.)\s+(?=[A-Z0-9\"“(])|\n+"
)
MAX_REFERENCES = 2
MAX_REFERENCE_CHARS = 600
MAX_HELD = 8
"""Sentences that are kept for one label."""


def label_of(caption: str | None) -> str | None:
    """The kind and number that a caption begins with, as in "Figure 3"; None without one."""
    found = LABEL.match((caption or "").strip())
    if not found:
        return None
    kind, number = _key(*found.groups())
    return f"{kind.capitalize()} {number}"


class References:
    """Add all text of a document, then ask for what refers to a caption."""

    def __init__(self) -> None:
        self._sentences: dict[tuple[str, str], list[str]] = {}

    def add(self, text: str) -> None:
        """Take in the sentences of a text that name a figure or table."""
        for sentence in SENTENCE_END.split(text):
            for kind, number in LABEL.findall(sentence):
                held = self._sentences.setdefault(_key(kind, number), [])
                if len(held) < MAX_HELD and len(sentence) <= MAX_REFERENCE_CHARS:
                    held.append(sentence.strip())

    def to(self, caption: str | None) -> list[str]:
        """The first sentences that refer to what has this caption, and are not the caption."""
        found = LABEL.match((caption or "").strip())
        if not found:
            return []
        own = one_line(caption or "")
        told = dict.fromkeys(map(one_line, self._sentences.get(_key(*found.groups()), [])))
        return [s for s in told if s not in own and own not in s][:MAX_REFERENCES]


def _key(kind: str, number: str) -> tuple[str, str]:
    name = kind.lower()
    return NAMES.get(name, name), number.replace("–", "-")
