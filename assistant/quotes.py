"""Answers a question with quotes: the sentences, table rows and figures that answer it.

Used where the language model is too small to be trusted with facts. Code chooses the
evidence, verbatim; when none of it answers the question there is no quote, and the
answer is that the documents do not say. Leaves out what can be quoted (`assistant.quotable`),
phrasing and the citation check.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from langchain_core.embeddings import Embeddings

from assistant.answer import Source
from assistant.answer_kinds import YEAR
from assistant.questions import Asked, meanings, missing, title_meanings
from assistant.quotable import Kind, Quotable, quotables_of
from assistant.quote_score import Comparison, likelihood

ANSWERS = 0.28
"""Likelihood from which a quote is taken to answer; chosen on the `fit` questions."""
SHOWS = 0.5
"""Likelihood from which a figure is taken to answer what no words do."""
SHOWN = 0.2
"""Share of what a person wants to see that must be told of a figure or beside it."""
MEANING_WEIGHT = 0.3
"""Of the likeness of a figure's words to a wish to see, beside that share."""
BLANK = 0.1
"""What a picture loses of which nothing is known but where it stands."""
MAX_QUOTES = 2
NEAR_BEST = 0.97
"""A second quote is given when its likelihood is at least this share of the first one's."""
MAX_EMBEDDED = 8
"""Passages whose meaning is compared with the question's: those that look best without it."""
TYPICAL_MEANING = 0.45
"""Cosine that stands in for one that is not known yet."""
MAX_EMBEDDED_CHARS = 240


@dataclass(frozen=True, slots=True)
class Quote:
    """A verbatim piece of the source numbered n. score: how likely it answers, in [0, 1]."""

    n: int
    text: str
    score: float


def asks_to_show(question: str) -> bool:
    """Whether the person wants to see a figure and is not asking anything besides."""
    return Asked(question).is_wish_to_see


def find_quotes(question: str, sources: Sequence[Source], embeddings: Embeddings) -> list[Quote]:
    """The best quotes, best first; none where no source answers the question."""
    asked = Asked(question)
    if not _is_known(asked, sources):
        return []
    passages = [p for source in sources for p in quotables_of(source)]
    comparison = Comparison(asked, passages)
    fitting = [p for p in passages if comparison.may_answer(p)]
    told = [p for p in fitting if p.kind is not Kind.FIGURE]
    chosen: list[Quote] = []
    for quote in _in_words(_ranked(comparison, told, embeddings)):
        best = chosen[0].score if chosen else 0.0
        if quote.score < max(ANSWERS, NEAR_BEST * best) or len(chosen) == MAX_QUOTES:
            break
        if not any(_says_the_same(quote.text, other.text) for other in chosen):
            chosen.append(quote)
    if chosen:
        return chosen
    seen = _ranked(comparison, [p for p in fitting if p.kind is Kind.FIGURE], embeddings)
    return [quote for _, quote in seen[:1] if quote.score >= SHOWS]


def find_figure(question: str, sources: Sequence[Source], embeddings: Embeddings) -> Quote | None:
    """The figure that a person wants to see, as a quote of its caption; None where none is."""
    asked = Asked(question)
    passages = [p for source in sources for p in quotables_of(source)]
    figures = [
        p for p in passages if p.kind is Kind.FIGURE and _may_be_in(asked, p.source, sources)
    ]
    if not figures or not _is_known(asked, sources):
        return None
    comparison = Comparison(asked, passages)
    told = [comparison.shows(p) for p in figures]
    likeness = [
        share + MEANING_WEIGHT * cosine - BLANK * p.is_blank
        for share, cosine, p in zip(
            told, _cosines(asked.text, figures, embeddings), figures, strict=True
        )
    ]
    best = max(range(len(figures)), key=lambda i: likeness[i])
    if told[best] < SHOWN:
        return None
    return Quote(figures[best].source.n, figures[best].text, min(1.0, told[best]))


def _is_known(asked: Asked, sources: Sequence[Source]) -> bool:
    """Whether the sources speak at all of the years and names in the question.

    Of a name of several words most must be known.
    """
    told = "\n".join(map(_told_by, sources))
    known = {*meanings(told), *meanings(told.replace("-", " "))}
    if asked.years - set(YEAR.findall(told)):
        return False
    return all(2 * len(missing(name, known)) < len(name) for name in asked.names)


def _may_be_in(asked: Asked, figure: Source, sources: Sequence[Source]) -> bool:
    """Whether the question does not name another document: "the chart in the note"."""
    document = figure.document.metadata.get("source")
    own = [s for s in sources if s.document.metadata.get("source") == document]
    others = [s.document.metadata["title"] for s in sources if s not in own]
    named = asked.document & frozenset().union(*map(title_meanings, others))
    titled = title_meanings(figure.document.metadata["title"])
    return named <= titled.union(*(meanings(_told_by(s)) for s in own))


def _told_by(source: Source) -> str:
    about = source.document.metadata
    named = (about.get("section", ""), about.get("caption", ""), about["title"])
    return "\n".join((source.evidence, *named))


def _ranked(
    comparison: Comparison, passages: Sequence[Quotable], embeddings: Embeddings
) -> list[tuple[Quotable, Quote]]:
    """The passages that look best, with what is quoted of them, the likeliest first."""
    if not passages:
        return []
    signs = [comparison.signs(p) for p in passages]
    guesses = [
        likelihood(p, s, meaning=TYPICAL_MEANING) for p, s in zip(passages, signs, strict=True)
    ]
    places = sorted(range(len(passages)), key=lambda i: -guesses[i])[:MAX_EMBEDDED]
    cosines = _cosines(comparison.question, [passages[i] for i in places], embeddings)
    quotes = [
        (
            passages[i],
            Quote(
                passages[i].source.n,
                comparison.quote_of(passages[i]),
                likelihood(passages[i], signs[i], meaning=cosine),
            ),
        )
        for i, cosine in zip(places, cosines, strict=True)
    ]
    return sorted(quotes, key=lambda pair: (-pair[1].score, pair[1].n))


def _in_words(ranked: Sequence[tuple[Quotable, Quote]]) -> Iterator[Quote]:
    """The quotes; before a label of a picture comes a sentence that says it too."""
    if ranked and ranked[0][0].kind is Kind.LABEL:
        label, quote = ranked[0]
        for passage, other in ranked:
            if (
                passage.kind is Kind.SENTENCE
                and other.score >= ANSWERS
                and passage.own >= label.own
            ):
                yield replace(other, score=quote.score)
                return
    yield from (quote for _, quote in ranked)


def _cosines(question: str, passages: Sequence[Quotable], embeddings: Embeddings) -> list[float]:
    asked = np.asarray(embeddings.embed_query(question), dtype=np.float32)
    texts = [p.gist[:MAX_EMBEDDED_CHARS] for p in passages]
    return [float(c) for c in np.asarray(embeddings.embed_documents(texts), np.float32) @ asked]


def _says_the_same(text: str, other: str) -> bool:
    mine, its = set(meanings(text)), set(meanings(other))
    return bool(mine) and len(mine & its) / min(len(mine), len(its) or 1) > 0.8
