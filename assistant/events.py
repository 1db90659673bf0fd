"""What an answer in the making reports, in order: sources, text, checked sentences, the answer.

A stream is one SourcesFound; for each sentence its text in one or more TextAdded, then its
SentenceChecked and one FigureShown for each of its figures; and one AnswerFinished. The finished
answer is what counts: where the check rejects everything, it replaces the text that was shown
before. docs/streaming.md has examples. Leaves out how answers are made: that is
`assistant.answering`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assistant.answer import Answer, Sentence, Source


@dataclass(frozen=True, slots=True)
class SourcesFound:
    """The evidence, before the first word. question: as it was searched for, alone."""

    sources: tuple[Source, ...]
    question: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the event."""
        sources = [source.to_dict() for source in self.sources]
        return {"type": "sources", "question": self.question, "sources": sources}


@dataclass(frozen=True, slots=True)
class TextAdded:
    """Words of the sentence that is being written. lead: a Sentence's, with its first words."""

    text: str
    lead: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the event."""
        return {"type": "text", "text": self.text, "lead": self.lead}


@dataclass(frozen=True, slots=True)
class SentenceChecked:
    """The sentence is complete, cited, and has its figures."""

    sentence: Sentence

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the event."""
        return {"type": "sentence", "sentence": self.sentence.to_dict()}


@dataclass(frozen=True, slots=True)
class FigureShown:
    """A figure, or the picture of a table, that the sentence before it has earned."""

    figure: Source

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the event."""
        return {"type": "figure", "figure": self.figure.to_dict()}


@dataclass(frozen=True, slots=True)
class AnswerFinished:
    """The whole answer."""

    answer: Answer

    def to_dict(self) -> dict[str, Any]:
        """The JSON of the event."""
        return {"type": "answer", "answer": self.answer.to_dict()}


Event = SourcesFound | TextAdded | SentenceChecked | FigureShown | AnswerFinished


def events_of(answer: Answer) -> Iterator[Event]:
    """The events of a finished answer, as if it were made again; each picture is shown once."""
    shown = set[object]()
    yield SourcesFound(answer.sources, answer.searched_as or answer.question)
    for sentence in answer.sentences:
        yield TextAdded(sentence.text, sentence.lead)
        yield SentenceChecked(sentence)
        for n in sentence.figures:
            figure = answer.source(n)
            key = figure.document.metadata.get("image_key", n)
            if key not in shown:
                shown.add(key)
                yield FigureShown(figure)
    yield AnswerFinished(answer)
