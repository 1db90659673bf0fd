"""What a sentence of an answer claims: without its opening words, clause by clause, with its names.

Leaves out what bears it out: that is `assistant.citations`.
"""

from __future__ import annotations

import re
from collections.abc import Set

from assistant.sentences import UNTELLING, words

SOURCES = (
    r"(?:the |these |your |all |both )?(?:given |provided |available |retrieved |above )*"
    r"(?:sources?|documents?|context|texts?|information|evidence|passages?|excerpts?|library)"
    r"(?: (?:provided|given|above|available))?(?: (?:no\. ?)?\d{1,3}(?:(?:,| and| or) \d{1,3})*)?"
)
OPENING = re.compile(
    rf"(?:(?:based (?:on|upon)|according to|as (?:stated|shown|mentioned|described) (?:in|by)|"
    rf"from|in|per) {SOURCES},? (?=\w)|{SOURCES},? (?:also )?"
    r"(?:says?|states?|mentions?|shows?|explains?|reports?|notes?|indicates?|tells? us|suggests?) "
    r"that |(?:yes|no|sure|certainly|of course|overall|in summary|in short|to summarize|"
    r"in conclusion|specifically|additionally|also|furthermore|moreover|however|therefore|thus)"
    r"[,:;.!]+ )",
    re.IGNORECASE,
)
MAX_OPENINGS = 3
ANNOUNCING = frozenset(
    """a about above all also an and answer are as based below can context details document
    documents facts figures find following follows for found from given here here's i in
    information is it key know list main of on overview passages points provided question
    regarding relevant says say source sources state states summary tell texts that the their
    them there these they this to we what which with you your""".split()  # noqa: SIM905 - a list would be many lines
)
"""Words of which a sentence with a colon at its end is made when it only announces."""
COURTEOUS = frozenset(
    """a about additional am any anything answer answers are ask asking assist assistance can
    certainly clarification could course detail details do else feel for free further glad good
    great happy have hello help helpful helps here hi hope i i'd i'm if is it know let like me
    more need of other please question questions sure thank thanks that the this to want was
    welcome with would you you'd you're you've your""".split()  # noqa: SIM905 - a list would be many lines
)
"""Words of which a greeting, an offer or a question to the asker is made."""
BARE = re.compile(r"\W*(?:yes|no|sure|certainly|of course|in summary|in conclusion|summary|answer|"
                  r"note|overview|conclusion)\W*", re.IGNORECASE)  # fmt: skip
CLAUSE_END = re.compile(r"\s*(?:;|,? (?:and|but|while|whereas)) (?=(?P<next>\S+))")
BEGINS_CLAUSE = frozenset(
    """a all an each every he his i in it its most no our she some that the their there these
    they this those we you your""".split()  # noqa: SIM905 - a list would be many lines
)
MIN_CLAUSE_WORDS = 4
WORD = re.compile(r"[^\W_]+(?:['’.][^\W_]+)*")
NO_NAMES = frozenset(("dr", "i", "mr", "mrs", "ms", "no", "yes"))


def claims_nothing(text: str) -> bool:
    """Whether a sentence only announces, greets or offers, and so needs no source."""
    plain = text.strip().replace("’", "'")
    if BARE.fullmatch(plain) or not words(plain):
        return True
    if any(c.isdigit() for c in plain):
        return False
    told = set(words(plain))
    return told <= COURTEOUS or (plain.endswith(":") and told <= ANNOUNCING)


def claim_of(text: str) -> str:
    """The sentence without what only introduces it: "According to source 2, …", "Yes, …"."""
    for _ in range(MAX_OPENINGS):
        found = OPENING.match(text)
        if not found or not words(text[found.end() :]):
            break
        text = text[found.end() :]
    return text


def clauses(text: str) -> list[str]:
    """The parts of a sentence that each say something by themselves; one where it has none."""
    cuts = [
        found
        for found in CLAUSE_END.finditer(text)
        if found["next"].lower() in BEGINS_CLAUSE or found["next"][0].isupper()
    ]
    parts, start = [], 0
    for cut in cuts:
        parts.append(text[start : cut.start()])
        start = cut.end()
    parts.append(text[start:])
    is_whole = all(len(words(part)) >= MIN_CLAUSE_WORDS for part in parts)
    return parts if is_whole else [text]


def names_in(text: str, proper: Set[str]) -> list[str]:
    """Words that are names, as far as spelling shows: a capital inside the sentence.

    The first word is one where it has a second capital, or is proper: written only with a capital
    elsewhere.
    """
    first, *rest = WORD.findall(text) or [""]
    names = [w for w in rest if w[0].isupper()]
    if first[:1].isupper() and (first in proper or sum(c.isupper() for c in first) > 1):
        names.insert(0, first)
    return [w for w in names if w.lower() not in UNTELLING | NO_NAMES]
