"""Whether an answer says what a person gave as the answer: the gold answer of a question.

English, by lists of its own: what measures shares none with the check that is measured. Leaves
out whether the answer is true to its sources: that is `assistant.citations`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from assistant.sentences import WORD, share, split_sentences, stem, words

ABOUT_TOLERANCE = 0.05
"""Of a number that the gold answer gives as "about" so much."""
MOST, HALF = 0.8, 0.5
"""Share of its words that a short part, and a long part or a whole sentence, must have said."""
MAX_SHORT = 5
"""Content words of a short part."""
ASIDE = re.compile(r"\s\([^()]*\)")
PART = re.compile(r";\s*|,\s+")
YES_NO = re.compile(r"(yes|no)\b(?!\s(?:and|or)\s(?:yes|no)\b)[,;.:]?\s*", re.IGNORECASE)
ABOUT = r"(?:about|around|approximately|approx\.|roughly|nearly|almost|circa|ca\.)"
OPENING = re.compile(rf"(?:(?:the|an?|and|{ABOUT})\s+)*([a-z]+)\b", re.IGNORECASE)
NUMBER = re.compile(
    rf"(?P<about>\b{ABOUT}\s+|~\s*)?(?<![\w.])(?P<minus>[-−](?=\$?\d)|\+)?(?P<money>[$€£])?"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?:st|nd|rd|th)?(?!\w)"
    r"(?:\s?(?P<scale>thousand|million|billion|trillion|bn)\b)?"
    r"(?=(?:[\s-]?(?P<unit>%|[$€£](?!\d)|per\scent\b|°[CF]\b|[a-z]+))?)",
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
MIN_TELLING_DIGITS = 3
"""A number of so many digits may leave its scale to a table's header."""
UNITS = {
    spelling: line.split()[0]
    for line in """\
        % percent
        $ dollar dollars usd
        € euro euros eur
        £ gbp
        gram grams
        kg kilogram kilograms kilo kilos
        tonne tonnes ton tons
        mm millimeter millimeters millimetre millimetres
        cm centimeter centimeters centimetre centimetres
        meter meters metre metres
        km kilometer kilometers kilometre kilometres
        mile miles
        inch inches
        foot feet ft
        kw kilowatt kilowatts
        mw megawatt megawatts
        gw gigawatt gigawatts
        second seconds
        minute minutes
        hour hours
        day days
        week weeks
        month months
        year years
        °c
        °f""".splitlines()
    for spelling in line.split()
}
UP = frozenset(
    """climb climbed climbs gain gained gains grew grow growing grown growth increase increased
    increases increasing rise risen rises rising rose""".split()  # noqa: SIM905
)
DOWN = frozenset(
    """decline declined declines declining decrease decreased decreases decreasing drop dropped
    dropping drops fall fallen falling falls fell loss lost shrank shrink shrunk""".split()  # noqa: SIM905
)
DENIALS = frozenset("cannot neither never no none nor not without".split())  # noqa: SIM905
DENIED = re.compile(
    r"(?:\b(?:not|never|neither|nor|cannot)|n['’]t)\b(?!\s(?:only|just)\b)"
    r"(?:\s(?!but\b)[\w'’-]+){0,3}",
    re.IGNORECASE,
)
"""A denial and the three words after it, which it denies."""
CONTRAST = re.compile(r",\s(?:and\s|but\s)?not\b", re.IGNORECASE)
"""In "both in 2021, not in 2020" nothing is denied that was said before."""
ARTICLES = frozenset(("a", "an", "the"))
UNTELLING = ARTICLES | frozenset(
    """about also and any are as at be been being both but by can could did do does for from had
    has have how if in into is it its may more most no nor not of on only or other our over own
    should so some such than that their them then there these they this those to under up was we
    were what when where which while who whose will with would you your""".split()  # noqa: SIM905
)
"""Words that say nothing that a gold answer wants said."""


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
    n_digits: int
    scale: float | None = None
    unit: str | None = None
    is_about: bool = False


