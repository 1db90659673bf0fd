"""Whether a text may hold a number, a time or a name that a question does not hold itself.

English. They are for refusing what cannot answer, so in doubt they say yes. Leaves out which of
them a question asks for: that is `assistant.questions`.
"""

from __future__ import annotations

import re
from collections import Counter

from assistant.quantities import MONTHS, SPELLED
from assistant.sentences import UNTELLING

YEAR = re.compile(r"\b(?:1[5-9]|20)\d\d\b")
COUNT = "|".join(SPELLED)
SMALL_NUMBERS = re.compile(
    rf"\b(?:(?!one\b)(?:{COUNT})|(?:hundred|thousand|million|billion|trillion|dozen)s?|half|once|"
    r"twice)\b",
    re.IGNORECASE,
)
AMOUNT = re.compile(
    rf"{SMALL_NUMBERS.pattern}|[¼½¾⅓⅔]|\b(?:all|both|couple|doubled?|each|either|"
    r"entire(?:ly)?|every(?:thing)?|few|free|full|fully|halved|hourly|daily|weekly|monthly|yearly|"
    r"annually|little|lots?|majority|many|much|neither|nobody|no|none|nothing|numerous|one|pair|"
    r"part(?:ly)?|plenty|quarters?|several|single|some|thirds?|thrice|tripled?|unlimited|whole)\b",
    re.IGNORECASE,
)
"""What may answer "how many", "how much" and "how often" without a figure."""
DIGITS = re.compile(r"\d[\d.,]*")
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|apr(?:il)?|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|(?-i:Mar(?:ch)?|May|MAR(?:CH)?|MAY))\b"
)
"""As names, "may" and "march" have a capital."""
A_MONTH = re.compile(rf"\b{MONTH}", re.IGNORECASE)
IN_MONTH = re.compile(
    rf"\b(?:in|during|for) (?:(?:early|late|mid|the|month|of)[ -])*{MONTH}", re.IGNORECASE
)
"""What is measured or counted in a month; "may" is otherwise more than a month."""
NO_AMOUNT = re.compile(
    r"\b(?:Appendix|Chapter|Fig(?:ure|s|\.)?|Figures|Section|Tables?) \d{1,2}(?!\d)(?:\.\d+)*|"
    rf"\b[Ii]n {YEAR.pattern}(?=[.,;:)]|$)|\b\d{{1,2}} (?i:{MONTH}) {YEAR.pattern}"
)
"""The number of a figure, and what can be nothing but a date."""
MOMENT = re.compile(
    r"(?<!\d)(?<!\d[.,])\d{3,4}(?!\d)(?![.,]\d{3}\b)|\b\d0s\b|"
    r"\b\d{1,2} ?(?-i:BC|AD|CE|BCE)\b|\b(?-i:BC|AD|CE|FY|Q) ?\d{1,2}\b|"
    rf"\b\d{{1,2}}(?:st|nd|rd|th)?\.? (?:of )?{MONTH}|\b{MONTH}\.?(?: the)? \d{{1,2}}(?!\d)|"
    rf"\b{MONTH}|\b\d{{1,2}}(?:st|nd|rd|th)\b|"
    r"\b\d{1,2}:\d\d\b|\b\d{1,2} ?(?:[ap]\.?m\b|o['’]clock)|"
    r"\b\d{1,4}([-/.])\d{1,2}\1\d{1,4}\b|\b\d{1,2}/\d{1,2}\b|\b\d{1,2}\.\d{1,2}\.(?!\d)|"
    rf"\b(?:age|aged|at|past)(?: about| around| half| of)* (?:\d{{1,2}}|{COUNT})\b|"
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|"
    r"\b(?:spring|summer|autumn|fall|winter|ago|later|earlier|noon|midday|midnight|dawn|dusk|"
    r"sunrise|sunset|morning|afternoon|evening|night|yesterday|today|tonight|tomorrow|easter|"
    r"christmas|decades?|century|centuries|ages?|eras?|reign|period|dynasty|war|antiquity|"
    r"medieval|(?:last|next|same|that|this) (?:week|month|year))\b",
    re.IGNORECASE,
)
EVENT = re.compile(
    r"\b(?:after|before|during|following|since|till|until|upon|when|while|(?-i:under(?= [A-Z])))\b",
    re.IGNORECASE,
)
"""What may tell when something was besides a time: "after the war"."""
CONDITION = re.compile(
    r"\b(?:always|as soon as|at|days?|each|every|hours?|if|immediately|minutes?|months?|never|now|"
    r"once|seconds?|soon|unless|weeks?|whenever|within|years?)\b",
    re.IGNORECASE,
)
"""What may besides tell when something is to be done."""
WORD_AND_GAP = re.compile(r"([^\W\d_]+)([\W\d_]*)")
JOINS = " ,'’-&"
"""What stands between words of one sentence."""
NO_NAMES = frozenset(
    """i figure fig table chapter section page appendix monday tuesday wednesday thursday friday
    saturday sunday""".split()  # noqa: SIM905 - a list would be twenty lines
) | frozenset(MONTHS)
OPENERS = UNTELLING | frozenset(
    """although another besides despite even every everybody everyone finally first here however
    instead later like many nearly next nobody none now often others several since sometimes soon
    still therefore though today unlike upon usually whatever whether within yet""".split()  # noqa: SIM905
)
"""Words that open a sentence and name nobody."""


def has_amount(text: str, question: str) -> bool:
    """Whether it may say how much: by a number that the question does not give, or in words."""
    counted = NO_AMOUNT.sub(" ", text)
    return bool(AMOUNT.search(counted) or _figures(counted) - _figures(question))


def has_moment(text: str, question: str) -> bool:
    """Whether it may name a time, or an event, that the question does not."""
    return bool(EVENT.search(text) or _moments(text) - _moments(question))


def months(text: str) -> frozenset[str]:
    """The months that it names, by their first three letters."""
    return frozenset(found.lower()[:3] for found in A_MONTH.findall(text))


def has_name(text: str, question: str) -> bool:
    """Whether it holds a word with a capital that is not in the question and may be a name.

    What opens a sentence may have its capital from there. Scripts without capitals may name.
    """
    found = WORD_AND_GAP.findall(text)
    small = {word for word, _ in found if word.islower()}
    known = NO_NAMES | {word.lower() for word, _ in WORD_AND_GAP.findall(question)}
    gap = "."
    for word, next_gap in found:
        no_opener = OPENERS | small if gap.strip(JOINS) else frozenset()
        if not word.islower() and word.lower() not in known and word.lower() not in no_opener:
            return True
        gap = next_gap
    return False


def _figures(text: str) -> Counter[str]:
    return Counter(found.replace(",", "").rstrip(".") for found in DIGITS.findall(text))


def _moments(text: str) -> set[str]:
    """The times in it, with the same months as they may be abbreviated, and days either way."""
    return {
        " ".join(
            sorted(w if w[0].isdigit() else w[:3] for w in re.findall(r"\w+", found[0].lower()))
        )
        for found in MOMENT.finditer(text)
    }
