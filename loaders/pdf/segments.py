"""The text layer of a page, read from PDFium and joined to runs of words on one line.

Leaves out reading order and paragraphs: that is `columns` and `paragraphs`.
"""

from __future__ import annotations

import ctypes
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import pairwise, repeat
from typing import Any, NamedTuple

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from loaders.errors import LimitExceeded
from loaders.pdf.calls import declared
from loaders.pdf.letters import (
    LINE_END_HYPHEN,
    PDFIUM_HYPHENS,
    has_accents,
    is_leftwards,
    n_unreadable,
    put_accents_on,
    word_texts,
)
from loaders.pdf.objects import PageObjects
from loaders.pdf.page import Box, Floats, Frame, Segment, Sheet, turned
from loaders.pdf.visibility import Words, look_at

MAX_CHARS = 500_000
"""On one page. A page of the smallest print holds about 20,000."""
SLANTED = -1
SLANT_DEGREES = 10.0
BOLD_WEIGHT = 600
BOLD_NAME = re.compile(r"bold|black|heavy|semibold|demi(?!-?light)|cmbx|-bd", re.IGNORECASE)
TYPED_NAME = re.compile(
    r"mono(?!type)|courier|typewriter|consol|menlo|cmtt|cmsltt|(?:ec|sf)tt", re.IGNORECASE
)
"""Fonts whose letters are all as wide as each other; not all of them say so themselves."""
FIXED_PITCH = 1
"""The flag of a font that says it. ISO 32000-1, table 123."""
TYPED_SHARE = 0.9
"""Of a segment's letters, for it to be of a listing: a word in a sentence makes none."""
DOT = ".·…‥_"
DOTS = re.compile(rf"[{DOT}]+").fullmatch
HAS_LETTER = re.compile(r"\w").search
MIN_LEADERS = 4
"""Dots without a space between that lead from a label to what belongs to it."""
WORD_GAP = 1.5
"""Within a word, in heights of its letters."""
MAX_ADVANCE = 1.3
"""For each letter of a word, in heights of the word."""
SEGMENT_GAP = 1.2
"""Between words of one segment, in type sizes; gutters between columns are wider."""

