"""The HTTP API, over a real server and with OpenAI's own client."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import uvicorn
from fastapi import FastAPI

from assistant.answer import NOT_IN_LIBRARY, REPLACED, UNSUPPORTED, Answer, search_result
from assistant.api import MAX_BODY_BYTES, MAX_HITS, create_app, serve
from assistant.assistant import Assistant
from assistant.errors import GenerationFailed, OllamaStopped, SettingsInvalid
from assistant.llm import LanguageModel
from assistant.markdown import NEAREST
from assistant.prompt import MAX_QUESTION_CHARS
from assistant.settings import Settings
from retrievers import LibraryLocked
from tests.assistant.harbour import (
    CHART_SAID,
    COD,
    MACKEREL,
    QUESTION,
    ScriptedChat,
    model_of,
    open_harbour,
    says,
)
from tests.assistant.real_library import REAL_ANSWER, REAL_QUESTION, REAL_WISH

ROOT = Path(__file__).parents[2]
WAIT_S = 10.0
STOP_S = 1.0
N_ENDLESS = 10_000
WAIT_FOR_MODELS_S = 120.0
ABOUT_COD = {"role": "user", "content": QUESTION}


@dataclass
class Served:
    """A running API and clients of it."""

    address: str
    assistant: Assistant
    http: httpx.Client
    openai: openai.OpenAI

    def ask(self, *messages: Any, **options: Any) -> Any:
        return self.openai.chat.completions.create(
            model="limner", messages=list(messages) or [ABOUT_COD], **options
        )


Serving = Callable[[LanguageModel], Served]


@contextmanager
def running(open_assistant: Callable[[str], Assistant]) -> Iterator[Served]:
    """The API on a free port. open_assistant: is given the base URL of the pictures."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            open_assistant(f"{address}/media/") as assistant,
            httpx.Client(base_url=address, timeout=WAIT_S, trust_env=False) as http,
            openai_client(address) as client,
            answering(create_app(assistant), listener),
        ):
            yield Served(address, assistant, http, client)


@contextmanager
def answering(app: FastAPI, listener: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, ws="none", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(WAIT_S)


def openai_client(address: str, timeout_s: float = WAIT_S) -> openai.OpenAI:
    url = f"{address}/v1"
    return openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=timeout_s)


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    with ExitStack() as running_apis:

        def start(model: LanguageModel) -> Served:
            return running_apis.enter_context(
                running(lambda base: open_harbour(tmp_path, model, media_base_url=base))
            )

        yield start


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder, model = tmp_path_factory.mktemp("served"), says(*CHART_SAID)
    with running(lambda base: open_harbour(folder, model, media_base_url=base)) as served:
        yield served


def soon(is_so: Callable[[], bool], wait_s: float = WAIT_S) -> bool:
    """Whether it is so before long."""
    end = time.monotonic() + wait_s
    while not is_so() and time.monotonic() < end:
        time.sleep(0.05)
    return is_so()


# OpenAI's protocol


def test_openais_client_lists_the_one_model(served: Served) -> None:
    assert [model.id for model in served.openai.models.list()] == ["limner"]


