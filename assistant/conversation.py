"""What was asked and answered before a question, as far as the next question needs it.

Leaves out storing it (`assistant.conversations`) and understanding a follow-up by it
(`assistant.followups`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from assistant.answer import REPLACED, UNDERSTOOD, UNSUPPORTED, Answer
from assistant.refusals import is_refusal
from assistant.shown_text import UNPAIRED

MAX_TURNS = 6
"""A follow-up is about what was said last."""
MAX_CHARS = 4_000
"""Of one message."""
MAX_READ_CHARS = 16_000
"""Of an answer as it came, with its pictures and what the check rejected."""
PICTURE = re.compile(r"!\[(?:\\.|[^\]\\]){0,1000}\]\([^)\s]{0,1000}\)\n?(?:\*[^\n]*\*)?")
SOURCES = re.compile(r"^\*\*(?:Sources|Nearest in the documents)\*\*", re.MULTILINE)
NOTE = re.compile(rf"\s*\*{UNDERSTOOD} [^\n]*\*(?=\s|$)")
"""How its question was understood: what comes before an answer in Markdown."""
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
        """The turn that ended in this answer; what the check rejected was not said."""
        said = [s.lead + s.text for s in answer.sentences if answer.grounded and s.supported]
        return cls(answer.searched_as or answer.question, "".join(said).strip())


def turns_of(messages: Iterable[tuple[str, str]]) -> tuple[Turn, ...]:
    """The last turns of messages, given as role, `user` or `assistant`, and text."""
    turns: list[Turn] = []
    for role, text in messages:
        if role == "user":
            turns.append(Turn(text[:MAX_CHARS].strip(), stands_alone=False))
        elif role == "assistant" and turns:
            turns[-1] = replace(turns[-1], answer=text)
    last = [replace(t, answer=words_of_answer(t.answer)) for t in turns[-MAX_TURNS:] if t.question]
    return as_read(last)


def as_read(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The last turns as programs may give them: without what the check rejected, or no text is."""
    return tuple(
        replace(
            turn,
            question=UNPAIRED.sub("?", turn.question[:MAX_CHARS]),
            answer=UNPAIRED.sub("?", borne_out(turn.answer)[:MAX_CHARS]),
        )
        for turn in turns[-MAX_TURNS:]
    )


def words_of_answer(markdown: str) -> str:
    """What an answer says, without the pictures, marks and sources of its Markdown."""
    shown = PICTURE.sub("", borne_out(markdown))
    said = SOURCES.split(shown, maxsplit=1)[0]
    return ESCAPED.sub(r"\1", MARK.sub("", said)).strip()


def borne_out(text: str) -> str:
    """The text of an answer without what it says was rejected; "" of a refusal."""
    note = NOTE.match(text)
    said = text[note.end() :] if note else text
    stands = said.rpartition(f"**{REPLACED}**")[2].strip()[:MAX_READ_CHARS]
    kept = "".join(map(_borne_out, stands.splitlines(keepends=True))).strip()
    return "" if is_refusal(kept) else kept


def _borne_out(line: str) -> str:
    """The line up to the last mark before each sentence that has none."""
    *rejected, rest = line.split(UNSUPPORTED)
    ends = [[mark.end() for mark in MARK.finditer(text)] for text in rejected]
    kept = [text[: found[-1]] for text, found in zip(rejected, ends, strict=True) if found]
    return "".join([*kept, rest])