_SPACES = (0, 9, 10, 13, 0x20, 0xA0, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
_IS_SPACE = np.zeros(0x3002, bool)
"""By code; the last one stands for all above."""
_IS_SPACE[list(_SPACES)] = True
_IS_SIGN = np.array([not chr(code).isalnum() for code in range(0x3000)] + [False])
"""Likewise."""


@dataclass
class TextLayer:
    """The segments of a page by the direction in which they are read.

    turns: quarter turns clockwise from upright, or SLANTED. The boxes of a segment are
    those that it has after the page was turned back, so that all text is upright.
    """

    by_turns: dict[int, list[Segment]] = field(default_factory=dict)
    n_hidden: int = 0
    """Characters left out because they cannot be seen."""
    n_unreadable: int = 0
    """Characters left out because the file does not tell what they mean."""
    n_read: int = 0
    """Characters without ink of their own, which OCR read on the scan that is seen."""

    @cached_property
    def _n_chars(self) -> dict[int, int]:
        return {
            turns: sum(len(s.text) - s.text.count(" ") for s in segments)
            for turns, segments in self.by_turns.items()
        }

    @property
    def n_chars(self) -> int:
        return sum(self._n_chars.values())

    def forget_typewriter(self) -> None:
        """Take what is set in a typewriter's letters for text like any other."""
        for turns, segments in self.by_turns.items():
            self.by_turns[turns] = [replace(segment, is_typed=False) for segment in segments]

    def sheets(self, frame: Frame) -> Iterator[tuple[Sheet, list[Segment]]]:
        """The page as turned for each direction, with what is then upright; slanted text last."""
        for turns in sorted(self.by_turns, key=lambda turns: turns % 5):
            yield Sheet(frame, max(0, turns)), self.by_turns[turns]

    @property
    def main_turns(self) -> int:
        """The direction of most of the text."""
        straight = [turns for turns in self.by_turns if turns != SLANTED]
        return max(straight, key=lambda turns: self._n_chars[turns], default=0)

    @property
    def main(self) -> list[Segment]:
        return self.by_turns.get(self.main_turns, [])


class _Styles(NamedTuple):
    """Of each word: the size of its type, whether it is bold, or a typewriter's, its direction."""

    sizes: Floats
    is_bold: NDArray[np.bool_]
    is_typed: NDArray[np.bool_]
    turns: NDArray[np.int64]
    fonts: NDArray[np.int64]
    """The same number for the same font in the same size, as the file tells it."""


def read_text(page: Any, frame: Frame, objects: PageObjects) -> TextLayer:
    """The text layer of a pypdfium2 page; what cannot be seen on it is left out.

    objects: of the same page, after its drawings were read.
    Raises LimitExceeded if the page holds more than MAX_CHARS.
    """
    textpage = page.get_textpage()
    try:
        n_chars = textpage.count_chars()
        if n_chars > MAX_CHARS:
            raise LimitExceeded(f"it has {n_chars:,} characters; the limit is {MAX_CHARS:,} a page")
        words = _Words.read(textpage, n_chars, frame) if n_chars else None
    finally:
        textpage.close()
    if words is None:
        return TextLayer()
    says = words.says_something()
    seen = look_at(page, frame, objects, Words(words.handles, words.boxes, words.sizes))
    hidden = says & seen.is_hidden
    n_hidden, n_read = (
        sum(len(words.texts[k]) for k in np.flatnonzero(which))
        for which in (hidden, says & seen.is_read)
    )
    by_turns: dict[int, list[Segment]] = {}
    for turns in np.unique(words.turns):
        chosen = np.flatnonzero((words.turns == turns) & says & ~hidden)
        if len(chosen):
            by_turns[int(turns)] = list(words.segments(chosen, int(turns), frame))
    return TextLayer(by_turns, n_hidden, words.n_unreadable, n_read)


@dataclass(slots=True)
class _Words:
    """Words in the order of the file; one array element for each word."""

    texts: list[str]
    handles: NDArray[np.int64]
    """Addresses of the text objects that draw them, 0 where not known."""
    boxes: Floats
    baselines: Floats
    """(n, 4): where the pen stands, as an empty box."""
    sizes: Floats
    is_bold: NDArray[np.bool_]
    is_typed: NDArray[np.bool_]
    turns: NDArray[np.int64]
    n_unreadable: int

    @staticmethod
    def read(textpage: Any, n_chars: int, frame: Frame) -> _Words | None:
        raw = ctypes.cast(textpage.raw, ctypes.c_void_p).value
        codes = _codes(textpage, raw, n_chars)
        glyphs = np.flatnonzero(~_IS_SPACE[np.minimum(codes, len(_IS_SPACE) - 1)])
        if not len(glyphs):
            return None
        if has_accents(codes[glyphs]):
            boxes = frame.displayed(_char_boxes(raw, glyphs))
            accented = put_accents_on(codes, glyphs, boxes)
            codes, glyphs, boxes = accented.codes, glyphs[accented.kept], boxes[accented.kept]
            begins = _begins_word(codes, glyphs, accented.adjoins)
            units = _Units(np.arange(len(glyphs)), boxes, _extents(boxes))
        else:
            begins = _begins_word(codes, glyphs, np.zeros(len(glyphs), bool))
            units = _units(raw, codes, glyphs, np.flatnonzero(begins), frame)
        own = np.flatnonzero(begins[units.glyphs] | units.are_apart())
        starts = units.glyphs[own]
        firsts = glyphs[starts]
        handles = np.fromiter(
            map(_calls().text_object, repeat(raw), firsts.tolist()), np.int64, len(firsts)
        )
        styles = _styles(raw, handles, firsts, frame)
        texts = word_texts(codes, glyphs, starts)
        heights = np.maximum.reduceat(units.extents, own)
        heights[[not HAS_LETTER(text) for text in texts]] = 0.0
        return _Words(
            texts=texts,
            handles=handles,
            boxes=_merged(units.boxes, own),
            baselines=frame.displayed(_origins(raw, firsts)),
            sizes=_plausible(styles.sizes, heights, styles.fonts),
            is_bold=styles.is_bold,
            is_typed=styles.is_typed,
            turns=styles.turns,
            n_unreadable=n_unreadable(codes[glyphs]),
        )

    def says_something(self) -> NDArray[np.bool_]:
        """Which words say something; rows of dots do not."""
        says = np.fromiter(map(bool, self.texts), bool, len(self.texts))
        is_dots = np.array([text[:1] in DOT and bool(DOTS(text)) for text in self.texts])
        if is_dots.any():
            padded = np.concatenate([[False], is_dots, [False]])
            in_row = padded[:-2] | padded[2:]
            says &= ~(is_dots & (in_row | np.array([len(text) > 3 for text in self.texts])))
        return says

    def segments(self, chosen: NDArray[np.int64], turns: int, frame: Frame) -> Iterator[Segment]:
        """Join the chosen words, all read in one direction, to segments."""
        back = 0 if turns == SLANTED else -turns
        boxes = turned(self.boxes[chosen], back, frame.width, frame.height)
        baselines = turned(self.baselines[chosen], back, frame.width, frame.height)[:, 3]
        sizes, is_bold = self.sizes[chosen], self.is_bold[chosen]
        texts = [self.texts[i] for i in chosen.tolist()]
        starts = _segment_starts(texts, boxes, baselines, sizes)
        lengths = np.array([len(text) for text in texts])
        whole = np.add.reduceat(lengths, starts)
        bold_share = np.add.reduceat(lengths * is_bold, starts) / whole
        typed_share = np.add.reduceat(lengths * self.is_typed[chosen], starts) / whole
        longest = _longest(lengths, starts)
        stops = list(zip(boxes[:, 0].tolist(), boxes[:, 2].tolist(), strict=True))
        bounds = [*starts.tolist(), len(texts)]
        yield from map(
            Segment,
            [" ".join(texts[start:end]) for start, end in pairwise(bounds)],
            map(Box._make, _merged(boxes, starts).tolist()),
            baselines[longest].tolist(),
            sizes[longest].tolist(),
            (bold_share > 0.6).tolist(),
            chosen[starts].tolist(),
            [tuple(stops[start:end]) for start, end in pairwise(bounds)],
            (typed_share > TYPED_SHARE).tolist(),
        )


class _Units(NamedTuple):
    """Glyphs, or runs of them: where they begin among the glyphs, and their boxes.

    extents: the longer side of each glyph, for a run the height of its letters.
    """

    glyphs: NDArray[np.int64]
    boxes: Floats
    extents: Floats

    def are_apart(self) -> NDArray[np.bool_]:
        """Which begin after a jump of the pen."""
        low, high = self.boxes[:, :2], self.boxes[:, 2:]
        gaps = (np.maximum(low[1:], low[:-1]) - np.minimum(high[1:], high[:-1])).max(axis=1)
        extents = _extents(self.boxes)
        is_apart = np.ones(len(extents), bool)
        is_apart[1:] = gaps > WORD_GAP * np.maximum(extents[1:], extents[:-1])
        return is_apart


def _units(
    raw: int | None,
    codes: NDArray[np.uint32],
    glyphs: NDArray[np.int64],
    starts: NDArray[np.int64],
    frame: Frame,
) -> _Units:
    """The words that begin at starts as one unit each, or glyph by glyph where the pen may jump.

    Within one text object it does so between signs, or else makes a word that is too long for
    its letters: PDFium puts a space in most gaps.
    """
    lengths = np.diff(starts, append=len(glyphs))
    n_objects, boxes = _word_boxes(raw, glyphs[starts], lengths)
    is_sign = _IS_SIGN[np.minimum(codes[glyphs], len(_IS_SIGN) - 1)]
    are_signs = is_sign & np.append(is_sign[1:], False)
    are_signs[starts[1:] - 1] = False
    short, long = np.sort(boxes[:, 2:] - boxes[:, :2], axis=1).T
    is_whole = (n_objects == 1) & (long <= MAX_ADVANCE * short * lengths)
    is_whole &= ~np.logical_or.reduceat(are_signs, starts)
    is_whole |= lengths == 1
    is_begun = np.repeat(~is_whole, lengths)
    is_begun[starts] = True
    units = np.flatnonzero(is_begun)
    is_glyph = np.repeat(~is_whole, lengths)[units]
    found = np.empty((len(units), 4))
    found[~is_glyph] = boxes[is_whole]
    found[is_glyph] = _char_boxes(raw, glyphs[units[is_glyph]])
    found = frame.displayed(found)
    sides = found[:, 2:] - found[:, :2]
    is_run = np.repeat(is_whole & (lengths > 1), lengths)[units]
    return _Units(units, found, np.where(is_run, sides.min(axis=1), sides.max(axis=1)))


def _begins_word(
    codes: NDArray[np.uint32], glyphs: NDArray[np.int64], adjoins: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which glyphs come after a space, after a hyphen at a line's end, or begin or end leaders."""
    starts = np.ones(len(glyphs), bool)
    follows = np.diff(glyphs) == 1
    before = codes[glyphs[:-1]]
    after_hyphen = (before == PDFIUM_HYPHENS[0]) | (before == PDFIUM_HYPHENS[1])
    is_leader = _in_long_runs(np.append(before, codes[glyphs[-1]]) == ord("."), MIN_LEADERS)
    starts[1:] = (~follows & ~adjoins[1:]) | after_hyphen | (is_leader[1:] != is_leader[:-1])
    return starts


def _in_long_runs(chosen: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Which elements are chosen together with at least so many in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    in_run = np.zeros(len(chosen), bool)
    long = np.flatnonzero(edges[1::2] - edges[::2] >= least)
    for start, end in edges.reshape(-1, 2)[long].tolist():
        in_run[start:end] = True
    return in_run


def _segment_starts(
    texts: list[str], boxes: Floats, baselines: Floats, sizes: Floats
) -> NDArray[np.int64]:
    """Indexes of words that do not follow the word before, on its line."""
    starts = np.ones(len(texts), bool)
    larger = np.maximum(sizes[1:], sizes[:-1])
    gaps = boxes[1:, 0] - boxes[:-1, 2]
    if is_leftwards(" ".join(texts)):
        leftwards = np.array([is_leftwards(text) for text in texts])
        gaps = np.where(leftwards[1:] | leftwards[:-1], boxes[:-1, 0] - boxes[1:, 2], gaps)
    same_line = np.abs(baselines[1:] - baselines[:-1]) < 0.6 * larger
    adjoins = (gaps < SEGMENT_GAP * larger) & (gaps > -0.5 * larger)
    same_type = larger < 1.5 * np.minimum(sizes[1:], sizes[:-1])
    ended = np.array([text.endswith(LINE_END_HYPHEN) for text in texts[:-1]], bool)
    # A raised number is smaller by far, yet part of its line: it overlaps the other's height.
    starts[1:] = ~(same_line & adjoins & (same_type | (gaps < 0.3 * larger))) | ended
    return np.flatnonzero(starts)


def _longest(lengths: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The index of the longest word, the first of several, in each run that begins at starts."""
    n = len(lengths)
    ranked = lengths * n + np.arange(n - 1, -1, -1)
    longest: NDArray[np.int64] = n - 1 - np.maximum.reduceat(ranked, starts) % n
    return longest


def _merged(boxes: Floats, starts: NDArray[np.int64]) -> Floats:
    """The boxes around the runs that begin at starts."""
    low = np.minimum.reduceat(boxes[:, :2], starts)
    high = np.maximum.reduceat(boxes[:, 2:], starts)
    return np.concatenate([low, high], axis=1)


def _extents(boxes: Floats) -> Floats:
    extents: Floats = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    return extents


def _plausible(sizes: Floats, heights: Floats, fonts: NDArray[np.int64]) -> Floats:
    """Type sizes, taken from the letters where a file tells nonsense (Type 3 fonts do).

    The letters of one word may all be low ones: the usual height of all words in the font tells.
    heights: 0 for what has no letters.
    """
    wrong = (sizes > 6 * heights) | (sizes < 0.4 * heights) | ~np.isfinite(sizes)
    found = np.nan_to_num(sizes)
    for font in np.unique(fonts[wrong & (heights > 0)]).tolist():
        own = (fonts == font) & (heights > 0)
        found[wrong & own] = 1.3 * float(np.median(heights[own]))
    return np.clip(found, 0.5, 2_000)


def _styles(
    raw: int | None, handles: NDArray[np.int64], firsts: NDArray[np.int64], frame: Frame
) -> _Styles:
    """The style of each word, looked up once for each text object."""
    calls = _calls()
    objects, of_first, own = np.unique(handles, return_index=True, return_inverse=True)
    indexes = firsts[of_first].tolist()
    matrices = np.tile(np.array((1, 0, 0, 1, 0, 0), np.float32), (len(indexes), 1))
    start, stride = matrices.ctypes.data, matrices.strides[0]
    places = range(start, start + matrices.nbytes, stride)
    deque(map(calls.matrix, repeat(raw), indexes, places), maxlen=0)
    a, b, c, d = np.nan_to_num(matrices[:, :4].astype(np.float64)).T
    sizes = np.fromiter(map(calls.font_size, repeat(raw), indexes), np.float64, len(indexes))
    degrees = np.degrees(np.arctan2(b, a))
    quarters = np.round(degrees / 90)
    is_slanted = np.abs(degrees - 90 * quarters) > SLANT_DEGREES
    turns = np.where(is_slanted, SLANTED, (frame.turns - quarters.astype(np.int64)) % 4)
    sizes = sizes * np.sqrt(np.abs(a * d - b * c))
    is_bold, is_typed, fonts = _looks(objects)
    in_size = np.unique(np.stack([fonts, np.round(sizes, 1)]), axis=1, return_inverse=True)[1]
    return _Styles(sizes[own], is_bold[own], is_typed[own], turns[own], in_size.ravel()[own])


def _looks(
    objects: NDArray[np.int64],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]:
    """Whether each is bold, and a typewriter's, and its font. objects: addresses, 0 for none."""
    addresses = np.fromiter(
        (_calls().font(drawn) if drawn else 0 for drawn in objects.tolist()), np.int64, len(objects)
    )
    fonts, own = np.unique(addresses, return_inverse=True)
    looks = [_look(font) if font else (False, False) for font in fonts.tolist()]
    is_bold, is_typed = np.array(looks, bool).reshape(-1, 2).T[:, own]
    return is_bold, is_typed, own


def _look(address: int) -> tuple[bool, bool]:
    """Whether the letters of a font are bold, and those of a typewriter."""
    font = ctypes.cast(address, pdfium.FPDF_FONT)
    buffer = ctypes.create_string_buffer(256)
    pdfium.FPDFFont_GetBaseFontName(font, buffer, len(buffer))
    name = buffer.value.decode("latin-1")
    is_bold = pdfium.FPDFFont_GetWeight(font) >= BOLD_WEIGHT or BOLD_NAME.search(name)
    is_typed = pdfium.FPDFFont_GetFlags(font) & FIXED_PITCH or TYPED_NAME.search(name)
    return bool(is_bold), bool(is_typed)


class _Calls(NamedTuple):
    """PDFium's functions that are called for every character."""

    code: Callable[[int | None, int], int]
    text_object: Callable[[int | None, int], int]
    char_box: Callable[..., int]
    count_boxes: Callable[[int | None, int, int], int]
    box: Callable[..., int]
    origin: Callable[..., int]
    matrix: Callable[..., int]
    font_size: Callable[[int | None, int], float]
    font: Callable[[int], int]


@cache
def _calls() -> _Calls:
    handle, index, out = ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p
    return _Calls(
        declared(pdfium.FPDFText_GetUnicode, ctypes.c_uint, handle, index),
        declared(pdfium.FPDFText_GetTextObject, ctypes.c_size_t, handle, index),
        declared(pdfium.FPDFText_GetCharBox, ctypes.c_int, handle, index, out, out, out, out),
        declared(pdfium.FPDFText_CountRects, ctypes.c_int, handle, index, index),
        declared(pdfium.FPDFText_GetRect, ctypes.c_int, handle, index, out, out, out, out),
        declared(pdfium.FPDFText_GetCharOrigin, ctypes.c_int, handle, index, out, out),
        declared(pdfium.FPDFText_GetMatrix, ctypes.c_int, handle, index, out),
        declared(pdfium.FPDFText_GetFontSize, ctypes.c_double, handle, index),
        declared(pdfium.FPDFTextObj_GetFont, ctypes.c_size_t, handle),
    )


def _codes(textpage: Any, raw: int | None, n_chars: int) -> NDArray[np.uint32]:
    """The code of each character, all in one call where that keeps them in their places."""
    units = np.zeros(n_chars + 1, np.uint16)
    pointer = units.ctypes.data_as(ctypes.POINTER(ctypes.c_ushort))
    if pdfium.FPDFText_GetText(textpage, 0, n_chars, pointer) == n_chars + 1:
        return units[:-1].astype(np.uint32)
    return np.fromiter(map(_calls().code, repeat(raw), range(n_chars)), np.uint32, n_chars)


def _char_boxes(raw: int | None, glyphs: NDArray[np.int64]) -> Floats:
    """(n, 4) left, bottom, right, top in PDF's coordinates."""
    found = _filled(_calls().char_box, raw, glyphs, 4)  # PDFium gives left, right, bottom, top
    return found[:, [0, 2, 1, 3]]


def _word_boxes(
    raw: int | None, firsts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], Floats]:
    """Of how many text objects each run of characters is, and (n, 4) the box of the first part."""
    rows = np.zeros((len(firsts), 4))  # PDFium gives left, top, right, bottom
    count, box = _calls().count_boxes, _calls().box
    start, stop = rows.ctypes.data, rows.ctypes.data + rows.nbytes
    columns = [range(start + 8 * k, stop + 8 * k, 32) for k in range(4)]
    n_objects = []
    for first, length, *places in zip(firsts.tolist(), lengths.tolist(), *columns, strict=False):
        n_objects.append(count(raw, first, length))
        box(raw, 0, *places)
    return np.array(n_objects), _finite(rows[:, [0, 3, 2, 1]])


def _origins(raw: int | None, glyphs: NDArray[np.int64]) -> Floats:
    """(n, 4) empty boxes where the pen stands."""
    return _filled(_calls().origin, raw, glyphs, 2)[:, [0, 1, 0, 1]]


def _filled(
    call: Callable[..., int], raw: int | None, glyphs: NDArray[np.int64], width: int
) -> Floats:
    """Rows that the call writes, one for each glyph, through pointers into one array."""
    rows = np.zeros((len(glyphs), width))
    start, stride = rows.ctypes.data, 8 * width
    stop = start + rows.nbytes
    columns = [range(start + 8 * k, stop + 8 * k, stride) for k in range(width)]
    deque(map(call, repeat(raw), glyphs.tolist(), *columns), maxlen=0)
    return _finite(rows)


def _finite(rows: Floats) -> Floats:
    return np.clip(np.nan_to_num(rows), -1e7, 1e7)
