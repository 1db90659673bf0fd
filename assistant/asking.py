"""Questions to a library: answered whole, as events, or as a step of a LangChain chain.

Leaves out how an answer is made (`assistant.answering`) and filling the library
(`assistant.assistant`).
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from contextlib import aclosing, closing
from copy import copy
from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any, Self

from langchain_core.callbacks import CallbackManagerForChainRun
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AnyMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import (
    ensure_config,
    get_callback_manager_for_config,
    patch_config,
)
from langchain_core.tools import BaseTool
from pydantic import BaseModel

from assistant.answer import Answer, Source
from assistant.answering import Answering, Clock
from assistant.conversation import Turn
from assistant.copies import without_bare_copies
from assistant.events import AnswerFinished, Event, SourcesFound
from assistant.followups import stand_alone
from assistant.inquiry import Given, Inquiry
from assistant.llm import LanguageModel, choose_llm, heed_stop
from assistant.quotes import asks_to_show
from assistant.settings import Settings
from assistant.stepping import step_through
from loaders import MediaStore
from retrievers import Filter, Hit, Library
from retrievers.figure_parts import whole_id
from retrievers.filters import EVERYTHING


class Asking(Runnable[Any, Answer]):
    """Answers questions about one library. Safe to share between threads.

    As a Runnable, it takes a question, `{"question": …}` with the fields of a filter and
    `strict`, or messages, and gives an Answer; its stream gives the events of the answer.
    """

    def __init__(
        self,
        library: Library,
        embeddings: Embeddings,
        settings: Settings,
        model: LanguageModel | None = None,
        *,
        media: MediaStore | None = None,
    ) -> None:
        """model: chosen by the settings at the first question when None.

        media: where the pictures are, for models that see.
        """
        self.library = library
        self.settings = settings
        self._embeddings = embeddings
        self._model = model
        self._pictures = media
        self._choosing = threading.Lock()

    @property
    def model(self) -> LanguageModel:
        """The language model. Raises an AssistantError where the chosen one cannot be had."""
        with self._choosing:
            if self._model is None:
                self._model = self.choose_model(self.settings)
            return self._model

    @staticmethod
    def choose_model(settings: Settings) -> LanguageModel:
        """The language model that the settings lead to. Raises an AssistantError."""
        key = settings.openai_api_key
        return choose_llm(
            prefer=settings.llm,
            ollama_host=settings.ollama_host,
            ollama_model=settings.ollama_model,
            openai_base_url=settings.openai_base_url,
            openai_model=settings.openai_model,
            openai_api_key=key.get_secret_value() if key else None,
            temperature=settings.temperature,
            timeout_s=settings.timeout_s,
            context_tokens=settings.context_tokens,
            keep_alive=settings.ollama_keep_alive,
            openai_sees=settings.openai_sees,
        )

    def with_settings(self, settings: Settings) -> Self:
        """The same library, asked with these settings: through another model, say."""
        other = copy(self)
        other.settings, other._model = settings, None
        return other

    def search(self, query: str, k: int = 10, *, where: Filter = EVERYTHING) -> list[Hit]:
        """Ranked evidence. where: what may be found."""
        return self.library.search(query, k, where=where)

    def ask(
        self,
        question: str,
        *,
        where: Filter = EVERYTHING,
        history: Sequence[Turn] = (),
        strict: bool | None = None,
    ) -> Answer:
        """One answer, whole. where: what evidence it may draw on. strict: or the settings'.

        history: the turns before, the oldest first; a follow-up is understood by them.
        """
        return self.invoke(question, where=where, history=history, strict=strict)

    async def aask(
        self,
        question: str,
        *,
        where: Filter = EVERYTHING,
        history: Sequence[Turn] = (),
        strict: bool | None = None,
    ) -> Answer:
        """The same for asynchronous callers; when cancelled, the model stops."""
        return await self.ainvoke(question, where=where, history=history, strict=strict)

    def stream(  # type: ignore[override] # what it yields is not yet what invoke returns
        self,
        question: Given,
        config: RunnableConfig | None = None,
        *,
        where: Filter = EVERYTHING,
        history: Sequence[Turn] = (),
        strict: bool | None = None,
        stop: threading.Event | None = None,
    ) -> Generator[Event]:
        """One answer as it is made; when iteration ends early, the model stops.

        stop: set from another thread, it ends the answer with GenerationStopped, also while the
        model is silent. Raises an AssistantError where the model fails.
        """
        asked, stop = Inquiry.of(question, history), stop or threading.Event()
        yield from self._traced(asked, ensure_config(config), where, strict, stop)

    async def astream(  # type: ignore[override]
        self,
        question: Given,
        config: RunnableConfig | None = None,
        *,
        where: Filter = EVERYTHING,
        history: Sequence[Turn] = (),
        strict: bool | None = None,
    ) -> AsyncGenerator[Event]:
        """The same for asynchronous callers; when cancelled or closed, the model stops."""
        asked, stop = Inquiry.of(question, history), threading.Event()
        events = self._traced(asked, ensure_config(config), where, strict, stop)
        async with aclosing(step_through(events, stop)) as steps:
            async for event in steps:
                yield event

    def invoke(self, input: Given, config: RunnableConfig | None = None, **options: Any) -> Answer:  # noqa: A002 - LangChain's name
        """One answer, whole. options: those of `ask`."""
        with closing(self.stream(input, config, **options)) as events:
            (answer,) = [e.answer for e in events if isinstance(e, AnswerFinished)]
        return answer

    async def ainvoke(
        self,
        input: Given,  # noqa: A002
        config: RunnableConfig | None = None,
        **options: Any,
    ) -> Answer:
        """The same for asynchronous callers; when cancelled, the model stops."""
        async with aclosing(self.astream(input, config, **options)) as events:
            (answer,) = [e.answer async for e in events if isinstance(e, AnswerFinished)]
        return answer

    def transform(
        self,
        input: Iterator[Given],  # noqa: A002
        config: RunnableConfig | None = None,
        **options: Any,
    ) -> Iterator[Answer]:
        """The answer, for what follows in a chain, to the question that comes in pieces."""
        yield self.invoke(_joined(list(input)), config, **options)

    async def atransform(
        self,
        input: AsyncIterator[Given],  # noqa: A002
        config: RunnableConfig | None = None,
        **options: Any,
    ) -> AsyncIterator[Answer]:
        """The same for asynchronous callers."""
        yield await self.ainvoke(_joined([piece async for piece in input]), config, **options)

    def as_tool(
        self,
        args_schema: type[BaseModel] | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        arg_types: dict[str, type] | None = None,  # noqa: ARG002 - the tool takes one question
        where: Filter = EVERYTHING,
    ) -> BaseTool:
        """A tool that gives text for the model and data for the program.

        It takes `question`, and `source`, `collection` and `modality` to narrow what `where`
        allows. The artifact is JSON: {"answer": the Answer, "figures": [{"url", "caption",
        "title", "page", "start"}]}. args_schema must have a string `question`; arg_types has no
        effect.
        """
        from assistant.tool import assistant_tool

        return assistant_tool(self, args_schema, name, description, where)

    @property
    def InputType(self) -> Any:  # noqa: N802 - LangChain's name
        """What may be asked, for the schemas that LangChain makes of it."""
        return str | Inquiry | list[AnyMessage]

    def _traced(
        self,
        asked: Inquiry,
        config: RunnableConfig,
        where: Filter,
        strict: bool | None,
        stop: threading.Event,
    ) -> Generator[Event]:
        """The events, as a run of which LangChain's callbacks are told."""
        run = get_callback_manager_for_config(config).on_chain_start(
            None,
            asked.model_dump(exclude_defaults=True),
            name=config.get("run_name") or self.get_name(),
            run_id=config.pop("run_id", None),
        )
        finished: Answer | None = None
        try:
            for event in self._events(asked, run, config, where, strict, stop):
                if isinstance(event, AnswerFinished):
                    finished = event.answer
                yield event
        except BaseException as error:
            if finished is None:
                run.on_chain_error(error)
            raise
        finally:
            if finished is not None:
                run.on_chain_end(finished)

    def _events(
        self,
        asked: Inquiry,
        run: CallbackManagerForChainRun,
        config: RunnableConfig,
        where: Filter,
        strict: bool | None,
        stop: threading.Event,
    ) -> Generator[Event]:
        clock = Clock()
        traced = patch_config(config, callbacks=run.get_child())
        question = asked.question
        if asked.history:
            model = replace(self.model, config=traced, stop=stop)
            question = stand_alone(question, asked.history, model, self._embeddings)
        heed_stop(stop)
        sources = self._retrieved(question, asked.filter.within(where), run)
        clock.mark("retrieve")
        yield SourcesFound(sources, question)
        if strict is None:
            strict = self.settings.strict if asked.strict is None else asked.strict
        model = replace(self.model, config=traced, stop=stop)
        answering = Answering(model, self._embeddings, is_strict=strict, media=self._pictures)
        with closing(answering.stream(question, sources, clock)) as events:
            for event in events:
                heed_stop(stop)
                yield _as_typed(event, asked.question)

    def _retrieved(
        self, question: str, where: Filter, run: CallbackManagerForChainRun
    ) -> tuple[Source, ...]:
        """The sources of an answer, as a run within that of the answer."""
        told = run.get_child().on_retriever_start(None, question, name="Library")
        try:
            sources = self._evidence(question, where)
        except BaseException as error:
            told.on_retriever_error(error)
            raise
        told.on_retriever_end([source.document for source in sources])
        return sources

    def _evidence(self, question: str, where: Filter) -> tuple[Source, ...]:
        """The sources of an answer: the best hits, and the best figures where they lack some."""
        hits = self.search(question, self.settings.n_sources, where=where)
        figures = self.search(
            question, self.settings.n_figure_sources, where=Filter(modality="figure").within(where)
        )
        if asks_to_show(question):
            figures += self._figures_beside(hits, question, where)
        known = {whole_id(hit.document.metadata) for hit in hits}
        new = {whole_id(figure.document.metadata): figure for figure in reversed(figures)}
        hits += [figure for key, figure in reversed(new.items()) if key not in known]
        told = without_bare_copies(hits)
        return tuple(Source(n, hit.score, hit.document) for n, hit in enumerate(told, start=1))

    def _figures_beside(self, hits: Sequence[Hit], question: str, where: Filter) -> list[Hit]:
        """Figures under the heading of the best hit that has one: its words may tell of them."""
        about = next((h.document.metadata for h in hits if "section" in h.document.metadata), None)
        if about is None:
            return []
        beside = Filter(modality="figure", metadata={n: about[n] for n in ("source", "section")})
        return self.search(question, self.settings.n_figure_sources, where=beside.within(where))


def _as_typed(event: Event, question: str) -> Event:
    """The event, with the question in its answer as it was typed."""
    if not isinstance(event, AnswerFinished) or event.answer.question == question:
        return event
    understood = event.answer.question
    return AnswerFinished(replace(event.answer, question=question, searched_as=understood))


def _joined(pieces: Sequence[Any]) -> Given:
    """What comes in pieces put together; the last of them where they do not add up."""
    if not pieces:
        return ""
    try:
        joined: Given = reduce(add, pieces)
    except TypeError:
        return pieces[-1]  # type: ignore[no-any-return]
    return joined
