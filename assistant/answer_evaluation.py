"""Measures answers to questions whose answer, pages, or other places, are known.

Leaves out retrieval: that is `assistant.evaluation`.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from langchain_core.documents import Document

from assistant.answer import Answer, Source
from assistant.assistant import Assistant
from assistant.correctness import Correctness, compare
from assistant.errors import AssistantError
from assistant.evaluation import Question, mean_of, sources_of
from assistant.gold_boxes import Pages, covers
from retrievers import Filter

N_BINS = 10
"""Of support, in [0, 1], for its calibration."""
TIMES = ("retrieve", "first_token", "total")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A question and its answer, or why there is none. source: of the question's document."""

    question: Question
    source: str | None
    answer: Answer | None
    error: str = ""

    def holds(self, document: Document) -> bool:
        """Whether the Document stands where the evidence of the question does."""
        place = self.question.place
        return (
            place is not None
            and document.metadata["source"] == self.source
            and place.holds(document)
        )


def ask_all(
    questions: Sequence[Question], assistant: Assistant, *, scope: str = "document"
) -> Iterator[Outcome]:
    """Answer the questions one by one, each within its document or from the whole library.

    What names a document that is not in the library is not asked. An answer that fails is
    reported; a language model that is not there at all raises a ModelUnavailable at once.
    """
    _ = assistant.model
    sources = sources_of(questions, assistant.library)
    for question in questions:
        source = sources[question.doc] if question.doc else None
        if question.doc and source is None:
            continue
        where = Filter(source=source if scope == "document" else None)
        try:
            yield Outcome(question, source, assistant.ask(question.question, where=where))
        except AssistantError as error:
            yield Outcome(question, source, None, str(error))


def as_line(asked: Outcome) -> str:
    """A line of the file that `--answers` writes: `{"id", "answer"}`; "" where it failed."""
    if asked.answer is None:
        return ""
    row = {"id": asked.question.id, "answer": asked.answer.to_dict()}
    return json.dumps(row, ensure_ascii=False) + "\n"


def answer_metrics(asked: Iterable[Outcome]) -> dict[str, Any]:
    """The metrics of answers; each share beside the n that it is a share of.

    refusals: of unanswerable questions; false_refusals: of answerable ones. correctness: of the
    answers to answerable questions, but of those that ask to show a figure; refused and failed
    ones are not correct; see `assistant.correctness`. citations: precision is the share of the n
    marks whose source stands at the gold place, recall the share of the n_gold pages (or other
    place) that are cited, over the answered questions whose place can be told. figures: of the n
    pictures shown in answers to these, the share at the gold place; of the n_gold answerable
    questions that name a gold figure, refused ones among them, the share that shows one there. An
    unanswerable question has no gold place: all its marks and pictures are wrong. boxes: the same
    where a gold box is known, and the picture must cover it. …_where_retrieved: of questions with
    something at the gold place, or a picture there, among the sources of the answer. calibration:
    of cited sentences, by support, the share with a mark that is gold; expected_error is the mean
    distance of the two. n: the questions asked. failed: those that the model did not answer,
    each wrong in all shares of questions: see `_failed`.
    """
    found, pages = list(asked), Pages()
    judged = [_judge(one, one.answer, pages) for one in found]
    answers = [one.answer for one in found if one.answer]
    modalities = sorted({j.question.modality for j in judged if j.is_answerable} - {None}, key=str)
    return {
        "model": answers[0].model if answers else None,
        "n": len(found),
        "failed": [{"id": a.question.id, "reason": a.error} for a in found if not a.answer],
        **_metrics(judged),
        "by_modality": {
            str(m): _metrics([j for j in judged if j.is_answerable and j.question.modality == m])
            for m in modalities
        },
        "calibration": _calibration([s for j in judged for s in j.sentences]),
        "latency_s": {name: _times(name, answers) for name in TIMES},
    }


