"""The plain chain that answers are compared with, and the table beside it."""

from dataclasses import replace
from pathlib import Path

from langchain_core.documents import Document

from assistant.answer import Answer, Source
from assistant.answer_evaluation import Outcome, answer_metrics
from assistant.errors import GenerationFailed
from assistant.evaluation import Question
from tests.assistant.harbour import COD, QUESTION, ScriptedChat, model_of
from tests.plain_chain import ask_plainly
from tests.quality_answers import ROWS, as_table, beside

SOURCES = tuple(
    Source(
        n,
        0.5,
        Document(text, metadata={"source": "file:///a.txt", "title": "a", "modality": "text"}),
    )
    for n, text in enumerate([COD, "Mackerel. " * 2_000], start=1)
)


class ShortOfContext(ScriptedChat):
    """Takes prompts of so many characters only."""

    most: int

    def _stream(self, messages, *args, **kwargs):
        self._prompts.append(str(messages[0].content))
        if len(self._prompts[-1]) > self.most:
            raise GenerationFailed("the request exceeds the available context size")
        yield from super()._stream(messages, *args, **kwargs)


def test_the_plain_chain_answers_from_the_same_evidence() -> None:
    chat = ScriptedChat(pieces=[COD])
    answer = ask_plainly(QUESTION, SOURCES, model_of(chat))
    assert (answer.sentences[0].text, answer.grounded) == (COD, True)
    (prompt,) = chat.prompts
    assert COD in prompt
    assert QUESTION in prompt
    assert len(prompt) < 4 * 4_096


def test_what_the_chain_is_given_is_cut_until_it_fits() -> None:
    chat = ShortOfContext(pieces=[COD], most=3_000)
    assert ask_plainly(QUESTION, SOURCES, model_of(chat)).grounded
    assert 2_000 < len(chat.prompts[-1]) <= 3_000


def test_what_the_chain_does_not_know_is_a_refusal() -> None:
    for text in ("I don't know.", ""):
        model = model_of(ScriptedChat(pieces=[text or " "]))
        assert not ask_plainly(QUESTION, SOURCES, model).grounded


def test_what_the_chain_has_answered_is_kept_for_the_same_model_question_and_sources(
    tmp_path: Path,
) -> None:
    chat = ScriptedChat(pieces=[COD])

    def answered(sources: tuple[Source, ...]) -> Outcome:
        ours = Outcome(Question("q", QUESTION), None, Answer(QUESTION, (), sources, True, "model"))
        return beside(ours, model_of(chat), tmp_path)

    assert answered(SOURCES) == answered(SOURCES)
    assert len(chat.prompts) == 1
    answered(SOURCES[:1])
    assert len(chat.prompts) == 2


def test_the_table_has_both_and_knows_which_goals_are_missed() -> None:
    question = Question("q", QUESTION, answerable=False)
    answer = ask_plainly(QUESTION, SOURCES, model_of(ScriptedChat(pieces=[COD])))
    metrics = answer_metrics([Outcome(question, None, answer)])
    table = as_table("report", metrics, metrics)
    assert "| unanswerable questions refused | at least 0.70 | 0.00 (1) | 0.00 (1) |" in table
    missed = [row.label for row in ROWS if row.is_missed(metrics)]
    assert "unanswerable questions refused" in missed
    assert "figure precision, by page" in missed  # nothing was measured, so nothing was reached
    refused = answer_metrics([Outcome(question, None, replace(answer, grounded=False))])
    assert "unanswerable questions refused" not in [r.label for r in ROWS if r.is_missed(refused)]
