"""The choice of a language model and its text, with the real clients on loopback servers."""

from __future__ import annotations

import importlib.util
import json
import socket
from collections.abc import Iterator

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool

from assistant.errors import (
    GenerationFailed,
    GenerationTimeout,
    ModelNotFound,
    ModelUnavailable,
    OllamaStopped,
    OpenAIServerStopped,
    SettingsInvalid,
)
from assistant.llm import LanguageModel, choose_llm, pull
from tests.assistant.ollama_server import (
    OUT_OF_MEMORY,
    PULL_ERROR,
    RUNNER_ERROR,
    LoopbackOllama,
    ServedModel,
    running_ollama,
)

QUESTION = [HumanMessage("Paris is the capital of France. What is the capital of France?")]


@pytest.fixture
def nobody() -> str:
    """An address on loopback where nothing answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def no_default_ollama(monkeypatch: pytest.MonkeyPatch, nobody: str) -> str:
    """No Ollama at the default address, whatever runs on this computer."""
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    monkeypatch.setattr("assistant.ollama_models.DEFAULT_HOST", nobody)
    return nobody


def ollama(server: LoopbackOllama, **options: object) -> LanguageModel:
    return choose_llm(ollama_host=server.url, **options)  # type: ignore[arg-type]


# --- which model ---


def test_ollama_is_chosen_where_it_answers(ollama_server: LoopbackOllama) -> None:
    model = ollama(ollama_server)
    assert (model.kind, model.name) == ("ollama", "ollama:llama3.1:latest")
    assert model.is_trusted_with_facts
    assert model.reason == (
        f"Ollama answers at {ollama_server.url}; "
        "its most recently changed model that can chat is llama3.1:latest."
    )


def test_ollama_host_of_the_environment_is_used(
    ollama_server: LoopbackOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", ollama_server.url.removeprefix("http://"))
    assert choose_llm().kind == "ollama"


def test_newest_model_that_can_chat_is_chosen(ollama_server: LoopbackOllama) -> None:
    ollama_server.models = {
        "old:latest": ServedModel(modified_at="2024-01-01T00:00:00Z"),
        "new:7b": ServedModel(modified_at="2025-06-01T00:00:00+02:00"),
        "nomic-embed-text:latest": ServedModel(
            ["embedding"], "nomic-bert", modified_at="2025-12-01T00:00:00Z"
        ),
    }
    assert ollama(ollama_server).name == "ollama:new:7b"


def test_model_in_the_cloud_is_used_only_when_named(ollama_server: LoopbackOllama) -> None:
    ollama_server.models |= {
        "gpt-oss:120b-cloud": ServedModel(modified_at="2026-06-01T00:00:00Z"),
        "glm-4.6:cloud": ServedModel(modified_at="2026-06-01T00:00:00Z"),
    }
    assert ollama(ollama_server).name == "ollama:llama3.1:latest"
    named = ollama(ollama_server, ollama_model="gpt-oss:120b-cloud")
    assert named.reason.endswith("questions and sources leave this computer.")


def test_named_model_is_chosen(ollama_server: LoopbackOllama) -> None:
    ollama_server.models["old:latest"] = ServedModel(modified_at="2024-01-01T00:00:00Z")
    model = ollama(ollama_server, ollama_model="old")
    assert model.name == "ollama:old"
    assert "you named old" in model.reason


def test_named_model_that_is_missing_is_an_error(ollama_server: LoopbackOllama) -> None:
    with pytest.raises(ModelNotFound) as raised:
        ollama(ollama_server, ollama_model="llava")
    assert str(raised.value) == (
        f"Model 'llava' is not in Ollama at {ollama_server.url}. "
        "Run: ollama pull llava. Present: llama3.1."
    )


def test_model_that_sees_is_known_by_its_capabilities(ollama_server: LoopbackOllama) -> None:
    ollama_server.models["llava:latest"] = ServedModel(["completion", "vision"])
    assert ollama(ollama_server, ollama_model="llava").can_see
    assert not ollama(ollama_server, ollama_model="llama3.1").can_see


def test_thinking_is_switched_off_only_where_the_model_thinks(
    ollama_server: LoopbackOllama,
) -> None:
    ollama_server.says = "Paris."
    ollama_server.models["qwen3:latest"] = ServedModel(["completion", "thinking"])
    for name in ("qwen3", "llama3.1"):
        list(ollama(ollama_server, ollama_model=name).stream(QUESTION))
    asked = ollama_server.bodies("/api/chat")
    assert [body.get("think") for body in asked] == [False, None]


def test_old_ollama_without_capabilities_is_understood(ollama_server: LoopbackOllama) -> None:
    ollama_server.models = {
        "all-minilm:latest": ServedModel(None, "bert", modified_at="2025-12-01T00:00:00Z"),
        "mistral:latest": ServedModel(None, modified_at="2024-01-01T00:00:00Z"),
    }
    model = ollama(ollama_server)
    assert (model.name, model.can_see) == ("ollama:mistral:latest", False)


@pytest.mark.parametrize(("offered", "used"), [(131_072, 8192), (2048, 2048)])
def test_context_is_the_models_within_bounds(
    ollama_server: LoopbackOllama, offered: int, used: int
) -> None:
    ollama_server.says = "Paris."
    ollama_server.models["llama3.1:latest"].context_length = offered
    model = ollama(ollama_server)
    list(model.stream(QUESTION))
    assert model.context_tokens == used
    assert ollama_server.bodies("/api/chat")[0]["options"]["num_ctx"] == used


def test_named_ollama_that_is_stopped_is_an_error(nobody: str) -> None:
    with pytest.raises(OllamaStopped) as raised:
        choose_llm(ollama_host=nobody)
    assert str(raised.value) == f"Ollama does not answer at {nobody}. Run: ollama serve"


def test_ollama_host_of_the_environment_that_is_stopped_is_an_error(
    nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", nobody)
    with pytest.raises(OllamaStopped, match="Run: ollama serve"):
        choose_llm()


def test_named_model_needs_ollama(no_default_ollama: str) -> None:
    with pytest.raises(OllamaStopped, match=no_default_ollama):
        choose_llm(ollama_model="llama3.1")


def test_preferred_ollama_that_is_stopped_is_an_error(no_default_ollama: str) -> None:
    with pytest.raises(OllamaStopped, match=no_default_ollama):
        choose_llm(prefer="ollama")


def test_named_ollama_without_chat_model_is_an_error(ollama_server: LoopbackOllama) -> None:
    ollama_server.models = {"nomic-embed-text:latest": ServedModel(["embedding"])}
    with pytest.raises(ModelNotFound) as raised:
        ollama(ollama_server)
    assert str(raised.value) == (
        f"Ollama at {ollama_server.url} has no model of its own that can chat. "
        "Run: ollama pull llama3.2. Present: nomic-embed-text."
    )


def test_default_ollama_without_models_is_passed_over(
    ollama_server: LoopbackOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.ollama_models.DEFAULT_HOST", ollama_server.url)
    ollama_server.models = {}
    model = choose_llm()
    assert model.kind == "embedded"
    assert (
        "has no model of its own that can chat. Run: ollama pull llama3.2. Present: none."
        in model.reason
    )


def test_something_else_on_the_port_is_said(ollama_server: LoopbackOllama) -> None:
    with pytest.raises(ModelUnavailable, match="reported an error: 404 page not found"):
        choose_llm(ollama_host=f"{ollama_server.url}/elsewhere")


@pytest.mark.parametrize("host", ["http://localhost:port", "ftp://localhost", "http://[::1"])
def test_address_that_is_none_is_an_invalid_setting(host: str) -> None:
    with pytest.raises(SettingsInvalid, match="Write it like http://localhost:11434"):
        choose_llm(ollama_host=host)


def test_embedded_model_is_chosen_where_nothing_else_is(no_default_ollama: str) -> None:
    model = choose_llm()
    assert (model.kind, model.name) == ("embedded", "embedded:SmolLM2-135M-Instruct")
    assert (model.can_see, model.is_trusted_with_facts) == (False, False)
    assert model.context_tokens == 2048
    assert model.reason == (
        f"Ollama does not answer at {no_default_ollama}. Run: ollama serve. "
        "No OpenAI-compatible server is set."
    )


def test_embedded_model_can_be_asked_for(ollama_server: LoopbackOllama) -> None:
    model = ollama(ollama_server, prefer="embedded")
    assert (model.kind, model.reason) == ("embedded", "The setting llm is embedded.")
    assert not ollama_server.requests


def test_no_model_at_all_is_one_error_that_says_what_to_do(
    no_default_ollama: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, package=None: None if name == "xllamacpp" else find(name, package),
    )
    with pytest.raises(ModelUnavailable) as raised:
        choose_llm()
    assert str(raised.value) == (
        "No language model can be used. "
        f"Ollama does not answer at {no_default_ollama}. Run: ollama serve. "
        "No OpenAI-compatible server is set. "
        "The embedded language model needs the package xllamacpp. "
        'Run: pip install "limner[embedded]"'
    )


# --- the text of a model in Ollama ---


@pytest.mark.real
def test_ollama_streams_the_answer_in_pieces(ollama_server: LoopbackOllama) -> None:
    pieces = list(ollama(ollama_server).stream(QUESTION))
    assert len(pieces) > 2
    assert "Paris" in "".join(pieces)
    (asked,) = ollama_server.bodies("/api/chat")
    assert asked["stream"] is True
    assert asked["options"]["temperature"] == 0.0
    assert asked["keep_alive"] == "30m"


def test_proxy_of_the_environment_does_not_come_between(
    ollama_server: LoopbackOllama, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, nobody)
    ollama_server.says = "Paris."
    assert "".join(ollama(ollama_server).stream(QUESTION)).strip() == "Paris."
    server = choose_llm(prefer="openai", openai_base_url=f"{ollama_server.url}/v1")
    assert "".join(server.stream(QUESTION)).strip() == "Paris."


@pytest.mark.parametrize("kind", ["ollama", "openai"])
def test_questions_are_not_sent_on_to_another_server(
    ollama_server: LoopbackOllama, kind: str
) -> None:
    with running_ollama() as other:
        model = ollama(ollama_server) if kind == "ollama" else openai(ollama_server)
        ollama_server.redirects_to = other.url
        with pytest.raises(GenerationFailed):
            list(model.stream(QUESTION))
        assert not other.requests


def test_model_stops_when_the_reader_leaves(ollama_server: LoopbackOllama) -> None:
    ollama_server.says = "word " * 2000
    ollama_server.pause_s = 0.01
    answer = ollama(ollama_server).stream(QUESTION)
    assert next(answer) == "word "
    answer.close()  # type: ignore[attr-defined]
    assert ollama_server.client_left.wait(5)


def test_broken_stream_is_an_error_that_says_how_much_had_come(
    ollama_server: LoopbackOllama,
) -> None:
    ollama_server.says, ollama_server.fault = "one two three four five", "broken"
    answer = ollama(ollama_server).stream(QUESTION)
    assert [next(answer) for _ in range(3)] == ["one ", "two ", "three "]
    with pytest.raises(GenerationFailed) as raised:
        next(answer)
    assert str(raised.value) == (
        f"Ollama at {ollama_server.url} broke off the answer of 'llama3.1:latest' after 14 "
        "characters: peer closed connection without sending complete message body "
        "(incomplete chunked read). Ask again; Ollama's log may say why."
    )
    assert type(raised.value.__cause__).__name__ == "RemoteProtocolError"


def test_stream_without_its_end_is_not_taken_for_an_answer(ollama_server: LoopbackOllama) -> None:
    ollama_server.says, ollama_server.fault = "one two three four five", "cut"
    with pytest.raises(GenerationFailed, match="after 14 characters: the connection was closed"):
        list(ollama(ollama_server).stream(QUESTION))


def test_error_within_the_stream_is_told_in_ollamas_words(ollama_server: LoopbackOllama) -> None:
    ollama_server.says, ollama_server.fault = "one two three four five", "error line"
    with pytest.raises(GenerationFailed) as raised:
        list(ollama(ollama_server).stream(QUESTION))
    assert str(raised.value) == (
        f"Ollama at {ollama_server.url} could not answer with 'llama3.1:latest': {RUNNER_ERROR}."
    )


def test_lack_of_memory_is_told_with_what_helps(ollama_server: LoopbackOllama) -> None:
    ollama_server.fault = "out of memory"
    with pytest.raises(GenerationFailed) as raised:
        list(ollama(ollama_server).stream(QUESTION))
    assert str(raised.value) == (
        f"Ollama at {ollama_server.url} could not answer with 'llama3.1:latest': {OUT_OF_MEMORY}. "
        "Choose a smaller model, lower LIMNER_CONTEXT_TOKENS, or close other programs there."
    )


def test_silence_ends_at_the_time_limit(ollama_server: LoopbackOllama) -> None:
    ollama_server.says, ollama_server.pause_s = "one two", 30
    with pytest.raises(GenerationTimeout) as raised:
        list(ollama(ollama_server, timeout_s=0.3).stream(QUESTION))
    assert str(raised.value) == (
        f"'llama3.1:latest' in Ollama at {ollama_server.url} sent nothing for 0.3 s. "
        "It may still be loading the model: ask again. "
        "Else choose a smaller model, or raise LIMNER_TIMEOUT_S."
    )


def test_slow_answer_is_no_silence(ollama_server: LoopbackOllama) -> None:
    ollama_server.says, ollama_server.pause_s = "one two three four five", 0.2
    answer = ollama(ollama_server, timeout_s=0.8).stream(QUESTION)
    assert "".join(answer).strip() == ollama_server.says


def test_model_removed_after_the_choice_is_named(ollama_server: LoopbackOllama) -> None:
    model = ollama(ollama_server, ollama_model="llama3.1")
    ollama_server.models = {"mistral:latest": ServedModel()}
    with pytest.raises(ModelNotFound) as raised:
        list(model.stream(QUESTION))
    assert str(raised.value) == (
        f"Model 'llama3.1' is not in Ollama at {ollama_server.url}. "
        "Run: ollama pull llama3.1. Present: mistral."
    )


def test_ollama_stopped_after_the_choice_is_named(
    ollama_server: LoopbackOllama, nobody: str
) -> None:
    from assistant.ollama_models import OllamaModel, OllamaServer

    server = OllamaServer(nobody)
    chat = server.chat_model(
        OllamaModel("llama3.1", True, False, False, 2048), temperature=0, timeout_s=5
    )
    model = LanguageModel(
        chat,
        "ollama:llama3.1",
        "ollama",
        False,
        2048,
        "",
        explain=lambda e, n: server.explain(e, "", 5, n),
    )
    with pytest.raises(OllamaStopped, match="Run: ollama serve"):
        list(model.stream(QUESTION))


def test_password_in_the_address_is_never_shown(ollama_server: LoopbackOllama) -> None:
    ollama_server.says, ollama_server.fault = "one two three four five", "broken"
    model = choose_llm(ollama_host=ollama_server.url.replace("//", "//ann:secret@"))
    assert "secret" not in model.name + model.reason
    with pytest.raises(GenerationFailed) as raised:
        list(model.stream(QUESTION))
    assert "secret" not in str(raised.value)


@pytest.mark.real
def test_model_in_ollama_calls_a_tool_and_answers_from_its_result(
    ollama_server: LoopbackOllama,
) -> None:
    @tool
    def search(query: str) -> str:
        """Search the library."""
        return f"Paris is the capital of France. {query}"

    chat = ollama(ollama_server).chat.bind_tools([search])
    call = chat.invoke(QUESTION)
    assert call.tool_calls[0]["name"] == "search"
    assert call.tool_calls[0]["args"] == {"query": QUESTION[0].content}
    result = ToolMessage(
        search.invoke(call.tool_calls[0]["args"]), tool_call_id=call.tool_calls[0]["id"]
    )
    assert "Paris" in chat.invoke([*QUESTION, call, result]).text


def test_error_that_is_not_the_clients_passes_as_it_is() -> None:
    class Broken(FakeListChatModel):
        def _stream(self, *args: object, **kwargs: object) -> Iterator[object]:  # type: ignore[override]
            raise KeyError("a bug")
            yield

    model = LanguageModel(Broken(responses=[]), "ollama:x", "ollama", False, 2048, "")
    with pytest.raises(KeyError, match="a bug"):
        list(model.stream(QUESTION))


# --- download ---


def test_pull_reports_progress_and_then_the_model_is_there(ollama_server: LoopbackOllama) -> None:
    steps = list(pull("llava", ollama_server.url))
    assert steps[0] == ("pulling manifest", 0, 0)
    assert [(s.completed, s.total) for s in steps if s.total] == [
        (0, 300),
        (100, 300),
        (200, 300),
        (300, 300),
    ]
    assert steps[-1].status == "success"
    assert ollama(ollama_server, ollama_model="llava").can_see


def test_pull_of_an_unknown_model_says_where_to_look(ollama_server: LoopbackOllama) -> None:
    with pytest.raises(ModelNotFound) as raised:
        list(pull("lava", ollama_server.url))
    assert str(raised.value) == (
        f"Ollama at {ollama_server.url} could not download 'lava': {PULL_ERROR}. "
        "Look for its name at https://ollama.com/library."
    )


@pytest.mark.parametrize("fault", ["broken", "cut"])
def test_broken_pull_is_an_error(ollama_server: LoopbackOllama, fault: str) -> None:
    ollama_server.fault = fault  # type: ignore[assignment]
    with pytest.raises(ModelUnavailable, match=r"could not download 'llava': .+\. Try again\."):
        list(pull("llava", ollama_server.url))


def test_pull_without_ollama_is_an_error(nobody: str) -> None:
    with pytest.raises(OllamaStopped, match="Run: ollama serve"):
        list(pull("llava", nobody))


# --- a server with OpenAI's protocol ---


@pytest.fixture(scope="module")
def llama_cpp() -> Iterator[str]:
    """The embedded model behind llama.cpp's own server, with the key `the-key`."""
    import xllamacpp

    from assistant.embedded import model_path

    params = xllamacpp.CommonParams()
    params.model.path = str(model_path())
    params.model_alias = {"smol"}
    params.n_ctx, params.n_parallel, params.warmup, params.verbosity = 1024, 1, False, -1
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, ["the-key"]
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"
    del server


