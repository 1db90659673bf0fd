"""PDF: whatever is done to a file, reading it ends, in time, and says what is wrong.

LIMNER_DAMAGE=50 makes 50 copies of each kind of every file of the corpus, not a few.
"""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.loaders.damaged import damaged, outcome
from tests.loaders.pdfs import Page, write_pdf
from tests.loaders.reading import CORPUS, read, with_corpus

ROOT = Path(__file__).parents[2]
N_COPIES = int(os.environ.get("LIMNER_DAMAGE", "0"))
N_CUTS, N_FLIPS = N_COPIES or 5, N_COPIES or 2
MAX_BYTES_OF_FEW = 1_200_000
"""Larger files are left out where only a few copies are made."""
SECONDS_A_COPY, MAX_MIB = 60, 1024

pytestmark = pytest.mark.timeout(7200)


def files() -> list[Path]:
    folders = [CORPUS / "docs", CORPUS / "qa" / "corpus", CORPUS / "hostile"]
    found = sorted(path for folder in folders for path in folder.glob("*.pdf"))
    return [path for path in found if N_COPIES or path.stat().st_size < MAX_BYTES_OF_FEW]


def outcomes(paths: Sequence[Path], n_cuts: int, n_flips: int) -> list[dict[str, Any]]:
    """What came of damaged copies, read in a process of their own."""
    n = len(paths) * (n_cuts + n_flips)
    result = subprocess.run(
        [sys.executable, "-m", "tests.loaders.damaged", str(n_cuts), str(n_flips), *paths],
        capture_output=True,
        text=True,
        timeout=n * SECONDS_A_COPY,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 0, (
        f"what came after {found[-1:]} ended the process: {result.stderr[-500:]}"
    )
    assert len(found) == n
    return found


def faults(paths: Sequence[Path]) -> list[str]:
    """What must not come of the files' damaged copies."""
    found = []
    for copy in outcomes(paths, N_CUTS, N_FLIPS):
        where = f"{copy['file']} {copy['copy']}"
        if "bug" in copy:
            found.append(f"{where}: {copy['bug']}")
        is_cut = copy["copy"].startswith("cut")
        if is_cut and "error" not in copy and not copy["skipped"]:
            found.append(f"{where}: nothing is said of the part that is missing")
        if copy["peak_mib"] > MAX_MIB or copy["cpu_seconds"] > SECONDS_A_COPY:
            found.append(f"{where}: {copy}")
    return found


@with_corpus
def test_damaged_files_are_read_or_refused_in_time_and_never_end_the_run() -> None:
    assert files()
    with ThreadPoolExecutor(2) as pool:
        both = pool.map(faults, (files()[::2], files()[1::2]))
        found = list(itertools.chain.from_iterable(both))
    assert not found, "\n".join(found)


def test_damage_is_found_again(tmp_path: Path) -> None:
    content = write_pdf(tmp_path / "river.pdf", [Page().text(72, 700, "The river.")]).read_bytes()
    for kind in ("cut", "flip"):
        first, second = (list(damaged(content, kind, 4)) for _ in range(2))
        assert first == second
        assert len(set(first)) == 4
        assert content not in first


def test_a_file_without_its_end_says_so(tmp_path: Path) -> None:
    page = Page().text(72, 700, "The river is measured with gauges along its banks.")
    path = write_pdf(tmp_path / "river.pdf", [page])
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"startxref")])
    found = outcome(path, tmp_path)
    assert found["n_documents"] == 1
    assert "the end of the file is missing" in found["skipped"][0]


@with_corpus
@pytest.mark.parametrize("n_bytes_of_update", [100, 1500, 5000])
def test_a_file_whose_last_changes_are_cut_off_says_so(
    n_bytes_of_update: int, tmp_path: Path
) -> None:
    content = (CORPUS / "docs" / "webCapture.pdf").read_bytes()
    path = tmp_path / "capture.pdf"
    path.write_bytes(content[: content.index(b"%%EOF", 10_000) + n_bytes_of_update])
    assert "the end of the file is missing" in outcome(path, tmp_path)["skipped"][0]


@pytest.mark.parametrize("length", ["5 0 R", "6 0 R", "99 0 R", "-1", "99999999"])
def test_a_page_is_read_whatever_is_said_of_its_length(length: str, tmp_path: Path) -> None:
    """Of itself, of a stream whose length is that of the first, of nothing."""
    body = "BT /F 20 Tf 20 200 Td (The quay was built in 1871.) Tj ET"
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 300]/Contents 5 0 R"
        "/Resources<</Font<</F 4 0 R>>>>>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        f"<</Length {length}>>\nstream\n{body}\nendstream",
        "<</Length 5 0 R>>\nstream\nx\nendstream",
    )
    content, places = "%PDF-1.4\n", ""
    for number, written in enumerate(objects, 1):
        places += f"{len(content):010d} 00000 n \n"
        content += f"{number} 0 obj\n{written}\nendobj\n"
    content += (
        f"xref\n0 7\n0000000000 65535 f \n{places}trailer\n<</Root 1 0 R/Size 7>>\n"
        f"startxref\n{len(content)}\n%%EOF\n"
    )
    (tmp_path / "a.pdf").write_text(content)
    assert "The quay was built in 1871." in read(tmp_path / "a.pdf", tmp_path).text
