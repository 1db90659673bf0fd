"""The pictures that are rendered of drawings: with their edges, without the text beside them."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.loaders.pdfs import Page, write_pdf
from tests.loaders.reading import read

CURVES = [
    f"200 {300 + 10 * k} m 300 {320 + 10 * k} 350 {300 + 10 * k} 400 400 c S" for k in range(9)
]


def rendered(page: Page, tmp_path: Path) -> np.ndarray:
    """The one figure of a page, in grey."""
    reading = read(write_pdf(tmp_path / "river.pdf", [page]), tmp_path)
    (figure,) = reading.figures
    return np.asarray(Image.open(tmp_path / "media" / figure.metadata["image_key"]).convert("L"))


def test_the_edge_of_a_drawing_with_thick_lines_is_not_cut_off(tmp_path: Path) -> None:
    page = Page().draw("3 w 200 300 200 120 re S").draw(" ".join(CURVES))
    page.lines(72, 700, "A paragraph stands far above the drawing and has nothing to do with it.")
    grey = rendered(page, tmp_path)
    for edge in (grey[0], grey[-1], grey[:, 0], grey[:, -1]):
        assert edge.min() > 200


def test_text_beside_a_drawing_is_not_cut_into_its_picture(tmp_path: Path) -> None:
    page = Page().draw("1 1 0 rg 200 300 200 120 re f").draw(" ".join(CURVES)).draw("0 g")
    below = "This line of running text stands right below the drawing, and says nothing of it."
    page.text(190, 290, below).lines(72, 700, "A paragraph stands far above the drawing, too.")
    grey = rendered(page, tmp_path)
    assert grey[-3:].min() > 200
