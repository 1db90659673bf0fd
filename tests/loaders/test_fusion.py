"""The fusion of what is known of a figure."""

from typing import Any

import pytest

from loaders.captioning import fusion
from loaders.captioning.fusion import FigureWords, best_caption


def fuse(words: FigureWords, **known: Any) -> str:
    """The text of a figure that is one part."""
    (text,) = fusion.fuse(words, **known)
    return text


def test_what_a_person_wrote_comes_before_what_a_machine_guessed() -> None:
    words = FigureWords(
        document="Figure 1. Permits by city.",
        alt="Bar chart",
        ocr="Atlanta 72,861",
        blip="a poster",
    )
    assert (
        fuse(words, title="Permits").splitlines()
        == [
            "Figure 1. Permits by city.",
            "Bar chart",
            "Text in the picture: Atlanta 72,861",
            "A machine sees: a poster",
            "Section: Permits",
        ][:4]
    )


def test_nothing_is_said_twice() -> None:
    words = FigureWords(
        document="Figure 1. Oil prices.", alt="oil prices", ocr="Figure 1. Oil prices."
    )
    assert fuse(words, title="Oil") == "Figure 1. Oil prices."


def test_a_figure_without_words_is_placed_by_its_section() -> None:
    assert fuse(FigureWords(), title="Report", section="Results") == "Section: Results"
    assert best_caption(FigureWords(), section="Results") == "Picture in “Results”"


def test_the_sentence_that_refers_to_a_figure_is_part_of_it() -> None:
    text = fuse(
        FigureWords(alt="a chart"), title="T", references=["As Figure 2 shows, gold was steady."]
    )
    assert "The document says: As Figure 2 shows, gold was steady." in text


def test_alt_text_that_is_a_file_name_or_a_generic_word_says_nothing() -> None:
    for alt in ("image1.png", "Picture 3", "image", "IMG_0042", " ", "logo.svg"):
        assert FigureWords(alt=alt).present() == {}


def test_the_caption_is_the_most_trusted_text() -> None:
    assert (
        best_caption(FigureWords(document="Figure 1. A", alt="b", blip="c"), section=None)
        == "Figure 1. A"
    )
    assert best_caption(FigureWords(alt="b", blip="c"), section=None) == "b"
    assert (
        best_caption(FigureWords(ocr="Sales 2005"), section=None)
        == "Picture with the text: Sales 2005"
    )


def test_a_long_caption_is_cut_at_a_word() -> None:
    caption = best_caption(FigureWords(document="word " * 100), section=None)
    assert len(caption) <= 202
    assert caption.endswith("word …")


PERMITS = "Figure 1: Housing permits by metropolitan area, 2005"


def test_a_sentence_that_refers_to_a_figure_stays_however_many_words_are_in_it() -> None:
    said = "Mail order sold for 110.0 billion dollars in 2000, 3.1 times as much (Figure 3)."
    for n in range(0, 120, 4):
        ticks = "\n".join(f"Shop {k} sold {k + 100}.{k}" for k in range(n))
        words = FigureWords(document="Figure 3. Sales by mail order, 1992 to 2000.", ocr=ticks)
        assert said in fusion.fuse(words, title="Retail", references=[said])[0]


@pytest.mark.parametrize(
    ("alt", "is_kept"),
    [
        ("Chart of housing permits by metropolitan area in 2005", False),
        ("Chart of housing permits by metropolitan area in 2006", True),
        ("Bars for Atlanta and Phoenix, by metropolitan area", True),
        ("Housing permits by rural area, 2005", True),
        ("Housing permits not by metropolitan area, 2005", True),
        ("Q x", True),
    ],
)
def test_what_only_rewords_the_caption_is_left_out(alt: str, is_kept: bool) -> None:
    text = fuse(FigureWords(document=PERMITS, alt=alt), title="Permits")
    assert text.splitlines() == ([PERMITS, alt] if is_kept else [PERMITS])


def test_a_label_in_the_picture_is_kept_even_if_it_is_the_only_new_word() -> None:
    words = FigureWords(document=PERMITS, ocr="Housing permits by metropolitan area Atlanta")
    assert "Atlanta" in fuse(words, title="Permits")


def test_the_words_of_a_figure_are_listed_as_they_are_trusted() -> None:
    words = FigureWords(blip="a pie", ocr="North 9", alt="a chart", document="d")
    assert list(words.present()) == ["document", "alt", "ocr", "blip"]


def test_what_ocr_reads_of_what_the_document_prints_is_not_said_again() -> None:
    words = FigureWords(text="Flicker noise\nUp component", ocr="Flickor noise\nUp component\n1997")
    assert fuse(words, title="GPS").splitlines() == [
        "Text in the picture: Flicker noise; Up component",
        "Text in the picture: 1997",
        "Section: GPS",
    ]


def test_an_alternative_text_that_a_program_wrote_is_told_as_a_machines() -> None:
    alt = "A blue dam Description automatically generated"
    words = FigureWords(alt=alt, ocr="Spillway 7")
    assert fuse(words, title="Dams").splitlines() == [
        "Text in the picture: Spillway 7",
        "A machine sees: A blue dam",
        "Section: Dams",
    ]
    assert best_caption(words, section=None) == "A blue dam"
    assert fusion.is_guess(words.present())
    assert not fusion.is_guess(FigureWords(alt="A blue dam").present())


def test_a_vision_model_is_believed_after_people_and_before_blip() -> None:
    seen = "Bar chart of permits by city. Atlanta leads with 72,861."
    words = FigureWords(vision=seen, blip="a poster")
    assert best_caption(words, section=None) == "Bar chart of permits by city."
    assert best_caption(FigureWords(alt="Permits", vision=seen), section=None) == "Permits"
    assert fusion.is_guess(words.present())


def test_a_chart_without_a_title_is_captioned_by_its_kind_and_axes() -> None:
    data = "Scatter chart; x: Longitude; y: Latitude; Big Cities: 121.50 31.23"
    assert (
        best_caption(FigureWords(chart_data=data), section="Formula")
        == "Scatter chart; x: Longitude; y: Latitude"
    )


def test_numbers_alone_are_no_caption() -> None:
    words = FigureWords(text="0 5 10 15 20")
    assert best_caption(words, section="Noise") == "Picture in “Noise”"
    assert "0 5 10 15 20" in fuse(words, title="T", section="Noise")


def test_what_says_nothing_is_neither_told_nor_listed() -> None:
    words = FigureWords(alt="Picture 3", blip="a picture of a picture", vision="", ocr="★")
    assert fuse(words, title="T") == "Section: T"
    assert words.present() == {}
    assert words.rejected() == {"alt": "generic", "blip": "generic", "ocr": "no language"}
