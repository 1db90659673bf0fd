"""A question as programs ask it: text, a mapping with what may be found, or messages.

Leaves out answering it: that is `assistant.asking`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    HumanMessage,
    MessageLikeRepresentation,
    convert_to_messages,
)
from langchain_core.prompt_values import PromptValue
from pydantic import Field

from assistant.conversation import Turn, turns_of
from assistant.filters import EvidenceFilter
from assistant.prompt import MAX_QUESTION_CHARS


class Asked(EvidenceFilter):
    """A question, what may be found for it, and whether the answer is to be strict."""

    question: str = Field(min_length=1, max_length=MAX_QUESTION_CHARS)
    history: tuple[Turn, ...] = ()
    """What was said before, the oldest first: a follow-up is understood by it."""
    strict: bool | None = None
    """Drop what is not borne out; as the settings say when None."""

    @classmethod
    def of(cls, given: Given, history: Sequence[Turn] = ()) -> Asked:
        """The question in what was given. A mapping has `question`, or else `messages`.

        Of messages the last of a person is the question, and those before are the history, unless
        it is given. Raises ValueError where there is no question.
        """
        if isinstance(given, Asked):
            return given.model_copy(update={"history": tuple(history)}) if history else given
        if isinstance(given, str):
            return cls.model_construct(question=given, history=tuple(history))
        if isinstance(given, Mapping):
            asked = dict(given)
            if not given.get("question"):
                asked.pop("question", None)
                asked = _asked(given.get("messages", [])) | asked
        else:
            asked = _asked(given.to_messages() if isinstance(given, PromptValue) else given)
        return cls.model_validate({**asked, **({"history": tuple(history)} if history else {})})


Given = str | Asked | Mapping[str, Any] | Sequence[MessageLikeRepresentation] | PromptValue
"""What a question can be given as."""


def _asked(messages: Sequence[MessageLikeRepresentation]) -> dict[str, Any]:
    """The last question of a person, and what was said before it."""
    said = [
        ("user" if isinstance(m, HumanMessage) else "assistant", str(m.text))
        for m in convert_to_messages(messages)
        if isinstance(m, HumanMessage | AIMessage)
    ]
    last = next((i for i in range(len(said) - 1, -1, -1) if said[i][0] == "user"), None)
    if last is None or not (question := said[last][1].strip()):
        raise ValueError(
            "There is no question. Give a text, {'question': …} or messages, of which the last of "
            "a person has text."
        )
    return {"question": question, "history": turns_of(said[:last])}
