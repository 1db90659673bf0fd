"""PowerPoint presentations: slides are pages, and everything on them has its place."""

import io
from collections.abc import Callable
from pathlib import Path

import pptx
import pytest
from pptx.chart.data import BubbleChartData, CategoryChartData, XyChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls, qn
from pptx.util import Inches, Pt

from loaders.charts import as_shown
from loaders.errors import BrokenDocument, LimitExceeded
from loaders.limits import Limits
from tests.loaders.reading import CORPUS, Reading, expected, picture, read, with_corpus, words

TITLE_ONLY, TITLE_AND_CONTENT, BLANK, PICTURE_WITH_CAPTION = 5, 1, 6, 8


@pytest.fixture(autouse=True)
def without_libre_office(monkeypatch) -> None:
    monkeypatch.setattr("loaders.libre_office.program", lambda: None)


@pytest.fixture
def deck():
    """10 × 7.5 inches."""
    return pptx.Presentation()


@pytest.fixture
def reread(tmp_path: Path, deck) -> Callable[..., Reading]:
    def save_and_read(limits: Limits | None = None) -> Reading:
        path = tmp_path / "talk.pptx"
        deck.save(str(path))
        return read(path, tmp_path, limits or Limits())

    return save_and_read


def add_slide(deck, layout: int = BLANK, title: str = ""):
    slide = deck.slides.add_slide(deck.slide_layouts[layout])
    if title:
        slide.shapes.title.text = title
    return slide


def add_text(slide, text: str, left: float, top: float, width: float = 3, height: float = 0.5):
    box = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(width), Inches(height))
    box.text_frame.text = text
    return box


def add_picture(slide, left: float, top: float, width: float, height: float, **named: str):
    shape = slide.shapes.add_picture(
        io.BytesIO(picture()), Inches(left), Inches(top), Inches(width), Inches(height)
    )
    for key, value in named.items():
        shape._element.find(f".//{qn('p:cNvPr')}").set(key, value)
    return shape


def test_a_slide_is_a_page_and_its_title_a_section(deck, reread) -> None:
    for title in ("Harbour", "Ships"):
        slide = add_slide(deck, TITLE_AND_CONTENT, title)
        slide.placeholders[1].text = f"About {title.lower()}."
    found = reread()
    assert [(d.metadata["page"], d.metadata["section"]) for d in found.documents] == [
        (1, "Harbour"),
        (2, "Ships"),
    ]
    assert found.texts == ["Harbour\nAbout harbour.", "Ships\nAbout ships."]
    assert (found.title, found.n_pages) == ("Harbour", 2)


def test_a_slide_without_a_title_does_not_count_to_the_one_before(deck, reread) -> None:
    add_text(add_slide(deck, TITLE_ONLY, "Harbour"), "Quay", 1, 3)
    add_text(add_slide(deck), "Elsewhere", 1, 1)
    assert [d.metadata["section"] for d in reread().documents] == ["Harbour", "Slide 2"]


def test_text_is_read_from_the_top_and_from_the_left(deck, reread) -> None:
    slide = add_slide(deck)
    add_text(slide, "fourth", 1, 5)
    add_text(slide, "third", 6, 3.05)
    add_text(slide, "second", 1, 3.1)
    add_text(slide, "first", 4, 1)
    assert reread().texts == ["Slide 1\nfirst\nsecond\nthird\nfourth"]


def test_bullets_keep_their_levels(deck, reread) -> None:
    frame = add_slide(deck, TITLE_AND_CONTENT, "Goods").placeholders[1].text_frame
    frame.text = "Fruit"
    for text, level in (("Melons", 1), ("Honeydew", 2), ("Grain", 0)):
        paragraph = frame.add_paragraph()
        paragraph.text, paragraph.level = text, level
    assert reread().texts == ["Goods\n- Fruit\n  - Melons\n    - Honeydew\n- Grain"]


def test_notes_belong_to_their_slide(deck, reread) -> None:
    slide = add_slide(deck, TITLE_ONLY, "Harbour")
    slide.notes_slide.notes_text_frame.text = "Mention the crane."
    assert reread().texts == ["Harbour\nNotes: Mention the crane."]


def test_what_stands_on_every_slide_is_left_out(deck, reread) -> None:
    slide = add_slide(deck, TITLE_ONLY, "Harbour")
    for place in slide.slide_layout.placeholders:
        if place.placeholder_format.idx >= 10:  # date, footer and slide number
            slide.shapes.clone_placeholder(place)
    for place in slide.placeholders:
        if place.placeholder_format.idx >= 10:
            place.text_frame.text = "Confidential"
    add_text(slide, "Quay", 1, 3)
    assert reread().texts == ["Harbour\nQuay"]


