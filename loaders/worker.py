"""Reads files in a process of its own, so that a parser that crashes takes nothing else down.

Run as `python -m loaders.worker` by `loaders.worker_pool`. Requests come on stdin and what is
read goes to stdout, a line of JSON each: nothing that a broken process says is executed. Leaves
out the limits on time and memory, which only another process can keep.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import psutil

from loaders.captioning.context import FigureContext
from loaders.captioning.describer import NO_CONTEXTS, FigureDescriber
from loaders.captioning.ocr import OcrReader
from loaders.captioning.readings import ReadingCache
from loaders.errors import LoaderError, PartMissing, StoreUnusable
from loaders.formats import loader_for
from loaders.limits import Limits
from loaders.loader import Stage
from loaders.media import MediaStore
from loaders.source import SourceFile
from loaders.speech.transcriber import Transcriber

DOCUMENTS_AT_ONCE = 200
"""In one message, so that a message is a few hundred kilobytes."""
SECONDS_BETWEEN_STAGES = 0.1
SECONDS_BETWEEN_LOOKS = 1.0
GARBAGE_OBJECTS = 50_000

Message = dict[str, Any]


class Channel:
    """Sends and receives messages over two streams of lines."""

    def __init__(self, incoming: IO[str], outgoing: IO[str]) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    def send(self, message: Message) -> None:
        """Raises OSError where nobody listens any more."""
        self._outgoing.write(json.dumps(message) + "\n")
        self._outgoing.flush()

    def receive(self) -> Message | None:
        """The next message; None where the other side has ended. Raises ValueError or TypeError."""
        line = self._incoming.readline()
        if not line:
            return None
        return dict(json.loads(line))


class _Parent:
    """The process that asked: it is told what is read, and describes what only it can."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._last_stage = 0.0

    def told(self, **message: Any) -> None:
        self._channel.send(message)

    def is_at(self, stage: Stage) -> None:
        now = time.monotonic()
        if stage.n_done == stage.n or now - self._last_stage >= SECONDS_BETWEEN_STAGES:
            self._last_stage = now
            self.told(stage=[stage.what, stage.n_done, stage.n])

    def describe(
        self,
        keys: Sequence[str],
        contexts: Mapping[str, FigureContext],
        without_ocr: Collection[str],
    ) -> Mapping[str, dict[str, str]]:
        told = {key: contexts[key].told() for key in keys if key in contexts}
        self.told(describe=list(keys), contexts=told, without_ocr=list(without_ocr))
        reply = self._channel.receive()
        if reply is None:
            raise EOFError("the process that asked has ended")
        descriptions: Mapping[str, dict[str, str]] = reply["descriptions"]
        return descriptions


class _Describer(FigureDescriber):
    """Reads pictures by OCR here and leaves the other readers to the parent."""

    def __init__(
        self,
        media: MediaStore,
        parent: _Parent,
        reader: OcrReader | None,
        readings: ReadingCache,
        *,
        asks_parent: bool,
    ) -> None:
        super().__init__(media, reader=reader, readings=readings)
        self._parent = parent
        self._asks_parent = asks_parent

    def describe(
        self,
        keys: Sequence[str],
        on_progress: Callable[[int, int], None] | None = None,
        *,
        without_ocr: Collection[str] = (),
        contexts: Mapping[str, FigureContext] = NO_CONTEXTS,
    ) -> dict[str, dict[str, str]]:
        found = super().describe(keys, on_progress, without_ocr=without_ocr)
        if self._asks_parent:
            for key, texts in self._parent.describe(keys, contexts, without_ocr).items():
                found[key] = found.get(key, {}) | texts
        return found


class _Worker:
    """Reads one file after the other."""

    def __init__(self, channel: Channel, setup: Message) -> None:
        self._parent = _Parent(channel)
        self._limits = Limits(**setup["limits"])
        self._media = MediaStore(**setup["media"])
        self._reader = OcrReader() if setup["reads_text"] else None
        folder, max_bytes = setup["readings"]
        self._readings = ReadingCache(Path(folder), max_bytes=max_bytes)
        self._asks_parent = bool(setup["asks_parent"])
        self._transcriber = Transcriber(setup["speech_model"])

    def read(self, request: Message) -> None:
        """Tell the parent all that a file holds, or why it cannot be read."""
        try:
            self._read(request)
        except (LoaderError, StoreUnusable) as error:
            self._parent.told(error=type(error).__name__, text=str(error))
        except PartMissing as error:
            self._parent.told(part_missing=str(error))
        except BrokenPipeError:
            raise
        except Exception as error:  # noqa: BLE001 - the parent reports it as limner's own
            self._parent.told(
                bug=f"{type(error).__name__}: {error}", traceback=traceback.format_exc(limit=-12)
            )

    def _read(self, request: Message) -> None:
        root = request["figure_root"]
        file = SourceFile(
            request["uri"], Path(request["path"]), request["name"], Path(root) if root else None
        )
        describer = _Describer(
            self._media,
            self._parent,
            self._reader,
            self._readings,
            asks_parent=self._asks_parent,
        )
        loader = loader_for(
            file,
            media=self._media,
            describer=describer,
            limits=dataclasses.replace(
                self._limits, fetch_remote_images=request["fetch_remote_images"]
            ),
            passwords=request["passwords"],
            transcriber=self._transcriber,
            on_progress=self._parent.is_at,
        )
        held: list[Message] = []
        for document in loader.load_file(file):
            held.append({"text": document.page_content, "metadata": document.metadata})
            if len(held) == DOCUMENTS_AT_ONCE:
                self._parent.told(documents=held)
                held = []
        self._parent.told(
            documents=held,
            done={
                "title": loader.title,
                "n_pages": loader.n_pages,
                "skipped": [dataclasses.astuple(skipped) for skipped in loader.skipped],
                "missing": describer.missing,
                "transcribes": loader.transcribes,
                "is_commented": loader.is_commented,
                "companions": file.companions,
            },
        )


def _end_with_parent(pid: int) -> None:
    """End this process when the one that started it has ended: nobody would watch it."""
    while os.getppid() == pid:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    with suppress(psutil.Error):
        for child in psutil.Process().children(recursive=True):
            child.kill()
    os._exit(1)


def main() -> None:
    """Read what the parent names until it closes the pipe."""
    # What a library prints must not come between the messages.
    outgoing = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    threading.Thread(target=_end_with_parent, args=[os.getppid()], daemon=True).start()
    # A page is thousands of small objects without cycles: looking for some takes a twentieth of
    # the time.
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
    channel = Channel(sys.stdin, outgoing)
    setup = channel.receive()
    if setup is None:
        return
    worker = _Worker(channel, setup)
    channel.send({"ready": True})
    while request := channel.receive():
        worker.read(request)


if __name__ == "__main__":
    main()
