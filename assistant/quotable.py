"""Cuts a source into what can be quoted of it: sentences, rows of tables, words in pictures.

What a model says of a picture is no one's testimony, so that it is never quoted. Leaves out
which passage answers a question: that is `assistant.quotes`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from assistant.answer import Source
from assistant.answer_kinds import YEAR
from assistant.questions import meanings
from assistant.sentences import NUMBER, split_sentences, words
from assistant.table_quotes import TABLE_LINE, Row, read_rows
from loaders.captioning.fusion import (
    BLIP_LABEL,
    DATA_LABEL,
    REFERENCE_LABEL,
    SECTION_LABEL,
    TEXT_LABEL,
    VISION_LABEL,
)

MIN_QUOTE_CHARS = 12
MAX_ANNOUNCED = 4
"""Sentences or list items that belong to one that ends in a colon."""
MAX_NUMBERS_SHARE = 0.7
"""Of a label's words: what has more is the numbers along an axis."""
MIN_LABEL_CHARS = 4
MAX_LABEL_CHARS = 200
"""A longer "sentence" in a picture is all the labels of a chart, one after the other."""
MAX_QUOTABLES = 400
"""Of one source: a table may have thousands of rows."""
IN_PICTURE = (TEXT_LABEL, DATA_LABEL)
LABELLED = re.compile(r"[^\W\d][^\d]*? [$€£]?(\d[\d,]*(?:\.\d+)?) ?%?")
"""A name with its number, such as "Florida 13%"."""
CONTRAST = re.compile(
    r"(?:but|except|however|nevertheless|not|only|otherwise|provided|still|though|unless|yet)\b",
    re.IGNORECASE,
)
"""Opens a sentence that takes back some of the one before."""
REFERRING = re.compile(r"(?:the|this|that|these|those|it|they|he|she|such)\b", re.IGNORECASE)
LIMITING = re.compile(
    r"\b(?:banned|cancell?ed|declined|denied|except|excluded|forbidden|must|need|no|not|never|"
    r"only|prohibited|refused|rejected|required?|requires|revoked|unless|until|withdrawn)\b|n['’]t\b",
    re.IGNORECASE,
)
"""Together they make one that says when, or that not, what the one before says."""
NOT_QUOTED = (SECTION_LABEL, VISION_LABEL, BLIP_LABEL)
NO_ANSWER = re.compile(r"\.{5,}|(?:\. ){4,}|^(?:figure|table|fig\.|no\.)\s*\d+\W*$", re.IGNORECASE)
"""Of a table of contents, or nothing but the number of a figure."""


class Kind(Enum):
    """What a passage is."""

    SENTENCE = "sentence"
    ROW = "row"
    LABEL = "label"
    """Words in a picture, or the data of a chart."""
    FIGURE = "figure"
    """A picture as a whole, quoted by its caption."""


@dataclass(frozen=True)
class Quotable:
    """What can be quoted of a source. around: the text in whose light it is read.

    limit: the next sentence, where it takes back some of this one.
    """

    source: Source
    kind: Kind
    text: str
    around: str
    row: Row | None = None
    limit: str = ""

    @cached_property
    def own(self) -> frozenset[str]:
        """Meanings of its words."""
        return frozenset(meanings(self.text))

    @cached_property
    def known(self) -> frozenset[str]:
        """Meanings of its words and of those around it."""
        return self.own | frozenset(meanings(self.around))

    @cached_property
    def years(self) -> frozenset[str]:
        """The years that it and the text around it name."""
        return frozenset(YEAR.findall(f"{self.text} {self.around}"))

    def quote_for(self, terms: Collection[str]) -> str:
        """What is quoted: of a row only the cells that are asked about."""
        return self.row.about(terms) if self.row else self.text

    def number(self, terms: Collection[str]) -> float | None:
        """The one number that it gives: of a row in the column that is asked about."""
        if self.row:
            return self.row.number(terms)
        found = LABELLED.fullmatch(self.text) if self.kind is Kind.LABEL else None
        return float(found[1].replace(",", "")) if found else None

    @property
    def series(self) -> tuple[object, ...]:
        """What it may be compared within: the parts of one table, or the words of one picture."""
        about = self.source.document.metadata
        if self.row is None:
            return (self.source.n,)
        return (about.get("source"), about.get("caption"), *(name for name, _ in self.row.cells))

    @property
    def gist(self) -> str:
        """What it says, for a comparison of meanings: a figure says all that is known of it."""
        return self.source.evidence if self.kind is Kind.FIGURE else self.text

    @property
    def is_blank(self) -> bool:
        """Whether it is a picture of which nothing is known but where it stands."""
        return self.kind is Kind.FIGURE and not self.source.document.metadata.get("descriptions")


