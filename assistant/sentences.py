"""Splits text into sentences, and words into stems, for quoting and checking.

English rules, harmless elsewhere. Leaves out paragraphs and layout.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from typing import Any

from retrievers.lexical import STOPWORDS

BEFORE_NAMES = frozenset(
    """alex benj capt chas col danl dr edw fred gen geo jas jno jos maj messrs mr mrs ms mt prof rev
    richd robt saml sr st thos wm""".split()  # noqa: SIM905 - a list would be thirty lines
)
"""Titles, and first names as old papers shorten them: a name goes on after their full stop."""
ABBREVIATIONS = BEFORE_NAMES | frozenset(
    """al approx apr aug ca cf co corp dec dept ed eds e.g eg eq est etc feb fig figs i.e ie inc jan
    jr jul jun ltd mar no nos nov oct p pp ref sec sep sept u.k u.s vol vs""".split()  # noqa: SIM905
)
MONTHS = (
    r"(?:Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
    r"|Jahrhundert|Quartal)\b"
)
BOUNDARY = re.compile(
    rf"(?<=[.!?…])(?:(?<![\s(]\d\.)(?<![\s(]\d\d\.)|(?!\s+{MONTHS}))"
    r"[\"”’)\]\ue000-\uf8ff]*\s+(?=[\"“‘(\[\ue000-\uf8ff]*[A-Z0-9])|\n+"
)
"""The private characters are marks of sources, as `assistant.plain_words` puts them.

After a number of one or two digits a full stop may be that of a German date.
"""
LIST_NUMBER = re.compile(r"\s*\d{1,3}[.)]")
WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
MAY_OPEN_NEXT = ' \t\n"“‘(['
"""What may turn out to stand before the next sentence rather than at the end of this one."""
NUMBER = re.compile(r"(?<![\w.,])[-−]?\$?\d[\d,]*(?:\.\d+)?%?|(?<=\w)\d+(?:\.\d+)?")
UNTELLING = STOPWORDS | frozenset(
    "document documents give let many much page please said say says see tell".split()  # noqa: SIM905
)
"""Words that say nothing about what is asked or claimed."""
NEGATIONS = frozenset(("cannot", "neither", "never", "no", "none", "nor", "not", "without"))


def split_sentences(text: str) -> list[str]:
    """The sentences of a text; line feeds end one, abbreviations and initials do not."""
    return [s for s in map(str.strip, segments(text)) if s]


def sentences_of_stream(pieces: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """The text of a stream again, cut anew: each piece belongs to one sentence.

    Yields (text, ends_sentence); the texts put together are the stream, stripped. A sentence
    is known to have ended only when the next one has begun.
    """
    held, n_given = "", 0
    for piece in pieces:
        *complete, last = segments(held + piece)
        held = ""  # white space that ends a sentence opens the next
        for sentence in complete:
            held += sentence
            if ended := held.rstrip():
                yield ended[n_given:], True
                held, n_given = held[len(ended) :], 0
        held += last
        ready = held.rstrip(MAY_OPEN_NEXT)
        if ready[n_given:].strip():
            yield ready[n_given:], False
            n_given = len(ready)
    if held.strip():
        yield held.rstrip()[n_given:], True


def segments(text: str) -> list[str]:
    """The sentences of a text with the white space around them: put together, the text."""
    found: list[str] = []
    start = 0
    for boundary in BOUNDARY.finditer(text):
        if "\n" in boundary.group() or not _is_abbreviation(text[start : boundary.start()]):
            found.append(text[start : boundary.end()])
            start = boundary.end()
    return [*found, text[start:]]


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return [w.lower() for w in WORD.findall(text)]


def stems(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order."""
    return [stem(w) for w in words(text) if w not in UNTELLING]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The word without its ending (Porter's second algorithm)."""
    with _stemming:
        return str(_stemmer().stemWord(word.removesuffix("'s").removesuffix("’s")))


def numbers(text: str) -> set[str]:
    """The numbers in a text, without signs for thousands, money and percent; minus stays."""
    return {_plain_number(n) for n in NUMBER.findall(text)} - {""}


def names(text: str) -> set[str]:
    """Words with a capital inside a sentence: names, as far as spelling shows them."""
    found: set[str] = set()
    for sentence in split_sentences(text):
        found |= {w.lower() for w in WORD.findall(sentence)[1:] if w[:1].isupper()}
    return found - UNTELLING


def is_negated(text: str) -> bool:
    """Whether the text denies something."""
    return any(w in NEGATIONS or w.endswith(("n't", "n’t")) for w in words(text))


def share(part: Iterable[str], whole: set[str]) -> float:
    """How much of part is in whole, in [0, 1]; 1 for an empty part."""
    wanted = set(part)
    return len(wanted & whole) / len(wanted) if wanted else 1.0


def _is_abbreviation(before: str) -> bool:
    if LIST_NUMBER.fullmatch(before):
        return True
    last = before.rstrip('"”’)] ').rsplit(maxsplit=1)[-1:] or [""]
    if not last[0].endswith("."):
        return False
    word = last[0].rstrip(".").lstrip('("“').lower()
    return word in ABBREVIATIONS or (len(word) == 1 and word.isalpha())


def _plain_number(text: str) -> str:
    plain = text.strip("-−–$%").replace(",", "").rstrip(".")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    value = plain.lstrip("0") or ("0" if plain else "")
    return f"-{value}" if text[0] in "-−" and value else value


_stemming = threading.Lock()
"""The stemmer keeps the word that it is at, so only one thread may use it at a time."""


@cache
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("english")
