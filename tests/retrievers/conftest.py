"""A library in a folder of its own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from langchain_core.documents import Document

from retrievers import Change, Library
from tests.retrievers.words import WordCounts

Put = Callable[..., Change]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
def embeddings() -> WordCounts:
    return WordCounts()


@pytest.fixture
def library(folder: Path, embeddings: WordCounts) -> Iterator[Library]:
    with Library.open(folder, embeddings, create=True) as opened:
        yield opened


@pytest.fixture
def put(library: Library) -> Put:
    """Put Documents into the library under a file name."""

    def put(name: str, *documents: Document, title: str = "") -> Change:
        return library.put(
            f"file:///docs/{name}", documents, fingerprint=f"print of {name}", title=title or name
        )

    return put


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
