"""What servers tell of their models, how they fail, and what limner makes of it."""

import pytest
from langchain_core.messages import HumanMessage

from assistant.errors import (
    ContextExceeded,
    GenerationFailed,
    ModelNotFound,
    ModelUnavailable,
    OutOfMemory,
    ServerBusy,
)
from assistant.llm import LanguageModel, choose_llm
from assistant.ollama_models import OllamaServer
from assistant.present_models import present_models
from assistant.settings import Settings
from tests.assistant.ollama_server import LoopbackOllama, ServedModel

QUESTION = [HumanMessage("What is the capital of France?")]


def model_of(server: LoopbackOllama, kind: str, **options: object) -> LanguageModel:
    if kind == "ollama":
        return choose_llm(ollama_host=server.url, **options)
    return choose_llm(prefer="openai", openai_base_url=f"{server.url}/v1", **options)


def only(server: LoopbackOllama, **facts: object) -> None:
    server.models = {"m:latest": ServedModel(**facts)}  # type: ignore[arg-type]


# --- failures ---

CONTEXT = [
    (400, "This model's maximum context length is 4096 tokens. However, you requested 5000"),
    (400, "the request exceeds the available context size (1024 tokens), try increasing it"),
    (400, "the input length exceeds the context length"),
    (400, "The number of tokens to keep is greater than the context length"),
    (400, "prompt is too long: 9000 tokens > 8192 maximum"),
    (413, "Request Entity Too Large"),
]
MEMORY = [
    (500, "model requires more system memory (5.6 GiB) than is available (3.1 GiB)"),
    (500, "CUDA error: out of memory"),
    (500, "llama runner process has terminated: cudaMalloc failed: out of memory"),
    (500, "llama runner process has terminated: signal: killed"),
    (500, "llama runner process has terminated: exit status 2"),
    (500, "model runner has unexpectedly stopped, this may be due to resource limitations"),
    (500, "unable to allocate CUDA0 buffer"),
    (500, "memory layout cannot be allocated"),
]
BUSY = [
    (503, "server busy, please try again.  maximum pending requests exceeded"),
    (429, "Rate limit reached for requests"),
    (529, "Overloaded"),
]


@pytest.mark.parametrize("kind", ["ollama", "openai"])
@pytest.mark.parametrize(
    ("refusal", "error", "hint"),
    [(r, ContextExceeded, "LIMNER_N_SOURCES") for r in CONTEXT]
    + [(r, OutOfMemory, "smaller model") for r in MEMORY]
    + [(r, ServerBusy, "Ask again in a moment.") for r in BUSY],
)
def test_failure_is_told_with_what_helps(
    ollama_server: LoopbackOllama,
    kind: str,
    refusal: tuple[int, str],
    error: type[GenerationFailed],
    hint: str,
) -> None:
    ollama_server.refusal = refusal
    with pytest.raises(error) as raised:
        list(model_of(ollama_server, kind).stream(QUESTION))
    assert hint in str(raised.value)
    assert " ".join(refusal[1].split())[:40] in str(raised.value)


@pytest.mark.parametrize("kind", ["ollama", "openai"])
@pytest.mark.parametrize("words", ["something odd", "a memory of an odd context"])
def test_other_failures_are_told_in_the_servers_words(
    ollama_server: LoopbackOllama, kind: str, words: str
) -> None:
    ollama_server.refusal = (500, words)
    with pytest.raises(GenerationFailed) as raised:
        list(model_of(ollama_server, kind).stream(QUESTION))
    assert type(raised.value) is GenerationFailed
    assert str(raised.value).endswith(f" {words}.")


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("kind", "hint"), [("ollama", "OLLAMA_HOST"), ("openai", "LIMNER_OPENAI_API_KEY")]
)
def test_wrong_key_is_told(
    ollama_server: LoopbackOllama, kind: str, hint: str, status: int
) -> None:
    ollama_server.refusal = (status, "unauthorized")
    with pytest.raises(ModelUnavailable, match=hint):
        list(model_of(ollama_server, kind).stream(QUESTION))


# --- what servers tell ---


