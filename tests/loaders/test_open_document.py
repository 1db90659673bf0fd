"""OpenDocument files: texts, spreadsheets and presentations, with their tables and pictures."""

import zipfile
from pathlib import Path

import pytest

from loaders.errors import BrokenDocument, EncryptedDocument
from loaders.open_document_text import NAMESPACES
from tests.loaders.reading import CORPUS, Reading, picture, read, with_corpus, words

SPACES = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
KINDS = {"odt": "text", "ods": "spreadsheet", "odp": "presentation"}


def written(folder: Path, suffix: str, body: str, styles: str = "", **parts: bytes) -> Reading:
    path = folder / f"file.{suffix}"
    kind = KINDS[suffix]
    content = (
        f"<office:document-content {SPACES}><office:automatic-styles>{styles}"
        f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
        "</office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        archive.writestr("content.xml", content)
        for name, part in parts.items():
            archive.writestr(name.replace("__", "/"), part)
    return read(path, folder)


FRAME = (
    '<draw:frame><draw:image xlink:href="Pictures/a.png"/>'
    "<svg:desc>The quay at dawn</svg:desc></draw:frame>"
)
PICTURE = {"Pictures/a.png": picture()}


def test_a_text_has_headings_lists_notes_and_no_deleted_words(tmp_path: Path) -> None:
    found = written(
        tmp_path,
        "odt",
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        '<text:h text:outline-level="1">Harbour</text:h>'
        "<text:p>It<text:s text:c='2'/>rained.<text:note><text:note-body><text:p>In May."
        "</text:p></text:note-body></text:note><office:annotation><text:p>Sure?</text:p>"
        "</office:annotation></text:p><text:list><text:list-item><text:p>Fish</text:p>"
        "<text:list><text:list-item><text:p>Cod</text:p></text:list-item></text:list>"
        "</text:list-item></text:list>",
    )
    assert found.documents[0].metadata["section"] == "Harbour"
    assert found.texts == ["Harbour\nIt  rained.\nNote: In May.\n- Fish\n  - Cod"]


def test_a_picture_has_its_alternative_text_and_caption(tmp_path: Path) -> None:
    body = f"<text:p>{FRAME}</text:p><text:p>Figure 1: The quay</text:p>"
    (figure,) = written(tmp_path, "odt", body, **PICTURE).figures
    assert words(figure) == {"alt": "The quay at dawn", "document": "Figure 1: The quay"}


def test_a_picture_that_is_only_linked_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(picture())
    body = f"<text:p>Words</text:p>{FRAME.replace('Pictures/a.png', '../secret.png')}"
    found = written(tmp_path, "odt", body)
    assert not found.figures
    assert "only linked" in found.skipped[0].reason


def chart(kind: str, series: str, *points: tuple[object, ...]) -> str:
    """The content of an object that holds a chart; points: its table, the header first."""
    cells = (
        "".join(
            f'<table:table-cell office:value="{cell}"><text:p>{cell}</text:p></table:table-cell>'
            for cell in point
        )
        for point in points
    )
    rows = "".join(f"<table:table-row>{row}</table:table-row>" for row in cells)
    return (
        f'<office:document-content {SPACES}><office:body><chart:chart chart:class="chart:{kind}">'
        "<chart:title><text:p>Catch</text:p></chart:title><chart:plot-area>"
        '<chart:axis chart:dimension="y"><chart:title><text:p>Tons</text:p></chart:title>'
        f"</chart:axis>{series}</chart:plot-area><table:table>{rows}</table:table></chart:chart>"
        "</office:body></office:document-content>"
    )


OBJECT = '<draw:frame><draw:object xlink:href="./Object 1"/></draw:frame>'


def test_a_chart_is_drawn_and_its_data_are_a_table_with_the_same_picture(tmp_path: Path) -> None:
    points = (("", "Cod", "Ling"), ("May", 12, 4), ("June", "NaN", 5))
    content = chart("circle", "<chart:series/><chart:series/>", *points).encode()
    found = written(tmp_path, "odt", OBJECT, **{"Object 1/content.xml": content})
    (figure,), (table,) = found.figures, found.tables
    assert words(figure) == {
        "document": "Catch",
        "chart_data": "Pie chart; y: Tons; Cod: May 12; Ling: May 4, June 5",
    }
    assert "| June |  | 5 |" in table.page_content
    assert table.metadata["image_key"] == figure.metadata["image_key"]


def test_each_series_of_a_scatter_chart_has_its_own_column_of_x(tmp_path: Path) -> None:
    series = "<chart:series><chart:domain/></chart:series>" * 2
    points = (("", "x", "Cod", "x", "Ling"), (1, 10, 12, 20, 4), (2, 11, 13, 21, 5))
    content = chart("scatter", series, *points).encode()
    found = written(tmp_path, "odt", OBJECT, **{"Object 1/content.xml": content})
    assert "Cod: 10 12, 11 13; Ling: 20 4, 21 5" in words(found.figures[0])["chart_data"]
    assert "| Ling | 21 | 5 |" in found.tables[0].page_content


def row(*texts: str, **more: str) -> str:
    attributes = " ".join(f'table:{key.replace("_", "-")}="{v}"' for key, v in more.items())
    cells = "".join(
        f'<table:table-cell office:value-type="{"float" if t.isdigit() else "string"}">'
        f"<text:p>{t}</text:p></table:table-cell>"
        for t in texts
    )
    return f"<table:table-row {attributes}>{cells}</table:table-row>"


def test_a_sheet_has_its_tables_and_a_hidden_one_is_marked(tmp_path: Path) -> None:
    styles = (
        '<style:style style:name="h"><style:table-properties table:display="false"/></style:style>'
    )
    rows = row("City", "People") + row("Lagos", "16")
    body = (
        f'<table:table table:name="Open">{rows}{row(number_rows_repeated="1048000")}</table:table>'
        f'<table:table table:name="Secret" table:style-name="h">{rows}</table:table>'
    )
    found = written(tmp_path, "ods", body, styles)
    assert [t.metadata["sheet"] for t in found.tables] == ["Open", "Secret (hidden)"]
    assert "| Lagos | 16 |" in found.tables[0].page_content
    assert found.tables[0].metadata["cells"] == "A1:B2"


@pytest.mark.timeout(20)
def test_rows_that_stand_for_millions_are_not_copied_that_often(tmp_path: Path) -> None:
    cell = (
        '<table:table-cell table:number-columns-repeated="16000"><text:p>x</text:p>'
        "</table:table-cell>"
    )
    many = f'<table:table-row table:number-rows-repeated="1000">{cell}</table:table-row>' * 1_000
    found = written(tmp_path, "ods", f'<table:table table:name="S">{many}</table:table>')
    assert "repeat the one before" in found.skipped[0].reason


def test_a_slide_is_a_page_with_its_title_and_notes(tmp_path: Path) -> None:
    title = (
        '<draw:frame presentation:class="title"><draw:text-box><text:p>Water</text:p>'
        "</draw:text-box></draw:frame>"
    )
    notes = (
        "<presentation:notes><draw:frame><draw:text-box><text:p>Say why.</text:p>"
        "</draw:text-box></draw:frame></presentation:notes>"
    )
    page = f"<draw:page>{FRAME}{title}{notes}</draw:page>"
    found = written(tmp_path, "odp", page * 2, **PICTURE)
    assert found.n_pages == 2
    assert [figure.metadata["page"] for figure in found.figures] == [1]
    assert [d.metadata["page"] for d in found.documents if d not in found.figures] == [1, 2]
    assert found.texts[0] == "Water\nNotes: Say why."


def test_an_encrypted_and_an_empty_file_are_refused(tmp_path: Path) -> None:
    manifest = {"META-INF/manifest.xml": b"<manifest:encryption-data/>"}
    with pytest.raises(EncryptedDocument, match="needs a password"):
        written(tmp_path, "odt", "<text:p>x</text:p>", **manifest)
    path = tmp_path / "none.odt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
    with pytest.raises(BrokenDocument, match=r"none\.odt is a damaged Office file"):
        read(path, tmp_path)


@with_corpus
def test_a_real_text_is_read_with_its_picture(tmp_path: Path) -> None:
    found = read(CORPUS / "docs" / "embedded-png.odt", tmp_path)
    assert "a document with an embedded PNG" in found.text
    assert len(found.figures) == 1
