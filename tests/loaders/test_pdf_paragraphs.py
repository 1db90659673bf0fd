"""Paragraphs whose lines end or begin anywhere, and lists that must not become some."""

from pathlib import Path

import pytest

from loaders.captioning.describer import FigureDescriber
from loaders.media import MediaStore
from loaders.pdf import PdfLoader
from tests.loaders.pdfs import Page, write_pdf

FLOOD = (
    "In the spring of that year the river rose higher than it had",
    "ever been seen before by anybody, and the old",
    "people who lived along its banks told of nothing like it in all",
    "the years that they could remember, for it had",
    "carried away three gauges, two bridges and the mill below the town.",
)


@pytest.fixture
def paragraphs(tmp_path: Path):
    """The lines of the text that is read from a page: each is a paragraph."""

    def read(page: Page) -> list[str]:
        media = MediaStore(tmp_path / "media")
        path = write_pdf(tmp_path / "river.pdf", [page])
        loader = PdfLoader(path, media=media, describer=FigureDescriber(media))
        return "\n".join(d.page_content for d in loader.load()).splitlines()

    return read


def test_a_sentence_reads_on_where_a_line_ends_early(paragraphs) -> None:
    assert paragraphs(Page().lines(72, 700, *FLOOD)) == [" ".join(FLOOD)]


def test_a_paragraph_set_flush_right_is_one(paragraphs) -> None:
    page = Page()
    for k, line in enumerate([*FLOOD, *FLOOD]):
        page.text(540 - 4.6 * len(line), 700 - 12 * k - 12 * (k >= len(FLOOD)), line)
    assert paragraphs(page) == [" ".join(FLOOD)] * 2


def test_names_with_their_meanings_stay_apart(paragraphs) -> None:
    names = (
        "gauge: the post that shows the height of the river",
        "flood: what comes over the banks of it when the snow of the slopes melts",
    )
    assert paragraphs(Page().lines(72, 700, *names)) == list(names)


def test_short_lines_of_a_list_stay_apart(paragraphs) -> None:
    words = ("gauges", "mills and ferries", "bridges over the river and its arms")
    assert paragraphs(Page().lines(72, 700, *words)) == list(words)
