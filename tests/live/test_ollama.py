"""A real Ollama server, where one answers at OLLAMA_HOST or its default address."""

from __future__ import annotations

import pytest
from langchain_core.messages import HumanMessage

from assistant.errors import ModelNotFound, ModelUnavailable
from assistant.llm import LanguageModel, choose_llm

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    try:
        return choose_llm(prefer="ollama")
    except ModelUnavailable as error:
        pytest.skip(str(error))


def test_real_ollama_streams_an_answer(model: LanguageModel) -> None:
    question = "Paris is the capital of France. What is the capital of France? Answer in one word."
    pieces = list(model.stream([HumanMessage(question)]))
    assert len(pieces) >= 1
    assert "paris" in "".join(pieces).lower()


def test_real_ollama_says_how_much_the_model_reads(model: LanguageModel) -> None:
    assert 512 <= model.context_tokens <= 8192


def test_real_ollama_stops_when_the_reader_leaves(model: LanguageModel) -> None:
    answer = model.stream([HumanMessage("Count from one to a thousand, in words.")])
    assert next(answer)
    answer.close()  # type: ignore[attr-defined]
    again = model.stream([HumanMessage("Say hi.")])
    assert "".join(again)


def test_real_ollama_names_what_it_has_when_a_model_is_missing(model: LanguageModel) -> None:
    with pytest.raises(ModelNotFound, match=r"Run: ollama pull no-such-model\. Present: \w+"):
        choose_llm(prefer="ollama", ollama_model="no-such-model")
