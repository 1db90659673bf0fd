"""Reads what a language model writes as plain sentences, each with its marks.

Models write Markdown, links, pictures, HTML, JSON, their thoughts, or without end, whatever
they are told. Of all that only words are left. Leaves out whether the words are true: that is
`assistant.citations`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from assistant.answer import GOES_ON, PARAGRAPH
from assistant.sentences import sentences_of_stream, words

MAX_ANSWER_CHARS = 12_000
MAX_SENTENCE_CHARS = 1_500
"""A longer sentence is none, and the writing ends in it."""
MIN_REPEATED_WORDS = 4
"""A sentence of so many words that came before ends the writing: the model turns in circles."""
MAX_MARK = 999
MAX_RANGE = 20
MAX_HELD_CHARS = 2_000
"""What is open for longer, such as a bracket, is taken as it stands."""
ANSWER_KEYS = ("answer", "response", "text", "content", "sentences", "result", "summary")
CUT = " …"

FIRST_MARK_SIGN = 0xE000
MARK_SIGNS = re.compile(f"[{chr(FIRST_MARK_SIGN)}-{chr(FIRST_MARK_SIGN + MAX_MARK)}]")
"""Private characters that stand for marks while the text is cut into sentences."""
PRIVATE = re.compile("[\ue000-\uf8ff]")
MARK = re.compile(
    r"[ \t]*(?:\[\^?|【|[(\[](?=sources?\b))(?:sources?:?[ \t]*)?"
    r"(\d{1,3}(?:[ \t]*(?:,|;|–|-|and|&)[ \t]*(?:source[ \t]*)?\d{1,3})*)"
    r"[ \t]*(?:†[^\]】\n]*)?[\]】)]",
    re.IGNORECASE,
)
NUMBER_RANGE = re.compile(r"(\d{1,3})(?:[ \t]*[–-][ \t]*(\d{1,3}))?")
PICTURE = re.compile(r"!\[[^\]\n]*\](?:\([^)\n]*\)|\[[^\]\n]*\])?")
LINK_TARGET = re.compile(r"\[[^\[\]\n]*\]:[ \t]*<?\w+:\S+")
LINK = re.compile(r"\[([^\[\]\n]*)\]\([^)\n]*\)")
HTML = re.compile(r"</?[a-zA-Z!][^<>]*>")
AUTOLINK = re.compile(r"<(?:https?|ftp|mailto|file|data):[^<>\s]*>", re.IGNORECASE)
EMPHASIS = re.compile(r"\*\*+|__+|`+|(?<![\w*])\*(?=\w)|(?<=[\w.,!?)])\*(?![\w*])")
OPENED = re.compile(
    r"[ \t]*(?:!?\[[^\]\n]*(?:\](?:\([^)\n]*|:[ \t]*\S*)?)?|【[^】\n]*|\((?:s(?:o[^)\n]*)?)?"
    r"|</?[a-zA-Z!][^<>]*|<)$"
)
"""What may become a mark, a picture, a link or HTML with what comes next."""
WHOLE = re.compile(
    "|".join(p.pattern for p in (PICTURE, LINK_TARGET, LINK, AUTOLINK, HTML, MARK)), re.IGNORECASE
)
WORD_END = re.compile(r"\s+|(?=[\u3040-\u9fff\uac00-\ud7af])")
LEAD = re.compile(r"\s*(?:#{1,6}\s+|>\s+|(?P<bullet>[-*+•–]\s+)|(?P<number>\d{1,3})[.)]\s+)?")
OPEN_LEAD = re.compile(r"\s*(?:#{1,6}|>|[-*+•–]|\d{1,3}[.)]?)?\s*")
LIST_OF_SOURCES = re.compile(r"\W*(?:sources?|references?|citations?|quellen)\W*", re.IGNORECASE)
THOUGHTS = re.compile(r"\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
OPEN_THOUGHTS = re.compile(r"\s*<(?:think|(?:t(?:h(?:in?)?)?)?$)", re.IGNORECASE)
JSON_START = re.compile(r"\s*(?:```(?:json)?\s*)?[{\[]\s*[\"{\[]")
MAY_BE_JSON = re.compile(r"\s*(?:`{0,3}(?:j(?:s(?:on?)?)?)?\s*)?(?:[{\[]\s*)?")
FENCE = re.compile(r"^\s*```(?:json)?|```\s*$")


@dataclass(frozen=True, slots=True)
class Written:
    """Words of a sentence. lead: what stands before it, with its first words; else ""."""

    text: str
    lead: str = ""


@dataclass(frozen=True, slots=True)
class WrittenSentence:
    """A whole sentence. marks: the numbers of sources that the model wrote after or in it."""

    text: str
    lead: str
    marks: tuple[int, ...] = ()


def read_writing(pieces: Iterable[str]) -> Iterator[Written | WrittenSentence]:
    """What a model writes, while it writes: the words of each sentence, then the sentence.

    The texts of a sentence's words put together are the sentence. Ends before the model does
    where it repeats itself or never ends; the iterator of the pieces is then left as it is.
    """
    known: set[tuple[str, ...]] = set()
    sentence = _Growing("")
    n_chars = 0
    for text, ends in sentences_of_stream(_plain(_prose(pieces))):
        n_chars += len(text)
        sentence.add(text)
        is_endless = n_chars > MAX_ANSWER_CHARS or len(sentence.raw) > MAX_SENTENCE_CHARS
        if is_endless and not ends:
            sentence.add(CUT)
        if not ends and not is_endless:
            # Held while it may be a sentence that came before.
            if not sentence.may_be(known):
                yield from sentence.new_words()
            continue
        spoken = tuple(words(sentence.text))
        if LIST_OF_SOURCES.fullmatch(sentence.text) or spoken in known:
            return
        if spoken:
            yield from sentence.new_words()
            yield sentence.whole()
            if len(spoken) >= MIN_REPEATED_WORDS:
                known.add(spoken)
        if is_endless:
            return
        sentence = _Growing(sentence.raw)


class _Growing:
    """A sentence while it is written. before: the raw text of the one before it."""

    def __init__(self, before: str) -> None:
        self._is_first = not before
        self._before = before
        self.raw = ""
        self._n_given = 0

    def add(self, text: str) -> None:
        self.raw += text

    @property
    def text(self) -> str:
        """Its words, without what opens a line."""
        return MARK_SIGNS.sub("", self.raw[self._words_start :]).strip()

    @property
    def _words_start(self) -> int:
        found = LEAD.match(self.raw) if self._opens_line else re.match(r"\s*", self.raw)
        return found.end() if found else 0

    @property
    def _opens_line(self) -> bool:
        opening = self.raw[: len(self.raw) - len(self.raw.lstrip())]
        return self._is_first or "\n" in opening

    def may_be(self, known: set[tuple[str, ...]]) -> bool:
        """Whether it may become one of the sentences, or is nothing but a line's opening yet."""
        if self._opens_line and OPEN_LEAD.fullmatch(self.raw):
            return True
        spoken = tuple(words(self.text))
        return any(other[: len(spoken) - 1] == spoken[:-1] for other in known) if spoken else True

    def new_words(self) -> Iterator[Written]:
        """Those that were not given yet."""
        text = self.text
        if new := text[self._n_given :]:
            yield Written(new, "" if self._n_given else self._lead)
            self._n_given = len(text)

    @property
    def _lead(self) -> str:
        if not self._opens_line:
            return GOES_ON
        found = LEAD.match(self.raw)
        if found and found["bullet"]:
            return "\n- "
        if found and found["number"]:
            return f"\n{found['number']}. "
        return PARAGRAPH

    def whole(self) -> WrittenSentence:
        signs = MARK_SIGNS.findall(self.raw)
        marks = dict.fromkeys(ord(sign) - FIRST_MARK_SIGN for sign in signs)
        return WrittenSentence(self.text, self._lead, tuple(marks))


