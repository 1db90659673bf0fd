"""Decides which sources bear out a sentence, and how well.

The language model's own marks are never trusted: a sentence is cited to the sources
that this check finds. Leaves out what a passage has in common with a claim, which is
`assistant.support`; and judging whether evidence answers a question: that is
`assistant.quotes`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from assistant.answer import Sentence, Source
from assistant.claims import WORD, claim_of, claims_nothing, clauses
from assistant.injections import without_instructions
from assistant.passages import Passage, passages
from assistant.sentences import words
from assistant.support import Claim, Context, Signals, nearness, signals_of
from loaders.captioning.fusion import BLIP_LABEL, VISION_LABEL, is_guess
from loaders.references import LABEL, label_of, labels_in

SUPPORTED = 0.5
"""Support from which a sentence counts as borne out."""
MAX_CITATIONS = 3
MAX_NAMED = 2
"""Figures that a quote names and that are shown with it: "Figures 1 to 12" need not all be."""
FIGURE_ELSEWHERE = re.compile(
    rf"(?:{LABEL.pattern})(?:[\s\d,;&–—-]|\band\b|\bto\b){{0,20}}\W{{0,2}}"
    r"(?:(?:of|in|from)\s+the\s+(?:[^\s.;]+\s+){0,3}(?:report|paper|book|study)\b"
    r"|(?:(?:of|in|from|by)\s+)?(?:[^\s.;]+\s+){1,4}et al\b)",
    re.IGNORECASE,
)
"""A figure of another work: "Figure 1 of the 2019 report", "Figure 2 in Smith et al."."""
NEAR_BEST = 0.9
"""A further source is cited when its support is at least this share of the best one's."""
CONTRADICTED = 0.3
"""Highest support where a number, a name or a denial of the sentence is not in the source."""
NEARER = 0.1
"""A passage that says the contrary outweighs one with so much less of the claim's words."""
PASSAGES_OF_SOURCE = 3
"""So many, those with most of the claim's words, are looked at closely."""
MEANING_CHARS = 400
"""Of a passage; the model reads little more, and takes long for it."""
MIN_IN_WORDS, SURE_IN_WORDS = 0.3, 0.9
"""Share of a claim's words below which no likeness of meaning helps, or above which it need not."""
EMBEDDED_AT_ONCE = 3
"""Passages whose likeness of meaning is measured for a sentence: it takes most of the time."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A passage of source n, and what was found in it."""

    n: int
    passage: Passage
    signals: Signals


