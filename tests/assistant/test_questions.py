"""What a question asks for."""

import pytest

from assistant.questions import Asked, Wants, meanings, missing


@pytest.mark.parametrize(
    ("question", "wants"),
    [
        ("How many units has Phoenix?", Wants.NUMBER),
        ("What was the inflation rate of 2022?", Wants.NUMBER),
        ("What is the process for ensuring cost-effective care?", Wants.ANYTHING),
        ("When did the tool appear?", Wants.DATE),
        ("In which month was it cheapest, and at what price?", Wants.DATE),
        ("Who wrote Hamlet?", Wants.PERSON),
        ("Does the plan cover acupuncture?", Wants.YES_OR_NO),
        ("Was the crane granted?", Wants.YES_OR_NO),
        ("Was kostet die Karte?", Wants.ANYTHING),
        ("Why is the sky blue?", Wants.ANYTHING),
    ],
)
def test_the_kind_of_answer_is_told_by_the_words_of_the_question(
    question: str, wants: Wants
) -> None:
    assert Asked(question).wants is wants


@pytest.mark.parametrize(
    ("question", "text", "is_given"),
    [
        ("How many units were built in 2005?", "In 2005, 72,861 units were built.", True),
        ("How many units were built in 2005?", "Units were built in 2005.", False),
        ("How many lakes are there?", "There are two lakes.", True),
        ("In which month was it cheapest?", "It was cheapest in February.", True),
        ("In which month was it cheapest?", "It was cheapest then.", False),
        ("When was it built?", "It was built in 1987.", True),
        ("Who wrote it?", "nobody knows", False),
        ("Who wrote it?", "The play was written in 1601.", False),
        ("Who wrote it?", "The play was written by Shakespeare.", True),
    ],
)
def test_a_number_of_the_question_is_not_the_answer(
    question: str, text: str, is_given: bool
) -> None:
    assert Asked(question).is_given_by(text) is is_given


@pytest.mark.parametrize(
    ("question", "is_only"),
    [
        ("When was it built?", True),
        ("When in May was it built?", True),
        ("When I lose the card, can I get another?", False),
        ("How many came?", True),
        ("How many came, and when did it open?", False),
    ],
)
def test_only_a_time_answers_a_when_that_asks_for_one(question: str, is_only: bool) -> None:
    assert Asked(question).takes_only_such is is_only


@pytest.mark.parametrize(
    ("question", "months"),
    [
        ("How many visitors came in August?", {"aug"}),
        ("May visitors enter the tower in winter?", set()),
        ("How old was April Jones?", set()),
        ("What did August Borsig found?", set()),
        ("How many visitors came in the month after May?", set()),
        ("How many died two months after the flood in May?", set()),
    ],
)
def test_the_months_asked_about_are_those_in_which_something_is_counted(
    question: str, months: set[str]
) -> None:
    assert Asked(question).months == months


def test_names_and_years_are_what_an_answer_must_speak_of() -> None:
    asked = Asked("Did Puerto Rico sell more in March 2003 than Guam?")
    assert set(asked.names) == {frozenset(meanings("Puerto Rico")), frozenset(meanings("Guam"))}
    assert asked.years == {"2003"}


def test_what_is_counted_is_known() -> None:
    assert Asked("How many acupuncture visits are allowed?").counted == set(
        meanings("acupuncture visits")
    )


@pytest.mark.parametrize(
    ("question", "is_about_picture"),
    [
        ("What does the chart show?", True),
        ("What is the duck in Figure 1 holding?", True),
        ("Which figure stands in for lead paint?", False),
        ("Which image format is the most popular?", False),
        ("How much is the prize?", False),
    ],
)
def test_a_question_about_a_picture_is_told_from_one_with_its_words(
    question: str, is_about_picture: bool
) -> None:
    assert Asked(question).is_about_picture is is_about_picture


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
    assert Asked(question).is_wish_to_see is asks


def test_other_words_may_mean_the_same() -> None:
    assert meanings("the price rose") == meanings("costs climbed")


def test_a_misspelt_word_is_known_as_the_one_that_it_is_like() -> None:
    assert missing({"atlnta", "boston"}, {"atlanta", "phoenix"}) == {"boston"}
