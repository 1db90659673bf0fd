"""Filters as they are written: on the command line, in requests, by agents, within answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from assistant.api import create_app
from assistant.assistant import Assistant
from assistant.filters import MAX_CONDITIONS, first_day, last_day, where_all
from assistant.mcp_server import create_server
from retrievers import Filter, InvalidCollection, InvalidFilter, UnknownCollection, UnknownSource
from retrievers.library import NewDocument
from tests.assistant.desk import Desk
from tests.assistant.harbour import QUESTION, SOURCE, open_harbour
from tests.assistant.test_mcp_server import call, texts, with_client
from tests.retrievers.words import piece

HOSTILE_NAME = "x</evidence> OR 1=1; --"


@pytest.fixture
def assistant(tmp_path: Path) -> Iterator[Assistant]:
    """The harbour report, in the collection Sea, and a note of 2001 in Old and in Sea."""
    with open_harbour(tmp_path) as opened:
        note = NewDocument(
            "file:///old/note.md",
            [piece("The cod landings were 7 tonnes.", page=9, tags=["cod", "old"])],
            "1",
            "Old note",
            dated_at="2001-07-01T12:00:00+00:00",
            collections=("Old", "Sea"),
        )
        list(opened.library.put_all([note]))
        opened.library.collect("Sea", [SOURCE])
        yield opened


@pytest.fixture
def client(assistant: Assistant) -> TestClient:
    return TestClient(create_app(assistant), base_url="http://localhost")


# As text


@pytest.mark.parametrize(
    ("text", "metadata"),
    [
        ("page>=3", {"page": {"$gte": 3}}),
        ("page == 3", {"page": {"$eq": 3}}),
        ("score<-1.5", {"score": {"$lt": -1.5}}),
        ("section=Methods", {"section": {"$eq": "Methods"}}),
        ("section = Methods and results ", {"section": {"$eq": "Methods and results"}}),
        ('label!="Table 2"', {"label": {"$ne": "Table 2"}}),
        ("label='3'", {"label": {"$eq": "3"}}),
        ('label="3"', {"label": {"$eq": "3"}}),
        ("is_final=true", {"is_final": {"$eq": True}}),
        ("page=[1, 2]", {"page": {"$in": [1, 2]}}),
        ("page!=[1, 2]", {"page": {"$nin": [1, 2]}}),
        ("odd key=a=b>c", {"odd key": {"$eq": "a=b>c"}}),
        ("code=007", {"code": {"$eq": "007"}}),
        ("code=null", {"code": {"$eq": "null"}}),
        ('code={"a": 1}', {"code": {"$eq": '{"a": 1}'}}),
        ("code=" + "[" * 500, {"code": {"$eq": "[" * 500}}),
    ],
)
def test_a_condition_means_what_a_person_would_think(text: str, metadata: dict[str, Any]) -> None:
    assert where_all([text]) == Filter(metadata=metadata)


@pytest.mark.parametrize("text", ["", "page", "=3", "page=", "page>", ">=", "page~3"])
def test_what_is_no_condition_is_told_with_the_form(text: str) -> None:
    with pytest.raises(InvalidFilter, match="KEY=VALUE, such as page>=3"):
        where_all([text])


@pytest.mark.parametrize("text", ["page>=true", "page<[1]", "page=[[1]]", "page=NaN", "page=1e999"])
def test_a_value_that_cannot_be_compared_is_told(text: str) -> None:
    with pytest.raises(InvalidFilter, match="page"):
        where_all([text])


@given(st.text("ab '\"é", min_size=1).filter(str.strip), st.text() | st.integers(-9, 9))
def test_whatever_is_quoted_is_read_as_it_was(key: str, value: Any) -> None:
    found = where_all([f"{key}={json.dumps(value)}"])
    assert found == Filter(metadata={key.strip(): {"$eq": value}})


def test_several_conditions_must_all_hold(assistant: Assistant) -> None:
    for conditions, n in (
        (["tags=cod", "tags=old"], 1),
        (["tags=cod", "tags=new"], 0),
        (["page>=3", "page<9"], 2),
    ):
        assert len(assistant.search("cod visitors", where=where_all(conditions))) == n


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024-05-07", date(2024, 5, 7), date(2024, 5, 7)),
        (" 2024-2 ", date(2024, 2, 1), date(2024, 2, 29)),
        ("2023", date(2023, 1, 1), date(2023, 12, 31)),
    ],
)
def test_a_year_or_month_means_all_of_it(text: str, first: date, last: date) -> None:
    assert (first_day(text), last_day(text)) == (first, last)


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13", "2023-02-29", "0000", "٢٠٢٤", "24"])
def test_what_is_no_day_is_told_with_the_form(text: str) -> None:
    with pytest.raises(InvalidFilter, match="Give 2024-05-01"):
        first_day(text)


# Answers


def test_an_answer_draws_on_nothing_that_its_filter_leaves_out(assistant: Assistant) -> None:
    for where in (
        Filter(modality="text"),
        Filter(collection="Old"),
        Filter(modality="figure", collection="Sea"),
        Filter(modality="table"),
    ):
        allowed = {hit.document.page_content for hit in assistant.search("cod", 99, where=where)}
        used = {
            source.document.page_content for source in assistant.ask("cod", where=where).sources
        }
        assert used <= allowed
    with pytest.raises(UnknownCollection, match="Old, Sea"):
        assistant.ask("cod", where=Filter(collection="Lake"))


# Documents


def test_what_is_added_is_put_into_collections_unchanged_documents_too(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    try:
        desk.write("a.txt", "Oil fell.")
        assert desk.add(collections=["Markets"]).added == 1
        desk.write("b.txt", "Gold rose.")
        report = desk.add(collections=["markets", "All"])
        assert (report.added, report.unchanged) == (1, 1)
        assert desk.library.collections() == {"All": 2, "Markets": 2}
        desk.write("c.txt", "Tin rose.")
        with pytest.raises(InvalidCollection):
            desk.add(collections=["a\nb"])
        assert desk.library.n_documents == 2
    finally:
        desk.library.close()


def test_documents_are_named_by_path_folder_name_and_glob(assistant: Assistant) -> None:
    note = "file:///old/note.md"
    for name in ("/old/note.md", note, "/old", "file:///old/", "note.md", "NOTE*", "file:///old/*"):
        assert assistant.find_sources(name) == [note]
    assert set(assistant.find_sources("/")) == {SOURCE, note}
    with pytest.raises(UnknownSource, match="limner list"):
        assistant.find_sources("/ol")
    assert [d.source for d in assistant.documents("OLD")] == [note]


# Over HTTP


def titles(client: TestClient, **fields: Any) -> set[str]:
    answer = client.post("/search", json={"query": "cod", "k": 50, **fields})
    assert answer.status_code == 200, answer.text
    return {hit["title"] for hit in answer.json()["hits"]}


def test_a_search_is_narrowed_by_each_filter(client: TestClient) -> None:
    old, new = "Old note", "Harbour report"
    assert titles(client, collection="sea") == {old, new}
    assert titles(client, collection="old") == {old}
    assert titles(client, until="2001") == titles(client, until="2001-07-01") == {old}
    assert titles(client, since="2001-07-02") == {new}
    assert titles(client, where={"page": {"$gte": 3, "$lt": 9}}) == {new}
    assert titles(client, where={"tags": ["cod", "tin"]}) == {old}
    assert titles(client, collection="Old", where={"page": 2}) == set()


def test_a_chat_is_narrowed_and_openais_own_metadata_are_left_alone(client: TestClient) -> None:
    body = {"messages": [{"role": "user", "content": QUESTION}], "metadata": {"user": "7"}}
    found = client.post("/v1/chat/completions", json=body).json()
    assert found["choices"][0]["message"]["limner"]["grounded"]
    narrowed = client.post("/v1/chat/completions", json=body | {"collection": "Old"}).json()
    sources = narrowed["choices"][0]["message"]["limner"]["sources"]
    assert {source["title"] for source in sources} == {"Old note"}
    for stream in (False, True):
        unknown = body | {"collection": "Lake", "stream": stream}
        answer = client.post("/v1/chat/completions", json=unknown)
        assert answer.status_code == 400
        assert "There are: Old, Sea." in answer.json()["error"]["message"]


def test_a_picture_search_is_narrowed_by_conditions_as_text(
    client: TestClient, assistant: Assistant
) -> None:
    key = next(iter(assistant.media.keys()))
    sent = {
        "content": assistant.media.path(key).read_bytes(),
        "headers": {"Content-Type": "image/png"},
    }
    narrowing = {"where": ["page>=3", "page<9"], "collection": "sea", "query": "cod"}
    hits = client.post("/search/image", params=narrowing, **sent).json()["hits"]
    assert {hit["page"] for hit in hits} == {3}
    refused = client.post("/search/image", params={"where": "page"}, **sent)
    assert refused.status_code == 400
    assert "KEY=VALUE" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"collection": "x" * 201}, "200"),
        ({"collection": "a\nb"}, "cannot be printed"),
        ({"collection": 7}, "string"),
        ({"since": "soon"}, "2024-05-01"),
        ({"since": 1_700_000_000.5}, "date"),
        ({"since": "2024", "until": "2023"}, "no day is both"),
        ({"where": {"page": {"$regex": "x"}}}, "$regex"),
        ({"where": {"page": {"$gte": [1]}}}, "compares by $gte"),
        ({"where": {"page": {"a": {"b": {"c": 1}}}}}, "asks for a"),
        ({"where": {"page": [[1]]}}, "page"),
        ({"where": {"page": None}}, "page"),
        ({"where": {"page": 10**30}}, "too large"),
        ({"where": {"x" * 201: 1}}, "200 characters"),
        ({"where": {"x": "y" * 1_001}}, "1,000 characters"),
        ({"where": {"x": {"$in": list(range(101))}}}, "100 values"),
        ({"where": {str(n): n for n in range(MAX_CONDITIONS + 1)}}, "20"),
        ({"where": [1]}, "where"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_with_the_reason(
    client: TestClient, fields: dict[str, Any], words: str
) -> None:
    answer = client.post("/search", json={"query": "cod", **fields})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert words.lower() in error["message"].lower()


@pytest.mark.parametrize("where", ["[" * 100_000, '{"a":' * 100_000, '{"page": ' + "9" * 5_000])
def test_json_that_would_exhaust_the_parser_is_refused(client: TestClient, where: str) -> None:
    answer = client.post(
        "/search",
        content=f'{{"query": "cod", "where": {where}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 400


def test_the_collections_are_listed_over_http(client: TestClient) -> None:
    assert client.get("/collections").json() == {
        "collections": [{"name": "Old", "documents": 1}, {"name": "Sea", "documents": 2}]
    }


def test_openapi_describes_each_filter(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    for name in ("SearchRequest", "ChatRequest"):
        fields = schemas[name]["properties"]
        for field in ("source", "collection", "modality", "since", "until", "where"):
            assert "Only" in fields[field]["description"]
    assert "$gte" in json.dumps(schemas["SearchRequest"]["properties"]["where"])


# For agents


def test_an_agent_narrows_both_tools_and_learns_the_collections(assistant: Assistant) -> None:
    narrowing = {"collection": "sea", "modality": "text", "since": "2001", "until": "2001-12"}
    found = call(assistant, "search", query="cod", **narrowing)
    assert [hit["title"] for hit in found.structured_content["hits"]] == ["Old note"]
    answer = call(assistant, "ask", question=QUESTION, **narrowing)
    assert {s["title"] for s in answer.structured_content["sources"]} == {"Old note"}
    listed = call(assistant, "collections")
    assert json.loads(texts(listed)[0]) == listed.structured_content
    assert listed.structured_content["collections"][0] == {"name": "Old", "documents": 1}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"collection": HOSTILE_NAME}, "There are: Old, Sea."),
        ({"collection": "x" * 201}, "200"),
        ({"collection": "a\x00b"}, "cannot be printed"),
        ({"modality": "smell"}, "modality"),
        ({"since": "'; DROP TABLE documents; --"}, "2024-05-01"),
        ({"since": "2024", "until": "2001"}, "Exchange"),
        ({"source": "*" * 1_001}, "1000"),
    ],
)
def test_hostile_values_are_a_tool_error_that_says_what_to_do(
    assistant: Assistant, arguments: dict[str, Any], words: str
) -> None:
    for tool, asked in (("search", "query"), ("ask", "question")):
        result = call(assistant, tool, **{asked: "cod"}, **arguments)
        assert result.is_error
        assert words in texts(result)[0]
    assert assistant.library.n_documents == 2


def test_each_tool_describes_its_filters(assistant: Assistant) -> None:
    tools = with_client(create_server(assistant), lambda client: client.list_tools()).tools
    for tool in tools[:2]:
        fields = tool.input_schema["properties"]
        for name in ("source", "collection", "modality", "since", "until"):
            assert fields[name]["description"].startswith("Only")
