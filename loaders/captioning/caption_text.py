"""Tidies what a captioning model wrote: loops, and sentences that were cut off.

A loop is told by its form: the same phrase three times in a row, or, at the end, twice where
it begins with a word that leads on ("of people of people"). What comes twice otherwise may be
a name ("New York New York"), and numbers are never taken out. Leaves out whether a caption is
worth showing: that is the gate.
"""

from __future__ import annotations

import re

HABIT = re.compile(r"^(?:arafed|araffe)\w*\s+")
"""BLIP-large's habitual opening, which is no word."""
MIN_WORDS = 3
"""What is left of a sentence that was cut off; fewer say nothing."""
LEADING_ON = re.compile(
    r"""
    a|about|above|across|against|along|among|an|and|are|around|as|at|be|behind|being|below
    |beneath|beside|between|but|by|containing|during|for|from|has|have|having|her|his|if|in
    |including|inside|into|is|its|like|near|next|of|off|on|onto|or|out|outside|over|showing|such
    |than|that|the|their|these|this|those|through|to|toward|towards|under|up|upon|very|was|were
    |what|when|where|which|while|who|whose|with|within|without
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Words after which something has to come."""
LOOP = re.compile(r"\b([^\W\d]+(?: [^\W\d]+){0,4}?)(?: \1\b){2,}")
"""A phrase of up to five words that comes three times in a row."""
LOOP_AT_END = re.compile(
    rf"\b((?:{LEADING_ON.pattern})(?:[ ][^\W\d]+){{1,4}}?)[ ]\1$", re.VERBOSE | re.IGNORECASE
)
NESTED = re.compile(r"\b((?:an? |the )?[^\W\d]+)(?: of \1\b)+")
""" "a picture of a picture"."""


def tidied(text: str, prompt: str = "") -> str:
    """Without loops and habits. A prompt with which the caption begins is kept; alone, it is ""."""
    text = " ".join(text.split())
    if prompt and text.lower().startswith(prompt.lower()):
        own = tidied(text[len(prompt) :])
        return f"{text[: len(prompt)]} {own}" if own else ""
    text, before = HABIT.sub("", text), ""
    while text != before:  # a loop that is taken out may leave another
        before = text
        for loop in (LOOP, LOOP_AT_END, NESTED):
            text = loop.sub(r"\1", text)
    return text


def whole_phrase(text: str) -> str:
    """What is whole of a caption that was cut off: all before the phrase in which it stops.

    The last word may be a part of one; where a phrase is all there is, it ends with a word after
    which nothing has to come.
    """
    words = text.split()[:-1]
    begun = [n for n, word in enumerate(words) if n >= MIN_WORDS and _leads_on(word)]
    commas = [n + 1 for n, word in enumerate(words) if n + 1 >= MIN_WORDS and word.endswith(",")]
    cut = max(begun + commas, default=len(words))
    words = words[:cut]
    while words and _leads_on(words[-1]):
        words.pop()
    return " ".join(words).rstrip(" ,;:-")


def _leads_on(word: str) -> bool:
    return LEADING_ON.fullmatch(word.strip(",;:")) is not None
