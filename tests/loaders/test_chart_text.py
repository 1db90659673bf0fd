"""The text of charts and other pictures: all of it, in reading order, and nothing else."""

import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from loaders.captioning.describer import FigureDescriber
from loaders.captioning.ocr import OcrReader
from loaders.captioning.reading_order import text_of
from loaders.captioning.text_line import TextLine
from loaders.media import MediaStore
from tests.loaders.drawn_charts import (
    CITIES,
    MONTHS,
    bar_chart,
    dashboard,
    line_chart,
    photograph,
    pie_chart,
    ranking,
    written,
)


@pytest.fixture(scope="module")
def ocr() -> OcrReader:
    return OcrReader()


def read(ocr: OcrReader, image: Image.Image) -> list[str]:
    return ocr.read([image])[0].splitlines()


def line(text: str, x: float, y: float, height: float = 10) -> TextLine:
    """Level, its letters half as wide as high."""
    x1, y1 = x + 0.5 * height * len(text), y + height
    return TextLine(text, ((x, y), (x1, y), (x1, y1), (x, y1)), 0.99)


def in_order(*lines: TextLine) -> list[str]:
    return text_of(lines).splitlines()


@pytest.mark.real
def test_axis_titles_are_lines_whichever_way_they_are_turned(ocr: OcrReader) -> None:
    lines = read(ocr, line_chart(800))
    assert {"Price in dollars", "Volume traded"} <= set(lines)


@pytest.mark.real
def test_the_ticks_of_an_axis_are_one_line(ocr: OcrReader) -> None:
    lines = read(ocr, line_chart(800))
    assert "80  70  60  50  40" in lines
    assert "900  800  700  600  500  400  300  200  100" in lines
    assert "2010  2012  2014  2016  2018  2020" in lines
    assert [x for x in lines if x in {"Gold", "Crude oil", "Wheat"}] == [
        "Gold",
        "Crude oil",
        "Wheat",
    ]


@pytest.mark.real
def test_a_number_stays_with_the_label_of_its_slice(ocr: OcrReader) -> None:
    lines = read(ocr, pie_chart(800))
    assert {f"{city} {n:,}" for city, n in CITIES.items()} <= set(lines)


@pytest.mark.real
def test_a_number_stays_with_the_label_of_its_bar(ocr: OcrReader) -> None:
    lines = read(ocr, ranking(800))
    assert {f"{city}  {n:,}" for city, n in CITIES.items()} <= set(lines)
    text = "\n".join(read(ocr, bar_chart(800)))
    assert "January 310  February 275  March 420" in text


@pytest.mark.real
@pytest.mark.parametrize("slant", [30, 45, 60, 90])
def test_slanted_ticks_are_one_line(ocr: OcrReader, slant: int) -> None:
    lines = read(ocr, bar_chart(900, slant=slant))
    assert "  ".join(MONTHS) in lines


@pytest.mark.real
def test_charts_side_by_side_are_read_one_after_the_other(ocr: OcrReader) -> None:
    text = "\n".join(read(ocr, dashboard(1_600)))
    assert text.index("Revenue") < text.index("66") < text.index("Costs") < text.index("99")


@pytest.mark.real
@pytest.mark.parametrize("width", [320, 480])
def test_most_of_a_small_chart_is_read(ocr: OcrReader, width: int) -> None:
    words = " ".join(read(ocr, bar_chart(width))).split()
    assert len({*MONTHS, "310", "275", "420", "515"} & set(words)) >= 7


@pytest.mark.real
@pytest.mark.parametrize("size", [(5_000, 3_000), (1_200, 7_000)])
def test_small_print_in_a_large_picture_is_read_once(
    ocr: OcrReader, size: tuple[int, int], tmp_path: Path
) -> None:
    middle = size[0] // 2 - 130, size[1] // 2
    places = [(40, 40), middle, (size[0] - 330, size[1] - 60), (40, 930), (40, 1_900)]
    pieces = [(x, y, f"Harbour lantern {n}{n}") for n, (x, y) in enumerate(places, 1)]
    media = MediaStore(tmp_path)
    key = media.put(written(size, pieces, 18)).key
    text = FigureDescriber(media, reader=ocr).describe([key])[key]["ocr"]
    found = [part for row in text.splitlines() for part in row.split("  ")]
    assert sorted(found) == sorted(piece for *_, piece in pieces)


@pytest.mark.real
def test_large_letters_in_a_large_picture_are_one_line(ocr: OcrReader) -> None:
    picture = written((4_000, 2_000), [(150, 300, "Harbour festival")], 420)
    assert read(ocr, picture) == ["Harbour festival"]


@pytest.mark.real
@pytest.mark.parametrize("size", [(640, 480), (2_600, 1_800)])
def test_nothing_is_read_in_a_photograph(ocr: OcrReader, size: tuple[int, int]) -> None:
    assert read(ocr, photograph(size)) == []


@pytest.mark.real
def test_a_grid_of_lines_holds_no_text(ocr: OcrReader) -> None:
    pixels = np.full((400, 600, 3), 255, np.uint8)
    pixels[::40] = pixels[:, ::60] = 150
    pixels[200, ::8] = pixels[200, 1::8] = 0
    assert read(ocr, Image.fromarray(pixels)) == []


def test_a_table_is_read_row_by_row() -> None:
    rows = [("Total", "400", "12.5"), ("Leeds", "250", "7.1"), ("York", "150", "5.4")]
    cells = [line(t, 300 * x, 30 * y) for y, row in enumerate(rows) for x, t in enumerate(row)]
    assert in_order(*cells) == ["  ".join(row) for row in rows]


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    left = [f"what the left column says in row {n}" for n in range(5)]
    right = [f"what the right column says in row {n}" for n in range(5)]
    found = [line("A title over both columns of the slide", 60, 0)]
    found += [line(t, 0, 40 + 14 * n) for n, t in enumerate(left)]
    found += [line(t, 300, 40 + 14 * n) for n, t in enumerate(right)]
    assert in_order(*found) == [found[0].text, *left, *right]


def test_what_only_shares_a_height_is_not_joined() -> None:
    assert in_order(line("Legend", 0, 0), line("North", 400, 1), line("South", 30, 90)) == [
        "Legend",
        "North",
        "South",
    ]


def test_a_mark_read_as_a_minus_is_no_part_of_a_tick() -> None:
    ticks = ["900", "-800", "700", "-600"]
    found = [line(text, 100 - 5 * len(text), 40 * n) for n, text in enumerate(ticks)]
    assert in_order(*found) == ["900  800  700  600"]
    below = ["10", "0", "-10", "-20"]
    found = [line(text, 100 - 5 * len(text), 40 * n) for n, text in enumerate(below)]
    assert in_order(*found) == ["10  0  -10  -20"]


def test_many_lines_are_put_in_order_in_little_time() -> None:
    found = [line(f"w{x} {y}", 70 * x, 14 * y) for x in range(30) for y in range(60)]
    started = time.process_time()
    assert len(in_order(*found)) == 60
    assert len(in_order(*found[:1_400])) >= 60
    assert time.process_time() - started < 8