@pytest.mark.real
def test_openai_server_is_used_where_no_ollama_answers(
    llama_cpp: str, no_default_ollama: str
) -> None:
    model = choose_llm(openai_base_url=llama_cpp, openai_api_key="the-key", openai_model="smol")
    assert (model.kind, model.name) == ("openai", f"openai:smol@{llama_cpp}")
    assert not model.is_trusted_with_facts  # it tells that it has 135 million parameters
    assert (model.can_see, model.context_tokens) == (False, 1024)
    assert model.reason == (
        f"Ollama does not answer at {no_default_ollama}. Run: ollama serve. "
        f"A server answers at {llama_cpp}; you named smol."
    )
    pieces = list(model.stream(QUESTION))
    assert len(pieces) > 2
    assert "Paris" in "".join(pieces)


@pytest.mark.real
def test_key_of_another_server_is_not_sent(llama_cpp: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the-key")
    with pytest.raises(ModelUnavailable) as raised:
        choose_llm(prefer="openai", openai_base_url=llama_cpp)
    assert str(raised.value).startswith(f"The server at {llama_cpp} refused the request: ")
    assert str(raised.value).endswith(" Set the right key in LIMNER_OPENAI_API_KEY.")


@pytest.mark.real
def test_prompt_beyond_the_context_is_told_in_the_servers_words(llama_cpp: str) -> None:
    model = choose_llm(prefer="openai", openai_base_url=llama_cpp, openai_api_key="the-key")
    with pytest.raises(GenerationFailed, match=r"exceeds the available context size"):
        list(model.stream([HumanMessage("word " * 3000)]))


def openai(server: LoopbackOllama, **options: object) -> LanguageModel:
    return choose_llm(prefer="openai", openai_base_url=f"{server.url}/v1", **options)  # type: ignore[arg-type]


def test_first_model_is_taken_where_none_is_named(ollama_server: LoopbackOllama) -> None:
    model = openai(ollama_server)
    assert model.name == f"openai:llama3.1@{ollama_server.url}/v1"
    assert (
        model.reason == f"A server answers at {ollama_server.url}/v1; "
        "its first model that can chat is llama3.1."
    )


def test_named_model_missing_at_the_openai_server_is_an_error(
    ollama_server: LoopbackOllama,
) -> None:
    with pytest.raises(ModelNotFound) as raised:
        openai(ollama_server, openai_model="qwen2.5")
    assert str(raised.value) == (
        f"Model 'qwen2.5' is not at {ollama_server.url}/v1. Load it there. Present: llama3.1."
    )


def test_openai_server_that_is_stopped_is_an_error(nobody: str) -> None:
    with pytest.raises(OpenAIServerStopped) as raised:
        choose_llm(prefer="openai", openai_base_url=nobody)
    assert str(raised.value) == (
        f"No server answers at {nobody}. Start it, or mend LIMNER_OPENAI_BASE_URL."
    )


def test_openai_without_address_is_an_invalid_setting() -> None:
    with pytest.raises(SettingsInvalid, match="Set LIMNER_OPENAI_BASE_URL"):
        choose_llm(prefer="openai")


def test_address_without_v1_is_told(ollama_server: LoopbackOllama) -> None:
    with pytest.raises(ModelUnavailable, match=r"with most servers it ends in /v1"):
        choose_llm(prefer="openai", openai_base_url=ollama_server.url)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("broken", "broke off the answer of 'llama3.1' after 14 characters: peer closed"),
        (
            "cut",
            "broke off the answer of 'llama3.1' after 14 characters: the connection was closed",
        ),
        ("error line", f"could not answer with 'llama3.1': {RUNNER_ERROR}."),
        ("out of memory", OUT_OF_MEMORY.partition("(")[0]),
    ],
)
def test_failures_of_an_openai_server_are_told(
    ollama_server: LoopbackOllama, fault: str, told: str
) -> None:
    ollama_server.says, ollama_server.fault = "one two three four five", fault  # type: ignore[assignment]
    with pytest.raises(GenerationFailed) as raised:
        list(openai(ollama_server).stream(QUESTION))
    assert told in str(raised.value)


def test_silence_of_an_openai_server_ends_at_the_time_limit(ollama_server: LoopbackOllama) -> None:
    ollama_server.says, ollama_server.pause_s = "one two", 30
    with pytest.raises(GenerationTimeout, match=r"sent nothing for 0\.3 s"):
        list(openai(ollama_server, timeout_s=0.3).stream(QUESTION))


def test_openai_server_stops_when_the_reader_leaves(ollama_server: LoopbackOllama) -> None:
    ollama_server.says, ollama_server.pause_s = "word " * 2000, 0.01
    answer = openai(ollama_server).stream(QUESTION)
    assert next(answer) == "word "
    answer.close()  # type: ignore[attr-defined]
    assert ollama_server.client_left.wait(5)


def test_the_loopback_server_gives_ollamas_plain_answer(ollama_server: LoopbackOllama) -> None:
    """What limner does not use but others do: an answer that is not streamed."""
    import ollama as client

    ollama_server.says = "one two"
    with client.Client(ollama_server.url) as plain:
        answer = plain.chat("llama3.1", [{"role": "user", "content": "?"}])
    assert answer.message.content == "one two "
    assert answer.done
    assert json.loads(answer.model_dump_json())["done_reason"] == "stop"
