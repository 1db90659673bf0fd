"""PDF: the files of the corpus meet their lines in `expected.jsonl`, in bounded time and memory."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loaders.media import MediaStore
from loaders.pdf import PdfLoader
from tests.loaders.reading import CORPUS, expected, read, with_corpus

ROOT = Path(__file__).parents[2]
MAX_SECONDS, MAX_MIB = 20, 1024
READ_ALL_THE_SAME = {"poppler-91414-0-53.pdf"}
"""Only the length of an object that no page needs is wrong: PDFium finds all of its text."""
READER = """
import json, sys
from pathlib import Path
from tests.loaders.damaged import outcome
print(json.dumps(outcome(Path(sys.argv[1]), Path(sys.argv[2]))))
"""


def pdfs(folder: str) -> dict[str, dict[str, Any]]:
    return {name: line for name, line in expected(folder).items() if name.endswith(".pdf")}


def outcome_apart(path: Path, folder: Path) -> dict[str, Any]:
    """What comes of reading a file in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", READER, str(path), str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
    )
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def squeezed(text: str) -> str:
    return re.sub(r"\W+", "", text.casefold())


@with_corpus
@pytest.mark.parametrize("name", pdfs("docs"))
def test_documents_are_read_as_expected(name: str, tmp_path: Path) -> None:
    facts = pdfs("docs")[name]
    passwords = [facts["password"]] if "password" in facts else []
    reading = read(CORPUS / "docs" / name, tmp_path, passwords=passwords)
    assert reading.n_pages == facts["pages"]
    for part in facts.get("must_contain", []):
        assert squeezed(part) in squeezed(reading.text)
    pages = {figure.metadata["page"] for figure in reading.figures}
    assert pages == set(facts["pages_with_raster"])
    assert len(reading.figures) >= min(facts["raster_unique_ge50px"], len(pages))


@pytest.mark.real
@with_corpus
@pytest.mark.parametrize("name", [n for n, f in pdfs("docs").items() if "ocr_must_contain" in f])
def test_scans_are_read_by_ocr(name: str, tmp_path: Path) -> None:
    loader = PdfLoader(CORPUS / "docs" / name, media=MediaStore(tmp_path))
    text = squeezed("\n".join(d.page_content for d in loader.lazy_load()))
    for part in pdfs("docs")[name]["ocr_must_contain"]:
        assert squeezed(part) in text


@with_corpus
@pytest.mark.parametrize("name", pdfs("hostile"))
def test_hostile_files_end_as_stated_in_little_time_and_memory(name: str, tmp_path: Path) -> None:
    behaviour = pdfs("hostile")[name]["correct_behaviour"]
    found = outcome_apart(CORPUS / "hostile" / name, tmp_path)
    assert "bug" not in found
    assert found["cpu_seconds"] < MAX_SECONDS
    assert found["peak_mib"] < MAX_MIB
    if "may recover" not in behaviour and name not in READ_ALL_THE_SAME:
        assert name in found["error"]
    if "password" in behaviour:
        assert "password" in found["error"]
