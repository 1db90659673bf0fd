"""Figures of real documents, found again by a copy that was made smaller and compressed.

The figure itself and the copy count as two pictures: each is looked for among documents that hold
only the other.
"""

import io
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from assistant.assistant import Assistant, open_picture
from assistant.settings import Settings
from loaders import FigureDescriber, MediaStore
from loaders.limits import DEFAULT_LIMITS
from retrievers import Filter, Library
from tests.assistant.words import WordEmbeddings

DOCS = Path(__file__).parents[2] / "../shared/corpus/docs"
NOT_PICTURED = {".mp4", ".wav", ".flac", ".jsonl"}
N_CASES = 20
MIN_SIDE = 2 * DEFAULT_LIMITS.min_figure_side
"""Pixels. Of half of it documents show no figure."""


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """Over the documents of the corpus, read without OCR."""
    if not DOCS.is_dir():
        pytest.skip("The corpus ../shared/corpus is not here.")
    settings = Settings(library=tmp_path_factory.mktemp("library"))
    sources = [path for path in sorted(DOCS.rglob("*")) if path.suffix not in NOT_PICTURED]
    embeddings, media = WordEmbeddings(), MediaStore(settings.media_folder)
    library = Library.open(
        settings.library, embeddings, open_picture=partial(open_picture, media), create=True
    )
    with Assistant(library, media, embeddings, settings) as opened:
        opened._readers.describer = partial(without_readers, media)  # type: ignore[method-assign]
        opened.add([path for path in sources if path.is_file()])
        yield opened


def without_readers(
    store: MediaStore, vision: object = None, *, media: MediaStore | None = None
) -> FigureDescriber:
    return FigureDescriber(media or store)


@pytest.fixture(scope="module")
def chosen(assistant: Assistant) -> list[str]:
    """The keys of figures, each of another document and another picture.

    Some documents of the corpus show one picture in several encodings: either may come first.
    """
    rng = random.Random(20)
    found: list[str] = []
    alike: set[str] = set()
    for document in sorted(assistant.documents(), key=lambda document: document.source):
        keys = {
            e.metadata["image_key"]
            for e in assistant.library.evidence(document.source)
            if e.metadata["modality"] == "figure"
            and min(e.metadata["width"], e.metadata["height"]) >= MIN_SIDE
        }
        if new := sorted(keys - alike):
            found.append(rng.choice(new))
            shown = assistant.library.similar_pictures(found[-1])
            alike |= {hit.document.metadata["image_key"] for hit in shown}
    assert len(found) >= N_CASES
    return rng.sample(found, N_CASES)


def halved(assistant: Assistant, key: str) -> bytes:
    picture = assistant.media.open(key)
    buffer = io.BytesIO()
    half = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.BICUBIC)
    half.save(buffer, "JPEG", quality=75)
    return buffer.getvalue()


def test_a_copy_at_half_size_finds_the_figure_it_was_made_of(
    assistant: Assistant, chosen: list[str]
) -> None:
    found = {key: assistant.search_image(halved(assistant, key), k=1) for key in chosen}
    assert {key: hits[0].document.metadata["image_key"] for key, hits in found.items()} == {
        key: key for key in chosen
    }


def test_a_figure_finds_its_copy_in_another_document(
    assistant: Assistant, chosen: list[str], tmp_path: Path
) -> None:
    for number, key in enumerate(chosen):
        (tmp_path / f"{number}.jpg").write_bytes(halved(assistant, key))
        (tmp_path / f"copied-{number}.md").write_text(f"# Notes {number}\n\n![]({number}.jpg)\n")
    report = assistant.add(sorted(tmp_path.glob("*.md")))
    assert report.figures == N_CASES
    for number, key in enumerate(chosen):
        figure = assistant.media.path(key)
        hit = assistant.search_image(figure, k=1, where=Filter(source="copied-*"))[0]
        assert hit.document.metadata["source"].endswith(f"copied-{number}.md")
        assert hit.similarity is not None
        places = [
            alike.document.metadata["source"] for alike in assistant.library.similar_pictures(key)
        ]
        assert any(place.endswith(f"copied-{number}.md") for place in places)
