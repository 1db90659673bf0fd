"""Quotes in a small language model's words, where the check confirms these.

Leaves out choosing what is quoted: that is `assistant.quotes`.
"""

from __future__ import annotations

import numpy as np
from langchain_core.embeddings import Embeddings
from langchain_core.messages import HumanMessage

from assistant.errors import GenerationFailed, GenerationStopped
from assistant.llm import LanguageModel
from assistant.prompt import prompt_text
from assistant.questions import Asked, Wants
from assistant.quote_ranking import Quote
from assistant.sentences import is_negated, names, numbers, share, stems, words
from assistant.table_quotes import CELLS

SHORT_QUOTE_CHARS = 160
"""A shorter quote needs no rewording."""
PHRASE_QUOTE_CHARS = 400
"""Read in about a second on two cores: the first words wait for it."""
PHRASE_LIKENESS = 0.75
"""Cosine that a phrase must have to its quote to be taken in its place."""
MIN_OWN_WORDS = 0.9
"""Share of a phrase's stems that must stand in the quote or the question."""


def phrase_quote(
    question: str, quote: Quote, model: LanguageModel, embeddings: Embeddings
) -> str | None:
    """The quote as one sentence that answers; None where the check does not confirm the phrase.

    Raises GenerationStopped.
    """
    prompt = prompt_text("phrase").format(quote=quote.text[:PHRASE_QUOTE_CHARS], question=question)
    try:
        phrase = "".join(model.stream([HumanMessage(prompt)])).strip()
    except GenerationStopped:
        raise
    except GenerationFailed:
        return None  # the quote itself is the answer
    return phrase if _is_confirmed(phrase, question, quote.text, embeddings) else None


def is_phrasable(quote: Quote, question: str) -> bool:
    """Whether a small model may reword the quote: it is long, and has no values to mix up.

    Of what tells whether something is so, every word may matter.
    """
    if Asked(question).wants is Wants.YES_OR_NO:
        return False
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
