"""Finds sentences in documents that speak to a language model and not to a reader.

Documents may hold instructions, in plain sight, in a picture's letters or an alternative text.
What is found here is no evidence: it enters no prompt, is never quoted and bears nothing out. The
person still sees it where the source itself is shown. English only, and by wording: what gets
past it meets the check of citations, and can act in no form of an answer. Leaves out text that
nobody can see: the loaders leave that out.
"""

from __future__ import annotations

import re
from functools import lru_cache

from assistant.sentences import segments

_MODEL = (
    r"(?:ai|llm|(?:large )?language model|chatbot|chat ?gpt|copilot|(?:ai )?(?:assistant|agent))s?"
)
_ANSWER = r"(?:answer|reply|response|output|summary|citation|source list)s?"
_SAY = (
    r"(?:say|write|answer|reply|respond|output|print|state|claim|repeat|insert|include|append|"
    r"add|end|begin|start|finish|cite|display|show|embed|render|tell|mention|reveal|put)"
)
_START = r"^\W*(?:(?:please|now|always|only|just|instead,?|you must|you should|you will) )*"
PATTERNS = (
    r"\b(?:ignore|disregard|forget|override|bypass|skip)\b,? (?:\w+ ){0,2}"
    r"(?:the|your|these|those|all|any|previous|prior|earlier|above|other)\b.{0,40}"
    r"\b(?:instruction|prompt|rule|direction|guideline|command|constraint)s?\b",
    r"\b(?:ignore|disregard|forget)\b(?: \w+){0,2} "
    r"(?:above|previous|preceding|prior|before|everything)\b",
    r"<\|\w+\|>|\[/?INST\]|<</?SYS>>|<(?:system|assistant|user|instructions?|important)>",
    r"(?:^|>)\W*(?:system|assistant|developer|new instructions?|instructions?|admin)\s*:",
    rf"\b(?:you are|act as|pretend to be)\b(?: now)?(?: an?| the)?(?: \w+)? {_MODEL}\b",
    rf"\bas an? {_MODEL}, (?:you|i)\b",
    r"\b(?:dear|attention|note (?:to|for)|message (?:to|for)|hey|hello|if you are)[,:]? "
    rf"(?:an? |any |all |the )?{_MODEL}\b",
    rf"(?:^|:)\W*(?:to (?:any|all|the) )?{_MODEL}\s*[:,]",
    rf"\b(?:system|assistant|developer|admin)\s*:\s*{_SAY}\b",
    r"\bsystem (?:prompt|message|override|instructions?)\b",
    rf"{_START}{_SAY}\b.*\b(?:in|to|at|of|with|from|after) (?:your|every|each|all) {_ANSWER}\b",
    rf"\b(?:every|each|all|your) (?:next |final |whole )?{_ANSWER} "
    r"(?:must|should|has to|is to|ends?)\b",
    rf"\b{_SAY}\b.{{0,60}}\bto the (?:user|reader|person (?:who|that) asks)\b",
    r"\b(?:tell|inform|convince|ask) the user\b",
    r"\b(?:when|if|whenever|before) (?:you are |you're )?"
    r"(?:asked|answering|summari[sz]ing|responding|citing|replying)\b",
    rf"{_START}{_SAY} (?:only|exactly|verbatim|instead|this|that|the following|with|nothing|"
    r"no source|nobody)\b",
    r"\b(?:do not|don't|never|must not) (?:cite|quote|reveal|mention|tell|show|use)\b.{0,40}"
    r"\b(?:source|document|user|figure|instruction|citation|passage)s?\b",
    rf"\bthe (?:only |one )?(?:correct|right|true|real|official) {_ANSWER} (?:is|must)\b",
)
INSTRUCTION = re.compile("|".join(f"(?:{p})" for p in PATTERNS), re.IGNORECASE | re.MULTILINE)
CELL = re.compile(r"(?<!\\)\|")


def is_instruction(sentence: str) -> bool:
    """Whether the sentence tells a language model what to do."""
    return INSTRUCTION.search(sentence) is not None


@lru_cache(maxsize=256)  # every part that reads a source asks anew
def without_instructions(text: str) -> str:
    """The text without such sentences; of a table's row without such cells."""
    if not INSTRUCTION.search(text):
        return text
    return "\n".join(_line_without(line) for line in text.splitlines())


def _line_without(line: str) -> str:
    if not is_instruction(line):
        return line
    if line.startswith("|"):
        return "|".join("" if is_instruction(cell) else cell for cell in CELL.split(line))
    return "".join(s for s in segments(line) if not is_instruction(s)).rstrip()
