"""The choice of quotes, with embeddings that can be computed by hand."""

import pytest
from langchain_core.documents import Document

from assistant.answer import Source
from assistant.quotes import asks_to_show, find_figure, find_quotes
from tests.assistant.words import WordEmbeddings

PERMITS = "In 2005, Atlanta authorized 72,861 housing units. Phoenix had 62,617 units. It was warm."
TABLE = """Table 1. Units
| City | Units | Rank |
| --- | --- | --- |
| Atlanta | 72,861 | 1 |
| Phoenix | 62,617 | 3 |"""


def source(n: int, text: str, **metadata: object) -> Source:
    return Source(n, 0.5, Document(text, metadata={"title": "t", "modality": "text", **metadata}))


def quotes(question: str, *sources: Source) -> list[str]:
    return [q.text for q in find_quotes(question, sources, WordEmbeddings())]


def test_the_sentence_that_answers_is_quoted_word_for_word() -> None:
    found = quotes("How many housing units were authorized in Atlanta in 2005?", source(1, PERMITS))
    assert found == ["In 2005, Atlanta authorized 72,861 housing units."]


def test_a_table_is_quoted_by_its_row_with_the_names_of_its_columns() -> None:
    found = quotes("What is known of Phoenix?", source(1, TABLE, modality="table"))
    assert found == ["Phoenix — Units: 62,617; Rank: 3"]


def test_of_a_row_only_the_column_that_is_asked_about_is_quoted() -> None:
    found = quotes("How many units has Phoenix?", source(1, TABLE, modality="table"))
    assert found == ["Phoenix — Units: 62,617"]


def test_nothing_is_quoted_where_the_sources_are_about_something_else() -> None:
    assert quotes("Who wrote Hamlet?", source(1, PERMITS)) == []


def test_nothing_is_quoted_where_the_name_asked_for_is_not_in_the_sources() -> None:
    assert (
        quotes("How many housing units were authorized in Boston in 2005?", source(1, PERMITS))
        == []
    )


def test_a_misspelt_name_is_understood() -> None:
    found = quotes("How many housing units were authorized in Atlnta in 2005?", source(1, PERMITS))
    assert found == ["In 2005, Atlanta authorized 72,861 housing units."]


def test_the_same_thing_is_not_quoted_twice() -> None:
    found = quotes(
        "How many housing units were authorized in Atlanta in 2005?",
        source(1, PERMITS),
        source(2, PERMITS),
    )
    assert len(found) == 1


def test_a_list_is_quoted_with_the_sentence_that_announces_it() -> None:
    text = "To build, a project must reference these assemblies:\n- OpenXml\n- Drawing"
    (quote,) = quotes("Which assemblies must a project reference?", source(1, text))
    assert quote == "To build, a project must reference these assemblies: - OpenXml - Drawing"


def test_what_only_announces_is_no_answer() -> None:
    assert quotes("Which units are authorized?", source(1, "The authorized units are:")) == []


def test_no_sources_give_no_quotes() -> None:
    assert quotes("Anything?") == []


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("Show me the pie chart of permits.", True),
        ("Let me see the photo of the glacier", True),
        ("Can you display the flow diagram?", True),
        ("What does the chart say about gold?", False),
        ("Show me how it works", False),
        ("What do you see in the chart, and which area came second?", False),
        ("Show me the map: how many people live in Ohio?", False),
    ],
)
def test_a_wish_to_see_a_figure_is_told_from_a_question(question: str, asks: bool) -> None:
    assert asks_to_show(question) is asks


def figure(n: int, caption: str) -> Source:
    return source(n, caption, modality="figure", caption=caption, image_key=f"k{n}")


def test_the_figure_asked_for_is_found_among_figures() -> None:
    sources = (
        source(1, "A pie chart of permits by state is below."),
        figure(2, "Figure 1. Gold prices"),
        figure(3, "Figure 2. Permits by state"),
    )
    found = find_figure("Show me the pie chart of permits by state", sources, WordEmbeddings())
    assert found
    assert (found.n, found.text) == (3, "Figure 2. Permits by state")


def test_a_figure_of_something_else_is_not_shown() -> None:
    sources = (figure(1, "Figure 1. Gold prices"),)
    assert find_figure("Show me the photo of the duck", sources, WordEmbeddings()) is None
