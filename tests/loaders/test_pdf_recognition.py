"""Pages that OCR reads: as text like any other, once, in threads, and only where needed."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from langchain_core.documents import Document
from PIL import Image

from loaders.captioning.describer import FigureDescriber
from loaders.captioning.ocr import OcrReader
from loaders.captioning.text_line import TextLine
from loaders.errors import PartMissing
from loaders.media import MediaStore
from loaders.pdf import PdfLoader
from loaders.pdf.page import Frame
from loaders.pdf.recognition import read_pages, text_layer
from tests.loaders.pdfs import HEIGHT, WIDTH, Page, write_pdf
from tests.loaders.reading import CORPUS, with_corpus
from tests.loaders.scans import DOTS_PER_POINT, KnowingReader, Scan

RIVER = (
    "The gauges along the river were read every morning at seven, and",
    "the levels were sent to the harbour by telegraph before noon, so",
    "that the pilots knew how much water they would find at the bar.",
)
FOREST = (
    "Every tenth tree of the forest was counted in the winter of 1904,",
    "and the count was repeated after the storm of the following year.",
)
ORCHARD = (
    "Apples of forty kinds grow in the orchard behind the old school,",
    "and the keeper writes down in a book when each of them blossoms.",
)
FRAME = Frame(WIDTH, HEIGHT, 0.0, 0.0, 0)


def loader(path: Path, reader: object) -> PdfLoader:
    media = MediaStore(path.parent / "media")
    return PdfLoader(path, media=media, describer=FigureDescriber(media, reader=reader))  # type: ignore[arg-type]


def scanned(path: Path, *scans: Scan) -> Path:
    return write_pdf(path, [scan.page() for scan in scans])


def texts(documents: Sequence[Document]) -> list[str]:
    return [d.page_content for d in documents if d.metadata["modality"] == "text"]


def test_a_scan_comes_as_paragraphs_under_its_headings(tmp_path: Path) -> None:
    scan = Scan().text(72, 70, "Water levels", size=16).prose(72, 110, *RIVER)
    documents = loader(scanned(tmp_path / "a.pdf", scan), KnowingReader([scan])).load()
    assert texts(documents) == ["Water levels\n" + " ".join(RIVER)]
    assert documents[0].metadata["section"] == "Water levels"
    x0, y0, x1, y1 = documents[0].metadata["bbox"]
    assert (x0 * WIDTH, y0 * HEIGHT) == pytest.approx((72, 111), abs=4)
    right = max(line.corners[1][0] for line in scan.lines) / DOTS_PER_POINT
    assert (x1 * WIDTH, y1 * HEIGHT) == pytest.approx((right, 110 + 3 * 13), abs=4)


def test_a_scan_of_text_is_no_figure(tmp_path: Path) -> None:
    scan = Scan().prose(72, 110, *RIVER)
    documents = loader(scanned(tmp_path / "a.pdf", scan), KnowingReader([scan])).load()
    assert {d.metadata["modality"] for d in documents} == {"text"}


def test_bold_lines_of_a_scan_are_headings(tmp_path: Path) -> None:
    scan = Scan().text(72, 70, "Water levels", weight=1).prose(72, 90, *RIVER)
    documents = loader(scanned(tmp_path / "a.pdf", scan), KnowingReader([scan])).load()
    assert documents[0].metadata.get("section") == "Water levels"


def test_columns_of_a_scan_are_read_one_after_the_other(tmp_path: Path) -> None:
    left = [line[:36] for line in RIVER * 2]
    right = [line[:36] for line in FOREST * 3]
    scan = Scan().prose(72, 100, *left).prose(330, 103, *right)
    (text,) = texts(loader(scanned(tmp_path / "a.pdf", scan), KnowingReader([scan])).load())
    assert text.index(left[-1]) < text.index(right[0])


def test_running_headers_of_scans_are_left_out(tmp_path: Path) -> None:
    scans = [
        Scan().text(72, 30, "Report of the harbour").prose(72, 100 + 9 * k, *RIVER)
        for k in range(5)
    ]
    documents = loader(scanned(tmp_path / "a.pdf", *scans), KnowingReader(scans)).load()
    assert len(texts(documents)) == 5
    assert not any("Report of the harbour" in text for text in texts(documents))


def test_pages_are_read_once_each_and_side_by_side(tmp_path: Path) -> None:
    scans = [Scan().prose(72, 100 + 9 * k, *RIVER) for k in range(70)]
    reader = KnowingReader(scans)
    path = scanned(tmp_path / "a.pdf", *scans)
    assert len(texts(loader(path, reader).load())) == 70
    assert reader.n_read == 70
    assert len(reader.threads) == 2


def test_a_document_read_again_costs_no_ocr(tmp_path: Path) -> None:
    scans = [Scan().prose(72, 100, *RIVER), Scan().prose(72, 100, *FOREST)]
    reader = KnowingReader(scans)
    path = scanned(tmp_path / "a.pdf", *scans)
    first = loader(path, reader).load()
    again = loader(path, reader).load()
    assert reader.n_read == 2
    assert texts(again) == texts(first)
    assert [d.metadata for d in again] == [d.metadata for d in first]


def test_only_changed_pages_are_read_again_and_lost_ones_forgotten(tmp_path: Path) -> None:
    old, kept, new = (Scan().prose(72, 100, *lines) for lines in (RIVER, FOREST, ORCHARD))
    reader = KnowingReader([old, kept, new])
    path = scanned(tmp_path / "a.pdf", old, kept)
    loader(path, reader).load()
    scanned(path, kept, new)
    assert [t[:10] for t in texts(loader(path, reader).load())] == [FOREST[0][:10], ORCHARD[0][:10]]
    assert reader.n_read == 3
    assert len(list((tmp_path / "media" / "pages").rglob("*.json"))) == 2


def test_another_reader_reads_all_again(tmp_path: Path) -> None:
    scan = Scan().prose(72, 100, *RIVER)
    path = scanned(tmp_path / "a.pdf", scan)
    loader(path, KnowingReader([scan])).load()
    better = KnowingReader([scan], fingerprint="knowing:2")
    loader(path, better).load()
    assert better.n_read == 1


def test_a_page_with_text_is_not_read_by_ocr(tmp_path: Path) -> None:
    reader = KnowingReader([])
    path = write_pdf(tmp_path / "a.pdf", [Page().lines(72, 700, *RIVER), Page()])
    assert texts(loader(path, reader).load()) == [" ".join(RIVER)]
    assert reader.n_read == 0


def test_a_stamp_on_a_scan_does_not_hide_its_text(tmp_path: Path) -> None:
    scan = Scan().prose(72, 110, *RIVER)
    page = scan.page().text(72, 20, "Received by the archive, no. 000123")
    path = write_pdf(tmp_path / "a.pdf", [page])
    (text,) = texts(loader(path, KnowingReader([scan])).load())
    assert " ".join(RIVER) in text


def test_a_broken_text_layer_gives_way_to_what_is_seen(tmp_path: Path) -> None:
    scan = Scan().prose(72, 110, *RIVER, *FOREST)
    broken = [line.translate({97 + k: 68 + k for k in range(26)}) for line in RIVER + FOREST]
    page = scan.page().lines(72, 700, *broken)
    path = write_pdf(tmp_path / "a.pdf", [page])
    assert texts(loader(path, KnowingReader([scan])).load()) == [" ".join(RIVER + FOREST)]


class Failing(KnowingReader):
    """Fails on the page that has the first scan."""

    def read_lines(self, image: Image.Image) -> list[TextLine]:
        found = super().read_lines(image)
        if found is self.scans[0].lines:
            raise RuntimeError("out of memory")
        return found


def test_what_ocr_does_on_one_page_leaves_the_others_alone(tmp_path: Path) -> None:
    scans = [Scan().prose(72, 100, *lines) for lines in (RIVER, FOREST)]
    reading = loader(scanned(tmp_path / "a.pdf", *scans), Failing(scans))
    documents = reading.load()
    assert texts(documents) == [" ".join(FOREST)]
    assert [d.metadata["page"] for d in documents if d.metadata["modality"] == "figure"] == [1]
    (skipped,) = reading.skipped
    assert skipped.what == "The text of page 1"
    assert "out of memory" in skipped.reason


class Absent(KnowingReader):
    def read_lines(self, image: Image.Image) -> list[TextLine]:
        raise PartMissing("Text in pictures is not read. Run: pip install rapidocr")


def test_without_ocr_pages_are_kept_as_figures_and_that_is_told_once(tmp_path: Path) -> None:
    scans = [Scan().prose(72, 100 + 20 * k, *RIVER) for k in range(6)]
    reading = loader(scanned(tmp_path / "a.pdf", *scans), Absent(scans))
    assert [d.metadata["modality"] for d in reading.load()] == ["figure"] * 6
    (skipped,) = reading.skipped
    assert "pip install rapidocr" in skipped.reason


def test_a_row_of_a_table_is_cut_at_its_gaps() -> None:
    scan = Scan().text(72, 100, "Norfolk").text(250, 100, "1 204").text(400, 100, "17.5")
    first, *_, last = scan.lines
    joined = (first.corners[0], last.corners[1], last.corners[2], first.corners[3])
    layer = text_layer([TextLine("Norfolk 1 204 17.5", joined, 0.9)], scan.image, FRAME)
    assert [s.text for s in layer.main] == ["Norfolk", "1 204", "17.5"]
    assert [s.box.x0 for s in layer.main] == pytest.approx([72, 250, 400], abs=3)
    assert [len(s.stops) for s in layer.main] == [1, 2, 1]


def test_sizes_are_those_of_type_and_alike_for_lines_alike() -> None:
    scan = Scan().text(72, 60, "Water levels", size=20).prose(72, 110, *RIVER, size=10)
    title, *body = text_layer(scan.lines, scan.image, FRAME).main
    assert {s.size for s in body} == {body[0].size}
    assert title.size / body[0].size == pytest.approx(2, rel=0.1)
    assert body[0].size == pytest.approx(10, rel=0.25)


def test_what_is_only_guessed_is_no_text() -> None:
    scan = Scan().text(72, 100, "Norfolk")
    unsure = [TextLine(line.text, line.corners, 0.3) for line in scan.lines]
    assert text_layer(unsure, scan.image, FRAME).n_chars == 0


@pytest.fixture(scope="session")
def ocr() -> OcrReader:
    return OcrReader()


@pytest.mark.real
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_ocr_reads_a_page_whichever_way_it_lies(ocr: OcrReader, turns: int, tmp_path: Path) -> None:
    scan = Scan().prose(72, 110, *RIVER, *FOREST, *ORCHARD, size=11)
    lying = Page("/Rotate 0").picture(
        0, 0, WIDTH, HEIGHT, scan.image.rotate(-90 * turns, expand=True)
    )
    if turns % 2:
        # As many points as the sheet has when it lies on its side.
        lying.content[-1] = f"q {HEIGHT} 0 0 {WIDTH} 0 0 cm /Im0 Do Q"
        lying.extra = f"/MediaBox[0 0 {HEIGHT} {WIDTH}]"
    (text,) = texts(loader(write_pdf(tmp_path / "a.pdf", [lying]), ocr).load())
    found, written = text.split(), " ".join((*RIVER, *FOREST, *ORCHARD)).split()
    assert found[:3] == written[:3]
    assert len(set(found) & set(written)) > 0.97 * len(set(written))


@pytest.mark.real
def test_ocr_bears_a_page_that_lies_askew(ocr: OcrReader, tmp_path: Path) -> None:
    scan = Scan().prose(72, 110, *RIVER, *FOREST, size=11)
    scan.image = scan.image.rotate(1.5, fillcolor="white", resample=Image.Resampling.BICUBIC)
    (text,) = texts(loader(scanned(tmp_path / "a.pdf", scan), ocr).load())
    found, written = text.split(), " ".join((*RIVER, *FOREST)).split()
    assert len(set(found) & set(written)) > 0.97 * len(set(written))


@pytest.mark.real
def test_ocr_tells_turned_text_by_its_corners(ocr: OcrReader) -> None:
    scan = Scan().text(100, 100, "Depth in metres", size=14)
    label = scan.image.crop((180, 190, 460, 260))
    picture = Image.new("RGB", (500, 500), "white")
    picture.paste(label.rotate(90, expand=True), (20, 100))
    (line,) = ocr.read_lines(picture)
    assert (line.text, line.turns) == ("Depth in metres", 3)


@with_corpus
@pytest.mark.real
def test_pages_of_a_scanned_document_are_read_in_order(ocr: OcrReader) -> None:
    import pypdfium2

    document = pypdfium2.PdfDocument(CORPUS / "docs" / "ocr_test.pdf")
    (lines,) = read_pages(document, ocr)
    document.close()
    assert "Docling bundles PDF document conversion to" in [line.text for line in lines]
