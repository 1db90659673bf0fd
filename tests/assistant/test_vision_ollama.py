"""A vision model of Ollama or of an OpenAI-compatible server, with the real clients on loopback.

The servers answer from the pixels that they are sent; no real model is asked here (`tests/live`).
"""

from __future__ import annotations

import asyncio
import io
import json
import math
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from assistant.assistant import Assistant
from assistant.captioner import choose_captioner
from assistant.doctor import Check, checks
from assistant.errors import ModelNotFound, OllamaStopped, OpenAIServerStopped, SettingsInvalid
from assistant.settings import Settings, read_settings
from loaders.captioning.caption_queue import Undescribed
from loaders.captioning.context import FigureContext
from loaders.captioning.vision import VisionCaptioner
from retrievers import Library
from tests.assistant.command_line import ROOT, clean_environment
from tests.assistant.ollama_server import LoopbackOllama, ServedModel
from tests.assistant.warm_command import limner, limner_json

COLOURS = {"red": (210, 40, 40), "green": (40, 160, 60), "blue": (40, 60, 200)}


def mean_colour(image: Image.Image) -> str:
    """The name of the picture's mean colour: nothing but its pixels tells it."""
    mean = image.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
    assert isinstance(mean, tuple)
    return min(COLOURS, key=lambda c: math.dist(COLOURS[c], mean))


def answer_of(image: Image.Image, asked: str) -> str:
    colour = mean_colour(image)
    return json.dumps(
        {
            "kind": "photograph",
            "subject": f"a {colour} meadow",
            "axes": [],
            "series": [],
            "values": [],
            "text": "",
            "takeaway": f"A {colour} meadow lies under an open sky.",
        }
    )


@pytest.fixture
def seeing(ollama_server: LoopbackOllama) -> LoopbackOllama:
    """A server with a model that sees, and one that does not."""
    ollama_server.models["eyes:latest"] = ServedModel(["completion", "vision"])
    ollama_server.sees = answer_of
    return ollama_server


KINDS = ["ollama", "openai"]


def settings_for(
    kind: str, server: LoopbackOllama, model: str = "eyes", **more: object
) -> Settings:
    return Settings(
        captioner=f"{kind}:{model}",
        ollama_host=server.url,
        openai_base_url=f"{server.url}/v1",
        **more,  # type: ignore[arg-type]
    )


def captioner(kind: str, server: LoopbackOllama, **more: object) -> VisionCaptioner:
    chosen = choose_captioner(settings_for(kind, server, **more))
    assert chosen
    return chosen.vision


def described(vision: VisionCaptioner, colour: str = "red", width: int = 200) -> str:
    image = Image.new("RGB", (width, 150), COLOURS[colour])
    return asyncio.run(vision.describe(image, FigureContext(caption="Figure 1. A meadow.")))


