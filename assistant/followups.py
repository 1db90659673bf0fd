"""Follow-ups such as "and in 2006?" as questions that stand alone; other questions as they are.

A model that is trusted with facts is asked where code finds something left out, and its wording
is taken only if it brings in nothing new. Else, and for a small model, rules put it back
(`assistant.ellipsis`). Leaves out what was said before: `assistant.conversation`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing

from langchain_core.embeddings import Embeddings
from langchain_core.messages import HumanMessage, SystemMessage

from assistant.conversation import MAX_TURNS, Turn
from assistant.ellipsis import is_fragment, may_lack_something, put_back
from assistant.errors import ContextExceeded, GenerationFailed
from assistant.llm import LanguageModel
from assistant.prompt import MAX_QUESTION_CHARS, prompt_text
from assistant.question_parts import FUNCTION_WORDS, OPENERS, tokens
from assistant.sentences import numbers, stem, stems, words
from assistant.tokens import n_tokens, own_tokens, prompt_tokens
from assistant.told_sources import harmless

MAX_TURN_CHARS = 500
"""Of one question or answer: its beginning says what it is about."""
MAX_REWRITTEN_CHARS = 400
"""A longer line is no question."""
LABEL = re.compile(r"\w+:\s*")
NEGATION = re.compile(
    r"\b(?:not|no|never|none|nor|neither|without|except|cannot)\b|n['’]t\b", re.IGNORECASE
)
GLUE = frozenset(("compare", "differ", "difference", "question", "mean", "regard"))
"""Stems that a rewording may add besides function words."""


def stand_alone(
    question: str, history: Sequence[Turn], model: LanguageModel, embeddings: Embeddings
) -> str:
    """The question as it is understood after these turns; as it was typed where it stands alone.

    Raises a ModelUnavailable, or a GenerationFailed that the answer would meet too.
    """
    recent = _alone(history[-MAX_TURNS:], embeddings)
    if not recent or len(question) > MAX_TURN_CHARS:
        return question
    by_rule = put_back(question, recent, embeddings)[:MAX_QUESTION_CHARS]
    if not model.is_trusted_with_facts:
        return by_rule
    if by_rule == question and not may_lack_something(question):
        return question
    return _reworded(question, recent, model) or by_rule


def _alone(history: Sequence[Turn], embeddings: Embeddings) -> list[Turn]:
    """The turns, their questions as they stand alone."""
    alone: list[Turn] = []
    for turn in history:
        if not {token.word for token in tokens(turn.question)} - OPENERS:
            continue  # "—" or "and?": nothing can be put back from it
        asked = turn.question[:MAX_TURN_CHARS]
        if not turn.stands_alone:
            asked = put_back(asked, alone, embeddings)
        alone.append(Turn(asked[:MAX_TURN_CHARS], turn.answer))
    return alone


def _reworded(question: str, history: Sequence[Turn], model: LanguageModel) -> str | None:
    """The model's wording; None where it is none, or says what nobody has said."""
    rules, asked = prompt_text("follow_up"), f"Question: {harmless(question)}"
    left = prompt_tokens(model.context_tokens) - own_tokens(rules) - n_tokens(asked)
    if not (told := _told(history, left)):
        return None  # the model's context is too small
    messages = [SystemMessage(rules), HumanMessage(f"{told}\n\n{asked}")]
    written = ""
    try:
        with closing(model.stream(messages)) as pieces:
            for piece in pieces:
                written += piece
                if len(written) > MAX_REWRITTEN_CHARS or "\n" in written.strip():
                    break
    except GenerationFailed as error:
        if type(error) not in (GenerationFailed, ContextExceeded):
            raise  # stopped, or the question would fail, or wait as long, once more
        return None  # the rules have an answer too
    line = _unlabelled(written).strip('"“” ')
    if words(line) == words(question):
        return question
    return line if _is_borne_out(line, question, history) else None


def _unlabelled(written: str) -> str:
    """The line without a label before it, such as "Question:"."""
    found = LABEL.match(line := written.strip())
    return line[found.end() :] if found else line


def _told(history: Sequence[Turn], max_tokens: int) -> str:
    """The last turns that fit, in their order."""
    told: list[str] = []
    for turn in reversed(history):
        asked, said = (harmless(t[:MAX_TURN_CHARS]) for t in (turn.question, turn.answer))
        text = f"<turn>\nPerson: {asked}\nAnswer: {said or 'none'}\n</turn>"
        max_tokens -= n_tokens(text)
        if max_tokens < 0:
            break
        told.append(text)
    return "\n".join(reversed(told))


def _is_borne_out(line: str, question: str, history: Sequence[Turn]) -> bool:
    """Whether the line is one question, of words that were said, with all that was asked."""
    is_asked = line.endswith("?") or words(line)[:1] == words(question)[:1]
    if not is_asked or "\n" in line or len(line) > MAX_REWRITTEN_CHARS:
        return False
    said = " ".join([question, *(f"{turn.question} {turn.answer}" for turn in history)])
    known = {stem(word) for word in words(said)} | GLUE
    told = [stem(word) for word in words(line) if word not in FUNCTION_WORDS]
    return (
        set(told) <= known
        and numbers(line) <= numbers(said)
        and numbers(question) <= numbers(line)
        and set(stems(question)) <= {stem(word) for word in words(line)}
        and _negates_alike(line, question, history[-1].question)
        and _keeps_subject(line, question, history[-1].question)
    )


def _negates_alike(line: str, question: str, before: str) -> bool:
    """Whether the line denies what the question does, and nothing that was not denied."""
    denied, asked, known = (
        set(NEGATION.findall(text.lower())) for text in (line, question, f"{question} {before}")
    )
    return asked <= denied <= known


def _keeps_subject(line: str, question: str, before: str) -> bool:
    """Whether a fragment took the place of no more words than it has; the others stay."""
    if not is_fragment(question):
        return True
    new, old, kept = (
        {stem(word) for word in words(text) if word not in FUNCTION_WORDS}
        for text in (question, before, line)
    )
    return len(old - kept) <= len(new)
