"""What goes into a library, what comes out, and what a search finds."""

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrievers import Filter, Library, UnknownSource
from retrievers.library import NewDocument
from tests.retrievers.conftest import Put
from tests.retrievers.test_vector_index import rows_in
from tests.retrievers.words import DIMENSION, WordCounts, figure, image_key, piece

WHALES = piece("Whales breathe air and give milk.", page=3, section="Sea › Mammals")
STOCKS = piece("Stocks fell while gold rose.", page=1)
CHART = figure("Gold price by year, 1990 to 2010.", "a", page=2)
TABLE = piece("| year | price |\n| 1990 | 383 |", modality="table", sheet="Prices")


def texts(hits) -> list[str]:
    return [hit.document.page_content for hit in hits]


class TestEvidence:
    def test_everything_comes_back_in_order_as_it_was_put(self, library: Library, put: Put):
        put("gold.pdf", STOCKS, CHART, TABLE, title="Gold")
        back = library.evidence("file:///docs/gold.pdf")
        assert [d.page_content for d in back] == [d.page_content for d in (STOCKS, CHART, TABLE)]
        its_document = {"source": "file:///docs/gold.pdf", "title": "Gold"}
        its_picture = {"image_url": library.media_base_url + image_key("a")}
        assert back[0].metadata == its_document | STOCKS.metadata
        assert back[1].metadata == its_document | CHART.metadata | its_picture
        assert back[2].metadata == its_document | TABLE.metadata
        assert json.loads(json.dumps(back[1].metadata)) == back[1].metadata

    def test_a_picture_has_the_url_of_where_the_library_is_now(
        self, library: Library, put: Put, folder: Path, tmp_path: Path
    ):
        put("gold.pdf", CHART)
        library.close()
        moved = shutil.move(folder, tmp_path / "another place")
        with Library.open(moved, WordCounts()) as there:
            url = there.search("gold")[0].document.metadata["image_url"]
        assert url == f"{(tmp_path / 'another place' / 'media').as_uri()}/{image_key('a')}"

    @pytest.mark.parametrize("base", ["https://cdn.example/m", "https://cdn.example/m/"])
    def test_a_picture_has_the_url_that_is_set(self, folder: Path, base: str):
        with Library.open(folder, WordCounts(), create=True, media_base_url=base) as library:
            library.put("file:///gold.pdf", [CHART], fingerprint="1", title="Gold")
            (found,) = library.evidence("file:///gold.pdf")
        assert found.metadata["image_url"] == f"https://cdn.example/m/{image_key('a')}"

    def test_the_pictures_of_a_document_take_no_longer_beside_many_others(self, library: Library):
        def n_steps(source: str | None) -> int:
            steps = []
            with library.reading() as connection:
                connection.set_progress_handler(lambda: steps.append(1), 10)
            library.image_keys(source)
            with library.reading() as connection:
                connection.set_progress_handler(None, 0)
            return len(steps)

        charts = [figure(f"Chart {n}.", "a", page=n) for n in range(300)]
        library.put("file:///many.pdf", charts, fingerprint="1", title="Many")
        library.put("file:///one.pdf", [CHART, STOCKS], fingerprint="2", title="One")
        assert library.image_keys("file:///one.pdf") == {image_key("a")}
        assert library.image_keys("file:///none.pdf") == set()
        assert n_steps("file:///one.pdf") < 10 < n_steps("file:///many.pdf")

    def test_documents_are_listed_with_their_counts(self, library: Library):
        library.put("file:///b.pdf", [STOCKS, CHART], fingerprint="1", title="B", n_pages=2)
        library.put("file:///a.md", [], fingerprint="2", title="A")
        first, second = library.documents()
        assert (first.source, first.title, first.n_pages) == ("file:///b.pdf", "B", 2)
        assert (first.n_chunks, first.n_figures) == (2, 1)
        assert first.added_at.endswith("+00:00")
        assert (second.n_pages, second.n_chunks, second.n_figures) == (None, 0, 0)
        assert (library.n_documents, library.n_chunks) == (2, 2)
        assert library.sources("*.MD") == ["file:///a.md"]

    def test_a_fingerprint_is_kept_for_each_source(self, library: Library, put: Put):
        put("gold.pdf", STOCKS)
        assert library.fingerprint("file:///docs/gold.pdf") == "print of gold.pdf"
        assert library.fingerprint("file:///docs/other.pdf") is None

    def test_an_unknown_source_is_an_error_that_names_it(self, library: Library):
        for ask in (library.evidence, library.remove):
            with pytest.raises(UnknownSource, match=r"no document from file:///x\.pdf"):
                ask("file:///x.pdf")

    def test_a_document_without_an_id_is_refused(self, library: Library, put: Put):
        nameless = piece("Nameless.")
        del nameless.metadata["chunk_id"]
        with pytest.raises(ValueError, match="chunk_id"):
            put("x.pdf", nameless)
        assert library.n_documents == 0

    def test_text_that_is_not_proper_unicode_is_kept_as_far_as_it_is(
        self, library: Library, put: Put
    ):
        put("x.pdf", piece("Half a \ud800 pair, and a \0 byte.", section="\udfff"), title="\ud800")
        (back,) = library.evidence("file:///docs/x.pdf")
        assert back.page_content == "Half a ? pair, and a \0 byte."
        assert texts(library.search("pair \udc00")) == [back.page_content]


