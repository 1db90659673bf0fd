"""Following folders, with real files and a real process."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from assistant import watch as watch_module
from assistant.report import Outcome, Report
from assistant.sync import sync
from assistant.watch import Places, watch
from loaders import FigureDescriber, Limits
from loaders.formats import loader_for
from loaders.source import SourceFile
from loaders.worker_pool import Reading, WorkerPool
from retrievers import LibraryLocked
from retrievers.roots import Root
from tests.assistant.command_line import IN_WORDS, ROOT
from tests.assistant.desk import Desk
from tests.assistant.warm_command import limner


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    desk = Desk(tmp_path)

    def read(_: WorkerPool, file: SourceFile, *__: object, **___: object) -> Reading:
        describer = FigureDescriber(desk.media)
        loader = loader_for(file, media=desk.media, describer=describer, limits=Limits())
        documents = list(loader.load_file(file))
        return Reading(documents, loader.title, loader.n_pages, companions=file.companions)

    monkeypatch.setattr(WorkerPool, "read", read)
    monkeypatch.setattr(watch_module, "STILL_S", 0.4)
    monkeypatch.setattr(watch_module, "TICK_MS", 100)
    monkeypatch.setattr(watch_module, "SECONDS_BETWEEN_LOOKS", 0.2)
    monkeypatch.setattr(watch_module, "SECONDS_TO_RETRY", 0.1)
    yield desk
    desk.library.close()


class Watching:
    """A watch in a thread, and what it told."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.told: queue.Queue[Outcome] = queue.Queue()
        self.errors: list[Exception] = []
        self.n_syncs = 0
        self.fault: Exception | None = None
        self.is_ready = threading.Event()

    def sync(self, only: object) -> Report:
        if fault := self.fault:
            self.fault = None
            raise fault
        self.n_syncs += 1
        return sync(self.desk.ingestion(), only=only)  # type: ignore[arg-type]

    def on_report(self, report: Report) -> None:
        self.is_ready.set()
        for outcome in report.outcomes:
            self.told.put(outcome)

    def next(self) -> tuple[str, str]:
        """The next change that it tells."""
        outcome = self.told.get(timeout=60)
        return outcome.what, Path(outcome.source).name


@contextmanager
def watching(desk: Desk) -> Iterator[Watching]:
    found, stop = Watching(desk), threading.Event()
    thread = threading.Thread(
        target=watch,
        args=(
            found.sync,
            desk.library.roots.all,
            desk.library.folder,
            found.on_report,
            found.errors.append,
            stop,
        ),
    )
    thread.start()
    try:
        assert found.is_ready.wait(60)
        yield found
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


