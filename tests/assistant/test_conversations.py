"""Conversations are kept beside the library, the same after each reading, and gone when deleted."""

import multiprocessing
import os
import re
import signal
import sqlite3
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.answer import Answer, Sentence, Source
from assistant.conversations import MAX_NAMED, Conversations, short_title
from assistant.conversations_file import NAME
from assistant.errors import (
    ConversationsDamaged,
    ConversationsNewer,
    ConversationsUnwritable,
    UnknownConversation,
)
from loaders import MediaStore
from retrievers import Filter
from retrievers.filters import EVERYTHING
from tests.assistant.harbour import COD, QUESTION, SOURCE, open_harbour, says

SECRET = "The harbour master's daughter is called Ragnhild."


def answer(question: str = "Who?", text: str = COD) -> Answer:
    return Answer(question, (Sentence(text),), (), grounded=True, model="none")


def conversations(folder: Path) -> Conversations:
    return Conversations(folder, MediaStore(folder / "media"))


def test_an_answer_is_the_same_after_it_was_stored(tmp_path: Path) -> None:
    with open_harbour(tmp_path, says(COD, " The chart is Cod landings by year in tonnes.")) as a:
        asked = a.ask(QUESTION)
        kept = a.conversations.begin(asked, Filter(source="*.pdf"))
    with open_harbour(tmp_path) as a:
        (turn,) = a.conversations.read(kept).turns
    assert asked.figures
    assert turn.answer == asked
    assert (turn.question, turn.within) == (QUESTION, "document *.pdf")
    assert turn.answer.to_markdown() == asked.to_markdown()
    assert turn.answer.to_html() == asked.to_html()


def test_pictures_are_found_where_the_library_is_now(tmp_path: Path) -> None:
    with open_harbour(tmp_path, says("The chart is Cod landings by year in tonnes.")) as a:
        kept = a.conversations.begin(a.ask(QUESTION), EVERYTHING)
    stored = (a.library.folder / NAME).read_bytes()
    assert b"image_url" not in stored
    with open_harbour(tmp_path, media_base_url="http://127.0.0.1:1/media/") as a:
        (turn,) = a.conversations.read(kept).turns
    (figure,) = turn.answer.figures
    assert figure.picture_url.startswith("http://127.0.0.1:1/media/")


def test_a_picture_that_has_gone_is_told_and_not_linked(tmp_path: Path) -> None:
    with open_harbour(tmp_path, says("The chart is Cod landings by year in tonnes.")) as a:
        kept = a.conversations.begin(a.ask(QUESTION), EVERYTHING)
        a.remove(SOURCE)
        (turn,) = a.conversations.read(kept).turns
    markdown, html = turn.answer.to_markdown(), turn.answer.to_html()
    for shown in (markdown, html):
        assert "This picture is no longer in the library." in shown
        assert "Cod landings by year" in shown
        assert "media" not in shown
    assert "![" not in markdown
    assert "<img" not in html


def test_conversations_are_listed_renamed_and_deleted(tmp_path: Path) -> None:
    kept = conversations(tmp_path)
    assert kept.all() == []
    first = kept.begin(answer("Who fishes?"), EVERYTHING)
    time.sleep(0.002)
    second = kept.begin(answer("Who sails?"), EVERYTHING)
    time.sleep(0.002)
    kept.append(first, answer("And who swims?"), EVERYTHING)
    assert [(c.title, c.n_turns) for c in kept.all()] == [("Who fishes?", 2), ("Who sails?", 1)]
    kept.rename(second, "  Sailing \n ships ")
    assert kept.read(second).title == "Sailing ships"
    assert [turn.question for turn in kept.read(first).turns] == ["Who fishes?", "And who swims?"]
    kept.delete(first)
    assert [c.id for c in kept.all()] == [second]


