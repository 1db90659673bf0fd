"""What `make demo` runs, with the network blocked: the README's promise."""

import re
from pathlib import Path

import pytest

from tests.assistant.command_line import ROOT, SAMPLES, limner, limner_json

QUESTIONS = ROOT / "samples" / "questions.txt"
GOLD = (
    ("72,861", "Figure 1. New privately", "] Private housing units authorized"),
    ("110.0 billion", "Figure 3. Sales", "] Retail trade in the United States"),
    ("Tsauchab", "The dry bed of the Tsauchab", "] tsauchab-river-bed.jpg"),
)
"""For each question: a part of the answer, of the figure's caption, and of a cited source."""
pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def blocked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that can reach nothing but this machine."""
    folder = tmp_path_factory.mktemp("home")
    blocker = Path(__file__).parent / "blocked_network"
    return {
        "PYTHONPATH": f"{blocker}:{ROOT}",
        "BLOCKED_LOG": str(folder / "blocked.log"),
        "HF_HUB_OFFLINE": "",
        "HOME": str(folder),
    }


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, blocked: dict[str, str]) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "library"
    report = limner_json("add", SAMPLES, "--library", folder, env=blocked)
    assert (report["added"], report["failed"]) == (5, [])
    assert report["figures"] >= 12
    return folder


def test_the_demo_gives_three_right_answers_with_their_figures(
    library: Path, blocked: dict[str, str]
) -> None:
    result = limner("demo", QUESTIONS, "--library", library, env=blocked)
    assert result.returncode == 0, result.stderr
    answers = result.stdout.split("\nQ: ")[1:]
    assert len(answers) == len(GOLD)
    for answer, (gold, caption, source) in zip(answers, GOLD, strict=True):
        said, shown = answer.split("▣", 1)
        assert gold in said
        assert re.search(r"\[\d+\]$", said.strip())
        assert caption in shown
        assert "file://" in shown
        assert source in shown


def test_nothing_tried_to_reach_the_network(library: Path, blocked: dict[str, str]) -> None:
    limner_json("doctor", "--library", library, env=blocked)
    log = Path(blocked["BLOCKED_LOG"])
    assert not log.exists(), log.read_text()
