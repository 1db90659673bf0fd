"""Runs that are ended, that meet others, or that come again."""

import base64
import io
import itertools
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import docx
import psutil
import pytest
from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document
from PIL import Image

from assistant import run as run_module
from assistant.cli.progress import SECONDS_BETWEEN_LINES
from loaders import Limits, Transcriber, adapt
from loaders import disused as disused_module
from loaders.disused import DisusedPictures
from loaders.errors import StoreUnusable
from loaders.worker_pool import MAX_WORKERS, Reading, WorkerPool
from tests.assistant.command_line import IN_WORDS, ROOT, clean_environment
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
from assistant.cli import progress
progress.SECONDS_BETWEEN_LINES = 0.0
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


def test_signals_end_a_run_with_its_report_and_leave_nothing(tmp_path: Path) -> None:
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
        for _ in range(4):  # an impatient hand
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        told, complained = process.communicate(timeout=60)
    assert time.monotonic() - start < 30
    assert process.returncode == 128 + signal.SIGINT
    assert "1 added, 0 updated" in told
    assert "Stopped: 1 source not read" in complained
    assert "Traceback" not in complained
    assert not list(temporary.glob("limner-*"))
    assert not psutil.wait_procs(workers, timeout=5)[1]


INTERRUPTED = """
import signal, sys
from pathlib import Path
import typer
from assistant.cli.terminal import opened
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may be run where it is ignored
try:
    with opened(Path(sys.argv[1]), create=True):
        try:
            signal.raise_signal(int(sys.argv[2]))
        finally:
            signal.raise_signal(int(sys.argv[2]))
            print("ended in peace", flush=True)
except typer.Exit as end:
    sys.exit(end.exit_code)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_ends_a_process_does_what_an_interrupt_does(
    number: signal.Signals, tmp_path: Path
) -> None:
    result = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path), str(int(number))],
        capture_output=True,
        text=True,
        timeout=120,
        env=clean_environment(),
        cwd=ROOT,
        check=False,
    )
    assert result.returncode == 128 + number
    assert "ended in peace" in result.stdout
    assert "Stopped." in result.stderr
    assert "Traceback" not in result.stderr


def test_a_run_ends_where_many_wait_for_room(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(12):
        desk.write(f"{n:02}.txt", f"Gauge {n}.")
    monkeypatch.setattr(run_module, "MAX_WAITING_CHUNKS", 1)
    n_read = itertools.count(1)
    is_ending = threading.Event()

    def read(*_: Any, **__: Any) -> Reading:
        if next(n_read) > 1:  # what comes after the end takes the room that others wait for
            assert is_ending.wait(60)
            time.sleep(0.3)
        text = {"page_content": "Oil fell.", "metadata": {"modality": "text"}}
        return Reading([Document(**text)] * 3)

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    def close(pool: WorkerPool) -> None:
        is_ending.set()
        close_pool(pool)

    close_pool = WorkerPool.close
    monkeypatch.setattr(WorkerPool, "read", read)
    monkeypatch.setattr(WorkerPool, "close", close)
    monkeypatch.setattr(type(desk.library), "put_all", interrupt)
    run = threading.Thread(target=desk.add, daemon=True)
    run.start()
    run.join(60)
    assert not run.is_alive()


class Interrupted(BaseLoader):
    """Another's loader that is interrupted after its first picture."""

    def lazy_load(self) -> Iterator[Document]:
        picture = io.BytesIO()
        Image.new("RGB", (90, 80), "red").save(picture, "PNG")
        content = base64.b64encode(picture.getvalue()).decode()
        yield Document(f"Words.\n\n![A wall](data:image/png;base64,{content})")
        yield Document("More words.")
        raise KeyboardInterrupt


def test_an_interrupted_loader_of_others_leaves_no_pictures(desk: Desk) -> None:
    assert desk.add(adapt(Interrupted(), "memory://wall")).interrupt
    assert list(desk.media.keys()) == []


def test_a_hangup_that_is_ignored_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Oil fell.")
    script = f"{IN_WORDS}\nimport signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)"
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
for n in range(40):
    desk.draw(f"{n}.png", f"#{n * 6:02x}0000")