def test_a_conversation_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    kept = conversations(tmp_path)
    ids = [kept.begin(answer(), EVERYTHING) for _ in range(17)]
    assert kept.find(ids[3]) == ids[3]
    assert kept.find(ids[3][:12].upper()) == ids[3]
    for wrong in ("", "g", "%", f"{ids[0]}0"):
        with pytest.raises(UnknownConversation, match="limner conversations"):
            kept.find(wrong)
    beginnings = [i[0] for i in ids]
    shared = next(b for b in beginnings if beginnings.count(b) > 1)
    with pytest.raises(UnknownConversation, match=r"\d+ conversations") as told:
        kept.find(shared)
    named = re.findall(r"(\w{8}) \(“", str(told.value))
    assert len(named) == min(beginnings.count(shared), MAX_NAMED)
    assert all(kept.find(beginning).startswith(shared) for beginning in named)
    with pytest.raises(UnknownConversation, match="'' is empty"):
        kept.find("")


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    kept = conversations(tmp_path)
    with pytest.raises(UnknownConversation):
        kept.read("0" * 32)
    gone = kept.begin(answer(), EVERYTHING)
    kept.delete(gone)
    for act in (kept.read, kept.delete, lambda i: kept.rename(i, "x")):
        with pytest.raises(UnknownConversation):
            act(gone)
    with pytest.raises(UnknownConversation):
        kept.append(gone, answer(), EVERYTHING)


def test_a_deleted_conversation_leaves_no_word_on_the_disk(tmp_path: Path) -> None:
    kept = conversations(tmp_path)
    secret = kept.begin(answer("Whose daughter?", SECRET * 200), EVERYTHING)
    for n in range(20):
        kept.append(secret, answer(f"More {n}?", SECRET * n), EVERYTHING)
    kept.begin(answer(), EVERYTHING)
    kept.delete(secret)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"Ragnhild" not in path.read_bytes()


def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        conversations(tmp_path).begin(answer(), EVERYTHING)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


def test_a_title_is_one_short_line() -> None:
    assert short_title("Why?\x1b[31m\n\u202e") == "Why?[31m"
    assert short_title(" \n") == "Untitled"
    assert len(short_title("word " * 100)) <= 80


def test_words_that_no_encoding_takes_are_stored(tmp_path: Path) -> None:
    kept = conversations(tmp_path)
    found = kept.read(kept.begin(answer("\ud800 why?", "\udfff"), EVERYTHING))
    assert found.turns[0].question == "? why?"


def test_a_damaged_file_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(b"no database at all" * 100)
    for act in (conversations(tmp_path).all, lambda: conversations(tmp_path).find("a")):
        with pytest.raises(ConversationsDamaged, match=NAME):
            act()
    with pytest.raises(ConversationsDamaged, match="move it away"):
        conversations(tmp_path).begin(answer(), EVERYTHING)
    assert path.read_bytes() == b"no database at all" * 100


def test_an_empty_file_is_one_without_conversations(tmp_path: Path) -> None:
    (tmp_path / NAME).touch()
    kept = conversations(tmp_path)
    assert kept.all() == []
    assert kept.begin(answer(), EVERYTHING) == kept.all()[0].id


def test_one_damaged_conversation_leaves_the_others(tmp_path: Path) -> None:
    kept = conversations(tmp_path)
    good, bad = (kept.begin(answer(), EVERYTHING) for _ in range(2))
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute("UPDATE turns SET answer = '[1' WHERE conversation = ?", (bad,))
    connection.close()
    with pytest.raises(ConversationsDamaged, match=bad[:8]):
        kept.read(bad)
    assert kept.read(good).turns
    kept.delete(bad)


@pytest.mark.parametrize(
    ("field", "value"),
    [("descriptions", "'x'"), ("image_key", "json('[]')"), ("source", "json('null')")],
)
def test_a_forged_source_is_refused(tmp_path: Path, field: str, value: str) -> None:
    with open_harbour(tmp_path, says("The chart is Cod landings by year in tonnes.")) as a:
        kept = a.conversations.begin(a.ask(QUESTION), EVERYTHING)
        with sqlite3.connect(tmp_path / NAME) as connection:
            forged = f"json_set(answer, '$.sources[0].{field}', {value})"
            connection.execute(f"UPDATE turns SET answer = {forged}")
        connection.close()
        with pytest.raises(ConversationsDamaged):
            a.conversations.read(kept)


