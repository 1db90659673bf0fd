"""A PDF of a test's own pages, read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loaders import reading
from tests.loaders.pdfs import Page, write_pdf

Read = Callable[..., reading.Reading]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write pages to a PDF and read them again."""

    def written(*pages: Page) -> reading.Reading:
        return reading.read(write_pdf(tmp_path / "river.pdf", pages), tmp_path)

    return written
