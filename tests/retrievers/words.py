"""Embeddings that a person can check: each word counts in one place of the vector."""

from __future__ import annotations

import re
import zlib
from typing import Any

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

DIMENSION = 512
CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


class WordCounts(Embeddings):
    """Texts are close when they share words. `embedded` keeps what documents were asked for."""

    name = "word-counts"

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.embedded += texts
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        vector = [0.0] * DIMENSION
        for word in re.findall(r"\w+", text.lower()):
            vector[zlib.crc32(word.encode()) % DIMENSION] += 1.0
        return vector


class CharacterCounts(WordCounts):
    """Another model, of another dimension: texts are close when they share characters."""

    name = "character-counts"

    def embed_query(self, text: str) -> list[float]:
        return [float(text.lower().count(character)) for character in CHARACTERS]


def piece(text: str, **metadata: Any) -> Document:
    """One Document as a loader yields it."""
    chunk_id = f"{zlib.crc32(repr((text, metadata)).encode()):08x}"
    return Document(
        page_content=text, metadata={"modality": "text", "chunk_id": chunk_id} | metadata
    )


def figure(caption: str, key: str, **metadata: Any) -> Document:
    """One figure as a loader yields it. key: a letter, for a whole key of that letter."""
    return piece(
        caption,
        modality="figure",
        image_key=image_key(key),
        image_url=f"file:///elsewhere/{image_key(key)}",
        caption=caption,
        width=640,
        height=480,
        bbox=[0.1, 0.2, 0.9, 0.5],
        descriptions={"document": caption, "ocr": "1990 2000 2010"},
        **metadata,
    )


def image_key(letter: str) -> str:
    """A key of the form that a media store gives."""
    return f"{letter * 64}.png"
