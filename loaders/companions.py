"""The files beside a document that reading it looked for: the pictures that its text names.

What the document shows changes with them, so they belong to what it is known by. Leaves out what
is fetched from the web.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from loaders.limits import Limits

MAX_COMPANIONS = 1_000
MAX_NAME_CHARS = 1_000
"""Whether more than these, of one document, or longer ones change is not noticed."""

Companions = dict[str, str | None]
"""Path from the document's folder → SHA-256 of the content; None where there was no file."""


def note(companions: Companions, folder: Path, path: Path, content: bytes | None) -> None:
    """Note a file that a document in the folder was looked through for."""
    name = Path(os.path.relpath(path, folder)).as_posix()
    if len(companions) < MAX_COMPANIONS and len(name) <= MAX_NAME_CHARS:
        companions[name] = None if content is None else hashlib.sha256(content).hexdigest()


def are_the_same(
    companions: Mapping[str, str | None], folder: Path, root: Path | None, limits: Limits
) -> bool:
    """Whether a document in the folder would find the same files. Opens none outside the root."""
    return all(
        _digest(folder / name, root, limits) == digest for name, digest in companions.items()
    )


def _digest(place: Path, root: Path | None, limits: Limits) -> str | None:
    try:
        path = place.resolve()
        found = path.stat()
        is_read = stat.S_ISREG(found.st_mode) and found.st_size <= limits.max_bytes
        if root is None or not path.is_relative_to(root) or not is_read:
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError, RuntimeError):  # not there, or not a possible name
        return None
