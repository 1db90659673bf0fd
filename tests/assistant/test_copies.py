"""A picture that stands in a report and in a file of its own."""

from typing import Any

from langchain_core.documents import Document

from assistant.copies import without_bare_copies
from retrievers import Hit


def hit(text: str, modality: str = "figure", **metadata: Any) -> Hit:
    return Hit(Document(text, metadata={"modality": modality, **metadata}), 0.5)


PRINTED = "Text in the picture: Visitors 12"
FILE = hit(f"{PRINTED}\nSection: a.png", title="a.png", image_key="k", descriptions={"ocr": "…"})
REPORT = hit(f"Figure 2\n{PRINTED}", image_key="k", descriptions={"document": "Figure 2"})
BOOK = hit("Visitors of the museum", image_key="k", descriptions={"alt": "Visitors"})
OTHER = hit(PRINTED, title="b.png", image_key="o", descriptions={"ocr": "Visitors 12"})
TEXT = hit("text", modality="text")
ASKED = "How many visitors came?"


def kept(*hits: Hit, asked: str = ASKED) -> list[Hit]:
    return without_bare_copies(hits, asked)


def test_the_place_with_the_caption_comes_for_the_file_without_one() -> None:
    assert kept(FILE, TEXT, OTHER, REPORT) == [REPORT, TEXT, OTHER]
    assert kept(REPORT, TEXT, FILE) == [REPORT, TEXT]


def test_every_place_where_it_has_a_caption_stays() -> None:
    assert kept(BOOK, FILE, REPORT) == [BOOK, REPORT]


def test_a_file_that_says_more_stays_behind_the_place_with_the_caption() -> None:
    assert kept(FILE, TEXT, BOOK) == [BOOK, FILE, TEXT]
    told = hit(f"{PRINTED}\nThe document says: the dam failed.", image_key="k", descriptions={})
    assert kept(told, REPORT) == [REPORT, told]


def test_a_file_that_the_question_names_stays() -> None:
    assert kept(FILE, REPORT, asked="Show me the picture in A.png") == [REPORT, FILE]


def test_a_picture_that_has_no_caption_anywhere_stays() -> None:
    assert kept(FILE, TEXT) == [FILE, TEXT]


def test_a_caption_by_a_machine_counts_as_none() -> None:
    guessed = hit("A machine sees: a chart", image_key="k", descriptions={"blip": "a chart"})
    assert kept(guessed, REPORT) == [REPORT]
    assert kept(FILE, guessed) == [FILE, guessed]


def test_tables_are_left_as_they_are() -> None:
    table = hit("table", modality="table", image_key="k")
    assert kept(table, REPORT) == [table, REPORT]


def test_metadata_of_somebody_else_do_no_harm() -> None:
    odd = [hit("x", image_key="k", descriptions=None), Hit(Document("y"), 0.5)]
    assert kept(*odd) == odd
