"""PDF: text in reading order, headings, pictures as they look, and files that are damaged."""

import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from langchain_core.documents import Document
from PIL import Image, ImageDraw

from loaders.captioning.describer import FigureDescriber
from loaders.errors import (
    BrokenDocument,
    EmptyDocument,
    EncryptedDocument,
    LimitExceeded,
    LoaderError,
)
from loaders.limits import DEFAULT_LIMITS, Limits
from loaders.media import MediaStore
from loaders.pdf import PdfLoader
from loaders.pdf.paragraphs import joined
from tests.loaders.pdfs import HEIGHT, WIDTH, Page, write_pdf

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"
with_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside the project")

LEFT = (
    "The first column tells how the river was measured in the",
    "spring of that year, by which instruments, and at which",
    "places along its banks the gauges stood until the autumn",
    "floods carried three of them away for good and all.",
)
RIGHT = (
    "The second column gives what the gauges showed, week by",
    "week, with the highest level in the second half of April",
    "when the snow of the northern slopes came down at once",
    "and the lowest in the dry weeks of late September.",
)


@pytest.fixture
def load(tmp_path: Path):
    media = MediaStore(tmp_path / "media")

    def make(path: Path, limits: Limits = DEFAULT_LIMITS) -> PdfLoader:
        return PdfLoader(path, media=media, describer=FigureDescriber(media), limits=limits)

    return make


@pytest.fixture
def read(tmp_path: Path, load):
    """Write pages to a PDF and read them again."""

    def documents(*pages: Page, **about: object) -> list[Document]:
        return load(write_pdf(tmp_path / "river.pdf", pages, **about)).load()

    return documents


def text_of(documents: list[Document]) -> str:
    return "\n".join(d.page_content for d in documents if d.metadata["modality"] == "text")


def figures(documents: list[Document]) -> list[Document]:
    return [d for d in documents if d.metadata["modality"] == "figure"]


def kinds(documents: list[Document]) -> list[str]:
    return [d.metadata["modality"] for d in documents]


def drawing(width: int = 200, height: int = 120, seed: int = 1) -> Image.Image:
    """A picture unlike any other."""
    image = Image.new("RGB", (width, height), "white")
    chance = random.Random(seed)
    for _ in range(12):
        x, y = chance.randrange(width), chance.randrange(height)
        colour = tuple(chance.randrange(256) for _ in range(3))
        ImageDraw.Draw(image).ellipse((x - 20, y - 20, x + 20, y + 20), colour)
    return image


def prose(page: Page, y: float, n_lines: int = 4, x: float = 72) -> Page:
    return page.lines(x, y, *(LEFT * 3)[:n_lines])


# Text


def test_lines_become_paragraphs_and_hyphens_at_their_ends_are_undone(read) -> None:
    page = Page().lines(
        72, 700, "The level of the river was meas-", "ured with gauges along its banks.",
    )  # fmt: skip
    page.lines(72, 640, "It rose in April.")
    assert text_of(read(page)) == (
        "The level of the river was measured with gauges along its banks.\nIt rose in April."
    )


def test_a_hyphen_that_the_document_also_writes_inside_a_line_is_kept(read) -> None:
    page = Page().lines(
        72, 700, "A snow-fed river rises late. Every snow-", "fed river in the region does.",
    )  # fmt: skip
    assert "Every snow-fed river" in text_of(read(page))


def test_two_columns_are_read_one_after_the_other_below_what_spans_them(read) -> None:
    page = Page().text(72, 740, "A line across both columns says what the whole page is about.")
    page.lines(40, 700, *LEFT, size=9).lines(320, 700, *RIGHT, size=9)
    text = text_of(read(page))
    assert text.index("both columns") < text.index("gauges stood") < text.index("second column")
    assert "which instruments, and at which places along its banks" in text


def test_columns_drawn_line_by_line_are_still_told_apart(read) -> None:
    page = Page()
    for k, (left, right) in enumerate(zip(LEFT * 2, RIGHT * 2, strict=True)):
        page.text(40, 700 - 12 * k, left, size=9).text(320, 700 - 12 * k, right, size=9)
    assert "by which instruments, and at which places" in text_of(read(page))


def test_rows_of_a_table_stay_rows(read) -> None:
    page = Page()
    for k, row in enumerate(
        [("Gauge", "April", "May"), ("North", "31", "28"), ("South", "9", "7")]
    ):
        for x, cell in zip((72, 250, 400), row, strict=True):
            page.text(x, 700 - 14 * k, cell)
    assert text_of(read(page)).splitlines() == ["Gauge April May", "North 31 28", "South 9 7"]


