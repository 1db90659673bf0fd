"""The parts of a question that a follow-up takes up or replaces: names, numbers, noun phrases.

By lists of English function words, spelling and place, without a model. Leaves out what
becomes of them: that is `assistant.ellipsis`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from assistant.sentences import BEFORE_NAMES

ASKING = frozenset(("what", "which", "who", "whom", "whose", "when", "where", "why", "how"))
DOING = frozenset(("do", "does", "did", "can", "could", "will", "would", "shall", "should", "may"))
BEING = frozenset(("is", "are", "was", "were", "am", "be", "been"))
AUXILIARIES = DOING | BEING | frozenset(("has", "have", "had", "must", "might"))
TIMES = frozenset(("since", "until", "before", "after", "between", "during", "by", "from"))
PREPOSITIONS = TIMES | frozenset(
    """about above across against among around as at below for from in inside into like near of on
    outside over per than through to toward towards under via with within without""".split()  # noqa: SIM905 - a list of 30 strings would be 30 lines
)
ARTICLES = frozenset(("a", "an", "the"))
ONE_THING = frozenset(("he", "him", "his", "it", "its", "she", "her", "hers"))
MANY_THINGS = frozenset(("they", "them", "their", "theirs", "these", "those"))
POSSESSIVE = frozenset(("its", "his", "her", "their"))
PRONOUNS = ONE_THING | MANY_THINGS | frozenset(("this", "that"))
OPENERS = frozenset(("and", "but", "or", "so", "now", "then", "also", "ok", "okay", "well"))
SPEAKERS = frozenset(("i", "me", "my", "you", "your", "we", "our", "us"))
OTHERS = frozenset(
    """all any both each every few how's if less many more most much no not one ones only other
    please same some such there too very what's while""".split()  # noqa: SIM905
)
FUNCTION_WORDS = (
    ASKING | AUXILIARIES | PREPOSITIONS | ARTICLES | PRONOUNS | OPENERS | SPEAKERS | OTHERS
)
MISSPELT = ASKING | PRONOUNS | frozenset(("and", "about", "there"))
"""Function words that are known by their letters even where two are swapped or one is missing."""
MISSPELT_LIKENESS = 0.84
N_MISSPELT = 4
"""Words at the beginning that are looked at: names come later."""

TOKEN = re.compile(
    rf"(?:[A-Z]|{'|'.join(sorted(map(str.title, BEFORE_NAMES)))})\.(?=\s+[A-Z])"
    r"|[^\W_]+(?:[-'’.&/][^\W_]+)*%?"
)
"""The full stop of an initial belongs to it: "A." in "A. K. Oyelaran" is no article."""
YEAR = re.compile(r"(?:1[5-9]|20)\d\d(?:s|[-–/]\d{2,4})?")
NUMBER = re.compile(r"\d[\d.,]*(?:st|nd|rd|th|%)?|[QqHh][1-4]")
PLURALS = frozenset(("people", "men", "women", "children", "police", "data", "media"))
PARTICIPLE = re.compile(
    r"\w{2,}ed|born|built|caught|done|given|held|known|made|paid|seen|sold|used"
)


VERBS = frozenset(
    """affect apply become begin belong build buy call cause change charge come compare contain
    contribute cost cover create decide decrease define depend describe determine develop die differ
    earn eat employ end exist expect explain export fall find follow get give go grow happen help
    hold import improve include increase invest join keep kill know last lead leave live lose make
    mean measure meet move need occur offer open operate own pay perform plan play predict prevent
    produce promise protect provide publish raise reach receive recommend reduce refer represent
    require rise run save say sell send serve show spend start stay stop suggest support take teach
    tell think treat use vary want win work write""".split()  # noqa: SIM905
)
"""What follows the subject after "does"; others are known by their place only."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word with its place in the text. word: in lower case, rightly spelt."""

    text: str
    word: str
    start: int
    end: int

    @property
    def is_function_word(self) -> bool:
        """Whether it is of the sort that every question has. "US" is a name, and so is "May"."""
        is_month = self.text == "May" and self.start > 0
        is_short_name = self.text.isupper() and len(self.text) > 1
        return self.word in FUNCTION_WORDS and not (is_month or is_short_name)


