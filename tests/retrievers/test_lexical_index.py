"""The lexical index through changes, failures, filters and other processes."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document

from retrievers import Library, lexical, lexical_files
from retrievers.lexical import LexicalIndex
from retrievers.lexical_files import LexicalFiles
from retrievers.library import NewDocument
from tests.retrievers.conftest import Put
from tests.retrievers.test_durability import ended, in_another_process
from tests.retrievers.words import WordCounts, piece


def best(library: Library, query: str, n: int = 10, among: list[int] | None = None) -> list[int]:
    """The ids of the chunks that are found by words, as the library itself searches."""
    chosen = None if among is None else np.array(among, dtype=np.int64)
    with library._database.reading() as connection:
        return library._words.best(connection, query, n, chosen)


def content(folder: Path) -> bytes:
    """All bytes of all files of the index."""
    return b"".join(path.read_bytes() for path in sorted((folder / "lexical").iterdir()))


def words(folder: Path, prefix: str) -> set[str]:
    """The words in the files, whether or not a chunk is left that has them."""
    index = folder / "lexical"
    searcher = LexicalFiles(index).look().searcher
    living = {entry["segment_id"].replace("-", "") for entry in _meta(index)["segments"]}
    segments = {p.name.partition(".")[0] for p in index.iterdir() if not p.name.startswith(".")}
    assert segments == living | {"meta"}
    return {word for word, _ in searcher.terms_with_prefix("words", prefix)}


def _meta(index: Path) -> Any:
    return json.loads((index / "meta.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change is followed at once, not those of half a second together."""
    monkeypatch.setattr(lexical, "FOLLOW_AFTER_S", 0.0)


@pytest.fixture
def reopened(library: Library, folder: Path) -> Iterator[Library]:
    """The same library as another process has it."""
    with Library.open(folder, WordCounts()) as opened:
        yield opened


