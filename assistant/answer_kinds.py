"""Whether a text holds a number, a time or a name that a question does not hold itself.

English. Leaves out which of them a question asks for: that is `assistant.questions`.
"""

from __future__ import annotations

import re
from collections import Counter

from assistant.sentences import NUMBER, numbers, stems

YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
SMALL_NUMBERS = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|"
    r"forty|fifty|sixty|hundred|thousand|million|billion|dozen|half|once|twice)\b",
    re.IGNORECASE,
)
AMOUNT = re.compile(
    rf"{SMALL_NUMBERS.pattern}|\b(?:zero|none|nobody|single|free|hourly|daily|weekly|"
    r"monthly|yearly|annually|every(?= \w)|no(?= \w+s\b)|one(?! (?:another|can|may|must|of)\b))\b",
    re.IGNORECASE,
)
"""What may answer "how many", "how much" and "how often" without a figure."""
LABEL = re.compile(
    r"\b(?:appendix|chapter|fig(?:ure|s|\.)?|figures|no\.|page|section|step|tables?) ?\d[\d.]*",
    re.IGNORECASE,
)
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|apr(?:il)?|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?|(?-i:Mar(?:ch)?\b\.?|May\b|MAR|MAY)"
)
"""As names, "may" and "march" have a capital."""
A_MONTH = re.compile(rf"\b{MONTH}", re.IGNORECASE)
HOUR = r"\b\d{1,2}:\d\d\b|\b\d{1,2} ?(?:[ap]\.?m\b|o['’]clock)"
DATED = re.compile(
    rf"\b(?:in|since|during|until|till|before|after|between|from) {YEAR.pattern}"
    rf"(?: ?(?:to|and|[-–]) ?{YEAR.pattern})?|"
    rf"\b(?:\d{{1,2}} )?(?:{MONTH}) (?:\d{{1,2}}(?!\d),? )?{YEAR.pattern}|"
    rf"\b\d{{1,2}}(?:st|nd|rd|th)? (?:{MONTH})|{HOUR}",
    re.IGNORECASE,
)
"""What is plainly a year, a day or an hour."""
MOMENT = re.compile(
    rf"{YEAR.pattern}|\b\d{{3,4}}s?\b(?= ?(?:BC|AD|CE))|\b\d{{4}}s\b|"
    rf"\b(?:{MONTH})|{HOUR}|"
    r"\b\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b|"
    r"\b(?:in|since|circa) \d{3,4}(?=[.,;:)]|$| (?:and|by|the|under|when|with)\b)|"
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|"
    r"\b(?:spring|summer|autumn|winter|ago|noon|midnight|morning|evening|night|yesterday|today|"
    r"tomorrow|easter|christmas|century)\b",
    re.IGNORECASE,
)
EVENT = re.compile(
    r"\b(?:after|before|during|upon) (?:an?|each|every|h(?:er|is)|its|the(?:ir)?|world)\b",
    re.IGNORECASE,
)
"""What may tell when something was besides a time: "after the war"."""
CONDITION = re.compile(
    r"\b(?:after|always|as soon as|at|before|days?|during|each|every|hours?|if|immediately|"
    r"minutes?|months?|never|once|seconds?|unless|until|upon|weeks?|when|whenever|while|within|"
    r"years?)\b",
    re.IGNORECASE,
)
"""What may tell when something is to be done."""
NAME = re.compile(r"(?:(?<=[^\W\d] )|(?<=[,;:(—] ))(?!I\b)[^\W\d_]\w+")
"""A word that may be a name, by its capital: none that opens a sentence, and no unit."""
SUBJECT = re.compile(r"\W*([^\W\d_]\w+) (\w+)")
"""What opens a sentence, and the word after it."""
OF_A_THING = re.compile(r"\b(?:the|an?) (?:[A-Z][\w'’-]*\s)+(?=((?:[a-z]\w+ ?){1,2}))")
"""A name that tells one thing from others: of "the Kallen bridge"."""
NO_NAMES = frozenset(
    """figure fig table chapter section page appendix monday tuesday wednesday thursday friday
    saturday sunday""".split()  # noqa: SIM905 - a list would be twenty lines
) | frozenset(MONTHS)


def has_amount(text: str, question: str) -> bool:
    """Whether it says how much: a number that the question does not give, or says less often.

    The number of a figure or section is none, and a year only where nothing shows it to be one.
    """
    counted = DATED.sub(" ", LABEL.sub(" ", text))
    if AMOUNT.search(counted):
        return True
    return bool(_numbers(counted) - _numbers(question))


def has_moment(text: str, question: str) -> bool:
    """Whether it names a time: a year, month, day or hour, or event, that the question does not."""
    if EVENT.search(text):
        return True
    told = {_short(found) for found in MOMENT.findall(text)}
    return bool(told - {_short(found) for found in MOMENT.findall(question)})


def months(text: str) -> frozenset[str]:
    """The months that it names, by their first three letters."""
    return frozenset(_short(found) for found in A_MONTH.findall(text))


def has_name(text: str, question: str) -> bool:
    """Whether it holds a name that is not in the question, nor that of what it is about.

    What opens it is one where it stands before a word of the question: "Vollmer founded it".
    """
    asked = set(stems(question))
    plain = OF_A_THING.sub(lambda found: "" if asked & set(stems(found[1])) else found[0], text)
    if _names(plain) - _names(question):
        return True
    opening = SUBJECT.match(text)
    first, second = (set(stems(word)) for word in opening.groups()) if opening else (set(), set())
    return bool(first - asked and second & asked)


def _names(text: str) -> set[str]:
    return {n for n in NAME.findall(text) if n[0].isupper() and n.lower() not in NO_NAMES}


def _numbers(text: str) -> Counter[str]:
    return Counter(n for found in NUMBER.findall(text) for n in numbers(found))


def _short(moment: str) -> str:
    """As the same month may be abbreviated."""
    lower = moment.lower().rstrip(".")
    return lower[:3] if lower[:1].isalpha() else lower
