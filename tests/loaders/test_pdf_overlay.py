"""Pages drawn with boxes: what is where, what it is called, which files are touched."""

from pathlib import Path

import pytest
from PIL import Image, ImageColor

from loaders.elements import Figure, Heading, Info, Paragraph, Table
from loaders.errors import BrokenDocument, SourceMissing, UnsupportedFormat
from loaders.pdf.overlay import COLOURS, MAX_PIXELS, MAX_SIDE, Drawings, draw_document, marks_of
from tests.loaders.pdfs import HEIGHT, WIDTH, Page, write_pdf
from tests.loaders.reading import picture

BOX = (0.1, 0.2, 0.5, 0.6)


def draw(folder: Path, *pages: Page, **about: object) -> Drawings:
    return draw_document(write_pdf(folder / "river.pdf", pages, **about), folder / "drawn")


def with_picture() -> Page:
    page = Page().lines(72, 700, *["The gauges stood along the river's banks."] * 3)
    image = Image.effect_noise((400, 300), 80).convert("RGB")
    return page.picture(100, 300, 400, 300, image)


def test_a_box_is_drawn_round_a_picture_where_it_stands(tmp_path: Path) -> None:
    (path,) = draw(tmp_path, with_picture()).files
    with Image.open(path) as image:
        scale = image.width / WIDTH
        left, middle = round(100 * scale), round((HEIGHT - 450) * scale)
        around = {image.getpixel((left + dx, middle)) for dx in range(-3, 4)}
        outside = image.getpixel((round(60 * scale), middle))
    assert ImageColor.getrgb(COLOURS["figure"]) in around
    assert outside == (255, 255, 255)


def test_marks_say_kind_number_and_caption_in_reading_order() -> None:
    elements = [
        Info(n_pages=2),
        Heading("Floods", 2, 1, BOX),
        Paragraph("In April the snow came down.", 1, BOX),
        Figure(picture(), "Figure 7: Levels\nof the river", page=1, bbox=BOX, caption_bbox=BOX),
        Heading("Only in the outline", 1, 2),
        Table((("a", "b"),), page=2, bbox=BOX),
        Paragraph("In May it was over.", 2, BOX),
    ]
    marks = list(marks_of(elements))
    assert [(mark.page, mark.name) for mark in marks] == [
        (1, "heading 1 · level 2"),
        (1, "text 1"),
        (1, "figure 1 · Figure 7: Levels\nof the river"),
        (1, "caption of figure 1"),
        (2, "table 1"),
        (2, "text 2"),
    ]
    assert len({mark.colour for mark in marks}) == 5


def test_files_of_ours_are_written_over_and_others_left_alone(tmp_path: Path) -> None:
    first = draw(tmp_path, *[with_picture()] * 10).files
    assert [path.name for path in first[:2]] == ["river-page-01.png", "river-page-02.png"]
    first[0].write_bytes(b"old")
    (tmp_path / "drawn" / "mine.png").write_bytes(b"mine")
    draw(tmp_path, *[with_picture()] * 10)
    assert first[0].read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "drawn" / "mine.png").read_bytes() == b"mine"
    assert len(list((tmp_path / "drawn").iterdir())) == 11


@pytest.mark.parametrize("sides", [(14_400, 14_400), (40, 14_400)])
def test_a_giant_page_is_drawn_within_limits(tmp_path: Path, sides: tuple[int, int]) -> None:
    page = Page(f"/MediaBox[0 0 {sides[0]} {sides[1]}]").text(2, 40, "A mile of paper", size=4)
    page.text(2, 20, "with a few words on it.", size=4)
    (path,) = draw(tmp_path, page).files
    with Image.open(path) as image:
        assert image.width * image.height <= 1.01 * MAX_PIXELS
        assert max(image.size) <= MAX_SIDE
        assert image.height / image.width == pytest.approx(sides[1] / sides[0], rel=0.05)


def test_a_damaged_page_is_reported_once_and_the_others_are_drawn(tmp_path: Path) -> None:
    drawings = draw(tmp_path, with_picture(), Page(), with_picture(), broken_pages=[1])
    assert [path.name for path in drawings.files] == ["river-page-1.png", "river-page-3.png"]
    assert [skipped.what for skipped in drawings.skipped] == ["Page 2"]


def test_progress_tells_of_reading_and_of_drawing(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "river.pdf", [with_picture(), with_picture()])
    told: list[tuple[str, int, int]] = []
    draw_document(path, tmp_path, on_page=lambda *step: told.append(step))
    assert {("Reading", 1, 2), ("Reading", 2, 2)} <= set(told)
    assert told[-2:] == [("Drawing", 0, 2), ("Drawing", 1, 2)]


def test_what_is_no_pdf_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# Floods\n\nIn April.")
    (tmp_path / "cut.pdf").write_bytes(b"%PDF-1.7 and nothing else")
    for name, error in (
        ("notes.md", UnsupportedFormat),
        ("cut.pdf", BrokenDocument),
        ("none.pdf", SourceMissing),
    ):
        with pytest.raises(error, match=name):
            draw_document(tmp_path / name, tmp_path / "drawn")
