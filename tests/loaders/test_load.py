"""`loaders.load`: the loader by content, a page fetched once, and clear refusals."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

import loaders
from loaders import (
    BrokenDocument,
    EncryptedDocument,
    FetchRefused,
    FigureDescriber,
    LimitExceeded,
    Limits,
    LoaderError,
    MediaStore,
    SourceMissing,
    UnsupportedFormat,
    load,
    loader_for,
)
from loaders.source import open_source
from tests.loaders.reading import CORPUS, expected, picture, read, with_corpus
from tests.serving import serving

OLD_WORD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0" + "WordDocument".encode("utf-16-le")


@pytest.fixture
def options(tmp_path: Path) -> dict[str, object]:
    media = MediaStore(tmp_path / "media")
    return {"media": media, "describer": FigureDescriber(media)}


@pytest.mark.parametrize("as_uri", [False, True])
def test_a_path_or_a_file_uri_is_read(tmp_path: Path, options, as_uri: bool) -> None:
    path = tmp_path / "ä note.txt"
    path.write_text("Words.")
    (document,) = load(path.as_uri() if as_uri else str(path), **options)
    assert document.page_content == "Words."
    assert document.metadata["source"] == path.as_uri()


@pytest.mark.parametrize(
    ("name", "content", "loader"),
    [
        ("a.txt", b"Words.", "TextLoader"),
        ("a.md", b"# Words", "MarkdownLoader"),
        ("a.html", b"<p>Words", "HtmlLoader"),
        ("a.dat", picture(), "ImageLoader"),
        ("a.pdf", picture(), "ImageLoader"),
    ],
)
def test_the_loader_is_chosen_by_content(
    tmp_path: Path, name: str, content: bytes, loader: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path / name, tmp_path).loader == loader


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "a.mid",
            b"MThd\0\0\0\x06",
            r"is a sound file \(midi\), which limner does not read\. Save or",
        ),
        ("a.bin", b"\0\1\2", "neither text nor a format that limner knows"),
        (
            "a.doc",
            OLD_WORD,
            r"is a Word document of before 2007.*LibreOffice.*save the file as \.docx",
        ),
    ],
)
def test_what_is_not_read_is_named(
    tmp_path: Path, options, name: str, content: bytes, words: str, monkeypatch
) -> None:
    monkeypatch.setattr("loaders.libre_office.program", lambda: None)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnsupportedFormat, match=words):
        load(tmp_path / name, **options)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path, options) -> None:
    with pytest.raises(SourceMissing, match="is not there"):
        load(tmp_path / "nothing.txt", **options)
    with pytest.raises(SourceMissing, match="is not a file"):
        load(tmp_path, **options)


def test_the_limits_that_are_given_hold(tmp_path: Path, options) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Words. " * 100)
    with pytest.raises(LimitExceeded):
        load(path, limits=Limits(max_bytes=100), **options)


def test_the_figure_root_that_is_given_holds(tmp_path: Path, options) -> None:
    (tmp_path / "quay.png").write_bytes(picture())
    (tmp_path / "notes").mkdir()
    note = tmp_path / "notes" / "a.md"
    note.write_text("Text.\n\n![](../quay.png)")
    assert len(load(note, **options)) == 1
    assert len(load(note, figure_root=tmp_path, **options)) == 2


PAGE = b"<!doctype html><title>Duck</title><p>A duck.</p><img src='fig/d.png' alt='Its bill'>"


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine: its address, and the paths that were asked for."""
    paths: list[str] = []

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, *args: object) -> None:
            pass

    with serving(Site) as address:
        yield address, paths


def test_a_page_is_fetched_once_and_its_pictures_never(asked, options) -> None:
    address, paths = asked
    page = f"{address}/wiki/File:Duck.jpg"
    with open_source(page, Limits(), is_allowed=lambda _: True) as file:
        loader = loader_for(file, **options)
        (document,) = loader.load_file(file)
    assert paths == ["/wiki/File:Duck.jpg"]
    assert document.page_content == "A duck.\nPicture: Its bill"
    assert (document.metadata["source"], document.metadata["title"]) == (page, "Duck")
    assert loader.skipped[0].what == f"The picture {address}/wiki/fig/d.png"


def test_a_page_on_this_machine_is_not_fetched(asked, options) -> None:
    address, paths = asked
    with pytest.raises(FetchRefused, match="not a public address"):
        load(address, **options)
    assert paths == []


def test_public_names_are_there_and_importing_them_is_cheap() -> None:
    for name in loaders.__all__:
        assert getattr(loaders, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        loaders.nothing  # noqa: B018
    heavy = ("torch", "transformers", "docx", "pptx", "lxml", "bs4", "rapidocr", "matplotlib")
    code = f"import sys, loaders; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == []


def test_load_stays_a_function_when_its_module_was_imported_first() -> None:
    code = "import loaders.formats, loaders; assert callable(loaders.load)"
    subprocess.run([sys.executable, "-c", code], check=True)


REFUSED = {
    "testEXCEL_protected_passtika.xlsx": EncryptedDocument,
    "encryption_openpassword.pdf": EncryptedDocument,
    "truncated_image.png": BrokenDocument,
    "crash-0e16d3bfb83be87356d026d66919deaefca44dac.tif": BrokenDocument,
    "quadratic.xml": LimitExceeded,
    "testDdeLink.xlsx": type(None),
    "fake-email-malformed-encoding.eml": type(None),
}


@with_corpus
@pytest.mark.parametrize("name", expected("hostile"))
def test_hostile_files_are_read_without_harm_or_refused_by_name(
    name: str, tmp_path: Path, options
) -> None:
    refusal: LoaderError | None = None
    try:
        load(CORPUS / "hostile" / name, **options)
    except LoaderError as error:
        refusal = error
    assert refusal is None or name in str(refusal)
    assert isinstance(refusal, REFUSED.get(name, (LoaderError, type(None))))
