"""A library that is brought to another embedding model, or from an older format."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import zlib
from collections import namedtuple
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from retrievers import (
    Library,
    LibraryMissing,
    LibraryUnwritable,
    ModelMismatch,
    SchemaMismatch,
    evidence,
    format_one,
    migration,
)
from retrievers.library import NewDocument
from retrievers.migration import migrate
from retrievers.schema import statements
from retrievers.vectors import unit_rows
from tests.retrievers.conftest import Put
from tests.retrievers.words import CharacterCounts, WordCounts, figure, piece

ROOT = Path(__file__).parents[2]
TEXTS = [f"The {metal} of number {n}." for n in range(7) for metal in ("gold", "silver", "tin")]


class OtherWeights(WordCounts):
    """Has the name of `WordCounts` and its dimension."""

    def embed_query(self, text: str) -> list[float]:
        return super().embed_query(text[::-1])


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "TEXTS_AT_ONCE", 4)


@pytest.fixture
def filled(library: Library, put: Put, folder: Path) -> Path:
    """The folder of a library that is closed."""
    for n, text in enumerate(TEXTS):
        put(f"{n}.txt", piece(text))
    library.close()
    return folder


def rows(folder: Path, query: str) -> list[tuple]:
    """Read the library's file behind its back."""
    with closing(sqlite3.connect(folder / "library.sqlite")) as connection:
        return connection.execute(query).fetchall()


def assert_all_of(folder: Path, model: WordCounts, n: int) -> None:
    """Is every vector, in the table and in the index, of this model, and nothing left over?"""
    stored = rows(folder, "SELECT text, vector FROM chunks JOIN vectors USING (id)")
    assert len(stored) == n == rows(folder, "SELECT count(*) FROM vectors")[0][0]
    for text, vector in stored:
        np.testing.assert_array_equal(
            np.frombuffer(vector, "<f4"), unit_rows([model.embed_query(text)])[0]
        )
    assert rows(folder, "SELECT count(*) FROM new_vectors") == [(0,)]
    assert rows(folder, "SELECT * FROM settings WHERE key LIKE 'new%'") == []
    assert rows(folder, "PRAGMA integrity_check") == [("ok",)]
    with Library.open(folder, model) as library:
        for text, _ in stored:
            # Two texts may have one vector.
            best = {hit.document.page_content: hit.score for hit in library.search(text, 3)}
            assert best[text] == pytest.approx(1.0)


def in_another_process(code: str, *arguments: object) -> subprocess.Popen[str]:
    head = """
import os, signal, sys
from retrievers import Library, LibraryUnwritable, format_one, migration
from tests.retrievers.words import CharacterCounts, WordCounts, piece
migration.TEXTS_AT_ONCE = 4
def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)
"""
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


