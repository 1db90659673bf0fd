"""Type 3 fonts: their letters are drawings, and the size of the type is what those make of it."""

from pathlib import Path

from tests.loaders.pdfs import Page, stream, write_pdf
from tests.loaders.reading import read

FONT = (
    "<</Type/Font/Subtype/Type3/FontBBox[0 -3 6 8]/FontMatrix[1 0 0 1 0 0]/FirstChar 97/LastChar 99"
    "/Widths[6 6 6]/Encoding<</Type/Encoding/Differences[97/a/b/c]>>"
    "/CharProcs<</a @low@/b @tall@/c @deep@>>/Resources<<>>>>"
)
LETTERS = {
    "font": FONT,
    "low": stream("", "6 0 0 0 5 5 d1 0 0 4 4 re f"),
    "tall": stream("", "6 0 0 0 5 8 d1 0 0 4 8 re f"),
    "deep": stream("", "6 0 0 -3 5 5 d1 0 -3 4 8 re f"),
}
LINES = (
    "babaca aaaa abca aa aaaaaaa bac aaa abba",
    "aaaaaaa aa aaaaaaaaa aaaaa aaa aaaaa aaaa",
    "abba caca aa bacca aaaaaaa abc aaa abbaca",
    "aaaaa aaaaaa aaaaa aa aaaaaaa aaa aaaaaaa",
)


def test_lines_of_low_letters_stay_in_their_paragraph(tmp_path: Path) -> None:
    page = Page(fonts="/Odd @font@")
    for k, line in enumerate(LINES):
        x = 72
        for word in line.split():
            page.draw(f"BT /Odd 1 Tf 1 0 0 1 {x} {700 - 12 * k} Tm ({word}) Tj ET")
            x += 6 * len(word) + 4
    reading = read(write_pdf(tmp_path / "river.pdf", [page], named=LETTERS), tmp_path)
    assert reading.text == " ".join(LINES)
