"""Brings a library of format 1 to the present one: nothing is read or embedded again.

In one transaction: until its end the file is what it was. Leaves out the vectors of another
model: that is `retrievers.migration`.
"""

from __future__ import annotations

import sqlite3

from retrievers import evidence, schema
from retrievers.database import (
    SCHEMA_VERSION,
    Database,
    add_generation,
    make_tables,
    set_setting,
    setting,
)
from retrievers.errors import LibraryDamaged

FORMAT = "1"
REBUILT = ("generations", "documents", "chunks")
"""Tables that have other columns now."""
INDEXES = ("chunks_in_order", "chunks_by_modality", "chunks_by_chunk_id", "chunks_by_picture")
CHUNK_COLUMNS = "id, document_id, position, chunk_id, modality, page, image_key, metadata, text"


def convert(database: Database) -> None:
    """Bring the file to the present format, unless another process has done so meanwhile.

    Ids stay, and so does every vector. Raises LibraryLocked, LibraryUnwritable or LibraryDamaged;
    the file is as before then.
    """
    with database.writing() as connection:
        if setting(connection, "schema") != FORMAT:
            return
        _check(database, schema.format_one_fault(schema.objects(connection)))
        _move_aside(connection)
        make_tables(connection)
        _move_over(connection)
        for name in reversed(REBUILT):
            connection.execute(f"DROP TABLE old_{name}")
        set_setting(connection, "schema", SCHEMA_VERSION)
        set_setting(connection, "normalisation", "unit")
        # The only one that is known: an index made before does not know what was taken out since.
        add_generation(connection)
        fault = schema.fault(schema.objects(connection)) or schema.values_fault(connection)
        _check(database, fault)
    database.shrink_log()


def _check(database: Database, fault: str | None) -> None:
    """Raise LibraryDamaged if something is wrong: a trigger, say, would run in the conversion."""
    if fault:
        raise LibraryDamaged(
            f"{database.path} says that it is a library of format {FORMAT}, but is not a whole "
            f"one: {fault}. Nothing in it was changed. Restore it from a backup, or choose another "
            "folder with --library."
        )


def _move_aside(connection: sqlite3.Connection) -> None:
    """Make room for tables and indexes of the same names; the words have an index of their own."""
    connection.execute("DROP TABLE IF EXISTS lexical")
    connection.execute("DROP VIEW IF EXISTS passages")
    for name in INDEXES:
        connection.execute(f"DROP INDEX IF EXISTS {name}")
    for name in REBUILT:
        connection.execute(f"ALTER TABLE {name} RENAME TO old_{name}")


def _move_over(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO documents (id, source, title, n_pages, fingerprint, added_at, checksum) "
        "SELECT id, source, title, n_pages, fingerprint, added_at, '' FROM old_documents"
    )
    connection.execute(
        f"INSERT INTO chunks ({CHUNK_COLUMNS}) SELECT {CHUNK_COLUMNS} FROM old_chunks ORDER BY id"  # noqa: S608 - constants
    )
    connection.execute("INSERT INTO vectors SELECT id, vector FROM old_chunks ORDER BY id")
    numbers = [row[0] for row in connection.execute("SELECT id FROM documents")]
    connection.executemany(
        "UPDATE documents SET checksum = ? WHERE id = ?",
        (
            (evidence.checksum(connection.execute(evidence.SELECT_STORED, (number,))), number)
            for number in numbers
        ),
    )
    # Ids that were given out once are not given out again, though their rows are gone.
    for name in ("documents", "chunks"):
        connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
        connection.execute(
            "INSERT INTO sqlite_sequence SELECT ?, seq FROM sqlite_sequence WHERE name = ?",
            (name, f"old_{name}"),
        )
