"""Stores of LangChain's FAISS, read without unpickling them."""

import os
import pickle
import struct
from collections import OrderedDict
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_community.vectorstores.utils import DistanceStrategy

from retrievers import ImportInvalid, Library, LibraryVectorStore
from retrievers.imports import import_faiss, read_import
from retrievers.langchain_faiss import DOCSTORES, DOCUMENTS, FaissStore
from retrievers.pickled import read_pickle
from tests.retrievers.faiss_stores import (
    laughs,
    pickled_by_pydantic_1,
    save_store,
    with_documents,
)
from tests.retrievers.words import DIMENSION, WordCounts, piece

CLASSES = DOCSTORES | DOCUMENTS
TEXTS = ["Gold rose.", "Stocks fell.", "Whales breathe air."]
METADATAS: list[dict[str, Any]] = [
    {"source": "/docs/metals.pdf", "page": 0, "title": "Metals"},
    {"source": "/docs/metals.pdf", "page": 1, "nested": {"a": [1, 2.5, None, True]}},
    {"source": "https://example.org/sea"},
]


def imported(library: Library, folder: Path) -> Any:
    found = read_import(folder)
    assert isinstance(found, FaissStore)
    return import_faiss(library, found, lambda _, __: None)


class TestImport:
    @pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
    def test_texts_metadata_and_vectors_are_taken_over(
        self, tmp_path: Path, library: Library, embeddings: WordCounts, protocol: int
    ):
        save_store(tmp_path / "s", TEXTS, embeddings, METADATAS, ids=list("abc"), protocol=protocol)
        embeddings.embedded.clear()
        report = imported(library, tmp_path / "s")
        assert (report.added, report.chunks, report.took_vectors) == (2, 3, True)
        assert len(embeddings.embedded) == 3  # to see that they are of this model
        assert [d.source for d in library.documents()] == [
            "file:///docs/metals.pdf",
            "https://example.org/sea",
        ]
        assert [d.title for d in library.documents()] == ["Metals", "sea"]
        assert library.search("whales")[0].score == pytest.approx(3**-0.5)
        with LibraryVectorStore(library.folder, embeddings) as store:
            found = store.get_by_ids(["a", "b", "c"])
        assert [d.page_content for d in found] == TEXTS
        assert [d.metadata for d in found] == METADATAS

    @pytest.mark.parametrize("strategy", list(DistanceStrategy)[:3])
    def test_vectors_come_back_whatever_their_metric(
        self, tmp_path: Path, library: Library, embeddings: WordCounts, strategy: DistanceStrategy
    ):
        try:
            save_store(tmp_path / "s", TEXTS, embeddings, distance_strategy=strategy)
        except ValueError:
            pytest.skip("not one that FAISS of LangChain has")
        assert imported(library, tmp_path / "s").took_vectors

    def test_stores_of_older_versions_are_read(self, tmp_path: Path, library: Library):
        save_store(tmp_path / "s", TEXTS[:2], WordCounts())
        entries = [("1", TEXTS[0], {"source": "a.txt", "page": 2}), ("2", TEXTS[1], {})]
        (tmp_path / "s" / "index.pkl").write_bytes(pickled_by_pydantic_1(entries))
        assert imported(library, tmp_path / "s").added == 2
        (hit, *_) = library.search("gold")
        assert hit.document.metadata["source"] == "text:a.txt"
        assert hit.document.metadata["page"] == 3
        assert library.sources("a.txt") == ["text:a.txt"]

    def test_vectors_of_another_model_are_made_anew(
        self, tmp_path: Path, library: Library, embeddings: WordCounts
    ):
        class Backwards(WordCounts):
            def embed_query(self, text: str) -> list[float]:
                return super().embed_query(text[::-1])

        save_store(tmp_path / "s", TEXTS, Backwards())
        report = imported(library, tmp_path / "s")
        assert (report.took_vectors, report.chunks) == (False, 3)
        assert library.search("Gold rose.")[0].score == pytest.approx(1.0)

    def test_an_index_of_another_kind_is_embedded_anew(self, tmp_path: Path, library: Library):
        folder = save_store(tmp_path / "s", TEXTS, WordCounts())
        graph = faiss.IndexHNSWFlat(DIMENSION, 4)
        graph.add(np.eye(3, DIMENSION, dtype=np.float32))
        faiss.write_index(graph, str(folder / "index.faiss"))
        assert not imported(library, folder).took_vectors
        assert library.n_chunks == 3

    def test_a_second_import_changes_nothing_and_a_changed_store_replaces(
        self, tmp_path: Path, library: Library, embeddings: WordCounts
    ):
        folder = save_store(tmp_path / "s", TEXTS, embeddings, METADATAS, ids=list("abc"))
        imported(library, folder)
        again = imported(library, folder)
        assert (again.added, again.updated, again.unchanged) == (0, 0, 2)
        more = [*METADATAS, METADATAS[2]]
        save_store(folder, [*TEXTS, "Whales sing."], embeddings, more, ids=list("abcd"))
        third = imported(library, folder)
        assert (third.updated, third.unchanged) == (1, 1)
        assert library.n_chunks == 4

    def test_what_limner_has_read_itself_is_kept(
        self, tmp_path: Path, library: Library, embeddings: WordCounts
    ):
        library.put("file:///docs/metals.pdf", [piece("Read.")], fingerprint="1", title="Metals")
        save_store(tmp_path / "s", TEXTS, embeddings, METADATAS)
        report = imported(library, tmp_path / "s")
        assert report.kept == ["file:///docs/metals.pdf"]
        assert library.evidence("file:///docs/metals.pdf")[0].page_content == "Read."

    def test_a_text_of_an_imported_document_can_be_deleted(
        self, tmp_path: Path, library: Library, embeddings: WordCounts
    ):
        folder = save_store(tmp_path / "s", TEXTS, embeddings, METADATAS, ids=list("abc"))
        imported(library, folder)
        with LibraryVectorStore(library.folder, embeddings) as store:
            store.delete(["a", "c"])
            assert [d.id for d in store.similarity_search("gold stocks")] == ["b"]
        assert [d.source for d in library.documents()] == ["file:///docs/metals.pdf"]
        assert imported(library, folder).updated == 1
        assert library.n_chunks == 3

    def test_one_of_two_stores_must_be_named(self, tmp_path: Path):
        save_store(tmp_path, TEXTS, WordCounts())
        for kind in ("faiss", "pkl"):
            (tmp_path / f"other.{kind}").write_bytes((tmp_path / f"index.{kind}").read_bytes())
        with pytest.raises(ImportInvalid, match=r"index\.faiss, other\.faiss"):
            read_import(tmp_path)
        for name in ("other.pkl", "index.faiss"):
            assert isinstance(read_import(tmp_path / name), FaissStore)

    def test_a_folder_of_something_else_is_refused(self, tmp_path: Path):
        for path in (tmp_path, tmp_path / "none"):
            with pytest.raises(ImportInvalid, match="neither an export"):
                read_import(path)


