"""Texts and metadata as a user of LangChain gave them, within the library's own metadata.

What a user calls `source`, `page` or `score` need not be what limner does: such keys are kept
under another name and come back under their own. Leaves out where such texts come from:
`retrievers.library_store`, `retrievers.langchain_faiss`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import quote, urlsplit

from langchain_core.documents import Document

from retrievers.errors import MetadataInvalid

GIVEN = "given"
"""Marks evidence that a user of LangChain gave; before a point, what a key of theirs begins with
where limner has one of the same name."""
OWN_KEYS = frozenset(
    """source title modality page page_label sheet cells section start end bbox image_url image_key
    width height caption descriptions chunk_id part score label language rejected""".split()  # noqa: SIM905
)
"""What limner itself says of evidence."""
SCHEME = "text:"
"""Of the source of a text that belongs to no file: nothing that is on disk is meant by it."""
MAX_DEPTH = 32
MAX_VALUES = 10_000
MAX_CHARS = 1_000_000
"""Of the metadata of one text."""
MAX_TEXT_CHARS = 4_000_000
MAX_PAGE = 2**31
MAX_INTEGER_BITS = 1024


def evidence_of(text: str, metadata: Mapping[str, Any], chunk_id: str) -> Document:
    """A text as a Document that the library takes. Raises MetadataInvalid."""
    if len(text) > MAX_TEXT_CHARS:
        raise MetadataInvalid(
            f"A text has {len(text):,} characters; the limit is {MAX_TEXT_CHARS:,}. Split it first."
        )
    own: dict[str, Any] = {"chunk_id": chunk_id, "modality": "text", GIVEN: True}
    page = metadata.get("page")
    if isinstance(page, int) and not isinstance(page, bool) and 0 <= page < MAX_PAGE:
        own["page"] = page + 1  # LangChain's loaders count pages from 0
    return Document(page_content=text, metadata=own | _stored(metadata))


def as_given(document: Document) -> Document:
    """Evidence as a vector store gives it: with its id, and with the metadata of who gave it.

    What limner itself has read keeps the metadata that it has.
    """
    found = document.metadata
    if found.get(GIVEN) is not True:
        return Document(id=found["chunk_id"], page_content=document.page_content, metadata=found)
    metadata = {
        key.removeprefix(f"{GIVEN}."): value
        for key, value in found.items()
        if key not in OWN_KEYS and key != GIVEN
    }
    return Document(id=found["chunk_id"], page_content=document.page_content, metadata=metadata)


def stored_key(key: str) -> str:
    """Under which name what a user calls so is kept in the library."""
    is_taken = key in OWN_KEYS or key.partition(".")[0] == GIVEN
    return f"{GIVEN}.{key}" if is_taken else key


def title_of(metadata: Mapping[str, Any], otherwise: str) -> str:
    """What a document is called: by its own title, else by the name of its source."""
    title, source = metadata.get("title"), metadata.get("source")
    if isinstance(title, str) and title.strip():
        return title.strip()
    if isinstance(source, str) and source.strip():
        return source.rstrip("/\\").replace("\\", "/").rpartition("/")[2] or source
    return otherwise


def source_of_text(metadata: Mapping[str, Any], chunk_id: str) -> str:
    """The source of a text that is a document of its own; a glob on its file name finds it.

    No other kind of source has the scheme and a fragment.
    """
    source = metadata.get("source")
    name = source if isinstance(source, str) and source else "text"
    return f"{SCHEME}{quote(name, safe=':/')}#{quote(chunk_id, safe='')}"


def source_of_document(metadata: Mapping[str, Any], otherwise: str) -> str:
    """The source of the document that a piece of it names: a URI where it names a file or URL."""
    source = metadata.get("source")
    if not isinstance(source, str) or not source:
        return f"{SCHEME}{quote(otherwise, safe='')}"
    if _is_uri(source):
        return source
    for kind in (PurePosixPath, PureWindowsPath):
        if kind(source).is_absolute() and "\0" not in source:
            # As `limner add` would name the file, where it is one of this system.
            return Path(source).as_uri() if Path(source).is_absolute() else kind(source).as_uri()
    return f"{SCHEME}{quote(source, safe=':/')}"


def _is_uri(source: str) -> bool:
    try:
        return urlsplit(source).scheme in ("http", "https", "file")
    except ValueError:
        return False


def _stored(metadata: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    budget = _Budget()
    for key, value in metadata.items():
        if not isinstance(key, str):
            raise MetadataInvalid(
                f"The metadata have the key {key!r}, which is no text. Name it as text."
            )
        found[stored_key(key)] = budget.checked(value, key)
        budget.spend(key, key)
    return found


class _Budget:
    """Checks that metadata are JSON and of bearable size, however their parts refer to each other.

    A copy is made: what is given may be shared, or changed later.
    """

    def __init__(self) -> None:
        self._n_values = MAX_VALUES
        self._n_chars = MAX_CHARS

    def checked(self, value: Any, key: str, depth: int = 0) -> Any:
        """The value, copied. Raises MetadataInvalid, naming the key."""
        if depth > MAX_DEPTH:
            raise _refusal(key, f"is nested deeper than {MAX_DEPTH} times")
        self.spend(value if isinstance(value, str) else "", key)
        if isinstance(value, list):
            return [self.checked(entry, key, depth + 1) for entry in value]
        if isinstance(value, dict):
            return {
                self._name(name, key): self.checked(entry, key, depth + 1)
                for name, entry in value.items()
            }
        if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
            raise _refusal(key, "is too large a number")
        try:
            if type(value) in (str, int, float, bool, type(None)):
                json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
                return value
        except ValueError as error:
            raise _refusal(key, f"cannot be stored ({error})") from error
        raise _refusal(key, f"is a {type(value).__module__}.{type(value).__qualname__}")

    def spend(self, text: str, key: str) -> None:
        """Count a value and its characters. Raises MetadataInvalid where there are too many."""
        self._n_values -= 1
        self._n_chars -= len(text)
        if self._n_values < 0 or self._n_chars < 0:
            raise _refusal(
                key,
                f"is too large: at most {MAX_VALUES:,} values with {MAX_CHARS:,} characters in all",
            )

    def _name(self, name: Any, key: str) -> str:
        if not isinstance(name, str):
            raise _refusal(key, f"has the key {name!r}, which is no text")
        self.spend(name, key)
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise _refusal(key, f"has a key that cannot be stored ({error})") from error
        return name


def _refusal(key: str, why: str) -> MetadataInvalid:
    return MetadataInvalid(
        f"The value of {key!r} in the metadata {why}. Metadata are what JSON can hold: text, "
        "finite numbers, true, false, null, and lists and objects of these. Convert or leave out "
        f"{key!r}."
    )
