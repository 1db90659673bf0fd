"""Fits the weights of quotes on the `fit` questions: `python -m tests.fit_quotes LIBRARY=FILE…`.

Prints `assistant/quote_weights.py` anew. Needs scikit-learn, which sentence-transformers brings.
Leaves out the thresholds, which are chosen by hand, and the measurement: `make quality-answers`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from assistant import Assistant, Settings
from assistant.correctness import compare
from assistant.evaluation import Question, read_questions, sources_of
from assistant.events import SourcesFound
from assistant.questions import Asked
from assistant.quotable import Kind, Quotable, quotables_of
from assistant.quote_ranking import MAX_EMBEDDED_CHARS
from assistant.quote_score import Comparison
from assistant.quote_weights import FIGURE, TEXT
from retrievers import Filter, MiniLMEmbeddings

AT_THE_PLACE = 0.1
"""What a passage is worth that stands where the answer does and does not hold it."""
ANSWERING_WEIGHT = 3.0
PENALTY = 0.03

Example = tuple[Kind, dict[str, float], float, float]
"""Kind, signs, worth in [0, 1] and weight."""


def examples(library: Path, questions: Path) -> Iterator[Example]:
    """Every passage of the sources of every question."""
    embeddings = MiniLMEmbeddings()
    with Assistant.open(Settings(library=library, llm="embedded")) as assistant:
        asked = [q for q in read_questions(questions) if q.split == "fit"]
        documents = sources_of(asked, assistant.library)
        for question in asked:
            where = Filter(source=documents.get(question.doc or ""))
            found = next(iter(assistant.stream(question.question, where=where)))
            assert isinstance(found, SourcesFound)
            passages = [p for s in found.sources for p in quotables_of(s)]
            if not passages:
                continue
            texts = [question.question, *(p.gist[:MAX_EMBEDDED_CHARS] for p in passages)]
            vectors = np.asarray(embeddings.embed_documents(texts))
            comparison = Comparison(Asked(question.question), passages)
            for passage, cosine in zip(passages, vectors[1:] @ vectors[0], strict=True):
                worth = worth_of(question, passage)
                weight = (ANSWERING_WEIGHT if worth > AT_THE_PLACE else 1.0) / len(passages) ** 0.5
                signs = {"bias": 1.0, "meaning": float(cosine)} | comparison.signs(passage)
                yield passage.kind, signs, worth, weight


def worth_of(question: Question, passage: Quotable) -> float:
    """How good an answer the passage is."""
    place = question.place
    if not question.answerable or place is None or not place.holds(passage.source.document):
        return 0.0
    if passage.kind is Kind.FIGURE:
        return 1.0 if question.has_figure else AT_THE_PLACE
    found = compare(question.answer, passage.text)
    return 1.0 if found.correct else max(AT_THE_PLACE, found.f1)


def fitted(found: list[Example], names: list[str]) -> dict[str, float]:
    """The weights of the named signs; the signs are scaled alike while they are fitted."""
    x = np.array([[signs[name] for name in names[1:]] for _, signs, _, _ in found])
    worth = np.array([worth for *_, worth, _ in found])
    weight = np.array([weight for *_, weight in found])
    mean, spread = x.mean(0), x.std(0) + 1e-9
    doubled = np.vstack([(x - mean) / spread] * 2)
    labels = np.repeat([1, 0], len(x))
    model = LogisticRegression(C=PENALTY, max_iter=2_000).fit(
        doubled, labels, sample_weight=np.concatenate([worth * weight, (1 - worth) * weight])
    )
    slopes = model.coef_[0] / spread
    return dict(zip(names, [model.intercept_[0] - slopes @ mean, *slopes], strict=True))


def main() -> None:
    found = [
        example
        for pair in sys.argv[1:]
        for example in examples(*map(Path, pair.split("=", maxsplit=1)))
    ]
    for name, known, is_figure in (("TEXT", TEXT, False), ("FIGURE", FIGURE, True)):
        chosen = [e for e in found if (e[0] is Kind.FIGURE) is is_figure]
        weights = fitted(chosen, list(known))
        lines = "".join(f'    "{sign}": {weight:.2f},\n' for sign, weight in weights.items())
        sys.stdout.write(f"{name} = {{\n{lines}}}\n")


if __name__ == "__main__":
    main()
