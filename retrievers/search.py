"""Searches a library: by meaning, by words and by pictures, fused by rank.

Leaves out what is searched: `retrievers.vectors`, `retrievers.lexical`, `retrievers.pictures`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.embeddings import Embeddings
from PIL import Image

from retrievers import catalogue, evidence
from retrievers.database import Database, generation, setting
from retrievers.figure_parts import by_figure
from retrievers.filters import Filter
from retrievers.fusion import fuse
from retrievers.hits import Hit, read_hits
from retrievers.lexical import LexicalIndex
from retrievers.pictures import Pictures
from retrievers.recorded_model import RecordedModel
from retrievers.vectors import Ids, VectorIndex, Vectors, unit_rows

MIN_CANDIDATES = 50
CANDIDATES_PER_HIT = 5
MAX_CHOSEN_BYTES = 64 << 20
"""Of the ids that filters choose, kept for as long as nothing changes: eight bytes each."""


@dataclass(frozen=True, slots=True)
class AskedImage:
    """A picture as a question; the fields are those of `Library.search_image`."""

    image: Image.Image
    image_key: str | None
    query: str
    describe: Callable[[], str]


class Search:
    """Finds evidence in one library. Safe for threads."""

    def __init__(
        self,
        database: Database,
        index: VectorIndex,
        words: LexicalIndex,
        pictures: Pictures,
        embeddings: Embeddings,
        recorded: RecordedModel,
        media_base_url: str,
    ) -> None:
        self._database = database
        self._index = index
        self._words = words
        self._pictures = pictures
        self._embeddings = embeddings
        self._recorded = recorded
        self._media_base_url = media_base_url
        self._known: tuple[int, dict[str, Ids]] = (0, {})

    def by_text(self, query: str, k: int, where: Filter) -> list[Hit]:
        """See `Library.search`."""
        if k < 1 or self._is_empty():
            return []
        shown = []
        if where.modality in (None, "figure"):
            shown = self._pictures.told_by(query, where)
        return self._fused(query, k, where, shown=shown, copies={})

    def by_vector(self, vector: Vectors, k: int, where: Filter) -> list[Hit]:
        """See `Library.search_by_vector`."""
        if k < 1 or self._is_empty():
            return []
        among = self._chosen(where)
        with self._database.reading() as connection:
            with self._index.in_step(connection) as index:
                self._recorded.check(connection, vector.shape[1])
                self._recorded.prove(connection)
                found = index.nearest(vector, _n_candidates(k), among)
            (best,) = by_figure(connection, [found])
            return read_hits(connection, self._media_base_url, best[:k], vector)

    def by_image(self, asked: AskedImage, k: int, where: Filter) -> list[Hit]:
        """See `Library.search_image`."""
        if k < 1 or self._is_empty():
            return []
        copies = self._pictures.copies(asked.image, but=asked.image_key)
        if asked.image_key and self._text_with(asked.image_key) is not None:
            copies = {asked.image_key: 1.0, **copies}
        words = (
            self._text_with(next(iter(copies))) if copies else evidence.encodable(asked.describe())
        )
        shown = self._pictures.near_picture(asked.image, _n_candidates(k), where)
        text = f"{asked.query} {words or ''}".strip()
        return self._fused(text, k, where, shown=shown, copies=copies)

    def _fused(
        self,
        text: str,
        k: int,
        where: Filter,
        *,
        shown: Sequence[str],
        copies: Mapping[str, float],
    ) -> list[Hit]:
        """copies: pictures that come first. shown: those that CLIP finds, nearest first."""
        vector = unit_rows([self._embeddings.embed_query(text)]) if text else None
        n, by_meaning = _n_candidates(k), list[int]()
        among = self._chosen(where)
        with self._database.reading() as connection:
            with self._index.in_step(connection) as index:
                if vector is None:
                    vector = np.zeros((1, int(setting(connection, "dimension") or 0)), np.float32)
                self._recorded.check(connection, vector.shape[1])
                if text:
                    self._recorded.prove(connection)
                    by_meaning = index.nearest(vector, n, among)
            by_words = self._words.best(connection, text, n, among)
            by_pixels = catalogue.showing(connection, shown, among, "figure")
            first = catalogue.showing(connection, list(copies), among)
            first, *rankings = by_figure(connection, [first, by_meaning, by_words, by_pixels])
            best = list(dict.fromkeys([*first, *fuse(rankings)]))[:k]
            return read_hits(connection, self._media_base_url, best, vector, copies)

    def _chosen(self, where: Filter) -> Ids | None:
        """The ids of the chunks to search, None for all; known for as long as nothing changes.

        To be asked for before the index is held, since it may take long. So they may be of a state
        just before that which is searched: of what has gone since, nothing is there to be found,
        and what is new is not found yet.
        """
        if where.chooses_all:
            return None
        key = where.key
        with self._database.reading() as connection:
            newest = generation(connection)
            seen, known = self._known
            if seen != newest:
                known = {}
            if key in known:
                return known[key]
            chosen = where.chunks(connection)
        if chosen is not None:
            if chosen.nbytes + sum(ids.nbytes for ids in known.values()) > MAX_CHOSEN_BYTES:
                known = {}
            self._known = (newest, {**known, key: chosen})
        return chosen

    def _is_empty(self) -> bool:
        with self._database.reading() as connection:
            self._recorded.check(connection)  # before anything is embedded with a wrong model
            return connection.execute("SELECT 1 FROM chunks").fetchone() is None

    def _text_with(self, image_key: str) -> str | None:
        """What is said of a picture; None if the library does not show it."""
        with self._database.reading() as connection:
            ids = catalogue.showing(connection, [image_key], None)[:1]
            row = (
                connection.execute("SELECT text FROM chunks WHERE id = ?", ids).fetchone()
                if ids
                else None
            )
        return row[0] if row else None


def _n_candidates(k: int) -> int:
    """How many of each ranking are fused for k hits."""
    return max(MIN_CANDIDATES, CANDIDATES_PER_HIT * k)
