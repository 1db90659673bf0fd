"""PDF: files inside it are named in the report."""

from pathlib import Path

from tests.loaders.pdfs import Page, stream, write_pdf
from tests.loaders.reading import Reading, read


def reading(folder: Path, *names: str) -> Reading:
    page = Page().text(72, 700, "The figures of each quarter are attached.")
    listed = " ".join(f"(key {k:03}) @spec{k}@" for k in range(len(names)))
    named: dict[str, str | bytes] = {
        f"spec{k}": f"<</Type/Filespec/F({name})/UF({name})/EF<</F @content@>>>>"
        for k, name in enumerate(names)
    }
    named["content"] = stream("/Type/EmbeddedFile", "quarter,sum\n1,40\n")
    entries = f"/Names<</EmbeddedFiles<</Names[{listed}]>>>>"
    path = write_pdf(folder / "report.pdf", [page], catalog_entries=entries, named=named)
    return read(path, folder)


def test_an_attachment_is_reported_by_its_name(tmp_path: Path) -> None:
    found = reading(tmp_path, "data.csv")
    assert "are attached" in found.text
    (skipped,) = found.skipped
    assert skipped.what == "Attachment data.csv"
    assert "save it with a PDF viewer and add it" in skipped.reason


def test_the_name_of_an_attachment_cannot_break_the_line(tmp_path: Path) -> None:
    found = reading(tmp_path, r"a\nb\rc.csv" + "x" * 300)
    assert found.skipped[0].what.startswith("Attachment a b c.csv")
    assert len(found.skipped[0].what) < 140


def test_very_many_attachments_are_counted(tmp_path: Path) -> None:
    found = reading(tmp_path, *(f"{k}.csv" for k in range(50)))
    assert len(found.skipped) == 21
    assert found.skipped[-1].what == "30 more attachments"
