"""Decides which sources bear out a sentence, and how well.

The language model's own marks are never trusted: a sentence is cited to the sources
that this check finds. Support is made of three things that a person would look at: do
the sentence's words stand there, do they stand there in the same sense, and are its
numbers and negation the same. Leaves out judging whether evidence answers a question:
that is `assistant.quotes`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from assistant.answer import Sentence, Source
from assistant.injections import without_instructions
from assistant.sentences import (
    is_negated,
    names,
    numbers,
    share,
    split_sentences,
    stem,
    stems,
    words,
)
from loaders.captioning.fusion import BLIP_LABEL, VISION_LABEL, is_guess

SUPPORTED = 0.62
"""Support from which a sentence counts as borne out."""
MAX_CITATIONS = 3
NEAR_BEST = 0.9
"""A further source is cited when its support is at least this share of the best one's."""
CONTRADICTED = 0.3
"""Highest support where a number, a name or a negation of the sentence is not in the source."""
TELLING = 0.5
"""Share of the words that tell sentences apart that must stand in the one with the number."""
FALLS = re.compile(
    r"\b(?:below|declin|decreas|deficit|down|drop|fall|fell|loss|lost|minus|negative|shrank)",
    re.IGNORECASE,
)
"""With such a word, a claim may give a negative number without its sign."""
WORDS_WEIGHT = 0.6
MEANING_WEIGHT = 0.4


class CitationChecker:
    """Holds sentences against numbered sources. Embeds a source once, when it is needed."""

    def __init__(self, sources: Sequence[Source], embeddings: Embeddings) -> None:
        self._sources = sources
        self._embeddings = embeddings
        self._shown: set[str] = set()
        self._vectors: dict[int, NDArray[np.float32]] = {}
        self._texts = [_evidence_of(s) for s in sources]
        self._contexts = [_context_of(s) for s in sources]
        self._stems = [set(stems(text)) for text in self._texts]

    def check(
        self, text: str, *, marks: Sequence[int] = (), quoted_from: int | None = None
    ) -> Sentence:
        """The sentence with its citations, figures and support.

        marks: the numbers that a language model wrote to it; of sources that bear it out equally,
        these are cited first. quoted_from: the source that the text was taken from word for word;
        it is cited, and only its copies at the same place are besides.
        """
        if not words(text):
            return Sentence(text)
        if quoted_from is not None:
            return self._quoted(text, quoted_from)
        scored = sorted(
            ((self._support(text, n), n) for n in range(1, len(self._sources) + 1)),
            key=lambda pair: (-pair[0], pair[1] not in marks, pair[1]),
        )
        best = scored[0][0] if scored else 0.0
        if best < SUPPORTED:
            return Sentence(text, support=best)
        enough = max(SUPPORTED, NEAR_BEST * best)
        citations = [n for support, n in scored if support >= enough][:MAX_CITATIONS]
        figures = self._new_figures(citations)
        return Sentence(text, tuple(citations), tuple(figures), support=best, supported=True)

    def _quoted(self, text: str, n: int) -> Sentence:
        """A quote with its source; the same words at another place may mean something else."""
        copies = [
            other
            for other in range(1, len(self._sources) + 1)
            if other != n
            and self._at(other) == self._at(n)
            and not self._are_two_pictures(n, other)
            and is_verbatim(text, self._texts[other - 1])
        ]
        citations = [n, *copies][:MAX_CITATIONS]
        figures = self._new_figures(citations)
        return Sentence(text, tuple(citations), tuple(figures), support=1.0, supported=True)

    def _at(self, n: int) -> list[object]:
        """Where source n stands."""
        metadata = self._sources[n - 1].document.metadata
        return [metadata.get(key) for key in ("source", "page", "sheet", "section")]

    def _are_two_pictures(self, n: int, other: int) -> bool:
        keys = {self._sources[i - 1].document.metadata.get("image_key") for i in (n, other)}
        return len(keys - {None}) > 1

    def _new_figures(self, citations: Sequence[int]) -> list[int]:
        """The cited figures and tables whose picture is not shown yet, each picture once."""
        new: dict[str, int] = {}
        for n in citations:
            if self._sources[n - 1].has_picture and self._key(n) not in self._shown:
                new.setdefault(self._key(n), n)
        self._shown |= new.keys()
        return list(new.values())

    def _key(self, n: int) -> str:
        return str(self._sources[n - 1].document.metadata["image_key"])

    def _support(self, text: str, n: int) -> float:
        source_text = self._texts[n - 1]
        passages = _passages(source_text)
        if is_verbatim(text, source_text):
            around = [p for p in passages if is_verbatim(text, p)]
            denied = bool(around) and all(is_negated(p) != is_negated(text) for p in around)
            return CONTRADICTED if denied or numbers(text) - numbers(source_text) else 1.0
        in_words = share(stems(text), self._stems[n - 1]) if stems(text) else 0.0
        if WORDS_WEIGHT * in_words + MEANING_WEIGHT < SUPPORTED:
            return WORDS_WEIGHT * in_words  # no likeness of meaning could make up for it
        cosines = self._vectors_of(n) @ np.asarray(
            self._embeddings.embed_query(text), dtype=np.float32
        )
        nearest = passages[int(np.argmax(cosines))]
        support = WORDS_WEIGHT * in_words + MEANING_WEIGHT * max(0.0, float(cosines.max()))
        told = f"{source_text}\n{self._contexts[n - 1]}"
        agrees = (
            {stem(w) for w in names(text)} <= set(map(stem, words(told)))
            and is_negated(text) == is_negated(nearest)
            and _numbers_agree(text, source_text, self._contexts[n - 1])
        )
        return support if agrees else min(support, CONTRADICTED)

    def _vectors_of(self, n: int) -> NDArray[np.float32]:
        """Of the passages of source n: float32 (passages, dimension)."""
        if n not in self._vectors:
            texts = _passages(self._texts[n - 1])
            vectors = self._embeddings.embed_documents(texts)
            self._vectors[n] = np.asarray(vectors, dtype=np.float32)
        return self._vectors[n]


