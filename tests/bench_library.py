"""Measures a library of up to a million chunks, beside others: `make bench-library`.

Latencies, recall, memory, opening, and how fast chunks come in and go out; at 100,000 chunks the
same of LangChain's FAISS store, Chroma and LanceDB. The chunks are made from those of a real
library; their vectors and those of the queries are computed before. Leaves out whether the ranking
is good: that is `make quality`.

SIZES=10000,100000 chooses the sizes; the argument is the real library.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.big_library import BLOCK, Found, K, Rows, Seeds, asked, recall, resident_gb
from tests.side_by_side import COMPARED, ROOT, measured, say, tell

MODULE = "tests.bench_library"
SIZES = [int(size) for size in os.environ.get("SIZES", "10000,100000,1000000").split(",")]
SIZE_BESIDE = 100_000
"""Chunks, where others are measured as well."""
OTHERS_MODULE = "tests.other_libraries"
OTHERS = ("langchain_faiss", "chroma", "lancedb_exact", "lancedb_hnsw")
QUESTIONS = ROOT.parent / "shared" / "corpus" / "qa"
N_QUERIES = 500
WORDS_OF_QUERY = 12
CHUNKS_PER_DOCUMENT = 100
N_REMOVED = 20
"""Documents that are taken out to measure it."""
MODALITIES = ("table", *["text"] * 9)
LIMIT_S = 3_600
ELSEWHERE = np.eye(1, 384, dtype=np.float32)[0]


# limner, each step in a process of its own


def grow(place: Path, first: int, last: int) -> Found:
    """Add the rows from first to last."""
    seconds = 0.0
    library, known = _library(place)
    for block in Seeds.load(place).blocks(first, last):
        documents = _documents(block.first, block.texts)
        known.update(zip(block.texts, block.vectors, strict=True))
        start = time.perf_counter()
        for _ in library.put_all(documents):
            pass
        seconds += time.perf_counter() - start
        known.clear()
    start = time.perf_counter()
    library.close()
    seconds += time.perf_counter() - start
    return {"added_per_s": (last - first) / seconds, **resident_gb()}


def take_out(place: Path, n_rows: int) -> Found:
    """Take out some documents, and put them in again."""
    seeds = Seeds.load(place)
    library, known = _library(place)
    known[seeds.queries[0]] = seeds.query_vectors[0]
    library.search(seeds.queries[0])
    firsts = np.linspace(0, n_rows // CHUNKS_PER_DOCUMENT - 1, N_REMOVED).astype(int)
    firsts *= CHUNKS_PER_DOCUMENT
    start = time.perf_counter()
    for first in firsts:
        library.remove(_source(first))
    seconds = time.perf_counter() - start
    for first in firsts:
        (block,) = seeds.blocks(first - first % BLOCK, first - first % BLOCK + BLOCK)
        known.update(zip(block.texts, block.vectors, strict=True))
        again = [d for d in _documents(block.first, block.texts) if d.source == _source(first)]
        list(library.put_all(again))
        known.clear()
    library.close()
    return {"removed_per_s": N_REMOVED * CHUNKS_PER_DOCUMENT / seconds}


def ask(place: Path) -> Found:
    """Open a library that is there, and ask it everything."""
    from retrievers.filters import Filter

    seeds = Seeds.load(place)
    start = time.perf_counter()
    library, known = _library(place)
    known.update(zip(seeds.queries, seeds.query_vectors, strict=True))
    library.search(seeds.queries[-1], K)
    opened_s = time.perf_counter() - start

    def dense(query: str, vector: Rows) -> list[int]:
        with library._database.reading() as connection, library._index.in_step(connection) as index:
            return index.nearest(vector, K)

    def lexical(query: str, vector: Rows) -> list[int]:
        with library._database.reading() as connection:
            return library._words.best(connection, query, K)

    def hybrid(query: str, vector: Rows) -> list[int]:
        return [int(hit.document.metadata["chunk_id"]) for hit in library.search(query, K)]

    def tables(query: str, vector: Rows) -> list[int]:
        hits = library.search(query, K, where=Filter(modality="table"))
        return [int(hit.document.metadata["chunk_id"]) for hit in hits]

    told, found = asked(seeds, dense)
    with library._database.reading() as connection:
        numbers = [[_number(connection, chunk) for chunk in one] for one in found]
    return {
        "dense": told | {"recall": recall(numbers, _exact(place))},
        "lexical": asked(seeds, lexical)[0],
        "hybrid": asked(seeds, hybrid)[0],
        "chosen": asked(seeds, tables)[0],
        "opened_s": opened_s,
        **resident_gb(),
    }


def _library(place: Path) -> tuple[Any, dict[str, Rows]]:
    """The library in the place, and the vectors that its embeddings know: text → vector."""
    from langchain_core.embeddings import Embeddings

    from retrievers import Library

    known: dict[str, Rows] = {}

    class Known(Embeddings):
        name = "known"

        def embed_documents(self, texts: list[str]) -> list[Any]:
            return [known[text] for text in texts]

        def embed_query(self, text: str) -> Any:
            return known.get(text, ELSEWHERE)  # the text that proves the model is not known

    return Library.open(place / "library", Known(), create=True), known


def _source(row: int) -> str:
    """Of the document in which a row lies."""
    return f"file:///documents/{row // CHUNKS_PER_DOCUMENT:08}.pdf"


def _documents(first: int, texts: list[str]) -> list[Any]:
    from langchain_core.documents import Document

    from retrievers.library import NewDocument

    documents = [
        Document(
            page_content=text,
            metadata={
                "chunk_id": str(row),
                "modality": MODALITIES[row % len(MODALITIES)],
                "page": row % CHUNKS_PER_DOCUMENT // 3 + 1,
            },
        )
        for row, text in enumerate(texts, start=first)
    ]
    return [
        NewDocument(
            _source(first + start),
            documents[start : start + CHUNKS_PER_DOCUMENT],
            fingerprint="1",
            title=f"Document {(first + start) // CHUNKS_PER_DOCUMENT}",
        )
        for start in range(0, len(texts), CHUNKS_PER_DOCUMENT)
    ]


def _number(connection: Any, chunk: int) -> int:
    row = connection.execute("SELECT chunk_id FROM chunks WHERE id = ?", (chunk,)).fetchone()
    return int(row[0])


def _exact(place: Path) -> Any:
    return json.loads((place / "exact.json").read_text("utf-8"))


# All together


def main(real: Path) -> None:
    """Measure all sizes, and print the tables."""
    if not (real / "library.sqlite").is_file():
        sys.exit(f"There is no library in {real} to make larger ones from. See: make bench-library")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        place = Path(folder)
        seeds = _seeds(real)
        seeds.save(place)
        say(f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors")
        say(f"{len(seeds.texts)} real chunks, {len(seeds.queries)} queries, {K} hits each\n")
        say(HEAD)
        first = 0
        for size in sorted(SIZES):
            (place / "exact.json").write_text(json.dumps(seeds.nearest(size, K).tolist()))
            steps = (
                _of("grow", place, first, size),
                _of("ask", place),
                _of("take_out", place, size),
            )
            failed = [step for step in steps if isinstance(step, str)]
            say(_line("limner", size, failed[0] if failed else steps[0] | steps[2] | steps[1]))
            first = size
            if size == SIZE_BESIDE:
                for name in OTHERS:
                    arguments = (name, str(place), str(size))
                    found = measured(COMPARED, OTHERS_MODULE, *arguments, limit_s=LIMIT_S)
                    say(_line(name, size, found))
                    shutil.rmtree(place / name, ignore_errors=True)


HEAD = "\n".join(
    [
        "| | chunks | dense: p50 / p95 ms (p95 of processor time) | recall@10 | lexical | hybrid "
        "| hybrid, a tenth chosen "
        "| until the first answer s | resident GB | added /s | removed /s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
)


def _line(name: str, size: int, found: Found | str) -> str:
    if isinstance(found, str):
        return f"| {name} | {size:,} | {found} |"
    latencies = {
        kind: "{p50_ms:.1f} / {p95_ms:.1f} ({p95_cpu_ms:.1f})".format(**found[kind])
        if kind in found
        else "–"
        for kind in ("dense", "lexical", "hybrid", "chosen")
    }
    cells = [
        latencies["dense"],
        f"{found['dense']['recall']:.3f}",
        latencies["lexical"],
        latencies["hybrid"],
        latencies["chosen"],
        f"{found['opened_s']:.2f}",
        f"{found['resident_gb']:.2f}",
        f"{found['added_per_s']:,.0f}",
        f"{found['removed_per_s']:,.0f}",
    ]
    return f"| {name} | {size:,} | {' | '.join(cells)} |"


def _of(step: str, *arguments: Path | int) -> Any:
    return measured(sys.executable, MODULE, step, *map(str, arguments), limit_s=LIMIT_S)


def _seeds(real: Path) -> Seeds:
    """The chunks of a real library with their vectors, and questions with theirs."""
    from retrievers.database import Database
    from retrievers.embeddings import MiniLMEmbeddings
    from retrievers.vectors import unit_rows

    database = Database(real.resolve() / "library.sqlite", busy_timeout_s=10)
    database.open()
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT text, vector FROM chunks JOIN vectors USING (id) WHERE length(text) > 40 "
            "ORDER BY id"
        ).fetchall()
    texts = [text for text, _ in rows]
    queries = [
        json.loads(line)["question"]
        for path in sorted(QUESTIONS.glob("*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]
    beginnings = [" ".join(text.split()[:WORDS_OF_QUERY]) for text in texts]
    step = max(1, len(beginnings) // N_QUERIES)
    queries = list(dict.fromkeys([*queries, *beginnings[::step]]))[:N_QUERIES]
    vectors = np.stack([np.frombuffer(vector, dtype="<f4") for _, vector in rows])
    return Seeds(texts, vectors, queries, unit_rows(MiniLMEmbeddings().embed_documents(queries)))


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(Path(sys.argv[1]))
    else:
        step, where, *numbers = sys.argv[1:]
        steps = {"grow": grow, "ask": ask, "take_out": take_out}
        tell(steps[step](Path(where), *map(int, numbers)))