class CitationChecker:
    """Holds sentences against numbered sources. Embeds a text once, when it is needed."""

    def __init__(self, sources: Sequence[Source], embeddings: Embeddings) -> None:
        self._sources = sources
        self._embeddings = embeddings
        self._shown: set[str] = set()
        self._vectors: dict[str, NDArray[np.float32]] = {}
        self._texts = [_evidence_of(s) for s in sources]

    # A quote needs none of these: what it rests on is known.

    @cached_property
    def _contexts(self) -> list[Context]:
        return [Context(_context_of(source)) for source in self._sources]

    @cached_property
    def _passages(self) -> list[tuple[Passage, ...]]:
        return [passages(text) for text in self._texts]

    @cached_property
    def _weights(self) -> dict[str, float]:
        return _weights(self._passages)

    @cached_property
    def _proper(self) -> frozenset[str]:
        """What the sources only ever write with a capital."""
        spelled = {w for text in self._texts for w in WORD.findall(text)}
        return frozenset(w for w in spelled if w[0].isupper() and w.lower() not in spelled)

    def check(
        self, text: str, *, marks: Sequence[int] = (), quoted_from: int | None = None
    ) -> Sentence:
        """The sentence with its citations, figures and support.

        marks: the numbers that a language model wrote to it; of sources that bear it out equally,
        these are cited first. quoted_from: the source that the text was taken from word for word;
        it is cited, and only its copies at the same place are besides; the figures that it
        names are shown.
        A sentence that claims nothing has no citation and is not supported.
        """
        if quoted_from is not None and words(text):
            return self._quoted(text, quoted_from)
        if claims_nothing(text):
            return Sentence(text)
        by_source, is_denied = self._supports(claim_of(text))
        cited = _cited(by_source, marks)
        best = max(by_source.values(), default=0.0)
        if not cited and not is_denied and len(parts := clauses(claim_of(text))) > 1:
            best, cited = self._of_clauses(parts, marks, best)
        if not cited:
            return Sentence(text, support=best)
        figures = self._new_figures(cited)
        return Sentence(text, tuple(cited), tuple(figures), support=best, supported=True)

    def _of_clauses(
        self, parts: Sequence[str], marks: Sequence[int], as_one: float
    ) -> tuple[float, list[int]]:
        """Support and citations of a sentence whose clauses rest on sources of their own."""
        supports = [self._supports(part)[0] for part in parts]
        bests = [max(s.values(), default=0.0) for s in supports]
        if min(bests) < SUPPORTED:
            return as_one, []
        cited = [n for s in supports for n in _cited(s, marks)[:1]]
        return min(bests), list(dict.fromkeys(cited))[:MAX_CITATIONS]

    def _supports(self, text: str) -> tuple[dict[int, float], bool]:
        """Source → how well it bears the claim out; and whether one says the contrary."""
        claim = Claim(text, self._proper)
        supports = dict.fromkeys(range(1, len(self._sources) + 1), 0.0)
        if not words(text):
            return supports, False
        found = self._with_meanings(claim, list(self._nearest(claim)))
        denied_at = max(
            (f.signals.in_words for f in found if f.signals.contradicts and not f.passage.parts),
            default=-math.inf,
        )
        for f in found:
            support = f.signals.support
            if f.signals.conflicts or f.signals.in_words <= denied_at - NEARER:
                support = min(support, CONTRADICTED)
            elif f.passage.tokens == claim.tokens or is_verbatim(text, f.passage.text):
                support = 1.0
            supports[f.n] = max(supports[f.n], support)
        return supports, denied_at >= max((f.signals.in_words for f in found), default=0.0)

    def _nearest(self, claim: Claim) -> Iterator[_Found]:
        """Of each source the passages with most of the claim's words."""
        for n, (some, context) in enumerate(
            zip(self._passages, self._contexts, strict=True), start=1
        ):
            near = [(nearness(claim, p, context, self._weights), p) for p in some]
            near.sort(key=lambda pair: -pair[0])
            for how_near, passage in near[:PASSAGES_OF_SOURCE]:
                if how_near >= MIN_IN_WORDS:
                    yield _Found(n, passage, signals_of(claim, passage, context, self._weights))

    def _with_meanings(self, claim: Claim, found: list[_Found]) -> list[_Found]:
        """The same without what is not worth a closer look; what is in doubt with its meaning."""
        free = [f for f in found if not f.signals.conflicts]
        against = [f for f in found if f.signals.conflicts]
        sure = [f for f in free if f.signals.in_words >= SURE_IN_WORDS]
        if sure:
            return against + sure
        free.sort(key=lambda f: (-f.signals.in_words, f.passage.text))
        texts = list(dict.fromkeys(f.passage.text[:MEANING_CHARS] for f in free))
        texts = texts[:EMBEDDED_AT_ONCE]
        if not texts:
            return against
        mine, *its = self._embedded([claim.text[:MEANING_CHARS], *texts])
        likeness = {text: float(mine @ vector) for text, vector in zip(texts, its, strict=True)}
        return against + [
            _Found(f.n, f.passage, f.signals.with_meaning(likeness[text]))
            for f in free
            if (text := f.passage.text[:MEANING_CHARS]) in likeness
        ]

    def _embedded(self, texts: list[str]) -> list[NDArray[np.float32]]:
        """Their vectors; those that are not known yet are made in one go."""
        new = list(dict.fromkeys(t for t in texts if t not in self._vectors))
        if new:
            vectors = np.asarray(self._embeddings.embed_documents(new), dtype=np.float32)
            self._vectors.update(zip(new, vectors, strict=True))
        return [self._vectors[t] for t in texts]

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
        figures = self._new_figures([*citations, *self._figures_named(text, n)])
        return Sentence(text, tuple(citations), tuple(figures), support=1.0, supported=True)

    def _figures_named(self, text: str, n: int) -> list[int]:
        """The figures of the same document that the text names: "as Figure 1 shows".

        Chapters may number anew: of several with one label it is the nearest.
        """
        named, document = labels_in(FIGURE_ELSEWHERE.sub(" ", text)), self._at(n)[0]
        nearest: dict[str | None, int] = {}
        for i in sorted(range(1, len(self._sources) + 1), key=lambda i: self._distance(n, i)):
            source = self._sources[i - 1]
            if source.is_figure and self._at(i)[0] == document:
                nearest.setdefault(label_of(source.document.metadata.get("caption")), i)
        return [nearest[label] for label in dict.fromkeys(named) if label in nearest][:MAX_NAMED]

    def _distance(self, n: int, other: int) -> tuple[bool, int]:
        """Whether two sources are in two chapters, and by how many pages they are apart."""
        told = [self._sources[i - 1].document.metadata for i in (n, other)]
        one, two = (str(metadata.get("section") or "").split(" › ", 1)[0] for metadata in told)
        first, second = (metadata.get("page") or 0 for metadata in told)
        return one != two, abs(first - second)

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


def is_verbatim(text: str, source_text: str) -> bool:
    """Whether the words of the text stand in the source one after the other."""
    mine = words(text)
    return len(mine) > 1 and f" {' '.join(mine)} " in f" {' '.join(words(source_text))} "


def _cited(supports: dict[int, float], marks: Sequence[int]) -> list[int]:
    """The sources that bear a claim out, best first."""
    enough = max(SUPPORTED, NEAR_BEST * max(supports.values(), default=0.0))
    ranked = sorted(supports, key=lambda n: (-supports[n], n not in marks, n))
    return [n for n in ranked if supports[n] >= enough][:MAX_CITATIONS]


def _weights(sources: Sequence[Sequence[Passage]]) -> dict[str, float]:
    """Stem → what it weighs: the fewer passages have it, the more. Of one in none: 1."""
    single = [p for some in sources for p in some if not p.parts]
    counts = Counter(word for passage in single for word in passage.stems)
    most = math.log(1 + len(single)) or 1.0
    return {word: 0.3 + 0.7 * math.log((1 + len(single)) / n) / most for word, n in counts.items()}


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
