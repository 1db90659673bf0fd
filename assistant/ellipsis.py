"""What a follow-up leaves out, put back by rule from the turns before: no model invents anything.

English only; in another language every question stands alone. Leaves out the way by a language
model: that is `assistant.followups`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from langchain_core.embeddings import Embeddings

from assistant.conversation import Turn
from assistant.question_parts import (
    ARTICLES,
    ASKING,
    AUXILIARIES,
    BEING,
    DOING,
    OPENERS,
    POSSESSIVE,
    PREPOSITIONS,
    PRONOUNS,
    SPEAKERS,
    TIMES,
    Clause,
    Part,
    Token,
    clause,
    content,
    noun_phrases,
    parts,
    tokens,
    topic,
)
from assistant.references import DOES_WHAT, compared, resolved, without_pronoun

LEAST_LIKENESS = 0.25
"""Of what a fragment replaces to the fragment, with what speaks for it besides."""
SAME_PREPOSITION, BOTH_NAMES, SAME_LEAD, SAME_LENGTH = 0.3, 0.2, 0.2, 0.1
"""What speaks for a part besides its likeness; chosen so that MiniLM's cosines still decide."""
MAX_FRAGMENT_WORDS = 3
"""Of its own: who says more begins a new topic."""
MAX_RUN_WORDS, MAX_RIVALS = 5, 60
"""What may be replaced, at most: each costs a vector, a millisecond or two."""
GENERIC = frozenset(
    """answer cause chart causes continue detail details diagram document elaborate example examples
    explain figure figures find further give go graph happened illustration image know list
    long look map mean means month often page percent percentage picture plot reason reasons say
    see show source sources tell total year years far soon come""".split()  # noqa: SIM905
)
"""Words that carry no topic of their own."""
PEOPLE = frozenset(
    """adults boys children employees females girls males men patients people persons pupils
    students teachers voters women workers""".split()  # noqa: SIM905
)
"""They stand for each other, and for nothing else, however near the vectors are."""
PICTURES = frozenset(
    """chart charts diagram drawing figure figures graph graphs illustration image images map photo
    picture pictures plot""".split()  # noqa: SIM905
)
SMALL_TALK = frozenset(
    "bye hello hey hi yes yeah no nope ok okay thanks thank please cool great sorry".split()  # noqa: SIM905
)
REWORDING = re.compile(
    r"\W*(?:please\s+|(?:can|could) you\s+)?(?:(?:make|say|put|repeat|rephrase|summari[sz]e|"
    r"shorten|translate|write)\s+(?:it|that|this)\b|"
    r"(?:shorter|simpler|in (?:short|brief|one sentence|other words|simple words))\b)",
    re.IGNORECASE,
)
HOW = re.compile(
    rf"^(?:\w+ )?how ((?!(?:{'|'.join(AUXILIARIES)}|about|come)\b)\w+)\b", re.IGNORECASE
)
"""With an adjective, or "many": how much of something there is."""
BARE_WHY = re.compile(r"why (?:so \w+ )?\(", re.IGNORECASE)
"""As `_asked_why` words it: nobody types such."""
MEANT = re.compile(r"(?:no|sorry)?\W*I (?:meant|mean)\b\W*", re.IGNORECASE)
NEGATIONS = frozenset(("not", "no", "never", "without", "except"))
"""What they leave out of the question before is not put in its place."""

Way = Callable[[str, Sequence[Turn], Embeddings], str | None]


def put_back(question: str, history: Sequence[Turn], embeddings: Embeddings) -> str:
    """The question as it stands alone; as it was typed where it does so already."""
    is_correction = MEANT.match(question.strip()) is not None
    if not history or not tokens(question) or (_is_small_talk(question) and not is_correction):
        return question
    for way in WAYS:
        if (found := way(question, history, embeddings)) is not None:
            return found
    return question


