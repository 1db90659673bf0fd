"""Running lines: chapters' headers and page numbers go, heads of tables stay."""

from pathlib import Path

import pytest

from loaders.captioning.describer import FigureDescriber
from loaders.media import MediaStore
from loaders.pdf import PdfLoader
from loaders.pdf.running import _roman
from tests.loaders.pdfs import Page, write_pdf
from tests.loaders.reading import CORPUS, with_corpus


@pytest.fixture
def text(tmp_path: Path):
    """What is read from pages, as one string."""

    def read(*pages: Page) -> str:
        media = MediaStore(tmp_path / "media")
        path = write_pdf(tmp_path / "river.pdf", pages)
        loader = PdfLoader(path, media=media, describer=FigureDescriber(media))
        return "\n".join(d.page_content for d in loader.load())

    return read


def body(page: Page, n: int) -> Page:
    return page.text(72, 500, f"Gauge number {n} was read every morning of the year.")


def test_each_chapter_has_a_header_of_its_own(text) -> None:
    chapters = ["Floods"] * 4 + ["Droughts"] * 2 + ["Harbours"] * 3
    pages = [body(Page().text(72, 760, name), n) for n, name in enumerate(chapters)]
    found = text(*pages)
    assert not any(name in found for name in chapters)
    assert found.count("every morning") == 9


def test_first_lines_that_come_back_now_and_then_are_no_headers(text) -> None:
    firsts = [
        "The river rose.",
        "It was dry.",
        "The river rose.",
        "Snow fell.",
        "Ice came.",
        "Rain.",
    ]
    found = text(*(body(Page().text(72, 740, first), n) for n, first in enumerate(firsts)))
    assert found.count("The river rose.") == 2


def test_the_head_of_a_table_that_goes_on_is_no_header(text) -> None:
    pages = []
    for n in range(6):
        page = Page().text(72, 770, "River report").text(300, 30, str(n + 7))
        page.text(72, 730, "Station").text(200, 730, "Level").text(300, 730, "Flow")
        for row in range(8):
            y = 716 - 14 * row
            page.text(72, y, f"S{n}{row}").text(200, y, f"{n}.{row}").text(300, y, f"{row}{n}")
        pages.append(page)
    found = text(*pages)
    assert found.count("Station") == 6
    assert "River report" not in found


@pytest.mark.parametrize(
    "numbers",
    [
        ["- 1 -", "- 2 -", "- 3 -"],
        ["Page 4 of 9", "Page 5 of 9", "Page 6 of 9"],
        ["iii", "iv", "v"],
        ["viii", "ix", "x", "11", "12", "13"],
    ],
)
def test_numbers_that_go_up_with_the_pages_are_page_numbers(text, numbers: list[str]) -> None:
    # They stand at another height on each page, as on opening pages of chapters.
    pages = [body(Page().text(300, 30 + 9 * n, number), n) for n, number in enumerate(numbers)]
    found = text(*pages)
    assert not any(f"\n{number}" in f"\n{found}" for number in numbers), found
    assert found.count("every morning") == len(numbers)


def test_numbers_that_do_not_go_up_with_the_pages_stay(text) -> None:
    years = ("1931", "1940", "1952", "1977")
    found = text(*(body(Page().text(300, 30 + 9 * n, year), n) for n, year in enumerate(years)))
    assert all(year in found for year in years)


def test_roman_numbers_are_counted() -> None:
    numbers = {"i": 1, "iv": 4, "ix": 9, "xiv": 14, "xl": 40, "xciii": 93}
    assert {number: _roman(number) for number in numbers} == numbers


@with_corpus
def test_a_page_with_its_number_only_holds_nothing(tmp_path: Path) -> None:
    media = MediaStore(tmp_path / "media")
    path = CORPUS / "qa" / "corpus" / "usgs_panga_gps_noise_2001.pdf"
    documents = PdfLoader(path, media=media, describer=FigureDescriber(media)).load()
    assert not [d for d in documents if d.metadata["page"] == 11]
