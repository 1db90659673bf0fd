"""Gold boxes in points against Documents in fractions of their page."""

from pathlib import Path

import pytest
from langchain_core.documents import Document

from assistant.gold_boxes import GoldBox, Pages, covers
from loaders.pdf.page import Box
from tests.loaders.pdfs import Page, write_pdf


def test_a_box_is_covered_by_its_larger_part_and_not_by_a_whole_page() -> None:
    gold = Box(100, 100, 200, 200)
    assert covers(Box(100, 100, 200, 160), gold)
    assert covers(Box(90, 90, 280, 290), gold)
    assert not covers(Box(100, 100, 200, 140), gold)
    assert not covers(Box(0, 0, 600, 800), gold)


@pytest.mark.parametrize("name", ["p3:figure1", "p3", "", "p3:1,2,3", "chart.png"])
def test_a_picture_named_otherwise_has_no_box(name: str) -> None:
    assert GoldBox.parsed(name) is None


def test_a_box_is_told_in_points_of_the_page_as_displayed(tmp_path: Path) -> None:
    turned = Page("/Rotate 90/CropBox[0 0 612 400]").text(72, 300, "Turned and cropped")
    source = write_pdf(tmp_path / "a.pdf", [Page(), turned]).as_uri()
    about = {"source": source, "page": 2, "bbox": [0.0, 0.5, 1.0, 1.0]}
    assert Pages().box(Document("", metadata=about)) == Box(0, 306, 400, 612)


def test_no_box_is_told_of_what_cannot_be_looked_up(tmp_path: Path) -> None:
    source = write_pdf(tmp_path / "a.pdf", [Page()]).as_uri()
    about = {"source": source, "page": 1, "bbox": [0, 0, 1, 1]}
    assert Pages().box(Document("", metadata=about)) is not None
    for other in (
        {"source": "https://example.org/a.pdf"},
        {"source": source.replace("a.pdf", "none.pdf")},
        {"source": Path(__file__).as_uri()},
        {"page": 2},
    ):
        assert Pages().box(Document("", metadata=about | other)) is None
    assert Pages().box(Document("", metadata={"source": source, "page": 1})) is None
