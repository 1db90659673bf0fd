"""Sound, films and documents that stand in an Office document are read at its end."""

import contextlib
import io
import struct
import zipfile
from pathlib import Path

import docx
import pptx
import pytest
import xlsxwriter
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from pptx.util import Inches

from loaders.embedded_files import UNREADABLE, _file_in, _native_file
from tests.loaders.msg_files import write_msg
from tests.loaders.reading import Reading, picture, read
from tests.loaders.recordings import Hears, noise, scene, write
from tests.loaders.test_open_document import written

OFFICE = "urn:schemas-microsoft-com:office:office"


@pytest.fixture(autouse=True)
def without_libre_office(monkeypatch) -> None:
    monkeypatch.setattr("loaders.libre_office.program", lambda: None)


def deck_with(folder: Path, film: bytes, *, n_slides: int = 1) -> Path:
    deck = pptx.Presentation()
    for number in range(n_slides):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        slide.shapes.title.text = f"Signals {number + 1}"
        shape = slide.shapes.add_movie(
            io.BytesIO(film),
            *map(Inches, (1, 2, 4, 3)),
            poster_frame_image=io.BytesIO(picture()),
            mime_type="video/mp4",
        )
        shape.name = "The horn"
    path = folder / "talk.pptx"
    deck.save(str(path))
    return path


def document_with(folder: Path, relation: str, name: str, content: bytes) -> Path:
    document = docx.Document()
    document.add_paragraph("Before the object.")
    part = Part(PackURI(f"/word/embeddings/{name}"), "application/x", content)
    relation_id = document.part.relate_to(part, relation)
    held = (
        f'<w:object xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
        f' xmlns:o="{OFFICE}" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/'
        f'relationships"><o:OLEObject Type="Embed" r:id="{relation_id}"/></w:object>'
    )
    document.add_paragraph().add_run()._r.append(parse_xml(held))
    document.add_paragraph("After the object.")
    path = folder / "report.docx"
    document.save(str(path))
    return path


def object_with(folder: Path, name: str, content: bytes) -> bytes:
    """An object as Windows makes one of a file that is dragged into a document."""
    path = b"C:\\" + name.encode() + b"\0"
    stream = b"\2\0" + name.encode() + b"\0" + path + struct.pack("<II", 0x30000, len(path))
    stream += path + struct.pack("<I", len(content)) + content
    stream = struct.pack("<I", len(stream)) + stream
    return write_msg(folder / "object.bin", {"\x01Ole10Native": stream}).read_bytes()


def heard(found: Reading) -> Document:
    """The one passage in which it is said."""
    passages = [d for d in found.documents if d.metadata["modality"] in {"audio", "video"}]
    (said,) = [d for d in passages if "Ahoy." in d.page_content]
    return said


def test_what_is_said_in_the_film_of_a_slide_is_found_with_its_slide(tmp_path: Path) -> None:
    film = write(tmp_path / "horn.mp4", noise(3), [(scene(1), 3.0)]).read_bytes()
    path = deck_with(tmp_path, film)
    found = read(path, tmp_path, transcriber=Hears(("Ahoy.", 0.5)))
    said = heard(found)
    assert said.metadata["section"] == "Attachment: slide 1, The horn.mp4"
    assert said.metadata["modality"] == "video"
    assert 0.5 == said.metadata["start"] < said.metadata["end"] <= 3.1
    frames = [d.metadata for d in found.figures if d.metadata["section"] != "Signals 1"]
    assert frames
    assert all(0.0 <= frame["start"] < frame["end"] <= 3.1 for frame in frames)
    assert found.documents[0].metadata["section"] == "Signals 1"
    assert not found.skipped


def test_a_film_on_several_slides_is_read_once_and_after_all_slides(tmp_path: Path) -> None:
    film = write(tmp_path / "horn.mp4", noise(3), [(scene(1), 3.0)]).read_bytes()
    found = read(deck_with(tmp_path, film, n_slides=3), tmp_path, transcriber=Hears(("Ahoy.", 1)))
    assert heard(found)
    places = [d.metadata["section"] for d in found.documents]
    assert places.index("Signals 3") < places.index("Attachment: slide 1, The horn.mp4")


@pytest.mark.parametrize("content", [b"", b"no film at all"])
def test_an_empty_or_broken_film_is_told_and_the_slide_is_read(
    content: bytes, tmp_path: Path
) -> None:
    found = read(deck_with(tmp_path, content), tmp_path, transcriber=Hears())
    assert "Signals 1" in found.text
    (skipped,) = found.skipped
    assert skipped.what == "Attachment slide 1, The horn.mp4"
    assert "empty" in skipped.reason or "damaged" in skipped.reason


def test_the_sound_of_an_open_document_presentation_is_heard(tmp_path: Path) -> None:
    body = (
        '<draw:page><draw:frame presentation:class="title"><draw:text-box><text:p>Signals</text:p>'
        "</draw:text-box></draw:frame><draw:frame>"
        '<draw:plugin xlink:href="Media/horn.wav"/></draw:frame></draw:page>'
    )
    linked = written(tmp_path, "odp", body)
    assert linked.skipped[0].what == "The sound or film Media/horn.wav"
    with zipfile.ZipFile(tmp_path / "file.odp", "a") as archive:
        archive.write(write(tmp_path / "horn.wav", noise(2)), "Media/horn.wav")
    found = read(tmp_path / "file.odp", tmp_path, transcriber=Hears(("Ahoy.", 0.5)))
    said = heard(found)
    assert said.metadata["section"] == "Attachment: slide 1, horn.wav"


