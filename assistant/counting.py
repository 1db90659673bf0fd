"""Numbers of things, as a sentence says them.

Leaves out numbers that documents and answers hold: those are read by `assistant.quantities`.
"""

from __future__ import annotations


def number_of(n: int, noun: str) -> str:
    """The number with its noun, such as "1 page" or "1,200 pages". noun: one with a plural in s."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"