@dataclass(frozen=True, slots=True)
class _Judged:
    """What is right in one answer. None: cannot be told, or is not asked for.

    is_retrieved, is_figure_retrieved: whether anything, or a picture, at the gold place is among
    the sources. marks: of each citation whether it is gold. sentences: support of each cited one,
    and whether one of its marks is gold. n_gold, n_found: gold pages, and those cited. figures,
    boxed: of each picture shown whether it is at the gold place, and covers a gold box.
    """

    question: Question
    is_refused: bool
    correctness: Correctness | None = None
    is_retrieved: bool | None = None
    is_figure_retrieved: bool = False
    marks: tuple[bool, ...] = ()
    sentences: tuple[tuple[float, bool], ...] = ()
    n_gold: int = 0
    n_found: int = 0
    figures: tuple[bool, ...] = ()
    boxed: tuple[bool, ...] | None = None
    n_words: int = 0

    @property
    def is_answerable(self) -> bool:
        return self.question.answerable


def _judge(asked: Outcome, answer: Answer | None, pages: Pages) -> _Judged:
    question = asked.question
    if answer is None:
        return _failed(asked, pages)
    if not question.answerable:
        return _needless(question, answer)
    text = " ".join(s.text for s in answer.sentences) if answer.grounded else ""
    is_told = bool(question.answer) and not question.asks_to_show
    judged = _Judged(
        question,
        not answer.grounded,
        compare(question.answer, text) if is_told else None,
        n_words=len(text.split()),
    )
    return _located(judged, asked, answer, pages) if question.place else judged


def _failed(asked: Outcome, pages: Pages) -> _Judged:
    """A failure counts as wrong wherever it can: refused where there is an answer, and only there,
    although the evidence was retrieved."""
    question = asked.question
    if not question.answerable:
        return _Judged(question, is_refused=False)
    is_told = bool(question.answer) and not question.asks_to_show
    return _Judged(
        question,
        is_refused=True,
        correctness=compare(question.answer, "") if is_told else None,
        is_retrieved=True if question.place else None,
        is_figure_retrieved=bool(question.place) and question.has_figure,
        boxed=_boxed(asked, (), pages) if question.place else None,
    )


def _needless(question: Question, answer: Answer) -> _Judged:
    """The judgement of an answer to what has none: its marks and pictures are all wrong."""
    return _Judged(
        question,
        not answer.grounded,
        marks=tuple(False for s in answer.sentences for _ in s.citations),
        sentences=tuple((s.support, False) for s in answer.sentences if s.citations),
        figures=tuple(False for _ in answer.figures),
    )


def _located(judged: _Judged, asked: Outcome, answer: Answer, pages: Pages) -> _Judged:
    """The judgement with what the gold place tells."""
    gold = {source.n for source in answer.sources if asked.holds(source.document)}
    cited = {n for s in answer.sentences for n in s.citations} & gold
    question = asked.question
    cited_pages = {answer.source(n).document.metadata.get("page", 1) for n in cited}
    return replace(
        judged,
        is_retrieved=bool(gold),
        is_figure_retrieved=any(answer.source(n).has_picture for n in gold),
        marks=tuple(n in gold for s in answer.sentences for n in s.citations),
        sentences=tuple(
            (s.support, not gold.isdisjoint(s.citations)) for s in answer.sentences if s.citations
        ),
        n_gold=len(set(question.pages)) or 1,
        n_found=len(cited_pages & set(question.pages)) if question.pages else bool(cited),
        figures=tuple(asked.holds(figure.document) for figure in answer.figures),
        boxed=_boxed(asked, answer.figures, pages),
    )


def _boxed(asked: Outcome, figures: Sequence[Source], pages: Pages) -> tuple[bool, ...] | None:
    """Of each picture whether it covers a gold box; None where no such box can be told."""
    gold = [g for g in asked.question.boxes if asked.source and pages.size(asked.source, g.page)]
    if not gold:
        return None
    return tuple(
        figure.document.metadata["source"] == asked.source
        and (box := pages.box(figure.document)) is not None
        and any(figure.document.metadata["page"] == g.page and covers(box, g.box) for g in gold)
        for figure in figures
    )


