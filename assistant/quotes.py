"""Answers a question with quotes: the sentences, table rows and figures that answer it.

Used where the language model is too small to be trusted with facts. Code chooses the
evidence, verbatim; when none of it answers the question there is no quote, and the
answer is that the documents do not say. Leaves out phrasing and the citation check.
"""

from __future__ import annotations

import difflib
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.embeddings import Embeddings

from assistant.answer import Source
from assistant.sentences import numbers, split_sentences, stem, stems, words
from loaders.captioning.fusion import (
    BLIP_LABEL,
    REFERENCE_LABEL,
    SECTION_LABEL,
    TEXT_LABEL,
    VISION_LABEL,
)

ANSWERS = 0.5
"""Score from which a quote is taken to answer the question; chosen on the `fit` questions."""
SHOWS = 0.24
"""Score from which a figure is taken to be the one that a person wants to see."""
SHOWS_ANSWER = 0.4
"""Score from which a figure is shown in answer to a question about what is seen in it."""
NEAR_BEST = 0.93
MAX_QUOTES = 2
MAX_CANDIDATES = 160
MAX_ANNOUNCED = 4
"""Sentences or list items that belong to one that ends in a colon."""
MIN_QUOTE_CHARS = 12
NOT_QUOTED = (SECTION_LABEL, VISION_LABEL, BLIP_LABEL)
"""A model's words about a picture are no one's testimony."""
MAX_PICTURE_QUOTE_CHARS = 200
"""A longer "sentence" in a picture is all the labels of a chart, one after the other."""
MEANING_WEIGHT, WORDS_WEIGHT, CONTEXT_WEIGHT = 0.5, 0.3, 0.2
MISSING_TYPE = 0.8
"""Factor for a quote without the kind of thing asked for, such as a number for "how many"."""
MISSING_NAME = 0.6
"""Factor for evidence that lacks a name or number that stands in the question."""
TYPO_LIKENESS = 0.84
PICTURE_WORD = (
    r"\b(?:figure|picture|photo|photograph|image|chart|graph|plot|diagram|drawing|map|"
    r"screenshot|illustration)s?\b"
)
FIGURE_WORDS = re.compile(PICTURE_WORD, re.IGNORECASE)
SHOW = re.compile(
    r"\W*(?:(?:please|(?:can|could|would) you|i (?:want|would like) to|i'd like to|let me)\s+)*"
    rf"(?:show|see|display|look at)\b.*{PICTURE_WORD}",
    re.IGNORECASE | re.DOTALL,
)
ASKS_MORE = re.compile(r"\b(?:how|what|when|where|which|who|whom|whose|why)\b", re.IGNORECASE)
ASKS_NUMBER = re.compile(
    r"\b(?:how (?:many|much|high|tall|long|large|big|far|old|wide|deep|fast|hot|cold)|what "
    r"(?:percentage|percent|share|number|value|amount|price|cost|year)|in (?:which|what) year|when|"
    r"(?:which|what) year|at (?:which|what) (?:rate|value))\b",
    re.IGNORECASE,
)
ASKS_PERSON = re.compile(r"\bwho(?:m|se)?\b", re.IGNORECASE)
CELLS = " — "
"""Stands between the first cell of a quoted table row and the others."""
TABLE_LINE = re.compile(r"^\|.*\|$")
TABLE_RULE = re.compile(r"^\|(?:\s*:?-+:?\s*\|)+$")


@dataclass(frozen=True, slots=True)
class Quote:
    """A verbatim piece of the source numbered n. score: how well it answers, in [0, 1]."""

    n: int
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    n: int
    text: str
    context: str


def asks_to_show(question: str) -> bool:
    """Whether the person wants to see a figure and is not asking anything besides."""
    return bool(SHOW.match(question)) and not ASKS_MORE.search(question)


def find_quotes(question: str, sources: Sequence[Source], embeddings: Embeddings) -> list[Quote]:
    """The best quotes, best first; none where no source answers the question."""
    candidates = [c for source in sources for c in _candidates(source)][:MAX_CANDIDATES]
    if not candidates:
        return []
    ranked = _ranked(question, candidates, embeddings)
    best = ranked[0].score
    chosen: list[Quote] = []
    for quote in ranked:
        if quote.score < max(ANSWERS, NEAR_BEST * best) or len(chosen) == MAX_QUOTES:
            break
        if not any(_says_the_same(quote.text, other.text) for other in chosen):
            chosen.append(quote)
    return chosen


def asks_what_is_seen(question: str) -> bool:
    """Whether the person asks about a picture for something that only looking at it tells."""
    return bool(FIGURE_WORDS.search(question)) and not ASKS_NUMBER.search(question)


def find_figure(
    question: str, sources: Sequence[Source], embeddings: Embeddings, least_score: float = SHOWS
) -> Quote | None:
    """The figure that the question is about, as a quote of its caption; None where none is."""
    figures = [s for s in sources if s.is_figure]
    if not figures:
        return None
    candidates = [_Candidate(s.n, s.caption, _context(s) + s.evidence) for s in figures]
    best = _ranked(FIGURE_WORDS.sub(" ", question), candidates, embeddings)[0]
    return best if best.score >= least_score else None