def test_a_table_is_read_with_its_header_and_a_merged_cell_once(deck, reread) -> None:
    table = add_slide(deck, TITLE_ONLY, "Units").shapes.add_table(
        3, 2, Inches(1), Inches(2), Inches(4), Inches(2)
    )
    for r, row in enumerate((("Region", "Units"), ("North", "9,000,000"), ("", "11"))):
        for c, text in enumerate(row):
            table.table.cell(r, c).text = text
    table.table.cell(1, 0).merge(table.table.cell(2, 0))
    table.table.cell(2, 0).text = "covered"
    (found,) = reread().tables
    assert "| Region | Units |" in found.page_content
    assert found.page_content.count("North") == 1
    assert "covered" not in found.page_content
    assert found.metadata["bbox"] == [0.1, 0.2667, 0.5, 0.5333]


def test_a_picture_has_its_place_and_the_short_text_below_it_as_caption(deck, reread) -> None:
    slide = add_slide(deck, TITLE_ONLY, "Harbour")
    add_picture(slide, 1, 1.5, 4, 3, descr="A red quay")
    add_text(slide, "The new quay in May", 1, 4.6)
    add_text(slide, "Elsewhere on the slide", 6, 4.6)
    found = reread()
    (figure,) = found.figures
    assert words(figure) == {"document": "The new quay in May", "alt": "A red quay"}
    assert figure.metadata["bbox"] == [0.1, 0.2, 0.5, 0.6]
    assert figure.metadata["page"] == 1
    assert found.texts == ["Harbour\nElsewhere on the slide"]


def test_the_text_below_an_icon_is_not_only_its_caption(deck, reread) -> None:
    slide = add_slide(deck, TITLE_ONLY, "Services")
    add_picture(slide, 1, 2, 0.5, 0.5)
    add_text(slide, "Towing around the clock", 1, 2.5)
    assert "Towing around the clock" in reread().texts[0]


def test_a_paragraph_below_a_picture_is_not_its_caption(deck, reread) -> None:
    slide = add_slide(deck, TITLE_ONLY, "Harbour")
    add_picture(slide, 1, 1.5, 4, 3)
    add_text(slide, "The quay was rebuilt. " * 15, 1, 4.6)
    found = reread()
    assert "document" not in words(found.figures[0])
    assert "rebuilt" in found.texts[0]


def test_the_layout_picture_with_caption_says_what_the_caption_is(deck, reread) -> None:
    slide = add_slide(deck, PICTURE_WITH_CAPTION, "Quay")
    slide.placeholders[1].insert_picture(io.BytesIO(picture()))
    slide.placeholders[2].text = "The quay, seen from the tower. " * 8
    found = reread()
    assert words(found.figures[0])["document"].startswith("The quay, seen from the tower.")
    assert not [t for t in found.texts if "tower" in t]


def test_a_picture_in_a_group_stands_where_the_group_puts_it(deck, reread) -> None:
    group = add_slide(deck).shapes.add_group_shape()
    group.shapes.add_picture(io.BytesIO(picture()), 0, 0, Inches(2), Inches(2))
    inner = group.shapes.add_group_shape()
    box = inner.shapes.add_textbox(Inches(2), Inches(0), Inches(2), Inches(2))
    box.text_frame.text = "Grouped"
    group.left, group.top, group.width, group.height = (Inches(n) for n in (1, 1.5, 8, 3))
    found = reread()
    assert found.figures[0].metadata["bbox"] == [0.1, 0.2, 0.5, 0.6]
    assert "Grouped" in found.text


def test_a_linked_picture_is_reported_and_its_words_are_kept(deck, reread, tmp_path: Path) -> None:
    slide = add_slide(deck)
    shape = add_picture(slide, 1, 1, 4, 3, descr="A red quay")
    target = (tmp_path / "linked.png").as_uri()
    relation = slide.part.relate_to(target, RELATIONSHIP_TYPE.IMAGE, is_external=True)
    blip = shape._element.find(f".//{qn('a:blip')}")
    del blip.attrib[qn("r:embed")]
    blip.set(qn("r:link"), relation)
    found = reread()
    assert not found.figures
    assert "A red quay" in found.text
    assert target in found.skipped[0].what
    assert "on slide 1" in found.skipped[0].what


def test_the_icon_of_a_sound_is_no_figure(deck, reread) -> None:
    slide = add_slide(deck, TITLE_ONLY, "Signals")
    shape = add_picture(slide, 1, 1, 4, 3, name="horn.mp3")
    sound = parse_xml(f'<a:audioFile {nsdecls("a", "r")} r:link="rId99"/>')
    shape._element.find(f".//{qn('p:nvPr')}").append(sound)
    found = reread()
    assert not found.figures
    assert found.skipped[0].what == "The sound horn.mp3 on slide 1"


