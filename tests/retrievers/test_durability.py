"""A library through failures, other processes and damaged files."""

import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from retrievers import (
    Filter,
    Library,
    LibraryDamaged,
    LibraryLocked,
    LibraryMissing,
    LibraryUnwritable,
    ModelMismatch,
    SchemaMismatch,
)
from tests.retrievers.conftest import Put
from tests.retrievers.words import WordCounts, figure, piece

ROOT = Path(__file__).parents[2]
OLD = (piece("Old gold."), figure("An old chart.", "a"))
NEW = (piece("New silver."), piece("New copper."))


def found(library: Library, query: str, **choice: str) -> set[str]:
    return {hit.document.page_content for hit in library.search(query, **choice)}


def sql(folder: Path, *statements: str) -> None:
    """Work on the library's file behind its back."""
    with closing(sqlite3.connect(folder / "library.sqlite", isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def in_another_process(code: str, *arguments: object) -> subprocess.Popen[str]:
    head = (
        "import sys; from retrievers import Library; "
        "from tests.retrievers.words import WordCounts, piece\n"
    )
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", head + code, *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> int:
    process.communicate(timeout=60)
    return process.returncode


class TestFailure:
    def assert_old(self, library: Library) -> None:
        assert found(library, "gold silver chart") == {d.page_content for d in OLD}
        assert library.fingerprint("file:///docs/x.pdf") == "print of x.pdf"
        assert len(library.image_keys()) == 1

    def test_when_embedding_fails_the_old_version_stays(
        self, library: Library, put: Put, embeddings: WordCounts, monkeypatch: pytest.MonkeyPatch
    ):
        put("x.pdf", *OLD)

        def fail(texts: list[str]) -> list[list[float]]:
            raise ConnectionError("the embedding server is gone")

        monkeypatch.setattr(embeddings, "embed_documents", fail)
        with pytest.raises(ConnectionError):
            put("x.pdf", *NEW)
        self.assert_old(library)

    def test_when_writing_fails_half_way_the_old_version_stays(
        self, library: Library, put: Put, folder: Path
    ):
        put("x.pdf", *OLD)
        sql(
            folder,
            "CREATE TRIGGER fails BEFORE INSERT ON chunks WHEN new.position = 1 "
            "BEGIN SELECT RAISE(ABORT, 'half way'); END",
        )
        with pytest.raises(sqlite3.IntegrityError, match="half way"):
            put("x.pdf", *NEW)
        self.assert_old(library)
        sql(folder, "DROP TRIGGER fails")
        put("x.pdf", *NEW)
        assert found(library, "gold silver") == {d.page_content for d in NEW}

    def test_a_process_that_dies_while_it_writes_leaves_the_old_version(
        self, library: Library, put: Put, folder: Path
    ):
        put("x.pdf", *OLD)
        code = """
import os
from retrievers import catalogue
catalogue.collect = lambda *arguments: os._exit(9)
Library.open(sys.argv[1], WordCounts()).put(
    "file:///docs/x.pdf", [piece("Half.")], fingerprint="half", title="x")
"""
        assert ended(in_another_process(code, folder)) == 9
        self.assert_old(library)
        put("x.pdf", *NEW)
        assert found(library, "gold silver") == {d.page_content for d in NEW}

    def test_when_no_more_can_be_written_the_old_version_stays(
        self, library: Library, put: Put, folder: Path
    ):
        put("x.pdf", *OLD)
        code = """
import resource
from retrievers import LibraryUnwritable
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
library = Library.open(sys.argv[1], WordCounts())
try:
    library.put("file:///docs/x.pdf", [piece(f"number {n}") for n in range(500)],
                fingerprint="2", title="x")
except LibraryUnwritable as error:
    sys.exit(0 if "nothing in the library was changed" in str(error) else 2)
"""
        assert ended(in_another_process(code, folder)) == 0
        self.assert_old(library)

    def test_a_read_only_library_can_be_searched_but_not_changed(self):
        code = """
import os
from retrievers import LibraryUnwritable
if os.getuid() == 0:
    with Library.open(sys.argv[1], WordCounts()) as library:
        library.search("gold")  # imports what the user nobody may not be able to read
    os.setuid(65534)
with Library.open(sys.argv[1], WordCounts(), create=True) as library:
    n_found = len(library.search("gold"))
    try:
        library.remove("file:///x.pdf")
    except LibraryUnwritable:
        sys.exit(0 if n_found == 1 else 2)
"""
        with tempfile.TemporaryDirectory() as place:
            Path(place).chmod(0o755)
            folder = Path(place) / "library"
            with Library.open(folder, WordCounts(), create=True) as library:
                library.put("file:///x.pdf", OLD[:1], fingerprint="1", title="x")
            folder.chmod(0o555)
            try:
                assert ended(in_another_process(code, folder)) == 0
            finally:
                folder.chmod(0o755)

    def test_a_folder_that_cannot_be_made_is_a_clear_error(self, tmp_path: Path):
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(LibraryUnwritable, match="Choose another with --library"):
            Library.open(tmp_path / "file" / "library", WordCounts(), create=True)


class TestOpening:
    def test_a_folder_without_a_library_names_the_command_that_makes_one(self, folder: Path):
        with pytest.raises(LibraryMissing, match="limner add"):
            Library.open(folder, WordCounts())
        assert not folder.exists()

    def test_a_library_that_was_never_finished_is_made_anew(self, folder: Path):
        folder.mkdir()
        (folder / "library.sqlite").touch()
        with pytest.raises(LibraryMissing):
            Library.open(folder, WordCounts())
        with Library.open(folder, WordCounts(), create=True) as library:
            assert library.n_documents == 0

    def test_another_model_is_an_error_that_names_both_and_the_command(
        self, library: Library, folder: Path
    ):
        class Other(WordCounts):
            name = "other-model"

        with pytest.raises(ModelMismatch, match=r"word-counts.*other-model.*limner migrate"):
            Library.open(folder, Other(), create=True)

    def test_another_dimension_is_an_error(self, library: Library, put: Put, folder: Path):
        class Short(WordCounts):
            def embed_query(self, text: str) -> list[float]:
                return [1.0, 2.0]

        put("x.pdf", *OLD)
        with Library.open(folder, Short()) as other:
            with pytest.raises(ModelMismatch, match=r"vectors of 512 numbers.* gives 2"):
                other.search("gold")
            with pytest.raises(ModelMismatch, match="limner migrate"):
                other.put("file:///y.pdf", NEW, fingerprint="1", title="y")
        assert library.n_documents == 1

    def test_any_embeddings_of_langchain_will_do(self, folder: Path):
        from langchain_core.embeddings import DeterministicFakeEmbedding

        for _ in range(2):
            with Library.open(folder, DeterministicFakeEmbedding(size=7), create=True) as library:
                library.put("file:///x.pdf", OLD, fingerprint="1", title="x")
                (first, *_) = library.search("Old gold.")
                assert first.score == pytest.approx(1.0)
                assert library.model == "DeterministicFakeEmbedding"

    def test_another_format_is_an_error(self, library: Library, folder: Path):
        library.close()
        sql(folder, "UPDATE settings SET value = '99' WHERE key = 'schema'")
        with pytest.raises(SchemaMismatch, match="has format 99"):
            Library.open(folder, WordCounts())

    @pytest.mark.parametrize("content", [b"not a database at all" * 400, b"SQLite format 3\0" * 64])
    def test_a_damaged_file_is_a_clear_error(self, folder: Path, content: bytes):
        folder.mkdir()
        (folder / "library.sqlite").write_bytes(content)
        with pytest.raises(LibraryDamaged, match="backup"):
            Library.open(folder, WordCounts(), create=True)
        assert (folder / "library.sqlite").read_bytes() == content

    def test_another_database_is_a_clear_error(self, folder: Path):
        folder.mkdir()
        sql(folder, "CREATE TABLE settings (key, value)")
        with pytest.raises(LibraryDamaged, match="not a whole library"):
            Library.open(folder, WordCounts(), create=True)

    def test_a_closed_library_says_that_it_is(self, library: Library):
        library.close()
        with pytest.raises(ValueError, match="is closed"):
            library.search("gold")


class TestIndex:
    @pytest.fixture
    def index(self, folder: Path, library: Library, put: Put) -> Path:
        put("x.pdf", *OLD)
        put("y.pdf", *NEW)
        library.close()
        return folder / "vectors.faiss"

    def assert_whole(self, folder: Path) -> None:
        with Library.open(folder, WordCounts()) as library:
            assert found(library, "gold silver") == {d.page_content for d in OLD + NEW}
            assert library.search("old chart an")[0].score == pytest.approx(1.0)

    def test_it_is_used_when_it_fits(self, index: Path, folder: Path):
        before = index.stat().st_mtime_ns
        self.assert_whole(folder)
        assert index.stat().st_mtime_ns == before

    @pytest.mark.parametrize(
        "damage",
        [
            lambda content: None,
            lambda content: b"",
            lambda content: b"x" * 10_000,
            lambda content: content[:-1],
            lambda content: content[:100],
            lambda content: content[:200] + b"\xff" + content[201:],
        ],
        ids=["deleted", "empty", "other bytes", "shorter", "cut off", "one byte changed"],
    )
    def test_it_is_made_anew_when_it_is_of_no_use(self, index: Path, folder: Path, damage):
        whole = index.read_bytes()
        damaged = damage(whole)
        index.unlink()
        if damaged is not None:
            index.write_bytes(damaged)
        self.assert_whole(folder)
        assert index.read_bytes() == whole

    def test_an_older_one_is_caught_up(self, index: Path, folder: Path):
        older = index.read_bytes()
        with Library.open(folder, WordCounts()) as library:
            library.remove("file:///docs/x.pdf")
            library.put("file:///docs/z.pdf", [piece("Zinc.")], fingerprint="1", title="z")
        index.write_bytes(older)
        with Library.open(folder, WordCounts()) as library:
            assert found(library, "gold zinc") == {"Zinc.", *(d.page_content for d in NEW)}

    def test_one_of_a_library_before_it_was_restored_is_not_believed(
        self, index: Path, folder: Path
    ):
        def add(text: str) -> None:
            with Library.open(folder, WordCounts()) as library:
                library.put(f"file:///{text}", [piece(text)], fingerprint="1", title="t")

        add("The one.")
        backup = (folder / "library.sqlite").read_bytes()
        add("Lost lead.")
        lost = index.read_bytes()
        (folder / "library.sqlite").write_bytes(backup)
        add("How how how.")
        index.write_bytes(lost)
        with Library.open(folder, WordCounts()) as library:
            # The lexical search leaves "how" and "the" out: only the vectors can find them.
            best = [hit.document.page_content for hit in library.search("how the xyzzy", 2)]
            assert best == ["How how how.", "The one."]

    def test_one_that_cannot_be_saved_does_not_matter(
        self, index: Path, folder: Path, caplog: pytest.LogCaptureFixture
    ):
        index.unlink()
        index.mkdir()
        with caplog.at_level("INFO", logger="retrievers"):
            self.assert_whole(folder)
        assert "could not be saved" in caplog.text
        assert not list(folder.glob(".new-*"))


class TestOthers:
    def test_a_reader_in_another_process_sees_a_change_at_once(
        self, library: Library, put: Put, folder: Path
    ):
        put("x.pdf", *OLD)
        code = """
with Library.open(sys.argv[1], WordCounts()) as library:
    for query in sys.stdin:
        hits = library.search(query)
        print(sorted(hit.document.page_content for hit in hits), flush=True)
"""
        with in_another_process(code, folder) as reader:

            def ask(query: str) -> str:
                assert reader.stdin
                assert reader.stdout
                print(query, file=reader.stdin, flush=True)
                return reader.stdout.readline().strip()

            assert ask("gold") == "['An old chart.', 'Old gold.']"
            put("y.pdf", *NEW)
            assert "New silver." in ask("silver")
            library.remove("file:///docs/x.pdf")
            assert ask("gold") == "['New copper.', 'New silver.']"
            assert reader.stdin
            reader.stdin.close()
            assert reader.wait() == 0

    def test_what_is_removed_is_in_no_file_though_another_process_has_them_open(
        self, library: Library, put: Put, folder: Path
    ):
        for n in range(3):
            put(f"{n}.pdf", piece(f"topsecret{n}"))
        with Library.open(folder, WordCounts()) as other:
            assert "topsecret1" in found(other, "topsecret1")
            library.remove("file:///docs/1.pdf")
            put("2.pdf", piece("harmless"))
            for word in (b"topsecret1", b"topsecret2"):
                assert not [p for p in folder.rglob("*") if p.is_file() and word in p.read_bytes()]

    def test_a_removal_does_not_wait_for_a_reader_who_still_sees_what_is_removed(
        self, library: Library, put: Put
    ):
        put("x.pdf", piece("topsecret"))
        put("y.pdf", piece("gold"))
        with library.reading() as connection:
            connection.execute("SELECT 1 FROM chunks").fetchone()
            start = time.monotonic()
            library.remove("file:///docs/x.pdf")
            assert time.monotonic() - start < 5
        library.remove("file:///docs/y.pdf")
        assert b"topsecret" not in (library.folder / "library.sqlite").read_bytes()

    def test_two_processes_write_one_after_the_other_and_nothing_is_lost(
        self, library: Library, folder: Path
    ):
        code = """
with Library.open(sys.argv[1], WordCounts()) as library:
    for n in range(15):
        text = f"{sys.argv[2]} {n}"
        library.put(f"file:///{sys.argv[2]}{n}", [piece(text)], fingerprint="1", title=text)
"""
        writers = [in_another_process(code, folder, name) for name in ("first", "second")]
        assert [ended(writer) for writer in writers] == [0, 0]
        assert library.n_documents == 30
        assert len(found(library, "first second", where=Filter(source="*"))) == 10
        assert len(library.search("first second", 100)) == 30
        with Library.open(folder, WordCounts()) as reopened:
            assert len(reopened.search("first second", 100)) == 30

    def test_two_processes_can_make_the_same_library(self, folder: Path):
        code = "Library.open(sys.argv[1], WordCounts(), create=True).close()"
        makers = [in_another_process(code, folder) for _ in range(2)]
        assert [ended(maker) for maker in makers] == [0, 0]

    def test_a_writer_waits_for_another_only_so_long_and_readers_not_at_all(
        self, library: Library, put: Put, folder: Path
    ):
        put("x.pdf", *OLD)
        with (
            Library.open(folder, WordCounts(), busy_timeout_s=0.1) as waiting,
            closing(sqlite3.connect(folder / "library.sqlite")) as other,
        ):
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(LibraryLocked, match=r"for more than 0\.1 s"):
                waiting.put("file:///y.pdf", NEW, fingerprint="1", title="y")
            assert found(waiting, "gold") == {d.page_content for d in OLD}
            other.rollback()
            waiting.put("file:///y.pdf", NEW, fingerprint="1", title="y")

    def test_a_writer_that_waits_says_so_and_goes_on_when_the_other_has_ended(
        self, library: Library, put: Put, folder: Path, caplog: pytest.LogCaptureFixture
    ):
        put("x.pdf", *OLD)
        with closing(sqlite3.connect(folder / "library.sqlite", check_same_thread=False)) as other:
            other.execute("BEGIN IMMEDIATE")
            ends = threading.Timer(1.5, other.rollback)
            ends.start()
            put("y.pdf", *NEW)
            ends.join()
        assert library.n_documents == 2
        assert "Another process is writing to the library" in caplog.text
        assert "30 s at most" in caplog.text

    def test_threads_search_while_another_writes(self, library: Library, put: Put):
        put("x.pdf", *(piece(f"gold {n} of version 0") for n in range(20)))
        done = threading.Event()

        def write() -> None:
            for version in range(1, 30):
                put("x.pdf", *(piece(f"gold {n} of version {version}") for n in range(20)))
            done.set()

        def read() -> set[int]:
            mixtures = set()
            while not done.is_set():
                texts = {hit.document.page_content for hit in library.search("gold of version", 50)}
                mixtures.add(len({text.rpartition(" ")[2] for text in texts}))
                mixtures.add(len(texts))
            return mixtures

        with ThreadPoolExecutor(5) as pool:
            readers = [pool.submit(read) for _ in range(4)]
            pool.submit(write).result()
            assert set().union(*(reader.result() for reader in readers)) == {1, 20}
