"""Proves that a library is whole: its SQLite file, each document, and the indexes made from it.

It only reads, a row at a time, each part in one state of the library while others write. Leaves
out the pictures themselves, `assistant.verification`, and mending, `retrievers.repair`.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from retrievers import evidence
from retrievers.database import Database, setting
from retrievers.errors import LibraryDamaged
from retrievers.faults import READ_ANEW, REPAIR, Fault, Findings, Note
from retrievers.lexical import LexicalIndex
from retrievers.picture_marks import is_stored
from retrievers.progress import OnProgress
from retrievers.recorded_model import from_text
from retrievers.vectors import VectorIndex

FILE, DOCUMENT, ORPHAN, ROOT, MODEL, PICTURE_ROWS, INDEX = (
    "sqlite file",
    "document",
    "orphan",
    "root",
    "model",
    "picture rows",
    "index",
)
"""Kinds of faults."""
SALVAGE = f"{REPAIR}puts what can be read of it into a new file"
MAX_TOLD = 100
"""Of SQLite's own complaints about one file."""
TRIES = 3
MAX_DEVIATION = 1e-3
"""Of a vector's length from 1."""
DOCUMENTS_BETWEEN_STEPS = 50
INDEX_FILES = {
    "vectors.faiss": ("vectors", "dimension"),
    "pictures.faiss": ("picture_vectors", "picture_dimension"),
}
ORPHANS = {
    "vectors of no chunk": "vectors WHERE id NOT IN (SELECT id FROM chunks)",
    "new vectors of no chunk": "new_vectors WHERE id NOT IN (SELECT id FROM chunks)",
    "chunks of no document": "chunks WHERE document_id NOT IN (SELECT id FROM documents)",
    "entries of collections without a document": (
        "collections WHERE document_id NOT IN (SELECT id FROM documents)"
    ),
}
ENTRY = (
    "typeof(source) = 'text' AND typeof(title) = 'text' AND typeof(fingerprint) = 'text' AND "
    "typeof(added_at) = 'text' AND typeof(checksum) = 'text' AND "
    "typeof(n_pages) IN ('integer', 'null') AND typeof(dated_at) IN ('text', 'null'), "
    "source, title, fingerprint, added_at, dated_at"
)
SHOWN = "(SELECT image_key FROM chunks WHERE image_key IS NOT NULL)"
STRAY_PICTURES = {
    "looks of pictures that no chunk shows": f"pictures WHERE image_key NOT IN {SHOWN}",
    "vectors of pictures that no chunk shows": f"picture_vectors WHERE image_key NOT IN {SHOWN}",
    "links between pictures that are not both known": (
        "picture_links WHERE image_key NOT IN (SELECT image_key FROM pictures) "
        "OR other_key NOT IN (SELECT image_key FROM pictures)"
    ),
    "links that lead one way only": (
        "picture_links AS link WHERE NOT EXISTS (SELECT 1 FROM picture_links AS back WHERE "
        "back.image_key = link.other_key AND back.other_key = link.image_key)"
    ),
}
"""What is wrong → the rows of which that is so, as SQL after FROM."""


def examine(
    database: Database, words: LexicalIndex, findings: Findings, on_progress: OnProgress
) -> None:
    """Find what is wrong with the library's SQLite file and its indexes."""
    try:
        _examine_file(database, findings, on_progress)
    except LibraryDamaged as error:
        findings.faults = [Fault(FILE, database.path.name, str(error), SALVAGE)]
    if not any(fault.what == FILE for fault in findings.faults):
        on_progress("the indexes", 0, 1)
        findings.faults += _of_indexes(database, words, findings)


def _examine_file(database: Database, findings: Findings, on_progress: OnProgress) -> None:
    with database.reading() as connection, lenient(connection):
        on_progress("the SQLite file", 0, 1)
        findings.faults += _of_file(connection, database.path)
        if findings.faults:
            return
        findings.n_documents, findings.n_chunks, findings.n_pictures = _numbers(connection)
        findings.faults += _of_rows(connection)
        findings.faults += _of_picture_rows(connection)
        for fault in _of_documents(connection, findings.n_documents, on_progress):
            findings.faults.append(fault)
        findings.notes += _notes(connection)


@contextmanager
def lenient(connection: sqlite3.Connection) -> Iterator[None]:
    """Have what is no text be read as well as it goes: bytes that are none as surrogates."""
    connection.text_factory = lambda stored: stored.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        connection.text_factory = str


def vector_fault(stored: Any, dimension: int, text: Any) -> str | None:
    """What is wrong with a chunk's vector as it is stored."""
    if stored is None:
        return "missing"
    if not isinstance(stored, bytes) or len(stored) != 4 * dimension:
        return f"not {dimension} numbers long"
    length = float(np.linalg.norm(np.frombuffer(stored, dtype="<f4").astype(np.float64)))
    # Embeddings may have nothing to say of a text without words.
    says_nothing = length == 0 and not any(c.isalnum() for c in str(text))
    return None if abs(length - 1) <= MAX_DEVIATION or says_nothing else "not of length 1"