def test_list_items_are_paragraphs_of_their_own(read) -> None:
    page = Page().lines(72, 700, "- the north gauge", "- the south gauge", "- the old mill")
    assert len(text_of(read(page)).splitlines()) == 3


def test_ligatures_are_spelled_out_and_dotted_leaders_dropped(read) -> None:
    page = Page().text(72, 700, "The \256rst \257ood")  # fi and fl in Adobe's encoding
    page.text(72, 660, "Measurements ................................ 12")
    assert text_of(read(page)) == "The first flood\nMeasurements 12"


def test_sideways_text_is_read_as_a_line_of_its_own(read) -> None:
    page = prose(Page(), 700).turned_text(40, 300, "Level in metres above", (0, 1, -1, 0))
    assert "Level in metres above" in text_of(read(page)).splitlines()


def test_text_off_the_page_is_not_read(read) -> None:
    page = prose(Page(), 700).text(72, -40, "printer's mark")
    assert "printer" not in text_of(read(page))


def chapter(n: int) -> Page:
    page = Page().text(72, 760, "River report").text(300, 30, f"Page {n}")
    page.turned_text(590, 300, "Downloaded copy", (0, 1, -1, 0))
    return page.text(72, 500, f"Only page number {n} tells this.")


def test_running_headers_and_page_numbers_are_dropped(read) -> None:
    text = text_of(read(*(chapter(n) for n in range(1, 6))))
    assert "River report" not in text
    assert "Page" not in text
    assert "Downloaded" not in text
    assert text.count("tells this") == 5


def test_in_a_short_document_nothing_counts_as_a_running_header(read) -> None:
    assert text_of(read(*(chapter(n) for n in range(1, 4)))).count("River report") == 3


# Titles and headings


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("The river in 1931", "The river in 1931"),
        ("Microsoft Word - report final.docx", "river.pdf"),
        ("report_v2.indd", "river.pdf"),
        ("Untitled", "river.pdf"),
        ("(anonymous)", "river.pdf"),
        ("river", "river.pdf"),
    ],
)
def test_a_title_that_a_program_wrote_is_not_the_title(read, written: str, title: str) -> None:
    assert read(prose(Page(), 700), title=written)[0].metadata["title"] == title


def test_large_lines_above_text_are_headings_with_levels(read) -> None:
    page = Page().text(72, 740, "Floods of the river", size=18, bold=True)
    prose(page, 710)
    page.text(72, 640, "Gauges", size=13, bold=True)
    prose(page, 620)
    documents = read(page)
    assert [d.metadata["section"] for d in documents] == [
        "Floods of the river",
        "Floods of the river › Gauges",
    ]


def test_a_heading_printed_in_two_lines_is_one(read) -> None:
    page = Page().text(72, 740, "Floods of the river", size=18).text(72, 718, "Ohio", size=18)
    assert read(prose(page, 690))[0].metadata["section"] == "Floods of the river Ohio"


def test_bold_words_large_figures_and_covers_are_no_headings(read) -> None:
    cover = Page().text(72, 500, "Reports of the survey", size=30).text(72, 400, "1931", size=30)
    page = prose(Page(), 740)
    page.text(72, 650, "42", size=24, bold=True)
    page.text(72, 600, "This sentence is set in bold and ends with a full stop.", bold=True)
    prose(page, 580)
    assert all("section" not in d.metadata for d in read(cover, page))


def test_the_outline_names_sections_where_they_are_printed(read) -> None:
    first = prose(Page(), 740).text(72, 640, "2 Gauges")
    documents = read(
        prose(first, 620), prose(Page(), 740), Page().picture(0, 0, WIDTH, HEIGHT, drawing()),
        outline=[("Gauges", 0), ("Floods", 1), ("The north slope", 2), ("Page 9", 2)],
    )  # fmt: skip
    sections = [d.metadata.get("section") for d in documents]
    assert sections == [None, "2 Gauges", "Floods", "The north slope"]


# Pictures


def test_a_picture_stands_between_the_paragraphs_around_it_with_its_box(read) -> None:
    page = prose(prose(Page(), 740), 300).picture(106, 400, 400, 240, drawing())
    documents = read(page)
    assert kinds(documents) == ["text", "figure", "text"]
    x0, y0, x1, y1 = figures(documents)[0].metadata["bbox"]
    assert (x0, x1) == pytest.approx((106 / WIDTH, 506 / WIDTH), abs=0.001)
    assert (y0, y1) == pytest.approx((1 - 640 / HEIGHT, 1 - 400 / HEIGHT), abs=0.001)


