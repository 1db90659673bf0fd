"""The choice of quotes, with embeddings that can be computed by hand."""

import pytest
from langchain_core.documents import Document

from assistant.answer import Source
from assistant.questions import Asked
from assistant.quotable import quotables_of
from assistant.quote_ranking import Ranking
from assistant.quote_score import Comparison
from assistant.quotes import find_figure, find_quotes
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


def figure(n: int, caption: str, **metadata: object) -> Source:
    return source(n, caption, modality="figure", caption=caption, image_key=f"k{n}", **metadata)


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


def test_the_figure_is_found_by_the_text_of_its_section_on_the_page_before() -> None:
    sources = (
        source(1, "The glacier melts here.", page=34, section="Ice Water"),
        figure(2, "Picture", page=34, section="Sea Ice"),
        figure(3, "Picture", page=35, section="Ice Water"),
    )
    found = find_figure("Show me the photo of the glacier", sources, WordEmbeddings())
    assert found
    assert found.n == 3


def test_the_most_of_a_column_answers_what_is_the_most() -> None:
    found = quotes("Which city has the most units?", source(1, TABLE, modality="table"))
    assert found == ["Atlanta — Units: 72,861"]


def test_nothing_is_quoted_where_the_year_asked_for_is_not_in_the_sources() -> None:
    assert (
        quotes("How many housing units were authorized in Atlanta in 2004?", source(1, PERMITS))
        == []
    )


def test_of_a_name_of_several_words_most_must_be_known() -> None:
    asked = "How many housing units were authorized in the Metro Atlanta Region in 2005?"
    found = quotes(asked, source(1, PERMITS, title="Metro areas"))
    assert found == ["In 2005, Atlanta authorized 72,861 housing units."]


def test_a_sentence_without_a_number_does_not_answer_how_many() -> None:
    assert quotes("How many hours did the runs take?", source(1, "The runs took long hours.")) == []


def test_a_picture_answers_only_where_no_words_do() -> None:
    chart = figure(1, "Housing units authorized in Atlanta in 2005")
    asked = "How many housing units were authorized in Atlanta in 2005?"
    found = find_quotes(asked, (chart, source(2, PERMITS)), WordEmbeddings())
    assert [q.n for q in found] == [2]


def test_a_chart_that_nobody_read_is_shown_where_it_alone_can_answer() -> None:
    chart = figure(
        1,
        "Prices of Bitcoin in 2023 by month",
        descriptions={"document": "Prices of Bitcoin in 2023 by month"},
    )
    asked = "In which month of 2023 was the price of Bitcoin highest in the chart?"
    (found,) = find_quotes(asked, (chart,), WordEmbeddings())
    assert (found.n, found.text) == (1, "Prices of Bitcoin in 2023 by month")


def test_a_sentence_is_quoted_before_a_label_that_says_no_more() -> None:
    text = "Text in the picture: Phoenix 62,617; Atlanta 72,861"
    told = "Of all cities Atlanta has the most housing units, 72,861."
    chart = source(1, text, modality="figure", caption="Housing units of cities", image_key="k")
    asked = "Which city has the most housing units, and how many?"
    found = find_quotes(asked, (chart, source(2, told)), WordEmbeddings())
    assert found[0].text == told


APIARY = """Honey harvest fell sharply in 2006 because a late frost destroyed the blossom.
Most guests came in October, when the leaves had turned. In November 64 guests came."""
HONEY = """| Year | Honey (kg) | Colonies |
| --- | --- | --- |
| 2005 | 530 | 36 |
| 2006 | 298 | 34 |"""


def test_how_much_in_a_year_is_answered_by_the_cell_and_not_by_a_sentence_without_number() -> None:
    found = quotes(
        "How much honey was harvested in 2006?",
        source(1, APIARY, section="Harvest"),
        source(2, HONEY, modality="table", section="Harvest"),
    )
    assert found == ["2006 — Honey (kg): 298"]