class TestChange:
    def test_a_second_put_replaces_the_first(self, library: Library, put: Put):
        assert not put("gold.pdf", STOCKS, CHART).replaced
        change = put("gold.pdf", WHALES)
        assert (change.replaced, change.n_chunks, change.n_figures) == (True, 1, 0)
        assert texts(library.search("gold whales")) == [WHALES.page_content]
        assert library.n_documents == 1

    def test_a_picture_is_an_orphan_only_when_nothing_refers_to_it(
        self, library: Library, put: Put
    ):
        shared, own = figure("A shared chart.", "a"), figure("A chart of its own.", "b")
        put("one.pdf", shared, own)
        put("two.pdf", shared)
        assert put("one.pdf", own).orphan_keys == ()
        assert library.image_keys() == {image_key("a"), image_key("b")}
        assert library.remove("file:///docs/one.pdf").orphan_keys == (image_key("b"),)
        assert put("two.pdf", STOCKS).orphan_keys == (image_key("a"),)
        assert library.image_keys() == set()

    def test_all_evidence_of_a_picture_is_found(self, library: Library, put: Put):
        put("one.pdf", figure("Seen first.", "a"))
        put("two.pdf", figure("Seen again.", "a"), figure("Another.", "b"))
        found = library.similar_pictures(image_key("a"))
        assert [hit.document.page_content for hit in found] == ["Seen first.", "Seen again."]

    def test_only_new_words_are_embedded(self, library: Library, put: Put, embeddings: WordCounts):
        put("gold.pdf", STOCKS, CHART)
        embeddings.embedded.clear()
        moved = STOCKS.model_copy(update={"metadata": STOCKS.metadata | {"page": 9}})
        put("gold.pdf", WHALES, moved, WHALES)
        assert embeddings.embedded == [WHALES.page_content]
        hits = library.search("stocks gold")
        assert hits[0].document.metadata["page"] == 9
        assert hits[0].score > 0.6

    def test_the_new_title_is_found_and_the_old_one_is_not(self, library: Library, put: Put):
        put("x.pdf", STOCKS, title="Almanac")
        put("x.pdf", STOCKS, title="Yearbook")
        found = [library.search(word)[0].document.metadata["title"] for word in ("yearbook",)]
        assert found == ["Yearbook"]
        assert lexical_ids(library, "almanac") == []

    def test_removal_leaves_no_row_no_word_and_no_vector(
        self, library: Library, put: Put, folder: Path
    ):
        put("gold.pdf", STOCKS, CHART, title="Metals")
        put("sea.pdf", WHALES)
        library.search("gold")
        change = library.remove("file:///docs/gold.pdf")
        assert (change.n_chunks, change.n_figures) == (2, 1)
        library.close()
        with Library.open(folder, WordCounts()) as reopened:
            assert reopened.n_chunks == 1
            assert lexical_ids(reopened, "gold metals stocks 1990") == []
            assert len(lexical_ids(reopened, "whales")) == 1
            assert texts(reopened.search("gold")) == [WHALES.page_content]
        assert rows_in(folder) == 1


class TestSeveralAtOnce:
    def test_documents_put_in_together_are_embedded_together(self, folder: Path):
        class Counting(WordCounts):
            calls = 0

            def embed_documents(self, texts: list[str]) -> list[list[float]]:
                self.calls += 1
                return super().embed_documents(texts)

        embeddings = Counting()
        new = [
            NewDocument(f"file:///docs/{n}.pdf", [document], "1", f"Number {n}")
            for n, document in enumerate((WHALES, STOCKS, CHART))
        ]
        with Library.open(folder, embeddings, create=True) as library:
            changes = list(library.put_all(new))
            assert embeddings.calls == 1
            assert [c.n_figures for c in changes] == [0, 0, 1]
            assert {d.title for d in library.documents()} == {"Number 0", "Number 1", "Number 2"}
            assert texts(library.search("whales"))[0] == WHALES.page_content

    def test_what_was_put_in_before_one_that_fails_is_told(self, library: Library):
        bad: Any = None
        new = [
            NewDocument("file:///a.pdf", [WHALES], "1", "a"),
            NewDocument("file:///b.pdf", [STOCKS], bad, "b"),
            NewDocument("file:///c.pdf", [CHART], "1", "c"),
        ]
        changes = library.put_all(new)
        assert next(changes).n_chunks == 1
        with pytest.raises(sqlite3.IntegrityError):
            next(changes)
        assert [d.source for d in library.documents()] == ["file:///a.pdf"]
        assert texts(library.search("whales")) == [WHALES.page_content]


