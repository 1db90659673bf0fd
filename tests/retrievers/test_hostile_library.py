"""Library files made or damaged to do harm: a clear error or healed, and nothing is run."""

import json
import random
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from retrievers import (
    Filter,
    Library,
    LibraryDamaged,
    LibraryError,
    SchemaMismatch,
    database,
    vector_forms,
)
from retrievers.lexical_files import LexicalFiles
from retrievers.salvage import salvage
from tests.retrievers.test_verification import sql
from tests.retrievers.words import WordCounts, figure, piece

ROOT = Path(__file__).parents[2]
NAMES = ["a'; DROP TABLE chunks; --.pdf", 'b"); DELETE FROM documents; --.pdf', "c\x00%s{}$(x).pdf"]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original") / "library"
    with Library.open(folder, WordCounts(), create=True) as library:
        for n, name in enumerate(NAMES):
            pieces = [piece(f"gold {n} {k} " + "words " * 60) for k in range(6)]
            library.put(
                f"file:///{name}",
                [*pieces, figure(f"Chart {n}", "abc"[n])],
                fingerprint="1",
                title=name,
            )
            library.collect("x'); DROP TABLE documents; --", [f"file:///{name}"])
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "library"))


def use(folder: Path) -> list[str]:
    """Do all that only reads; gives what was found to be wrong."""
    with Library.open(folder, WordCounts()) as library:
        found = [f"{fault.where}: {fault.detail}" for fault in library.verify().faults]
        acts: list[Callable[[], object]] = [
            library.documents,
            lambda: [library.evidence(document.source) for document in library.documents()],
            lambda: json.dumps([h.score for h in library.search("gold chart")], allow_nan=False),
            library.image_keys,
            library.collections,
        ]
        for act in acts:
            try:
                act()
            except LibraryError as error:
                found.append(str(error))
        return found


def mend(folder: Path) -> None:
    with Library.open(folder, WordCounts()) as library:
        library.repair(library.verify().faults)
        assert library.verify().faults == []


def test_a_whole_library_has_no_faults_whatever_its_names_are(folder: Path) -> None:
    assert use(folder) == []
    with Library.open(folder, WordCounts()) as library:
        assert [d.title for d in library.documents()] == NAMES
        for name in NAMES:
            library.remove(f"file:///{name}")
        assert library.verify().faults == []
        assert library.n_documents == library.n_chunks == 0


HOSTILE = [
    "CREATE TRIGGER run AFTER INSERT ON chunks BEGIN SELECT load_extension('x'); END",
    "CREATE TRIGGER settings_t AFTER UPDATE ON documents BEGIN DELETE FROM chunks; END",
    "CREATE VIEW more AS SELECT load_extension('x')",
    "CREATE INDEX more ON chunks (hex(text))",
    "CREATE TABLE more (x)",
    "CREATE VIRTUAL TABLE more USING fts5 (x)",
    "DROP TABLE journal",
    "DROP INDEX chunks_by_picture",
    "ALTER TABLE chunks ADD COLUMN more TEXT DEFAULT 'x'",
    "ALTER TABLE documents DROP COLUMN dated_at",
]


@pytest.mark.parametrize("statement", HOSTILE)
def test_what_limner_does_not_make_is_refused_and_left_behind(folder: Path, statement: str) -> None:
    sql(folder, statement)
    with pytest.raises(LibraryDamaged, match="verify --repair"):
        Library.open(folder, WordCounts())
    salvage(folder / "library.sqlite", WordCounts.name)
    with Library.open(folder, WordCounts()) as library:
        assert [d.title for d in library.documents()] == NAMES
        assert library.n_chunks == 21
    mend(folder)


@pytest.mark.parametrize("table", ["settings", "documents", "chunks", "vectors", "generations"])
def test_a_view_in_the_place_of_a_table_is_not_even_read(folder: Path, table: str) -> None:
    ran = folder / "ran"
    attack = f"SELECT load_extension('{ran}') AS key, writefile('{ran}', 'x') AS value"
    sql(folder, f"DROP TABLE {table}", f"CREATE VIEW {table} AS {attack}")
    with pytest.raises(LibraryDamaged):
        Library.open(folder, WordCounts())
    if table != "documents":
        salvage(folder / "library.sqlite", WordCounts.name)
        mend(folder)
    assert not ran.exists()


