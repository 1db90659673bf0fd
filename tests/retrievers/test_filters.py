"""What a filter chooses: by date, collection and any metadata."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from retrievers import Filter, InvalidFilter, Library, UnknownSource
from retrievers.library import NewDocument
from tests.retrievers.words import piece

PIECES = {
    "early": {"page": 1, "tags": ["draft", "blue"], "score_x": 1.5},
    "middle": {"page": 2, "section": "Methods", "is_final": True},
    "late": {"page": 3, "section": "Methods", 'odd "key"': "a'; DROP TABLE chunks; --"},
}


@pytest.fixture
def filled(library: Library) -> Library:
    """Three documents of three years, one piece each, all about whales."""
    new = [
        NewDocument(
            f"file:///docs/{name}.md",
            [piece(f"{name} whales", **metadata)],
            "1",
            name.title(),
            dated_at=f"{2001 + n}-07-01T12:00:00+00:00",
            collections=("sea",) if n else ("sea", "land"),
        )
        for n, (name, metadata) in enumerate(PIECES.items())
    ]
    assert len(list(library.put_all(new))) == len(PIECES)
    return library


def found(library: Library, where: Filter) -> set[str]:
    return {hit.document.page_content.split()[0] for hit in library.search("whales", where=where)}


@pytest.mark.parametrize(
    ("metadata", "names"),
    [
        ({"page": 2}, {"middle"}),
        ({"page": "2"}, set()),
        ({"page": {"$gte": 2}}, {"middle", "late"}),
        ({"page": {"$gt": 1, "$lt": 3}}, {"middle"}),
        ({"page": {"$lte": 1}}, {"early"}),
        ({"page": [1, 3]}, {"early", "late"}),
        ({"page": {"$nin": [1, 3]}}, {"middle"}),
        ({"section": "Methods"}, {"middle", "late"}),
        ({"section": "Methods", "page": 3}, {"late"}),
        ({"section": {"$ne": "Methods"}}, {"early"}),
        ({"section": {"$gte": "A"}}, {"middle", "late"}),
        ({"section": {"$gte": 1}}, set()),
        ({"tags": "blue"}, {"early"}),
        ({"tags": ["red", "draft"]}, {"early"}),
        ({"score_x": {"$lt": 2}}, {"early"}),
        ({"is_final": True}, {"middle"}),
        ({'odd "key"': "a'; DROP TABLE chunks; --"}, {"late"}),
        ({"title": "Early"}, {"early"}),
        ({"source": "file:///docs/late.md"}, {"late"}),
        ({"modality": "text"}, set(PIECES)),
        ({"nothing": {"$ne": 1}}, set(PIECES)),
        ({"page": []}, set()),
    ],
)
def test_metadata_choose(filled: Library, metadata: dict[str, Any], names: set[str]) -> None:
    assert found(filled, Filter(metadata=metadata)) == names


@pytest.mark.parametrize(
    ("since", "until", "names"),
    [
        (date(2002, 1, 1), None, {"middle", "late"}),
        (None, date(2001, 7, 1), {"early"}),
        (date(2002, 7, 1), date(2002, 7, 1), {"middle"}),
        (date(2004, 1, 1), None, set()),
    ],
)
def test_dates_choose_and_include_their_day(filled: Library, since, until, names) -> None:
    assert found(filled, Filter(since=since, until=until)) == names


def test_a_document_without_a_date_has_that_of_its_adding(library: Library) -> None:
    library.put("file:///new.md", [piece("new whales")], fingerprint="1", title="New")
    assert found(library, Filter(since=date(2025, 1, 1))) == {"new"}
    assert found(library, Filter(until=date(2025, 1, 1))) == set()


def test_a_collection_chooses_and_outlives_a_new_version(filled: Library) -> None:
    assert filled.collections() == {"land": 1, "sea": 3}
    filled.put("file:///docs/early.md", [piece("early whales again")], fingerprint="2", title="E")
    assert found(filled, Filter(collection="land")) == {"early"}
    assert found(filled, Filter(collection="nowhere")) == set()
    filled.collect("land", ["file:///docs/late.md"])
    filled.release("land", ["file:///docs/early.md"])
    assert found(filled, Filter(collection="land")) == {"late"}
    filled.remove("file:///docs/late.md")
    assert filled.collections() == {"sea": 2}
    assert {d.title: d.collections for d in filled.documents()} == {
        "E": ("sea",),
        "Middle": ("sea",),
    }


def test_a_collection_takes_all_of_its_new_documents_or_none(filled: Library) -> None:
    with pytest.raises(UnknownSource, match="nobody"):
        filled.collect("land", ["file:///docs/late.md", "file:///nobody.md"])
    assert filled.collections() == {"land": 1, "sea": 3}


@pytest.mark.parametrize(
    "metadata", [{"page": {"$regex": "1"}}, {"page": {}}, {"page": None}, {"page": [object()]}]
)
def test_a_filter_that_makes_no_sense_is_an_error(filled: Library, metadata: dict) -> None:
    with pytest.raises(InvalidFilter, match="page"):
        filled.search("whales", where=Filter(metadata=metadata))


def test_a_moved_document_keeps_its_collections_and_embeds_nothing(filled: Library) -> None:
    embeddings: Any = filled._embeddings
    embeddings.embedded.clear()
    moved = NewDocument(
        "file:///new/early.md",
        [piece("early whales", page=1)],
        "1",
        "Early",
        moved_from="file:///docs/early.md",
    )
    (change,) = filled.put_all([moved])
    assert change.replaced
    assert embeddings.embedded == []
    assert filled.documents()[0].source == "file:///new/early.md"
    assert found(filled, Filter(collection="land")) == {"early"}