def may_lack_something(question: str) -> bool:
    """Whether a model might find something left out where the rules find nothing.

    So it is for a question with little of its own, or with a noun as if it were known.
    """
    found = tokens(question)
    own = _telling(question)
    if _is_small_talk(question) or any(_is_named(token) for token in own):
        return False
    is_definite = any(token.word in ARTICLES | PRONOUNS for token in found)
    return len(own) <= 2 or (len(own) <= MAX_FRAGMENT_WORDS and is_definite)


def is_fragment(question: str) -> bool:
    """Whether something is said where a whole question would be, such as "and in 2006?"."""
    return _fragment(question) is not None


def _is_small_talk(question: str) -> bool:
    return all(t.word in SMALL_TALK or t.is_function_word for t in tokens(question)[:3]) and any(
        t.word in SMALL_TALK for t in tokens(question)[:1]
    )


# What is wanted of the answer, such as "make that shorter"


def _reworded(question: str, history: Sequence[Turn], _: Embeddings) -> str | None:
    if not REWORDING.match(question) or len(_telling(question)) > MAX_FRAGMENT_WORDS:
        return None
    return f"{_bare(history[-1].question)} ({_bare(question)})?"


# Fragments, such as "and in 2006?", "What about Dallas?"


def _filled_in(question: str, history: Sequence[Turn], embeddings: Embeddings) -> str | None:
    """The question before, with the fragment in the place of what is of its kind."""
    found = _fragment(question)
    if found is None:
        return None
    fragment, is_opened = found
    asked = before = _last_asked(history)
    left: list[str] = []
    leader = tokens(fragment)[0].word
    said = parts(fragment, is_fragment=True)
    for part in said:
        if _is_said(part, asked):
            continue
        text = fragment[part.start : part.end]
        if part.preposition:
            after = part.preposition_start + len(part.preposition)
            text = part.preposition + fragment[after : part.end]
        is_thing = leader in POSSESSIVE | ARTICLES and not part.is_name
        replaced = _replaced(asked, part, text, said, embeddings, is_thing=is_thing)
        if replaced is not None:
            asked = replaced
        elif part.preposition:
            asked = f"{_bare(asked)} {text}?"
        else:
            left.append(text)
    if not left:
        return asked
    if asked == before and not is_opened:
        return None  # a topic of its own, in key words
    return f"{' '.join(left)} ({topic(asked) or _bare(asked)})?"


def _last_asked(history: Sequence[Turn]) -> str:
    """The last question; a bare "why?" between changes nothing of what it was about."""
    asked = [turn.question for turn in history]
    return next((text for text in reversed(asked) if not BARE_WHY.match(text)), asked[-1])


def _fragment(question: str) -> tuple[str, bool] | None:
    """What is said where a whole question would be, and whether it is clearly a follow-up."""
    text = _bare(question)
    found = tokens(text)
    is_opened = False
    if meant := MEANT.match(text):
        found, is_opened = [token for token in found if token.start >= meant.end()], True
    while found and found[0].word in OPENERS:
        found, is_opened = found[1:], True
    words = [token.word for token in found]
    if words[:2] in (["what", "about"], ["how", "about"], ["what", "of"], ["same", "for"]):
        found, is_opened = found[2:], True
    elif words[:3] == ["the", "same", "for"]:
        found, is_opened = found[3:], True
    own = content(found)
    is_led = bool(found) and found[0].word in PREPOSITIONS | ARTICLES | POSSESSIVE
    if (
        not own
        or any(token.word in NEGATIONS for token in found)
        or len(own) > MAX_FRAGMENT_WORDS + len([t for t in own if t.text[0].isupper()])
        or any(t.word in ASKING | AUXILIARIES | PRONOUNS | SPEAKERS for t in found[1:])
        or found[0].word in ASKING | AUXILIARIES | (PRONOUNS - POSSESSIVE) | SPEAKERS
        or own[0].word in GENERIC
        or not (is_opened or is_led or len(own) == 1 or all(t.text[0].isupper() for t in own))
    ):
        return None
    return text[found[0].start :], is_opened or is_led


