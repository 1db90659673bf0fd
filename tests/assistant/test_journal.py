"""Runs that were killed, and what comes after."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from PIL import Image

from assistant import doctor
from assistant.assistant import Assistant
from assistant.settings import Settings
from retrievers import Library, LibraryDamaged, MiniLMEmbeddings
from retrievers.roots import Root
from tests.assistant.command_line import ROOT, clean_environment
from tests.assistant.desk import Desk
from tests.assistant.words import WordEmbeddings


@pytest.fixture
def desk(tmp_path: Path):
    desk = Desk(tmp_path)
    yield desk
    desk.library.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from loaders.worker_pool import Reading, WorkerPool
from langchain_core.documents import Document
from retrievers import Library
from tests.assistant.desk import Desk

def read(pool, file, *_, **__):
    text = file.path.read_text()
    known = {"modality": "text", "chunk_id": text}
    return Reading([Document(page_content=text, metadata=known)], file.name)

WorkerPool.read = read
n_put = 0
put_in = Library._replace

def replace(*arguments):
    global n_put
    change = put_in(*arguments)
    n_put += 1
    if n_put == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    return change

Library._replace = replace
desk = Desk.__new__(Desk)
Path.mkdir_ = Path.mkdir
Path.mkdir = lambda path, *a, **k: path.mkdir_(*a, **(k | {"exist_ok": True}))
desk.__init__(Path(sys.argv[1]))
what = sys.argv[2]
report = desk.add(collections=["metals"]) if what == "add" else desk.sync()
print(report.added, report.updated, report.unchanged)
"""


def run(folder: Path, what: str, n_put: int = 0) -> subprocess.CompletedProcess[str]:
    """A run in a process that is killed once so many documents are in."""
    return subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), what, str(n_put)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        check=False,
    )


def write(desk: Desk, n: int) -> None:
    for k in range(n):
        desk.write(f"{k}.txt", f"Gauge {k} stands at the ford.")


def test_a_sync_goes_on_where_a_killed_add_stopped(desk: Desk, tmp_path: Path) -> None:
    write(desk, 12)
    killed = run(tmp_path, "add", 5)
    assert killed.returncode == -signal.SIGKILL
    assert desk.library.n_documents == 5
    done = {Path(source).name for source in desk.library.sources()}
    left = {Path(source).name for source in desk.library.journal.left()}
    assert left == {f"{k}.txt" for k in range(12)} - done
    result = run(tmp_path, "sync")
    assert result.stdout.split() == ["7", "0", "5"], result.stderr
    assert desk.library.journal.left() == []
    assert desk.library.collections() == {"metals": 12}
    assert not list((desk.library.folder / "runs").iterdir())


def test_the_same_command_goes_on_as_well(desk: Desk, tmp_path: Path) -> None:
    write(desk, 6)
    run(tmp_path, "add", 2)
    assert len(desk.library.journal.left()) == 4
    assert desk.add().added == 4
    assert desk.library.journal.left() == []


def test_a_killed_sync_is_finished_by_the_next(desk: Desk, tmp_path: Path) -> None:
    write(desk, 4)
    desk.add()
    write(desk, 10)
    (desk.documents / "0.txt").unlink()
    assert run(tmp_path, "sync", 3).returncode == -signal.SIGKILL
    assert len(desk.library.journal.left()) == 3 + 3
    report = desk.sync()
    assert (report.added, report.unchanged, report.removed) == (3, 6, 1)
    assert desk.library.journal.left() == []


def test_another_add_leaves_what_was_interrupted_for_a_sync(desk: Desk, tmp_path: Path) -> None:
    write(desk, 3)
    run(tmp_path, "add", 1)
    other = tmp_path / "other.txt"
    other.write_text("Oil fell.")
    assert desk.add(other).added == 1
    assert len(desk.library.journal.left()) == 2


def test_what_was_left_and_is_deleted_by_now_is_struck_out(desk: Desk, tmp_path: Path) -> None:
    write(desk, 3)
    run(tmp_path, "add", 1)
    for source in desk.library.journal.left():
        (desk.documents / Path(source).name).unlink()
    assert desk.sync().failed == []
    assert desk.library.journal.left() == []


