"""PDF: what was filled in, what was noted, and where links lead."""

from pathlib import Path

import numpy as np
import pytest

from loaders.limits import DEFAULT_LIMITS
from loaders.pdf.document import open_page, open_pdf
from loaders.pdf.page import Frame
from loaders.pdf.pictures import render_page
from loaders.source import open_source
from tests.loaders.pdfs import Page, stream, write_pdf
from tests.loaders.reading import Reading, read

FONT = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
BOX = "/Rect[150 690 400 712]"
TICK = "/Rect[150 690 162 702]"


@pytest.fixture
def reading(tmp_path: Path):
    """Read a page with these annotations; fields among them are of its form."""

    def make(page: Page, *annotations: str, **objects: str | bytes) -> Reading:
        names = [f"a{k}" for k in range(len(annotations))]
        named = dict(zip(names, (f"<</Type/Annot{a}>>" for a in annotations), strict=True))
        listed = " ".join(f"@{name}@" for name in names)
        page.extra = f"/Annots[{listed}]"
        page.text(72, 600, "Applications are decided upon within four weeks.")
        form = f"/AcroForm<</Fields[{listed}]/DR<</Font<</Helv {FONT}>>>>/DA(/Helv 10 Tf 0 g)>>"
        path = write_pdf(
            tmp_path / "form.pdf", [page], catalog_entries=form, named=named | dict(objects)
        )
        return read(path, tmp_path)

    return make


def field(kind: str, name: str, rest: str = "", box: str = BOX) -> str:
    return f"/Subtype/Widget/FT/{kind}/T({name}){box}{rest}"


def test_a_filled_in_field_is_read_with_its_hint(reading) -> None:
    found = reading(Page(), field("Tx", "f1_01[0]", "/TU(Name of the boat)/V(Marigold)"))
    assert "Name of the boat: Marigold" in found.text


def test_without_a_hint_the_printed_label_is_taken(reading) -> None:
    page = Page().text(72, 696, "Name of boat:")
    assert "Name of boat: Marigold" in reading(page, field("Tx", "f1", "/V(Marigold)")).text


def test_a_label_above_its_field_is_found(reading) -> None:
    page = Page().text(150, 716, "Name of boat")
    assert "Name of boat: Marigold" in reading(page, field("Tx", "f1", "/V(Marigold)")).text


def test_without_any_label_the_name_of_the_field_is_taken(reading) -> None:
    assert (
        "boat Name: Marigold"
        in reading(Page(), field("Tx", "form.boatName[0]", "/V(Marigold)")).text
    )


def test_empty_fields_and_passwords_are_left_out(reading) -> None:
    found = reading(
        Page(),
        field("Tx", "Empty", "/V()"),
        field("Tx", "Secret", f"/V(sesame)/Ff {1 << 13}"),
    )
    assert "Empty" not in found.text
    assert "sesame" not in found.text


def test_choices_are_read_as_they_are_shown(reading) -> None:
    options = "/Opt[[(n) (North mole)][(s) (South mole)]]"
    found = reading(Page(), field("Ch", "Berth", f"/Ff {1 << 17}/V(s){options}"))
    assert "Berth: South mole" in found.text
    assert "North" not in found.text


def test_ticked_boxes_are_read_and_others_are_not(reading) -> None:
    page = Page().text(170, 692, "Insured").text(170, 662, "Rented")
    looks = "/AP<</N<</On @look@/Off @look@>>>>"
    found = reading(
        page,
        field("Btn", "c1", f"/V/On/AS/On{looks}", TICK),
        field("Btn", "c2", f"/V/Off/AS/Off{looks}", "/Rect[150 660 162 672]"),
        look=stream("/Subtype/Form/BBox[0 0 12 12]", ""),
    )
    assert "Insured: yes" in found.text
    assert "Rented: yes" not in found.text


def test_a_value_that_is_printed_in_the_field_is_not_said_twice(reading) -> None:
    page = Page().text(152, 696, "Marigold")
    assert reading(page, field("Tx", "Boat", "/V(Marigold)")).text.count("Marigold") == 1


def test_fields_and_notes_know_their_place(reading) -> None:
    found = reading(Page(), field("Tx", "Boat", "/V(Marigold)"))
    (document,) = [d for d in found.documents if "Marigold" in d.page_content]
    assert document.metadata["page"] == 1
    x0, y0, x1, y1 = document.metadata["bbox"]
    assert x0 <= 150 / 612 <= 400 / 612 <= x1
    assert y0 <= (792 - 712) / 792 <= y1


