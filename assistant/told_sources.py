"""The sources as a language model is told them: numbered, fenced, within a number of tokens.

The best come whole; what does not fit is cut at the end of a row, a line or a word, or left
out. Nothing in a source can look like a fence, or like what parts the messages of a chat.
Leaves out the rules and the question: that is `assistant.prompt`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.documents import Document

from assistant.answer import Source
from assistant.injections import without_instructions
from assistant.tokens import n_tokens

TAG_START = re.compile(r"<(?=[^\s\d=<.,-])|<<")
"""Opens a tag of any kind; "p < 0.05" and "<5" do not."""
CHAT_MARK = re.compile(r"\[(?=/?[A-Z]{3,}(?:_[A-Z]+)*\]|\|)")
"""What parts the messages in the chats of Mistral and EXAONE, such as [INST] and [|user|]."""
LINE_END = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ue000-\uf8ff\U000e0000-\U000e0fff]"
)
"""What a person would not see, or sees turned about: words may hide in it."""
TABLE_ROW = re.compile(r"\s*\|.*\|\s*")
MAX_PLACE_CHARS = 160
MIN_CUT_TOKENS = 40
"""A source of which less could be told is left out."""
FULL_SHARE_TOKENS = 600
"""As long as this, the best source may take all there is; a longer one at most the half."""
LEFT_OUT = " […]"
MAX_TOKENS_OF_SIGN = 5


@dataclass(frozen=True, slots=True)
class ToldSources:
    """What is told. numbers: of the sources in it."""

    text: str
    numbers: tuple[int, ...]


def tell_sources(sources: Sequence[Source], max_tokens: int) -> ToldSources:
    """As many sources as fit, best first, each with its number, kind and place."""
    told: dict[int, str] = {}
    left = max_tokens
    share = max(max_tokens // 2, FULL_SHARE_TOKENS)
    bodies = [_body(source) for source in sources]
    whole = map(_fenced, sources, bodies)
    is_room = sum(map(n_tokens, whole)) <= max_tokens
    for source, body in zip(sources, bodies, strict=True):
        text = _fitting(source, body, left if is_room else min(left, share))
        if text is not None:
            told[source.n] = text
            left -= n_tokens(text)
    if sources and not told and (least := _least(sources[0], bodies[0], max_tokens)):
        told[sources[0].n] = least
    return ToldSources("\n\n".join(told.values()), tuple(told))


def harmless(text: str) -> str:
    """The text without what could open or end a fence or a message."""
    seen = UNSEEN.sub("", LINE_END.sub("\n", text))
    return CHAT_MARK.sub("(", TAG_START.sub(lambda found: "‹" * len(found[0]), seen))


def cut_to_tokens(text: str, max_tokens: int) -> str:
    """The text up to a row of a table, a line or a word that still fits; "" where none does."""
    if n_tokens(text) <= max_tokens:
        return text
    left = max_tokens - n_tokens(LEFT_OUT)
    kept: list[str] = []
    for line in text.split("\n"):
        left -= (n := n_tokens(line) + 1)
        if left >= 0:
            kept.append(line)
            continue
        if not TABLE_ROW.fullmatch(line) and (words := _words_within(line, left + n)):
            kept.append(words)
        break
    return "\n".join(kept) + LEFT_OUT if any(map(str.strip, kept)) else ""


def _words_within(line: str, max_tokens: int) -> str:
    """The first words of a line; characters where it has no spaces, as in Chinese."""
    ends = [found.start() for found in re.finditer(r"(?<=\S)\s|(?<=[\u3040-\u9fff])", line)]
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high + 1) // 2
        fits = n_tokens(line[: ends[middle - 1]]) <= max_tokens
        low, high = (middle, high) if fits else (low, middle - 1)
    return line[: ends[low - 1]].rstrip() if low else ""


def _fitting(source: Source, body: str, max_tokens: int) -> str | None:
    """The source, cut where it must be; None where too little of it would be left."""
    whole = _fenced(source, body)
    if n_tokens(whole) <= max_tokens:
        return whole
    room = max_tokens - n_tokens(_fenced(source, ""))
    if room < MIN_CUT_TOKENS:
        return None
    cut = cut_to_tokens(body, room)
    return _fenced(source, cut) if cut else None


def _least(source: Source, body: str, max_tokens: int) -> str:
    """The beginning of the source, without its place; "" where there is no room even for it."""
    room = max_tokens - n_tokens(_fenced(source, "", ""))
    cut = cut_to_tokens(body, room) or body[: max(0, room) // MAX_TOKENS_OF_SIGN]
    return _fenced(source, cut, "") if cut else ""


def _fenced(source: Source, body: str, place: str | None = None) -> str:
    """place: where it stands, when None."""
    kind = source.document.metadata.get("modality", "text")
    told = ", ".join(filter(None, [kind, _place(source) if place is None else place]))
    return f"<source {source.n}: {told}>\n{body}\n</source {source.n}>"


def _body(source: Source) -> str:
    return harmless(source.evidence).strip()


def _place(source: Source) -> str:
    """Where it stands, on one line: a title is a document's own words too, and may give orders."""
    told = {
        name: without_instructions(value).strip() if isinstance(value, str) else value
        for name, value in source.document.metadata.items()
    }
    place = replace(source, document=Document("", metadata=told)).place
    place = harmless(" ".join(place.split())).replace(">", "›").strip(", ")
    return place if len(place) <= MAX_PLACE_CHARS else f"{place[:MAX_PLACE_CHARS]}…"