def _numbers_agree(text: str, source_text: str, context: str) -> bool:
    """Whether each number of a claim stands in a sentence of the source that says it of the same.

    Of the claim's words, those tell sentences apart that stand in some of them but not in all.
    A number in the source's title, section or caption, such as a year, may go with any.
    """
    sentences = [(numbers(s), set(stems(s))) for s in split_sentences(source_text)]
    counts = Counter(word for _, known in sentences for word in known)
    telling = {w for w in stems(text) if 0 < counts[w] < len(sentences)}
    telling -= set(map(stem, numbers(text))) | set(stems(context))
    for number in numbers(text) - numbers(context):
        said = {number, f"-{number}"} if FALLS.search(text) else {number}
        if not any(said & found and share(telling, known) >= TELLING for found, known in sentences):
            return False
    return True


def _evidence_of(source: Source) -> str:
    """The source's text without what a machine only guesses to see in its picture."""
    lines = source.evidence.splitlines()
    return "\n".join(line for line in lines if not line.startswith((VISION_LABEL, BLIP_LABEL)))


def _context_of(source: Source) -> str:
    metadata = source.document.metadata
    # A machine's caption lends no name and no number to a claim.
    caption = "" if is_guess(metadata.get("descriptions", {})) else metadata.get("caption", "")
    told = f"{metadata['title']}\n{metadata.get('section', '')}\n{caption}"
    return without_instructions(told)


def is_verbatim(text: str, source_text: str) -> bool:
    """Whether the words of the text stand in the source one after the other."""
    mine = words(text)
    return len(mine) > 1 and f" {' '.join(mine)} " in f" {' '.join(words(source_text))} "


def _passages(text: str) -> list[str]:
    """Each sentence, and each pair of neighbours: a claim may rest on two."""
    single = split_sentences(text) or [text]
    pairs = [f"{a} {b}" for a, b in pairwise(single)]
    return single + pairs