@pytest.fixture(params=["told by the system", "polling"])
def followed(desk: Desk, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Desk:
    if request.param == "polling":
        monkeypatch.setenv("WATCHFILES_FORCE_POLLING", "true")
    desk.write("a.txt", "Oil fell.")
    desk.add()
    return desk


def test_what_comes_changes_moves_and_goes_is_followed(followed: Desk) -> None:
    with watching(followed) as seen:
        note = followed.write("b.txt", "Gold rose.")
        assert seen.next() == ("added", "b.txt")
        note.write_text("Gold fell, and so did silver.")
        assert seen.next() == ("updated", "b.txt")
        moved = note.rename(followed.documents / "c.txt")
        assert seen.next() == ("moved", "c.txt")
        moved.unlink()
        assert seen.next() == ("removed", "c.txt")
        assert seen.told.empty()
    assert followed.library.n_documents == 1


def test_a_folder_that_is_renamed_is_moved_as_a_whole(desk: Desk) -> None:
    (desk.documents / "old").mkdir()
    for n in range(3):
        desk.write(f"old/{n}.txt", f"Gauge {n} stands at the ford.")
    desk.add()
    with watching(desk) as seen:
        (desk.documents / "old").rename(desk.documents / "new")
        assert {seen.next() for _ in range(3)} == {("moved", f"{n}.txt") for n in range(3)}
    assert all("/new/" in source for source in desk.library.sources())


def test_a_file_that_is_still_written_to_is_read_when_it_is_whole(desk: Desk) -> None:
    desk.write("a.txt", "Oil fell.")
    desk.add()
    with watching(desk) as seen:
        with (desk.documents / "large.txt").open("w") as file:
            for n in range(12):
                file.write(f"Line {n} of many.\n")
                file.flush()
                time.sleep(0.1)
        assert seen.next() == ("added", "large.txt")
        assert seen.told.empty()
        assert seen.n_syncs == 2
    (evidence,) = desk.library.evidence((desk.documents / "large.txt").as_uri())
    assert "Line 11" in evidence.page_content


def test_hidden_and_passing_files_are_left_alone(desk: Desk) -> None:
    desk.write("a.txt", "Oil fell.")
    desk.add()
    (desk.documents / ".git").mkdir()
    with watching(desk) as seen:
        for name in (".a.txt.swp", "~$a.docx", "a.txt~", "b.pdf.crdownload", ".git/c.txt"):
            desk.write(name, "Passing.")
        time.sleep(1.0)
        assert seen.n_syncs == 1
        desk.write("d.txt", "Gold rose.")
        assert seen.next() == ("added", "d.txt")
    assert desk.library.n_documents == 2


def test_a_single_file_is_followed_and_its_neighbours_are_not(desk: Desk) -> None:
    note = desk.write("a.txt", "Oil fell.")
    desk.add(note)
    with watching(desk) as seen:
        desk.write("b.txt", "Gold rose.")
        note.write_text("Oil rose again.")
        assert seen.next() == ("updated", "a.txt")
        note.unlink()
        assert seen.next() == ("removed", "a.txt")
    assert desk.library.n_documents == 0


def test_an_error_ends_nothing(desk: Desk) -> None:
    desk.write("a.txt", "Oil fell.")
    desk.add()
    with watching(desk) as seen:
        seen.fault = LibraryLocked("Another process is writing.")
        desk.write("b.txt", "Gold rose.")
        assert seen.next() == ("added", "b.txt")
        assert [str(error) for error in seen.errors] == ["Another process is writing."]


def test_what_is_added_meanwhile_and_a_folder_that_comes_back_are_followed(desk: Desk) -> None:
    desk.write("a.txt", "Oil fell.")
    desk.add()
    other = desk.documents.with_name("other")
    other.mkdir()
    with watching(desk) as seen:
        desk.library.roots.note([Root(other.as_uri(), "folder")])
        (other / "b.txt").write_text("Gold rose.")
        assert seen.next() == ("added", "b.txt")
        away = desk.documents.rename(desk.documents.with_name("away"))
        time.sleep(1.0)
        away.rename(desk.documents)
        desk.write("c.txt", "Tin fell.")
        assert seen.next() == ("added", "c.txt")
        assert seen.told.empty()


def test_where_the_system_cannot_follow_so_many_folders_they_are_polled(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    import watchfiles

    follow = watchfiles.watch

    def refuse(*paths: Path, force_polling: bool | None = None, **options: object) -> object:
        if not force_polling:
            raise OSError("OS file watch limit reached.")
        return follow(*paths, force_polling=True, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(watchfiles, "watch", refuse)
    desk.write("a.txt", "Oil fell.")
    desk.add()
    with watching(desk) as seen:
        desk.write("b.txt", "Gold rose.")
        assert seen.next() == ("added", "b.txt")


def test_folders_within_others_are_followed_once(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "c.txt").touch()
    (tmp_path / "d.txt").touch()
    named: list[tuple[str, Callable[[Path], bool]]] = [
        ("a", Path.is_dir),
        ("a/b", Path.is_dir),
        ("a/c.txt", Path.is_dir),
        ("d.txt", Path.is_dir),
    ]
    roots = [
        Root((tmp_path / n).as_uri(), "folder" if is_dir(tmp_path / n) else "file")
        for n, is_dir in named
    ]
    places = Places.of(roots, tmp_path / "library")
    assert places.folders == (tmp_path / "a",)
    assert places.files == (tmp_path / "d.txt",)


COMMAND = f"{IN_WORDS}\nfrom assistant.cli import main\nmain()"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_tells_a_line_a_change_and_ends_on_a_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "a.txt").write_text("Oil fell.")
    as_json = ["--json"] if number == signal.SIGTERM else []
    with subprocess.Popen(
        [
            *(sys.executable, "-c", COMMAND, "watch", str(folder)),
            *("--library", str(tmp_path / "lib"), *as_json),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
    ) as process:
        assert process.stdout
        first = process.stdout.readline()
        (folder / "a.txt").rename(folder / "b.txt")
        second = process.stdout.readline()
        process.send_signal(number)
        _, complained = process.communicate(timeout=60)
    if as_json:
        moved = {"what": "moved", "source": (folder / "b.txt").as_uri()}
        assert json.loads(first) == {"what": "added", "source": (folder / "a.txt").as_uri()}
        assert json.loads(second) == moved | {"before": (folder / "a.txt").as_uri()}
    else:
        assert (first, second) == ("added a.txt\n", "moved a.txt → b.txt\n")
    assert process.returncode == 0
    assert complained.endswith("Stopped.\n")
    assert "Traceback" not in complained


def test_what_is_no_folder_is_refused_before_anything_is_made_for_it(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("Oil fell.")
    refused = limner("watch", file, "--library", tmp_path / "lib")
    assert refused.returncode == 1
    assert " ".join(refused.stderr.split()) == (
        f"limner: {file} is not a folder. Give one to be watched."
    )
    assert not (tmp_path / "lib").exists()
