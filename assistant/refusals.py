"""How language models say, in their own words, that the documents do not answer.

English only. Leaves out what limner itself says then: that is `assistant.answer`.
"""

from __future__ import annotations

import re

from assistant.sentences import words

SORRY = r"(?:(?:i m |i am |i'm )?(?:sorry|unfortunately|apologies) )?(?:but |however )?"
SOURCES = (
    r"(?:the |these |those |any |none of the |my |your )?(?:given |provided |available |listed )?"
    r"(?:sources?|documents?|context|texts?|information|evidence|passages?|library)"
    r"(?: provided| given| available| above)?"
)
NOT = (
    r"(?:do not|does not|don't|doesn't|did not|cannot|can't|could not|is not|are not|isn't|aren't|"
    r"not|nothing|no)"
)
TELL = (
    r"(?:say|state|mention|contain|provide|include|specify|answer|tell|give|have|show|know|find|"
    r"see|determine|discuss|address|cover|describe|indicate|able|unable|enough|sufficient)\w*"
)
PATTERN = re.compile(
    rf"{SORRY}(?:(?:based on|according to|in|from|with) {SOURCES} )?(?:"
    rf"{SOURCES} (?:(?:\w+ )?{NOT}(?: \w+)? {TELL}|says? nothing)"
    rf"|(?:i|we) (?:\w+ )?(?:{NOT} (?:\w+ )?{TELL}|(?:am |was )?unable)"
    r"|there (?:is|are|was) (?:no|not) (?:\w+ )?(?:enough |sufficient )?"
    r"(?:information|answer|mention)"
    r"|no (?:\w+ )?(?:information|answer|mention)\b"
    rf"|(?:it|this|that|the answer) is not (?:\w+ )?{TELL}"
    r")"
)


def is_refusal(text: str) -> bool:
    """Whether the sentence says that the sources do not answer."""
    return PATTERN.match(" ".join(words(text))) is not None
