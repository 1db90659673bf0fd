"""The assistant as a LangChain Runnable, synchronous and asynchronous, and how it is stopped."""

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tracers import BaseTracer
from langchain_core.tracers.schemas import Run
from pydantic import PrivateAttr, ValidationError

from assistant import Answer, AnswerFinished, Assistant, SourcesFound, TextAdded
from assistant.errors import GenerationFailed, QuestionInvalid
from assistant.events import Event
from assistant.prompt import MAX_QUESTION_CHARS
from retrievers import Filter
from tests.assistant.harbour import (
    COD,
    MACKEREL,
    QUESTION,
    ScriptedChat,
    model_of,
    open_harbour,
    says,
)

N_ENDLESS = 100_000
SOON_S = 1.0
N_BATCHES_S = 5.0
"""llama.cpp ends between two batches of a prompt; on a busy machine each takes a second or two."""
WAIT_S = 10.0
STRAY = "Whales sing."


class Pausing(ScriptedChat):
    """Says a new word every few milliseconds."""

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        for chunk in super()._stream(*args, **kwargs):
            time.sleep(0.005)
            yield chunk


class Silent(ScriptedChat):
    """Says nothing until it is let go."""

    _is_asked: threading.Event = PrivateAttr(default_factory=threading.Event)
    _may_go: threading.Event = PrivateAttr(default_factory=threading.Event)

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        self._is_asked.set()
        self._may_go.wait(WAIT_S)
        yield from super()._stream(*args, **kwargs)


class Runs(BaseTracer):
    """Keeps the runs that LangChain tells of."""

    def __init__(self) -> None:
        super().__init__()
        self.roots: list[Run] = []

    def _persist_run(self, run: Run) -> None:
        self.roots.append(run)


def endless() -> Pausing:
    return Pausing(pieces=[f"word{n} " for n in range(N_ENDLESS)])


def asked_of(assistant: Assistant) -> ScriptedChat:
    chat = assistant.model.chat
    assert isinstance(chat, ScriptedChat)
    return chat


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def without_times(answer: Answer) -> dict[str, Any]:
    return answer.to_dict() | {"timings_s": {}}


# Runnable


@pytest.mark.parametrize(
    "given",
    [
        QUESTION,
        {"question": QUESTION},
        {"question": QUESTION, "modality": "text", "strict": True, "of the chain": 1},
        {"messages": [HumanMessage(QUESTION)]},
        [("user", "Hello"), ("ai", "Hi"), ("user", QUESTION)],
        [HumanMessage(QUESTION), AIMessage("Let me look.")],
        HumanMessage(QUESTION),
        AIMessage(QUESTION),
        ChatPromptTemplate.from_messages([("user", "{q}")]).invoke({"q": QUESTION}),
    ],
)
def test_a_question_may_be_text_fields_or_messages(harbour: Assistant, given: Any) -> None:
    answer = harbour.invoke(given)
    assert (answer.question, answer.sentences[0].text) == (QUESTION, COD)


@pytest.mark.parametrize(
    "given",
    ["", " \n", None, 5, [5], {}, {"messages": []}, [], [("ai", "Hi")], [("user", " ")]],
)
def test_what_holds_no_question_is_refused(harbour: Assistant, given: Any) -> None:
    with pytest.raises(ValueError, match="There is no question"):
        harbour.invoke(given)


@pytest.mark.parametrize(
    ("given", "told"),
    [("x" * (MAX_QUESTION_CHARS + 1), "4,001 characters"), ("half \ud800", "half of a character")],
)
def test_a_question_that_cannot_be_asked_is_refused(
    harbour: Assistant, given: str, told: str
) -> None:
    for form in (given, HumanMessage(given), [("user", given)]):
        with pytest.raises(QuestionInvalid, match=told):
            harbour.invoke(form)


def test_no_pieces_are_no_question(harbour: Assistant) -> None:
    with pytest.raises(ValueError, match="There is no question"):
        list(harbour.transform(iter([])))


def test_a_filter_that_makes_no_sense_is_refused(harbour: Assistant) -> None:
    with pytest.raises(ValidationError, match="Exchange the two"):
        harbour.invoke({"question": QUESTION, "since": "2024", "until": "2023"})


def test_fields_of_a_question_narrow_what_a_call_allows(harbour: Assistant) -> None:
    figures = {"question": QUESTION, "modality": "figure"}
    kinds = {s.document.metadata["modality"] for s in harbour.invoke(figures).sources}
    assert kinds == {"figure"}
    assert harbour.invoke(figures, where=Filter(modality="text")).sources == ()


