"""Reading in worker processes: what they read, and what ends with them."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PIL import Image

from loaders import FigureDescriber, Limits, MediaStore, PasswordNeeded, load
from loaders.disused import DisusedPictures
from loaders.errors import BrokenDocument, LimitExceeded, WorkerFailed
from loaders.limits import BYTES_PER_MIB
from loaders.loader import Stage
from loaders.source import open_source
from loaders.worker_pool import Reading, WorkerPool
from tests.loaders.hostile_pdfs import write_operator_bomb
from tests.loaders.pdfs import Page, write_pdf

RIVER = "The river is measured with gauges along its banks."


class Sizes:
    """A captioner whose captions can be computed by hand; a worker cannot have it."""

    fingerprint = "sizes:1"

    def read(self, images: Sequence[Image.Image]) -> list[str]:
        return [f"a field of {image.width} by {image.height} paces" for image in images]


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media", base_url="http://localhost/media/")


def pool_with(media: MediaStore, limits: Limits | None = None, n_workers: int = 1) -> WorkerPool:
    describer = FigureDescriber(media, captioner=Sizes())
    return WorkerPool(media, describer, limits or Limits(), n_workers)


def read(pool: WorkerPool, path: Path, **options: object) -> Reading:
    with open_source(path, Limits()) as file:
        return pool.read(file, **options)  # type: ignore[arg-type]


@pytest.fixture
def workers() -> list[psutil.Process]:
    """The worker processes of this test, asked anew each time it is iterated over."""

    class Children(list[psutil.Process]):
        def __iter__(self) -> Iterator[psutil.Process]:
            found = psutil.Process().children(recursive=True)
            return (p for p in found if "loaders.worker" in p.cmdline())

    return Children()


def test_a_worker_reads_what_a_loader_reads(media: MediaStore, tmp_path: Path) -> None:
    picture = Image.linear_gradient("L").resize((300, 200))
    page = Page().text(72, 700, RIVER).picture(72, 300, 300, 200, picture)
    path = write_pdf(tmp_path / "river.pdf", [page])
    with pool_with(media) as pool:
        reading = read(pool, path)
    describer = FigureDescriber(media, captioner=Sizes())
    assert reading.documents == load(path, media=media, describer=describer)
    assert (reading.title, reading.n_pages, reading.skipped) == ("river.pdf", 1, [])
    assert set(DisusedPictures(media).noted()) == set(media.keys())
    figures = [d for d in reading.documents if d.metadata["modality"] == "figure"]
    assert len(figures) == 1
    assert figures[0].metadata["descriptions"]["blip"].startswith("a field of ")


def test_progress_counts_pages(media: MediaStore, tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "river.pdf", [Page().text(72, 700, RIVER) for _ in range(3)])
    stages: list[Stage] = []
    with pool_with(media) as pool:
        read(pool, path, on_progress=stages.append)
    assert stages[0] == Stage("page", 0, 3)
    assert all(stage.n_done < stage.n == 3 for stage in stages)


def test_an_error_about_a_file_keeps_its_type_and_words(media: MediaStore, tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "locked.pdf", [Page().text(72, 700, RIVER)], password="ford")
    with pool_with(media) as pool:
        with pytest.raises(PasswordNeeded, match=r"locked\.pdf needs a password"):
            read(pool, path)
        assert "gauges" in read(pool, path, passwords=["ford"]).documents[0].page_content


def test_a_file_that_unpacks_without_end_is_given_up_and_the_next_is_read(
    media: MediaStore, tmp_path: Path
) -> None:
    bomb = write_operator_bomb(tmp_path / "bomb.pdf")
    good = write_pdf(tmp_path / "river.pdf", [Page().text(72, 700, RIVER)])
    with pool_with(media, replace(Limits(), max_memory=600 * BYTES_PER_MIB)) as pool:
        with pytest.raises(LimitExceeded, match="more than 600 MiB of memory"):
            read(pool, bomb)
        assert len(read(pool, good).documents) == 1


def test_a_process_that_crashes_costs_its_file_only(
    media: MediaStore, tmp_path: Path, workers: list[psutil.Process]
) -> None:
    path = write_pdf(tmp_path / "river.pdf", [Page().text(72, 700, RIVER)] * 400)

    def crash(stage: Stage) -> None:
        for process in workers:
            os.kill(process.pid, signal.SIGSEGV)

    with pool_with(media) as pool:
        with pytest.raises(BrokenDocument, match="SIGSEGV"):
            read(pool, path, on_progress=crash)
        assert read(pool, path).n_pages == 400


def test_a_parser_that_hangs_is_given_up(
    media: MediaStore, tmp_path: Path, workers: list[psutil.Process]
) -> None:
    path = write_pdf(tmp_path / "river.pdf", [Page().text(72, 700, RIVER)] * 400)

    def stop(stage: Stage) -> None:
        for process in workers:
            process.suspend()

    with (
        pool_with(media, replace(Limits(), max_silence_s=2.0)) as pool,
        pytest.raises(LimitExceeded, match="for 2 s no page"),
    ):
        read(pool, path, on_progress=stop)
    assert not list(workers)


def test_a_file_has_its_time(media: MediaStore, tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "river.pdf", [Page().text(72, 700, RIVER)] * 400)
    with (
        pool_with(media, replace(Limits(), max_seconds=0.2)) as pool,
        pytest.raises(LimitExceeded, match="max_seconds"),
    ):
        read(pool, path)


def test_time_does_not_run_while_the_worker_waits_for_a_caption(
    media: MediaStore, tmp_path: Path
) -> None:
    class Slow(Sizes):
        def read(self, images: Sequence[Image.Image]) -> list[str]:
            threading.Event().wait(9.0)
            return super().read(images)

    Image.new("RGB", (80, 60), "red").save(tmp_path / "a.png")
    # Long enough for a worker to start on a machine that is busy.
    limits = replace(Limits(), max_silence_s=8.0)
    with WorkerPool(media, FigureDescriber(media, captioner=Slow()), limits) as pool:
        (document,) = read(pool, tmp_path / "a.png").documents
    assert document.metadata["descriptions"]["blip"] == "a field of 80 by 60 paces"


def test_a_worker_is_kept_for_the_next_file(
    media: MediaStore, tmp_path: Path, workers: list[psutil.Process]
) -> None:
    (tmp_path / "a.txt").write_text("Oil fell.")
    with pool_with(media) as pool:
        read(pool, tmp_path / "a.txt")
        first = [process.pid for process in workers]
        read(pool, tmp_path / "a.txt")
        assert [process.pid for process in workers] == first
        assert len(first) == 1
    assert not list(workers)


def test_a_closed_pool_ends_what_is_being_read(media: MediaStore, tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "river.pdf", [Page().text(72, 700, RIVER)] * 400)
    pool = pool_with(media)
    with pytest.raises(WorkerFailed, match="were ended"):
        read(pool, path, on_progress=lambda stage: pool.close())
    with pytest.raises(WorkerFailed, match="were ended"):
        read(pool, path)


def test_a_module_in_the_working_folder_is_not_run(
    media: MediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('this is not the library')")
    (tmp_path / "a.txt").write_text("Oil fell.")
    monkeypatch.chdir(tmp_path)
    with pool_with(media) as pool:
        assert read(pool, tmp_path / "a.txt").documents[0].page_content == "Oil fell."


def test_a_worker_that_does_not_start_is_no_fault_of_the_file(
    media: MediaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("Oil fell.")
    (tmp_path / "python").write_text("#!/bin/sh\necho no such module >&2; exit 3\n")
    (tmp_path / "python").chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with (
        pool_with(media) as pool,
        pytest.raises(WorkerFailed, match=r"did not start \(exit code 3\): no such module"),
    ):
        read(pool, tmp_path / "a.txt")


def test_what_an_ended_worker_was_writing_is_deleted(
    media: MediaStore, tmp_path: Path, workers: list[psutil.Process]
) -> None:
    picture = Image.effect_noise((900, 900), 80)
    page = Page().text(72, 700, RIVER).picture(72, 100, 400, 400, picture)
    path = write_pdf(tmp_path / "river.pdf", [page, *[Page().text(72, 700, RIVER)] * 400])
    pids: list[int] = []

    def interrupt(stage: Stage) -> None:
        if stage.what != "figure":
            return
        (process,) = workers
        pids.append(process.pid)
        (media.folder / f".{process.pid}-half").write_bytes(b"half a picture")
        process.kill()

    with pool_with(media) as pool, pytest.raises(BrokenDocument, match="SIGKILL"):
        read(pool, path, on_progress=interrupt)
    assert pids
    assert not list(media.folder.rglob(".*"))


def test_a_worker_that_ends_between_files_costs_no_file_and_leaves_nothing(
    media: MediaStore, tmp_path: Path, workers: list[psutil.Process]
) -> None:
    Image.new("RGB", (80, 60), "red").save(tmp_path / "a.png")
    with pool_with(media) as pool:
        first = read(pool, tmp_path / "a.png")
        n_open = psutil.Process().num_fds()
        (dead,) = workers
        (media.folder / f".{dead.pid}-half").write_bytes(b"half a picture")
        dead.kill()
        dead_for_sure, _ = psutil.wait_procs([dead], timeout=5)
        assert dead_for_sure
        assert read(pool, tmp_path / "a.png") == first
        assert [worker.pid != dead.pid for worker in workers] == [True]
        assert psutil.Process().num_fds() == n_open
    assert not list(media.folder.rglob(".*"))


def test_of_several_idle_workers_one_that_lives_is_found(
    media: MediaStore, tmp_path: Path, workers: list[psutil.Process]
) -> None:
    (tmp_path / "a.txt").write_text("Oil fell.")
    both = threading.Barrier(2)

    def wait(stage: Stage) -> None:
        if stage.what == "figure":
            both.wait(20)

    def read_beside_another(pool: WorkerPool) -> None:
        Image.new("RGB", (80, 60), "red").save(tmp_path / "a.png")
        with suppress(threading.BrokenBarrierError):
            read(pool, tmp_path / "a.png", on_progress=wait)

    with pool_with(media, n_workers=2) as pool:
        threads = [threading.Thread(target=read_beside_another, args=[pool]) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        older, newer = sorted(workers, key=lambda process: process.create_time())
        for dead in (newer, older):
            dead.kill()
            psutil.wait_procs([dead], timeout=5)
            assert read(pool, tmp_path / "a.txt").documents[0].page_content == "Oil fell."
            assert dead.pid not in {worker.pid for worker in workers}
