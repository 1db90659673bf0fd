"""PDF: letters come as they are meant, whatever the file makes of them."""

from pathlib import Path

import pytest

from loaders.pdf.letters import on_one_line
from tests.loaders.pdfs import Page, stream, write_pdf
from tests.loaders.reading import read

ACUTE = "\xc2"
"""In the encoding that a font has where a file does not say."""
PLAIN = "The gauge stood at 31 metres."


def character_map(codes: dict[str, str]) -> bytes:
    """What the letters of a font mean, code by code."""
    lines = "\n".join(
        f"<{ord(code):02x}> <{meant.encode('utf-16-be').hex()}>" for code, meant in codes.items()
    )
    return stream(
        "",
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /M def /CMapType 2 "
        f"def 1 begincodespacerange <00> <ff> endcodespacerange {len(codes)} beginbfchar\n{lines}\n"
        "endbfchar endcmap end end",
    )


@pytest.fixture
def text_of(tmp_path: Path):
    """Draw characters from left to right, in a font that says what they mean; the text read."""

    def make(drawn: str) -> str:
        code_of = {meant: chr(0x41 + k) for k, meant in enumerate(dict.fromkeys(drawn))}
        code_of[" "] = " "
        codes = {code: meant for meant, code in code_of.items() if meant != " "}
        page = Page(fonts="/Odd @odd@").text(72, 700, PLAIN)
        page.draw(f"BT /Odd 10 Tf 72 600 Td ({''.join(code_of[c] for c in drawn)}) Tj ET")
        named = {
            "odd": "<</Type/Font/Subtype/Type1/BaseFont/Courier/ToUnicode @map@>>",
            "map": character_map(codes),
        }
        path = write_pdf(tmp_path / "odd.pdf", [page], named=named)
        return read(path, tmp_path).text.partition("\n")[2] or read(path, tmp_path).text

    return make


@pytest.mark.parametrize(
    ("drawn", "meant"),
    [
        ("eﬃcient oﬀer in a ﬂat", "efficient offer in a flat"),
        ("le cafe\u0301 noir de Zu\u0308rich", "le café noir de Zürich"),
        ("the value of 𝑥 and 𝐀𝟑 above", "the value of x and A3 above"),
        ("wide ＡＢＣ１２", "wide ABC12"),
        ("½ of 10² m and 3×10⁻⁶ g", "½ of 10² m and 3×10⁻⁶ g"),
        ("H₂O at 20 °C, 5 µm", "H₂O at 20 °C, 5 µm"),
        ("hid\u200bden \u202emarks\u2066 gone", "hidden marks gone"),
        ("tags \U000e0049\U000e0047\U000e004e never shown", "tags never shown"),
        ("spaced\u2003out\u00a0words\u205fhere", "spaced out words here"),
    ],
)
def test_letters_come_as_they_are_meant(drawn: str, meant: str, text_of) -> None:
    assert meant in text_of(drawn)


@pytest.mark.parametrize(
    ("drawn", "meant"),
    [
        ("דואמ הפי םויה םלוע םולש", "שלום עולם היום יפה מאוד"),
        ("לקש 250 ריחמ", "מחיר 250 שקל"),
        ("ليمجلا ملاعلاب ابحرم", "مرحبا بالعالم الجميل"),
    ],
)
def test_text_from_right_to_left_is_read_from_the_right(drawn: str, meant: str, text_of) -> None:
    assert meant in text_of(drawn)


def test_an_accent_printed_over_its_letter_is_put_on_it(tmp_path: Path) -> None:
    page = Page().text(72, 700, PLAIN)
    page.text(72, 600, "Ren").text(91.5, 600, ACUTE).text(90.34, 600, "e").text(
        95.9, 600, "es of old"
    )
    text = read(write_pdf(tmp_path / "accents.pdf", [page]), tmp_path).text
    assert "Renées of old" in text


def test_an_accent_by_itself_stays(tmp_path: Path) -> None:
    page = Page().text(72, 700, PLAIN).text(72, 600, "Type ls ~/notes or 2^10 there")
    text = read(write_pdf(tmp_path / "accents.pdf", [page]), tmp_path).text
    assert "Type ls ~/notes or 2^10 there" in text


def test_titles_and_names_hold_nothing_that_is_not_seen() -> None:
    written = " Tide\u200b tables\n\U000e0049\U000e0067 of\u2066 1911 "
    assert on_one_line(written) == "Tide tables of 1911"
