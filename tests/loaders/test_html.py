"""Web pages: what a reader would read, with its pictures, and nothing from the web."""

import base64
import io
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from loaders.errors import EmptyDocument, LimitExceeded
from loaders.html_table import MAX_COLUMNS, lay_out
from loaders.html_tree import MAX_TAGS
from loaders.limits import Limits
from loaders.named_pictures import _candidates
from tests.loaders.reading import CORPUS, Reading, expected, picture, read, with_corpus, words


@pytest.fixture
def reread(tmp_path: Path) -> Callable[..., Reading]:
    """Write the body of a page, or a whole page, and read it."""

    def write_and_read(body: str, **options: object) -> Reading:
        page = body if body.startswith("<!") else f"<!doctype html><body>{body}</body>"
        path = tmp_path / "site" / "page.html"
        path.parent.mkdir(exist_ok=True)
        path.write_text(page, encoding="utf-8")
        return read(path, tmp_path, **options)

    return write_and_read


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The folder of the page, with a picture in it and one beside it."""
    folder = tmp_path / "site"
    (folder / "fig").mkdir(parents=True)
    (folder / "fig" / "quay one.png").write_bytes(picture())
    (tmp_path / "outside.png").write_bytes(picture(color="blue"))
    return folder


def data_uri(content: bytes | None = None) -> str:
    return f"data:image/png;base64,{base64.b64encode(content or picture()).decode()}"


def rows(table: object) -> list[list[str]]:
    lines = table.page_content.splitlines()  # type: ignore[attr-defined]
    cells = [[c.strip() for c in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    return [row for n, row in enumerate(cells) if n != 1]


def test_text_stands_below_its_headings(reread) -> None:
    found = reread(
        "<h1>Harbour</h1><p>Old  and\nnew.</p>"
        "<h2>Quay</h2><div>Loose <b>bo</b>ld<p>Then.</p>last</div>"
    )
    assert [d.metadata["section"] for d in found.documents] == ["Harbour", "Harbour › Quay"]
    assert found.texts == ["Harbour\nOld and new.", "Quay\nLoose bold\nThen.\nlast"]


def test_lists_keep_their_marks_and_code_its_lines(reread) -> None:
    found = reread(
        "<ul><li>Fruit<ol start=3><li>Melon<li><p>Fig</p></ol></li><li>Grain</ul>"
        "<pre>if a:\n    b()</pre><dl><dt>Draught</dt><dd>Depth of a ship</dd></dl>"
    )
    lines = [line.strip() for line in found.texts[0].splitlines()]
    assert lines[:4] == ["- Fruit", "3. Melon", "4. Fig", "- Grain"]
    assert "if a:\n    b()" in found.texts[0]
    assert lines[-2:] == ["Draught", "Depth of a ship"]


@pytest.mark.parametrize(
    "hidden",
    [
        "<script>X</script>",
        "<style>X</style>",
        "<nav>X</nav>",
        "<div role=navigation>X</div>",
        "<p hidden>X</p>",
        "<p style='color: red; display : none'>X</p>",
        "<p aria-hidden=true>X</p>",
        "<header>X</header>",
        "<footer>X</footer>",
        "<aside>X</aside>",
        "<noscript>X</noscript>",
        "<template>X</template>",
        "<dialog>X</dialog>",
        "<button>X</button>",
        "<!-- X -->",
        "<p>a<sup class=reference>X</sup></p>",
    ],
)
def test_what_is_hidden_or_surrounds_the_page_is_left_out(reread, hidden: str) -> None:
    found = reread(f"<p>Before.</p>{hidden}<p>After.</p>")
    assert "Before." in found.text
    assert "After." in found.text
    assert "X" not in found.text


def test_a_heading_in_the_header_and_an_aside_in_the_article_are_content(reread) -> None:
    found = reread(
        "<header><a>Shop</a><h1>Harbour</h1></header>"
        "<article><header>By Ada</header><p>Text.</p><aside>Remark.</aside></article>"
        "<article>Second.</article>"
    )
    assert found.texts == ["Harbour\nBy Ada\nText.\nRemark.\nSecond."]


def test_the_main_part_is_read_unless_it_holds_next_to_nothing(reread) -> None:
    assert reread("<div>Around</div><main><p>Content of the page.</p></main>").texts == [
        "Content of the page."
    ]
    assert "long" in reread(f"<main>Menu</main><div>{'A long text. ' * 20}</div>").text


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<!doctype html><title> The\n harbour </title><body><h1>Quay</h1>x", "The harbour"),
        ("<!doctype html><body><h1>Quay</h1>x", "Quay"),
        ("<!doctype html><body>x", "page.html"),
    ],
)
def test_the_title_is_that_of_the_page_or_its_main_heading(reread, page: str, title: str) -> None:
    assert reread(page).title == title


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("<meta charset=koi8-r>", "koi8-r"),
        ("<meta http-equiv=content-type content='text/html; charset=windows-1251'>", "cp1251"),
        ("", "utf-8"),
        ("", "utf-16"),
        ("<meta charset=ascii>", "utf-8"),
    ],
)
def test_bytes_are_decoded_as_the_page_declares(tmp_path: Path, head: str, encoding: str) -> None:
    path = tmp_path / "page.html"
    page = f"<!doctype html><html><head>{head}</head><body><p>Корабли в порту</p>"
    path.write_bytes(page.encode(encoding))
    assert read(path, tmp_path).texts == ["Корабли в порту"]


def test_spans_are_laid_out(reread) -> None:
    found = reread(
        "<table><caption>Ships</caption><tr><th>Port<th colspan=2>Ships</tr>"
        "<tr><td rowspan=2>Rotterdam<td>in<td>9<tr><td>out<td>8</table>"
    )
    (table,) = found.tables
    assert table.metadata["caption"] == "Ships"
    assert rows(table) == [
        ["Port", "Ships", ""],
        ["Rotterdam", "in", "9"],
        ["Rotterdam", "out", "8"],
    ]


@pytest.mark.parametrize(
    "table",
    [
        "<table role=presentation><tr><td>One.<td>Two.<tr><td>Three.<td>Four.</table>",
        "<table><tr><td>One.<td>Two.</table>",
        "<table><tr><td>One.<tr><td>Two.</table>",
        "<table><tr><td>One.<td>a<tr><td><h2>Quay</h2><td>Two.</table>",
    ],
)
def test_a_table_that_arranges_the_page_is_read_as_text(reread, table: str) -> None:
    found = reread(table)
    assert not found.tables
    assert "One." in found.text
    assert "Two." in found.text


def test_a_table_inside_a_layout_is_a_table(reread) -> None:
    inner = "<table><tr><th>Port<th>Ships<tr><td>Oslo<td>5</table>"
    found = reread(f"<table><tr><td>Menu<td>{inner}<tr><td>a<td>b</table>")
    assert [rows(t) for t in found.tables] == [[["Port", "Ships"], ["Oslo", "5"]]]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), max_size=5), max_size=8)
)
def test_any_spans_give_a_grid_with_every_cell_in_its_row(
    spans: list[list[tuple[int, int]]],
) -> None:
    grid = lay_out(spans)
    assert len(grid) == len(spans)
    assert all(len(line) <= MAX_COLUMNS for line in grid)
    for r, row in enumerate(spans):
        if sum(max(c, 1) for c, _ in row) < 10 and max((len(g) for g in grid), default=0) < 50:
            assert {(r, n) for n in range(len(row))} <= set(grid[r])


def test_a_figure_has_its_caption_and_alternative_text(reread, site: Path) -> None:
    found = reread(
        "<p>Before.</p><figure><img src='fig/quay%20one.png?v=2' alt='A red quay'>"
        "<figcaption>The <b>new</b> quay</figcaption></figure><p>After.</p>"
    )
    assert words(found.figures[0]) == {"document": "The new quay", "alt": "A red quay"}
    assert found.texts == ["Before.", "After."]


def test_a_figure_may_hold_a_table_or_code(reread) -> None:
    found = reread(
        "<figure><table><tr><th>a<th>b<tr><td>1<td>2</table><figcaption>Ships</figcaption></figure>"
        "<figure><pre>x = 1</pre><figcaption>Setting x</figcaption></figure>"
    )
    assert found.tables[0].metadata["caption"] == "Ships"
    assert found.texts == ["x = 1\nSetting x"]


@pytest.mark.parametrize(
    ("page", "caption"),
    [
        ("<p><img src={0}></p><p>Figure 2: The quay</p>", "Figure 2: The quay"),
        ("<p>Fig. 2 – The quay</p><p><img src={0}></p>", "Fig. 2 – The quay"),
        ("<p><img src={0}></p><p><em>The quay</em></p>", "The quay"),
        ("<p><img src={0}><br><i>The quay</i></p>", "The quay"),
        ("<div><img src={0}><div class=thumbcaption>The quay</div></div>", "The quay"),
        ("<p><img src={0}></p><p>The <em>quay</em></p>", None),
        ("<p><em>The quay</em></p><p><img src={0}></p>", None),
    ],
)
def test_a_caption_printed_beside_a_picture_belongs_to_it(
    reread, page: str, caption: str | None
) -> None:
    found = reread(page.format(data_uri()))
    assert words(found.figures[0]).get("document") == caption
    assert bool(found.texts) == (caption is None)


def test_a_picture_in_a_table_is_named_by_its_row(reread) -> None:
    found = reread(f"<table><tr><th>Picture<th>Name<tr><td><img src={data_uri()}><td>Pump</table>")
    assert words(found.figures[0])["document"] == "Pump"


@pytest.mark.parametrize(
    "image",
    [
        "<img src='{}'>",
        "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' data-src='{}'>",
        "<img srcset='small.png 1x, {} 2x'>",
        "<picture><source srcset='{}'><img></picture>",
        "<img src='missing.png' srcset='{}'>",
    ],
)
@pytest.mark.parametrize(
    "address", ["fig/quay%20one.png", "/fig/quay%20one.png", "fig\\quay%20one.png"]
)
def test_a_picture_is_found_wherever_the_page_names_it(
    reread, site: Path, image: str, address: str
) -> None:
    assert len(reread(image.format(address)).figures) == 1


@pytest.mark.parametrize("packing", ["base64", "percent"])
def test_a_picture_in_the_page_itself_is_read(reread, packing: str) -> None:
    uri = data_uri() if packing == "base64" else f"data:image/png,{quote(picture())}"
    assert len(reread(f"<img src='{uri}'>").figures) == 1


@pytest.mark.parametrize(
    "address",
    [
        "../outside.png",
        "fig/../../outside.png",
        "%2e%2e/outside.png",
        "..\\outside.png",
        "link.png",
        "file:///etc/hostname",
    ],
)
def test_a_picture_outside_the_folder_is_not_opened(
    reread, site: Path, tmp_path: Path, address: str
) -> None:
    (site / "link.png").symlink_to(tmp_path / "outside.png")
    found = reread(f"<p>Text.</p><img src='{address}'>")
    assert not found.figures
    assert "outside the document's folder" in found.skipped[0].reason


def test_a_wider_root_may_be_given(reread, site: Path, tmp_path: Path) -> None:
    assert len(reread("<img src='../outside.png'>", figure_root=tmp_path).figures) == 1


@pytest.mark.parametrize(
    "address",
    ["missing.png", "fig", "pipe", "x" * 5000, "http://[", "data:image/png;base64,%%%"],
)
def test_an_address_that_leads_nowhere_is_reported(reread, site: Path, address: str) -> None:
    os.mkfifo(site / "pipe")
    found = reread(f"<p>Text.</p><img src='{address}' alt='A red quay'>")
    assert not found.figures
    assert len(found.skipped) == 1
    assert "A red quay" in found.text


@pytest.mark.parametrize(
    "address",
    ["https://example.org/a.png", "//example.org/a.png", "HTTP://example.org/a.png"],
)
def test_a_picture_on_the_web_is_not_fetched_and_its_words_are_kept(reread, address: str) -> None:
    found = reread(
        f"<figure><img src='{address}' alt='A red quay'><figcaption>The quay</figcaption></figure>"
    )
    assert found.texts == ["Picture: A red quay\nThe quay"]
    (skipped,) = found.skipped
    assert "example.org/a.png" in skipped.what
    assert skipped.reason.startswith("pictures on the web are not fetched")


def test_addresses_are_relative_to_the_base_that_the_page_names(reread, site: Path) -> None:
    page = "<!doctype html><base href='{}'><body>Text.<img src='quay one.png'>"
    assert len(reread(page.format("fig/")).figures) == 1
    found = reread(page.format("https://example.org/"))
    assert found.skipped[0].what == "The picture https://example.org/quay one.png"


@pytest.mark.parametrize(
    "decoration",
    [
        "<img src='https://example.org/t.gif' width=1 height=1>",
        "<img src='https://example.org/icon.png' width=20px>",
        "<img src='https://example.org/line.png' alt='' role=presentation>",
        "<img alt='no address'>",
        "<svg><path d=''/></svg>",
    ],
)
def test_decoration_is_left_out_without_a_word(reread, decoration: str) -> None:
    found = reread(f"<p>Text.</p>{decoration}")
    assert not found.skipped
    assert found.texts == ["Text."]


def test_a_drawing_in_the_page_keeps_its_words(reread) -> None:
    found = reread("<figure><svg><title>Ships by year</title><text>2024</text></svg></figure>")
    (figure,) = found.figures
    assert "Ships by year" in figure.page_content
    assert "2024" in figure.page_content


def test_a_page_without_content_is_empty(reread) -> None:
    with pytest.raises(EmptyDocument, match=r"page\.html holds no text"):
        reread("<nav>Menu</nav>")


@pytest.mark.parametrize("tag", ["div", "table><tr><td", "ul><li", "figure", "b", "h1", "x-y"])
def test_a_page_nested_without_end_is_read(reread, tag: str) -> None:
    assert "at the bottom" in reread(f"<{tag}>" * 3000 + "at the bottom").text


def test_a_page_too_large_to_parse_is_refused(reread) -> None:
    with pytest.raises(LimitExceeded, match="more text than the limit of 1,000"):
        reread("<p>" + "x" * 2000, limits=Limits(max_text_chars=1000))


TAGS = (
    *("<p>", "</p>", "<h2>", "<em>", "<pre>", "<li>", "<ul>", "text", "<!--", "-->"),
    *("<table>", "<tr>", "<td rowspan=3>", "</table>", "<img src=x alt=y>"),
    *("<figure>", "<figcaption>", "</figcaption>", "</figure>"),
)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.sampled_from(TAGS), max_size=25))
def test_any_tags_are_read_without_a_crash(reread, tags: list[str]) -> None:
    assert "the end" in reread(f"{''.join(tags)}--><p>the end</p>").text


@with_corpus
def test_a_page_of_wikipedia_is_read_without_its_surroundings(tmp_path: Path) -> None:
    found = read(CORPUS / "docs" / "wiki_duck.html", tmp_path)
    about = expected("docs")["wiki_duck.html"]
    assert found.title == about["title"]
    for passage in about["must_contain"]:
        assert passage in found.text
    for caption in about["figcaption"]:
        assert caption.replace(" .", ".") in found.text
    assert "Flying steamer ducks in Ushuaia, Argentina" in found.text
    assert not found.figures
    assert len(found.skipped) == 13  # every picture but the icons
    for menu in ("Log in", "Bahasa Indonesia", "Privacy policy", "[edit]"):
        assert menu not in found.text


@with_corpus
def test_pictures_beside_a_real_page_and_in_it_are_read(tmp_path: Path) -> None:
    found = read(CORPUS / "docs" / "research-debt" / "index.html", tmp_path)
    assert (len(found.figures), found.skipped, found.title) == (3, [], "Research Debt")
    for passage in expected("docs")["research-debt/index.html"]["must_contain"]:
        assert passage in found.text
    embedded = read(CORPUS / "docs" / "testHTML_embedded_img.html", tmp_path)
    assert (len(embedded.figures), embedded.title) == (1, "Title")


@pytest.mark.parametrize(
    ("source_set", "addresses"),
    [
        ("a.png", ["a.png"]),
        ("a.png, b.png 2x", ["b.png", "a.png"]),
        ("a.png 640w,b.png 1280w", ["b.png", "a.png"]),
        (" , a.png 1.5x , b.png", ["a.png", "b.png"]),
        ("data:image/png;base64,AA== 2x, a,b.png", ["data:image/png;base64,AA==", "a,b.png"]),
        (" ,, ", []),
    ],
)
def test_the_addresses_in_a_source_set_are_read_with_their_sizes(
    source_set: str, addresses: list[str]
) -> None:
    found = sorted(_candidates(source_set), key=lambda c: c[1], reverse=True)
    assert [address for address, _ in found] == addresses


@pytest.mark.timeout(5)
@pytest.mark.parametrize("part", ["a", "ab ", "a,", ",a ", "1w ", " ", ",", "a 1", "a 1x "])
def test_a_hostile_source_set_costs_no_time(reread, part: str) -> None:
    found = reread(f"<p>Ships.</p><img srcset='{part * 50_000} b c'>")
    assert found.texts[0].startswith("Ships.")


@pytest.mark.timeout(10)
def test_a_page_that_seems_to_name_its_encoding_for_ever_is_read(reread) -> None:
    assert "Ships." in reread("<!doctype html><p>Ships.</p>" + "<meta " * 500_000).text


def test_an_encoding_is_found_where_pages_name_it(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    head = f"<!doctype html><!--{'x' * 3_000}--><meta charset='koi8-r'><p>Корабли"
    path.write_bytes(head.encode("koi8-r"))
    assert read(path, tmp_path).texts == ["Корабли"]


def test_a_picture_for_readers_without_scripts_takes_the_place_of_its_stand_in(
    reread, site: Path
) -> None:
    stand_in = f"<img src='{data_uri(picture(color='white'))}'>"
    found = reread(f"{stand_in}<noscript><img src='fig/quay%20one.png' alt='Quay'></noscript>")
    assert [words(f) for f in found.figures] == [{"alt": "Quay"}]


def test_a_picture_in_the_page_itself_is_not_replaced(reread, site: Path) -> None:
    image = Image.effect_noise((90, 70), 40)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    real = f"<img src='{data_uri(buffer.getvalue())}' alt='Pump'>"
    hidden = "<noscript><img src='fig/quay%20one.png' alt='Quay'></noscript>"
    spacer = f"<img src='{data_uri(picture())}' alt='Blank'>"
    for page, shown in (
        (f"{real}{hidden}", ["Pump", "Quay"]),
        (f"{real}<p>Words.</p>{hidden}", ["Pump", "Quay"]),
        (f"{spacer}<p>Words.</p>{hidden}", ["Blank", "Quay"]),
        (f"<img src='fig/quay%20one.png' alt='Once'>{real}{hidden}", ["Once", "Pump"]),
    ):
        assert [words(f)["alt"] for f in reread(page).figures] == shown


def test_an_object_that_is_a_picture_is_a_figure(reread, site: Path) -> None:
    found = reread(
        "<object type='image/png' data='fig/quay%20one.png'></object>"
        "<object type='application/x-game' data='g'>Play</object>"
    )
    assert len(found.figures) == 1
    assert "Play" not in found.text


def test_a_header_of_two_rows_is_one(reread) -> None:
    found = reread(
        "<table><thead><tr><th></th><th>Ships</th></tr><tr><th>Year</th><th></th></tr></thead>"
        "<tr><td>2004</td><td>12</td></tr></table>"
    )
    assert rows(found.tables[0]) == [["Year", "Ships"], ["2004", "12"]]


def test_a_listing_stays_whole(reread) -> None:
    code = "\n".join(f"line_{n} = compute({n})" for n in range(60))
    found = reread(f"<p>Before.</p><pre><code>{code}</code></pre><p>After.</p>")
    assert any(code in text for text in found.texts)


def test_the_cells_of_a_giant_table_that_are_left_out_are_told(reread) -> None:
    found = reread(f"<table><tr>{'<td>cod</td>' * 130}</tr><tr><td>ling</td></tr></table>")
    (skipped,) = found.skipped
    assert skipped.what == "30 cells of a table"
    assert "100 columns" in skipped.reason


@pytest.mark.parametrize("note", ["blockquote", "details"])
def test_headings_in_a_note_end_with_it(reread, note: str) -> None:
    html = f"<h2>A</h2><p>One</p><{note}><h2>B</h2><p>Two</p></{note}><p>Three</p>"
    found = reread(html)
    sections = [(d.metadata["section"], d.page_content) for d in found.documents]
    assert sections == [("A", "A\nOne"), ("A › B", "B\nTwo"), ("A", "A\nThree")]


def test_a_page_of_too_many_tags_is_refused(reread) -> None:
    with pytest.raises(LimitExceeded, match="tags"):
        reread("<td>1" * (MAX_TAGS + 1))
