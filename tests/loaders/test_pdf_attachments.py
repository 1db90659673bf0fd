"""PDF: files inside it are read as sections of it."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from loaders.limits import DEFAULT_LIMITS, Limits
from tests.loaders.pdfs import Page, stream, write_pdf
from tests.loaders.reading import Reading, picture, read


def carrying(path: Path, files: dict[str, bytes]) -> Path:
    """A PDF of one line with the files attached."""
    page = Page().text(72, 700, "The figures of each quarter are attached.")
    listed = " ".join(f"(key {k:03}) @spec{k}@" for k in range(len(files)))
    named: dict[str, str | bytes] = {}
    for k, (name, content) in enumerate(files.items()):
        named[f"spec{k}"] = f"<</Type/Filespec/F({name})/UF({name})/EF<</F @content{k}@>>>>"
        named[f"content{k}"] = stream("/Type/EmbeddedFile", content)
    entries = f"/Names<</EmbeddedFiles<</Names[{listed}]>>>>"
    return write_pdf(path, [page], catalog_entries=entries, named=named)


def reading(folder: Path, files: dict[str, bytes], limits: Limits = DEFAULT_LIMITS) -> Reading:
    return read(carrying(folder / "report.pdf", files), folder, limits)


def test_an_attached_file_is_a_section_without_pages(tmp_path: Path) -> None:
    river = write_pdf(tmp_path / "r.pdf", [Page().text(72, 700, "Gauges line the banks.")])
    found = reading(tmp_path, {"notes.md": b"# Sums\n\nForty.", "river.pdf": river.read_bytes()})
    assert [(d.metadata.get("section"), d.metadata.get("page")) for d in found.documents] == [
        (None, 1),
        ("Attachment: notes.md › Sums", None),
        ("Attachment: river.pdf", None),
    ]
    assert "Gauges line" in found.documents[-1].page_content
    assert {d.metadata["source"] for d in found.documents} == {(tmp_path / "report.pdf").as_uri()}
    assert (found.n_pages, found.skipped) == (1, [])


def test_an_attached_picture_is_a_figure(tmp_path: Path) -> None:
    found = reading(tmp_path, {"map.png": picture(200, 100)})
    (figure,) = found.figures
    assert figure.metadata["section"] == "Attachment: map.png"


def test_an_attachment_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    found = reading(tmp_path, {"data.sqlite": b"SQLite format 3\0" + bytes(100)})
    (skipped,) = found.skipped
    assert skipped.what == "Attachment data.sqlite"
    assert "does not read" in skipped.reason or "neither text" in skipped.reason


def test_the_name_of_an_attachment_cannot_break_the_line(tmp_path: Path) -> None:
    found = reading(tmp_path, {r"a\nb\rc.md" + "x" * 300: b"\x00\x01"})
    assert found.skipped[0].what.startswith("Attachment a b c.md")
    assert len(found.skipped[0].what) < 140


@pytest.mark.parametrize(
    ("limits", "what", "reason"),
    [
        (replace(DEFAULT_LIMITS, max_attachments=2), "3 more attachments", "is 2 attachments"),
        (replace(DEFAULT_LIMITS, max_nesting=0), "Attachment 0.txt", "1 files deep"),
    ],
)
def test_attachments_have_limits(tmp_path: Path, limits: Limits, what: str, reason: str) -> None:
    found = reading(tmp_path, {f"{k}.txt": b"Forty." for k in range(5)}, limits)
    told = {skipped.what: skipped.reason for skipped in found.skipped}
    assert reason in told[what]


def test_files_in_files_in_files_end(tmp_path: Path) -> None:
    content = b"The innermost note."
    name = "note.txt"
    for depth in range(6):
        path = carrying(tmp_path / f"{depth}.pdf", {name: content})
        name, content = f"{depth}.pdf", path.read_bytes()
    found = read(tmp_path / "5.pdf", tmp_path)
    (skipped,) = found.skipped
    assert "4 files deep; the limit is 3" in skipped.reason
    assert len(found.documents) == 4


def test_an_attachment_may_need_the_same_password(tmp_path: Path) -> None:
    locked = write_pdf(tmp_path / "l.pdf", [Page().text(72, 700, "Sums.")], password="ford")
    carrier = carrying(tmp_path / "report.pdf", {"locked.pdf": locked.read_bytes()})
    assert "needs a password" in read(carrier, tmp_path).skipped[0].reason
    assert "Sums." in read(carrier, tmp_path, passwords=["ford"]).text


def test_pictures_of_attachments_count_to_the_same_limit(tmp_path: Path) -> None:
    files = {}
    for k in range(4):
        Image.new("RGB", (80, 60), (k * 50, 0, 0)).save(tmp_path / f"{k}.png")
        files[f"{k}.png"] = (tmp_path / f"{k}.png").read_bytes()
    found = reading(tmp_path, files, replace(DEFAULT_LIMITS, max_figures=3))
    assert len(found.figures) == 3
    assert "3 figures" in found.skipped[0].reason
