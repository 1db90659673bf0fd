"""`limner chat`, `conversations` and `export`, as a person uses them; follow-ups over HTTP."""

import io
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import typer
from fastapi.testclient import TestClient
from langchain_core.outputs import ChatGenerationChunk

from assistant.answer import Answer
from assistant.api import create_app
from assistant.assistant import Assistant
from assistant.cli import questions
from retrievers import Filter
from tests.assistant.command_line import ROOT, clean_environment
from tests.assistant.harbour import (
    COD,
    MACKEREL,
    QUESTION,
    ScriptedChat,
    model_of,
    open_harbour,
    says,
)
from tests.assistant.real_library import REAL_QUESTION
from tests.assistant.warm_command import limner, limner_json

FOLLOW_UP = "Show me the chart of it"
JSON = {"content-type": "application/json"}


@pytest.fixture
def library(real_library: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(real_library, tmp_path / "library"))


def chat(library: Path, *asked: str, options: tuple[str, ...] = ()) -> str:
    """What `limner chat` prints while a person types the questions."""
    command = [sys.executable, "-m", "assistant.cli", "chat", "--library", str(library)]
    result = subprocess.run(
        [*command, *options],
        input="".join(f"{question}\n" for question in [*asked, ""]),
        capture_output=True,
        text=True,
        timeout=240,
        cwd=ROOT,
        env=clean_environment() | {"LIMNER_LLM": "embedded"},
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def chat_over(
    assistant: Assistant, monkeypatch: pytest.MonkeyPatch, conversation: str | None = None
) -> None:
    """Do in this process what `limner chat` does over the assistant."""
    monkeypatch.setattr(questions, "opened", lambda *_, **__: nullcontext(assistant))
    chosen = questions.Chosen(None, None, None, None, None, [])
    questions.chat(chosen, conversation, None, None, None)


@pytest.mark.real
def test_a_conversation_goes_on_and_leaves_the_library(library: Path, tmp_path: Path) -> None:
    assert limner_json("conversations", "--library", library) == {"conversations": []}
    first = chat(library, REAL_QUESTION)
    (listed,) = limner_json("conversations", "--library", library)["conversations"]
    short = listed["id"][:8]
    assert (listed["title"], listed["turns"]) == (REAL_QUESTION, 1)
    assert f"limner chat --conversation {short}" in first
    second = chat(library, FOLLOW_UP, options=("--conversation", short))
    assert "Understood as: Show me the chart of visitors" in second
    assert "▣ figure" in second
    assert short in limner("conversations", "--library", library).stdout

    limner_json("conversations", "rename", short, "The lighthouse", "--library", library)
    page = tmp_path / "out.html"
    told = limner_json("export", short, "--output", page, "--library", library)
    assert told == {"id": listed["id"], "format": "html", "files": [str(page)]}
    assert "<h1>The lighthouse</h1>" in page.read_text("utf-8")
    assert "data:image/png;base64" in page.read_text("utf-8")
    one = limner_json("export", short, "--answer", 2, "--library", library, cwd=tmp_path)
    assert one["files"] == ["Show-me-the-chart-of-it.md", "Show-me-the-chart-of-it_files"]
    assert (tmp_path / one["files"][0]).read_text("utf-8").count("## ") == 1
    again = limner("export", short, "--output", page, "--library", library)
    assert (again.returncode, "never overwrites" in again.stderr) == (1, True)
    none = limner("export", short, "--answer", 3, "--library", library)
    assert (none.returncode, "2 answers" in none.stderr) == (2, True)

    assert limner("verify", "--library", library).returncode == 0
    exported = limner_json("export-library", tmp_path / "whole", "--library", library)
    assert exported["documents"] == 1
    assert not list((tmp_path / "whole").rglob("conversations*"))

    untitled = limner("conversations", "rename", short, " ", "--library", library)
    assert (untitled.returncode, "The title ' ' is empty" in untitled.stderr) == (2, True)
    deleted = limner_json("conversations", "delete", short, "--library", library)
    assert deleted == {"deleted": [listed["id"]]}
    gone = limner("conversations", "delete", short, "--library", library)
    assert (gone.returncode, "limner conversations" in gone.stderr) == (1, True)


def test_nothing_is_kept_where_that_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{QUESTION}\nand in 2020?\n\n"))
    with open_harbour(tmp_path, says(MACKEREL)) as assistant:
        assistant.settings = assistant.settings.model_copy(update={"keep_conversations": False})
        chat_over(assistant, monkeypatch)
    said = capsys.readouterr().out
    assert "Understood as: How high were the cod landings in 2020?" in said
    assert "--conversation" not in said
    assert not (tmp_path / "conversations.sqlite").exists()


@pytest.mark.parametrize("end", ["/quit", "/exit", "quit", "Exit"])
def test_a_word_ends_the_chat_and_a_command_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], end: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"/help\n{QUESTION}\n{end}\n/never\n"))
    with open_harbour(tmp_path, says(COD)) as assistant:
        chat_over(assistant, monkeypatch)
        (listed,) = assistant.conversations.all()
        asked = [turn.question for turn in assistant.conversations.read(listed.id).turns]
    assert asked == [QUESTION]
    assert capsys.readouterr().out.count("/quit or Ctrl-D ends") == 1


def test_what_was_checked_before_ctrl_c_is_remembered_and_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stopped(ScriptedChat):
        def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
            yield from super()._stream(*args, **kwargs)
            raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin", io.StringIO(f"{QUESTION}\nand in 2020?\n\n"))
    with open_harbour(
        tmp_path, model_of(Stopped(pieces=[f"{COD} [1] ", "And so on and ", "so on "]))
    ) as assistant:
        chat_over(assistant, monkeypatch)
        (listed,) = assistant.conversations.all()
        first = assistant.conversations.read(listed.id).turns[0]
    assert first.answer.sentences[0].text == COD
    assert first.answer.source(1).cited
    assert "--conversation" in capsys.readouterr().out


