"""EPUB: chapters under the names of the contents, with the book's own pictures."""

import zipfile
from pathlib import Path

import pytest

from loaders.errors import BrokenDocument, EncryptedDocument, LimitExceeded
from loaders.limits import Limits
from tests.loaders.reading import picture, read, words

CONTAINER = '<container><rootfiles><rootfile full-path="o/book.opf"/></rootfiles></container>'
NAV = (
    '<html><body><nav epub:type="toc"><ol><li><span>Part One</span><ol>'
    '<li><a href="text/c1.xhtml">I: The Quay</a></li></ol></li>'
    '<li><a href="text/c2.xhtml#a">Tides</a></li><li><a href="text/c2.xhtml#b">Winds</a></li>'
    "</ol></nav></body></html>"
)
NCX = (
    "<ncx><navMap><navPoint><navLabel><text>I: The Quay</text></navLabel>"
    '<content src="text/c1.xhtml"/></navPoint></navMap></ncx>'
)
PAGES = {
    "o/text/c1.xhtml": "<h2>I</h2><p>The Quay</p><p>Old and new.</p>"
    "<figure><img src='../pics/a%20b.png' alt='Two cranes'/>"
    "<figcaption>Figure 1: Cranes</figcaption></figure>",
    "o/text/c2.xhtml": "<h2 id='a'>Tides</h2><p>High.</p><h2 id='b'>Winds</h2><p>Strong.</p>",
}


def write_book(path: Path, *, contents: str = NAV, **more: bytes | str) -> Path:
    is_old = contents == NCX
    kind = 'media-type="application/x-dtbncx+xml"' if is_old else 'properties="nav"'
    package = (
        "<package><metadata><title>The  Harbour</title></metadata><manifest>"
        f'<item id="toc" href="toc.xhtml" {kind}/>'
        '<item id="c1" href="text/c1.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="c2" href="text/c2.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="cover" href="pics/cover.png" properties="cover-image"/></manifest>'
        f'<spine {"toc=" + repr("toc") if is_old else ""}><itemref idref="toc"/>'
        '<itemref idref="c1"/><itemref idref="c2"/></spine></package>'
    )
    parts: dict[str, bytes | str] = {
        "META-INF/container.xml": CONTAINER,
        "o/book.opf": package,
        "o/toc.xhtml": contents,
        "o/pics/a b.png": picture(),
        "o/pics/cover.png": picture(color="blue"),
    }
    parts |= {name: f"<html><body>{body}</body></html>" for name, body in PAGES.items()} | more
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        for name, content in parts.items():
            book.writestr(name, content)
    return path


def test_chapters_stand_under_the_names_of_the_contents(tmp_path: Path) -> None:
    found = read(write_book(tmp_path / "book.epub"), tmp_path)
    assert found.title == "The Harbour"
    assert found.documents[0].page_content == "I: The Quay\nOld and new."
    sections = [d.metadata["section"] for d in found.documents if d.metadata["modality"] == "text"]
    assert sections == ["Part One › I: The Quay", "Tides", "Winds"]


def test_after_a_quotation_with_a_heading_the_chapter_goes_on(tmp_path: Path) -> None:
    page = "<h2>Tides</h2><blockquote><h3>Ode</h3><p>Low.</p></blockquote><p>High.</p>"
    chapter = {"o/text/c2.xhtml": f"<html><body>{page}</body></html>"}
    found = read(write_book(tmp_path / "book.epub", contents=NCX, **chapter), tmp_path)
    sections = {d.page_content: d.metadata["section"] for d in found.documents}
    assert sections["Ode\nLow."] == "I: The Quay › Tides › Ode"
    assert sections["Tides\nHigh."] == "I: The Quay › Tides"


def test_a_book_of_version_2_has_its_contents_too(tmp_path: Path) -> None:
    found = read(write_book(tmp_path / "book.epub", contents=NCX), tmp_path)
    assert found.documents[0].metadata["section"] == "I: The Quay"
    assert "Strong." in found.text


def test_pictures_come_from_the_book_and_the_cover_last(tmp_path: Path) -> None:
    found = read(write_book(tmp_path / "book.epub"), tmp_path)
    crane, cover = found.figures
    assert words(crane) == {"document": "Figure 1: Cranes", "alt": "Two cranes"}
    assert cover.metadata["section"] == "Cover"


def test_no_picture_comes_from_beside_the_book(tmp_path: Path) -> None:
    (tmp_path / "out.png").write_bytes(picture(color="green"))
    page = "<html><body><p>A</p><img src='../../out.png'/><img src='/out.png'/></body></html>"
    found = read(write_book(tmp_path / "book.epub", **{"o/text/c2.xhtml": page}), tmp_path)
    assert len(found.figures) == 2
    assert {s.reason for s in found.skipped} == {"the file does not hold it"}


def test_a_page_that_is_missing_is_told(tmp_path: Path) -> None:
    path = write_book(tmp_path / "book.epub")
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(tmp_path / "cut.epub", "w") as cut:
        for name in whole.namelist():
            if name != "o/text/c2.xhtml":
                cut.writestr(name, whole.read(name))
    found = read(tmp_path / "cut.epub", tmp_path)
    assert "Old and new." in found.text
    assert [s.what for s in found.skipped] == ["The page o/text/c2.xhtml"]


def test_a_copy_protected_book_is_refused(tmp_path: Path) -> None:
    rights = "<encryption><enc:EncryptedData xmlns:enc='x'></enc:EncryptedData></encryption>"
    path = write_book(tmp_path / "book.epub", **{"META-INF/encryption.xml": rights})
    with pytest.raises(EncryptedDocument, match="copy-protected"):
        read(path, tmp_path)


def test_a_book_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = write_book(tmp_path / "book.epub", **{"o/big.css": b" " * 30_000_000})
    with pytest.raises(LimitExceeded, match="would unpack to"):
        read(path, tmp_path, Limits(max_archive_ratio=10))


def test_a_book_without_an_order_of_pages_is_refused(tmp_path: Path) -> None:
    path = write_book(tmp_path / "book.epub", **{"o/book.opf": "<package/>"})
    with pytest.raises(BrokenDocument, match="spine"):
        read(path, tmp_path)
