"""Turns a text file into text, whatever its encoding.

Leaves out what the text is: HTML, Markdown or plain is for `content_type`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

from charset_normalizer import from_bytes

from loaders.errors import LimitExceeded, UnsupportedFormat
from loaders.limits import Limits
from loaders.source import SourceFile

BOMS = [  # the longer before the shorter that begins alike
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
]
LATIN_1_NAMES = {"ascii", "iso8859-1"}
"""What browsers read as Windows-1252, since that is what such pages hold."""
NEVER_A_CHARSET = {"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "utf-7"}
"""Python decodes these, but no page is written in them, and some are slow on purpose."""
MAX_CONTROL_SHARE = 0.005
"""Text has hardly any control characters; terminal logs have a few."""
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""All but those that print: white space and Escape."""
MAX_BYTES_PER_CHAR = 4
"""In all encodings of Unicode, and so in those of single languages."""


def read_text(
    file: SourceFile, limits: Limits, *, declared: Callable[[bytes], str | None] | None = None
) -> str:
    """The whole text, with line feeds as line ends.

    declared: finds the encoding that the text itself names.
    Raises UnsupportedFormat, or LimitExceeded before anything is made of the text.
    """
    _check_length(file.name, file.path.stat().st_size // MAX_BYTES_PER_CHAR, limits)
    content = file.path.read_bytes()
    text = decode(content, declared=declared(content) if declared else None)
    if text is None:
        raise UnsupportedFormat(
            f"{file.name} is not text in any encoding that limner knows. Save it as UTF-8."
        )
    _check_length(file.name, len(text), limits)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def encoding_of(head: bytes, name: str, *, is_cut: bool) -> str:
    """The encoding of a text that begins like this. Raises UnsupportedFormat if it is none.

    For a text that is read piece by piece; is_cut: head is not the whole of it.
    """
    for bom, encoding in BOMS:
        if head.startswith(bom):
            # These read the mark itself too.
            return "utf-8-sig" if encoding == "utf-8" else encoding[:6]
    text = decode(head, is_cut=is_cut)
    if text is None:
        raise UnsupportedFormat(
            f"{name} is not text in any encoding that limner knows. Save it as UTF-8."
        )
    if _is_utf8(head, is_cut=is_cut):
        return "utf-8"
    best = from_bytes(head).best()
    # As `_guessed` does, what may be Windows-1252 is taken for that.
    if best is None or "cp1252" in best.could_be_from_charset:
        return "cp1252"
    return str(best.encoding)


def _is_utf8(head: bytes, *, is_cut: bool) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, not is_cut)
    except UnicodeError:
        return False
    return True


def _check_length(name: str, n_chars: int, limits: Limits) -> None:
    if n_chars > limits.max_text_chars:
        raise LimitExceeded(
            f"{name} holds more text than the limit of {limits.max_text_chars:,} characters. "
            "Split it."
        )


def decode(content: bytes, *, declared: str | None = None, is_cut: bool = False) -> str | None:
    """The text, or None if the bytes are not text.

    declared: the encoding that the text itself names; a byte order mark goes before it.
    is_cut: these are the first bytes of more, so the last character may be half.
    """
    for bom, encoding in BOMS:
        if content.startswith(bom):
            return _checked(content[len(bom) :].decode(encoding, errors="replace"))
    if b"\0" in content:
        return None
    known_charset = _charset(declared)
    # Latin letters that are also right UTF-8 are UTF-8, whatever an old template declares.
    order = ("utf-8", known_charset) if known_charset == "cp1252" else (known_charset, "utf-8")
    for known in filter(None, order):
        try:
            return _checked(codecs.getincrementaldecoder(known)().decode(content, not is_cut))
        except UnicodeError:
            continue
    return _guessed(content)


def _charset(declared: str | None) -> str | None:
    try:
        b" ".decode(declared or "utf-8")  # refuses codecs that are no charset, such as zip
        name = codecs.lookup(declared or "utf-8").name
    except (LookupError, ValueError):
        return None
    if name in NEVER_A_CHARSET:
        return None
    return "cp1252" if name in LATIN_1_NAMES else name


def _guessed(content: bytes) -> str | None:
    matches = from_bytes(content)
    best = matches.best()
    if best is None:
        return None
    for match in matches:
        as_good = (match.chaos, match.coherence) == (best.chaos, best.coherence)
        if as_good and "cp1252" in match.could_be_from_charset:
            return _checked(content.decode("cp1252", errors="replace"))
    return _checked(str(best))


def _checked(text: str) -> str | None:
    n_controls = len(CONTROL.findall(text))
    return None if "\0" in text or n_controls > len(text) * MAX_CONTROL_SHARE else text
