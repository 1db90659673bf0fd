"""Web formats and notes: whatever is in a file, reading it gives text or one of our errors.

LIMNER_DAMAGE=50 makes 50 copies of each kind of every file, not a few.
"""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.errors import LoaderError
from tests.loaders.damaged import damaged
from tests.loaders.reading import CORPUS, read, with_corpus

N_COPIES = int(os.environ.get("LIMNER_DAMAGE", "6"))
SECONDS_A_COPY = 20
SUFFIXES = [
    *(".epub", ".eml", ".mbox", ".msg", ".mhtml", ".ipynb", ".csv", ".tsv", ".json", ".jsonl"),
    *(".rst", ".xml", ".rtf", ".html", ".md", ".py", ".c", ".txt"),
]
STARTS = [
    b"",
    b"{\\rtf1 ",
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"From: a@b.c\nTo: d@e.f\nMIME-Version: 1.0\n"
    b"Content-Type: multipart/mixed; boundary=x\n\n--x\n",
    b"<?xml version='1.0'?><a>",
    b'{"cells": [{"cell_type": "code", "outputs": [',
    b'[{"a": ',
    b"a;b\n1;2\n",
    b".. figure:: ",
    b"\xff\xfe",
]
WRITTEN = {
    "page.mhtml": b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n--x\r\n"
    b"Content-Type: text/html\r\nContent-Location: http://a.b/\r\n\r\n<p>Words</p>\r\n--x--\r\n",
    "rows.csv": 'Name;Größe\nKöln;1,1\n"Ulm\nDonau";0,1\n'.encode("cp1252"),
    "records.json": json.dumps([{"a": 1, "b": {"c": [1, {"d": 2}]}}, {"a": 2}]).encode(),
    "records.jsonl": b'{"a": 1}\n{"a": 2, "b": "x"}\n',
    "note.rst": b"Title\n=====\n\nWords :ref:`x`.\n\n.. note:: Mind\n   this.\n\n* a\n\n  * b\n",
    "note.rtf": rb"{\rtf1\ansi Words \u8364? {\pict\pngblip 89504e47}\par\trowd A\cell\row}",
    "feed.xml": b"<feed><title>News</title><entry><title>One</title><p>Two <b>x</b></p></entry>"
    b"</feed>",
    "code.py": b"class A:\n    def b(self):\n        return 1\n\n\ndef c():\n    pass\n",
}


def outcome(path: Path, folder: Path) -> str:
    """ "read" or the name of our error; anything else is raised."""
    start = time.process_time()
    try:
        read(path, folder)
        result = "read"
    except LoaderError as error:
        result = type(error).__name__
    assert time.process_time() - start < SECONDS_A_COPY
    return result


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(
    suffix: str, start: bytes, rest: bytes, tmp_path: Path
) -> None:
    path = tmp_path / f"any{suffix}"
    path.write_bytes(start + rest)
    outcome(path, tmp_path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(text=st.text(alphabet="ab1 \n\t.:;,`*_#-={}[]()<>/\\\"'|&é", max_size=200))
def test_any_text_is_read_or_refused(suffix: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / f"any{suffix}"
    path.write_text(text, "utf-8")
    outcome(path, tmp_path)


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("kind", ["cut", "flip"])
def test_damaged_files_are_read_or_refused(name: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(WRITTEN[name])
    assert outcome(path, tmp_path) == "read"
    for copy in damaged(WRITTEN[name], kind, 5 * N_COPIES):
        path.write_bytes(copy)
        outcome(path, tmp_path)


@with_corpus
@pytest.mark.parametrize("pattern", ["*.epub", "*.eml", "*.ipynb", "*.html", "*.md"])
@pytest.mark.parametrize("kind", ["cut", "flip"])
def test_damaged_files_of_the_corpus_are_read_or_refused(
    pattern: str, kind: str, tmp_path: Path
) -> None:
    for path in sorted((CORPUS / "docs").glob(pattern)):
        for copy in damaged(path.read_bytes(), kind, N_COPIES):
            changed = tmp_path / path.name
            changed.write_bytes(copy)
            outcome(changed, tmp_path)