def test_a_workbook_put_into_a_document_is_read_after_its_text(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "catch.xlsx") as workbook:
        sheet = workbook.add_worksheet()
        for n, row in enumerate((["Port", "Catch"], ["Cod Bay", 1204], ["Hull", 88])):
            sheet.write_row(n, 0, row)
    content = (tmp_path / "catch.xlsx").read_bytes()
    path = document_with(tmp_path, RELATIONSHIP_TYPE.PACKAGE, "sheet1.xlsx", content)
    found = read(path, tmp_path)
    assert found.texts[0] == "Before the object.\nAfter the object."
    (table,) = found.tables
    assert "| Cod Bay | 1204 |" in table.page_content
    assert table.metadata["section"].startswith("Attachment: sheet1.xlsx")


def test_a_sound_put_into_a_document_as_an_object_is_heard(tmp_path: Path) -> None:
    sound = write(tmp_path / "horn.wav", noise(2)).read_bytes()
    content = object_with(tmp_path, "horn.wav", sound)
    path = document_with(tmp_path, RELATIONSHIP_TYPE.OLE_OBJECT, "object1.bin", content)
    found = read(path, tmp_path, transcriber=Hears(("Ahoy.", 0.5)))
    said = heard(found)
    assert said.metadata["section"] == "Attachment: horn.wav"


@pytest.mark.parametrize("n_bytes", [0, 100, 1600])
def test_a_damaged_object_is_told_and_costs_nothing_else(n_bytes: int, tmp_path: Path) -> None:
    content = object_with(tmp_path, "note.txt", b"The tide turns at noon.")[:n_bytes]
    path = document_with(tmp_path, RELATIONSHIP_TYPE.OLE_OBJECT, "object1.bin", content)
    found = read(path, tmp_path)
    assert found.texts[0] == "Before the object.\nAfter the object."
    (skipped,) = found.skipped
    assert "object1.bin" in skipped.what
    assert "damaged" in skipped.reason or "empty" in skipped.reason


def test_a_file_cut_off_inside_an_object_is_told(tmp_path: Path) -> None:
    stream = b"\2\0a.txt\0C:\\a.txt\0" + struct.pack("<III", 0x30000, 0, 9_999) + b"Ahoy."
    content = write_msg(
        tmp_path / "o", {"\x01Ole10Native": struct.pack("<I", len(stream)) + stream}
    )
    path = document_with(
        tmp_path, RELATIONSHIP_TYPE.OLE_OBJECT, "object1.bin", content.read_bytes()
    )
    (skipped,) = read(path, tmp_path).skipped
    assert skipped.what == "The object object1.bin"
    assert "of 9,999 bytes are there" in skipped.reason


@pytest.mark.parametrize("stream", ["WordDocument", "PowerPoint Document", "Workbook"])
def test_an_old_office_file_put_in_as_an_object_goes_the_way_of_such_files(
    stream: str, tmp_path: Path
) -> None:
    content = write_msg(tmp_path / "old.bin", {stream: b"x" * 5_000}).read_bytes()
    path = document_with(tmp_path, RELATIONSHIP_TYPE.OLE_OBJECT, "object1.bin", content)
    (skipped,) = read(path, tmp_path).skipped
    assert skipped.what == "Attachment object1.bin"
    assert "which limner reads through LibreOffice" in skipped.reason


def test_an_object_that_only_its_own_program_reads_is_left_to_its_picture(tmp_path: Path) -> None:
    content = write_msg(tmp_path / "sum.bin", {"Equation Native": b"x" * 5_000}).read_bytes()
    path = document_with(tmp_path, RELATIONSHIP_TYPE.OLE_OBJECT, "object1.bin", content)
    found = read(path, tmp_path)
    assert found.texts == ["Before the object.\nAfter the object."]
    assert not found.skipped


@pytest.mark.parametrize("kind", ["package", "oleObject"])
def test_a_document_put_onto_a_sheet_is_read_as_of_that_sheet(kind: str, tmp_path: Path) -> None:
    inner = docx.Document()
    inner.add_paragraph("The tide turns at noon.")
    inner.save(str(tmp_path / "inner.docx"))
    content = (tmp_path / "inner.docx").read_bytes()
    held = content if kind == "package" else object_with(tmp_path, "tides.docx", content)
    with xlsxwriter.Workbook(tmp_path / "catch.xlsx") as book:
        book.add_worksheet("Sheet").write("A1", "Of the first sheet.")
        book.add_worksheet("Second").write("A1", "Of the second sheet.")
    with zipfile.ZipFile(tmp_path / "catch.xlsx", "a") as archive:
        archive.writestr("xl/embeddings/inner.docx", held)
        archive.writestr(
            "xl/worksheets/_rels/sheet1.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="rId1" Type="{RELATIONSHIP_TYPE.PACKAGE.rpartition("/")[0]}/{kind}" '
            'Target="../embeddings/inner.docx"/></Relationships>',
        )
    found = read(tmp_path / "catch.xlsx", tmp_path)
    name = "inner.docx" if kind == "package" else "tides.docx"
    (said,) = [d for d in found.documents if "The tide turns at noon." in d.page_content]
    assert said.metadata["sheet"] == "Sheet"
    assert said.metadata["section"] == f"Sheet › Attachment: {name}"
    assert not found.skipped


@given(content=st.binary(max_size=300))
def test_arbitrary_objects_are_no_crash(content: bytes) -> None:
    for object_ in (content, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + content):
        with contextlib.suppress(*UNREADABLE):
            _file_in(object_)
    with contextlib.suppress(*UNREADABLE):
        _native_file(content)
