"""A library with its media store and a folder of documents, to read files into."""

from pathlib import Path

from PIL import Image

from assistant.ingestion import Progress, Report, ingest
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
        captioner: object = None,
        reader: object = None,
        limits: Limits | None = None,
        depth: int = 0,
        **options: object,
    ) -> Report:
        describer = FigureDescriber(
            self.media,
            captioner=captioner,  # type: ignore[arg-type]
            reader=reader,  # type: ignore[arg-type]
            readings=self.readings,
        )
        return ingest(
            sources or (self.documents,),
            self.library,
            self.media,
            describer,
            limits or Limits(),
            self.steps.append,
            depth=depth,
            **options,  # type: ignore[arg-type]
        )
