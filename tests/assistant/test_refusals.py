"""A model's way of saying that there is no answer is told from an answer that denies something."""

import pytest

from assistant.refusals import is_refusal


@pytest.mark.parametrize(
    "text",
    [
        "The documents do not say!",
        "Sorry, but the provided sources do not contain this information.",
        "I could not find an answer in the documents.",
        "Based on the provided context, I cannot answer.",
        "Unfortunately, the text does not mention the mayor.",
        "There is no information about this in the sources.",
        "The source says nothing about gold.",
        "I'm sorry, I don't know.",
        "The answer is not provided in the given text.",
    ],
)
def test_a_refusal_is_known_whatever_its_words(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "The documents do say.",
        "There is no evidence of a link between the two.",
        "The context length is 2,048 tokens.",
        "No fish was landed in 2020.",
        "The plan does not cover travel expenses.",
        "The information is kept for six years.",
    ],
)
def test_a_denial_is_no_refusal(text: str) -> None:
    assert not is_refusal(text)
