"""The letters of a text layer as they are meant: accents put on, forms of letters undone.

Superscripts, fractions and symbols stay as they are: a number must not change. Leaves out
what a font maps to wrong letters.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from loaders.pdf.page import Floats

LINE_END_HYPHEN = "\xad"
PDFIUM_HYPHENS = (0x02, 0xFFFE)
"""What PDFium puts in the place of a hyphen at the end of a line."""
_UNSEEN = (
    r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\ufeff\ufffd-\uffff\U000e0000-\U000e007f"
)
INVISIBLE = re.compile(f"[{_UNSEEN}]")
"""Not for the eye: it could turn or break the line it is shown in, or hide a text (tags do)."""
_SPACES = re.compile(rf"[\s{_UNSEEN}]+")
RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
ACCENTS = {
    0x5E: "\u0302",
    0x60: "\u0300",
    0x7E: "\u0303",
    0xA8: "\u0308",
    0xAF: "\u0304",
    0xB4: "\u0301",
    0xB8: "\u0327",
    0x2C6: "\u0302",
    0x2C7: "\u030c",
    0x2CA: "\u0301",
    0x2CB: "\u0300",
    0x2D8: "\u0306",
    0x2D9: "\u0307",
    0x2DA: "\u030a",
    0x2DC: "\u0303",
    0x2DD: "\u030b",
}
"""Accents that TeX prints as characters of their own, and what combines with a letter."""
DOTLESS = {0x131: "i", 0x237: "j"}
MIN_ACCENT_OVERLAP = 0.5
"""Share of an accent's width that stands over its letter."""
MAX_LETTER_GAP = 0.22
"""Between letters of one word, in heights of their taller."""

_REMOVED = dict.fromkeys(
    code
    for first, last in (
        (0x00, 0x1F),  # control characters
        (0x7F, 0x9F),
        (0x200B, 0x200F),  # without width, or only turning the direction
        (0x202A, 0x202E),
        (0x2060, 0x2069),
        (0xD800, 0xDFFF),  # halves of characters
        (0xE000, 0xF8FF),  # a font's own
        (0xFE00, 0xFE0F),  # choose a picture for the character before
        (0xFEFF, 0xFEFF),
        (0xFFFD, 0xFFFF),
        (0xE0000, 0xE01EF),  # tags: letters that are never shown
    )
    for code in range(first, last + 1)
)
_PLAIN = {
    code: plain
    for first, last in (
        (0x2F00, 0x2FD5),  # radicals in the place of Chinese letters
        (0xFB00, 0xFB06),  # ligatures
        (0xFF10, 0xFF19),  # wide digits and letters
        (0xFF21, 0xFF3A),
        (0xFF41, 0xFF5A),
        (0x1D400, 0x1D7FF),  # letters and digits of mathematics
    )
    for code in range(first, last + 1)
    if (plain := unicodedata.normalize("NFKC", chr(code))) != chr(code)
}
BULLETS = {0xF0B7: "•", 0xF0A7: "▪", 0xF0D8: "▸", 0xF0FC: "✓"}  # Symbol and Wingdings
_HYPHENS = dict.fromkeys(PDFIUM_HYPHENS, LINE_END_HYPHEN)
_CLEANED = _REMOVED | _PLAIN | BULLETS | _HYPHENS
_UNCLEAN = frozenset(map(chr, _CLEANED))
_IS_ACCENT = np.zeros(max(ACCENTS) + 2, bool)
"""By code; the last one stands for all above."""
_IS_ACCENT[list(ACCENTS)] = True


def on_one_line(text: str) -> str:
    """A title or a name as it is shown: nothing in it but what is seen, and single spaces."""
    return _SPACES.sub(" ", text).strip()


def n_unreadable(codes: NDArray[np.uint32]) -> int:
    """How many are control codes, a font's own, or stand for what is not known."""
    is_private = (codes >= 0xE000) & (codes <= 0xF8FF) & ~np.isin(codes, list(BULLETS))
    is_control = ((codes < 0x20) | ((codes >= 0x7F) & (codes < 0xA0))) & (codes != 0x02)
    return int((is_private | is_control | (codes == 0xFFFD)).sum())


