"""Embeddings that can be computed by hand: one dimension a word, unit length."""

import hashlib
import re

import numpy as np
from langchain_core.embeddings import Embeddings

DIMENSION = 512


class WordEmbeddings(Embeddings):
    """The cosine of two texts is the share of words that they have in common."""

    name = "words"
    dimension = DIMENSION

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        vector = np.zeros(DIMENSION)
        for word in set(re.findall(r"\w+", text.lower())):
            vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % DIMENSION] = 1.0
        length = float(np.linalg.norm(vector)) or 1.0
        return [float(v) for v in vector / length]
