"""Places named as people name them, and what stands there."""

import pytest
from langchain_core.documents import Document

from assistant.gold_places import GoldPlace


def document(modality: str = "text", text: str = "", **metadata: object) -> Document:
    return Document(text, metadata={"modality": modality, **metadata})


def holds(where: str, found: Document, modality: str = "text") -> bool:
    place = GoldPlace.parsed(where, (), modality)
    assert place is not None
    return place.holds(found)


@pytest.mark.parametrize(
    ("where", "there", "elsewhere"),
    [
        ("sheet Data Source", {"sheet": "Data Source"}, {"sheet": "Data"}),
        ("chapter III", {"section": "Part I › III: Of Towns"}, {"section": "Part I › IIII"}),
        ("section Let's eat, figure", {"section": "Let’s EAT"}, {"section": "Let us eat"}),
        ("Figure 1, screenshot", {"caption": "Figure 1. A duck"}, {"caption": "Figure 12. A duck"}),
        ("0:58-1:02", {"start": 61.5, "end": 90.0}, {"start": 62.0, "end": 90.0}),
        ("0:58-1:02", {"start": 0.0, "end": 58.5}, {"start": 0.0, "end": 58.0}),
        (
            "Sheet1, cell D7",
            {"sheet": "Sheet1", "cells": "B2:D7"},
            {"sheet": "Sheet1", "cells": "B2:C7"},
        ),
        ("sheet Sales, cell D7", {"sheet": "Sales", "cells": "D7"}, {"sheet": "Sales"}),
    ],
)
def test_a_document_is_at_the_place_that_is_named(where: str, there: dict, elsewhere: dict) -> None:
    assert holds(where, document(**there))
    assert not holds(where, document(**elsewhere))


def test_the_row_of_a_table_is_named_in_its_words_and_a_chapter_in_no_text() -> None:
    table = document("table", "| Tool | Power BI |\n| Visualization | x |", sheet="Rollup")
    assert holds("sheet Rollup, row Visualization", table)
    assert not holds("sheet Rollup, row Ingestion", table)
    assert not holds("chapter III", document("text", "As told in chapter III."))
    assert not holds("section Results", document("figure", "Results are told below."))
    assert not holds("Data", document("table", "| Data | 1 |", sheet="Summary"))
    assert holds('picture under "The Quay"', document("figure", "The document says: The quay:"))


def test_pages_are_enough_and_a_picture_file_is_its_own_first_page() -> None:
    place = GoldPlace.parsed("slide 12, SmartArt diagram", (12,), "figure")
    assert place is not None
    assert place.holds(document(page=12))
    assert not place.holds(document(page=1))
    picture = GoldPlace.parsed("the picture", (1,), "image")
    assert picture is not None
    assert picture.holds(document("figure"))


def test_what_is_only_described_is_any_figure_and_for_a_text_it_is_nowhere() -> None:
    assert holds("opening figure", document("figure"), "figure")
    assert not holds("opening figure", document("text"), "figure")
    assert holds("native 3-D bar chart", document("table"), "chart")
    assert GoldPlace.parsed("message body", (), "text") is None
    assert GoldPlace.parsed("", (), "figure") is None
