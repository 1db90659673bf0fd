"""Files that are meant to do harm, read as a person's are: in worker processes, within limits.

Each ends in a message that names it, or is read, in little time and memory; what it tries to reach
stays unread.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest

from loaders import FigureDescriber, Limits, MediaStore
from loaders.errors import LoaderError
from loaders.limits import BYTES_PER_MIB
from loaders.source import open_source
from loaders.worker_pool import Reading, WorkerPool
from tests.loaders import hostile_files
from tests.loaders.hostile_files import HOSTILE, SECRET, WORDS
from tests.loaders.reading import picture

MAX_SECONDS = 20.0
MAX_BYTES = 1_000_000_000
BLOCKER = Path(__file__).parents[1] / "assistant" / "blocked_network"


@dataclass
class Tree:
    """The memory of all processes that this one has started."""

    peak: int = 0
    is_done: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self.is_done.wait(0.05):
            self.peak = max(self.peak, sum(map(_rss, psutil.Process().children(recursive=True))))


def _rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


@dataclass
class Desk:
    """Where hostile files are read."""

    folder: Path
    pool: WorkerPool
    tree: Tree
    log: Path

    @property
    def secret(self) -> Path:
        return self.folder / "secret.txt"

    def read(self, name: str) -> Reading:
        path = self.folder / "in" / name
        _, make = HOSTILE[name]
        content = make(self.secret.as_uri())
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        try:
            with open_source(path, Limits()) as file:
                return self.pool.read(file)
        finally:
            path.unlink()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "in").mkdir()
    (folder / "secret.txt").write_text(SECRET)
    (folder / "secret.png").write_bytes(picture(color="blue"))
    (folder / "in" / "link.png").symlink_to(folder / "secret.png")
    media = MediaStore(folder / "media")
    limits = replace(Limits(), max_seconds=2 * MAX_SECONDS, max_memory=1024 * BYTES_PER_MIB)
    tree = Tree()
    watch = threading.Thread(target=tree.watch, daemon=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(BLOCKER))
        patch.setenv("BLOCKED_LOG", str(folder / "log"))
        watch.start()
        with WorkerPool(media, FigureDescriber(media), limits, 1) as pool:
            yield Desk(folder, pool, tree, folder / "log")
        tree.is_done.set()
        watch.join()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_does_no_harm(name: str, desk: Desk) -> None:
    before = {path for path in desk.folder.rglob("*") if "media" not in path.parts}
    desk.tree.peak = 0
    start = time.monotonic()
    refusal, text = "", ""
    try:
        found = desk.read(name)
        text = "\n".join(document.page_content for document in found.documents)
    except LoaderError as error:
        refusal = str(error)
    seconds = time.monotonic() - start
    assert seconds < MAX_SECONDS
    assert desk.tree.peak < MAX_BYTES
    assert "was given up: reading" not in refusal
    assert "ended the process" not in refusal
    assert SECRET not in text + refusal
    match HOSTILE[name][0]:
        case hostile_files.READ:
            assert WORDS in text, refusal
        case hostile_files.OTHERWISE:
            assert not refusal
        case hostile_files.REFUSED:
            assert refusal
    assert not refusal or name in refusal or "The page is too large" in refusal
    assert {path for path in desk.folder.rglob("*") if "media" not in path.parts} == before
    assert not desk.log.exists(), desk.log.read_text()
