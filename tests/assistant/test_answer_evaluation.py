"""Metrics of answers, from answers small enough to compute them by hand."""

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document

from assistant.answer import NOT_IN_LIBRARY, Answer, Sentence, Source
from assistant.answer_evaluation import Outcome, answer_metrics, as_line, ask_all
from assistant.errors import GenerationFailed, ModelUnavailable
from assistant.evaluation import Question
from assistant.gold_boxes import GoldBox
from assistant.gold_places import GoldPlace
from loaders.pdf.page import Box
from tests.assistant.harbour import COD, QUESTION, open_harbour, says
from tests.assistant.harbour import SOURCE as HARBOUR
from tests.loaders.pdfs import Page, write_pdf

SOURCE = "file:///x/a.pdf"
TIMES = {"retrieve": 0.1, "first_token": 0.2, "total": 1.0}


def evidence(
    n: int, page: int, *, shown: bool = False, source: str = SOURCE, **more: Any
) -> Source:
    about = {"source": source, "title": "A", "modality": "figure" if shown else "text"}
    key = {"image_key": f"{n}.png"} if shown else {}
    return Source(n, 0.5, Document(f"text {n}", metadata={**about, "page": page, **key, **more}))


def question(id_: str, *pages: int, **more: Any) -> Question:
    place = GoldPlace(pages=pages) if pages else None
    told: dict[str, Any] = {
        "question": f"question {id_}",
        "doc": "a.pdf",
        "pages": pages,
        "place": place,
        "modality": "text",
        "answer": "412",
    }
    return Question(id_, **told | more)


def answer(*sentences: Sentence, sources: tuple[Source, ...], **more: Any) -> Answer:
    return Answer("question", sentences, sources, True, "model", TIMES | more)


def refusal(*sources: Source) -> Answer:
    return Answer("question", (Sentence(NOT_IN_LIBRARY),), sources, False, "model", TIMES)


def asked(one: Question, given: Answer | None, source: str = SOURCE) -> Outcome:
    return Outcome(one, source, given, "" if given else "out of memory")


def test_citations_count_marks_and_gold_pages() -> None:
    sources = (evidence(1, 2), evidence(2, 3), evidence(3, 9))
    sentences = (
        Sentence("It was 412.", (1, 3), support=1.0, supported=True),
        Sentence("And 95.", (3,), support=0.7, supported=True),
        Sentence("Whales sing."),
    )
    here = asked(question("q1", 2, 3), answer(*sentences, sources=sources))
    elsewhere = answer(Sentence("412", (1,), supported=True), sources=sources)
    metrics = answer_metrics([here, asked(question("q2", 7), elsewhere)])
    # Of four marks one stands on a gold page; of the three gold pages one is cited.
    assert metrics["citations"] == {"n": 4, "precision": 0.25, "n_gold": 3, "recall": 0.3333}
    # Nothing on page 7 was among the sources of the second.
    found = metrics["citations_where_retrieved"]
    assert (found["n"], found["precision"], found["recall"]) == (3, 0.3333, 0.5)


def test_a_page_of_another_document_is_not_gold() -> None:
    there = (evidence(1, 2, source="file:///x/b.pdf"),)
    given = answer(Sentence("It was 412.", (1,), supported=True), sources=there)
    assert answer_metrics([asked(question("q", 2), given)])["citations"]["precision"] == 0.0


def test_a_place_without_pages_is_cited_by_what_stands_there() -> None:
    placed = question("q", pages=(), place=GoldPlace(sections=("Landings",)))
    sources = (evidence(1, 1, section="Landings"), evidence(2, 1, section="Visitors"))
    given = answer(Sentence("412", (1, 2), supported=True), sources=sources)
    metrics = answer_metrics([asked(placed, given)])["citations"]
    assert metrics == {"n": 2, "precision": 0.5, "n_gold": 1, "recall": 1.0}


