"""Slides in a PDF: lists side by side, and the title of each as its section."""

from pathlib import Path

import pytest
from langchain_core.documents import Document

from loaders.captioning.describer import FigureDescriber
from loaders.media import MediaStore
from loaders.pdf import PdfLoader
from tests.loaders.pdfs import Page, write_pdf

WIDE = "0 0 960 540"


@pytest.fixture
def read(tmp_path: Path):
    """Write slides to a PDF and read them again."""

    def documents(*pages: Page) -> list[Document]:
        media = MediaStore(tmp_path / "media")
        path = write_pdf(tmp_path / "slides.pdf", pages)
        return list(PdfLoader(path, media=media, describer=FigureDescriber(media)).load())

    return documents


def test_lists_side_by_side_are_read_one_after_the_other(read) -> None:
    page = Page(media_box=WIDE).text(40, 480, "Pros and cons", size=36, bold=True)
    page.text(60, 410, "Pros", size=24, bold=True).text(520, 410, "Cons", size=24, bold=True)
    pairs = (
        ("- Cheap to run", "- Hard to install"),
        ("- Works offline", "- Needs two people"),
        ("- Open source", "- No phone support"),
    )
    for k, (left, right) in enumerate(pairs):
        page.text(60, 370 - 30 * k, left, size=18).text(520, 370 - 30 * k, right, size=18)
    text = "\n".join(d.page_content for d in read(page))
    order = [text.index(words) for words in ("Pros\n", *(p[0] for p in pairs), "Cons\n", "- Hard")]
    assert order == sorted(order)


def slide(title: str, *items: str) -> Page:
    page = Page(media_box=WIDE).text(40, 480, title, size=36, bold=True)
    return page.lines(60, 400, *(f"- {item}" for item in items), size=18, leading=30)


def sections(documents: list[Document]) -> list[str | None]:
    return [document.metadata.get("section") for document in documents]


def test_the_title_of_a_slide_is_its_section_however_little_it_says(read) -> None:
    slides = [slide("Revenue by region", "North leads"), slide("Churn", "It fell to 2.1 %")]
    cover = Page(media_box=WIDE).text(300, 260, "Quarterly review", size=48)
    cover.text(300, 200, "Acme and friends, at their harbour", size=18)
    found = read(cover, *slides)
    assert sections(found) == ["Quarterly review", "Revenue by region", "Churn"]
    assert found[2].page_content == "Churn\n- It fell to 2.1 %"


def test_a_slide_without_title_does_not_count_to_the_one_before(read) -> None:
    plain = Page(media_box=WIDE).lines(60, 300, "- A harbour", "- A quay for ferries", size=18)
    slides = [slide("Revenue by region", "North leads", "South follows"), plain]
    assert sections(read(*slides, slide("Churn", "It fell to 2.1 %"))) == [
        "Revenue by region",
        "Slide 2",
        "Churn",
    ]


def test_pages_to_be_read_are_no_slides(read) -> None:
    line = "The gauges along the river were read every morning, and the levels were sent on."
    page = slide("Floods").lines(60, 400, *[line] * 25)
    assert "Slide 4" not in sections(
        read(page, page, page, Page(media_box=WIDE).lines(60, 400, *[line] * 25))
    )
