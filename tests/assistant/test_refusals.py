"""A model's way of saying that there is no answer is told from an answer that denies something."""

import pytest

from assistant.refusals import begins_refusal, is_refusal


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
        "The height is not given in the sources.",
        "The height of the tower is not mentioned.",
        "I’m unable to answer that.",
        "I am unable to answer that question.",
        "Unfortunately, the report does not say.",
        "None of the sources mention it.",
        "The provided excerpt does not include the height.",
        "Based on the provided sources, the height is not specified.",
        "There is insufficient information.",
        "No information is available.",
        "It is not known who built the old mill.",
    ],
)
def test_a_refusal_is_known_whatever_its_words(text: str) -> None:
    assert begins_refusal(text)
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
        "No information was lost in the migration.",
        "The drug is not given to children.",
        "The mayor who fled is not mentioned.",
    ],
)
def test_a_denial_is_no_refusal(text: str) -> None:
    assert not begins_refusal(text)
    assert not is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "It is not known to the press that the mayor stole the money.",
        "We do not know shame: the mayor stole the money.",
        "The documents do not say, the mayor stole the money.",
        "The documents do not say it but the mayor stole the money.",
        "The documents do not mention the 700 dollars.",
        "The documents do not mention the thief Olsen.",
    ],
)
def test_a_refusal_that_goes_on_to_tell_something_is_none(text: str) -> None:
    assert begins_refusal(text)
    assert not is_refusal(text)


def test_a_refusal_may_name_what_the_question_names() -> None:
    text = "The documents do not mention the 700 dollars of Olsen."
    assert is_refusal(text, "Where are the 700 dollars of Olsen?")
    assert not is_refusal(text, "Where are the dollars of Olsen?")
