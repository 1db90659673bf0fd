"""Word documents: headings, lists, tables and pictures in order, and files that are damaged."""

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from docx.enum.text import WD_BREAK
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm

from loaders.errors import (
    BrokenDocument,
    EncryptedDocument,
    LimitExceeded,
    UnsupportedFormat,
)
from loaders.limits import Limits
from tests.loaders.reading import CORPUS, Reading, expected, picture, read, with_corpus, words

W = nsdecls("w")


@pytest.fixture
def document():
    return docx.Document()


@pytest.fixture
def reread(tmp_path: Path, document) -> Callable[..., Reading]:
    """Save the document, perhaps change its parts, and read it."""

    def save_and_read(*, limits: Limits | None = None, **changed: bytes) -> Reading:
        path = tmp_path / "report.docx"
        document.save(str(path))
        if changed:
            rewrite(path, {name.replace("__", "/") + ".xml": b for name, b in changed.items()})
        return read(path, tmp_path, limits or Limits())

    return save_and_read


def rewrite(path: Path, parts: dict[str, bytes]) -> None:
    """Put parts in place of those of a zip archive."""
    with zipfile.ZipFile(path) as archive:
        old = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (old | parts).items():
            archive.writestr(name, content)


def add_picture(document, content: bytes | None = None, alt: str = ""):
    """A paragraph with only a picture."""
    paragraph = document.add_paragraph()
    paragraph.add_run().add_picture(io.BytesIO(content or picture()), width=Cm(3))
    paragraph._p.find(f".//{qn('wp:docPr')}").set("descr", alt)
    return paragraph


def add_part(document, name: str, content_type: str, content: bytes, relation: str) -> str:
    """A part of the package; the id of the relation to it."""
    part = Part(PackURI(name), content_type, content, document.part.package)
    return document.part.relate_to(part, relation)


def test_text_stands_below_its_headings(document, reread) -> None:
    document.add_heading("Results", 1)
    document.add_paragraph("Sales rose.")
    document.add_heading("Europe", 2)
    document.add_paragraph("Strong growth", style="List Bullet")
    document.add_paragraph("in the north", style="List Bullet 2")
    found = reread()
    assert [d.metadata.get("section") for d in found.documents] == ["Results", "Results › Europe"]
    results, europe = found.texts
    assert results == "Results\nSales rose."
    assert europe.split() == ["Europe", "-", "Strong", "growth", "-", "in", "the", "north"]


def test_items_of_numbered_lists_have_their_numbers(document, reread) -> None:
    numbering = document.part.numbering_part.element
    levels = "".join(
        f'<w:lvl w:ilvl="{n}"><w:start w:val="1"/><w:numFmt w:val="{kind}"/>'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for n, (kind, text) in enumerate(
            [("decimal", "%1."), ("lowerLetter", "%2)"), ("upperRoman", "%1.%3")]
        )
    )
    abstract = parse_xml(f'<w:abstractNum {W} w:abstractNumId="77">{levels}</w:abstractNum>')
    numbering.insert(0, abstract)
    for number, restart in (("78", ""), ("79", '<w:startOverride w:val="5"/>')):
        override = f'<w:lvlOverride w:ilvl="0">{restart}</w:lvlOverride>' if restart else ""
        numbering.append(
            parse_xml(
                f'<w:num {W} w:numId="{number}"><w:abstractNumId w:val="77"/>{override}</w:num>'
            )
        )
    for text, level, number in (
        *(("Rain", 0, "78"), ("River", 1, "78"), ("Lake", 1, "78"), ("Pond", 2, "78")),
        *(("Sea", 0, "78"), ("Bay", 1, "78"), ("Cloud", 0, "79")),
    ):
        properties = document.add_paragraph(text)._p.get_or_add_pPr()
        properties.append(
            parse_xml(
                f'<w:numPr {W}><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'
            )
        )
    (text,) = reread().texts
    assert [line.strip() for line in text.splitlines()] == [
        *("1. Rain", "a) River", "b) Lake", "1.I Pond", "2. Sea", "a) Bay", "5. Cloud")
    ]


