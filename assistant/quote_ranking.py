"""Ranks what can be quoted by how likely it answers, with what stands at the same place.

An answer seldom stands alone: where the other sentences, rows and pictures of its page are about
the question too, it is likelier. Leaves out the signs of one passage (`assistant.quote_score`)
and from which likelihood one is quoted (`assistant.quotes`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.embeddings import Embeddings

from assistant.answer import Source
from assistant.quotable import Kind, Quotable
from assistant.quote_score import Comparison, likelihood

MAX_EMBEDDED = 8
"""Passages whose meaning is compared with the question's: those that look best without it."""
TYPICAL_MEANING = 0.45
"""Cosine that stands in for one that is not known yet."""
MAX_EMBEDDED_CHARS = 240
OF_PLACE = 0.2
"""How much the others of a place add; chosen on the `fit` questions."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A verbatim piece of the source numbered n. score: how likely it answers, in [0, 1]."""

    n: int
    text: str
    score: float


class Ranking:
    """The passages among which the answer to a question is sought, by how likely they hold it."""

    def __init__(
        self, comparison: Comparison, passages: Sequence[Quotable], embeddings: Embeddings
    ) -> None:
        self._comparison = comparison
        self._passages = passages
        self._embeddings = embeddings
        self._signs = [comparison.signs(p) for p in passages]
        self._likelihoods = [
            likelihood(p, s, meaning=TYPICAL_MEANING)
            for p, s in zip(passages, self._signs, strict=True)
        ]

    def told(self) -> list[tuple[Quotable, Quote]]:
        """What says something in words, with what is quoted of it, the likeliest first."""
        return self._best([p.kind is not Kind.FIGURE for p in self._passages])

    def figures(self) -> list[tuple[Quotable, Quote]]:
        """The figures, quoted by their captions, the likeliest first."""
        return self._best([p.kind is Kind.FIGURE for p in self._passages])

    def _best(self, is_wanted: Sequence[bool]) -> list[tuple[Quotable, Quote]]:
        fitting = [
            i
            for i, passage in enumerate(self._passages)
            if is_wanted[i] and self._comparison.may_answer(passage)
        ]
        best = sorted(fitting, key=lambda i: -self._likelihoods[i])[:MAX_EMBEDDED]
        if not best:
            return []
        chosen = [self._passages[i] for i in best]
        known = cosines(self._comparison.question, chosen, self._embeddings)
        for i, cosine in zip(best, known, strict=True):
            self._likelihoods[i] = likelihood(self._passages[i], self._signs[i], meaning=cosine)
        scores = self._with_places()
        quotes = [
            (p, Quote(p.source.n, self._comparison.quote_of(p), scores[i]))
            for i, p in zip(best, chosen, strict=True)
        ]
        return sorted(quotes, key=lambda pair: (-pair[1].score, pair[1].n))

    def _with_places(self) -> list[float]:
        """The likelihoods, their odds raised by those of all that stands at the same place."""
        odds = [own / (1.0 - own) for own in self._likelihoods]
        together: defaultdict[object, float] = defaultdict(float)
        for passage, own in zip(self._passages, odds, strict=True):
            together[_place(passage.source)] += own
        raised = [
            own * math.pow(together[_place(p.source)] / own, OF_PLACE)
            for p, own in zip(self._passages, odds, strict=True)
        ]
        return [own / (1.0 + own) for own in raised]


def _place(source: Source) -> tuple[object, ...]:
    """Its page; what has no pages has sections."""
    about = source.document.metadata
    page = about.get("page")
    return about.get("source"), page if page is not None else about.get("section")


def cosines(question: str, passages: Sequence[Quotable], embeddings: Embeddings) -> list[float]:
    """How alike in meaning the question and each passage are, in [-1, 1]."""
    asked = np.asarray(embeddings.embed_query(question), dtype=np.float32)
    texts = [p.gist[:MAX_EMBEDDED_CHARS] for p in passages]
    return [float(c) for c in np.asarray(embeddings.embed_documents(texts), np.float32) @ asked]
