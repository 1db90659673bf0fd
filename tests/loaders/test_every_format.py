"""Every format of LOADERS: whatever is in a file, reading it ends with Documents or our own error.

LIMNER_DAMAGE=30 makes 30 copies of each kind of every file, not a few; PDF has tests of its own
for that. A new line in LOADERS is covered as it is added; a new content type wants a sample.
"""

import os
import time
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders import FigureDescriber, MediaStore
from loaders.content_type import (
    BINARY_SUFFIXES,
    DATA_SUFFIXES,
    PLAIN_TEXT,
    PROSE_SUFFIXES,
    SOURCE_SUFFIXES,
    UNDECIDED_SUFFIXES,
    content_type,
    format_name,
)
from loaders.errors import LoaderError, PartMissing
from loaders.formats import LOADERS
from loaders.source import SourceFile
from tests.loaders.damaged import damaged
from tests.loaders.reading import CORPUS, read, with_corpus
from tests.loaders.recordings import Hears
from tests.loaders.samples import CODE, SAMPLES, UNMADE

N_COPIES = int(os.environ.get("LIMNER_DAMAGE", "0")) or 1
SECONDS_A_COPY = 20
HEADS = (
    *(b"", b"%PDF-1.7\n", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf1 ", b"<a>"),
    *(b"<svg xmlns='http://www.w3.org/2000/svg'>", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0"),
    *(
        b"\xff\xd8\xff\xe0",
        b"RIFF\0\1\0\0WEBPVP8 ",
        b"RIFF\0\1\0\0WAVEfmt ",
        b"RIFF\0\1\0\0AVI LIST",
    ),
    *(
        b"\0\0\0\x20ftypheic",
        b"\0\0\0\x20ftypavif",
        b"\0\0\0\x20ftypisom",
        b"ID3\x04\0\0\0\0\0\x20",
    ),
    *(b"fLaC\0\0\0\x22", b"OggS\0\2", b"\x1aE\xdf\xa3", b"FLV\1\5\0\0\0\x09", b"#!AMR\n", b"BM"),
    *(
        b"caff\0\1\0\0desc",
        b"FORM\0\0\1\0AIFF",
        b"\0\0\1\xba",
        b"0&\xb2u\x8ef\xcf\x11",
        b"\xff\xf1",
    ),
    *(b"\0\0\0\x0cjP  \r\n\x87\n", b"\0\0\1\0\1\0", b"MIME-Version: 1.0\n\n", b'{"cells": ['),
)
RESTS = st.builds(lambda some, n: some * n, st.binary(max_size=300), st.sampled_from((1, 1, 100)))
"""At times long enough that a parser has something to do."""
KEYS = [key for key in LOADERS if key not in UNMADE]
DAMAGED_ELSEWHERE = {".pdf"}
"""In `test_pdf_damage`, by its own measures."""

SUFFIXES = {
    **BINARY_SUFFIXES,
    **DATA_SUFFIXES,
    **PROSE_SUFFIXES,
    **{suffix: suffix for suffix in SOURCE_SUFFIXES},
    **dict.fromkeys(UNDECIDED_SUFFIXES, PLAIN_TEXT),
    **{suffix: mime for mime, (suffix, _) in SAMPLES.items()},
    ".jpeg": "image/jpeg",
    ".tiff": "image/tiff",
    ".heif": "image/heic",
    ".opus": "audio/ogg",
    ".mkv": "video/webm",
}
"""Every suffix that limner knows → key of LOADERS."""
UNREAD = {".zip", ".psd"}
"""Suffixes that are known in order to be refused by name."""

# A parser that hangs in C takes no signal.
pytestmark = pytest.mark.timeout(600 * N_COPIES, method="thread")


@pytest.fixture(autouse=True)
def without_libre_office(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loaders.libre_office.program", lambda: None)


def sample(key: str, folder: Path) -> Path:
    """A whole file of the format, on the disk."""
    if not key.startswith("."):
        assert key in SAMPLES, f"{key} is new: give it a small file in samples.py"
    if key == "image/heic":
        pytest.importorskip("pi_heif", reason="HEIC is read where pi-heif is installed")
    suffix, make = SAMPLES.get(key, (key, lambda _: CODE.encode()))
    path = folder / f"sample{suffix}"
    path.write_bytes(make(folder))
    return path


def is_read(path: Path, folder: Path) -> bool:
    """Whether the file is read; anything but our own errors is raised."""
    start = time.process_time()
    try:
        found = bool(read(path, folder, transcriber=Hears(("Word.", 0.2))).documents)
    except (LoaderError, PartMissing):
        found = False
    assert time.process_time() - start < SECONDS_A_COPY
    return found


@pytest.mark.parametrize("key", KEYS)
def test_a_damaged_file_is_read_or_refused(key: str, tmp_path: Path) -> None:
    path = sample(key, tmp_path)
    whole = path.read_bytes()
    if not key.startswith("."):
        assert content_type(path, path.name) == key
    needs_libre_office = "which limner reads through" in str(refusal(path, tmp_path))
    assert is_read(path, tmp_path) != needs_libre_office
    for kind in ("cut", "flip"):
        for copy in damaged(whole, kind, 2 * N_COPIES):
            path.write_bytes(copy)
            is_read(path, tmp_path)


def refusal(path: Path, folder: Path) -> LoaderError | None:
    try:
        read(path, folder, transcriber=Hears(("Word.", 0.2)))
    except LoaderError as error:
        return error
    return None


@pytest.mark.parametrize("suffix", sorted(SUFFIXES.keys() - UNREAD))
def test_a_file_of_any_known_suffix_is_read_and_damaged_is_read_or_refused(
    suffix: str, tmp_path: Path
) -> None:
    key = SUFFIXES[suffix]
    content = sample(key, tmp_path).read_bytes()
    path = tmp_path / f"any{suffix}"
    path.write_bytes(content)
    needs_libre_office = "which limner reads through" in str(refusal(path, tmp_path))
    assert is_read(path, tmp_path) != needs_libre_office
    for kind in ("cut", "flip"):
        for copy in damaged(content, kind, N_COPIES):
            path.write_bytes(copy)
            is_read(path, tmp_path)


@with_corpus
@pytest.mark.parametrize(
    "path",
    [p for p in sorted((CORPUS / "docs").rglob("*")) if p.is_file() and p.suffix != ".jsonl"],
    ids=lambda path: path.name,
)
def test_a_damaged_file_of_the_corpus_is_read_or_refused(path: Path, tmp_path: Path) -> None:
    if path.suffix in DAMAGED_ELSEWHERE:
        pytest.skip("PDF is damaged in tests of its own")
    content = path.read_bytes()
    for kind in ("cut", "flip"):
        for copy in damaged(content, kind, N_COPIES):
            changed = tmp_path / path.name
            changed.write_bytes(copy)
            is_read(changed, tmp_path)


@pytest.mark.parametrize("where", sorted(set(LOADERS.values())))
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(head=st.sampled_from(HEADS), rest=RESTS)
def test_any_bytes_raise_only_our_errors(
    where: str, head: bytes, rest: bytes, tmp_path: Path
) -> None:
    """Given to the loader itself, whatever the content seems to be."""
    path = tmp_path / "any"
    path.write_bytes(head + rest)
    module, _, name = where.rpartition(".")
    media = MediaStore(tmp_path / "media")
    loader = getattr(import_module(module), name)(
        path, media=media, describer=FigureDescriber(media), transcriber=Hears()
    )
    try:
        list(loader.load_file(SourceFile(path.as_uri(), path, "any", None)))
    except (LoaderError, PartMissing) as error:
        assert str(error)  # noqa: PT017 - other errors fail the test


@pytest.mark.parametrize("key", KEYS)
@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(head=st.sampled_from(HEADS), rest=RESTS)
def test_any_bytes_under_any_name_are_read_or_refused(
    key: str, head: bytes, rest: bytes, tmp_path: Path
) -> None:
    suffix = SAMPLES[key][0] if key in SAMPLES else key
    path = tmp_path / f"any{suffix}"
    path.write_bytes(head + rest)
    is_read(path, tmp_path)


@pytest.mark.parametrize("key", [key for key in KEYS if not key.startswith(".")])
def test_a_wrong_suffix_changes_nothing_or_is_told(key: str, tmp_path: Path) -> None:
    path = sample(key, tmp_path)
    mime = content_type(path, path.name)
    is_text = b"\0" not in path.read_bytes()
    for suffix in (".pdf", ".docx", ".png", ".mp3", ".txt", ".zip", ""):
        try:
            found = content_type(path, f"wrong{suffix}")
        except LoaderError as error:
            # Text has no signature: what is named as a binary format must be one.
            assert is_text, suffix
            assert f"wrong{suffix} is named" in str(error)  # noqa: PT017
        else:
            assert found == mime or is_text, (suffix, format_name(found))
