"""What the words in which a model's server fails mean, and what then helps.

Servers have no codes for most of it, and each its own words, which change with its version.
Leaves out breaks of the connection: those the clients tell apart.
"""

from __future__ import annotations

import re

from assistant.errors import (
    ContextExceeded,
    GenerationFailed,
    GenerationTimeout,
    OutOfMemory,
    ServerBusy,
)

CONTEXT = re.compile(
    r"context[_ ](?:length|size|window)|maximum (?:context|model length)|too many tokens"
    r"|(?:prompt|input)(?: \w+)* too long",
    re.IGNORECASE,
)
MEMORY = re.compile(
    r"out[_ ]of[_ ]memory|more system memory|(?:insufficient|not enough)(?: \w+)? memory"
    r"|cudaMalloc|memory layout|alloc\w* (?:\w+ )*buffer|(?:cannot|unable to|failed to) allocate"
    r"|signal: killed",
    re.IGNORECASE,
)
CRASHED = re.compile(
    r"runner (?:process )?(?:has )?(?:terminated|unexpectedly stopped)", re.IGNORECASE
)
BUSY = re.compile(
    r"server busy|overloaded|too many requests|rate limit|pending requests|at capacity",
    re.IGNORECASE,
)
BUSY_STATUS = (429, 503)
TOO_LARGE_STATUS = 413
CONTEXT_HINT = " Raise LIMNER_CONTEXT_TOKENS or lower LIMNER_N_SOURCES, or choose another model."
MEMORY_HINT = " Choose a smaller model, lower LIMNER_CONTEXT_TOKENS, or close other programs there."
CRASHED_HINT = (
    " Most often it lacked memory: choose a smaller model or lower LIMNER_CONTEXT_TOKENS; "
    "the server's log says more."
)
BUSY_HINT = " Ask again in a moment."


def failure(sentence: str, words: str, status: int = 0) -> GenerationFailed:
    """The error for what a server reports. sentence: what happened; words: the server's own."""
    if CONTEXT.search(words) or status == TOO_LARGE_STATUS:
        return ContextExceeded(sentence + CONTEXT_HINT)
    if MEMORY.search(words):
        return OutOfMemory(sentence + MEMORY_HINT)
    if CRASHED.search(words):
        return OutOfMemory(sentence + CRASHED_HINT)
    if status in BUSY_STATUS or BUSY.search(words):
        return ServerBusy(sentence + BUSY_HINT)
    return GenerationFailed(sentence)


def silence(model: str, timeout_s: float) -> GenerationTimeout:
    """The error for a server that sent nothing for so long. model: with its server."""
    return GenerationTimeout(
        f"{model} sent nothing for {timeout_s:g} s. "
        "It may still be loading the model: ask again. "
        "Else choose a smaller model, or raise LIMNER_TIMEOUT_S."
    )
