"""A library whose changes are killed at random moments stays whole, and the next run ends them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
N_KILLS = int(os.environ.get("LIMNER_KILLS", "12"))
"""All 200 take some minutes: LIMNER_KILLS=200."""


@pytest.mark.real
@pytest.mark.timeout(30 + 10 * N_KILLS)
@pytest.mark.parametrize(("n", "options"), [(N_KILLS, ()), (2, ("--workers",))])
def test_no_moment_is_a_bad_one_to_be_killed(
    n: int, options: tuple[str, ...], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tests.assistant.killing", str(tmp_path / "desk")]
    result = subprocess.run(
        [*command, "--n", str(n), "--seed", str(n), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-5000:]
    assert sum(json.loads(result.stdout)["killed"].values()) == n
