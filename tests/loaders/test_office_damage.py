"""Office files: whatever is done to them, reading ends with Documents or an error of ours.

LIMNER_DAMAGE=50 makes 50 copies of each kind of every file of the corpus, not a few.
"""

import io
import os
import random
import re
import time
import traceback
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.errors import LoaderError
from tests.loaders.damaged import damaged
from tests.loaders.reading import CORPUS, read, with_corpus

SUFFIXES = (".docx", ".pptx", ".xlsx", ".odt", ".ods", ".odp", ".doc", ".ppt", ".xls", ".xlsb")
HEADS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf", b"")
N_COPIES = int(os.environ.get("LIMNER_DAMAGE", "0")) or 2
SECONDS_A_COPY = 20
MAX_FLIPS = 10
VALUE = re.compile(rb'"([^"<>]{0,80})"|>([^<>]{1,80})<')
ODD_VALUES = (
    b"",
    b"-1",
    b"0",
    b"999999999999",
    b"1e400",
    b"nan",
    b"A0",
    b"ZZZ9",
    b"x",
    b"%",
    b"\xc2\xb2",
)

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(autouse=True)
def without_libre_office(monkeypatch) -> None:
    monkeypatch.setattr("loaders.libre_office.program", lambda: None)


def files() -> list[Path]:
    folders = (CORPUS / "docs", CORPUS / "hostile")
    return sorted(p for folder in folders for p in folder.glob("*") if p.suffix in SUFFIXES)


def damaged_inside(content: bytes, n: int) -> Iterator[bytes]:
    """n copies that are whole archives, with damage in one of their parts."""
    chance = random.Random(f"inside {len(content)}")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    texts = [name for name in parts if name.endswith((".xml", ".rels")) and parts[name]]
    for _ in range(n):
        name = chance.choice(texts)
        part = parts[name]
        for _ in range(chance.randint(1, MAX_FLIPS)):
            if chance.random() < 0.1:
                at = chance.randrange(len(part) + 1)
                part = part[:at] + part[at + chance.randrange(200) :]
                continue
            values = list(VALUE.finditer(part))
            if values:  # the XML stays XML, only what it says is absurd
                found = chance.choice(values)
                start, end = found.span(found.lastindex or 0)
                part = part[:start] + chance.choice(ODD_VALUES) + part[end:]
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as copy:
            for other, old in parts.items():
                copy.writestr(other, part if other == name else old)
        yield stream.getvalue()


def faults(path: Path, folder: Path) -> Iterator[str]:
    content = path.read_bytes()
    copies = [*damaged(content, "cut", N_COPIES), *damaged(content, "flip", N_COPIES)]
    if zipfile.is_zipfile(path):
        copies += damaged_inside(content, 4 * N_COPIES)
    for number, copy in enumerate(copies):
        target = folder / f"copy{path.suffix}"
        target.write_bytes(copy)
        start = time.process_time()
        try:
            read(target, folder)
        except LoaderError:
            pass
        except Exception:  # noqa: BLE001 - it is what is looked for
            yield f"{path.name} {number}: {traceback.format_exc(limit=-6)}"
        if time.process_time() - start > SECONDS_A_COPY:
            yield f"{path.name} {number}: it took {time.process_time() - start:.0f} s"


@with_corpus
def test_damaged_files_are_read_or_refused_in_time(tmp_path: Path) -> None:
    assert files()
    found = [fault for path in files() for fault in faults(path, tmp_path)]
    assert not found, "\n".join(found)


@settings(deadline=None, max_examples=60)
@given(
    suffix=st.sampled_from(SUFFIXES),
    head=st.sampled_from(HEADS),
    content=st.binary(max_size=400),
    is_archive=st.booleans(),
)
def test_arbitrary_bytes_raise_only_our_errors(
    suffix: str, head: bytes, content: bytes, is_archive: bool, tmp_path_factory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    path = folder / f"file{suffix}"
    if is_archive:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("[Content_Types].xml", b"spreadsheetml.sheet.main" + content)
            archive.writestr("xl/workbook.xml", content)
    else:
        path.write_bytes(head + content)
    with suppress(LoaderError):
        read(path, folder)
