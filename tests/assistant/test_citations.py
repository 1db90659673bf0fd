"""The citation check: which sources bear out a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
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


def test_the_figure_of_the_document_that_a_quote_names_is_shown_with_it() -> None:
    told = "As Figure 1 shows, gold rose."
    mine, other = (figure(n, "Figure 1. Gold prices", f"k{n}") for n in (2, 3))
    mine.document.metadata["caption"] = other.document.metadata["caption"] = "Figure 1. Gold prices"
    other.document.metadata["source"] = "file:///other.pdf"
    check = checker(source(1, told), mine, other)
    first, again = (check.check(told, quoted_from=1) for _ in range(2))
    assert (first.citations, first.figures, again.figures) == ((1,), (2,), ())
    assert check.check("As Figure 11 shows, gold rose.", quoted_from=1).figures == ()


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


def test_the_tables_of_a_section_are_told_apart_by_their_numbers_or_captions() -> None:
    def place(**metadata: object) -> str:
        return source(1, "x", **{"modality": "table", "section": "Output", **metadata}).place

    assert place(label="Table 2", caption="Table 2: Prices") == "t, “Output”, Table 2"
    assert place(caption="Prices of paper by grade") == "t, “Output”, Prices of paper by grade"
    assert place(page=7, label="Table 2") == "t, page 7, Table 2"
    assert place() == "t, “Output”"
    assert len(place(caption="Prices of paper " * 9)) < 80


def test_the_picture_of_a_cited_table_is_shown_as_one_of_a_figure() -> None:
    table = source(1, "| City | Units |\n| --- | --- |\n| Phoenix | 62,617 |")
    table.document.metadata |= {"modality": "table", "image_key": "k2"}
    assert checker(table).check("Phoenix 62,617").figures == (1,)
    assert table.caption.startswith("Table in ")


def test_a_wrong_mark_is_dropped_and_a_missing_one_added() -> None:
    check = checker(source(1, GOLD), source(2, PERMITS))
    assert check.check("Phoenix had 62,617 units.", marks=(1,)).citations == (2,)
    assert check.check("Phoenix had 62,617 units.").citations == (2,)


def test_two_facts_joined_by_and_are_cited_to_both_their_sources() -> None:
    claim = "Gold prices were stable over the decade, and in 2005 Phoenix had 62,617 units."
    both = source(2, "In 2005 Phoenix had 62,617 units.")
    assert checker(source(1, GOLD), both).check(claim).citations == (1, 2)


def test_a_sentence_that_claims_nothing_is_neither_cited_nor_marked() -> None:
    sentence = checker(source(1, GOLD)).check("Here is what the documents say:")
    assert (sentence.citations, sentence.supported, sentence.marks) == ((), False, "")


def test_words_before_the_claim_do_not_count() -> None:
    claim = "According to source 1, gold prices were stable over the decade."
    assert checker(source(1, GOLD)).check(claim).citations == (1,)


TABLE = """Permits
| City | 2004 | 2005 |
| --- | --- | --- |
| Boston | 310 | 520 |
| Austin | 470 | 680 |"""


@pytest.mark.parametrize(
    ("claim", "is_borne_out"),
    [
        ("In 2005 Boston had 520 permits.", True),
        ("The permits of Austin in 2004 were 470.", True),
        ("In 2004 Boston had 520 permits.", False),
        ("In 2005 Austin had 520 permits.", False),
        ("In 2005 Boston had 680 permits.", False),
    ],
)
def test_a_cell_belongs_to_its_row_and_its_column(claim: str, is_borne_out: bool) -> None:
    assert checker(source(1, TABLE, modality="table")).check(claim).supported == is_borne_out


def test_another_language_is_borne_out_where_it_stands_and_its_numbers_agree() -> None:
    german = source(1, "Im Jahr 2005 wurden in Atlanta 72.861 Wohnungen nicht genehmigt.")
    assert (
        checker(german).check("2005 wurden in Atlanta 72.861 Wohnungen nicht genehmigt.").supported
    )
    for wrong in ("72.862 Wohnungen nicht genehmigt", "72.861 Wohnungen genehmigt"):
        assert not checker(german).check(f"2005 wurden in Atlanta {wrong}.").supported


WORDS = st.lists(
    st.sampled_from(["gold", "oil", "Boston", "rose", "not", "fell", "is", "the", "3", "in", "by"]),
    min_size=2,
)


@given(WORDS.map(" ".join), st.lists(WORDS.map(" ".join), max_size=3))
def test_a_sentence_that_stands_in_a_source_is_borne_out(said: str, others: list[str]) -> None:
    text = "\n".join([f"Prices {said}", *others])
    assert checker(source(1, text)).check(f"Prices {said}").supported


@given(st.integers(10, 99_999), st.integers(10, 99_999))
def test_another_number_is_never_borne_out(given_number: int, claimed: int) -> None:
    check = checker(source(1, f"The city had {given_number:,} new units. They were not sold."))
    sentence = check.check(f"The city had {claimed:,} new units.")
    assert sentence.supported == (claimed == given_number)


@given(st.permutations([GOLD, PERMITS, TABLE, "Phoenix grew in 2005."]))
def test_the_order_of_the_sources_does_not_matter(texts: list[str]) -> None:
    check = checker(*(source(n, text) for n, text in enumerate(texts, start=1)))
    for claim in ("Phoenix had 62,617 new units.", "Gold fell.", "In 2005 Boston had 520 permits."):
        sentence = check.check(claim)
        alone = checker(*(source(n, t) for n, t in enumerate(sorted(texts), start=1))).check(claim)
        assert sentence.support == pytest.approx(alone.support, abs=1e-6)
        assert {texts[n - 1] for n in sentence.citations} == {
            sorted(texts)[n - 1] for n in alone.citations
        }


@given(st.text(), st.text())
def test_any_text_can_be_checked(claim: str, text: str) -> None:
    sentence = checker(source(1, text)).check(claim)
    assert 0 <= sentence.support <= 1
    assert sentence.supported == bool(sentence.citations)
