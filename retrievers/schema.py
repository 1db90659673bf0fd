"""What a library's SQLite file may hold: the tables of `schema.sql`, and nothing else.

A view in the place of a table, a trigger or an index over an expression would run what somebody
else wrote. Leaves out what stands in the tables: that is `retrievers.verification`.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing, suppress
from functools import cache
from importlib.resources import files

Objects = dict[str, str]
"""Name → what it is and the SQL that made it, without spaces, quotes and comments."""

MAX_DIMENSION = 65_536
MAX_GENERATION = 1 << 62
"""In nanoseconds since 1970 the year 2116."""
LATER = frozenset(("pictures", "picture_links", "links_by_other", "picture_vectors"))
"""What the first libraries of format 1 did not have."""
MAX_ID = 1 << 40
"""Of a document, a chunk or a vector: a thousand a second make it in 35 years."""
WITH_IDS = ("documents", "chunks", "vectors", "new_vectors", "picture_vectors")
DIMENSIONS = ("dimension", "picture_dimension")
_SPACE = re.compile(r"--[^\n]*|[\s\"'`\[\]]+")


def statements(name: str = "schema.sql") -> str:
    """The SQL that makes the tables."""
    return files("retrievers").joinpath(name).read_text("utf-8")


def objects(connection: sqlite3.Connection) -> Objects:
    """What a file holds, apart from SQLite's own."""
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master")
    return {
        str(name): f"{kind} {_plain(sql)}"
        for kind, name, of, sql in rows
        if not (str(name).startswith("sqlite_") and kind in ("table", "index") and of)
    }


@cache
def expected(name: str = "schema.sql") -> Objects:
    """What a whole library holds."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(statements(name))
        return objects(connection)


def is_table(found: Objects, name: str) -> bool:
    """Whether it is a plain table: what only has the name of one may run anything."""
    return found.get(name, "").startswith("table createtable")


def fault(found: Objects) -> str | None:
    """What is wrong with the tables of a file that says it has this format."""
    return difference(found, expected())


def format_one_fault(found: Objects) -> str | None:
    """What is wrong with the tables of a file that says it has format 1."""
    wanted = expected("format_1.sql")
    return difference(
        found, {name: wanted[name] for name in wanted if name in found or name not in LATER}
    )


def difference(found: Objects, wanted: Objects) -> str | None:
    """What tells the one from the other."""
    for name, made in wanted.items():
        if name not in found:
            return f"{made.partition(' ')[0]} {name} is missing"
        if found[name] != made:
            return f"{found[name].partition(' ')[0]} {name} is not what limner makes"
    for name in sorted(found.keys() - wanted.keys()):
        return (
            f"it holds a {found[name].partition(' ')[0]}, {name[:60]!r}, that limner does not make"
        )
    return None


def values_fault(connection: sqlite3.Connection) -> str | None:
    """What is wrong with the numbers on which all else rests."""
    rows = connection.execute("SELECT key, value FROM settings WHERE key LIKE '%dimension'")
    for key, value in rows:
        is_number = isinstance(value, str) and re.fullmatch(r"[0-9]{1,6}", value)
        if key in DIMENSIONS and not (is_number and 0 < int(value) <= MAX_DIMENSION):
            return f"its setting {key} is {str(value)[:60]!r}"
    newest = connection.execute("SELECT max(generation) FROM generations").fetchone()[0]
    if newest is not None and not 0 <= newest <= MAX_GENERATION:
        return f"its generation is {newest}"
    # Where not even these can be read, the rest may be: that is told by who looks for it.
    with suppress(sqlite3.DatabaseError):
        return _ids_fault(connection)
    return None


def _ids_fault(connection: sqlite3.Connection) -> str | None:
    for table in WITH_IDS:
        first, last = connection.execute(
            f"SELECT (SELECT min(id) FROM {table}), (SELECT max(id) FROM {table})"  # noqa: S608 - constants
        ).fetchone()
        for number in (first, last):
            if number is not None and not 0 < number <= MAX_ID:
                return f"an id in its table {table} is {number}"
    for table, given in connection.execute("SELECT name, seq FROM sqlite_sequence"):
        if not (isinstance(given, int) and 0 <= given <= MAX_ID):
            return f"the last id that its table {str(table)[:60]} gave is {str(given)[:60]!r}"
    return None


def _plain(sql: str | None) -> str:
    return _SPACE.sub("", str(sql or "")).lower()