def test_another_format_is_told_before_anything_else(folder: Path) -> None:
    sql(folder, "UPDATE settings SET value = '3' WHERE key = 'schema'", "DROP TABLE vectors")
    with pytest.raises(SchemaMismatch, match="has format 3"):
        Library.open(folder, WordCounts())
    with pytest.raises(SchemaMismatch, match="has format 3"):
        salvage(folder / "library.sqlite", WordCounts.name)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE settings SET value = 'many' WHERE key = 'dimension'",
        "UPDATE settings SET value = '99999999999999999999' WHERE key = 'dimension'",
        "UPDATE settings SET value = x'00' WHERE key = 'dimension'",
        "INSERT INTO generations VALUES (9223372036854775807)",
        "INSERT INTO generations VALUES (-1)",
        "UPDATE vectors SET id = 1 << 61 WHERE id = 3",
        "UPDATE chunks SET id = -5 WHERE id = 3",
        "UPDATE documents SET id = -5 WHERE id = 2",
        "UPDATE documents SET id = 1 << 61 WHERE id = 2",
        "UPDATE sqlite_sequence SET seq = 1 << 61 WHERE name = 'chunks'",
        "UPDATE sqlite_sequence SET seq = 'x' WHERE name = 'documents'",
    ],
)
def test_numbers_that_make_no_sense_are_refused_and_mended(folder: Path, statement: str) -> None:
    if "-1" in statement:
        sql(folder, "DELETE FROM generations")
    sql(folder, statement)
    with pytest.raises(LibraryDamaged):
        Library.open(folder, WordCounts())
    salvage(folder / "library.sqlite", WordCounts.name)
    mend(folder)
    assert use(folder) == []
    with Library.open(folder, WordCounts()) as library:
        assert {d.title for d in library.documents()} >= set(NAMES)
        assert library.n_chunks == 21


@pytest.mark.parametrize(
    ("first", "last"), [(-(1 << 62), 4), (5, 1 << 62), (9, 4), ("'x'", 4), (4, "x''")]
)
def test_what_counts_as_removed_costs_no_memory_and_no_crash(
    folder: Path, first: object, last: object
) -> None:
    newest = "(SELECT max(generation) FROM generations)"
    sql(
        folder,
        "UPDATE chunks SET id = 1 << 39 WHERE id = 21",
        "UPDATE vectors SET id = 1 << 39 WHERE id = 21",
    )
    with Library.open(folder, WordCounts()) as library:
        assert library.search("gold", where=Filter(modality="text"))
    sql(
        folder,
        "INSERT INTO generations SELECT max(generation) + 1 FROM generations",
        f"INSERT INTO removals VALUES ({newest}, 'vectors', {first}, {last})",
    )
    with Library.open(folder, WordCounts()) as library:
        library.put("file:///new", [piece("new gold")], fingerprint="1", title="new")
        assert "new gold" in {h.document.page_content for h in library.search("new gold")}


@pytest.mark.parametrize(
    "fields",
    [
        {"trained_for": "x"},
        {"last_id": None},
        {"last_id": 2**70},
        {"last_id": 10**9},
        {"last_id": -1},
        {"generation": [1]},
        {"version": 1},
        {"more": 1},
    ],
    ids=str,
)
def test_what_a_vector_index_says_of_itself_is_believed_only_if_it_can_be(
    folder: Path, fields: dict[str, object]
) -> None:
    file = folder / "vectors.faiss"
    _, note = vector_forms.read(file)
    end = vector_forms._END
    content = file.read_bytes()
    length, _, mark = end.unpack(content[-end.size :])
    told = json.dumps(asdict(note) | fields).encode()
    content = content[: -end.size - length] + told
    file.write_bytes(content + end.pack(len(told), zlib.crc32(content), mark))
    with Library.open(folder, WordCounts()) as library:
        library.put("file:///new", [piece("new bronze")], fingerprint="1", title="new")
        (hit,) = library.search_by_vector(WordCounts().embed_query("bronze"), 1)
        assert hit.document.page_content == "new bronze"


def test_words_that_go_beyond_all_that_the_library_had_are_not_believed(folder: Path) -> None:
    files = LexicalFiles(folder / "lexical")
    with files.writing(1) as writing:
        assert writing is not None
        writing.commit(files.seen.generation, 10**9)
    with Library.open(folder, WordCounts()) as library:
        library.put("file:///new", [piece("xylographer")], fingerprint="1", title="new")
        with library.reading() as connection:
            assert library._words.best(connection, "xylographer", 1) == [22]


ROWS = {
    "a vector that is too short": "UPDATE vectors SET vector = x'00' WHERE id = 3",
    "a vector of no numbers": "UPDATE vectors SET vector = 'text' WHERE id = 3",
    "NaN": f"UPDATE vectors SET vector = x'{'0000c07f' * 512}' WHERE id = 3",
    "infinity": f"UPDATE vectors SET vector = x'{'0000807f' * 512}' WHERE id = 3",
    "no JSON": "UPDATE chunks SET metadata = '{\"a\": ' WHERE id = 3",
    "a list": "UPDATE chunks SET metadata = '[[1, 2]]' WHERE id = 3",
    "NaN in JSON": "UPDATE chunks SET metadata = '{\"a\": NaN}' WHERE id = 3",
    "deep JSON": f"UPDATE chunks SET metadata = '{'[' * 100_000}' WHERE id = 3",
    "a text of bytes": "UPDATE chunks SET text = x'ff00fe' WHERE id = 3",
    "no UTF-8": "UPDATE chunks SET text = CAST(x'ff00fe' AS TEXT) WHERE id = 3",
    "a number as source": "UPDATE documents SET source = x'ff' WHERE id = 2",
    "a title of bytes": "UPDATE documents SET title = CAST(x'ff' AS TEXT) WHERE id = 2",
    "a page of words": "UPDATE chunks SET page = 'three' WHERE id = 3",
    "a position": "UPDATE chunks SET position = -5 WHERE id = 3",
    "a way out of the folder": "UPDATE chunks SET image_key = '../../x.png' WHERE id = 3",
    "looks": "INSERT INTO pictures SELECT 1, image_key, x'0100' FROM chunks WHERE id = 7",
}


