"""Numbers in a text by what they are worth: their value with its scale, and their unit.

"$5 million", "5,000,000 dollars" and "five million dollars" are one quantity. Leaves out of
what a quantity is said: that is `assistant.passages`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

SCALES = {
    "k": 1e3, "thousand": 1e3, "thousands": 1e3, "m": 1e6, "mn": 1e6, "mil": 1e6, "mln": 1e6,
    "million": 1e6, "millions": 1e6, "millionen": 1e6, "bn": 1e9, "bil": 1e9, "billion": 1e9,
    "billions": 1e9, "milliarden": 1e9, "trillion": 1e12,
}  # fmt: skip
ATTACHED_SCALES = {"k", "K", "M", "m", "mn", "bn", "mln"}
"""Written to a number without a space; m and M count only after money, else they are metres."""
UNITS = {
    "percent": "% percent percentage prozent pct",
    "$": "$ dollar dollars usd dol",
    "€": "€ euro euros eur",
    "£": "£ gbp sterling",
    "cent": "cent cents ¢",
    "nm": "nm nanometer nanometers",
    "µm": "µm μm micron microns micrometer micrometers",
    "mm": "mm millimeter millimeters millimetre millimetres",
    "cm": "cm centimeter centimeters centimetre centimetres",
    "m": "m meter meters metre metres",
    "km": "km kilometer kilometers kilometre kilometres",
    "inch": "inch inches in",
    "foot": "foot feet ft",
    "yard": "yard yards yd",
    "mile": "mile miles mi",
    "acre": "acre acres",
    "hectare": "hectare hectares ha",
    "acre-foot": "acre-foot acre-feet",
    "gallon": "gallon gallons gal",
    "l": "l liter liters litre litres",
    "ml": "ml milliliter milliliters",
    "µl": "µl μl microliter microliters",
    "ng": "ng nanogram nanograms",
    "µg": "µg μg microgram micrograms",
    "mg": "mg milligram milligrams",
    "g": "g gram grams",
    "kg": "kg kilogram kilograms",
    "pound": "pound pounds lb lbs",
    "ounce": "ounce ounces oz",
    "ton": "ton tons tonne tonnes",
    "second": "seconds sec secs",
    "ms": "ms millisecond milliseconds",
    "minute": "minute minutes min mins",
    "hour": "hour hours hr hrs h",
    "day": "day days",
    "week": "week weeks",
    "month": "month months",
    "year": "year years yr yrs",
    "decade": "decade decades",
    "century": "century centuries",
    "hz": "hz hertz",
    "khz": "khz",
    "mhz": "mhz",
    "ghz": "ghz",
    "v": "v volt volts",
    "w": "w watt watts",
    "kw": "kw kilowatt kilowatts",
    "mw": "mw megawatt megawatts",
    "kb": "kb kilobyte kilobytes",
    "mb": "mb megabyte megabytes",
    "gb": "gb gigabyte gigabytes",
    "tb": "tb terabyte terabytes",
    "times": "times",
    "degree": "degree degrees °",
    "celsius": "°c celsius",
    "fahrenheit": "°f fahrenheit",
    "mph": "mph",
    "cfs": "cfs",
    "ppm": "ppm",
    "ppb": "ppb",
}
UNIT_OF = {word: unit for unit, words in UNITS.items() for word in words.split()}
BASIC = """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen""".split()  # noqa: SIM905 - a list would be twenty lines
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SPELLED = {"zero": 0} | {word: n for n, word in enumerate(BASIC, start=1)}
SPELLED |= {word: 10 * n for n, word in enumerate(TENS, start=2)}
ORDINALS = {
    word: n
    for n, word in enumerate(
        ["third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"], start=3
    )
}
"""First and second are as often said of what is not counted."""
_WORDS = "|".join([*SPELLED, *ORDINALS])
NUMBER = re.compile(
    r"(?P<sign>(?<![\w)])[-−](?=[$€£]?\d))?(?P<money>[$€£]\s?)?"
    r"(?:(?<![\w.,])|(?<=[$€£]))"
    r"(?P<digits>\d{1,3}(?:[,'’\u00a0\u202f]\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?"
    r"|\d{1,3}(?:\.\d{3})+,\d+|\d+(?:[.,]\d+)?)"
    r"|(?<![\w-])(?P<word>(?:" + _WORDS + r")(?:-(?:" + "|".join(BASIC) + r"))?)(?!\w)"
    r"|(?<=[A-Za-z])(?P<tail>\d+(?:\.\d+)?)",
    re.IGNORECASE,
)
AFTER = re.compile(
    r"(?P<attached>[A-Za-z]+(?![\w]))?(?:(?:st|nd|rd|th)\b)?(?:[\s-]+(?P<scale>hundred|thousand|"
    r"million|billion|trillion|millionen|milliarden|mil\.?|bil\.?)\b)?"
    r"[\s-]*(?P<unit>%|°[CF]?|[A-Za-zµμ¢€$]+(?:-f(?:oo|ee)t)?)?",
    re.IGNORECASE,
)
ISO_DATE = re.compile(r"\b((?:1[5-9]|20)\d\d)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\b")
MONTHS = """january february march april may june july august september october november
    december""".split()  # noqa: SIM905 - a list would be twelve lines
APPROXIMATE = re.compile(
    r"\b(?:about|almost|approximately|around|circa|close to|nearly|over|roughly|some|more than)"
    r"\s+[$€£]?$",
    re.IGNORECASE,
)
JOINS_RANGE = re.compile(r"\s*(?:[-–—]|to|or|and|through)\s*[$€£]?", re.IGNORECASE)
NEARLY = 0.02
"""How far "about" may be from the number that is given."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number. value: as it is written; scale: what "million" makes of it; unit: its short name.

    start, end: where it stands, without its unit.
    """

    value: float
    scale: float = 1.0
    unit: str = ""
    start: int = 0
    end: int = 0
    is_about: bool = False

    @property
    def total(self) -> float:
        return self.value * self.scale


@lru_cache(maxsize=4096)
def quantities(text: str) -> tuple[Quantity, ...]:
    """The quantities of a text in their order."""
    found = [q for match in NUMBER.finditer(text) if (q := _quantity(text, match))]
    for at in range(len(found) - 2, -1, -1):
        first, second = found[at], found[at + 1]
        if JOINS_RANGE.fullmatch(text[first.end : second.start]):
            unit, scale = first.unit or second.unit, first.scale
            if scale == 1.0 and "and" not in text[first.end : second.start]:
                scale = second.scale
            found[at] = replace(first, unit=unit, scale=scale)
    return tuple(found)


def units_in(text: str) -> set[str]:
    """The units that a text names, with a number or, like the head of a table, without."""
    words = re.findall(r"[%$€£¢]|°[cf]?|[^\W\d_]+(?:-f(?:oo|ee)t)?", text.lower())
    return {UNIT_OF[w] for w in words if w in UNIT_OF}


def scales_in(text: str) -> set[float]:
    """The scales that a text names: "(mil. dol.)", "in thousands", "(1,000)"."""
    words = re.findall(r"[^\W\d_]{3,}", text.lower())
    named = {SCALES[w] for w in words if w in SCALES}
    return named | ({1e3} if re.search(r"\(1,000\b|\b000s\b", text) else set())


def is_given(wanted: Quantity, given: Sequence[Quantity], around: str, *, falls: bool) -> bool:
    """Whether a quantity is among those given, in its unit.

    around: the text, where a unit or a scale may stand apart from the number, as over a column.
    falls: whether a minus sign may be told by a word.
    """
    return any(
        _same_worth(wanted, other, around, falls=falls) and _same_unit(wanted, other, around)
        for other in given
    )


def _same_worth(wanted: Quantity, given: Quantity, around: str, *, falls: bool) -> bool:
    for total in {given.total, abs(given.total) if falls else given.total}:
        if math.isclose(wanted.total, total, rel_tol=1e-9):
            return True
        if wanted.is_about and _rounds_to(wanted.total, total):
            return True
    if wanted.value == given.value and given.scale == 1.0 and wanted.scale != 1.0:
        return wanted.scale in scales_in(around)
    return False


def _rounds_to(wanted: float, given: float) -> bool:
    return bool(wanted) and abs(wanted - given) <= NEARLY * abs(given) and wanted % 10 == 0


def _same_unit(wanted: Quantity, given: Quantity, around: str) -> bool:
    if not wanted.unit or wanted.unit == given.unit:
        return True
    return not given.unit and wanted.unit in units_in(around)


def _quantity(text: str, match: re.Match[str]) -> Quantity | None:
    is_about = bool(APPROXIMATE.search(text[max(0, match.start() - 24) : match.start()]))
    if match["tail"]:
        return None  # a part of a name, such as Q1: words tell those
    value = _spelled(match["word"]) if match["word"] else _worth(match["digits"])
    if match["sign"]:
        value = -value
    after = AFTER.match(text, match.end())
    money = UNIT_OF.get((match["money"] or "").strip(), "")
    scale, unit, end = 1.0, money, match.end()
    if after:
        attached = after["attached"] or ""
        if after["scale"]:
            scale = 100.0 if after["scale"].lower() == "hundred" else SCALES[_word(after["scale"])]
        if attached in ATTACHED_SCALES and (money or attached not in ("m", "M")):
            scale = SCALES[attached.lower()]
        elif attached and _word(attached) in UNIT_OF:
            unit = unit or UNIT_OF[_word(attached)]
        if not unit and after["unit"]:
            unit = _unit(after["unit"], attached)
    is_one = match["word"] and value == 1 and scale == 1 and not unit
    return None if is_one else Quantity(value, scale, unit, match.start(), end, is_about)


def _unit(word: str, attached: str) -> str:
    # "in" after a number is hardly ever an inch.
    if attached or word in ("in", "In", "a", "A"):
        return ""
    return UNIT_OF.get(word.lower(), "")


def _word(text: str) -> str:
    return text.lower().rstrip(".")


def _spelled(word: str) -> float:
    first, _, last = word.lower().partition("-")
    return float(SPELLED.get(first, ORDINALS.get(first, 0)) + SPELLED.get(last, 0))


def _worth(digits: str) -> float:
    """The value of digits, whichever sign parts thousands and whichever decimals."""
    plain = re.sub(r"['’\u00a0\u202f]", "", digits)
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", plain):
        plain = plain.replace(",", "")
    elif re.fullmatch(r"\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}", plain):
        plain = plain.replace(".", "").replace(",", ".")
    return float(plain.replace(",", "."))