class TestModel:
    def test_every_vector_is_of_the_new_model_afterwards(self, filled: Path):
        told = []
        done = migrate(filled, CharacterCounts(), lambda *step: told.append(step))
        assert (done.model_before, done.model, done.dimension) == (
            "word-counts",
            "character-counts",
            36,
        )
        assert (done.changed, done.n_vectors, done.n_embedded) == (True, 21, 21)
        assert told[0] == (0, 21)
        assert told[-1] == (21, 21)
        assert told == sorted(told)
        assert_all_of(filled, CharacterCounts(), 21)
        with pytest.raises(ModelMismatch, match=r"character-counts.*word-counts.*limner migrate"):
            Library.open(filled, WordCounts())

    def test_a_second_time_there_is_nothing_to_do(self, filled: Path):
        migrate(filled, CharacterCounts())
        again = CharacterCounts()
        done = migrate(filled, again)
        assert (done.changed, done.n_embedded, again.embedded) == (False, 0, [])

    def test_it_goes_back_as_well_and_what_was_open_follows(self, filled: Path):
        with Library.open(filled, WordCounts()) as opened:
            before = [hit.score for hit in opened.search("gold", 30)]
            for model in (CharacterCounts(), OtherWeights()):
                migrate(filled, model)
                with pytest.raises(ModelMismatch):
                    opened.search("gold")
            migrate(filled, WordCounts())
            assert [hit.score for hit in opened.search("gold", 30)] == before
        assert_all_of(filled, WordCounts(), 21)

    def test_nothing_of_the_old_vectors_stays_in_the_file(self, filled: Path):
        old = [row[0] for row in rows(filled, "SELECT vector FROM vectors")]
        migrate(filled, CharacterCounts())
        content = b"".join(p.read_bytes() for p in sorted(filled.iterdir()) if p.is_file())
        assert not any(vector in content for vector in old)

    def test_texts_that_are_the_same_are_embedded_once(self, library: Library, put: Put):
        put("x.txt", *(piece("The same.", page=page) for page in (1, 2, 3)))
        assert migrate(library.folder, CharacterCounts()).n_embedded == 1
        assert_all_of(library.folder, CharacterCounts(), 3)

    def test_an_empty_library_takes_the_model(self, library: Library, folder: Path):
        assert migrate(folder, CharacterCounts()).changed
        with Library.open(folder, CharacterCounts()) as opened:
            opened.put("file:///x", [piece("gold")], fingerprint="1", title="x")
            assert opened.search("gold")[0].score == pytest.approx(1.0)

    def test_a_folder_without_a_library_is_a_clear_error(self, folder: Path):
        with pytest.raises(LibraryMissing):
            migrate(folder, CharacterCounts())

    def test_an_open_library_of_the_old_model_neither_finds_nor_writes_afterwards(
        self, library: Library, put: Put, folder: Path
    ):
        put("x.txt", piece("gold"))
        assert library.search("gold")
        migrate(folder, CharacterCounts())
        for use in (lambda: library.search("gold"), lambda: put("y.txt", piece("tin"))):
            with pytest.raises(ModelMismatch, match="limner migrate"):
                use()
        library.remove("file:///docs/x.txt")
        assert_all_of(folder, CharacterCounts(), 0)

    def test_vectors_that_were_embedded_before_a_swap_are_not_mixed_in(
        self, library: Library, put: Put, folder: Path, embeddings: WordCounts
    ):
        put("x.txt", piece("gold"))
        own = OtherWeights()  # the same name, so that only the vectors' version tells them apart

        def embed_meanwhile(texts: list[str]) -> list[list[float]]:
            migrate(folder, own)
            return WordCounts.embed_documents(embeddings, texts)

        embeddings.embed_documents = embed_meanwhile  # type: ignore[method-assign]
        with pytest.raises(ModelMismatch, match="Run the same command again"):
            put("y.txt", piece("tin"))
        assert_all_of(folder, own, 1)

    def test_too_little_space_is_told_before_anything_is_done(
        self, filled: Path, monkeypatch: pytest.MonkeyPatch
    ):
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 5_000_000))
        model = CharacterCounts()
        with pytest.raises(LibraryUnwritable, match=r"needs 17 MB.*has 5 MB free"):
            migrate(filled, model)
        assert model.embedded == []
        monkeypatch.undo()
        assert_all_of(filled, WordCounts(), 21)

    @pytest.mark.parametrize(("n", "dimension"), [(1_000, 384), (1_000, 768), (500, 3072)])
    def test_the_space_that_is_needed_is_what_vectors_take(
        self, tmp_path: Path, n: int, dimension: int
    ):
        file = tmp_path / "x.sqlite"
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA page_size = 8192")
            connection.execute("CREATE TABLE vectors (id INTEGER PRIMARY KEY, vector BLOB)")
            blobs = ((bytes(4 * dimension),) for _ in range(n))
            connection.executemany("INSERT INTO vectors (vector) VALUES (?)", blobs)
            connection.commit()
        assert migration.stored_bytes(n, dimension) == pytest.approx(file.stat().st_size, rel=0.05)


