"""Sources as a person types and reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from langchain_core.document_loaders import BaseLoader

from assistant.assistant import Assistant
from assistant.errors import SettingsInvalid
from loaders import AdaptedLoader, adapt
from loaders.source import is_url, local_path, source_uri
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


def loader_named(name: str, arguments: list[str]) -> AdaptedLoader:
    """The LangChain loader `package.module:ClassName`, made with the arguments.

    One of the form `name=value` is a keyword argument, its value JSON or else text. The first
    of the others, or else the loader's name, is the source under which the Documents are known.
    Raises SettingsInvalid.
    """
    named = {k: v for k, _, v in (a.partition("=") for a in arguments) if v and k.isidentifier()}
    given = [a for a in arguments if a.partition("=")[0] not in named]
    module, _, class_name = name.partition(":")
    try:
        found = getattr(import_module(module), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsInvalid(
            f"--loader {name} cannot be imported ({error}). Give package.module:ClassName, for "
            "example langchain_community.document_loaders:CSVLoader, and install its package."
        ) from error
    if not (isinstance(found, type) and issubclass(found, BaseLoader)):
        raise SettingsInvalid(f"--loader {name} is no LangChain loader (a BaseLoader).")
    try:
        loader = found(*given, **{key: _json_or_text(value) for key, value in named.items()})
    except Exception as error:  # whatever another library raises
        raise SettingsInvalid(
            f"--loader {name} does not take {' '.join(arguments)!r} "
            f"({type(error).__name__}: {error})."
        ) from error
    return adapt(loader, given[0] if given else name)  # a named value may be a secret


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def find(assistant: Assistant, name: str) -> str:
    """The URI of the one document that a path, URI or file name means. Raises UnknownSource."""
    with _names_no_source(name):
        return assistant.find_source(name)


def find_all(assistant: Assistant, names: Iterable[str]) -> list[str]:
    """The URIs of all documents that paths, folders, URIs, file names and globs mean, each once.

    Raises UnknownSource where one of them means none.
    """
    found: dict[str, None] = {}
    for name in names:
        with _names_no_source(name):
            found |= dict.fromkeys(assistant.find_sources(name))
    return list(found)


@contextmanager
def _names_no_source(name: str) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, ValueError) as error:
        raise UnknownSource(
            f"{name} is no path, URI or file name ({error}). `limner list` prints the sources."
        ) from error


def find_or_folder(assistant: Assistant, name: str) -> str:
    """The URI of one document, or of a folder that documents come from. Raises UnknownSource."""
    try:
        uri = source_uri(name)
    except (RuntimeError, ValueError):
        uri = ""
    return uri if uri and assistant.is_folder(uri) else find(assistant, name)


def check_glob(assistant: Assistant, glob: str | None) -> None:
    """Raise UnknownSource where no document's file name matches."""
    if glob is not None and not assistant.library.sources(glob):
        raise UnknownSource(
            f"--source {glob} matches no document. `limner list` prints the sources."
        )
