"""Contents that a document prints are no table, whatever they name."""

from pathlib import Path

from tests.loaders.pdfs import Page, write_pdf
from tests.loaders.reading import read

ENTRIES = ("Plot with table", "Terminal", "Theta", "Tics", "Timestamp", "Title", "Variables")


def test_an_entry_named_table_is_no_caption(tmp_path: Path) -> None:
    page = Page().text(72, 700, "Table").text(500, 700, "205")
    for k, entry in enumerate(ENTRIES):
        page.text(90, 686 - 14 * k, entry).text(500, 686 - 14 * k, str(205 + k))
    reading = read(write_pdf(tmp_path / "manual.pdf", [page]), tmp_path)
    assert not reading.tables
    assert "Plot with table 205\nTerminal 206" in reading.text
