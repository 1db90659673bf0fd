"""Metrics of retrieval, on a library small enough to compute them by hand."""

import json
from pathlib import Path

import pytest
from langchain_core.documents import Document

from assistant.errors import QuestionsInvalid
from assistant.evaluation import evaluate_retrieval, read_questions, write_ranked
from retrievers import Library
from tests.assistant.words import WordEmbeddings
from tests.loaders.pdfs import Page, write_pdf

OIL = {"id": "q1", "question": "oil prices", "doc": "a.pdf", "page": 2, "modality": "text"}
GOLD = {
    "id": "q2",
    "question": "gold prices",
    "doc": "a.pdf",
    "pages": [1, 3],
    "modality": "chart",
    "image": ["p3:figure1"],
}
NONE = {"id": "q3", "question": "gold", "doc": "a.pdf", "pages": [], "answerable": False}
ABSENT = {"id": "q4", "question": "gold", "doc": "b.pdf", "page": 1}


def page(n: int, text: str, modality: str = "text") -> Document:
    metadata = {"chunk_id": f"{n}{modality}", "modality": modality, "page": n}
    return Document(text, metadata=metadata)


@pytest.fixture
def library(tmp_path: Path):
    with Library.open(tmp_path / "library", WordEmbeddings(), create=True) as library:
        pages = [page(1, "silver"), page(2, "oil prices"), page(3, "gold prices", "figure")]
        library.put("file:///x/a.pdf", pages, fingerprint="1", title="A", n_pages=3)
        other = [page(1, "gold prices of all years")]
        library.put("file:///x/c.pdf", other, fingerprint="1", title="C", n_pages=1)
        yield library


def write(folder: Path, *rows: object) -> Path:
    path = folder / "questions.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def test_recall_and_rank_are_those_computed_by_hand(library: Library, tmp_path: Path) -> None:
    questions = read_questions(write(tmp_path, OIL, GOLD, NONE, ABSENT))
    metrics = evaluate_retrieval(questions, library).metrics
    assert metrics["n_questions"] == 3
    assert metrics["documents_not_in_library"] == ["b.pdf"]
    within = metrics["document"]
    assert (within["n"], within["page_recall@1"], within["mrr@10"]) == (2, 1.0, 1.0)
    assert within["by_modality"]["chart"]["n"] == 1
    assert within["figure_recall@5"] == 1.0
    assert metrics["library"]["document_recall@3"] == 1.0


def test_the_ranking_is_written_best_first(library: Library, tmp_path: Path) -> None:
    result = evaluate_retrieval(read_questions(write(tmp_path, OIL)), library)
    write_ranked(result.rankings, tmp_path / "out.jsonl")
    (row,) = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert row["id"] == "q1"
    assert row["pages"][0] == ["a.pdf", 2]
    assert sorted(row["pages"]) == [["a.pdf", 1], ["a.pdf", 2], ["a.pdf", 3]]


def test_the_scope_chooses_the_ranking(library: Library, tmp_path: Path) -> None:
    questions = read_questions(write(tmp_path, GOLD))
    result = evaluate_retrieval(questions, library, scope="library")
    assert {name for name, _ in result.rankings[0].pages} == {"a.pdf", "c.pdf"}


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, OIL)
    path.write_text(path.read_text() + '\n{"id": "x"}')
    with pytest.raises(QuestionsInvalid, match="line 2 is not a question"):
        read_questions(path)
    path.write_text(json.dumps(OIL) + "\n[1]")
    with pytest.raises(QuestionsInvalid, match=r"line 2 is not a question.*a JSON list"):
        read_questions(path)
    with pytest.raises(QuestionsInvalid, match="cannot be read"):
        read_questions(tmp_path / "none.jsonl")
    path.write_text("\n")
    with pytest.raises(QuestionsInvalid, match="holds no questions"):
        read_questions(path)


def test_document_recall_counts_hits_and_not_documents(tmp_path: Path) -> None:
    with Library.open(tmp_path / "library", WordEmbeddings(), create=True) as library:
        for name, texts in {"a": ["gold and silver"], "c": ["gold", "gold gold", "Gold"]}.items():
            pages = [page(n, text) for n, text in enumerate(texts, 1)]
            uri = f"file:///x/{name}.pdf"
            library.put(uri, pages, fingerprint="1", title=name, n_pages=len(pages))
        question = {"id": "q", "question": "gold", "doc": "a.pdf", "page": 1}
        questions = read_questions(write(tmp_path, question))
        metrics = evaluate_retrieval(questions, library).metrics["library"]
    assert (metrics["document_recall@3"], metrics["document_recall@5"]) == (0.0, 1.0)