def test_strict_is_chosen_for_a_call(tmp_path: Path) -> None:
    with open_harbour(tmp_path, says(f"{COD} {STRAY}")) as assistant:
        assert STRAY in assistant.ask(QUESTION).text
        assert STRAY not in assistant.ask(QUESTION, strict=True).text
        assert STRAY not in assistant.invoke({"question": QUESTION, "strict": True}).text
        assert STRAY in assistant.invoke({"question": QUESTION, "strict": True}, strict=False).text
        shown = [e.text for e in assistant.stream(QUESTION, strict=True) if hasattr(e, "text")]
        assert STRAY not in "".join(shown)


def test_it_is_a_step_of_a_chain_that_passes_the_answer_on(harbour: Assistant) -> None:
    chain = (
        RunnablePassthrough.assign(modality=lambda _: "text")
        | harbour
        | RunnableLambda(lambda answer: answer.to_markdown())
    )
    expected = harbour.ask(QUESTION, where=Filter(modality="text")).to_markdown()
    assert chain.invoke({"question": QUESTION}) == expected
    assert list(chain.stream({"question": QUESTION})) == [expected]
    assert run(chain.ainvoke({"question": QUESTION})) == expected

    async def streamed() -> list[str]:
        return [piece async for piece in chain.astream({"question": QUESTION})]

    assert run(streamed()) == [expected]


def test_a_question_that_comes_in_pieces_is_put_together(harbour: Assistant) -> None:
    (answer,) = harbour.transform(iter([QUESTION[:9], QUESTION[9:]]))
    assert answer.question == QUESTION


def test_batches_and_bindings_work_as_of_any_runnable(harbour: Assistant) -> None:
    answers = harbour.batch([QUESTION] * 3, {"max_concurrency": 2})
    assert {a.sentences[0].text for a in answers} == {COD}
    assert len(run(harbour.abatch([QUESTION] * 2))) == 2
    bound = harbour.with_config(run_name="harbour").bind(strict=True)
    assert bound.invoke(QUESTION).grounded
    assert isinstance(list(bound.stream(QUESTION))[-1], AnswerFinished)
    assert [a.grounded for a in harbour.map().invoke([QUESTION])] == [True]


def test_a_model_that_fails_once_is_asked_again_with_retry(tmp_path: Path) -> None:
    class Failing(ScriptedChat):
        def _stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
            if not self.prompts:
                self._prompts.append("")
                raise GenerationFailed("out of memory")
            yield from super()._stream(*args, **kwargs)

    with open_harbour(tmp_path, model_of(Failing(pieces=[COD]))) as assistant:
        retrying = assistant.with_retry(
            retry_if_exception_type=(GenerationFailed,), wait_exponential_jitter=False
        )
        assert retrying.invoke(QUESTION).grounded


def test_its_schemas_name_what_it_takes_and_gives(harbour: Assistant) -> None:
    taken = harbour.get_input_jsonschema()
    assert {"question", "strict", "collection"} <= taken["$defs"]["Inquiry"]["properties"].keys()
    assert "sentences" in str(harbour.get_output_jsonschema())
    assert harbour.get_name() == "Assistant"


def test_callbacks_are_told_of_the_answer_the_search_and_the_model(harbour: Assistant) -> None:
    runs = Runs()
    answer = harbour.invoke(QUESTION, {"callbacks": [runs], "run_name": "ask"})
    (root,) = runs.roots
    assert (root.name, root.run_type, root.inputs["question"]) == ("ask", "chain", QUESTION)
    assert root.outputs == {"output": answer}
    found, written = root.child_runs
    assert (found.run_type, written.run_type) == ("retriever", "llm")
    assert len(found.outputs["documents"]) == len(answer.sources)
    assert COD in str(written.outputs)
    run(harbour.ainvoke(QUESTION, {"callbacks": [runs]}))
    assert [child.run_type for child in runs.roots[1].child_runs] == ["retriever", "llm"]


def test_callbacks_are_told_of_a_failure(tmp_path: Path) -> None:
    runs = Runs()
    with (
        open_harbour(tmp_path, says("The cod", GenerationFailed("out of memory"))) as assistant,
        pytest.raises(GenerationFailed),
    ):
        assistant.invoke(QUESTION, {"callbacks": [runs]})
    assert "out of memory" in str(runs.roots[0].error)


def test_events_of_langchain_tell_of_the_model_while_it_writes(harbour: Assistant) -> None:
    async def told() -> list[tuple[str, str]]:
        events = harbour.astream_events(QUESTION, version="v2")
        return [(event["event"], event["name"]) async for event in events]

    seen = run(told())
    assert seen[0] == ("on_chain_start", "Assistant")
    assert seen[-1] == ("on_chain_end", "Assistant")
    assert ("on_retriever_end", "Library") in seen
    assert ("on_chat_model_stream", "ScriptedChat") in seen


