"""OpenAI's chat protocol, as far as limner speaks it: the request, the answer, its chunks.

limner adds what may be found (`assistant.filters`) to the request and `limner`, the Answer, to
what it sends; OpenAI's clients pass both on. Leaves out HTTP: that is `assistant.api`.
"""

from __future__ import annotations

import time
import uuid
from typing import Any, Literal, Self

from pydantic import BaseModel, model_validator

from assistant.answer import Answer
from assistant.conversation import Turn, turns_of
from assistant.events import AnswerFinished, Event
from assistant.filters import EvidenceFilter
from assistant.inquiry import checked_question
from assistant.markdown import StreamedMarkdown

MODEL_ID = "limner"
OWN_FAILURE = "limner itself failed on this request; its log says where. Please report it."


class Message(BaseModel):
    """One message of a conversation. content: text, or parts as OpenAI has them."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[dict[str, Any]] | None = None

    @property
    def text(self) -> str:
        """The text. Raises ValueError where a part is not text."""
        if not isinstance(self.content, list):
            return self.content or ""
        if other := [part.get("type") for part in self.content if part.get("type") != "text"]:
            raise ValueError(f"limner reads only parts of type 'text', not {other[0]!r}.")
        return self.said

    @property
    def said(self) -> str:
        """What of it is text."""
        if not isinstance(self.content, list):
            return self.content or ""
        texts = [part.get("text", "") for part in self.content if part.get("type") == "text"]
        return "\n".join(map(str, texts))


class ChatRequest(EvidenceFilter):
    """What limner reads of OpenAI's request; the rest, such as temperature, has no effect.

    What it may find is an addition to the protocol, in which `metadata` means something else.
    """

    messages: list[Message]
    stream: bool = False

    @model_validator(mode="after")
    def _has_a_question(self) -> Self:
        if not self.question:
            raise ValueError("messages hold no question: the last user message must have text.")
        checked_question(self.question)
        return self

    @property
    def question(self) -> str:
        """The last user message."""
        asked = [message for message in self.messages if message.role == "user"]
        return asked[-1].text.strip() if asked else ""

    @property
    def history(self) -> tuple[Turn, ...]:
        """What was said before it: a follow-up is understood by it, but it is no evidence.

        A part of it that is not text says nothing.
        """
        said = [m for m in self.messages if m.role in ("user", "assistant")]
        last = max((i for i, message in enumerate(said) if message.role == "user"), default=0)
        return turns_of((message.role, message.said) for message in said[:last])


def model_list(created: int) -> dict[str, Any]:
    """The one model there is: limner itself, whichever language model it uses."""
    model = {"id": MODEL_ID, "object": "model", "created": created, "owned_by": MODEL_ID}
    return {"object": "list", "data": [model]}


def completion(answer: Answer) -> dict[str, Any]:
    """A whole answer; its message has the Answer."""
    message = {"role": "assistant", "content": answer.to_markdown(), "limner": answer.to_dict()}
    return {
        **_head("chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }


class Chunks:
    """OpenAI's chunks of one answer; the last one has the Answer. question: as it was typed."""

    def __init__(self, question: str) -> None:
        self._head = _head("chat.completion.chunk")
        self._markdown = StreamedMarkdown(question=question)
        self._role = {"role": "assistant"}

    def add(self, event: Event) -> dict[str, Any] | None:
        """The chunk that the event makes; None where it adds no words."""
        text = self._markdown.add(event)
        if isinstance(event, AnswerFinished):
            return self._chunk(text, "stop") | {"limner": event.answer.to_dict()}
        return self._chunk(text, None) if text else None

    def _chunk(self, text: str, reason: str | None) -> dict[str, Any]:
        delta, self._role = {**self._role, "content": text}, {}
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return {**self._head, "choices": [choice]}


def error_body(
    message: str, kind: str, *, param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """An error. kind: `invalid_request_error` or `server_error`."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def explained_body(error: Exception) -> dict[str, Any]:
    """One of limner's own errors."""
    return error_body(str(error), "server_error", code=type(error).__name__)


def _head(kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": MODEL_ID,
    }
