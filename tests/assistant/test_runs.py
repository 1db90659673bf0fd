"""Runs that are ended, that meet others, or that come again."""

import itertools
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from assistant import ingestion
from assistant.cli.documents import SECONDS_BETWEEN_LINES
from loaders import Limits, Transcriber
from loaders.disused import DisusedPictures
from loaders.worker_pool import MAX_WORKERS, Reading, WorkerPool
from tests.assistant.command_line import ROOT, clean_environment
from tests.assistant.desk import Desk
from tests.assistant.words import WordEmbeddings
from tests.loaders.pdfs import Page, write_pdf
from tests.loaders.recordings import noise
from tests.loaders.recordings import write as write_sound
from tests.loaders.test_mail import message, write


@pytest.fixture
def desk(tmp_path: Path):
    desk = Desk(tmp_path)
    yield desk
    desk.library.close()


# Ended

EVERY_LINE = """
from assistant.cli import documents
documents.SECONDS_BETWEEN_LINES = 0.0
"""


def add(*arguments: object, script: str = "") -> subprocess.Popen[str]:
    """`limner add` in a process of its own, which can be sent signals."""
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"{script}\nfrom assistant.cli import main\nmain()",
            "add",
            *map(str, arguments),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(),
        cwd=ROOT,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_with_its_report_and_leaves_nothing(
    number: signal.Signals, tmp_path: Path
) -> None:
    write_pdf(tmp_path / "b.pdf", [Page().text(72, 700, f"Gauge {n}.") for n in range(1500)])
    (tmp_path / "a.txt").write_text("Oil fell.")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    script = f"{EVERY_LINE}\nimport tempfile\ntempfile.tempdir = {str(temporary)!r}"
    with add(tmp_path, "--library", tmp_path / "lib", script=script) as process:
        assert process.stderr
        while not re.search(r"\(1 of 2", process.stderr.readline()):
            assert process.poll() is None
        workers = psutil.Process(process.pid).children()
        assert workers
        start = time.monotonic()
        process.send_signal(number)
        told, complained = process.communicate(timeout=60)
    assert time.monotonic() - start < 10
    assert process.returncode == 128 + number
    assert "1 added, 0 updated" in told
    assert "Stopped: 1 sources were not read" in complained
    assert "Traceback" not in complained
    assert not list(temporary.glob("limner-*"))
    assert not psutil.wait_procs(workers, timeout=5)[1]


def test_a_hangup_that_is_ignored_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Oil fell.")
    script = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)"
    with add(tmp_path, "--library", tmp_path / "lib", script=script) as process:
        assert process.stderr
        process.stderr.readline()
        process.send_signal(signal.SIGHUP)
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "1 added" in told


SLOW_CAPTIONS = """
import sys, time
from pathlib import Path
from loaders import Limits
from tests.assistant.desk import Desk

class Slow:
    fingerprint = "slow:1"
    def read(self, images):
        for _ in range(10 * len(images)):
            time.sleep(0.1)
        return ["a picture"] * len(images)

desk = Desk.__new__(Desk)
Desk.__init__(desk, Path(sys.argv[1]))
for n in range(12):
    desk.draw(f"{n}.png", f"#{n * 20:02x}0000")
desk.write("a.md", "Oil fell.\\n\\n" + "\\n\\n".join(f"![p](./{n}.png)" for n in range(12)))
class Telling(list):
    def append(self, step):
        if step.stage and step.stage.what == "caption" and step.stage.n_done == 1:
            print("captions", flush=True)
desk.steps = Telling()
report = desk.add(desk.documents / "a.md", captioner=Slow())
print(repr(report.interrupt), report.n_unread, flush=True)
"""


def test_an_interrupt_does_not_wait_for_all_captions_of_a_document(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLOW_CAPTIONS, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "captions\n"
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=60)
        assert time.monotonic() - start < 4
    assert told == "KeyboardInterrupt() 1\n"


# Told


