"""Which evidence a search may find: by source, collection, modality, date and metadata.

A filter chooses before the best are taken, so that none is lost to it. Leaves out the search.
"""

from __future__ import annotations

import json
import re
import reprlib
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any

from retrievers import collection_names, evidence, sources
from retrievers.errors import InvalidFilter
from retrievers.vectors import Ids, ids_of

COMPARISONS = {"$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
BETWEEN_HEADINGS = " › "
MAX_CONDITIONS = 100
"""On metadata. SQLite takes a thousand, of which these are a part."""
MAX_INTEGER = 2**63 - 1
OPERATORS = {"$eq", "$ne", "$in", "$nin", *COMPARISONS}
DATED = "date(coalesce(documents.dated_at, documents.added_at))"
"""SQL: the day of a document, by its file's own time where that is known."""
PLAIN_KEY = re.compile(r"[A-Za-z0-9_ .:-]{1,100}")
"""A key of the metadata that JSON and SQL write as it is."""
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
    $nin, $gt, $gte, $lt, $lte; where the metadata hold a list, one of its entries must fit, and
    of a `section` the whole path of headings or one of them. bounds: what must hold as well.
    """

    source: str | None = None
    modality: str | None = None
    collection: str | None = None
    since: date | None = None
    until: date | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    bounds: Filter | None = None

    def within(self, bounds: Filter) -> Filter:
        """What this filter chooses of that which the bounds choose: never more than either.

        Bounds tell nothing of what lies outside them: not even that a collection is there.
        """
        if self.chooses_all or bounds.chooses_all:
            return bounds if self.chooses_all else self
        return replace(self, bounds=bounds if self.bounds is None else self.bounds.within(bounds))

    @property
    def chooses_all(self) -> bool:
        """Whether no evidence is left out."""
        return self == EVERYTHING

    @property
    def key(self) -> str:
        """The same for filters that choose the same. Raises InvalidFilter."""
        self.check()
        try:
            return json.dumps(asdict(self), sort_keys=True, default=date.isoformat)
        except (TypeError, ValueError) as error:
            raise InvalidFilter(f"A filter holds JSON values only ({error}).") from error

    def check(self) -> None:
        """Raise InvalidFilter or InvalidCollection where it makes no sense in any library."""
        self._of_chunks()
        if self.collection is not None:
            collection_names.kept_name(self.collection)
        if self.since and self.until and _day(self.since) > _day(self.until):
            raise InvalidFilter(
                f"No day is both since {_day(self.since)} and until {_day(self.until)}. "
                "Exchange the two."
            )

    def chunks(self, connection: sqlite3.Connection) -> Ids | None:
        """The ids of the chunks to search, None for all.

        Raises InvalidFilter, InvalidCollection or UnknownCollection.
        """
        if self.chooses_all:
            return None
        where, values = self._where(connection)
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
        where, values = _all_of(conditions)
        rows = connection.execute(
            "SELECT id FROM picture_vectors WHERE image_key IN (SELECT image_key FROM chunks "  # noqa: S608 - built of constants
            f"JOIN documents ON documents.id = document_id WHERE {where}) ORDER BY id",
            values,
        )
        return ids_of(rows)

    def _where(self, connection: sqlite3.Connection) -> Condition:
        self.check()
        return _all_of([*self._of_documents(connection), *self._of_chunks()])

    def _of_documents(self, connection: sqlite3.Connection) -> list[Condition]:
        found = self.bounds._of_documents(connection) if self.bounds else []
        if self.source is not None:
            chosen = [number for number, _ in matching(connection, self.source)]
            found.append(("document_id IN (SELECT value FROM json_each(?))", [json.dumps(chosen)]))
        if self.collection is not None:
            name = collection_names.known(self.collection, self._collections(connection))
            members = "SELECT document_id FROM collections WHERE name = ?"
            found.append((f"document_id IN ({members})", [name]))
        if self.since is not None:
            found.append((f"{DATED} >= ?", [_day(self.since)]))
        if self.until is not None:
            found.append((f"{DATED} <= ?", [_day(self.until)]))
        return found

    def _collections(self, connection: sqlite3.Connection) -> list[str]:
        """The names of the collections that the bounds let see."""
        if self.bounds is None:
            return collection_names.all_names(connection)
        where, values = self.bounds._where(connection)
        rows = connection.execute(
            "SELECT DISTINCT name FROM collections WHERE document_id IN (SELECT document_id "  # noqa: S608 - built of constants
            f"FROM chunks JOIN documents ON documents.id = document_id WHERE {where}) "
            "ORDER BY name",
            values,
        )
        return [name for (name,) in rows]

    def _of_chunks(self) -> list[Condition]:
        found = self.bounds._of_chunks() if self.bounds else []
        if self.modality is not None:
            found.append(("modality = ?", [evidence.encodable(self.modality)]))
        for key, wanted in self.metadata.items():
            for operator, value in _operators(key, wanted).items():
                found.append(_condition(evidence.encodable(key), operator, value))
        if len(found) > MAX_CONDITIONS:
            raise InvalidFilter(
                f"A filter has {len(found):,} conditions; the limit is {MAX_CONDITIONS}. Several "
                "values of one key are one condition: give them as a list."
            )
        return found


EVERYTHING = Filter()


def matching(connection: sqlite3.Connection, glob: str) -> list[tuple[int, str]]:
    """Id and source of the documents that a glob means."""
    rows = connection.execute("SELECT id, source FROM documents ORDER BY id").fetchall()
    chosen = set(sources.matching([source for _, source in rows], glob))
    return [(number, source) for number, source in rows if source in chosen]


def _all_of(conditions: Sequence[Condition]) -> Condition:
    where = " AND ".join(f"({sql})" for sql, _ in conditions)
    return where or "true", [value for _, own in conditions for value in own]


def _day(day: date) -> str:
    # A datetime is a date too.
    return day.isoformat()[:10]


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
    # As JSON, so that 1 is not "1" and a number is read as those in the metadata are.
    wanted = json.dumps([_comparable(key, operator, one) for one in values])
    if operator in COMPARISONS:
        kinds = "('text')" if isinstance(value, str) else NUMBERS
        test = f"value {COMPARISONS[operator]} (SELECT value FROM json_each(?))"  # noqa: S608 - constants
        return _any_value(key, f"type IN {kinds} AND {test}", [wanted])
    # SQLite gives true as 1.
    fits = _any_value(
        key, "(type = 'text', value) IN (SELECT type = 'text', value FROM json_each(?))", [wanted]
    )
    return fits if operator in ("$eq", "$in") else (f"NOT {fits[0]}", fits[1])


def _comparable(key: str, operator: str, value: Any) -> str | int | float | bool:
    """The value as it is compared. Raises InvalidFilter where it is none."""
    if isinstance(value, str):
        return evidence.encodable(value)
    is_ordered = not (isinstance(value, bool) and operator in COMPARISONS)
    if isinstance(value, int | float) and is_ordered:
        if abs(value) <= (MAX_INTEGER if isinstance(value, int) else sys.float_info.max):
            return value
        raise InvalidFilter(f"The filter of {key!r} has a number that is too large or none.")
    raise InvalidFilter(
        f"The filter of {key!r} compares by {operator} with {reprlib.repr(value)}: it takes text "
        "and numbers, and for equality truth values and a list of all of them."
    )


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _any_value(key: str, test: str, values: list[Any]) -> Condition:
    """Whether the test holds for what stands under the key, or for one entry of its list."""
    if key in OWN_COLUMNS:
        column = OWN_COLUMNS[key]
        found = f"SELECT typeof({column}) AS type, {column} AS value WHERE {column} IS NOT NULL"
        return f"EXISTS (SELECT 1 FROM ({found}) WHERE {test})", values  # noqa: S608 - constants
    # A path names a key many times faster than all keys are compared, if only one of such signs.
    if PLAIN_KEY.fullmatch(key):
        return _any_at(f'$."{key}"', test, values, is_section=key == "section")
    found = (
        "SELECT type, value FROM json_each(metadata) WHERE key = ? AND type != 'array' "
        "UNION ALL SELECT entry.type, entry.value FROM json_each(metadata) AS list, "
        "json_each(list.value) AS entry WHERE list.key = ? AND list.type = 'array'"
    )
    return f"EXISTS (SELECT 1 FROM ({found}) WHERE {test})", [key, key, *values]  # noqa: S608 - constants


def _any_at(path: str, test: str, values: list[Any], *, is_section: bool) -> Condition:
    """Whether the test holds for what stands at a path, or for one entry of its list."""
    one = "SELECT json_type(metadata, ?) AS type, json_extract(metadata, ?) AS value"
    fits = f"EXISTS (SELECT 1 FROM ({one}) WHERE {test})"  # noqa: S608 - constants
    with_values = [path, path, *values]
    if is_section:
        headings = "'[' || replace(json_quote(json_extract(metadata, ?)), ?, '\",\"') || ']'"
        is_text = "json_type(metadata, ?) = 'text'"
        fits += f" OR EXISTS (SELECT 1 FROM json_each({headings}) WHERE {is_text} AND {test})"  # noqa: S608 - constants
        with_values += [path, BETWEEN_HEADINGS, path, *values]
    entries = f"EXISTS (SELECT 1 FROM json_each(metadata, ?) WHERE {test})"  # noqa: S608 - constants
    return (
        f"CASE json_type(metadata, ?) WHEN 'array' THEN {entries} ELSE {fits} END",
        [path, path, *values, *with_values],
    )
