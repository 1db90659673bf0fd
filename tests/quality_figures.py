"""Measures what each description adds to finding a figure: `python -m tests.quality_figures`.

Takes libraries that `limner add` has filled, makes the text of each figure anew from some of
its stored descriptions, and asks the questions whose evidence is a figure. Nothing is read
again. Leaves out the quality of answers.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from langchain_core.documents import Document

from assistant.evaluation import Question, read_questions
from assistant.gold_boxes import Pages, covers
from loaders import BlipCaptioner, FigureDescriber, MediaStore
from loaders.captioning.fusion import REFERENCE_LABEL, SPOKEN_LABEL, FigureWords, fuse
from retrievers import Filter, Library, MiniLMEmbeddings
from retrievers.figure_parts import is_figure

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "figures.md"
TABLE = re.compile(r"(?<=<!-- measured -->\n).*?(?=<!-- end -->)", re.DOTALL)
K = 5
FIGURE = {"chart", "figure", "image"}
"""Modalities of the questions whose evidence is a figure."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Which descriptions tell a figure. is_placed: its section and what the text says too."""

    name: str
    provenances: tuple[str, ...]
    is_placed: bool = False


SETTINGS = (
    Setting("(a) document captions", ("document",)),
    Setting("(b) and the text in the picture", ("document", "text", "ocr")),
    Setting("(c) and BLIP", ("document", "text", "ocr", "blip")),
    Setting(
        "(d) all fused",
        ("document", "alt", "text", "chart_data", "ocr", "vision", "blip"),
        is_placed=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Collection:
    """A library, and the questions about its documents whose evidence is a figure."""

    name: str
    library: Path
    questions: Sequence[Question]


@dataclass(frozen=True, slots=True)
class Score:
    """Recall among the first K hits, within the document and in the whole library."""

    in_document: float
    in_library: float
    boxes: list[bool]


def figure_questions(path: Path) -> list[Question]:
    """The answerable questions whose evidence is a figure at a place that can be told."""
    return [
        question
        for question in read_questions(path)
        if question.answerable and question.modality in FIGURE and question.place and question.doc
    ]


def told_by(
    setting: Setting, evidence: Sequence[Document], blip: Mapping[str, str]
) -> Iterator[Document]:
    """The evidence of a document, with figures told by some of their descriptions.

    A figure of which nothing is told cannot be found. blip: key of a picture → its caption.
    """
    said = _said_of_figures(evidence)
    for document in evidence:
        metadata = document.metadata
        if metadata["modality"] != "figure":
            yield document
        if not is_figure(metadata):
            continue
        known = {"blip": blip.get(metadata["image_key"])} | metadata.get("descriptions", {})
        words = FigureWords(**{name: known.get(name) for name in setting.provenances})
        first, *more = fuse(words, title="")
        if setting.is_placed:
            references, spoken = said[metadata["chunk_id"]]
            first, *more = fuse(
                words,
                title=metadata["title"],
                section=metadata.get("section"),
                references=references,
                spoken=spoken,
            )
        if first:
            yield Document(page_content=first, metadata=metadata)
        for n, text in enumerate(more, start=2):
            part = {"part": n, "chunk_id": f"{metadata['chunk_id']}.{n}"}
            yield Document(page_content=text, metadata=metadata | part)


def _said_of_figures(evidence: Sequence[Document]) -> dict[str, tuple[list[str], str]]:
    """Figure → the sentences that refer to it, and what is said meanwhile."""
    found: dict[str, tuple[list[str], str]] = {}
    for document in evidence:
        if document.metadata["modality"] == "figure":
            key = document.metadata["chunk_id"].split(".")[0]
            references, spoken = found.get(key, ([], ""))
            for line in document.page_content.splitlines():
                if line.startswith(REFERENCE_LABEL):
                    references.append(line.removeprefix(REFERENCE_LABEL))
                elif line.startswith(SPOKEN_LABEL):
                    spoken += " " + line.removeprefix(SPOKEN_LABEL)
            found[key] = references, spoken
    return found


def measure(
    collection: Collection, settings: Sequence[Setting], blip_folder: str | None
) -> dict[str, Score]:
    """The score of each setting. Only the texts of figures are embedded anew for each."""
    embeddings = MiniLMEmbeddings()
    with tempfile.TemporaryDirectory(prefix="limner-") as folder:
        with Library.open(collection.library, embeddings) as library:
            evidence = {d.source: library.evidence(d.source) for d in library.documents()}
        blip = _captions(collection.library, evidence, blip_folder) if blip_folder else {}
        # A copy, so that what is no figure need not be embedded again.
        shutil.copy(collection.library / "library.sqlite", folder)
        with Library.open(folder, embeddings) as again:
            return {
                setting.name: _score(again, setting, evidence, blip, collection.questions)
                for setting in settings
            }


def _captions(
    library: Path, evidence: Mapping[str, Sequence[Document]], folder: str
) -> dict[str, str]:
    """Key of a picture → its caption by the BLIP in a folder."""
    keys = dict.fromkeys(
        d.metadata["image_key"] for own in evidence.values() for d in own if is_figure(d.metadata)
    )
    describer = FigureDescriber(MediaStore(library / "media"), captioner=BlipCaptioner(folder))
    return {key: said["blip"] for key, said in describer.describe([*keys]).items()}


def _score(
    library: Library,
    setting: Setting,
    evidence: Mapping[str, Sequence[Document]],
    blip: Mapping[str, str],
    questions: Sequence[Question],
) -> Score:
    for source, own in evidence.items():
        told = list(told_by(setting, own, blip))
        library.put(source, told, fingerprint=setting.name, title=own[0].metadata["title"])
    sources = {q.doc: next(s for s in evidence if _is_file(s, q.doc)) for q in questions}
    pages = Pages()
    within, anywhere, boxes = list[bool](), list[bool](), list[bool]()
    for question in questions:
        source = sources[question.doc]
        found = _figures(library, question, source, source)
        within.append(any(question.place.holds(d) for d in found if question.place))
        boxes += _finds_box(question, found, source, pages)
        found = _figures(library, question, source, None)
        anywhere.append(any(question.place.holds(d) for d in found if question.place))
    return Score(sum(within) / len(within), sum(anywhere) / len(anywhere), boxes)


def _figures(
    library: Library, question: Question, source: str, within: str | None
) -> list[Document]:
    """The figures of the question's document among the first K hits."""
    hits = [
        hit.document for hit in library.search(question.question, K, where=Filter(source=within))
    ]
    of_document = [d for d in hits if d.metadata["source"] == source]
    return [d for d in of_document if d.metadata["modality"] == "figure"]


def _finds_box(
    question: Question, found: Sequence[Document], source: str, pages: Pages
) -> list[bool]:
    """Whether a figure covers a gold box; nothing where there is no such box."""
    gold = [g for g in question.boxes if pages.size(source, g.page)]
    ours = [(d.metadata.get("page"), pages.box(d)) for d in found]
    is_found = any(
        box and page == g.page and covers(box, g.box) for page, box in ours for g in gold
    )
    return [is_found] if gold else []


def _is_file(source: str, name: str | None) -> bool:
    return unquote(source).endswith(f"/{name}")


def as_table(measured: Sequence[tuple[Collection, Mapping[str, Score]]], blip: str | None) -> str:
    """The scores as Markdown."""
    lines = []
    for collection, scores in measured:
        n_boxed = len(next(iter(scores.values())).boxes)
        head = [f"{collection.name}, n = {len(collection.questions)}"]
        head += ["within its document", "in the whole library"]
        head += [f"its box within its document, n = {n_boxed}"] if n_boxed else []
        lines += [_row(head), _row(["---"] * len(head))]
        for name, score in scores.items():
            cells = [name, f"{score.in_document:.2f}", f"{score.in_library:.2f}"]
            lines.append(_row(cells + ([f"{sum(score.boxes) / n_boxed:.2f}"] if n_boxed else [])))
        lines.append("")
    lines.append(f"BLIP: {blip}." if blip else "BLIP: none here; (c) repeats (b).")
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Print the tables, and write them into the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "measured", nargs="+", metavar="NAME=LIBRARY=QUESTIONS", help="what to measure"
    )
    parser.add_argument("--blip", help="a folder with BLIP's weights, or a name in the cache")
    parser.add_argument("--blip-name", help="how the table names it")
    parser.add_argument("--write", type=Path, default=PAGE, metavar="PAGE.md")
    wanted = parser.parse_args()
    measured = []
    for text in wanted.measured:
        name, library, questions = text.split("=")
        collection = Collection(name, Path(library), figure_questions(Path(questions)))
        measured.append((collection, measure(collection, SETTINGS, wanted.blip)))
    table = as_table(measured, wanted.blip_name or wanted.blip)
    sys.stdout.write(table)
    page = wanted.write.read_text("utf-8")
    wanted.write.write_text(TABLE.sub(lambda _: table, page), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