def test_a_heading_is_known_by_its_outline_level_whatever_its_style_is_called(
    document, reread
) -> None:
    style = document.styles.add_style("Überschrift eins", 1)
    style.element.get_or_add_pPr().append(parse_xml(f'<w:outlineLvl {W} w:val="0"/>'))
    derived = document.styles.add_style("Derived", 1)
    derived.base_style = style
    document.add_paragraph("Ergebnisse", style="Derived")
    document.add_paragraph("Der Umsatz stieg.")
    assert reread().documents[0].metadata["section"] == "Ergebnisse"


def test_styles_based_on_each_other_in_a_circle_do_no_harm(document, reread) -> None:
    one, two = document.styles.add_style("One", 1), document.styles.add_style("Two", 1)
    one.base_style, two.base_style = two, one
    document.add_paragraph("Still read.", style="One")
    assert reread().texts == ["Still read."]


def test_the_title_is_that_of_the_properties_unless_a_program_filled_it_in(
    document, reread
) -> None:
    document.add_paragraph("Before the title")
    document.add_heading("Harbour report", 0)
    document.core_properties.title = "Word Document"
    assert reread().title == "Harbour report"
    document.core_properties.title = "Port of Rotterdam 2024"
    assert reread().title == "Port of Rotterdam 2024"


def test_the_table_of_contents_is_not_said_again(document, reread) -> None:
    style = document.styles.add_style("toc 1", 1)
    document.add_paragraph("Results\t3", style=style)
    document.add_heading("Results", 1)
    document.add_paragraph("Sales rose.")
    assert "\t3" not in reread().text


def test_a_merged_cell_is_said_once_and_what_it_covers_is_not(document, reread) -> None:
    table = document.add_table(3, 3)
    for r, row in enumerate(table.rows):
        for c, cell in enumerate(row.cells):
            cell.text = f"r{r}c{c}"
    table.cell(1, 0).merge(table.cell(2, 0)).text = "North"
    covered = table.rows[2]._tr.tc_lst[0].p_lst[0]
    covered.append(parse_xml(f"<w:r {W}><w:t>covered</w:t></w:r>"))
    table.cell(0, 0).merge(table.cell(0, 1)).text = "Units"
    (found,) = reread().tables
    rows = [[c.strip() for c in line.split("|")[1:-1]] for line in found.page_content.splitlines()]
    assert rows[0] == ["Units", "", "r0c2"]
    assert rows[2:] == [["North", "r1c1", "r1c2"], ["", "r2c1", "r2c2"]]


