"""Which sentences of a document refer to a figure or a table by its number.

Leaves out figures without a number, and references between documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from loaders.elements import one_line

KIND = (
    "figures?|figs?|charts?|diagrams?|exhibits?|images?|photos?|plates?|maps?|schemes?"
    "|tables?|tabs?|abbildung(?:en)?|abb|bild(?:er)?|diagramme?|schaubild(?:er)?|tabellen?"
    "|figuras?|gráfic[ao]s?|tableaux?|tablas?|tabelas?|figur[ae]|tabell[ae]|рисун(?:ок|ке|ка)|рис"
    "|таблиц[аые]|табл"
)
CJK_KIND = "図表|図|圖|图|表|그림|표"
NUMBER = r"(?-i:[A-Z]{1,2})?[.\-–]?\d+(?:[.\-–]\d+)*[a-z]?(?![0-9A-Za-z])|(?-i:[IVXL]{1,5})\b"
LABEL = re.compile(rf"(?:\b({KIND})\.?|({CJK_KIND}))\s*({NUMBER})", re.IGNORECASE)
AND = r",|;|&|\band\b|\bund\b|\bet\b|\by\b|\be\b|\bи\b|と|、"
NEXT = re.compile(rf"\s*(?:{AND})+\s*({NUMBER})")
RANGE = re.compile(r"\s*(?:[-–—]|to|bis|through)\s*(\d{1,3})\b(?![.\-–]\d)")
MAX_RANGE = 12
"""Figures that "Figures 3 to 7" may name."""
NAMES = {
    "fig": "figure", "tab": "table", "abb": "abbildung", "рис": "рисунок", "табл": "таблица",
    "abbildungen": "abbildung", "bilder": "bild", "schaubilder": "schaubild",
    "图": "図", "圖": "図",
    "tabellen": "tabelle", "tableaux": "tableau", "diagramme": "diagramm",
    "рисунке": "рисунок", "рисунка": "рисунок", "таблице": "таблица", "таблицы": "таблица",
}  # fmt: skip
OPENING = r"[\"“„«(\[]*[A-Z0-9À-ÖØ-ÞΑ-ΩА-ЯЁ\u0590-\u10ff\u3040-\ud7af]"
SENTENCE_END = re.compile(
    # The point of "Fig. 3" ends no sentence.
    r"(?<=[.!?…])(?<!\b[Ff]ig\.)(?<!\b[Ff]igs\.)(?<!\b[Tt]ab\.)(?<!\b[Nn]o\.)(?<!\b[Aa]bb\.)"
    rf"(?<!\b[Рр]ис\.)\s+(?={OPENING})|(?<=[。！？])|\n+"
)
MAX_REFERENCES = 4
MAX_REFERENCE_CHARS = 400
"""Of one sentence; of a longer one the part around the mention is told."""
MAX_TOLD_CHARS = 900
MAX_HELD = 8
"""Sentences that are kept for one label."""
MIN_TELLING_WORDS = 3
"""A sentence says something of a figure if so many words are left without the mention."""


def label_of(caption: str | None) -> str | None:
    """The kind and number that a caption begins with, as in "Figure 3"; None without one."""
    key = _key_of(caption)
    return f"{key[0].capitalize()} {key[1]}" if key else None


def labels_in(text: str) -> list[str]:
    """The figures and tables that a text names, as `label_of` gives them."""
    return [f"{kind.capitalize()} {number}" for (kind, number), _ in _mentions(text)]


class References:
    """Add all text of a document, then ask for what refers to a caption."""

    def __init__(self) -> None:
        self._sentences: dict[tuple[str, str], list[str]] = {}

    def add(self, text: str) -> None:
        """Take in the sentences of a text that name a figure or table."""
        for sentence in SENTENCE_END.split(text):
            for key, at in _mentions(sentence):
                held = self._sentences.setdefault(key, [])
                if len(held) < MAX_HELD:
                    held.append(_around(sentence, at).strip())

    def to(self, caption: str | None) -> list[str]:
        """The first sentences that refer to what has this caption, and are not the caption.

        Those that name a part of it, as "Figure 3b" does of figure 3, follow.
        """
        key = _key_of(caption)
        if key is None:
            return []
        own, n_label = one_line(caption or ""), len(key[0]) + len(key[1]) + 3
        parts = [(key[0], f"{key[1]}{letter}") for letter in "abcdefgh"]
        held = [s for k in (key, *parts) for s in self._sentences.get(k, [])]
        told: list[str] = []
        for sentence in dict.fromkeys(map(one_line, held)):
            is_own = sentence in own or (len(own) > n_label and own in sentence)
            n_chars = sum(map(len, told)) + len(sentence)
            if is_own or not _is_telling(sentence) or (told and n_chars > MAX_TOLD_CHARS):
                continue
            told.append(sentence)
        return told[:MAX_REFERENCES]


def _mentions(sentence: str) -> Iterator[tuple[tuple[str, str], int]]:
    """The figures and tables that a sentence names ("Figures 3, 4 and 6 to 8"), and where."""
    for found in LABEL.finditer(sentence):
        kind, number, end = found[1] or found[2], found[3], found.end()
        yield _key(kind, number), found.start()
        while True:
            if (last := RANGE.match(sentence, end)) and number.isdigit():
                for n in range(int(number) + 1, min(int(last[1]), int(number) + MAX_RANGE) + 1):
                    yield _key(kind, str(n)), found.start()
                number, end = last[1], last.end()
            elif following := NEXT.match(sentence, end):
                number, end = following[1], following.end()
                yield _key(kind, number), found.start()
            else:
                break
        yield from _range_in(kind, found[3], found.start())


def _range_in(kind: str, number: str, at: int) -> Iterator[tuple[tuple[str, str], int]]:
    """The figures of "Figures 3–5", which looks like the one number of "Figure 3-5"."""
    ends = re.fullmatch(r"(\d{1,3})[-–](\d{1,3})", number)
    if ends and kind.lower().endswith(("s", "en")):
        for n in range(int(ends[1]), min(int(ends[2]), int(ends[1]) + MAX_RANGE) + 1):
            yield _key(kind, str(n)), at


def _around(sentence: str, at: int) -> str:
    """At most MAX_REFERENCE_CHARS of a sentence, those around the place."""
    if len(sentence) <= MAX_REFERENCE_CHARS:
        return sentence
    start = max(0, at - MAX_REFERENCE_CHARS // 2)
    cut = sentence[start : start + MAX_REFERENCE_CHARS]
    cut = cut.split(" ", 1)[-1] if start else cut
    return cut.rsplit(" ", 1)[0]


def _is_telling(sentence: str) -> bool:
    return len(re.findall(r"[^\W\d_]{3,}", LABEL.sub(" ", sentence))) >= MIN_TELLING_WORDS or any(
        ord(c) > 0x2E80
        for c in LABEL.sub(" ", sentence)  # scripts without spaces
    )


def _key_of(caption: str | None) -> tuple[str, str] | None:
    found = LABEL.match((caption or "").strip())
    return _key(found[1] or found[2], found[3]) if found else None


def _key(kind: str, number: str) -> tuple[str, str]:
    name = kind.lower()
    name = name if name in NAMES or not name.isascii() else name.removesuffix("s")
    return NAMES.get(name, name), number.replace("–", "-")
