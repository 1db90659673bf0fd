"""Measures which figures and tables of PDFs are found: `python -m tests.quality_pdf`.

Compares the boxes of the Documents that PdfLoader gives with boxes that a person drew, and
draws what is missing or too much on its page. Pictures are not described, which changes no
box. Leaves out retrieval: that is `limner evaluate`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from assistant.gold_boxes import GoldBox, Pages, covers
from loaders.captioning.describer import FigureDescriber
from loaders.captioning.ocr import OcrReader
from loaders.limits import DEFAULT_LIMITS
from loaders.media import MediaStore
from loaders.pdf import PdfLoader
from loaders.pdf.document import PDFIUM, open_page, open_pdf
from loaders.pdf.overlay import COLOURS, Mark, draw_page
from loaders.pdf.page import Box, Frame
from loaders.source import open_source
from tests.loaders.pdf_pages import FIGURES, TABLES, WITHOUT_FIGURES

ROOT = Path(__file__).parents[1]
CORPUS = ROOT.parent / "shared" / "corpus"
MISSES = ROOT / "build" / "pdf-misses"
KINDS = {"chart": "figure", "figure": "figure", "table": "table"}
"""Modality of a question → what of ours must cover its box."""
GOALS = {"figure": 0.85, "table": 0.75}
MAX_FALSE = 3
"""False figures on the pages without any; there must be fewer."""
GOLD_COLOUR = "#059669"


@dataclass(frozen=True, slots=True)
class Gold:
    """A box that a person drew, once however many questions name it."""

    doc: str
    page: int
    box: Box
    modality: str
    questions: tuple[str, ...]

    @property
    def kind(self) -> str:
        return KINDS[self.modality]


@dataclass(frozen=True, slots=True)
class Found:
    """A figure or table of ours. box: points on the page as displayed."""

    page: int
    box: Box
    kind: str
    caption: str


def read_gold(questions: Path) -> list[Gold]:
    """The boxes of a question file; one asked about as figure and as table counts for each."""
    named: dict[tuple[str, str, str], list[str]] = {}
    for row in map(json.loads, questions.read_text("utf-8").splitlines()):
        for image in row.get("image") or []:
            if row["modality"] in KINDS:
                named.setdefault((row["doc"], image, row["modality"]), []).append(row["id"])
    boxes = {image: GoldBox.parsed(image) for _, image, _ in named}
    return [
        Gold(doc, box.page, box.box, modality, tuple(ids))
        for (doc, image, modality), ids in named.items()
        if (box := boxes[image])
    ]


class PageDescriber(FigureDescriber):
    """Has pages read by OCR, and figures left undescribed: that would change no box."""

    def describe(self, *_: object, **__: object) -> dict[str, dict[str, str]]:
        return {}


def read_found(path: Path) -> list[Found]:
    """The figures and tables that PdfLoader finds, each box once."""
    found: dict[Found, None] = {}
    pages = Pages()
    with tempfile.TemporaryDirectory() as folder:
        media = MediaStore(folder)
        # Scanned pages are read by OCR, which shows their figures and tables.
        describer = PageDescriber(media, reader=OcrReader())
        for document in PdfLoader(path, media=media, describer=describer).load():
            about = document.metadata
            if about["modality"] in GOALS and (box := pages.box(document)):
                caption = " ".join(about.get("caption", "").split())
                # A long table is several Documents with one box.
                found[Found(about["page"], box, about["modality"], caption)] = None
    return list(found)


class Readings:
    """What PdfLoader finds in each document, read when it is first asked for."""

    def __init__(self, folders: Sequence[Path], progress: IO[str] | None = None) -> None:
        self._folders = folders
        self._progress = progress
        self._found: dict[str, list[Found]] = {}

    def has(self, doc: str) -> bool:
        return any((folder / doc).is_file() for folder in self._folders)

    def path(self, doc: str) -> Path:
        return next(f / doc for f in self._folders if (f / doc).is_file())

    def of(self, doc: str, page: int, kind: str) -> list[Found]:
        """The figures or the tables on a page."""
        if doc not in self._found:
            if self._progress:
                self._progress.write(f"Reading {doc}\n")
                self._progress.flush()
            self._found[doc] = read_found(self.path(doc))
        return [f for f in self._found[doc] if (f.page, f.kind) == (page, kind)]


def is_covered(gold: Gold, readings: Readings, kind: str) -> bool:
    """Whether a figure or a table of ours covers the box."""
    return any(covers(f.box, gold.box) for f in readings.of(gold.doc, gold.page, kind))


def report_gold(golds: Sequence[Gold], readings: Readings) -> Iterator[str]:
    """Lines on the gold boxes of questions."""
    covered = {gold: is_covered(gold, readings, gold.kind) for gold in golds}
    yield "Gold boxes of the questions that a figure or table of ours covers, each box once:"
    yield f"  {'':<56}" + "".join(f"{m:>10}" for m in KINDS)
    for doc in (*sorted({gold.doc for gold in golds}), "all"):
        cells = []
        for modality in KINDS:
            hits = [
                ok for g, ok in covered.items() if doc in (g.doc, "all") and g.modality == modality
            ]
            cells.append(f"{sum(hits)}/{len(hits)}" if hits else "")
        yield f"  {doc:<56}" + "".join(f"{cell:>10}" for cell in cells)
    for kind, goal in GOALS.items():
        # A box asked about as a chart and as a figure is one.
        boxes = {(g.doc, g.page, g.box): g for g in golds if g.kind == kind}
        missed = [g for g in boxes.values() if not covered[g]]
        other = "table" if kind == "figure" else "figure"
        n_as_other = sum(is_covered(g, readings, other) for g in missed)
        name = "chart and figure boxes" if kind == "figure" else "table boxes"
        yield (
            f"  {name}: {_share(len(boxes) - len(missed), len(boxes))} (goal {goal:.0%}); "
            f"{n_as_other} of the misses are a {other} of ours"
        )


def report_pages(readings: Readings, part: str) -> Iterator[str]:
    """Lines on the pages that a person looked at. part: of the names of the documents."""
    without = [(doc, p) for doc, pages in WITHOUT_FIGURES.items() for p in pages if part in doc]
    false = false_figures(readings, without)
    yield (
        f"{len(without)} pages without figures: {len(false)} false figures"
        f" (goal fewer than {MAX_FALSE}){_places(false, 'false')}"
    )
    pages = {place: sides for place, sides in FIGURES.items() if part in place[0]}
    missed, wrong, n_true = [], [], 0
    for (doc, page), sides in pages.items():
        boxes, ours = [Box(*s) for s in sides], readings.of(doc, page, "figure")
        n_true += len(boxes)
        missed += [(doc, page) for b in boxes if not any(covers(o.box, b) for o in ours)]
        wrong += [(doc, page) for o in ours if not any(covers(o.box, b) for b in boxes)]
    yield (
        f"{len(pages)} other pages with figures: "
        f"{_share(n_true - len(missed), n_true)} found; {len(wrong)} wrong"
        f"{_places(missed, 'missed')}{_places(wrong, 'wrong')}"
    )
    rows = [(doc, p, *n) for doc, ns in TABLES.items() for p, n in ns.items() if part in doc]
    counts = [(doc, p, len(readings.of(doc, p, "table")), low, high) for doc, p, low, high in rows]
    few = [(doc, p) for doc, p, n, low, _ in counts if n < low]
    many = [(doc, p) for doc, p, n, _, high in counts if n > high]
    yield (
        f"{len(rows)} pages with 0 to 4 tables: the right number on "
        f"{_share(len(rows) - len(few) - len(many), len(rows))}"
        f"{_places(few, 'too few')}{_places(many, 'too many')}"
    )


def false_figures(readings: Readings, pages: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """A place for each figure of ours on pages that hold none."""
    return [(doc, page) for doc, page in pages for _ in readings.of(doc, page, "figure")]


def _places(places: Sequence[tuple[str, int]], what: str) -> str:
    named: dict[str, list[int]] = {}
    for doc, page in places:
        named.setdefault(doc, []).append(page)
    return "".join(
        f"\n    {what}: {doc}, page {', '.join(map(str, ps))}" for doc, ps in named.items()
    )


def _share(n: int, of: int) -> str:
    return f"{n} of {of}, {n / of:.1%}" if of else "none of 0"


def draw_misses(golds: Sequence[Gold], readings: Readings, folder: Path) -> int:
    """Draw each page with a gold box that nothing covers; gives their number."""
    missed = [gold for gold in golds if not is_covered(gold, readings, gold.kind)]
    for doc, page in {(gold.doc, gold.page): None for gold in missed}:
        marks = [
            (gold.box, f"gold {gold.modality} {' '.join(gold.questions)}", GOLD_COLOUR)
            for gold in missed
            if (gold.doc, gold.page) == (doc, page)
        ]
        for kind in GOALS:
            marks += [
                (f.box, f"our {kind} · {f.caption}", COLOURS[kind])
                for f in readings.of(doc, page, kind)
            ]
        draw(readings.path(doc), page, marks, folder)
    return len(missed)


def draw(path: Path, page: int, marks: Sequence[tuple[Box, str, str]], folder: Path) -> None:
    """Draw boxes in points on a page."""
    folder.mkdir(parents=True, exist_ok=True)
    with open_source(path, DEFAULT_LIMITS) as file, open_pdf(file) as pdf:
        with PDFIUM, open_page(pdf, page - 1) as opened:
            frame = Frame.of(opened)
        drawn = [Mark(page, frame.fractions(box), name, colour) for box, name, colour in marks]
        draw_page(pdf, page - 1, drawn).save(folder / f"{path.stem}-page-{page}.png")


def missed_goals(golds: Sequence[Gold], readings: Readings, part: str) -> Iterator[str]:
    """What is short of its goal. part: of the names of the documents."""
    for kind, goal in GOALS.items():
        boxes = {(g.doc, g.page, g.box): g for g in golds if g.kind == kind}
        n = sum(is_covered(gold, readings, kind) for gold in boxes.values())
        if n < goal * len(boxes):
            yield f"{n} of {len(boxes)} {kind} boxes are covered; the goal is {goal:.0%}"
    without = [(doc, p) for doc, pages in WITHOUT_FIGURES.items() for p in pages if part in doc]
    if (n := len(false_figures(readings, without))) >= MAX_FALSE:
        yield f"{n} false figures; the goal is fewer than {MAX_FALSE}"


def main() -> int:
    """Print the report and draw the misses; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--questions", type=Path, default=CORPUS / "qa" / "manifest.jsonl")
    parser.add_argument("--documents", type=Path, default=CORPUS / "qa" / "corpus")
    parser.add_argument("--doc", help="only documents with this in their name", default="")
    parser.add_argument("--draw", type=Path, default=MISSES, metavar="DIR")
    wanted = parser.parse_args()
    readings = Readings((wanted.documents, CORPUS / "docs"), sys.stderr)
    golds = [gold for gold in read_gold(wanted.questions) if wanted.doc in gold.doc]
    missing = {gold.doc for gold in golds if not readings.has(gold.doc)}
    for doc in sorted(missing):
        sys.stdout.write(f"{doc} is not in {wanted.documents}: its boxes are not counted.\n")
    golds = [gold for gold in golds if gold.doc not in missing]
    for line in report_gold(golds, readings):
        sys.stdout.write(f"{line}\n")
    for line in report_pages(readings, wanted.doc):
        sys.stdout.write(f"{line}\n")
    n_missed = draw_misses(golds, readings, wanted.draw)
    sys.stdout.write(f"The {n_missed} misses are drawn in {wanted.draw}: gold green, ours else.\n")
    missed = list(missed_goals(golds, readings, wanted.doc))
    for line in missed:
        sys.stdout.write(f"Goal missed: {line}.\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