@pytest.mark.parametrize("y", [380, 655], ids=["below", "above"])
def test_a_numbered_caption_belongs_to_its_picture_and_is_not_repeated(read, y: float) -> None:
    page = prose(prose(Page(), 740), 300).picture(106, 400, 400, 240, drawing())
    documents = read(page.text(106, y, "Fig. 3-1. The north gauge in April."))
    assert figures(documents)[0].metadata["caption"] == "Fig. 3-1. The north gauge in April."
    assert "north gauge" not in text_of(documents)


def test_a_sentence_about_a_figure_is_not_its_caption(read) -> None:
    page = prose(Page(), 740).picture(106, 400, 400, 240, drawing())
    documents = read(page.text(106, 380, "Figure 3 shows the north gauge in April."))
    assert "document" not in figures(documents)[0].metadata["descriptions"]
    assert "Figure 3 shows" in text_of(documents)


def test_each_of_two_pictures_gets_the_caption_below_it(read) -> None:
    page = prose(Page(), 760, 2)
    page.picture(106, 500, 300, 200, drawing(seed=1)).text(106, 480, "Figure 1: April.")
    page.picture(106, 250, 300, 200, drawing(seed=2)).text(106, 230, "Figure 2: May.")
    found = [f.metadata["descriptions"]["document"] for f in figures(read(page))]
    assert found == ["Figure 1: April.", "Figure 2: May."]


def test_icons_rules_and_blank_pictures_are_no_figures(read) -> None:
    page = prose(Page(), 740)
    page.picture(72, 600, 20, 20, drawing(200, 200))  # small on the page
    page.picture(200, 600, 120, 120, drawing(30, 30))  # of few pixels
    page.picture(72, 500, 450, 20, drawing(2700, 120))  # a rule
    page.picture(72, 200, 200, 200, Image.new("RGB", (200, 200), "grey"))
    assert figures(read(page)) == []


def test_a_picture_on_many_pages_is_a_logo_and_one_on_two_pages_is_shown_once(read) -> None:
    logo, map_ = drawing(seed=1), drawing(seed=2)
    pages = [prose(Page(), 740).picture(72, 500, 100, 60, logo) for _ in range(3)]
    pages[0].picture(72, 200, 300, 200, map_)
    pages[1].picture(100.3, 180, 330, 220, map_)
    assert [f.metadata["page"] for f in figures(read(*pages))] == [1]


def test_strips_of_one_picture_become_one_figure(read) -> None:
    whole = drawing(200, 160)
    page = prose(Page(), 740)
    for k in range(4):
        strip = whole.crop((0, 40 * k, 200, 40 * k + 40))
        page.picture(100, 500 - 80 * (k + 1), 400, 80, strip)
    (figure,) = figures(read(page))
    assert figure.metadata["width"] / figure.metadata["height"] == pytest.approx(
        400 / 320, rel=0.02
    )


