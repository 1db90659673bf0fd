"""What is no figure stays out: pages of real documents that a person looked at."""

import pytest

from assistant.gold_boxes import covers
from loaders.pdf.page import Box
from tests.loaders.pdf_pages import FIGURES, WITHOUT_FIGURES
from tests.loaders.reading import CORPUS, with_corpus
from tests.quality_pdf import MAX_FALSE, Readings, false_figures


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
    assert len(missed) <= 0.1 * sum(map(len, FIGURES.values())), missed