def compare(gold: str, answer: str) -> Correctness:
    """Hold an answer, without marks, against the gold one.

    What the gold answer has in parentheses explains it and need not be said. A gold answer of
    whole sentences is said where the answer has half of its content words. In any other, each part
    between commas or semicolons must be said: all its numbers, those after "about" within 5 %, and
    its names; of a part without numbers the words one after the other, or 80 % of its content words
    in any order, half where it has more than five; what it denies is not said. Units and scales
    must agree where both have one, and what rises may not fall. After "yes" or "no" the answer may
    not begin with the other one; to "no" it must deny something, and to "yes" may not begin so.
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
        self.numbers = _numbers(text) + _spelt_numbers(text)
        self.stems = {stem(w) for w in _split_words(text)}

    def has_number(self, wanted: _Number, gold: str) -> bool:
        """Whether the number is said; one of a fall may lack its sign."""
        is_fall = "down" in _directions(self.text if wanted.value < 0 else gold)
        return any(_is_same(wanted, number, is_fall) for number in self.numbers)

    def has_words(self, part: str) -> bool:
        """Whether the words of a part are said, and not after a denial where it has none."""
        text = self.text if DENIED.search(part) else _undenied(self.text)
        if f" {' '.join(_split_words(part))} " in f" {' '.join(_split_words(text))} ":
            return True
        wanted = {stem(w) for w in _split_words(part) if w not in UNTELLING}
        least = MOST if len(wanted) <= MAX_SHORT else HALF
        return bool(wanted) and share(wanted, {stem(w) for w in _split_words(text)}) >= least


def _is_said(gold: str, said: _Said) -> bool:
    golden, given = _directions(gold), _directions(said.text)
    if golden and given and golden.isdisjoint(given):
        return False
    yes_no = YES_NO.match(gold)
    if yes_no:
        gold = gold[yes_no.end() :]
        if not _agrees(yes_no[1].lower(), gold, said.text):
            return False
    if gold.endswith("."):
        wanted = {stem(w) for w in _split_words(gold) if w not in UNTELLING}
        return share(wanted, said.stems) >= HALF
    return all(_part_is_said(part, gold, said) for part in _parts(gold))


def _agrees(says: str, rest: str, text: str) -> bool:
    """Whether the text agrees with the yes or no of a gold answer. rest: what follows that."""
    if begins := YES_NO.match(text):
        return begins[1].lower() == says
    if not rest:
        return False
    if says == "no":
        return any(w in DENIALS or w.endswith(("n't", "n’t")) for w in words(text))
    first = CONTRAST.split(next(iter(split_sentences(text)), ""))[0]
    return bool(DENIED.search(rest)) or not DENIED.search(first)


def _undenied(text: str) -> str:
    return DENIED.sub(";", text)


def _directions(text: str) -> set[str]:
    """Whether something is said to rise, "up", or to fall, "down"; what is denied is not said."""
    found = set(words(_undenied(text)))
    return {name for name, list_ in (("up", UP), ("down", DOWN)) if found & list_}


def _part_is_said(part: str, gold: str, said: _Said) -> bool:
    numbers = _gold_numbers(part)
    if not numbers:
        return said.has_words(part)
    capitals = [w for word in WORD.findall(part) if word[0].isupper() for w in _split_words(word)]
    names = {stem(w) for w in capitals if len(w) > 1 and w not in UNTELLING | NUMERALS.keys()}
    stems = {stem(w) for w in _split_words(_undenied(said.text))}
    return names <= stems and all(said.has_number(n, gold) for n in numbers)


def _parts(gold: str) -> list[str]:
    return [part for part in PART.split(gold) if part.strip()]


def _gold_numbers(part: str) -> list[_Number]:
    """In digits; in letters where the part begins with it: "five", not "the larger one"."""
    opening = OPENING.match(part)
    is_spelt = opening and opening[1].lower() in NUMERALS
    return _numbers(part) + (_spelt_numbers(part)[:1] if is_spelt else [])


def _numbers(text: str) -> list[_Number]:
    return [
        _Number(
            float(found["digits"].replace(",", "")) * (-1 if found["minus"] in ("-", "−") else 1),
            sum(map(str.isdigit, found["digits"])),
            SCALES[found["scale"].lower()] if found["scale"] else None,
            UNITS.get(found["money"] or "".join((found["unit"] or "").lower().split())),
            bool(found["about"]),
        )
        for found in NUMBER.finditer(IDENTIFIER.sub(_without_digits, text))
    ]


def _spelt_numbers(text: str) -> list[_Number]:
    said = _split_words(text)
    found = []
    for n, word in enumerate(said):
        if word in NUMERALS:
            scale, unit, *_ = [*said[n + 1 : n + 3], "", ""]
            unit = unit if scale in SCALES else scale
            found.append(_Number(NUMERALS[word], 1, SCALES.get(scale), UNITS.get(unit)))
    return found


def _without_digits(found: re.Match[str]) -> str:
    return re.sub(r"\d", "x", found[0])


def _is_same(gold: _Number, said: _Number, is_fall: bool) -> bool:
    """A table's cell may leave the scale to its header; two scales or two units must agree."""
    if gold.unit and said.unit and gold.unit != said.unit:
        return False
    golden = {gold.value * (gold.scale or 1)}
    given = {said.value * (said.scale or 1)}
    is_telling = min(gold.n_digits, said.n_digits) >= MIN_TELLING_DIGITS
    if is_telling and not (gold.scale and said.scale):
        golden.add(gold.value)
        given.add(said.value)
    tolerance = ABOUT_TOLERANCE if gold.is_about else 1e-9
    return any(
        abs(g - s) <= tolerance * abs(g) or (is_fall and abs(g + s) <= tolerance * abs(g))
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
