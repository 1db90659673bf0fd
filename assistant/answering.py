"""The answer to a question from its sources: written or quoted, each sentence checked as it ends.

Leaves out finding the sources: that is `assistant.assistant`.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from langchain_core.embeddings import Embeddings

from assistant.answer import GOES_ON, NOT_IN_LIBRARY, Answer, Sentence, Source
from assistant.citations import CitationChecker
from assistant.claims import claims_nothing
from assistant.events import (
    AnswerFinished,
    Event,
    FigureShown,
    SentenceChecked,
    SourcesFound,
    TextAdded,
)
from assistant.llm import LanguageModel
from assistant.phrasing import is_phrasable, phrase_quote
from assistant.prompt import write_from_sources
from assistant.quote_ranking import Quote
from assistant.quotes import asks_to_show, find_figure, find_quotes
from assistant.refusals import begins_refusal
from assistant.sent_pictures import pictures_of
from assistant.written import Written, read_writing
from loaders import MediaStore

MIN_GROUNDED_SHARE = 0.5
"""Share of an answer's claims that must be borne out for the answer to count as grounded.

Of one claim that is the one, of two either, of ten five; what claims nothing does not count.
"""


class Answering:
    """Makes answers with one language model.

    is_strict: drop what is not borne out. media: where the pictures are that a model is shown.
    """

    def __init__(
        self,
        model: LanguageModel,
        embeddings: Embeddings,
        *,
        is_strict: bool = False,
        media: MediaStore | None = None,
    ) -> None:
        self._model = model
        self._embeddings = embeddings
        self._is_strict = is_strict
        self._media = media

    def stream(self, question: str, sources: tuple[Source, ...], clock: Clock) -> Generator[Event]:
        """What is written, its sentences and the answer. clock: begun with the question.

        Raises an AssistantError where the model fails.
        """
        sentences = list[Sentence]()
        for event in self._sentences(question, sources):
            clock.mark("first_token")
            yield event
            if isinstance(event, SentenceChecked):
                sentences.append(event.sentence)
                for n in event.sentence.figures:
                    yield FigureShown(sources[n - 1])
        yield AnswerFinished(_finished(question, sentences, sources, self._model.name, clock))

    def _sentences(
        self, question: str, sources: tuple[Source, ...]
    ) -> Iterator[TextAdded | SentenceChecked]:
        if not sources:
            return
        checker = CitationChecker(sources, self._embeddings)
        wants_to_see = asks_to_show(question)
        if wants_to_see and (figure := find_figure(question, sources, self._embeddings)):
            yield from self._quoted(question, [figure], checker)
        elif self._model.is_trusted_with_facts:
            yield from self._written(question, sources, checker)
        elif not wants_to_see:
            quotes = find_quotes(question, sources, self._embeddings)
            yield from self._quoted(question, quotes, checker)

    def _written(
        self, question: str, sources: tuple[Source, ...], checker: CitationChecker
    ) -> Iterator[TextAdded | SentenceChecked]:
        """What the model writes, each sentence checked as soon as it ends."""
        seen = pictures_of(sources, self._media) if self._media and self._model.can_see else ()
        n_told = 0
        writing = write_from_sources(question, sources, self._model, pictures=seen)
        with closing(writing) as pieces:
            for part in read_writing(pieces):
                if isinstance(part, Written):
                    if not self._is_strict:
                        yield TextAdded(part.text, part.lead)
                    continue
                sentence = replace(checker.check(part.text, marks=part.marks), lead=part.lead)
                if self._is_strict:
                    if not sentence.supported:
                        if not n_told and _refuses(sentence):
                            return  # what follows it is beside the question
                        continue
                    n_told += 1
                    yield TextAdded(part.text, part.lead)
                yield SentenceChecked(sentence)

    def _quoted(
        self, question: str, quotes: Sequence[Quote], checker: CitationChecker
    ) -> Iterator[TextAdded | SentenceChecked]:
        """The quotes, a long one in the model's words where the check confirms these."""
        for quote in quotes:
            text = quote.text
            if is_phrasable(quote, question):
                text = phrase_quote(question, quote, self._model, self._embeddings) or text
            yield TextAdded(text, GOES_ON)
            yield SentenceChecked(checker.check(text, quoted_from=quote.n))


class Clock:
    """Seconds since the question, by name; the first mark of a name counts."""

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._marks: dict[str, float] = {}

    def mark(self, name: str) -> None:
        self._marks.setdefault(name, round(time.perf_counter() - self._start, 3))

    def marks(self) -> dict[str, float]:
        self.mark("first_token")
        return self._marks | {"total": round(time.perf_counter() - self._start, 3)}


def stopped_answer(question: str, events: Sequence[Event], model: str) -> Answer | None:
    """What was checked of an answer before it was stopped; None where nothing was.

    question: as it was typed. events: those that came.
    """
    sentences = tuple(event.sentence for event in events if isinstance(event, SentenceChecked))
    found = next((event for event in events if isinstance(event, SourcesFound)), None)
    if not sentences or not found:
        return None
    is_grounded = any(sentence.supported for sentence in sentences)
    understood = "" if found.question == question else found.question
    sources = _marked(sentences, found.sources)
    return Answer(question, sentences, sources, is_grounded, model, searched_as=understood)


def _marked(sentences: Sequence[Sentence], sources: Sequence[Source]) -> tuple[Source, ...]:
    cited = {n for sentence in sentences for n in sentence.citations}
    return tuple(replace(source, cited=source.n in cited) for source in sources)


def _refuses(sentence: Sentence) -> bool:
    """Whether the model says that there is no answer; what a document denies is one."""
    is_told = sentence.supported and sentence.text != NOT_IN_LIBRARY
    return not is_told and begins_refusal(sentence.text)


def _finished(
    question: str,
    sentences: list[Sentence],
    sources: tuple[Source, ...],
    model: str,
    clock: Clock,
) -> Answer:
    """The answer; where too little of it is borne out, that the documents do not say."""
    claims = [s for s in sentences if s.supported or not claims_nothing(s.text)]
    n_supported = sum(s.supported for s in claims)
    refused = bool(claims) and _refuses(claims[0])
    if refused or not n_supported or n_supported < MIN_GROUNDED_SHARE * len(claims):
        return Answer(question, (Sentence(NOT_IN_LIBRARY),), sources, False, model, clock.marks())
    marked = _marked(sentences, sources)
    return Answer(question, tuple(sentences), marked, True, model, clock.marks())
