"""Changes a library in children that are killed at random moments, and looks at what is left.

Run by test_killed as a process of its own, which imports everything once and then only forks: a
child that is killed costs milliseconds. Prints a line of JSON. Leaves out how files are read:
that is the seam here, unless `--workers` is given.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

# Before anything is forked: a library that is imported in a child is imported each time.
import faiss
import tantivy  # noqa: F401
from PIL import Image

import assistant.assistant
import assistant.ingestion
import assistant.verification
from assistant import Assistant
from assistant.settings import Settings
from assistant.verification import verify
from loaders import FigureDescriber
from loaders.formats import loader_for
from loaders.source import SourceFile
from loaders.worker_pool import Reading, WorkerPool
from retrievers import ModelMismatch, UnknownSource
from retrievers.migration import migrate
from tests.retrievers.words import WordCounts

PARAGRAPH = "Version {version}, part {n}: gold, whales and a harbour. " * 25
SAID = re.compile(r"Version (\d+), part (\d+)")


class FirstModel(WordCounts):
    """A model of 512 numbers."""

    name = "first"


class SecondModel(WordCounts):
    """Another, of 64 numbers."""

    name = "second"

    def embed_query(self, text: str) -> list[float]:
        whole = super().embed_query(text)
        return [sum(whole[n::64]) for n in range(64)]


class ReadHere(WorkerPool):
    """Reads in this process: workers take a second to start."""

    def read(self, file: SourceFile, passwords: Any, **told: Any) -> Reading:
        loader = loader_for(file, media=self._media, describer=self._describer, limits=self._limits)
        found = list(loader.load_file(file))
        return Reading(
            found,
            loader.title,
            loader.n_pages,
            loader.skipped,
            companions=file.companions,
        )


@dataclass
class Desk:
    """A folder of files that change, and the library that they are read into."""

    folder: Path
    chance: random.Random
    files: dict[str, int] = field(default_factory=dict)
    """Name → the version in it, as the folder is now."""
    before: dict[str, int] = field(default_factory=dict)
    """As it was when the library was last brought up to date."""
    n_parts: dict[int, int] = field(default_factory=dict)
    """Of each version."""
    models: list[WordCounts] = field(default_factory=lambda: [FirstModel(), SecondModel()])
    """The one in use first."""

    @property
    def docs(self) -> Path:
        return self.folder / "docs"

    @property
    def pictures(self) -> Path:
        """Hidden, so that they are no documents themselves."""
        return self.docs / ".pictures"

    @property
    def settings(self) -> Settings:
        return Settings(library=self.folder / "library", captioner="none")

    def uri(self, name: str) -> str:
        return (self.docs / f"{name}.md").as_uri()

    # Changes of the folder

    def write(self, n: int) -> None:
        for _ in range(n):
            self._write(f"new{len(self.n_parts)}")

    def rewrite(self, n: int) -> None:
        for name in self.some(n):
            self._write(name)

    def delete(self, n: int) -> None:
        for name in self.some(n):
            del self.files[name]
            (self.docs / f"{name}.md").unlink()

    def rename(self, n: int) -> None:
        for name in self.some(n):
            new = f"{name}-moved"
            self.files[new] = self.files.pop(name)
            (self.docs / f"{name}.md").rename(self.docs / f"{new}.md")

    def some(self, n: int) -> list[str]:
        return self.chance.sample(sorted(self.files), min(n, len(self.files)))

    def _write(self, name: str) -> None:
        version = len(self.n_parts)
        self.files[name] = version
        self.n_parts[version] = self.chance.randint(1, 5)
        parts = [PARAGRAPH.format(version=version, n=n) for n in range(self.n_parts[version])]
        shade = (version * 37 % 256, version * 91 % 256, version // 256)
        Image.new("RGB", (120, 90), shade).save(self.pictures / f"{version}.png")
        shown = f"![Boats in the harbour, version {version}](.pictures/{version}.png)"
        (self.docs / f"{name}.md").write_text("\n\n".join([*parts, shown]))

    # Changes of the library

    def opened(self, *, create: bool = False) -> Assistant:
        for module in (assistant.assistant, assistant.verification):
            module.MiniLMEmbeddings = lambda _: self.models[0]
        return Assistant.open(self.settings, create=create)

    def add(self) -> None:
        with self.opened(create=True) as opened:
            checked(opened.add([self.docs]))

    def remove(self) -> None:
        with self.opened() as opened:
            for name in self.before.keys() - self.files.keys():
                try:
                    opened.remove(self.uri(name))
                except UnknownSource:
                    continue  # before it was killed

    def sync(self) -> None:
        with self.opened() as opened:
            checked(opened.sync())

    def migrate(self) -> None:
        migrate(self.folder / "library", self.models[0])

    # What is left

    def check(self, *, is_done: bool) -> None:
        """Raise AssertionError unless the library is whole, and each document old or new."""
        try:
            self.opened().close()
        except ModelMismatch:
            assert not is_done
            self.models.reverse()
        self.opened().close()
        found = verify(self.settings, mends=False, on_progress=lambda *_: None)
        assert not found.faults, found.faults
        with self.opened() as opened:
            held = {document.source for document in opened.documents()}
            for name in self.before.keys() | self.files.keys():
                wanted = [self.files.get(name)] if is_done else self.versions(name)
                version = self.version_held(opened, name) if self.uri(name) in held else None
                assert version in wanted, (name, version, wanted)
            assert len(held) == len(held & set(map(self.uri, self.before | self.files)))
            if is_done:
                assert opened.library.journal.left() == []
                assert set(opened.media.keys()) == opened.library.image_keys()
                (best, *_) = opened.search(f"version {max(self.files.values())}", 5)
                assert best.document.metadata["source"] in held

    def versions(self, name: str) -> list[int | None]:
        return [self.before.get(name), self.files.get(name)]

    def version_held(self, opened: Assistant, name: str) -> int:
        """The version of a document all of which is there; it may not be a mixture."""
        evidence = opened.library.evidence(self.uri(name))
        said = SAID.findall(" ".join(document.page_content for document in evidence))
        (version,) = {int(version) for version, _ in said}
        assert {int(n) for _, n in said} == set(range(self.n_parts[version])), (name, said)
        (picture,) = [d for d in evidence if d.metadata["modality"] == "figure"]
        assert f"harbour, version {version}" in picture.page_content
        assert opened.media.path(picture.metadata["image_key"]).is_file()
        return version


def checked(report: Any) -> None:
    assert not report.failed, report.failed


# Children


def in_child(work: Callable[[], None], kill_after_s: float | None = None) -> tuple[bool, str]:
    """Whether it was killed before its end, and what it raised."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the parent tells it
            os.write(writer, traceback.format_exc().encode()[-20_000:])
            os._exit(1)
    os.close(writer)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reader) as told:
        said = told.read()
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status), said