def test_many_files_are_told_in_few_lines_where_there_is_no_terminal(tmp_path: Path) -> None:
    for n in range(60):
        (tmp_path / f"{n}.txt").write_text(f"Gauge {n} stands at the ford.")
    start = time.monotonic()
    with add(tmp_path, "--library", tmp_path / "lib") as process:
        _, told = process.communicate(timeout=120)
    n_lines = sum(line.startswith("Reading ") for line in told.splitlines())
    assert 1 <= n_lines <= 1 + (time.monotonic() - start) / SECONDS_BETWEEN_LINES


def test_the_share_that_is_done_rises_to_all(desk: Desk) -> None:
    for n in range(3):
        pages = [Page().text(72, 700, f"Gauge {n} {k}.") for k in range(20)]
        write_pdf(desk.documents / f"{n}.pdf", pages)
    desk.draw("a.png", "red")
    desk.add()
    shares = [step.share for step in desk.steps]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert len(set(shares)) > 4
    assert max(shares) <= 1


# Beside another run


class Halting:
    """Reads pictures in the run's own process; its first reading waits until it may go on."""

    fingerprint = "halting:1"

    def __init__(self) -> None:
        self.is_reading, self.may_go_on = threading.Event(), threading.Event()

    def read(self, images: Sequence[Image.Image]) -> list[str]:
        self.is_reading.set()
        assert self.may_go_on.wait(60)
        return ["a picture"] * len(images)


OTHER_RUN = """
import sys
from pathlib import Path
from assistant.assistant import Assistant
from assistant.ingestion import ingest
from loaders import FigureDescriber, Limits, MediaStore
from loaders.disused import DisusedPictures
from retrievers import Library
from tests.assistant.words import WordEmbeddings

what, folder, source = sys.argv[1:]
media = MediaStore(Path(folder) / "media")
with Library.open(folder, WordEmbeddings()) as library:
    if what == "add":
        report = ingest([source], library, media, FigureDescriber(media), Limits())
        assert report.updated == 1, report
    else:
        from assistant.settings import Settings
        Assistant(library, media, WordEmbeddings(), Settings()).remove(Path(source).as_uri())
"""


@pytest.mark.parametrize("what", ["add", "remove"])
def test_a_picture_that_one_run_is_about_to_use_is_not_deleted_by_another(
    desk: Desk, what: str
) -> None:
    old = desk.draw("old.png", "red")
    desk.add(old)
    (red,) = desk.library.image_keys()
    new = desk.draw("new.png", "red")
    reader = Halting()
    run = threading.Thread(target=partial(desk.add, new, captioner=reader))
    run.start()
    assert reader.is_reading.wait(60)
    desk.draw("old.png", "blue")
    subprocess.run(
        [sys.executable, "-c", OTHER_RUN, what, str(desk.library.folder), str(old)],
        check=True,
        timeout=60,
        cwd=ROOT,
    )
    reader.may_go_on.set()
    run.join()
    assert red in desk.library.image_keys()
    assert set(desk.media.keys()) == desk.library.image_keys()


def test_what_a_killed_run_has_stored_is_deleted_by_the_next(desk: Desk) -> None:
    desk.draw("a.png", "red")
    library, documents = str(desk.library.folder), str(desk.documents)
    killed = OTHER_RUN.replace(
        "what, folder, source = sys.argv[1:]",
        "what, folder, source = sys.argv[1:]\n"
        "import os, signal\n"
        "class Killed:\n"
        "    fingerprint = 'killed:1'\n"
        "    def read(self, images):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)",
    ).replace("FigureDescriber(media)", "FigureDescriber(media, captioner=Killed())")
    result = subprocess.run(
        [sys.executable, "-c", killed, "add", library, documents], cwd=ROOT, timeout=60, check=False
    )
    assert result.returncode == -signal.SIGKILL
    assert len(list(desk.media.keys())) == 1
    (desk.documents / "a.png").unlink()
    desk.add(desk.write("b.txt", "Oil fell."))
    assert list(desk.media.keys()) == []


