"""Finds sentences in documents that speak to a language model and not to a reader.

A sentence is one where it overrides clearly ("ignore all previous instructions"), or both addresses
a model and orders something about its answer; one of the two alone stands in surveys, manuals and
contracts. What is found is no evidence: it enters no prompt, is never quoted and bears nothing out.
The person still sees it where the source itself is shown. English only, and by wording: whoever
takes other words, other languages or a plain false claim gets past it. The real protection is the
check of citations, and that no form of an answer shows what is not the library's own. Leaves out
text that nobody can see: the loaders leave that out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from assistant.sentences import segments

_MODEL = (
    r"(?:ai(?: (?:assistant|agent|model|system))?|llm|(?:large )?language model|chatbot|"
    r"chat ?gpt)s?"
)
_ANSWER = r"(?:answer|reply|response|output|summary|citation|source list)s?"
_SAY = r"(?:say|write|answer|reply|respond|output|print|claim|repeat|cite|tell|reveal)"
_ADD = r"(?:insert|include|append|add|embed|put|show|display|render|mention|begin|start|finish|end)"
_RULES = r"(?:instruction|prompt|rule|direction|guideline|command|constraint)s?"
_NOT_DENIED = r"(?<!\bnot )(?<!\bnever )(?<!n't )(?<!n’t )\b"
_WORDED = (
    r"with (?:(?:only|exactly|just|nothing but|the (?:word|phrase|sentence|text|line)s?)\b|[\"“'‘]|"
    r"(?-i:[A-Z]{4,})\b)"
)
"""Says which words an answer must have; "with yes or no" and "with a cross" are for surveys."""
_ASKED = r"(?:question|prompt|query|message|request)s?"
_CLEAR = (
    rf"{_NOT_DENIED}(?:ignore|disregard|forget|override),? (?:\w+ ){{0,3}}?(?:previous|prior|"
    rf"earlier|above|preceding|your|system) (?:\w+ ){{0,2}}?{_RULES}\b",
    rf"{_NOT_DENIED}(?:ignore|disregard|forget) (?:any|all)(?: the| other)? "
    r"(?:instruction|prompt)s?\b",
    rf"{_NOT_DENIED}(?:ignore|disregard|forget)(?: (?:the|all|of|everything|anything|what|that|was|"
    r"is|you|were|been|said|told|text|written)){0,5} (?:above|before|previously)"
    rf"(?: said| told| written| text)?,? and (?:\w+ )?{_SAY}\b",
    rf"{_NOT_DENIED}(?:print|repeat|reveal|output) your (?:system )?prompt\b",
    rf"(?:^|\b(?:to|for) (?:\w+ )?){_MODEL}\s?[:,] (?:please )?{_SAY}\b",
    rf"\byou are now (?:an? )?(?:\w+ )?(?:{_MODEL}|assistant) (?:without|with no|that)\b",
    rf"\bfrom now on,? (?:you )?(?:must |will |should )?(?:only |always )?(?:speak|talk|{_SAY}) "
    r"(?:like|in the (?:voice|style) of)\b",
    rf"\byour {_ANSWER} (?:is|are) wrong unless (?:it|they) (?:contains?|says?|ends? with)\b",
    rf"\b{_ADD} (?:this|the following)(?: \w+)? (?:in|to|at|after|with) (?:\w+ ){{0,3}}?"
    rf"(?:your|every|each|all) {_ANSWER}\b",
    rf"\b(?:the|this|any|every|each|all) {_MODEL} (?:[\w,]+ ){{0,6}}?(?:must|should|shall|has to|"
    r"have to|is to|are to) (?:always|only) (?:(?:recommend|praise|endorse|promote|advertise|say|"
    r"claim|state) (?:that|the|this|our|(?-i:[A-Z]))|tell the user\b|"
    rf"(?:answer|reply|respond) (?:\w+ ){{0,4}}?(?:that\b|{_WORDED}))",
    r"^\W{0,9}please (?:always )?(?:tell|inform|assure|convince) the (?:user|asker) that\b",
    r"\b(?:from now on|you are now an? \w).{0,80}\b(?:answer|reply|respond)(?: to)? "
    rf"(?:any|every|each|all) (?:\w+ )?{_ASKED} {_WORDED}",
    r"</?source \d.*\b(?:system|assistant|user)\s?:",
)
_ADDRESS = (
    r"<\|\w+\|>|\[/?INST\]|<</?SYS>>|</?(?:system|assistant|user|instructions?|important)>",
    r"\b(?:dear|attention|(?:note|message|instructions?) (?:to|for)|hey|hello|if you are|"
    rf"to (?:any|all|the))[,:]? (?:an? |any |all |the )?{_MODEL}\b",
    rf"(?:^|[:>])\W{{0,9}}{_MODEL}\s?[:,]",
    rf"\b(?:you are|act as|pretend to be)(?: now)?(?: an?| the)?(?: \w+)? (?:{_MODEL}|assistant)\b",
    rf"\byou are (?:now )?{_MODEL}\b",
    rf"\bas an? {_MODEL}, you\b",
)
_ROLE = (
    r"(?:^|[>;:])\W{0,9}(?:system|assistant|developer|admin|new instructions?)"
    r"(?: (?:message|prompt|override|instructions?|note))?\s?:",
    r"^\W{0,9}(?:when|whenever|if) (?:you are )?asked about\b",
)
"""Stand before words to a reader too, such as "System: Linux": no sign for the next sentence."""
_ORDER = (
    rf"(?:^|[:,;>\]]\W{{0,9}}|\b(?:and|please|must|should|always|then) ){_SAY} (?:only|exactly|"
    r"verbatim|instead|with exactly|this|that|the following|with|nothing|no source|nobody)\b",
    rf"\b(?:{_SAY}|{_ADD})\b.{{0,80}} (?:in|to|at|of|with|from|after|before) "
    rf"(?:your|every|each|all) (?:\w+ )?{_ANSWER}\b",
    rf"\b(?:every|each|all|your) (?:next |final |whole )?{_ANSWER} (?:must|should|has to|is to)\b",
    rf"\b(?:{_SAY}|{_ADD})\b.{{0,60}}\bto the (?:user|reader|person (?:who|that) asks)\b",
    r"\b(?:tell|inform|convince) the user\b",
    r"\b(?:do not|don't|never|must not) (?:cite|quote|reveal|mention|tell|show|use)\b.{0,40}"
    r"\b(?:source|document|user|figure|instruction|citation|passage)s?\b",
    rf"\bthe (?:only |one )?(?:correct|right|true|real|official) {_ANSWER} (?:is|must)\b",
    rf"\b(?:ignore|disregard|forget|override|bypass|skip)\b.{{0,40}}\b{_RULES}\b",
    r"\bthat (?:only |always )?(?:says|answers|replies)\b",
)
CLEAR, ADDRESS, ROLE, ORDER = (
    re.compile("|".join(f"(?:{p})" for p in patterns), re.IGNORECASE)
    for patterns in (_CLEAR, _ADDRESS, _ROLE, _ORDER)
)
CELL = re.compile(r"(?<!\\)\|")
BEGINS_BLOCK = re.compile(r"\s*(?:[-*+•#|>]|\d{1,3}[.)]|\w[\w ]{0,30}:|$)")
"""A line that goes on with no sentence: an item, a heading, a row, a label or an empty one."""
ENDS_SENTENCE = re.compile(r"[.!?:;…][\"”’»)\]]*\s*$")
MIN_WRAPPED_CHARS = 40
"""A shorter line may be a title, and the next a sentence of its own."""


def is_instruction(sentence: str) -> bool:
    """Whether the sentence tells a language model what to do."""
    plain = " ".join(sentence.split())
    is_addressed = ADDRESS.search(plain) or ROLE.search(plain)
    return bool(CLEAR.search(plain) or (is_addressed and ORDER.search(plain)))


@lru_cache(maxsize=256)  # every part that reads a source asks anew
def without_instructions(text: str) -> str:
    """The text without such sentences, over lines too; of a table's row without such cells."""
    return "".join(map(_block_without, _blocks(text)))


