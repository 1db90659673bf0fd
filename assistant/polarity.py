"""What a text denies, and words that are each other's opposite.

English, with the commonest words of denial of some other languages. Leaves out irony and what
only follows from the sense.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from assistant.sentences import UNTELLING, stem

DENIALS = frozenset(
    """no not never none neither nor without unable fail fails failed failing lack lacks lacked
    lacking except non hardly nicht kein keine keinen nie niemals ohne pas jamais sans nunca sin
    não sem нет не""".split()  # noqa: SIM905 - a list would be forty lines
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
        "more most greater larger bigger higher highest largest greatest biggest maximum max upper "
        "above over exceed exceeds long longer longest strong stronger high large "
        "/ less least fewer smaller lower lowest smallest minimum min below under short shorter "
        "shortest weak weaker low small",
        "best better improve improves improved / worst worse worsen worsens worsened",
        "before earlier prior previous precede / after later subsequent following follow",
        "first begin start / last end final",
        "include includes included including inclusive / exclude excludes excluded excluding",
        "inside internal within / outside external beyond",
        "eastern east / western west",
        "northern north / southern south",
        "left / right",
        "same identical alike / different opposite differ",
        "true correct / false incorrect wrong",
        "positive / negative",
        "easy easier simple / difficult hard harder hardest",
        "required mandatory must compulsory / optional voluntary",
        "male man men / female woman women",
        "possible / impossible",
        "likely / unlikely",
        "accept accepted / reject rejected",
        "allow allowed permitted / prohibit prohibited forbidden",
        "fast faster quick / slow slower",
        "old older oldest / new newer young younger newest youngest",
        "open opened / close closed",
        "buy bought / sell sold",
        "import imports / export exports",
        "front / back rear",
        "success succeed succeeded / failure fail failed",
        "agree / disagree",
        "hot warm / cold cool",
        "public / private",
        "top / bottom",
        "advantage / disadvantage",
        "win won / lose lost",
    )
)
"""Words of one side say the contrary of those of the other."""


@dataclass(frozen=True, slots=True)
class Denial:
    """What one word of denial denies: the stems of telling words before it and after it."""

    before: frozenset[str]
    denied: frozenset[str]
    is_aside: bool
    """In brackets, as in "(paid or not)"."""


@lru_cache(maxsize=4096)
def denials(tokens: tuple[str, ...]) -> tuple[Denial, ...]:
    """The denials in a text. tokens: words and signs in lower case, see `assistant.passages`."""
    found = []
    for at, token in enumerate(tokens):
        after = tokens[at + 1 : at + 2]
        is_answer = at == 0 and after == (",",)  # "No, it rose" denies the question
        if token not in DENIALS or is_answer or (token in ("no", "not") and _is_in(after)):
            continue
        before = _telling(tokens[:at][::-1])
        denied = _telling(tokens[at + 1 :]) or before[:1]
        so_far = tokens[:at]
        is_aside = so_far.count("(") > so_far.count(")")
        found.append(Denial(frozenset(before) - frozenset(denied), frozenset(denied), is_aside))
    return tuple(found)


def n_denials_apart(claim: tuple[str, ...], said: tuple[str, ...], shared: Set[str]) -> int:
    """How many denials are in one of two texts only. shared: stems that stand in both."""
    its, apart = list(denials(said)), 0
    for mine in denials(claim):
        same = next((d for d in its if d.denied & mine.denied), None)
        if same is None and its and not mine.denied & shared:
            same = its[0]  # the denied words are said otherwise
        if same is None:
            apart += 1
        else:
            its.remove(same)
    return apart + sum(_concerns(denial, shared) for denial in its)


def _concerns(denial: Denial, shared: Set[str]) -> bool:
    """Whether something is denied that the other text says, rather than another matter."""
    n_denied = len(denial.denied & shared)
    if denial.before & shared or not (denial.before or denial.is_aside):
        return n_denied >= max(1, len(denial.denied) / 2)
    return n_denied >= 2


def opposites(claim: tuple[str, ...], said: tuple[str, ...]) -> bool:
    """Whether a word of one text stands as its opposite in the other.

    Either beside the same word, or, of words that tell much, anywhere.
    """
    mine, its = _placed(claim), _placed(said)
    own, other = ({stem(t) for t in text if t[0].isalpha()} for text in (claim, said))
    for side, against in _SIDES:
        for word in side & own:
            same = [around for w, around in its if w == word]
            contrary = [around for w, around in its if w in against]
            for around in [around for w, around in mine if w == word]:
                if any(_beside(around, a) for a in contrary) and not any(
                    _beside(around, a) for a in same
                ):
                    return True
        if (
            not other & side
            and not own & against
            and _telling_of(side & own)
            and (_telling_of(against & other))
        ):
            return True
    return False


Around = tuple[str, str]


def _placed(tokens: tuple[str, ...]) -> list[tuple[str, Around]]:
    """The words that have an opposite, each with the telling words before and after it."""
    found = []
    for at, token in enumerate(tokens):
        if token[0].isalpha() and (word := stem(token)) in _WITH_OPPOSITE:
            before, after = _telling(tokens[:at][::-1])[:1], _telling(tokens[at + 1 :])[:1]
            found.append((word, ("".join(before), "".join(after))))
    return found


def _beside(one: Around, other: Around) -> bool:
    return any(a and a == b for a, b in zip(one, other, strict=True))


def _telling_of(stems: Set[str]) -> bool:
    return bool(stems - _UNTELLING_STEMS)


def _telling(words: Sequence[str]) -> list[str]:
    """The stems of the first telling words up to where a clause ends."""
    found: list[str] = []
    for word in words:
        if word in ENDS_DENIAL or len(found) == DENIED_WORDS:
            break
        if word not in UNTELLING and word[0].isalnum():
            found.append(stem(word))
    return found


def _is_in(after: tuple[str, ...]) -> bool:
    return bool(after) and after[0] in NOT_A_DENIAL


_SIDES = [(a, b) for one, two in OPPOSITES for a, b in ((one, two), (two, one))]
_WITH_OPPOSITE = frozenset().union(*(side for side, _ in _SIDES))
_UNTELLING_STEMS = frozenset(map(stem, UNTELLING))