def _prose(pieces: Iterable[str]) -> Iterator[str]:
    """The pieces; what a model thinks aloud is left out, and of JSON its texts are taken."""
    held, is_begun = "", False
    for piece in pieces:
        if is_begun:
            yield piece
            continue
        held += piece
        if OPEN_THOUGHTS.match(held):
            held = THOUGHTS.sub("", held, count=1)
        is_open = OPEN_THOUGHTS.match(held) or JSON_START.match(held) or MAY_BE_JSON.fullmatch(held)
        if not is_open or len(held) > MAX_ANSWER_CHARS:
            yield held
            held, is_begun = "", True
    if held and not OPEN_THOUGHTS.match(held):
        yield _texts_of_json(held)


def _texts_of_json(text: str) -> str:
    try:
        found = json.loads(FENCE.sub("", text).strip())
    except (ValueError, RecursionError):
        return text
    return " ".join(_texts(found))


def _texts(found: Any) -> Iterator[str]:
    """The answer's texts in what JSON holds; where no key says so, all texts."""
    match found:
        case str():
            yield found
        case list():
            for item in found:
                yield from _texts(item)
        case dict():
            named = [found[key] for key in ANSWER_KEYS if key in found]
            for item in named[:1] or found.values():
                yield from _texts(item)


def _plain(pieces: Iterable[str]) -> Iterator[str]:
    """The text without pictures, links, HTML and emphasis; marks as private characters.

    Given word by word, so that it is the same however the pieces are cut.
    """
    held = ""
    for piece in pieces:
        held += PRIVATE.sub("", piece)
        cut = _last_word_end(held)
        ready, held = _plain_text(held[:cut]), held[cut:]
        if ready:
            yield ready
    yield _plain_text(held)


def _last_word_end(text: str) -> int:
    """Up to where the text is sure to read the same whatever comes next."""
    opened = OPENED.search(text)
    end = opened.start() if opened else len(text)
    if len(text) - end > MAX_HELD_CHARS:
        return len(text)
    whole = [found.span() for found in WHOLE.finditer(text)]
    ends = [found.start() for found in WORD_END.finditer(text, 0, end)]
    return next((e for e in reversed(ends) if not any(a < e < b for a, b in whole)), 0)


def _plain_text(text: str) -> str:
    for unwanted in (PICTURE, LINK_TARGET, AUTOLINK, HTML):
        text = unwanted.sub("", text)
    return EMPHASIS.sub("", LINK.sub(r"\1", MARK.sub(_mark_signs, text)))


def _mark_signs(found: re.Match[str]) -> str:
    marks: list[int] = []
    for first, last in NUMBER_RANGE.findall(found[1]):
        end = int(last or first)
        marks += range(int(first), min(end, int(first) + MAX_RANGE) + 1)
    return "".join(chr(FIRST_MARK_SIGN + mark) for mark in marks if mark <= MAX_MARK)