@pytest.mark.parametrize("is_kept", [True, False])
def test_questions_are_answered_though_the_conversations_are_damaged(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    is_kept: bool,
) -> None:
    with open_harbour(tmp_path, says(COD)) as assistant:
        assistant.settings = assistant.settings.model_copy(update={"keep_conversations": is_kept})
        (tmp_path / "conversations.sqlite").write_bytes(b"no database" * 100)
        monkeypatch.setattr(questions, "_next_question", _told_before(capsys, is_kept=is_kept))
        with pytest.raises(typer.Exit) if is_kept else nullcontext() as ended:
            chat_over(assistant, monkeypatch)
    if ended:
        assert ended.value.exit_code == 1


def _told_before(capsys: pytest.CaptureFixture[str], *, is_kept: bool) -> Callable[[], str]:
    """A person who looks at the terminal before each question, and at last ends it."""
    asked = iter([QUESTION, "and in 2020?", ""])
    said: list[str] = []

    def look_and_ask() -> str:
        shown = capsys.readouterr()
        assert not said or COD in shown.out
        assert ("cannot be read" in shown.err) is (is_kept and not said)
        said.append(shown.err)
        return next(asked)

    return look_and_ask


def test_a_conversation_that_is_deleted_meanwhile_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_harbour(tmp_path, says(COD)) as assistant:
        kept, asked = assistant.conversations, iter([QUESTION, "and in 2020?", "and in 2019?", ""])

        def next_question() -> str:
            question = next(asked)
            if question == "and in 2020?":
                kept.delete(kept.all()[0].id)
            return question

        monkeypatch.setattr(questions, "_next_question", next_question)
        chat_over(assistant, monkeypatch)
        (listed,) = kept.all()
        assert [turn.question for turn in kept.read(listed.id).turns] == [
            "and in 2020?",
            "and in 2019?",
        ]
    shown = capsys.readouterr()
    assert "There is no conversation" not in shown.err
    assert f"--conversation {listed.id[:8]}" in shown.out


def test_a_conversation_without_questions_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    with open_harbour(tmp_path) as assistant:
        kept = assistant.conversations.begin(assistant.ask(QUESTION), Filter())
        with sqlite3.connect(tmp_path / "conversations.sqlite") as connection:
            connection.execute("DELETE FROM turns")
        connection.close()
        chat_over(assistant, monkeypatch, kept)


def test_a_conversation_that_is_not_there_is_named(library: Path) -> None:
    result = limner("chat", "--conversation", "feedface", "--library", library)
    assert result.returncode == 1
    assert "'feedface'" in result.stderr


@pytest.mark.parametrize("stream", [False, True])
def test_messages_before_the_question_are_its_history(tmp_path: Path, stream: bool) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": [{"type": "image_url"}, {"type": "text", "text": "412"}]},
        {"role": "user", "content": "and in 2020?"},
    ]
    with open_harbour(tmp_path, says(MACKEREL)) as assistant:
        client = TestClient(create_app(assistant), base_url="http://localhost")
        response = client.post(
            "/v1/chat/completions", json={"messages": messages, "stream": stream}
        )
    if stream:
        *chunks, _ = filter(None, response.text.split("\n\n"))
        read = [json.loads(chunk.removeprefix("data: ")) for chunk in chunks]
        content = "".join(chunk["choices"][0]["delta"]["content"] for chunk in read)
        answer = read[-1]["limner"]
    else:
        message = response.json()["choices"][0]["message"]
        content, answer = message["content"], message["limner"]
    assert content == Answer.from_dict(answer).to_markdown()
    assert content.startswith("*Understood as: How high were the cod landings in 2020?*\n\n")
    assert answer["question"] == "and in 2020?"
    assert answer["searched_as"] == "How high were the cod landings in 2020?"


def test_a_question_over_http_takes_its_history(tmp_path: Path) -> None:
    asked = {"question": "and in 2020?", "history": [{"question": QUESTION, "answer": "412."}]}
    with open_harbour(tmp_path, says(MACKEREL)) as assistant:
        client = TestClient(create_app(assistant), base_url="http://localhost")
        answer = client.post("/ask", json=asked).json()
    assert answer["searched_as"] == "How high were the cod landings in 2020?"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/ask", {"question": "and in 2020?", "history": [{"question": f"{QUESTION} \ud800"}]}),
        (
            "/v1/chat/completions",
            {
                "messages": [
                    {"role": "user", "content": f"{QUESTION} \ud800"},
                    {"role": "user", "content": "and in 2020?"},
                ]
            },
        ),
    ],
)
def test_half_a_character_in_the_history_does_no_harm(
    tmp_path: Path, path: str, body: dict[str, Any]
) -> None:
    with open_harbour(tmp_path, says(MACKEREL)) as assistant:
        client = TestClient(create_app(assistant), base_url="http://localhost")
        response = client.post(path, content=json.dumps(body), headers=JSON)
    assert response.status_code == 200
    assert "landings in 2020" in response.text


def test_half_a_character_in_the_question_is_told(tmp_path: Path) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": "half \ud800"}]})
    with open_harbour(tmp_path) as assistant:
        client = TestClient(create_app(assistant), base_url="http://localhost")
        response = client.post("/v1/chat/completions", content=body, headers=JSON)
    assert response.status_code == 400
    assert "half of a character" in response.json()["error"]["message"]
