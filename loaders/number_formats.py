"""Shows the numbers of spreadsheets and charts as Excel does, by their number format.

Leaves out colours, the width of a column (a number too wide for it is shown all the same), and
the language of dates: names of months are English, and dates in the reader's own style ISO 8601.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from math import isfinite

DAY_0 = datetime(1899, 12, 30)
DAYS_1904 = 1462
LAST_DAY = 2_958_465
"""31 December 9999, the last day that Excel knows."""
SECONDS_A_DAY = 86_400
GENERAL = "General"
MAX_CODE_CHARS = 255
"""Of a number format, as in Excel."""
LARGEST = 1e15
"""Beyond it Excel keeps no whole numbers."""
GENERAL_DIGITS = 11
MAX_DECIMALS = 30

TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_.|\*.|\[(?P<bracket>[^\]]*)\]?'
    r"|(?P<half>am/pm|a/p)|(?P<general>general)|(?P<exponent>e[+-])"
    r"|(?P<date>y+|m+|d+|h+|s+(?:\.0+)?)|(?P<digit>[0#?])|(?P<sign>[.,%/@])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?[0-9]+(?:\.[0-9]+)?)")
ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
CURRENCY = re.compile(r"\$([^-]*)")
COMPARED = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "=": lambda a, b: a == b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<>": lambda a, b: a != b,
}


@dataclass(frozen=True, slots=True)
class _Token:
    """kind: "text", "digit", "date", "elapsed", "half", "exponent", "general" or a sign."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class _Section:
    """One of the parts of a format that semicolons divide."""

    tokens: tuple[_Token, ...]
    condition: tuple[str, float] | None
    kinds: frozenset[str]

    @property
    def is_date(self) -> bool:
        return not self.kinds.isdisjoint({"date", "elapsed"})


def shown_number(number: float, code: str, *, uses_1904: bool = False) -> str:
    """The number as a cell with this format shows it. uses_1904: whose days count from 1904."""
    if not isfinite(number):
        return str(number)
    if code == GENERAL:
        return _general(number)
    sections = _sections(code[:MAX_CODE_CHARS])
    section = _section_for(number, sections)
    if section.is_date:
        days = number + (DAYS_1904 if uses_1904 else 0)
        if 0 <= days <= LAST_DAY:
            return _date(days, section.tokens).strip()
        return _general(number)
    # A section of its own for negative numbers says how they look, sign included.
    is_signed = number < 0 and (section is sections[0] or section.condition is not None)
    text = _number(abs(number), section).strip()
    return f"-{text}" if is_signed and re.search("[1-9]", text) else text


def shown_text(text: str, code: str) -> str:
    """The text as a cell with this format shows it."""
    if code == GENERAL:
        return text
    sections = _sections(code[:MAX_CODE_CHARS])
    if len(sections) < 4 or "@" not in sections[3].kinds:
        return text
    return "".join(text if t.kind == "@" else t.text for t in sections[3].tokens).strip()


def is_date_format(code: str) -> bool:
    """Whether numbers in this format are days or times."""
    return _sections(code[:MAX_CODE_CHARS])[0].is_date


@lru_cache(maxsize=512)
def _sections(code: str) -> tuple[_Section, ...]:
    parts: list[list[_Token]] = [[]]
    conditions: list[tuple[str, float] | None] = [None]
    for match in TOKEN.finditer(code):
        kind, text = str(match.lastgroup), match[0]
        if kind == "other" and text == ";":
            parts.append([])
            conditions.append(None)
        elif kind == "bracket":
            inner = match["bracket"]
            if found := CONDITION.fullmatch(inner.strip()):
                conditions[-1] = found[1], float(found[2])
            elif ELAPSED.fullmatch(inner):
                parts[-1].append(_Token("elapsed", inner.lower()))
            elif sign := CURRENCY.match(inner):
                parts[-1].append(_Token("text", sign[1]))
        elif kind in {"quoted", "escaped", "other"}:
            parts[-1].append(_Token("text", match[kind]))
        elif kind == "sign":
            parts[-1].append(_Token(text, text))
        elif kind != "None":
            parts[-1].append(_Token(kind, text.lower() if kind == "date" else text))
    return tuple(
        _Section(tuple(tokens), condition, frozenset(token.kind for token in tokens))
        for tokens, condition in zip(parts, conditions, strict=True)
    )


