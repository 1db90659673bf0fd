"""The rules, the evidence and the question as messages, and what a language model writes to them.

Leaves out how the sources are told (`assistant.told_sources`), and the check of what is
written: that is `assistant.citations`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from importlib.resources import files
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from assistant.answer import Source
from assistant.errors import (
    ContextExceeded,
    GenerationFailed,
    GenerationStopped,
    GenerationTimeout,
)
from assistant.llm import LanguageModel
from assistant.sent_pictures import SentPicture, within
from assistant.tokens import n_tokens, own_tokens, prompt_tokens
from assistant.told_sources import MAX_TOKENS_OF_SIGN, cut_to_tokens, harmless, tell_sources
from loaders.captioning.fusion import BLIP_LABEL, VISION_LABEL

MAX_QUESTION_CHARS = 4_000
MIN_SOURCES_TOKENS = 80
"""A long question is cut before there is less room than this for sources."""


def write_from_sources(
    question: str,
    sources: Sequence[Source],
    model: LanguageModel,
    *,
    pictures: Sequence[SentPicture] = (),
) -> Generator[str]:
    """What the language model writes, piece by piece. pictures: of sources, for a model that sees.

    Where its server fails before the first piece, it is asked once more: without the pictures,
    or with half the sources where it says that the prompt is too long.
    """
    max_tokens = prompt_tokens(model.context_tokens)
    messages = prompt_messages(question, sources, max_tokens, pictures)
    is_begun = False
    try:
        with closing(model.stream(messages)) as pieces:
            for piece in pieces:
                is_begun = True
                yield piece
    except GenerationFailed as error:
        is_too_long = isinstance(error, ContextExceeded)
        is_ended = isinstance(error, GenerationTimeout | GenerationStopped)
        is_hopeless = is_ended or not (pictures or is_too_long)
        if is_begun or is_hopeless:
            raise
    else:
        return
    less = max_tokens // 2 if is_too_long else max_tokens
    yield from model.stream(prompt_messages(question, sources, less))


def prompt_messages(
    question: str,
    sources: Sequence[Source],
    max_tokens: int,
    pictures: Sequence[SentPicture] = (),
) -> list[BaseMessage]:
    """The rules; then the sources, which are data, the question, and pictures that fit.

    Raises ContextExceeded where not even the beginning of the best source fits.
    """
    left = max_tokens - n_tokens(_asked("", ""))
    shown = within(pictures, left)
    rules = _rules(sources, has_pictures=bool(shown))
    left -= own_tokens(rules) + sum(p.n_tokens for p in shown) + n_tokens(_named(shown))
    room = max(left // 2, left - MIN_SOURCES_TOKENS)
    asked = harmless(question[:MAX_QUESTION_CHARS])
    asked = cut_to_tokens(asked, room) or asked[: room // MAX_TOKENS_OF_SIGN]
    told = tell_sources(sources, left - n_tokens(asked))
    if sources and not told.numbers:
        raise ContextExceeded(
            f"A prompt of {max_tokens} tokens has no room for a source beside the rules and the "
            "question. Raise LIMNER_CONTEXT_TOKENS, or choose another model."
        )
    shown = tuple(picture for picture in shown if picture.n in told.numbers)
    text = _asked(told.text, asked, _named(shown))
    if not shown:
        return [SystemMessage(rules), HumanMessage(text)]
    parts: list[str | dict[Any, Any]] = [{"type": "text", "text": text}]
    parts += [{"type": "image_url", "image_url": {"url": picture.url}} for picture in shown]
    return [SystemMessage(rules), HumanMessage(parts)]


def _asked(sources: str, question: str, pictures: str = "") -> str:
    return f"Sources:\n\n{sources}\n\n{pictures}Question: {question}"


def _named(pictures: Sequence[SentPicture]) -> str:
    """Which source each picture is of: servers part pictures from the words between them."""
    named = [f"picture {at} is source {picture.n}" for at, picture in enumerate(pictures, 1)]
    return f"Of the pictures, {', '.join(named)}.\n\n" if named else ""


def _rules(sources: Sequence[Source], *, has_pictures: bool = False) -> str:
    texts = [source.document.page_content for source in sources if source.is_figure]
    is_guessed = any(label in text for text in texts for label in (BLIP_LABEL, VISION_LABEL))
    return (
        prompt_text("answer")
        + prompt_text("guesses") * is_guessed
        + prompt_text("pictures") * has_pictures
    )


def prompt_text(name: str) -> str:
    """The words of a prompt by its name."""
    return files("assistant").joinpath("prompts", f"{name}.txt").read_text("utf-8")
