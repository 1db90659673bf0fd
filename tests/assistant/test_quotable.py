"""What can be quoted of a source."""

from langchain_core.documents import Document

from assistant.answer import Source
from assistant.quotable import Kind, quotables_of


def source(text: str, **metadata: object) -> Source:
    return Source(1, 0.5, Document(text, metadata={"title": "t", "modality": "text", **metadata}))


def texts(found: Source, kind: Kind) -> list[str]:
    return [q.text for q in quotables_of(found) if q.kind is kind]


def test_headings_questions_and_lines_of_contents_are_no_answers() -> None:
    text = "Costs\nWhat does it cost me?\nCopayments ........ 12\nIt costs 20 dollars."
    assert texts(source(text, section="Plan › Costs"), Kind.SENTENCE) == ["It costs 20 dollars."]


def test_a_caption_only_names_its_table() -> None:
    table = "Table 1. Units by city\n| City | Units |\n| --- | --- |\n| Atlanta | 72,861 |"
    found = source(table, caption="Table 1. Units by city", modality="table")
    assert [(q.kind, q.text) for q in quotables_of(found)] == [
        (Kind.ROW, "Atlanta — Units: 72,861")
    ]


def test_labels_of_a_picture_are_quoted_but_not_the_numbers_of_its_axes() -> None:
    text = "Text in the picture: Units by state; Florida 13%; 0 10 20 30; Texas 10%"
    found = source(text, modality="figure", caption="Picture with the text: Units by state")
    assert texts(found, Kind.LABEL) == ["Florida 13%", "Texas 10%"]


def test_a_machines_words_about_a_picture_are_never_quoted() -> None:
    text = "A machine sees: a red car on a road\nA vision model says: It is a red car."
    found = source(text, modality="figure", caption="Figure 1", image_key="k")
    assert [(q.kind, q.text) for q in quotables_of(found)] == [(Kind.FIGURE, "Figure 1")]


def test_a_label_with_one_number_can_be_compared() -> None:
    found = source("Text in the picture: Florida 13%; Map of 2 rivers, 3 lakes", modality="figure")
    assert [q.number(()) for q in quotables_of(found)] == [13.0, None]