def test_refusals_are_right_only_where_there_is_no_answer() -> None:
    near, far = evidence(1, 2), evidence(1, 9)
    said = answer(Sentence("It was 412.", (1,), supported=True), sources=(near,))
    metrics = answer_metrics(
        [
            asked(question("u1", answerable=False), refusal(far)),
            asked(question("u2", answerable=False), said),
            asked(question("a1", 2), said),
            asked(question("a2", 2), refusal(far)),
            asked(question("a3", 2), said),
            asked(question("a4", 2), refusal(near)),
        ]
    )
    assert metrics["refusals"] == {"n": 2, "share": 0.5}
    assert metrics["false_refusals"] == {"n": 4, "share": 0.5}
    assert metrics["false_refusals_where_retrieved"] == {"n": 3, "share": 0.3333}
    assert (metrics["correctness"]["n"], metrics["correctness"]["correct"]) == (4, 0.5)
    assert metrics["by_modality"]["text"]["false_refusals"]["n"] == 4


def test_an_answer_that_should_not_exist_has_only_wrong_marks_and_pictures() -> None:
    sources = (evidence(1, 2, shown=True),)
    given = answer(
        Sentence("It was 412.", (1,), (1,), support=1.0, supported=True), sources=sources
    )
    metrics = answer_metrics(
        [
            asked(question("a", 2), given),
            asked(question("u1", 2, answerable=False), given),
            asked(question("u2", answerable=False), given),
            asked(question("u3", answerable=False), refusal(*sources)),
        ]
    )
    assert (metrics["citations"]["n"], metrics["citations"]["precision"]) == (3, 0.3333)
    assert (metrics["figures"]["n"], metrics["figures"]["precision"]) == (3, 0.3333)
    assert (metrics["calibration"]["n"], metrics["calibration"]["expected_error"]) == (3, 0.6667)
    assert metrics["citations_where_retrieved"]["n"] == 1


def test_a_failure_is_wrong_whatever_was_asked() -> None:
    sources = (evidence(1, 2, shown=True),)
    given = answer(Sentence("It was 412.", (1,), (1,), supported=True), sources=sources)
    metrics = answer_metrics(
        [
            asked(question("a1", 2, has_figure=True), given),
            asked(question("a2", 2, has_figure=True), None),
            asked(question("u1", answerable=False), refusal(*sources)),
            asked(question("u2", answerable=False), None),
        ]
    )
    for name in ("correctness", "correctness_where_retrieved"):
        assert (metrics[name]["n"], metrics[name]["correct"]) == (2, 0.5)
    for name in ("refusals", "false_refusals", "false_refusals_where_retrieved"):
        assert metrics[name] == {"n": 2, "share": 0.5}
    assert metrics["figures"]["recall"] == metrics["figures_where_retrieved"]["recall"] == 0.5


def test_figures_count_by_page_and_by_box(tmp_path: Path) -> None:
    source = write_pdf(tmp_path / "a.pdf", [Page(), Page()]).as_uri()
    halves = {"bbox": [0, 0, 0.5, 0.5]}, {"bbox": [0.5, 0.5, 1, 1]}
    sources = (
        evidence(1, 2, shown=True, source=source, **halves[0]),
        evidence(2, 2, shown=True, source=source, **halves[1]),
        evidence(3, 1, shown=True, source=source),
    )
    wanted = question("q1", 2, has_figure=True, boxes=(GoldBox(2, Box(10, 10, 300, 390)),))
    one = answer(Sentence("412", (1,), (1, 2), supported=True), sources=sources)
    other = answer(Sentence("412", (3,), (3,), supported=True), sources=sources)
    metrics = answer_metrics(
        [
            asked(wanted, one, source),
            asked(wanted, refusal(*sources), source),
            asked(question("q2", 2), other, source),
        ]
    )
    assert metrics["figures"] == {"n": 3, "precision": 0.6667, "n_gold": 2, "recall": 0.5}
    assert metrics["boxes"] == {"n": 2, "precision": 0.5, "n_gold": 2, "recall": 0.5}


