"""The models that find and read lines: what they are not shown must not change what is read."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from loaders.captioning.line_models import LineFinder, LineRecogniser, Pixels

SIDE = 1_120


def drawn(text: str, size: tuple[int, int], at: tuple[int, int], ground: str = "white") -> Pixels:
    image = Image.new("RGB", size, ground)
    ImageDraw.Draw(image).text(at, text, fill="black", font=ImageFont.load_default(28))
    return np.asarray(image)


@pytest.fixture(scope="module")
def finder() -> LineFinder:
    return LineFinder()


@pytest.fixture(scope="module")
def recogniser() -> LineRecogniser:
    return LineRecogniser()


@pytest.mark.real
@pytest.mark.parametrize("ground", ["white", "#ffcc00"])
def test_a_line_is_found_where_it_stands_on_a_wide_ground(finder: LineFinder, ground: str) -> None:
    (quad,) = finder.find(drawn("Water levels", (1_000, 800), (600, 500), ground), SIDE)
    x0, y0, x1, y1 = *quad.min(axis=0), *quad.max(axis=0)
    assert (x0, x1) == pytest.approx((600, 762), abs=20)
    assert (y0, y1) == pytest.approx((505, 532), abs=15)


@pytest.mark.real
def test_a_line_at_the_edge_of_a_picture_is_found_within_it(finder: LineFinder) -> None:
    (quad,) = finder.find(drawn("Water levels", (170, 34), (2, 0)), SIDE)
    assert quad.min() >= 0
    assert (quad.max(axis=0) <= (170, 34)).all()


@pytest.mark.real
def test_a_large_picture_gives_corners_in_its_own_pixels(finder: LineFinder) -> None:
    small = Image.fromarray(drawn("Water levels", (900, 400), (300, 200)))
    large = np.asarray(small.resize((2_700, 1_200)))
    (quad,), (other,) = finder.find(np.asarray(small), SIDE), finder.find(large, SIDE)
    assert other / 3 == pytest.approx(quad, abs=8)


def test_a_blank_picture_has_no_lines(finder: LineFinder) -> None:
    assert finder.find(np.full((300, 200, 3), 90, np.uint8), SIDE).shape == (0, 4, 2)


@pytest.mark.real
@pytest.mark.parametrize("text", ["7", "2.50", "Total", "A line that is longer than most"])
def test_lines_of_any_length_are_read_whole(recogniser: LineRecogniser, text: str) -> None:
    width = int(ImageFont.load_default(28).getlength(text)) + 8
    found, confidence = recogniser.read(drawn(text, (width, 36), (4, 2)))
    assert found == text
    assert confidence > 0.8


def test_a_hairline_is_read_in_little_memory(recogniser: LineRecogniser) -> None:
    import tracemalloc

    tracemalloc.start()
    recogniser.read(np.zeros((1, 2_000, 3), np.uint8))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * 2**20
