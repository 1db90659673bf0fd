"""`limner add`, `list`, `show` and `remove`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from langchain_core.documents import Document

from assistant.answer import Source
from assistant.assistant import Assistant
from assistant.cli.progress import shown
from assistant.cli.sources import as_typed, file_name, find, find_or_folder, loader_named
from assistant.cli.terminal import err, exit_code, opened, print_json, printable, say
from assistant.counting import number_of
from assistant.report import Report
from loaders import AdaptedLoader
from retrievers import Hit
from retrievers.evidence import place_name

NO_CAPTIONER = (
    "Figures are found by their captions and the text in them. To have them described by what "
    "they show as well, see: limner doctor"
)
MAX_TRIES = 3
"""How often a person is asked for the password of one document."""


def add(
    sources: list[str],
    passwords: list[str],
    loader: str | None,
    library: Path | None,
    as_json: bool,
    *,
    depth: int = 0,
    fetch_remote_images: bool = False,
    collections: Sequence[str] = (),
) -> None:
    """Read sources into the library with progress on stderr.

    loader: a LangChain loader, `package.module:ClassName`; the sources are its arguments then.
    """
    with opened(library, create=True) as assistant:
        n_figures = sum(d.n_figures for d in assistant.documents())
        typed: list[str | AdaptedLoader] = (
            [loader_named(loader, sources)] if loader else [as_typed(s) for s in sources]
        )
        report = shown(
            lambda step: assistant.add(
                typed,
                passwords=passwords,
                on_progress=step,
                depth=depth,
                fetch_remote_images=fetch_remote_images,
                collections=collections,
            )
        )
        is_person_there = not as_json and sys.stdin.isatty() and err.is_terminal
        if report.locked and not report.interrupt and is_person_there:
            _ask_for_passwords(assistant, report, collections)
        if as_json:
            print_json(report.to_dict())
        else:
            tell(report)
        # Once a library, with its first figures; `limner doctor` says it at any time.
        if report.figures and not n_figures and assistant.lacks_captioner:
            err.print(NO_CAPTIONER, style="yellow")
        if not report.interrupt:
            tell_of_interrupted(assistant)
    end(report)


def end(report: Report) -> None:
    """End the command as its run ended."""
    if report.interrupt:
        left = (
            f"{number_of(report.n_unread, 'source')} not read"
            if report.n_unread
            else "all sources were read, but not all pictures were compared"
        )
        err.print(f"Stopped: {left}. Run the same command to go on.")
        raise typer.Exit(exit_code(report.interrupt))
    if report.has_done_nothing:
        raise typer.Exit(1)


def tell_of_interrupted(assistant: Assistant) -> None:
    """Say on stderr that an earlier run was interrupted, if so."""
    if left := assistant.interrupted:
        err.print(
            f"A run was interrupted; still to be read: {number_of(len(left), 'source')}. "
            "Go on with: limner sync",
            style="yellow",
        )


def _ask_for_passwords(assistant: Assistant, report: Report, collections: Sequence[str]) -> None:
    """Have a person type what opens the locked documents; one password often opens several."""
    known: list[str] = []
    for source in list(report.locked):
        retry = Report(locked=[source])
        if known:
            retry = _try(assistant, source, known, collections)
        for _ in range(MAX_TRIES):
            if not retry.locked:
                break
            question = f"Password of {printable(file_name(source))} (Enter leaves it out)"
            try:
                given = typer.prompt(
                    question, default="", hide_input=True, show_default=False, err=True
                )
            except typer.Abort:  # the report of what was read is still to be told
                return
            if not given:
                break
            known.append(given)
            retry = _try(assistant, source, [given], collections)
        if retry.interrupt:
            report.interrupt, report.n_unread = retry.interrupt, retry.n_unread
            return
        if known:
            report.take_in_retry(source, retry)


def _try(
    assistant: Assistant, source: str, passwords: Sequence[str], collections: Sequence[str]
) -> Report:
    return shown(
        lambda step: assistant.add(
            [source], passwords=passwords, on_progress=step, collections=collections
        )
    )


def list_documents(collection: str | None, library: Path | None, as_json: bool) -> None:
    """Print one line a document, of all or of one collection."""
    with opened(library) as assistant:
        documents = assistant.documents(collection)
        tell_of_interrupted(assistant)
        facts = assistant.library.facts()
    if as_json:
        print_json(
            {
                "library": facts,
                "documents": [
                    {
                        "source": d.source,
                        "title": d.title,
                        "pages": d.n_pages,
                        "chunks": d.n_chunks,
                        "figures": d.n_figures,
                        "added_at": d.added_at,
                        "dated_at": d.dated_at,
                        "collections": d.collections,
                    }
                    for d in documents
                ],
            }
        )
        return
    for d in documents:
        pages = f"{number_of(d.n_pages, 'page')}, " if d.n_pages else ""
        held = f"{pages}{number_of(d.n_chunks, 'piece')}, {number_of(d.n_figures, 'figure')}"
        within = f", in {', '.join(d.collections)}" if d.collections else ""
        day = (d.dated_at or d.added_at)[:10]
        say(f"{file_name(d.source)}  ({day}, {held}{within})  {d.source}")
    say(f"{number_of(len(documents), 'document')}.")


def show(source: str, library: Path | None, as_json: bool) -> None:
    """Print the evidence of one document in order."""
    with opened(library) as assistant:
        uri = find(assistant, source)
        evidence = assistant.library.evidence(uri)
        alike = {
            key: [hit for hit in assistant.library.similar_pictures(key) if not _is_here(hit, uri)]
            for key in {e.metadata["image_key"] for e in evidence if "image_key" in e.metadata}
        }
        document = next(d for d in assistant.documents() if d.source == uri)
    if as_json:
        print_json(
            {
                "source": uri,
                "title": document.title,
                "pages": document.n_pages,
                "evidence": [
                    {"text": e.page_content, **e.metadata, **_looks_like_json(e, alike)}
                    for e in evidence
                ],
            }
        )
        return
    say(f"{document.title}  {uri}", style="bold")
    for e in evidence:
        part = f"part {e.metadata['part']}" if "part" in e.metadata else ""
        where = ", ".join(filter(None, [place_name(e.metadata), e.metadata["modality"], part]))
        say(f"\n── {where} {e.metadata.get('image_url', '')}", style="dim")
        say(e.page_content)
        for hit in alike.get(e.metadata.get("image_key", ""), []) if not part else ():
            is_same = hit.document.metadata["image_key"] == e.metadata["image_key"]
            # Two charts of one template look alike as well.
            says = "also in: " if is_same else f"looks like ({hit.score:.2f}): "
            say(f"{says}{Source(0, hit.score, hit.document).place}", style="dim")


def _is_here(hit: Hit, uri: str) -> bool:
    return bool(hit.document.metadata["source"] == uri)


def _looks_like_json(
    evidence: Document, alike: Mapping[str, Sequence[Hit]]
) -> dict[str, list[dict[str, Any]]]:
    """Where else a copy or crop of the picture stands; nothing where it stands nowhere else."""
    hits = alike.get(evidence.metadata.get("image_key", ""), [])
    keys = ("source", "title", "page", "sheet", "section", "start", "image_key", "chunk_id")
    places = [
        {key: hit.document.metadata[key] for key in keys if key in hit.document.metadata}
        | {"similarity": hit.similarity}
        for hit in hits
    ]
    return {"looks_like": places} if places else {}


def remove(sources: list[str], library: Path | None, as_json: bool) -> None:
    """Take documents out, each by path, URI or file name, or all below a folder.

    None where one is unknown.
    """
    with opened(library) as assistant:
        named = list(dict.fromkeys(find_or_folder(assistant, source) for source in sources))
        removed = []
        for uri in named:
            if assistant.is_folder(uri):
                removed += assistant.remove_folder(uri)
            elif uri not in removed:
                assistant.remove(uri)
                removed.append(uri)
    if as_json:
        print_json({"removed": removed})
    else:
        for uri in removed or named:
            say(f"Removed {uri}")


def tell(report: Report) -> None:
    """Say what a run did."""
    more = [f"{report.moved} moved"] * bool(report.moved)
    more += [f"{report.removed} removed"] * bool(report.removed)
    counts = [f"{report.added} added", f"{report.updated} updated", *more]
    say(
        f"{', '.join(counts)}, {report.unchanged} unchanged, "
        f"{len(report.failed)} failed: {number_of(report.pages, 'page')}, "
        f"{number_of(report.chunks, 'piece')} of evidence, "
        f"{number_of(report.figures, 'figure')} in {report.seconds:.0f} s."
    )
    for title, entries in (("Not read", report.failed), ("Left out", _together(report.skipped))):
        if entries:
            say(f"\n{title}:")
        names = _distinct_names([source for source, _ in entries])
        for source, reason in entries:
            say(f"  {names[source]}: {reason}")


def _distinct_names(sources: Sequence[str]) -> dict[str, str]:
    """The file name of each source, with its folder where another has the same."""
    of_name: dict[str, set[str]] = {}
    for source in sources:
        of_name.setdefault(file_name(source), set()).add(source)
    return {
        source: f"{file_name(source.rpartition('/')[0])}/{name}" if len(alike) > 1 else name
        for name, alike in of_name.items()
        for source in alike
    }


def _together(skipped: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """One entry for what was left out of a source for the same reason; it names the first."""
    found: dict[tuple[str, str], list[str]] = {}
    for source, told in skipped:
        what, _, reason = told.partition(": ")
        found.setdefault((source, reason), []).append(what)
    return [
        (source, f"{whats[0]}{f' and {n} more' if (n := len(whats) - 1) else ''}: {reason}")
        for (source, reason), whats in found.items()
    ]
