"""Whether the text layer of a page can be used, told by its statistics.

Fonts without a sound table of their characters give text that nobody can read: symbols,
letters of a shifted alphabet, "(cid:31)". Judged are words, never numbers or signs that
tables, formulas and code are full of, and only where there are enough. Letters are
weighed in Latin script alone: of others it is only asked whether their words mix scripts.
Leaves out text that nobody can see (`visibility`) and spelling.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import Enum, auto
from functools import lru_cache

from loaders.pdf.contents import PageContents
from loaders.pdf.page import Frame
from loaders.pdf.pictures import ImageObject
from loaders.pdf.segments import SLANTED, TextLayer

SPARSE_CHARS = 200
"""A scan over the page with fewer on it may hold text that its layer lacks: it has a stamp."""
SCAN_SHARE = 0.6
"""Of the page that a picture covers which is a scan of it."""
STRIP_SHARE = 0.8
"""Of the page's width that each of several strips of a scan takes."""
MAX_UNREADABLE = 0.15
"""Share of characters without a meaning: private ones, control codes, replacements."""
CID = re.compile(r"\(cid:\d+\)")
WORD = re.compile(r"[^\W\d_]{4,}")
MIN_WORDS = 25
"""Of four letters or more; with fewer, nothing is told by them."""
MAX_UNSPEAKABLE, MAX_MIXED, MAX_ACCENTED = 0.3, 0.3, 0.6
VOWELS, MIN_VOWELS = "aeiouy", 0.27
"""They are a third of the letters of any language in Latin script, and 0.15 to 0.23 of those of
English three places on in the alphabet, as fonts without a table often are."""
MAX_CONSONANTS = 6
"""In a row. German has "Angstschweiß" with eight, but few such words."""
UNSPEAKABLE = re.compile(rf"[^aeiouyw]+|[aeiouyw]{{6,}}|.*[^aeiouyw]{{{MAX_CONSONANTS}}}.*")
MIN_SIGNS, MAX_SIGNS, MIN_KINDS_OF_SIGNS = 100, 0.6, 8
"""Text of mostly signs, of so many kinds, is letters that went wrong."""
TOLD = re.compile(r"[^\s.\-–—…·•*_=|+]")
"""What is neither a space nor of leaders, rules and empty cells."""
ASIAN = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "FULLWIDTH", "HALFWIDTH"})

OF_NO_SCRIPT = frozenset(
    {"MICRO", "OHM", "KELVIN", "ANGSTROM", "MODIFIER", "MATHEMATICAL", "DOUBLE-STRUCK", "SCRIPT"}
    | {"BLACK-LETTER", "FEMININE", "MASCULINE", "COMBINING", "PLANCK"}
)
"""How the Unicode names of letters begin that are used in any script."""


class Verdict(Enum):
    """What to do with the text layer of a page."""

    USABLE = auto()
    SPARSE = auto()
    """It may be less than what the page shows."""
    UNUSABLE = auto()


def judge(contents: PageContents) -> Verdict:
    """Whether the text layer of a page is what a person reads there."""
    layer = contents.layer
    if not contents.has_text or not is_legible(_texts(layer), layer.n_unreadable):
        return Verdict.UNUSABLE
    if layer.n_chars < SPARSE_CHARS and is_scan(contents.images, contents.frame):
        return Verdict.SPARSE
    return Verdict.USABLE


def is_scan(images: Sequence[ImageObject], frame: Frame) -> bool:
    """Whether the images cover the page."""
    return bool(covering(images, frame))


def covering(images: Sequence[ImageObject], frame: Frame) -> list[ImageObject]:
    """The images that cover the page, each of them or as strips of it; [] if none do."""
    whole = [i for i in images if i.box.area >= SCAN_SHARE * frame.box.area]
    if whole:
        return whole
    strips = [i for i in images if i.box.width >= STRIP_SHARE * frame.width]
    return strips if sum(i.box.area for i in strips) >= SCAN_SHARE * frame.box.area else []


def is_legible(texts: Sequence[str], n_unreadable: int = 0) -> bool:
    """Whether text reads like that of a language, or like numbers.

    n_unreadable: characters without a meaning that were taken out of it.
    """
    whole = "\n".join(texts)
    n_chars = len(whole) - whole.count(" ") - whole.count("\n")
    if n_unreadable > MAX_UNREADABLE * (n_unreadable + n_chars):
        return False
    if sum(map(len, CID.findall(whole))) > MAX_UNREADABLE * n_chars:
        return False
    # Most pages have enough vowels, which is told a hundred times as fast as the rest.
    is_plain = sum(map(whole.lower().count, VOWELS)) >= MIN_VOWELS * n_chars
    return is_plain or not (_is_signs(whole) or _is_gibberish(whole))


def _texts(layer: TextLayer) -> list[str]:
    return [
        segment.text
        for turns, segments in layer.by_turns.items()
        if turns != SLANTED
        for segment in segments
    ]


def _is_signs(text: str) -> bool:
    """Whether it is mostly signs of many kinds, which no table or formula is."""
    told = TOLD.findall(text)
    # Most text is told by the letters and digits in it, which are counted faster than signs.
    if len(told) < MIN_SIGNS or sum(map(str.isalnum, told)) >= (1 - MAX_SIGNS) * len(told):
        return False
    signs = [c for c in told if unicodedata.category(c)[0] in "PSC"]
    return len(signs) > MAX_SIGNS * len(told) and len(set(signs)) >= MIN_KINDS_OF_SIGNS


def _is_gibberish(text: str) -> bool:
    words = WORD.findall(text)
    if len(words) < MIN_WORDS:
        return False
    latin = [word.lower() for word in words if word.isascii()]
    others = [word for word in words if not word.isascii()]
    n_mixed = sum(len({s for s in map(_script, word) if s}) > 1 for word in others)
    if n_mixed > MAX_MIXED * len(words):
        return True
    latin += [_unaccented(word) for word in others if all(_script(c) == "LATIN" for c in word)]
    # Abbreviations are unspeakable too, but a page of gibberish is all gibberish.
    share_of_text = sum(map(len, latin)) / max(1, sum(not c.isspace() for c in text))
    if len(latin) < MIN_WORDS or share_of_text < 0.3:
        return False
    n_accented = sum(not c.isascii() for word in others for c in word)
    if n_accented > MAX_ACCENTED * sum(map(len, words)) and len(latin) > 0.9 * len(words):
        return True
    letters = "".join(latin)
    if share_of_text > 0.5 and sum(map(letters.count, VOWELS)) < MIN_VOWELS * len(letters):
        return True
    n_unspeakable = sum(bool(UNSPEAKABLE.fullmatch(w)) for w in latin)
    return n_unspeakable > MAX_UNSPEAKABLE * len(latin)


def _unaccented(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


@lru_cache(maxsize=4_096)
def _script(char: str) -> str:
    """The script of a letter, those of East Asia as one; "" for signs used with several."""
    name = unicodedata.name(char, "").split(" ", 1)[0]
    if name in OF_NO_SCRIPT:
        return ""
    return "ASIAN" if name in ASIAN else name
