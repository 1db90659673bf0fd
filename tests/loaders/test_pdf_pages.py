"""PDF: pages of any size, turned or cut, with boxes where things are seen on them."""

import time
from pathlib import Path

import pytest
from PIL import Image

from loaders.errors import EmptyDocument
from tests.loaders.pdfs import Page, write_pdf
from tests.loaders.reading import Reading, read

TEXT = "The level of the lake is read each morning at seven."


@pytest.fixture
def reading(tmp_path: Path):
    """A page with its text at (100, 500) and a picture from (100, 200) to (300, 350)."""

    def make(**about: str) -> Reading:
        page = Page(**about).text(100, 500, TEXT)
        page.picture(100, 200, 200, 150, Image.effect_noise((200, 150), 80).convert("RGB"))
        return read(write_pdf(tmp_path / "lake.pdf", [page]), tmp_path)

    return make


def corner_of(reading: Reading, modality: str) -> tuple[float, float]:
    """The top left corner of the one thing of its kind, in fractions of the page."""
    (found,) = [d for d in reading.documents if d.metadata["modality"] == modality]
    x0, y0, *_ = found.metadata["bbox"]
    return x0, y0


@pytest.mark.parametrize(
    ("about", "corner", "size"),
    [
        ({}, (100 / 612, (792 - 350) / 792), (200, 150)),
        ({"extra": "/Rotate 90"}, (200 / 792, 100 / 612), (150, 200)),
        ({"extra": "/Rotate 180"}, (1 - 300 / 612, 200 / 792), (200, 150)),
        ({"extra": "/Rotate -90"}, (1 - 350 / 792, 1 - 300 / 612), (150, 200)),
        ({"extra": "/CropBox[50 100 500 700]"}, (50 / 450, 350 / 600), (200, 150)),
        ({"extra": "/CropBox[500 700 50 100]"}, (50 / 450, 350 / 600), (200, 150)),
        ({"extra": "/CropBox[-99 -99 999 999]"}, (100 / 612, (792 - 350) / 792), (200, 150)),
        ({"extra": "/CropBox[50 100 500 700]/Rotate 90"}, (100 / 600, 50 / 450), (150, 200)),
        ({"media_box": "-100 -200 512 592"}, (200 / 612, (592 - 350) / 792), (200, 150)),
        ({"extra": "/UserUnit 2"}, (100 / 612, (792 - 350) / 792), (200, 150)),
        ({"media_box": "0 0 14400 14400"}, (100 / 14400, 1 - 350 / 14400), (200, 150)),
        ({"media_box": "0 0 600 100000"}, (100 / 600, 1 - 350 / 100000), (200, 150)),
    ],
)
def test_a_figure_is_found_where_it_is_seen(
    about: dict[str, str], corner: tuple[float, float], size: tuple[int, int], reading
) -> None:
    found = reading(**about)
    assert TEXT in found.text
    assert corner_of(found, "figure") == pytest.approx(corner, abs=0.003)
    (figure,) = found.figures
    # Rendered as it is seen, at its own resolution.
    assert figure.metadata["width"] / figure.metadata["height"] == pytest.approx(
        size[0] / size[1], rel=0.05
    )
    assert not found.skipped


def test_what_is_cut_off_by_the_crop_box_is_left_out(reading) -> None:
    found = reading(extra="/CropBox[0 0 612 450]")
    assert TEXT not in found.text
    assert found.figures
    assert ["invisible text" in s.reason for s in found.skipped] == [True]


@pytest.mark.parametrize("media_box", ["0 0 0.5 0.5", "0 0 4000000 4000000"])
def test_a_page_without_a_usable_size_is_reported(media_box: str, reading) -> None:
    with pytest.raises(EmptyDocument, match="Page 1: the page size makes no sense"):
        reading(media_box=media_box)


def test_a_crop_box_beside_the_page_is_reported(reading) -> None:
    with pytest.raises(EmptyDocument, match="Page 1: the page size makes no sense"):
        reading(extra="/CropBox[1000 1000 1200 1200]")


def test_a_giant_page_costs_no_more_than_another(tmp_path: Path) -> None:
    page = Page(media_box="0 0 200000 200000").draw("8 w 0 0 m 200000 200000 l S")
    path = write_pdf(tmp_path / "map.pdf", [page])
    start = time.perf_counter()
    (figure,) = read(path, tmp_path).figures
    assert figure.metadata["width"] * figure.metadata["height"] <= 6_000_000
    assert time.perf_counter() - start < 10
