"""Plain text in any encoding."""

from pathlib import Path

import markdown_it
import pytest
from hypothesis import given
from hypothesis import strategies as st

import loaders.encoding
import loaders.html
from loaders.encoding import decode, read_text
from loaders.errors import EmptyDocument, LimitExceeded, UnsupportedFormat
from loaders.limits import Limits
from loaders.source import open_source
from tests.loaders.reading import read

RUSSIAN = "Корабли стояли в порту. Ветер был слабый, и море лежало тихо до самого вечера."
GERMAN = "Die Schiffe lagen im Hafen. Über dem Wasser hing Nebel, größer als gewöhnlich."


def test_paragraphs_end_at_blank_lines_and_keep_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "poem.txt"
    path.write_bytes(b"Roses are red,\r\nviolets are blue.\r\n \r\nEnd.\r\n")
    assert read(path, tmp_path).texts == ["Roses are red,\nviolets are blue.\nEnd."]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (RUSSIAN, "utf-8"),
        (RUSSIAN, "utf-8-sig"),
        (RUSSIAN, "utf-16"),
        (RUSSIAN, "utf-32"),
        (RUSSIAN, "cp1251"),
        (GERMAN, "latin-1"),
        ("naïve résumé – “quoted”", "cp1252"),
        ("café", "latin-1"),
    ],
)
def test_text_is_read_in_its_encoding(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes(text.encode(encoding))
    assert read(path, tmp_path).texts == [text]


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_any_text_in_utf_8_is_decoded_as_it_was_written(text: str) -> None:
    assert decode(text.encode()) == text.removeprefix("\ufeff")


@given(st.binary(max_size=400))
def test_any_bytes_are_decoded_or_refused(content: bytes) -> None:
    decode(content)


@pytest.mark.parametrize(
    "declared", ["zip", "hex", "rot13", "punycode", "no-such", "a\0b", "utf-16"]
)
def test_a_declared_encoding_that_is_none_is_ignored(declared: str) -> None:
    assert decode("größer".encode(), declared=declared) == "größer"


@pytest.mark.parametrize("content", [b"a\0b", b"\x01\x02\x03\x04 binary", bytes(range(1, 32)) * 9])
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes(content)
    with pytest.raises(UnsupportedFormat, match=r"note\.txt is neither text nor a format"):
        read(path, tmp_path)


def test_bytes_that_stop_being_text_later_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_bytes(b"All is well.\n" * 10_000 + b"\0\1\2")
    with pytest.raises(UnsupportedFormat, match=r"note\.txt is not text"):
        read(path, tmp_path)


def test_a_text_of_blanks_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("\n \n" * 20_000)
    with pytest.raises(EmptyDocument):
        read(path, tmp_path)


def test_a_text_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("word " * 100)
    with pytest.raises(LimitExceeded):
        read(path, tmp_path, Limits(max_text_chars=100))


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html"])
@pytest.mark.parametrize("n_chars", [1_000, 100_000])
def test_text_over_the_limit_is_refused_before_anything_is_made_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, n_chars: int
) -> None:
    def never(*args: object, **named: object) -> None:
        pytest.fail("it was parsed")

    monkeypatch.setattr(markdown_it.MarkdownIt, "render", never)
    monkeypatch.setattr(loaders.html, "parse_html", never)
    (tmp_path / name).write_text("a" * n_chars)
    with pytest.raises(LimitExceeded, match=rf"{name} holds more text than the limit of 999 "):
        read(tmp_path / name, tmp_path, Limits(max_text_chars=999))


def test_far_too_much_text_is_not_even_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a" * 5_000)
    with open_source(path, Limits()) as file:
        monkeypatch.setattr(loaders.encoding, "decode", lambda *a, **n: pytest.fail("decoded"))
        with pytest.raises(LimitExceeded):
            read_text(file, Limits(max_text_chars=1_000))
