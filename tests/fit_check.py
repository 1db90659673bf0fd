"""Fits the weights of the check on the `fit` half: `python -m tests.fit_check LIBRARY…`.

Prints the constants of `assistant/support.py` anew, a tenth more or less: of passages with equally
many words it may be others whose meaning is measured. Needs scikit-learn, which
sentence-transformers brings. Leaves out the thresholds, which are chosen by hand, and the
measurement: `make quality-check`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings
from sklearn.linear_model import LogisticRegression

from assistant.answer import Source
from assistant.citations import CitationChecker
from assistant.claims import claim_of
from assistant.support import Claim
from retrievers import Library, MiniLMEmbeddings
from tests import claims
from tests.quality_check import claims_of

PENALTY = 3.0
"""As scikit-learn has it, the larger the weaker. A weaker one hardly foretells more of what is left
out of the fit, a stronger one clearly less."""

Example = tuple[float, float, bool]
"""in_words and likeness of a passage, and whether the claim is true."""


def examples(made: Sequence[claims.Claim], embeddings: Embeddings) -> Iterator[Example]:
    """Of each claim the passage with most of its words; none where all have conflicts."""
    for one in made:
        sources = [Source(n, 0.5, d) for n, d in enumerate(one.sources, start=1)]
        checker = CitationChecker(sources, embeddings)
        claim = Claim(claim_of(one.text), checker._proper)
        near = checker._with_meanings(claim, list(checker._nearest(claim)))
        free = [f for f in near if not f.signals.conflicts]
        if free:
            # Of equals always the same one: sums of weights differ in their last digits.
            best = min(free, key=lambda f: (-round(f.signals.in_words, 6), f.passage.text)).signals
            yield best.in_words, best.likeness, one.is_true


def main() -> None:
    embeddings = MiniLMEmbeddings()
    with ExitStack() as stack:
        opened = [stack.enter_context(Library.open(Path(p), embeddings)) for p in sys.argv[1:]]
        found = list(examples(claims_of(opened, "fit"), embeddings))
    *signs, labels = np.array(found).T
    model = LogisticRegression(C=PENALTY, max_iter=2_000).fit(np.transpose(signs), labels)
    weights = ", ".join(f"{w:.1f}" for w in (model.intercept_[0], *model.coef_[0]))
    sys.stdout.write(f"BIAS, WORDS_WEIGHT, MEANING_WEIGHT = {weights}\n")


if __name__ == "__main__":
    main()
