"""Measures reading PDFs, side by side with other libraries: `make bench-pdf`.

Three tables: text with layout, pictures, and OCR of scans. Each candidate reads the
same files in a process of its own, after its imports; a file that it cannot read is
counted, not left out of the others. Then a book of 1,600 pages, for the memory.
Leaves out whether the text is right: that is `make quality`.

The other libraries are those of tests/bench_pdf.txt.
"""

from __future__ import annotations

import hashlib
import re
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.side_by_side import COMPARED, corpus, kept, measured, say, tell

MODULE = "tests.bench_pdf"
CORPUS = corpus()
SCANS = {"ocr_test.pdf": (1,), "usbr_ea_06_54_san_joaquin_excerpt.pdf": (2, 3, 4, 5)}
"""Page numbers of scans without a text layer; LangChain's way takes half a minute for each."""
SCAN_DPI = 200
BOOK_PAGES, BOOK_EARLY = 1_600, 200

Found = dict[str, Any]


# Candidates: each reads one file and says how many pages, characters and pictures it found.


def limner(path: Path, max_figures: int = 0) -> Found:
    """Headings, paragraphs, tables and boxes, in chunks; figures are found but not drawn."""
    from loaders.captioning.describer import FigureDescriber
    from loaders.errors import EmptyDocument
    from loaders.limits import Limits
    from loaders.media import MediaStore
    from loaders.pdf import PdfLoader

    with tempfile.TemporaryDirectory() as folder:
        media = MediaStore(Path(folder))
        limits = Limits(max_figures=max_figures)
        loader = PdfLoader(path, media=media, describer=FigureDescriber(media), limits=limits)
        documents = []
        with suppress(EmptyDocument):  # a scan has no text
            documents = loader.load()
    keys = [d.metadata["image_key"] for d in documents if d.metadata["modality"] == "figure"]
    texts = [d.page_content for d in documents if d.metadata["modality"] != "figure"]
    return _found(loader.n_pages or 0, texts, keys)


def limner_pictures(path: Path) -> Found:
    """The same with figures and tables drawn and stored, but not described."""
    return limner(path, max_figures=100_000)


def pypdfium2(path: Path) -> Found:
    from pypdfium2 import PdfDocument

    with PdfDocument(path) as document:
        return _found(len(document), [page.get_textpage().get_text_bounded() for page in document])


def pypdf_loader(path: Path) -> Found:
    from langchain_community.document_loaders import PyPDFLoader

    documents = PyPDFLoader(str(path)).load()
    return _found(len(documents), [d.page_content for d in documents])


def pdfplumber(path: Path) -> Found:
    import pdfplumber

    with pdfplumber.open(path) as document:
        texts = []
        for page in document.pages:
            texts.append(page.extract_text())
            page.close()
        return _found(len(document.pages), texts)


def markitdown(path: Path) -> Found:
    from markitdown import MarkItDown

    return _found(_n_pages(path), [MarkItDown().convert(path).text_content])


def unstructured(path: Path) -> Found:
    from unstructured.partition.pdf import partition_pdf

    elements = partition_pdf(str(path), strategy="fast", languages=["eng"])
    return _found(_n_pages(path), [str(element) for element in elements])


def unstructured_stand_ins(path: Path) -> Found:
    """With stand-ins for NLTK's models, where these cannot be fetched: faster than with them."""
    from unstructured.partition import text_type

    text_type.sent_tokenize = lambda text: re.split(r"(?<=[.!?])\s+", text)
    text_type.word_tokenize = str.split
    text_type.pos_tag = lambda text: [(word, "VB") for word in text.split()]
    return unstructured(path)