@dataclass(frozen=True, slots=True)
class Part:
    """A name, number or run of other words, with the preposition that stands before it."""

    text: str
    start: int
    end: int
    is_name: bool = False
    is_number: bool = False
    preposition: str = ""
    preposition_start: int = -1

    @property
    def shape(self) -> str:
        """What sort of number it is: only numbers of one sort stand for each other."""
        if YEAR.match(self.text):
            return "year"
        return "quarter" if self.text[0].isalpha() else "number"

    @property
    def is_plural(self) -> bool:
        """Whether its last word looks like one for several things."""
        last = self.text.rsplit(maxsplit=1)[-1].lower()
        return last in PLURALS or (last.endswith("s") and not last.endswith(("ss", "us", "is")))


def tokens(text: str) -> list[Token]:
    """The words of a text."""
    found = TOKEN.finditer(text)
    return [Token(m.group(), _spelt(m.group(), i), m.start(), m.end()) for i, m in enumerate(found)]


def _spelt(text: str, place: int) -> str:
    """The word in lower case; the function word that it is meant to be, near the beginning."""
    word = text.lower().replace("’", "'")
    if place >= N_MISSPELT or word in FUNCTION_WORDS or len(word) < 3:
        return word
    for known in MISSPELT:
        if known[0] == word[0] and known != word and sorted(known) == sorted(word):
            return known
    if not text.islower():
        return word
    like = difflib.get_close_matches(word, MISSPELT, 1, MISSPELT_LIKENESS)
    return like[0] if like and like[0][0] == word[0] and len(like[0]) > len(word) else word


def content(found: Sequence[Token]) -> list[Token]:
    """The words that are not of the sort that every question has."""
    return [token for token in found if not token.is_function_word]


def parts(text: str, *, is_fragment: bool = False) -> list[Part]:
    """The parts in their order; each is as long as it can be.

    is_fragment: a capital at the beginning is a name's.
    """
    found: list[Part] = []
    preposition: Token | None = None
    run: list[Token] = []
    for place, token in enumerate(tokens(text)):
        is_name = _is_name(token) and (place > 0 or is_fragment or not token.text.istitle())
        goes_on = bool(run) and text[run[-1].end : token.start].strip() in ("", "&")
        if run and (
            token.is_function_word
            or not goes_on
            or is_name != _is_name(run[-1])
            or _is_number(token)
            or _is_number(run[-1])
        ):
            found.append(_part(text, run, preposition))
            run, preposition = [], None
        if not token.is_function_word:
            run.append(token)
        elif token.word in PREPOSITIONS:
            preposition = token
        elif token.word not in ARTICLES:
            preposition = None
    return _with_ranges(text, [*found, _part(text, run, preposition)] if run else found)


def _with_ranges(text: str, found: Sequence[Part]) -> list[Part]:
    """The parts; "between 2001 and 2004" is one, not two numbers."""
    joined: list[Part] = []
    for part in found:
        before = joined[-1] if joined else None
        if (
            before
            and before.is_number
            and part.is_number
            and before.preposition in TIMES
            and text[before.end : part.start].strip() in ("and", "to", "until")
        ):
            joined[-1] = replace(before, text=text[before.start : part.end], end=part.end)
        else:
            joined.append(part)
    return joined


def _part(text: str, run: Sequence[Token], preposition: Token | None) -> Part:
    start, end = run[0].start, run[-1].end
    return Part(
        text[start:end],
        start,
        end,
        _is_name(run[-1]),
        _is_number(run[0]),
        preposition.word if preposition else "",
        preposition.start if preposition else -1,
    )


def _is_number(token: Token) -> bool:
    return bool(YEAR.fullmatch(token.text) or NUMBER.fullmatch(token.text))


def _is_name(token: Token) -> bool:
    return any(c.isupper() for c in token.text) and not _is_number(token)


@dataclass(frozen=True, slots=True)
class Clause:
    """A question cut in two: what it asks with, such as "How tall is", and what it is about.

    asked: "how many", "which" and so on, or "". auxiliary: "" where the verb is a full one, and
    then the first word of `about`.
    """

    asked: str
    auxiliary: str
    counted: str
    about: str


