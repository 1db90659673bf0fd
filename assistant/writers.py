"""The two ways to write an answer: from quotes, or by a language model that is trusted to.

Both yield text; neither decides a citation or a figure. Leaves out the check of what
they write, which treats both alike.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from importlib.resources import files

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.messages import HumanMessage

from assistant.answer import Source
from assistant.errors import GenerationFailed
from assistant.llm import LanguageModel
from assistant.quotes import CELLS, Quote
from assistant.sentences import is_negated, names, numbers, share, stems, words

CHARS_PER_TOKEN = 3
"""Few enough to be safe: English has about four."""
RESERVED_TOKENS = 900
"""Of the context, for the rules, the question and the answer."""
MAX_QUESTION_CHARS = 4_000

SHORT_QUOTE_CHARS = 160
"""A shorter quote needs no rewording."""
PHRASE_QUOTE_CHARS = 700
PHRASE_LIKENESS = 0.75
"""Cosine that a phrase must have to its quote to be taken in its place."""
MIN_OWN_WORDS = 0.9
"""Share of a phrase's stems that must stand in the quote or the question."""


def write_from_sources(
    question: str, sources: Sequence[Source], model: LanguageModel
) -> Generator[str]:
    """What the language model writes, piece by piece."""
    prompt = _prompt("answer").format(
        sources=_listed(sources, model.context_tokens), question=question[:MAX_QUESTION_CHARS]
    )
    return model.stream([HumanMessage(prompt)])


def phrase_quote(
    question: str, quote: Quote, model: LanguageModel, embeddings: Embeddings
) -> str | None:
    """The quote as one sentence that answers; None where the check does not confirm the phrase."""
    prompt = _prompt("phrase").format(quote=quote.text[:PHRASE_QUOTE_CHARS], question=question)
    try:
        phrase = "".join(model.stream([HumanMessage(prompt)])).strip()
    except GenerationFailed:
        return None  # the quote itself is the answer
    return phrase if _is_confirmed(phrase, question, quote.text, embeddings) else None


def is_phrasable(quote: Quote, question: str) -> bool:
    """Whether a small model may reword the quote: it is long, and has no values to mix up."""
    values = numbers(quote.text) - numbers(question)
    return len(quote.text) > SHORT_QUOTE_CHARS and len(values) <= 1 and CELLS not in quote.text


def _is_confirmed(phrase: str, question: str, quote: str, embeddings: Embeddings) -> bool:
    """Whether a phrase says nothing that its quote does not, and is an answer."""
    new = set(stems(phrase)) - set(stems(question))
    if "\n" in phrase or not new or len(phrase) > len(quote) + 40 or not phrase.endswith("."):
        return False
    told = set(stems(quote)) | set(stems(question))
    if (
        not new <= set(stems(quote))
        or share(stems(phrase), told) < MIN_OWN_WORDS
        or not numbers(phrase) <= numbers(quote)
        or not names(phrase) <= set(words(quote))
        or is_negated(phrase) != is_negated(quote)
    ):
        return False
    a, b = (np.asarray(embeddings.embed_query(t), dtype=np.float32) for t in (phrase, quote))
    return float(a @ b) >= PHRASE_LIKENESS


def _listed(sources: Sequence[Source], context_tokens: int) -> str:
    """The sources, numbered and fenced, each cut to its share of the context."""
    budget = max(1_000, (context_tokens - RESERVED_TOKENS) * CHARS_PER_TOKEN)
    each = budget // max(1, len(sources))
    parts = []
    for source in sources:
        kind = source.document.metadata.get("modality", "text")
        body, place = map(_unfenced, (source.document.page_content[:each], source.place))
        parts.append(f"<source {source.n}: {kind}, {place}>\n{body}\n</source {source.n}>")
    return "\n\n".join(parts)


def _unfenced(text: str) -> str:
    """The text without signs that could end or open a fence between sources."""
    return text.replace("<", "‹").replace(">", "›")


def _prompt(name: str) -> str:
    return files("assistant").joinpath("prompts", f"{name}.txt").read_text("utf-8")
