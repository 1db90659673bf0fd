"""Texts and vectors of a library as large as one likes, made from those of a real one.

Each text is two passages of real ones and a rare word, each vector the two's mixed and perturbed,
so that both search about as in the real one. The same numbers give the same rows. Asking and
timing is here too, since processes without limner measure other libraries by it.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]

Found = dict[str, Any]
Ask = Callable[[str, Rows], Sequence[int]]
"""A query and its vector → what is found of K rows."""

K = 10
N_WARMING = 20
MAX_S = 60
"""For the queries of one kind: what is slow is asked fewer."""
BLOCK = 10_000
"""Rows that are made together."""
N_RARE_WORDS = 200_000
WORDS_OF_FIRST, WORDS_OF_SECOND = 90, 60
NOISE = 0.02
"""Of each number of a vector of length 1: together 0.4 of its length at 384."""


@dataclass(frozen=True)
class Block:
    """Consecutive rows. first: the number of the first one."""

    first: int
    texts: list[str]
    vectors: Rows


@dataclass(frozen=True)
class Seeds:
    """The texts and unit vectors of a real library, and what is asked."""

    texts: list[str]
    vectors: Rows
    queries: list[str]
    query_vectors: Rows

    def save(self, folder: Path) -> None:
        """Write them where other processes read them."""
        np.savez(folder / "seeds.npz", vectors=self.vectors, query_vectors=self.query_vectors)
        words = {"texts": self.texts, "queries": self.queries}
        (folder / "seeds.json").write_text(json.dumps(words), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Seeds:
        """Read what `save` wrote."""
        with np.load(folder / "seeds.npz") as arrays:
            words = json.loads((folder / "seeds.json").read_text("utf-8"))
            return cls(**words, **{name: arrays[name] for name in arrays.files})

    def blocks(self, first: int, last: int) -> Iterator[Block]:
        """The rows from first to last, without that; both are multiples of a block."""
        words = [text.split() for text in self.texts]
        for start in range(first, last, BLOCK):
            random = np.random.default_rng(start)
            pairs = random.integers(0, len(words), (BLOCK, 2))
            places = random.random((BLOCK, 2))
            rare = random.integers(0, N_RARE_WORDS, BLOCK)
            texts = [
                " ".join(
                    [
                        *_passage(words[one], place[0], WORDS_OF_FIRST),
                        *_passage(words[two], place[1], WORDS_OF_SECOND),
                        f"item{word}",
                    ]
                )
                for (one, two), place, word in zip(pairs, places, rare, strict=True)
            ]
            yield Block(start, texts, self._mixed(pairs, random))

    def _mixed(self, pairs: npt.NDArray[np.int64], random: np.random.Generator) -> Rows:
        share = random.uniform(0.3, 1, (BLOCK, 1)).astype(np.float32)
        rows = self.vectors[pairs[:, 0]] * share + self.vectors[pairs[:, 1]] * (1 - share)
        rows += random.normal(0, NOISE, rows.shape).astype(np.float32)
        mixed: Rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return mixed

    def nearest(self, n_rows: int, k: int) -> npt.NDArray[np.int64]:
        """The numbers of the k nearest of so many rows to each query, compared with all."""
        best = np.full((len(self.queries), k), -2.0, dtype=np.float32)
        numbers = np.zeros((len(self.queries), k), dtype=np.int64)
        for block in self.blocks(0, n_rows):
            cosines = self.query_vectors @ block.vectors.T
            here = np.argpartition(-cosines, k, axis=1)[:, :k]
            all_best = np.hstack([best, np.take_along_axis(cosines, here, 1)])
            all_numbers = np.hstack([numbers, here + block.first])
            order = np.argsort(-all_best, axis=1, kind="stable")[:, :k]
            best = np.take_along_axis(all_best, order, 1)
            numbers = np.take_along_axis(all_numbers, order, 1)
        return numbers


def _passage(words: list[str], place: float, n: int) -> list[str]:
    start = int(place * len(words))
    return words[start : start + n]


def asked(seeds: Seeds, ask: Ask) -> tuple[Found, list[Sequence[int]]]:
    """Ask all queries one after the other: the latencies in milliseconds, and what was found."""
    queries = list(zip(seeds.queries, seeds.query_vectors, strict=True))
    for query, vector in queries[-N_WARMING:]:
        ask(query, vector)
    found, latencies_ms, used_ms = [], [], []
    end = time.perf_counter() + MAX_S
    for query, vector in queries:
        start, used = time.perf_counter(), time.process_time()
        found.append(ask(query, vector))
        latencies_ms.append(1_000 * (time.perf_counter() - start))
        used_ms.append(1_000 * (time.process_time() - used))
        if time.perf_counter() > end:
            break
    p50, p95 = np.percentile(latencies_ms, [50, 95])
    used_p95 = np.percentile(used_ms, 95)
    return {"p50_ms": p50, "p95_ms": p95, "p95_cpu_ms": used_p95, "n": len(found)}, found


def recall(found: Sequence[Sequence[int]], exact: Sequence[Sequence[int]]) -> float:
    """The share of the exact K that was found."""
    pairs = list(zip(found, exact, strict=False))
    return sum(len(set(one) & set(other)) for one, other in pairs) / (K * len(pairs))


def resident_gb() -> Found:
    """Memory that this process holds now, with the pages of files, and the most it has held."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    most_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "resident_gb": pages * os.sysconf("SC_PAGE_SIZE") / 1e9,
        "most_gb": most_kb * 1_024 / 1e9,
    }
