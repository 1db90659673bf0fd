"""Proves that a library and its pictures are whole, and mends what is not.

Ties `retrievers.verification` to the media store and the uploads. Leaves out how it is told.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from assistant import uploads
from assistant.assistant import Assistant
from assistant.counting import number_of
from assistant.settings import Settings
from loaders import LoaderError, MediaStore
from loaders.disused import DisusedPictures
from loaders.errors import StoreUnusable
from loaders.media_check import picture_fault, read_pages, thumbnail_fault, thumbnails
from retrievers import Library, LibraryDamaged, MiniLMEmbeddings
from retrievers.faults import READ_ANEW, REPAIR, Fault, Findings, Note
from retrievers.progress import OnProgress
from retrievers.salvage import n_readable, salvage
from retrievers.verification import FILE

PICTURE, THUMBNAIL, LEFT_OVER = "picture", "thumbnail", "left over"
PICTURES_AT_ONCE = 500
MAX_NAMED = 3
"""Documents that are named for one picture."""


def verify(settings: Settings, *, mends: bool, on_progress: OnProgress) -> Findings:
    """What is wrong with the library of the settings; with mends, what still is after mending.

    Raises a LibraryError where it cannot be opened, or cannot be written.
    """
    path = settings.library.resolve() / "library.sqlite"
    model = MiniLMEmbeddings(settings.embedding_model).name
    saved: list[Note] = []
    assistant = None
    try:
        assistant = Assistant.open(settings)
    except LibraryDamaged as error:
        if not mends:
            reason = error.__cause__ or error
            raise LibraryDamaged(f"{path} is damaged ({reason}). {_readable(path)}") from error
    if assistant is None:  # with the error, what it held of the file is gone
        saved = [_salvaged(path, model)]
        assistant = Assistant.open(settings)
    with assistant:
        before = _examined(assistant, on_progress)
        to_mend = before.faults or saved or uploads.removals(assistant.library.folder)
        if not mends or not to_mend:
            return before
        is_file_damaged = any(fault.what == FILE for fault in before.faults)
        if not is_file_damaged:
            return _mended(assistant, before, saved, on_progress)
    saved.append(_salvaged(path, model))
    with Assistant.open(settings) as assistant:
        found = _examined(assistant, on_progress)
        after = _mended(assistant, found, saved, on_progress)
        after.n_repaired += len(before.faults)
        return after


def _examined(assistant: Assistant, on_progress: OnProgress) -> Findings:
    findings = assistant.library.verify(on_progress)
    if not any(fault.what == FILE for fault in findings.faults):
        findings.faults += _picture_faults(assistant, findings.n_pictures, on_progress)
        _find_left_over(assistant, findings)
        findings.notes += _uploads_to_come(assistant.library)
    return findings


def _mended(
    assistant: Assistant, before: Findings, saved: list[Note], on_progress: OnProgress
) -> Findings:
    library, media = assistant.library, assistant.media
    library.repair(before.faults, on_progress)
    uploads.end_removals(library.folder, library.sources)
    for fault in before.faults:
        if fault.what == THUMBNAIL:
            _make_thumbnail(media, fault.where)
        elif fault.what == PICTURE:
            library.read_anew(library.showing(fault.where))
    _delete_left_over(assistant)
    after = _examined(assistant, on_progress)
    after.n_repaired = len(saved) + sum(fault not in after.faults for fault in before.faults)
    after.notes = saved + after.notes
    return after


# Pictures that are referred to


def _picture_faults(assistant: Assistant, n: int, on_progress: OnProgress) -> Iterator[Fault]:
    """Whether each picture of the evidence is there, and as it was stored."""
    library, media = assistant.library, assistant.media
    for n_done, key in enumerate(_shown(library)):
        if n_done % 20 == 0:
            on_progress("pictures", n_done, n)
        wrong = picture_fault(media, key)
        # A document that showed it may be gone meanwhile.
        if wrong and (sources := library.showing(key)):
            named = ", ".join(sources[:MAX_NAMED])
            detail = f"{wrong}; shown by {number_of(len(sources), 'document')}: {named}"
            yield Fault(PICTURE, key, detail, f"{REPAIR}has it that {READ_ANEW}")
        elif not wrong and (thin := thumbnail_fault(media, key)) and library.showing(key):
            yield Fault(THUMBNAIL, key, thin, f"{REPAIR}makes it anew")


def _shown(library: Library) -> Iterator[str]:
    last = ""
    while keys := library.image_keys_after(last, PICTURES_AT_ONCE):
        yield from keys
        last = keys[-1]


def _make_thumbnail(media: MediaStore, key: str) -> None:
    try:
        media.make_thumbnail(key)
    except (LoaderError, OSError):
        return  # it is told again


# What nothing refers to


def _find_left_over(assistant: Assistant, findings: Findings) -> None:
    """Tell what nothing refers to, unless a run may just be about to."""
    disused = DisusedPictures(assistant.media)
    with disused.alone() as is_alone:
        if not is_alone:
            what = "another process adds documents: what it is about to use was not looked for"
            findings.notes.append(Note("left over", str(assistant.media.folder), what))
            return
        waiting = set(disused.noted())
        n_waiting = 0
        for path, key in _left_over(assistant):
            if key in waiting or key == UNFINISHED:
                n_waiting += 1
            else:
                what = f"{REPAIR}deletes it"
                findings.faults.append(Fault(LEFT_OVER, str(path), "nothing refers to it", what))
        if n_waiting:
            left = f"{number_of(n_waiting, 'file')} of a run that was ended"
            told = f"{left}, to be deleted by the next limner add"
            findings.notes.append(Note("left over", str(assistant.media.folder), told))


def _delete_left_over(assistant: Assistant) -> None:
    disused = DisusedPictures(assistant.media)
    with disused.alone() as is_alone:
        if is_alone:
            try:
                uploads.discard_unfinished(assistant.library.folder)
                for path, _ in _left_over(assistant):
                    if path.is_dir():
                        shutil.rmtree(path)
                    else:
                        path.unlink(missing_ok=True)
            except OSError as error:
                raise StoreUnusable(
                    f"{error.filename} cannot be deleted ({error.strerror}). Check the permissions "
                    "of the folder, and try again."
                ) from error
    disused.delete(assistant.library.image_keys)


UNFINISHED = "unfinished"


def _left_over(assistant: Assistant) -> Iterator[tuple[Path, str]]:
    """Files and folders that nothing refers to; with the key where it is a picture's."""
    library, media = assistant.library, assistant.media
    yield from _unused(library, ((key, media.path(key)) for key in media.keys()))  # noqa: SIM118 - no mapping
    yield from _unused(library, thumbnails(media))
    yield from ((path, UNFINISHED) for path in media.unfinished())
    sources = {document.source for document in library.documents()}
    pages = {media.page_readings(source).folder for source in sources}
    yield from ((path, "") for path in read_pages(media) if path not in pages)
    yield from ((path, "") for path in uploads.unfinished(library.folder))