desk.write("a.md", "Oil fell.\\n\\n" + "\\n\\n".join(f"![p](./{n}.png)" for n in range(40)))
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
        assert time.monotonic() - start < 20  # all take 40
    assert told == "KeyboardInterrupt() 1\n"


# Told


def test_many_files_are_told_in_few_lines_where_there_is_no_terminal(tmp_path: Path) -> None:
    for n in range(60):
        (tmp_path / f"{n}.txt").write_text(f"Gauge {n} stands at the ford.")
    start = time.monotonic()
    with add(tmp_path, "--library", tmp_path / "lib", script=IN_WORDS) as process:
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
from assistant.ingestion import Ingestion, ingest
from loaders import FigureDescriber, Limits, MediaStore
from loaders.disused import DisusedPictures
from retrievers import Library
from tests.assistant.words import WordEmbeddings

what, folder, source = sys.argv[1:]
media = MediaStore(Path(folder) / "media")
with Library.open(folder, WordEmbeddings()) as library:
    if what == "add":
        describer = FigureDescriber(media)
        ingestion = Ingestion(library=library, media=media, describer=describer, limits=Limits())
        report = ingest([source], ingestion)
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


def test_a_run_waits_while_another_process_deletes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disused = DisusedPictures(desk.media)
    note = desk.write("a.txt", "Oil fell.")
    run = threading.Thread(target=partial(desk.add, note))
    has_begun = threading.Event()
    began_meanwhile: list[bool] = []
    start_pool = WorkerPool.__init__

    def start(*arguments: Any, **options: Any) -> None:
        has_begun.set()
        start_pool(*arguments, **options)

    def used() -> set[str]:
        run.start()
        began_meanwhile.append(has_begun.wait(3))
        return set()

    monkeypatch.setattr(WorkerPool, "__init__", start)
    disused.add(desk.media.put(Image.new("RGB", (60, 60))).key)
    disused.delete(used)
    run.join(60)
    assert began_meanwhile == [False]
    assert has_begun.is_set()
    assert desk.library.n_documents == 1


def test_where_no_lock_can_be_made_a_run_goes_on_and_deletes_nothing(desk: Desk) -> None:
    (desk.library.folder / "media.lock").mkdir()
    desk.draw("a.png", "red")
    assert desk.add().added == 1
    desk.draw("a.png", "blue")
    assert desk.add().updated == 1
    assert len(list(desk.media.keys())) == 2


def test_a_lock_that_is_none_is_told_with_what_to_do(desk: Desk) -> None:
    (desk.library.folder / "media.lock").write_text("A note that somebody has put here. " * 20)
    with pytest.raises(StoreUnusable, match=r"media\.lock .* move it elsewhere"):
        desk.add(desk.write("a.txt", "Oil fell."))


def test_a_lock_that_is_held_too_long_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disused_module, "DELETING_TIMEOUT_S", 0.1)
    with closing(sqlite3.connect(desk.library.folder / "media.lock")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnusable, match=r"Another process .* try again"):
            desk.add(desk.write("a.txt", "Oil fell."))


def test_only_keys_are_noted_and_nothing_else_stays(desk: Desk) -> None:
    disused = DisusedPictures(desk.media)
    with pytest.raises(KeyError):
        disused.add("../../../outside")
    disused.add(desk.media.put(Image.new("RGB", (60, 60))).key)
    notes = desk.media.folder / "disused"
    (notes / "a.txt").touch()
    disused.delete(set)
    assert not list(notes.iterdir())
    assert not list(desk.media.keys())


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
    document = docx.Document()
    document.add_comment(document.add_paragraph("Oil fell.").runs, text="Where?", author="Ada")
    document.save(str(desk.documents / "a.docx"))
    mail = message()
    content = (desk.documents / "a.docx").read_bytes()
    mail.add_attachment(content, "application", "octet-stream", filename="a.docx")
    write(desk.documents / "b.eml", mail)
    desk.write("c.txt", "Oil fell.")
    with_comments = Limits(read_comments=True)
    assert desk.add().added == 3
    for limits in (with_comments, Limits()):
        report = desk.add(limits=limits)
        assert (report.updated, report.unchanged) == (2, 1)
        assert desk.add(limits=limits).unchanged == 3


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
    monkeypatch.setattr(run_module, "MAX_WAITING_CHUNKS", 3)
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
