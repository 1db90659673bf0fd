"""What a library records of its embedding model, and the check that it is still the same.

A name does not prove it: a folder's weights may be others next year. So the library keeps what
the model made of one sentence. Leaves out building vectors anew: that is `retrievers.migration`.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings

from retrievers.database import (
    SCHEMA_VERSION,
    check_model,
    set_setting,
    setting,
    vectors_version,
)
from retrievers.embeddings import MiniLMEmbeddings, model_name
from retrievers.errors import LibraryDamaged, ModelMismatch
from retrievers.vectors import Vectors, unit_rows

PROBE = "The lighthouse keeper counted 48 ships before the fog came in from the north-west."
MIN_COSINE = 0.99
"""Between two vectors of one text by one model. Other processors and versions of libraries differ

in the fourth digit, and int8 weights in the third; other weights have nothing in common.
"""


class RecordedModel:
    """The embedding model of one process beside what a library records. Safe for threads."""

    def __init__(self, embeddings: Embeddings) -> None:
        self.name = model_name(embeddings)
        self._embeddings = embeddings
        self._probe: Vectors | None = None
        self._proven: str | None = None
        """The version of the vectors that this model is known to have made."""

    @property
    def probe(self) -> Vectors:
        """Its vector of the probe, (1, dimension). Embeds it at first use."""
        if self._probe is None:
            self._probe = unit_rows([self._embeddings.embed_query(PROBE)])
        return self._probe

    def check(self, connection: sqlite3.Connection, dimension: int | None = None) -> None:
        """Raise ModelMismatch if the library records another name or dimension."""
        check_model(connection, self.name, dimension)

    def prove(self, connection: sqlite3.Connection) -> None:
        """Raise ModelMismatch if the library's vectors are not of this model.

        Embeds a text at first use, and again after another process has built the vectors anew.
        Where no probe was recorded yet, the first chunk of the library is one.
        """
        present = vectors_version(connection)
        if present == self._proven:
            return
        now = (
            self.probe
        )  # where none is recorded too: `record` must not load a model while it writes
        if recorded := setting(connection, "probe"):
            self._compare(from_text(recorded), now)
        elif first := _first_chunk(connection):
            text, vector = first
            self._compare(vector, unit_rows(self._embeddings.embed_documents([text])))
        else:
            return
        self._proven = present

    def record(self, connection: sqlite3.Connection, dimension: int) -> None:
        """Record the model with the first vectors; later, raise ModelMismatch if it is another."""
        self.check(connection, dimension)
        if recorded := setting(connection, "probe"):
            self._compare(from_text(recorded), self.probe)
            return
        for key, value in self.facts(dimension).items():
            set_setting(connection, key, value)

    def facts(self, dimension: int) -> dict[str, str]:
        """The settings that tell of this model."""
        return {
            "model": self.name,
            "dimension": str(dimension),
            "normalisation": "unit",
            "probe": as_text(self.probe),
            "versions": json.dumps(versions(self._embeddings)),
        }

    def _compare(self, recorded: Vectors, now: Vectors) -> None:
        if is_alike(recorded, now):
            return
        raise ModelMismatch(
            f"The embedding model {self.name} makes other vectors than those in the library: it "
            "is another model of that name. Set embedding_model, in limner.toml, to the one of "
            "that time; or build the vectors anew: limner migrate"
        )


def is_alike(one: Vectors, other: Vectors) -> bool:
    """Whether the vectors of the same texts can be of one model, row by row."""
    if one.shape != other.shape:
        return False
    # Of unit rows the square of the distance is 2 - 2 * cosine; two rows of zeros are alike too.
    return bool((((one - other) ** 2).sum(axis=1) <= 2 - 2 * MIN_COSINE).all())


def as_text(vector: Vectors) -> str:
    """A row as a setting keeps it."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def from_text(recorded: str) -> Vectors:
    """The row that a setting keeps, (1, dimension). Raises LibraryDamaged."""
    try:
        return np.frombuffer(base64.b64decode(recorded, validate=True), "<f4").reshape(1, -1)
    except ValueError as error:
        raise LibraryDamaged(
            f"What the library keeps of its embedding model cannot be read ({error}). Build the "
            "vectors anew with: limner migrate"
        ) from error


def recorded_facts(connection: sqlite3.Connection) -> dict[str, Any]:
    """What the library records of itself, as `limner list --json` shows it."""
    dimension = setting(connection, "dimension")
    try:
        with_versions = dict(json.loads(setting(connection, "versions") or "{}"))
    except (TypeError, ValueError):
        with_versions = {}
    return {
        "format": setting(connection, "schema") or SCHEMA_VERSION,
        "model": setting(connection, "model"),
        "dimension": int(dimension) if dimension else None,
        "normalisation": setting(connection, "normalisation"),
        "versions": with_versions,
    }


def versions(embeddings: Embeddings) -> Mapping[str, str]:
    """Of what makes vectors and keeps them."""
    names = ["limner", "faiss-cpu"]
    if isinstance(embeddings, MiniLMEmbeddings):
        names += ["sentence-transformers", "transformers", "torch"]
    found = {"sqlite": sqlite3.sqlite_version}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # run from a folder, not installed
            continue
    return found


def _first_chunk(connection: sqlite3.Connection) -> tuple[str, Vectors] | None:
    row = connection.execute(
        "SELECT text, vector FROM chunks JOIN vectors USING (id) ORDER BY id LIMIT 1"
    ).fetchone()
    return (row[0], np.frombuffer(row[1], "<f4").reshape(1, -1)) if row else None