def _uploads_to_come(library: Library) -> Iterator[Note]:
    """Uploads that are no documents: each may be a person's only copy, and is never deleted."""
    known = set(library.sources())
    for path in uploads.all_below(library.folder):
        if path.as_uri() not in known:
            yield Note("to be read", str(path), "an upload; the next limner sync reads it")
    for path, place in uploads.removals(library.folder).items():
        end = "puts it back" if path.as_uri() in known else "deletes it"
        yield Note("removal", str(place), f"it was cut short; the next limner sync {end}")


def _unused(library: Library, found: Iterable[tuple[str, Path]]) -> Iterator[tuple[Path, str]]:
    files = iter(found)
    while block := dict(islice(files, PICTURES_AT_ONCE)):
        for key in library.unused_pictures(list(block)):
            yield block[key], key


# A file that SQLite cannot read


def _readable(path: Path) -> str:
    if n := n_readable(path):
        how = "limner verify --repair"
        return f"{n} of its documents can still be read. Put them into a new file with: {how}"
    return "None of its documents can be read. Restore it from a backup, or add the documents anew."


def _salvaged(path: Path, model: str) -> Note:
    kept = salvage(path, model)
    told = f"what could be read is in a new file; the damaged one is {kept}"
    return Note("saved", path.name, told)
