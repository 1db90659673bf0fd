"""What was asked and answered before a question, as far as the next question needs it.

Leaves out storing it (`assistant.conversations`) and understanding a follow-up by it
(`assistant.followups`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from assistant.answer import Answer

MAX_TURNS = 6
"""A follow-up is about what was said last."""
MAX_CHARS = 4_000
"""Of one message."""
PICTURE = re.compile(r"!\[[^\]]{0,1000}\]\([^)\s]{0,1000}\)\n?(?:\*[^\n]*\*)?")
SOURCES = re.compile(r"^\*\*(?:Sources|Nearest in the documents)\*\*", re.MULTILINE)
MARK = re.compile(r" ?\[\d{1,3}\]")
ESCAPED = re.compile(r"\\([^\w\s])")


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and the text of its answer; "" where there was none.

    stands_alone: False where the question is as it was typed, and may itself be a follow-up.
    """

    question: str
    answer: str = ""
    stands_alone: bool = True

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """The turn that ended in this answer."""
        said = "".join(s.lead + s.text for s in answer.sentences).strip() if answer.grounded else ""
        return cls(answer.searched_as or answer.question, said)


def turns_of(messages: Iterable[tuple[str, str]]) -> tuple[Turn, ...]:
    """The last turns of messages, given as role, `user` or `assistant`, and text."""
    turns: list[Turn] = []
    for role, text in messages:
        if role == "user":
            turns.append(Turn(text[:MAX_CHARS].strip(), stands_alone=False))
        elif role == "assistant" and turns:
            turns[-1] = replace(turns[-1], answer=words_of_answer(text[:MAX_CHARS]))
    return tuple(turn for turn in turns[-MAX_TURNS:] if turn.question)


def words_of_answer(markdown: str) -> str:
    """What an answer says, without the pictures, marks and sources of its Markdown."""
    said = SOURCES.split(PICTURE.sub("", markdown), maxsplit=1)[0]
    return ESCAPED.sub(r"\1", MARK.sub("", said)).strip()
