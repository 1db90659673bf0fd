"""Things that have changed places."""

import pytest

from assistant.passages import tokens
from assistant.roles import have_changed_places


@pytest.mark.parametrize(
    ("claim", "said", "things", "have"),
    [
        ("Bob paid Alice.", "Alice paid Bob.", ["alice", "bob"], True),
        ("Alice paid Bob.", "Alice paid Bob.", ["alice", "bob"], False),
        ("Bob was paid by Alice.", "Alice paid Bob.", ["alice", "bob"], False),
        ("Alice was paid by Bob.", "Alice paid Bob.", ["alice", "bob"], True),
        ("Oil was dearer than gold.", "Gold was dearer than oil.", ["oil", "gold"], True),
        ("Gold and oil rose.", "Oil and gold rose.", ["oil", "gold"], False),
        ("In 2005 Boston grew.", "Boston grew in 2005.", ["2005", "boston"], False),
        ("It began on 5 March 2006.", "It began on March 5, 2006.", ["5", "2006"], False),
        (
            "Boston had 500 units and Austin had 300.",
            "Boston had 300 units and Austin had 500.",
            ["boston", "austin", "300", "500"],
            True,
        ),
    ],
)
def test_a_thing_is_known_by_the_words_around_it(
    claim: str, said: str, things: list[str], have: bool
) -> None:
    assert have_changed_places(tokens(claim), tokens(said), things) is have
