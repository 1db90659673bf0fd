"""The assistant: a library that is filled, kept up to date and asked.

Leaves out how it answers (`assistant.asking`), how it is filled (`assistant.ingestion`) and every
way to reach it (CLI, HTTP, MCP, UI).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from langchain_core.embeddings import Embeddings
from PIL import Image

from assistant import named_sources, uploads
from assistant.asking import Asking
from assistant.captioner import captioner_for_run
from assistant.conversations import Conversations
from assistant.discovery import folder_root
from assistant.figure_readers import FigureReaders
from assistant.ingestion import Ingestion, ingest
from assistant.llm import LanguageModel
from assistant.removal import remove_documents
from assistant.report import OnProgress, Report
from assistant.settings import Settings
from assistant.sync import sync
from assistant.watch import watch
from loaders import AdaptedLoader, FigureDescriber, LoaderError, MediaStore, Transcriber
from loaders.disused import DisusedPictures
from loaders.loader import MIN_SENT_SIDE
from loaders.source import open_source
from retrievers import (
    ClipEmbeddings,
    Filter,
    Hit,
    Library,
    LibraryDocument,
    MiniLMEmbeddings,
    UnknownSource,
    collection_names,
)
from retrievers.filters import EVERYTHING

PICTURE_SIDE = 512
"""Pixels: the longer side at which pictures are compared."""


class Assistant(Asking):
    """A library and who answers from it. Safe to share between threads."""

    def __init__(
        self,
        library: Library,
        media: MediaStore,
        embeddings: Embeddings,
        settings: Settings,
        model: LanguageModel | None = None,
    ) -> None:
        """model: chosen by the settings at the first question when None."""
        super().__init__(library, embeddings, settings, model, media=media)
        self.media = media
        self.conversations = Conversations(library.folder, media)
        self._readers = FigureReaders(settings, media)

    @classmethod
    def open(cls, settings: Settings, *, create: bool = False) -> Self:
        """Open the library that the settings name.

        Raises LibraryMissing where there is none, unless create is set.
        """
        embeddings = MiniLMEmbeddings(settings.embedding_model)
        media = MediaStore(
            settings.media_folder, base_url=settings.media_base_url, max_pixels=settings.max_pixels
        )
        clip = ClipEmbeddings(settings.clip_model)
        library = Library.open(
            settings.library,
            embeddings,
            media_base_url=media.base_url,
            open_picture=partial(open_picture, media),
            picture_embeddings=clip if clip.is_available else None,
            create=create,
        )
        return cls(library, media, embeddings, settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the library."""
        self.library.close()
        self._readers.close()

    def choose_describer(self) -> FigureDescriber:
        """What reads figures in one run; BLIP and OCR stay loaded from one to the next.

        Asks the server of a vision model whether it is there. Raises an AssistantError where the
        server answers, but not with the model that was named.
        """
        return self._readers.describer(captioner_for_run(self.settings))

    @property
    def lacks_captioner(self) -> bool:
        """Whether figures are described by nothing but their own words, though that was not set."""
        return self.settings.captioner == "blip" and self._readers.blip() is None

    def documents(self, collection: str | None = None) -> list[LibraryDocument]:
        """What is in the library, or in one collection. Raises UnknownCollection."""
        found = self.library.documents()
        if collection is None:
            return found
        name = collection_names.known(collection, self.library.collections())
        return [document for document in found if name in document.collections]

    def add(
        self,
        sources: Iterable[str | Path | AdaptedLoader],
        *,
        passwords: Sequence[str] = (),
        on_progress: OnProgress | None = None,
        depth: int = 0,
        fetch_remote_images: bool = False,
        collections: Sequence[str] = (),
    ) -> Report:
        """Read files, folders, URLs and other loaders' Documents into the library.

        passwords: tried, after the settings' own, on documents that need one. depth: how many
        links are followed from each URL, within its host. fetch_remote_images: or the settings'.
        collections: that all of them are put into, unchanged ones too, and those that a sync finds
        there later. Raises InvalidCollection.
        """
        return ingest(
            sources,
            self._ingestion(passwords),
            on_progress,
            depth=depth,
            fetch_remote_images=fetch_remote_images,
            collections=collections,
        )

    def sync(
        self,
        *,
        passwords: Sequence[str] = (),
        on_progress: OnProgress | None = None,
        only: Collection[Path] | None = None,
    ) -> Report:
        """Bring the library up to date with all that was added: new, changed, moved, deleted.

        only: the paths at or below which something has changed; the others are not looked at.
        """
        return sync(self._ingestion(passwords), on_progress, only=only)

    def watch(
        self,
        folders: Iterable[str | Path] = (),
        *,
        on_report: Callable[[Report], None],
        on_error: Callable[[Exception], None],
        stop: threading.Event | None = None,
    ) -> None:
        """Add the folders, sync, and sync again what changes in all that was added.

        Ends when stop is set. on_report: is told what each sync did. on_error: what kept one from
        its end; it is tried again. Raises KeyboardInterrupt.
        """
        self.library.roots.note([folder_root(folder) for folder in folders])
        watch(
            lambda only: self.sync(only=only),
            self.library.roots.all,
            self.library.folder,
            on_report,
            on_error,
            stop or threading.Event(),
        )

    @property
    def interrupted(self) -> list[str]:
        """The sources that runs which were ended have left undone: a sync goes on with them."""
        return self.library.journal.left()

    def _ingestion(self, passwords: Sequence[str]) -> Ingestion:
        own = self.settings.password
        return Ingestion(
            library=self.library,
            media=self.media,
            describer=self.choose_describer(),
            limits=self.settings.limits,
            passwords=[own.get_secret_value(), *passwords] if own else passwords,
            transcriber=Transcriber(self.settings.speech_model),
        )

    def add_uploads(
        self,
        files: Iterable[tuple[str, bytes | memoryview]],
        *,
        passwords: Sequence[str] = (),
        on_progress: OnProgress | None = None,
        collections: Sequence[str] = (),
    ) -> Report:
        """Keep files (name, content) below the library's folder and read them into it."""
        for name in collections:
            collection_names.kept_name(name)
        folder = self.library.folder
        ingestion = self._ingestion(passwords)  # first: where a model is missing, nothing is kept
        disused = DisusedPictures(self.media)
        with disused.kept():  # until the library refers to them
            paths = [uploads.store(folder, name, content) for name, content in files]
            report = ingest(paths, ingestion, on_progress, collections=collections)
        disused.delete(self.library.image_keys)
        for source, _ in report.failed:
            uploads.discard(folder, source)
        return report

    def remove(self, source: str) -> None:
        """Take a document out with all its pictures, and its file if it was uploaded.

        What was read out of the pictures is forgotten too. They stay until the end of a run that
        reads meanwhile. Raises UnknownSource.
        """
        self._remove([source])

    def remove_folder(self, source: str) -> list[str]:
        """Take out all documents below a folder, or what else was added; no sync looks there again.

        Gives the sources of the documents. Raises UnknownSource where nothing comes from there.
        """
        below = [other for other in self.library.sources_at([source]) if other != source]
        if not below and all(root.source != source for root in self.library.roots.all()):
            raise UnknownSource(f"{source} is no folder that was added.")
        self.library.roots.exclude(source)
        self._remove(below)
        return below

    def _remove(self, sources: Sequence[str]) -> None:
        remove_documents(sources, self.library, self.media, self._readers.readings)

    def is_folder(self, source: str) -> bool:
        """Whether documents come from below the source, or would: it was added by itself."""
        return named_sources.is_folder(source, self.library)

    def find_source(self, name: str) -> str:
        """The URI of the one document that a path, URI or file name means.

        Raises UnknownSource where there is none, and where there are several.
        """
        return named_sources.find_source(name, self.library)

    def find_sources(self, name: str) -> list[str]:
        """The URIs of the documents that a path, URI, folder, file name or glob means.

        Raises UnknownSource where there is none.
        """
        return named_sources.find_sources(name, self.library)

    def search_image(
        self,
        image: Path | bytes,
        *,
        query: str = "",
        k: int = 10,
        where: Filter = EVERYTHING,
    ) -> list[Hit]:
        """Evidence for a picture: copies and crops of it first, then what shows or says the like.

        image: a file, or what is in one. Of an animation the first frame is searched for. Raises a
        LoaderError if the picture cannot be read.
        """
        with TemporaryDirectory(prefix="limner-") as folder:
            # A store of its own: a picture that is only searched for does not enter the library.
            scratch = MediaStore(folder, max_pixels=self.settings.max_pixels)
            if isinstance(image, Path):
                with open_source(image, self.settings.limits) as file:
                    image = file.path.read_bytes()
            picture = scratch.put(image)

            def describe() -> str:
                if min(picture.width, picture.height) < MIN_SENT_SIDE:
                    return ""
                texts = self._readers.describer(media=scratch).describe([picture.key])
                return " ".join(texts.get(picture.key, {}).values())

            return self.library.search_image(
                scratch.open(picture.key, max_side=PICTURE_SIDE),
                k,
                image_key=picture.key,
                query=query,
                describe=describe,
                where=where,
            )


def open_picture(media: MediaStore, key: str) -> Image.Image | None:
    """A stored picture as it is compared with others; None where it cannot be read."""
    try:
        return media.open(key, max_side=PICTURE_SIDE)
    except (LoaderError, OSError, KeyError):
        return None