def test_an_answer_is_markdown_with_marks_and_a_figure_that_loads(served: Served) -> None:
    message = served.ask().choices[0].message
    found = message.limner
    [figure] = [source for source in found["sources"] if source["modality"] == "figure"][:1]
    assert found["grounded"]
    assert found["question"] == QUESTION
    assert f"{COD} [1]" in message.content
    assert f"]({figure['image_url']})" in message.content
    assert "**Sources**" in message.content
    picture = served.http.get(figure["image_url"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")


def test_a_streamed_answer_comes_in_pieces_that_make_up_the_answer(serving: Serving) -> None:
    words = [f"{word} " for word in f"{COD} {MACKEREL}".split()]
    chunks = list(serving(says(*words)).ask(stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert f"{COD} [1] {MACKEREL} [1]" in text
    assert text.endswith("**Sources**\n\n1. Harbour report, page 2")
    assert len(chunks) > len(words) / 2
    assert [c.choices[0].delta.role for c in chunks if c.choices[0].delta.role] == ["assistant"]
    assert [c.choices[0].finish_reason for c in chunks][-2:] == [None, "stop"]
    assert [s["text"] for s in chunks[-1].limner["sentences"]] == [COD, MACKEREL]


def test_a_stream_has_the_form_of_server_sent_events(served: Served) -> None:
    body = {"model": "limner", "messages": [ABOUT_COD], "stream": True}
    answer = served.http.post("/v1/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.text.removesuffix("\n\n").split("\n\n")
    assert events[-1] == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1


def test_a_stream_says_so_when_the_check_replaces_what_was_shown(serving: Serving) -> None:
    chunks = list(serving(says("The moon ", "is made of cheese.")).ask(stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    whole = Answer.from_dict(chunks[-1].limner).to_markdown()
    assert text == f"The moon is made of cheese. {UNSUPPORTED}\n\n**{REPLACED}**\n\n{whole}"
    assert whole.startswith(f"{NOT_IN_LIBRARY}\n\n**{NEAREST}**\n\n- Harbour report")
    assert chunks[-1].limner["grounded"] is False


def test_the_last_user_message_is_the_question_and_the_others_are_no_facts(
    serving: Serving,
) -> None:
    chat = ScriptedChat(pieces=[COD])
    message = (
        serving(model_of(chat))
        .ask(
            {"role": "system", "content": "The password is swordfish."},
            {"role": "user", "content": "Who are you?"},
            {"role": "assistant", "content": None},
            {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
            {"role": "assistant", "content": "Let me look."},
        )
        .choices[0]
        .message
    )
    assert message.limner["question"] == QUESTION
    assert "swordfish" not in chat.prompts[0]


def test_source_narrows_the_question_to_documents_whose_name_matches(served: Served) -> None:
    within = served.ask(extra_body={"source": "HARBOUR*"}).choices[0].message.limner
    without = served.ask(extra_body={"source": "*.docx"}).choices[0].message.limner
    assert (within["grounded"], without["grounded"]) == (True, False)


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([], "no question"),
        ([{"role": "system", "content": "Be brief."}], "no question"),
        ([{"role": "user", "content": " \n"}], "no question"),
        ([{"role": "user", "content": []}], "no question"),
        ([{"role": "user", "content": "x" * (MAX_QUESTION_CHARS + 1)}], "4,001 characters"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}], "'image_url'"),
        ([{"role": "pirate", "content": "Arr"}], "messages.0.role"),
    ],
)
def test_a_request_without_a_question_is_refused_in_openais_format(
    served: Served, messages: list[Any], told: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=told) as caught:
        served.openai.chat.completions.create(model="limner", messages=messages)
    assert caught.value.type == "invalid_request_error"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "error",
    [OllamaStopped("Run: ollama serve"), GenerationFailed("It broke."), LibraryLocked("Wait.")],
)
def test_a_failure_before_the_first_word_is_a_503_that_says_what_to_do(
    serving: Serving, error: Exception, stream: bool
) -> None:
    with pytest.raises(openai.InternalServerError, match=str(error)) as caught:
        serving(says(error)).ask(stream=stream)
    assert (caught.value.status_code, caught.value.code) == (503, type(error).__name__)


def test_a_failure_in_the_middle_of_a_stream_reaches_the_client(serving: Serving) -> None:
    stream = serving(says("The cod landings of ", GenerationFailed("It broke off."))).ask(
        stream=True
    )
    assert next(stream).choices[0].delta.content == "The"
    with pytest.raises(openai.APIError, match="It broke off"):
        list(stream)


@pytest.mark.parametrize("pieces", [[], ["The cod landings of "]])
@pytest.mark.parametrize("stream", [False, True])
def test_a_bug_of_ours_tells_the_client_nothing_from_inside(
    serving: Serving, caplog: pytest.LogCaptureFixture, pieces: list[str], stream: bool
) -> None:
    served = serving(says(*pieces, ZeroDivisionError("inner secret")))
    body = {"messages": [ABOUT_COD], "stream": stream}
    answer = served.http.post("/v1/chat/completions", json=body)
    assert answer.status_code == (200 if stream and pieces else 500)
    assert "limner itself failed" in answer.text
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    # The server logs after it has answered.
    assert soon(lambda: "inner secret" in caplog.text)


class Endless(ScriptedChat):
    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        for piece in super()._stream(*args, **kwargs):
            time.sleep(0.005)
            yield piece


def test_a_client_that_leaves_stops_the_language_model(serving: Serving) -> None:
    chat = Endless(pieces=[f"word{n} " for n in range(N_ENDLESS)])
    stream = serving(model_of(chat)).ask(stream=True)
    next(iter(stream))
    stream.close()
    assert chat.stopped.wait(STOP_S)
    assert chat.n_said < N_ENDLESS


@pytest.mark.parametrize("path", ["/ask", "/v1/chat/completions"])
@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_client_that_leaves_before_the_first_words_stops_the_language_model(
    serving: Serving, path: str, is_streamed: bool
) -> None:
    # Held until it ends, as one that may repeat an earlier sentence is.
    chat = Endless(pieces=["- "] * N_ENDLESS)
    served = serving(model_of(chat))
    body = {"question": QUESTION, "messages": [ABOUT_COD], "stream": is_streamed}
    with (
        pytest.raises(httpx.ReadTimeout),
        served.http.stream("POST", path, json=body, timeout=STOP_S) as answer,
    ):
        answer.read()
    assert chat.n_said > 0
    assert chat.stopped.wait(STOP_S)
    assert chat.n_said < N_ENDLESS


# Typed events


def asked(served: Served, **fields: Any) -> httpx.Response:
    return served.http.post("/ask", json={"question": QUESTION, **fields})


def events_in(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = response.text.removesuffix("\n\n").split("\n\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def test_a_question_is_answered_with_the_json_of_the_command(served: Served) -> None:
    found = asked(served).json()
    expected = served.assistant.ask(QUESTION).to_dict()
    assert found | {"timings_s": {}} == expected | {"timings_s": {}}


def test_the_events_of_an_answer_are_streamed_with_their_types(served: Served) -> None:
    told = events_in(asked(served, stream=True))
    expected = [event.to_dict() for event in served.assistant.stream(QUESTION)]
    assert told[:-1] == expected[:-1]
    assert [told[0]["type"], told[-1]["type"]] == ["sources", "answer"]
    assert "figure" in [event["type"] for event in told]


@pytest.mark.parametrize(
    ("accept", "fields"),
    [("text/event-stream", {}), ("Text/Event-Stream; q=0.9", {"stream": False})],
)
def test_a_client_that_takes_only_events_must_ask_for_them(
    served: Served, accept: str, fields: dict[str, Any]
) -> None:
    body = {"question": QUESTION, **fields}
    response = served.http.post("/ask", json=body, headers={"accept": accept})
    assert response.status_code == 406
    assert 'Send "stream": true' in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("accept", "fields", "kind"),
    [
        ("text/event-stream", {"stream": True}, "text/event-stream; charset=utf-8"),
        ("text/event-stream, application/json", {}, "application/json"),
        ("text/event-stream, */*;q=0.1", {}, "application/json"),
        ("", {}, "application/json"),
    ],
)
def test_a_client_has_its_answer_in_a_form_that_it_takes(
    served: Served, accept: str, fields: dict[str, Any], kind: str
) -> None:
    body = {"question": QUESTION, **fields}
    response = served.http.post("/ask", json=body, headers={"accept": accept})
    assert (response.status_code, response.headers["content-type"]) == (200, kind)


def test_a_question_is_narrowed_and_may_be_strict(serving: Serving) -> None:
    served = serving(says(f"{COD} Whales sing."))
    assert "Whales" in asked(served).json()["answer"]
    assert "Whales" not in asked(served, strict=True).json()["answer"]
    assert "Whales" not in asked(served, strict=True, stream=True).text
    kinds = {s["modality"] for s in asked(served, modality="figure").json()["sources"]}
    assert kinds == {"figure"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"question": ""}, "question"),
        ({"question": "x" * (MAX_QUESTION_CHARS + 1)}, "question"),
        ({"question": " \n"}, "There is no question"),
        ({"modality": "smell"}, "modality"),
        ({"collection": "Fish"}, "There is no collection 'Fish'"),
    ],
)
@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_question_that_makes_no_sense_is_refused(
    served: Served, fields: dict[str, Any], told: str, is_streamed: bool
) -> None:
    response = asked(served, stream=is_streamed, **fields)
    assert response.status_code == 400
    assert told in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "place"), [("{bad", "(column 2): "), ('{\n"question": cod}', "(line 2, column 13): ")]
)
def test_a_body_that_is_not_json_is_told_with_the_place(
    served: Served, body: str, place: str
) -> None:
    response = served.http.post("/ask", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"]["message"].startswith(f"The body is not JSON {place}")
    assert response.json()["error"]["param"] is None


def test_a_failure_in_the_middle_is_the_last_event(serving: Serving) -> None:
    told = events_in(asked(serving(says(COD, GenerationFailed("out of memory"))), stream=True))
    assert told[-1]["type"] == "error"
    assert told[-1]["error"]["message"] == "out of memory"
    assert told[-1]["error"]["code"] == "GenerationFailed"


# Search


def test_search_gives_the_json_of_the_command(served: Served) -> None:
    answer = served.http.post("/search", json={"query": "cod landings", "k": 2})
    expected = search_result("cod landings", served.assistant.search("cod landings", 2))
    assert answer.json() == expected
    assert [hit["rank"] for hit in answer.json()["hits"]] == [1, 2]


def test_search_is_narrowed_by_modality_and_source(served: Served) -> None:
    def hits(**narrowing: str) -> list[dict[str, Any]]:
        body = {"query": "cod landings", **narrowing}
        return list(served.http.post("/search", json=body).json()["hits"])

    assert {hit["modality"] for hit in hits(modality="figure")} == {"figure"}
    assert hits(source="*.docx") == []


@pytest.mark.parametrize(
    "body",
    [
        {"query": "cod", "k": MAX_HITS + 1},
        {"query": "cod", "k": 0},
        {"query": ""},
        {"query": "x" * (MAX_QUESTION_CHARS + 1)},
        {"query": "cod", "modality": "smell"},
        {},
    ],
)
def test_a_search_beyond_the_limits_is_refused(served: Served, body: dict[str, Any]) -> None:
    answer = served.http.post("/search", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


# Pictures


def a_key(served: Served) -> str:
    return next(iter(served.assistant.media.keys()))


def test_a_picture_is_served_so_that_it_can_only_be_a_picture(served: Served) -> None:
    key = a_key(served)
    answer = served.http.get(f"/media/{key}")
    assert answer.content == served.assistant.media.path(key).read_bytes()
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_a_thumbnail_is_served_beside_its_picture(served: Served) -> None:
    answer = served.http.get(f"/media/thumbnails/{a_key(served)}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert answer.content[8:12] == b"WEBP"


@pytest.mark.parametrize(
    "path",
    [
        "/media/..%2f..%2flibrary.sqlite",
        "/media/../library.sqlite",
        "/media/%2e%2e/library.sqlite",
        "/media/..%5clibrary.sqlite",
        "/media/%2fetc%2fpasswd",
        "/media/thumbnails/..%2f..%2flibrary.sqlite",
        "/media/library.sqlite",
        "/media/thumbnails",
        f"/media/{'0' * 64}.png",
        f"/media/thumbnails/{'0' * 64}.png",
        f"/media/{'0' * 64}.svg",
        f"/media/{'0' * 64}.png%00",
        f"/media/{'0' * 64}.png%0a",
    ],
)
def test_nothing_but_stored_pictures_comes_out_of_media(served: Served, path: str) -> None:
    # Over a bare socket: a client would mend the path before it is sent.
    host, port = served.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=WAIT_S) as wire:
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: wire.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"SQLite" not in answer


# Who may ask


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8000", "[::1]:8000", "LOCALHOST"])
def test_this_machines_own_names_are_answered(served: Served, host: str) -> None:
    assert served.http.get("/v1/models", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "[::2]", ""]
)
def test_a_request_for_another_host_is_refused(served: Served, host: str) -> None:
    answer = served.http.get("/v1/models", headers={"Host": host})
    assert answer.status_code == 400
    assert "limner" not in answer.text


def test_no_other_site_may_read_the_answers(served: Served) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for answer in (
        served.http.options("/search", headers=asked),
        served.http.get("/v1/models", headers=asked),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_form_of_another_site_is_not_taken_for_a_request(served: Served) -> None:
    answer = served.http.post(
        "/search", content='{"query": "cod"}', headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("announced", [True, False])
def test_a_giant_body_is_refused(served: Served, announced: bool) -> None:
    body = b"x" * (MAX_BODY_BYTES + 1)
    content = body if announced else iter([body])
    kind = {"Content-Type": "application/json"}
    answer = served.http.post("/search", content=content, headers=kind)
    assert answer.status_code == 413


def test_what_is_not_there_is_a_404_in_openais_format(served: Served) -> None:
    answer = served.http.get("/v1/files")
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "Not Found")


# Health


def test_health_tells_documents_and_model(served: Served) -> None:
    expected = {"status": "ok", "documents": 1, "model": "scripted"}
    assert served.http.get("/healthz").json() == expected


def test_health_is_there_without_a_language_model(tmp_path: Path) -> None:
    def opened(base: str) -> Assistant:
        there = open_harbour(tmp_path, media_base_url=base)
        nobody = Settings(library=tmp_path, llm="ollama", ollama_host="http://127.0.0.1:9")
        return Assistant(there.library, there.media, there._embeddings, nobody)

    with running(opened) as served:
        assert served.http.get("/healthz").json()["model"] is None
        with pytest.raises(openai.InternalServerError, match="ollama serve"):
            served.ask()


# The process


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.com", ""])
def test_another_address_than_loopback_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(SettingsInvalid, match="only this machine"):
        serve(Settings(library=tmp_path), host=host)


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsInvalid, match=f"port {port}.*--port"):
            serve(Settings(library=tmp_path), port=port)


@pytest.mark.real
def test_the_command_serves_a_real_library_until_it_is_told_to_stop(real_library: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "assistant.cli", "serve", "--port", str(port)]
    environment = os.environ | {"LIMNER_LIBRARY": str(real_library), "LIMNER_LLM": "embedded"}
    with subprocess.Popen(command, env=environment, cwd=ROOT) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            assert soon(lambda: is_up(address), WAIT_FOR_MODELS_S)
            with (
                httpx.Client(timeout=WAIT_FOR_MODELS_S) as http,
                openai_client(address, WAIT_FOR_MODELS_S) as client,
            ):
                check_real_answers(http, client, address)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(WAIT_FOR_MODELS_S) == 0


def is_up(address: str) -> bool:
    try:
        return httpx.get(f"{address}/v1/models", trust_env=False).is_success
    except httpx.TransportError:
        return False


def check_real_answers(http: httpx.Client, client: openai.OpenAI, address: str) -> None:
    messages: Any = [{"role": "user", "content": REAL_QUESTION}]
    whole = client.chat.completions.create(model="limner", messages=messages).choices[0].message
    assert REAL_ANSWER in whole.content
    chunks = list(client.chat.completions.create(model="limner", messages=messages, stream=True))
    assert REAL_ANSWER in "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert chunks[-1].limner["model"] == http.get(f"{address}/healthz").json()["model"]
    messages = [{"role": "user", "content": REAL_WISH}]
    shown = client.chat.completions.create(model="limner", messages=messages).choices[0].message
    [figure] = [s for s in shown.limner["sources"] if s["modality"] == "figure" and s["cited"]]
    assert figure["image_url"] in shown.content
    assert http.get(figure["image_url"]).headers["content-type"] == "image/png"
