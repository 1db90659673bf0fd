"""SVG: drawn without scripts and without anything from outside, found by its words."""

import base64
import contextlib
import io
import signal
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from loaders.errors import BrokenDocument, BrokenPicture
from loaders.svg import read_drawing
from tests.loaders.reading import CORPUS, picture, read, with_corpus, words

NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def svg(inside: str, about: str = 'width="120" height="80"') -> bytes:
    return f"<svg {NAMESPACES} {about}>{inside}</svg>".encode()


def color_of(content: bytes) -> tuple[int, ...]:
    """Of the whole drawing, on average."""
    with Image.open(io.BytesIO(read_drawing(content).image())) as image:
        return image.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))


def size_of(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(read_drawing(content).image())) as image:
        return image.size


def test_an_svg_file_is_a_figure_with_the_words_in_it(tmp_path: Path) -> None:
    inside = '<title>Catch by port</title><text x="9" y="20">Cod <tspan>in tons</tspan></text>'
    (tmp_path / "catch.svg").write_bytes(svg(inside))
    found = read(tmp_path / "catch.svg", tmp_path)
    (figure,) = found.figures
    assert "Cod in tons" in figure.page_content
    assert words(figure)["alt"] == "Catch by port"
    assert (figure.metadata["width"], figure.metadata["height"]) == (120, 80)


def test_a_drawing_that_a_page_names_is_a_figure(tmp_path: Path) -> None:
    (tmp_path / "catch.svg").write_bytes(svg('<text x="9" y="20">Cod in tons</text>'))
    (tmp_path / "page.md").write_text(
        "# Fish\n\nMuch fish was caught.\n\n![The catch](catch.svg)\n"
    )
    (figure,) = read(tmp_path / "page.md", tmp_path).figures
    assert "Cod in tons" in figure.page_content


@pytest.mark.parametrize("attribute", ["href", "xlink:href"])
@pytest.mark.parametrize(
    "address", ["{path}", "file://{path}", "red.png", "http://127.0.0.1/a.png"]
)
def test_nothing_from_outside_the_drawing_is_shown(
    address: str, attribute: str, tmp_path: Path
) -> None:
    (tmp_path / "red.png").write_bytes(picture(120, 80, "red"))
    where = address.format(path=tmp_path / "red.png")
    assert color_of(svg(f'<image width="120" height="80" {attribute}="{where}"/>')) == (255,) * 3


def test_a_picture_inside_the_drawing_is_shown() -> None:
    data = base64.b64encode(picture(120, 80, "red")).decode()
    inside = f'<image width="120" height="80" href="data:image/png;base64,{data}"/>'
    assert color_of(svg(inside)) == (255, 0, 0)


def test_an_external_entity_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the secret word")
    entity = f'<!DOCTYPE svg [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'.encode()
    assert "secret" not in read_drawing(entity + svg("<text>&x;</text>")).text


@pytest.mark.parametrize(
    ("about", "size"),
    [
        ('width="120" height="80"', (120, 80)),
        ('width="90pt" height="60pt"', (120, 80)),
        ('width="100%" height="100%" viewBox="0 0 200 100"', (200, 100)),
        ('viewBox="0 0 200 100"', (200, 100)),
        ('width="100" viewBox="0 0 200 100"', (100, 50)),
        ('width="32000" height="16000"', (1600, 800)),
    ],
)
def test_a_drawing_has_the_size_that_it_gives_but_no_giant_one(
    about: str, size: tuple[int, int]
) -> None:
    assert size_of(svg('<rect width="9" height="9"/>', about)) == size


def test_elements_that_name_each_other_without_end_are_refused() -> None:
    levels = "".join(
        f'<g id="a{n + 1}">' + f'<use xlink:href="#a{n}"/>' * 10 + "</g>" for n in range(9)
    )
    with pytest.raises(BrokenPicture, match="more than"):
        read_drawing(svg(f'<g id="a0"><rect width="1" height="1"/></g>{levels}<use href="#a9"/>'))
    chain = "".join(f'<g id="a{n}"><use href="#a{n + 1}"/></g>' for n in range(3000))
    with pytest.raises(BrokenPicture, match="nested too deeply"):
        read_drawing(svg(chain))


@pytest.mark.parametrize("content", ["<svg", "<a/>", '<svg width="0" height="1"/>', ""])
def test_a_damaged_drawing_is_refused(content: str, tmp_path: Path) -> None:
    with pytest.raises(BrokenPicture):
        read_drawing(content.encode())
    (tmp_path / "a.svg").write_text(content or " ")
    with pytest.raises(BrokenDocument, match=r"a\.svg"):
        read(tmp_path / "a.svg", tmp_path)


@given(inside=st.binary(max_size=200))
def test_arbitrary_bytes_raise_only_our_error(inside: bytes) -> None:
    for content in (inside, f"<svg {NAMESPACES}>".encode() + inside + b"</svg>"):
        with contextlib.suppress(BrokenPicture):
            read_drawing(content).image()


@with_corpus
def test_real_charts_are_drawn_with_their_labels() -> None:
    chart = CORPUS / "docs" / "fig" / "inflammation-01-group-plot.svg"
    drawing = read_drawing(chart.read_bytes())
    assert {"average", "max", "min"} <= set(drawing.text.split("\n"))
    with Image.open(io.BytesIO(drawing.image())) as image:
        assert image.size == (960, 288)
        assert len(image.convert("RGB").getcolors(100_000)) > 20


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process is stopped here")
def test_a_process_that_stands_still_is_given_up_and_another_draws(monkeypatch) -> None:
    drawing = read_drawing(svg('<rect width="9" height="9"/>'))
    drawing.image()
    (drawer,) = [p for p in psutil.Process().children() if "svg_process" in " ".join(p.cmdline())]
    monkeypatch.setattr("loaders.svg.WAITED_S", 0.5)
    drawer.send_signal(signal.SIGSTOP)
    with pytest.raises(BrokenPicture, match="given up"):
        drawing.image()
    monkeypatch.undo()
    assert drawing.image()
