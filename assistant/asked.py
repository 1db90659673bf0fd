"""A question as programs ask it: text, a mapping with what may be found, or messages.

Leaves out answering it: that is `assistant.asking`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import (
    BaseMessage,
    HumanMessage,
    MessageLikeRepresentation,
    convert_to_messages,
)
from langchain_core.prompt_values import PromptValue
from pydantic import Field

from assistant.filters import EvidenceFilter
from assistant.prompt import MAX_QUESTION_CHARS


class Asked(EvidenceFilter):
    """A question, what may be found for it, and whether the answer is to be strict."""

    question: str = Field(min_length=1, max_length=MAX_QUESTION_CHARS)
    strict: bool | None = None
    """Drop what is not borne out; as the settings say when None."""

    @classmethod
    def of(cls, given: Given) -> Asked:
        """The question in what was given. A mapping has `question`, or else `messages`.

        Of messages the last of a person is the question. Raises ValueError where there is none.
        """
        if isinstance(given, Asked):
            return given
        if isinstance(given, str):
            return cls.model_construct(question=given)
        if isinstance(given, Mapping):
            question = given.get("question") or _last_question(given.get("messages", []))
            return cls.model_validate({**given, "question": question})
        messages = given.to_messages() if isinstance(given, PromptValue) else given
        return cls(question=_last_question(messages))


Given = str | Asked | Mapping[str, Any] | Sequence[MessageLikeRepresentation] | PromptValue
"""What a question can be given as."""


def _last_question(messages: Sequence[MessageLikeRepresentation]) -> str:
    asked: list[BaseMessage] = [
        m for m in convert_to_messages(messages) if isinstance(m, HumanMessage)
    ]
    if not asked or not (question := str(asked[-1].text).strip()):
        raise ValueError(
            "There is no question. Give a text, {'question': …} or messages, of which the last of "
            "a person has text."
        )
    return question
