"""Which texts hold a number, a time or a name that answers."""

import pytest

from assistant.answer_kinds import has_amount, has_moment, has_name, months
from assistant.questions import Asked


@pytest.mark.parametrize(
    ("question", "text", "is_given"),
    [
        ("How much wool was shorn in 1931?", "The river was low in 1931.", False),
        ("How much wool was shorn in 1931?", "Between 1930 and 1932 the river was low.", False),
        ("How much wool was shorn in 1931?", "On 4 May 1930 the river was low.", False),
        ("How much wool was shorn?", "Figure 2 and Table 1 show the wool.", False),
        ("How much wool was shorn in 1931?", "1931 — Wool (kg): 1850", True),
        ("How many guests came?", "They came at 8 pm on 4 May and left at 19:30.", False),
        ("How many guests came?", "There were 1850 of them.", True),
        ("How many guests came?", "In November 64 of them came.", True),
        ("How many lifts are there?", "The hotel has one lift.", True),
        ("How many lifts are there?", "It is one of the oldest hotels.", False),
        ("How much is the entrance fee?", "Entrance is free.", True),
        ("Of $200 it pays $100: how much is left?", "Of $200 it pays $100, so $100 is left.", True),
        ("Of $200 it pays $100: how much is left?", "Of $200 it pays $100.", False),
    ],
)
def test_a_year_a_label_or_a_number_of_the_question_is_no_amount(
    question: str, text: str, is_given: bool
) -> None:
    assert has_amount(text, question) is is_given


@pytest.mark.parametrize(
    ("question", "text", "is_given"),
    [
        ("When was it founded?", "It was founded in the 1890s.", True),
        ("When was it founded?", "It was founded in 842.", True),
        ("When was it founded?", "It was founded in the 19th century.", True),
        ("When was it founded?", "It was founded one day in May.", True),
        ("When was it founded?", "Children may march there for 4.50 euros.", False),
        ("When was it founded?", "It was founded 500 metres from here.", False),
        ("When was it founded?", "It was founded after the flood.", True),
        ("When was it sold in August 1990?", "It was sold in Aug. 1990.", False),
        ("When does the shop open?", "It opens at 9:30.", True),
        ("When does the shop open?", "It opens on Monday.", True),
    ],
)
def test_a_year_month_day_or_hour_tells_when(question: str, text: str, is_given: bool) -> None:
    assert has_moment(text, question) is is_given


@pytest.mark.parametrize(
    ("question", "text", "is_given"),
    [
        ("When must I file a claim?", "A claim is filed within thirty days of the visit.", True),
        ("When was the claim filed?", "It was filed when due.", False),
        ("When was the claim filed?", "It was filed after the visit.", True),
    ],
)
def test_when_something_was_is_told_by_a_time_or_event_and_no_condition(
    question: str, text: str, is_given: bool
) -> None:
    assert Asked(question).is_given_by(text) is is_given


def test_months_figures_and_names_of_the_question_do_not_tell_who() -> None:
    assert not has_name("Most guests came in August, as Figure 1 shows.", "Who came?")
    assert not has_name("The keepers of Marbach came.", "Who came to Marbach?")
    assert has_name("In August came Ada Thornbury.", "Who came?")


def test_the_name_of_what_is_asked_about_does_not_tell_who() -> None:
    asked = "Who rebuilt the bridge?"
    assert not has_name("Work on the Kallen bridge went on.", asked)
    assert not has_name("Work on the Kallen railway bridge went on.", asked)
    assert has_name("The bridge was rebuilt by the Lorne company.", asked)
    assert has_name("Later Ada Thornbury rebuilt it.", asked)


def test_a_month_is_known_by_its_abbreviation_too() -> None:
    assert months("Sept 1850, JULY and May") == months("September, Jul. and May")
    assert not months("You may march on.")


def test_a_name_may_open_a_sentence_be_short_for_a_company_or_have_an_accent() -> None:
    asked = "Who founded the museum?"
    assert has_name("Vollmer founded it in 1987.", asked)
    assert has_name("It was founded by NASA.", asked)
    assert has_name("It was founded by Östberg.", asked)
    assert not has_name("It founded a school.", asked)
    assert not has_name("The museum uses 12 MWh a year.", asked)
    assert not has_name("Museum founded in 1987.", asked)
    assert not has_name("Visitors came by bus.", asked)