def _metrics(judged: Sequence[_Judged]) -> dict[str, Any]:
    answerable = [j for j in judged if j.is_answerable]
    retrieved = [j for j in answerable if j.is_retrieved]
    answered = [j for j in answerable if j.is_retrieved is not None and not j.is_refused]
    unanswerable = [j for j in judged if not j.is_answerable]
    with_figure = [j for j in answerable if j.is_figure_retrieved]
    return {
        **({"refusals": _share(j.is_refused for j in unanswerable)} if unanswerable else {}),
        "false_refusals": _share(j.is_refused for j in answerable),
        "false_refusals_where_retrieved": _share(j.is_refused for j in retrieved),
        "correctness": _correctness([j.correctness for j in answerable if j.correctness]),
        "correctness_where_retrieved": _correctness(
            [j.correctness for j in retrieved if j.correctness]
        ),
        "median_words": _median(j.n_words for j in answerable if not j.is_refused),
        "citations": _citations([*answered, *(j for j in unanswerable if not j.is_refused)]),
        "citations_where_retrieved": _citations([j for j in answered if j.is_retrieved]),
        "figures": _figures([*answerable, *unanswerable]),
        "figures_where_retrieved": _figures(with_figure),
        "boxes": _boxes(answerable),
        "boxes_where_retrieved": _boxes(with_figure),
        "shown_when_asked": _share(any(j.figures) for j in answerable if j.question.asks_to_show),
    }


def _correctness(found: Sequence[Correctness]) -> dict[str, Any]:
    numeric = [c.numeric for c in found if c.numeric is not None]
    return {
        "n": len(found),
        "correct": mean_of(c.correct for c in found),
        "exact": mean_of(c.exact for c in found),
        "f1": mean_of(c.f1 for c in found),
        "n_numeric": len(numeric),
        "numeric": mean_of(numeric),
    }


def _citations(answered: Sequence[_Judged]) -> dict[str, Any]:
    marks = [is_gold for j in answered for is_gold in j.marks]
    n_gold = sum(j.n_gold for j in answered)
    n_found = sum(j.n_found for j in answered)
    return {
        "n": len(marks),
        "precision": mean_of(marks),
        "n_gold": n_gold,
        "recall": round(n_found / n_gold, 4) if n_gold else None,
    }


def _figures(judged: Sequence[_Judged]) -> dict[str, Any]:
    wanting = [j for j in judged if j.question.has_figure and j.is_retrieved is not None]
    return _shown([j.figures for j in judged], [j.figures for j in wanting])


def _boxes(judged: Sequence[_Judged]) -> dict[str, Any]:
    boxed = [j.boxed for j in judged if j.boxed is not None]
    return _shown(boxed, boxed)


def _shown(shown: Iterable[tuple[bool, ...]], wanted: Sequence[tuple[bool, ...]]) -> dict[str, Any]:
    """shown: of each picture whether it is right, an answer each; wanted: the same where one is."""
    right = [is_right for of_answer in shown for is_right in of_answer]
    return {
        "n": len(right),
        "precision": mean_of(right),
        "n_gold": len(wanted),
        "recall": mean_of(any(of_answer) for of_answer in wanted),
    }


def _calibration(sentences: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    bins: dict[int, list[tuple[float, bool]]] = {}
    for support, is_gold in sentences:
        bins.setdefault(min(int(support * N_BINS), N_BINS - 1), []).append((support, is_gold))
    rows = [
        {
            "from": k / N_BINS,
            "to": (k + 1) / N_BINS,
            "n": len(own),
            "support": mean_of(support for support, _ in own),
            "gold": mean_of(is_gold for _, is_gold in own),
        }
        for k, own in sorted(bins.items())
    ]
    error = sum(
        abs(sum(support for support, _ in own) - sum(is_gold for _, is_gold in own))
        for own in bins.values()
    )
    n = len(sentences)
    return {"n": n, "expected_error": round(error / n, 4) if n else None, "bins": rows}


def _times(name: str, answers: Sequence[Answer]) -> dict[str, float | None]:
    seconds = [a.timings_s[name] for a in answers if name in a.timings_s]
    if not seconds:
        return {"median": None, "p95": None}
    median, p95 = np.percentile(seconds, [50, 95])
    return {"median": round(float(median), 3), "p95": round(float(p95), 3)}


def _share(flags: Iterable[bool]) -> dict[str, Any]:
    found = list(flags)
    return {"n": len(found), "share": mean_of(found)}


def _median(values: Iterable[int]) -> float | None:
    found = list(values)
    return float(statistics.median(found)) if found else None
