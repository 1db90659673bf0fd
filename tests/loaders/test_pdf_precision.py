"""What is no figure stays out: pages of real documents that a person looked at."""

import pytest

from loaders.pdf.page import Box
from tests.loaders.pdf_pages import FIGURES, WITHOUT_FIGURES
from tests.loaders.reading import CORPUS, with_corpus
from tests.quality_pdf import MAX_FALSE, Readings, covers, false_figures


@pytest.fixture(scope="module")
def readings() -> Readings:
    return Readings((CORPUS / "qa" / "corpus", CORPUS / "docs"))


@with_corpus
@pytest.mark.real
def test_on_sixty_pages_without_figures_fewer_than_three_are_found(readings: Readings) -> None:
    pages = [(doc, page) for doc, pages in WITHOUT_FIGURES.items() for page in pages]
    assert len(set(pages)) == 60
    false = false_figures(readings, pages)
    assert len(false) < MAX_FALSE, false


@with_corpus
@pytest.mark.real
def test_most_figures_that_no_question_asks_about_are_found(readings: Readings) -> None:
    missed = [
        (doc, page, sides)
        for (doc, page), boxes in FIGURES.items()
        for sides in boxes
        if not any(covers(f.box, Box(*sides)) for f in readings.of(doc, page, "figure"))
    ]
    assert len(missed) <= 0.15 * sum(map(len, FIGURES.values())), missed


def test_a_box_is_covered_by_its_larger_part_and_not_by_a_whole_page() -> None:
    gold = Box(100, 100, 200, 200)
    assert covers(Box(100, 100, 200, 160), gold)
    assert covers(Box(90, 90, 280, 290), gold)
    assert not covers(Box(100, 100, 200, 140), gold)
    assert not covers(Box(0, 0, 600, 800), gold)
