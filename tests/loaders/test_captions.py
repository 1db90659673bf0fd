"""Captions that a document prints beside its figures and tables."""

import pytest

from loaders.captions import CaptionText, is_labelled, join_captions
from loaders.elements import Figure, Paragraph, Skipped, Table


@pytest.mark.parametrize(
    "text",
    [
        "Figure 1: Oil",
        "Figure 1. Oil",
        "Fig. 3 Overview of the port",
        "FIG 2 – oil",
        "Figure 2",
        "Figure 2.1 Oil",
        "Fig. 2(a) – oil",
        "Figure A: Oil",
        "Figure IV. Oil",
        "Chart: Oil by year",
        "Abbildung 3: Öl",
        "Рис. 1. Нефть",
        "Table 4. Ships",
    ],
)
def test_a_label_with_a_number_begins_a_caption(text: str) -> None:
    assert is_labelled(text)


@pytest.mark.parametrize(
    "text",
    [
        "Figure 1 shows the oil price.",
        "Figures 1 and 2 agree.",
        "Figure it out",
        "Chart 1 2020 data",
        "Map of Europe",
        "Bilder",
        "Picture this: a port",
        "Table of contents",
        "Figure 1: " + "oil " * 200,
    ],
)
def test_a_sentence_that_begins_like_a_caption_is_none(text: str) -> None:
    assert not is_labelled(text)


A, B = Figure(b"A"), Figure(b"B")
SHIPS = Table((("Port", "Ships"), ("Oslo", "5")))
LEFT_OUT = Skipped("The picture x.emf", "cannot be drawn")


def C(text: str, *, is_below: bool = False) -> CaptionText:  # noqa: N802
    return CaptionText(text, is_below=is_below)


@pytest.mark.parametrize(
    ("elements", "joined"),
    [
        ([A, C("Figure 1. a"), B, C("Figure 2. b")], ["A=Figure 1. a", "B=Figure 2. b"]),
        ([C("Figure 1. a"), A, C("Figure 2. b"), B], ["A=Figure 1. a", "B=Figure 2. b"]),
        ([A, C("a"), C("b"), B], ["A=a", "B=b"]),
        ([A, B, C("both")], ["A=both", "B=both"]),
        ([A, B, C("a"), C("b")], ["A=a", "B=b"]),
        ([C("Table 1. t"), SHIPS, A, C("Figure 1. a")], ["T=Table 1. t", "A=Figure 1. a"]),
        ([A, C("Figure 1. a"), C("Table 1. t"), SHIPS], ["A=Figure 1. a", "T=Table 1. t"]),
        ([C("Table 1. t"), A], ["A=Table 1. t"]),
        ([SHIPS, C("Figure 1. chart")], ["T=Figure 1. chart"]),
        ([A, SHIPS, C("Figure 1. a")], ["A", "T", "Figure 1. a"]),
        ([C("below only", is_below=True), A], ["below only", "A"]),
        ([A, C("below only", is_below=True)], ["A=below only"]),
        ([SHIPS, C("below only", is_below=True)], ["T", "below only"]),
        ([C("far"), Paragraph("text"), A], ["far", "text", "A"]),
        ([LEFT_OUT, C("Figure 1. a")], ["x", "Figure 1. a"]),
        ([Figure(b"A", caption="own"), C("other")], ["A=own", "other"]),
        ([C("alone")], ["alone"]),
    ],
)
def test_a_caption_goes_to_what_it_stands_beside(elements: list, joined: list[str]) -> None:
    found = []
    for element in join_captions(elements):
        match element:
            case Figure(image=image, caption=caption):
                found.append(image.decode() + (f"={caption}" if caption else ""))
            case Table(caption=caption):
                found.append("T" + (f"={caption}" if caption else ""))
            case Skipped():
                found.append("x")
            case Paragraph(text=text):
                found.append(text)
    assert found == joined
