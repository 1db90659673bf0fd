"""What the pronouns of a follow-up stand for: "it", "there", "that year", "the second one".

By rule, from the turns before; English only. Leaves out what a follow-up leaves out altogether:
that is `assistant.ellipsis`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from langchain_core.embeddings import Embeddings

from assistant.conversation import Turn
from assistant.question_parts import (
    ARTICLES,
    ASKING,
    AUXILIARIES,
    BEING,
    MANY_THINGS,
    PARTICIPLE,
    POSSESSIVE,
    PREPOSITIONS,
    PRONOUNS,
    VERBS,
    YEAR,
    Part,
    Token,
    clause,
    content,
    noun_phrases,
    parts,
    tokens,
    topic,
)
from assistant.sentences import split_sentences

WEATHER = frozenset(("rain", "rains", "rained", "snow", "snows", "snowed"))
CALLED = frozenset(("called", "named"))
"""After "is it", where a clause with "when" or "if" tells what is called so."""
EXPLETIVE = frozenset(
    """true possible likely necessary allowed safe legal important correct worth raining
    advisable common normal""".split()  # noqa: SIM905
)
"""After "is it": then "it" stands for nothing."""
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
NTH = re.compile(
    rf"\bthe (?:({'|'.join(ORDINALS)}|last) ones?|(former|latter))\b(?!\s+[a-z]+s\b)", re.IGNORECASE
)
ITEM = re.compile(r"^(?:-|\d{1,3}\.) +(.+)$", re.MULTILINE)
MAX_ITEM_CHARS = 80
BOTH = re.compile(
    r"\b(?:which|who|whose|what)\b(?:\s+(?:one|of (?:them|the two|these|those)))?",
    re.IGNORECASE,
)
COMPARATIVE = re.compile(
    r"\b(?:more|less|fewer|most|least|better|best|worse|worst|\w{2,}(?:er|est))\b", re.IGNORECASE
)
KINDS = frozenset(
    """area bank book brand building capital city company country county district firm island lake
    man month mountain organisation organization paper person place product region river school
    state study system town university village woman""".split()  # noqa: SIM905
)
"""Words that "that" and "this" stand before, for what has a name."""
CLAUSE_OPENERS = ASKING | {"and", "but", "if", "because", "while", "or"}
MEASURED = frozenset(("take", "takes", "took", "taken", "cost", "costs"))
"""What "it" does with time or money; what is done then is said after "to"."""
ROW = re.compile(r" — [^:;]{1,100}: ")
"""Ends the first cell of a quoted table row; the names after it are also those of columns."""
AFTER_THAT = frozenset(("again", "back", "happen", "help", "matter", "mean", "too", "work"))
"""May end a question of which "that" is the object or the subject."""
DOES_WHAT = re.compile(r"\b(?:do|does|did|doing|done) (?:it|that|this|so)$", re.IGNORECASE)
POINTING_END = re.compile(
    r"\s+(?:(?:of|about|for|in|on)\s+)?(?:it|that|this|them|those|these)$", re.IGNORECASE
)


def compared(question: str, history: Sequence[Turn], _: Embeddings) -> str | None:
    """The question with what the last two questions were about, if it compares these."""
    opening = BOTH.match(question.strip())
    rest = question.strip()[opening.end() :] if opening else ""
    own = content(tokens(rest))
    words = [token.word for token in tokens(rest)]
    if not opening or len(own) > 1 or not COMPARATIVE.search(rest) or {"than", "about"} & {*words}:
        return None
    if own and words.index(own[0].word) and words[words.index(own[0].word) - 1] in ARTICLES:
        return None  # "the manager"
    about = list(dict.fromkeys(topic(turn.question) for turn in history[-2:]))
    return f"{_bare(question)} ({'; '.join(about)})?"


def resolved(question: str, history: Sequence[Turn], _: Embeddings) -> str | None:
    """The question with names and nouns for its pronouns; None where it has none."""
    last = history[-1]
    text = _with_items(question, last)
    found = tokens(text)
    pointing = [i for i in range(len(found)) if _points_back(found, i)]
    if not pointing:
        return text if text != question else None
    is_named = False
    for i in reversed(pointing):
        start, end, standing = _standing_for(found, i, last)
        if not standing:
            continue
        text, is_named = f"{text[:start]}{standing}{text[end:]}", True
    return text if is_named else f"{_bare(question)} ({topic(last.question)})?"


def without_pronoun(text: str) -> str:
    """The text without what would point to what is named after it."""
    return POINTING_END.sub("", text)


def _points_back(found: Sequence[Token], i: int) -> bool:
    """Whether the word there is a pronoun for something that the question does not name."""
    token, after = found[i], [t.word for t in found[i + 1 : i + 3]]
    before = found[i - 1].word if i else ""
    if token.word == "there":
        return before not in AUXILIARIES and not (after and after[0] in AUXILIARIES)
    if token.word not in PRONOUNS or _is_named_before(found, i):
        return False
    if token.word == "it":
        is_told = before in BEING and any(t.word in ("if", "when", "that") for t in found[i + 2 :])
        is_named = is_told and after[:1] and after[0] in CALLED
        is_time = not after and "time" in (t.word for t in found[:i])
        is_weather = after and after[0] in WEATHER
        return not (is_named or is_weather or is_time or len(_what_it_opens(found, i)) > 1)
    if token.word == "that":
        is_thing = bool(after) and (after[0] in KINDS or after[0] == "year")
        follows = before in AUXILIARIES | PREPOSITIONS | {"", "and", "explain", "show"}
        is_end = not after or (after[0] in AFTER_THAT and len(after) == 1)
        return is_end or is_thing or (follows and before != "") or after[0] in AUXILIARIES
    return True


def _what_it_opens(found: Sequence[Token], i: int) -> list[str]:
    """What "it" only stands before, such as "get a visa" in "does it take to get a visa"."""
    rest = [token.word for token in found[i + 1 :]]
    if rest[:1] == ["mean"] and rest[1:2] and rest[1] in ("if", "that", "to", "when"):
        return rest[2:]
    is_measured = any(word in MEASURED for word in rest[:2])
    is_opening = i > 0 and found[i - 1].word in BEING
    if is_opening and rest[:1] and rest[0] in EXPLETIVE:
        return rest[1:] or rest
    place = rest.index("to") if "to" in rest else -1
    is_near = 0 <= place <= 2 + is_measured
    return rest[place + 1 :] if (is_measured or is_opening) and is_near else []


def _is_named_before(found: Sequence[Token], i: int) -> bool:
    """Whether a clause before, in the same question, names what the pronoun stands for."""
    for place in range(i - 1, 0, -1):
        is_cut = found[place].word in CLAUSE_OPENERS
        if is_cut and i + 1 < len(found):
            named = content(found[:place])
            return len(named) > 1 or any(t.text[0].isupper() for t in named[:1])
    return False


def _standing_for(found: Sequence[Token], i: int, last: Turn) -> tuple[int, int, str]:
    """From where to where the words are replaced, and by what; "" where nothing fits."""
    token = found[i]
    start, end = token.start, token.end
    after = found[i + 1] if i + 1 < len(found) else None
    if token.word == "it" and _what_it_opens(found, i):
        return start, end, ""
    if token.word in ("this", "that", "these", "those") and after:
        if after.word == "year":
            return start, after.end, _year(last)
        if after.word in KINDS or after.word.rstrip("s") in KINDS:
            return start, after.end, _named(last)
        if not after.is_function_word:
            return start, end, ""
    if token.word == "there":
        place = _place(last)
        return start, end, f"in {place}" if place else ""
    standing = _person(last) if token.word in ("he", "she", "him", "his", "her") else ""
    is_thing = token.word in ("it", "its") and _asks_for_doer(last)
    standing = standing or _thing(last, is_plural=token.word in MANY_THINGS, is_asked=is_thing)
    is_possessive = token.word in POSSESSIVE and after and not after.is_function_word
    return start, end, f"{standing}'s" if is_possessive and standing else standing


def _thing(last: Turn, *, is_plural: bool, is_asked: bool) -> str:
    """What was asked about; of several things the one of that number.

    is_asked: the question itself names it, and not the answer.
    """
    known = _phrases(last.question)
    if not (is_asked and known) and _asks_for_name(last) and (named := _named_in_answer(last)):
        return named
    for phrase in known:
        head = re.split(r"\s+(?:of|in|on|at|for)\s+", phrase)[0]
        if Part(head, 0, 0).is_plural == is_plural:
            return phrase
    return known[0] if known else ""


def _phrases(question: str) -> list[str]:
    """The noun phrases of a question, the likeliest first; no words are in two of them."""
    cut = clause(question)
    about = topic(question)
    if not (cut.asked or cut.auxiliary) and about != _bare(question):
        return [about] if about else []  # "Show me the table"
    found = noun_phrases(question)
    if cut.counted and found and PARTICIPLE.fullmatch(found[0].lower()):
        found[0] = cut.counted
    asking = {token.word for token in tokens(_bare(question)[: -len(cut.about) or None])}
    empty = (asking - {token.word for token in tokens(cut.counted)}) | VERBS | EXPLETIVE
    phrases: list[str] = []
    known: set[str] = set()
    for phrase in found:
        words = {token.word for token in content(tokens(phrase))}
        if not words <= empty and not words & known:
            phrases.append(phrase)
            known |= words
    return phrases


def _asks_for_name(last: Turn) -> bool:
    """Whether the answer names what is asked for: "Who …", "Which company …"."""
    words = [token.word for token in tokens(last.question)[:2]]
    return words[:1] in (["who"], ["whose"]) or (
        words[:1] in (["which"], ["what"]) and words[1:2] != [] and words[1] in KINDS
    )


def _asks_for_doer(last: Turn) -> bool:
    """Whether it is asked who did something to a thing: "Who built the tower?"."""
    is_who = [token.word for token in tokens(last.question)[:1]] == ["who"]
    return is_who and not clause(last.question).auxiliary


def _person(last: Turn) -> str:
    if _asks_for_name(last) and (named := _named_in_answer(last)):
        return named
    return next((p.text for p in parts(last.question) if p.is_name), "")


def _named(last: Turn) -> str:
    """The name that the answer gives to what was asked, or the first in the question."""
    if _asks_for_name(last) and (named := _named_in_answer(last)):
        return named
    return next((p.text for p in parts(last.question) if p.is_name), "")


def _named_in_answer(last: Turn) -> str:
    """The first name of the answer that the question does not have."""
    known = {token.word for token in tokens(last.question)}
    for sentence in split_sentences(last.answer)[:1]:
        for part in parts(ROW.split(sentence, maxsplit=1)[0], is_fragment=True):
            words = [token for token in tokens(part.text) if token.word not in known]
            if part.is_name and words:
                return part.text
    return ""


def _place(last: Turn) -> str:
    """Where: what the answer names, or stands after the last "in", or was asked about."""
    if _asks_for_name(last) and (named := _named_in_answer(last)):
        return named
    names = [p for p in parts(last.question) if p.is_name]
    if within := [p.text for p in names if p.preposition in ("in", "at")]:
        return within[-1]
    about = next(iter(noun_phrases(last.question)), "")
    is_place = any(token.word in KINDS for token in tokens(about))
    return names[0].text if names and not is_place else about


def _year(last: Turn) -> str:
    for text in (last.question, last.answer):
        if years := [p.text for p in parts(text) if p.is_number and YEAR.fullmatch(p.text)]:
            return years[-1]
    return ""


def _with_items(question: str, last: Turn) -> str:
    """The question with what "the second one" or "the latter" stands for, where that is known."""

    def item(found: re.Match[str]) -> str:
        known = _items(last)
        which = (found[1] or found[2]).lower()
        place = {"last": -1, "former": 0, "latter": -1}.get(which)
        place = ORDINALS.index(which) if place is None else place
        return known[place] if -len(known) <= place < len(known) else found[0]

    return NTH.sub(item, question)


def _items(last: Turn) -> list[str]:
    """What the answer lists, or else what the question names side by side."""
    listed = []
    for text in ITEM.findall(last.answer):
        names = [part.text for part in parts(text, is_fragment=True) if part.is_name]
        listed.append(names[0] if names else text[:MAX_ITEM_CHARS].rstrip(". "))
    return listed or [part.text for part in parts(last.question) if part.is_name]


def _bare(question: str) -> str:
    return question.strip().rstrip("?!. ")
