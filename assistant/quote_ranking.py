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
N_NEIGHBOURS = 3
"""Others of a page that speak for a passage: of more, a long page would answer anything."""
OF_NEIGHBOURS = 0.2
"""How much they do; chosen on the `fit` questions."""
MAX_WEIGHED = 400
"""Passages whose signs are read, those that share most with the question: tables are long."""


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
        self._embeddings = embeddings
        worth = [(comparison.is_extreme(p), comparison.covered(p.known)) for p in passages]
        best = sorted(range(len(passages)), key=lambda i: worth[i], reverse=True)[:MAX_WEIGHED]
        self._passages = [passages[i] for i in sorted(best)]
        self._signs = [comparison.signs(p) for p in self._passages]
        self._guesses = [
            likelihood(p, s, meaning=TYPICAL_MEANING)
            for p, s in zip(self._passages, self._signs, strict=True)
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
        best = sorted(fitting, key=lambda i: -self._guesses[i])[:MAX_EMBEDDED]
        if not best:
            return []
        chosen = [self._passages[i] for i in best]
        known = cosines(self._comparison.question, chosen, self._embeddings)
        likelihoods = list(self._guesses)
        for i, cosine in zip(best, known, strict=True):
            likelihoods[i] = likelihood(self._passages[i], self._signs[i], meaning=cosine)
        scores = self._with_neighbours(likelihoods)
        quotes = [
            (p, Quote(p.source.n, self._comparison.quote_of(p), scores[i]))
            for i, p in zip(best, chosen, strict=True)
        ]
        return sorted(quotes, key=lambda pair: (-pair[1].score, pair[1].n))

    def _with_neighbours(self, likelihoods: Sequence[float]) -> list[float]:
        """The likelihoods, their odds raised by those of the best others at the same place."""
        odds = [own / (1.0 - own) for own in likelihoods]
        places = [_page(p.source) for p in self._passages]
        at: defaultdict[object, list[float]] = defaultdict(list)
        for place, own in zip(places, odds, strict=True):
            at[place].append(own)
        best = {place: sorted(of, reverse=True)[: N_NEIGHBOURS + 1] for place, of in at.items()}
        raised = []
        for place, own in zip(places, odds, strict=True):
            # Of equal ones it does not matter which is left out as its own.
            others = sum(best[place]) - (own if own in best[place] else best[place][-1])
            raised.append(own * math.pow((own + others) / own, OF_NEIGHBOURS))
        return [own / (1.0 + own) for own in raised]


def _page(source: Source) -> tuple[object, ...]:
    """Its page; what has no pages has sheets or sections."""
    about = source.document.metadata
    page = about.get("page")
    part = (about.get("sheet"), about.get("section"))
    return about.get("source"), part if page is None else page


def cosines(question: str, passages: Sequence[Quotable], embeddings: Embeddings) -> list[float]:
    """How alike in meaning the question and each passage are, in [-1, 1]."""
    asked = np.asarray(embeddings.embed_query(question), dtype=np.float32)
    texts = [p.gist[:MAX_EMBEDDED_CHARS] for p in passages]
    return [float(c) for c in np.asarray(embeddings.embed_documents(texts), np.float32) @ asked]
