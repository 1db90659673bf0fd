"""What a search found: evidence with its scores, read from the database.

Leaves out the search itself: that is `retrievers.search`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from langchain_core.documents import Document

from retrievers import evidence
from retrievers.errors import LibraryDamaged
from retrievers.figure_parts import with_first_part
from retrievers.vectors import Vectors, rows_from_blobs


@dataclass(frozen=True, slots=True)
class Hit:
    """A piece of evidence that was found. score: cosine to the query, in [-1, 1].

    similarity: of its picture to the one that was asked about, in [0.85, 1], where it is a copy or
    a crop of that or shows it as a part; its score is the same then.
    """

    document: Document
    score: float
    similarity: float | None = None


def read_hits(
    connection: sqlite3.Connection,
    media_base_url: str,
    ids: list[int],
    query: Vectors,
    similarities: Mapping[str, float] | None = None,
) -> list[Hit]:
    """The chunks with the ids, in their order. query: unit row, or zeros where there are no words.

    similarities: by the key of the picture.
    """
    chosen = json.dumps(ids)
    where = "chunks.id IN (SELECT value FROM json_each(?))"
    stored = dict(
        connection.execute(
            "SELECT id, vector FROM vectors WHERE id IN (SELECT value FROM json_each(?))", (chosen,)
        )
    )
    documents = evidence.read_documents(
        connection, media_base_url, f"{where} ORDER BY chunks.id", [chosen]
    )
    if len(stored) != len(documents) or any(number not in stored for number in ids):
        raise LibraryDamaged(
            "A chunk of the library has no vector. Have it made anew with: limner verify --repair"
        )
    found = dict(zip(sorted(stored), documents, strict=True))
    vectors = rows_from_blobs([stored[i] for i in ids], query.shape[1])
    scores = np.clip(vectors @ query[0], -1.0, 1.0)
    hits = []
    for number, score in zip(ids, scores, strict=True):
        document = found[number]
        if "part" in document.metadata:
            document.page_content = with_first_part(connection, number, document.page_content)
        alike = (similarities or {}).get(document.metadata.get("image_key", ""))
        hits.append(Hit(document, float(score) if alike is None else alike, alike))
    return hits
