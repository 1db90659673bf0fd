"""Sentences that are true or false of sources, made from documents by rule, always the same.

Each goes with ten sources: its own and those that a search for it finds first, near ones and
therefore hard. What is counted here as false is not stated by any of the ten. Leaves out the
check that is measured with them: that is `tests.quality_check`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice, zip_longest

from langchain_core.documents import Document

from tests.claims import corruption
from tests.claims.cells import cells, others
from tests.claims.rewording import reworded, shortened
from tests.claims.statements import names, plain_words, statements

N_SOURCES = 10
FIND = 30
CELLS_OF_TABLE = 8
MAX_SHARED = 0.75
"""Share of the words of a fact from elsewhere that a sentence of its sources may have."""
REWORDED_SHARE = 0.4
"""Of the sentences that are made false, this share is reworded before."""
N_TRUE = {"copied": 60, "shortened": 60, "reworded": 120, "table cell": 60}
N_FALSE = {
    "number": 60, "unit": 30, "year": 30, "name": 40, "negation": 40, "opposite": 25,
    "swapped": 30, "other cell": 30, "other document": 30,
}  # fmt: skip

Evidence = Mapping[str, Sequence[Document]]
"""Name of a document → what was read from it."""
Find = Callable[[str, int], Sequence[Document]]
"""The pieces of evidence nearest to a text, best first."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence, and what is known of it. own: the number of its source; None if it has none."""

    kind: str
    text: str
    is_true: bool
    sources: tuple[Document, ...]
    own: int | None
    original: str


@dataclass(frozen=True, slots=True)
class _Made:
    """A claim before it has its sources. given: the evidence that it was made from."""

    text: str
    given: Document
    original: str
    is_stated: corruption.Is_Stated = lambda _: False


def make_claims(
    evidence: Evidence, find: Find, *, seed: int = 7, size: float = 1.0
) -> Iterator[Claim]:
    """The claims, kind by kind; fewer of a kind where the documents do not hold so many.

    size: share of the full numbers of N_TRUE and N_FALSE.
    """
    for kind, n in {**N_TRUE, **N_FALSE}.items():
        rng = random.Random(f"{seed} {kind}")
        made = _by_turns([_shuffled(list(d), rng) for d in evidence.values()], _MAKERS[kind], rng)
        claims = (_with_sources(kind, m, find, rng) for m in _once(made))
        yield from islice(filter(None, claims), round(n * size))


def _once(made: Iterable[_Made]) -> Iterator[_Made]:
    """One claim of each sentence or cell."""
    seen: set[str] = set()
    for one in made:
        if one.original not in seen:
            seen.add(one.original)
            yield one


def _by_turns(
    documents: Sequence[list[Document]],
    make: Callable[[Sequence[Document], random.Random], Iterator[_Made]],
    rng: random.Random,
) -> Iterator[_Made]:
    """One claim of each document after the other, so that no long one outweighs the rest."""
    turns = zip_longest(*(make(d, rng) for d in documents))
    return filter(None, chain.from_iterable(turns))


def _with_sources(kind: str, made: _Made, find: Find, rng: random.Random) -> Claim | None:
    """The claim with its sources; None where one of them states what should be false."""
    is_true = kind in N_TRUE
    is_elsewhere = kind == "other document"
    wanted = N_SOURCES if is_elsewhere else N_SOURCES - 1
    said = _flat(made.original)
    near = [
        d
        for d in find(made.text, FIND)
        if said not in _flat(d.page_content)
        and (not is_elsewhere or d.metadata["source"] != made.given.metadata["source"])
    ][:wanted]
    if len(near) < wanted:
        return None
    sources = near if is_elsewhere else [*near, made.given]
    rng.shuffle(sources)
    texts = [
        f"{d.metadata['title']} {d.metadata.get('section', '')} {d.page_content}" for d in sources
    ]
    if not is_true and any(made.is_stated(text) for text in texts):
        return None
    own = None if is_elsewhere else 1 + sources.index(made.given)
    return Claim(kind, made.text, is_true, tuple(sources), own, made.original)


