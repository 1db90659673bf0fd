"""Tables with pictures in their cells: which texts of the table say what a picture shows.

Leaves out reading the cells: that is for each format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from loaders.elements import Element, Figure, Table
from loaders.table_heads import Cells, join_heads

MAX_CAPTION_CHARS = 200

Place = tuple[int, int]
"""Row and column."""


def table_elements(
    rows: list[list[str]],
    drawn: dict[Place, list[Element]],
    *,
    cells: Cells = (),
    n_heads: int = 1,
    caption: str | None = None,
) -> Iterator[Element]:
    """The table, then its pictures with their captions.

    cells: as in `table_heads`, where the first n_heads rows are its header.
    A table whose every text captions a picture only arranges them, and is not said again.
    """
    if 1 < n_heads < len(rows) and not any(drawn.get((r, c)) for r, c in drawn if r < n_heads):
        rows = join_heads(rows, cells, n_heads)
        drawn = {(r - n_heads + 1, c): found for (r, c), found in drawn.items() if r >= n_heads}
    captions = _captions(rows, drawn)
    said = {place for places in captions.values() for place in places}
    texts = {(r, c): text for r, row in enumerate(rows) for c, text in enumerate(row) if text}
    is_arrangement = texts.keys() <= said and all(
        len(t) <= MAX_CAPTION_CHARS for t in texts.values()
    )
    if texts and not is_arrangement:
        yield Table(tuple(map(tuple, rows)), caption)
    for place, found in drawn.items():
        words = " – ".join(dict.fromkeys(texts[p] for p in captions.get(place, [])))
        for element in found:
            if isinstance(element, Figure) and not element.caption:
                yield replace(element, caption=words[:MAX_CAPTION_CHARS] or None)
            else:
                yield element


def _captions(rows: list[list[str]], drawn: dict[Place, list[Element]]) -> dict[Place, list[Place]]:
    """Place of a picture → places of its words.

    They are in the cell itself, else in its row, else in the cell below where that row
    has no pictures of its own.
    """
    found: dict[Place, list[Place]] = {}
    pictured = {place for place, elements in drawn.items() if elements}
    pictured_rows = {r for r, _ in pictured}
    for r, c in pictured:
        in_row = [(r, x) for x, text in enumerate(rows[r]) if text]
        if rows[r][c]:
            found[r, c] = [(r, c)]
        elif in_row or r + 1 in pictured_rows or r + 1 >= len(rows):
            found[r, c] = in_row
        elif any(rows[r + 1][c : c + 1]):
            found[r, c] = [(r + 1, c)]
    return found
