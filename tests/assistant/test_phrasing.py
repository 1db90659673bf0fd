"""A quote in a small model's words is taken only where it says what the quote says."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import GenerationFailed, GenerationStopped
from assistant.phrasing import is_phrasable, phrase_quote
from assistant.quote_ranking import Quote
from tests.assistant.harbour import open_harbour, says
from tests.assistant.words import WordEmbeddings

QUOTE = Quote(1, "In 2005, Atlanta authorized 72,861 housing units.", 0.9)
QUESTION = "How many housing units were authorized in Atlanta?"


@dataclass
class Scripted:
    """A language model that says what it was told, and keeps what it was asked."""

    says: str | Exception
    context_tokens: int = 2_048
    prompt: str = ""

    def stream(self, messages: list[Any]) -> Iterator[str]:
        self.prompt = messages[0].content
        if isinstance(self.says, Exception):
            raise self.says
        yield self.says


def phrase(says: str | Exception) -> str | None:
    return phrase_quote(QUESTION, QUOTE, Scripted(says), WordEmbeddings())  # type: ignore[arg-type]


def test_a_phrase_that_says_what_its_quote_says_is_taken() -> None:
    said = "Atlanta authorized 72,861 housing units in 2005."
    assert phrase(said) == said


@pytest.mark.parametrize(
    "said",
    [
        "Atlanta authorized 72,816 housing units in 2005.",
        "Atlanta did not authorize 72,861 housing units in 2005.",
        "Boston authorized 72,861 housing units in 2005.",
        "How many housing units were authorized in Atlanta?",
        "Atlanta authorized 72,861 housing units in 2005. The mayor was delighted.",
        "Atlanta authorized 72,861 housing",
        "",
    ],
)
def test_a_phrase_that_adds_changes_or_lacks_something_is_not_taken(said: str) -> None:
    assert phrase(said) is None


def test_what_tells_whether_something_is_so_stands_word_for_word() -> None:
    long = Quote(1, f"Smoking is allowed {'in the yard ' * 12}. However, not in summer.", 0.9)
    assert is_phrasable(long, "Where is smoking allowed?")
    assert not is_phrasable(long, "Is smoking allowed?")


def test_where_the_model_fails_the_quote_stands() -> None:
    assert phrase(GenerationFailed("broken")) is None


def test_who_asked_to_stop_gets_no_quote() -> None:
    with pytest.raises(GenerationStopped):
        phrase(GenerationStopped("stopped"))


@pytest.mark.parametrize("n_before", [0, 1])
def test_a_stop_is_heeded_before_the_search_and_while_quoting(
    tmp_path: Path, n_before: int
) -> None:
    stop = threading.Event()
    with open_harbour(tmp_path, replace(says("No."), kind="embedded")) as assistant:
        events = assistant.stream(QUESTION, stop=stop)
        for _ in range(n_before):
            next(events)
        stop.set()
        with pytest.raises(GenerationStopped):
            list(events)
