"""Measures the check of answers' sentences: `python -m tests.quality_check LIBRARY…`.

Takes libraries that `limner add` has filled, makes true and false sentences from their documents
(`tests.claims`) and asks of each what its ten sources bear out. The documents are in two halves:
the check is fitted on one and reported on the other. Leaves out the quality of whole answers.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import re
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from assistant.answer import Sentence, Source
from assistant.citations import CitationChecker
from assistant.evaluation import HALVES
from retrievers import Library, MiniLMEmbeddings
from tests.claims import N_TRUE, Claim, make_claims

BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)
"""Of support, for its calibration."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check says of a claim. cpu_s: processor time that it took, its sources' included."""

    claim: Claim
    sentence: Sentence
    cpu_s: float

    @property
    def is_right(self) -> bool:
        """Whether a true claim is cited to its own source, and a false one to none."""
        if self.claim.is_true:
            return self.claim.own in self.sentence.citations
        return not self.sentence.supported


def half_of(name: str) -> str:
    """The half that a document belongs to; those whose names begin alike belong to the same."""
    family = re.split(r"[^a-z0-9]+", name.lower())[0]
    return "fit" if hashlib.sha256(family.encode()).digest()[-1] % 2 else "report"


def claims_of(libraries: Sequence[Library], half: str) -> list[Claim]:
    """The claims made from one half of the documents, with sources from all of them."""
    evidence = {}
    for library in libraries:
        for source in library.sources():
            name = unquote(source.rsplit("/", 1)[1])
            if half_of(name) == half:
                evidence[name] = library.evidence(source)

    def find(text: str, k: int) -> list[Document]:
        hits = [hit for library in libraries for hit in library.search(text, k)]
        return [hit.document for hit in sorted(hits, key=lambda hit: -hit.score)[:k]]

    return list(make_claims(dict(sorted(evidence.items())), find))


def check_all(claims: Sequence[Claim], embeddings: Embeddings) -> list[Checked]:
    """Each claim checked against its sources, by a checker that knows nothing of them yet."""
    checked = []
    for claim in claims:
        sources = [Source(n, 0.5, d) for n, d in enumerate(claim.sources, start=1)]
        start = time.process_time()
        sentence = CitationChecker(sources, embeddings).check(claim.text)
        checked.append(Checked(claim, sentence, time.process_time() - start))
    return checked


def table(checked: Sequence[Checked]) -> str:
    """The share that is right, by kind, as Markdown."""
    lines = ["| Sentences | n | right | first |", "| --- | ---: | ---: | ---: |"]
    kinds = list(dict.fromkeys(c.claim.kind for c in checked))
    for is_true, title in ((True, "true"), (False, "false")):
        group = [c for c in checked if c.claim.is_true == is_true]
        for kind in [k for k in kinds if (k in N_TRUE) == is_true]:
            of_kind = [c for c in group if c.claim.kind == kind]
            lines += [_line(f"{title}: {kind}", of_kind)]
        lines.append(_line(f"**all {title}**", group))
    return "\n".join(lines)


def calibration(checked: Sequence[Checked]) -> str:
    """How many of the claims with a support are true, as Markdown."""
    lines = ["| support | n | true |", "| --- | ---: | ---: |"]
    for low, high in itertools.pairwise(BINS):
        among = [
            c for c in checked
            if low <= c.sentence.support < high or c.sentence.support == high == 1.0
        ]  # fmt: skip
        share = f"{np.mean([c.claim.is_true for c in among]):.2f}" if among else "–"
        lines.append(f"| {low:.1f}–{high:.1f} | {len(among)} | {share} |")
    return "\n".join(lines)


def _line(title: str, group: Sequence[Checked]) -> str:
    right = np.mean([c.is_right for c in group]) if group else 0.0
    first = "–"
    if group and group[0].claim.is_true:
        first = f"{np.mean([c.sentence.citations[:1] == (c.claim.own,) for c in group]):.1%}"
    return f"| {title} | {len(group)} | {right:.1%} | {first} |"


def main() -> None:
    """Print the tables of one half of the documents."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("libraries", nargs="+", type=Path)
    parser.add_argument("--half", choices=HALVES, default="report")
    given = parser.parse_args()
    embeddings = MiniLMEmbeddings()
    with ExitStack() as stack:
        opened = [stack.enter_context(Library.open(p, embeddings)) for p in given.libraries]
        claims = claims_of(opened, given.half)
    embeddings.embed_query("warm")
    checked = check_all(claims, embeddings)
    ms = np.array([c.cpu_s for c in checked]) * 1000
    sys.stdout.write(
        f"{table(checked)}\n\n{calibration(checked)}\n\nProcessor time a sentence over ten "
        f"sources: mean {ms.mean():.1f} ms, median {np.median(ms):.1f}, 95 of 100 under "
        f"{np.percentile(ms, 95):.1f}\n"
    )


if __name__ == "__main__":
    main()