def word_texts(
    codes: NDArray[np.uint32], glyphs: NDArray[np.int64], starts: NDArray[np.int64]
) -> list[str]:
    """The words that begin at starts, which are indexes into glyphs, as those are into codes."""
    chars = np.minimum(codes[glyphs], 0x10FFFF).astype("<u4")
    whole = chars.tobytes().decode("utf-32-le", "surrogatepass")
    # Two halves of one character count as two: keep their places, in the first one.
    whole = re.sub("[\ud800-\udbff][\udc00-\udfff]", _one_character, whole)
    bounds = [*starts.tolist(), len(glyphs)]
    words = [whole[start:end] for start, end in pairwise(bounds)]
    if not _UNCLEAN.isdisjoint(set(whole)):
        words = [word.translate(_CLEANED) for word in words]
    if not unicodedata.is_normalized("NFC", whole):
        words = [unicodedata.normalize("NFC", word) for word in words]
    return words


def is_leftwards(text: str) -> bool:
    """Whether it holds letters that are read from right to left."""
    return not text.isascii() and bool(RIGHT_TO_LEFT.search(text))


def has_accents(codes: NDArray[np.uint32]) -> bool:
    """Whether any of them may have to be put on a letter."""
    return bool(_IS_ACCENT[np.minimum(codes, len(_IS_ACCENT) - 1)].any())


class Accented(NamedTuple):
    """codes: with accented letters. kept: indexes of the glyphs that remain. adjoins: bool, for
    each of those, whether it belongs to the word of the glyph before."""

    codes: NDArray[np.uint32]
    kept: NDArray[np.int64]
    adjoins: NDArray[np.bool_]


def put_accents_on(codes: NDArray[np.uint32], glyphs: NDArray[np.int64], boxes: Floats) -> Accented:
    """Make one character of an accent and the letter under it; boxes: of the glyphs."""
    accents = np.flatnonzero(_IS_ACCENT[np.minimum(codes[glyphs], len(_IS_ACCENT) - 1)])
    if len(accents):
        codes = codes.copy()
    remaining, adjoining = np.ones(len(glyphs), bool), np.zeros(len(glyphs), bool)
    for k in accents.tolist():
        for letter in (k + 1, k - 1):
            if not 0 <= letter < len(glyphs) or not remaining[letter]:
                continue
            base = DOTLESS.get(code := int(codes[glyphs[letter]])) or chr(min(code, 0x10FFFF))
            joined = unicodedata.normalize("NFC", base + ACCENTS[int(codes[glyphs[k]])])
            if base.isalpha() and len(joined) == 1 and _is_over(boxes[k], boxes[letter]):
                codes[glyphs[letter]] = ord(joined)
                remaining[k] = False
                _mark_adjoining(adjoining, boxes, k, letter)
                if 0 < k < len(glyphs) - 1 and glyphs[k + 1] - glyphs[k - 1] == 2:
                    adjoining[k + 1] = True  # nothing but the accent stood between
                break
    kept = np.flatnonzero(remaining)
    return Accented(codes, kept, adjoining[kept])


def _mark_adjoining(adjoining: NDArray[np.bool_], boxes: Floats, accent: int, letter: int) -> None:
    """Undo the gaps that an accent made in its word."""
    for left, right in ((min(accent, letter) - 1, letter), (letter, max(accent, letter) + 1)):
        if left >= 0 and right < len(boxes):
            height = max(boxes[left, 3] - boxes[left, 1], boxes[right, 3] - boxes[right, 1])
            gap = boxes[right, 0] - boxes[left, 2]
            is_level = min(boxes[left, 3], boxes[right, 3]) > max(boxes[left, 1], boxes[right, 1])
            adjoining[right] = is_level and abs(gap) <= MAX_LETTER_GAP * height


def _is_over(accent: Floats, letter: Floats) -> bool:
    common = min(accent[2], letter[2]) - max(accent[0], letter[0])
    near = abs(accent[1] - letter[1]) < 1.5 * max(letter[3] - letter[1], accent[2] - accent[0])
    return bool(near and common >= MIN_ACCENT_OVERLAP * (accent[2] - accent[0]))


def _one_character(halves: re.Match[str]) -> str:
    return halves[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le") + "\0"
