"""Measures how often the small BLIP names the kind of a real figure rightly.

    python -m tests.small_blip.evaluate FOLDER [--model DIR] [--media DIR]

The figures of all documents in the folder are taken out with limner's loaders; those that
`kinds.jsonl` names, by the hash of their content, are counted. Leaves out counts and colours,
which are tested on drawings.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from loaders import BlipCaptioner, FigureDescriber, LoaderError, MediaStore, load
from tests.small_blip.draw import KINDS, kind_of

HERE = Path(__file__).parent
MODEL = HERE / "model"
LABELS = HERE / "kinds.jsonl"
OTHER = "other"
"""A figure of a kind that the model does not know."""
HEARD = {".flac", ".wav", ".mp4"}


def figures(folder: Path, media: MediaStore) -> dict[str, str]:
    """The key of each figure in the folder's documents → a document that shows it."""
    found: dict[str, str] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix not in HEARD):
        try:
            documents = load(
                path, media=media, describer=FigureDescriber(media), figure_root=folder
            )
        except LoaderError as error:
            print(f"{path.name}: {error}", file=sys.stderr)  # noqa: T201
            continue
        for document in documents:
            if key := document.metadata.get("image_key"):
                found.setdefault(key, path.name)
    return found


def labels(path: Path = LABELS) -> dict[str, str]:
    """The key of a figure → its kind, as a person saw it."""
    lines = (json.loads(line) for line in path.read_text("utf-8").splitlines())
    return {line["image_key"]: line["kind"] for line in lines}


def named(keys: Iterable[str], media: MediaStore, model: Path) -> dict[str, str]:
    """Key → the caption that the model gives."""
    known = [key for key in keys if media.path(key).exists()]
    captioner = BlipCaptioner(str(model), device="cpu")
    said: dict[str, str] = {}
    for start in range(0, len(known), 8):
        batch = known[start : start + 8]
        said |= zip(
            batch, captioner.read([media.open(k, max_side=640) for k in batch]), strict=True
        )
    return said


def report(true: Mapping[str, str], said: Mapping[str, str]) -> str:
    """Shares of right kinds: of all figures, of those of known kinds, and by kind."""
    rows = [(true[key], kind_of(said[key])) for key in said if key in true]
    known = [(t, s) for t, s in rows if t in KINDS]
    lines = [
        f"all figures: {_share(rows)}",
        f"figures of the model's {len(KINDS)} kinds: {_share(known)}",
        "",
        "| kind | right | taken for |",
        "|---|---|---|",
    ]
    for kind in (*KINDS, OTHER):
        own = [(t, s) for t, s in rows if t == kind]
        if own:
            wrong = Counter(s or "nothing" for t, s in own if s != t)
            taken = ", ".join(f"{name} {n}" for name, n in wrong.most_common())
            lines.append(f"| {kind} | {_share(own)} | {taken} |")
    return "\n".join(lines)


def _share(rows: list[tuple[str, str]]) -> str:
    right = sum(t == s for t, s in rows)
    return f"{right} of {len(rows)} ({right / max(1, len(rows)):.0%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--media", type=Path, help="where to keep the figures for another run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        media = MediaStore(options.media or folder)
        if not options.media or not any(media.keys()):
            figures(options.folder.resolve(), media)
        true = labels()
        print(report(true, named(true, media, options.model)))  # noqa: T201


if __name__ == "__main__":
    main()
