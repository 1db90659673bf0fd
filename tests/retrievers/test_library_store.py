"""The library as a LangChain vector store."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest
from langchain_tests.integration_tests import (
    RetrieversIntegrationTests,
    VectorStoreIntegrationTests,
)

from retrievers import (
    Filter,
    InvalidFilter,
    Library,
    LibraryVectorStore,
    MetadataInvalid,
    ModelMismatch,
    PartOfDocument,
)
from tests.retrievers.words import WordCounts, figure, piece


@pytest.fixture
def store(folder: Path, embeddings: WordCounts) -> Iterator[LibraryVectorStore]:
    with LibraryVectorStore(folder, embeddings) as opened:
        yield opened


@pytest.mark.anyio
class TestStandard(VectorStoreIntegrationTests):
    """What LangChain expects of every vector store, sync and async."""

    @pytest.fixture
    def vectorstore(self, folder: Path) -> Iterator[LibraryVectorStore]:
        with LibraryVectorStore(folder, self.get_embeddings()) as opened:
            yield opened


@pytest.mark.anyio
class TestStandardRetriever(RetrieversIntegrationTests):
    """What LangChain expects of every retriever."""

    @pytest.fixture(autouse=True)
    def _store(self, store: LibraryVectorStore) -> None:
        store.add_texts(["Gold rose.", "Stocks fell.", "Whales breathe air."])
        self.store = store

    @property
    def retriever_constructor(self) -> Any:
        return lambda **arguments: self.store.as_retriever(search_kwargs=arguments)

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {}

    @property
    def retriever_query_example(self) -> str:
        return "gold stocks"


class TestMetadata:
    ODD: ClassVar[dict[str, Any]] = {
        "source": "reports/2023.pdf",
        "title": 7,
        "score": "high",
        "page": 3,
        "start": "never",
        "chunk_id": None,
        "image_url": ["a"],
        "given": {"x": True},
        "given.x": 1.5,
        "lang": "de",
        "nested": {"list": [1, None, False, {"deep": "é"}]},
        "large": 2**70,
    }

    def test_metadata_come_back_exactly_as_they_were_given(self, store: LibraryVectorStore):
        (name,) = store.add_texts(["Gold rose."], [self.ODD])
        (found,) = store.similarity_search("gold")
        assert found.metadata == self.ODD
        assert found.id == name
        assert [type(v) for v in found.metadata.values()] == [type(v) for v in self.ODD.values()]
        assert store.get_by_ids([name])[0].metadata == self.ODD

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (datetime(2024, 1, 1, tzinfo=UTC), "datetime.datetime"),
            ((1, 2), "builtins.tuple"),
            (math.nan, "Out of range"),
            ({"a": {1: 2}}, "the key 1"),
            ("\ud800", "surrogates"),
            (b"x", "builtins.bytes"),
            (2**2000, "too large a number"),
            (["x" * 1000] * 1001, "too large"),
        ],
    )
    def test_what_json_cannot_hold_is_refused_by_its_key(
        self, store: LibraryVectorStore, value: Any, words: str
    ):
        with pytest.raises(MetadataInvalid, match=words) as refusal:
            store.add_texts(["Fine.", "Odd."], [{}, {"when": value}])
        assert "'when'" in str(refusal.value)
        assert store.library.n_documents == 0

    def test_what_refers_to_itself_is_refused(self, store: LibraryVectorStore):
        loop: list[Any] = []
        loop.append(loop)
        with pytest.raises(MetadataInvalid, match="nested deeper"):
            store.add_texts(["Odd."], [{"loop": loop}])

    def test_a_text_without_end_is_refused(self, store: LibraryVectorStore):
        with pytest.raises(MetadataInvalid, match="4,000,001 characters"):
            store.add_texts(["x" * 4_000_001])

    def test_a_key_that_is_no_text_is_refused(self, store: LibraryVectorStore):
        odd: Any = {1: 2}
        with pytest.raises(MetadataInvalid, match="the key 1"):
            store.add_texts(["Odd."], [odd])


class TestTexts:
    def test_a_thousand_texts_are_one_change_and_embedded_together(
        self, folder: Path, store: LibraryVectorStore, embeddings: WordCounts
    ):
        store.add_texts([f"Number {n} of many." for n in range(1000)])
        assert len(embeddings.embedded) == 1000
        with store.library.reading() as connection:
            (n_changes,) = connection.execute("SELECT count(*) FROM generations").fetchone()
        assert n_changes == 1
        assert len(store.similarity_search("number", k=1000)) == 1000

    def test_texts_are_found_by_the_ordinary_search_too(self, store: LibraryVectorStore):
        store.add_texts(
            ["Gold rose.", "Whales sing."], [{"source": "/docs/metals.pdf", "page": 0}, {}]
        )
        (hit,) = store.library.search("gold", where=Filter(source="metals.*"))
        assert hit.document.page_content == "Gold rose."
        assert hit.document.metadata["title"] == "metals.pdf"
        assert hit.document.metadata["page"] == 1  # as people count them
        assert {d.title for d in store.library.documents()} == {"metals.pdf", "Whales sing."}

    def test_what_limner_has_read_is_found_with_its_metadata(
        self, folder: Path, embeddings: WordCounts
    ):
        with Library.open(folder, embeddings, create=True) as library:
            gold = [piece("Gold rose.", page=3), figure("Gold by year.", "a", page=4)]
            library.put("file:///gold.pdf", gold, fingerprint="1", title="Gold")
        with LibraryVectorStore(folder, embeddings) as store:
            found = store.similarity_search("gold year")
            assert {d.metadata["modality"] for d in found} == {"text", "figure"}
            assert all(d.metadata["source"] == "file:///gold.pdf" for d in found)
            assert all(d.id == d.metadata["chunk_id"] for d in found)
            chosen = [d for d in found if d.metadata["page"] == 3]
            assert store.get_by_ids([chosen[0].id or ""]) == chosen

    def test_what_limner_has_read_changes_only_as_a_whole(
        self, folder: Path, embeddings: WordCounts
    ):
        gold = piece("Gold rose.", chunk_id="abc")
        with Library.open(folder, embeddings, create=True) as library:
            library.put("file:///gold.pdf", [gold], fingerprint="1", title="Gold")
        with LibraryVectorStore(folder, embeddings) as store:
            with pytest.raises(PartOfDocument, match=r"limner remove file:///gold\.pdf"):
                store.delete(["abc"])
            with pytest.raises(PartOfDocument):
                store.add_texts(["Mine."], ids=["abc"])
            assert [d.page_content for d in store.similarity_search("gold")] == ["Gold rose."]

    def test_an_id_moves_to_another_source_without_a_trace(self, store: LibraryVectorStore):
        store.add_texts(["Old."], [{"source": "a.txt"}], ids=["1"])
        store.add_texts(["New."], [{"source": "b.txt"}], ids=["1"])
        assert [d.page_content for d in store.get_by_ids(["1"])] == ["New."]
        assert store.library.n_chunks == store.library.n_documents == 1
        assert store.library.search("old", where=Filter(source="a.txt")) == []

    def test_ids_that_look_like_sources_stay_apart(self, store: LibraryVectorStore):
        odd = ["a#b", "a", "x' OR 1=1 --", "é/ü?#", "text:a"]
        store.add_texts([f"Text {n}." for n in range(5)], [{"source": "a#b"}] * 5, ids=odd)
        assert [d.id for d in store.get_by_ids(odd[::-1])] == odd[::-1]
        store.delete(["a"])
        assert [d.id for d in store.get_by_ids(odd)] == [name for name in odd if name != "a"]

    def test_the_last_of_two_texts_with_one_id_stays(self, store: LibraryVectorStore):
        assert store.add_texts(["First.", "Last."], ids=["1", "1"]) == ["1", "1"]
        assert [d.page_content for d in store.similarity_search("x")] == ["Last."]

    def test_lists_of_different_length_are_refused(self, store: LibraryVectorStore):
        with pytest.raises(ValueError, match="2 texts came with 1 metadatas and 2 ids"):
            store.add_texts(["a", "b"], [{}])
        with pytest.raises(ValueError, match="ids"):
            store.delete()

    def test_a_store_is_made_from_texts(self, folder: Path, embeddings: WordCounts):
        with LibraryVectorStore.from_texts(
            ["Gold."], embeddings, [{"n": 1}], ids=["1"], path=folder
        ) as store:
            assert store.get_by_ids(["1"])[0].metadata == {"n": 1}
        with LibraryVectorStore(folder, embeddings) as again:
            assert [d.id for d in again.similarity_search("gold")] == ["1"]

    def test_another_model_is_refused(self, folder: Path, store: LibraryVectorStore):
        class Other(WordCounts):
            name = "other"

        with pytest.raises(ModelMismatch, match="limner migrate"):
            LibraryVectorStore(folder, Other())

    def test_another_model_of_the_same_name_is_refused_when_something_is_searched(
        self, folder: Path, store: LibraryVectorStore
    ):
        class Other(WordCounts):
            def embed_query(self, text: str) -> list[float]:
                return super().embed_query(text)[::-1]

        store.add_texts(["gold", "silver"])
        with LibraryVectorStore(folder, Other()) as other:
            with pytest.raises(ModelMismatch, match="another model of that name"):
                other.similarity_search("gold")
            with pytest.raises(ModelMismatch, match="another model of that name"):
                other.library.search_by_vector(Other().embed_query("gold"))


class TestSearch:
    @pytest.fixture(autouse=True)
    def _filled(self, store: LibraryVectorStore) -> None:
        gold = piece("Gold fell on page three.", page=3, lang="en")
        store.library.put("file:///gold.pdf", [gold], fingerprint="1", title="Gold")
        store.add_texts(
            ["Gold rose.", "Gold rose again.", "Stocks fell.", "Nothing of that."],
            [
                {"page": 3, "lang": "en", "source": "a.txt"},
                {"page": 4, "lang": "en", "tags": ["metal", "price"]},
                {"page": 5, "lang": "de", "source": "b.txt"},
                {},
            ],
            ids=["1", "2", "3", "4"],
        )

    def test_relevance_is_cosine_from_0_to_1(self, store: LibraryVectorStore):
        found = store.similarity_search_with_relevance_scores("Gold rose.", k=5)
        scores = {d.id: score for d, score in found}
        assert scores["1"] == pytest.approx(1.0)
        assert scores["4"] == 0.0
        assert all(0.0 <= score <= 1.0 for score in scores.values())
        above = store.similarity_search_with_relevance_scores("gold", k=5, score_threshold=0.5)
        assert {d.id for d, _ in above} == {"1", "2"}

    def test_what_points_the_other_way_is_of_no_relevance(self, tmp_path: Path):
        class Signed(WordCounts):
            def embed_query(self, text: str) -> list[float]:
                return [1.0, 0.0] if text == "up" else [-1.0, 0.1]

        with LibraryVectorStore.from_texts(["down"], Signed(), path=tmp_path / "s") as store:
            ((_, cosine),) = store.similarity_search_with_score("up")
            ((_, relevance),) = store.similarity_search_with_relevance_scores("up")
        assert cosine < -0.99
        assert relevance == 0.0

    @pytest.mark.parametrize(
        ("chosen", "ids"),
        [
            ({"lang": "en", "tags": "metal"}, {"2"}),
            ({"page": {"$gte": 4}}, {"2", "3"}),
            ({"page": [4, 5]}, {"2", "3"}),
            ({"source": "a.txt"}, {"1"}),
            ({"source": ["a.txt", "b.txt"], "lang": "de"}, {"3"}),
            ({"lang": {"$ne": "en"}}, {"3", "4"}),
            ({"given": True}, set()),
            (Filter(source="[ab].txt"), {"1", "3"}),
        ],
    )
    def test_a_filter_chooses_before_the_best_are_taken(
        self, store: LibraryVectorStore, chosen: Any, ids: set[str]
    ):
        found = store.similarity_search("gold", k=5, filter=chosen)
        assert {d.id for d in found} == ids
        few = store.similarity_search("gold", k=1, filter=chosen)
        assert len(few) == min(1, len(ids))

    def test_a_filter_means_the_metadata_of_both_kinds(self, store: LibraryVectorStore):
        found = store.similarity_search_with_score("gold", k=5, filter={"page": 3})
        assert [d.page_content for d, _ in found] == ["Gold rose.", "Gold fell on page three."]
        assert [s for _, s in found] == sorted((s for _, s in found), reverse=True)
        others = store.similarity_search("gold", k=5, filter={"source": {"$ne": "a.txt"}})
        assert {d.page_content for d in others} == {
            "Gold rose again.", "Stocks fell.", "Nothing of that.", "Gold fell on page three."
        }  # fmt: skip

    def test_a_filter_that_makes_no_sense_is_an_error(self, store: LibraryVectorStore):
        with pytest.raises(InvalidFilter, match=r"\$like"):
            store.similarity_search("gold", filter={"lang": {"$like": "e%"}})

    def test_marginal_relevance_prefers_what_is_different(self, store: LibraryVectorStore):
        near = store.max_marginal_relevance_search("gold rose", k=2, lambda_mult=1.0)
        assert {d.id for d in near} == {"1", "2"}
        apart = store.max_marginal_relevance_search("gold rose", k=2, lambda_mult=0.0)
        assert apart[0].id == "1"
        assert apart[1].id in {"3", "4"}
        only = store.max_marginal_relevance_search("gold", filter={"lang": "de"})
        assert [d.id for d in only] == ["3"]

    def test_a_vector_finds_what_its_words_find(self, store: LibraryVectorStore):
        vector = store.embeddings.embed_query("gold rose")
        assert store.similarity_search_by_vector(vector) == store.similarity_search("gold rose")
        with pytest.raises(ModelMismatch):
            store.similarity_search_by_vector([1.0, 0.0])
