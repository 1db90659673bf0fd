"""Headings by their type and numbers: which lines are some, and what lies under which."""

from pathlib import Path

import pytest

from loaders.captioning.describer import FigureDescriber
from loaders.media import MediaStore
from loaders.pdf import PdfLoader
from loaders.pdf.headings import Ladder, Style
from tests.loaders.pdfs import Page, write_pdf

TEXT = "The gauges along the river were read every morning at seven o'clock, and the levels"


@pytest.fixture
def sections(tmp_path: Path):
    """The sections of a page on which text follows each of the lines in bold."""

    def read(*headings: tuple[str, float]) -> list[str]:
        page = Page()
        for k, (heading, size) in enumerate(headings):
            page.text(72, 740 - 70 * k, heading, size=size, bold=True)
            page.lines(72, 720 - 70 * k, TEXT, TEXT, "were sent to the harbour.")
        media = MediaStore(tmp_path / "media")
        path = write_pdf(tmp_path / "river.pdf", [page])
        loader = PdfLoader(path, media=media, describer=FigureDescriber(media))
        return [document.metadata.get("section", "") for document in loader.load()]

    return read


def test_numbers_tell_levels_that_the_type_does_not(sections) -> None:
    found = sections(
        ("SECTION 2 Floods", 10), ("2.1 In spring", 10), ("2.10 In autumn", 10), ("Losses", 10),
        ("10 Droughts", 10), ("10.1 In summer", 10),
    )  # fmt: skip
    assert found == [
        "SECTION 2 Floods",
        "SECTION 2 Floods › 2.1 In spring",
        "SECTION 2 Floods › 2.10 In autumn",
        "SECTION 2 Floods › Losses",
        "10 Droughts",
        "10 Droughts › 10.1 In summer",
    ]


def test_larger_type_is_above_whatever_the_numbers(sections) -> None:
    assert sections(("1.1.1 Floods", 14), ("1 In spring", 10)) == [
        "1.1.1 Floods",
        "1.1.1 Floods › 1 In spring",
    ]


def test_a_heading_may_be_counted_in_small_letters(sections) -> None:
    assert sections(("iv. Clean water", 10), ("(b) Harbours", 10)) == [
        "iv. Clean water",
        "(b) Harbours",
    ]
    assert sections(("and so on", 10)) == [""]


def test_what_has_no_number_is_beside_the_heading_before() -> None:
    ladder, large, small = Ladder(), Style(12.0, True), Style(10.0, True)
    texts = [
        (large, "5 Conclusion"),
        (large, "Limitations"),
        (small, "A.1 Data"),
        (large, "B Code"),
    ]
    assert [ladder.level(style, text) for style, text in texts] == [1, 1, 2, 1]
