"""A disk that is full, a folder that cannot be written, a library that is held: nothing is lost.

The disk is full for a process by its limit on the size of a file, as no test may fill a real one:
the limit holds for the worker processes too.
"""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from loaders.errors import StoreUnusable
from loaders.media import MediaStore
from retrievers import Library, LibraryLocked
from tests.assistant.desk import Desk
from tests.assistant.words import WordEmbeddings

ROOT = Path(__file__).parents[2]
FULL = """
import resource, sys
from pathlib import Path
from assistant.errors import EXPLAINED
from tests.assistant.desk import Desk
from retrievers import Library
from tests.assistant.words import WordEmbeddings
from loaders import MediaStore
from loaders.captioning.readings import ReadingCache
folder, act, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
desk = Desk.__new__(Desk)
desk.documents, desk.steps = folder / "documents", []
desk.library = Library.open(folder / "library", WordEmbeddings())
desk.media = MediaStore(folder / "library" / "media")
desk.readings = ReadingCache(folder / "cache")
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    eval(act)
except EXPLAINED as error:
    print(type(error).__name__, error)
"""


def when_full(desk: Desk, act: str, limit: int) -> str:
    """What a process that can write no more than that to a file says."""
    desk.library.close()
    result = subprocess.run(
        [sys.executable, "-c", FULL, str(desk.documents.parent), act, str(limit)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    desk.library = Library.open(desk.documents.parent / "library", WordEmbeddings())
    return result.stdout


@pytest.fixture
def desk(tmp_path: Path):
    desk = Desk(tmp_path)
    desk.write("a.txt", "Oil fell.")
    desk.add()
    yield desk
    desk.library.close()


def noise(desk: Desk, name: str) -> None:
    Image.frombytes("RGB", (400, 400), os.urandom(480_000)).save(desk.documents / name)


def assert_whole(desk: Desk) -> None:
    assert desk.library.verify().faults == []
    assert [h.document.page_content for h in desk.library.search("Oil")][:1] == ["Oil fell."]


def test_a_run_ends_where_a_picture_cannot_be_stored(desk: Desk) -> None:
    for n in range(3):
        noise(desk, f"{n}.png")
    told = when_full(desk, "desk.add()", 300_000)
    assert told.startswith("StoreUnusable")
    assert "Check the free space" in told
    assert "report it" not in told
    assert_whole(desk)
    assert not list(desk.media.folder.rglob(".*"))
    assert desk.add().added == 3
    assert desk.library.verify().faults == []


def test_a_run_ends_where_the_library_cannot_be_written(desk: Desk) -> None:
    desk.write("b.txt", "\n\n".join(f"Number {n} rose by {n} per cent." * 20 for n in range(400)))
    told = when_full(desk, "desk.add()", 150_000)
    assert told.startswith("LibraryUnwritable")
    assert "nothing in the library was changed" in told
    assert_whole(desk)
    assert desk.add().added == 1


def test_a_removal_that_cannot_be_written_removes_nothing(desk: Desk) -> None:
    source = desk.library.documents()[0].source
    told = when_full(desk, f"desk.library.remove({source!r})", 1_000)
    assert told.startswith("LibraryUnwritable")
    assert_whole(desk)


def test_a_repair_that_cannot_be_written_loses_nothing(desk: Desk) -> None:
    desk.library.close()
    with closing(sqlite3.connect(desk.library.folder / "library.sqlite")) as connection:
        connection.execute("DELETE FROM vectors")
        connection.commit()
    told = when_full(desk, "desk.library.repair(desk.library.verify().faults)", 1_000)
    assert told.startswith("LibraryUnwritable")
    desk.library.repair(desk.library.verify().faults)
    assert_whole(desk)


def test_a_repair_waits_for_another_writer_only_so_long(desk: Desk) -> None:
    folder = desk.library.folder
    with closing(sqlite3.connect(folder / "library.sqlite", isolation_level=None)) as other:
        other.execute("DELETE FROM vectors")
        other.execute("BEGIN IMMEDIATE")
        with Library.open(folder, WordEmbeddings(), busy_timeout_s=0.1) as library:
            with pytest.raises(LibraryLocked, match=r"more than 0\.1 s"):
                library.repair(library.verify().faults)
            other.rollback()
            library.repair(library.verify().faults)
            assert library.verify().faults == []


def test_a_folder_of_pictures_that_cannot_be_made_ends_the_run(desk: Desk) -> None:
    noise(desk, "1.png")
    for path in sorted(desk.media.folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    if desk.media.folder.exists():
        desk.media.folder.rmdir()
    desk.media.folder.write_text("in the way")
    with pytest.raises(StoreUnusable, match="permissions of the folder"):
        desk.add()
    assert_whole(desk)


def test_a_picture_and_its_name_are_on_the_disk_before_the_library_refers_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    media, synced = MediaStore(tmp_path / "media"), list[bool]()
    fsync = os.fsync

    def note(number: int) -> None:
        synced.append(Path(f"/proc/self/fd/{number}").resolve().is_dir())
        fsync(number)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc to tell a folder from a file")
    monkeypatch.setattr(os, "fsync", note)
    media.put(Image.new("RGB", (60, 40)))
    assert synced == [False, True, False, True]
