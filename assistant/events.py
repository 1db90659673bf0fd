"""What an answer in the making reports, in order: sources, text, checked sentences, the answer.

A stream is one SourcesFound; for each sentence its text in one or more TextAdded, then its
SentenceChecked and one FigureShown for each of its figures; and one AnswerFinished. The finished
answer is what counts: where the check rejects everything, it replaces the text that was shown
before.
"""

from __future__ import annotations

from dataclasses import dataclass

from assistant.answer import Answer, Sentence, Source


@dataclass(frozen=True, slots=True)
class SourcesFound:
    """The evidence, before the first word. question: as it was searched for, alone."""

    sources: tuple[Source, ...]
    question: str = ""


@dataclass(frozen=True, slots=True)
class TextAdded:
    """Words of the sentence that is being written. lead: a Sentence's, with its first words."""

    text: str
    lead: str = ""


@dataclass(frozen=True, slots=True)
class SentenceChecked:
    """The sentence is complete, cited, and has its figures."""

    sentence: Sentence


@dataclass(frozen=True, slots=True)
class FigureShown:
    """A figure, or the picture of a table, that the sentence before it has earned."""

    figure: Source


@dataclass(frozen=True, slots=True)
class AnswerFinished:
    """The whole answer."""

    answer: Answer


Event = SourcesFound | TextAdded | SentenceChecked | FigureShown | AnswerFinished