def add_chart(slide, kind, data, title: str = "", *, left: float = 1, top: float = 2):
    box = (Inches(left), Inches(top), Inches(3.5), Inches(4))
    chart = slide.shapes.add_chart(kind, *box, data).chart
    chart.has_title = bool(title)
    if title:
        chart.chart_title.text_frame.text = title
    return chart


def categories(number_format: str = "General", **series: tuple[float, ...]) -> CategoryChartData:
    data = CategoryChartData(number_format=number_format)
    data.categories = ["Oil", "Gold"]
    for name, values in series.items():
        data.add_series(name, values)
    return data


def test_a_chart_is_a_table_of_its_series(deck, reread) -> None:
    slide = add_slide(deck, TITLE_ONLY, "Prices")
    data = categories(Q1=(1.5, 20), Q2=(0.1 + 0.2, 21))
    add_chart(slide, XL_CHART_TYPE.COLUMN_CLUSTERED, data, "Prices in USD")
    found = reread()
    (table,), (figure,) = found.tables, found.figures
    assert table.metadata["caption"] == "Prices in USD"
    assert table.metadata["page"] == 1
    assert table.metadata["image_key"] == figure.metadata["image_key"]
    assert "|  | Q1 | Q2 |" in table.page_content
    assert "| Oil | 1.5 | 0.3 |" in table.page_content


def test_shares_in_a_chart_are_read_as_percent(deck, reread) -> None:
    slide = add_slide(deck)
    add_chart(slide, XL_CHART_TYPE.PIE, categories("0%", Share=(0.37, 0.63)), "Approval")
    chart = add_chart(slide, XL_CHART_TYPE.PIE, categories(Votes=(30, 90)), "Votes", left=5)
    chart.plots[0].has_data_labels = True
    for series in chart.plots[0].series:
        series.data_labels.show_percentage = True
    approval, votes = reread().tables
    assert "| Oil | 37% |" in approval.page_content
    assert "| Oil | 30 (25.0%) |" in votes.page_content


def test_a_scatter_chart_gives_both_values_of_each_point(deck, reread) -> None:
    data = XyChartData()
    for name, points in (("Cod", ((1, 2), (3, 4))), ("Herring", ((5, 6),))):
        series = data.add_series(name)
        for x, y in points:
            series.add_data_point(x, y)
    chart = add_chart(add_slide(deck), XL_CHART_TYPE.XY_SCATTER, data, "Catch")
    chart.category_axis.axis_title.text_frame.text = "Depth"
    chart.value_axis.axis_title.text_frame.text = "Tons"
    (table,) = reread().tables
    assert "| Series | Depth | Tons |" in table.page_content
    assert "| Herring | 5 | 6 |" in table.page_content


def test_a_chart_without_a_title_is_named_by_the_line_above_it(deck, reread) -> None:
    slide = add_slide(deck, TITLE_ONLY, "Comparison")
    for year, left in ((1995, 1), (1997, 5)):
        add_text(slide, f"{year} study", left, 1.5)
        data = categories(Share=(year, 1))
        add_chart(slide, XL_CHART_TYPE.BAR_CLUSTERED, data, left=left)
    tables = reread().tables
    assert [t.metadata["caption"] for t in tables] == ["1995 study", "1997 study"]
    assert "1997" in tables[1].page_content.split("Oil")[1]


def test_a_shape_of_a_newer_kind_is_read_by_its_fallback(deck, reread) -> None:
    slide = add_slide(deck)
    shape = add_text(slide, "Drawn for older programs", 1, 1)._element
    space = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    alternatives = parse_xml(
        f'<mc:AlternateContent {space}><mc:Choice Requires="x"/><mc:Fallback/>'
        "</mc:AlternateContent>"
    )
    shape.addprevious(alternatives)
    alternatives[1].append(shape)
    assert "Drawn for older programs" in reread().text


def test_a_deck_of_too_many_slides_is_refused(deck, reread) -> None:
    add_slide(deck)
    add_slide(deck)
    with pytest.raises(LimitExceeded, match=r"has 2 slides; the limit is 1"):
        reread(Limits(max_pages=1))


def test_a_damaged_deck_is_refused(deck, tmp_path: Path) -> None:
    path = tmp_path / "talk.pptx"
    deck.save(str(path))
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(BrokenDocument, match=r"talk\.pptx is a damaged"):
        read(path, tmp_path)


def test_a_bug_of_limner_is_not_told_as_a_damaged_file(
    deck, reread, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*args: object) -> None:
        raise AttributeError("a bug")

    add_slide(deck, TITLE_ONLY, "Harbour")
    monkeypatch.setattr("loaders.pptx.placed_shapes", failing)
    with pytest.raises(AttributeError, match="a bug"):
        reread()


