"""Pictures for a model that sees, with a server that decodes what it is sent."""

from pathlib import Path

import pytest
from langchain_core.documents import Document
from PIL import Image

from assistant.answer import Source
from assistant.answering import Answering, Clock
from assistant.events import AnswerFinished, SentenceChecked
from assistant.llm import LanguageModel, choose_llm
from assistant.sent_pictures import MAX_BYTES, MAX_PICTURES, MAX_SIDE, pictures_of, within
from loaders import MediaStore
from tests.assistant.ollama_server import LoopbackOllama, ServedModel
from tests.assistant.words import WordEmbeddings

QUESTION = "How tall are the green bars of the harvest?"
RED, GREEN = (255, 0, 0), (0, 160, 0)


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


def figure(
    n: int, media: MediaStore, image: Image.Image, text: str = "Figure: The harvest by year."
) -> Source:
    stored = media.put(image)
    metadata = {"title": "Report", "modality": "figure", "image_key": stored.key, "page": n}
    metadata |= {"caption": text, "image_url": media.url(stored.key)}
    return Source(n, 0.9, Document(text, metadata=metadata))


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (200, 100)) -> Image.Image:
    return Image.new("RGB", size, colour)


def seeing(server: LoopbackOllama, kind: str = "ollama") -> LanguageModel:
    server.models = {"llava:latest": ServedModel(["completion", "vision"])}
    if kind == "ollama":
        return choose_llm(ollama_host=server.url)
    url = f"{server.url}/v1"
    return choose_llm(prefer="openai", openai_base_url=url, openai_sees=True, context_tokens=8_192)


def answer_of(model: LanguageModel, sources: list[Source], media: MediaStore):
    answering = Answering(model, WordEmbeddings(), media=media)
    events = list(answering.stream(QUESTION, tuple(sources), Clock()))
    checked = [event.sentence for event in events if isinstance(event, SentenceChecked)]
    return checked, next(e.answer for e in events if isinstance(e, AnswerFinished))


@pytest.mark.parametrize("kind", ["ollama", "openai"])
def test_top_figures_are_seen_and_named_by_their_sources(
    ollama_server: LoopbackOllama, media: MediaStore, kind: str
) -> None:
    seen = []

    def sees(picture: Image.Image, words: str) -> str:
        seen.append((picture.getpixel((5, 5)), picture.size, words))
        return "The harvest by year is a figure [2]."

    ollama_server.sees = sees
    text = Source(1, 0.9, Document("Text.", metadata={"title": "t", "modality": "text"}))
    sources = [text, figure(2, media, plain(GREEN)), figure(3, media, plain(RED))]
    answer_of(seeing(ollama_server, kind), sources, media)
    ((pixel, size, words),) = seen
    assert (pixel, size) == (GREEN, (200, 100))
    assert "Of the pictures, picture 1 is source 2, picture 2 is source 3." in words
    assert words.endswith(f"Question: {QUESTION}")


def test_model_that_does_not_see_gets_no_picture(
    ollama_server: LoopbackOllama, media: MediaStore
) -> None:
    ollama_server.says = "The harvest by year."
    model = choose_llm(ollama_host=ollama_server.url)
    answer_of(model, [figure(1, media, plain(RED))], media)
    assert "images" not in ollama_server.bodies("/api/chat")[0]["messages"][-1]


@pytest.mark.parametrize("kind", ["ollama", "openai"])
def test_server_that_fails_on_pictures_is_asked_again_without(
    ollama_server: LoopbackOllama, media: MediaStore, kind: str
) -> None:
    ollama_server.says, ollama_server.refuses_pictures = "The harvest by year [1].", True
    _, answer = answer_of(seeing(ollama_server, kind), [figure(1, media, plain(RED))], media)
    assert answer.grounded
    path = "/api/chat" if kind == "ollama" else "/v1/chat/completions"
    assert len(ollama_server.bodies(path)) == 2


def test_what_only_the_picture_says_stays_marked_as_not_borne_out(
    ollama_server: LoopbackOllama, media: MediaStore
) -> None:
    ollama_server.sees = lambda *_: "The harvest by year. The tallest bar reaches 760 tonnes [1]."
    checked, answer = answer_of(seeing(ollama_server), [figure(1, media, plain(RED))], media)
    assert [sentence.supported for sentence in checked] == [True, False]
    assert checked[1].citations == ()
    assert "760 tonnes. [not in the documents]" in answer.text


def test_large_picture_is_scaled_and_its_bytes_are_bounded(media: MediaStore) -> None:
    noise = Image.effect_noise((3_000, 2_000), 100).convert("RGB")
    (sent,) = pictures_of([figure(1, media, noise)], media)
    assert len(sent.url) < MAX_BYTES * 4 / 3 + 100
    assert sent.url.startswith("data:image/jpeg;base64,")
    assert 900 < sent.n_tokens < MAX_SIDE**2 / 750


def test_transparent_picture_is_shown_on_white(
    ollama_server: LoopbackOllama, media: MediaStore
) -> None:
    seen = []
    ollama_server.sees = lambda picture, _: str(seen.append(picture.getpixel((5, 5))))
    clear = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (40, 40, 60, 60))
    answer_of(seeing(ollama_server), [figure(1, media, clear)], media)
    assert seen == [(255, 255, 255)]


def test_pictures_are_few_and_each_is_sent_once(media: MediaStore) -> None:
    many = [figure(n, media, plain((n, 0, 0))) for n in range(1, 8)]
    assert [p.n for p in pictures_of(many, media)] == list(range(1, MAX_PICTURES + 1))
    twice = [figure(1, media, plain(RED)), figure(2, media, plain(RED))]
    assert [p.n for p in pictures_of(twice, media)] == [1]
    assert within(pictures_of(many, media), 1_300) == pictures_of(many, media)[:1]


def test_picture_that_is_gone_or_tiny_is_passed_over(media: MediaStore) -> None:
    gone, tiny = figure(1, media, plain(RED)), figure(2, media, plain(GREEN, (20, 20)))
    media.path(gone.document.metadata["image_key"]).unlink()
    assert [p.n for p in pictures_of([gone, tiny, figure(3, media, plain((0, 0, 9)))], media)] == [
        3
    ]
