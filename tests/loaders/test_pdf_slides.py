"""Slides in a PDF: lists side by side."""

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