class TestInterruption:
    @pytest.mark.parametrize(
        ("dies", "n_left"),
        [
            ("migration._Run._begin = die", 21),
            ("migration._missing = die", 21),
            ("CharacterCounts.embed_documents = die", 21),
            ("migration._put_in = die", 21),
            ("""
embed = CharacterCounts.embed_documents
def embed_some(self, texts):
    return embed(self, texts) if len(self.embedded) < 8 else die()
CharacterCounts.embed_documents = embed_some
""", 13),
            ("migration._Run._swap = die", 1),
            ("migration.make_tables = die", 1),
            ("migration.add_generation = die", 1),
            ("migration.generation = die", 1),
        ],
    )  # fmt: skip
    def test_a_kill_leaves_the_old_and_the_next_run_goes_on(
        self, filled: Path, dies: str, n_left: int
    ):
        code = f"{dies}\nmigration.migrate(sys.argv[1], CharacterCounts())"
        assert ended(in_another_process(code, filled)) == -signal.SIGKILL
        with Library.open(filled, WordCounts()) as library:
            assert library.search("tin number 3")[0].document.page_content == "The tin of number 3."
            library.put("file:///new", [piece("The new.")], fingerprint="1", title="new")
        assert migrate(filled, CharacterCounts()).n_embedded == n_left + 1
        assert_all_of(filled, CharacterCounts(), 22)

    def test_a_kill_after_the_swap_leaves_the_new(self, filled: Path):
        code = (
            "migration.Database.shrink_log = die\nmigration.migrate(sys.argv[1], CharacterCounts())"
        )
        assert ended(in_another_process(code, filled)) == -signal.SIGKILL
        assert not migrate(filled, CharacterCounts()).changed
        assert_all_of(filled, CharacterCounts(), 21)

    def test_where_the_model_fails_the_old_vectors_stay(self, filled: Path):
        class Failing(CharacterCounts):
            def embed_documents(self, texts: list[str]) -> list[list[float]]:
                if len(self.embedded) > 8:
                    raise ConnectionError("the embedding server is gone")
                return super().embed_documents(texts)

        with pytest.raises(ConnectionError):
            migrate(filled, Failing())
        with Library.open(filled, WordCounts()) as library:
            assert len(library.search("gold silver tin", 30)) == 21

    def test_where_the_disk_is_full_the_old_vectors_stay_and_what_fitted_too(self, filled: Path):
        with Library.open(filled, WordCounts()) as library:
            documents = [piece(f"number {n}") for n in range(500)]
            library.put("file:///long", documents, fingerprint="1", title="long")
        code = """
import resource
class Large(CharacterCounts):
    def embed_query(self, text):
        return [*super().embed_query(text), *[1.0] * 1000]
size = os.path.getsize(sys.argv[1] + "/library.sqlite")
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 300_000, size + 300_000))
try:
    migration.migrate(sys.argv[1], Large())
except LibraryUnwritable as error:
    sys.exit(0 if "nothing in the library was changed" in str(error) else 2)
"""
        assert ended(in_another_process(code, filled)) == 0
        assert rows(filled, "SELECT count(*) FROM new_vectors")[0][0] > 8
        assert not migrate(filled, WordCounts()).changed
        assert_all_of(filled, WordCounts(), 521)

    def test_what_was_begun_with_another_model_is_not_used(self, filled: Path):
        class Third(CharacterCounts):
            name = "third"

        code = "migration._Run._swap = die\nmigration.migrate(sys.argv[1], CharacterCounts())"
        assert ended(in_another_process(code, filled)) == -signal.SIGKILL
        assert migrate(filled, Third()).n_embedded == 21
        assert_all_of(filled, Third(), 21)


