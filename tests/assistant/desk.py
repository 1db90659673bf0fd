"""A library with its media store and a folder of documents, to read files into."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from assistant.ingestion import Ingestion, ingest
from assistant.report import Progress, Report
from assistant.sync import sync
from loaders import FigureDescriber, Limits, MediaStore
from loaders.captioning.readings import ReadingCache
from retrievers import Library
from tests.assistant.words import WordEmbeddings


class Desk:
    """A library, its media store and a folder of documents."""

    def __init__(self, folder: Path) -> None:
        self.documents = folder / "documents"
        self.documents.mkdir()
        self.library = Library.open(folder / "library", WordEmbeddings(), create=True)
        self.media = MediaStore(folder / "library" / "media")
        self.readings = ReadingCache(folder / "cache")
        self.steps: list[Progress] = []

    def write(self, name: str, text: str) -> Path:
        path = self.documents / name
        path.write_text(text, "utf-8")
        return path

    def draw(self, name: str, colour: str) -> Path:
        path = self.documents / name
        Image.new("RGB", (80, 60), colour).save(path)
        return path

    def add(
        self,
        *sources: Path | str,
        depth: int = 0,
        fetch_remote_images: bool = False,
        collections: Sequence[str] = (),
        **options: Any,
    ) -> Report:
        return ingest(
            sources or (self.documents,),
            self.ingestion(**options),
            self.steps.append,
            depth=depth,
            fetch_remote_images=fetch_remote_images,
            collections=collections,
        )

    def sync(self, only: Collection[Path] | None = None, **options: Any) -> Report:
        return sync(self.ingestion(**options), self.steps.append, only=only)

    def ingestion(
        self,
        *,
        captioner: Any = None,
        reader: Any = None,
        limits: Limits | None = None,
        **options: Any,
    ) -> Ingestion:
        describer = FigureDescriber(
            self.media, captioner=captioner, reader=reader, readings=self.readings
        )
        return Ingestion(
            library=self.library,
            media=self.media,
            describer=describer,
            limits=limits or Limits(),
            **options,
        )
