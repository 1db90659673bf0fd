"""Counts and ranks a figure once, though its words may lie in several parts.

The first part is like any figure; later ones have `part` in their metadata, and their chunk id
is the first one's with a point and that number. Leaves out how figures are cut into parts.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

IS_FIGURE = "(modality = 'figure' AND json_extract(metadata, '$.part') IS NULL)"
"""SQL: whether a chunk is a figure, and not a later part of one."""
FIRST_PART = """
SELECT first.text FROM chunks AS later JOIN chunks AS first
ON first.document_id = later.document_id AND later.chunk_id
  = first.chunk_id || '.' || json_extract(later.metadata, '$.part')
WHERE later.id = ?
"""
"""SQL: of a later part, the text of the first one of its figure; nothing of other chunks."""


def is_figure(metadata: Mapping[str, Any]) -> bool:
    """Whether a chunk is a figure, and not a later part of one."""
    return metadata["modality"] == "figure" and "part" not in metadata


def whole_id(metadata: Mapping[str, Any]) -> str:
    """The chunk id of the first part, or of evidence that has no parts."""
    chunk_id = str(metadata["chunk_id"])
    return chunk_id.removesuffix(f".{metadata['part']}") if "part" in metadata else chunk_id


def with_first_part(connection: sqlite3.Connection, chunk: int, text: str) -> str:
    """The text of a later part below that of the first: what is said of the figure stands there.

    Any other text as it is.
    """
    row = connection.execute(FIRST_PART, (chunk,)).fetchone()
    if row is None:
        return text
    said = row[0].splitlines()
    return "\n".join([*said, *(line for line in text.splitlines() if line not in said)])


def by_figure(connection: sqlite3.Connection, rankings: Sequence[Sequence[int]]) -> list[list[int]]:
    """The rankings of chunk ids with one chunk a figure: in all of them its best ranked part."""
    wholes = _wholes(connection, {number for ranking in rankings for number in ranking})
    best: dict[str, tuple[int, int]] = {}
    for ranking in rankings:
        for rank, number in enumerate(ranking):
            if whole := wholes.get(number):
                best[whole] = min(best.get(whole, (rank, number)), (rank, number))
    shown = {number: best[whole][1] for number, whole in wholes.items()}
    return [list(dict.fromkeys(shown.get(n, n) for n in ranking)) for ranking in rankings]


def _wholes(connection: sqlite3.Connection, numbers: set[int]) -> dict[int, str]:
    """Chunk → the chunk id of its figure's first part, for figures found in several parts."""
    rows = connection.execute(
        "SELECT id, chunk_id, json_extract(metadata, '$.part') FROM chunks "
        "WHERE modality = 'figure' AND id IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(numbers)),),
    )
    found = {
        number: whole_id({"chunk_id": chunk_id} | ({"part": part} if part else {}))
        for number, chunk_id, part in rows
    }
    n_parts = Counter(found.values())
    return {number: whole for number, whole in found.items() if n_parts[whole] > 1}