def _section_for(number: float, sections: tuple[_Section, ...]) -> _Section:
    if any(section.condition for section in sections):
        for section in sections:
            if section.condition is None or COMPARED[section.condition[0]](
                number, section.condition[1]
            ):
                return section
        return sections[0]
    if len(sections) >= 3 and number == 0:
        return sections[2]
    return sections[1] if len(sections) >= 2 and number < 0 else sections[0]


# Numbers


def _number(number: float, section: _Section) -> str:
    """number: not negative."""
    if "general" in section.kinds:
        return "".join(_general(number) if t.kind == "general" else t.text for t in section.tokens)
    if "@" in section.kinds:
        return _general(number)
    digits = [index for index, token in enumerate(section.tokens) if token.kind == "digit"]
    if not digits:
        return "".join(t.text for t in section.tokens if t.kind in {"text", "%"})
    if number >= LARGEST * LARGEST:
        return _general(number)
    first, last = digits[0], digits[-1]
    before, inner = section.tokens[:first], section.tokens[first : last + 1]
    after = section.tokens[last + 1 :]
    n_percent = sum(token.kind == "%" for token in section.tokens)
    n_thousands = 0
    while n_thousands < len(after) and after[n_thousands].kind == ",":
        n_thousands += 1
    value = Decimal(repr(number)).scaleb(2 * n_percent - 3 * n_thousands)
    if any(token.kind == "/" for token in inner):
        middle = _fraction(value, inner)
    elif any(token.kind == "exponent" for token in inner):
        middle = _scientific(value, inner)
    else:
        middle = _decimal(value, inner)
    return (
        "".join(t.text for t in before if t.kind != ",")
        + middle
        + "".join(t.text for t in after[n_thousands:] if t.kind != ",")
    )


def _decimal(value: Decimal, tokens: tuple[_Token, ...]) -> str:
    point = next((n for n, token in enumerate(tokens) if token.kind == "."), len(tokens))
    whole, decimals = tokens[:point], tokens[point + 1 :]
    n_decimals = min(sum(token.kind == "digit" for token in decimals), MAX_DECIMALS)
    with localcontext() as context:
        context.prec = 80
        rounded = value.quantize(Decimal(1).scaleb(-n_decimals), rounding=ROUND_HALF_UP)
    left, _, right = f"{rounded:f}".partition(".")
    text = _filled(left.lstrip("0"), whole)
    if point == len(tokens):
        return text
    optional = 0
    for token in reversed(decimals):
        if token.text != "#":
            break
        optional += 1
    shown = right.rstrip("0") if optional else right
    shown = shown.ljust(n_decimals - optional, "0")
    tail = "".join(token.text for token in decimals if token.kind == "text")
    return f"{text}.{shown}{tail}" if shown else text + tail


def _filled(digits: str, tokens: tuple[_Token, ...]) -> str:
    """The whole part of a number put into its placeholders, from the right."""
    n_places = sum(token.kind == "digit" for token in tokens)
    has_thousands = any(token.kind == "," for token in tokens)
    found: list[str] = []
    left, n_done = digits, 0

    def put(digit: str) -> None:
        nonlocal n_done
        if has_thousands and n_done and n_done % 3 == 0:
            found.append(",")
        found.append(digit)
        n_done += 1

    for token in reversed(tokens):
        if token.kind == "digit":
            n_places -= 1
            if left:
                put(left[-1])
                left = left[:-1]
            elif token.text == "0":
                put("0")
            while left and not n_places:
                put(left[-1])
                left = left[:-1]
        elif token.kind == "text":
            found.append(token.text[::-1])
    return "".join(found)[::-1]


