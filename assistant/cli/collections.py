"""`limner collections` and `collect`: sets of documents, by name."""

from __future__ import annotations

from pathlib import Path

from assistant.cli.sources import find_all
from assistant.cli.terminal import opened, print_json, say
from assistant.counting import number_of
from retrievers import collection_names


def list_collections(library: Path | None, as_json: bool) -> None:
    """Print one line a collection."""
    with opened(library) as assistant:
        found = assistant.library.collections()
    if as_json:
        print_json({"collections": [{"name": n, "documents": count} for n, count in found.items()]})
        return
    for name, n_documents in found.items():
        say(f"{name}  ({number_of(n_documents, 'document')})")
    if not found:
        say("There are no collections. Make one with: limner collect NAME SOURCE...")


def collect(
    name: str, sources: list[str], library: Path | None, as_json: bool, *, remove: bool
) -> None:
    """Put documents into a collection or take them out, all or none where one is unknown."""
    with opened(library) as assistant:
        own = assistant.library
        chosen = find_all(assistant, sources)
        if remove:
            name = collection_names.known(name, own.collections())
            own.release(name, chosen)
        else:
            own.collect(name, chosen)
            name = collection_names.known(name, own.collections())
        within = [d.source for d in assistant.documents() if name in d.collections]
    if as_json:
        print_json({"collection": name, "documents": within})
    else:
        say(f"{name} has {number_of(len(within), 'document')} now.")
