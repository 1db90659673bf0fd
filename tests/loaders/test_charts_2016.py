"""Charts of the kinds that Office has had since 2016, in presentations, workbooks and Word."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import docx
import pptx
import pytest
import xlsxwriter
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from lxml import etree
from pptx.opc.package import Part as SlidePart
from pptx.opc.packuri import PackURI as SlideURI
from pptx.oxml import parse_xml

from loaders.chart_drawing import draw_chart
from loaders.charts import Chart
from loaders.charts_2016 import NAMESPACE, read_chart_2016
from tests.loaders.reading import read

RELATION = "http://schemas.microsoft.com/office/2014/relationships/chartEx"
KIND = "application/vnd.ms-office.chartex+xml"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"


def level(points: Sequence[object], code: str = "General") -> str:
    texts = "".join(
        f'<cx:pt idx="{n}">{point}</cx:pt>' for n, point in enumerate(points) if point is not None
    )
    return f'<cx:lvl ptCount="{len(points)}" formatCode="{code}">{texts}</cx:lvl>'


def xml(layout: str, values: str, names: str = "", kind: str = "val", more: str = "") -> str:
    """A chart of one series, of points with names."""
    named = f'<cx:strDim type="cat">{names}</cx:strDim>' if names else ""
    return (
        f'<cx:chartSpace xmlns:cx="{NAMESPACE}" '
        'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
        f'<cx:chartData><cx:data id="0">{named}<cx:numDim type="{kind}">{values}</cx:numDim>'
        "</cx:data></cx:chartData><cx:chart><cx:title><cx:tx><cx:rich><a:p><a:r><a:t>Cash</a:t>"
        "</a:r></a:p></cx:rich></cx:tx></cx:title><cx:plotArea><cx:plotAreaRegion>"
        f'<cx:series layoutId="{layout}"><cx:tx><cx:txData><cx:v>USD</cx:v></cx:txData></cx:tx>'
        f'<cx:dataId val="0"/>{more}</cx:series><cx:series layoutId="paretoLine"/>'
        "</cx:plotAreaRegion></cx:plotArea></cx:chart></cx:chartSpace>"
    )


def chart(*arguments: str, **more: str) -> Chart:
    found = read_chart_2016(etree.fromstring(xml(*arguments, **more)))
    assert found is not None
    return found


def test_a_waterfall_has_its_steps_and_totals() -> None:
    totals = '<cx:layoutPr><cx:subtotals><cx:idx val="2"/></cx:subtotals></cx:layoutPr>'
    found = chart("waterfall", level([100, -40, 60]), level(["Start", "Rent", "End"]), more=totals)
    assert found.words() == "Waterfall chart; USD: Start 100, Rent -40, End 60"
    assert found.series[0].totals == {2}
    assert found.title == "Cash"
    picture = draw_chart(found, found.title)
    as_bars = draw_chart(chart("treemap", level([100, -40, 60]), level(["Start", "Rent", "End"])))
    assert picture.size == as_bars.size
    assert picture.tobytes() != as_bars.tobytes()


def test_the_levels_of_a_sunburst_are_joined() -> None:
    names = level(["Cod", "Ling", "Oak"]) + level(["Fish", None, "Trees"])
    found = chart("sunburst", level([1, 2, 3], "0%"), names, kind="size")
    assert found.words() == "Sunburst chart; USD: Fish Cod 100%, Fish Ling 200%, Trees Oak 300%"
    assert draw_chart(found).size[0] > 100


def test_columns_without_names_are_a_histogram() -> None:
    found = chart("clusteredColumn", level([1, 2, 2, 9]))
    assert found.words() == "Histogram chart; USD: 1 1, 2 2, 3 2, 4 9"
    named = chart("clusteredColumn", level([4, 1]), level(["Rust", "Wear"]))
    assert named.words() == "Bar chart; USD: Rust 4, Wear 1"


@pytest.mark.parametrize("layout", ["boxWhisker", "clusteredColumn", "funnel", "regionMap"])
def test_every_kind_is_drawn(layout: str) -> None:
    assert draw_chart(chart(layout, level([1, 2, 2, 9]))).size[0] > 100


def test_a_part_without_data_is_no_chart() -> None:
    assert read_chart_2016(etree.fromstring(xml("funnel", level(["many"])))) is None
    assert read_chart_2016(etree.fromstring(f'<cx:chartSpace xmlns:cx="{NAMESPACE}"/>')) is None


def choice(frame: str, instead: str) -> str:
    """What newer programs draw, and what older ones do."""
    spaces = (
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
        f'xmlns:a="{DRAWING}/main" xmlns:wp="{DRAWING}/wordprocessingDrawing" '
        f'xmlns:xdr="{DRAWING}/spreadsheetDrawing" xmlns:cx="{NAMESPACE}" '
        'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" '
        'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    )
    return (
        f'<mc:AlternateContent {spaces}><mc:Choice Requires="cx1">{frame}</mc:Choice>'
        f"<mc:Fallback>{instead}</mc:Fallback></mc:AlternateContent>"
    )


def graphic(relation: str) -> str:
    chart = f'<cx:chart r:id="{relation}"/>'
    return f'<a:graphic><a:graphicData uri="{NAMESPACE}">{chart}</a:graphicData></a:graphic>'


WATERFALL = xml("waterfall", level([100, -40, 60]), level(["Start", "Rent", "End"])).encode()


def written_docx(path: Path) -> None:
    document = docx.Document()
    part = Part(PackURI("/word/chartex1.xml"), KIND, WATERFALL, document.part.package)
    shown = graphic(document.part.relate_to(part, RELATION))
    drawing = f"<w:drawing><wp:inline>{shown}</wp:inline></w:drawing>"
    run = document.add_paragraph().add_run()
    run._r.append(etree.fromstring(choice(drawing, "<w:pict/>")))
    document.save(str(path))


def written_pptx(path: Path) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    part = SlidePart(SlideURI("/ppt/charts/chartEx1.xml"), KIND, deck.part.package, WATERFALL)
    frame = (
        '<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="9" name="Chart"/><p:cNvGraphicFramePr/>'
        '<p:nvPr/></p:nvGraphicFramePr><p:xfrm><a:off x="0" y="0"/><a:ext cx="99999" cy="99999"/>'
        f"</p:xfrm>{graphic(slide.part.relate_to(part, RELATION))}</p:graphicFrame>"
    )
    old = (
        '<p:sp><p:nvSpPr><p:cNvPr id="9" name=""/><p:cNvSpPr/><p:nvPr/></p:nvSpPr><p:spPr/></p:sp>'
    )

    slide.shapes._spTree.append(parse_xml(choice(frame, old)))
    deck.save(str(path))


def written_xlsx(path: Path) -> None:
    with xlsxwriter.Workbook(path.with_suffix(".old.xlsx")) as book:
        sheet = book.add_worksheet("Cash")
        old = book.add_chart({"type": "column"})
        old.add_series({"values": [sheet.name, 0, 0, 1, 0]})
        sheet.write_column(0, 0, [1, 2])
        sheet.insert_chart("D4", old)
    with (
        zipfile.ZipFile(path.with_suffix(".old.xlsx")) as source,
        zipfile.ZipFile(path, "w") as new,
    ):
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/charts/chart1.xml":
                content = WATERFALL
            elif name == "xl/drawings/drawing1.xml":
                begin = content.index(b"<xdr:graphicFrame")
                end = content.index(b"</xdr:graphicFrame>") + len(b"</xdr:graphicFrame>")
                frame = f"<xdr:graphicFrame>{graphic('rId1')}</xdr:graphicFrame>"
                content = content[:begin] + choice(frame, "<xdr:sp/>").encode() + content[end:]
            new.writestr(name, content)


@pytest.mark.parametrize("write", [written_docx, written_pptx, written_xlsx])
def test_a_chart_of_a_newer_kind_is_read_where_it_stands(write, tmp_path: Path) -> None:
    path = tmp_path / f"cash.{write.__name__.rpartition('_')[2]}"
    write(path)
    found = read(path, tmp_path)
    (figure,) = found.figures
    assert "Rent -40" in figure.metadata["descriptions"]["chart_data"]
    (table,) = [table for table in found.tables if "| Rent | -40 |" in table.page_content]
    assert table.metadata["image_key"] == figure.metadata["image_key"]
    assert figure.metadata.get("cells") == ("D4" if path.suffix == ".xlsx" else None)