class Harmful:
    """Unpickled, this makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


class TestHostilePickles:
    @pytest.fixture
    def store(self, tmp_path: Path) -> Path:
        return save_store(tmp_path / "s", ["Gold."], WordCounts(), [{"source": "a"}])

    def refusal(self, store: Path, content: bytes, library: Library) -> str:
        (store / "index.pkl").write_bytes(content)
        with pytest.raises(ImportInvalid) as refused:
            imported(library, store)
        assert library.n_documents == 0
        return str(refused.value)

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_what_would_be_called_is_named_and_not_run(
        self, tmp_path: Path, store: Path, library: Library, protocol: int
    ):
        folder = tmp_path / "made"
        content = pickle.dumps((Harmful(folder), {}), protocol)
        said = self.refusal(store, content, library)
        assert not folder.exists()
        assert "mkdir" in said
        assert "nothing in it was run" in said
        pickle.loads(content)  # it is a harmful one
        assert folder.exists()

    def test_a_call_by_the_name_of_a_class_that_may_be_there_is_refused(
        self, store: Path, library: Library
    ):
        content = b"\x80\x02clangchain_core.documents.base\nDocument\n(K\x01tR."
        assert "asks to call" in self.refusal(store, content, library)

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (datetime(2024, 1, 1, tzinfo=UTC), "datetime"),
            (OrderedDict(a=1), "collections.OrderedDict"),
            (Path("x"), "pathlib"),
            (b"bytes", "BINBYTES"),
            (np.float64(1.5), "numpy"),
            (2**64, "65 bits"),
            ((1, 2), "builtins.tuple"),
            ({1: 2}, "the key 1"),
            (float("nan"), "Out of range"),
        ],
    )
    def test_metadata_that_are_not_json_are_named(
        self, store: Path, library: Library, value: Any, words: str
    ):
        save_store(store, ["Gold."], WordCounts(), [{"odd": value}])
        said = self.refusal(store, (store / "index.pkl").read_bytes(), library)
        assert words in said

    @pytest.mark.parametrize(
        "value",
        [
            laughs(100),
            laughs(3),
            b"]\x94h\x00a",  # a list that holds itself
            b"](" + b"](" * 90 + b"e" * 90 + b"e",
            b"](" * 2000,
        ],
    )
    def test_what_would_grow_without_end_is_refused(
        self, store: Path, library: Library, value: bytes
    ):
        said = self.refusal(store, with_documents(value), library)
        assert any(words in said for words in ("too large", "nested", "Gold."))

    def test_a_text_that_many_documents_share_does_not_fill_the_disk(
        self, store: Path, library: Library
    ):
        text = "x" * 200_000
        save_store(store, [text] * 1000, WordCounts(), ids=[str(n) for n in range(1000)])
        assert (store / "index.pkl").stat().st_size < 2_000_000
        said = self.refusal(store, (store / "index.pkl").read_bytes(), library)
        assert "much larger than the file" in said

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"no pickle",
            b"\x80\x04",
            b"\x80\x04.",
            b"\x80\x04N.",
            b"\x80\x04s.",
            b"\x80\x04h\x05.",
            b"\x80\x04}]K\x01s.",
            b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f",
            b"\x80\x04X\xff\xff\xff\xff",
            b"\x80\x04\x8b\xff\xff\xff\x7f\x01",
            b"\x80\x04(((.",
            b"\x80\x04\x94.",
            b"\x80\x04\x86.",
            b"\x80\x04I" + b"9" * 10_000 + b"\n.",
            b"\x80\x04}}\x86.",
        ],
    )
    def test_what_is_no_pickle_or_no_store_is_an_error(
        self, store: Path, library: Library, content: bytes
    ):
        assert self.refusal(store, content, library).startswith(f"{store / 'index.pkl'} ")

    def test_a_pickle_cut_off_anywhere_is_an_error(self, store: Path, library: Library):
        whole = (store / "index.pkl").read_bytes()
        for end in range(0, len(whole), 7):
            with pytest.raises(ImportInvalid):
                read_pickle(whole[:end], CLASSES)

    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_any_bytes_are_read_as_data_or_refused(self, data: st.DataObject):
        whole = pickled_by_pydantic_1([("1", "Gold.", {"source": "a", "n": 1})])
        content = bytearray(whole)
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, len(content) - 1))
            content[place] = data.draw(st.integers(0, 255))
        with suppress(ImportInvalid):
            read_pickle(bytes(content), CLASSES)

    @pytest.mark.parametrize(
        ("start", "words"),
        [
            (struct.pack("<4siqqq?iQ", b"IxF2", 512, 9, 0, 0, True, 1, 9 * 512), "damaged"),
            (struct.pack("<4siqqq?iQ", b"IxF2", -1, -1, 0, 0, True, 1, 1), "damaged"),
            (struct.pack("<4siqqq?iQ", b"IxFI", 2**30, 2**60, 0, 0, True, 0, 2**63), "damaged"),
            (struct.pack("<4siqqq?i", b"IxFI", 1, 1, 0, 0, True, 0), "damaged"),
            (struct.pack("<4siqqq?iQ2f", b"IxFI", 1, 2, 0, 0, True, 0, 2, 1, 1), "2 vectors"),
            (struct.pack("<4siqqq?iQf", b"IxFI", 1, 1, 0, 0, True, 0, 1, np.nan), "none, or"),
            (struct.pack("<4siqqq?iQf", b"IxFI", 1, 1, 0, 0, True, 0, 1, np.inf), "none, or"),
            (struct.pack("<4siqqq?iQf", b"IxFI", 1, 1, 0, 0, True, 0, 1, 1e30), "none, or"),
        ],
    )
    def test_an_index_that_is_not_what_it_says_is_an_error(
        self, store: Path, library: Library, start: bytes, words: str
    ):
        (store / "index.faiss").write_bytes(start)
        with pytest.raises(ImportInvalid, match=words):
            imported(library, store)
        assert library.n_documents == 0
