"""Random sequences of operations on a library, beside a model of plain Python objects.

After each step the library, and another that was opened on the same folder before, hold the
same documents as the model and find the same evidence.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)
from langchain_core.documents import Document

from retrievers import Filter, Library, UnknownCollection, vector_forms
from retrievers.library import NewDocument
from tests.retrievers.words import WordCounts, image_key, piece

N_SEQUENCES = int(os.environ.get("LIMNER_FUZZ", "0"))
"""LIMNER_FUZZ=500 tries five hundred, others each time."""
WORDS = ("gold", "silver", "whale", "harbour", "1990", "über", "ratio-7", "gold's")
MODALITIES = ("text", "table", "figure")
NAMES = ("sea", "land")
QUESTIONS = (
    ("gold", Filter()),
    ("whale über 1990", Filter(modality="table")),
    ("silver", Filter(collection="sea")),
    ("ratio-7", Filter(metadata={"page": {"$gte": 2}})),
    ("harbour", Filter(source="3.md")),
)

texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
pieces = st.builds(
    lambda text, modality, page, key: (text, modality, page, key if modality == "figure" else None),
    texts,
    st.sampled_from(MODALITIES),
    st.integers(1, 3),
    st.sampled_from("abc"),
)
contents = st.lists(pieces, max_size=5)
sources = st.integers(0, 9).map(lambda n: f"file:///docs/{n}.md")


def document(content: tuple[str, str, int, str | None], source: str, position: int) -> Document:
    text, modality, page, key = content
    shown = {"image_key": image_key(key)} if key else {}
    # Chunk ids differ between documents, as those of loaders do.
    place = f"{source} {position}"
    return piece(text, modality=modality, page=page, place=place, **shown)


@dataclass
class Modelled:
    """A document as it should be."""

    content: list[tuple[str, str, int, str | None]]
    fingerprint: str
    collections: set[str] = field(default_factory=set)


class LibraryBesideItsModel(RuleBasedStateMachine):
    known = Bundle("known")

    @initialize()
    def open(self) -> None:
        # So that there are lists as well, all of which are looked into: their hits are exact.
        self.max_flat, vector_forms.MAX_FLAT = vector_forms.MAX_FLAT, 12
        self.folder = Path(tempfile.mkdtemp(prefix="limner-model-"))
        self.library = Library.open(self.folder, WordCounts(), create=True)
        self.reader = Library.open(self.folder, WordCounts())
        self.model: dict[str, Modelled] = {}
        self.n_changes = 0

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            vector_forms.MAX_FLAT = self.max_flat
            assert self.library.verify().faults == []
            self.library.close()
            self.reader.close()
            shutil.rmtree(self.folder)

    def new(self, source: str, content: list, **more) -> NewDocument:
        self.n_changes += 1
        documents = [document(one, source, n) for n, one in enumerate(content)]
        return NewDocument(source, documents, str(self.n_changes), f"title {source}", **more)

    def note(self, new: NewDocument, content: list) -> None:
        before = self.model.get(new.source, Modelled([], ""))
        self.model[new.source] = Modelled(
            content, new.fingerprint, before.collections | set(new.collections)
        )

    @rule(target=known, source=sources, content=contents)
    def put(self, source: str, content: list) -> str:
        new = self.new(source, content)
        (change,) = self.library.put_all([new])
        assert change.replaced == (source in self.model)
        assert change.n_chunks == len(content)
        self.note(new, content)
        return source

    @rule(both=st.dictionaries(sources, contents, max_size=3), name=st.sampled_from(NAMES))
    def put_several(self, both: dict[str, list], name: str) -> None:
        new = [self.new(source, content, collections=(name,)) for source, content in both.items()]
        list(self.library.put_all(new))
        for one in new:
            self.note(one, both[one.source])

    @rule(source=consumes(known))
    def remove(self, source: str) -> None:
        if source in self.model:
            assert self.library.remove(source).n_chunks == len(self.model.pop(source).content)

    @rule(source=known, to=sources)
    def move(self, source: str, to: str) -> None:
        if source not in self.model or to in self.model:
            return
        before = self.model[source]
        new = self.new(to, before.content, moved_from=source)
        list(self.library.put_all([new]))
        del self.model[source]
        self.model[to] = Modelled(before.content, new.fingerprint, before.collections)

    @rule(source=known, name=st.sampled_from(NAMES))
    def collect(self, source: str, name: str) -> None:
        if source in self.model:
            self.library.collect(name, [source])
            self.model[source].collections.add(name)

    @rule(source=known, name=st.sampled_from(NAMES))
    def release(self, source: str, name: str) -> None:
        if source in self.model and self.has(name):
            self.library.release(name, [source])
            self.model[source].collections.discard(name)

    def has(self, collection: str) -> bool:
        return any(collection in one.collections for one in self.model.values())

    @rule()
    def reopen(self) -> None:
        self.library.close()
        self.library = Library.open(self.folder, WordCounts())

    @rule()
    def open_another_reader(self) -> None:
        self.reader.close()
        self.reader = Library.open(self.folder, WordCounts())

    @precondition(lambda self: (self.folder / "vectors.faiss").exists())
    @rule()
    def lose_the_index(self) -> None:
        (self.folder / "vectors.faiss").unlink()

    @invariant()
    def both_hold_what_the_model_holds(self) -> None:
        for library in (self.library, self.reader):
            held = {d.source: d for d in library.documents()}
            assert held.keys() == self.model.keys()
            for source, expected in self.model.items():
                assert held[source].n_chunks == len(expected.content)
                assert set(held[source].collections) == expected.collections
                assert library.fingerprint(source) == expected.fingerprint
                evidence = [
                    (d.page_content, d.metadata["modality"], d.metadata["page"])
                    for d in library.evidence(source)
                ]
                assert evidence == [one[:3] for one in expected.content]
            shown = {image_key(key) for d in self.model.values() for *_, key in d.content if key}
            assert library.image_keys() == shown

    @invariant()
    def both_find_what_the_model_finds(self) -> None:
        query, where = QUESTIONS[self.n_changes % len(QUESTIONS)]
        for library in (self.library, self.reader):
            self.check_search(library, query, where)

    def check_search(self, library: Library, query: str, where: Filter) -> None:
        expected = sorted(
            (source, text, round(cosine(query, text), 5))
            for source, one in self.model.items()
            for text, modality, page, _ in one.content
            if where.modality in (None, modality)
            and (where.collection is None or where.collection in one.collections)
            and (not where.metadata or page >= 2)
            and (where.source is None or source.endswith(f"/{where.source}"))
        )
        is_known = where.collection is None or self.has(where.collection)
        if not is_known and any(one.content for one in self.model.values()):
            with pytest.raises(UnknownCollection):
                library.search(query, 1_000, where=where)
            return
        hits = library.search(query, 1_000, where=where)
        found = sorted(
            (h.document.metadata["source"], h.document.page_content, round(h.score, 5))
            for h in hits
        )
        assert found == expected
        self.check_order(library, query, where, [score for *_, score in expected])
        self.check_words(library, query)

    def check_order(
        self, library: Library, query: str, where: Filter, cosines: list[float]
    ) -> None:
        """By meaning alone, the nearest come first and none is lost."""
        vector = WordCounts().embed_query(query)
        nearest = [hit.score for hit in library.search_by_vector(vector, 3, where=where)]
        assert nearest == pytest.approx(sorted(cosines, reverse=True)[:3], abs=1e-4)

    def check_words(self, library: Library, query: str) -> None:
        """By words alone, whatever has one of them is found, and nothing else."""
        library._words.flush()
        with library.reading() as connection:
            numbers = library._words.best(connection, query, 1_000)
            rows = dict(connection.execute("SELECT id, text FROM chunks"))
        wanted = set(query.lower().split())
        having = [text for text in rows.values() if wanted & set(text.replace("'s", "").split())]
        assert sorted(rows[number] for number in numbers) == sorted(having)


@cache
def cosine(one: str, other: str) -> float:
    a, b = (np.array(WordCounts().embed_query(text)) for text in (one, other))
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


LibraryBesideItsModel.TestCase.settings = settings(
    max_examples=N_SEQUENCES or 12,
    derandomize=not N_SEQUENCES,
    stateful_step_count=20,
    deadline=None,
    # Shrinking takes an hour where a step takes a tenth of a second.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    report_multiple_bugs=False,
)
TestLibraryBesideItsModel = LibraryBesideItsModel.TestCase