def test_a_slide_on_which_the_library_stumbles_is_damaged(deck, reread) -> None:
    picture_shape = add_picture(add_slide(deck), 1, 1, 2, 2)
    picture_shape._element.find(f".//{qn('a:off')}").set("x", "far")
    with pytest.raises(BrokenDocument, match="damaged Office file"):
        reread()


def test_absurd_lengths_in_a_group_do_no_harm(deck, reread) -> None:
    group = add_slide(deck).shapes.add_group_shape()
    add_text(type("Slide", (), {"shapes": group.shapes}), "Harbour", 1, 1)
    for extent in group._element.iter(qn("a:chExt"), qn("a:chOff"), qn("a:ext"), qn("a:off")):
        for name in extent.attrib:
            extent.set(name, "9" * 400)
    assert "Harbour" in reread().text


def test_text_of_any_size_counts_the_same(deck, reread) -> None:
    box = add_text(add_slide(deck), "Large\vand broken", 1, 1)
    box.text_frame.paragraphs[0].runs[0].font.size = Pt(40)
    assert reread().texts == ["Slide 1\nLarge\nand broken"]


@with_corpus
@pytest.mark.parametrize(
    ("name", "n_figures"),
    [("O12Typical.pptx", 5), ("testPPT_2imgs.pptx", 2), ("docling_ecosystem.pptx", 1)],
)
def test_real_presentations_are_read_whole(name: str, n_figures: int, tmp_path: Path) -> None:
    found = read(CORPUS / "docs" / name, tmp_path)
    about = expected("docs")[name]
    assert found.n_pages == about["slides"]
    assert len(found.figures) == n_figures
    for passage in about.get("must_contain", []):
        assert passage in found.text


@with_corpus
def test_charts_tables_and_diagrams_of_a_real_presentation_are_read(tmp_path: Path) -> None:
    found = read(CORPUS / "docs" / "O12Typical.pptx", tmp_path)
    by_page = {
        page: "\n".join(d.page_content for d in found.documents if d.metadata["page"] == page)
        for page in range(1, 15)
    }
    assert "| Latin America | 11,000,000 | 9,000,000 |" in by_page[6]
    assert "Presidential Approval Rating" in by_page[8]
    assert "| Approve | 37% |" in by_page[8]
    assert "1995 Study" in by_page[9]
    assert "| Text only | 34% |" in by_page[9]
    assert "- Melons\n    - Cantaloupe\n    - Honeydew" in by_page[12]


@pytest.mark.timeout(5)
def test_an_endless_number_format_costs_no_time() -> None:
    assert as_shown("0.5", "[" * 200_000) == "0.5"
    assert as_shown("0.5", '0%"per year"') == "50%"


def test_where_no_figures_are_wanted_no_chart_is_drawn(deck, reread) -> None:
    slide = add_slide(deck)
    add_chart(slide, XL_CHART_TYPE.COLUMN_CLUSTERED, categories(Price=(1.0, 2.0)), "Prices")
    found = reread(Limits(max_figures=0))
    (table,) = found.tables
    assert "image_key" not in table.metadata
    assert "| Gold |" in table.page_content


def test_a_hidden_slide_says_so_as_a_hidden_sheet_does(deck, reread) -> None:
    slide = add_slide(deck, TITLE_ONLY, "Prices")
    slide._element.set("show", "0")
    add_text(slide, "Takeover for 88 million.", 1, 3)
    assert [d.metadata["section"] for d in reread().documents] == ["Prices (hidden)"]


def test_the_sizes_of_bubbles_are_read(deck, reread) -> None:
    data = BubbleChartData()
    plots = data.add_series("Plots")
    plots.add_data_point(1, 2, 30)
    plots.add_data_point(3, 4, 50)
    add_chart(add_slide(deck), XL_CHART_TYPE.BUBBLE, data)
    found = reread()
    assert "1 2 (size 30), 3 4 (size 50)" in found.figures[0].page_content
    assert "| Plots | 3 | 4 | 50 |" in found.tables[0].page_content


def test_equal_charts_on_two_slides_are_both_kept_and_a_radar_is_no_line_chart(
    deck, reread
) -> None:
    data = CategoryChartData()
    data.categories = ["Q1", "Q2", "Q3"]
    data.add_series("Barrels", (5, 9, 4))
    for kind in (XL_CHART_TYPE.LINE, XL_CHART_TYPE.LINE, XL_CHART_TYPE.RADAR):
        add_chart(add_slide(deck), kind, data)
    figures = reread().figures
    assert [f.metadata["page"] for f in figures] == [1, 2, 3]
    assert len({f.metadata["image_key"] for f in figures}) == 2
