"""Makes the Word report and the slides in `documents/` from published numbers.

Needs matplotlib, python-docx and python-pptx; limner itself does not need matplotlib.
Run: python samples/make_samples.py. The numbers stand here with their source. Leaves out
the samples that others wrote: SOURCES.md says how those were cut.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import docx
import matplotlib as mpl
import pptx
from docx.shared import Inches, Pt
from matplotlib.figure import Figure
from pptx.util import Emu
from pptx.util import Inches as SlideInches
from pptx.util import Pt as SlidePt

DOCUMENTS = Path(__file__).parent / "documents"
MADE = datetime(2025, 1, 1)
BLUE, ORANGE, GREY, INK = "#2f6c9e", "#c8641b", "#9aa5ad", "#22303a"
Rows = Sequence[Sequence[str]]

# U.S. Census Bureau, "New Privately Owned Housing Units Authorized - Top 20 CSA's/CBSA's:
# 2005" and "Percent of U.S. Total Housing Units Authorized by State: 2005", charts of May 2006.
UNITS_BY_AREA = {
    "Atlanta": 72_861,
    "New York": 67_207,
    "Phoenix": 62_617,
    "Houston": 62_125,
    "Dallas": 59_895,
    "Chicago": 53_908,
    "Riverside": 51_008,
    "Miami": 45_562,
    "Las Vegas": 39_237,
    "Washington DC": 36_776,
    "Orlando": 36_137,
    "Tampa": 34_174,
    "Los Angeles": 30_641,
    "Cape Coral": 29_330,
    "Seattle": 25_519,
    "Jacksonville": 25_088,
    "Austin": 23_241,
    "San Antonio": 22_305,
    "Minneapolis": 22_069,
    "Charlotte": 22_027,
}
PERCENT_BY_STATE = {
    "Florida": 13,
    "Texas": 10,
    "California": 10,
    "Georgia": 5,
    "North Carolina": 5,
    "Arizona": 4,
    "Illinois": 3,
    "New York": 3,
    "Virginia": 3,
    "South Carolina": 3,
}
PERCENT_ELSEWHERE = 41

# U.S. Census Bureau, Statistical Abstract of the United States: 2001, No. 1020: sales in
# billions of dollars. The table has no column for 1993.
YEARS = [1992, 1994, 1995, 1996, 1997, 1998, 1999, 2000]
TOTAL_SALES = [2054.6, 2372.8, 2492.4, 2645.2, 2767.4, 2906.7, 3149.2, 3388.8]
WAREHOUSE_CLUBS = [40.0, 56.3, 63.3, 71.4, 81.9, 101.2, 123.6, 136.8]
ONLINE_AND_MAIL_ORDER = [35.3, 47.1, 52.7, 61.2, 70.1, 79.5, 92.9, 110.0]
SALES_2000 = {
    "Motor vehicle and parts dealers": 831.8,
    "Food and beverage stores": 465.3,
    "General merchandise stores": 407.8,
    "Food services and drinking places": 306.1,
    "Building material and garden stores": 277.2,
    "Gasoline stations": 244.0,
    "Clothing and accessories stores": 168.5,
    "Nonstore retailers": 162.2,
    "Health and personal care stores": 158.4,
    "Miscellaneous store retailers": 108.6,
    "Furniture and home furnishings stores": 91.7,
    "Electronics and appliance stores": 87.6,
    "Sporting goods, hobby, book and music stores": 79.6,
}
# The same, No. 1019: sales per person in dollars.
DOLLARS_PER_PERSON: Rows = [
    ("Kind of business", "1992", "1996", "2000"),
    ("Retail trade, total", "7,304", "9,101", "11,254"),
    ("Motor vehicle and parts dealers", "1,687", "2,407", "3,036"),
    ("Food and beverage stores", "1,466", "1,523", "1,699"),
    ("General merchandise stores", "978", "1,195", "1,489"),
    ("Gasoline stations", "618", "737", "891"),
    ("Nonstore retailers", "290", "413", "592"),
    ("Health and personal care stores", "358", "418", "578"),
    ("Food services and drinking places (not in the total)", "803", "920", "1,117"),
]

AREAS_CAPTION = (
    "Figure 1. New privately owned housing units authorized in 2005, the twenty metropolitan "
    "areas with the most permits."
)
AREAS_ALT = (
    "Bar chart of housing units authorized by metropolitan area in 2005, from Atlanta with "
    "72,861 at the top to Charlotte with 22,027 at the bottom."
)
STATES_CAPTION = (
    "Figure 2. Share of all housing units authorized in the United States in 2005, by state."
)
STATES_ALT = (
    "Bar chart of each state's percent of all housing units authorized in 2005: Florida 13, "
    "Texas 10, California 10, and seven states with 3 to 5."
)
TOTAL_ALT = (
    "Column chart of retail and food services sales by year, rising from 2,054.6 billion "
    "dollars in 1992 to 3,388.8 billion in 2000."
)
KINDS_ALT = (
    "Bar chart of retail and food services sales in 2000 by kind of business, from motor "
    "vehicle and parts dealers with 831.8 billion dollars to sporting goods, hobby, book and "
    "music stores with 79.6 billion."
)
GROWTH_ALT = (
    "Line chart of sales from 1992 to 2000: warehouse clubs and superstores grow from 40.0 to "
    "136.8 billion dollars, electronic shopping and mail order from 35.3 to 110.0 billion."
)


def main() -> None:
    """Write both documents."""
    mpl.rcParams |= {"font.size": 13, "axes.edgecolor": GREY, "text.color": INK}
    DOCUMENTS.mkdir(exist_ok=True)
    _write(DOCUMENTS / "building-permits-2005.docx", report().save)
    _write(DOCUMENTS / "retail-trade-1992-2000.pptx", slides().save)


# ── charts ─────────────────────────────────────────────────────────────────────────────


def areas_chart() -> bytes:
    """Units by metropolitan area, the largest at the top."""
    figure, axes = _axes(11.0, 7.4)
    _bars(axes, UNITS_BY_AREA, "{:,}")
    axes.set_title("New privately owned housing units authorized, 2005", loc="left", weight="bold")
    return _png(figure)


def states_chart() -> bytes:
    """Percent of the units by state, and all other states."""
    figure, axes = _axes(11.0, 5.6)
    shares = PERCENT_BY_STATE | {"All other states": PERCENT_ELSEWHERE}
    _bars(axes, shares, "{}%", colours=[BLUE] * len(PERCENT_BY_STATE) + [GREY])
    axes.set_title("Percent of all housing units authorized, 2005", loc="left", weight="bold")
    return _png(figure)


def total_chart() -> bytes:
    """Sales of all retailers by year."""
    figure, axes = _axes(11.0, 5.6)
    bars = axes.bar([str(year) for year in YEARS], TOTAL_SALES, color=BLUE, width=0.45)
    axes.bar_label(bars, labels=[f"{v:,.1f}" for v in TOTAL_SALES], padding=8, size=17)
    axes.margins(y=0.15)
    axes.set_title("Retail and food services sales, billion dollars", loc="left", weight="bold")
    axes.set_yticks([])
    return _png(figure)


def kinds_chart() -> bytes:
    """Sales by kind of business."""
    figure, axes = _axes(11.0, 6.2)
    _bars(axes, SALES_2000, "{:.1f}")
    axes.set_title("Sales by kind of business in 2000, billion dollars", loc="left", weight="bold")
    return _png(figure)


def growth_chart() -> bytes:
    """The two kinds of business that more than tripled."""
    figure, axes = _axes(11.0, 5.6)
    for name, sales, colour, above in (
        ("Warehouse clubs and superstores", WAREHOUSE_CLUBS, ORANGE, True),
        ("Electronic shopping and mail order", ONLINE_AND_MAIL_ORDER, BLUE, False),
    ):
        axes.plot(YEARS, sales, color=colour, marker="o", linewidth=2.5, label=name)
        for year, value in zip(YEARS, sales, strict=True):
            place = {"xytext": (-8, 9) if above else (6, -20), "textcoords": "offset points"}
            axes.annotate(f"{value:.1f}", (year, value), ha="center", color=colour, **place)
    axes.set_title("Sales, billion dollars", loc="left", weight="bold")
    axes.set_ylim(0, 155)
    axes.set_xticks(range(1992, 2001))
    axes.legend(loc="upper left", frameon=False)
    return _png(figure)


def _axes(width_in: float, height_in: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width_in, height_in))
    figure.set_layout_engine("constrained", w_pad=0.15, h_pad=0.15)
    axes = figure.subplots()
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    return figure, axes


def _bars(
    axes: Any, values: dict[str, Any], label: str, colours: str | Sequence[str] = BLUE
) -> None:
    bars = axes.barh(list(values), list(values.values()), color=colours, height=0.7)
    axes.bar_label(bars, labels=[label.format(v) for v in values.values()], padding=4)
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.margins(y=0.01)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=100, metadata={"Software": None})
    return buffer.getvalue()


# ── the Word report ────────────────────────────────────────────────────────────────────


def report() -> Any:
    """The report on building permits."""
    made = docx.Document()
    made.styles["Normal"].font.size = Pt(11)
    title = "Private housing units authorized by building permits, 2005"
    _set_properties(made.core_properties, title)
    made.add_heading(title, 0)
    _summary(made)
    _areas(made)
    _sun_belt(made)
    _states(made)
    _about(made)
    return made


def _summary(made: Any) -> None:
    made.add_heading("Summary", 1)
    made.add_paragraph(
        "In 2005 more new homes were authorized in the Atlanta area than in any other "
        "metropolitan area of the United States: building permits were issued for 72,861 housing "
        "units there (Figure 1). New York came second with 67,207. Among the states, Florida had "
        "the largest share, 13 percent of the national total (Figure 2)."
    )
    made.add_paragraph(
        "A permit allows a home to be built. The numbers therefore count what was authorized, "
        "not what was started or finished in the year."
    )


def _areas(made: Any) -> None:
    five, twenty = sum(list(UNITS_BY_AREA.values())[:5]), sum(UNITS_BY_AREA.values())
    made.add_heading("The twenty metropolitan areas with the most permits", 1)
    made.add_paragraph(
        "Figure 1 ranks the twenty areas. Five of them, Atlanta, New York, Phoenix, Houston and "
        f"Dallas, authorized more than 59,000 units each and {five:,} together. Phoenix and "
        "Houston were only 492 units apart. The twentieth area, Charlotte, authorized 22,027 "
        "units, less than a third of the number in Atlanta."
    )
    _picture(made, areas_chart(), AREAS_CAPTION, AREAS_ALT)
    made.add_paragraph(
        f"Taken together, the twenty areas authorized {twenty:,} units. Table 1 gives the numbers."
    )
    rows = [
        (str(rank), area, f"{units:,}")
        for rank, (area, units) in enumerate(UNITS_BY_AREA.items(), start=1)
    ]
    _table(
        made,
        "Table 1. Housing units authorized in 2005 by metropolitan area.",
        [("Rank", "Metropolitan area", "Units authorized"), *rows],
    )


def _sun_belt(made: Any) -> None:
    florida = _units("Miami", "Orlando", "Tampa", "Cape Coral", "Jacksonville")
    texas = _units("Houston", "Dallas", "Austin", "San Antonio")
    california = _units("Riverside", "Los Angeles")
    made.add_heading("Florida, Texas and California", 2)
    made.add_paragraph(
        "Eleven of the twenty areas lie in three states. Florida has five of them: Miami, "
        f"Orlando, Tampa, Cape Coral and Jacksonville, with {florida} units together. Texas has "
        f"four: Houston, Dallas, Austin and San Antonio, with {texas} units. California has two, "
        f"with {california} units, and the inland Riverside area authorized more than Los Angeles: "
        "51,008 against 30,641."
    )


def _states(made: Any) -> None:
    ten = sum(PERCENT_BY_STATE.values())
    made.add_heading("Shares of the states", 1)
    made.add_paragraph(
        f"Ten states received {ten} percent of all units authorized in 2005, as Figure 2 shows; "
        f"all other states together received {PERCENT_ELSEWHERE} percent. Florida, Texas and "
        "California alone account for a third of the national total. Georgia, the state of "
        "Atlanta, and North Carolina follow with 5 percent each, and Arizona with 4 percent."
    )
    _picture(made, states_chart(), STATES_CAPTION, STATES_ALT)


def _about(made: Any) -> None:
    made.add_heading("About the numbers", 1)
    made.add_paragraph(
        "All numbers come from charts of the U.S. Census Bureau that were made in May 2006 from "
        "its statistics of building permits. A metropolitan area is a core based statistical "
        "area (CBSA), named here by its first city; it reaches beyond that city, and may reach "
        "across state borders. The shares of the states are rounded to whole percents."
    )


def _units(*areas: str) -> str:
    return f"{sum(UNITS_BY_AREA[area] for area in areas):,}"


def _picture(made: Any, content: bytes, caption: str, alt: str) -> None:
    shape = made.add_picture(io.BytesIO(content), width=Inches(6))
    made.paragraphs[-1].paragraph_format.keep_with_next = True
    shape._inline.docPr.set("descr", alt)  # python-docx has no public way to set it
    made.add_paragraph(caption, style="Caption")


def _table(made: Any, caption: str, rows: Rows) -> None:
    made.add_paragraph(caption, style="Caption").paragraph_format.keep_with_next = True
    table = made.add_table(len(rows), len(rows[0]), style="Light Grid Accent 1")
    _fill(table, rows)


# ── the slides ─────────────────────────────────────────────────────────────────────────


def slides() -> Any:
    """The talk on retail trade."""
    talk = pptx.Presentation()
    talk.slide_width, talk.slide_height = SlideInches(13.333), SlideInches(7.5)
    title = "Retail trade in the United States, 1992 to 2000"
    _set_properties(talk.core_properties, title)
    _title_slide(talk, title)
    _chart_slide(
        talk,
        "Sales grew by 65 percent in eight years",
        "Retailers, restaurants and bars sold for 3,388.8 billion dollars in 2000, against 2,054.6 "
        "billion in 1992 (Figure 1).",
        total_chart(),
        ("Figure 1. Retail and food services sales by year.", TOTAL_ALT),
        "The amounts are in dollars of each year; they are not adjusted for inflation. The source "
        "table has no column for 1993, so the chart has none either.",
    )
    _chart_slide(
        talk,
        "Cars and their parts take nearly one dollar in four",
        "Motor vehicle and parts dealers sold for 831.8 billion dollars in 2000, more than food "
        "and beverage stores and restaurants together (Figure 2).",
        kinds_chart(),
        ("Figure 2. Retail and food services sales in 2000 by kind of business.", KINDS_ALT),
        "The thirteen kinds of business add up to the total of 3,388.8 billion dollars. Food and "
        "beverage stores sold for 465.3 billion, food services and drinking places for 306.1 "
        "billion.",
    )
    _chart_slide(
        talk,
        "Warehouse clubs and distance selling more than tripled",
        "Electronic shopping and mail order sold for 110.0 billion dollars in 2000, 3.1 times as "
        "much as in 1992; warehouse clubs and superstores for 136.8 billion, 3.4 times as much "
        "(Figure 3).",
        growth_chart(),
        (
            "Figure 3. Sales of warehouse clubs and of electronic shopping and mail order.",
            GROWTH_ALT,
        ),
        "All sales together grew by a factor of 1.65. Electronic shopping is counted together with "
        "mail order: businesses that sell over the Internet and by catalog.",
    )
    _table_slide(talk)
    _sources_slide(talk)
    return talk


def _title_slide(talk: Any, title: str) -> None:
    slide = talk.slides.add_slide(talk.slide_layouts[0])
    slide.shapes.title.text = title
    slide.placeholders[1].text = "Numbers from the Statistical Abstract of the United States: 2001"
    _place(slide.shapes.title, 1.2, 2.3, 10.9, 1.4)
    _place(slide.placeholders[1], 1.2, 3.9, 10.9, 1.0)


def _chart_slide(
    talk: Any, title: str, says: str, chart: bytes, words: tuple[str, str], notes: str
) -> None:
    """A statement, the chart that proves it, and the chart's words: caption and alt text."""
    caption, alt = words
    slide = _titled_slide(talk, title, notes)
    _text_box(slide, [says], 1.15)
    picture = slide.shapes.add_picture(
        io.BytesIO(chart), SlideInches(0), SlideInches(2.05), height=SlideInches(4.6)
    )
    picture.left = Emu((talk.slide_width - picture.width) // 2)
    picture._element.nvPicPr.cNvPr.set("descr", alt)  # python-pptx has no public way to set it
    _text_box(slide, [caption], 6.75, size_pt=16)


def _table_slide(talk: Any) -> None:
    slide = _titled_slide(
        talk,
        "Retail sales reached 11,254 dollars per person in 2000",
        "Sales divided by the number of residents. In 1992 it was 7,304 dollars per person. "
        "Restaurants and bars are not part of retail trade; they took 1,117 dollars per person.",
    )
    _text_box(slide, ["Table 1. Retail sales per person in dollars, by kind of business."], 1.2)
    size = (len(DOLLARS_PER_PERSON), len(DOLLARS_PER_PERSON[0]))
    box = [SlideInches(n) for n in (1.2, 1.9, 10.9, 4.4)]
    table = slide.shapes.add_table(*size, *box).table
    table.columns[0].width = SlideInches(5.8)
    for column in list(table.columns)[1:]:
        column.width = SlideInches(1.7)
    _fill(table, DOLLARS_PER_PERSON)


def _sources_slide(talk: Any) -> None:
    slide = _titled_slide(talk, "Sources", "")
    _text_box(
        slide,
        [
            "U.S. Census Bureau, Statistical Abstract of the United States: 2001, Section 22, "
            "Domestic Trade.",
            "Sales by kind of business: table No. 1020. Sales per person: table No. 1019.",
            "Both tables rest on the Annual Benchmark Report for Retail Trade and Food Services, "
            "January 1992 Through December 2000.",
        ],
        1.6,
    )


def _titled_slide(talk: Any, title: str, notes: str) -> Any:
    slide = talk.slides.add_slide(talk.slide_layouts[5])
    slide.shapes.title.text = title
    slide.shapes.title.text_frame.paragraphs[0].font.size = SlidePt(28)
    _place(slide.shapes.title, 0.9, 0.3, 11.5, 0.8)
    if notes:
        slide.notes_slide.notes_text_frame.text = notes
    return slide


def _text_box(slide: Any, lines: Iterable[str], top_in: float, size_pt: int = 20) -> None:
    box = [SlideInches(n) for n in (0.9, top_in, 11.5, 0.8)]
    frame = slide.shapes.add_textbox(*box).text_frame
    frame.word_wrap = True
    for index, line in enumerate(lines):
        paragraph = frame.paragraphs[0] if index == 0 else frame.add_paragraph()
        paragraph.text = line
        paragraph.font.size = SlidePt(size_pt)
        paragraph.space_after = SlidePt(10)


def _place(shape: Any, left: float, top: float, width: float, height: float) -> None:
    shape.left, shape.top = SlideInches(left), SlideInches(top)
    shape.width, shape.height = SlideInches(width), SlideInches(height)


# ── both ───────────────────────────────────────────────────────────────────────────────


def _fill(table: Any, rows: Rows) -> None:
    for row, cells in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text


def _set_properties(properties: Any, title: str) -> None:
    properties.title = title
    properties.author = "limner samples, from numbers of the U.S. Census Bureau"
    properties.comments = ""
    properties.created = properties.modified = MADE


def _write(path: Path, save: Callable[[io.BytesIO], None]) -> None:
    """Write an Office file so that the same numbers give the same bytes."""
    made, fixed = io.BytesIO(), io.BytesIO()
    save(made)
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name), old.read(name), zipfile.ZIP_DEFLATED)
    path.write_bytes(fixed.getvalue())


if __name__ == "__main__":
    main()
