"""`limner migrate` as a person runs it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.doctor import checks
from assistant.settings import Settings
from retrievers import Library
from tests.assistant.command_line import ROOT, clean_environment
from tests.assistant.warm_command import limner, limner_json
from tests.retrievers.words import WordCounts, piece

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
TEXTS = ("A lamp that burns paraffin.", "The cat sat on the mat.", "Shares fell on Monday.")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The folder of a library with the vectors of another model."""
    with Library.open(tmp_path / "library", WordCounts(), create=True) as library:
        for n, text in enumerate(TEXTS):
            document = piece(text)
            library.put(f"file:///{n}.txt", [document], fingerprint="1", title=f"{n}.txt")
    return tmp_path / "library"


@pytest.mark.real
def test_a_library_of_another_model_is_searched_by_meaning_after_it(other: Path):
    refused = limner("search", "kitten", "--library", other)
    assert refused.returncode == 1
    assert "embedding model word-counts" in refused.stderr
    assert f"vectors anew with {MINILM}: limner migrate" in " ".join(refused.stderr.split())

    done = limner_json("migrate", "--library", other)
    assert done.pop("seconds") > 0
    assert done == {
        "changed": True,
        "format_before": "2",
        "format": "2",
        "model_before": "word-counts",
        "model": MINILM,
        "dimension": 384,
        "vectors": 3,
        "embedded": 3,
    }
    hits = limner_json("search", "kitten", "--library", other)["hits"]
    assert hits[0]["text"] == TEXTS[1]


def test_list_and_doctor_tell_what_the_library_records(real_library: Path):
    recorded = limner_json("list", "--library", real_library)["library"]
    assert (recorded["model"], recorded["dimension"], recorded["format"]) == (MINILM, 384, "2")
    assert {"sqlite", "sentence-transformers", "transformers"} <= recorded["versions"].keys()
    check = next(c for c in checks(Settings(library=real_library)) if c.name == "library")
    assert f"format 2, vectors of {MINILM}, 384 dimensions (made with sqlite" in check.detail


def test_doctor_says_that_the_library_wants_to_be_migrated(other: Path):
    check = next(c for c in checks(Settings(library=other)) if c.name == "library")
    assert (check.ok, check.detail) == (False, "ModelMismatch")
    assert check.fix.endswith("limner migrate")


def test_a_folder_without_a_library_is_one_sentence(tmp_path: Path):
    result = limner("migrate", "--library", tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert "There is no library in" in result.stderr
    assert "Traceback" not in result.stderr


def test_when_it_is_stopped_it_says_that_the_next_run_goes_on(other: Path):
    code = """
import sys, time
from assistant.cli import migration
from tests.retrievers.words import CharacterCounts
class Slow(CharacterCounts):
    def __init__(self, name):
        super().__init__()
    def embed_documents(self, texts):
        print("embeds", flush=True)
        time.sleep(60)
migration.MiniLMEmbeddings = Slow
from pathlib import Path
migration.migrate(Path(sys.argv[1]), True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(other)],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "embeds\n"
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert "Embedding: 0 of 3" in told
    assert "Nothing is lost: `limner migrate` goes on from here." in told
    with Library.open(other, WordCounts()) as library:
        assert library.search("paraffin")