# What goes to the server, and what comes back


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("colour", COLOURS)
def test_the_picture_arrives_and_its_description_comes_back(
    seeing: LoopbackOllama, kind: str, colour: str
) -> None:
    assert described(captioner(kind, seeing), colour) == (
        f"A {colour} meadow lies under an open sky. Photograph: a {colour} meadow."
    )
    (body,) = seeing.bodies("/api/chat" if kind == "ollama" else "/v1/chat/completions")
    form = body["format"] if kind == "ollama" else body["response_format"]["json_schema"]["schema"]
    assert set(form["required"]) >= {"kind", "subject", "axes", "takeaway"}
    assert "Figure 1. A meadow." in json.dumps(body["messages"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["broken", "cut", "error line", "out of memory"])
def test_a_server_that_fails_costs_the_picture_and_tells_why(
    seeing: LoopbackOllama, kind: str, fault: str
) -> None:
    seeing.fault = fault  # type: ignore[assignment]
    with pytest.raises(Undescribed, match=f"the server failed: .*{seeing.url}") as raised:
        described(captioner(kind, seeing))
    assert raised.value.by_server


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_that_is_cut_off_by_the_servers_limit_is_none(
    seeing: LoopbackOllama, kind: str
) -> None:
    seeing.end_reason = "length"
    with pytest.raises(Undescribed, match="its answer was cut off") as raised:
        described(captioner(kind, seeing))
    assert not raised.value.by_server


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_and_bad_json_are_asked_again(seeing: LoopbackOllama, kind: str) -> None:
    answers = iter(["I'm sorry, I can't help with that.", '{"kind": "meadow", }', None])

    def answer(image: Image.Image, asked: str) -> str:
        return next(answers) or f"It is a wide {mean_colour(image)} meadow."

    seeing.sees = answer
    assert described(captioner(kind, seeing), "blue") == "It is a wide blue meadow."


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pause_s", [30.0, 0.1])
def test_a_server_that_hangs_or_drips_is_left_at_the_time_limit(
    seeing: LoopbackOllama, kind: str, pause_s: float
) -> None:
    seeing.pause_s = pause_s
    seeing.sees = lambda image, asked: "word " * 1_000
    vision = captioner(kind, seeing, captioner_timeout_s=0.8)
    start = time.monotonic()
    with pytest.raises(Undescribed, match=r"longer than 0\.8 s"):
        described(vision)
    assert time.monotonic() - start < 5
    assert seeing.client_left.wait(5)


# Which model


@pytest.mark.parametrize("value", ["blip2", "ollama", "ollama:", "openai: ", "llava"])
def test_a_captioner_of_no_known_kind_is_refused(value: str) -> None:
    with pytest.raises(SettingsInvalid) as raised:
        read_settings(captioner=value)
    assert f"captioner = {value!r} is not valid" in str(raised.value)
    assert "for example ollama:qwen2.5vl" in str(raised.value)


def test_a_model_that_is_not_there_is_named_with_those_that_see(seeing: LoopbackOllama) -> None:
    with pytest.raises(ModelNotFound) as raised:
        captioner("ollama", seeing, model="qwen2.5vl")
    assert str(raised.value) == (
        f"Model 'qwen2.5vl' is not in Ollama at {seeing.url}. Run: ollama pull qwen2.5vl. "
        "Vision models present: eyes."
    )


def test_a_model_that_does_not_see_is_refused(seeing: LoopbackOllama) -> None:
    with pytest.raises(ModelNotFound) as raised:
        captioner("ollama", seeing, model="llama3.1")
    assert str(raised.value) == (
        f"Model 'llama3.1' in Ollama at {seeing.url} does not see pictures. "
        "Run: ollama pull qwen2.5vl. Vision models present: eyes."
    )


def test_a_model_that_the_openai_server_lacks_is_refused(seeing: LoopbackOllama) -> None:
    with pytest.raises(ModelNotFound, match=r"Present: llama3\.1, eyes\."):
        captioner("openai", seeing, model="qwen2.5vl")


def test_a_stopped_server_is_named() -> None:
    nobody = Settings(
        captioner="ollama:eyes",
        ollama_host="http://127.0.0.1:9",
        openai_base_url="http://127.0.0.1:9",
    )
    with pytest.raises(OllamaStopped, match="Run: ollama serve"):
        choose_captioner(nobody)
    with pytest.raises(OpenAIServerStopped):
        choose_captioner(nobody.model_copy(update={"captioner": "openai:eyes"}))


def test_openai_without_an_address_is_an_invalid_setting() -> None:
    with pytest.raises(SettingsInvalid, match=r"captioner is openai:eyes.*LIMNER_OPENAI_BASE_URL"):
        choose_captioner(Settings(captioner="openai:eyes"))


def captioner_check(settings: Settings) -> Check:
    return next(check for check in checks(settings) if check.name == "captioner")


def test_doctor_tells_which_captioner_is_used_and_why(
    seeing: LoopbackOllama, tmp_path: Path
) -> None:
    options = {"library": tmp_path, "llm": "embedded", "blip_model": "limner/none"}
    check = captioner_check(settings_for("ollama", seeing, **options))
    assert check.ok
    assert check.detail == f"ollama:eyes (Ollama answers at {seeing.url}; you named eyes)"
    missing = captioner_check(settings_for("ollama", seeing, "llava", **options))
    assert not missing.ok
    assert "ollama pull llava" in missing.fix
    neither = captioner_check(Settings(**options))  # type: ignore[arg-type]
    assert not neither.ok
    assert "ollama pull qwen2.5vl" in neither.fix
    assert captioner_check(Settings(captioner="none", **options)).ok  # type: ignore[arg-type]


# In a run


def meadows(folder: Path, n: int) -> Path:
    """A folder of pictures, red, green, blue and so on; no two alike."""
    folder.mkdir()
    for k in range(n):
        colour = list(COLOURS.values())[k % 3]
        Image.new("RGB", (200 + k, 150), colour).save(folder / f"{k:02}.png")
    return folder


def flags(server: LoopbackOllama, folder: Path, model: str = "eyes") -> dict[str, str]:
    return {
        "LIMNER_CACHE_FOLDER": str(folder / "cache"),
        "LIMNER_CAPTIONER": f"ollama:{model}",
        "LIMNER_OLLAMA_HOST": server.url,
        "LIMNER_BLIP_MODEL": "limner/none",
    }


def test_a_figure_is_found_by_what_the_vision_model_says_of_it(
    seeing: LoopbackOllama, tmp_path: Path
) -> None:
    library = ("--library", tmp_path / "library")
    report = limner_json("add", meadows(tmp_path / "in", 3), *library, env=flags(seeing, tmp_path))
    assert (report["added"], report["figures"], report["skipped"]) == (3, 3, [])
    assert len(seeing.bodies("/api/chat")) == 3
    (first, *_) = limner_json("search", "green meadow", *library)["hits"]
    assert first["source"].endswith("01.png")
    assert first["caption"] == "A green meadow lies under an open sky."
    assert first["descriptions"]["vision"].endswith("Photograph: a green meadow.")


def test_a_model_without_eyes_ends_the_run_before_it_begins(
    seeing: LoopbackOllama, tmp_path: Path
) -> None:
    env = flags(seeing, tmp_path, "llama3.1")
    library = ("--library", tmp_path / "library")
    result = limner("add", meadows(tmp_path / "in", 3), *library, env=env)
    assert result.returncode == 1
    assert "does not see pictures. Run: ollama pull qwen2.5vl" in result.stderr
    assert "Traceback" not in result.stderr
    assert limner_json("list", *library)["documents"] == []


class Words:
    """Opens an assistant over a library whose embeddings need no model."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        from loaders import MediaStore
        from tests.assistant.words import WordEmbeddings

        settings = settings.model_copy(
            update={"cache_folder": folder / "cache", "blip_model": "limner/none"}
        )
        embeddings = WordEmbeddings()
        self.library = Library.open(folder, embeddings, create=True)
        self.assistant = Assistant(self.library, MediaStore(folder / "media"), embeddings, settings)


@pytest.mark.parametrize("kind", KINDS)
def test_the_server_is_asked_about_as_many_pictures_at_once_as_it_takes(
    seeing: LoopbackOllama, tmp_path: Path, kind: str
) -> None:
    from loaders import FigureDescriber, MediaStore

    seeing.pause_s = 0.02
    media = MediaStore(tmp_path)
    keys = [media.put(Image.new("RGB", (100 + n, 80), "red")).key for n in range(9)]
    vision = captioner(kind, seeing, captioner_parallel=3)
    assert len(FigureDescriber(media, vision=vision).describe(keys)) == 9
    assert seeing.most_at_once == 3


def test_a_server_that_goes_in_the_middle_is_told_once_and_the_rest_is_read(
    seeing: LoopbackOllama, tmp_path: Path
) -> None:
    n_seen = 0

    def answer_twice(image: Image.Image, asked: str) -> str:
        nonlocal n_seen
        n_seen += 1
        if n_seen > 2:
            seeing.fault = "broken"
        return answer_of(image, asked)

    seeing.sees = answer_twice
    settings = settings_for("ollama", seeing, captioner_parallel=1)
    folder = meadows(tmp_path / "in", 8)
    with Words(tmp_path / "library", settings).assistant as assistant:
        report = assistant.add([folder])
        assert (report.added, report.failed) == (8, [])
        assert {source for source, _ in report.skipped} == {"ollama:eyes"}
        failed, left_out = (reason for _, reason in report.skipped)
        assert failed.startswith("3 figures: the server failed: Ollama at ")
        assert left_out == "3 figures: it was not asked any more, since it failed on 3 in a row"
        # The server is well again: what was read without it is read again, and nothing else.
        seeing.fault, seeing.sees = None, answer_of
        again = assistant.add([folder])
        assert again.skipped == []
        assert (again.updated, again.unchanged) == (6, 2)
        hits = assistant.search("meadow", 20)
        assert sum("vision" in h.document.metadata["descriptions"] for h in hits) == 8


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_down_when_a_run_begins_ends_no_run_and_is_asked_in_the_next(
    seeing: LoopbackOllama, tmp_path: Path, kind: str
) -> None:
    up = settings_for(kind, seeing)
    nobody = {"ollama_host": "http://127.0.0.1:9", "openai_base_url": "http://127.0.0.1:9/v1"}
    down = up.model_copy(update=nobody)
    old, new = meadows(tmp_path / "old", 2), tmp_path / "new"
    new.mkdir()
    with Words(tmp_path / "library", up).assistant as assistant:
        assert assistant.add([old]).skipped == []
    for k in range(4):
        Image.new("RGB", (300 + k, 150), COLOURS["red"]).save(new / f"{k}.png")
    with Words(tmp_path / "library", down).assistant as assistant:
        report = assistant.add([old, new])
        assert (report.added, report.unchanged, report.failed) == (4, 2, [])
        ((source, told),) = report.skipped
        assert source == f"{kind}:eyes"
        assert re.match(r"4 figures: .* answers? at http://127\.0\.0\.1:9", told)
    with Words(tmp_path / "library", up).assistant as assistant:
        report = assistant.add([old, new])
        assert (report.updated, report.unchanged, report.skipped) == (4, 2, [])


def test_uploads_ask_the_server_for_its_model_once(seeing: LoopbackOllama, tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (200, 150), COLOURS["red"]).save(picture, "PNG")
    with Words(tmp_path / "library", settings_for("ollama", seeing)).assistant as assistant:
        assert assistant.add_uploads([("red.png", picture.getvalue())]).added == 1
    assert len(seeing.bodies("/api/show")) == 1


def test_readers_are_made_once_by_threads_that_ask_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []

    def make() -> object:
        time.sleep(0.05)
        made.append(object())
        return made[-1]

    monkeypatch.setattr("assistant.figure_readers.OcrReader", make)
    with Words(tmp_path / "library", Settings(captioner="none")).assistant as assistant:
        threads = [threading.Thread(target=assistant.choose_describer) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(made) == 1


def test_refusals_are_told_once_with_their_number(seeing: LoopbackOllama, tmp_path: Path) -> None:
    def refuse_blue(image: Image.Image, asked: str) -> str:
        is_blue = mean_colour(image) == "blue"
        return "I'm sorry, I can't help with that." if is_blue else answer_of(image, asked)

    seeing.sees = refuse_blue
    settings = settings_for("ollama", seeing)
    with Words(tmp_path / "library", settings).assistant as assistant:
        report = assistant.add([meadows(tmp_path / "in", 9)])
    assert report.added == 9
    assert report.skipped == [("ollama:eyes", "3 figures: it refused to describe them")]


def test_an_interrupt_ends_a_run_whose_server_hangs_within_seconds(
    seeing: LoopbackOllama, tmp_path: Path
) -> None:
    seeing.pause_s = 600.0
    command = [sys.executable, "-m", "assistant.cli", "add", str(meadows(tmp_path / "in", 3))]
    with subprocess.Popen(
        [*command, "--library", str(tmp_path / "library")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=clean_environment() | flags(seeing, tmp_path),
    ) as process:
        deadline = time.monotonic() + 120
        while not seeing.bodies("/api/chat") and time.monotonic() < deadline:
            threading.Event().wait(0.1)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, complained = process.communicate(timeout=60)
    assert time.monotonic() - start < 15
    assert process.returncode == 128 + signal.SIGINT
    assert re.search(r"Stopped: \d sources? not read", complained)
    assert "Traceback" not in complained


def test_the_lack_of_a_captioner_is_told_with_the_first_figures_only(tmp_path: Path) -> None:
    env = {"LIMNER_BLIP_MODEL": "limner/none"}
    library = ("--library", tmp_path / "library")
    told = "see: limner doctor"
    folder = meadows(tmp_path / "in", 2)
    assert told in limner("add", folder / "00.png", *library, env=env).stderr
    assert told not in limner("add", folder, *library, env=env).stderr


# How far it is trusted


def test_a_vision_models_words_are_marked_and_bear_nothing_out(tmp_path: Path) -> None:
    from langchain_core.documents import Document

    from assistant.answer import Source
    from assistant.citations import CitationChecker
    from tests.assistant.words import WordEmbeddings

    said = "Permits fell to 40 in Dallas."
    metadata = {"source": "file:///a.png", "title": "a.png", "modality": "figure", "caption": said}
    source = Source(
        1,
        0.9,
        Document(
            f"A vision model says: {said}\nSection: a.png",
            metadata=metadata | {"descriptions": {"vision": said}},
        ),
    )
    assert source.caption == f"{said} (caption by a machine)"
    assert not CitationChecker((source,), WordEmbeddings()).check(said).supported