def test_a_question_that_asks_to_see_a_figure_counts_as_shown_and_not_as_correct() -> None:
    sources = (evidence(1, 2, shown=True),)
    given = answer(Sentence("Figure 1", (1,), (1,), supported=True), sources=sources)
    metrics = answer_metrics([asked(question("q", 2, has_figure=True, asks_to_show=True), given)])
    assert metrics["shown_when_asked"] == {"n": 1, "share": 1.0}
    assert metrics["correctness"]["n"] == 0


def test_calibration_sets_support_beside_the_share_that_is_gold() -> None:
    sources = (evidence(1, 2), evidence(2, 9))
    given = answer(
        Sentence("a", (1,), support=1.0, supported=True),
        Sentence("b", (2,), support=0.9, supported=True),
        Sentence("c", (1,), support=0.7, supported=True),
        Sentence("d", support=0.1),
        sources=sources,
    )
    metrics = answer_metrics([asked(question("q", 2), given)])["calibration"]
    assert metrics["bins"] == [
        {"from": 0.7, "to": 0.8, "n": 1, "support": 0.7, "gold": 1.0},
        {"from": 0.9, "to": 1.0, "n": 2, "support": 0.95, "gold": 0.5},
    ]
    assert metrics["expected_error"] == pytest.approx((0.3 + 2 * 0.45) / 3)


def test_latencies_are_medians_and_what_95_in_100_stay_below() -> None:
    given = [answer(Sentence("412"), sources=(), total=float(n)) for n in range(101)]
    metrics = answer_metrics([asked(question("q", 2), one) for one in given])
    assert metrics["latency_s"]["total"] == {"median": 50.0, "p95": 95.0}
    assert metrics["latency_s"]["first_token"] == {"median": 0.2, "p95": 0.2}


def test_an_answer_that_fails_is_reported_and_does_not_stop_the_run(tmp_path: Path) -> None:
    landings = question("q1", 2, doc="harbour.pdf", question=QUESTION)
    absent = question("q2", 1, doc="gulls.pdf")
    with open_harbour(tmp_path, says(GenerationFailed("out of memory"))) as assistant:
        failed = list(ask_all([landings, absent], assistant))
    with open_harbour(tmp_path, says(COD)) as assistant:
        (done,) = ask_all([landings], assistant)
    assert [as_line(one) for one in failed] == [""]
    metrics = answer_metrics([*failed, done])
    assert metrics["failed"] == [{"id": "q1", "reason": "out of memory"}]
    assert (metrics["n"], metrics["correctness"]["correct"]) == (2, 0.5)
    assert metrics["citations"]["precision"] == 1.0
    row = json.loads(as_line(done))
    assert row["id"] == "q1"
    assert [s.text for s in Answer.from_dict(row["answer"]).sentences] == [COD]


def test_each_question_is_asked_within_its_document_unless_told_otherwise(tmp_path: Path) -> None:
    gulls = question("q", 1, doc="b.txt", question=QUESTION)
    with open_harbour(tmp_path, says(COD)) as assistant:
        text = Document("Gulls.", metadata={"chunk_id": "1", "modality": "text", "page": 1})
        assistant.library.put("file:///x/b.txt", [text], fingerprint="1", title="B")
        (within,) = ask_all([gulls], assistant)
        (anywhere,) = ask_all([gulls], assistant, scope="library")
    found = [
        {source.document.metadata["source"] for source in one.answer.sources}
        for one in (within, anywhere)
        if one.answer
    ]
    assert found[0] == {"file:///x/b.txt"}
    assert HARBOUR in found[1]


def test_without_a_language_model_nothing_is_asked(tmp_path: Path) -> None:
    with open_harbour(tmp_path) as assistant:
        assistant._model = None
        assistant.settings = assistant.settings.model_copy(
            update={"llm": "ollama", "ollama_host": "http://127.0.0.1:9"}
        )
        with pytest.raises(ModelUnavailable):
            list(ask_all([question("q", 2, doc="harbour.pdf")], assistant))