def _fraction(value: Decimal, tokens: tuple[_Token, ...]) -> str:
    slash = next(n for n, token in enumerate(tokens) if token.kind == "/")
    below = "".join(t.text for t in tokens[slash + 1 :] if t.kind in {"digit", "text"})
    has_whole = any(token.kind == "text" and token.text.isspace() for token in tokens[:slash])
    whole = int(value) if has_whole else 0
    part = Fraction(value) - whole
    fixed = int(below) if below.isdecimal() and len(below) < 6 and int(below) else 0
    if fixed:
        above, under = round(part * fixed), fixed
    else:
        near = part.limit_denominator(10 ** min(len(below.strip()) or 1, 5) - 1)
        above, under = near.numerator, near.denominator
    if above == under:
        whole, above = whole + 1, 0
    if not above:
        return str(whole)
    return f"{whole} {above}/{under}" if whole else f"{above}/{under}"


def _scientific(value: Decimal, tokens: tuple[_Token, ...]) -> str:
    at = next(n for n, token in enumerate(tokens) if token.kind == "exponent")
    mantissa, exponent = tokens[:at], tokens[at + 1 :]
    point = next((n for n, token in enumerate(mantissa) if token.kind == "."), len(mantissa))
    n_decimals = sum(token.kind == "digit" for token in mantissa[point:])
    n_digits = sum(token.kind == "digit" for token in exponent)
    left, _, right = f"{float(value):.{min(n_decimals, MAX_DECIMALS)}E}".partition("E")
    sign = "-" if right.startswith("-") else "+" if tokens[at].text.endswith("+") else ""
    return f"{left}E{sign}{abs(int(right)):0{n_digits}d}"


def _general(number: float) -> str:
    if number == int(number) and abs(number) < LARGEST:
        return str(int(number))
    return f"{number:.{GENERAL_DIGITS - 1}g}".replace("e", "E")


# Dates


def _date(days: float, tokens: tuple[_Token, ...]) -> str:
    finest = max(
        (len(t.text.partition(".")[2]) for t in tokens if t.kind == "date" and t.text[0] == "s"),
        default=0,
    )
    seconds = round(days * SECONDS_A_DAY, min(finest, 6))
    moment = DAY_0 + timedelta(seconds=min(seconds, LAST_DAY * SECONDS_A_DAY))
    has_half = any(token.kind == "half" for token in tokens)
    found: list[str] = []
    for index, token in enumerate(tokens):
        if token.kind == "elapsed":
            unit = {"h": 3600, "m": 60, "s": 1}[token.text[0]]
            found.append(f"{int(seconds // unit):0{len(token.text)}d}")
        elif token.kind == "half":
            half = "AM" if moment.hour < 12 else "PM"
            found.append(half if len(token.text) > 3 else half[0])
        elif token.kind == "date":
            found.append(_date_part(moment, token.text, _is_minutes(tokens, index), has_half))
        else:
            found.append(token.text)
    return "".join(found)


def _is_minutes(tokens: tuple[_Token, ...], index: int) -> bool:
    """Whether an "m" is of minutes: after hours or before seconds."""
    before = next((t for t in reversed(tokens[:index]) if t.kind in {"date", "elapsed"}), None)
    after = next((t for t in tokens[index + 1 :] if t.kind in {"date", "elapsed"}), None)
    return bool((before and before.text[0] == "h") or (after and after.text[0] == "s"))


def _date_part(moment: datetime, text: str, is_minutes: bool, has_half: bool) -> str:
    n = len(text)
    match text[0]:
        case "y":
            return f"{moment.year:04d}" if n > 2 else f"{moment.year % 100:02d}"
        case "m" if is_minutes:
            return f"{moment.minute:0{min(n, 2)}d}"
        case "m" if n > 2:
            name = MONTHS[moment.month - 1]
            return name[:3] if n == 3 else name[0] if n == 5 else name
        case "m":
            return f"{moment.month:0{n}d}"
        case "d" if n > 2:
            day = DAYS[moment.weekday()]
            return day[:3] if n == 3 else day
        case "d":
            return f"{moment.day:0{n}d}"
        case "h":
            hour = (moment.hour - 1) % 12 + 1 if has_half else moment.hour
            return f"{hour:0{min(n, 2)}d}"
    whole, _, part = text.partition(".")
    seconds = f"{moment.second:0{min(len(whole), 2)}d}"
    return (
        f"{seconds}.{moment.microsecond:06d}"[: len(seconds) + 1 + len(part)] if part else seconds
    )


MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