def test_a_picture_looks_as_on_the_page_with_its_mask(read, tmp_path: Path) -> None:
    mask = Image.new("L", (100, 100), 0)
    ImageDraw.Draw(mask).rectangle((25, 25, 75, 75), 255)
    page = prose(Page(), 740).picture(100, 300, 200, 200, Image.new("RGB", (100, 100)), mask=mask)
    (figure,) = figures(read(page))
    image = MediaStore(tmp_path / "media").open(figure.metadata["image_key"])
    assert image.getpixel((5, 5)) == (255, 255, 255)
    assert image.getpixel((image.width // 2, image.height // 2)) == (0, 0, 0)


def test_a_photograph_is_kept_as_jpeg_and_a_drawing_as_png(read) -> None:
    page = prose(Page(), 740)
    page.picture(72, 400, 200, 200, drawing(seed=1), jpeg=True)
    page.picture(320, 400, 200, 200, drawing(seed=2))
    keys = [f.metadata["image_key"] for f in figures(read(page))]
    assert sorted(key.rsplit(".", 1)[1] for key in keys) == ["jpg", "png"]


def test_labels_on_a_picture_are_told_with_it_and_do_not_cut_the_text_beside_it(read) -> None:
    page = prose(Page(), 740).picture(106, 400, 400, 240, drawing()).text(200, 500, "north gauge")
    documents = read(prose(page, 300))
    assert figures(documents)[0].metadata["descriptions"]["text"] == "north gauge"
    assert "Text in the picture: north gauge" in figures(documents)[0].page_content
    assert "north gauge" not in text_of(documents)


def test_a_picture_behind_a_page_of_text_is_not_a_figure(read) -> None:
    page = Page().picture(0, 0, WIDTH, HEIGHT, drawing())
    for k in range(12):
        prose(page, 740 - 55 * k)
    documents = read(page)
    assert figures(documents) == []
    assert "gauges stood" in text_of(documents)


def test_a_page_without_a_text_layer_is_a_figure_of_the_whole_page(read) -> None:
    page = prose(Page().rectangle(100, 100, 300, 400), 740, 0).picture(420, 600, 100, 80, drawing())
    (figure,) = read(page)
    assert figure.metadata["bbox"] == [0, 0, 1, 1]
    assert figure.metadata["width"] == pytest.approx(WIDTH * 150 / 72, abs=2)


def test_a_full_page_picture_is_one_figure(read) -> None:
    (figure,) = read(Page().picture(0, 0, WIDTH, HEIGHT, drawing(612, 792), jpeg=True))
    assert figure.metadata["image_key"].endswith(".jpg")


def test_blank_pages_hold_nothing(read) -> None:
    with pytest.raises(EmptyDocument):
        read(Page(), Page())


def test_a_turned_and_cropped_page_is_read_as_displayed(read) -> None:
    page = Page(extra="/Rotate 90/CropBox[100 100 500 700]")
    # Read with the page turned clockwise: the text runs up the unturned sheet.
    for k, line in enumerate(LEFT):
        page.turned_text(130 + 12 * k, 150, line, (0, 1, -1, 0))
    page.picture(300, 300, 100, 200, drawing(100, 200))
    documents = read(page)
    assert "by which instruments, and at which places" in text_of(documents)
    (figure,) = figures(documents)
    assert figure.metadata["bbox"] == pytest.approx([200 / 600, 0.5, 400 / 600, 0.75], abs=0.002)
    assert figure.metadata["width"] > figure.metadata["height"]


def test_figures_past_the_limit_are_reported(tmp_path: Path, load) -> None:
    page = prose(Page(), 740)
    for k in range(3):
        page.picture(72, 500 - 150 * k, 200, 120, drawing(seed=k))
    loader = load(write_pdf(tmp_path / "many.pdf", [page]), Limits(max_figures=2))
    assert len(figures(loader.load())) == 2
    assert [s.what for s in loader.skipped] == ["A figure on page 1"]


# Files that cannot be read


def test_a_damaged_page_is_reported_and_the_others_are_kept(tmp_path: Path, load) -> None:
    pages = [chapter(n) for n in range(1, 4)]
    loader = load(write_pdf(tmp_path / "river.pdf", pages, broken_pages=[1]))
    assert {d.metadata["page"] for d in loader.load()} == {1, 3}
    assert loader.n_pages == 3
    assert [s.what for s in loader.skipped] == ["Page 2"]
    assert loader.skipped[0].reason


def test_what_is_no_pdf_is_refused_by_name(tmp_path: Path, load) -> None:
    path = tmp_path / "notes.pdf"
    path.write_bytes(b"%PDF-1.7\nnothing of the kind")
    with pytest.raises(BrokenDocument, match=r"notes\.pdf"):
        load(path).load()


def test_too_many_pages_are_refused(tmp_path: Path, load) -> None:
    path = write_pdf(tmp_path / "long.pdf", [Page() for _ in range(4)])
    with pytest.raises(LimitExceeded, match="4 pages"):
        load(path, Limits(max_pages=3)).load()


def test_a_truncated_or_altered_file_raises_only_our_errors(tmp_path: Path, load) -> None:
    page = prose(Page(), 740).picture(106, 400, 400, 240, drawing(), jpeg=True)
    whole = write_pdf(tmp_path / "whole.pdf", [page, chapter(1)], outline=[("Gauges", 0)])
    content, chance = whole.read_bytes(), random.Random(7)
    for k in range(40):
        damaged = bytearray(content[: chance.randrange(len(content))] if k % 2 else content)
        for _ in range(20):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path = tmp_path / "damaged.pdf"
        path.write_bytes(damaged)
        with suppress(LoaderError):
            load(path).load()


def test_several_threads_read_at_once(tmp_path: Path, load) -> None:
    pages = [chapter(n).picture(106, 100, 300, 200, drawing(seed=n)) for n in range(1, 9)]
    path = write_pdf(tmp_path / "river.pdf", pages)
    alone = load(path).load()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: load(path).load(), range(8)))
    assert all(documents == alone for documents in together)


def test_two_documents_are_read_in_turns(tmp_path: Path, load) -> None:
    first = write_pdf(tmp_path / "a.pdf", [chapter(n) for n in range(1, 9)])
    second = write_pdf(tmp_path / "b.pdf", [chapter(n) for n in range(11, 19)])
    for a, b in zip(load(first).lazy_load(), load(second).lazy_load(), strict=True):
        assert a.metadata["page"] == b.metadata["page"]


