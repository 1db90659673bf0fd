"""A conversation leaves the library with its figures, as Markdown or HTML, and nothing active."""

import base64
import io
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

from assistant.answer import GONE_PICTURE
from assistant.assistant import Assistant
from assistant.conversation import Turn
from assistant.conversation_export import MAX_SIDE, export_html, file_name, write_export
from assistant.conversations import Conversation
from retrievers import ExportRefused, Filter
from tests.assistant.harbour import CAPTION, COD, HOSTILE, QUESTION, SOURCE, open_harbour, says

SAID = (COD, " The chart is Cod landings by year in tonnes.")


def kept(assistant: Assistant, title: str = "Cod & <b>chips</b>") -> Conversation:
    first = assistant.ask(QUESTION)
    conversation = assistant.conversations.begin(first, Filter(source="*"))
    second = assistant.ask("And in 2020?", history=[Turn.of(first)])
    assistant.conversations.append(conversation, second, Filter())
    assistant.conversations.rename(conversation, title)
    return assistant.conversations.read(conversation)


def test_html_holds_its_pictures(tmp_path: Path) -> None:
    with open_harbour(tmp_path, says(*SAID)) as assistant:
        page = export_html(kept(assistant), assistant.media)
    sources = re.findall(r'<img src="([^"]*)"', page)
    assert sources
    for source in sources:
        kind, _, content = source.partition(",")
        assert kind == "data:image/png;base64"
        assert max(Image.open(io.BytesIO(base64.b64decode(content))).size) == MAX_SIDE
    assert "Cod &amp; &lt;b&gt;chips&lt;/b&gt;" in page
    assert f"<h2>{QUESTION}</h2>" in page
    assert "Asked within: document *" in page
    assert "Understood as: How high were the cod landings in 2020?" in page
    assert len(re.findall(r' id="[^"]*"', page)) == len(set(re.findall(r' id="[^"]*"', page)))


def test_markdown_has_its_pictures_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "out" / "cod.md"
    with open_harbour(tmp_path / "library", says(*SAID)) as assistant:
        conversation = kept(assistant)
        written = write_export(conversation, "markdown", path, assistant.media)
    assert written == [path, tmp_path / "out" / "cod_files"]
    text = path.read_text("utf-8")
    shown = re.findall(r"!\[[^\]]*\]\(([^)]*)\)", text)
    assert {Path(url).name for url in shown} == {p.name for p in written[1].iterdir()}
    for url in shown:
        with Image.open(path.parent / url) as picture:
            assert max(picture.size) == 1600
    assert text.startswith("# Cod \\& \\<b>chips")
    assert "Understood as: How high were the cod landings in 2020?" in text
    assert "file://" not in text


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_a_picture_that_has_gone_is_told(tmp_path: Path, form: str) -> None:
    path = tmp_path / "cod.out"
    with open_harbour(tmp_path / "library", says(*SAID)) as assistant:
        conversation = kept(assistant)
        assistant.remove(SOURCE)
        (written,) = write_export(conversation, form, path, assistant.media)  # type: ignore[arg-type]
    text = written.read_text("utf-8")
    assert GONE_PICTURE in text
    assert "img src" not in text
    assert "![" not in text
    assert CAPTION.split(":")[0] in text


def test_an_export_never_overwrites(tmp_path: Path) -> None:
    taken, folder = tmp_path / "a.html", tmp_path / "b_files"
    taken.write_text("mine")
    folder.mkdir()
    with open_harbour(tmp_path / "library", says(*SAID)) as assistant:
        conversation = kept(assistant)
        with pytest.raises(ExportRefused, match=r"a\.html is there already"):
            write_export(conversation, "html", taken, assistant.media)
        with pytest.raises(ExportRefused, match="b_files is there already"):
            write_export(conversation, "markdown", tmp_path / "b.md", assistant.media)
        with pytest.raises(ExportRefused, match="cannot be written"):
            write_export(conversation, "markdown", taken / "c.md", assistant.media)
    assert taken.read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.html", "b_files", "library"]


def test_hostile_words_are_words(tmp_path: Path) -> None:
    with open_harbour(tmp_path, says(*SAID)) as assistant:
        conversation = kept(assistant, title="</title><script>alert(1)</script>")
        (first, *_) = conversation.turns
        hostile = replace(
            first, question=f'{HOSTILE}<img src="x" onerror="y">', within="[a](javascript:b)"
        )
        conversation = replace(conversation, turns=(hostile,))
        page = export_html(conversation, assistant.media)
        (path, _) = write_export(conversation, "markdown", tmp_path / "x.md", assistant.media)
    assert "<script" not in page
    assert '<img src="x"' not in page
    assert "](javascript" not in path.read_text("utf-8")


def test_a_file_is_named_plainly_after_the_title() -> None:
    assert file_name("../../etc/passwd?", "html") == "etc-passwd.html"
    assert file_name("…", "markdown") == "conversation.md"


@pytest.mark.parametrize("name", ["C#.md", "a?b.md", "100%25.md"])
def test_markdown_finds_its_pictures_whatever_the_file_is_called(tmp_path: Path, name: str) -> None:
    with open_harbour(tmp_path / "library", says("The chart is Cod landings by year.")) as a:
        path, _ = write_export(kept(a), "markdown", tmp_path / name, a.media)
    shown = re.findall(r"!\[.*?\]\((.*?)\)", path.read_text("utf-8"))
    assert shown
    assert all((tmp_path / unquote(url)).is_file() and "#" not in url for url in shown)