def test_pictures_that_a_killed_run_stored_without_a_word_are_deleted(desk: Desk) -> None:
    write(desk, 1)
    desk.draw("a.png", "red")
    with desk.library.journal.running() as run_name:
        desk.library.journal.note(run_name, [(desk.documents / "0.txt").as_uri()])
    desk.media.put(Image.new("RGB", (80, 60), "blue"))
    desk.sync()
    desk.add()
    assert set(desk.media.keys()) == desk.library.image_keys()
    assert len(desk.library.image_keys()) == 1


def test_what_a_living_run_has_still_to_do_is_left_to_it(desk: Desk) -> None:
    journal = desk.library.journal
    with journal.running() as living:
        journal.note(living, ["file:///a.txt"])
        with journal.running() as other:
            journal.note(other, ["file:///a.txt"])
            assert journal.left() == []
            journal.strike(other, ["file:///a.txt"])
        assert journal.left() == []
    assert journal.left() == ["file:///a.txt"]


LIVING = """
import sys
from retrievers import Library
from tests.assistant.words import WordEmbeddings
with Library.open(sys.argv[1], WordEmbeddings()) as library:
    with library.journal.running() as run:
        library.journal.note(run, ["file:///a.txt"])
        print("noted", flush=True)
        sys.stdin.readline()
"""