# Real documents


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def expected_pdfs() -> list[dict]:
    path = CORPUS / "docs" / "expected.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    found = [line for line in map(json.loads, lines) if line["format"] == "pdf"]
    return [line for line in found if line["expected"]["encrypted"] == "no"]


@with_corpus
@pytest.mark.parametrize("line", expected_pdfs(), ids=lambda line: line["file"])
def test_a_real_document_gives_its_pages_text_and_pictures(line: dict, load) -> None:
    loader, expected = load(CORPUS / "docs" / line["file"]), line["expected"]
    documents = loader.load()
    assert loader.n_pages == expected["pages"]
    text = squeezed(text_of(documents))
    assert all(squeezed(part) in text for part in expected.get("must_contain", []))
    assert {f.metadata["page"] for f in figures(documents)} <= set(expected["pages_with_raster"])
    assert len(figures(documents)) <= expected["raster_unique"]
    if expected["raster_unique"] == 1:
        assert len(figures(documents)) == 1
    assert not loader.skipped


@with_corpus
@pytest.mark.parametrize(
    "name", ["docs/libreoffice-writer-password.pdf", "hostile/encryption_openpassword.pdf"]
)
def test_a_password_is_asked_for(name: str, load) -> None:
    with pytest.raises(EncryptedDocument, match="needs a password"):
        load(CORPUS / name).load()


@with_corpus
@pytest.mark.parametrize(
    "name",
    ["T02-01_001_document-catalog-No-document-catalog.pdf", "issue9105_other.pdf"],
)
def test_hostile_files_are_refused(name: str, load) -> None:
    with pytest.raises(BrokenDocument, match=re.escape(name)):
        load(CORPUS / "hostile" / name).load()


@with_corpus
def test_pictures_of_a_book_stand_under_the_titles_of_their_facing_pages(load) -> None:
    documents = load(CORPUS / "qa" / "corpus" / "nasa_earth_book_excerpt.pdf").load()
    found = {f.metadata["page"]: f.metadata for f in figures(documents)}
    maps, photographs = range(4, 36, 2), range(5, 36, 2)
    assert {*maps, *photographs} <= found.keys() <= {1, 2, *maps, *photographs}
    assert found[5]["bbox"] == [0, 0, 1, 1]
    assert found[5]["section"] == "Curving Cloud Streets Brazil and Bolivia"
    assert found[13]["section"] == "Double Trouble Pacific Ocean"


@with_corpus
def test_drawings_with_labels_are_joined_and_captioned(load) -> None:
    documents = load(CORPUS / "qa" / "corpus" / "amt_handbook_sample.pdf").load()
    found = [f.metadata["descriptions"]["document"] for f in figures(documents)]
    assert found == [
        "Figure 7-26. Self-locking nuts.",
        "Figure 7-27. Stainless steel self-locking nut.",
    ]


@with_corpus
def test_sections_of_a_paper_in_two_columns_are_found_in_order(load) -> None:
    documents = load(CORPUS / "qa" / "corpus" / "2023.acl-long.386.pdf").load()
    sections = list(dict.fromkeys(d.metadata.get("section", "") for d in documents))
    leaves = [section.split(" › ")[-1] for section in sections]
    wanted = ["Abstract", "1 Introduction", "2 Related Work", "3 PROGRAMFC", "4 Experiments"]
    assert [leaf for leaf in leaves if leaf in wanted] == wanted
    abstract = squeezed(" ".join(d.page_content for d in documents if d.metadata["page"] == 1))
    assert "often requires collecting multiple pieces of evidence" in abstract


@with_corpus
def test_a_scan_is_a_figure_of_its_page(load) -> None:
    (figure,) = load(CORPUS / "docs" / "ocr_test.pdf").load()
    image = figure.metadata
    assert image["page"] == 1
    assert image["width"] > 1_200


def test_pictures_are_those_that_pillow_wrote(tmp_path: Path, load) -> None:
    buffer = BytesIO()
    drawing(800, 600).save(buffer, "PDF", resolution=100)
    path = tmp_path / "scan.pdf"
    path.write_bytes(buffer.getvalue())
    (figure,) = load(path).load()
    assert (figure.metadata["width"], figure.metadata["height"]) == pytest.approx((800, 600), abs=2)


@pytest.mark.timeout(5)
def test_an_endless_word_before_a_hyphen_costs_no_time() -> None:
    assert joined(f"{'a' * 200_000} -", "bc", set()).endswith("a - bc")
    assert joined("The har-", "bour", {"harbour"}) == "The harbour"
