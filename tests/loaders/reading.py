"""Reads files in tests as a user's are read, only without OCR and captions by a machine."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from PIL import Image

from loaders.captioning.describer import FigureDescriber
from loaders.elements import Skipped
from loaders.formats import loader_for
from loaders.limits import DEFAULT_LIMITS, Limits
from loaders.media import MediaStore
from loaders.source import open_source

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"
with_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside the project")


@dataclass
class Reading:
    """What came of reading a source."""

    documents: list[Document]
    title: str
    n_pages: int | None
    skipped: list[Skipped]
    loader: str

    @property
    def text(self) -> str:
        """All that can be found by its words."""
        return "\n".join(d.page_content for d in self.documents)

    @property
    def figures(self) -> list[Document]:
        """Each once, though its words may lie in several parts."""
        found = (d for d in self.documents if d.metadata["modality"] == "figure")
        return [d for d in found if "part" not in d.metadata]

    @property
    def tables(self) -> list[Document]:
        return [d for d in self.documents if d.metadata["modality"] == "table"]

    @property
    def texts(self) -> list[str]:
        return [d.page_content for d in self.documents if d.metadata["modality"] == "text"]


def read(path: Path, folder: Path, limits: Limits = DEFAULT_LIMITS, **options: Any) -> Reading:
    """folder: where the pictures are stored."""
    media = MediaStore(folder / "media", max_pixels=limits.max_pixels)
    with open_source(path, limits, figure_root=options.get("figure_root")) as file:
        loader = loader_for(
            file, media=media, describer=FigureDescriber(media), limits=limits, **options
        )
        documents = list(loader.load_file(file))
    return Reading(documents, loader.title, loader.n_pages, loader.skipped, type(loader).__name__)


def words(figure: Document) -> dict[str, str]:
    """What people said of a figure: `document` and `alt`."""
    return dict(figure.metadata["descriptions"])


def picture(
    width: int = 80, height: int = 60, color: str = "red", *, kind: str = "PNG", **saving: Any
) -> bytes:
    """The bytes of a picture file."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), color).save(buffer, kind, **saving)
    return buffer.getvalue()


def expected(folder: str) -> dict[str, dict[str, Any]]:
    """File name → what a correct reader finds in it."""
    path = CORPUS / folder / "expected.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return {line["file"]: line.get("expected", line) for line in map(json.loads, lines)}
