"""What a file is, from its content; its name only where the content leaves it open."""

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loaders.content_type import (
    DOCX,
    HTML,
    MARKDOWN,
    PDF,
    PLAIN_TEXT,
    PPTX,
    UNKNOWN,
    XLSX,
    ZIP,
    content_type,
    format_name,
)
from loaders.errors import BrokenDocument, EmptyDocument, EncryptedDocument, LoaderError
from tests.loaders.reading import CORPUS, picture, with_corpus

OLE2_HEAD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
README = "# Harbour\n\nSee [the plan](plan.md).\n"


@pytest.fixture
def kind_of(tmp_path: Path):
    def find(content: bytes | str, name: str, **options: bool) -> str:
        path = tmp_path / "file"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return content_type(path, name, **options)

    return find


def archive(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in members.items():
            file.writestr({"types": "[Content_Types].xml"}.get(name, name), text)
    return buffer.getvalue()


def ooxml(main_part: str) -> bytes:
    return archive(types=f"<Types><Override ContentType='application/{main_part}+xml'/></Types>")


def ole2(stream: str) -> bytes:
    return OLE2_HEAD + stream.encode("utf-16-le") + b"\0" * 100


@pytest.mark.parametrize(
    ("content", "mime"),
    [
        (b"%PDF-1.7\n...", PDF),
        (b"\0\0junk\n%PDF-1.4\n..." + b"x" * 5000 + b"%%EOF", PDF),
        (ooxml("vnd.openxmlformats-officedocument.wordprocessingml.document.main"), DOCX),
        (ooxml("vnd.ms-word.document.macroEnabled.main"), DOCX),
        (ooxml("vnd.openxmlformats-officedocument.presentationml.slideshow.main"), PPTX),
        (ooxml("vnd.openxmlformats-officedocument.spreadsheetml.sheet.main"), XLSX),
        (ooxml("something.else"), ZIP),
        (archive(mimetype="application/epub+zip"), "application/epub+zip"),
        (archive(mimetype="text/html"), ZIP),
        (archive(readme="x"), ZIP),
        (ole2("WordDocument"), "application/msword"),
        (ole2("Workbook"), "application/vnd.ms-excel"),
        (picture(kind="PNG"), "image/png"),
        (picture(kind="JPEG"), "image/jpeg"),
        (picture(kind="TIFF"), "image/tiff"),
        (picture(kind="WEBP"), "image/webp"),
        (b"fLaC\0\0", "audio/flac"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"\0\0\0\x18ftypmp42\0\0", "video/mp4"),
        (b"\0\0\0\x18ftypheic\0\0", "image/heic"),
        (b"{\\rtf1 Hello}", "application/rtf"),
        (b"%!PS-Adobe-3.0\n", "application/postscript"),
        (b"\x1f\x8b\x08\0", "application/gzip"),
        (b"\0\1\2\3", UNKNOWN),
    ],
)
@pytest.mark.parametrize("name", ["file", "file.txt", "file.html", "file.json"])
def test_a_binary_format_is_known_by_its_content(
    kind_of, content: bytes, mime: str, name: str
) -> None:
    assert kind_of(content, name) == mime


def test_a_picture_named_as_a_pdf_is_a_picture(kind_of) -> None:
    assert kind_of(picture(), "scan.pdf") == "image/png"


@pytest.mark.parametrize(
    ("name", "claimed"),
    [
        ("report.pdf", "a PDF"),
        ("report.docx", "a Word document"),
        ("photo.JPG", "a picture"),
        ("song.mp3", "a sound file"),
    ],
)
@pytest.mark.parametrize("content", ["<!doctype html><p>Sign in</p>", "plain", b"\0\1\2"])
def test_a_file_that_is_not_what_its_name_says_is_refused(
    kind_of, name: str, claimed: str, content: bytes | str
) -> None:
    with pytest.raises(BrokenDocument, match=f"{name} is named {claimed} but its content is not"):
        kind_of(content, name)


def test_the_end_of_a_web_address_claims_nothing(kind_of) -> None:
    page = "<!doctype html><p>A page about a picture</p>"
    assert kind_of(page, "File:Duck.jpg", is_web_page=True) == HTML


def test_an_empty_file_is_named_so(kind_of) -> None:
    with pytest.raises(EmptyDocument, match=r"note\.txt is an empty file"):
        kind_of(b"", "note.txt")


def test_an_encrypted_office_file_asks_for_a_password(kind_of) -> None:
    with pytest.raises(EncryptedDocument, match=r"plan\.docx needs a password"):
        kind_of(ole2("EncryptedPackage"), "plan.docx")


def test_a_truncated_archive_is_damaged(kind_of) -> None:
    with pytest.raises(BrokenDocument, match=r"plan\.docx is a damaged Word document"):
        kind_of(archive(types="x" * 500)[:-30], "plan.docx")


@pytest.mark.parametrize(
    ("content", "name", "mime"),
    [
        ("<!DOCTYPE html>\n<p>x", "page", HTML),
        ("<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC ''>\n<html><body>x", "page.txt", HTML),
        ("<!-- saved -->\n<HTML lang=en><body>x", "page.md", HTML),
        ("<h1>a</h1><p>b</p><p>c</p>", "snippet", HTML),
        ("<h1>a</h1><p>b</p><p>c</p>", "snippet.htm", HTML),
        ("Just words.", "page.html", HTML),
        ("<p align=center><img src=x></p>\n\n# Harbour", "README.md", MARKDOWN),
        (README, "README", MARKDOWN),
        (README, "readme.txt", MARKDOWN),
        (README, "setup.cfg", PLAIN_TEXT),
        ("Just words.", "note.markdown", MARKDOWN),
        ("Just words.", "note", PLAIN_TEXT),
        ("1 < 2 and 3 > 2", "note.txt", PLAIN_TEXT),
        ("# a comment\nx = 1\n", "tool.py", PLAIN_TEXT),
        ("# only a number sign", "list.txt", PLAIN_TEXT),
        ("The header is %PDF-1.7 by the standard.", "note.txt", PLAIN_TEXT),
        ("[1, 2]", "data.json", "application/json"),
        ("a,b\n1,2\n", "data.csv", "text/csv"),
        ("{}", "book.ipynb", "application/x-ipynb+json"),
        ("From: a@b\n\nx", "mail.eml", "message/rfc822"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "data.xml", "application/xml"),
        ("<?xml version='1.0'?><data/>", "data.txt", "application/xml"),
        ("<svg xmlns='http://www.w3.org/2000/svg'/>", "plan.svg", "image/svg+xml"),
        ("<?xml version='1.0'?><svg/>", "plan", "image/svg+xml"),
    ],
)
def test_formats_that_are_text_are_told_apart(kind_of, content: str, name: str, mime: str) -> None:
    assert kind_of(content, name) == mime


def test_a_character_cut_by_the_end_of_the_look_is_no_damage(kind_of) -> None:
    assert kind_of("aé" * 60_000, "note.txt") == PLAIN_TEXT


@pytest.mark.parametrize(
    "text",
    [
        *("[" * 70_000, "-" * 70_000, "|---" * 20_000, "**a " * 20_000, "\n " * 40_000),
        *("<!---->" * 14_000, "<!-- " * 20_000, "<!--\n-->\n" * 10_000, "<?xm " * 16_000),
    ],
)
@pytest.mark.timeout(5)
def test_hostile_text_is_told_apart_at_once(kind_of, text: str) -> None:
    assert kind_of(text, "note.txt") == PLAIN_TEXT


HEADS = [b"", b"PK\x03\x04", OLE2_HEAD, b"%PDF-", b"\x89PNG\r\n\x1a\n", b"II*\0", b"GIF89a"]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(HEADS), st.binary(min_size=1, max_size=200))
def test_any_bytes_have_a_type_or_a_reason(kind_of, head: bytes, rest: bytes) -> None:
    try:
        found = kind_of(head + rest, "file")
    except LoaderError as error:
        found = str(error)
    assert found.startswith("file ") or "/" in found


