"""Jupyter notebooks: text, code and what the code gave."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from loaders.errors import BrokenDocument
from tests.loaders.reading import Reading, picture, read, words

PNG = base64.b64encode(picture()).decode()
FRAME = (
    "<div><table><thead><tr><th></th><th>GDP</th></tr><tr><th>Country</th><th></th></tr></thead>"
    "<tbody><tr><th>Malawi</th><td>1486.7</td></tr></tbody></table></div>"
)


def cell(kind: str, source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": kind, "source": source.splitlines(keepends=True), **more}


def shown(**data: Any) -> dict[str, Any]:
    kinds = {"png": "image/png", "html": "text/html", "text": "text/plain"}
    return {"output_type": "display_data", "data": {kinds[k]: v for k, v in data.items()}}


def reread(folder: Path, *cells: dict[str, Any]) -> Reading:
    path = folder / "a.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "metadata": {}, "cells": list(cells)}))
    return read(path, folder)


def test_text_and_code_stand_below_their_headings(tmp_path: Path) -> None:
    found = reread(
        tmp_path,
        cell("markdown", "# Harbour\n\nIts *tides*."),
        cell("code", "x = 1\nprint(x)", outputs=[{"output_type": "stream", "text": ["1\n"]}]),
    )
    assert found.title == "Harbour"
    assert found.texts == ["Harbour\nIts tides.\nx = 1\nprint(x)\n1"]


def test_a_plot_is_a_figure_and_its_object_is_not_said(tmp_path: Path) -> None:
    plot = shown(png=PNG, text="<Figure size 432x288 with 1 Axes>")
    found = reread(tmp_path, cell("code", "plt.plot(x)", outputs=[plot]))
    assert len(found.figures) == 1
    assert "Figure size" not in found.text


def test_a_frame_is_a_table_with_one_header(tmp_path: Path) -> None:
    frame = shown(html=FRAME, text="   GDP\nMalawi 1486.7")
    (table,) = reread(tmp_path, cell("code", "frame", outputs=[frame])).tables
    assert table.page_content.splitlines()[0] == "| Country | GDP |"
    assert table.page_content.count("1486.7") == 1


def test_html_without_a_table_gives_way_to_text(tmp_path: Path) -> None:
    output = shown(html="<style>x</style><div>LinearRegression</div>", text="LinearRegression()")
    assert "LinearRegression()" in reread(tmp_path, cell("code", "m", outputs=[output])).text


def test_a_picture_pasted_into_a_cell_is_a_figure(tmp_path: Path) -> None:
    pasted = cell(
        "markdown",
        "![Two cranes](attachment:a.png)",
        attachments={"a.png": {"image/png": PNG}},
    )
    assert [words(f) for f in reread(tmp_path, pasted).figures] == [{"alt": "Two cranes"}]


def test_a_picture_beside_the_notebook_is_a_figure(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(picture())
    assert len(reread(tmp_path, cell("markdown", "![Cranes](b.png)")).figures) == 1


def test_an_error_is_told_without_colours(tmp_path: Path) -> None:
    output = {"output_type": "error", "ename": "KeyError", "evalue": "\x1b[31mx\x1b[0m"}
    assert "KeyError: x" in reread(tmp_path, cell("code", "d[x]", outputs=[output])).text


def test_a_notebook_of_version_3_is_read(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Tides"},
        {
            "cell_type": "code",
            "input": "plot()",
            "outputs": [{"output_type": "display_data", "png": PNG}],
        },
    ]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"nbformat": 3, "worksheets": [{"cells": cells}]}))
    found = read(path, tmp_path)
    assert found.texts == ["Tides\nplot()"]
    assert len(found.figures) == 1


def test_what_is_no_notebook_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_text('{"a": 1}')
    with pytest.raises(BrokenDocument, match="holds no cells"):
        read(tmp_path / "a.ipynb", tmp_path)
