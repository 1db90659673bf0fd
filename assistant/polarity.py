"""What a text denies, and words that are each other's opposite.

English, with the commonest words of denial of some other languages. Leaves out irony and what
only follows from the sense.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from assistant.sentences import UNTELLING, stem

DENIALS = frozenset(
    "no not never none neither nor without unable fail fails failed failing lack lacks lacked "  # noqa: SIM905
    "lacking except non hardly nicht kein keine keinen nie niemals ohne pas jamais sans nunca sin "
    "não sem нет не".split()
)
DENIED_WORDS = 4
"""So many telling words after a denial are what it denies."""
ENDS_DENIAL = frozenset((",", ";", ":", ".", "!", "?", "but", "(", ")", "|", "although", "while"))
NOT_A_DENIAL = frozenset(("only", "just", "merely", "later", "less", "more", "fewer", "longer"))
"""After "not" or "no" these make no denial: "not only", "no later than"."""
OPPOSITES = tuple(
    tuple(frozenset(map(stem, side.split())) for side in pair.split(" / "))
    for pair in (
        "increase rise rose risen grow grew grown gain climb expand raise up upward "
        "/ decrease fall fell fallen decline drop shrink shrank lose reduce down downward lower",
        "more most greater larger bigger higher highest largest greatest biggest maximum max upper above "
        "over exceed exceeds long longer longest strong stronger high large "
        "/ less least fewer smaller lower lowest smallest minimum min below under short shorter "
        "shortest weak weaker low small",
        "best better improve improves improved / worst worse worsen worsens worsened",
        "before earlier prior previous precede / after later subsequent following follow",
        "first begin start / last end final",
        "all every each both always any / none never neither",
        "include includes included including inclusive / exclude excludes excluded excluding except",
        "with / without", "inside internal within / outside external beyond",
        "eastern east / western west", "northern north / southern south", "left / right",
        "same identical alike / different opposite differ", "true correct / false incorrect wrong",
        "positive / negative", "easy easier simple / difficult hard harder hardest",
        "required mandatory must compulsory / optional voluntary", "male man men / female woman women",
        "possible able / impossible unable", "likely / unlikely", "accept accepted / reject rejected",
        "allow allowed permitted / prohibit prohibited forbidden", "fast faster quick / slow slower",
        "old older oldest / new newer young younger newest youngest", "open opened / close closed",
        "buy bought / sell sold", "import imports / export exports", "front / back rear",
        "success succeed succeeded / failure fail failed", "agree / disagree", "hot warm / cold cool",
        "public / private", "top / bottom", "advantage / disadvantage", "win won / lose lost",
    )
)  # fmt: skip
"""Words of one side say the contrary of those of the other."""


@lru_cache(maxsize=4096)
def denials(tokens: tuple[str, ...]) -> tuple[frozenset[str], ...]:
    """What each denial in a text denies: the stems of the telling words after it.

    tokens: words and signs in lower case, as `assistant.passages` cuts them.
    """
    found = []
    for at, token in enumerate(tokens):
        if token not in DENIALS or (at == 0 and tokens[1:2] == (",",)):
            continue  # "No, it rose" denies the question
        if tokens[at + 1 : at + 2] and tokens[at + 1] in NOT_A_DENIAL and token in ("no", "not"):
            continue
        denied: list[str] = []
        for word in tokens[at + 1 :]:
            if word in ENDS_DENIAL or len(denied) == DENIED_WORDS:
                break
            if word not in UNTELLING:
                denied.append(stem(word))
        if not denied:
            denied = [stem(w) for w in tokens[:at] if w.isalnum() and w not in UNTELLING][-1:]
        found.append(frozenset(denied))
    return tuple(found)


def n_denials_apart(claim: tuple[str, ...], said: tuple[str, ...], shared: set[str]) -> int:
    """How many denials are in one of two texts only. shared: stems that stand in both."""
    mine, its = list(denials(claim)), list(denials(said))
    apart = 0
    for denied in mine:
        same = next((d for d in its if d & denied), None)
        if same is None and not denied & shared and its:
            same = its[0]  # the denied words are said otherwise
        if same is None:
            apart += 1
        else:
            its.remove(same)
    # What is denied of other things is no matter.
    return apart + sum(1 for d in its if d and len(d & shared) >= len(d) / 2)


def n_opposites(mine: Sequence[str], its: Sequence[str]) -> int:
    """How many words of one text stand as their opposite in the other. Both: stems."""
    own, other = set(mine), set(its)
    only_own, only_other = own - other, other - own
    n = 0
    for side, against in OPPOSITES:
        for a, b in ((side, against), (against, side)):
            if only_own & a and only_other & b and not (other & a) and not (own & b):
                n += 1
    return n
