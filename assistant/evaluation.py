"""Measures retrieval on questions whose pages, or other places, are known.

Question files are JSON lines; fields that are not used are ignored. Leaves out the
quality of answers: that is `assistant.answer_evaluation`.
"""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from langchain_core.documents import Document

from assistant.errors import QuestionsInvalid
from assistant.gold_boxes import GoldBox, Pages, covers
from assistant.gold_places import GoldPlace
from retrievers import Filter, Library

CUTOFFS = (1, 3, 5, 10)
MRR_CUTOFF = 10
FIGURE_CUTOFF = 5
PLACE_CUTOFF = 5
DOCUMENT_CUTOFF = 3
"""A question is missed whose document or place is not among so many hits."""
BOXED = ("figure", "table")
HALVES = ("fit", "report")
"""Of a question file: to choose numbers with, and to report."""
ALL = 100_000

Page = tuple[str, int]
"""Document file name and page."""


@dataclass(frozen=True, slots=True)
class Question:
    """One line of a question file. pages: gold pages, 1-based; doc: file name in the library.

    place: where in the document; None where that cannot be told. answer: the gold one.
    asks_to_show: wants a figure and no words. split: the half of the file that it belongs to.
    """

    id: str
    question: str
    doc: str | None = None
    pages: tuple[int, ...] = ()
    modality: str | None = None
    answerable: bool = True
    has_figure: bool = False
    boxes: tuple[GoldBox, ...] = ()
    place: GoldPlace | None = None
    answer: str = ""
    asks_to_show: bool = False
    split: str = "fit"


@dataclass(slots=True)
class Ranking:
    """What one search gave, best first.

    pages: each page once; documents: that of each of the first hits, as often as it was hit;
    figures: the pages of the figures among the first hits. finds_place: whether one of the
    first hits stands at the gold place, finds_box: whether one of them, a figure or table,
    covers a gold box; None where that cannot be told.
    """

    question: Question
    pages: list[Page]
    documents: list[str]
    figures: list[Page]
    finds_place: bool | None
    finds_box: bool | None
    seconds: float


@dataclass(slots=True)
class Evaluation:
    """Metrics and the rankings they were made from."""

    metrics: dict[str, Any]
    rankings: list[Ranking] = field(default_factory=list)


def read_questions(path: Path) -> list[Question]:
    """The questions of a file. Raises QuestionsInvalid that names the line."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionsInvalid(f"{path} cannot be read: {error}") from error
    questions = []
    for n, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            questions.append(_question(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            raise QuestionsInvalid(
                f"{path}, line {n} is not a question: {type(error).__name__}: {error}. "
                'A line is like {"id": "q1", "question": "…", "doc": "a.pdf", "page": 3}.'
            ) from error
    if not questions:
        raise QuestionsInvalid(f"{path} holds no questions.")
    return questions


def evaluate_retrieval(
    questions: Sequence[Question],
    library: Library,
    *,
    scope: str = "document",
    on_progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Search for every question within its document and in the whole library.

    scope: which of the two rankings to keep, `document` or `library`.

    page_recall@k and mrr@10 count distinct pages; document_recall@k counts the first k hits.
    place_recall@5: among the first five hits is one at the slide, sheet, section or time that
    the question names; it counts the n_placed answerable questions that name one. missed: the
    ids of those whose document is not among the first three hits, or its place the first five.
    figure_recall@5: a figure on a gold page is among the first five hits; any figure of the
    page counts. box_recall@5: among the first five hits is a figure or table that covers a
    gold box; it counts the n_boxed questions with a box on a page of a PDF that is still there.
    """
    pages = Pages()
    sources = sources_of(questions, library)
    absent = sorted(doc for doc, source in sources.items() if source is None)
    asked = [q for q in questions if q.doc is None or sources[q.doc]]
    found: dict[str, list[Ranking]] = {"document": [], "library": []}
    for n, question in enumerate(asked):
        source = sources[question.doc] if question.doc else None
        found["document"].append(_ranking(question, library, source, source, pages))
        found["library"].append(_ranking(question, library, None, source, pages))
        if on_progress:
            on_progress(n + 1, len(asked))
    metrics: dict[str, Any] = {
        "n_questions": len(asked),
        "documents_not_in_library": absent,
        **{name: _metrics(rankings) for name, rankings in found.items()},
    }
    return Evaluation(metrics, found[scope])


def sources_of(questions: Iterable[Question], library: Library) -> dict[str, str | None]:
    """Document that a question names → its source in the library; None where it is not there."""
    known = {document.source for document in library.documents()}
    return {q.doc: _source_of(q.doc, known) for q in questions if q.doc}


def write_ranked(rankings: Iterable[Ranking], path: Path) -> None:
    """Write `{"id", "pages": [[doc, page], …]}`, best first, a line a question."""
    lines = [
        json.dumps({"id": r.question.id, "pages": [list(p) for p in r.pages]}, ensure_ascii=False)
        for r in rankings
    ]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _question(row: Any) -> Question:
    if not isinstance(row, dict):
        raise TypeError(f"it is a JSON {type(row).__name__}, not an object")
    pages = tuple(int(p) for p in row.get("pages") or ([row["page"]] if row.get("page") else []))
    return Question(
        id=str(row["id"]),
        question=str(row["question"]),
        doc=str(row["doc"]) if row.get("doc") else None,
        pages=pages,
        modality=str(row["modality"]) if row.get("modality") else None,
        answerable=bool(row.get("answerable", True)),
        has_figure=bool(row.get("image")),
        place=GoldPlace.parsed(str(row.get("where") or ""), pages, row.get("modality")),
        boxes=tuple(box for name in _named(row.get("image")) if (box := GoldBox.parsed(name))),
        answer=str(row.get("answer") or ""),
        asks_to_show=bool(row.get("asks_to_show")),
        split=str(row.get("split") or _half(str(row["id"]))),
    )


