"""What the measurements beside other libraries share: candidates run in processes of their own.

A module that measures is run again in each process, with the interpreter that has the candidate:
the other libraries' has no limner, so nothing of limner's is imported before it is measured.
Leaves out what is measured, and how.

CORPUS=folder chooses the files, COMPARED=python the interpreter that has the other libraries.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
COMPARED = os.environ.get("COMPARED", sys.executable)
LIMIT_S = 900
"""For one candidate and all files."""

_instances: dict[str, Any] = {}


def corpus(folder: str = "") -> Path:
    """The folder of files to be read: that of the environment, or the corpus beside the project."""
    return Path(os.environ.get("CORPUS", ROOT.parent / "shared" / "corpus" / folder))


def measured(python: str, module: str, *arguments: str, limit_s: int = LIMIT_S) -> Any:
    """What a process of its own tells, or a sentence about why it tells nothing."""
    try:
        result = subprocess.run(
            [python, "-m", module, *arguments],
            capture_output=True,
            text=True,
            timeout=limit_s,
            cwd=ROOT,
            env=os.environ | {"HF_HUB_OFFLINE": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {limit_s} s"
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["no message"])[-1]
        return f"did not run (exit {result.returncode}): {reason}"
    return json.loads(result.stdout.splitlines()[-1])


def tell(found: Any) -> None:
    """Answer the process that measures."""
    sys.stdout.write(f"\n{json.dumps(found)}\n")


def say(line: str = "") -> None:
    """A line for the person who measures."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def kept(name: str, make: Callable[[], Any]) -> Any:
    """One instance for all files: its models are loaded once."""
    if name not in _instances:
        _instances[name] = make()
    return _instances[name]