class TestSearch:
    def test_the_best_match_comes_first_with_its_cosine(self, library: Library, put: Put):
        put("gold.pdf", STOCKS, CHART)
        put("sea.pdf", WHALES)
        hits = library.search("Whales breathe air and give milk.")
        assert hits[0].document.page_content == WHALES.page_content
        assert hits[0].score == pytest.approx(1.0)
        assert len(hits) == 3
        assert all(-1.0 <= hit.score <= 1.0 for hit in hits)

    def test_a_hit_by_words_alone_has_its_cosine_too(self, library: Library, put: Put):
        crowd = [piece(f"price number {n}") for n in range(300)]
        stemmed = piece("pricing of many other things that dilute what it says")
        put("x.pdf", *crowd, stemmed)
        (hit,) = [
            h
            for h in library.search("pricing", 300)
            if h.document.page_content == stemmed.page_content
        ]
        assert hit.score == pytest.approx(1 / np.sqrt(10), abs=1e-6)

    @pytest.mark.parametrize("query", ["", "   \n", "\0"])
    def test_an_empty_query_finds_nothing_or_anything_without_error(
        self, library: Library, put: Put, query: str
    ):
        put("sea.pdf", WHALES)
        assert len(library.search(query)) <= 1

    def test_an_empty_library_finds_nothing(self, library: Library, put: Put):
        assert library.search("whales") == []
        put("empty.pdf")
        assert library.search("whales") == []
        put("sea.pdf", WHALES)
        library.remove("file:///docs/sea.pdf")
        assert library.search("whales") == []

    def test_k_bounds_the_hits_and_may_exceed_the_library(self, library: Library, put: Put):
        put("x.pdf", *(piece(f"gold {n}") for n in range(120)))
        assert [len(library.search("gold", k)) for k in (0, 1, 7, 120, 10_000)] == [
            0,
            1,
            7,
            120,
            120,
        ]

    def test_a_whole_document_can_be_ranked(self, library: Library, put: Put):
        put("crowd.pdf", *(piece(f"gold {n}") for n in range(300)))
        put("one.pdf", *(piece(f"silver {n}") for n in range(200)))
        hits = library.search("gold", 10_000, where=Filter(source="one.pdf"))
        assert len({hit.document.page_content for hit in hits}) == 200
        assert {hit.document.metadata["title"] for hit in hits} == {"one.pdf"}

    def test_filters_choose_before_the_best_are_taken(self, library: Library, put: Put):
        put("crowd.pdf", *(piece("gold price chart") for _ in range(500)))
        put("Far Away.pdf", piece("weather"), figure("A chart of rain.", "a"))
        for choice in (
            {"source": "far*"},
            {"modality": "figure"},
            {"source": "FAR AWAY.PDF", "modality": "figure"},
        ):
            hits = library.search("gold price chart", 3, where=Filter(**choice))
            assert "A chart of rain." in texts(hits)
            assert len(hits) == (2 if choice == {"source": "far*"} else 1)

    def test_filters_leave_out_what_lies_between(self, library: Library, put: Put):
        for name in ("first.md", "between.pdf", "last.md"):
            put(name, piece(f"gold in {name}"), figure(f"gold chart of {name}", "a"))
        found = {
            h.document.metadata["title"]
            for h in library.search("gold", 100, where=Filter(source="*.md"))
        }
        assert found == {"first.md", "last.md"}
        figures = library.search("gold", 100, where=Filter(modality="figure"))
        assert {hit.document.metadata["modality"] for hit in figures} == {"figure"}
        assert len(figures) == 3

    def test_a_filter_that_nothing_passes_gives_nothing(self, library: Library, put: Put):
        put("sea.pdf", WHALES)
        assert library.search("whales", where=Filter(source="land.pdf")) == []
        assert library.search("whales", where=Filter(modality="video")) == []

    def test_stored_vectors_come_in_the_order_asked_for(self, library: Library, put: Put):
        put("x.pdf", WHALES, STOCKS)
        ids = [d.metadata["chunk_id"] for d in (STOCKS, WHALES, STOCKS)]
        vectors = library.vectors([*ids, "gone"])
        assert vectors.shape == (4, DIMENSION)
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1, 0])
        assert vectors[0] @ vectors[2] == pytest.approx(1)
        assert vectors[0] @ vectors[1] < 0.5


def lexical_ids(library: Library, query: str) -> list[int]:
    """What is found by words alone."""
    with library._database.reading() as connection:
        return library._words.best(connection, query, 10)
