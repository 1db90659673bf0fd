"""Filters as people and programs write them: days, conditions, and the fields of a request.

Leaves out what a filter chooses: that is `retrievers.filters`.
"""

from __future__ import annotations

import json
import re
from calendar import monthrange
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    WithJsonSchema,
    model_validator,
)

from retrievers import Filter, InvalidCollection, InvalidFilter
from retrievers.filters import OPERATORS
from retrievers.modalities import Modality

MAX_GLOB_CHARS = 1_000
MAX_NAME_CHARS = 200
"""Of a collection, which no name comes near, and of a key."""
MAX_CONDITIONS = 20
MAX_TEXT_CHARS = 1_000
MAX_VALUES = 100
SIGNS = {"=": "$eq", "==": "$eq", "!=": "$ne", ">=": "$gte", "<=": "$lte", ">": "$gt", "<": "$lt"}
OF_LISTS = {"$eq": "$in", "$ne": "$nin"}
CONDITION = re.compile(r"([^=<>!]*[^=<>!\s])\s*(==?|!=|>=|<=|>|<)\s*([^\s=].*)", re.DOTALL)
DAY = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?")
FORM = 'Give KEY=VALUE, such as page>=3, section=Methods or label!="Table 2".'


def first_day(text: str) -> date:
    """The day that `2024-05-01` means; of `2024-05` or `2024` the first. Raises InvalidFilter."""
    return _days(text)[0]


def last_day(text: str) -> date:
    """The day that `2024-05-01` means; of `2024-05` or `2024` the last. Raises InvalidFilter."""
    return _days(text)[1]


def where_all(conditions: Iterable[str]) -> Filter:
    """What all conditions choose, such as `page>=3`, `section=Methods`, `is_final=true`.

    A value is a number, a truth value, quoted text or a list of these, as in JSON; anything else
    is text as it stands. Raises InvalidFilter.
    """
    chosen = Filter()
    for text in conditions:
        found = CONDITION.fullmatch(text.strip())
        if not found:
            raise InvalidFilter(f"{text[:MAX_TEXT_CHARS]!r} is no condition on metadata. {FORM}")
        key, sign, written = found.groups()
        value, operator = _value(written), SIGNS[sign]
        if isinstance(value, list):
            operator = OF_LISTS.get(operator, operator)
        one = Filter(metadata={key: {operator: value}})
        one.check()
        chosen = one.within(chosen)
    return chosen


def _days(text: str) -> tuple[date, date]:
    found = DAY.fullmatch(text.strip())
    year, month, day = map(int, found.groups("0")) if found else (0, 0, 0)
    try:
        last_month = month or 12
        last = date(year, last_month, day or monthrange(year, last_month)[1])
        return date(year, month or 1, day or 1), last
    except ValueError as error:
        raise InvalidFilter(
            f"{text[:MAX_TEXT_CHARS]!r} is no day. Give 2024-05-01, or 2024-05 or 2024 for all of "
            "it."
        ) from error


def _value(written: str) -> Any:
    if len(written) > 1 and written[0] == written[-1] == "'":
        return written[1:-1]
    try:
        value = json.loads(written)
    except (ValueError, RecursionError):
        return written
    return written if value is None or isinstance(value, dict) else value


def _bounded(where: dict[str, Any]) -> dict[str, Any]:
    """Raise ValueError where a condition is larger than any that makes sense."""
    for key, wanted in where.items():
        if len(key) > MAX_NAME_CHARS:
            raise ValueError(f"A key has more than {MAX_NAME_CHARS} characters.")
        for value in wanted.values() if isinstance(wanted, dict) else [wanted]:
            values = value if isinstance(value, list) else [value]
            if len(values) > MAX_VALUES:
                raise ValueError(f"The list of {key!r} has more than {MAX_VALUES} values.")
            if any(isinstance(one, str) and len(one) > MAX_TEXT_CHARS for one in values):
                raise ValueError(f"A text of {key!r} has more than {MAX_TEXT_CHARS:,} characters.")
    return where


def _first_day(given: Any) -> Any:
    return _read_day(given)[0]


def _last_day(given: Any) -> Any:
    return _read_day(given)[1]


def _read_day(given: Any) -> tuple[Any, Any]:
    if not isinstance(given, str):
        return given, given
    try:
        return _days(given)
    except InvalidFilter as error:
        raise ValueError(str(error)) from error


SCALAR = {"type": ["string", "number", "boolean"]}
WHERE_SCHEMA = {
    "type": "object",
    "maxProperties": MAX_CONDITIONS,
    "additionalProperties": {
        "anyOf": [
            SCALAR,
            {"type": "array", "items": SCALAR, "maxItems": MAX_VALUES},
            {
                "type": "object",
                "properties": {
                    name: {"type": "array", "items": SCALAR} if name.endswith("in") else SCALAR
                    for name in sorted(OPERATORS)
                },
                "additionalProperties": False,
            },
        ]
    },
}
Glob = Annotated[
    str | None,
    Field(
        max_length=MAX_GLOB_CHARS,
        description="Only documents whose file name or URI matches this glob, such as `*.pdf` or "
        "`report-2024.docx`. All documents when left out.",
    ),
]
Collection = Annotated[
    str | None,
    Field(
        max_length=MAX_NAME_CHARS,
        description="Only documents in the collection of this name; case does not matter.",
    ),
]
Kind = Annotated[Modality | None, Field(description="Only evidence of this kind.")]
Since = Annotated[
    date | None,
    BeforeValidator(_first_day),
    Field(description="Only documents of this day or later: `2024-05-01`, `2024-05` or `2024`."),
]
Until = Annotated[
    date | None,
    BeforeValidator(_last_day),
    Field(description="Only documents of this day or before; of `2024` its last day."),
]
Where = Annotated[
    dict[str, Any],
    AfterValidator(_bounded),
    WithJsonSchema(WHERE_SCHEMA),
    Field(
        max_length=MAX_CONDITIONS,
        description="Only evidence with these metadata: a value, a list of values, or operators, "
        'such as `{"section": "Methods", "page": {"$gte": 3}}`.',
    ),
]
Condition = Annotated[str, Field(max_length=MAX_TEXT_CHARS)]
Conditions = Annotated[
    list[Condition],
    Field(
        max_length=MAX_CONDITIONS,
        description="Only evidence with these metadata, such as `page>=3` or `section=Methods`.",
    ),
]


class DocumentFilter(BaseModel):
    """Fields of a request that choose what it may find."""

    source: Glob = None
    collection: Collection = None
    modality: Kind = None
    since: Since = None
    until: Until = None

    @property
    def filter(self) -> Filter:
        """The fields as a filter."""
        return Filter(self.source, self.modality, self.collection, self.since, self.until)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        try:
            self.filter.check()
        except (InvalidFilter, InvalidCollection) as error:
            raise ValueError(str(error)) from error
        return self


class EvidenceFilter(DocumentFilter):
    """The same with conditions on metadata, as JSON."""

    where: Where = Field(default_factory=dict)

    @property
    def filter(self) -> Filter:
        """The fields as a filter."""
        return Filter(metadata=self.where).within(super().filter)


class WrittenFilter(DocumentFilter):
    """The same with conditions on metadata, as text."""

    where: Conditions = Field(default_factory=list)

    @property
    def filter(self) -> Filter:
        """The fields as a filter."""
        return where_all(self.where).within(super().filter)
