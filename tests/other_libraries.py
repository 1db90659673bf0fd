"""What `make bench-library` compares limner with, as their documentation tells to use them.

Each adds the same rows, is opened again, and is asked the same queries in a process of its own.
LangChain's FAISS store and Chroma have no search by words: there `BM25Retriever` does it, fused by
`EnsembleRetriever`. Leaves out limner, which the interpreter that runs this may not have.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.big_library import BLOCK, Ask, Found, K, Rows, Seeds, asked, recall, resident_gb
from tests.side_by_side import tell

Opened = dict[str, Ask]
"""dense, lexical, hybrid."""
N_REMOVED = 2_000


def _bm25(seeds: Seeds, n_rows: int, vectors: Callable[[str], Any]) -> Opened:
    """The words, from nothing: BM25Retriever keeps no file."""
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever

    texts = [text for block in seeds.blocks(0, n_rows) for text in block.texts]
    numbers = [{"row": row} for row in range(n_rows)]
    words = BM25Retriever.from_texts(texts, metadatas=numbers, k=K)
    both = EnsembleRetriever(retrievers=[words, vectors], weights=[0.5, 0.5], id_key="row")
    return {
        "lexical": lambda query, _: [d.metadata["row"] for d in words.invoke(query)],
        "hybrid": lambda query, _: [d.metadata["row"] for d in both.invoke(query)][:K],
    }


class LangChainFaiss:
    """langchain_community.vectorstores.FAISS, saved and loaded as pickle."""

    def __init__(self, folder: Path, seeds: Seeds) -> None:
        from langchain_core.embeddings import Embeddings

        known = dict(zip(seeds.queries, seeds.query_vectors.tolist(), strict=True))

        class Known(Embeddings):
            def embed_documents(self, texts: list[str]) -> list[list[float]]:
                return [known[text] for text in texts]

            def embed_query(self, text: str) -> list[float]:
                return known[text]

        self._folder, self._seeds, self._embeddings = folder, seeds, Known()

    def add(self, n_rows: int) -> None:
        from langchain_community.vectorstores import FAISS

        store = None
        for block in self._seeds.blocks(0, n_rows):
            pairs = list(zip(block.texts, block.vectors.tolist(), strict=True))
            rows = range(block.first, block.first + BLOCK)
            more = {"metadatas": [{"row": row} for row in rows], "ids": [str(row) for row in rows]}
            if store is None:
                store = FAISS.from_embeddings(pairs, self._embeddings, **more)
            else:
                store.add_embeddings(pairs, **more)
        assert store is not None
        store.save_local(str(self._folder))

    def open(self, n_rows: int) -> Opened:
        from langchain_community.vectorstores import FAISS

        store = FAISS.load_local(
            str(self._folder), self._embeddings, allow_dangerous_deserialization=True
        )
        self._store = store

        def dense(query: str, vector: Rows) -> list[int]:
            found = store.similarity_search_by_vector(vector.tolist(), k=K)
            return [document.metadata["row"] for document in found]

        retriever: Any = store.as_retriever(search_kwargs={"k": K})
        return {"dense": dense, **_bm25(self._seeds, n_rows, retriever)}

    def remove(self) -> None:
        self._store.delete([str(row) for row in range(N_REMOVED)])
        self._store.save_local(str(self._folder))


class Chroma:
    """chromadb, an HNSW index."""

    def __init__(self, folder: Path, seeds: Seeds) -> None:
        self._folder, self._seeds = folder, seeds

    def _collection(self) -> Any:
        import chromadb
        from chromadb.config import Settings

        client = chromadb.PersistentClient(str(self._folder), Settings(anonymized_telemetry=False))
        return client.get_or_create_collection(
            "rows", configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
        )

    def add(self, n_rows: int) -> None:
        collection = self._collection()
        for block in self._seeds.blocks(0, n_rows):
            for start in range(0, BLOCK, 5_000):
                collection.add(
                    ids=[str(block.first + start + n) for n in range(5_000)],
                    embeddings=block.vectors[start : start + 5_000],
                    documents=block.texts[start : start + 5_000],
                )

    def open(self, n_rows: int) -> Opened:
        from langchain_core.documents import Document
        from langchain_core.runnables import RunnableLambda

        self._opened = collection = self._collection()
        known = dict(zip(self._seeds.queries, self._seeds.query_vectors, strict=True))

        def dense(query: str, vector: Rows) -> list[int]:
            found = collection.query(query_embeddings=[vector], n_results=K)
            return [int(number) for number in found["ids"][0]]

        def documents(query: str) -> list[Document]:
            found = collection.query(query_embeddings=[known[query]], n_results=K)
            return [
                Document(page_content=text, metadata={"row": int(number)})
                for number, text in zip(found["ids"][0], found["documents"][0], strict=True)
            ]

        return {"dense": dense, **_bm25(self._seeds, n_rows, RunnableLambda(documents))}

    def remove(self) -> None:
        self._opened.delete(ids=[str(row) for row in range(N_REMOVED)])


class Lance:
    """LanceDB with its own index of words, and vectors compared with all or in its HNSW index."""

    def __init__(self, folder: Path, seeds: Seeds, *, with_index: bool) -> None:
        self._folder, self._seeds, self._with_index = folder, seeds, with_index

    def add(self, n_rows: int) -> None:
        import lancedb

        table: Any = None
        database = lancedb.connect(str(self._folder))
        for block in self._seeds.blocks(0, n_rows):
            rows = [
                {"row": row, "text": text, "vector": vector}
                for row, (text, vector) in enumerate(
                    zip(block.texts, block.vectors, strict=True), start=block.first
                )
            ]
            if table is None:
                table = database.create_table("rows", rows)
            else:
                table.add(rows)
        table.create_fts_index("text")
        if self._with_index:
            table.create_index(metric="cosine", index_type="IVF_HNSW_SQ")

    def open(self, n_rows: int) -> Opened:
        import lancedb

        self._table = table = lancedb.connect(str(self._folder)).open_table("rows")

        def rows(found: Any) -> list[int]:
            return [row["row"] for row in found.limit(K).select(["row", "text"]).to_list()]

        return {
            "dense": lambda query, vector: rows(table.search(vector).distance_type("cosine")),
            "lexical": lambda query, _: rows(table.search(query, query_type="fts")),
            "hybrid": lambda query, vector: rows(
                table.search(query_type="hybrid").vector(vector).text(query).distance_type("cosine")
            ),
        }

    def remove(self) -> None:
        self._table.delete(f"row < {N_REMOVED}")


def candidate(name: str, folder: Path, seeds: Seeds) -> Any:
    """What is measured under the name."""
    return {
        "langchain_faiss": lambda: LangChainFaiss(folder, seeds),
        "chroma": lambda: Chroma(folder, seeds),
        "lancedb_exact": lambda: Lance(folder, seeds, with_index=False),
        "lancedb_hnsw": lambda: Lance(folder, seeds, with_index=True),
    }[name]()


def measure(name: str, place: Path, n_rows: int) -> Found:
    """Add in a process of its own, then open, ask and remove in this one."""
    seeds = Seeds.load(place)
    start = time.perf_counter()
    for _ in seeds.blocks(0, n_rows):
        pass
    made_s = time.perf_counter() - start
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "tests.other_libraries", name, str(place), str(n_rows), "add"],
        check=True,
    )
    added_s = time.perf_counter() - start - made_s
    library = candidate(name, place / name, seeds)
    start = time.perf_counter()
    opened = library.open(n_rows)
    opened["hybrid"](seeds.queries[-1], seeds.query_vectors[-1])
    opened_s = time.perf_counter() - start
    exact = json.loads((place / "exact.json").read_text("utf-8"))
    told: Found = {"added_per_s": n_rows / added_s, "opened_s": opened_s}
    for kind, ask in opened.items():
        told[kind], found = asked(seeds, ask)
        told[kind]["recall"] = recall(found, exact)
    told |= resident_gb()
    start = time.perf_counter()
    library.remove()
    return told | {"removed_per_s": N_REMOVED / (time.perf_counter() - start)}


if __name__ == "__main__":
    which, where, n, *add = sys.argv[1:]
    if add:
        candidate(which, Path(where) / which, Seeds.load(Path(where))).add(int(n))
    else:
        tell(measure(which, Path(where), int(n)))