@pytest.mark.parametrize("statement", ROWS.values(), ids=ROWS)
def test_rows_that_are_none_are_told_and_mended(folder: Path, statement: str) -> None:
    sql(folder, statement)
    assert use(folder)
    mend(folder)
    assert use(folder) == []


def test_a_key_never_leads_out_of_the_folder_of_the_pictures(folder: Path) -> None:
    sql(folder, "UPDATE chunks SET image_key = '../../../etc/passwd' WHERE image_key IS NOT NULL")
    with Library.open(folder, WordCounts()) as library:
        for document in library.documents():
            for evidence in library.evidence(document.source):
                assert "image_url" not in evidence.metadata


def test_metadata_cannot_name_a_picture_or_a_document_of_their_own(folder: Path) -> None:
    names = ("image_url", "image_key", "source", "title", "page", "modality", "chunk_id")
    evil = json.dumps(dict.fromkeys(names, "http://evil.example/a.png") | {"section": "Gold"})
    sql(folder, f"UPDATE chunks SET metadata = '{evil}'")
    with Library.open(folder, WordCounts()) as library:
        for hit in library.search("gold", 9):
            assert hit.document.metadata["section"] == "Gold"
            assert "evil" not in str(hit.document.metadata)


def test_a_value_larger_than_memory_should_be_is_not_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "MAX_VALUE_BYTES", 1_000_000)
    monkeypatch.setattr("retrievers.salvage.MAX_VALUE_BYTES", 1_000_000)
    sql(folder, "UPDATE chunks SET metadata = zeroblob(1100000) WHERE id = 3")
    assert any("damaged" in told for told in use_what_opens(folder))
    salvage(folder / "library.sqlite", WordCounts.name)
    mend(folder)
    with Library.open(folder, WordCounts()) as library:
        assert library.n_chunks == 20


def use_what_opens(folder: Path) -> list[str]:
    """What goes wrong, where even looking may."""
    try:
        return use(folder)
    except LibraryError as error:
        return [str(error)]


def test_a_file_cut_off_anywhere_is_a_clear_error_and_never_more(folder: Path) -> None:
    path = folder / "library.sqlite"
    whole = path.read_bytes()
    rng = random.Random(1)
    for length in [0, 1, 15, 16, 99, 100, 101, *rng.sample(range(len(whole)), 25)]:
        path.write_bytes(whole[:length])
        assert use_what_opens(folder)


def test_random_bytes_are_clear_errors_and_what_can_be_read_is_saved(folder: Path) -> None:
    path = folder / "library.sqlite"
    whole = path.read_bytes()
    n_saved = 0
    for seed in range(30):
        rng = random.Random(seed)
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 3, 20])):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        shutil.rmtree(folder / "lexical", ignore_errors=True)
        path.write_bytes(damaged)
        use_what_opens(folder)
        path.write_bytes(damaged)
        try:
            salvage(path, WordCounts.name)
        except LibraryError:
            assert path.read_bytes() == damaged
        else:
            n_saved += 1
            mend(folder)
    assert n_saved > 20


CRASHING = """
import random, struct, sqlite3, sys, zlib
from pathlib import Path
from retrievers import vector_forms
from retrievers.database import Database
from retrievers.vectors import VectorIndex
file = Path(sys.argv[1]) / "vectors.faiss"
if sys.argv[2] == "lists":
    vector_forms.MAX_FLAT = 0
    file.unlink()
    database = Database(file.with_name("library.sqlite"), busy_timeout_s=1)
    VectorIndex(file).save(database)
library = sqlite3.connect(file.with_name("library.sqlite"))
whole = file.read_bytes()
end = struct.Struct("<II8s")
length, _, mark = end.unpack(whole[-end.size:])
content, note = whole[:-end.size - length], whole[-end.size - length:-end.size]
for seed in range(300):
    rng = random.Random(seed)
    damaged = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        damaged[rng.randrange(120 if rng.random() < 0.6 else len(damaged))] = rng.randrange(256)
    if seed % 10 == 0:
        del damaged[rng.randrange(len(damaged)):]
    damaged += note
    file.write_bytes(damaged + end.pack(length, zlib.crc32(damaged), mark))
    VectorIndex(file).check(library)
print("lived")
"""


@pytest.mark.parametrize("form", ["exact", "lists"])
def test_a_vector_index_made_to_crash_the_process_does_not(folder: Path, form: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", CRASHING, str(folder), form],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (result.returncode, result.stdout.strip()) == (0, "lived"), result.stderr[-2000:]
