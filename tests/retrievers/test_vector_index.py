"""The vector index in its two forms: exact while small, in lists beyond."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from retrievers import Library, vector_forms, vectors
from retrievers.library import NewDocument
from retrievers.vector_forms import Ids, Vectors
from retrievers.vectors import VectorIndex, unit_rows
from tests.retrievers.words import piece

DIMENSION = 24
MAX_FLAT = 400


class Given(Embeddings):
    """A text is the number of its vector: those lie in a hundred heaps."""

    name = "given"

    def __init__(self, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        heaps = random.normal(size=(100, DIMENSION))
        self.rows = unit_rows(
            np.float32(heaps[np.arange(10_000) % 100] + random.normal(size=(10_000, DIMENSION)) / 3)
        )

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.rows[[int(text) for text in texts]].tolist()

    def embed_query(self, text: str) -> list[float]:
        return self.rows[int(text) if text.isdecimal() else 0].tolist()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_forms, "MAX_FLAT", MAX_FLAT)
    monkeypatch.setattr(vectors, "MAX_COMPARED", 20)


@pytest.fixture
def given() -> Given:
    return Given()


@pytest.fixture
def library(folder: Path, given: Given) -> Iterator[Library]:
    with Library.open(folder, given, create=True) as opened:
        yield opened


def put(library: Library, *numbers: range) -> None:
    """Documents of fifty chunks, whose ids are one more than the numbers of their vectors."""
    parts = [own[i : i + 50] for own in numbers for i in range(0, len(own), 50)]
    new = [
        NewDocument(f"file:///{part[0]}", documents(part), "1", f"Document {part[0]}")
        for part in parts
    ]
    for _ in library.put_all(new):
        pass


def documents(numbers: Sequence[int]) -> list[Document]:
    return [piece(str(number)) for number in numbers]


def nearest(library: Library, row: Vectors, n: int = 10, among: Ids | None = None) -> list[int]:
    with library._database.reading() as connection, library._index.in_step(connection) as index:
        return index.nearest(row, n, among)


def exact(given: Given, ids: Ids, row: Vectors, n: int = 10) -> list[int]:
    return ids[np.argsort(-(given.rows[ids - 1] @ row), kind="stable")][:n].tolist()


def recall(library: Library, given: Given, ids: Ids, *, among: Ids | None = None) -> float:
    asked = given.rows[9_000:9_050]
    chosen = ids if among is None else among
    shared = [
        len(set(nearest(library, row, 10, among)) & set(exact(given, chosen, row))) for row in asked
    ]
    return sum(shared) / (10 * len(asked))


def in_lists(library: Library) -> bool:
    return not vector_forms.is_flat(library._index._held.index)


def test_it_is_exact_while_it_is_small(library: Library, given: Given):
    put(library, range(MAX_FLAT))
    assert not in_lists(library)
    assert recall(library, given, np.arange(1, MAX_FLAT + 1)) == 1


def test_beyond_it_is_in_lists_and_finds_nearly_all(library: Library, given: Given):
    put(library, range(MAX_FLAT))
    put(library, range(MAX_FLAT, 3_000))
    assert in_lists(library)
    assert recall(library, given, np.arange(1, 3_001)) > 0.95


def test_scores_are_exact_in_lists_too(library: Library, given: Given):
    put(library, range(1_000))
    row = given.rows[5]
    with library._database.reading() as connection, library._index.in_step(connection) as index:
        found = index.scored(row, 5)
    assert found[0] == (6, pytest.approx(1, abs=1e-6))
    assert [score for _, score in found] == pytest.approx(
        [float(given.rows[number - 1] @ row) for number, _ in found], abs=1e-6
    )


@pytest.mark.parametrize("n_chosen", [3, 19, 100, 900])
def test_a_filter_costs_no_recall(library: Library, given: Given, n_chosen: int):
    put(library, range(2_000))
    among = np.sort(np.random.default_rng(1).choice(2_000, n_chosen, replace=False)) + 1
    assert recall(library, given, np.arange(1, 2_001), among=among) * 10 > 0.95 * min(n_chosen, 10)


def test_all_can_be_asked_for(library: Library, given: Given):
    put(library, range(1_000))
    assert sorted(nearest(library, given.rows[0], 5_000)) == list(range(1, 1_001))


def test_of_equals_the_newest_comes_first(library: Library, given: Given):
    same = [NewDocument(f"file:///{n}", documents([7]), "1", "t") for n in range(30)]
    for _ in library.put_all(same):
        pass
    assert nearest(library, given.rows[7], 30) == list(range(30, 0, -1))
    put(library, range(100, 1_000))
    assert in_lists(library)
    assert nearest(library, given.rows[7], 30) == list(range(30, 0, -1))


def test_what_is_removed_is_not_found_and_not_in_the_file(
    library: Library, given: Given, folder: Path
):
    put(library, range(1_000))
    library.flush()
    library.remove("file:///100")
    assert nearest(library, given.rows[120], 1) != [121]
    left = np.setdiff1d(np.arange(1, 1_001), np.arange(101, 151))
    assert recall(library, given, left) > 0.95
    library.close()
    assert faiss.read_index(str(folder / "vectors.faiss")).ntotal == 950


def rows_in(folder: Path) -> int:
    return int(faiss.read_index(str(folder / "vectors.faiss")).ntotal)


def test_what_is_removed_leaves_a_small_file_at_once(library: Library, folder: Path, given: Given):
    put(library, range(200))
    library.flush()
    library.remove("file:///100")
    assert rows_in(folder) == 150
    library.put("file:///50", documents([7]), fingerprint="2", title="t")
    assert rows_in(folder) == 101


def test_what_is_removed_leaves_a_large_file_soon_and_is_told_of_until_then(
    library: Library, folder: Path, given: Given, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(vectors, "SAVE_AFTER_ROWS", 60)
    put(library, range(300))
    library.flush()
    library.remove("file:///100")
    assert rows_in(folder) == 300
    findings = library.verify()
    assert findings.faults == []
    assert [note.detail[:10] for note in findings.notes] == ["50 vectors"]
    monkeypatch.setattr(vectors, "SAVE_REMOVED_AFTER_S", 0)
    library.remove("file:///200")
    assert rows_in(folder) == 200
    assert library.verify().notes == []


def test_a_large_file_is_not_written_again_for_a_few_new_rows(
    library: Library, folder: Path, given: Given, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(vectors, "SAVE_AFTER_ROWS", 500)
    put(library, range(1_000))
    library.close()
    before = (folder / "vectors.faiss").stat().st_mtime_ns
    with Library.open(folder, given) as again:
        again.put("file:///new", documents([5_000]), fingerprint="1", title="t")
        assert nearest(again, given.rows[5_000], 1) == [1_001]
    assert (folder / "vectors.faiss").stat().st_mtime_ns == before
    with Library.open(folder, given) as again:
        assert nearest(again, given.rows[5_000], 1) == [1_001]


def test_it_is_trained_anew_when_it_has_grown_by_far(library: Library, given: Given):
    put(library, range(500))
    first = library._index._held
    put(library, range(500, 1_500))
    assert library._index._held is first
    put(library, range(1_500, 2_100))
    assert library._index._held.trained_for == 2_100
    assert recall(library, given, np.arange(1, 2_101)) > 0.95


def test_a_reader_that_is_behind_does_not_train_but_takes_over_what_was_trained(
    library: Library, given: Given, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    put(library, range(300))
    with Library.open(folder, given) as reader:
        assert nearest(reader, given.rows[3], 1) == [4]
        with monkeypatch.context() as patch:
            patch.setattr(VectorIndex, "grow", lambda *arguments: None)
            put(library, range(300, 600))
        assert nearest(reader, given.rows[500], 1) == [501]
        assert not in_lists(reader)
        put(library, range(600, 700))
        assert in_lists(library)
        assert nearest(reader, given.rows[650], 1) == [651]
        assert in_lists(reader)


def test_it_is_the_same_whoever_makes_it(library: Library, folder: Path, given: Given):
    put(library, range(1_000))
    found = [nearest(library, row, 20) for row in given.rows[:50]]
    library.close()
    contents = []
    for _ in range(2):
        (folder / "vectors.faiss").unlink()
        with Library.open(folder, given) as again:
            assert [nearest(again, row, 20) for row in given.rows[:50]] == found
        contents.append((folder / "vectors.faiss").read_bytes())
    assert contents[0] == contents[1]


def test_vectors_that_were_replaced_are_not_served_from_memory_or_file(
    library: Library, folder: Path, given: Given
):
    put(library, range(1_000))
    library.flush()
    other = Given(seed=1)
    with library._database.writing() as connection:
        for number, row in enumerate(other.rows[:1_000], start=1):
            connection.execute(
                "UPDATE vectors SET vector = ? WHERE id = ?", (row.astype("<f4").tobytes(), number)
            )
        connection.execute("INSERT OR REPLACE INTO settings VALUES ('vectors_version', 'other')")
        vectors.database.add_generation(connection)
    with Library.open(folder, given) as reopened:
        for one in (library, reopened):
            assert nearest(one, other.rows[77], 1) == [78]
            assert recall(one, other, np.arange(1, 1_001)) > 0.9


def test_a_file_that_cannot_be_saved_does_not_matter(
    library: Library, given: Given, monkeypatch: pytest.MonkeyPatch
):
    def fail(*arguments: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(vector_forms.os, "fsync", fail)
    put(library, range(1_000))
    library.flush()
    assert in_lists(library)
    assert nearest(library, given.rows[3], 1) == [4]
    assert not list(library.folder.glob(".new-*"))
    library.remove("file:///100")
    assert library._index.n_removed == 50


def other_centres(kind: Any, *, dimension: int = DIMENSION, more: int = 0) -> Callable[[Any], None]:
    def change(index: Any) -> None:
        centres = kind(dimension)
        centres.add(np.ones((index.nlist + more, dimension), np.float32))
        index.own_fields = False
        index.quantizer = centres
        centres.this.disown()

    return change


@pytest.mark.parametrize(
    "change",
    [
        other_centres(faiss.IndexFlatL2),
        other_centres(faiss.IndexFlatIP, dimension=4_096),
        other_centres(faiss.IndexFlatIP, more=50),
        lambda index: index.set_direct_map_type(faiss.DirectMap.Hashtable),
        lambda index: setattr(index, "by_residual", True),
        lambda index: setattr(index, "code_size", 64),
        lambda index: setattr(index, "ntotal", 7),
        lambda index: setattr(index.sq, "qtype", faiss.ScalarQuantizer.QT_fp16),
        lambda index: index.sq.trained.resize(2),
    ],
    ids=range(9),
)
def test_a_file_of_lists_that_do_not_agree_is_not_believed(
    tmp_path: Path, given: Given, change: Callable[[Any], None]
):
    path, note = tmp_path / "vectors.faiss", vector_forms.Note(1, 1_000, "", 1_000)
    for is_changed in (False, True):
        index = vector_forms.in_lists(given.rows[:1_000], 1_000)
        index.add_with_ids(given.rows[:1_000], np.arange(1, 1_001))
        if is_changed:
            change(index)
        vector_forms.finish(vector_forms.write(index, note, path), path, note)
        if not is_changed:
            assert vector_forms.read(path)[0].ntotal == 1_000
    with pytest.raises(ValueError, match="the file"):
        vector_forms.read(path)


def test_threads_search_while_another_puts_in_and_takes_out(library: Library, given: Given):
    put(library, range(300))
    done = threading.Event()

    def write() -> None:
        try:
            for start in range(300, 600, 50):
                put(library, range(start, start + 50))
                library.remove(f"file:///{start - 50}")
                put(library, range(start - 50, start))
        finally:
            done.set()

    def read() -> int:
        n = 0
        while not done.is_set():
            assert nearest(library, given.rows[n % 200], 1) == [n % 200 + 1]
            n += 1
        return n

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        pool.submit(write).result()
        assert all(reader.result() > 0 for reader in readers)
    assert in_lists(library)