def _is_said(part: Part, asked: str) -> bool:
    """Whether the question says the very same: nothing else gives way for it."""
    return re.search(rf"(?<!\w){re.escape(part.text)}(?!\w)", asked, re.IGNORECASE) is not None


def _replaced(
    asked: str,
    part: Part,
    text: str,
    said: Sequence[Part],
    embeddings: Embeddings,
    *,
    is_thing: bool,
) -> str | None:
    """The question with the part in the place of one of its kind; None where it has none.

    said: what stays, if the question has it. is_thing: no name in lower case, since an article
    stands before it.
    """
    kept = {other.text.lower() for other in said}
    known = [k for k in parts(asked) if not (is_thing and k.is_name) and k.text.lower() not in kept]
    if part.is_number:
        same = [k for k in known if k.is_number and k.shape == part.shape]
        return _with(asked, same[-1], part, text) if same else None
    rivals = [rival for k in known if not k.is_number for rival in _runs(k)][:MAX_RIVALS]
    if _is_people(part):
        starts = {k.start for k in known}
        rivals = [rival for rival in rivals if _is_people(rival) and rival.start in starts]
    if not rivals:
        return None
    vectors = np.asarray(embeddings.embed_documents([part.text, *(r.text for r in rivals)]))
    likeness = vectors[1:] @ vectors[0]
    scores = [
        float(cosine)
        + SAME_PREPOSITION * bool(part.preposition and part.preposition == rival.preposition)
        + BOTH_NAMES * (part.is_name and rival.is_name)
        + SAME_LEAD * (is_thing and rival in known and _is_led(asked, rival))
        + SAME_LENGTH * (len(part.text.split()) == len(rival.text.split()))
        for cosine, rival in zip(likeness, rivals, strict=True)
    ]
    best = int(np.argmax(scores))
    least = 2 * LEAST_LIKENESS if part.preposition else LEAST_LIKENESS
    return _with(asked, rivals[best], part, text) if scores[best] >= least else None


def _is_people(part: Part) -> bool:
    return tokens(part.text)[-1].word in PEOPLE


def _is_led(asked: str, part: Part) -> bool:
    """Whether an article stands before the part."""
    return asked[: part.start].rstrip().rpartition(" ")[2].lower() in ARTICLES


def _runs(part: Part) -> list[Part]:
    """The part, and what of it may be replaced by itself; a name only as a whole."""
    words = tokens(part.text)
    if part.is_name:
        return [part]
    found = []
    for first in range(len(words)):
        for last in range(first, min(len(words), first + MAX_RUN_WORDS)):
            start, end = words[first].start, words[last].end
            found.append(
                Part(
                    part.text[start:end],
                    part.start + start,
                    part.start + end,
                    preposition=part.preposition if first == 0 else "",
                    preposition_start=part.preposition_start if first == 0 else -1,
                )
            )
    return found


def _with(asked: str, old: Part, new: Part, text: str) -> str:
    """The question with another part. The preposition stays unless the new one says otherwise."""
    is_new = bool({new.preposition, old.preposition} & TIMES)
    if new.preposition and old.preposition and is_new:
        return f"{asked[: old.preposition_start]}{text}{asked[old.end :]}"
    before = asked[: old.start]
    if found := re.search(r"\ban? $", before):
        article = "an " if new.text[0].lower() in "aeiou" else "a "
        before = before[: found.start()] + article
    return f"{before}{new.text}{asked[old.end :]}"


# Questions without a content of their own, such as "Why?", "Tell me more", "Is there a chart?"


