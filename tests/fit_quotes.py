"""Fits the weights of quotes on the `fit` questions: `python -m tests.fit_quotes LIBRARY=FILE…`.

Prints `assistant/quote_weights.py` anew, then what the constants that were chosen by hand, and
others beside them, give on documents that the weights were not fitted on. Needs scikit-learn,
which sentence-transformers brings. Leaves out the measurement on `report`: `make quality-answers`.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from langchain_core.embeddings import Embeddings
from sklearn.linear_model import LogisticRegression

from assistant import Assistant, Settings, quote_ranking, quotes
from assistant.answer import Source
from assistant.correctness import compare
from assistant.evaluation import Question, read_questions, sources_of
from assistant.events import SourcesFound
from assistant.questions import Asked
from assistant.quotable import Kind, Quotable, quotables_of
from assistant.quote_score import Comparison
from assistant.quote_weights import FIGURE, TEXT
from retrievers import Filter, MiniLMEmbeddings

AT_THE_PLACE = 0.1
"""What a passage is worth that stands where the answer does and does not hold it."""
ANSWERING_WEIGHT = 3.0
PENALTY = 0.03
N_FOLDS = 12
"""Into which the documents are dealt: a question is no news where its document is known."""
TRIED: tuple[tuple[ModuleType, str, tuple[float, ...]], ...] = (
    (quotes, "ANSWERS", (0.24, 0.32)),
    (quotes, "SHOWS", (0.55, 0.6, 0.7)),
    (quotes, "SHOWS_PICTURE", (0.4, 0.6)),
    (quotes, "NEAR_BEST", (0.9, 1.0)),
    (quote_ranking, "N_NEIGHBOURS", (1, 6)),
    (quote_ranking, "OF_NEIGHBOURS", (0.0, 0.1, 0.3)),
)
"""Constants chosen by hand, and what they might be besides; each is tried by itself."""

Weights = tuple[dict[str, float], dict[str, float]]
"""Of text and of figures."""
Found = tuple[Question, tuple[Source, ...]]


class Example(NamedTuple):
    """A passage of a question. worth: how good an answer it is, in [0, 1]."""

    kind: Kind
    signs: dict[str, float]
    worth: float
    weight: float


class Remembered(Embeddings):
    """MiniLM that embeds a text once only."""

    def __init__(self) -> None:
        self._model = MiniLMEmbeddings()
        self._known: dict[str, list[float]] = {}

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(new, self._model.embed_documents(new), strict=True))
        return [self._known[text] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def asked(library: Path, questions: Path) -> Iterator[Found]:
    """The `fit` questions with the sources that are found for them."""
    with Assistant.open(Settings(library=library, llm="embedded")) as assistant:
        wanted = [q for q in read_questions(questions) if q.split == "fit"]
        documents = sources_of(wanted, assistant.library)
        for question in wanted:
            where = Filter(source=documents.get(question.doc or ""))
            found = next(iter(assistant.stream(question.question, where=where)))
            assert isinstance(found, SourcesFound)
            yield question, found.sources


def examples(question: Question, sources: Sequence[Source], model: Embeddings) -> list[Example]:
    """Every passage of the sources."""
    passages = [p for source in sources for p in quotables_of(source)]
    if not passages:
        return []
    texts = [question.question, *(p.gist[: quote_ranking.MAX_EMBEDDED_CHARS] for p in passages)]
    vectors = np.asarray(model.embed_documents(texts))
    comparison = Comparison(Asked(question.question), passages)
    found = []
    for passage, cosine in zip(passages, vectors[1:] @ vectors[0], strict=True):
        worth = worth_of(question, passage)
        weight = (ANSWERING_WEIGHT if worth > AT_THE_PLACE else 1.0) / len(passages) ** 0.5
        signs = {"bias": 1.0, "meaning": float(cosine)} | comparison.signs(passage)
        found.append(Example(passage.kind, signs, worth, weight))
    return found


def worth_of(question: Question, passage: Quotable) -> float:
    """How good an answer the passage is."""
    if not _is_gold(question, passage.source):
        return 0.0
    if passage.kind is Kind.FIGURE:
        return 1.0 if question.has_figure else AT_THE_PLACE
    found = compare(question.answer, passage.text)
    return 1.0 if found.correct else max(AT_THE_PLACE, found.f1)


def _is_gold(question: Question, source: Source) -> bool:
    place = question.place
    return question.answerable and place is not None and place.holds(source.document)


def fitted(found: Sequence[Example]) -> Weights:
    """The weights of the signs in use."""
    text = [e for e in found if e.kind is not Kind.FIGURE]
    figures = [e for e in found if e.kind is Kind.FIGURE]
    return _fitted(text, list(TEXT)), _fitted(figures, list(FIGURE))


def _fitted(found: Sequence[Example], names: list[str]) -> dict[str, float]:
    """The weights of the named signs; the signs are scaled alike while they are fitted."""
    x = np.array([[e.signs[name] for name in names[1:]] for e in found])
    worth = np.array([e.worth for e in found])
    weight = np.array([e.weight for e in found])
    mean, spread = x.mean(0), x.std(0) + 1e-9
    doubled = np.vstack([(x - mean) / spread] * 2)
    labels = np.repeat([1, 0], len(x))
    model = LogisticRegression(C=PENALTY, max_iter=2_000).fit(
        doubled, labels, sample_weight=np.concatenate([worth * weight, (1 - worth) * weight])
    )
    slopes = model.coef_[0] / spread
    return dict(zip(names, [model.intercept_[0] - slopes @ mean, *slopes], strict=True))


def cross_validated(found: Sequence[Found], model: Embeddings) -> Iterator[str]:
    """A line for each change of a constant: how it does on documents that no weight has seen."""
    known = {question.id: examples(question, sources, model) for question, sources in found}
    documents = sorted({question.doc or "" for question, _ in found})
    changes = [(quotes, "ANSWERS", quotes.ANSWERS)]
    changes += [(module, name, value) for module, name, values in TRIED for value in values]
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for fold in range(N_FOLDS):
        unseen = set(documents[fold::N_FOLDS])
        left_out = [pair for pair in found if (pair[0].doc or "") in unseen]
        kept = [q.id for q, _ in found if (q.doc or "") not in unseen]
        text, figures = fitted([e for i in kept for e in known[i]])
        with patch.dict(TEXT, text), patch.dict(FIGURE, figures):
            for i, (module, name, value) in enumerate(changes):
                with patch.object(module, name, value):
                    for question, sources in left_out:
                        counts[i] += outcome(question, sources, model)
    for i, (_, name, value) in enumerate(changes):
        n = counts[i]
        yield (
            f"{f'{name} {value:g}' if i else 'as it is'}: citation precision "
            f"{n['cited gold'] / n['cited']:.3f}, figure precision "
            f"{n['shown gold'] / n['shown']:.3f}, false refusals "
            f"{n['false refusals'] / n['answerable']:.3f}, unanswerable refused "
            f"{n['refused'] / n['unanswerable']:.2f}\n"
        )


def outcome(question: Question, sources: Sequence[Source], model: Embeddings) -> Counter[str]:
    """What the quotes for one question count for; wishes to see a figure are not weighed."""
    if quotes.asks_to_show(question.question):
        return Counter()
    chosen = {q.n for q in quotes.find_quotes(question.question, sources, model)}
    cited = [source for source in sources if source.n in chosen]
    shown = [source for source in cited if source.has_picture]
    counts = Counter({"shown": len(shown), "shown gold": sum(_is_gold(question, s) for s in shown)})
    if not question.answerable:
        return counts + Counter({"unanswerable": 1, "refused": not cited})
    counts += Counter({"answerable": 1, "false refusals": not cited})
    if any(_is_gold(question, source) for source in sources):
        counts += Counter(
            {"cited": len(cited), "cited gold": sum(_is_gold(question, s) for s in cited)}
        )
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("measured", nargs="+", metavar="LIBRARY=QUESTIONS")
    measured = parser.parse_args().measured
    model = Remembered()
    found = [pair for given in measured for pair in asked(*map(Path, given.split("=", maxsplit=1)))]
    weights = fitted([e for question, sources in found for e in examples(question, sources, model)])
    for name, of_kind in zip(("TEXT", "FIGURE"), weights, strict=True):
        lines = "".join(f'    "{sign}": {weight:.2f},\n' for sign, weight in of_kind.items())
        sys.stdout.write(f"{name} = {{\n{lines}}}\n")
    sys.stdout.writelines(cross_validated(found, model))


if __name__ == "__main__":
    main()
