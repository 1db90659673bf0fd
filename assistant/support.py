"""How well one passage bears out a claim: signals that a person would look at, each by itself.

Do the claim's words stand there, with the same sense, and are its numbers, units, names, denials
and parts the same? Leaves out which sources are cited: that is `assistant.citations`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from assistant.claims import names_in
from assistant.passages import Passage, telling_stems, tokens, with_long_months
from assistant.polarity import n_denials_apart, opposites
from assistant.quantities import Quantity, is_given, quantities
from assistant.roles import have_changed_places
from assistant.sentences import stem

TELLING = 0.5
"""Share of the words that tell two sentences apart that must stand in the one with the number."""
FALLS = re.compile(
    r"\b(?:below|declin|decreas|deficit|down|drop|fall|fell|loss|lost|minus|negative|shrank)",
    re.IGNORECASE,
)
"""With such a word, a claim may give a negative number without its sign."""
CONTEXT_SHARE = 0.8
"""What a word in the title, section or caption counts, as against one in the passage."""
BIAS, WORDS_WEIGHT, MEANING_WEIGHT = -5.1, 5.7, 3.2
"""Of a logistic regression; `python -m tests.fit_check` fits them anew."""
NUMBERS_NEAR, ROW_NEAR = 0.5, 0.2
TABLE_WORDS = frozenset(map(stem, ("column", "entry", "list", "listed", "row", "table", "value")))
"""Of a claim about a row these say nothing."""
CONTRADICTIONS = frozenset(("denial", "opposite", "exchanged"))
"""What shows that a passage says the contrary, not merely something else."""


@dataclass(frozen=True)
class Claim:
    """A sentence to be borne out. proper: words that the sources write only with a capital."""

    text: str
    proper: frozenset[str] = frozenset()

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        return tokens(self.text)

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(telling_stems(self.tokens))

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        return quantities(self.text)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(names_in(with_long_months(self.text), self.proper))

    @cached_property
    def falls(self) -> bool:
        return bool(FALLS.search(self.text))


@dataclass(frozen=True)
class Context:
    """What belongs to all passages of a source: its title, section and caption."""

    text: str

    @cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(telling_stems(tokens(self.text)))

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        return quantities(self.text)


@dataclass(frozen=True, slots=True)
class Signals:
    """What was found. in_words, meaning: in [0, 1]; conflicts: what is not the same, by name."""

    in_words: float
    meaning: float | None = None
    conflicts: frozenset[str] = frozenset()

    @property
    def contradicts(self) -> bool:
        return bool(self.conflicts & CONTRADICTIONS)

    @property
    def likeness(self) -> float:
        """Of meaning, in [0, 1]; where it was not measured, as much as of the words."""
        return self.in_words if self.meaning is None else max(0.0, self.meaning)

    @property
    def support(self) -> float:
        """How likely the claim is borne out, conflicts apart, in [0, 1]."""
        worth = BIAS + WORDS_WEIGHT * self.in_words + MEANING_WEIGHT * self.likeness
        return 1 / (1 + math.exp(-worth))

    def with_meaning(self, cosine: float) -> Signals:
        return replace(self, meaning=cosine)


def share_in_words(
    claim: Claim, passage: Passage, context: Context, weights: Mapping[str, float]
) -> float:
    """The share of the claim's telling words that stand in a passage, rare ones counting more."""
    total = found = 0.0
    for word in claim.stems - TABLE_WORDS if passage.cells else claim.stems:
        weight = weights.get(word, 1.0)
        total += weight
        if word in passage.stems:
            found += weight
        elif word in context.stems:
            found += CONTEXT_SHARE * weight
    if not total:
        return 1.0 if claim.quantities else 0.0
    return found / total


def nearness(
    claim: Claim, passage: Passage, context: Context, weights: Mapping[str, float]
) -> float:
    """By what passages are chosen for a closer look: words, and numbers and the name of a row."""
    if passage.tokens == claim.tokens:
        return 2.0
    near = share_in_words(claim, passage, context, weights)
    if claim.quantities:
        given = {q.value for q in passage.quantities}
        near += (
            NUMBERS_NEAR * sum(q.value in given for q in claim.quantities) / len(claim.quantities)
        )
    if passage.cells:
        label = telling_stems(tokens(passage.cells[0][1]))
        near += ROW_NEAR * sum(w in claim.stems for w in label) / max(1, len(label))
    return near


def signals_of(
    claim: Claim, passage: Passage, context: Context, weights: Mapping[str, float]
) -> Signals:
    """All signals of a passage but the likeness of meaning."""
    in_words = share_in_words(claim, passage, context, weights)
    return Signals(in_words, conflicts=frozenset(_conflicts(claim, passage, context)))


def _conflicts(claim: Claim, passage: Passage, context: Context) -> Iterator[str]:
    if not _numbers_agree(claim, passage, context):
        yield "number"
    if not _names_agree(claim, passage, context):
        yield "name"
    if passage.cells and not _is_of_the_row(claim, passage, context):
        yield "row"
    yield from _contradictions(claim, passage)