def pypdf_loader_pictures(path: Path) -> Found:
    """Every picture that PyPDFLoader's extract_images gives to its parser."""
    from langchain_community.document_loaders import PyPDFLoader
    from langchain_community.document_loaders.parsers.images import BaseImageBlobParser

    keys: list[str] = []

    class Counting(BaseImageBlobParser):  # type: ignore[misc]
        def _analyze_image(self, img: Any) -> str:
            keys.append(hashlib.sha256(img.tobytes()).hexdigest())
            return ""

    documents = PyPDFLoader(str(path), extract_images=True, images_parser=Counting()).load()
    return _found(len(documents), [], keys)


def limner_ocr(path: Path) -> Found:
    """As pages without a text layer are read when a document is loaded."""
    from pypdfium2 import PdfDocument

    from loaders.captioning.ocr import OcrReader
    from loaders.pdf.recognition import read_pages

    reader = kept("limner_ocr", OcrReader)
    with PdfDocument(path) as document:
        pages = list(read_pages(document, reader))
    return _found(len(pages), [line.text for lines in pages for line in lines])


def plain_ocr(path: Path) -> Found:
    import numpy as np
    from pypdfium2 import PdfDocument
    from rapidocr import RapidOCR

    engine = kept("plain_ocr", RapidOCR)
    texts = []
    with PdfDocument(path) as document:
        for page in document:
            found = engine(np.asarray(page.render(scale=150 / 72).to_pil().convert("RGB")))
            texts.append("\n".join(found.txts or ()))
    return _found(len(texts), texts)


def langchain_ocr(path: Path) -> Found:
    from langchain_community.document_loaders import PyPDFLoader
    from langchain_community.document_loaders.parsers import RapidOCRBlobParser

    documents = PyPDFLoader(
        str(path), extract_images=True, images_parser=RapidOCRBlobParser()
    ).load()
    return _found(len(documents), [d.page_content for d in documents])


CANDIDATES: dict[str, tuple[Callable[[Path], Found], str, str]] = {
    "limner, layout and tables": (limner, sys.executable, "pypdfium2"),
    "limner, and pictures drawn": (limner_pictures, sys.executable, "pypdfium2"),
    "pypdfium2, raw text": (pypdfium2, sys.executable, "pypdfium2"),
    "PyPDFLoader": (pypdf_loader, COMPARED, "pypdf"),
    "pdfplumber": (pdfplumber, COMPARED, "pdfplumber"),
    "markitdown": (markitdown, COMPARED, "markitdown"),
    "unstructured, fast": (unstructured, COMPARED, "unstructured"),
    "unstructured, fast, stand-ins": (unstructured_stand_ins, COMPARED, "unstructured"),
    "PyPDFLoader, extract_images": (pypdf_loader_pictures, COMPARED, "pypdf"),
    "limner, OCR": (limner_ocr, sys.executable, "rapidocr"),
    "RapidOCR(), page by page": (plain_ocr, sys.executable, "rapidocr"),
    "PyPDFLoader, RapidOCRBlobParser": (langchain_ocr, COMPARED, "rapidocr"),
}
TEXT = list(CANDIDATES)[:7]
PICTURES = ["limner, and pictures drawn", "PyPDFLoader, extract_images"]
OCR = list(CANDIDATES)[9:]


def _found(n_pages: int, texts: list[str], keys: list[str] | None = None) -> Found:
    text = "\n".join(texts)
    return {
        "pages": n_pages,
        "chars": len(re.sub(r"\s+", "", text)),
        "words": re.findall(r"\w+", text.lower()),
        "pictures": len(keys or []),
        "distinct": len(set(keys or [])),
    }


def _n_pages(path: Path) -> int:
    from pypdf import PdfReader

    return len(PdfReader(path).pages)


# In the child


