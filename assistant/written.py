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
from assistant.plain_words import FIRST_MARK_SIGN, MARK_SIGNS, plain_words
from assistant.sentences import MONTHS, sentences_of_stream, words

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

MAX_READ_CHARS = 2 * MAX_ANSWER_CHARS
"""Of all that a model writes after its thoughts, whether words are left of it or not."""
MAX_THOUGHTS_CHARS = 60_000
LEAD = re.compile(
    r"\s*(?:#{1,6}\s+|>\s+(?![\s\d])"
    r"|(?P<bullet>[-*+•–]\s+)(?!(?<=[-–]\s)\d[\d.,]*\s?(?:[%‰°]|per\s?cent\b))"
    rf"|(?P<number>\d{{1,3}})[.)]\s+(?!{MONTHS}))?"
)
"""What opens a line; ">" and "-" before a value, and the day of a date, belong to the words."""
OPEN_LEAD = re.compile(r"\s*(?:#{1,6}|>|[-*+•–](?:\s*\d[\d.,]*)?|\d{1,3}[.)]?)?\s*")
LIST_OF_SOURCES = re.compile(r"\W*(?:sources?|references?|citations?|quellen)\W*", re.IGNORECASE)
OPENED_THOUGHTS = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
END_OF_THOUGHTS = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
END_CHARS = 12
THINKS_ALOUD = re.compile(
    r"(?:okay|ok|alright|hmm+|let me|let's|first, i|the user|so the user|wait)\b", re.IGNORECASE
)
"""How thoughts begin whose opening some models leave out."""
SURE_CHARS = 12
"""So many characters tell whether a model thinks."""
JSON_START = re.compile(r"\s*(?:```(?:json)?\s*)?[{\[]\s*[\"{\[]")
MAY_BE_JSON = re.compile(r"\s*(?:`{0,3}(?:j(?:s(?:on?)?)?)?\s*)?(?:[{\[]\s*)?")
FENCE = re.compile(r"^\s*```(?:json)?\s*")
END_OF_FENCE = re.compile(r"^\s*```")
MAX_JSON_OPENING = 100
MAX_VALUE_CHARS = 20


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
    is_begun = False
    n_chars = 0
    for text, ends in sentences_of_stream(plain_words(_prose(pieces))):
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
        is_list = bool(LIST_OF_SOURCES.fullmatch(sentence.text))
        if (is_list and is_begun) or spoken in known:
            return
        if spoken and not is_list:
            is_begun = True
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
        self._is_new = False

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
        """Whether it may become one of the sentences, or but opens a line or a list yet."""
        if self._is_new:
            return False
        text = self.text
        is_opening = self._opens_line and OPEN_LEAD.fullmatch(self.raw)
        if is_opening or LIST_OF_SOURCES.fullmatch(text) or not (spoken := tuple(words(text))):
            return True
        self._is_new = not any(other[: len(spoken) - 1] == spoken[:-1] for other in known)
        return not self._is_new

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
    return _without_json(_bounded(_after_thoughts(pieces)))


def _after_thoughts(pieces: Iterable[str]) -> Iterator[str]:
    """What comes after the thoughts, which are not kept.

    Thoughts without their opening are known by how they begin and by their end. Where they
    begin otherwise they are read as prose, since all that was said before cannot wait for it.
    """
    rest = iter(pieces)
    held, n_chars = "", 0
    for piece in rest:
        n_chars += len(piece)
        held = (held + piece).lstrip()
        while _thinks(held) and (
            end := END_OF_THOUGHTS.search(held, max(0, len(held) - len(piece) - END_CHARS))
        ):
            held = held[end.end() :].lstrip()
        if OPENED_THOUGHTS.match(held):
            held = "<think>" + held[-END_CHARS:]
        is_unsure = len(held) < SURE_CHARS or _thinks(held)
        if not is_unsure:
            break
        if n_chars > MAX_THOUGHTS_CHARS:
            return
    if not OPENED_THOUGHTS.match(held):
        yield held
        yield from rest


def _thinks(held: str) -> bool:
    if OPENED_THOUGHTS.match(held):
        return True
    return len(held) <= MAX_READ_CHARS and bool(THINKS_ALOUD.match(held))


def _bounded(pieces: Iterable[str]) -> Iterator[str]:
    n_chars = 0
    for piece in pieces:
        yield piece[: MAX_READ_CHARS - n_chars]
        n_chars += len(piece)
        if n_chars > MAX_READ_CHARS:
            yield CUT
            return


def _without_json(pieces: Iterable[str]) -> Iterator[str]:
    rest = iter(pieces)
    held = ""
    for piece in rest:
        held += piece
        is_short = len(held) <= MAX_JSON_OPENING
        if not (JSON_START.match(held) or (is_short and MAY_BE_JSON.fullmatch(held))):
            yield held
            yield from rest
            return
    yield _texts_of_json(held)


def _texts_of_json(text: str) -> str:
    fence = FENCE.match(text)
    try:
        found, end = json.JSONDecoder().raw_decode(text, fence.end() if fence else 0)
    except (ValueError, RecursionError):
        return text
    has_texts = isinstance(found, dict) or any(isinstance(item, (dict, str)) for item in found)
    told = " ".join(_texts(found)) if has_texts else ""
    return f"{told}\n{END_OF_FENCE.sub('', text[end:])}" if told else text


def _texts(found: Any, key: str = "") -> Iterator[str]:
    """The answer's texts in what JSON holds; where no key says so, all, values with their key."""
    match found:
        case bool():
            return
        case int() | float():
            yield f"{key}: {found}" if key else str(found)
        case str():
            is_value = len(found) <= MAX_VALUE_CHARS and " " not in found
            yield f"{key}: {found}" if key and is_value else found
        case list():
            for item in found:
                yield from _texts(item, key)
        case dict():
            named = [found[known] for known in ANSWER_KEYS if known in found]
            if named:
                yield from _texts(named[0])
                return
            for name, item in found.items():
                yield from _texts(item, name)
