"""What a question asks for: the kind of answer, the words that it is about, what must be named.

English rules, harmless elsewhere. Leaves out finding the answer: that is `assistant.quotes`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache

from assistant.answer_kinds import (
    CONDITION,
    IN_MONTH,
    YEAR,
    has_amount,
    has_moment,
    has_name,
    months,
)
from assistant.quantities import MONTHS
from assistant.sentences import numbers, stem, stems

PICTURE_WORD = (
    r"\b(?:figure|picture|photo|photograph|image|chart|graph|plot|diagram|drawing|map|"
    r"screenshot|illustration|histogram)s?\b"
)
PICTURE = re.compile(PICTURE_WORD, re.IGNORECASE)
SEEN = r"\b(?:curve|sketch|scatter ?plot|spectrum|logo|portrait|painting|layout)s?\b"
"""What a person may wish to see besides; in a question it may be a word like any other."""
NO_PICTURE = re.compile(
    r"\b(?:(?:which|what|how many) (?:figures?|images?)|(?<!this )(?<!the )(?<!overview )figures|"
    r"(?:image|picture|graph|map|figure) (?:format|file|type|size|database|theory)s?)\b",
    re.IGNORECASE,
)
"""Where such a word means no picture: a figure may be a number."""
SHOW = re.compile(
    r"\W*(?:(?:please|(?:can|could|would) you|i (?:want|would like) to|i'd like to|let me)\s+)*"
    rf"(?:show|see|display|look at)\b.*(?:{PICTURE_WORD}|{SEEN})",
    re.IGNORECASE | re.DOTALL,
)
ASKS_MORE = re.compile(r"\b(?:how|what|when|where|which|who|whom|whose|why)\b", re.IGNORECASE)
MEASURED = (
    r"amount|area|average|balance|budget|capacity|coefficient|coinsur\w+|copa\w+|cost|count|"
    r"deductible|depth|distance|fee|figures?|growth|height|index|latitude|length|level|longitude|"
    r"maximum|minimum|number|percent|percentage|percentile|population|premium|price|range|rate|"
    r"ratio|recall|revenue|salar\w+|sales|score|share|size|speed|temperature|total|value|volume|"
    r"weight|width|f1|macro-f1|accuracy"
)
"""Words for what has a number."""
NUMBER = re.compile(
    r"\bhow (?:many|much|high|tall|long|large|big|far|old|wide|deep|fast|hot|cold|heavy|often|well)"
    rf"\b|\b(?:what|which)\b(?: \S+){{0,5}}? (?:{MEASURED})(?![\w-])|\bat what\b|"
    r"\b(?:two|what) amounts\b|^\W*total\b|"
    r"\b(?:what|which) (?:is|was|are|were) the (?:longest|shortest|highest|lowest|largest)\b",
    re.IGNORECASE,
)
DATE = re.compile(
    r"^\W*when\b|\band when\b|\b(?:which|what) (?:year|month|day|date|decade|century)\b",
    re.IGNORECASE,
)
PAST = re.compile(r"\b(?:did|had|was|were|which|what)\b", re.IGNORECASE)
"""Then only a time tells when, and no condition."""
PERSON = re.compile(r"^\W*who(?:m|se)?\b", re.IGNORECASE)
DOES = r"(?:are|can|could|did|do|does|had|has|have|is|may|must|should|was|were|will|would)"
WHEN = rf"when(?:['’]s| {DOES}| exactly| during| in| on)\b"
"""Asks for a time; "when I lose the card, …" does not."""
ONLY_SUCH = re.compile(
    rf"^\W*(?:how (?:many|much)|{WHEN}|who|(?:in )?(?:which|what) year)\b", re.IGNORECASE
)
"""Opens what nothing but a number, a time or a name answers; "which area" may be any word."""
ASKS_TOO = re.compile(
    r"(?:[,;]|\band\b) (?:\w+ )?(?:how|what|when|where|which|whom?|whose|why)\b", re.IGNORECASE
)
NO_CHART = re.compile(rf"^\W*(?:{WHEN}|who(?:m|se)?\b)", re.IGNORECASE)
NOT_IN_MONTH = re.compile(r"\b(?:after|before|between|since|than|till|until)\b", re.IGNORECASE)
"""With them a month in a question may be another than that which is counted or measured."""
GERMAN = re.compile(r"\b(?:das|den|der|die|ein|eine|es|ist|man|sie)\b", re.IGNORECASE)
YES_NO = re.compile(rf"^\W*{DOES}\b", re.IGNORECASE)
COUNTED = re.compile(
    r"\bhow many (?:more |other |new |long |different )*(\w[\w-]*(?: \w[\w-]*)?)",
    re.IGNORECASE,
)
IN_DOCUMENT = re.compile(
    r"\b(?:in|from|inside|within)\s+(?:the\s+|my\s+|our\s+)?(.+)|(?<![\w-])([\w-]+\.[a-z]\w{1,4})\b",
    re.IGNORECASE,
)
NAMES = re.compile(r"\b[A-Z][\w.'’&]*(?:[ -]+[A-Z][\w.'’&]*)*")
WORD = re.compile(r"[^\W_]+(?:[.'’][^\W_]+)*")
UNITS = (
    (
        r"how (?:far|tall|high|wide|deep)",
        r"mile|kilomet|met(?:er|re)s|feet|foot|inch|km|yards?|light",
    ),
    (r"how (?:long|old)|longest", r"second|minute|hour|day|week|month|year|decade|centur|old"),
    (r"what (?:percent\w*|share)|which percent\w*", r"%|percent|per cent|proportion"),
    (r"how (?:hot|cold)|temperature", r"°|degree|celsius|fahrenheit|kelvin"),
    (r"(?:in|what|which) (?:square|cubic) \w+|area in", r"square|cubic|acre|hectare|km2|sq"),
)
"""What is asked for → what stands with the number that answers."""
MOST = re.compile(
    r"\b(?:most|highest|largest|biggest|greatest|best|tallest|top|peak|longest|maximum)\b",
    re.IGNORECASE,
)
LEAST = re.compile(
    r"\b(?:least|lowest|smallest|fewest|worst|cheapest|shortest|minimum)\b", re.IGNORECASE
)
EMPTY = frozenset(
    """accord actual answer call come do doe get give given go has have it made mean mention
    name one roughli about approxim around say show shown stand state us use what kind type sort
    list tell their there they this which""".split()  # noqa: SIM905 - a list would be forty lines
)
"""Stems that nearly any question may hold."""
ALIKE = (
    "author permit approv licens",
    "cost price spend spent charg fee pay paid",
    "drug medicin medic prescript",
    "climb grow grew growth increas rise rose gain",
    "declin decreas drop fall fell shrank contract",
    "big bigger biggest great greatest larg larger largest most highest top peak maximum tallest",
    "least lowest smallest minimum cheapest fewest",
    "employe worker work job employ",
    "sale sold sell sell",
    "film movi clip video",
    "melt thaw",
    "claim file submit",
    "car vehicl automobil",
    "percent percentag share proport",
    "hous home dwell",
    "doctor physician",
    "start begin began begun",
    "found founder establish inaugur",
    "area region zone",
    "maker creator author made creat",
    "beta trial prototyp",
    "releas publish publish issu",
    "suppli provid",
    "need requir must",
    "minimum least",
    "children child kid",
    "countri nation",
    "compani firm busi corpor",
    "test trial",
    "overview summari",
)
"""Stems that may stand for one another; each line is a meaning."""
TYPO_LIKENESS = 0.84
MIN_TYPO_CHARS = 5


class Wants(Enum):
    """The kind of thing that would answer."""

    NUMBER = "number"
    DATE = "date"
    PERSON = "person"
    YES_OR_NO = "yes or no"
    ANYTHING = "anything"


@dataclass(frozen=True)
class Asked:
    """A question as it is understood."""

    text: str

    @cached_property
    def wants(self) -> Wants:
        """The kind of answer. Of two, that which is rarer in texts."""
        if DATE.search(self.text):
            return Wants.DATE
        if NUMBER.search(self.text):
            return Wants.NUMBER
        if PERSON.search(self.text):
            return Wants.PERSON
        is_whether = YES_NO.search(self.text) and not GERMAN.search(self.text)
        return Wants.YES_OR_NO if is_whether else Wants.ANYTHING

    @cached_property
    def takes_only_such(self) -> bool:
        """Whether nothing answers that does not hold the kind of thing that is asked for."""
        return bool(ONLY_SUCH.match(self.text)) and not ASKS_TOO.search(self.text)

    @cached_property
    def takes_no_picture(self) -> bool:
        """Whether no chart answers: it asks when something was, or who, and names no picture."""
        return bool(NO_CHART.match(self.text)) and not self.is_about_picture

    @cached_property
    def is_about_picture(self) -> bool:
        """Whether it names a picture or chart."""
        return bool(PICTURE.search(NO_PICTURE.sub(" ", self.text)))

    @cached_property
    def is_wish_to_see(self) -> bool:
        """Whether the person wants to see a figure and is not asking anything besides."""
        return bool(SHOW.match(self.text)) and not ASKS_MORE.search(self.text)

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """Meanings of the words that it is about, each once."""
        plain = PICTURE.sub(" ", self.text)
        found = (meaning(s) for s in stems(plain) if s not in EMPTY)
        return tuple(dict.fromkeys(found))

    @cached_property
    def counted(self) -> frozenset[str]:
        """Meanings of the words for what is to be counted: "visits" of "how many visits"."""
        found = COUNTED.search(self.text)
        return frozenset(meanings(found[1])) if found else frozenset()

    @cached_property
    def unit(self) -> re.Pattern[str] | None:
        """What stands with a number that answers; None where that cannot be told."""
        for asking, unit in UNITS:
            if re.search(rf"\b(?:{asking})\b", self.text, re.IGNORECASE):
                return re.compile(unit, re.IGNORECASE)
        return None

    @cached_property
    def extreme(self) -> int:
        """1 where it asks for the most of something, -1 for the least, else 0."""
        return 1 if MOST.search(self.text) else -1 if LEAST.search(self.text) else 0

    @cached_property
    def names(self) -> tuple[frozenset[str], ...]:
        """The names in it, each as the meanings of its words: an answer must speak of them."""
        found: list[frozenset[str]] = []
        for name in NAMES.finditer(self.text):
            parts = [w for w in WORD.findall(name[0]) if w.lower() not in MONTHS]
            is_opening = not self.text[: name.start()].strip(" \"“'‘")
            if is_opening and parts and not parts[0].isupper():
                parts = parts[1:]  # it may have its capital from the place
            if known := frozenset(meanings(" ".join(parts))):
                found.append(known)
        return tuple(found)

    @cached_property
    def document(self) -> frozenset[str]:
        """Meanings of the words that may name a document: "the chart in the note", "a.pdf"."""
        found = (" ".join(pair) for pair in IN_DOCUMENT.findall(self.text))
        return frozenset(m for text in found for m in title_meanings(text))

    @cached_property
    def years(self) -> frozenset[str]:
        """The years that it names."""
        return frozenset(YEAR.findall(self.text))

    @cached_property
    def months(self) -> frozenset[str]:
        """The months in which it asks for a number; "the flood in May" may be another matter."""
        is_in_month = self.wants is Wants.NUMBER and IN_MONTH.search(self.text)
        return (
            months(self.text) if is_in_month and not NOT_IN_MONTH.search(self.text) else frozenset()
        )

    @cached_property
    def numbers(self) -> frozenset[str]:
        """The numbers that it names: repeated, they are no answer."""
        return frozenset(numbers(self.text))

    def is_given_by(self, text: str) -> bool:
        """Whether the text holds the kind of thing that is asked for."""
        if self.wants is Wants.NUMBER:
            return has_amount(text, self.text)
        if self.wants is Wants.DATE:
            is_condition = not PAST.search(self.text) and bool(CONDITION.search(text))
            return is_condition or has_moment(text, self.text)
        if self.wants is Wants.PERSON:
            return has_name(text, self.text)
        return True


def meaning(found: str) -> str:
    """One stem for all that may stand for one another."""
    return _ALIKE.get(found, found)


@lru_cache(maxsize=4_096)
def meanings(text: str) -> tuple[str, ...]:
    """Meanings of the words of a text that carry one, in order."""
    return tuple(meaning(s) for s in stems(text))


def title_meanings(title: str) -> frozenset[str]:
    """Meanings of the words of a title, which may be the name of a file."""
    return frozenset(meanings(re.sub(r"[._-]", " ", title)))


def missing(wanted: Iterable[str], known: set[str]) -> set[str]:
    """Which of the stems are not known; a misspelt one is known as the one that it is like."""
    return {s for s in wanted if s not in known and not spelt(s, known)}


def spelt(found: str, known: Iterable[str]) -> str | None:
    """The known stem that a misspelt one is like; None where there is none."""
    if len(found) < MIN_TYPO_CHARS or found[0].isdigit():
        return None
    near = [k for k in known if k[0] == found[0] and abs(len(k) - len(found)) <= 2]
    like = difflib.get_close_matches(found, near, n=1, cutoff=TYPO_LIKENESS)
    return like[0] if like else None


_ALIKE = {s: line.split()[0] for line in ALIKE for s in line.split()} | {
    short: stem(month) for month in MONTHS for short in {month[:3], month[:4]} - {"mar", "marc"}
}