# Asynchronous


def test_asynchronous_answers_and_events_are_the_same(harbour: Assistant) -> None:
    async def streamed() -> list[Event]:
        return [event async for event in harbour.astream(QUESTION)]

    expected = list(harbour.stream(QUESTION))
    found = run(streamed())
    assert found[:-1] == expected[:-1]
    assert without_times(found[-1].answer) == without_times(expected[-1].answer)  # type: ignore[union-attr]
    assert without_times(run(harbour.aask(QUESTION))) == without_times(harbour.ask(QUESTION))


def test_many_answers_are_made_at_once(tmp_path: Path) -> None:
    words = [f"{word} " for word in f"{COD} {MACKEREL}".split()]
    with open_harbour(tmp_path, model_of(Pausing(pieces=words))) as assistant:

        async def many() -> list[Answer]:
            return await asyncio.gather(*(assistant.aask(QUESTION) for _ in range(20)))

        assert {answer.text for answer in run(many())} == {f"{COD} [1] {MACKEREL} [1]"}


def test_errors_reach_an_asynchronous_caller(tmp_path: Path) -> None:
    with (
        open_harbour(tmp_path, says("The cod", GenerationFailed("out of memory"))) as assistant,
        pytest.raises(GenerationFailed, match="out of memory"),
    ):
        run(assistant.aask(QUESTION))


def test_nothing_is_written_before_it_is_asked_for(tmp_path: Path) -> None:
    with open_harbour(tmp_path, model_of(endless())) as assistant:

        async def slowly() -> int:
            async with aclosing(assistant.astream(QUESTION)) as events:
                async for event in events:
                    if isinstance(event, TextAdded):
                        before = asked_of(assistant).n_said
                        await asyncio.sleep(0.2)
                        return asked_of(assistant).n_said - before
            raise AssertionError

        assert run(slowly()) <= 1


async def until_words(assistant: Assistant) -> None:
    async for event in assistant.astream(QUESTION):
        if isinstance(event, TextAdded):
            return


async def until_cancelled(assistant: Assistant) -> None:
    asking = asyncio.ensure_future(assistant.aask(QUESTION))
    while not asked_of(assistant).n_said:
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def until_time_is_up(assistant: Assistant) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(assistant.aask(QUESTION), 0.2)


@pytest.mark.parametrize("leave", [until_words, until_cancelled, until_time_is_up])
def test_who_leaves_stops_the_model(
    tmp_path: Path, leave: Callable[[Assistant], Coroutine[Any, Any, None]]
) -> None:
    with open_harbour(tmp_path, model_of(endless())) as assistant:

        async def left() -> None:
            await leave(assistant)
            gc.collect()
            chat = asked_of(assistant)
            assert await asyncio.to_thread(chat.stopped.wait, SOON_S)
            assert chat.n_said < N_ENDLESS / 10

        run(left())


def test_who_leaves_a_silent_model_does_not_wait_for_it(tmp_path: Path) -> None:
    chat = Silent(pieces=[f"{COD} "] * 9)
    with open_harbour(tmp_path, model_of(chat)) as assistant:

        async def left() -> float:
            asking = asyncio.ensure_future(assistant.aask(QUESTION))
            await asyncio.to_thread(chat._is_asked.wait, WAIT_S)
            start = time.monotonic()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            return time.monotonic() - start

        took_s = run(left())
        chat._may_go.set()
        assert took_s < SOON_S
        assert chat.stopped.wait(WAIT_S)
        assert chat.n_said <= 1


@pytest.mark.real
def test_who_leaves_stops_the_embedded_model_while_it_reads(tmp_path: Path) -> None:
    from assistant.embedded import EmbeddedChatModel

    def at_work() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "limner-llama"]

    model = replace(model_of(EmbeddedChatModel(max_tokens=1_500)), context_tokens=2_048)
    model.chat.invoke("Hello.")  # loads it
    with open_harbour(tmp_path, model) as assistant:

        async def left() -> float:
            asking = asyncio.ensure_future(assistant.aask(f"{QUESTION} {'Really? ' * 400}"))
            while not at_work():
                await asyncio.sleep(0.01)
            start = time.monotonic()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            while at_work():
                await asyncio.sleep(0.01)
            return time.monotonic() - start

        assert run(left()) < N_BATCHES_S


def test_a_synchronous_caller_who_leaves_stops_the_model(tmp_path: Path) -> None:
    with open_harbour(tmp_path, model_of(endless())) as assistant:
        events = assistant.stream(QUESTION)
        assert isinstance(next(events), SourcesFound)
        next(events)
        events.close()
        assert asked_of(assistant).stopped.wait(SOON_S)
