"""The citation check: which sources bear out a sentence."""

import pytest
from langchain_core.documents import Document

from assistant.answer import Source
from assistant.citations import CitationChecker, is_verbatim
from tests.assistant.words import WordEmbeddings

PERMITS = "In 2005, 72,861 new housing units were authorized in Atlanta. Phoenix had 62,617 units."
GOLD = "Gold prices were stable over the decade. They did not fall in 2020."


def source(n: int, text: str, **metadata: object) -> Source:
    return Source(n, 0.5, Document(text, metadata={"title": "t", "modality": "text", **metadata}))


def figure(n: int, text: str, key: str) -> Source:
    return source(n, text, modality="figure", image_key=key, caption=text)


def checker(*sources: Source) -> CitationChecker:
    return CitationChecker(sources, WordEmbeddings())


def test_a_verbatim_sentence_is_cited_to_its_source_with_full_support() -> None:
    sentence = checker(source(1, GOLD), source(2, PERMITS)).check("Phoenix had 62,617 units.")
    assert (sentence.citations, sentence.support, sentence.supported) == ((2,), 1.0, True)


def test_a_reworded_sentence_is_cited_to_its_source() -> None:
    sentence = checker(source(1, GOLD), source(2, PERMITS)).check(
        "Atlanta authorized 72,861 new housing units in 2005."
    )
    assert sentence.citations == (2,)
    assert 0.6 < sentence.support < 1.0


@pytest.mark.parametrize(("who", "is_borne_out"), [("document", True), ("blip", False)])
def test_a_number_of_the_caption_counts_where_a_person_wrote_it(
    who: str, is_borne_out: bool
) -> None:
    caption = "Housing units in 2005"
    given = source(1, "Atlanta had 72,861 new units.", caption=caption, descriptions={who: caption})
    claim = "In 2005 Atlanta had 72,861 new units."
    assert checker(given).check(claim).supported == is_borne_out


@pytest.mark.parametrize(
    "claim",
    [
        "In 2005, 72,862 new housing units were authorized in Atlanta.",
        "In 2005, 72,861 new housing units were authorized in Boston.",
        "In 2005, 72,861 new housing units were not authorized in Atlanta.",
        "The moon is made of cheese.",
    ],
)
def test_a_wrong_number_name_negation_or_subject_is_not_borne_out(claim: str) -> None:
    sentence = checker(source(1, PERMITS)).check(claim)
    assert not sentence.supported
    assert sentence.citations == ()
    assert sentence.support <= 0.3


def test_a_number_of_the_title_may_be_repeated() -> None:
    text = "Atlanta led all areas with the most new housing units authorized."
    claim = "In 2005, Atlanta led all areas with the most new housing units authorized."
    assert checker(source(1, text, title="Permits in 2005")).check(claim).supported
    assert not checker(source(1, text)).check(claim).supported


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("The profit was -5 million euros.", "The profit was 5 million euros."),
        ("It is not true that the plan was approved.", "The plan was approved."),
        ("Boston had 300 new units. Chicago had 500 new units.", "Boston had 500 new units."),
    ],
)
def test_a_lost_sign_a_lost_denial_or_a_swapped_value_is_not_borne_out(
    text: str, claim: str
) -> None:
    assert not checker(source(1, text)).check(claim).supported


def test_a_fall_may_be_told_without_its_sign() -> None:
    text = "The change in the price of oil was -20 percent in 2020."
    claim = "In 2020 the price of oil had a drop of 20 percent in change."
    assert checker(source(1, text)).check(claim).supported


def test_what_a_machine_guesses_to_see_bears_nothing_out() -> None:
    seen = figure(1, "A machine sees: a man riding a horse\nSection: Farms", "k")
    assert not checker(seen).check("A man is riding a horse.").supported


def test_a_sentence_without_words_supports_nothing() -> None:
    assert checker(source(1, PERMITS)).check("…").citations == ()


def test_a_figure_is_shown_once_and_only_where_it_is_cited() -> None:
    check = checker(source(1, GOLD), figure(2, "Figure 1. Gold prices since 2014", "k1"))
    first = check.check("Figure 1. Gold prices since 2014")
    again = check.check("Gold prices since 2014")
    other = check.check("They did not fall in 2020.")
    assert first.figures == (2,)
    assert (again.citations, again.figures) == ((2,), ())
    assert (other.citations, other.figures) == ((1,), ())


def test_a_picture_of_two_cited_documents_is_shown_once() -> None:
    check = checker(figure(1, "Gold prices since 2014", "k1"), figure(2, "Gold prices", "k1"))
    sentence = check.check("Gold prices since 2014", quoted_from=2)
    assert (sorted(sentence.citations), sentence.figures) == ([1, 2], (2,))


def test_the_source_of_a_quote_is_cited_first() -> None:
    twin = source(2, PERMITS)
    sentence = checker(source(1, PERMITS), twin).check("Phoenix had 62,617 units.", quoted_from=2)
    assert sentence.citations == (2, 1)


def test_verbatim_ignores_case_and_punctuation_but_not_order() -> None:
    assert is_verbatim("phoenix HAD 62,617 units", PERMITS)
    assert not is_verbatim("units had Phoenix", PERMITS)


def test_a_place_names_the_page_also_as_the_document_does() -> None:
    assert source(1, "x", page=7, page_label="iv").place == "t, page 7 (iv)"
    assert source(1, "x", page=7).place == "t, page 7"
    assert source(1, "x", start=65.2, section="Storms").place == "t, at 1:05"
    assert source(1, "x", sheet="Sales", section="Sales").place == "t, sheet Sales"


def test_the_picture_of_a_cited_table_is_shown_as_one_of_a_figure() -> None:
    table = source(1, "| City | Units |\n| --- | --- |\n| Phoenix | 62,617 |")
    table.document.metadata |= {"modality": "table", "image_key": "k2"}
    assert checker(table).check("Phoenix 62,617").figures == (1,)
    assert table.caption.startswith("Table in ")
