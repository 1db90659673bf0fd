"""Measures reading office and web files, side by side with other libraries: `make bench-formats`.

Each candidate reads the same files in a process of its own, after its imports; a file that it
cannot read is counted, not left out of the others. Processor time is measured, so that other work
on the machine does not count. Leaves out whether the text is right: that is `make test`.

CORPUS=folder chooses the files, COMPARED=python the interpreter that has the other libraries
(tests/bench_formats.txt); this file imports nothing of limner's before it is to be measured.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CORPUS = Path(os.environ.get("CORPUS", ROOT.parent / "shared" / "corpus" / "docs"))
COMPARED = os.environ.get("COMPARED", sys.executable)
GROUPS = {
    "office": (".docx", ".pptx", ".xlsx", ".odt"),
    "web and notes": (".html", ".md", ".epub", ".eml", ".ipynb"),
}
ROUNDS = 3
LIMIT_S = 600
"""For one candidate and one group."""
EMBEDDED = re.compile(r"!\[[^\]]*\]\(")

Found = tuple[str, int]
"""The text, and how many figures were found."""


def limner(path: Path, max_figures: int = 100_000) -> Found:
    """As a document is loaded, its figures stored but not described by a machine."""
    from loaders import libre_office
    from loaders.captioning.describer import FigureDescriber
    from loaders.formats import load
    from loaders.limits import Limits
    from loaders.media import MediaStore

    libre_office.program = lambda: None  # the others draw no slides
    with tempfile.TemporaryDirectory() as folder:
        media = MediaStore(Path(folder))
        limits = Limits(max_figures=max_figures)
        documents = load(path, media=media, describer=FigureDescriber(media), limits=limits)
    n_figures = sum(document.metadata["modality"] == "figure" for document in documents)
    return "\n".join(document.page_content for document in documents), n_figures


def limner_text(path: Path) -> Found:
    """The same without its figures."""
    return limner(path, max_figures=0)


def markitdown(path: Path) -> Found:
    from markitdown import MarkItDown

    text = _kept("markitdown", MarkItDown).convert(path).text_content
    return text, len(EMBEDDED.findall(text))


def unstructured(path: Path) -> Found:
    from unstructured.partition import text_type
    from unstructured.partition.auto import partition

    # Stand-ins for NLTK's models, which it would fetch: faster than with them.
    text_type.sent_tokenize = lambda text: re.split(r"(?<=[.!?])\s+", text)
    text_type.word_tokenize = str.split
    text_type.pos_tag = lambda text: [(word, "VB") for word in text.split()]
    elements = partition(str(path), languages=["eng"])
    return "\n".join(map(str, elements)), sum(e.category == "Image" for e in elements)


CANDIDATES: dict[str, tuple[Callable[[Path], Found], str]] = {
    "limner, text": (limner_text, sys.executable),
    "limner, and figures": (limner, sys.executable),
    "markitdown": (markitdown, COMPARED),
    "unstructured": (unstructured, COMPARED),
}
_instances: dict[str, Any] = {}


def _kept(name: str, make: Callable[[], Any]) -> Any:
    """One instance for all files."""
    if name not in _instances:
        _instances[name] = make()
    return _instances[name]


def run(name: str, paths: list[str]) -> None:
    """Read the files, and write what came of it as a line of JSON."""
    warnings.simplefilter("ignore")
    read = CANDIDATES[name][0]
    failed: list[str] = []
    figures: Counter[str] = Counter()
    n_chars = 0
    for path in map(Path, paths):  # once without measuring: imports and models
        try:
            text, figures[path.name] = read(path)
            n_chars += len(re.sub(r"\s+", "", text))
        except Exception as error:  # noqa: BLE001 - whatever another library raises
            failed.append(f"{path.name}: {type(error).__name__}")
    readable = [p for p in map(Path, paths) if p.name in figures]
    start = time.process_time()
    for path in readable * ROUNDS:
        read(path)
    seconds = time.process_time() - start
    found = {
        "documents_s": len(readable) * ROUNDS / max(seconds, 1e-9),
        "chars": n_chars,
        "figures": figures,
        "failed": failed,
        "version": "" if name.startswith("limner") else version(name),
    }
    sys.stdout.write(f"\n{json.dumps(found)}\n")


def measured(name: str, paths: list[Path]) -> Any:
    """The JSON that a child writes, or a sentence about why there is none."""
    try:
        result = subprocess.run(
            [CANDIDATES[name][1], "-P", str(Path(__file__)), "run", name, *map(str, paths)],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {LIMIT_S} s"
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        return f"did not run (exit {result.returncode}): {reason}"
    return json.loads(result.stdout.splitlines()[-1])


def say(line: str = "") -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def compare(group: str, paths: list[Path]) -> None:
    say(f"{group}: {len(paths)} files")
    say(f"{'':<24} {'documents/s':>12} {'characters':>12} {'figures':>9} {'unread':>7}")
    results = {name: measured(name, paths) for name in CANDIDATES}
    for name, found in results.items():
        if isinstance(found, str):
            say(f"{name:<24} {found}")
            continue
        named = f"{name} {found['version']}"
        say(
            f"{named:<24} {found['documents_s']:>12.1f} "
            f"{found['chars']:>12,} {sum(found['figures'].values()):>9} {len(found['failed']):>7}"
        )
        for failed in found["failed"]:
            say(f"{'':<24}   could not read {failed}")
    say("figures found in each file: " + ", ".join(CANDIDATES))
    for path in paths:
        counts = (
            "-" if isinstance(r, str) else str(r["figures"].get(path.name, "-"))
            for r in results.values()
        )
        say(f"  {path.name:<32} {' '.join(f'{count:>5}' for count in counts)}")
    say()


def main() -> None:
    for group, suffixes in GROUPS.items():
        paths = sorted(p for p in CORPUS.rglob("*") if p.suffix in suffixes)
        if paths:
            compare(group, paths)
        else:
            say(f"{group}: no files under {CORPUS}; name a folder with CORPUS=")


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        run(sys.argv[2], sys.argv[3:])
    else:
        main()
