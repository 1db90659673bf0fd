"""PDF: sentences over the ends of pages, and pages that draw too much."""

import time
from pathlib import Path

import pytest

from loaders.errors import BrokenDocument
from loaders.pdf import PdfLoader, rendering
from tests.loaders.pdfs import Page, stream, write_pdf
from tests.loaders.reading import Reading, read

BEGUN = (
    "The gauges along the banks were read twice a day until the",
    "ice went out, and in the week after that every hour, for",
)
ENDED = (
    "the river can rise by a metre in one night. Nobody slept",
    "much in that week, and the books show it plainly enough.",
)


def of_page(reading: Reading, number: int) -> str:
    found = [d for d in reading.documents if d.metadata["page"] == number]
    return "\n".join(d.page_content for d in found)


def book(tmp_path: Path, *pages: Page) -> Reading:
    return read(write_pdf(tmp_path / "river.pdf", pages), tmp_path)


def test_a_sentence_over_the_end_of_a_page_is_completed_where_it_begins(tmp_path: Path) -> None:
    reading = book(tmp_path, Page().lines(72, 200, *BEGUN), Page().lines(72, 700, *ENDED))
    assert of_page(reading, 1).endswith(
        "every hour, for the river can rise by a metre in one night."
    )
    assert of_page(reading, 2).startswith("Nobody slept much")


def test_a_hyphen_at_the_end_of_a_page_is_undone(tmp_path: Path) -> None:
    begun = (BEGUN[0], "ice went out. In the week after that one the water was meas-")
    reading = book(
        tmp_path,
        Page().lines(72, 200, *begun),
        Page().lines(72, 700, "ured every hour. Nobody slept much in all of that week then."),
    )
    assert of_page(reading, 1).endswith("the water was measured every hour.")


def test_a_note_at_the_foot_of_a_page_does_not_come_between(tmp_path: Path) -> None:
    first = Page().lines(72, 200, *BEGUN)
    first.text(72, 80, "1 The books are kept in the archive of the town.", size=7)
    reading = book(tmp_path, first, Page().lines(72, 700, *ENDED))
    assert "every hour, for the river can rise by a metre in one night.\n1 The" in of_page(
        reading, 1
    )


@pytest.mark.parametrize(
    ("following", "size"),
    [
        (("The river can rise by a metre in one night. Nobody slept",), 10),  # a sentence begins
        (("the river can rise by a metre in one night. Nobody slept",), 7),  # in other type
        (("- the river can rise by a metre in one night. Nobody slept",), 10),  # a list
    ],
)
def test_what_does_not_go_on_stays_on_its_page(
    following: tuple[str, ...], size: float, tmp_path: Path
) -> None:
    second = Page().lines(72, 700, *following, size=size)
    reading = book(tmp_path, Page().lines(72, 200, *BEGUN), second)
    assert of_page(reading, 1).endswith("every hour, for")
    assert of_page(reading, 2) == following[0]


def test_a_sentence_does_not_go_on_over_a_page_between(tmp_path: Path) -> None:
    pages = [Page().lines(72, 200, *BEGUN), Page(), Page().lines(72, 700, *ENDED)]
    assert of_page(book(tmp_path, *pages), 3).startswith("the river can rise")


def test_a_page_of_a_million_paths_keeps_its_text_and_says_what_it_lacks(tmp_path: Path) -> None:
    crowded = Page().lines(72, 700, *ENDED)
    crowded.content += ["0 0 9 9 re f"] * 1_000_001
    start = time.monotonic()
    reading = book(tmp_path, crowded, Page().lines(72, 700, *BEGUN))
    assert time.monotonic() - start < 60
    assert "the river can rise by a metre" in of_page(reading, 1)
    assert "The gauges along the banks" in of_page(reading, 2)
    [skipped] = reading.skipped
    assert skipped.what == "The drawings on page 1"
    assert "more than 1,000,000 objects" in skipped.reason


def test_a_chart_of_which_every_dot_is_a_form_keeps_its_figure(tmp_path: Path) -> None:
    dot = stream("/Type/XObject/Subtype/Form/BBox[0 0 4 4]", "0 0 m 4 0 l 2 4 l h f")
    chart = Page(forms="/Dot @dot@")
    chart.lines(72, 700, *ENDED).text(72, 180, "Figure 1: Every dot is a reading of a gauge.")
    chart.draw("95 195 m 95 510 l S 95 195 m 510 195 l S")
    places = ((100 + k * 37 % 400, 200 + k * 61 % 299) for k in range(20_000))
    chart.content += [f"q 1 0 0 1 {x} {y} cm /Dot Do Q" for x, y in places]
    reading = read(write_pdf(tmp_path / "dots.pdf", [chart], named={"dot": dot}), tmp_path)
    assert reading.skipped == []
    assert len(reading.figures) == 1


def test_a_page_that_takes_too_long_to_draw_is_reported_and_the_others_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "MAX_SECONDS", 0.2)
    endless = Page()
    endless.content += ["0 0 600 700 re f 0 0 m 600 700 l S"] * 20_000
    reading = book(tmp_path, endless, Page().lines(72, 700, *BEGUN))
    assert "The gauges along the banks" in of_page(reading, 2)
    [skipped] = reading.skipped
    assert "page 1" in skipped.what.lower()
    assert "longer than the limit of 0.2 seconds" in skipped.reason


def test_many_figures_that_are_slow_to_draw_share_the_time_of_their_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "MAX_PAGE_SECONDS", 0.2)
    slow = Page().lines(72, 740, *ENDED)
    for y in (50, 250, 450):
        slow.content += [
            f"{k % 90 + 200} {y} m 250 {y + 60} 300 {y} 400 {y + 90} c S" for k in range(9_000)
        ]
    reading = book(tmp_path, slow)
    assert [s.what for s in reading.skipped][-1] == "A figure on page 1"
    assert "limit of 0.2 seconds for one page" in reading.skipped[-1].reason
    assert ENDED[0] in of_page(reading, 1)


@pytest.mark.parametrize(
    "entries",
    [
        {"catalog_entries": "/PageLabels<</Nums[0<</P<FEFFD80041>/S/D>>]>>"},
        {
            "catalog_entries": "/Names<</EmbeddedFiles<</Names[(a)@file@]>>>>",
            "named": {"file": "<</Type/Filespec/F(a)/UF<FEFFD800>>>"},
        },
    ],
)
def test_half_a_character_in_the_strings_of_a_file_costs_none_of_its_pages(
    tmp_path: Path, entries: dict
) -> None:
    path = write_pdf(tmp_path / "odd.pdf", [Page().lines(72, 700, *ENDED)], **entries)
    assert ENDED[0] in of_page(read(path, tmp_path), 1)


def test_a_file_without_pages_is_not_said_to_be_locked(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "none.pdf", [])
    with pytest.raises(BrokenDocument):
        PdfLoader(path).load()
