"""Sources as a person types and reads them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from assistant.assistant import Assistant
from loaders.source import is_url, local_path
from retrievers import UnknownSource


def file_name(uri: str) -> str:
    """The last part of a URI, as a person knows it, on one line; the whole of what is no URI."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return uri
    name = unquote(parts.path.rstrip("/").rsplit("/", 1)[-1]) or parts.netloc
    return " ".join(name.splitlines())


def as_typed(source: str) -> str:
    """The source; a `~name` that is nobody's home means a file here, as it does in a shell."""
    try:
        if not is_url(source):
            local_path(source)
    except (RuntimeError, ValueError):
        return str(Path.cwd() / source)
    return source


def find(assistant: Assistant, name: str) -> str:
    """The URI of the one document that a path, URI or file name means. Raises UnknownSource."""
    try:
        return assistant.find_source(name)
    except (RuntimeError, ValueError) as error:
        raise UnknownSource(
            f"{name} is no path, URI or file name ({error}). `limner list` prints the sources."
        ) from error


def check_glob(assistant: Assistant, glob: str | None) -> None:
    """Raise UnknownSource where no document's file name matches."""
    if glob is not None and not assistant.library.sources(glob):
        raise UnknownSource(
            f"--source {glob} matches no document. `limner list` prints the sources."
        )
