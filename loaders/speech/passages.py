"""Joins words into passages of 20 to 60 seconds that begin and end with sentences.

Leaves out hearing the words: that is `transcriber`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from loaders.speech.transcriber import Word

MIN_S, AIM_S, MAX_S = 20.0, 30.0, 60.0
"""A passage ends with the first sentence after AIM_S, or earlier where the next is too long."""
LONG_SILENCE_S = 8.0
"""What is said after it is another passage, however short."""
SENTENCE_END = re.compile(r"[.?!…。？！]['\"”’»)\]]*$")
ABBREVIATION = re.compile(r"(?:\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|vs|No|Sr|Jr|e\.g|i\.e))\.$")


def passages(words: Iterable[Word], breaks: Iterable[float] = ()) -> Iterator[list[Word]]:
    """The words in groups. breaks: seconds at which another passage begins in any case."""
    borders = sorted(breaks)
    held: list[list[Word]] = []
    for sentence in _sentences(words):
        if held:
            start, last = held[0][0].start, held[-1][-1].end
            is_full = last - start >= AIM_S or (
                last - start >= MIN_S and sentence[-1].end - start > MAX_S
            )
            is_apart = sentence[0].start - last >= LONG_SILENCE_S
            middle = (sentence[0].start + sentence[0].end) / 2
            is_other = any(start < border <= middle for border in borders)
            if is_full or is_apart or is_other:
                yield [word for s in held for word in s]
                held = []
        held.append(sentence)
    if held:
        yield [word for s in held for word in s]


def text_of(words: Iterable[Word]) -> str:
    """The words as they are written, in one line."""
    return " ".join("".join(word.text for word in words).split())


def _sentences(words: Iterable[Word]) -> Iterator[list[Word]]:
    """Sentences, and parts of those that are too long for one passage."""
    held: list[Word] = []
    for word in words:
        if held and word.start - held[-1].end >= LONG_SILENCE_S:
            yield held
            held = []
        while held and word.end - held[0].start > MAX_S - MIN_S:
            n = _longest_pause([*held, word])
            yield held[:n]
            held = held[n:]
        held.append(word)
        text = word.text.strip()
        if SENTENCE_END.search(text) and not ABBREVIATION.search(text):
            yield held
            held = []
    if held:
        yield held


def _longest_pause(words: list[Word]) -> int:
    """How many words stand before the longest pause in the later half."""
    pauses = [
        (words[n].start - words[n - 1].end, n) for n in range(max(1, len(words) // 2), len(words))
    ]
    return max(pauses)[1]