def _blocks(text: str) -> Iterator[str]:
    """The lines with their ends; those that one sentence may run over are together."""
    block = last = ""
    for line in text.splitlines(keepends=True):
        if block and not _goes_on(last, line):
            yield block
            block = ""
        block += line
        last = line
    yield block


def _goes_on(last: str, line: str) -> bool:
    """Whether a line goes on with the sentence at the end of the last one."""
    if BEGINS_BLOCK.match(line) or ENDS_SENTENCE.search(last) or last.startswith(("|", "#")):
        return False
    is_cut = len(last) >= MIN_WRAPPED_CHARS and last.rstrip()[-1:].islower()
    return is_cut or line.lstrip()[:1].islower()


def _block_without(block: str) -> str:
    if block.startswith("|"):
        if not is_instruction(block):
            return block
        return "|".join("" if is_instruction(cell) else cell for cell in CELL.split(block))
    flat = block.replace("\n", " ")
    kept = ""
    is_addressed, start = False, 0
    for sentence in segments(flat):
        end = start + len(sentence)
        written, start = block[start:end], end
        if is_instruction(sentence) or (is_addressed and ORDER.search(" ".join(sentence.split()))):
            kept = kept.rstrip(" ") + ("\n" if written.endswith("\n") else "")
            continue
        kept += written
        is_addressed = ADDRESS.search(sentence) is not None
    return kept
