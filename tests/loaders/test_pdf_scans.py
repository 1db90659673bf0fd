"""Figures and tables of scanned pages are cut out; paper and handwriting are no figures."""

from pathlib import Path

import numpy as np
import pytest
from langchain_core.documents import Document
from PIL import Image

from loaders.captioning.describer import FigureDescriber
from loaders.media import MediaStore
from loaders.pdf import PdfLoader
from tests.loaders.pdfs import HEIGHT, WIDTH, Page, write_pdf
from tests.loaders.scans import KnowingReader, Scan

PROSE = (
    "The gauges along the river were read every morning at seven, and the",
    "levels were sent to the harbour by telegraph before noon, so that the",
    "pilots of the harbour knew how much water they would find at the bar.",
)


@pytest.fixture
def load(tmp_path: Path):
    """What comes of the pages, with an OCR that knows the scans."""

    def load(pages: list[Page], *scans: Scan) -> list[Document]:
        media = MediaStore(tmp_path / "media")
        describer = FigureDescriber(media, reader=KnowingReader(scans))
        path = write_pdf(tmp_path / "a.pdf", pages)
        return PdfLoader(path, media=media, describer=describer).load()

    return load


def of(modality: str, documents: list[Document]) -> list[Document]:
    return [d for d in documents if d.metadata["modality"] == modality]


def box(document: Document) -> list[float]:
    sides = (WIDTH, HEIGHT, WIDTH, HEIGHT)
    return [v * side for v, side in zip(document.metadata["bbox"], sides, strict=True)]


def test_a_photograph_in_a_scan_is_cut_out_with_its_caption(load) -> None:
    scan = Scan().prose(72, 80, *PROSE).photograph(120, 150, 300, 200)
    scan.text(120, 362, "Figure 3: The harbour at low water").prose(72, 420, *PROSE)
    documents = load([scan.page()], scan)
    (figure,) = of("figure", documents)
    assert box(figure) == pytest.approx([120, 150, 420, 350], abs=4)
    assert figure.metadata["caption"] == "Figure 3: The harbour at low water"
    assert sum(PROSE[0] in d.page_content for d in of("text", documents)) == 2


def test_a_chart_of_lines_takes_the_labels_of_its_axes(load) -> None:
    scan = Scan().prose(72, 80, *PROSE)
    scan.rule((150, 160), (150, 300), (400, 300))
    scan.rule((150, 280), (190, 230), (240, 255), (300, 190), (350, 210), (390, 170))
    scan.rule((150, 200), (200, 215), (260, 175), (320, 240), (390, 225))
    for k, level in enumerate(("40", "30", "20", "10")):
        scan.text(132, 160 + 40 * k, level, size=8)
    for k, year in enumerate(("1901", "1902", "1903", "1904")):
        scan.text(165 + 60 * k, 306, year, size=8)
    scan.text(150, 330, "Figure 4. Levels at the bar").prose(72, 420, *PROSE)
    documents = load([scan.page()], scan)
    (figure,) = of("figure", documents)
    x0, y0, x1, y1 = box(figure)
    assert (x0, x1) == (pytest.approx(132, abs=6), pytest.approx(400, abs=8))
    assert (y0, y1) == (pytest.approx(160, abs=8), pytest.approx(316, abs=8))
    assert not any("1903" in d.page_content for d in of("text", documents))


def test_a_ruled_table_in_a_scan_is_a_table(load) -> None:
    scan = Scan().prose(72, 80, *PROSE)
    rows = [("Harbour", "Ships", "Tonnes"), ("Norfolk", "204", "1 730"), ("Boston", "97", "880")]
    for k, row in enumerate(rows):
        for j, cell in enumerate(row):
            scan.text(110 + 120 * j, 205 + 20 * k, cell)
    for k in range(4):
        scan.rule((100, 200 + 20 * k), (460, 200 + 20 * k))
    for j in range(4):
        scan.rule((100 + 120 * j, 200), (100 + 120 * j, 260))
    scan.prose(72, 420, *PROSE)
    documents = load([scan.page()], scan)
    (table,) = of("table", documents)
    assert "| Norfolk | 204 | 1 730 |" in table.page_content
    assert not of("figure", documents)


def test_signatures_rules_and_dust_on_a_letter_are_no_figures(load) -> None:
    scan = Scan().prose(72, 80, *PROSE, *PROSE)
    scan.rule((72, 300), (260, 300))
    scan.rule((80, 296), (95, 270), (105, 298), (120, 276), (135, 297), (170, 280))
    scan.text(72, 305, "Master of the harbour")
    for k in range(30):
        scan.rule((20 + 19 * k, 500 + 7 * (k % 9)), (20.5 + 19 * k, 500 + 7 * (k % 9)))
    assert not of("figure", load([scan.page()], scan))


def test_a_photograph_over_the_whole_page_is_a_figure(load) -> None:
    scan = Scan().photograph(0, 0, WIDTH, HEIGHT).text(72, 80, "Greetings from the harbour")
    (figure,) = load([scan.page()], scan)
    assert figure.metadata["modality"] == "figure"
    assert box(figure) == pytest.approx([0, 0, WIDTH, HEIGHT], abs=1)


def test_figures_are_cut_out_of_a_scan_that_has_a_text_layer(load) -> None:
    scan = Scan().prose(72, 80, *PROSE, *PROSE).photograph(120, 250, 300, 200)
    page = scan.page()
    page.draw("3 Tr")
    for k, line in enumerate((*PROSE, *PROSE)):
        page.text(72, HEIGHT - 90 - 13 * k, line)
    documents = load([page])
    (figure,) = of("figure", documents)
    assert box(figure) == pytest.approx([120, 250, 420, 450], abs=4)
    assert of("text", documents)[0].page_content == " ".join((*PROSE, *PROSE))


def test_a_scan_in_strips_is_read_as_one_page(load) -> None:
    scan = Scan().prose(72, 80, *PROSE, *PROSE).photograph(120, 250, 300, 200)
    page, height = Page(), scan.image.height // 3
    for k in range(3):
        strip = scan.image.crop((0, k * height, scan.image.width, (k + 1) * height))
        page.picture(0, HEIGHT * (2 - k) / 3, WIDTH, HEIGHT / 3, strip)
    documents = load([page], scan)
    (figure,) = of("figure", documents)
    assert box(figure) == pytest.approx([120, 250, 420, 450], abs=4)


def test_a_dim_scan_is_paper_too(load) -> None:
    scan = Scan().prose(72, 80, *PROSE, *PROSE).photograph(120, 250, 300, 200)
    grain = np.random.default_rng(3).normal(0, 4, (scan.image.height, scan.image.width, 1))
    dim = np.clip(np.asarray(scan.image) * 0.75 + 20 + grain, 0, 255).astype(np.uint8)
    scan.image = Image.fromarray(dim)
    documents = load([scan.page()], scan)
    (figure,) = of("figure", documents)
    assert box(figure) == pytest.approx([120, 250, 420, 450], abs=5)