def run(name: str, paths: list[str]) -> None:
    """Read the files, and write what came of it as a line of JSON."""
    warnings.simplefilter("ignore")
    read, _, package = CANDIDATES[name]
    read_warmly(read, paths[0])
    total: Found = {"pages": 0, "chars": 0, "pictures": 0, "distinct": 0, "failed": []}
    words: list[str] = []
    total["rates"] = {}
    for path in paths:
        start = time.perf_counter()
        try:
            found = read(Path(path))
        except Exception as error:  # noqa: BLE001 - whatever another library raises
            total["failed"].append(f"{Path(path).name}: {type(error).__name__}")
            continue
        total["rates"][path] = found["pages"], time.perf_counter() - start
        words += found.pop("words")
        for key, value in found.items():
            total[key] += value
    total["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    total["version"] = f"{package} {version(package)}"
    total["words"] = words
    tell(total)


def read_warmly(read: Callable[[Path], Found], path: str) -> None:
    """Read a file once, so that imports and the loading of models are not measured."""
    try:
        read(Path(path))
    except Exception:  # noqa: BLE001 - counted when it is read again
        return


def run_book(path: str) -> None:
    """Read a long book and write the memory resident after some and after all pages."""
    from loaders.captioning.describer import FigureDescriber
    from loaders.media import MediaStore
    from loaders.pdf import PdfLoader

    with tempfile.TemporaryDirectory() as folder:
        media = MediaStore(Path(folder))
        loader = PdfLoader(path, media=media, describer=FigureDescriber(media))
        sizes: list[float] = []
        elements = loader._elements

        def watched(file: Any) -> Iterator[Any]:
            for element in elements(file):
                if not sizes and getattr(element, "page", 0) == BOOK_EARLY + 1:
                    sizes.append(_resident_mib())
                yield element

        loader._elements = watched  # type: ignore[method-assign]
        start = time.perf_counter()
        n_documents = sum(1 for _ in loader.lazy_load())
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    tell([n_documents, seconds, sizes[0], _resident_mib(), peak])


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


# In the parent


def row(name: str, found: Any, *columns: str) -> None:
    if isinstance(found, str):
        say(f"{name:<34} {found}")
        return
    say(f"{name:<34} {' '.join(f'{column:>10}' for column in columns)}  {found['version']}")
    for failed in found["failed"]:
        say(f"{'':<34}   could not read {failed}")


def compare_text(paths: list[str]) -> dict[str, Any]:
    say(f"Text of {len(paths)} files")
    say(f"{'':<34} {'pages/s':>10} {'peak MiB':>10} {'pages':>10} {'characters':>10}")
    results = {}
    for name in TEXT:
        found = measured(CANDIDATES[name][1], MODULE, "run", name, *paths)
        if name == "unstructured, fast" and not isinstance(found, str) and not found["chars"]:
            row(name, "gives no text without NLTK's models, which it fetches from the network")
            name = "unstructured, fast, stand-ins"
            found = measured(CANDIDATES[name][1], MODULE, "run", name, *paths)
        results[name] = found
        columns = [] if isinstance(found, str) else _text_columns(found)
        row(name, found, *columns)
    ours, theirs = results[TEXT[0]], results["PyPDFLoader"]
    if not isinstance(ours, str) and not isinstance(theirs, str):
        both = set(ours["rates"]) & set(theirs["rates"])
        times = _rate(ours, both) / _rate(theirs, both)
        say(f"limner reads {times:.1f} times the pages/s of PyPDFLoader, in files that both read")
    return results


def _text_columns(found: Found) -> list[str]:
    return [
        f"{_rate(found):.1f}",
        f"{found['peak_mib']:.0f}",
        f"{found['pages']:,}",
        f"{found['chars']:,}",
    ]


def _rate(found: Found, files: Collection[str] | None = None) -> float:
    """Pages a second in the files, all that were read when None."""
    rates = [rate for path, rate in found["rates"].items() if files is None or path in files]
    return float(sum(n for n, _ in rates) / sum(seconds for _, seconds in rates))


def compare_pictures(paths: list[str], read: dict[str, Any]) -> None:
    say(f"\nPictures in {len(paths)} files")
    say(f"{'':<34} {'given':>10} {'distinct':>10} {'peak MiB':>10}")
    for name in PICTURES:
        found = read.get(name) or measured(CANDIDATES[name][1], MODULE, "run", name, *paths)
        columns = []
        if not isinstance(found, str):
            columns = [f"{found[key]:,}" for key in ("pictures", "distinct")]
            columns.append(f"{found['peak_mib']:.0f}")
        row(name, found, *columns)


def compare_ocr(scans: Path) -> None:
    where = "; ".join(f"{name} {', '.join(map(str, pages))}" for name, pages in SCANS.items())
    say(f"\nOCR of scanned pages, photographed at {SCAN_DPI} dpi: {where}")
    say(f"{'':<34} {'pages/s':>10} {'peak MiB':>10} {'words':>10} {'as plain':>10}")
    results = {name: measured(CANDIDATES[name][1], MODULE, "run", name, str(scans)) for name in OCR}
    plain = results["RapidOCR(), page by page"]
    for name, found in results.items():
        columns = []
        if not isinstance(found, str):
            same = "" if isinstance(plain, str) else f"{_f1(found['words'], plain['words']):.3f}"
            columns = [f"{_rate(found):.2f}", f"{found['peak_mib']:.0f}"]
            columns += [f"{len(found['words']):,}", same]
        row(name, found, *columns)
    say("as plain: F1 of the words with those of the plain loop")


def _f1(words: list[str], others: list[str]) -> float:
    from collections import Counter

    common = (Counter(words) & Counter(others)).total()
    return 2 * common / max(1, len(words) + len(others))


def write_scans(paths: list[str], folder: Path) -> Path | None:
    """The pages to be read by OCR, as one file with a photograph of each at 200 dpi.

    PyPDFLoader cannot read the pictures of these scans as they are: they have one bit a dot.
    """
    from pypdfium2 import PdfDocument

    images = []
    for path in map(Path, paths):
        for number in SCANS.get(path.name, ()):
            with PdfDocument(path) as document:
                page = document[number - 1].render(scale=SCAN_DPI / 72)
                images.append(page.to_pil().convert("RGB"))
    if not images:
        return None
    target = folder / "scans.pdf"
    first, *rest = images
    first.save(target, "PDF", save_all=True, append_images=rest, resolution=SCAN_DPI, quality=90)
    return target


def measure_book(folder: Path) -> None:
    from tests.loaders.pdfs import write_book

    book = write_book(folder / "book.pdf", BOOK_PAGES)
    say(f"\nA book of {BOOK_PAGES:,} pages, {book.stat().st_size / 2**20:.0f} MiB")
    found = measured(sys.executable, MODULE, "book", str(book))
    if isinstance(found, str):
        say(found)
        return
    n_documents, seconds, early, late, peak = found
    say(
        f"{n_documents:,} Documents, {BOOK_PAGES / seconds:.0f} pages/s; resident after page "
        f"{BOOK_EARLY} {early:.0f} MiB, after all {late:.0f} MiB, at most {peak:.0f} MiB"
    )


def readable(path: Path) -> bool:
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        PdfDocument(path).close()
    except PdfiumError:
        return False
    return True


def main() -> None:
    """Compare on the corpus's PDFs that open without a password."""
    folders = [CORPUS / "docs", CORPUS / "qa" / "corpus", CORPUS]
    paths = [str(p) for f in folders for p in sorted(f.glob("*.pdf")) if readable(p)]
    if not paths:
        sys.exit(f"There are no PDFs in {CORPUS}. Choose a folder: make bench-pdf CORPUS=folder")
    results = compare_text(paths)
    compare_pictures(paths, results)
    with tempfile.TemporaryDirectory() as name:
        if scans := write_scans(paths, Path(name)):
            compare_ocr(scans)
        measure_book(Path(name))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["run", name, *paths]:
            run(name, paths)
        case ["book", path]:
            run_book(path)
        case _:
            main()
