"""The cache of what machines read out of pictures: real SQLite files, several processes."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from loaders.captioning import readings
from loaders.captioning.readings import FILE, ReadingCache

WRITER = """
import sys
from pathlib import Path
from loaders.captioning.readings import ReadingCache
cache = ReadingCache(Path(sys.argv[1]))
for n in range(100):
    cache.remember("ocr:1", {f"{sys.argv[2]}-{n}": f"text {n}"})
    assert cache.known([f"{sys.argv[2]}-{n}"], "ocr:1"), n
"""


@pytest.fixture
def cache(tmp_path: Path) -> ReadingCache:
    return ReadingCache(tmp_path / "cache")


def test_what_was_remembered_is_known_to_another_library(tmp_path: Path) -> None:
    ReadingCache(tmp_path).remember("ocr:1", {"a.png": "Taranaki", "b.png": ""})
    assert ReadingCache(tmp_path).known(["a.png", "b.png", "c.png"], "ocr:1") == {
        "a.png": "Taranaki",
        "b.png": "",
    }


def test_readers_and_their_versions_are_kept_apart(cache: ReadingCache) -> None:
    cache.remember("ocr:1", {"a.png": "text"})
    cache.remember("blip:1", {"a.png": "a mountain"})
    assert cache.known(["a.png"], "blip:1") == {"a.png": "a mountain"}
    assert cache.known(["a.png"], "ocr:2") == {}


def test_what_is_forgotten_is_forgotten_for_every_reader(cache: ReadingCache) -> None:
    cache.remember("ocr:1", {"a.png": "secret", "b.png": "kept"})
    cache.remember("blip:1", {"a.png": "a secret"})
    cache.forget(["a.png"])
    assert cache.known(["a.png", "b.png"], "ocr:1") == {"b.png": "kept"}
    assert cache.known(["a.png"], "blip:1") == {}


def test_a_text_that_cannot_be_encoded_is_kept_without_its_broken_letters(
    cache: ReadingCache,
) -> None:
    cache.remember("ocr:1", {"a.png": "a\ud800b"})
    assert cache.known(["a.png"], "ocr:1") == {"a.png": "a?b"}


def test_several_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(n)]) for n in range(4)
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0, 0]
    keys = [f"{writer}-{n}" for writer in range(4) for n in range(100)]
    assert len(ReadingCache(tmp_path).known(keys, "ocr:1")) == 400


def test_the_file_stays_within_its_limit_and_loses_what_was_not_used_for_longest(
    tmp_path: Path,
) -> None:
    cache = ReadingCache(tmp_path, max_bytes=400_000)
    for day in range(40):
        with patch.object(readings, "_today", lambda day=day: day):
            cache.remember("ocr:1", {f"{day}-{n}": "x" * 1_000 for n in range(25)})
            cache.known(["0-0"], "ocr:1")
    cache.close()
    assert (tmp_path / FILE).stat().st_size <= 450_000
    assert cache.known(["39-24"], "ocr:1")
    assert cache.known(["0-0"], "ocr:1"), "it was used every day"
    assert not cache.known(["0-1"], "ocr:1")


def test_a_cache_of_no_size_keeps_nothing_and_makes_no_file(tmp_path: Path) -> None:
    cache = ReadingCache(tmp_path / "none", max_bytes=0)
    cache.remember("ocr:1", {"a.png": "text"})
    assert cache.known(["a.png"], "ocr:1") == {}
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("content", [b"not a database" * 100, b""])
def test_a_damaged_file_is_made_anew(cache: ReadingCache, content: bytes) -> None:
    cache.folder.mkdir()
    (cache.folder / FILE).write_bytes(content)
    cache.remember("ocr:1", {"a.png": "text"})
    assert cache.known(["a.png"], "ocr:1") == {"a.png": "text"}


def test_a_file_with_other_tables_is_left_as_it_is(
    cache: ReadingCache, caplog: pytest.LogCaptureFixture
) -> None:
    cache.folder.mkdir()
    with sqlite3.connect(cache.folder / FILE) as other:
        other.execute("CREATE TABLE readings (something)")
        other.execute("INSERT INTO readings VALUES ('kept')")
    cache.remember("ocr:1", {"a.png": "text"})
    assert cache.known(["a.png"], "ocr:1") == {}
    assert len(caplog.records) == 1
    assert list(other.execute("SELECT * FROM readings")) == [("kept",)]


def test_an_interrupt_costs_what_was_being_written_and_nothing_else(cache: ReadingCache) -> None:
    cache.remember("ocr:1", {"a.png": "text"})
    with (
        patch.object(ReadingCache, "_shrink", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        cache.remember("ocr:1", {"b.png": "text"})
    cache.remember("ocr:1", {"c.png": "text"})
    assert cache.known(["a.png", "b.png", "c.png"], "ocr:1") == {"a.png": "text", "c.png": "text"}


def test_a_folder_that_cannot_be_made_is_told_once_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = ReadingCache(tmp_path / "file" / "cache")
    with caplog.at_level(logging.WARNING):
        cache.remember("ocr:1", {"a.png": "text"})
        assert cache.known(["a.png"], "ocr:1") == {}
    (record,) = caplog.records
    assert str(cache.folder) in record.getMessage()
    assert "cache_folder" in record.getMessage()


def test_a_file_that_another_process_holds_costs_a_reading_and_nothing_else(
    cache: ReadingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "BUSY_TIMEOUT_S", 0.05)
    cache.remember("ocr:1", {"a.png": "text"})
    cache.close()
    holder = sqlite3.connect(cache.folder / FILE, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    cache.remember("ocr:1", {"b.png": "text"})
    holder.execute("ROLLBACK")
    holder.close()
    cache.remember("ocr:1", {"c.png": "text"})
    assert cache.known(["a.png", "b.png", "c.png"], "ocr:1") == {"a.png": "text", "c.png": "text"}
