"""Which texts hold a number, a time or a name that answers."""

import time

import pytest

from assistant.answer_kinds import has_amount, has_moment, has_name, months
from assistant.questions import Asked


@pytest.mark.parametrize(
    ("question", "text", "is_given"),
    [
        ("How much wool was shorn in 1931?", "The river was low in 1931.", False),
        ("How much wool was shorn in 1931?", "In 1930, the river was low.", False),
        ("How much wool was shorn in 1931?", "On 4 May 1930 the river was low.", False),
        ("How much wool was shorn?", "Figure 2 and Table 1 show the wool.", False),
        ("How much wool was shorn in 1931?", "1931 — Wool (kg): 1850", True),
        ("How many guests came?", "They came in summer and left at noon.", False),
        ("How many guests came?", "There were 1850 of them.", True),
        ("How many guests came?", "In November 64 of them came.", True),
        ("How many lifts are there?", "The hotel has one lift.", True),
        ("How many lifts are there?", "It is the oldest of the hotels.", False),
        ("How many people work here?", "Between 1500 and 1800 people work here.", True),
        ("How many households own a car?", "A car is owned in 1500 households.", True),
        ("How many years did it last?", "It lasted seventy years.", True),
        ("How many crew are there?", "There is a crew of eighteen.", True),
        ("How much experience is needed?", "Several years are needed.", True),
        ("How many of the 12 jurors agreed?", "All 12 jurors agreed.", True),
        ("How many steps are there?", "Climb a step 3000 times.", True),
        ("How many copies are there?", "They are on page 200 copies.", True),
        ("How much is the entrance fee?", "Entrance is free.", True),
        ("Of $200 it pays $100: how much is left?", "Of $200 it pays $100, so $100 is left.", True),
        ("Of $200 it pays $100: how much is left?", "Of $200 it pays $100.", False),
    ],
)
def test_only_what_holds_no_number_but_a_date_a_label_or_the_question_s_is_no_amount(
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
        ("When was it founded?", "It was founded 50 metres from here.", False),
        ("When was it founded?", "It was founded for 72,861 euros, a MARGIN of 4 %.", False),
        ("When was it built?", "It was built in 1450 for the duke.", True),
        ("When was it built?", "It was built between 1420 and 1480.", True),
        ("When was it built?", "It was built around 1200 by monks.", True),
        ("When was it built?", "It was built in the year 842.", True),
        ("When was it built?", "It was built in Q3 FY24.", True),
        ("When was it built?", "It was built in 44 BC.", True),
        ("When was it built?", "It was built under Augustus.", True),
        ("When in May 2021 does it open?", "It opens on 14 May 2021.", True),
        ("When in May was it opened?", "It was opened on the 14th.", True),
        ("When in May was it opened?", "It was opened in May.", False),
        ("When on 14 May was it opened?", "It was opened on May 14.", False),
        ("When did it end?", "It ended at half past nine.", True),
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
        ("When was the claim filed?", "It was filed if due within a week.", False),
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


def test_a_month_is_known_by_its_abbreviation_too() -> None:
    assert months("Sept 1850, JULY and May") == months("September, Jul. and May")
    assert not months("You may march on.")
    assert not months("GROSS MARGIN, MAYBE")


@pytest.mark.parametrize(
    "text",
    [
        "Vollmer founded it in 1987.",
        "Dr. Vollmer founded it.",
        "In 1837 Borsig founded it.",
        "It was founded by NASA.",
        "It was founded by Östberg.",
        "It was founded by J. Vollmer.",
        "It was founded by O'Brien.",
        "It was founded by “Vollmer”.",
        "It was founded by 林.",
        "Its founder: J. Smith",
    ],
)
def test_a_name_may_be_short_stand_anywhere_and_be_written_in_any_script(text: str) -> None:
    assert has_name(text, "Who founded the museum?")


@pytest.mark.parametrize(
    "text",
    [
        "It founded a school.",
        "Museum founded in 1987.",
        "Visitors came by bus, most visitors on foot.",
        "They came. However, I did not.",
    ],
)
def test_what_merely_opens_a_sentence_is_no_name(text: str) -> None:
    assert not has_name(text, "Who founded the museum?")


@pytest.mark.parametrize(
    "part",
    [
        "A-a ",
        "the A ",
        "aaa",
        "9",
        "9,",
        "1-",
        "1.",
        "in 2000 ",
        "in the ",
        "Figure 1.",
        ". ",
        "\n",
    ],
)
def test_a_long_hostile_text_is_soon_looked_through(part: str) -> None:
    text = (part * 50_000)[:50_000]
    began = time.process_time()
    for is_given in (has_amount, has_moment, has_name):
        is_given(text, "Who?")
    months(text)
    for name in ("document", "months", "takes_only_such", "takes_no_picture", "wants"):
        getattr(Asked(text), name)
    assert time.process_time() - began < 1.0
