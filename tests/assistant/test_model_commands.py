"""`limner models`, `doctor` and `chat` with a server that speaks Ollama's protocol."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assistant.assistant import Assistant
from assistant.settings import Settings
from tests.assistant.command_line import ROOT, clean_environment
from tests.assistant.ollama_server import LoopbackOllama, ServedModel
from tests.assistant.warm_command import limner, limner_json

pytestmark = pytest.mark.real


def at(server: LoopbackOllama) -> dict[str, str]:
    return {"LIMNER_OLLAMA_HOST": server.url}


def test_models_are_listed_and_the_one_in_use_is_marked(ollama_server: LoopbackOllama) -> None:
    ollama_server.models = {
        "llama3.1:latest": ServedModel(parameter_size="8.0B", quantization="Q4_K_M")
    }
    listed = limner("models", "list", env=at(ollama_server)).stdout
    assert "→ ollama:llama3.1:latest  (8 billion parameters, Q4_K_M, 0.0 MB" in listed
    assert "phrases quotes" in listed  # the embedded one
    told = limner_json("models", "list", env=at(ollama_server))
    assert [m["name"] for m in told["models"] if m["in_use"]] == ["ollama:llama3.1:latest"]
    assert told["models"][0]["parameters"] == 8_000_000_000


def test_list_without_a_server_says_so(tmp_path: Path) -> None:
    told = limner_json("models", "list", env={"LIMNER_OLLAMA_HOST": "127.0.0.1:9"})
    assert [model["kind"] for model in told["models"]] == ["embedded"]
    assert told["problems"] == ["Ollama does not answer at http://127.0.0.1:9. Run: ollama serve"]


def test_ollama_downloads_a_model_with_progress(ollama_server: LoopbackOllama) -> None:
    done = limner("models", "pull", "ollama:llava", env=at(ollama_server))
    assert done.returncode == 0, done.stderr
    assert "✓ llava is in Ollama" in done.stdout
    assert 'ollama_model = "llava"' in done.stdout
    assert "Fetching ollama:llava: pulling manifest" in done.stderr
    assert "llava:latest" in ollama_server.models
    failed = limner("models", "pull", "ollama:lava", env=at(ollama_server))
    assert failed.returncode == 1
    assert "Look for its name at" in failed.stderr


def test_doctor_tells_size_context_and_sight(ollama_server: LoopbackOllama) -> None:
    ollama_server.models = {
        "llava:7b": ServedModel(["completion", "vision"], parameter_size="7.2B"),
        "small:latest": ServedModel(parameter_size="494M", modified_at="2020-01-01T00:00:00Z"),
    }

    def llm(**env: str) -> str:
        told = json.loads(limner("doctor", "--json", env=at(ollama_server) | env).stdout)
        return next(check["detail"] for check in told["checks"] if check["name"] == "llm")

    assert "7.2 billion parameters, context of 8192 tokens, sees pictures, writes answers" in llm()
    told = llm(LIMNER_OLLAMA_MODEL="small", LIMNER_CONTEXT_TOKENS="2048")
    assert "context of 2048 tokens, does not see pictures, is too small to write answers" in told


def test_control_c_ends_the_answer_and_then_the_conversation(
    ollama_server: LoopbackOllama, tmp_path: Path
) -> None:
    (tmp_path / "note.md").write_text("# Harvest\n\nThe orchard harvested 412 tonnes of apples.\n")
    library = tmp_path / "library"
    with Assistant.open(Settings(library=library), create=True) as assistant:
        assistant.add([tmp_path / "note.md"])
    ollama_server.says = "The orchard harvested 412 tonnes of apples. And " + "so on " * 900
    ollama_server.pause_s = 0.05
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "assistant.cli", "chat", f"--library={library}"],
        cwd=ROOT,
        env=clean_environment() | at(ollama_server),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdin
        process.stdin.write("How many tonnes of apples?\n")
        process.stdin.flush()
        wait_for(lambda: ollama_server.n_at_once)
        time.sleep(1)
        os.kill(process.pid, signal.SIGINT)
        assert ollama_server.client_left.wait(5)
        ollama_server.says, ollama_server.pause_s = "412 tonnes.", 0
        process.stdin.write("How many tonnes of apples, again?\n")
        process.stdin.flush()
        wait_for(lambda: len(ollama_server.bodies("/api/chat")) == 2)
        time.sleep(1)
        os.kill(process.pid, signal.SIGINT)
        said, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGINT
    assert "The orchard harvested 412 tonnes of apples" in said
    assert "Loading the model" in errors
    assert errors.count("Stopped.") == 2
    assert "Traceback" not in errors


def wait_for(look) -> None:
    end = time.monotonic() + 60
    while not look():
        assert time.monotonic() < end
        time.sleep(0.05)
