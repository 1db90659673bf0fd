"""What importing the package costs and offers."""

import subprocess
import sys

import pytest

import retrievers


def test_importing_it_loads_nothing_heavy() -> None:
    code = (
        "import sys, retrievers; "
        "heavy = {'torch', 'faiss', 'numpy', 'langchain_core', 'sentence_transformers'}; "
        "sys.exit(', '.join(heavy & sys.modules.keys()) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


def test_opening_a_library_loads_no_model_and_no_index(tmp_path) -> None:
    code = (
        "import sys; from retrievers import Library, MiniLMEmbeddings; "
        "Library.open(sys.argv[1], MiniLMEmbeddings(), create=True).documents(); "
        "sys.exit(', '.join({'torch', 'faiss', 'transformers'} & sys.modules.keys()) or 0)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("name", retrievers.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(retrievers, name).__name__ == name


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        retrievers.Nonsense  # noqa: B018
