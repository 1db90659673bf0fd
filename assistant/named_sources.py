"""The documents of a library that a person means by a path, URI, folder, file name or glob.

Leaves out what is done with them.
"""

from __future__ import annotations

from loaders.source import source_uri
from retrievers import Library, UnknownSource


def find_source(name: str, library: Library) -> str:
    """The URI of the one document that a path, URI or file name means.

    Raises UnknownSource where there is none, and where there are several.
    """
    uri = source_uri(name)
    if library.fingerprint(uri) is not None:
        return uri
    matching = library.sources(name)
    if len(matching) == 1:
        return matching[0]
    found = (
        f"means {len(matching)} documents: {', '.join(matching)}"
        if matching
        else "is not in the library"
    )
    raise UnknownSource(f"{name} {found}. `limner list` prints the sources.")


def find_sources(name: str, library: Library) -> list[str]:
    """The URIs of the documents that a path, URI, folder, file name or glob means.

    Raises UnknownSource where there is none.
    """
    uri = source_uri(name)
    if library.fingerprint(uri) is not None:
        return [uri]
    if found := library.sources_at([uri]) or library.sources(name):
        return found
    raise UnknownSource(
        f"{name} means no document in the library. `limner list` prints the sources."
    )


def is_folder(source: str, library: Library) -> bool:
    """Whether documents come from below the source, or would: it was added by itself."""
    at = library.sources_at([source])
    if source in at:
        return False
    return bool(at) or any(root.source == source for root in library.roots.all())