def _candidates(source: Source) -> list[_Candidate]:
    context = _context(source)
    text = source.evidence
    heading = str(source.document.metadata.get("section", "")).rsplit(" › ", 1)[-1]
    lines = [
        line.removeprefix(REFERENCE_LABEL)
        for line in text.splitlines()
        if line.strip() not in ("", heading) and not line.startswith(NOT_QUOTED)
    ]
    in_picture = [line.removeprefix(TEXT_LABEL) for line in lines if line.startswith(TEXT_LABEL)]
    lines = [line for line in lines if not line.startswith(TEXT_LABEL)]
    table = [line for line in lines if TABLE_LINE.match(line)]
    prose = "\n".join(line for line in lines if not TABLE_LINE.match(line))
    sentences = split_sentences(prose) + [
        sentence
        for line in in_picture
        for sentence in split_sentences(line)
        if len(sentence) <= MAX_PICTURE_QUOTE_CHARS
    ]
    found = [
        _Candidate(
            source.n,
            _with_what_it_announces(sentences[i : i + 1 + MAX_ANNOUNCED]),
            f"{context} {' '.join(sentences[max(0, i - 1) : i + 2])}",
        )
        for i, sentence in enumerate(sentences)
        if len(sentence) >= MIN_QUOTE_CHARS
        and not (sentence.endswith(":") and i + 1 == len(sentences))  # announces nothing here
    ]
    return found + [_Candidate(source.n, row, f"{context} {prose}") for row in _table_rows(table)]


def _with_what_it_announces(sentences: Sequence[str]) -> str:
    """The first sentence; where it ends in a colon, with the list that follows."""
    first, *rest = sentences
    return " ".join(sentences) if first.endswith(":") and rest else first


def _context(source: Source) -> str:
    metadata = source.document.metadata
    return f"{metadata.get('section', '')} {metadata.get('caption', '')} {metadata['title']} "


def _table_rows(lines: list[str]) -> list[str]:
    """Each row as `first cell — header: value; header: value`."""
    rows = [
        [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in lines
        if not TABLE_RULE.match(line)
    ]
    if len(rows) < 2:
        return []
    header, *body = rows
    quotes = []
    for first, *rest in body:
        cells = [
            f"{name}: {value}" if name else value
            for name, value in zip(header[1:], rest, strict=False)
            if value
        ]
        quotes.append(f"{first}{CELLS}{'; '.join(cells)}" if cells else first)
    return [q for q in quotes if q.strip()]


def _ranked(question: str, candidates: Sequence[_Candidate], embeddings: Embeddings) -> list[Quote]:
    """All candidates with their scores, best first."""
    asked = np.asarray(embeddings.embed_query(question), dtype=np.float32)
    vectors = np.asarray(embeddings.embed_documents([c.text for c in candidates]), dtype=np.float32)
    cosines = vectors @ asked
    wanted = _wanted(question, candidates)
    quotes = [
        Quote(c.n, c.text, _score(question, wanted, c, float(cosine)))
        for c, cosine in zip(candidates, cosines, strict=True)
    ]
    return sorted(quotes, key=lambda q: (-q.score, q.n))


def _score(question: str, wanted: dict[str, float], candidate: _Candidate, cosine: float) -> float:
    in_text = set(stems(candidate.text))
    in_context = in_text | set(stems(candidate.context))
    total = sum(wanted.values()) or 1.0
    score = (
        MEANING_WEIGHT * max(0.0, cosine)
        + WORDS_WEIGHT * sum(w for s, w in wanted.items() if s in in_text) / total
        + CONTEXT_WEIGHT * sum(w for s, w in wanted.items() if s in in_context) / total
    )
    if ASKS_NUMBER.search(question) and not numbers(candidate.text) - numbers(question):
        score *= MISSING_TYPE
    if ASKS_PERSON.search(question) and not re.search(r"\b[A-Z]\w+", candidate.text):
        score *= MISSING_TYPE
    if not _key_terms(question, in_context) <= in_context:
        score *= MISSING_NAME
    return score


def _wanted(question: str, candidates: Sequence[_Candidate]) -> dict[str, float]:
    """Stems of the question, the rarer in the evidence the heavier."""
    seen = Counter(s for c in candidates for s in set(stems(c.text)))
    n = len(candidates)
    return {s: math.log(1 + n / (1 + seen[s])) for s in stems(FIGURE_WORDS.sub(" ", question))}


def _key_terms(question: str, known: set[str]) -> set[str]:
    """Stems of names and numbers in the question; a misspelt name counts as the one it is like."""
    found = set()
    for word in re.findall(r"[^\W_]+(?:[-'][^\W_]+)*", question)[1:]:
        if word[0].isupper() or word[0].isdigit():
            key = stem(word.lower())
            if key in known:
                found.add(key)
                continue
            like = difflib.get_close_matches(key, known, n=1, cutoff=TYPO_LIKENESS)
            found.add(like[0] if like else key)
    return {key for key in found if key in known or set(words(key))}


def _says_the_same(text: str, other: str) -> bool:
    mine, its = set(stems(text)), set(stems(other))
    return bool(mine) and len(mine & its) / min(len(mine), len(its) or 1) > 0.8
