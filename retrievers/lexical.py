"""Search by words: what a person types, as a query that FTS5 always understands.

Leaves out languages written without spaces: FTS5's unicode61 takes a run of Chinese or
Japanese for one word, so there the vectors must do.
"""

from __future__ import annotations

import json
import re
import sqlite3

from retrievers.vectors import Ids

MAX_TERMS = 64
"""A pasted page is a query too; its first words must do."""

WORD = re.compile(r"[^\W_]+(?:(?:-|(?<=\d)[.,:/](?=\d))[^\W_]+)*")
STOPWORDS = frozenset(
    """a about after all also am an and any are as at be because been before being between both
    but by can could d did do does doing done for from had has have having he her here him his how
    i if in into is it its just ll m may me might more most my no nor not of off on one only or
    other our out over own re s same shall she should so some such t than that the their them then
    there these they this those through to too under until up us ve very was we were what when
    where which while who whom whose why will with would you your""".split()  # noqa: SIM905 - a list of 120 strings would be 120 lines
)


def match_expression(query: str) -> str | None:
    """An FTS5 expression for any of the query's words, None if it has none.

    Words that say nothing are left out unless there are no others. What is written as one,
    such as 1,250.5 or GPT-4, is searched as one.
    """
    words = list(dict.fromkeys(word.lower() for word in WORD.findall(query)))
    telling = [word for word in words if word not in STOPWORDS] or words
    return " OR ".join(f'"{word}"' for word in telling[:MAX_TERMS]) or None


def best(connection: sqlite3.Connection, query: str, n: int, among: Ids | None = None) -> list[int]:
    """The ids of at most n chunks that share words with the query, best BM25 first."""
    expression = match_expression(query)
    if expression is None or (among is not None and not len(among)):
        return []
    where = ["lexical MATCH ?"]
    values: list[str | int] = [expression]
    if among is not None:
        # The bounds let FTS5 skip what lies outside. The plus keeps the list from it: it would
        # search once for each id.
        where.append("rowid BETWEEN ? AND ? AND +rowid IN (SELECT value FROM json_each(?))")
        values += [int(among.min()), int(among.max()), json.dumps(among.tolist())]
    rows = connection.execute(
        f"SELECT rowid FROM lexical WHERE {' AND '.join(where)} ORDER BY rank LIMIT ?",  # noqa: S608 - only constants
        [*values, n],
    )
    return [row[0] for row in rows]


def add(connection: sqlite3.Connection, document_id: int | None) -> None:
    """Index the words of a document's chunks. Call it after they are put in."""
    connection.execute(
        "INSERT INTO lexical (rowid, text, title) "
        "SELECT id, text, title FROM passages WHERE document_id = ?",
        (document_id,),
    )


def take_out(connection: sqlite3.Connection, document_id: int) -> None:
    """Forget the words of a document's chunks. Call it before they or their title go."""
    connection.execute(
        "INSERT INTO lexical (lexical, rowid, text, title) "
        "SELECT 'delete', id, text, title FROM passages WHERE document_id = ?",
        (document_id,),
    )


def check(connection: sqlite3.Connection) -> str | None:
    """What is wrong with the index; None where nothing is, or it cannot be looked at now."""
    try:
        connection.execute("INSERT INTO lexical (lexical, rank) VALUES ('integrity-check', 1)")
    except sqlite3.OperationalError:  # read-only, or another process writes
        return None
    except sqlite3.DatabaseError as error:
        return f"it does not fit the texts ({error})"
    return None


def rebuild(connection: sqlite3.Connection) -> None:
    """Make the index anew from the texts."""
    connection.execute("INSERT INTO lexical (lexical) VALUES ('rebuild')")