def _flat(text: str) -> str:
    return " ".join(plain_words(text))


def _shuffled(documents: list[Document], rng: random.Random) -> list[Document]:
    rng.shuffle(documents)
    return documents


def _sentences(documents: Sequence[Document]) -> Iterator[tuple[Document, str]]:
    for document in documents:
        for sentence in statements(document):
            yield document, sentence


def _copied(documents: Sequence[Document], rng: random.Random) -> Iterator[_Made]:
    for document, sentence in _sentences(documents):
        yield _Made(sentence, document, sentence)


def _changed(
    change: Callable[[str, random.Random], str | None],
    documents: Sequence[Document],
    rng: random.Random,
) -> Iterator[_Made]:
    for document, sentence in _sentences(documents):
        if text := change(sentence, rng):
            yield _Made(text, document, sentence)


def _table_cells(documents: Sequence[Document], rng: random.Random) -> Iterator[_Made]:
    tables = [(d, found) for d in documents if (found := cells(d))]
    for _ in range(CELLS_OF_TABLE):
        for document, found in tables:
            cell = rng.choice(found)
            yield _Made(cell.told(rng.randrange(4)), document, str(cell))


def _other_cells(documents: Sequence[Document], rng: random.Random) -> Iterator[_Made]:
    tables = [(d, found) for d in documents if (found := cells(d))]
    for _ in range(CELLS_OF_TABLE):
        for document, found in tables:
            cell = rng.choice(found)
            other = next(others(found, cell, rng), None)
            if other:
                said = partial(_has_row, document.page_content, cell.row, other.value)
                yield _Made(other.told(rng.randrange(4)), document, str(cell), said)


def _has_row(own_text: str, row: str, value: str, text: str) -> bool:
    """Whether another table has this row with this value."""
    if own_text in text:
        return False
    return any(
        _flat(row) in _flat(line) and _flat(value) in _flat(line) for line in text.splitlines()
    )


def _corrupted(
    corrupt: Callable[[str, random.Random], Iterator[corruption.False_Sentence]],
    documents: Sequence[Document],
    rng: random.Random,
) -> Iterator[_Made]:
    for document, sentence in _sentences(documents):
        base = sentence
        if rng.random() < REWORDED_SHARE:
            base = reworded(sentence, rng) or sentence
        found = list(corrupt(base, rng))
        if found:
            text, is_stated = rng.choice(found)
            yield _Made(text, document, sentence, is_stated)


def _renamed(documents: Sequence[Document], rng: random.Random) -> Iterator[_Made]:
    known = sorted({n[0] for _, sentence in _sentences(documents) for n in names(sentence)})
    yield from _corrupted(partial(corruption.names_changed, known=known), documents, rng)


def _elsewhere(documents: Sequence[Document], rng: random.Random) -> Iterator[_Made]:
    for made in _copied(documents, rng):
        yield _Made(made.text, made.given, made.original, partial(_is_like, made.text))


def _is_like(sentence: str, text: str) -> bool:
    """Whether a text holds most words of the sentence near each other."""
    mine = set(plain_words(sentence))
    parts = re.split(r"(?<=[.!?])\s|\n", text)
    return any(len(mine & set(plain_words(part))) > MAX_SHARED * len(mine) for part in parts)


_MAKERS: dict[str, Callable[[Sequence[Document], random.Random], Iterator[_Made]]] = {
    "copied": _copied,
    "shortened": partial(_changed, shortened),
    "reworded": partial(_changed, reworded),
    "table cell": _table_cells,
    "number": partial(_corrupted, corruption.numbers_changed),
    "unit": partial(_corrupted, corruption.units_changed),
    "year": partial(_corrupted, corruption.years_changed),
    "name": _renamed,
    "negation": partial(_corrupted, corruption.negations_changed),
    "opposite": partial(_corrupted, corruption.opposites_said),
    "swapped": partial(_corrupted, corruption.swapped),
    "other cell": _other_cells,
    "other document": _elsewhere,
}