@pytest.mark.parametrize(
    ("size", "is_trusted"),
    [("134.52M", False), ("751.63M", False), ("999.89M", True), ("8.0B", True), ("", True)],
)
def test_small_model_in_ollama_only_phrases_quotes(
    ollama_server: LoopbackOllama, size: str, is_trusted: bool
) -> None:
    only(ollama_server, parameter_size=size)
    assert model_of(ollama_server, "ollama").is_trusted_with_facts is is_trusted


@pytest.mark.parametrize(
    ("facts", "context", "sees"),
    [
        ({}, 4_096, False),
        ({"max_model_len": 32_768, "owned_by": "vllm"}, 8_192, False),
        ({"max_model_len": 2_048}, 2_048, False),
        ({"context_length": 6_000, "architecture": {"input_modalities": ["text"]}}, 6_000, False),
        ({"architecture": {"input_modalities": ["text", "image"]}}, 4_096, True),
        ({"max_context_length": 3_000, "capabilities": {"vision": True}}, 3_000, True),
        ({"capabilities": ["odd"], "architecture": "odd", "meta": 3}, 4_096, False),
    ],
)
def test_what_an_openai_server_tells_is_understood(
    ollama_server: LoopbackOllama, facts: dict[str, object], context: int, sees: bool
) -> None:
    only(ollama_server, openai_facts=facts)
    model = model_of(ollama_server, "openai")
    assert (model.context_tokens, model.can_see) == (context, sees)


def test_lm_studio_tells_of_sight_and_context_in_its_own_list(
    ollama_server: LoopbackOllama,
) -> None:
    only(ollama_server, openai_facts={"owned_by": "organization_owner"})
    ollama_server.in_lm_studio = [{"id": "m", "type": "vlm", "loaded_context_length": 5_000}]
    model = model_of(ollama_server, "openai")
    assert (model.can_see, model.context_tokens) == (True, 5_000)


def test_a_model_that_lm_studio_says_only_embeds_is_not_chosen(
    ollama_server: LoopbackOllama,
) -> None:
    owned = {"owned_by": "organization_owner"}
    ollama_server.models = {
        "nomic:latest": ServedModel(openai_facts=owned),
        "llama3.1:latest": ServedModel(openai_facts=owned),
    }
    ollama_server.in_lm_studio = [
        {"id": "nomic", "type": "embeddings"},
        {"id": "llama3.1", "type": "llm"},
    ]
    assert model_of(ollama_server, "openai").name.startswith("openai:llama3.1@")
    url = f"{ollama_server.url}/v1"
    found, _ = present_models(Settings(openai_base_url=url))
    can_chat = {model.model: model.can_chat for model in found if model.kind == "openai"}
    assert can_chat == {"nomic": False, "llama3.1": True}
    del ollama_server.models["llama3.1:latest"]
    with pytest.raises(ModelNotFound, match=r"no model that can chat.* Present: nomic"):
        model_of(ollama_server, "openai")


def test_a_damaged_model_in_ollama_does_not_take_the_others_away(
    ollama_server: LoopbackOllama, caplog: pytest.LogCaptureFixture
) -> None:
    newest = ServedModel(modified_at="2026-06-01T00:00:00Z", is_damaged=True)
    ollama_server.models["broken:latest"] = newest
    assert model_of(ollama_server, "ollama").name == "ollama:llama3.1:latest"
    assert "invalid file magic" in caplog.text
    server = OllamaServer(ollama_server.url)
    assert [model.name for model in server.models()] == ["llama3.1:latest"]
    with pytest.raises(ModelUnavailable, match="invalid file magic"):
        model_of(ollama_server, "ollama", ollama_model="broken")


def test_setting_says_that_a_model_sees_where_its_server_does_not(
    ollama_server: LoopbackOllama,
) -> None:
    assert model_of(ollama_server, "openai", openai_sees=True).can_see
    only(ollama_server, openai_facts={"capabilities": {"vision": True}})
    assert not model_of(ollama_server, "openai", openai_sees=False).can_see


