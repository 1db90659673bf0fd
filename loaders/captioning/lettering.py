"""The text in a picture, line by line: what is noise or said already is left out.

A line keeps what stands on it together, a number with its label; numbers are never changed.
Leaves out how the lines are found: that is `ocr` and the formats' readers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

WORD = re.compile(r"\w+")
NUMBER = re.compile(r"[-+−–]?[$€£¥]?\d[\d.,:/]*[%°]?")
MIN_TICKS = 3
"""Numbers from which a run of them is one axis, which may come again with each panel."""
MIN_NEAR_CHARS, MAX_NEAR_CHARS = 4, 40
"""Of a word that is taken for another one with a letter more, less or read otherwise."""
MAX_DIGITS = 24
"""More in one word are numbers printed over each other."""
LOOP = re.compile(r"(?=\S{0,40}[^\W\d_]{2})(\S.{5,80}?)(?:\s*\1){2,}")
"""The same words three times in a row, as where a text is printed several times in one place."""
OPEN_END = re.compile(r"[\w,\-–—]$")
MIN_OPEN_CHARS = 25
"""Of a line that may go on in the next one."""


def tell_lines(text: str, *, is_read: bool) -> list[str]:
    """The lines that say something, each once.

    is_read: by OCR, which takes dots and strokes for a single letter or sign.
    """
    told: dict[str, str] = {}
    axes: set[tuple[str, ...]] = set()
    for line in _joined_ticks(text.splitlines()):
        folded = LOOP.sub(r"\1", line)
        kept = " ".join(_without_known_axes(folded.split(), axes))
        words = plain(kept)
        if words and not (is_read and _is_noise(words)):
            # With its signs: "+3 %" is not "-3 %".
            told.setdefault(kept.casefold(), kept)
    return list(told.values())


def new_lines(lines: Sequence[str], said: Iterable[str]) -> list[str]:
    """The lines of which a number, or else half of the words, is not said.

    A word that differs by one letter is said: that is how OCR reads what is printed.
    """
    known = {word for text in said for word in _words(text)}
    near = {form for word in known if _has_near_forms(word) for form in _near_forms(word)}

    def is_new(word: str) -> bool:
        return word not in known and not (_has_near_forms(word) and near & _near_forms(word))

    told = []
    for line in lines:
        words = _words(line)
        new = [word for word in words if is_new(word)]
        if 2 * len(new) > len(words) or any(len(w) > 1 and w.isdigit() for w in new):
            told.append(line)
    return told


def on_one_line(lines: Sequence[str]) -> str:
    """The lines one after the other, told apart, but those that run on."""
    text = before = ""
    for line in lines:
        is_open = len(before) >= MIN_OPEN_CHARS and OPEN_END.search(before) and line[:1].islower()
        is_told_apart = before.endswith((".", ":", ";", "?", "!", "…"))
        text += (" " if is_open or is_told_apart else "; ") + line if text else line
        before = line
    return text


def has_words(text: str) -> bool:
    """Whether there is more in it than numbers, signs and single letters."""
    return any(
        any(map(str.isalpha, word)) and (len(word) > 1 or _is_ideograph(word))
        for word in WORD.findall(text)
    )


def plain(text: str) -> str:
    """The words of a text as they compare: without case, accents and signs."""
    return " ".join(_words(text))


def _words(text: str) -> list[str]:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return WORD.findall("".join(c for c in decomposed if not unicodedata.combining(c)))


def _joined_ticks(lines: Iterable[str]) -> Iterator[str]:
    """The lines with single spaces; the numbers of an upright axis are one line."""
    held: list[str] = []
    for line in lines:
        parts = line.split()
        if len(parts) == 1 and NUMBER.fullmatch(parts[0]):
            held += parts
            continue
        if held:
            yield " ".join(held)
            held = []
        if parts:
            yield " ".join(parts)
    if held:
        yield " ".join(held)


def _without_known_axes(parts: Sequence[str], known: set[tuple[str, ...]]) -> Iterator[str]:
    """The words without runs of evenly spaced numbers that came before; notes new ones."""
    for run in _runs(parts):
        if len(run) >= MIN_TICKS and run in known:
            continue
        if len(run) >= MIN_TICKS:
            known.add(run)
        yield from (part for part in run if not _is_overprinted(part))


def _runs(parts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The words one by one, but evenly spaced numbers together."""
    start = 0
    while start < len(parts):
        end, step = start + 1, None
        while end < len(parts):
            width = _step(parts[end - 1], parts[end])
            if width is None or (step is not None and abs(width - step) > 1e-6 * abs(step)):
                break
            end, step = end + 1, width
        if end - start < MIN_TICKS:
            end = start + 1
        yield tuple(parts[start:end])
        start = end


def _step(a: str, b: str) -> float | None:
    first, second = _value(a), _value(b)
    return second - first if first is not None and second is not None else None


def _value(part: str) -> float | None:
    if not NUMBER.fullmatch(part):
        return None
    bare = part.replace("−", "-").replace("–", "-").replace(",", "")
    try:
        return float(bare.strip("$€£¥%°+"))
    except ValueError:
        return None


def _is_overprinted(part: str) -> bool:
    return sum(map(str.isdigit, part)) > MAX_DIGITS


def _is_noise(words: str) -> bool:
    """Whether a line, in plain words, is nothing but one letter or other sign."""
    return len(words) == 1 and not words.isdigit()


def _is_ideograph(word: str) -> bool:
    return unicodedata.category(word[0]) == "Lo"


def _has_near_forms(word: str) -> bool:
    return MIN_NEAR_CHARS <= len(word) <= MAX_NEAR_CHARS and not any(map(str.isdigit, word))


def _near_forms(word: str) -> set[str]:
    """The word, and all that is left of it without one letter: near words share one of them."""
    return {word} | {word[:n] + word[n + 1 :] for n in range(len(word))}
