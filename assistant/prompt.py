"""The rules, the evidence and the question as messages, and what a language model writes to them.

Leaves out how the sources are told (`assistant.told_sources`), and the check of what is
written: that is `assistant.citations`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from importlib.resources import files

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from assistant.answer import Source
from assistant.errors import ContextExceeded
from assistant.llm import LanguageModel
from assistant.tokens import n_tokens, own_tokens, prompt_tokens
from assistant.told_sources import cut_to_tokens, harmless, tell_sources
from loaders.captioning.fusion import BLIP_LABEL, VISION_LABEL

MAX_QUESTION_CHARS = 4_000
MIN_SOURCES_TOKENS = 80
"""A long question is cut before there is less room than this for sources."""

MAX_TOKENS_OF_SIGN = 5


def write_from_sources(
    question: str, sources: Sequence[Source], model: LanguageModel
) -> Generator[str]:
    """What the language model writes, piece by piece.

    Where its server says that the prompt is too long, it is asked once more with half of it.
    """
    max_tokens = prompt_tokens(model.context_tokens)
    is_begun = False
    try:
        with closing(model.stream(prompt_messages(question, sources, max_tokens))) as pieces:
            for piece in pieces:
                is_begun = True
                yield piece
    except ContextExceeded:
        if is_begun:
            raise
        yield from model.stream(prompt_messages(question, sources, max_tokens // 2))


def prompt_messages(question: str, sources: Sequence[Source], max_tokens: int) -> list[BaseMessage]:
    """The rules; then the sources, which are data, and the question."""
    rules = _rules(sources)
    left = max_tokens - own_tokens(rules) - n_tokens(_asked("", ""))
    asked = harmless(question[:MAX_QUESTION_CHARS])
    room = max(left // 2, left - MIN_SOURCES_TOKENS)
    asked = cut_to_tokens(asked, room) or asked[: room // MAX_TOKENS_OF_SIGN]
    told = tell_sources(sources, left - n_tokens(asked))
    return [SystemMessage(rules), HumanMessage(_asked(told.text, asked))]


def _asked(sources: str, question: str) -> str:
    return f"Sources:\n\n{sources}\n\nQuestion: {question}"


def _rules(sources: Sequence[Source]) -> str:
    texts = [source.document.page_content for source in sources if source.is_figure]
    is_guessed = any(label in text for text in texts for label in (BLIP_LABEL, VISION_LABEL))
    return prompt_text("answer") + (prompt_text("guesses") if is_guessed else "")


def prompt_text(name: str) -> str:
    """The words of a prompt by its name."""
    return files("assistant").joinpath("prompts", f"{name}.txt").read_text("utf-8")
