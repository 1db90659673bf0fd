"""How language models say, in their own words, that the documents do not answer.

English only. Leaves out what limner itself says then: that is `assistant.answer`.
"""

from __future__ import annotations

import re

from assistant.sentences import names, numbers, words

SOURCES = (
    r"(?:the |these |those |any |any of the |my |your )?"
    r"(?:given |provided |available |listed |retrieved )*"
    r"(?:sources?|documents?|context|texts?|information|evidence|passages?|library|excerpts?|"
    r"reports?|materials?)(?: provided| given| available| above)?"
)
OPENING = (
    r"(?:(?:i am |i'm )?(?:sorry|unfortunately|apologies),? )?(?:but |however,? )?"
    rf"(?:(?:based on|according to|in|from|with) {SOURCES},? )?"
)
NOT = (
    r"(?:do not|does not|don't|doesn't|did not|cannot|can't|could not|is not|are not|isn't|aren't|"
    r"not|nothing|no)"
)
TELL = (
    r"(?:say|state|mention|contain|provide|include|specify|specifi|answer|tell|give|have|show|know|"
    r"find|see|determine|discuss|address|cover|describe|indicate|able|unable|enough|sufficient)\w*"
)
TOLD = (
    r"(?:said|stated|mentioned|contained|provided|included|specified|answered|told|given|shown|"
    r"known|found|determined|discussed|addressed|covered|described|indicated|available|made)"
)
KNOWLEDGE = r"(?:information|answer|mention)"
THING = r"(?:the|this|that|its|their|an?) (?:(?!who|which|that)[\w'-]+ ){0,5}?"
BEGINNING = re.compile(
    rf"{OPENING}(?:"
    rf"{SOURCES} (?:(?:\w+ )?{NOT}(?: \w+)? {TELL}|says? nothing)"
    rf"|none of {SOURCES} (?:\w+ )?{TELL}"
    rf"|(?:i|we) (?:\w+ )?(?:{NOT} (?:\w+ )?{TELL}|unable)|i'm (?:unable|not able)"
    rf"|there (?:is|are|was) (?:no|not|insufficient) (?:\w+ )?(?:enough |sufficient )?{KNOWLEDGE}"
    rf"|(?:no|insufficient) (?:\w+ )?{KNOWLEDGE}"
    rf"(?= (?:about|on|of|for|in|regarding)\b|[.!]*$| \w+ (?:\w+ )?{TOLD}\b)"
    rf"|(?:it|this|that|the answer) is not (?:\w+ )?{TELL}"
    rf"|{THING}(?:is|are|was|were) not (?:\w+ )?{TOLD}(?=[.!]*$| (?:in|by|within) {SOURCES}\b)"
    r")(?![\w'])"
)
REST = re.compile(r"(?: [\w'\"“”-]+)*[.!]*")
"""Of a sentence that says no more: no comma, no colon."""
FURTHER = re.compile(
    r"\b(?:although|and|as|because|but|since|so|though|whereas|while|"
    r"that(?! (?:information|question)\b|[.!]*$))\b"
)
"""What would join something else to it."""
SPEAKER = frozenset(("i", "i'm", "i’m"))


def begins_refusal(text: str) -> bool:
    """Whether the sentence begins by saying that the sources do not answer."""
    return BEGINNING.match(_plain(text)) is not None


def is_refusal(text: str, question: str = "") -> bool:
    """Whether the sentence says that the sources do not answer, and nothing else.

    A number or a name that the question lacks would be something else.
    """
    plain = _plain(text)
    begun = BEGINNING.match(plain)
    return (
        begun is not None
        and REST.fullmatch(plain, begun.end()) is not None
        and not FURTHER.search(plain, begun.end())
        and numbers(text) <= numbers(question)
        and names(text) - SPEAKER <= set(words(question))
    )


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("’", "'").split())