@pytest.mark.parametrize(
    "forged",
    [
        "'[]'",
        "'null'",
        "x'ff'",
        "json_set(answer, '$.sentences[0].citations', json('[9]'))",
        "json_set(answer, '$.sentences[0].figures', json('[0]'))",
        "json_set(answer, '$.sentences[0].lead', '<script>')",
        "json_set(answer, '$.sentences[0].text', 7)",
        "json_set(answer, '$.sentences[0].supported', 'x')",
        "json_set(answer, '$.grounded', 'x')",
        "json_set(answer, '$.timings_s', json('{\"total\": 1e400}'))",
        "json_set(answer, '$.sources', json('[{\"n\": 1}]'))",
        "json_set(answer, '$.timings_s', json('{\"total\": \"x\"}'))",
    ],
)
def test_a_forged_answer_is_refused(tmp_path: Path, forged: str) -> None:
    kept = conversations(tmp_path)
    bad = kept.begin(answer(), EVERYTHING)
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute(f"UPDATE turns SET answer = {forged}")
    connection.close()
    with pytest.raises(ConversationsDamaged):
        kept.read(bad)


def test_a_forged_picture_key_leads_nowhere(tmp_path: Path) -> None:
    from langchain_core.documents import Document

    metadata = {
        "source": "file:///t.pdf",
        "title": "t",
        "modality": "figure",
        "image_key": "../../secret.png",
        "image_url": "http://evil.example/../../secret.png",
        "width": 5,
        "height": 5,
    }
    forged = replace(answer(), sources=(Source(1, 0.5, Document("x", metadata=metadata)),))
    kept = conversations(tmp_path)
    (turn,) = kept.read(kept.begin(forged, EVERYTHING)).turns
    assert turn.answer.source(1).picture_url == ""


def test_a_file_with_other_tables_is_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute("CREATE TABLE conversations (id, title, changed_at)")
        connection.execute(
            "CREATE TRIGGER t AFTER INSERT ON conversations BEGIN DELETE FROM conversations; END"
        )
    connection.close()
    with pytest.raises(ConversationsDamaged, match="tables"):
        conversations(tmp_path).begin(answer(), EVERYTHING)


def test_a_file_of_a_newer_limner_is_told(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(ConversationsNewer, match=r"newer limner.*version is 2"):
        conversations(tmp_path).all()


def test_a_file_that_another_process_holds_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.conversations_file.BUSY_TIMEOUT_S", 0.05)
    kept = conversations(tmp_path)
    kept.begin(answer(), EVERYTHING)
    other = sqlite3.connect(tmp_path / NAME, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ConversationsUnwritable, match="locked"):
        kept.begin(answer(), EVERYTHING)
    other.close()


def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConversationsUnwritable, match="LIMNER_KEEP_CONVERSATIONS"):
        conversations(tmp_path / "missing").begin(answer(), EVERYTHING)


def _append_many(folder: Path, conversation: str, n: int) -> None:
    kept = conversations(folder)
    for i in range(n):
        kept.append(conversation, answer(f"{os.getpid()} {i}"), EVERYTHING)
        time.sleep(0.002)  # others want to look, too


def test_many_processes_append_at_once(tmp_path: Path) -> None:
    kept = conversations(tmp_path)
    shared = kept.begin(answer(), EVERYTHING)
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_append_many, args=(tmp_path, shared, 10)) for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    asked = [turn.question for turn in kept.read(shared).turns]
    assert len(asked) == len(set(asked)) == 21


def test_a_process_that_is_killed_in_an_append_loses_only_that(tmp_path: Path) -> None:
    kept = conversations(tmp_path)
    shared = kept.begin(answer(), EVERYTHING)
    seen = 1
    for _ in range(3):
        process = multiprocessing.get_context("spawn").Process(
            target=_append_many, args=(tmp_path, shared, 1_000_000)
        )
        process.start()
        while kept.all()[0].n_turns < seen + 5:
            time.sleep(0.005)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        found = kept.read(shared).turns
        assert len(found) >= seen + 5
        assert all(turn.answer.sentences[0].text == COD for turn in found)
        kept.append(shared, answer("after"), EVERYTHING)
        seen = len(found) + 1
