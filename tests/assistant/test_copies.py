"""A picture that stands in a report and in a file of its own."""

from typing import Any

from langchain_core.documents import Document

from assistant.copies import without_bare_copies
from retrievers import Hit


def hit(text: str, modality: str = "figure", **metadata: Any) -> Hit:
    return Hit(Document(text, metadata={"modality": modality, **metadata}), 0.5)


FILE = hit("file", image_key="k", descriptions={"ocr": "Visitors 12"})
REPORT = hit("report", image_key="k", descriptions={"document": "Figure 2", "ocr": "Visitors 12"})
BOOK = hit("book", image_key="k", descriptions={"alt": "Visitors of the museum"})
OTHER = hit("other", image_key="o", descriptions={"ocr": "Visitors 12"})
TEXT = hit("text", modality="text")


def names(*hits: Hit) -> list[str]:
    return [found.document.page_content for found in without_bare_copies(hits)]


def test_the_place_with_the_caption_comes_for_the_file_without_one() -> None:
    assert names(FILE, TEXT, OTHER, REPORT) == ["report", "text", "other"]
    assert names(REPORT, TEXT, FILE) == ["report", "text"]


def test_every_place_where_it_has_a_caption_stays() -> None:
    assert names(BOOK, FILE, REPORT) == ["book", "report"]


def test_a_picture_that_has_no_caption_anywhere_stays() -> None:
    assert names(FILE, TEXT) == ["file", "text"]


def test_a_caption_by_a_machine_counts_as_none() -> None:
    guessed = hit("guess", image_key="k", descriptions={"blip": "a chart"})
    assert names(guessed, REPORT) == ["report"]
    assert names(FILE, guessed) == ["file", "guess"]


def test_tables_are_left_as_they_are() -> None:
    table = hit("table", modality="table", image_key="k")
    assert names(table, REPORT) == ["table", "report"]
