"""Which text layers can be used: languages, tables and code can, broken encodings cannot."""

from pathlib import Path

import pytest

from loaders.limits import DEFAULT_LIMITS
from loaders.pdf.contents import PageContents
from loaders.pdf.document import PDFIUM, open_page, open_pdf
from loaders.pdf.legibility import Verdict, is_legible, judge
from loaders.source import open_source
from tests.loaders.pdfs import Page, write_pdf

ENGLISH = (
    "The reports of the committee were discussed at length before its members voted on the "
    "final proposal in December, and published it together with their remarks a week later. "
) * 3
USABLE = {
    "English": ENGLISH,
    "Russian": "В начале было слово, и слово было убедительным для каждого, кто услышал его. " * 5,
    "Greek": "Στην αρχή ήταν ο λόγος και ο λόγος ήταν προς τον άνθρωπο που τον άκουσε. " * 5,
    "Arabic": "في البداية كانت الكلمة وكانت الكلمة مقنعة لكل إنسان سمعها في هذا العالم " * 5,
    "Chinese": "人工智能是计算机科学的一个分支,它企图了解智能的实质,并生产出一种新的机器。" * 8,
    "Japanese": "日本語の文章はカタカナとひらがなと漢字が混ざっているPDFファイルのテストです。" * 8,
    "Polish": "Chrząszcz brzmi w trzcinie w Szczebrzeszynie, a strzępy wypowiedzi dziwią. " * 5,
    "Welsh": "Mae hen wlad fy nhadau yn annwyl i mi, gwlad beirdd a chantorion o fri. " * 5,
    "Vietnamese": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm. " * 5,
    "numbers": "1,234 5.6% (X) – 12.0 99 $ 45 – – 7 8 9 " * 20,
    "formulas": "∑ x_i = ∫ f(x) dx ≤ ∂g/∂y ∀ε>0 ∃δ: |x−a|<δ ⇒ |f(x)−L|<ε " * 8,
    "code": "for (int i = 0; i < n; ++i) { strncpy(dst, src, sizeof(dst)); buf[i] = fd; } " * 6,
    "tickers": ("NYSE GDPX HTTPS XMLRPC GPRS MSFT NVDA TSLA BRKB JPMC " + "12.4 13.5 22.1 " * 15)
    * 4,
}


def shifted(text: str) -> str:
    """The text as a font tells it whose codes are the numbers of its glyphs."""
    return "".join(chr(ord(c) - 29) if "a" <= c <= "z" else c for c in text)


UNUSABLE = {
    "glyph numbers": shifted(ENGLISH),
    "another alphabet": ENGLISH.lower().translate({97 + k: 97 + (k + 3) % 26 for k in range(26)}),
    "names of glyphs": "(cid:31)(cid:4)(cid:77) " * 20,
    "signs": "".join(c if c == " " else chr(33 + ord(c) * 7 % 15) for c in ENGLISH),
    "accents": "".join(c if c == " " else chr(0xC0 + ord(c) % 23) for c in ENGLISH),
    "scripts in turn": "".join(
        c if c == " " else chr((0x61, 0x430, 0x3B1, 0x5D0)[k % 4] + ord(c) % 20)
        for k, c in enumerate(ENGLISH)
    ),
}


@pytest.mark.parametrize("kind", USABLE)
def test_what_people_write_is_legible(kind: str) -> None:
    assert is_legible([USABLE[kind]])


@pytest.mark.parametrize("kind", UNUSABLE)
def test_what_a_broken_font_tells_is_not(kind: str) -> None:
    assert not is_legible([UNUSABLE[kind]])


def test_characters_without_a_meaning_make_a_layer_unusable() -> None:
    assert is_legible([ENGLISH], n_unreadable=20)
    assert not is_legible([ENGLISH], n_unreadable=200)


def judged(path: Path) -> Verdict:
    with (
        open_source(path, DEFAULT_LIMITS) as file,
        open_pdf(file) as document,
        PDFIUM,
        open_page(document, 0) as page,
    ):
        return judge(PageContents.of(page, 0))


def test_a_font_that_maps_its_letters_to_others_is_found_out(tmp_path: Path) -> None:
    words = ENGLISH.split()
    lines = [" ".join(words[k : k + 9]) for k in range(0, len(words), 9)]
    sound = Page().lines(72, 700, *lines)
    broken = Page().lines(72, 700, *map(shifted, lines))
    assert judged(write_pdf(tmp_path / "sound.pdf", [sound])) is Verdict.USABLE
    assert judged(write_pdf(tmp_path / "broken.pdf", [broken])) is Verdict.UNUSABLE


def test_a_page_with_next_to_no_text_has_no_text_layer(tmp_path: Path) -> None:
    assert judged(write_pdf(tmp_path / "a.pdf", [Page().text(72, 700, "17")])) is Verdict.UNUSABLE
