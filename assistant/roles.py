"""Whether two things in a sentence have changed places: "A paid B" is not "B paid A".

Looks only at the words around them, on which side. Leaves out things that stand as equals.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from assistant.sentences import stem

NEIGHBOURS = 3
"""Words on each side that a thing is known by."""
EQUALS = frozenset(("and", "or", ",", ";", "nor", "with", "&"))
CLEARLY = 0.25
"""By so much must a thing stand better in the other's place than in its own."""
MAX_THINGS = 16


def have_changed_places(claim: Sequence[str], said: Sequence[str], things: Sequence[str]) -> bool:
    """Whether two of the things stand each where the other stands in what is said.

    claim, said: tokens in their order. things: tokens, such as names and numbers.
    """
    mine, its = [stem(t) for t in claim], [stem(t) for t in said]
    known = [
        t for t in dict.fromkeys(map(stem, things)) if mine.count(t) == 1 and its.count(t) == 1
    ]
    voice_differs = _is_passive(claim) != _is_passive(said)
    for a, b in combinations(known[:MAX_THINGS], 2):
        if a[0].isdigit() != b[0].isdigit():
            continue  # a number hardly takes the place of a name
        is_turned = (mine.index(a) < mine.index(b)) != (its.index(a) < its.index(b))
        if is_turned == voice_differs or _are_equals(its, a, b) or _are_equals(mine, a, b):
            continue
        if voice_differs:
            if _is_moved(mine, its, a, b, is_flipped=True):
                return True
        elif _is_moved(mine, its, a, b, is_flipped=False):
            return True
    return False


def _is_moved(mine: list[str], its: list[str], a: str, b: str, *, is_flipped: bool) -> bool:
    pair = {a, b}
    own_a, own_b = (_around(mine, t, pair, is_flipped=False) for t in (a, b))
    its_a, its_b = (_around(its, t, pair, is_flipped=is_flipped) for t in (a, b))
    in_place = _likeness(own_a, its_a) + _likeness(own_b, its_b)
    exchanged = _likeness(own_a, its_b) + _likeness(own_b, its_a)
    return exchanged > in_place + CLEARLY


def _around(
    words: list[str], thing: str, pair: set[str], *, is_flipped: bool
) -> set[tuple[str, str]]:
    at = words.index(thing)
    before = [w for w in words[max(0, at - NEIGHBOURS) : at] if w not in pair]
    after = [w for w in words[at + 1 : at + 1 + NEIGHBOURS] if w not in pair]
    if is_flipped:
        before, after = after, before
    return {("before", w) for w in before} | {("after", w) for w in after}


def _likeness(some: set[tuple[str, str]], other: set[tuple[str, str]]) -> float:
    return len(some & other) / max(1, min(len(some), len(other)))


def _are_equals(words: list[str], a: str, b: str) -> bool:
    """Whether they are items of one list: "Boston, Austin and Denver"."""
    first, last = sorted((words.index(a), words.index(b)))
    between = words[first + 1 : last]
    if not any(w.isalnum() for w in between):
        return True  # "March 5" and "5 March"
    return between[-1] in EQUALS and (len(between) == 1 or "," in between[:-1])


def _is_passive(words: Sequence[str]) -> bool:
    """Whether something "is done by" or "is carried out by" another."""
    return any(
        word == "by"
        and any(w.endswith(("ed", "en", "id", "un")) for w in words[max(0, at - 2) : at])
        for at, word in enumerate(words)
    )
