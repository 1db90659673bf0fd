"""Measures reading office and web files, side by side with other libraries: `make bench-formats`.

The candidates read the same files in turn, each in a process of its own, after its imports and
once without being measured. What counts is processor time, that of started programs included: of
each file the best of all readings, so that other work on the machine does not count. A file that
a candidate cannot read is named, and left out where the others are compared with it. Leaves out
whether the text is right: that is `make test`.

The other libraries are those of tests/bench_formats.txt.
"""

from __future__ import annotations

import re
import resource
import sys
import tempfile
import warnings
from collections.abc import Callable, Collection
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.side_by_side import COMPARED, corpus, kept, measured, say, tell

MODULE = "tests.bench_formats"
GROUPS = {
    "office": (".docx", ".pptx", ".xlsx", ".odt"),
    "web and notes": (".html", ".md", ".epub", ".eml", ".ipynb"),
}
ROUNDS, READINGS = 3, 3
"""How often a candidate is started, and each file is measured then."""
EMBEDDED = re.compile(r"!\[[^\]]*\]\(")

Found = tuple[str, int]
"""The text, and how many figures were found."""


def limner(path: Path, max_figures: int = 100_000) -> Found:
    """As a document is loaded, its figures drawn and stored but not described by a machine."""
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
    """Its figures are the references to pictures in its Markdown, those on the web too."""
    from markitdown import MarkItDown

    text = kept("markitdown", MarkItDown).convert(path).text_content
    return text, len(EMBEDDED.findall(text))


def unstructured(path: Path) -> Found:
    from unstructured.partition import text_type
    from unstructured.partition.auto import partition

    # Stand-ins for NLTK's models, which it would fetch: faster than with them.
    text_type.sent_tokenize = lambda text: re.split(r"(?<=[.!?])\s+", text)
    text_type.word_tokenize = str.split
    text_type.pos_tag = lambda text: [(word, "VB") for word in text.split()]
    # A picture attached to a mail would need Tesseract.
    elements = partition(str(path), languages=["eng"], process_attachments=False)
    return "\n".join(map(str, elements)), sum(e.category == "Image" for e in elements)


CANDIDATES: dict[str, tuple[Callable[[Path], Found], str]] = {
    "limner, text": (limner_text, sys.executable),
    "limner, and figures": (limner, sys.executable),
    "markitdown": (markitdown, COMPARED),
    "unstructured": (unstructured, COMPARED),
}
OURS = "limner, text"


# In the child


def run(name: str, paths: list[str]) -> None:
    """Read the files, and tell what came of it."""
    warnings.simplefilter("ignore")
    read = CANDIDATES[name][0]
    failed: dict[str, str] = {}
    figures: dict[str, int] = {}
    n_chars: dict[str, int] = {}
    for path in paths:  # not measured: imports and models
        try:
            text, figures[path] = read(Path(path))
            n_chars[path] = len(re.sub(r"\s+", "", text))
        except Exception as error:  # noqa: BLE001 - whatever another library raises
            failed[path] = type(error).__name__
    seconds = {path: min(_seconds(read, Path(path)) for _ in range(READINGS)) for path in n_chars}
    package = "" if name.startswith("limner") else version(name)
    tell(
        {
            "seconds": seconds,
            "chars": n_chars,
            "figures": figures,
            "failed": failed,
            "version": package,
        }
    )


def _seconds(read: Callable[[Path], Found], path: Path) -> float:
    start = _processor_s()
    read(path)
    return _processor_s() - start


def _processor_s() -> float:
    """Of this process and of the programs that it started, as unstructured does for books."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


# In the parent


def compare(group: str, paths: list[Path]) -> None:
    """Measure all candidates, in turn, and print the tables."""
    results: dict[str, Any] = {}
    for _ in range(ROUNDS):
        for name, (_, python) in CANDIDATES.items():
            found = measured(python, MODULE, "run", name, *map(str, paths))
            results[name] = _best(results.get(name), found)
    say(f"{group}: {len(paths)} files")
    say(f"{'':<24} {'documents/s':>12} {'characters':>12} {'figures':>9} {'unread':>7}")
    for name, found in results.items():
        say_total(name, found)
    for name, found in results.items():
        if name != OURS and not isinstance(found, str) and not isinstance(results[OURS], str):
            say_ratio(name, results[OURS]["seconds"], found["seconds"])
    for what, title, digits in (
        ("seconds", "milliseconds for each file", 1),
        ("figures", "figures found in each file", 0),
    ):
        say(f"{title}: {'; '.join(CANDIDATES)}")
        for path in paths:
            scale = 1000 if what == "seconds" else 1
            counts = [_count(found, what, str(path), scale, digits) for found in results.values()]
            say(f"  {path.name:<32} {' '.join(f'{count:>8}' for count in counts)}")
    say()


def _best(before: Any, found: Any) -> Any:
    """The result of several rounds: of each file the shortest time."""
    if before is None or isinstance(before, str) or isinstance(found, str):
        return found if before is None else before
    times = before["seconds"], found["seconds"]
    return found | {"seconds": {path: min(t[path] for t in times) for path in times[1]}}


def say_total(name: str, found: Any) -> None:
    if isinstance(found, str):
        say(f"{name:<24} {found}")
        return
    named = f"{name} {found['version']}"
    n_chars, n_figures = sum(found["chars"].values()), sum(found["figures"].values())
    say(
        f"{named:<24} {_rate(found['seconds']):>12.1f} {n_chars:>12,} {n_figures:>9} "
        f"{len(found['failed']):>7}"
    )
    for path, reason in found["failed"].items():
        say(f"{'':<24}   could not read {Path(path).name}: {reason}")


def say_ratio(name: str, ours: dict[str, float], theirs: dict[str, float]) -> None:
    """Of the files that both read."""
    both = ours.keys() & theirs.keys()
    if both:
        times = _rate(ours, both) / _rate(theirs, both)
        say(f"{OURS}: {times:.1f} times as fast as {name}, in the {len(both)} files that both read")


def _rate(seconds: dict[str, float], paths: Collection[str] | None = None) -> float:
    """Documents a second."""
    taken = [s for path, s in seconds.items() if paths is None or path in paths]
    return len(taken) / max(sum(taken), 1e-9)


def _count(found: Any, what: str, path: str, scale: int, digits: int) -> str:
    if isinstance(found, str) or path not in found[what]:
        return "-"
    return f"{found[what][path] * scale:.{digits}f}"


def main() -> None:
    """Compare on the corpus's files."""
    folder = corpus("docs")
    for group, suffixes in GROUPS.items():
        paths = sorted(p for p in folder.rglob("*") if p.suffix in suffixes)
        if paths:
            compare(group, paths)
        else:
            say(f"{group}: no files under {folder}; name a folder with CORPUS=")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["run", name, *paths]:
            run(name, paths)
        case _:
            main()