def _asked_barely(question: str, history: Sequence[Turn], _: Embeddings) -> str | None:
    text = _bare(question)
    found = tokens(text)
    words = {token.word for token in found}
    if _telling(question) or words & {"one", "ones"}:
        return None
    if (
        words & PRONOUNS
        and not words & (PICTURES | {"why"})
        and not DOES_WHAT.search(_bare(question))
    ):
        return None  # what they stand for says more
    while len(found) > 1 and found[0].word in OPENERS:
        found = found[1:]
    text = text[found[0].start :]
    before = history[-1].question
    cut = clause(before)
    about = topic(before) or _bare(before)
    if words & PICTURES:
        return f"{without_pronoun(text)} of {about}"
    if "why" in words or words == {"how", "come"}:
        return _asked_why("Why" if words & (PRONOUNS | {"come"}) else text, before)
    asks = any(token.word in ASKING for token in found)
    if asks and cut.auxiliary and not _is_whole(found):
        return f"{text} {_stated(cut)}?"
    if not asks and found[0].word not in AUXILIARIES:
        return f"{without_pronoun(text)} about {about}"
    return f"{without_pronoun(text)} ({about})?"


def _asked_why(text: str, before: str) -> str:
    """What the question before asked, and not what was answered, with "why"."""
    cut = clause(before)
    about = (topic(before) or _bare(before)).removeprefix("it ")
    degree = HOW.search(before)
    is_alone = text.lower() == "why"
    if degree and is_alone:
        return f"{text} so {degree[1]} ({about})?"
    if cut.auxiliary and cut.asked in ("", "how", "when", "where", "why") and is_alone:
        return f"{text} {cut.auxiliary} {cut.about}?"
    return f"{text} ({about})?"


def _stated(cut: Clause) -> str:
    """The clause with what was counted, such as "cars" of "how many cars", in its place."""
    if not cut.counted:
        return f"{cut.auxiliary} {cut.about}"
    order = (cut.about, cut.counted) if cut.auxiliary in DOING else (cut.counted, cut.about)
    return " ".join((cut.auxiliary, *order))


def _is_whole(found: Sequence[Token]) -> bool:
    """Whether a verb follows the question word."""
    return any(token.word in AUXILIARIES for token in found)


# Questions that leave out a noun: "How many are women?", "Who is the mayor?"


def _counted(question: str, history: Sequence[Turn], embeddings: Embeddings) -> str | None:
    """A count of what was named before: a verb or preposition follows "how many"."""
    words = [token.word for token in tokens(question)]
    while words and words[0] in OPENERS:
        words.pop(0)
    is_count = words[:2] in (["how", "many"], ["how", "much"]) and len(words) > 2
    if not is_count or words[2] not in BEING | PREPOSITIONS or "there" in words[:4]:
        return None
    if words[2] in PREPOSITIONS:
        where = next(token for token in tokens(question) if token.word == words[2])
        return _filled_in(question[where.start :], history, embeddings)
    return f"{_bare(question)} ({topic(history[-1].question)})?"


def _of_what(question: str, history: Sequence[Turn], _: Embeddings) -> str | None:
    """What only one thing has, without the thing, as in "Who is the mayor?"."""
    found = tokens(question)
    own = [token for token in content(found) if token.word not in GENERIC]
    if len(own) != 1 or _is_named(own[0]):
        return None
    place = found.index(own[0])
    is_last = place == len(found) - 1
    if not is_last or place == 0 or found[place - 1].word != "the" or found[0].word not in ASKING:
        return None
    names = [part.text for part in parts(history[-1].question) if part.is_name]
    about = names[0] if len(names) == 1 else next(iter(noun_phrases(history[-1].question)), "")
    return f"{_bare(question)} of {about}?" if about else None


def _is_named(token: Token) -> bool:
    return any(c.isupper() or c.isdigit() for c in token.text)


def _telling(question: str) -> list[Token]:
    """The words of the question that have a topic of their own."""
    return [token for token in content(tokens(question)) if token.word not in GENERIC]


def _bare(question: str) -> str:
    return question.strip().rstrip("?!. ")


WAYS: tuple[Way, ...] = (
    _reworded,
    compared,
    _asked_barely,
    _filled_in,
    resolved,
    _counted,
    _of_what,
)
"""From the surest to the least sure; the first that finds something left out puts it back."""
