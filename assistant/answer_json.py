"""What JSON must hold to be read as an answer.

Leaves out reading it (`assistant.answer`) and where its pictures may lie.
"""

from __future__ import annotations

import reprlib
import sys
from collections.abc import Mapping
from typing import Any

from assistant.errors import AnswerInvalid

KINDS: dict[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
}
ANSWER: dict[str, type] = {
    "question": str,
    "sentences": list,
    "sources": list,
    "grounded": bool,
    "model": str,
    "timings_s": dict,
}
SENTENCE: dict[str, type] = {
    "text": str,
    "citations": list,
    "figures": list,
    "support": float,
    "supported": bool,
    "lead": str,
}
SOURCE: dict[str, type] = {
    "n": int,
    "score": float,
    "text": str,
    "cited": bool,
    "title": str,
    "modality": str,
}


def check(found: Any) -> None:
    """Raise AnswerInvalid, with the place, where a part is missing or not of its kind."""
    _check_parts(found, ANSWER, "")
    _check_kind(found.get("searched_as", ""), str, "searched_as")
    for name, seconds in found["timings_s"].items():
        _check_kind(seconds, float, f"timings_s[{reprlib.repr(name)}]")
    for i, source in enumerate(found["sources"]):
        _check_parts(source, SOURCE, f"sources[{i}]")
    for i, sentence in enumerate(found["sentences"]):
        place = f"sentences[{i}]"
        _check_parts(sentence, SENTENCE, place)
        for name in ("citations", "figures"):
            for j, n in enumerate(sentence[name]):
                _check_kind(n, int, f"{place}.{name}[{j}]")
                if not 1 <= n <= len(found["sources"]):
                    raise _invalid(f"{place}.{name}[{j}] names a source that it has not")


def _check_parts(found: Any, parts: Mapping[str, type], place: str) -> None:
    _check_kind(found, dict, place or "it")
    for name, kind in parts.items():
        inside = f"{place}.{name}" if place else name
        if name not in found:
            raise _invalid(f"{inside} is missing")
        _check_kind(found[name], kind, inside)


def _check_kind(found: Any, kind: type, place: str) -> None:
    if kind is float:
        # True is an int to Python; so are numbers that no float can hold.
        is_kind = isinstance(found, int | float) and abs(found) <= sys.float_info.max
    elif kind is list:
        is_kind = isinstance(found, list | tuple)
    else:
        is_kind = isinstance(found, Mapping if kind is dict else kind)
    if not is_kind or (isinstance(found, bool) and kind is not bool):
        raise _invalid(f"{place} is not {KINDS[kind]}")


def _invalid(reason: str) -> AnswerInvalid:
    return AnswerInvalid(
        f"This JSON is no answer: {reason}. Give what to_dict() of an Answer has made."
    )