class TestMeanwhile:
    CODE = """
class Waiting(CharacterCounts):
    def embed_documents(self, texts):
        if len(self.embedded) == 8:
            print("waits", flush=True)
            sys.stdin.readline()
        return super().embed_documents(texts)
print(migration.migrate(sys.argv[1], Waiting()).n_embedded, flush=True)
"""

    def test_other_processes_search_and_write_with_the_old_model_until_the_swap(
        self, library: Library, put: Put, folder: Path
    ):
        for n, text in enumerate(TEXTS):
            put(f"{n}.txt", piece(text))
        migrating = in_another_process(self.CODE, folder)
        assert migrating.stdout
        assert migrating.stdout.readline() == "waits\n"
        assert library.search("gold number 6", 1)[0].score > 0.7
        put("added.txt", *(piece(f"Added {n}.") for n in range(9)))
        put("3.txt", piece("Changed."))
        put("20.txt", piece("Changed too."))
        library.remove("file:///docs/5.txt")
        library.remove("file:///docs/9.txt")  # is being embedded
        library.remove("file:///docs/19.txt")
        assert library.search("Changed too", 1)[0].score == pytest.approx(1.0)
        # Of what is removed no new vector stays either, should the migration never end.
        assert rows(
            folder, "SELECT count(*) FROM new_vectors WHERE id NOT IN (SELECT id FROM chunks)"
        ) == [(0,)]
        output, _ = migrating.communicate("\n", timeout=60)
        assert migrating.returncode == 0
        # 21 and 9 and 2, less what was removed or changed before it was reached.
        assert 27 <= int(output) <= 32
        with pytest.raises(ModelMismatch, match=r"character-counts.*word-counts"):
            library.search("gold")
        with pytest.raises(ModelMismatch):
            put("late.txt", piece("Late."))
        assert_all_of(folder, CharacterCounts(), 27)

    def test_what_comes_last_is_embedded_before_the_swap(
        self, library: Library, put: Put, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        put("x.txt", piece("gold"))
        swap = migration._Run._swap

        def put_then_swap(run: migration._Run) -> None:
            put("y.txt", *(piece(f"Last {n}.") for n in range(9)))
            swap(run)

        monkeypatch.setattr(migration._Run, "_swap", put_then_swap)
        migrate(folder, CharacterCounts())
        assert_all_of(folder, CharacterCounts(), 10)

    def test_a_second_migration_to_the_same_model_ends_in_the_same(self, filled: Path):
        first = in_another_process(self.CODE, filled)
        assert first.stdout
        assert first.stdout.readline() == "waits\n"
        assert migrate(filled, CharacterCounts()).n_embedded == 13
        first.communicate("\n", timeout=60)
        assert first.returncode == 1  # LibraryLocked: another has finished
        assert_all_of(filled, CharacterCounts(), 21)


class TestProbe:
    @pytest.mark.parametrize("use", ["search", "put"])
    def test_another_model_of_the_same_name_is_an_error(self, filled: Path, use: str):
        uses: dict[str, Callable[[Library], object]] = {
            "search": lambda opened: opened.search("gold"),
            "put": lambda opened: opened.put(
                "file:///new", [piece("New.")], fingerprint="1", title="new"
            ),
        }
        with Library.open(filled, OtherWeights()) as opened:
            for _ in range(2):
                with pytest.raises(ModelMismatch, match=r"other vectors.*limner migrate"):
                    uses[use](opened)
        assert_all_of(filled, WordCounts(), 21)
        assert migrate(filled, OtherWeights()).changed
        assert_all_of(filled, OtherWeights(), 21)

    def test_one_process_proves_its_model_once(self, filled: Path):
        asked = []

        class Counted(WordCounts):
            def embed_query(self, text: str) -> list[float]:
                asked.append(text)
                return super().embed_query(text)

        with Library.open(filled, Counted()) as opened:
            opened.search("gold")
            opened.search("tin")
        assert len(asked) == 3

    def test_where_none_was_kept_the_first_chunk_is_one(self, filled: Path):
        with closing(sqlite3.connect(filled / "library.sqlite")) as connection, connection:
            connection.execute("DELETE FROM settings WHERE key = 'probe'")
        with Library.open(filled, OtherWeights()) as opened, pytest.raises(ModelMismatch):
            opened.search("gold")
        with Library.open(filled, WordCounts()) as opened:
            assert opened.search("gold")
            opened.put("file:///new", [piece("New.")], fingerprint="1", title="new")
        assert rows(filled, "SELECT count(*) FROM settings WHERE key = 'probe'") == [(1,)]

    def test_nothing_is_embedded_where_nothing_is_searched_or_new(self, filled: Path):
        class Absent(WordCounts):
            def embed_query(self, text: str) -> list[float]:
                raise AssertionError("the model was loaded")

        with Library.open(filled, Absent()) as opened:
            assert len(opened.documents()) == 21
            assert opened.facts()["model"] == "word-counts"
            again = NewDocument("file:///docs/0.txt", [piece(TEXTS[0])], "new print", "0.txt")
            assert [change.replaced for change in opened.put_all([again])] == [True]
            opened.remove("file:///docs/1.txt")

    def test_a_damaged_one_is_a_clear_error_and_can_be_made_anew(self, filled: Path):
        with closing(sqlite3.connect(filled / "library.sqlite")) as connection, connection:
            connection.execute("UPDATE settings SET value = 'é' WHERE key = 'probe'")
        assert migrate(filled, WordCounts()).changed
        assert_all_of(filled, WordCounts(), 21)

    def test_the_library_tells_what_it_records(self, filled: Path):
        with Library.open(filled, WordCounts()) as opened:
            facts = opened.facts()
        made_with = facts.pop("versions")
        assert facts == {
            "format": "2",
            "model": "word-counts",
            "dimension": 512,
            "normalisation": "unit",
        }
        assert made_with["sqlite"] == sqlite3.sqlite_version
        assert "faiss-cpu" in made_with


class TestFormatOne:
    @pytest.fixture
    def old(self, tmp_path: Path) -> Path:
        """The folder of a library as the first versions of limner made it."""
        return self.made(tmp_path / "old", self.schema())

    @staticmethod
    def schema() -> str:
        return statements("format_1.sql")

    @staticmethod
    def made(folder: Path, schema: str) -> Path:
        folder.mkdir()
        with closing(sqlite3.connect(folder / "library.sqlite")) as connection:
            connection.executescript(f"PRAGMA journal_mode = WAL; {schema}")
            settings = {"schema": "1", "model": "word-counts", "dimension": "512"}
            connection.executemany("INSERT INTO settings VALUES (?, ?)", settings.items())
            model = WordCounts()
            for number, text in [(3, "Old gold."), (7, "Old tin."), (9, "Gone.")]:
                row = evidence.Row.of(figure(text, "a") if number == 3 else piece(text, page=2))
                connection.execute(
                    "INSERT INTO documents VALUES (?, ?, ?, 4, 'print', '2026-01-01')",
                    (number, f"file:///{number}", f"Title {number}"),
                )
                connection.execute(
                    "INSERT INTO chunks (id, document_id, position, text, metadata, chunk_id, "
                    "modality, page, image_key, vector) VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        10 * number,
                        number,
                        *row.values(),
                        unit_rows([model.embed_query(text)]).tobytes(),
                    ),
                )
                connection.execute(
                    "INSERT INTO lexical (rowid, text, title) SELECT id, text, title "
                    "FROM passages WHERE document_id = ?",
                    (number,),
                )
            connection.execute(
                "INSERT INTO lexical (lexical, rowid, text, title) "
                "SELECT 'delete', id, text, title FROM passages WHERE id = 90"
            )
            connection.execute("DELETE FROM chunks WHERE id = 90")
            connection.execute("DELETE FROM documents WHERE id = 9")
            connection.execute("INSERT INTO generations VALUES (5, 0)")
            connection.commit()
        return folder

    def test_opening_one_names_the_command_that_brings_it_up(self, old: Path):
        with pytest.raises(SchemaMismatch, match=r"has format 1.*limner migrate"):
            Library.open(old, WordCounts(), create=True)

    def test_nothing_is_lost_and_nothing_embedded(self, old: Path):
        kept = (
            "SELECT c.id, document_id, position, chunk_id, modality, page, image_key, metadata, "
            "text, source, title, n_pages, fingerprint, added_at{} FROM chunks c "
            "JOIN documents d ON d.id = document_id{}"
        )
        before = rows(old, kept.format(", vector", ""))
        model = WordCounts()
        done = migrate(old, model)
        assert (done.changed, done.format_before, done.n_embedded) == (True, "1", 0)
        assert model.embedded == []
        assert rows(old, kept.format(", vector", " JOIN vectors v ON v.id = c.id")) == before
        assert rows(old, "PRAGMA foreign_key_check") == []
        assert not rows(old, "SELECT name FROM sqlite_master WHERE name LIKE 'old_%'")
        assert_all_of(old, WordCounts(), 2)

    def test_it_has_the_tables_of_one_made_now(self, old: Path, library: Library, folder: Path):
        made = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
        migrate(old, WordCounts())
        assert rows(old, made) == rows(folder, made)

    def test_checksums_are_those_of_documents_put_in_now(self, old: Path):
        migrate(old, WordCounts())
        query = "SELECT checksum FROM documents WHERE source = 'file:///7'"
        before = rows(old, query)
        with Library.open(old, WordCounts()) as opened:
            again = opened.evidence("file:///7")
            opened.put("file:///7", again, fingerprint="print", title="Title 7", n_pages=4)
        assert before == rows(old, query) != [("",)]

    def test_ids_that_were_used_are_not_used_again(self, old: Path):
        migrate(old, WordCounts())
        with Library.open(old, WordCounts()) as opened:
            opened.put("file:///new", [piece("New.")], fingerprint="1", title="new")
        assert rows(old, "SELECT max(id) FROM chunks") == [(91,)]
        assert rows(old, "SELECT max(id) FROM documents") == [(10,)]

    def test_one_without_tables_for_pictures_gets_them(self, tmp_path: Path):
        schema = self.schema()
        first, rest = schema.split("-- What the pictures")
        older = self.made(
            tmp_path / "older", first + "-- What the lex" + rest.split("-- What the lex")[1]
        )
        migrate(older, WordCounts())
        assert rows(older, "SELECT count(*) FROM picture_links") == [(0,)]
        assert_all_of(older, WordCounts(), 2)

    def test_nothing_is_wrong_with_it_afterwards(self, old: Path):
        (old / "vectors.faiss").write_bytes(b"in the form of that time")
        migrate(old, WordCounts())
        with Library.open(old, WordCounts()) as library:
            assert library.verify().faults == []

    def test_format_and_model_can_be_brought_up_at_once(self, old: Path):
        done = migrate(old, CharacterCounts())
        assert (done.format_before, done.model, done.n_embedded) == ("1", "character-counts", 2)
        assert_all_of(old, CharacterCounts(), 2)

    @pytest.mark.parametrize("point", ["make_tables", "set_setting", "add_generation"])
    def test_a_kill_leaves_the_old_format_whole(self, old: Path, point: str):
        before = zlib.crc32((old / "library.sqlite").read_bytes())
        code = f"format_one.{point} = die\nmigration.migrate(sys.argv[1], WordCounts())"
        assert ended(in_another_process(code, old)) == -signal.SIGKILL
        assert zlib.crc32((old / "library.sqlite").read_bytes()) == before
        with pytest.raises(SchemaMismatch, match=r"has format 1"):
            Library.open(old, WordCounts())
        migrate(old, WordCounts())
        assert_all_of(old, WordCounts(), 2)

    def test_an_index_of_that_time_is_not_believed(self, old: Path):
        shutil.copytree(old, old.with_name("later"))
        migrate(old, WordCounts())
        with Library.open(old, WordCounts()) as opened:
            opened.remove("file:///7")
            opened.flush()
        assert rows(old, "SELECT count(*) FROM generations WHERE generation = 5") == [(0,)]

    def test_a_newer_format_says_to_update_limner(self, filled: Path):
        with closing(sqlite3.connect(filled / "library.sqlite")) as connection, connection:
            connection.execute("UPDATE settings SET value = '3' WHERE key = 'schema'")
        for use in (lambda: migrate(filled, WordCounts()), lambda: Library.open(filled, None)):
            with pytest.raises(SchemaMismatch, match=r"has format 3.*pip install --upgrade limner"):
                use()

    @pytest.mark.parametrize(
        "made",
        [
            "CREATE TABLE ran (x); CREATE TRIGGER t AFTER INSERT ON settings "
            "BEGIN INSERT INTO ran VALUES (1); END",
            "CREATE VIEW other AS SELECT * FROM chunks",
            "CREATE INDEX more ON chunks (upper(text))",
            "DROP VIEW passages; CREATE VIEW passages AS SELECT 1",
            "ALTER TABLE pictures ADD COLUMN more TEXT DEFAULT 'x'",
        ],
    )
    def test_one_that_holds_anything_else_is_left_as_it_is(self, old: Path, made: str):
        with closing(sqlite3.connect(old / "library.sqlite")) as connection:
            connection.executescript(made)
        held = ("SELECT * FROM sqlite_master", "SELECT * FROM settings", "SELECT * FROM chunks")
        before = [rows(old, query) for query in held]
        with pytest.raises(format_one.LibraryDamaged, match="Nothing in it was changed"):
            migrate(old, WordCounts())
        assert [rows(old, query) for query in held] == before

    def test_what_comes_out_is_checked_before_it_is_kept(self, old: Path):
        with closing(sqlite3.connect(old / "library.sqlite")) as connection, connection:
            connection.execute("UPDATE settings SET value = '-1' WHERE key = 'dimension'")
        with pytest.raises(format_one.LibraryDamaged, match="dimension is '-1'"):
            migrate(old, WordCounts())
        assert rows(old, "SELECT value FROM settings WHERE key = 'schema'") == [("1",)]

    def test_half_a_library_is_left_alone(self, tmp_path: Path):
        with closing(sqlite3.connect(tmp_path / "library.sqlite")) as connection, connection:
            connection.execute("CREATE TABLE settings (key, value)")
            connection.execute("INSERT INTO settings VALUES ('schema', '1')")
        with pytest.raises(format_one.LibraryDamaged, match="not a whole one"):
            migrate(tmp_path, WordCounts())
