"""What was asked and answered before a question, as far as the next question needs it.

Leaves out storing it (`assistant.conversations`) and understanding a follow-up by it
(`assistant.followups`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from assistant.answer import Answer


@dataclass(frozen=True, slots=True)
class Turn:
    """A question, as it stands alone, and the text of its answer; "" where there was none."""

    question: str
    answer: str = ""

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """The turn that ended in this answer."""
        said = "".join(s.lead + s.text for s in answer.sentences).strip() if answer.grounded else ""
        return cls(answer.searched_as or answer.question, said)