def change_for(kind: str, desk: Desk) -> Callable[[], None]:
    """Change the folder, and give what brings the library up to that."""
    few = desk.chance.randint(1, 3)
    match kind:
        case "add":
            desk.write(few)
            return desk.add
        case "update":
            desk.rewrite(few)
            return desk.add
        case "remove":
            desk.delete(few)
            return desk.remove
        case "migrate":
            desk.models.reverse()
            return desk.migrate
    desk.write(1)
    desk.rewrite(1)
    desk.rename(few)
    if len(desk.files) > 8:
        desk.delete(few)
    return desk.sync


def kill(desk: Desk, n: int) -> dict[str, Any]:
    """Change the library until n changes were killed before their end, one kind after the other."""
    kinds = ["add", "update", "sync", "remove", "migrate"]
    took_s = dict.fromkeys(kinds, 0.1)
    killed: Counter[str] = Counter()
    desk.write(6)
    raise_for("the first add", in_child(desk.add)[1])
    desk.before = dict(desk.files)
    for turn, kind in enumerate(cycle(kinds)):
        if killed.total() >= n:
            break
        work = change_for(kind, desk)
        wanted = desk.models[0]
        was_killed, said = in_child(work, desk.chance.uniform(0, took_s[kind]))
        raise_for(f"{turn} {kind}", said)
        killed[kind] += was_killed
        raise_for(
            f"{turn} {kind}, killed: {was_killed}", in_child(lambda: desk.check(is_done=False))[1]
        )
        desk.models.sort(key=lambda model: model is not wanted)
        start = time.monotonic()
        raise_for(f"{turn} {kind} again", in_child(work)[1])
        # What a killed run has done is not done again: the longest tells.
        took_s[kind] = max(0.9 * took_s[kind], time.monotonic() - start)
        raise_for(f"{turn} {kind} to its end", in_child(lambda: desk.check(is_done=True))[1])
        desk.before = dict(desk.files)
    return {"killed": dict(killed), "took_s": took_s, "documents": len(desk.files)}


def raise_for(what: str, said: str) -> None:
    if said:
        print(f"{what}:\n{said}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=Path)
    options.add_argument("--n", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--workers", action="store_true")
    given = options.parse_args()
    faiss.omp_set_num_threads(1)
    if not given.workers:
        assistant.ingestion.WorkerPool = ReadHere
    Assistant.choose_describer = lambda self: FigureDescriber(self.media)
    desk = Desk(given.folder, random.Random(given.seed))
    desk.pictures.mkdir(parents=True)
    print(json.dumps(kill(desk, given.n)))  # noqa: T201
    shutil.rmtree(given.folder)


if __name__ == "__main__":
    main()
