"""Reads damaged copies of files and says on stdout, a line of JSON each, what came of it.

Run as a process of its own, because what is looked for may end the process:
`python -m tests.loaders.damaged N_CUTS N_FLIPS FILE…`. Numbers that grow keep the damage
that smaller ones make.
"""

from __future__ import annotations

import json
import random
import re
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loaders.captioning.describer import FigureDescriber
from loaders.errors import LoaderError
from loaders.media import MediaStore
from loaders.pdf import PdfLoader

MAX_FLIPS = 40
MAX_BYTES_OF_MEMORY = 6 << 30
"""Where a process that runs wild ends, for the sake of the machine."""


def peak_mib() -> int:
    """Of this program alone: ru_maxrss counts what the process that started it held, too."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) // 1024


def damaged(content: bytes, kind: str, n: int) -> Iterator[bytes]:
    """n copies, "cut" off at a place by chance or with bytes that "flip"."""
    chance = random.Random(f"{kind} {len(content)}")
    for _ in range(n):
        if kind == "cut":
            yield content[: chance.randrange(len(content.rstrip()))]
            continue
        copy = bytearray(content)
        for _ in range(chance.randint(1, MAX_FLIPS)):
            copy[chance.randrange(len(copy))] ^= 1 << chance.randrange(8)
        yield bytes(copy)


def outcome(path: Path, folder: Path) -> dict[str, Any]:
    """What a loader makes of the file; bug: the traceback of an error that is none of ours."""
    media = MediaStore(folder / "media")
    loader = PdfLoader(path, media=media, describer=FigureDescriber(media))
    start = time.process_time()
    found: dict[str, Any] = {}
    try:
        found["n_documents"] = sum(1 for _ in loader.lazy_load())
    except LoaderError as error:
        found["error"] = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - it is what is looked for
        found["bug"] = traceback.format_exc()
    found["skipped"] = [f"{skipped.what}: {skipped.reason}" for skipped in loader.skipped]
    found["cpu_seconds"] = round(time.process_time() - start, 2)
    found["peak_mib"] = peak_mib()
    return found


def main(n_cuts: str, n_flips: str, *files: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES_OF_MEMORY, MAX_BYTES_OF_MEMORY))
    for file in map(Path, files):
        content = file.read_bytes()
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for kind, n in (("cut", n_cuts), ("flip", n_flips)):
                for k, copy in enumerate(damaged(content, kind, int(n))):
                    path = folder / f"{kind}-{k}.pdf"
                    path.write_bytes(copy)
                    told = {"file": file.name, "copy": path.stem} | outcome(path, folder)
                    sys.stdout.write(json.dumps(told) + "\n")
                    sys.stdout.flush()
                    path.unlink()


if __name__ == "__main__":
    main(*sys.argv[1:])