def clause(question: str) -> Clause:
    """The question's clause. counted: of "How many people", the people."""
    text = question.strip().rstrip("?!. ")
    found = tokens(text)
    while found and found[0].word in OPENERS:
        found.pop(0)
    if not found:
        return Clause("", "", "", "")
    if found[0].word in AUXILIARIES:
        return Clause("", found[0].word, "", text[found[0].end :].strip())
    at = next((i for i, token in enumerate(found) if token.word in ASKING), None)
    if at is None:
        return Clause("", "", "", text[found[0].start :])
    asked = _asked(found, at)
    after = found[at + 1 :]
    place = next((i for i, token in enumerate(after) if token.word in AUXILIARIES), None)
    if place is None:
        begin = found[at + len(asked.split()) - 1].end
        return Clause(asked, "", "", text[begin:].strip())
    before = [token for token in after[:place] if not token.is_function_word]
    if asked not in OF_A_KIND and len(before) > 1:
        return Clause(asked, "", "", text[found[at].end :].strip())
    counted = "" if asked == "how" or not before else text[before[0].start : before[-1].end]
    return Clause(asked, after[place].word, counted, text[after[place].end :].strip())


OF_A_KIND = ("how many", "how much", "which", "what", "whose")
"""After these stands a noun: what is asked for."""


def _asked(found: Sequence[Token], at: int) -> str:
    word = found[at].word
    if word == "how" and found[at + 1 : at + 2] and found[at + 1].word in ("many", "much"):
        return f"how {found[at + 1].word}"
    return word


def topic(question: str) -> str:
    """What the question is about, without the words that make it a question."""
    cut = clause(question)
    about = cut.about
    first = tokens(about)[:2]
    if first and first[0].word in SPEAKERS:
        about = about[first[0].end :].strip()
    elif not cut.auxiliary and first and first[0].word in ("show", "give", "tell"):
        about = re.sub(r"^\w+(?:\s+(?:me|us))?(?:\s+about)?\s+", "", about)
    elif cut.asked == "when" and cut.auxiliary in BEING:
        about = re.sub(rf"\s+(?:{PARTICIPLE.pattern})$", "", about)  # "the tower built"
    return ", ".join(filter(None, (cut.counted, about)))


def noun_phrases(question: str) -> list[str]:
    """What a pronoun of the next question may stand for, the likeliest first."""
    cut = clause(question)
    subject = _first_phrase(cut)
    others = [part for part in parts(question) if not part.is_number]
    if subject:
        others = [p for p in others if p.text not in subject and subject not in p.text]
    return [*filter(None, [subject]), *(_with_article(question, part) for part in others)]


def _with_article(question: str, part: Part) -> str:
    before = tokens(question[: part.start])[-1:]
    is_led = bool(before) and before[0].word in ARTICLES
    return question[before[0].start : part.end] if is_led else part.text


def _first_phrase(cut: Clause) -> str:
    """The noun phrase after the auxiliary, or after a full verb, with what follows by "of"."""
    found = tokens(cut.about)
    is_spoken = bool(found) and found[0].word in SPEAKERS
    if not cut.auxiliary and cut.asked in OF_A_KIND and cut.asked != "what":
        own = [part for part in parts(cut.about) if not part.is_name][:1]
        return own[0].text.rpartition(" ")[0] or own[0].text if own else ""
    while found and found[0].word in PREPOSITIONS | SPEAKERS:
        found = found[1:]
    # "who designed the tower", "do I replace the filter": the verb comes first.
    if (is_spoken or not cut.auxiliary) and found and not found[0].is_function_word:
        found = found[1:]
    taken: list[Token] = []
    for token in found:
        opens = token.word in ARTICLES and (not taken or taken[-1].word == "of")
        goes_on = not token.is_function_word and not (taken and _is_number(token))
        if not (opens or goes_on or (token.word == "of" and taken)):
            break
        taken.append(token)
    ends_before = found[len(taken)].word if len(taken) < len(found) else ""
    if ends_before not in AUXILIARIES:
        taken = _without_verb(taken, cut)
    while taken and taken[-1].is_function_word:
        taken.pop()
    return cut.about[taken[0].start : taken[-1].end] if taken else ""


def _without_verb(taken: list[Token], cut: Clause) -> list[Token]:
    """The phrase without the verb that may stand at its end."""
    if len(content(taken)) < 2 or _is_name(taken[-1]):
        return taken
    verb = next((i for i, t in enumerate(taken) if i and t.word in VERBS), None)
    if cut.auxiliary in DOING and verb is not None:
        return taken[:verb]
    last = taken[-1].word
    is_verb = (
        cut.auxiliary in DOING
        or PARTICIPLE.fullmatch(last) is not None
        or _is_name(taken[-2])
        or (last.endswith("ing") and taken[0].word in ARTICLES)
    )
    return taken[:-1] if cut.auxiliary in DOING | BEING and is_verb else taken
