"""A question as programs ask it: text, a mapping with what may be found, or messages.

Leaves out answering it: that is `assistant.asking`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    MessageLikeRepresentation,
    convert_to_messages,
)
from langchain_core.prompt_values import PromptValue
from pydantic import AfterValidator, Field

from assistant.conversation import Turn, as_read, turns_of
from assistant.errors import QuestionInvalid
from assistant.filters import EvidenceFilter
from assistant.prompt import MAX_QUESTION_CHARS
from assistant.shown_text import UNPAIRED

NO_QUESTION = (
    "There is no question. Give a text, {'question': …} or messages, of which the last of a person "
    "has text."
)


def checked_question(text: str) -> str:
    """The text. Raises QuestionInvalid where it cannot be asked."""
    if not text.strip():
        raise QuestionInvalid(NO_QUESTION)
    if len(text) > MAX_QUESTION_CHARS:
        raise QuestionInvalid(
            f"The question has {len(text):,} characters; the limit is {MAX_QUESTION_CHARS:,}."
        )
    if found := UNPAIRED.search(text):
        raise QuestionInvalid(
            f"The question holds {found[0]!r}, half of a character. Send it as UTF-8."
        )
    return text


class Inquiry(EvidenceFilter):
    """A question, what may be found for it, and whether the answer is to be strict."""

    question: Annotated[str, AfterValidator(checked_question)] = Field(
        min_length=1, max_length=MAX_QUESTION_CHARS
    )
    history: Annotated[tuple[Turn, ...], AfterValidator(as_read)] = ()
    """What was said before, the oldest first: a follow-up is understood by it."""
    strict: bool | None = None
    """Drop what is not borne out; as the settings say when None."""

    @classmethod
    def of(cls, given: Given, history: Sequence[Turn] = ()) -> Inquiry:
        """The question in what was given. A mapping has `question`, or else `messages`.

        Of messages the last of a person is the question, and those before are the history, unless
        it is given; of one message its text. Raises QuestionInvalid, or a ValidationError that
        names the field.
        """
        if isinstance(given, Inquiry):
            return given.model_copy(update={"history": as_read(history)}) if history else given
        asked: dict[str, Any]
        if isinstance(given, str | BaseMessage):
            text = given if isinstance(given, str) else str(given.text)
            asked = {"question": checked_question(text)}
        elif isinstance(given, Mapping):
            asked = dict(given)
            if not given.get("question"):
                asked.pop("question", None)
                asked = _asked(given.get("messages", [])) | asked
        else:
            asked = _asked(given.to_messages() if isinstance(given, PromptValue) else given)
        return cls.model_validate({**asked, **({"history": tuple(history)} if history else {})})


Given = (
    str
    | Inquiry
    | Mapping[str, Any]
    | BaseMessage
    | Sequence[MessageLikeRepresentation]
    | PromptValue
)
"""What a question can be given as."""


def _asked(messages: Sequence[MessageLikeRepresentation]) -> dict[str, Any]:
    """The last question of a person, and what was said before it."""
    try:
        read = convert_to_messages(messages)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise QuestionInvalid(NO_QUESTION) from error
    said = [
        ("user" if isinstance(m, HumanMessage) else "assistant", str(m.text))
        for m in read
        if isinstance(m, HumanMessage | AIMessage)
    ]
    last = next((i for i in range(len(said) - 1, -1, -1) if said[i][0] == "user"), None)
    if last is None:
        raise QuestionInvalid(NO_QUESTION)
    return {
        "question": checked_question(said[last][1].strip()),
        "history": turns_of(said[:last]),
    }