@pytest.mark.parametrize(
    ("kind", "own", "asked", "used"),
    [
        ("ollama", 131_072, 16_000, 16_000),
        ("ollama", 2_048, 16_000, 2_048),
        ("openai", 131_072, 16_000, 16_000),
        ("openai", 2_048, 16_000, 2_048),
        ("openai", 0, 16_000, 16_000),
    ],
)
def test_context_can_be_set_as_far_as_the_model_has_it(
    ollama_server: LoopbackOllama, kind: str, own: int, asked: int, used: int
) -> None:
    facts = {"max_model_len": own} if own else {}
    only(ollama_server, context_length=own, openai_facts=facts)
    ollama_server.says = "Paris."
    model = model_of(ollama_server, kind, context_tokens=asked)
    assert model.context_tokens == used
    list(model.stream(QUESTION))
    if kind == "ollama":
        options = ollama_server.bodies("/api/chat")[0]["options"]
        assert (options["num_ctx"], options["num_predict"]) == (used, min(2_048, used // 4))


@pytest.mark.parametrize(("setting", "sent"), [("2h", "2h"), ("-1", -1), ("0", 0), ("1m30s",) * 2])
def test_keep_alive_is_sent_as_ollama_reads_it(
    ollama_server: LoopbackOllama, setting: str, sent: object
) -> None:
    ollama_server.says = "Paris."
    settings = Settings(ollama_keep_alive=setting)
    list(model_of(ollama_server, "ollama", keep_alive=settings.ollama_keep_alive).stream(QUESTION))
    assert ollama_server.bodies("/api/chat")[0]["keep_alive"] == sent


@pytest.mark.parametrize(("n_read", "is_told"), [(2_047, False), (2_048, True)])
def test_prompt_that_ollama_cut_is_told(
    ollama_server: LoopbackOllama, caplog: pytest.LogCaptureFixture, n_read: int, is_told: bool
) -> None:
    ollama_server.says, ollama_server.n_read = "Paris.", n_read
    list(model_of(ollama_server, "ollama", context_tokens=2_048).stream(QUESTION))
    assert ("read only a part of the sources" in caplog.text) is is_told


def test_whether_a_model_is_loaded_is_told(ollama_server: LoopbackOllama) -> None:
    model = model_of(ollama_server, "ollama", ollama_model="llama3.1")
    assert not model.is_loaded()
    ollama_server.loaded = ["llama3.1:latest"]
    assert model.is_loaded()


def test_all_models_are_listed_with_what_they_can(ollama_server: LoopbackOllama) -> None:
    ollama_server.models = {
        "llava:7b": ServedModel(
            ["completion", "vision"], parameter_size="7.2B", quantization="Q4_K_M"
        ),
        "nomic-embed-text:latest": ServedModel(["embedding"]),
    }
    settings = Settings(ollama_host=ollama_server.url, openai_base_url=f"{ollama_server.url}/v1")
    found, problems = present_models(settings)
    assert not problems
    by_name = {model.name: model for model in found}
    llava = by_name["ollama:llava:7b"]
    assert (llava.n_parameters, llava.quantization, llava.n_bytes) == (7_200_000_000, "Q4_K_M", 1)
    assert (llava.can_chat, llava.can_see, llava.context_tokens) == (True, True, 131_072)
    assert not by_name["ollama:nomic-embed-text:latest"].can_chat
    assert {"openai:llava:7b", "embedded:SmolLM2-135M-Instruct"} <= by_name.keys()
    chosen = llava.chosen_in(settings)
    assert (chosen.llm, chosen.ollama_model) == ("ollama", "llava:7b")


def test_server_that_does_not_answer_is_said_beside_the_others(
    ollama_server: LoopbackOllama,
) -> None:
    found, problems = present_models(
        Settings(ollama_host=ollama_server.url, openai_base_url=f"{ollama_server.url}/wrong")
    )
    assert {model.kind for model in found} == {"ollama", "embedded"}
    assert "LIMNER_OPENAI_BASE_URL" in problems[0]


def test_download_that_is_left_ends_in_ollama_too(ollama_server: LoopbackOllama) -> None:
    ollama_server.pull_pause_s = 0.05
    steps = OllamaServer(ollama_server.url).pull("llava")
    assert next(steps).status == "pulling manifest"
    steps.close()
    assert ollama_server.client_left.wait(5)
    assert "llava:latest" not in ollama_server.models