def test_places_and_documents_that_are_not_found_are_named(tmp_path: Path) -> None:
    sheets = [
        Document("gold", metadata={"chunk_id": n, "modality": "table", "sheet": n})
        for n in ("Spot", "Forward")
    ]
    rows = [
        {"id": "there", "question": "gold prices", "doc": "a.xlsx", "where": "sheet Forward"},
        {"id": "nowhere", "question": "gold prices", "doc": "a.xlsx", "where": "sheet Options"},
        {"id": "untold", "question": "gold prices", "doc": "a.xlsx", "where": "somewhere"},
        {"id": "unanswerable", "question": "gold", "doc": "a.xlsx", "answerable": False},
    ]
    with Library.open(tmp_path / "library", WordEmbeddings(), create=True) as library:
        library.put("file:///x/a.xlsx", sheets, fingerprint="1", title="A")
        metrics = evaluate_retrieval(read_questions(write(tmp_path, *rows)), library).metrics
        for n in range(3):
            other = [Document("gold prices", metadata={"chunk_id": "x", "modality": "text"})]
            library.put(f"file:///x/{n}.txt", other, fingerprint="1", title="B")
        library.remove("file:///x/a.xlsx")
        library.put("file:///x/a.xlsx", sheets[:1], fingerprint="1", title="A")
        crowded = evaluate_retrieval(read_questions(write(tmp_path, *rows)), library).metrics
    assert metrics["library"]["place_recall@5"] == 0.5
    assert metrics["library"]["n_placed"] == 2
    assert metrics["library"]["missed"] == ["nowhere"]
    assert crowded["library"]["document_recall@3"] == 0.0
    assert crowded["library"]["missed"] == ["there", "nowhere", "untold"]


def test_a_gold_box_is_found_by_a_figure_that_covers_it_and_by_no_other(tmp_path: Path) -> None:
    source = write_pdf(tmp_path / "a.pdf", [Page(), Page()]).as_uri()
    boxes = {"gold": [0, 0, 0.5, 0.5], "silver": [0.5, 0.5, 1, 1]}
    pages = [page(2, name, "figure") for name in boxes]
    for document, box in zip(pages, boxes.values(), strict=True):
        document.metadata |= {"source": source, "bbox": box, "chunk_id": str(box)}
    rows = [
        {"id": name, "question": name, "doc": "a.pdf", "page": 2, "image": ["p2:10,10,300,390"]}
        for name in boxes
    ]
    rows.append(rows[0] | {"image": "p2:figure1"})
    with Library.open(tmp_path / "library", WordEmbeddings(), create=True) as library:
        library.put(source, pages, fingerprint="1", title="A", n_pages=2)
        for n in range(6):
            other = [page(1, f"silver {n}", "figure")]
            other[0].metadata |= {"bbox": [0, 0, 0.5, 0.5]}
            library.put(f"file:///x/{n}.pdf", other, fingerprint="1", title="B", n_pages=1)
        metrics = evaluate_retrieval(read_questions(write(tmp_path, *rows)), library).metrics
    assert (metrics["document"]["n_boxed"], metrics["document"]["box_recall@5"]) == (2, 1.0)
    assert metrics["document"]["figure_recall@5"] == 1.0
    with Library.open(tmp_path / "other", WordEmbeddings(), create=True) as library:
        library.put(source, pages[1:], fingerprint="1", title="A", n_pages=2)
        metrics = evaluate_retrieval(read_questions(write(tmp_path, *rows)), library).metrics
    assert (metrics["document"]["n_boxed"], metrics["document"]["box_recall@5"]) == (2, 0.0)
    assert metrics["document"]["figure_recall@5"] == 1.0


def test_where_a_file_names_no_halves_odd_numbers_are_to_fit_with(tmp_path: Path) -> None:
    names = {"q-001": "fit", "q-002": "report", "v2-13": "fit", "oil": "fit"}
    rows: list[dict[str, object]] = [{"id": name, "question": "oil"} for name in names]
    rows.append({"id": "q-003", "question": "oil", "split": "report"})
    questions = read_questions(write(tmp_path, *rows))
    assert {q.id: q.split for q in questions} == names | {"q-003": "report"}
