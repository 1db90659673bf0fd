"""Which evidence a search may find: by source, collection, modality, date and metadata.

A filter chooses before the best are taken, so that none is lost to it. Leaves out the search.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from retrievers import evidence, sources
from retrievers.errors import InvalidFilter
from retrievers.vectors import Ids, ids_of

COMPARISONS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
OPERATORS = {"$eq", "$ne", "$in", "$nin", *COMPARISONS}
DATED = "date(coalesce(documents.dated_at, documents.added_at))"
"""SQL: the day of a document, by its file's own time where that is known."""
NUMBERS = "('integer', 'real')"
OWN_COLUMNS = {"source": "documents.source", "title": "documents.title"} | {
    name: f"chunks.{name}" for name in evidence.COLUMNS
}

Condition = tuple[str, list[Any]]
"""SQL over `chunks` and `documents`, and its values."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What evidence must be to be found; whatever is not set, or empty, chooses all.

    source: a glob on the file name or URI of its document. collection: the name of one that its
    document is in. since, until: its document's date, both inclusive; that of the file, or of
    when it was added where a file has none. metadata: key → the value it must have, or a list of
    which it must have one, or operators: {"page": {"$gte": 3, "$lt": 9}}, with $eq, $ne, $in,
    $nin, $gt, $gte, $lt, $lte; where the metadata hold a list, one of its entries must fit.
    """

    source: str | None = None
    modality: str | None = None
    collection: str | None = None
    since: date | None = None
    until: date | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def chooses_all(self) -> bool:
        """Whether no evidence is left out."""
        return self == EVERYTHING

    @property
    def key(self) -> str:
        """The same for filters that choose the same. Raises InvalidFilter."""
        try:
            return json.dumps(asdict(self), sort_keys=True, default=date.isoformat)
        except (TypeError, ValueError) as error:
            raise InvalidFilter(f"A filter holds JSON values only ({error}).") from error

    def chunks(self, connection: sqlite3.Connection) -> Ids | None:
        """The ids of the chunks to search, None for all. Raises InvalidFilter."""
        if self.chooses_all:
            return None
        conditions = [*self._of_documents(connection), *self._of_chunks()]
        where = " AND ".join(f"({sql})" for sql, _ in conditions)
        values = [value for _, own in conditions for value in own]
        rows = connection.execute(
            "SELECT chunks.id FROM chunks JOIN documents ON documents.id = document_id "  # noqa: S608 - built of constants
            f"WHERE {where} ORDER BY chunks.id",
            values,
        )
        return ids_of(rows)

    def pictures(self, connection: sqlite3.Connection) -> Ids | None:
        """The ids of the vectors of pictures that chosen documents show, None for all."""
        conditions = self._of_documents(connection)
        if not conditions:
            return None
        where = " AND ".join(f"({sql})" for sql, _ in conditions)
        values = [value for _, own in conditions for value in own]
        rows = connection.execute(
            "SELECT id FROM picture_vectors WHERE image_key IN (SELECT image_key FROM chunks "  # noqa: S608 - built of constants
            f"JOIN documents ON documents.id = document_id WHERE {where}) ORDER BY id",
            values,
        )
        return ids_of(rows)

    def _of_documents(self, connection: sqlite3.Connection) -> list[Condition]:
        found: list[Condition] = []
        if self.source is not None:
            chosen = [number for number, _ in matching(connection, self.source)]
            found.append(("document_id IN (SELECT value FROM json_each(?))", [json.dumps(chosen)]))
        if self.collection is not None:
            members = "SELECT document_id FROM collections WHERE name = ?"
            found.append((f"document_id IN ({members})", [self.collection]))
        if self.since is not None:
            found.append((f"{DATED} >= ?", [self.since.isoformat()]))
        if self.until is not None:
            found.append((f"{DATED} <= ?", [self.until.isoformat()]))
        return found

    def _of_chunks(self) -> list[Condition]:
        found: list[Condition] = []
        if self.modality is not None:
            found.append(("modality = ?", [self.modality]))
        for key, wanted in self.metadata.items():
            for operator, value in _operators(key, wanted).items():
                found.append(_condition(key, operator, value))
        return found


EVERYTHING = Filter()


def matching(connection: sqlite3.Connection, glob: str) -> list[tuple[int, str]]:
    """Id and source of the documents that a glob means."""
    rows = connection.execute("SELECT id, source FROM documents ORDER BY id").fetchall()
    chosen = set(sources.matching([source for _, source in rows], glob))
    return [(number, source) for number, source in rows if source in chosen]


def _operators(key: str, wanted: Any) -> Mapping[str, Any]:
    """What is asked of a key, as operators."""
    if isinstance(wanted, Mapping):
        if not wanted or not wanted.keys() <= OPERATORS:
            unknown = ", ".join(sorted(map(str, wanted.keys() - OPERATORS))) or "nothing"
            raise InvalidFilter(
                f"The filter of {key!r} asks for {unknown}. Known: {', '.join(sorted(OPERATORS))}."
            )
        return wanted
    return {"$in" if isinstance(wanted, list | tuple) else "$eq": wanted}


def _condition(key: str, operator: str, value: Any) -> Condition:
    values = list(value) if operator in ("$in", "$nin") and _is_list(value) else [value]
    for one in values:
        if not isinstance(one, str | int | float | bool):
            raise InvalidFilter(
                f"The filter of {key!r} compares with {one!r}: it takes text, numbers and truth "
                "values, or a list of them."
            )
    if operator in COMPARISONS:
        kinds = "('text')" if isinstance(value, str) else NUMBERS
        return _any_value(key, f"type IN {kinds} AND value {COMPARISONS[operator]} ?", [value])
    # As JSON, so that 1 is not "1"; SQLite gives true as 1.
    fits = _any_value(
        key,
        "(type = 'text', value) IN (SELECT type = 'text', value FROM json_each(?))",
        [json.dumps(values)],
    )
    return fits if operator in ("$eq", "$in") else (f"NOT {fits[0]}", fits[1])


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _any_value(key: str, test: str, values: list[Any]) -> Condition:
    """Whether the test holds for what stands under the key, or for one entry of its list."""
    if key in OWN_COLUMNS:
        column = OWN_COLUMNS[key]
        found = f"SELECT typeof({column}) AS type, {column} AS value WHERE {column} IS NOT NULL"
        return f"EXISTS (SELECT 1 FROM ({found}) WHERE {test})", values  # noqa: S608 - constants
    # A path in SQL could not name any key that there is.
    found = (
        "SELECT type, value FROM json_each(metadata) WHERE key = ? AND type != 'array' "
        "UNION ALL SELECT entry.type, entry.value FROM json_each(metadata) AS list, "
        "json_each(list.value) AS entry WHERE list.key = ? AND list.type = 'array'"
    )
    return f"EXISTS (SELECT 1 FROM ({found}) WHERE {test})", [key, key, *values]  # noqa: S608 - constants
