"""Whether the measurement of PDFs says that a goal was missed."""

from loaders.pdf.page import Box
from tests.loaders.pdf_pages import WITHOUT_FIGURES
from tests.quality_pdf import Found, Gold, Readings, missed_goals

BOX = Box(100, 100, 300, 200)
GOLD = Gold("tides.pdf", 1, BOX, "chart", ("q1",))


def readings(*found: Found) -> Readings:
    """As if the document had been read, and none of the others held anything."""
    known = Readings([])
    known._found = {doc: [] for doc in WITHOUT_FIGURES} | {"tides.pdf": list(found)}
    return known


def test_a_figure_that_is_not_found_misses_the_goal() -> None:
    assert list(missed_goals([GOLD], readings(Found(1, BOX, "figure", "")), "")) == []
    (missed,) = missed_goals([GOLD], readings(), "")
    assert missed.startswith("0 of 1 figure boxes")


def test_false_figures_miss_the_goal() -> None:
    doc, pages = next((doc, ps) for doc, ps in WITHOUT_FIGURES.items() if len(ps))
    known = readings()
    page = next(iter(pages))
    known._found[doc] = [Found(page, BOX, "figure", str(k)) for k in range(3)]
    assert [m.split(";")[0] for m in missed_goals([], known, "")] == ["3 false figures"]
