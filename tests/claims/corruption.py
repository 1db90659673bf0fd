"""True sentences made false by one change, of a kind that language models make too.

Each maker returns sentences together with what must not stand in any source for the sentence to
be false. Leaves out sentences of tables: that is `tests.claims.cells`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence

from tests.claims.statements import SPELLED, names, says_number, values, years

Is_Stated = Callable[[str], bool]
"""Whether a text, such as that of a source, says what the change says."""
False_Sentence = tuple[str, Is_Stated]

OTHER_UNIT = {
    "percent": "million", "%": " million", "million": "billion", "billion": "million",
    "thousand": "million", "dollars": "percent", "mm": "cm", "cm": "mm", "km": "m", "m": "km",
    "miles": "kilometers", "kilometers": "miles", "meters": "feet", "feet": "meters",
    "foot": "meter", "inches": "feet", "inch": "foot", "acres": "hectares", "days": "weeks",
    "day": "week", "weeks": "months", "months": "years", "month": "year", "years": "months",
    "year": "month", "hours": "minutes", "hour": "minute", "minutes": "hours",
    "seconds": "minutes", "mg": "g", "g": "mg", "kg": "g", "ml": "L", "mL": "L", "L": "mL",
    "pounds": "tons", "tons": "pounds", "GB": "MB", "MB": "GB", "times": "percent",
    "acre-feet": "gallons", "mm/yr": "cm/yr", "degrees": "percent", "cfs": "mph",
}  # fmt: skip
UNIT = re.compile(
    r"(?<=\d)(?P<gap>[ -]?)(?P<unit>"
    + "|".join(sorted(map(re.escape, OTHER_UNIT), key=len, reverse=True))
    + r")(?![\w/])"
)
DENIABLE = re.compile(
    r"\b(?P<verb>is|are|was|were|will|can|must|should|does|do|did|has been|have been|had been)\b"
    r"(?! not\b| no\b| never\b|n['’]t)(?= [a-z]{3,})"
)
DENIED = re.compile(r"\b(?P<verb>is|are|was|were|will|must|should|has|have|had) not (?!only\b)")
DENIES_ONE = re.compile(r"\b(?:cannot|do not|does not|did not) ")
SOME = re.compile(
    r"\b(?:some|may|might|could|sometimes|often|many|most|few|only|either)\b", re.IGNORECASE
)
OPPOSITES = (
    ("increase", "decrease"), ("increased", "decreased"), ("increases", "decreases"),
    ("increasing", "decreasing"), ("higher", "lower"), ("highest", "lowest"),
    ("larger", "smaller"), ("largest", "smallest"), ("greater", "smaller"), ("more", "fewer"),
    ("most", "least"), ("above", "below"), ("before", "after"), ("maximum", "minimum"),
    ("all", "no"), ("with", "without"), ("include", "exclude"), ("includes", "excludes"),
    ("included", "excluded"), ("first", "last"), ("rose", "fell"), ("best", "worst"),
    ("better", "worse"), ("always", "never"), ("internal", "external"), ("upper", "lower"),
    ("inside", "outside"), ("same", "opposite"), ("positive", "negative"), ("left", "right"),
    ("eastern", "western"), ("northern", "southern"), ("long", "short"), ("longer", "shorter"),
    ("strong", "weak"), ("stronger", "weaker"), ("easy", "difficult"), ("true", "false"),
    ("in-network", "out-of-network"), ("required", "optional"), ("male", "female"),
    ("high", "low"), ("improve", "worsen"), ("improves", "worsens"), ("improved", "worsened"),
)  # fmt: skip
OPPOSITE = {a: b for pair in OPPOSITES for a, b in (pair, pair[::-1])}
ONE_WAY = {"no", "right", "left", "without", "never", "last", "first"}
"""Words whose opposite is not always the other one of its pair."""
JOINED = re.compile(r"^[ ,]*(?:and|or|to|with|nor|through|versus|vs)?[ ,]*$|\b(?:and|or|between)\b")
MIN_BETWEEN = 2


def numbers_changed(sentence: str, rng: random.Random) -> Iterator[False_Sentence]:
    """Another number of the same length; or another small one, written out."""
    places = values(sentence)
    rng.shuffle(places)
    for place in places:
        new = _other_number(place[0], rng)
        yield _put(sentence, place, new), _says(new)
    for place in re.finditer(rf"\b(?:{'|'.join(SPELLED)})\b", sentence):
        new = rng.choice([w for w in SPELLED if w != place[0]])
        yield _put(sentence, place, new), _says(SPELLED[new])


def years_changed(sentence: str, rng: random.Random) -> Iterator[False_Sentence]:
    """Another year, up to twelve from the true one."""
    for place in years(sentence):
        new = str(int(place[0]) + rng.choice([*range(-12, 0), *range(1, 13)]))
        yield _put(sentence, place, new), _says(new)


def units_changed(sentence: str, rng: random.Random) -> Iterator[False_Sentence]:
    """Another unit, or thousands for millions."""
    for place in UNIT.finditer(sentence):
        unit = OTHER_UNIT[place["unit"]]
        gap = place["gap"] or (" " if place["unit"] != "%" else "")
        start = re.search(r"[\d.,]+$", sentence[: place.start()])
        said = re.compile(
            rf"{re.escape(start[0] if start else '')}[ -]?{re.escape(unit.strip())}", re.IGNORECASE
        )
        yield _put(sentence, place, gap + unit), lambda t, said=said: bool(said.search(t))


def names_changed(
    sentence: str, rng: random.Random, known: Sequence[str]
) -> Iterator[False_Sentence]:
    """Another name of as many words. known: names of the same documents."""
    for place in names(sentence):
        n_words = len(place[0].split())
        alike = [
            n
            for n in known
            if len(n.split()) == n_words
            and n.isupper() == place[0].isupper()
            and n.lower() not in sentence.lower()
            and not set(n.lower().split()) & set(place[0].lower().split())
        ]
        for new in rng.sample(alike, min(4, len(alike))):
            yield _put(sentence, place, new), lambda t, new=new: new.lower() in t.lower()


def negations_changed(sentence: str, rng: random.Random) -> Iterator[False_Sentence]:
    """Its verb denied, or its denial left out. What may be is left alone: it also may not."""
    if SOME.search(sentence):
        return
    if denied := DENIED.search(sentence):
        yield _put(sentence, denied, f"{denied['verb']} "), _nowhere
    elif denied := DENIES_ONE.search(sentence):
        yield _put(sentence, denied, "can " if denied[0] == "cannot " else ""), _nowhere
    elif found := DENIABLE.search(sentence):
        verb = found["verb"]
        new = f"{verb.split()[0]} not{verb.removeprefix(verb.split()[0])}"
        if verb == "can":
            new = "cannot"
        yield _put(sentence, found, rng.choice([new, new, new.replace(" not", " never")])), _nowhere


def opposites_said(sentence: str, rng: random.Random) -> Iterator[False_Sentence]:
    """One word of direction, order or amount for its opposite."""
    for place in re.finditer(r"\b[a-z]+(?:-[a-z]+)*\b", sentence):
        new = OPPOSITE.get(place[0])
        if new and place[0] not in ONE_WAY and new not in sentence.lower().split():
            false = _put(sentence, place, new)
            yield false, _nowhere


def swapped(sentence: str, rng: random.Random) -> Iterator[False_Sentence]:
    """Two names or two values of it in each other's place, where these are not equals."""
    for found in (names(sentence), values(sentence)):
        for first in found:
            for second in found:
                between = sentence[first.end() : second.start()]
                if (
                    second.start() > first.end()
                    and not JOINED.search(between)
                    and sum(w.islower() for w in between.split()) >= MIN_BETWEEN
                    and sentence.count(first[0]) == sentence.count(second[0]) == 1
                    and not _are_alike(first[0], second[0])
                ):
                    false = (
                        sentence[: first.start()] + second[0] + between + first[0]
                        + sentence[second.end() :]
                    )  # fmt: skip
                    yield false, _nowhere


def _are_alike(first: str, second: str) -> bool:
    return bool(set(first.lower().split()) & set(second.lower().split()))


def _nowhere(text: str) -> bool:
    return False


def _says(number: str) -> Is_Stated:
    return lambda text: says_number(text, number)


def _put(sentence: str, place: re.Match[str], new: str) -> str:
    return sentence[: place.start()] + new + sentence[place.end() :]


def _other_number(number: str, rng: random.Random) -> str:
    """One of as many digits, with the same signs."""
    while True:
        digits = [rng.choice("123456789") if c.isdigit() else c for c in number]
        # Most often only one digit is wrong.
        if rng.random() < 0.6:
            at = rng.choice([i for i, c in enumerate(number) if c.isdigit()])
            digits = [
                d if i == at else c for i, (c, d) in enumerate(zip(number, digits, strict=True))
            ]
        new = "".join(digits)
        if new != number and not re.match(r"\$?0", new):
            return new