def _of_file(connection: sqlite3.Connection, path: Path) -> Iterator[Fault]:
    """What SQLite itself finds wrong with its file."""
    try:
        found = [row[0] for row in connection.execute(f"PRAGMA integrity_check({MAX_TOLD})")]
    except sqlite3.DatabaseError as error:
        found = [str(error)]
    for text in found:
        if text != "ok":
            yield Fault(FILE, path.name, str(text), SALVAGE)


def _numbers(connection: sqlite3.Connection) -> tuple[int, int, int]:
    documents, chunks, pictures = connection.execute(
        "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM chunks), "
        "(SELECT count(DISTINCT image_key) FROM chunks WHERE image_key IS NOT NULL)"
    ).fetchone()
    return documents, chunks, pictures


def _of_rows(connection: sqlite3.Connection) -> Iterator[Fault]:
    """Rows that refer to nothing, and how what a person added is to be read, where it cannot be."""
    for what, rows in ORPHANS.items():
        if n := _count(connection, rows):
            done = "keeps their text as a document" if "chunks of" in what else "takes them out"
            yield Fault(ORPHAN, "library.sqlite", f"{n} {what}", f"{REPAIR}{done}")
    if is_probe_damaged(connection):
        detail = "what it keeps of its embedding model cannot be read"
        yield Fault(MODEL, "library.sqlite", detail, f"{REPAIR}goes by its first text instead")
    for source, options in connection.execute("SELECT source, options FROM roots"):
        if not is_object(options):
            detail = "the options with which it was added are no JSON object"
            yield Fault(ROOT, str(source), detail, f"{REPAIR}sets them to those by default")


def is_probe_damaged(connection: sqlite3.Connection) -> bool:
    """Whether the vector by which the library knows its embedding model is none."""
    recorded = setting(connection, "probe")
    if recorded is None:
        return False
    try:
        return str(from_text(recorded).shape[1]) != setting(connection, "dimension")
    except LibraryDamaged:
        return True


def _of_picture_rows(connection: sqlite3.Connection) -> Iterator[Fault]:
    repair = f"{REPAIR}takes them out; what is right is learnt again by the next limner add"
    for what, rows in STRAY_PICTURES.items():
        if n := _count(connection, rows):
            yield Fault(PICTURE_ROWS, "library.sqlite", f"{n} {what}", repair)
    if n := len(bad_marks(connection)):
        yield Fault(PICTURE_ROWS, "library.sqlite", f"{n} unreadable looks of pictures", repair)
    if n := len(bad_picture_vectors(connection)):
        yield Fault(PICTURE_ROWS, "library.sqlite", f"{n} unusable vectors of pictures", repair)


def bad_marks(connection: sqlite3.Connection) -> list[int]:
    """The rows of pictures whose looks cannot be read."""
    rows = connection.execute("SELECT id, marks FROM pictures")
    return [number for number, marks in rows if not is_stored(marks)]


def bad_picture_vectors(connection: sqlite3.Connection) -> list[int]:
    """The rows of pictures' vectors that cannot be used."""
    dimension = int(setting(connection, "picture_dimension") or 0)
    rows = connection.execute("SELECT id, vector FROM picture_vectors")
    return [number for number, vector in rows if vector_fault(vector, dimension, "a picture")]


def _of_documents(
    connection: sqlite3.Connection, n: int, on_progress: OnProgress
) -> Iterator[Fault]:
    dimension = int(setting(connection, "dimension") or 0)
    yield from _with_removed_ids(connection)
    rows = connection.execute(f"SELECT id, source, checksum, {ENTRY} FROM documents ORDER BY id")  # noqa: S608 - constants
    for n_done, (number, source, checksum, *entry) in enumerate(rows):
        if n_done % DOCUMENTS_BETWEEN_STEPS == 0:
            on_progress("documents", n_done, n)
        if not is_entry(*entry):
            repair = f"{REPAIR}keeps what can be read of it; {READ_ANEW}"
            yield Fault(DOCUMENT, str(source), "its entry cannot be read", repair, number)
        for detail in document_faults(connection, number, checksum, dimension):
            repair = f"{REPAIR}puts it in again from what can be read"
            if not detail.is_derived:
                repair += f"; {READ_ANEW}"
            yield Fault(DOCUMENT, str(source), detail.text, repair, number)


def is_entry(is_typed: Any, *texts: Any) -> bool:
    """Whether what is noted of a document can be read, by the values of ENTRY."""
    return bool(is_typed) and all(_is_text(text) for text in texts if text is not None)


