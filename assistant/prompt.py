"""The evidence as a prompt, and what a language model writes to it.

Leaves out the check of what it writes: that is `assistant.citations`.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from importlib.resources import files

from langchain_core.messages import HumanMessage

from assistant.answer import Source
from assistant.llm import LanguageModel

CHARS_PER_TOKEN = 3
"""Few enough to be safe: English has about four."""
RESERVED_TOKENS = 900
"""Of the context, for the rules, the question and the answer."""
MAX_QUESTION_CHARS = 4_000


def write_from_sources(
    question: str, sources: Sequence[Source], model: LanguageModel
) -> Generator[str]:
    """What the language model writes, piece by piece."""
    prompt = prompt_text("answer").format(
        sources=_listed(sources, model.context_tokens), question=question[:MAX_QUESTION_CHARS]
    )
    return model.stream([HumanMessage(prompt)])


def _listed(sources: Sequence[Source], context_tokens: int) -> str:
    """The sources, numbered and fenced, each cut to its share of the context."""
    budget = max(1_000, (context_tokens - RESERVED_TOKENS) * CHARS_PER_TOKEN)
    each = budget // max(1, len(sources))
    parts = []
    for source in sources:
        kind = source.document.metadata.get("modality", "text")
        body, place = map(_unfenced, (source.evidence[:each], source.place))
        parts.append(f"<source {source.n}: {kind}, {place}>\n{body}\n</source {source.n}>")
    return "\n\n".join(parts)


def _unfenced(text: str) -> str:
    """The text without signs that could end or open a fence between sources."""
    return text.replace("<", "‹").replace(">", "›")


def prompt_text(name: str) -> str:
    """The words of a prompt by its name."""
    return files("assistant").joinpath("prompts", f"{name}.txt").read_text("utf-8")
