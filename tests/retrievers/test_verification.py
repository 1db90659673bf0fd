"""A library that is broken in one place: the fault is named, mended, and then it is whole."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from retrievers import Library, LibraryDamaged
from retrievers.database import PAGE_BYTES
from retrievers.faults import Findings
from retrievers.salvage import n_readable, salvage
from tests.retrievers.words import WordCounts, figure, image_key, piece

N_DOCUMENTS, N_CHUNKS = 4, 24


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original") / "library"
    with Library.open(folder, WordCounts(), create=True) as library:
        for n in range(N_DOCUMENTS):
            pieces = [piece(f"gold {n} {k}") for k in range(N_CHUNKS // N_DOCUMENTS - 1)]
            library.put(
                f"file:///{n}.pdf",
                [*pieces, figure(f"Chart {n}", "abcd"[n])],
                fingerprint=f"print {n}",
                title=f"Title {n}",
            )
        library.collect("ports", ["file:///1.pdf"])
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "library"))


def sql(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "library.sqlite", isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def verified(folder: Path) -> Findings:
    with Library.open(folder, WordCounts()) as library:
        return library.verify()


def repaired(folder: Path) -> WordCounts:
    """Mend; gives the embeddings that were asked for it."""
    embeddings = WordCounts()
    with Library.open(folder, embeddings) as library:
        library.repair(library.verify().faults)
    return embeddings


def test_a_whole_library_is_told_with_what_it_holds(folder: Path) -> None:
    found = verified(folder)
    assert found.faults == []
    held = {"ok": True, "documents": N_DOCUMENTS, "chunks": N_CHUNKS, "pictures": N_DOCUMENTS}
    assert held.items() <= found.to_dict().items()
    assert [(note.what, note.detail) for note in found.notes] == [
        ("not compared yet", "4, by the next limner add")
    ]


DERIVED = {
    "a vector is missing": "DELETE FROM vectors WHERE id = 3",
    "a vector is not 512 numbers long": "UPDATE vectors SET vector = x'0000' WHERE id = 3",
    "a vector is not of length 1": "UPDATE vectors SET vector = zeroblob(2048) WHERE id = 3",
    "1 of its vectors are others": (
        "UPDATE vectors SET vector = (SELECT vector FROM vectors WHERE id = 9) WHERE id = 3"
    ),
    "1 vectors of no chunk": "INSERT INTO vectors SELECT 99, vector FROM vectors WHERE id = 1",
    "ids of its chunks count as removed": "INSERT INTO removals VALUES (1, 'vectors', 2, 3)",
    "1 entries of collections": "INSERT INTO collections VALUES ('ports', 99)",
    "of its embedding model": "UPDATE settings SET value = '?' WHERE key = 'probe'",
    "no JSON object": "INSERT INTO roots VALUES ('file:///z.pdf', 'file', 'nothing')",
    "1 looks of pictures that no chunk": f"INSERT INTO pictures VALUES (NULL, '{'f' * 64}', x'01')",
    "1 unreadable looks": f"INSERT INTO pictures VALUES (NULL, '{image_key('a')}', x'0100')",
    "1 links between pictures": "INSERT INTO picture_links VALUES ('x', 'y', 1)",
    "1 vectors of pictures that no": "INSERT INTO picture_vectors VALUES (1, 'x', x'00')",
}


@pytest.mark.parametrize(("told", "statement"), DERIVED.items(), ids=DERIVED)
def test_what_is_derived_is_mended_without_reading_anything_anew(
    told: str, statement: str, folder: Path
) -> None:
    sql(folder, statement)
    assert any(told in fault.detail for fault in verified(folder).faults)
    repaired(folder)
    assert verified(folder).faults == []
    with Library.open(folder, WordCounts()) as library:
        prints = [library.fingerprint(f"file:///{n}.pdf") for n in range(N_DOCUMENTS)]
        assert prints == [f"print {n}" for n in range(N_DOCUMENTS)]
        assert len(library.search("gold chart", 100)) == N_CHUNKS
        assert library.collections() == {"ports": 1}


READ = {
    "not those that were read": "UPDATE chunks SET text = 'silver' WHERE id = 3",
    "the metadata are no JSON object": "UPDATE chunks SET metadata = '{' WHERE id = 3",
    "not one after the other": "UPDATE chunks SET position = 70 WHERE id = 3",
    "the key of a picture is none": "UPDATE chunks SET image_key = '../x' WHERE id = 3",
    "its entry cannot be read": "UPDATE documents SET title = x'00' WHERE id = 1",
}


@pytest.mark.parametrize(("told", "statement"), READ.items(), ids=READ)
def test_a_document_of_which_something_is_lost_is_kept_and_read_anew(
    told: str, statement: str, folder: Path
) -> None:
    sql(folder, statement)
    faults = verified(folder).faults
    assert any(told in fault.detail for fault in faults)
    assert all(
        "reads it anew" in f.repair for f in faults if told in f.detail and "not one" not in told
    )
    repaired(folder)
    after = verified(folder)
    assert after.faults == []
    assert [note.where for note in after.notes if note.what == "to be read"] == ["file:///0.pdf"]
    with Library.open(folder, WordCounts()) as library:
        assert (library.fingerprint("file:///0.pdf"), library.n_chunks) == ("", N_CHUNKS)
        assert library.fingerprint("file:///1.pdf") == "print 1"


def test_only_lost_vectors_are_embedded_again(folder: Path) -> None:
    sql(folder, "DELETE FROM vectors WHERE id IN (3, 9)")
    assert sorted(repaired(folder).embedded) == ["gold 0 2", "gold 1 2"]


def test_repairing_twice_is_repairing_once(folder: Path) -> None:
    sql(folder, *DERIVED.values(), *READ.values())
    repaired(folder)
    before = (folder / "library.sqlite").read_bytes()
    assert repaired(folder).embedded == []
    assert (folder / "library.sqlite").read_bytes() == before


def test_chunks_whose_document_is_lost_keep_their_text(folder: Path) -> None:
    sql(folder, "DELETE FROM documents WHERE id = 2")
    assert "6 chunks of no document" in [fault.detail for fault in verified(folder).faults]
    repaired(folder)
    assert verified(folder).faults == []
    with Library.open(folder, WordCounts()) as library:
        assert len(library.evidence("limner:lost-document-2")) == 6
        assert library.n_documents == N_DOCUMENTS


@pytest.mark.parametrize("name", ["vectors.faiss"])
@pytest.mark.parametrize("keep", [0, 100, -1])
def test_an_index_that_is_cut_off_is_made_anew(name: str, keep: int, folder: Path) -> None:
    path = folder / name
    whole = path.read_bytes()
    path.write_bytes(whole[:keep])
    (fault,) = verified(folder).faults
    assert (fault.what, fault.where) == ("index", name)
    repaired(folder)
    assert verified(folder).faults == []
    path.unlink()
    assert verified(folder).faults == []  # it is made anew where it is needed


def test_chunks_that_words_do_not_find_are_told(folder: Path) -> None:
    with Library.open(folder, WordCounts()) as library:
        library.search("gold")
        # Behind its back: the index of words believes that it is up to date.
        sql(
            folder,
            "INSERT INTO chunks SELECT 90, document_id, 6, 'x', modality, page, NULL, metadata, "
            "text FROM chunks WHERE id = 1",
            "INSERT INTO vectors SELECT 90, vector FROM vectors WHERE id = 1",
        )
        told = {fault.where for fault in library.verify().faults}
        assert told == {"file:///0.pdf", "lexical"}
        library.repair(library.verify().faults)
        assert library.verify().faults == []


def test_what_can_be_read_of_a_damaged_file_is_put_into_a_new_one(folder: Path) -> None:
    path = folder / "library.sqlite"
    content = bytearray(path.read_bytes())
    start = content.index(b"gold 1 2") // PAGE_BYTES * PAGE_BYTES
    content[start : start + PAGE_BYTES] = b"\xff" * PAGE_BYTES
    path.write_bytes(content)
    (fault, *_) = verified(folder).faults
    assert (fault.what, fault.where) == ("sqlite file", "library.sqlite")
    assert n_readable(path) == N_DOCUMENTS
    kept = salvage(path, WordCounts.name)
    assert kept.read_bytes()[start : start + 10] == b"\xff" * 10
    repaired(folder)
    assert verified(folder).faults == []
    with Library.open(folder, WordCounts()) as library:
        assert library.n_documents == N_DOCUMENTS
        assert library.collections() == {"ports": 1}


def test_a_file_of_which_nothing_can_be_read_stays_as_it_is(folder: Path) -> None:
    path = folder / "library.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(LibraryDamaged, match="nothing of it can be read"):
        salvage(path, WordCounts.name)
    assert path.read_bytes() == b"no database" * 1000
    assert not list(folder.glob(".new-*"))


def test_a_library_is_whole_while_another_process_writes(folder: Path) -> None:
    with Library.open(folder, WordCounts()) as one, Library.open(folder, WordCounts()) as other:
        for n in range(5):
            other.put(f"file:///new{n}", [piece(f"silver {n}")], fingerprint="1", title="new")
            other.remove(f"file:///{n}.pdf") if n < 3 else None
            assert one.verify().faults == []


def test_what_a_killed_process_was_about_to_write_is_deleted(folder: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, own = folder / f".new-{ended.pid}-1-vectors.faiss", folder / f".new-{os.getpid()}-1-x"
    left.touch()
    own.touch()
    assert verified(folder).faults == []
    assert (left.exists(), own.exists()) == (False, True)