class TestChanges:
    def test_what_was_put_in_is_found_and_what_was_taken_out_is_not(
        self, library: Library, put: Put
    ):
        put("x.pdf", piece("Old gold."), piece("Old tin."))
        put("y.pdf", piece("New silver."))
        assert best(library, "old silver") == [3, 1, 2]
        put("x.pdf", piece("New gold."))
        assert best(library, "old") == []
        assert best(library, "new") == [3, 4]
        library.remove("file:///docs/y.pdf")
        assert best(library, "new silver") == [4]

    @pytest.mark.parametrize("n_others", [0, 3, 300])
    def test_a_word_that_was_removed_is_in_no_file(
        self, library: Library, put: Put, folder: Path, n_others: int
    ):
        for n in range(5):
            put(f"{n}.pdf", *(piece(f"other {i}") for i in range(n_others // 5 + 1)))
        put("x.pdf", piece("The xylographer."), piece("another"), title="Quokkas")
        assert words(folder, "xylo") | words(folder, "quok") == {"xylograph", "quokka"}
        library.remove("file:///docs/x.pdf")
        assert words(folder, "xylo") | words(folder, "quok") == set()
        assert len(best(library, "other", 500)) == 5 * (n_others // 5 + 1)

    def test_a_large_segment_is_written_anew_when_a_fair_share_of_it_is_lost(
        self, library: Library, put: Put, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(lexical, "SMALL_SEGMENT", 10)
        documents = {n: [piece(f"xylograph{n} {i}") for i in range(10)] for n in range(10)}
        put("all.pdf", *(piece("one among many") for _ in range(20)))
        for _ in library.put_all(
            [library_document(f"file:///docs/{n}", own) for n, own in documents.items()]
        ):
            pass
        for n in range(10):
            library.remove(f"file:///docs/{n}")
            assert len(words(folder, "xylo") - {f"xylograph{m}" for m in range(n + 1, 10)}) <= 4
        assert words(folder, "xylo") == set()

    def test_making_it_anew_leaves_only_what_is_in_the_library(
        self, library: Library, put: Put, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(lexical, "SMALL_SEGMENT", 0)
        put("x.pdf", *(piece(f"gold {n}") for n in range(20)), piece("xylographer"))
        put("y.pdf", piece("tin"))
        put("x.pdf", *(piece(f"gold {n}") for n in range(20)))
        with library._database.reading() as connection:
            library._words.rebuild(connection)
        assert LexicalFiles(folder / "lexical").seen.ids().tolist() == list(range(22, 43))
        assert words(folder, "xylo") == set()
        assert len(best(library, "gold", 50)) == 20

    def test_equally_good_hits_come_in_the_order_in_which_they_were_put_in(
        self, library: Library, put: Put
    ):
        for n in range(12):
            put(f"{n}.pdf", piece("gold"))
        assert best(library, "gold", 12) == list(range(1, 13))

    def test_while_many_documents_are_put_in_the_first_can_be_found(
        self, library: Library, reopened: Library
    ):
        changes = library.put_all(
            [library_document(f"file:///{n}", [piece(f"gold {n}")]) for n in range(3)]
        )
        next(changes)
        assert best(reopened, "gold") == [1]
        next(changes)
        changes.close()
        assert best(reopened, "gold") == [1, 2]

    def test_changes_that_follow_each_other_are_committed_together_or_when_asked_for(
        self, library: Library, put: Put, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(lexical, "FOLLOW_AFTER_S", 60.0)
        put("0.pdf", piece("gold 0"))
        before = (folder / "lexical" / "meta.json").read_bytes()
        for n in range(1, 5):
            put(f"{n}.pdf", piece(f"gold {n}"))
        assert (folder / "lexical" / "meta.json").read_bytes() == before
        assert best(library, "gold") == [1, 2, 3, 4, 5]
        library.remove("file:///docs/3.pdf")
        library.close()
        assert words(folder, "3") == set()
        with Library.open(folder, WordCounts()) as reopened:
            assert best(reopened, "gold") == [1, 2, 3, 5]


class TestFilters:
    @pytest.fixture
    def many(self, library: Library, put: Put) -> Library:
        put("x.pdf", *(piece(f"gold {n % 7}") for n in range(3_000)))
        return library

    @pytest.mark.parametrize("max_ids", [0, 1_000], ids=["asks deeper", "asks for the ids"])
    def test_no_hit_is_lost_to_a_filter(
        self, many: Library, max_ids: int, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(lexical, "MAX_IDS_IN_QUERY", max_ids)
        with_three = [n for n in range(1, 3_001) if (n - 1) % 7 == 3]
        rare = [5, 901, 2_999]
        assert best(many, "gold 3", 5, rare) == rare
        assert best(many, "gold 3", 2, rare) == rare[:2]
        assert best(many, "3", 1_000, list(range(1, 3_001))) == with_three
        assert best(many, "3", 5, [with_three[-1]]) == [with_three[-1]]
        assert best(many, "3", 5, rare) == []
        assert best(many, "3", 5, []) == []


class TestFiles:
    @pytest.fixture
    def closed(self, library: Library, put: Put, folder: Path) -> Path:
        put("x.pdf", piece("Old gold."))
        put("y.pdf", piece("New silver."))
        library.close()
        return folder / "lexical"

    def assert_whole(self, folder: Path) -> None:
        with Library.open(folder, WordCounts()) as library:
            assert best(library, "gold silver") == [1, 2]
            assert LexicalFiles(folder / "lexical").seen.ids().tolist() == [1, 2]

    def test_it_is_used_when_it_fits(self, closed: Path, folder: Path):
        before = (closed / "meta.json").stat().st_mtime_ns
        self.assert_whole(folder)
        assert (closed / "meta.json").stat().st_mtime_ns == before

    @pytest.mark.parametrize("damage", ["gone", "emptied", "cut", "changed", "random"])
    def test_each_of_its_files_may_be_damaged(self, closed: Path, folder: Path, damage: str):
        files = [path.name for path in sorted(closed.iterdir()) if path.suffix != ".lock"]
        whole = shutil.copytree(closed, folder.parent / "whole")
        for name in files:
            path = closed / name
            before = path.read_bytes()
            if damage == "gone":
                path.unlink()
            else:
                middle = len(before) // 2
                path.write_bytes(
                    {
                        "emptied": b"",
                        "cut": before[:middle],
                        "changed": before[:middle] + b"\xff" + before[middle + 1 :],
                        "random": np.random.default_rng(1).bytes(len(before)),
                    }[damage]
                )
            self.assert_whole(folder)
            shutil.rmtree(closed)
            shutil.copytree(whole, closed)
        assert not list(folder.glob(".old-*"))

    def test_one_that_changes_while_it_is_opened_is_not_taken_for_damaged(
        self, library: Library, put: Put, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        put("x.pdf", piece("Old gold."))
        is_whole, changed = lexical_files._is_whole, []

        def slow(path: Path) -> bool:
            if len(changed) < 3:
                changed.append(path)
                put("x.pdf", piece(f"New gold {len(changed)}."))
            return is_whole(path)

        monkeypatch.setattr(lexical_files, "_is_whole", slow)
        assert LexicalFiles(folder / "lexical").seen.ids().tolist() == [4]

    def test_a_damaged_one_that_another_process_writes_is_left_to_it(
        self, closed: Path, folder: Path
    ):
        with LexicalFiles(closed).writing(0) as writing:
            assert writing is not None
            before = closed.stat().st_ino
            for path in closed.glob("*.store"):
                path.write_bytes(b"damaged")
            with Library.open(folder, WordCounts()) as library:
                assert best(library, "gold silver") == []
            assert closed.stat().st_ino == before
        self.assert_whole(folder)

    def test_it_is_made_anew_when_it_is_no_folder_or_not_there(self, closed: Path, folder: Path):
        shutil.rmtree(closed)
        self.assert_whole(folder)
        shutil.rmtree(closed)
        closed.write_text("in the way")
        self.assert_whole(folder)

    def test_an_older_one_is_caught_up(
        self, closed: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        older = shutil.copytree(closed, folder.parent / "older")
        with Library.open(folder, WordCounts()) as library:
            library.remove("file:///docs/x.pdf")
            library.put("file:///docs/z.pdf", [piece("Zinc.")], fingerprint="1", title="z")
        shutil.rmtree(closed)
        shutil.copytree(older, closed)
        monkeypatch.setattr(lexical, "BEHIND_S", 0)
        with Library.open(folder, WordCounts()) as library:
            assert best(library, "gold silver zinc") == [3, 2]

    def test_one_of_a_library_before_it_was_restored_is_not_believed(
        self, closed: Path, folder: Path
    ):
        backup = (folder / "library.sqlite").read_bytes()
        with Library.open(folder, WordCounts()) as library:
            library.put("file:///z", [piece("Lost lead.")], fingerprint="1", title="z")
        (folder / "library.sqlite").write_bytes(backup)
        with Library.open(folder, WordCounts()) as library:
            assert best(library, "lead") == []
        with Library.open(folder, WordCounts()) as library:
            library.put("file:///z", [piece("New tin.")], fingerprint="1", title="z")
            assert best(library, "lead tin") == [3]

    def test_one_of_other_words_is_made_anew(
        self, closed: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(lexical_files, "TOKENIZER", "limner-99")
        lexical_files._schema.cache_clear()
        try:
            self.assert_whole(folder)
        finally:
            lexical_files._schema.cache_clear()

    def test_a_folder_that_cannot_be_written_is_left_alone(
        self, closed: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        with Library.open(folder, WordCounts()) as library:
            library.put("file:///z", [piece("Zinc.")], fingerprint="1", title="z")
        shutil.rmtree(closed)  # so that there is something to write
        monkeypatch.setattr(lexical, "can_be_written", lambda path: False)
        with Library.open(folder, WordCounts()) as library:
            assert best(library, "gold silver zinc") == [3, 1, 2]
            view = Path(library._words._view.name)
            assert view.is_dir()
        assert not closed.exists()
        assert not view.exists()

    def test_a_private_copy_is_caught_up_and_the_files_it_came_from_stay(
        self, closed: Path, folder: Path
    ):
        before = content(folder)
        with lexical_files.private_view(closed) as place:
            words = LexicalIndex(Path(place), Library(folder, WordCounts())._database)
            with Library.open(folder, WordCounts()) as library:
                with library._database.writing() as connection:
                    connection.execute("UPDATE chunks SET text = 'tin' WHERE id = 1")
                with library._database.reading() as connection:
                    words.rebuild(connection)
                    assert words.best(connection, "tin silver", 5) == [1, 2]
        assert content(folder) == before


class TestOthers:
    def test_a_search_does_not_wait_for_a_process_that_writes(
        self, library: Library, put: Put, reopened: Library, monkeypatch: pytest.MonkeyPatch
    ):
        put("x.pdf", piece("gold"))
        assert best(reopened, "gold tin") == [1]
        monkeypatch.setattr(lexical, "WAIT_S", 0.1)
        monkeypatch.setattr(lexical, "BEHIND_S", 0)
        with LexicalFiles(library.folder / "lexical").writing(0) as writing:
            assert writing is not None
            put("y.pdf", piece("tin"))
            start = time.monotonic()
            assert best(reopened, "gold tin") == [1]
            assert time.monotonic() - start < 1
        assert best(reopened, "gold tin") == [1, 2]
        assert best(library, "gold tin") == [1, 2]

    def test_nor_does_it_where_its_own_process_has_changed_something(
        self, library: Library, put: Put, monkeypatch: pytest.MonkeyPatch
    ):
        put("x.pdf", piece("gold"))
        monkeypatch.setattr(lexical, "FOLLOW_AFTER_S", 60.0)
        files = LexicalFiles(library.folder / "lexical")
        with ThreadPoolExecutor() as pool, files.writing(0) as writing:
            assert writing is not None
            put("y.pdf", piece("tin"))
            pool.submit(library._words.flush)  # waits for the process that writes
            start = time.monotonic()
            assert best(library, "gold tin") == [1]
            assert time.monotonic() - start < 1
        assert best(library, "gold tin") == [1, 2]

    def test_a_change_that_is_made_while_another_is_taken_in_is_not_forgotten(
        self, library: Library, put: Put, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        put("x.pdf", piece("xylographer"))
        monkeypatch.setattr(lexical, "FOLLOW_AFTER_S", 60.0)
        put("y.pdf", piece("tin"))
        catch_up = LexicalIndex._catch_up

        def slow(*arguments: Any, **more: Any) -> bool:
            is_done = catch_up(*arguments, **more)
            monkeypatch.setattr(LexicalIndex, "_catch_up", catch_up)
            library.remove("file:///docs/x.pdf")
            return is_done

        monkeypatch.setattr(LexicalIndex, "_catch_up", slow)
        library._words.flush()
        library.close()
        assert words(folder, "xylo") == set()

    def test_a_change_that_could_not_be_taken_in_is_tried_again(
        self, library: Library, put: Put, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        def fail(*arguments: Any, **more: Any) -> bool:
            raise OSError("disk full")

        put("x.pdf", piece("xylographer"))
        with monkeypatch.context() as patch:
            patch.setattr(LexicalIndex, "_catch_up", fail)
            library.remove("file:///docs/x.pdf")
        library.close()
        assert words(folder, "xylo") == set()

    def test_what_a_process_wrote_that_died_is_found_soon(
        self, library: Library, put: Put, folder: Path
    ):
        put("x.pdf", piece("gold"))
        code = """
import os
from retrievers.lexical import LexicalIndex
LexicalIndex.flush = lambda *arguments: os._exit(9)
Library.open(sys.argv[1], WordCounts()).put(
    "file:///docs/y.pdf", [piece("tin")], fingerprint="1", title="y")
"""
        assert ended(in_another_process(code, folder)) == 9
        end = time.monotonic() + 5
        while best(library, "tin") != [2]:
            assert time.monotonic() < end
            time.sleep(0.05)

    def test_a_process_that_dies_while_it_writes_words_leaves_the_old_ones(
        self, library: Library, put: Put, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        put("x.pdf", piece("gold"))
        monkeypatch.setattr(lexical, "BEHIND_S", 0)
        code = """
import os
from retrievers.lexical_files import Writing
Writing.commit = lambda *arguments: os._exit(9)
Library.open(sys.argv[1], WordCounts()).put(
    "file:///docs/x.pdf", [piece("tin")], fingerprint="1", title="x")
"""
        assert ended(in_another_process(code, folder)) == 9
        assert best(library, "gold tin") == [2]

    def test_hits_that_a_snapshot_does_not_hold_are_left_out(
        self, library: Library, put: Put, reopened: Library
    ):
        put("x.pdf", piece("old gold"), piece("old tin"))
        put("y.pdf", piece("old silver"))
        assert best(reopened, "old") == [1, 2, 3]
        with reopened._database.reading() as before:
            before.execute("SELECT 1 FROM chunks").fetchone()
            put("x.pdf", piece("old lead"), piece("old zinc"))
            reopened._words._files.look()
            assert reopened._words.best(before, "old", 10) == [3]


def library_document(source: str, documents: list[Document]) -> NewDocument:
    return NewDocument(source, documents, "1", source)
