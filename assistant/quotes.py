"""Answers a question with quotes: the sentences, table rows and figures that answer it.

Used where the language model is too small to be trusted with facts. Code chooses the
evidence, verbatim; when none of it answers the question there is no quote, and the
answer is that the documents do not say. Leaves out what can be quoted (`assistant.quotable`),
which passage is the likeliest (`assistant.quote_ranking`), phrasing and the citation check.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from langchain_core.embeddings import Embeddings

from assistant.answer import Source
from assistant.answer_kinds import YEAR
from assistant.questions import Asked, meanings, missing, title_meanings
from assistant.quotable import Kind, Quotable, quotables_of
from assistant.quote_ranking import Quote, Ranking, cosines
from assistant.quote_score import Comparison

ANSWERS = 0.28
"""Likelihood from which a quote is taken to answer; chosen on the `fit` questions."""
SHOWS = 0.65
"""Likelihood from which a figure that nobody asked for is taken to answer what no words do."""
SHOWS_PICTURE = 0.5
"""That of a figure, where the question is about a picture."""
SHOWN = 0.2
"""Share of what a person wants to see that must be told of a figure or beside it."""
MEANING_WEIGHT = 0.3
"""Of the likeness of a figure's words to a wish to see, beside that share."""
BLANK = 0.1
"""What a picture loses of which nothing is known but where it stands."""
MAX_QUOTES = 2
NEAR_BEST = 0.97
"""A second quote is given when its likelihood is at least this share of the first one's."""


def asks_to_show(question: str) -> bool:
    """Whether the person wants to see a figure and is not asking anything besides."""
    return Asked(question).is_wish_to_see


def find_quotes(question: str, sources: Sequence[Source], embeddings: Embeddings) -> list[Quote]:
    """The best quotes, best first; none where no source answers the question."""
    asked = Asked(question)
    if not _is_known(asked, sources):
        return []
    passages = [p for source in sources for p in quotables_of(source)]
    ranking = Ranking(Comparison(asked, passages), passages, embeddings)
    chosen: list[Quote] = []
    for quote in _in_words(ranking.told()):
        best = chosen[0].score if chosen else 0.0
        if quote.score < max(ANSWERS, NEAR_BEST * best) or len(chosen) == MAX_QUOTES:
            break
        if not any(_says_the_same(quote.text, other.text) for other in chosen):
            chosen.append(quote)
    if chosen:
        return chosen
    least = SHOWS_PICTURE if asked.is_about_picture else SHOWS
    return [quote for _, quote in ranking.figures()[:1] if quote.score >= least]


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
            told, cosines(asked.text, figures, embeddings), figures, strict=True
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


def _says_the_same(text: str, other: str) -> bool:
    mine, its = set(meanings(text)), set(meanings(other))
    return bool(mine) and len(mine & its) / min(len(mine), len(its) or 1) > 0.8