def test_a_table_in_a_cell_is_read_with_the_cell(document, reread) -> None:
    table = document.add_table(2, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Region", "Detail"
    table.cell(1, 0).text = "North"
    table.cell(1, 1).add_table(1, 1).cell(0, 0).text = "nested 42"
    assert "| North | nested 42 |" in reread().tables[0].page_content


def test_a_table_of_one_cell_is_a_frame_around_text(document, reread) -> None:
    cell = document.add_table(1, 1).cell(0, 0)
    cell.paragraphs[0].text = "Framed heading"
    cell.paragraphs[0].style = document.styles["Heading 1"]
    cell.add_paragraph("Framed text.")
    assert reread().texts == ["Framed heading\nFramed text."]


def test_content_controls_are_read_in_their_place(document, reread) -> None:
    document.add_paragraph("Before.")
    control = parse_xml(
        f"<w:sdt {W}><w:sdtContent><w:p><w:r><w:t>Controlled.</w:t></w:r></w:p>"
        "</w:sdtContent></w:sdt>"
    )
    document.element.body.insert(1, control)
    document.add_paragraph("After.")
    assert reread().texts == ["Before.\nControlled.\nAfter."]


def test_deleted_and_hidden_text_is_not_shown(document, reread) -> None:
    paragraph = document.add_paragraph("Price: ")
    for xml in (
        "<w:del {0}><w:r><w:delText>100</w:delText></w:r></w:del>",
        "<w:moveFrom {0}><w:r><w:t>moved away</w:t></w:r></w:moveFrom>",
        "<w:r {0}><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r>",
        "<w:ins {0}><w:r><w:t>120</w:t></w:r></w:ins>",
    ):
        paragraph._p.append(parse_xml(xml.format(W)))
    table = document.add_table(3, 2)
    for r in range(3):
        table.cell(r, 0).text, table.cell(r, 1).text = f"a{r}", f"b{r}"
    table.rows[1]._tr.get_or_add_trPr().append(parse_xml(f"<w:del {W}/>"))
    found = reread()
    assert found.texts == ["Price: 120"]
    assert "a1" not in found.tables[0].page_content


def test_line_breaks_fields_and_links_are_read_as_shown(document, reread) -> None:
    paragraph = document.add_paragraph("One")
    paragraph.add_run().add_break()
    paragraph.add_run("two")
    paragraph.add_run().add_break(WD_BREAK.PAGE)
    for xml in (
        '<w:r {0}><w:fldChar w:fldCharType="begin"/></w:r>',
        "<w:r {0}><w:instrText> PAGEREF x </w:instrText></w:r>",
        "<w:r {0}><w:t> three</w:t></w:r>",
        "<w:hyperlink {0}><w:r><w:t> four</w:t></w:r></w:hyperlink>",
    ):
        paragraph._p.append(parse_xml(xml.format(W).replace("<w:t>", '<w:t xml:space="preserve">')))
    assert reread().texts == ["One\ntwo three four"]


@pytest.mark.parametrize("is_read", [False, True])
def test_comments_are_read_where_they_are_asked_for(
    document, tmp_path: Path, is_read: bool
) -> None:
    paragraph = document.add_paragraph("It rained in May.")
    document.add_comment(paragraph.runs, text="Not in the north.", author="Ada")
    cell = document.add_table(2, 2).cell(0, 0).paragraphs[0]
    document.add_comment(cell.add_run("Fish"), text="Cod?", author="")
    document.save(tmp_path / "a.docx")
    found = read(tmp_path / "a.docx", tmp_path, Limits(read_comments=is_read))
    (said,) = ["\n".join(found.texts).split("\n")]
    comments = ["Comment by Ada: Not in the north.", "Comment by somebody: Cod?"]
    assert said == ["It rained in May.", *(comments if is_read else [])]


def test_a_footnote_follows_its_paragraph(document, reread) -> None:
    text = "<w:p><w:r><w:t>Counted twice.</w:t></w:r></w:p>"
    note = f'<w:footnotes {W}><w:footnote w:id="2">{text}</w:footnote></w:footnotes>'
    kind = CONTENT_TYPE.WML_FOOTNOTES
    add_part(document, "/word/footnotes.xml", kind, note.encode(), RELATIONSHIP_TYPE.FOOTNOTES)
    paragraph = document.add_paragraph("Ships rose.")
    paragraph._p.append(parse_xml(f'<w:r {W}><w:footnoteReference w:id="2"/></w:r>'))
    document.add_paragraph("Next.")
    assert reread().texts == ["Ships rose.\nNote: Counted twice.\nNext."]


def test_a_figure_stands_in_place_with_its_caption_and_alternative_text(document, reread) -> None:
    document.add_paragraph("Before.")
    add_picture(document, alt="A red field")
    document.add_paragraph("The field in May", style="Caption")
    document.add_paragraph("After.")
    found = reread()
    assert [d.metadata["modality"] for d in found.documents] == ["text", "figure", "text"]
    assert words(found.figures[0]) == {"document": "The field in May", "alt": "A red field"}
    assert found.texts == ["Before.", "After."]


def test_a_caption_may_stand_above_its_figure(document, reread) -> None:
    for name, color in (("Figure 1. Oil", "red"), ("Figure 2. Gold", "blue")):
        document.add_paragraph(name)
        add_picture(document, picture(color=color))
    assert [words(f)["document"] for f in reread().figures] == ["Figure 1. Oil", "Figure 2. Gold"]


def test_a_sentence_about_a_figure_is_not_its_caption(document, reread) -> None:
    document.add_paragraph("Figure 1 shows the field.")
    add_picture(document, alt="A red field")
    found = reread()
    assert "document" not in words(found.figures[0])
    assert "Figure 1 shows the field." in found.texts[0]


@pytest.mark.parametrize(
    ("alt", "kept"),
    [
        ("A duck on a lake\n\nDescription automatically generated", "A duck on a lake"),
        ("Sales by year\n\nAI-generated content may be incorrect.", "Sales by year"),
        ("image1.png", None),
        ("C:\\pictures\\duck.jpg", None),
        ("Picture 3", None),
        ("Chart of automatically generated leads", "Chart of automatically generated leads"),
    ],
)
def test_alternative_text_that_a_program_wrote_is_not_taken_for_a_person_s(
    document, reread, alt: str, kept: str | None
) -> None:
    add_picture(document, alt=alt)
    assert words(reread().figures[0]).get("alt") == kept


def test_a_picture_in_a_table_of_data_is_named_by_its_row(document, reread) -> None:
    table = document.add_table(2, 3)
    for cell, text in zip(table.rows[0].cells, ("Picture", "Product", "Price"), strict=True):
        cell.text = text
    table.cell(1, 0).paragraphs[0].add_run().add_picture(io.BytesIO(picture()))
    table.cell(1, 1).text, table.cell(1, 2).text = "Pump", "90 EUR"
    found = reread()
    assert words(found.figures[0])["document"] == "Pump – 90 EUR"
    assert "| Pump | 90 EUR |" in found.tables[0].page_content


def test_a_table_that_arranges_pictures_gives_each_its_text_below(document, reread) -> None:
    table = document.add_table(2, 2)
    for c, color in enumerate(("red", "blue")):
        run = table.cell(0, c).paragraphs[0].add_run()
        run.add_picture(io.BytesIO(picture(color=color)))
        table.cell(1, c).text = f"({'ab'[c]}) {color}"
    found = reread()
    assert [words(f)["document"] for f in found.figures] == ["(a) red", "(b) blue"]
    assert not found.tables
    assert not found.texts


def test_of_the_two_versions_of_a_text_box_the_newer_is_read(document, reread) -> None:
    box = "<w:txbxContent><w:p><w:r><w:t>In the {} box</w:t></w:r></w:p></w:txbxContent>"
    spaces = (
        f'{W} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
        'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
        'xmlns:v="urn:schemas-microsoft-com:vml"'
    )
    new = f"<w:drawing><wps:wsp><wps:txbx>{box.format('new')}</wps:txbx></wps:wsp></w:drawing>"
    old = f"<w:pict><v:textbox>{box.format('old')}</v:textbox></w:pict>"
    for requires, name in (("wps", "Known"), ("wps unheardof", "Unknown")):
        run = parse_xml(
            f'<w:r {spaces}><mc:AlternateContent><mc:Choice Requires="{requires}">{new}</mc:Choice>'
            f"<mc:Fallback>{old}</mc:Fallback></mc:AlternateContent></w:r>"
        )
        document.add_paragraph(f"{name}:")._p.append(run)
    assert reread().texts == ["Known:\nIn the new box\nUnknown:\nIn the old box"]


def test_a_picture_and_text_in_one_paragraph_keep_their_order(document, reread) -> None:
    add_picture(document, alt="first").add_run(" then words.")
    paragraph = document.add_paragraph("Words, then ")
    paragraph.add_run().add_picture(io.BytesIO(picture(color="blue")), width=Cm(3))
    kinds = [d.metadata["modality"] for d in reread().documents]
    assert kinds == ["figure", "text", "figure"]


def test_a_linked_picture_is_reported_and_never_opened(document, reread, tmp_path: Path) -> None:
    linked = tmp_path / "linked.png"
    linked.write_bytes(picture())
    paragraph = add_picture(document, alt="The harbour at night")
    relation = document.part.relate_to(linked.as_uri(), RELATIONSHIP_TYPE.IMAGE, is_external=True)
    blip = paragraph._p.find(f".//{qn('a:blip')}")
    del blip.attrib[qn("r:embed")]
    blip.set(qn("r:link"), relation)
    found = reread()
    assert not found.figures
    assert "The harbour at night" in found.text
    assert linked.as_uri() in found.skipped[0].what


def test_a_metafile_is_reported_and_its_words_are_kept(document, reread, monkeypatch) -> None:
    monkeypatch.setattr("loaders.libre_office.program", lambda: None)
    paragraph = add_picture(document, alt="Flow of goods")
    metafile = b"\x01\0\0\0" + b"\0" * 36 + b" EMF" + b"\0" * 40
    relation = add_part(
        document, "/word/media/image9.emf", "image/x-emf", metafile, RELATIONSHIP_TYPE.IMAGE
    )
    paragraph._p.find(f".//{qn('a:blip')}").set(qn("r:embed"), relation)
    found = reread()
    assert "image9.emf" in found.skipped[0].what
    assert "EMF" in found.skipped[0].reason
    assert found.texts == ["Picture: Flow of goods"]


CHART = (
    '<c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"><c:chart>'
    "<c:plotArea><c:bar3DChart><c:ser><c:tx><c:v>Ships</c:v></c:tx>"
    '<c:cat><c:strLit><c:pt idx="0"><c:v>May</c:v></c:pt></c:strLit></c:cat>'
    '<c:val><c:numLit><c:pt idx="0"><c:v>12</c:v></c:pt></c:numLit></c:val>'
    "</c:ser></c:bar3DChart></c:plotArea></c:chart></c:chartSpace>"
)


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_native_chart_is_a_table_of_its_numbers(document, reread, is_damaged: bool) -> None:
    xml = CHART[:60] if is_damaged else CHART
    kind = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"
    relation = add_part(
        document, "/word/charts/chart1.xml", kind, xml.encode(), RELATIONSHIP_TYPE.CHART
    )
    spaces = (
        f"{nsdecls('w', 'a', 'r')} xmlns:c='http://schemas.openxmlformats.org/drawingml/2006/chart'"
    )
    graphic = f"<a:graphic><c:chart r:id='{relation}'/></a:graphic>"
    run = f"<w:r {spaces}><w:drawing>{graphic}</w:drawing></w:r>"
    document.add_paragraph()._p.append(parse_xml(run))
    document.add_paragraph("Figure 3. Ships in May")
    found = reread()
    if is_damaged:
        assert found.skipped[0].what == "A chart"
        assert found.texts == ["Figure 3. Ships in May"]
    else:
        assert "| May | 12 |" in found.tables[0].page_content
        assert found.tables[0].metadata["caption"] == "Ships"


def with_entities(entities: str, use: str) -> bytes:
    body = f"<w:body><w:p><w:r><w:t>Plain.{use}</w:t></w:r></w:p></w:body>"
    return f"<!DOCTYPE x [{entities}]><w:document {W}>{body}</w:document>".encode()


def test_an_entity_does_not_bring_a_file_of_this_machine(reread, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the password")
    entity = f'<!ENTITY file SYSTEM "{secret.as_uri()}">'
    assert reread(word__document=with_entities(entity, "&file;")).texts == ["Plain."]


def test_a_bomb_of_entities_does_not_go_off(reread) -> None:
    bomb = "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10}">' for n in range(1, 10))
    with pytest.raises(LimitExceeded):
        reread(word__document=with_entities(f'<!ENTITY b0 "boom">{bomb}', "&b9;"))


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [
        ("application/vnd.ms-word.document.macroEnabled.main+xml", ".docm"),
        (
            "application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml",
            ".dotx",
        ),
    ],
)
def test_templates_and_files_with_macros_are_read(
    document, tmp_path: Path, kind: str, suffix: str
) -> None:
    document.add_paragraph("Hello.")
    path = tmp_path / f"letter{suffix}"
    document.save(str(path))
    with zipfile.ZipFile(path) as archive:
        types = archive.read("[Content_Types].xml")
    changed = types.replace(CONTENT_TYPE.WML_DOCUMENT_MAIN.encode(), kind.encode())
    assert changed != types
    rewrite(path, {"[Content_Types].xml": changed})
    assert read(path, tmp_path).texts == ["Hello."]


def test_a_part_that_is_missing_costs_only_what_needs_it(document, tmp_path: Path) -> None:
    document.add_paragraph("Hello.")
    add_picture(document)
    path = tmp_path / "letter.docx"
    document.save(str(path))
    with zipfile.ZipFile(path) as archive:
        relations = archive.read("word/_rels/document.xml.rels")
    rewrite(
        path,
        {"word/_rels/document.xml.rels": re.sub(rb"media/image1\.png", b"NULL", relations)},
    )
    found = read(path, tmp_path)
    assert found.texts == ["Hello."]
    assert found.skipped[0].reason == "it is missing from the file"


def test_a_truncated_file_is_refused(document, tmp_path: Path) -> None:
    path = tmp_path / "report.docx"
    document.save(str(path))
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(BrokenDocument, match=r"report\.docx is a damaged"):
        read(path, tmp_path)


def test_a_part_that_is_no_xml_is_refused(document, reread) -> None:
    with pytest.raises(BrokenDocument, match=r"report\.docx is a damaged Office file"):
        reread(word__document=b"<w:document")


@pytest.mark.parametrize("bug", [AttributeError("a"), TypeError("b"), KeyError("c")])
def test_a_bug_of_limner_is_not_told_as_a_damaged_file(
    document, reread, monkeypatch: pytest.MonkeyPatch, bug: Exception
) -> None:
    def failing(*args: object) -> None:
        raise bug

    document.add_paragraph("Hello.")
    monkeypatch.setattr("loaders.docx.read_line", failing)
    with pytest.raises(type(bug)):
        reread()


def test_a_file_on_which_the_library_stumbles_is_damaged(reread) -> None:
    with pytest.raises(BrokenDocument, match="damaged Office file"):
        reread(docProps__core=b"<wrong/>")


def test_a_document_without_a_body_is_damaged(reread) -> None:
    with pytest.raises(BrokenDocument, match=r"report\.docx is a damaged Office file \(it has no"):
        reread(word__document=f"<w:document {W}/>".encode())


def test_absurd_numbers_in_a_document_do_no_harm(document, reread) -> None:
    many = "9" * 5_000
    properties = document.add_paragraph("Item.")._p.get_or_add_pPr()
    numbers = f'<w:ilvl w:val="{many[:12]}"/><w:numId w:val="1"/>'
    properties.append(parse_xml(f"<w:numPr {W}>{numbers}</w:numPr>"))
    properties = document.add_paragraph("Text.")._p.get_or_add_pPr()
    properties.append(parse_xml(f'<w:outlineLvl {W} w:val="{many}"/>'))
    table = document.add_table(2, 2)
    table.cell(0, 0).text = "Port"
    cell = table.cell(0, 0)._tc.get_or_add_tcPr()
    cell.append(parse_xml(f'<w:gridSpan {W} w:val="{many}"/>'))
    found = reread()
    assert found.texts == [f"{' ' * 16}- Item.\nText."]
    assert "Port" in found.tables[0].page_content


def test_a_bomb_is_refused_before_it_is_unpacked(document, tmp_path: Path) -> None:
    path = tmp_path / "bomb.docx"
    document.save(str(path))
    rewrite(path, {"word/media/zeros.bin": b"\0" * 40_000_000})
    with pytest.raises(LimitExceeded, match="would unpack to 39 MiB"):
        read(path, tmp_path)


def test_too_many_parts_are_refused(document, reread) -> None:
    with pytest.raises(LimitExceeded, match="the limit is 5"):
        reread(limits=Limits(max_archive_members=5))


@pytest.mark.parametrize(
    "name", ["../../evil.xml", "/etc/evil.xml", "C:\\evil.xml", "..\\evil.xml"]
)
def test_a_part_that_would_leave_its_folder_is_refused(document, tmp_path: Path, name: str) -> None:
    path = tmp_path / "evil.docx"
    document.save(str(path))
    rewrite(path, {name: b"x"})
    with pytest.raises(BrokenDocument, match="unsafe name"):
        read(path, tmp_path)


def test_an_encrypted_part_asks_for_a_password(document, tmp_path: Path) -> None:
    path = tmp_path / "locked.docx"
    document.save(str(path))
    content = bytearray(path.read_bytes())
    start = content.rfind(b"PK\x01\x02")  # the last entry of the archive's directory
    content[start + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(EncryptedDocument, match="needs a password"):
        read(path, tmp_path)


def test_strict_open_xml_is_refused_with_a_way_out(document, reread, tmp_path: Path) -> None:
    path = tmp_path / "strict.docx"
    document.save(str(path))
    with zipfile.ZipFile(path) as archive:
        relations = archive.read("_rels/.rels")
    strict = relations.replace(
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument",
        b"http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument",
    )
    rewrite(path, {"_rels/.rels": strict})
    with pytest.raises(UnsupportedFormat, match="Save it as an ordinary"):
        read(path, tmp_path)


@with_corpus
@pytest.mark.parametrize(
    ("name", "captions"),
    [
        ("word_sample.docx", ["Figure 1: This is a cute duckling"]),
        (
            "openxml_to_xhtml.docx",
            ["Figure 1. Test source WordprocessingML document", "Figure 2. Rendered XHTML"],
        ),
        ("secure_ml_discovery.docx", [None, None]),
        ("testWORD_1img.docx", [None]),
    ],
)
def test_real_documents_are_read_whole(
    name: str, captions: list[str | None], tmp_path: Path
) -> None:
    found = read(CORPUS / "docs" / name, tmp_path)
    assert [words(f).get("document") for f in found.figures] == captions
    for passage in expected("docs")[name]["must_contain"]:
        assert passage in found.text + found.title


@with_corpus
def test_the_chart_of_a_real_document_is_read(tmp_path: Path) -> None:
    (table,) = read(CORPUS / "docs" / "vehicle_sales_chart.docx", tmp_path).tables
    assert "| Q3 | 320 | 230 | 220 |" in table.page_content
    assert table.metadata["caption"] == "SALES BY VEHICLE TYPE"


@with_corpus
def test_the_linked_picture_of_a_real_document_is_not_opened(tmp_path: Path) -> None:
    found = read(CORPUS / "hostile" / "rlink.docx", tmp_path)
    assert found.texts == ["Testing Linked Images\nPicture: A red and blue square"]
    assert "only linked" in found.skipped[0].reason


@pytest.mark.parametrize(
    "body",
    [
        b"<w:p>" * 400,
        b"<w:p><w:r><w:t>&i;</w:t></w:r></w:p></w:body></w:document>",
    ],
)
def test_a_document_made_to_do_harm_is_said_to_be_so(document, reread, body: bytes) -> None:
    entities = b'<!ENTITY a "' + b"x" * 90 + b'">'
    for old, new in zip(b"abcdefgh", b"bcdefghi", strict=True):
        entities += b'<!ENTITY %c "%s">' % (new, b"&%c;" % old * 10)
    start = b"<!DOCTYPE d [" + entities + b"]><w:document " + W.encode() + b' a="&i;"><w:body>'
    with pytest.raises(LimitExceeded, match="It is made to do harm") as raised:
        reread(word__document=(start if b"&i;" in body else start.replace(b' a="&i;"', b"")) + body)
    assert "XML_PARSE" not in str(raised.value)


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("<f><num>E</num><den>mc</den></f>=4", "(E)/(mc)=4"),
        ("<sSup><e>x</e><sup>2</sup></sSup>+<sSub><e>a</e><sub>ij</sub></sSub>", "x^2+a_(ij)"),
        ("<rad><deg></deg><e><f><num>a</num><den>b</den></f></e></rad>", "sqrt((a)/(b))"),
        ("<rad><deg>3</deg><e>x</e></rad>", "sqrt([3] x)"),
    ],
)
def test_a_formula_is_written_on_one_line(document, reread, formula: str, text: str) -> None:
    namespace = "http://schemas.openxmlformats.org/officeDocument/2006/math"
    runs = re.sub(r"(?<=>)([^<>]+)|([^<>]+)$", r"<m:r><m:t>\1\2</m:t></m:r>", formula)
    runs = re.sub(r"<(/?)(?!/|m:)", r"<\1m:", runs)
    math = f'<m:oMath xmlns:m="{namespace}">{runs}</m:oMath>'
    document.add_paragraph()._p.append(parse_xml(math))
    assert reread().texts == [text]
