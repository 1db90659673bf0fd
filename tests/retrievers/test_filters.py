"""What a filter chooses: by date, collection and any metadata."""

from __future__ import annotations

import operator as op
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrievers import (
    Filter,
    InvalidCollection,
    InvalidFilter,
    Library,
    UnknownCollection,
    UnknownSource,
    search,
)
from retrievers.library import NewDocument
from retrievers.vectors import Ids
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


def test_a_section_is_found_by_its_path_and_by_each_heading(library: Library) -> None:
    path = 'Whales › "Blue" ones › Food'
    library.put("file:///a.md", [piece("eaten whales", section=path)], fingerprint="1", title="A")
    for heading in (path, "Whales", '"Blue" ones', "Food"):
        assert found(library, Filter(metadata={"section": heading})) == {"eaten"}
        assert found(library, Filter(metadata={"section": {"$ne": heading}})) == set()
    for other in ("Blue", "Whales › Food", "food"):
        assert found(library, Filter(metadata={"section": other})) == set()


@pytest.mark.parametrize("key", ["k", "a b", "x.y", "-1", "é", 'q"q', "$", "a[0]", "#", "a\\"])
def test_any_key_can_be_asked_for(library: Library, key: str) -> None:
    values = {"one": "a", "two": [1, "a"], "three": {"a": "a"}, "four": None, "five": "a\\nb"}
    for name, value in values.items():
        parts = [piece(f"{name} whales", **{key: value, "other": "a"})]
        library.put(f"file:///{name}", parts, fingerprint="1", title=name)
    assert found(library, Filter(metadata={key: "a"})) == {"one", "two"}
    assert found(library, Filter(metadata={key: {"$ne": "a"}})) == {"three", "four", "five"}
    assert found(library, Filter(metadata={key: "a\\nb"})) == {"five"}
    assert found(library, Filter(metadata={key: {"$gte": 1}})) == {"two"}