def _contradictions(claim: Claim, passage: Passage) -> Iterator[str]:
    """Of two sentences, those that have most of the claim's words must not say the contrary."""
    least = TELLING * len(claim.stems)
    apart = [part for part in map(Passage, passage.parts) if len(part.stems & claim.stems) >= least]
    for part in apart or [passage]:
        denied = n_denials_apart(claim.tokens, part.tokens, claim.stems & part.stems)
        is_opposite = opposites(claim.tokens, part.tokens)
        if (denied + is_opposite) % 2:
            yield "denial" if denied else "opposite"
        if not part.cells and have_changed_places(claim.tokens, part.tokens, _things(claim)):
            yield "exchanged"


def _things(claim: Claim) -> list[str]:
    """What can change places: its names and numbers."""
    names = {n.lower() for n in claim.names}
    return [t for t in claim.tokens if t in names or t[0].isdigit()]


def _numbers_agree(claim: Claim, passage: Passage, context: Context) -> bool:
    """Whether the passage or its context gives each number of the claim, of the same thing."""
    around = f"{passage.text}\n{context.text}"
    for wanted in claim.quantities:
        if is_given(wanted, context.quantities, around, falls=claim.falls):
            continue
        if not is_given(wanted, passage.quantities, around, falls=claim.falls):
            return False
        if passage.parts and not _is_said_of_the_same(wanted, claim, passage.parts, around):
            return False
    return True


def _is_said_of_the_same(wanted: Quantity, claim: Claim, parts: Sequence[str], around: str) -> bool:
    """Whether, of two sentences, one with the number has the words that tell them apart."""
    known = [frozenset(telling_stems(tokens(part))) for part in parts]
    telling = claim.stems & (known[0] ^ known[1])
    return any(
        is_given(wanted, quantities(part), around, falls=claim.falls)
        and len(telling & stems) >= TELLING * len(telling)
        for part, stems in zip(parts, known, strict=True)
    )


def _names_agree(claim: Claim, passage: Passage, context: Context) -> bool:
    """Whether each name of the claim is in the source, as a word or by its first letters."""
    near = passage.stems | context.stems
    for first, second in pairwise(claim.names):
        a, b = stem(first.lower()), stem(second.lower())
        if f"{first} {second}" in claim.text and (a in passage.stems) != (b in passage.stems):
            lacking = [n for n, word in ((first, a), (second, b)) if word not in near]
            if not all(_is_short_form(n, passage, claim) for n in lacking):
                return False  # half of it is a part of another name
    missing = [n for n in claim.names if stem(n.lower()) not in near]
    return all(_is_short_form(name, passage, claim) for name in missing)


def _is_short_form(name: str, passage: Passage, claim: Claim) -> bool:
    """Whether a name is the first letters of words that stand there, or one of such words."""
    letters = name.replace(".", "").lower()
    firsts = "".join(t[0] for t in passage.tokens if t[0].isalpha())
    if name.replace(".", "").isupper() and 2 <= len(letters) <= 6:
        return letters in firsts
    spelled = [n.lower() for n in claim.names]
    initials = "".join(n[0] for n in spelled)
    return (
        any(
            len(t) > 1 and t.replace(".", "").rstrip("s") in initials and name[0].lower() in t
            for t in passage.tokens
            if "." in t or len(t) <= 5
        )
        and len(spelled) > 1
    )


def _is_of_the_row(claim: Claim, passage: Passage, context: Context) -> bool:
    """Whether a claim speaks of this row, and of the columns whose values it gives.

    Of the claim's words, none may belong to the table and yet to another row or column.
    """
    told = [(_words_of(head), _words_of(value)) for head, value in passage.cells]
    (label_head, _), *columns = told
    heads = frozenset().union(*(head for head, _ in told))
    values = frozenset().union(*(value for _, value in told))
    mine = _words_of(claim.text)
    given = [
        head
        for (head, words), (_, value) in zip(columns, passage.cells[1:], strict=True)
        if (words and words <= mine) or _gives(claim, value, passage, context)
    ]
    own = frozenset().union(*given, label_head) if given else heads
    around = values | context.stems | frozenset(telling_stems(tokens(passage.above)))
    if claim.stems & (passage.table - TABLE_WORDS - own - around):
        return False
    if not given or not (wanted := mine & heads - values):
        return True
    # Heads that have words in common: the value must stand under the one that fits best.
    fits = max(len(wanted & head) for head, _ in columns)
    return any(len(wanted & head) == fits for head in given)


def _words_of(text: str) -> frozenset[str]:
    """Its telling stems, and its numbers."""
    return frozenset(telling_stems(tokens(text))) | {f"{q.total:g}" for q in quantities(text)}


def _gives(claim: Claim, value: str, passage: Passage, context: Context) -> bool:
    found = quantities(value)
    around = f"{passage.text}\n{context.text}"
    return any(is_given(q, found, around, falls=claim.falls) for q in claim.quantities)