def test_a_run_waits_while_another_process_deletes(desk: Desk) -> None:
    disused = DisusedPictures(desk.media)
    note = desk.write("a.txt", "Oil fell.")
    run = threading.Thread(target=partial(desk.add, note))
    was_waiting: list[bool] = []

    def used() -> set[str]:
        run.start()
        run.join(3)
        was_waiting.append(run.is_alive())
        return set()

    disused.add(desk.media.put(Image.new("RGB", (60, 60))).key)
    disused.delete(used)
    run.join(60)
    assert was_waiting == [True]
    assert desk.library.n_documents == 1


def test_where_no_lock_can_be_made_a_run_goes_on_and_deletes_nothing(desk: Desk) -> None:
    (desk.library.folder / "media.lock").mkdir()
    desk.draw("a.png", "red")
    assert desk.add().added == 1
    desk.draw("a.png", "blue")
    assert desk.add().updated == 1
    assert len(list(desk.media.keys())) == 2


# Again


def test_what_was_read_with_remote_pictures_is_not_read_again_without(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = desk.write("a.html", "<p>Oil fell.</p>")
    with_pictures = Limits(fetch_remote_images=True)
    assert desk.add(page, limits=with_pictures).added == 1
    assert desk.add(page, limits=Limits()).unchanged == 1
    assert desk.add(page, limits=with_pictures).unchanged == 1


def test_what_was_read_without_comments_is_read_again_with_them_and_back(desk: Desk) -> None:
    note = desk.write("a.txt", "Oil fell.")
    assert desk.add(note).added == 1
    assert desk.add(note, limits=Limits(read_comments=True)).updated == 1
    assert desk.add(note).updated == 1


def test_what_was_read_without_remote_pictures_is_read_again_with_them(desk: Desk) -> None:
    page = desk.write("a.html", "<p>Oil fell.</p>")
    assert desk.add(page).added == 1
    assert desk.add(page, limits=Limits(fetch_remote_images=True)).updated == 1


class NamedTranscriber(Transcriber):
    """The package's weights under a name of their own; so named, it is another model."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    @property
    def fingerprint(self) -> str:
        return self.name


def test_another_speech_model_has_what_holds_speech_read_again(desk: Desk) -> None:
    mail = message()
    write_sound(desk.documents / "horn.wav", noise(1.0))
    sound = (desk.documents / "horn.wav").read_bytes()
    mail.add_attachment(sound, "audio", "wav", filename="horn.wav")
    write(desk.documents / "a.eml", mail)
    (desk.documents / "horn.wav").unlink()
    desk.write("b.txt", "Oil fell.")
    assert desk.add(transcriber=NamedTranscriber("one")).added == 2
    assert desk.add(transcriber=NamedTranscriber("one")).unchanged == 2
    report = desk.add(transcriber=NamedTranscriber("two"))
    assert (report.updated, report.unchanged) == (1, 1)


def test_what_is_read_waits_while_much_is_not_in_the_library_yet(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingestion, "MAX_WAITING_CHUNKS", 3)
    for n in range(14):
        desk.write(f"{n:02}.txt", "\n\n".join(f"{'word ' * 300}{n} {k}." for k in range(10)))
    read, embed = WorkerPool.read, WordEmbeddings.embed_documents
    n_read = itertools.count(1)
    waiting: list[int] = []

    def read_and_count(*arguments: Any, **options: Any) -> Reading:
        reading = read(*arguments, **options)
        waiting.append(next(n_read) - desk.library.n_documents)
        return reading

    def embed_slowly(embeddings: WordEmbeddings, texts: list[str]) -> list[list[float]]:
        threading.Event().wait(0.5)
        return embed(embeddings, texts)

    monkeypatch.setattr(WorkerPool, "read", read_and_count)
    monkeypatch.setattr(WordEmbeddings, "embed_documents", embed_slowly)
    assert desk.add().added == 14
    assert max(waiting) <= 2 * MAX_WORKERS
    assert len(waiting) == 14
