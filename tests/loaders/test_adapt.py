"""Other loaders' Documents in limner's form."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_community.document_loaders import CSVLoader
from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

from loaders import (
    BrokenDocument,
    EmptyDocument,
    FigureDescriber,
    LimitExceeded,
    MediaStore,
    adapt,
)
from loaders.errors import PartMissing
from tests.loaders.reading import picture


class Pages(BaseLoader):
    """A loader of somebody else's."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def lazy_load(self) -> Iterator[Document]:
        for page, text in enumerate(self.texts):
            yield Document(text, metadata={"page": page, "title": "Oil report", "producer": "x"})


def test_another_loaders_documents_get_the_metadata_of_the_contract() -> None:
    first, second = adapt(Pages("Oil fell.", "Gold rose."), "https://example.org/oil.pdf").load()
    assert first.page_content == "Oil fell."
    assert {k: v for k, v in first.metadata.items() if k != "chunk_id"} == {
        "source": "https://example.org/oil.pdf",
        "title": "Oil report",
        "modality": "text",
        "page": 1,
    }
    assert second.metadata["page"] == 2


def test_long_documents_are_cut_to_size() -> None:
    documents = adapt(Pages("One sentence of several. " * 100), "oil.txt").load()
    assert len(documents) > 2
    assert documents[0].metadata["source"].startswith("file:///")


def test_a_loader_that_yields_nothing_is_an_empty_document() -> None:
    with pytest.raises(EmptyDocument, match=r"oil\.pdf holds no text"):
        adapt(Pages(), "oil.pdf").load()


class Failing(BaseLoader):
    """A loader that gives up after its first page."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def lazy_load(self) -> Iterator[Document]:
        yield Document("Oil fell.")
        raise self.error


def test_what_another_loader_raises_is_about_its_source() -> None:
    with pytest.raises(BrokenDocument) as raised:
        adapt(CSVLoader("missing.csv"), "missing.csv").load()
    assert str(raised.value).startswith("missing.csv could not be read by CSVLoader (RuntimeError:")
    with pytest.raises(BrokenDocument, match=r"by Failing \(KeyError: 'page'\)"):
        adapt(Failing(KeyError("page")), "oil.pdf").load()


@pytest.mark.parametrize("error", [LimitExceeded("too large"), PartMissing("no weights")])
def test_what_limner_itself_raises_there_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        adapt(Failing(error), "oil.pdf").load()


def test_a_title_that_is_no_text_is_left_out() -> None:
    class Numbered(BaseLoader):
        def lazy_load(self) -> Iterator[Document]:
            yield Document("Oil fell.", metadata={"title": 7})

    (document,) = adapt(Numbered(), "oil.pdf").load()
    assert document.metadata["title"] == "oil.pdf"


def as_base64(color: str) -> str:
    return base64.b64encode(picture(color=color)).decode()


def test_pictures_in_the_text_are_figures_and_not_text(tmp_path: Path) -> None:
    text = f"Oil fell.\n\n![The fall](data:image/png;base64,{as_base64('red')})\n\nGold rose."
    media = MediaStore(tmp_path)
    first, figure, last = adapt(
        Pages(text), "oil.pdf", media=media, describer=FigureDescriber(media)
    ).load()
    assert (first.page_content, last.page_content) == ("Oil fell.", "Gold rose.")
    assert figure.metadata["descriptions"] == {"alt": "The fall"}
    assert figure.metadata["page"] == 1
    assert media.path(figure.metadata["image_key"]).is_file()


class Picture(BaseLoader):
    """Gives a picture as unstructured's loaders do."""

    def __init__(self, content: str) -> None:
        self.content = content

    def lazy_load(self) -> Iterator[Document]:
        yield Document("Oil fell.")
        yield Document("40 barrels", metadata={"image_base64": self.content})


def test_pictures_in_the_metadata_are_figures(tmp_path: Path) -> None:
    media = MediaStore(tmp_path)
    options = {"media": media, "describer": FigureDescriber(media)}
    _, figure = adapt(Picture(as_base64("red")), "oil.pdf", **options).load()
    assert figure.metadata["modality"] == "figure"
    assert "40 barrels" in figure.page_content
    broken = adapt(Picture("abc"), "oil.pdf", **options)
    assert len(broken.load()) == 1
    assert "damaged" in broken.skipped[0].reason