def quotables_of(source: Source) -> list[Quotable]:
    """Everything that can be quoted of a source."""
    lines = _quotable_lines(source)
    about = _about(source)
    pictured = [
        x.removeprefix(p) for x in lines for p in (TEXT_LABEL, DATA_LABEL) if x[: len(p)] == p
    ]
    told = [x for x in lines if not x.startswith((TEXT_LABEL, DATA_LABEL))]
    table = [x for x in told if TABLE_LINE.match(x)]
    prose = "\n".join(x.removeprefix(REFERENCE_LABEL) for x in told if not TABLE_LINE.match(x))
    found = [
        *_figures(source, about),
        *_sentences(source, prose, about),
        *_labels(source, pictured, f"{about} {prose}"),
        *_rows(source, table, f"{about} {prose}"),
    ]
    return found[:MAX_QUOTABLES]


def heading(source: Source) -> str:
    """The heading that it stands under."""
    return str(source.document.metadata.get("section", "")).rsplit(" › ", 1)[-1]


def _quotable_lines(source: Source) -> list[str]:
    captions = {heading(source), source.document.metadata["title"]}
    return [
        line
        for line in source.evidence.splitlines()
        if line.strip() and line.strip() not in captions and not line.startswith(NOT_QUOTED)
    ]


def _about(source: Source) -> str:
    metadata = source.document.metadata
    return f"{metadata.get('section', '')} {metadata.get('caption', '')} {metadata['title']}"


def _figures(source: Source, about: str) -> Iterator[Quotable]:
    """The picture, with all that is written in it around it."""
    if source.is_figure and source.has_picture:
        yield Quotable(source, Kind.FIGURE, source.caption, f"{about} {source.evidence}")


def _sentences(source: Source, prose: str, about: str) -> Iterator[Quotable]:
    sentences = split_sentences(prose)
    for i, sentence in enumerate(sentences):
        announces = sentence.endswith(":")
        if len(sentence) < MIN_QUOTE_CHARS or NO_ANSWER.search(sentence):
            continue
        if _is_caption(source, sentence):
            continue
        if sentence.endswith("?") or (announces and i + 1 == len(sentences)):
            continue  # it only asks, or announces nothing here
        text = " ".join(sentences[i : i + 1 + MAX_ANNOUNCED]) if announces else sentence
        around = f"{about} {' '.join(sentences[max(0, i - 2) : i + 2])}"
        limit = next(filter(_is_limit, sentences[i + 1 : i + 2]), "")
        yield Quotable(source, Kind.SENTENCE, text, around, limit="" if announces else limit)


def _is_limit(sentence: str) -> bool:
    """Whether what the sentence before says holds only as this one tells, or does not hold."""
    refers = REFERRING.match(sentence) and LIMITING.search(sentence)
    return bool(CONTRAST.match(sentence) or refers)


def _is_caption(source: Source, text: str) -> bool:
    """Whether the text only names the table or picture that it belongs to."""
    caption = str(source.document.metadata.get("caption", "")).removesuffix(" …")
    return bool(caption) and (text in caption or text.startswith(caption))


def _labels(source: Source, pictured: Sequence[str], around: str) -> Iterator[Quotable]:
    labels = [label for line in pictured for label in line.split("; ")]
    if labels and _is_caption(source, labels[0]):
        del labels[0]
    for text in (sentence for label in labels for sentence in split_sentences(label)):
        is_axis = len(NUMBER.findall(text)) > MAX_NUMBERS_SHARE * len(words(text))
        if MIN_LABEL_CHARS <= len(text) <= MAX_LABEL_CHARS and not is_axis:
            yield Quotable(source, Kind.LABEL, text, around)


def _rows(source: Source, lines: Sequence[str], around: str) -> Iterator[Quotable]:
    header = " ".join(lines[:1])
    for row in read_rows(lines):
        yield Quotable(source, Kind.ROW, row.text, f"{around} {header}", row)
