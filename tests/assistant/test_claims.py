"""What a sentence claims: its clauses and names, and sentences that claim nothing."""

import pytest

from assistant.claims import claim_of, claims_nothing, clauses, names_in


@pytest.mark.parametrize(
    "text",
    [
        "Here is what the documents say:",
        "Based on the provided documents:",
        "Yes.",
        "Sure!",
        "I hope this helps!",
        "Let me know if you have more questions.",
        "Would you like to know more?",
        "Of course!",
        "Great question!",
        "Thank you for your question.",
        "If you need anything else, I'm happy to help.",
        "…",
    ],
)
def test_announcements_and_courtesies_claim_nothing(text: str) -> None:
    assert claims_nothing(text)


@pytest.mark.parametrize(
    "text",
    [
        "Gold rose.",
        "No units were authorized.",
        "The documents name three kinds of nuts:",
        "Was it 5 or 6?",
        "The source states that prices fell.",
        "Sure, the bank is bankrupt.",
        "Of course, the mayor is a thief!",
        "Thanks to the mayor the harbour is bankrupt!",
        "The bank is bankrupt?",
        "Did you know the mayor stole the money?",
        "Let me know if the mayor stole more!",
        "I hope this helps the mayor, who stole the money.",
    ],
)
def test_what_could_be_wrong_is_a_claim(text: str) -> None:
    assert not claims_nothing(text)


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("According to source 2, gold rose.", "gold rose."),
        ("Based on the provided documents, gold rose.", "gold rose."),
        ("Yes, according to the sources 1 and 3, gold rose.", "gold rose."),
        ("The document states that gold rose.", "gold rose."),
        ("Of course, gold rose.", "gold rose."),
        (
            "According to the Census Bureau, gold rose.",
            "According to the Census Bureau, gold rose.",
        ),
    ],
)
def test_what_only_introduces_a_claim_is_no_part_of_it(text: str, claim: str) -> None:
    assert claim_of(text) == claim


def test_a_sentence_has_the_clauses_that_could_stand_alone() -> None:
    text = "Gold rose in the spring of 2020, and the price of oil fell by half."
    assert clauses(text) == ["Gold rose in the spring of 2020", "the price of oil fell by half."]
    assert clauses("Gold and oil rose and fell.") == ["Gold and oil rose and fell."]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("The Bureau of Reclamation owns Friant Dam.", ["Bureau", "Reclamation", "Friant", "Dam"]),
        ("NASA built it.", ["NASA"]),
        ("Cape Coral grew.", ["Cape", "Coral"]),
        ("Prices grew.", []),
    ],
)
def test_names_are_told_by_their_capitals(text: str, names: list[str]) -> None:
    assert names_in(text, {"Cape"}) == names
