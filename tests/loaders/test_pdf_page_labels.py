"""PDF: what the document itself calls its pages goes with the page number."""

from pathlib import Path

import pytest

from tests.loaders.pdfs import Page, write_pdf
from tests.loaders.reading import Reading, read


@pytest.fixture
def reading(tmp_path: Path):
    """Three pages, numbered by the document in this way."""

    def make(labels: str) -> Reading:
        pages = [Page().text(72, 700, f"The text of leaf number {k} of this book.") for k in "123"]
        entries = f"/PageLabels<</Nums[{labels}]>>"
        return read(write_pdf(tmp_path / "book.pdf", pages, catalog_entries=entries), tmp_path)

    return make


def labels_of(reading: Reading) -> dict[int, str | None]:
    return {d.metadata["page"]: d.metadata.get("page_label") for d in reading.documents}


def test_roman_numbers_and_prefixes_are_kept_where_they_differ(reading) -> None:
    found = reading("0<</S/r/St 4>>1<</S/D/P(A-)>>2<</S/D/St 3>>")
    assert labels_of(found) == {1: "iv", 2: "A-1", 3: None}


def test_pages_numbered_as_they_come_have_no_label(reading) -> None:
    assert labels_of(reading("0<</S/D>>")) == {1: None, 2: None, 3: None}


def test_a_label_that_would_turn_or_fill_the_line_is_not_shown(reading) -> None:
    found = reading(f"0<</P<FEFF202E0041>>>1<</P({'long ' * 9})>>2<</P(\n)>>")
    assert labels_of(found) == {1: "A", 2: None, 3: None}