def test_when_is_answered_by_the_sentence_with_the_date_and_not_by_its_neighbour() -> None:
    text = "The Corran apiary keeps bees near Marbach. It was founded in 1987 by Greta Vollmer."
    asked = "When was the apiary founded?"
    assert quotes(asked, source(1, text)) == ["It was founded in 1987 by Greta Vollmer."]


def test_who_is_not_answered_by_a_sentence_without_a_person() -> None:
    told = "Most visitors of the museum came in August, when the museum was open late."
    assert quotes("Who founded the museum?", source(1, told)) == []


def test_who_may_be_told_by_a_role() -> None:
    told = "The board founded the museum."
    assert quotes("Who founded the museum?", source(1, told)) == [told]


def test_how_many_in_a_month_is_not_answered_by_another_month() -> None:
    assert quotes("How many guests came in October?", source(1, APIARY)) == []
    (found,) = quotes("How many guests came in November?", source(1, APIARY))
    assert found == "In November 64 guests came."


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("May visitors enter the tower in winter?", "Visitors may enter from 1 December."),
        ("Which month had more visitors than May?", "June had more visitors than any month."),
        ("How many guests came in July?", "April Jones told that 64 guests came."),
        ("How many guests came in July?", "In June and August, and between, 64 guests came."),
        ("Who founded the museum?", "The museum was founded by J. Vollmer."),
        ("How many people are employed?", "Between 1500 and 1800 people are employed."),
        ("When was the church built?", "The church was built around 1200 by monks."),
    ],
)
def test_what_may_answer_is_not_refused(question: str, told: str) -> None:
    assert quotes(question, source(1, told)) == [told]


def test_a_chart_of_other_months_is_not_shown_for_one() -> None:
    caption = "Visitors who came by month"
    text = f"{caption}\nText in the picture: May 12 June 18 July 29"
    chart = source(1, text, modality="figure", caption=caption, image_key="k")
    for month, n in (("January", []), ("July", [1])):
        found = find_quotes(f"How many visitors came in {month}?", (chart,), WordEmbeddings())
        assert [q.n for q in found] == n


def test_a_label_of_a_chart_does_not_answer_for_a_month_that_it_does_not_name() -> None:
    labels = "Text in the picture: Visitors by month 340; May 12"
    passages = quotables_of(source(1, labels, modality="figure", caption="Visitors"))
    comparison = Comparison(Asked("How many visitors came in May?"), passages)
    assert [p.text for p in passages if comparison.may_answer(p)] == ["May 12"]


def test_a_month_may_lie_in_a_range() -> None:
    told = "From May to September 64 guests came."
    assert quotes("How many guests came in July?", source(1, told)) == [told]


def test_a_chart_does_not_tell_when_something_was_built() -> None:
    chart = figure(1, "Figure 1: Energy of the solar plant by month")
    asked = "When was the solar plant built?"
    assert find_quotes(asked, (chart,), WordEmbeddings()) == []


@pytest.mark.parametrize(
    ("question", "told", "limit"),
    [
        ("Is smoking allowed?", "Smoking is allowed in the yard.", "However, not in summer."),
        ("May children ride?", "Children may ride on the tram.", "This holds only with a ticket."),
        ("Can drones fly here?", "Drones can fly over the valley.", "They must be registered."),
        (
            "Was the request for a crane granted?",
            "Mara asked for a crane; the request was written.",
            "The request was declined because the budget is exhausted.",
        ),
    ],
)
def test_whether_something_is_so_is_quoted_with_the_sentence_that_limits_it(
    question: str, told: str, limit: str
) -> None:
    text = f"{told} {limit} Lunch is at noon."
    assert quotes(question, source(1, text)) == [f"{told} {limit}"]


def test_what_goes_on_after_it_is_not_quoted() -> None:
    text = "Smoking is allowed in the yard. Lunch is at noon. However, not in summer."
    assert quotes("Is smoking allowed?", source(1, text)) == ["Smoking is allowed in the yard."]
    text = "Smoking is allowed in the yard. However, not in summer."
    assert quotes("Where is smoking allowed?", source(1, text)) == [
        "Smoking is allowed in the yard."
    ]