def test_a_type_is_named_in_words() -> None:
    assert format_name(DOCX) == "a Word document"
    assert format_name("audio/flac") == "a sound file (flac)"
    assert format_name("application/x-unheard-of") == "an archive or data file"


@with_corpus
def test_every_file_of_the_corpus_is_what_it_is_said_to_be() -> None:
    kinds = {
        ".pdf": PDF,
        ".docx": DOCX,
        ".pptx": PPTX,
        ".xlsx": XLSX,
        ".html": HTML,
        ".md": MARKDOWN,
        ".epub": "application/epub+zip",
        ".odt": "application/vnd.oasis.opendocument.text",
        ".flac": "audio/flac",
        ".wav": "audio/wav",
        ".mp4": "video/mp4",
        ".gif": "image/gif",
        ".jpg": "image/jpeg",
        ".webp": "image/webp",
        ".tif": "image/tiff",
        ".svg": "image/svg+xml",
    }
    files = [p for p in (CORPUS / "docs").rglob("*") if p.suffix in kinds]
    assert len(files) > 40
    for path in files:
        assert content_type(path, path.name) == kinds[path.suffix], path.name


def test_a_page_is_known_behind_its_comments(kind_of) -> None:
    page = "<?xml version='1.0'?>\n<!-- a -- b --><!---->\n<!-- <p> -->\n<!DOCTYPE  html><p>Hello."
    assert kind_of(page, "page.txt") == HTML


@pytest.mark.parametrize("suffix", [".doc", ".xls", ".ppt"])
def test_an_old_office_file_without_its_content_is_called_damaged(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"plan{suffix}"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(BrokenDocument, match=r"is a damaged .* of before 2007"):
        content_type(path, path.name)


@pytest.mark.parametrize(
    ("content", "name", "found"),
    [
        (b"<html xmlns:x='excel'><table><tr><td>1</table>", "a.xls", "text/html"),
        (b"Port\tShips\nOslo\t5\n", "a.xls", "text/csv"),
        (b"Port;Ships\nOslo;5\n", "a.xlsx", "text/csv"),
        (b'[{"port": "Oslo"}]', "a.docx", "application/json"),
    ],
)
def test_a_text_exported_under_an_office_name_is_what_it_says(
    tmp_path: Path, content: bytes, name: str, found: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert content_type(tmp_path / name, name) == found