def _half(question_id: str) -> str:
    """Where a file names no halves: odd numbers are to fit with, even ones to report."""
    numbers = re.findall(r"\d+", question_id)
    return "report" if numbers and int(numbers[-1]) % 2 == 0 else "fit"


def _named(image: Any) -> list[str]:
    """What a question says of its pictures: a list of names, or one."""
    return [str(name) for name in (image if isinstance(image, list) else [image or ""])]


def _source_of(doc: str, sources: Iterable[str]) -> str | None:
    """The source whose path ends with the document's file name."""
    return next((s for s in sorted(sources) if unquote(s).endswith(f"/{doc}")), None)


def _ranking(
    question: Question, library: Library, within: str | None, source: str | None, pages: Pages
) -> Ranking:
    """within: the source that is searched, all where None; source: that of the question."""
    start = time.perf_counter()
    hits = library.search(question.question, ALL if within else 1_000, where=Filter(source=within))
    seconds = time.perf_counter() - start
    shown = [h.document for h in hits[:FIGURE_CUTOFF] if h.document.metadata["modality"] in BOXED]
    figures = [d for d in shown if d.metadata["modality"] == "figure"]
    return Ranking(
        question,
        _pages(question, [hit.document for hit in hits]),
        [unquote(h.document.metadata["source"]) for h in hits[: max(CUTOFFS)]],
        _pages(question, figures),
        _finds_place(question, [hit.document for hit in hits[:PLACE_CUTOFF]], source),
        _finds_box(question, shown, source, pages),
        seconds,
    )


def _finds_place(question: Question, hits: Sequence[Document], source: str | None) -> bool | None:
    if question.place is None or source is None:
        return None
    return any(d.metadata["source"] == source and question.place.holds(d) for d in hits)


def _finds_box(
    question: Question, shown: Sequence[Document], source: str | None, pages: Pages
) -> bool | None:
    """Whether one of the figures and tables covers a gold box; None if there is none to tell."""
    gold = [g for g in question.boxes if source and pages.size(source, g.page)]
    if not gold:
        return None
    ours = [(d.metadata.get("page"), pages.box(d)) for d in shown if d.metadata["source"] == source]
    return any(
        box is not None and page == g.page and covers(box, g.box)
        for page, box in ours
        for g in gold
    )


def _pages(question: Question, documents: Sequence[Document]) -> list[Page]:
    """The pages of the Documents, each once, best first."""
    found: dict[Page, None] = {}
    for document in documents:
        if (page := document.metadata.get("page")) is not None:
            found.setdefault((_name(question, document.metadata["source"]), page))
    return list(found)


def _name(question: Question, source: str) -> str:
    """The question's own name for its document; the file name for any other."""
    path = unquote(source)
    if question.doc and path.endswith(f"/{question.doc}"):
        return question.doc
    return path.rsplit("/", 1)[-1]


def _metrics(rankings: Sequence[Ranking]) -> dict[str, Any]:
    answerable = [r for r in rankings if r.question.answerable]
    with_document = [r for r in answerable if r.question.doc]
    with_figure = [r for r in answerable if r.question.pages and r.question.has_figure]
    boxed = [r.finds_box for r in answerable if r.question.pages and r.finds_box is not None]
    modalities = sorted({r.question.modality for r in answerable if r.question.modality})
    seconds = [r.seconds for r in rankings]
    return {
        **_place_metrics(answerable),
        "by_modality": {
            m: _place_metrics([r for r in answerable if r.question.modality == m])
            for m in modalities
        },
        f"figure_recall@{FIGURE_CUTOFF}": mean_of(
            bool(_gold(r) & set(r.figures)) for r in with_figure
        ),
        f"box_recall@{FIGURE_CUTOFF}": mean_of(boxed),
        "n_boxed": len(boxed),
        **{
            f"document_recall@{k}": mean_of(_finds_document(r, k) for r in with_document)
            for k in CUTOFFS
        },
        "missed": [
            r.question.id
            for r in with_document
            if not _finds_document(r, DOCUMENT_CUTOFF) or r.finds_place is False
        ],
        "median_ms": round(1_000 * statistics.median(seconds), 1) if seconds else None,
    }


def _finds_document(ranking: Ranking, k: int) -> bool:
    return any(d.endswith(f"/{ranking.question.doc}") for d in ranking.documents[:k])


def _place_metrics(rankings: Sequence[Ranking]) -> dict[str, Any]:
    placed = [r.finds_place for r in rankings if r.finds_place is not None]
    return {
        **_page_metrics([r for r in rankings if r.question.pages]),
        f"place_recall@{PLACE_CUTOFF}": mean_of(placed),
        "n_placed": len(placed),
    }


def _page_metrics(rankings: Sequence[Ranking]) -> dict[str, Any]:
    recalls = {
        f"page_recall@{k}": mean_of(bool(_gold(r) & set(r.pages[:k])) for r in rankings)
        for k in CUTOFFS
    }
    mrr = mean_of(_reciprocal_rank(r) for r in rankings)
    return {"n": len(rankings), **recalls, f"mrr@{MRR_CUTOFF}": mrr}


def _gold(ranking: Ranking) -> set[Page]:
    return {(ranking.question.doc or "", page) for page in ranking.question.pages}


def _reciprocal_rank(ranking: Ranking) -> float:
    gold = _gold(ranking)
    ranks = (n for n, page in enumerate(ranking.pages[:MRR_CUTOFF], 1) if page in gold)
    return 1.0 / next(ranks, float("inf"))


def mean_of(values: Iterable[float]) -> float | None:
    found = [float(v) for v in values]
    return round(statistics.mean(found), 4) if found else None
