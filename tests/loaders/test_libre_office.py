"""LibreOffice, where it is installed: old formats, metafiles, whole slides; within its limits."""

import io
import random
import struct
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import docx
import pptx
import psutil
import pytest
from pptx.util import Inches

from loaders import libre_office
from loaders.errors import BrokenDocument, LimitExceeded, LoaderError, UnsupportedFormat
from loaders.limits import Limits
from loaders.metafiles import draw_metafile, metafile_suffix
from tests.loaders.reading import CORPUS, picture, read, with_corpus, words

with_libre_office = pytest.mark.skipif(
    libre_office.program() is None, reason="LibreOffice is not installed"
)
pytestmark = pytest.mark.real


def as_old(path: Path, to: str) -> Path:
    """A copy of a file in an old format, made by LibreOffice itself."""
    with libre_office.converted(path, path.name, path.suffix, to, Limits()) as made:
        copy = path.with_suffix(f".{to}")
        copy.write_bytes(made.read_bytes())
    return copy


def letter(folder: Path) -> Path:
    document = docx.Document()
    document.add_heading("Harbour", 1)
    document.add_paragraph("The quay was built in 1871.")
    path = folder / "letter.docx"
    document.save(str(path))
    return path


@with_libre_office
def test_an_old_text_is_read(tmp_path: Path) -> None:
    found = read(as_old(letter(tmp_path), "doc"), tmp_path)
    assert "Harbour" in found.documents[0].metadata["section"]
    assert "built in 1871" in found.text


@with_libre_office
@with_corpus
def test_an_old_presentation_keeps_its_slides_and_pictures(tmp_path: Path) -> None:
    path = tmp_path / "talk.pptx"
    path.write_bytes((CORPUS / "docs" / "testPPT_2imgs.pptx").read_bytes())
    found = read(as_old(path, "ppt"), tmp_path)
    assert found.n_pages == 1
    assert len(found.figures) >= 2
    assert "quick brown fox" in found.text


@with_libre_office
@with_corpus
def test_an_old_workbook_keeps_its_sheets(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes((CORPUS / "docs" / "all_consuming.xlsx").read_bytes())
    found = read(as_old(path, "xls"), tmp_path)
    assert "| Germany | 138.7 | 123 | 107.3 | 91.6 |" in found.text
    assert found.documents[0].metadata["sheet"] == "Sheet1"


@with_libre_office
def test_a_file_that_only_claims_to_be_an_old_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.doc"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"))
    with pytest.raises(BrokenDocument, match=r"a\.doc cannot be read by LibreOffice"):
        read(path, tmp_path)


@with_libre_office
def test_a_damaged_old_text_is_read_or_refused_and_nothing_is_left(
    tmp_path: Path, monkeypatch
) -> None:
    path = as_old(letter(tmp_path), "doc")
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    content = bytearray(path.read_bytes())
    chance = random.Random(3)
    for _ in range(300):
        content[chance.randrange(600, len(content) // 2)] = chance.randrange(256)
    path.write_bytes(content)
    with suppress(LoaderError):
        read(path, tmp_path)
    assert not [*home.iterdir(), *temporary.iterdir()]


def test_without_libre_office_the_message_says_what_to_do(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(libre_office, "program", lambda: None)
    path = tmp_path / "a.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le"))
    with pytest.raises(UnsupportedFormat, match=r"(?s)a\.xls is .*Install LibreOffice.*\.xlsx"):
        read(path, tmp_path)


def emf() -> bytes:
    """A metafile of one red rectangle, 60 × 40 mm."""

    def record(kind: int, content: bytes) -> bytes:
        return struct.pack("<II", kind, 8 + len(content)) + content

    brush = record(39, struct.pack("<IIII", 1, 0, 0x0000FF, 0))
    drawn = brush + record(37, struct.pack("<I", 1)) + record(43, struct.pack("<4i", 9, 9, 190, 90))
    end = record(14, struct.pack("<III", 0, 16, 20))
    size = 88 + len(drawn) + len(end)
    header = struct.pack(
        "<4i4iIIIIHHIII2i2i",
        *(0, 0, 199, 99), *(0, 0, 6000, 4000), 0x464D4520, 0x10000, size, 5, 2, 0, 0, 0, 0,
        *(200, 100), *(60, 40),
    )  # fmt: skip
    return record(1, header) + drawn + end


@with_libre_office
def test_a_metafile_in_a_document_is_drawn(tmp_path: Path) -> None:
    content = emf()
    assert metafile_suffix(content) == ".emf"
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    shown = slide.shapes.add_picture(io.BytesIO(picture()), Inches(1), Inches(1), Inches(3))
    shown._element.nvPicPr.cNvPr.set("descr", "A red field")
    part = slide.part.related_part(shown._element.blip_rId)
    part._blob = content
    path = tmp_path / "talk.pptx"
    deck.save(str(path))
    found = read(path, tmp_path)
    (figure,) = found.figures
    assert words(figure)["alt"] == "A red field"
    assert not found.skipped


@with_libre_office
def test_a_slide_that_is_a_diagram_is_drawn_whole(tmp_path: Path) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "How water flows"
    for n, name in enumerate(("Rain", "River", "Lake", "Sea", "Cloud")):
        box = slide.shapes.add_textbox(Inches(1 + n), Inches(2 + n % 2), Inches(1), Inches(0.5))
        box.text_frame.text = name
    deck.slides.add_slide(deck.slide_layouts[5]).shapes.title.text = "Only words"
    path = tmp_path / "talk.pptx"
    deck.save(str(path))
    (figure,) = read(path, tmp_path).figures
    assert figure.metadata["page"] == 1
    assert figure.metadata["bbox"] == [0, 0, 1, 1]
    assert figure.metadata["caption"] == "How water flows"
    assert words(figure)["text"].split() == ["Rain", "Lake", "Cloud", "River", "Sea"]


def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path, monkeypatch) -> None:
    hanging = tmp_path / "soffice"
    hanging.write_text("#!/bin/sh\nsleep 987 &\nsleep 987\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(libre_office, "program", lambda: str(hanging))
    before = time.monotonic()
    with (
        pytest.raises(LimitExceeded, match="longer than 1 s"),
        libre_office.converted(letter(tmp_path), "a.doc", ".doc", "docx", Limits(conversion_s=1)),
    ):
        pass
    assert time.monotonic() - before < 20
    left = [p for p in psutil.process_iter(["cmdline"]) if "987" in (p.info["cmdline"] or [])]
    assert not left


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="namespaces are Linux's")
def test_no_server_of_this_machine_can_be_reached(tmp_path: Path, monkeypatch) -> None:
    if not libre_office._offline():
        pytest.skip("this system does not let a process have no network")
    found = subprocess.run(
        [*libre_office._offline(), "cat", "/proc/net/dev"], capture_output=True, check=True
    )
    names = [line.partition(b":")[0].strip() for line in found.stdout.splitlines()[2:]]
    assert names == [b"lo"]


def test_what_cannot_be_drawn_says_why(monkeypatch) -> None:
    monkeypatch.setattr(libre_office, "program", lambda: None)
    reason = draw_metafile(emf(), "The picture image1.emf")
    assert isinstance(reason, str)
    assert "LibreOffice" in reason
