"""Other loaders' Documents in limner's form."""

from collections.abc import Iterator

import pytest
from langchain_community.document_loaders import CSVLoader
from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

from loaders import BrokenDocument, EmptyDocument, LimitExceeded, adapt
from loaders.errors import PartMissing


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
