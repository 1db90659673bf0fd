"""Denials and opposites."""

import pytest

from assistant.passages import telling_stems, tokens
from assistant.polarity import n_denials_apart, opposites


def denials_apart(claim: str, said: str) -> int:
    mine, its = tokens(claim), tokens(said)
    return n_denials_apart(mine, its, set(telling_stems(mine)) & set(telling_stems(its)))


@pytest.mark.parametrize(
    ("claim", "said", "n"),
    [
        ("The plan is approved.", "The plan is not approved.", 1),
        ("The plan isn't approved.", "The plan is not approved.", 0),
        ("The plan is never approved.", "The plan was not approved.", 0),
        ("The plan covers dental care.", "The plan fails to cover dental care.", 1),
        ("Made with a spring.", "Made without a spring.", 1),
        ("Oil is cheap.", "Oil is cheap, but gold is not cheap.", 0),
        ("Oil is cheap.", "Oil is cheap, but gold does not rust.", 0),
        ("No, oil is cheap.", "Oil is cheap.", 0),
        ("It is not only cheap.", "It is cheap.", 0),
        ("Out-of-network care is paid.", "In-network care is paid.", 1),
        ("The plan was approved.", "It is not true that the plan was approved.", 1),
        ("The set is held out.", "The set is held out (the model is not trained on it).", 0),
    ],
)
def test_a_denial_counts_where_it_denies_what_the_other_says(claim: str, said: str, n: int) -> None:
    assert denials_apart(claim, said) == n


@pytest.mark.parametrize(
    ("claim", "said", "are"),
    [
        ("Prices rose.", "Prices fell.", True),
        ("The highest value was 5.", "The lowest value was 5.", True),
        ("Check it after use.", "Check it before use.", True),
        ("The least common tasks.", "The most common tasks.", True),
        ("The price rose.", "The price increased.", False),
        ("Prices rose after 2005.", "Prices rose; before that they fell.", False),
    ],
)
def test_opposites_stand_beside_the_same_word(claim: str, said: str, are: bool) -> None:
    assert opposites(tokens(claim), tokens(said)) is are
