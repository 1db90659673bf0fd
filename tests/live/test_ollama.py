"""A real Ollama server, where one answers at OLLAMA_HOST or its default address."""

from __future__ import annotations

import asyncio
import os

import pytest
from langchain_core.messages import HumanMessage
from PIL import Image, ImageDraw, ImageFont

from assistant.captioner import choose_captioner
from assistant.errors import ModelNotFound, ModelUnavailable
from assistant.llm import LanguageModel, choose_llm
from assistant.ollama_models import OllamaServer
from assistant.settings import Settings
from loaders.captioning.context import FigureContext

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    try:
        return choose_llm(prefer="ollama")
    except ModelUnavailable as error:
        pytest.skip(str(error))


def test_real_ollama_streams_an_answer(model: LanguageModel) -> None:
    question = "Paris is the capital of France. What is the capital of France? Answer in one word."
    pieces = list(model.stream([HumanMessage(question)]))
    assert len(pieces) >= 1
    assert "paris" in "".join(pieces).lower()


def test_real_ollama_says_how_much_the_model_reads(model: LanguageModel) -> None:
    assert 512 <= model.context_tokens <= 8192


def test_real_ollama_stops_when_the_reader_leaves(model: LanguageModel) -> None:
    answer = model.stream([HumanMessage("Count from one to a thousand, in words.")])
    assert next(answer)
    answer.close()  # type: ignore[attr-defined]
    again = model.stream([HumanMessage("Say hi.")])
    assert "".join(again)


def test_real_ollama_names_what_it_has_when_a_model_is_missing(model: LanguageModel) -> None:
    with pytest.raises(ModelNotFound, match=r"Run: ollama pull no-such-model\. Present: \w+"):
        choose_llm(prefer="ollama", ollama_model="no-such-model")


def test_real_vision_model_describes_a_bar_chart() -> None:
    server = OllamaServer()
    try:
        name = os.environ.get("LIMNER_LIVE_VISION_MODEL") or next(
            (name for name in server.present() if server.describe(name).can_see), None
        )
    except ModelUnavailable as error:
        pytest.skip(str(error))
    if name is None:
        pytest.skip(f"Ollama at {server.url} has no model that sees. Run: ollama pull qwen2.5vl")
    chart = Image.new("RGB", (640, 420), "white")
    pen, font = ImageDraw.Draw(chart), ImageFont.load_default(28)
    pen.text((120, 20), "Permits by city, 2005", "black", font)
    for n, (city, value) in enumerate([("Atlanta", 73), ("Phoenix", 63), ("Dallas", 40)]):
        x, top = 90 + 180 * n, 360 - 3 * value
        pen.rectangle((x, top, x + 90, 360), "steelblue")
        pen.text((x + 25, top - 34), str(value), "black", font)
        pen.text((x - 10, 370), city, "black", font)
    chosen = choose_captioner(Settings(captioner=f"ollama:{name}", captioner_timeout_s=280))
    assert chosen
    told = asyncio.run(chosen.vision.describe(chart, FigureContext(section="Housing"))).lower()
    assert "atlanta" in told
    assert "73" in told
