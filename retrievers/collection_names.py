"""Names of collections: any printable text, kept as first written and matched without case.

Leaves out which documents are in a collection: `retrievers.catalogue`.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Iterable

from retrievers.errors import InvalidCollection, UnknownCollection

MAX_NAME_CHARS = 100
JOINERS = {"\u200c", "\u200d"}
"""Not printable by Unicode, but Persian words and many emoji are written with them."""

# Each step takes the least name above the last one: it reads one row a name, not one a document.
ALL = """
WITH RECURSIVE found (name) AS (
  SELECT min(name) FROM collections
  UNION ALL
  SELECT (SELECT min(name) FROM collections WHERE name > found.name)
  FROM found WHERE found.name IS NOT NULL
)
SELECT name FROM found WHERE name IS NOT NULL
"""

OF_DOCUMENT = (
    "(SELECT json_group_array(name) FROM (SELECT name FROM collections "
    "WHERE document_id = documents.id ORDER BY name))"
)
"""As JSON, those that a row of `documents` is in."""


def kept_name(text: str) -> str:
    """The name as a library keeps it: trimmed, each space a plain one. Raises InvalidCollection."""
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in text.strip())
    name = unicodedata.normalize("NFC", " ".join(spaced.split(" ")))
    if not name.strip("".join(JOINERS)):
        raise InvalidCollection("The name of a collection is empty. Give it at least one letter.")
    if len(name) > MAX_NAME_CHARS:
        raise InvalidCollection(
            f"The name of a collection has {len(name):,} characters; the limit is "
            f"{MAX_NAME_CHARS}. Give a shorter one."
        )
    for character in name:
        if not character.isprintable() and character not in JOINERS:
            raise InvalidCollection(
                f"The name of a collection holds the character {character!a}, which cannot be "
                "printed. Leave it out."
            )
    return name


def all_names(connection: sqlite3.Connection) -> list[str]:
    """The names of all collections."""
    return [name for (name,) in connection.execute(ALL)]


def match(text: str, names: Iterable[str]) -> str | None:
    """The one of the names that is the same but for case, None if there is none."""
    by_key = {_key(name): name for name in names}
    return by_key.get(_key(kept_name(text)))


def known(text: str, names: Iterable[str]) -> str:
    """The one of the names that is the same but for case. Raises UnknownCollection."""
    names = list(names)
    name = match(text, names)
    if name is None:
        there = f"There are: {', '.join(names)}." if names else "There is none yet."
        raise UnknownCollection(f"There is no collection {kept_name(text)!r}. {there}")
    return name


def _key(name: str) -> str:
    plain = "".join(c for c in name if c not in JOINERS)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", plain).casefold())
