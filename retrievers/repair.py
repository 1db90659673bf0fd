"""Mends a library: makes anew what is derived, and puts documents in again from what can be read.

Nothing that can be read is lost. Where something of a document is, its fingerprint is emptied, so
that its source is read anew. Repairing twice does what repairing once does. Leaves out the
pictures themselves, and a file that SQLite cannot read (`retrievers.salvage`).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from retrievers import catalogue, evidence, verification
from retrievers.catalogue import Entry
from retrievers.database import Database, add_generation, setting
from retrievers.errors import LibraryUnwritable
from retrievers.evidence import Row
from retrievers.faults import Fault
from retrievers.lexical import LexicalIndex
from retrievers.progress import OnProgress
from retrievers.vectors import VectorIndex

Embed = Callable[[Sequence[str]], dict[str, bytes]]
"""Text → vector as stored."""

LOST_SOURCE = "limner:lost-document-{number}"
LOST_TITLE = "Lost document {number}"
"""Of chunks whose document is not known any more."""
NOW = "strftime('%Y-%m-%dT%H:%M:%S+00:00')"
TRIES = 5


def repair(
    database: Database,
    words: LexicalIndex,
    faults: Iterable[Fault],
    embed: Embed,
    on_progress: OnProgress,
) -> None:
    """Mend what was found. Raises LibraryLocked or LibraryUnwritable; what is mended stays so."""
    found = list(faults)
    documents = sorted({fault.document for fault in found if fault.document is not None})
    kinds = {fault.what for fault in found}
    if kinds - {verification.DOCUMENT, verification.INDEX}:
        documents += _mend_rows(database)
    for n_done, number in enumerate(documents):
        on_progress("documents mended", n_done, len(documents))
        _put_in_again(database, number, embed)
    if not kinds:
        return
    for name, (table, dimension) in verification.INDEX_FILES.items():
        if documents or any(fault.where == name for fault in found):
            _make_index(database, database.path.parent / name, table, dimension)
    if any(fault.where == "lexical" for fault in found):
        _make_lexical(database, words)


def _mend_rows(database: Database) -> list[int]:
    """Take out rows that refer to nothing; gives documents that are to be put in again."""
    with database.writing() as connection, verification.lenient(connection):
        lost = _name_lost_documents(connection)
        vectors = _ids(connection, "vectors", verification.ORPHANS["vectors of no chunk"])
        stray = verification.STRAY_PICTURES["vectors of pictures that no chunk shows"]
        pictures = _ids(connection, "picture_vectors", stray)
        pictures = sorted({*pictures, *verification.bad_picture_vectors(connection)})
        _delete(connection, "pictures", verification.bad_marks(connection))
        _delete(connection, "picture_vectors", pictures)
        for rows in [*verification.ORPHANS.values(), *verification.STRAY_PICTURES.values()]:
            connection.execute(f"DELETE FROM {rows}")  # noqa: S608 - constants
        if verification.is_probe_damaged(connection):
            connection.execute("DELETE FROM settings WHERE key = 'probe'")
        roots = connection.execute("SELECT source, options FROM roots").fetchall()
        connection.executemany(
            "UPDATE roots SET options = '{}' WHERE source = ?",
            ((source,) for source, options in roots if not verification.is_object(options)),
        )
        add_generation(
            connection,
            vectors=catalogue.runs(vectors),
            picture_vectors=catalogue.runs(pictures),
        )
    return lost


def _name_lost_documents(connection: sqlite3.Connection) -> list[int]:
    """Give a name to documents of which only chunks are left."""
    rows = connection.execute(
        "SELECT DISTINCT document_id FROM chunks "
        "WHERE document_id NOT IN (SELECT id FROM documents)"
    ).fetchall()
    for (number,) in rows:
        connection.execute(
            "INSERT INTO documents (id, source, title, fingerprint, added_at, checksum) "  # noqa: S608 - constants
            f"VALUES (?, ?, ?, '', {NOW}, '')",
            (number, LOST_SOURCE.format(number=number), LOST_TITLE.format(number=number)),
        )
    return [number for (number,) in rows]


def _put_in_again(database: Database, number: int, embed: Embed) -> None:
    """Replace a document by what can be read of it, in one transaction."""
    vectors: dict[str, bytes] = {}
    for _ in range(TRIES):
        with database.reading() as connection, verification.lenient(connection):
            known = _known_vectors(connection, number)
            texts = [row.text for row in _rows(connection, number)]
        # Not while other processes wait to write.
        vectors |= embed([t for t in dict.fromkeys(texts) if t not in known and t not in vectors])
        with database.writing() as connection, verification.lenient(connection):
            entry = _entry(connection, number)
            rows = _rows(connection, number)
            known = vectors | _known_vectors(connection, number)
            if entry is None:
                return  # it was removed meanwhile
            if all(row.text in known for row in rows):
                _note_dimension(connection, known)
                _empty_unreadable_metadata(connection, number)
                taken = catalogue.take_out_evidence(connection, number)
                catalogue.put_in(connection, number, entry, rows, known)
                gone = catalogue.unused(connection, taken.image_keys)
                forgotten = catalogue.forget_pictures(connection, gone)
                add_generation(connection, vectors=taken.ids, picture_vectors=forgotten)
                return


def _empty_unreadable_metadata(connection: sqlite3.Connection, number: int) -> None:
    """SQLite reads them too, to tell figures from their parts."""
    stored = connection.execute("SELECT id, metadata FROM chunks WHERE document_id = ?", (number,))
    for own, metadata in stored.fetchall():
        if not verification.is_object(metadata):
            connection.execute("UPDATE chunks SET metadata = '{}' WHERE id = ?", (own,))


def _note_dimension(connection: sqlite3.Connection, vectors: dict[str, bytes]) -> None:
    """Note how long the vectors are, where that was lost."""
    for vector in vectors.values():
        connection.execute(
            "INSERT OR IGNORE INTO settings VALUES ('dimension', ?)", (str(len(vector) // 4),)
        )
        return


def _entry(connection: sqlite3.Connection, number: int) -> Entry | None:
    """What is noted of a document; without its fingerprint where something of it is lost."""
    stored = connection.execute(
        "SELECT source, title, n_pages, fingerprint, dated_at, checksum, "  # noqa: S608 - constants
        f"{verification.ENTRY} FROM documents WHERE id = ?",
        (number,),
    ).fetchone()
    if stored is None:
        return None
    source, title, n_pages, fingerprint, dated_at, checksum, *entry = stored
    dimension = int(setting(connection, "dimension") or 0)
    found = verification.document_faults(connection, number, checksum, dimension)
    is_whole = verification.is_entry(*entry) and all(fault.is_derived for fault in found)
    connection.execute(
        f"UPDATE documents SET added_at = {NOW} WHERE id = ? AND typeof(added_at) != 'text'",  # noqa: S608 - constants
        (number,),
    )
    return Entry(
        _text(source),
        _text(title),
        n_pages if isinstance(n_pages, int) else None,
        _text(fingerprint) if is_whole else "",
        _text(dated_at) if isinstance(dated_at, str) else None,
    )


def _rows(connection: sqlite3.Connection, number: int) -> list[Row]:
    """The chunks of a document, with what cannot be read left out."""
    return [_row(*stored) for stored in connection.execute(evidence.SELECT_STORED, (number,))]


def _row(text: Any, metadata: Any, chunk_id: Any, modality: Any, page: Any, image_key: Any) -> Row:
    whole = _text(text)
    digest = hashlib.sha256(whole.encode()).hexdigest()
    return Row(
        whole,
        _text(metadata) if verification.is_object(metadata) else json.dumps({}),
        _text(chunk_id) if isinstance(chunk_id, str) and chunk_id else digest[:32],
        _text(modality) if isinstance(modality, str) and modality else "text",
        page if isinstance(page, int) else None,
        image_key if evidence.is_picture_name(image_key) else None,
    )


def _known_vectors(connection: sqlite3.Connection, number: int) -> dict[str, bytes]:
    """Text → vector of the chunks that have one that can be used."""
    dimension = int(setting(connection, "dimension") or 0)
    rows = connection.execute(
        "SELECT text, vector FROM chunks JOIN vectors USING (id) WHERE document_id = ?", (number,)
    )
    return {
        _text(text): vector
        for text, vector in rows
        if verification.vector_fault(vector, dimension, text) is None
    }


def _make_lexical(database: Database, words: LexicalIndex) -> None:
    try:
        with database.reading() as connection:
            words.rebuild(connection)
    except (OSError, ValueError) as error:
        raise LibraryUnwritable(
            f"The index of the words cannot be written ({error}). Check the free space and the "
            "permissions of the folder; the library is whole without it."
        ) from error


def _make_index(database: Database, path: Path, table: str, dimension: str) -> None:
    path.unlink(missing_ok=True)
    index = VectorIndex(path, table=table, dimension_setting=dimension)
    index.save(database)


def _ids(connection: sqlite3.Connection, table: str, rows: str) -> list[int]:
    found = connection.execute(f"SELECT {table}.id FROM {rows} ORDER BY 1")  # noqa: S608 - constants
    return [row[0] for row in found]


def _delete(connection: sqlite3.Connection, table: str, numbers: Iterable[int]) -> None:
    connection.executemany(
        f"DELETE FROM {table} WHERE id = ?",  # noqa: S608 - a constant
        ((number,) for number in numbers),
    )


def _text(value: Any) -> str:
    """The value as text, with marks for bytes that are none."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return evidence.encodable(str(value or ""))
