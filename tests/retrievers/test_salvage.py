"""Exchanging a damaged file of a library, while others use it and while it is killed."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from retrievers import Library, LibraryLocked, salvage
from retrievers.database import Database
from tests.retrievers.words import WordCounts, piece

ROOT = Path(__file__).parents[2]
KILLED = """
import os, sys
from pathlib import Path
from retrievers import salvage

n_left = int(sys.argv[2])

def dies(act):
    def counted(*arguments, **named):
        global n_left
        n_left -= 1
        if n_left < 0:
            os._exit(9)
        return act(*arguments, **named)
    return counted

salvage._empty_log = dies(salvage._empty_log)
os.link, os.fsync = dies(os.link), dies(os.fsync)
if sys.argv[3] == "no links":
    def link(*_): raise PermissionError
    os.link = link
Path.replace, Path.unlink = dies(Path.replace), dies(Path.unlink)
print(salvage.salvage(Path(sys.argv[1]) / "library.sqlite", "words"))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Library.open(tmp_path / "library", WordCounts(), create=True) as library:
        put(library, "one")
    return tmp_path / "library"


def put(library: Library, name: str) -> None:
    library.put(f"file:///{name}", [piece(f"gold {name}")], fingerprint="1", title=name)


def titles(folder: Path) -> list[str]:
    with Library.open(folder, WordCounts()) as library:
        assert library.verify().faults == []
        return sorted(document.title for document in library.documents())


def leave_a_log(folder: Path) -> None:
    """What is written goes into the log, and stays there as after a killed process."""
    code = (
        "import os, sys; from retrievers import Library; "
        "from tests.retrievers.test_salvage import put; "
        "from tests.retrievers.words import WordCounts\n"
        "put(Library.open(sys.argv[1], WordCounts()), 'two'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=True)
    assert (folder / "library.sqlite-wal").stat().st_size


@pytest.mark.parametrize("way", ["links", "no links"])
def test_a_salvage_killed_at_any_moment_loses_nothing(folder: Path, way: str) -> None:
    leave_a_log(folder)
    for n in range(100):
        copy = folder.with_name(f"copy {n}")
        shutil.copytree(folder, copy)
        ended = subprocess.run(
            [sys.executable, "-c", KILLED, str(copy), str(n), way],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )
        assert ended.returncode in (0, 9), ended.stderr
        assert titles(copy) == ["one", "two"]
        salvage.salvage(copy / "library.sqlite", WordCounts.name)
        assert titles(copy) == ["one", "two"]
        assert not list(copy.glob(".new-*"))
        kept = list(copy.glob("library.damaged-*.sqlite"))
        assert all(not path.samefile(copy / "library.sqlite") for path in kept)
        if not ended.returncode:
            return
    raise AssertionError("it never came to its end")


def test_a_library_that_is_open_is_not_salvaged(folder: Path) -> None:
    with Library.open(folder, WordCounts()) as library:
        ended = in_another_process(folder)
        assert "LibraryLocked" in ended.stderr
        put(library, "two")
    assert titles(folder) == ["one", "two"]
    assert in_another_process(folder).returncode == 0
    assert titles(folder) == ["one", "two"]


def in_another_process(folder: Path) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; from pathlib import Path; from retrievers import salvage\n"
        "salvage.WAIT_S = 0.1; salvage.salvage(Path(sys.argv[1]) / 'library.sqlite', 'words')"
    )
    return subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def put_another_in_its_place(folder: Path) -> None:
    """As a salvage does where a library keeps no log, and a person who restores a backup."""
    other = folder.with_name("other")
    shutil.copytree(folder, other)
    with closing(sqlite3.connect(other / "library.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    (other / "library.sqlite").replace(folder / "library.sqlite")
    shutil.rmtree(other)


def test_who_has_a_library_open_writes_into_the_file_that_takes_its_place(folder: Path) -> None:
    put_another_in_its_place(folder)  # without a log, which both files would share by its name
    with Library.open(folder, WordCounts()) as library:
        put_another_in_its_place(folder)
        put(library, "two")
        assert {hit.document.metadata["title"] for hit in library.search("gold")} == {"one", "two"}
    assert titles(folder) == ["one", "two"]


def test_who_waits_for_a_salvage_writes_into_the_new_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = Database._begin_writing
    exchanges: list[Callable[[Path], None]] = [put_another_in_its_place]

    def wait(database: Database, connection: sqlite3.Connection) -> None:
        if exchanges:
            exchanges.pop()(folder)
        begin(database, connection)

    with Library.open(folder, WordCounts()) as library:
        monkeypatch.setattr(Database, "_begin_writing", wait)
        library.collect("metals", ["file:///one"])
        assert library.collections() == {"metals": 1}
        exchanges += [put_another_in_its_place] * 2
        with pytest.raises(LibraryLocked, match="another file in the place"):
            library.collect("ores", ["file:///one"])
    with Library.open(folder, WordCounts()) as library:
        assert library.collections() == {"metals": 1}


def test_readers_of_a_salvaged_library_do_not_wait_for_a_writer(folder: Path) -> None:
    salvage.salvage(folder / "library.sqlite", WordCounts.name)
    with (
        Library.open(folder, WordCounts()) as writer,
        Library.open(folder, WordCounts(), busy_timeout_s=0.1) as reader,
        reader._database.reading() as seen,
    ):
        seen.execute("SELECT * FROM documents").fetchone()
        put(writer, "two")


def test_an_unfinished_file_of_documents_is_spared_by_who_opens_the_library(folder: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = folder / f".new-{ended.pid}-library.sqlite"
    os.link(folder / "library.sqlite", left)
    assert titles(folder) == ["one"]
    assert left.exists()
