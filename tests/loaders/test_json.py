"""JSON: records as tables, objects as names and values, lines one by one."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from loaders.errors import BrokenDocument, LimitExceeded
from loaders.limits import Limits
from tests.loaders.reading import Reading, read


def reread(folder: Path, value: Any, name: str = "a.json", limits: Limits = Limits()) -> Reading:  # noqa: B008
    text = value if isinstance(value, str) else json.dumps(value)
    (folder / name).write_text(text, "utf-8")
    return read(folder / name, folder, limits)


def test_alike_records_are_a_table(tmp_path: Path) -> None:
    found = reread(tmp_path, [{"city": "Ulm", "n": 1}, {"city": "Bonn", "big": True}])
    assert found.tables[0].page_content.splitlines() == [
        "| city | n | big |",
        "| --- | --- | --- |",
        "| Ulm | 1 |  |",
        "| Bonn |  | yes |",
    ]


def test_objects_are_sections_of_names_and_values(tmp_path: Path) -> None:
    value = {"title": "Quay", "crane": {"height": 40, "made": {"by": "Lee"}}, "tags": ["a", "b"]}
    found = reread(tmp_path, value)
    assert found.title == "Quay"
    assert [d.metadata.get("section") for d in found.documents] == [None, "crane", "crane › made"]
    assert "tags: a, b" in found.text
    assert "by: Lee" in found.text


def test_what_is_deeper_is_told_with_its_path(tmp_path: Path) -> None:
    value = {"a": {"b": {"c": {"d": {"e": "deep"}}}}}
    assert "d.e: deep" in reread(tmp_path, value).text


def test_unlike_records_stand_under_their_names(tmp_path: Path) -> None:
    value = [{"name": "One", "x": {"y": 1}}, {"name": "Two", "z": [{"k": 2}]}]
    found = reread(tmp_path, value)
    assert {d.metadata["section"].split(" › ")[0] for d in found.documents} == {"One", "Two"}


def test_lines_that_are_no_json_are_told(tmp_path: Path) -> None:
    found = reread(tmp_path, '{"q": "What?"}\n{oops\n{"q": "Who?"}\n', "a.jsonl")
    assert "What?" in found.text
    assert "Who?" in found.text
    assert [s.what for s in found.skipped] == ["Lines 2"]


def test_lines_named_json_are_read_too(tmp_path: Path) -> None:
    assert reread(tmp_path, '{"q": 1}\n{"q": 2}\n').tables


def test_long_lists_of_numbers_are_counted(tmp_path: Path) -> None:
    found = reread(tmp_path, {"name": "Border", "line": [[n, n] for n in range(500)]})
    assert "line: 1,000 numbers" in found.text


def test_what_is_no_json_says_where(tmp_path: Path) -> None:
    with pytest.raises(BrokenDocument, match=r"not valid JSON.*line 1 column"):
        reread(tmp_path, "{a: 1}")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "1" * 10_000])
def test_hostile_json_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises((BrokenDocument, LimitExceeded)):
        reread(tmp_path, text)


def test_more_records_than_the_limit_are_left_out(tmp_path: Path) -> None:
    found = reread(tmp_path, [{"n": f"r{n}"} for n in range(30)], limits=Limits(max_rows=10))
    assert "r9" in found.text
    assert "r10" not in found.text
    assert found.skipped[0].what == "The records after the first 10"


def test_of_a_large_file_of_lines_the_first_are_read(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"port": f"p{n}", "catch": n}) for n in range(400))
    found = reread(tmp_path, lines, "a.jsonl", limits=Limits(max_text_chars=6_000))
    assert "| p0 | 0 |" in found.text
    (skipped,) = found.skipped
    n_read = int(skipped.what.removeprefix("The lines after the first "))
    assert f"| p{n_read - 1} |" in found.text
    assert 100 < n_read < 400
    assert "5,400 characters" in skipped.reason


def test_a_first_line_beyond_the_limit_is_told_as_that(tmp_path: Path) -> None:
    lines = json.dumps({"a": "x" * 2_000}) + "\n"
    with pytest.raises(LimitExceeded, match=r"The first line of a\.jsonl is longer than the limit"):
        reread(tmp_path, lines, "a.jsonl", Limits(max_text_chars=1_000))


def test_lines_beyond_the_rows_that_are_read_are_not_parsed(tmp_path: Path) -> None:
    lines = '{"a": 1}\n' * 5 + "no JSON\n" * 3
    found = reread(tmp_path, lines, "a.jsonl", Limits(max_rows=4))
    assert found.text.count("| 1 |") == 4
    assert [s.what for s in found.skipped] == ["The records after the first 4"]


def test_many_short_lines_take_little_memory(tmp_path: Path) -> None:
    lines = '{"a":1}\n' * 400_000
    tracemalloc.start()
    try:
        assert reread(tmp_path, lines, "a.jsonl", Limits(max_rows=10)).tables
        assert tracemalloc.get_traced_memory()[1] < 10 * len(lines)  # all records take 80 times
    finally:
        tracemalloc.stop()
