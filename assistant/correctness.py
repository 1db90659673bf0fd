"""Whether an answer says what a person gave as the answer: the gold answer of a question.

English. Leaves out whether the answer is true to its sources: that is `assistant.citations`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from assistant.sentences import UNTELLING, WORD, is_negated, share, stem, words
from assistant.support import FALLS

ABOUT_TOLERANCE = 0.05
"""Of a number that the gold answer gives as "about" so much."""
MOST, HALF = 0.8, 0.5
"""Share of its words that a short part, and a long part or a whole sentence, must have said."""
MAX_SHORT = 5
"""Content words of a short part."""
ASIDE = re.compile(r"\s\([^()]*\)")
PART = re.compile(r";\s*|,\s+")
YES_NO = re.compile(r"(yes|no)\b[,;.:]?\s*", re.IGNORECASE)
ABOUT = r"(?:about|around|approximately|approx\.|roughly|nearly|almost|circa|ca\.)"
OPENING = re.compile(rf"(?:(?:the|an?|and|{ABOUT})\s+)*([a-z]+)\b", re.IGNORECASE)
NUMBER = re.compile(
    rf"(?P<about>\b{ABOUT}\s+|~\s*)?(?<![\w.])(?P<minus>[-−](?=\$?\d)|\+)?[$€£]?"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?:st|nd|rd|th)?(?!\w)"
    r"(?:\s?(?P<scale>thousand|million|billion|trillion|bn)\b)?",
    re.IGNORECASE,
)
IDENTIFIER = re.compile(r"(?<![\w-])[^\W\d_]\w*(?:-\w+)*")
"""A word such as ER-2, in which a number is none."""
SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9, "bn": 1e9, "trillion": 1e12}
NUMERALS = {
    word: float(n)
    for n, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905
    )
}
ARTICLES = {"a", "an", "the"}


@dataclass(frozen=True, slots=True)
class Correctness:
    """How an answer compares with the gold one.

    exact: the same words but for articles and punctuation. numeric: all numbers of the gold
    answer are said; None where it has none. f1: of the words, in [0, 1]. correct: see `compare`.
    """

    exact: bool
    numeric: bool | None
    f1: float
    correct: bool


class _Number(NamedTuple):
    value: float
    scale: float | None = None
    is_about: bool = False


def compare(gold: str, answer: str) -> Correctness:
    """Hold an answer, without marks, against the gold one.

    What the gold answer has in parentheses explains it and need not be said. A gold answer of
    whole sentences is said where the answer has half of its content words. In any other, each part
    between commas or semicolons must be said: all its numbers, those after "about" within 5 %, and
    its names; of a part without numbers the words one after the other, or 80 % of its content words
    in any order, half where it has more than five. After "yes" or "no" the answer may not begin
    with the other one, and to "no" it must deny something.
    """
    without = ASIDE.sub("", gold).strip()
    said = _Said(answer)
    numbers = [n for part in _parts(without) for n in _gold_numbers(part)]
    return Correctness(
        exact=_plain(answer) in (_plain(gold), _plain(without)),
        numeric=all(said.has_number(n, gold) for n in numbers) if numbers else None,
        f1=_f1(_plain(without), _plain(answer)),
        correct=_is_said(without, said),
    )


class _Said:
    """What an answer says."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = f" {' '.join(_split_words(text))} "
        self.stems = {stem(w) for w in _split_words(text)}
        self.numbers = _numbers(text)
        self.numbers += [_Number(NUMERALS[w]) for w in _split_words(text) if w in NUMERALS]

    def has_number(self, wanted: _Number, gold: str) -> bool:
        """Whether the number is said; one of a fall may lack its sign."""
        falls = bool(FALLS.search(gold) or FALLS.search(self.text))
        return any(_is_same(wanted, number, falls) for number in self.numbers)

    def has_words(self, part: str) -> bool:
        """Whether the words of a part are said."""
        if f" {' '.join(_split_words(part))} " in self.words:
            return True
        wanted = {stem(w) for w in _split_words(part) if w not in UNTELLING}
        least = MOST if len(wanted) <= MAX_SHORT else HALF
        return bool(wanted) and share(wanted, self.stems) >= least


def _is_said(gold: str, said: _Said) -> bool:
    yes_no, begins = YES_NO.match(gold), YES_NO.match(said.text)
    if yes_no:
        says = yes_no[1].lower()
        gold = gold[yes_no.end() :]
        if begins and begins[1].lower() != says:
            return False
        if not gold:
            return begins is not None
        if says == "no" and not is_negated(said.text):
            return False
    if gold.endswith("."):
        wanted = {stem(w) for w in _split_words(gold) if w not in UNTELLING}
        return share(wanted, said.stems) >= HALF
    return all(_part_is_said(part, gold, said) for part in _parts(gold))


def _part_is_said(part: str, gold: str, said: _Said) -> bool:
    numbers = _gold_numbers(part)
    if not numbers:
        return said.has_words(part)
    capitals = [w for word in WORD.findall(part) if word[0].isupper() for w in _split_words(word)]
    names = {stem(w) for w in capitals if len(w) > 1 and w not in UNTELLING | NUMERALS.keys()}
    return names <= said.stems and all(said.has_number(n, gold) for n in numbers)


def _parts(gold: str) -> list[str]:
    return [part for part in PART.split(gold) if part.strip()]


def _gold_numbers(part: str) -> list[_Number]:
    """In digits; in letters where the part begins with it: "five", not "the larger one"."""
    opening = OPENING.match(part)
    numeral = NUMERALS.get(opening[1].lower()) if opening else None
    return _numbers(part) + ([] if numeral is None else [_Number(numeral)])


def _numbers(text: str) -> list[_Number]:
    return [
        _Number(
            float(found["digits"].replace(",", "")) * (-1 if found["minus"] in ("-", "−") else 1),
            SCALES[found["scale"].lower()] if found["scale"] else None,
            bool(found["about"]),
        )
        for found in NUMBER.finditer(IDENTIFIER.sub(_without_digits, text))
    ]


def _without_digits(found: re.Match[str]) -> str:
    return re.sub(r"\d", "x", found[0])


def _is_same(gold: _Number, said: _Number, falls: bool) -> bool:
    """A table's cell may leave the scale to its header; two scales must agree."""
    golden = {gold.value * (gold.scale or 1)}
    given = {said.value * (said.scale or 1)}
    if not (gold.scale and said.scale):
        golden.add(gold.value)
        given.add(said.value)
    tolerance = ABOUT_TOLERANCE if gold.is_about else 1e-9
    return any(
        abs(g - s) <= tolerance * abs(g) or (falls and abs(g + s) <= tolerance * abs(g))
        for g in golden
        for s in given
    )


def _split_words(text: str) -> list[str]:
    """The words in lower case, those with a hyphen in their parts where they have no digit."""
    return [
        part
        for word in words(text)
        for part in ([word] if any(map(str.isdigit, word)) else re.split(r"[-.]", word))
    ]


def _plain(text: str) -> tuple[str, ...]:
    return tuple(w.replace(",", "") for w in _split_words(text) if w not in ARTICLES)


def _f1(gold: tuple[str, ...], answer: tuple[str, ...]) -> float:
    common = (Counter(gold) & Counter(answer)).total()
    return 2 * common / (len(gold) + len(answer)) if common else 0.0
