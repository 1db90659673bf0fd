"""Which sources a glob means: `*.pdf`, `report.pdf`, `file:///*/2023/*`.

Case, and how accents are encoded, do not matter. Leaves out sources by collection or date.
"""

from __future__ import annotations

import fnmatch
import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit


def matching(sources: Iterable[str], glob: str) -> list[str]:
    """The sources whose file name or whole URI the glob matches (fnmatch: `*`, `?`, `[…]`)."""
    pattern = _plain(glob)
    return [source for source in sources if _matches(source, pattern)]


def _matches(source: str, pattern: str) -> bool:
    whole = unquote(source)
    name = unquote(urlsplit(source).path.rstrip("/").rpartition("/")[2])
    spellings = {_plain(spelling) for spelling in (source, whole, name)}
    # A name may hold brackets of its own: `report [final].pdf` means itself.
    return pattern in spellings or any(fnmatch.fnmatchcase(s, pattern) for s in spellings)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()
