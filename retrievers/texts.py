"""Texts that users of LangChain gave, taken out of the library's tables one by one.

Each function works inside the caller's transaction. Leaves out putting them in: they are documents
like others (`retrievers.catalogue`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence

from retrievers import catalogue, evidence
from retrievers.catalogue import Entry, Taken
from retrievers.errors import PartOfDocument
from retrievers.evidence import Row

CHANGED = " changed"
"""Ends the fingerprint of a document of which a text was taken out."""
IS_GIVEN = "json_extract(metadata, '$.given') IS TRUE"
WITH_ID = "chunk_id IN (SELECT value FROM json_each(?))"


def sources_of(connection: sqlite3.Connection, chunk_ids: Sequence[str]) -> list[str]:
    """The sources of the documents in which evidence has one of the ids."""
    rows = connection.execute(
        "SELECT DISTINCT source FROM documents JOIN chunks ON document_id = documents.id "  # noqa: S608 - constants
        f"WHERE {WITH_ID}",
        (json.dumps(list(chunk_ids)),),
    )
    return [row[0] for row in rows]


def take_out(
    connection: sqlite3.Connection, chunk_ids: Sequence[str], staying: Collection[str]
) -> list[Taken]:
    """Take texts out by their ids, and documents of which nothing is left.

    staying: sources that are about to be put in anew. Raises PartOfDocument.
    """
    chosen = json.dumps(list(chunk_ids))
    _check_given(connection, chosen)
    documents = connection.execute(
        "SELECT documents.id, source, count(*), (SELECT count(*) FROM chunks AS own "  # noqa: S608 - constants
        "WHERE own.document_id = documents.id) FROM documents "
        f"JOIN chunks ON document_id = documents.id WHERE {WITH_ID} GROUP BY documents.id",
        (chosen,),
    ).fetchall()
    taken = []
    for number, source, n_chosen, n_chunks in documents:
        if n_chosen < n_chunks:
            taken.append(_thinned(connection, number, set(chunk_ids)))
        elif source not in staying:
            taken.append(catalogue.take_out_evidence(connection, number))
            connection.execute("DELETE FROM documents WHERE id = ?", (number,))
    return taken


def _check_given(connection: sqlite3.Connection, chosen: str) -> None:
    row = connection.execute(
        "SELECT chunk_id, source FROM chunks JOIN documents ON documents.id = document_id "  # noqa: S608 - constants
        f"WHERE {WITH_ID} AND NOT ({IS_GIVEN})",
        (chosen,),
    ).fetchone()
    if row:
        raise PartOfDocument(
            f"{row[0]} is the id of evidence that limner has read in {row[1]}: it changes "
            "only with its document. Choose another id, or take that out with: "
            f"limner remove {row[1]}"
        )


def _thinned(connection: sqlite3.Connection, number: int, gone: Collection[str]) -> Taken:
    """Put a document in again without some of its texts."""
    columns = ", ".join(evidence.COLUMNS)
    stored = connection.execute(
        f"SELECT vector, text, metadata, {columns} FROM chunks JOIN vectors USING (id) "  # noqa: S608 - constants
        "WHERE document_id = ? ORDER BY position",
        (number,),
    ).fetchall()
    rows = [Row(*values) for _, *values in stored]
    vectors = {text: vector for vector, text, *_ in stored}
    source, title, n_pages, fingerprint, dated_at = connection.execute(
        "SELECT source, title, n_pages, fingerprint, dated_at FROM documents WHERE id = ?",
        (number,),
    ).fetchone()
    entry = Entry(source, title, n_pages, fingerprint.removesuffix(CHANGED) + CHANGED, dated_at)
    taken = catalogue.take_out_evidence(connection, number)
    left = [row for row in rows if row.chunk_id not in gone]
    catalogue.put_in(connection, number, entry, left, vectors)
    return taken
