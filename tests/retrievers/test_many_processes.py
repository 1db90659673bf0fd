"""Two processes ask fifty times a second while a third adds a thousand documents."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from retrievers import Library
from tests.retrievers.words import WordCounts

ROOT = Path(__file__).parents[2]
N_DOCUMENTS = 1_000
QUESTIONS_PER_S = 50
MAX_STALE_S = 2.0
MAX_QUERY_S = 1.0

WRITER = """
import sys, time
from pathlib import Path
from retrievers import Library
from tests.retrievers.words import WordCounts, piece

folder, n_documents = Path(sys.argv[1]), int(sys.argv[2])
told = (folder / "told").open("a")

def tell(what, n, version):
    print(what, n, version, time.time(), file=told, flush=True)

def put(n, version):
    tell("changes", n, -1)
    words = f"needle{n}v{version}"
    parts = [piece(f"{words} gold report", page=1), piece(f"{words} silver chart", page=2)]
    library.put(f"file:///{n}", parts, fingerprint=str(version), title=f"Document {n}")
    tell("is", n, version)

with Library.open(folder, WordCounts()) as library:
    for n in range(n_documents):
        put(n, 1)
        if n % 10 == 5:
            put(n - 5, 2)
        if n % 10 == 9:
            tell("changes", n - 6, -1)
            library.remove(f"file:///{n - 6}")
            tell("is not", n - 6, 0)
tell("end", -1, 0)
"""

READER = """
import json, random, sys, time
from pathlib import Path
from retrievers import Library
from tests.retrievers.words import WordCounts

folder, per_s, max_stale_s, seed = Path(sys.argv[1]), *map(float, sys.argv[2:5])
chance = random.Random(seed)
state, took, faults, n_asked, ended = {}, [], [], 0, False
library = Library.open(folder, WordCounts())
told = (folder / "told").open()

def learn():
    # What is told is at least this old: later changes may or may not be seen.
    for line in told:
        *what, n, version, at = line.split()
        state[int(n)] = (" ".join(what), int(version), float(at))

start = time.time()
while -1 not in state:
    time.sleep(max(0.0, start + n_asked / per_s - time.time()))
    learn()
    stale_at = time.time() - max_stale_s
    old = [n for n, (what, _, at) in state.items() if at < stale_at and what != "changes"]
    n = chance.choice(old) if old else 0
    what, version, _ = state.get(n, ("is not", 0, 0))
    asked = time.time()
    hits = library.search(f"needle{n}v{version or 1}", 4)
    took.append(time.time() - asked)
    n_asked += 1
    learn()
    if not old or state[n][1] != version:
        continue
    texts = sorted(
        hit.document.page_content
        for hit in hits
        if hit.document.metadata["source"] == f"file:///{n}"
    )
    wanted = [f"needle{n}v{version} gold report", f"needle{n}v{version} silver chart"]
    if texts != (wanted if what == "is" else []):
        faults.append([what, n, version, texts])
told_s = time.time() - start
print(json.dumps({"asked": n_asked, "slowest": max(took), "faults": faults, "s": told_s}))
"""


@pytest.mark.real
def test_readers_see_each_change_within_two_seconds_and_never_wait(folder: Path) -> None:
    Library.open(folder, WordCounts(), create=True).close()
    (folder / "told").touch()
    readers = [
        run(READER, folder, str(QUESTIONS_PER_S), str(MAX_STALE_S), str(seed)) for seed in (1, 2)
    ]
    with run(WRITER, folder, str(N_DOCUMENTS)) as writer:
        assert writer.wait() == 0
    for reader in readers:
        told = json.loads(reader.communicate()[0])
        assert reader.returncode == 0
        assert told["faults"] == []
        assert told["slowest"] < MAX_QUERY_S
        assert told["asked"] > told["s"] * QUESTIONS_PER_S * 0.5


def run(code: str, *arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
