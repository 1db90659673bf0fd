"""The installation, with stand-ins for pip and apt-get: what fails must be seen to fail."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PIP = """#!/bin/sh
case "$*" in *--editable*) echo Collecting limner; exit {status};; esac
"""


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def install(venv: Path, *, pip_status: int, limner_status: int) -> subprocess.CompletedProcess[str]:
    script(venv / "bin" / "python", PIP.format(status=pip_status))
    script(venv / "bin" / "limner", f"#!/bin/sh\nexit {limner_status}\n")
    return subprocess.run(
        ["make", "install", f"VENV={venv}"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize(("pip_status", "limner_status"), [(0, 0), (1, 0), (0, 1)])
def test_an_installation_counts_only_where_all_of_it_worked(
    pip_status: int, limner_status: int, tmp_path: Path
) -> None:
    result = install(tmp_path / "venv", pip_status=pip_status, limner_status=limner_status)
    worked = pip_status == limner_status == 0
    assert "Collecting limner" in result.stdout
    assert (result.returncode == 0) == worked, result.stderr
    assert (tmp_path / "venv" / ".limner-installed").exists() == worked


def test_installing_a_browser_says_what_is_installed(tmp_path: Path) -> None:
    script(tmp_path / "id", "#!/bin/sh\necho 0\n")
    script(tmp_path / "apt-get", "#!/bin/sh\nexit 0\n")
    result = subprocess.run(
        ["/bin/sh", str(ROOT / "tests" / "install-browser.sh")],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PATH": str(tmp_path)},
        check=True,
    )
    assert len(result.stdout.splitlines()) == 1
    assert "chromium-driver" in result.stdout
