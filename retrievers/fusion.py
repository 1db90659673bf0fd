"""Reciprocal rank fusion: one order out of several.

Cormack, Clarke and Büttcher, SIGIR 2009. Leaves out scores: those of different searches
do not compare, their ranks do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

RANK_OFFSET = 60
"""The paper's k: the larger, the less the very first ranks weigh against the rest."""


def fuse(rankings: Iterable[Sequence[int]]) -> list[int]:
    """Every id of the rankings, best first; on a tie the earlier ranking's order holds."""
    sums: dict[int, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            sums[item] = sums.get(item, 0.0) + 1.0 / (RANK_OFFSET + rank)
    return sorted(sums, key=lambda item: -sums[item])
