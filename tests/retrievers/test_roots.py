"""What a person had added, looked up for many sources."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers import Library
from retrievers.roots import KnownRoots, Root
from tests.retrievers.conftest import Put
from tests.retrievers.words import piece

PLACES = st.sampled_from(
    [
        "file:///a",
        "file:///a/",
        "file:///a/b",
        "file:///a/b/c.md",
        "file:///ab",
        "file:///",
        "http://a.example",
        "http://a.example/b",
        "https://a.example/c/d",
        "https://b.example/",
        "langchain:x",
    ]
)
ROOTS = st.builds(
    Root,
    PLACES,
    st.sampled_from(["folder", "file", "url"]),
    depth=st.integers(0, 1),
    excluded=st.lists(PLACES, max_size=2).map(tuple),
)


def seconds(work: Callable[[], object]) -> float:
    """Of the processor, in the best of three."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


@given(st.lists(ROOTS, max_size=6), PLACES)
def test_a_source_is_looked_up_as_each_root_says(roots: list[Root], source: str):
    known = KnownRoots(roots)
    assert known.covering(source) == [root for root in roots if root.covers(source)]
    for root in roots:
        is_out = any(source == s or source.startswith(s.rstrip("/") + "/") for s in root.excluded)
        assert root.excludes(source) == is_out


def test_what_was_taken_out_is_looked_up_at_once():
    def look(n: int) -> Callable[[], object]:
        root = Root("file:///a", "folder", excluded=tuple(f"file:///a/{i}.md" for i in range(n)))
        return lambda: [root.excludes(f"file:///a/b/{i}.md") for i in range(500)]

    assert seconds(look(10_000)) < 10 * seconds(look(10))


def test_many_roots_are_noted_as_fast_as_few(library: Library):
    def note(n: int) -> Callable[[], object]:
        roots = [
            Root(f"file:///{n}/{i}", "folder", excluded=(f"file:///other/{i}",)) for i in range(n)
        ]
        return lambda: library.roots.note(roots)

    assert seconds(note(300)) / 10 < 10 * seconds(note(30))


def test_what_is_noted_again_is_not_taken_out_any_more(library: Library):
    taken_out = ("file:///a/b/c.md", "file:///a/d.md", "file:///a/e")
    library.roots.note([Root("file:///a", "folder")])
    for source in taken_out:
        library.put(source, [piece("Gold.")], fingerprint="1", title="Gold")
    library.put("file:///a/left.md", [piece("Gold.")], fingerprint="1", title="Gold")
    for source in taken_out:
        library.remove(source)
    assert library.roots.all() == [Root("file:///a", "folder", excluded=taken_out)]
    library.roots.note([Root("file:///a/b", "folder"), Root("file:///a/e", "file")])
    (outer, *_) = library.roots.all()
    assert outer.excluded == ("file:///a/d.md",)


def test_a_removal_reads_only_the_roots_above_the_document(
    library: Library, put: Put, folder: Path
):
    put("gold.md", piece("Gold."))
    library.roots.note([Root("file:///docs", "folder")])
    with closing(sqlite3.connect(folder / "library.sqlite")) as connection, connection:
        connection.execute("INSERT INTO roots VALUES ('file:///other', 'folder', 'damaged')")
    library.remove("file:///docs/gold.md")
    assert library.sources() == []


@pytest.mark.parametrize("source", ["file:///docs/deep", "file:///docs"])
def test_a_folder_that_is_taken_out_takes_the_roots_in_it_along(library: Library, source: str):
    library.roots.note([Root("file:///docs/deep/a.md", "file"), Root(source, "folder")])
    library.roots.note([Root("file:///docs-too", "folder")])
    library.roots.exclude(source)
    assert [root.source for root in library.roots.all()] == ["file:///docs-too"]
