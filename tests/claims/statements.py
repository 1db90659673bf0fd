"""Sentences of documents that state something, and the values and names in them.

Its rules are its own: a check is not to be measured by the eyes with which it looks. Leaves out
tables: that is `tests.claims.cells`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from langchain_core.documents import Document

SENTENCE_END = re.compile(r"(?<=[a-z0-9)%][.!?])\s+(?=[A-Z])|\n+")
VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|will|can|may|must|should|do|does|did|\w{3,}ed)\b"
)
PLAIN = re.compile(r"[A-Z][A-Za-z0-9 ,.;:'’()$%/–-]+[.]")
CITED_WORK = re.compile(r"et al|\(\d{4}[a-z]?\)|\bhttp|www\.|\.{2}|[=<>]")
MIN_WORDS, MAX_WORDS = 8, 34
MIN_LETTERS = 0.72
NUMBER = re.compile(r"(?<![\w.,/:$€£-])\$?\d+(?:,\d{3})*(?:\.\d+)?(?![\w/:-]|[.,]\d)")
REFERS = re.compile(
    r"(?:figs?|figures?|tables?|sections?|sec|no|nos|pages?|pp|p|appendix|chapters?|steps?|eqs?|"
    r"equations?|parts?|title|form|box|exhibit|volume|vol|version|model|type|phase|tier)\.?\s*\(?$",
    re.IGNORECASE,
)
YEAR = re.compile(r"(?:19|20)\d\d")
SPELLED = {
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
}  # fmt: skip
NAME = re.compile(
    r"(?<=[a-z,;] )(?:[A-Z][a-z]{2,}|[A-Z]{3,})(?: (?:of |and )?(?:[A-Z][a-z]+|[A-Z]{2,}))*"
)
NO_NAME = re.compile(
    r"\b(?:The|This|These|In|For|If|It|And|But|However|Figure|Fig|Table|Section|Appendix|Equation|"
    r"Chapter|Part|Step|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|January|February|"
    r"March|April|May|June|July|August|September|October|November|December)\b"
)


def statements(document: Document) -> Iterator[str]:
    """The plain whole sentences of a piece of evidence that is text."""
    if document.metadata["modality"] != "text":
        return
    for line in SENTENCE_END.split(document.page_content):
        sentence = " ".join(line.split())
        n_words = len(sentence.split())
        if (
            MIN_WORDS <= n_words <= MAX_WORDS
            and PLAIN.fullmatch(sentence)
            and VERB.search(sentence)
            and not CITED_WORK.search(sentence)
            and sum(c.isalpha() for c in sentence) >= MIN_LETTERS * len(sentence)
            and sentence.count("(") == sentence.count(")")
        ):
            yield sentence


def plain_words(text: str) -> list[str]:
    """The words in lower case, numbers without signs."""
    return re.findall(r"[a-z]+|\d+(?:\.\d+)?", text.lower().replace(",", ""))


def values(sentence: str) -> list[re.Match[str]]:
    """The numbers that say how much or many, years and references left out."""
    return [
        found
        for found in NUMBER.finditer(sentence)
        if not YEAR.fullmatch(found[0])
        and not REFERS.search(sentence[: found.start()])
        and float(found[0].strip("$").replace(",", "")) > 1
    ]


def years(sentence: str) -> list[re.Match[str]]:
    """The years."""
    return [
        found
        for found in re.finditer(r"(?<![\w.,$/-])(?:19|20)\d\d(?![\w,/-]|\.\d)", sentence)
        if not REFERS.search(sentence[: found.start()])
    ]


def names(sentence: str) -> list[re.Match[str]]:
    """Words with a capital inside the sentence, those that belong together as one."""
    return [found for found in NAME.finditer(sentence) if not NO_NAME.search(found[0])]


def says_number(text: str, number: str) -> bool:
    """Whether a text holds the number, written in digits or as a word."""
    wanted = float(number.strip("$").replace(",", ""))
    words = plain_words(text)
    found = {float(SPELLED.get(w, w)) for w in words if w in SPELLED or w[0].isdigit()}
    return wanted in found or f"{wanted:g}" in text.replace(",", "")
