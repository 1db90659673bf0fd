"""PDF: the memory that a long one takes does not grow with its pages."""

import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from tests.loaders.pdfs import Page, stream, write_book, write_pdf

N_PAGES, N_PAGES_EARLY = 300, 75
READER = """
import sys, resource
from pathlib import Path
from loaders.captioning.describer import FigureDescriber
from loaders.media import MediaStore
from loaders.pdf import PdfLoader

media = MediaStore(Path(sys.argv[2]))
loader = PdfLoader(sys.argv[1], media=media, describer=FigureDescriber(media))
pages, early = 0, int(sys.argv[3])

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20

read = loader._elements
def watched(file):
    for element in read(file):
        if getattr(element, "page", None) == early + 1 and not seen:
            seen.append(resident_mib())
        yield element

seen = []
loader._elements = watched
n_figures = sum(d.metadata["modality"] == "figure" for d in loader.lazy_load())
print(n_figures, seen[0], resident_mib())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_the_memory_that_a_book_takes_does_not_grow_with_its_pages(tmp_path: Path) -> None:
    book = write_book(tmp_path / "book.pdf", N_PAGES)
    arguments = [str(book), str(tmp_path / "media"), str(N_PAGES_EARLY)]
    result = subprocess.run(
        [sys.executable, "-c", READER, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    n_figures, early_mib, late_mib = map(float, result.stdout.split())
    assert n_figures == N_PAGES
    assert late_mib < 1.1 * early_mib
    assert late_mib < 400


PEAK = """
import sys
from loaders.captioning.describer import FigureDescriber
from loaders.media import MediaStore
from loaders.pdf import PdfLoader
from tests.loaders.damaged import peak_mib

media = MediaStore(sys.argv[2])
loader = PdfLoader(sys.argv[1], media=media, describer=FigureDescriber(media))
n_figures = sum(d.metadata["modality"] == "figure" for d in loader.lazy_load())
print(n_figures, peak_mib())
"""
N_PICTURES, PICTURE_SIDE = 49, 1_500


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_a_page_of_many_large_pictures_holds_few_of_them_at_once(tmp_path: Path) -> None:
    side = PICTURE_SIDE
    page = Page(media_box="0 0 4300 4300")
    named = {}
    for k in range(N_PICTURES):
        row = b"\xff\0\0" * (side // 2) + bytes([0, 0, k]) * (side // 2)
        entries = f"/Type/XObject/Subtype/Image/Width {side}/Height {side}/ColorSpace/DeviceRGB"
        packed = zlib.compress(row * side, 1)
        named[f"i{k}"] = stream(f"{entries}/BitsPerComponent 8/Filter/FlateDecode", packed)
        page.forms += f"/I{k} @i{k}@ "
        page.draw(f"q 400 0 0 400 {50 + 600 * (k % 7)} {50 + 600 * (k // 7)} cm /I{k} Do Q")
    path = write_pdf(tmp_path / "wall.pdf", [page], named=named)
    result = subprocess.run(
        [sys.executable, "-c", PEAK, str(path), str(tmp_path / "media")],
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    n_figures, peak_mib = map(float, result.stdout.split())
    assert n_figures == N_PICTURES
    assert peak_mib < 340