def _with_removed_ids(connection: sqlite3.Connection) -> Iterator[Fault]:
    rows = connection.execute(
        "SELECT DISTINCT documents.id, source FROM removals "
        "CROSS JOIN chunks ON chunks.id BETWEEN first_id AND last_id "
        "JOIN documents ON documents.id = document_id WHERE name = 'vectors'"
    )
    for number, source in rows:
        repair = f"{REPAIR}puts it in again from what can be read"
        yield Fault(DOCUMENT, str(source), "ids of its chunks count as removed", repair, number)


class DocumentFault:
    """What is wrong with a document. is_derived: all that was read from its source is there."""

    def __init__(self, text: str, *, is_derived: bool) -> None:
        self.text = text
        self.is_derived = is_derived


def document_faults(
    connection: sqlite3.Connection, number: int, checksum: str, dimension: int
) -> Iterator[DocumentFault]:
    """What is wrong with a document's chunks and their vectors, a kind at a time."""
    wrong: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    if evidence.checksum(_stored(connection, number, dimension, wrong, lost)) != checksum:
        yield DocumentFault("its chunks are not those that were read", is_derived=False)
    for counter, is_derived in ((wrong, True), (lost, False)):
        for what, n in counter.items():
            yield DocumentFault(f"{what}: {n} of its chunks", is_derived=is_derived)


def _stored(
    connection: sqlite3.Connection,
    number: int,
    dimension: int,
    wrong: Counter[str],
    lost: Counter[str],
) -> Iterator[tuple[Any, ...]]:
    """A document's rows as of `evidence.SELECT_STORED`, looked at one by one."""
    rows = connection.execute(
        "SELECT chunks.id, position, vectors.vector, text, metadata, chunk_id, modality, page, "
        "image_key FROM chunks LEFT JOIN vectors USING (id) WHERE document_id = ? "
        "ORDER BY position",
        (number,),
    )
    first = None
    for place, (own, position, vector, *values) in enumerate(rows):
        first = own if first is None else first
        if position != place or own != first + place:
            wrong["not one after the other"] += 1
        if fault := vector_fault(vector, dimension, values[0]):
            wrong[f"a vector is {fault}"] += 1
        if fault := _value_fault(*values):
            lost[fault] += 1
        yield tuple(evidence.encodable(v) if isinstance(v, str) else v for v in values)


def _value_fault(
    text: Any, metadata: Any, chunk_id: Any, modality: Any, page: Any, image_key: Any
) -> str | None:
    if not all(_is_text(value) for value in (text, chunk_id, modality, metadata)):
        return "what should be text is none"
    if not is_object(metadata):
        return "the metadata are no JSON object"
    if not isinstance(page, int | None):
        return "the page is no number"
    if image_key is not None and not evidence.is_picture_name(image_key):
        return "the key of a picture is none"
    return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and evidence.encodable(value) == value


def is_object(stored: Any) -> bool:
    """Whether that is a JSON object as it is stored."""
    try:
        evidence.stored_metadata(stored)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _notes(connection: sqlite3.Connection) -> Iterator[Note]:
    for (source,) in connection.execute("SELECT source FROM documents WHERE fingerprint = ''"):
        yield Note("to be read", str(source), READ_ANEW)
    if n := _count(connection, "journal"):
        yield Note("to be done", "journal", f"{n} sources, by the next limner add or limner sync")
    not_known = f"{SHOWN} AS shown"
    compared = "(SELECT image_key FROM pictures)"
    n = connection.execute(
        f"SELECT count(DISTINCT image_key) FROM {not_known} WHERE image_key NOT IN {compared}"  # noqa: S608 - constants
    ).fetchone()[0]
    if n:
        yield Note("not compared yet", "pictures", f"{n}, by the next limner add")


def _of_indexes(database: Database, words: LexicalIndex, findings: Findings) -> Iterator[Fault]:
    folder = database.path.parent
    repair = f"{REPAIR}makes it anew from the library"
    for name, (table, dimension) in INDEX_FILES.items():
        index = VectorIndex(folder / name, table=table, dimension_setting=dimension)
        if detail := _asked(database, index.check):
            yield Fault(INDEX, name, detail, repair)
        elif index.n_removed:
            detail = (
                f"{index.n_removed} vectors that were removed; the process that removed them, or "
                "the next that searches the library, takes them out when it ends at the latest"
            )
            findings.notes.append(Note("still in the file", name, detail))
    if detail := _asked(database, words.check):
        yield Fault(INDEX, "lexical", detail, repair)


def _asked(database: Database, check: Callable[[sqlite3.Connection], str | None]) -> str | None:
    """What is wrong; asked again, since another process may just have written the file."""
    detail = None
    for _ in range(TRIES):
        with database.reading() as connection:
            detail = check(connection)
        if detail is None:
            break
    return detail


def _count(connection: sqlite3.Connection, rows: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {rows}").fetchone()[0])  # noqa: S608 - constants
