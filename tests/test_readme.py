"""The README's code runs as it stands there."""

import json
import re
import runpy
from pathlib import Path

import pytest

from tests.assistant.command_line import ROOT, SAMPLES
from tests.assistant.ollama_server import LoopbackOllama, ollama_server

__all__ = ["ollama_server"]

README = (ROOT / "README.md").read_text("utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
STREAMING = re.findall(
    r"```python\n(.*?)```", (ROOT / "docs" / "streaming.md").read_text("utf-8"), re.DOTALL
)
DOCUMENT = SAMPLES / "building-permits-2005.docx"

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the checkout, with a library of one sample."""
    from assistant import Assistant, Settings

    folder = tmp_path_factory.mktemp("readme")
    (folder / "samples").symlink_to(ROOT / "samples")
    with Assistant.open(Settings(library=folder / ".limner"), create=True) as assistant:
        assert assistant.add([DOCUMENT]).added == 1
    return folder


def run(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    path = folder / "example.py"
    path.write_text(code, "utf-8")
    runpy.run_path(str(path))


def test_the_agent_example_finds_figures_with_a_real_tool_loop(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ollama_server: LoopbackOllama,
) -> None:
    (code,) = (block for block in PYTHON if "retriever.as_tool" in block)
    monkeypatch.setenv("OLLAMA_HOST", ollama_server.url)
    run(code, folder, monkeypatch)
    said = capsys.readouterr().out
    assert "Figure 1. New privately owned housing units" in said
    assert ".limner/media/" in said
    assert len(ollama_server.bodies("/api/chat")) == 2


def test_the_example_of_the_assistant_as_a_tool_shows_its_figures(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ollama_server: LoopbackOllama,
) -> None:
    (code,) = (block for block in PYTHON if "assistant.as_tool" in block)
    monkeypatch.setenv("OLLAMA_HOST", ollama_server.url)
    monkeypatch.setenv("LIMNER_LLM", "embedded")
    ollama_server.says = "Atlanta [1]."
    run(code, folder, monkeypatch)
    said = capsys.readouterr().out
    assert "Atlanta" in said
    assert "<figcaption>Figure 1. New privately owned housing units" in said
    assert re.search(r"^file:///\S+\.png Figure 1\. New privately owned", said, re.MULTILINE)


@pytest.mark.parametrize("n", range(len(STREAMING)))
def test_the_examples_of_streaming_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], n: int
) -> None:
    monkeypatch.setenv("LIMNER_LLM", "embedded")
    run(STREAMING[n], folder, monkeypatch)
    assert re.search(r"units|homes|area", capsys.readouterr().out)


def test_the_events_have_the_fields_that_the_documentation_shows() -> None:
    from assistant.answer import Sentence
    from assistant.events import events_of
    from tests.assistant.answers import answer_with

    text = (ROOT / "docs" / "streaming.md").read_text("utf-8")
    shown = re.findall(r"^\| `\w+` \| `(\{.*\})` \|$", text, re.MULTILINE)
    sentence = Sentence("Cod.", (1,), (1,), 1, True)
    for written, event in zip(shown, events_of(answer_with(sentence)), strict=True):
        for name in re.findall(r'"(\w+)": ', written):
            assert f'"{name}": ' in json.dumps(event.to_dict()), name


def test_the_library_example_answers_with_a_figure(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = (block for block in PYTHON if "answer.to_markdown" in block)
    monkeypatch.setenv("LIMNER_LLM", "embedded")
    run(code, folder, monkeypatch)
    said = capsys.readouterr().out
    assert "figure file://" in said
    assert "![Figure 1" in said


def test_the_filter_example_finds_figures_of_a_collection(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = (block for block in PYTHON if "find_sources" in block)
    run(code, folder, monkeypatch)
    assert "Figure 1. New privately owned housing units" in capsys.readouterr().out


def test_the_community_loader_example_adds_its_rows(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = (block for block in PYTHON if "CSVLoader" in block)
    (folder / "rows.csv").write_text("city,units\nAtlanta,72861\n")
    run(code, folder, monkeypatch)
    assert "1 added" in capsys.readouterr().out


def test_the_vector_store_example_finds_its_text(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = (block for block in PYTHON if "LibraryVectorStore" in block)
    run(code, folder, monkeypatch)
    found = "Oil fell in 2020. {'source': 'notes.txt', 'year': 2020}"
    assert found in capsys.readouterr().out


def test_every_make_target_and_command_that_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"`?make (\w+)", README):
        assert target == "is" or re.search(rf"^{target}:", makefile, re.MULTILINE), target
    from assistant.cli.app import app

    known = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback}
    known |= {group.name for group in app.registered_groups}
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    named = set(re.findall(r"^limner ([\w-]+)", shell, re.MULTILINE))
    assert named <= known


def test_the_example_of_a_new_format_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from loaders import FigureDescriber, MediaStore, load
    from loaders.formats import LOADERS

    (code,) = (block for block in PYTHON if "class SubtitleLoader" in block)
    (tmp_path / "subtitles.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(LOADERS, ".srt", "subtitles.SubtitleLoader")
    media = MediaStore(tmp_path / "media")
    (tmp_path / "talk.srt").write_text(
        "1\n00:00:01,0 --> 00:00:02,0\nOil fell.\n\n2\n00:00:03,0 --> 00:00:04,0\nGold\nrose."
    )
    (document,) = load(tmp_path / "talk.srt", media=media, describer=FigureDescriber(media))
    assert document.page_content == "Oil fell.\nGold rose."