def test_a_search_does_not_wait_for_what_another_one_s_filter_chooses(
    filled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose, begun, end = Filter.chunks, threading.Event(), threading.Event()

    def slow(self: Filter, connection: sqlite3.Connection) -> Ids | None:
        if not self.chooses_all:
            begun.set()
            assert end.wait(5)
        return choose(self, connection)

    monkeypatch.setattr(Filter, "chunks", slow)
    with ThreadPoolExecutor() as pool:
        try:
            asked = pool.submit(found, filled, Filter(metadata={"page": 2}))
            assert begun.wait(5)
            plain = pool.submit(found, filled, Filter())
            assert plain.result(timeout=5) == set(PIECES)
        finally:
            end.set()
        assert asked.result() == {"middle"}


def test_what_is_removed_after_a_filter_has_chosen_it_is_not_found(
    filled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = Filter.chunks

    def and_remove(self: Filter, connection: sqlite3.Connection) -> Ids | None:
        chosen = choose(self, connection)
        monkeypatch.setattr(Filter, "chunks", choose)
        filled.remove("file:///docs/late.md")
        return chosen

    where = Filter(metadata={"section": "Methods"})
    vector = filled.embeddings.embed_query("whales")
    monkeypatch.setattr(Filter, "chunks", and_remove)
    assert found(filled, where) == {"middle"}
    assert len(filled.search_by_vector(vector, where=where)) == 1


def test_what_filters_have_chosen_is_kept_within_bounds(
    filled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose, n_chosen = Filter.chunks, 0

    def count(self: Filter, connection: sqlite3.Connection) -> Ids | None:
        nonlocal n_chosen
        n_chosen += 1
        return choose(self, connection)

    monkeypatch.setattr(Filter, "chunks", count)
    monkeypatch.setattr(search, "MAX_CHOSEN_BYTES", 40)  # five ids
    pages = [Filter(metadata={"page": {"$gte": page}}) for page in (1, 2)]  # of three and two
    for where in [*pages, *pages]:
        found(filled, where)
    assert n_chosen == 2
    found(filled, Filter(metadata={"page": 1}))
    found(filled, pages[0])
    assert n_chosen == 4


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
    "metadata",
    [
        {"page": {"$regex": "1"}},
        {"page": {}},
        {"page": None},
        {"page": [object()]},
        {"page": float("nan")},
        {"page": {"$lt": float("inf")}},
        {"page": 2**63},
        {"page": {"$gte": True}},
        {"page": {"$gte": [1]}},
        {"page": [[1]]},
        {"page": {"$eq": {"$eq": 1}}},
    ],
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


def test_a_filter_of_too_many_conditions_is_an_error(filled: Library) -> None:
    many = {f"key {n}": n for n in range(101)}
    with pytest.raises(InvalidFilter, match="101 conditions; the limit is 100"):
        filled.search("whales", where=Filter(metadata=many))
    assert found(filled, Filter(metadata={"page": list(range(2, 5000))})) == {"middle", "late"}


def test_days_that_no_day_can_be_between_are_an_error(filled: Library) -> None:
    with pytest.raises(InvalidFilter, match="since 2003-01-01 and until 2002-01-01"):
        found(filled, Filter(since=date(2003, 1, 1), until=date(2002, 1, 1)))


def test_a_time_means_its_day(filled: Library) -> None:
    noon = datetime(2002, 7, 1, 15, tzinfo=UTC)
    assert found(filled, Filter(since=noon, until=noon)) == {"middle"}


def test_an_unknown_collection_is_an_error_that_names_those_there_are(filled: Library) -> None:
    with pytest.raises(UnknownCollection, match=r"no collection 'lake'\. There are: land, sea\."):
        found(filled, Filter(collection="lake"))
    with pytest.raises(UnknownCollection, match="lake"):
        filled.release("lake", ["file:///docs/late.md"])


def test_a_collection_is_kept_as_written_and_found_without_case(filled: Library) -> None:
    filled.collect("  Été\u00a02024 ", ["file:///docs/late.md"])
    filled.collect("E\u0301TE\u0301 2024", ["file:///docs/early.md"])
    assert filled.collections() == {"land": 1, "sea": 3, "Été 2024": 2}
    assert found(filled, Filter(collection="été 2024")) == {"early", "late"}
    filled.release("ÉTÉ 2024", ["file:///docs/late.md"])
    assert filled.collections()["Été 2024"] == 1


@pytest.mark.parametrize(
    "name", ["a b", 'report\'s "final"; --', "100 %", "研究", "👩\u200d🔬 papers", "می\u200cخواهم"]
)
def test_a_collection_may_have_any_printable_name(filled: Library, name: str) -> None:
    filled.collect(name, ["file:///docs/late.md"])
    assert name in filled.collections()
    assert found(filled, Filter(collection=name)) == {"late"}


@pytest.mark.parametrize(
    "name",
    ["", "  ", "\u200d", "a\nb", "a\tb", "a\x00b", "\x1b[31mred", "a\u202eb", "\ud800", "a" * 101],
)
def test_a_collection_may_have_no_other_name(filled: Library, name: str) -> None:
    with pytest.raises(InvalidCollection, match="collection"):
        filled.collect(name, ["file:///docs/late.md"])
    with pytest.raises(InvalidCollection):
        found(filled, Filter(collection=name))
    new = NewDocument("file:///new.md", [piece("whales")], "1", "New", collections=(name,))
    with pytest.raises(InvalidCollection):
        list(filled.put_all([new]))
    assert filled.collections() == {"land": 1, "sea": 3}
    assert filled.n_documents == 3


def test_within_chooses_what_both_choose(filled: Library) -> None:
    sea, land = Filter(collection="sea"), Filter(collection="land")
    assert found(filled, sea.within(land)) == found(filled, land.within(sea)) == {"early"}
    assert found(filled, Filter(source="*e*").within(Filter(source="*l*"))) == {
        "early",
        "late",
        "middle",
    }
    assert found(filled, Filter(source="m*").within(Filter(source="l*"))) == set()
    pages = Filter(metadata={"page": {"$gte": 2}})
    assert found(filled, pages.within(Filter(metadata={"page": {"$lt": 3}}))) == {"middle"}
    assert found(filled, pages.within(sea).within(Filter(source="late*"))) == {"late"}
    assert Filter().within(sea) == sea.within(Filter()) == sea
    assert Filter().within(Filter()).chooses_all


def test_bounds_do_not_tell_which_collections_lie_outside(filled: Library) -> None:
    for bounds in (
        Filter(source="m*"),
        Filter(metadata={"page": 2}),
        Filter(since=date(2002, 1, 1)),
    ):
        with pytest.raises(UnknownCollection) as told:
            found(filled, Filter(collection="land").within(bounds))
        assert str(told.value) == "There is no collection 'land'. There are: sea."


KEYS = ["a", 'odd "key"', "$.a", "clé", "'; --", "\x01", "page", "section"]
TEXTS = st.sampled_from(
    [
        "a › b'",
        '" › \\',
        "",
        "a",
        "A",
        "b'",
        '"',
        "é",
        "e\u0301",
        "\U0001f41f",
        "1",
        "a\x00b",
        "\ud800",
    ]
)
SCALARS = st.one_of(
    st.booleans(), st.integers(-3, 3), st.floats(-3, 3, width=16), TEXTS, st.just(2**63 - 1)
)
STORED = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.none(), st.just({"a": 1}), st.just([[1]])
)
ORDERED = SCALARS.filter(lambda value: not isinstance(value, bool))
WANTED = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.dictionaries(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), ORDERED, min_size=1),
    st.dictionaries(st.sampled_from(["$eq", "$ne"]), SCALARS, min_size=1),
    st.dictionaries(st.sampled_from(["$in", "$nin"]), st.lists(SCALARS, max_size=3), min_size=1),
)


