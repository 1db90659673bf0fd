"""Figures that are drawn with lines, and what is told of figures on their page."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
from PIL import Image

from loaders.elements import Figure, Paragraph, Table
from loaders.limits import DEFAULT_LIMITS
from loaders.pdf import PdfLoader
from loaders.source import open_source
from tests.loaders.pdfs import HEIGHT, WIDTH, Page, write_pdf

LINE = "The river was measured every morning at the old mill, by hand, before the bells."


def prose(page: Page, y: float, n_lines: int = 6, x: float = 72) -> Page:
    return page.lines(x, y, *[LINE] * n_lines)


def curve(x: float, y: float, width: float, height: float) -> str:
    """A wave of 60 pieces from the left to the right of the box."""
    points = [(x + width * k / 60, y + height * (0.5 + 0.4 * math.sin(k / 5))) for k in range(61)]
    lines = " ".join(f"{px:.1f} {py:.1f} l" for px, py in points[1:])
    return f"{points[0][0]} {points[0][1]} m {lines} S"


def chart(page: Page, x: float, y: float, width: float, height: float) -> Page:
    """Axes with ticks and numbers, and a curve."""
    page.draw(f"{x} {y} m {x} {y + height} l S {x} {y} m {x + width} {y} l S")
    for k in range(5):
        page.draw(f"{x - 3} {y + k * height / 4} m {x} {y + k * height / 4} l S")
        page.text(x - 20, y + k * height / 4 - 3, str(10 * k), size=8)
    return page.draw(curve(x, y, width, height))


@pytest.fixture
def elements(tmp_path: Path):
    def read(*pages: Page, **facts) -> list:
        path = write_pdf(tmp_path / "river.pdf", pages, **facts)
        with open_source(path, DEFAULT_LIMITS) as file:
            return list(PdfLoader(path)._elements(file))

    return read


def figures(found: list) -> list[Figure]:
    return [element for element in found if isinstance(element, Figure)]


def points(figure: Figure) -> tuple[float, float, float, float]:
    """left, bottom, right, top as PDF counts them."""
    x0, y0, x1, y1 = figure.bbox
    return x0 * WIDTH, (1 - y1) * HEIGHT, x1 * WIDTH, (1 - y0) * HEIGHT


def test_a_chart_of_lines_is_a_figure_with_its_numbers_and_caption(elements) -> None:
    page = chart(prose(Page(), 740), 150, 400, 300, 200)
    page.text(240, 380, "Year of the flood", size=8)
    page.text(72, 350, "Figure 3: The river at the mill.")
    (figure,) = figures(elements(prose(page, 300)))
    left, bottom, right, top = points(figure)
    assert 125 <= left <= 135
    assert 375 <= bottom <= 382
    assert 445 <= right <= 455
    assert 595 <= top <= 610
    assert figure.caption == "Figure 3: The river at the mill."
    assert figure.text is not None
    assert {"0", "10", "40"} <= set(figure.text.split())
    assert "Year of the flood" in figure.text
    # With the room around it, for ink that goes beyond what is known of it.
    assert -3 <= figure.image.size[0] - (right - left) * 200 / 72 <= 8 * 200 / 72 + 3


def test_the_text_of_a_figure_is_told_with_it_alone(elements) -> None:
    page = chart(prose(Page(), 740), 150, 400, 300, 200).text(250, 500, "high water", size=8)
    found = elements(prose(page, 300))
    assert "high water" in figures(found)[0].text
    assert not [e for e in found if isinstance(e, Paragraph) and "high water" in e.text]


def test_panels_over_one_caption_are_one_figure(elements) -> None:
    page = prose(Page(), 740)
    chart(page, 100, 480, 180, 120)
    chart(page, 350, 480, 180, 120)
    page.text(150, 440, "Figure 1: Spring and autumn.")
    (figure,) = figures(elements(prose(page, 400)))
    left, _, right, _ = points(figure)
    assert left < 100
    assert right >= 525


def test_figures_side_by_side_each_keep_their_own_caption(elements) -> None:
    page = prose(Page(), 740)
    chart(page, 100, 480, 170, 120)
    chart(page, 350, 480, 170, 110)
    page.text(100, 455, "Figure 1: The spring.", size=9)
    page.text(350, 455, "Figure 2: The autumn.", size=9)
    found = figures(elements(prose(page, 400)))
    assert sorted(figure.caption for figure in found) == [
        "Figure 1: The spring.",
        "Figure 2: The autumn.",
    ]


def test_text_parts_two_drawings(elements) -> None:
    page = chart(prose(Page(), 740), 150, 520, 300, 120)
    chart(prose(page, 480), 150, 220, 300, 110)
    assert len(figures(elements(prose(page, 180)))) == 2


def test_bars_with_numbers_are_a_figure(elements) -> None:
    page = prose(Page(), 740)
    for k, height in enumerate((60, 110, 150, 80)):
        page.draw(f"0.2 0.4 0.8 rg {150 + 60 * k} 420 40 {height} re f")
        page.text(155 + 60 * k, 405, str(1990 + k), size=8)
    assert len(figures(elements(prose(page, 300)))) == 1


@pytest.mark.parametrize(
    ("what", "operators"),
    [
        ("a rule across the page", "72 600 m 540 600 l S"),
        ("rules over and under a header", "72 600 m 540 600 l S 72 580 m 540 580 l S"),
        ("a frame round text", "60 560 480 200 re S"),
        ("a tinted ground under text", "0.9 0.9 0.9 rg 60 560 480 200 re f 0 g"),
        ("underlines", "72 738 m 300 738 l S 72 726 m 300 726 l S 72 714 m 300 714 l S"),
        ("one circle", "300 500 m 310 500 310 510 300 510 c 290 510 290 500 300 500 c S"),
        ("a bar at the edge", "0 0 20 792 re f"),
    ],
)
def test_decoration_is_no_figure(elements, what: str, operators: str) -> None:
    page = Page().draw(operators)
    assert figures(elements(prose(prose(page, 740, 14), 400, 14))) == [], what


def test_rows_of_drawn_dots_are_no_figure(elements) -> None:
    page = prose(Page(), 760, 3)
    for row in range(12):
        y = 680 - 14 * row
        page.text(72, y, f"Chapter {row + 1} of the book").text(520, y, str(10 * row))
        page.draw(" ".join(f"{210 + 5 * k} {y} 1 1 re f" for k in range(60)))
    assert figures(elements(page)) == []


def test_a_picture_with_lines_drawn_on_it_is_one_figure(elements) -> None:
    noise = Image.effect_noise((120, 120), 90).convert("RGB")
    page = prose(Page(), 740).picture(150, 400, 200, 200, noise)
    page.draw("1 0 0 RG 250 500 m 400 560 l S").text(405, 556, "the gauge", size=8)
    (figure,) = figures(elements(prose(page, 300)))
    assert points(figure)[2] > 405
    assert not figure.is_drawn
    assert figure.text == "the gauge"


def test_photographs_side_by_side_stay_apart(elements) -> None:
    page = prose(Page(), 740)
    for k in range(2):
        noise = Image.effect_noise((100 + k, 100), 90).convert("RGB")
        page.picture(100 + 160 * k, 450, 140, 140, noise)
    assert len(figures(elements(prose(page, 300)))) == 2


def test_a_page_of_thousands_of_marks_is_one_figure(elements) -> None:
    page = prose(Page(), 740)
    page.draw("100 300 m 100 600 l S 100 300 m 500 300 l S")
    random.seed(1)
    for _ in range(3_000):
        x, y = random.uniform(105, 495), random.uniform(305, 595)
        page.draw(f"{x:.1f} {y:.1f} m {x + 2:.1f} {y + 2:.1f} l S")
    (figure,) = figures(elements(prose(page, 250)))
    assert points(figure) == pytest.approx((100, 300, 500, 600), abs=8)


def test_a_caption_makes_a_figure_of_text_on_a_ground(elements) -> None:
    page = prose(Page(), 740)
    page.draw("0.9 0.9 1 rg 72 420 460 120 re f 0 g")
    page.lines(80, 520, *["if gauge is high then ring the bells of the mill"] * 6, size=8)
    page.text(72, 395, "Figure 2: The rule of the mill.")
    (figure,) = figures(elements(prose(page, 340)))
    assert figure.caption == "Figure 2: The rule of the mill."


TAGGED = {
    "catalog_entries": "/MarkInfo<</Marked true>>/StructTreeRoot @tree@",
    "named": {
        "tree": "<</Type/StructTreeRoot/K @doc@/ParentTree @parents@/ParentTreeNextKey 1>>",
        "doc": "<</Type/StructElem/S/Document/P @tree@/K[@figure@]>>",
        "figure": "<</Type/StructElem/S/Figure/P @doc@/Pg @page0@/K 0/Alt(The mill in flood)>>",
        "parents": "<</Nums[0[@figure@]]>>",
    },
}


def test_framed_texts_above_one_caption_are_one_figure(elements) -> None:
    page = prose(Page(), 260)
    for y in (360, 450, 540):
        page.draw(f"0.95 g 70 {y} 430 80 re f 0 g 70 {y} 430 80 re S")
        prose(page, y + 65, n_lines=5, x=76)
    page.text(72, 335, "Figure 7: Three days of the diary.")
    (figure,) = figures(elements(page))
    assert points(figure) == pytest.approx((70, 360, 500, 620), abs=4)
    assert figure.caption == "Figure 7: Three days of the diary."


def test_the_alternative_text_of_a_tagged_figure_is_told(elements) -> None:
    noise = Image.effect_noise((120, 120), 90).convert("RGB")
    page = prose(Page("/StructParents 0"), 740).draw("/Figure <</MCID 0>> BDC")
    page.picture(150, 400, 200, 200, noise).draw("EMC")
    other = Image.effect_noise((130, 120), 90).convert("RGB")
    page.picture(400, 400, 100, 200, other)
    found = figures(elements(prose(page, 300), **TAGGED))
    assert [figure.alt for figure in found] == ["The mill in flood", None]


def test_boxes_of_cells_in_a_diagram_are_no_tables(elements) -> None:
    page = prose(Page(), 740)
    for row in range(3):
        for column in range(3):
            x, y = 200 + 60 * column, 500 + 20 * row
            page.draw(f"{x} {y} 60 20 re S").text(x + 10, y + 6, f"cell {row}{column}", size=8)
    for k in range(4):
        page.draw(
            f"{210 + 50 * k} 500 m {250 + 50 * k} 470 {150 + 90 * k} 460 {150 + 90 * k} 420 c S"
        )
        page.draw(f"{130 + 90 * k} 400 40 20 re S").text(135 + 90 * k, 406, f"leaf {k}", size=8)
    found = elements(prose(page, 300))
    assert len(figures(found)) == 1
    assert not [element for element in found if isinstance(element, Table)]


def test_a_logo_that_is_drawn_on_every_page_is_no_figure(elements) -> None:
    logo = curve(480, 700, 80, 60) + " " + curve(480, 690, 80, 60)
    pages = [prose(Page().draw(logo), 640) for _ in range(4)]
    chart(pages[1], 150, 300, 300, 200)
    (figure,) = figures(elements(*pages))
    assert figure.page == 2
    assert points(figure)[3] < 520
