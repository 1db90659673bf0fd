"""A source as the passages that a claim may rest on: its sentences, and the rows of its tables.

Leaves out whether a passage bears a claim out: that is `assistant.citations`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise

from assistant.quantities import ISO_DATE, MONTHS, Quantity, quantities
from assistant.sentences import UNTELLING, split_sentences, stem

TOKEN = re.compile(r"[^\W_]+(?:(?:['’.]|(?<=\d),(?=\d))[^\W_]+)*|[,;:.!?()|]")
DENYING_PREFIX = re.compile(r"\bout-of-(?=\w)|\bnon-(?=\w)", re.IGNORECASE)
SHORT_MONTH = re.compile(
    r"\b(" + "|".join(f"{m[:3]}(?:t(?=\\.))?" for m in MONTHS if m != "may") + r")\.?(?=\s\d)"
    r"|(?<=\d\s)(" + "|".join(m[:3] for m in MONTHS if m != "may") + r")\.?(?!\w)",
    re.IGNORECASE,
)
TABLE_RULE = re.compile(r"\|(?:\s*:?-+:?\s*\|)+")
MAX_PASSAGES = 400
"""Of a source; what is longer is no one's evidence for a sentence."""
MAX_PASSAGE_CHARS = 4_000
MAX_ABOVE_CHARS = 200
MAX_ANNOUNCED = 8
"""Items of a list that belong to the sentence with a colon before it."""


@dataclass(frozen=True)
class Passage:
    """One sentence, two that follow each other, or a row of a table under its heads.

    cells: of a row, each with its head. table: all stems of the table that it is a row of.
    above: the line over that table.
    """

    text: str
    cells: tuple[tuple[str, str], ...] = ()
    table: frozenset[str] = field(default=frozenset(), repr=False)
    parts: tuple[str, ...] = ()
    """Of two sentences, each."""
    above: str = ""

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        return tuple(t for part in self.parts or (self.text,) for t in tokens(part))

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(telling_stems((*self.tokens, *tokens(self.above))))

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        return quantities(f"{self.text[:MAX_PASSAGE_CHARS]}\n{self.above}")


@lru_cache(maxsize=512)
def passages(text: str) -> tuple[Passage, ...]:
    """The passages of a text in their order. The same text is cut only once."""
    found: list[Passage] = []
    prose: list[str] = []
    table: list[str] = []
    above = ""
    for line in text.splitlines():
        if line.startswith("|"):
            table.append(line)
            continue
        found += _rows(table, above)
        above = "" if table else above
        above, table = above or line, []
        prose += split_sentences(line)
    found += _rows(table, above) + [Passage(s) for s in prose]
    found += [Passage(f"{a} {b}", parts=(a, b)) for a, b in pairwise(prose)]
    found += _announced(prose)
    return tuple(found[:MAX_PASSAGES])


@lru_cache(maxsize=8192)
def tokens(text: str) -> tuple[str, ...]:
    """Words and signs in lower case: "don't" as "do not", "Mar 5" as "march 5"."""
    text = ISO_DATE.sub(lambda m: f"{MONTHS[int(m[2]) - 1]} {int(m[3])} {m[1]}", text)
    text = DENYING_PREFIX.sub("non ", with_long_months(text))
    found: list[str] = []
    for word in TOKEN.findall(text.lower().replace("’", "'")):
        if word == "cannot" or word == "can't":
            found += ["can", "not"]
        elif word == "won't":
            found += ["will", "not"]
        elif word.endswith("n't"):
            found += [word[:-3], "not"]
        else:
            found.append(word)
    return tuple(found)


def with_long_months(text: str) -> str:
    """The text with "March 5" for "Mar. 5"."""
    return SHORT_MONTH.sub(_long_month, text)


def telling_stems(words: Sequence[str]) -> list[str]:
    """The stems of the words that carry meaning, without numbers and signs."""
    return [stem(w) for w in words if w not in UNTELLING and w[0].isalnum() and not w[0].isdigit()]


def _long_month(found: re.Match[str]) -> str:
    short = (found[1] or found[2]).lower()[:3]
    return next(month for month in MONTHS if month.startswith(short)).capitalize()


def _rows(table: list[str], above: str) -> list[Passage]:
    """The rows of a Markdown table, each cell under its head."""
    rows = [_cells(line) for line in table if not TABLE_RULE.fullmatch(line.strip())]
    if len(rows) < 2:
        return [Passage(" ".join(row)) for row in rows]
    head, *body = rows
    known = frozenset(telling_stems(tokens(" ".join(" ".join(row) for row in rows))))
    found = []
    for row in body:
        cells = tuple(zip([*head, *[""] * len(row)], row, strict=False))
        text = "; ".join(f"{h}: {value}" if h else value for h, value in cells)
        found.append(Passage(text, cells, known, above=above[:MAX_ABOVE_CHARS]))
    return found


def _cells(line: str) -> list[str]:
    return [" ".join(c.replace("›", " ").split()) for c in line.strip().strip("|").split("|")]


def _announced(prose: Sequence[str]) -> list[Passage]:
    """The items of a list, each with the sentence that announces them."""
    found = []
    for at, sentence in enumerate(prose):
        if sentence.endswith(":"):
            items = prose[at + 2 : at + 1 + MAX_ANNOUNCED]
            found += [Passage(f"{sentence} {item}", parts=(sentence, item)) for item in items]
    return found