@st.composite
def metadata(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> dict[str, Any]:
    found = draw(st.dictionaries(st.sampled_from(KEYS), values, max_size=3))
    if "page" in found and values is STORED:
        found["page"] = draw(st.integers(1, 3))
    return found


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(metadata(STORED), min_size=1, max_size=8), metadata(WANTED), metadata(WANTED))
def test_metadata_are_chosen_as_a_plain_predicate_would(
    library: Library,
    stored: list[dict[str, Any]],
    wanted: dict[str, Any],
    bounds: dict[str, Any],
) -> None:
    pieces = [piece(f"{n} whales", **one) for n, one in enumerate(stored)]
    library.put("file:///all.md", pieces, fingerprint="1", title="All")
    where = Filter(metadata=wanted).within(Filter(metadata=bounds))
    assert found(library, where) == {
        str(n) for n, one in enumerate(stored) if fits(one, wanted) and fits(one, bounds)
    }


def fits(stored: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """The filter in plain Python."""
    compare = {"$gt": op.gt, "$gte": op.ge, "$lt": op.lt, "$lte": op.le}
    for key, condition in wanted.items():
        there = stored.get(key)
        values = [plain(v) for v in (there if isinstance(there, list) else [there])]
        if key == "section" and isinstance(there, str):
            values += plain(there).split(" › ")
        if isinstance(condition, list):
            condition = {"$in": condition}
        elif not isinstance(condition, dict):
            condition = {"$eq": condition}
        for operator, value in condition.items():
            if operator in compare:
                ordered = [v for v in values if not isinstance(v, bool | list | dict | None)]
                like = [v for v in ordered if isinstance(v, str) == isinstance(value, str)]
                holds = any(compare[operator](v, plain(value)) for v in like)
            else:
                among = [plain(v) for v in (value if isinstance(value, list) else [value])]
                holds = any(v in among for v in values) == (operator in ("$eq", "$in"))
            if not holds:
                return False
    return True


def plain(value: Any) -> Any:
    """Text as a library stores it."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