@pytest.mark.parametrize(
    ("question", "n"),
    [
        ("Show me the chart of gold prices", 1),
        ("Show me the chart of gold prices in the yearbook", 1),
        ("Show me the chart of gold prices in London", 1),
        ("Show me the chart of gold prices in minutes.txt", None),
        ("Show me the chart of gold prices from the minutes", None),
    ],
)
def test_a_figure_is_not_taken_from_another_document_than_the_one_named(
    question: str, n: int | None
) -> None:
    chart = figure(1, "Figure 1. Gold prices in London", title="Yearbook", source="file:///y.pdf")
    minutes = source(2, "Gold was sold.", title="minutes.txt", source="file:///minutes.txt")
    found = find_figure(question, (chart, minutes), WordEmbeddings())
    assert (found.n if found else None) == n


def test_a_word_of_another_title_that_the_document_knows_names_no_other() -> None:
    chart = figure(1, "Figure 1. Gold prices in London", title="Yearbook", source="file:///y.pdf")
    other = source(2, "Gold was sold.", title="London in numbers", source="file:///l.pdf")
    asked = "Show me the chart of gold prices in London"
    assert find_figure(asked, (chart, other), WordEmbeddings())


def best_score(question: str, *sources: Source) -> float:
    passages = [p for s in sources for p in quotables_of(s)]
    ranking = Ranking(Comparison(Asked(question), passages), passages, WordEmbeddings())
    return ranking.told()[0][1].score


def test_a_long_table_is_no_likelier_to_answer_than_a_short_one() -> None:
    def ferries(n_rows: int) -> Source:
        rows = [f"| Ferry {i} | Port {i} | {100 + i} |" for i in range(n_rows)]
        table = "\n".join(["| Ferry | Harbour | Seats |", "| --- | --- | --- |", *rows])
        return source(1, table, modality="table")

    question = "Which ferry sank in a storm?"
    assert best_score(question, ferries(390)) <= best_score(question, ferries(10))


def test_what_is_told_on_the_same_page_makes_a_passage_likelier_to_answer() -> None:
    said = source(1, "The pump was repaired by the caretaker.", source="file:///m", page=1)
    beside, elsewhere = (
        source(2, "The fountain had lost its pump.", source="file:///m", page=page)
        for page in (1, 2)
    )
    question = "What was done to the pump of the fountain?"
    assert best_score(question, said, beside) > best_score(question, said, elsewhere)


def test_the_greatest_is_found_in_tables_with_thousands_of_rows() -> None:
    tables = []
    for n in range(1, 6):
        rows = [f"| Ferry {chr(64 + n)}{i} | {100 + i * n} |" for i in range(390)]
        tables.append(source(n, "\n".join(["| Ferry | Seats |", "| --- | --- |", *rows])))
    assert quotes("Which ferry has the most seats?", *tables) == ["Ferry E389 — Seats: 2045"]


def test_what_names_another_year_does_not_answer() -> None:
    paid = "The parish paid 412 pounds for ropes in 2021. It rained. The parish is small. Fee."
    known = source(1, f"{paid} The bells rang in 2020.")
    assert quotes("How much did the parish pay for ropes in 2020?", known) == []
    assert quotes("How much did the parish pay for ropes in 2021?", known) != []


def test_a_year_within_a_span_that_is_told_is_not_another() -> None:
    told = source(1, "From 2019 to 2022 the foundry took on 7 apprentices. In 2020 it was cold.")
    assert quotes("How many apprentices did the foundry take on in 2020?", told) != []


def test_when_something_was_may_be_another_year_than_the_one_that_is_named() -> None:
    told = source(1, "After the flood of 2020 was over, the hall stood empty. It reopened in 2022.")
    assert quotes("When did the hall reopen after the flood of 2020?", told) != []


@pytest.mark.parametrize("seen", ["cooling curve", "layout of the hall", "logo"])
def test_what_can_be_seen_is_wished_for_as_a_figure(seen: str) -> None:
    assert Asked(f"Show me the {seen}.").is_wish_to_see
    assert not Asked(f"What is the {seen}?").is_wish_to_see