def test_a_run_of_another_process_lives_until_that_is_killed(desk: Desk) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LIVING, str(desk.library.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "noted\n"
        assert desk.library.journal.left() == []
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
    assert desk.library.journal.left() == ["file:///a.txt"]


def test_a_name_in_the_journal_leads_nowhere(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "mine.lock").write_text("keep me")
    with closing(sqlite3.connect(desk.library.folder / "library.sqlite")) as other, other:
        other.execute("INSERT INTO journal VALUES ('../../mine', 'file:///a.txt')")
    assert desk.library.journal.left() == ["file:///a.txt"]
    desk.sync()
    assert desk.library.journal.left() == []
    assert (tmp_path / "mine.lock").read_text() == "keep me"


def test_an_interrupt_leaves_the_journal_and_a_failure_does_not(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(desk, 2)
    desk.write("bad.pdf", "no PDF at all")
    assert desk.add(desk.documents / "bad.pdf").failed
    assert desk.library.journal.left() == []

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(desk.library), "put_all", interrupt)
    assert desk.add().interrupt
    assert {Path(s).name for s in desk.library.journal.left()} >= {"0.txt", "1.txt"}


def test_the_password_of_a_run_is_noted_nowhere(desk: Desk) -> None:
    write(desk, 1)
    desk.add(passwords=["open sesame"])
    folder = desk.library.folder
    assert all(b"sesame" not in p.read_bytes() for p in folder.rglob("*") if p.is_file())


# Roots


def test_a_root_comes_back_as_it_was_noted(desk: Desk) -> None:
    root = Root("file:///docs", "folder", 0, True, ("metals",), "/mnt")
    desk.library.roots.note([root])
    assert desk.library.roots.all() == [root]
    desk.library.roots.note([Root("file:///docs", "folder", 0, False, ("oil",))])
    assert desk.library.roots.all() == [Root("file:///docs", "folder", 0, False, ("metals", "oil"))]


def test_a_root_covers_what_lies_below_it_and_not_what_begins_alike() -> None:
    root = Root("file:///docs", "folder", excluded=("file:///docs/a",))
    assert root.covers("file:///docs/deep/b.txt")
    assert not root.covers("file:///docs2/b.txt")
    assert root.excludes("file:///docs/a/c.txt")
    assert not root.excludes("file:///docs/ab.txt")


@pytest.mark.parametrize("options", ["", "[1]", '{"depth": "9"}', '{"excluded": 3}', "null"])
def test_a_root_that_is_damaged_is_told(desk: Desk, options: str) -> None:
    with closing(sqlite3.connect(desk.library.folder / "library.sqlite")) as other, other:
        other.execute("INSERT INTO roots VALUES ('file:///a', 'folder', ?)", (options,))
    with pytest.raises(LibraryDamaged, match="file:///a"):
        desk.library.roots.all()


# Told


def limner(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "assistant.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=clean_environment(),
        cwd=ROOT,
        check=False,
    )


def test_commands_say_that_a_run_was_interrupted_and_sync_ends_that(tmp_path: Path) -> None:
    folder = tmp_path / "lib"
    settings = Settings(library=folder)
    with Library.open(folder, MiniLMEmbeddings(settings.embedding_model), create=True):
        pass
    with closing(sqlite3.connect(folder / "library.sqlite")) as other, other:
        other.execute("INSERT INTO journal VALUES ('0123456789abcdef', 'file:///gone.txt')")
    told = "A run was interrupted; still to be read: 1 source. Go on with: limner sync"
    assert told in limner("list", "--library", str(folder)).stderr
    check = doctor._library(settings)
    assert (check.ok, check.fix) == (False, "Go on with: limner sync")
    result = limner("sync", "--json", "--library", str(folder))
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    counts = {name: report[name] for name in ("added", "updated", "unchanged", "moved", "removed")}
    assert counts == dict.fromkeys(counts, 0)
    assert doctor._library(settings).ok


def test_a_folder_is_removed_with_all_below_it_and_no_sync_brings_it_back(desk: Desk) -> None:
    write(desk, 2)
    (desk.documents / "deep").mkdir()
    desk.write("deep/a.txt", "Oil fell.")
    desk.add()
    assistant = Assistant(desk.library, desk.media, WordEmbeddings(), Settings())
    deep = (desk.documents / "deep").as_uri()
    assert assistant.is_folder(deep)
    assert assistant.remove_folder(deep) == [f"{deep}/a.txt"]
    desk.write("deep/b.txt", "Gold rose.")
    assert desk.sync().outcomes == []
    assert desk.library.n_documents == 2


def test_the_pictures_of_a_removed_folder_are_deleted_once_at_its_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("deep/a", "deep/b", "deeper"):
        picture = desk.media.put(Image.new("RGB", (40, 40), f"#{name.encode().hex()[-6:]}"))
        chart = Document(
            page_content=f"Chart {name}.",
            metadata={"chunk_id": name, "modality": "figure", "image_key": picture.key},
        )
        source = (desk.documents / name).as_uri()
        desk.library.put(source, [chart], fingerprint=name, title=name)
    asked: list[str | None] = []
    image_keys = desk.library.image_keys

    def counted(source: str | None = None) -> set[str]:
        asked.append(source)
        return image_keys(source)

    monkeypatch.setattr(desk.library, "image_keys", counted)
    assistant = Assistant(desk.library, desk.media, WordEmbeddings(), Settings())
    deep = (desk.documents / "deep").as_uri()
    assert assistant.remove_folder(deep) == [f"{deep}/a", f"{deep}/b"]
    assert asked.count(None) == 1
    assert set(desk.media.keys()) == image_keys()
    assert len(image_keys()) == 1


def test_no_lock_of_a_killed_run_stays_though_its_work_was_done(desk: Desk) -> None:
    code = (
        "import os, sys; from retrievers import Library; "
        "from tests.assistant.words import WordEmbeddings\n"
        "library = Library.open(sys.argv[1], WordEmbeddings())\n"
        "with library.journal.running(): os._exit(9)"
    )
    folder = desk.library.folder
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=False)
    (killed,) = (folder / "runs").iterdir()
    journal = desk.library.journal
    with journal.running() as run:
        journal.note(run, ["file:///a"])
        assert [path.stem for path in (folder / "runs").iterdir()] == [run]
        assert journal.left() == []
    assert not killed.exists()
    assert list((folder / "runs").iterdir()) == []


def test_a_run_whose_lock_is_discarded_before_it_is_held_gets_another(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = sqlite3.connect
    names: list[Path] = []

    def connect(path: Any, *arguments: Any, **named: Any) -> sqlite3.Connection:
        connection = opened(path, *arguments, **named)
        if isinstance(path, Path) and path.suffix == ".lock":
            names.append(path)
            if len(names) == 1:
                path.unlink()
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect)
    with desk.library.journal.running() as run:
        assert [path.stem for path in names][1:] == [run]
        desk.library.journal.note(run, ["file:///a"])
        assert desk.library.journal.left() == []
