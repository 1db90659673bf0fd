"""Collections and filters on the command line, as a person types them."""

import shutil
from pathlib import Path

import pytest

from tests.assistant.real_library import REAL_QUESTION
from tests.assistant.warm_command import limner, limner_json

pytestmark = pytest.mark.real


@pytest.fixture
def library(real_library: Path, tmp_path: Path) -> Path:
    """A copy that a test may change, with a folder of notes beside it."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "bees.md").write_text("# Bees\n\nThe keeper has 37 hives.\n")
    return Path(shutil.copytree(real_library, tmp_path / "library"))


def test_a_collection_is_filled_listed_and_searched(library: Path) -> None:
    notes, flags = library.parent / "notes", ("--library", library)
    added = limner_json("add", notes, "--collection", "Keepers", *flags)
    assert added["added"] == 1
    collected = limner_json("collect", "keepers", notes, "light*.md", *flags)
    assert collected["collection"] == "Keepers"
    names = [source.rsplit("/", 1)[-1] for source in collected["documents"]]
    assert names == ["lighthouse.md", "bees.md"]
    told = limner("collect", "KEEPERS", "lighthouse.md", "--remove", *flags)
    assert told.stdout == "Keepers has 1 document now.\n"
    assert limner_json("collections", *flags) == {
        "collections": [{"name": "Keepers", "documents": 1}]
    }
    (listed,) = limner_json("list", "--collection", "keepers", *flags)["documents"]
    assert (listed["title"], listed["collections"]) == ("Bees", ["Keepers"])
    assert ", in Keepers)" in limner("list", *flags).stdout
    hits = limner_json("search", "keeper visitors", "--collection", "keepers", *flags)["hits"]
    assert {hit["title"] for hit in hits} == {"Bees"}


def test_evidence_is_chosen_by_all_filters_at_once(library: Path) -> None:
    chosen = ("--modality", "figure", "--since", "2020", "--where", "section=Visitors")
    hits = limner_json("search", "lighthouse", *chosen, "--library", library)["hits"]
    assert [hit["modality"] for hit in hits] == ["figure"]
    lamp = ("--where", "section=The lamp", "--llm", "embedded")
    answer = limner_json("ask", REAL_QUESTION, *lamp, "--library", library)
    assert not answer["grounded"]
    assert not [s for s in answer["sources"] if "Visitors" in s["section"]]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["search", "x", "--collection", "lake"], 1, "no collection 'lake'. There is none yet."),
        (["search", "x", "--where", "page"], 2, "Give KEY=VALUE, such as page>=3"),
        (["search", "x", "--since", "soon"], 2, "'soon' is no day. Give 2024-05-01"),
        (["collect", "a\nb", "*"], 2, "'\\n', which cannot be printed"),
        (["collect", "Lake", "none.md"], 1, "none.md means no document"),
    ],
)
def test_a_mistake_is_a_sentence_and_an_exit_code(
    arguments: list[str], code: int, words: str, real_library: Path
) -> None:
    result = limner(*arguments, "--library", real_library)
    assert (result.returncode, result.stdout) == (code, "")
    assert words in result.stderr
    assert "Traceback" not in result.stderr