def test_a_page_that_is_only_filled_in_is_read(tmp_path: Path) -> None:
    widget = f"<</Type/Annot{field('Tx', 'Boat', '/V(Marigold)')}>>"
    path = write_pdf(
        tmp_path / "form.pdf",
        [Page(extra="/Annots[@field@]")],
        catalog_entries="/AcroForm<</Fields[@field@]>>",
        named={"field": widget},
    )
    assert "Boat: Marigold" in read(path, tmp_path).text


def test_notes_are_read_with_their_author(reading) -> None:
    found = reading(
        Page(),
        "/Subtype/Text/Rect[500 700 520 720]/T(Ann Dee)/Contents(Ask the harbour master first.)",
        "/Subtype/Highlight/Rect[72 600 200 610]/QuadPoints[72 610 200 610 72 600 200 600]"
        "/Contents(In 2021 it took six.)",
        "/Subtype/FreeText/Rect[72 500 300 520]/DA(/Helv 10 Tf)/Contents(Received on 4 May)",
        "/Subtype/Popup/Rect[300 700 400 800]/Contents(Ask the harbour master first.)",
    )
    assert "Note by Ann Dee: Ask the harbour master first." in found.text
    assert "Note: In 2021 it took six." in found.text
    assert "\nReceived on 4 May" in found.text
    assert found.text.count("Ask the harbour master") == 1


def test_a_note_that_repeats_the_words_it_marks_is_left_out(reading) -> None:
    found = reading(
        Page(), "/Subtype/Highlight/Rect[72 600 300 610]/Contents(decided upon within four weeks)"
    )
    assert found.text.count("four weeks") == 1


@pytest.mark.parametrize("how", ["/F 2", "/F 32", "/Rect[900 900 920 920]"])
def test_hidden_notes_and_fields_are_left_out_and_counted(how: str, reading) -> None:
    places = "" if "Rect" in how else "/Rect[72 500 300 520]"
    found = reading(
        Page(),
        f"/Subtype/Text{places}{how}/Contents(Praise the clerk)",
        f"/Subtype/Widget/FT/Tx/T(Boat)/V(Praise the clerk){places}{how}",
    )
    assert "Praise" not in found.text
    assert [s.reason for s in found.skipped] == ["28 characters of invisible text left out"]


def link(uri: str, box: str = "110 597 160 610") -> str:
    return f"/Subtype/Link/Rect[{box}]/A<</S/URI/URI({uri})>>"


def test_the_target_of_a_link_is_kept_with_its_words(reading) -> None:
    found = reading(Page(), link("https://example.org/decisions", "118 597 178 610"))
    assert "Link: are decided (https://example.org/decisions)" in found.text
    assert "Applications are decided upon within four weeks." in found.text


@pytest.mark.parametrize(
    "uri", ["javascript:alert(1)", "file:///etc/passwd", "https://example.org/a b", "#page=3"]
)
def test_other_targets_are_left_out(uri: str, reading) -> None:
    assert "Link" not in reading(Page(), link(uri.replace("(", r"\(").replace(")", r"\)"))).text


def test_a_printed_target_is_not_said_twice(reading) -> None:
    page = Page().text(72, 560, "See www.example.org/decisions for more.")
    found = reading(page, link("https://example.org/decisions/", "90 557 220 570"))
    assert "Link" not in found.text


def test_a_page_full_of_links_keeps_only_its_text(reading) -> None:
    links = [link(f"https://example.org/{k}") for k in range(40)]
    assert "example.org" not in reading(Page(), *links).text


def test_figures_show_what_is_filled_in(tmp_path: Path) -> None:
    widget = f"<</Type/Annot{field('Tx', 'Boat', '/V(Marigold)/DA(/Helv 14 Tf 0 g)')}>>"
    form = f"/Fields[@field@]/NeedAppearances true/DR<</Font<</Helv {FONT}>>>>"
    path = write_pdf(
        tmp_path / "form.pdf",
        [Page(extra="/Annots[@field@]")],
        catalog_entries=f"/AcroForm<<{form}>>",
        named={"field": widget},
    )
    with (
        open_source(path, DEFAULT_LIMITS) as file,
        open_pdf(file) as document,
        open_page(document, 0) as page,
    ):
        shown = np.array(render_page(page, Frame.of(page)).convert("L"))
    assert int(shown.min()) < 100
