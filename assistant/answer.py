"""An answer with its sentences, sources and figures, and its JSON.

Put together, the leads, texts and marks of the sentences are the answer's text. Leaves out how an
answer is made (`assistant.answering`) and its forms for people (`assistant.markdown`,
`assistant.html`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import shorten
from typing import Any, Self

from langchain_core.documents import Document

from assistant.addresses import is_loopback
from assistant.answer_json import check
from assistant.claims import claims_nothing
from assistant.injections import without_instructions
from assistant.refusals import is_refusal
from loaders.captioning.fusion import is_guess
from retrievers import Hit
from retrievers.evidence import is_picture_name, place_name

NOT_IN_LIBRARY = "The documents do not say."
UNSUPPORTED = "[not in the documents]"
"""Stands where an answer's sentence should have a citation and has none."""
REPLACED = "The text above is not borne out by the documents; take this instead:"
"""What stands between an answer that was streamed and the one that the check left of it."""
UNDERSTOOD = "Understood as:"
"""Stands before a follow-up as it stands alone."""
GONE_PICTURE = "This picture is no longer in the library."
MAX_NAME_CHARS = 60
"""Of a table's caption, where the table is cited."""
N_NEAREST = 3
"""Sources that are offered where the documents do not say."""
GOES_ON = " "
PARAGRAPH = "\n\n"
LIST_LEAD = re.compile(r"\n(?:-|\d{1,3}\.) ")
"""What opens an item of a list. It, GOES_ON and PARAGRAPH are all that may lead a sentence."""
PICTURE_BASE = re.compile(r"(?:https?|file)://[^\s\"'<>\\`?#]*", re.IGNORECASE)
"""What a media base URL is like; matched as a whole."""
FOLDER_URL = re.compile(r"file://(?:/(?!(?:\.|%2e){1,2}/)(?:(?!%2f|%5c)[^/])+)+/", re.IGNORECASE)
"""A folder of this computer, not of another one: `file:////host/` is on another."""
SERVED_URL = re.compile(r"https?://[^/@]+/media/", re.IGNORECASE)
"""Where limner serves pictures."""


@dataclass(frozen=True, slots=True)
class Source:
    """One piece of evidence, numbered. score: cosine to the question, in [-1, 1].

    The score is kept to four decimals, so that the JSON holds all of it.
    """

    n: int
    score: float
    document: Document
    cited: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "score", round(float(self.score), 4))
        if "image_url" in self.document.metadata and not self.picture_url:
            object.__setattr__(self, "document", _without_url(self.document))

    @property
    def is_figure(self) -> bool:
        """Whether the evidence is a picture."""
        return self.document.metadata.get("modality") == "figure"

    @property
    def has_picture(self) -> bool:
        """Whether there is a picture to show: of a figure, or of a table as it is printed."""
        return "image_key" in self.document.metadata

    @property
    def picture_url(self) -> str:
        """The URL of its stored picture; "" where there is none like those that limner makes."""
        key, url = (self.document.metadata.get(name) for name in ("image_key", "image_url"))
        is_ours = is_picture_name(key) and isinstance(url, str) and url.endswith(f"/{key}")
        return str(url) if is_ours and PICTURE_BASE.fullmatch(str(url)) else ""

    @property
    def evidence(self) -> str:
        """The text, without sentences that speak to a language model."""
        return without_instructions(self.document.page_content)

    @property
    def place(self) -> str:
        """Where it stands, as a person cites it; of a table also its number or else its caption."""
        return ", ".join(filter(None, (self.stands_at, self._table_name)))

    @property
    def stands_at(self) -> str:
        """Title and page, sheet or time, or else section: what is told beside its caption."""
        metadata = self.document.metadata
        heading = (metadata.get("section") or "").rsplit(" › ", 1)[-1]
        is_telling = heading not in ("", metadata["title"])
        section = f"“{heading}”" if is_telling else ""
        return ", ".join(filter(None, (metadata["title"], place_name(metadata) or section)))

    @property
    def _table_name(self) -> str:
        metadata = self.document.metadata
        if metadata.get("modality") != "table":
            return ""
        caption = without_instructions(metadata.get("caption") or "")
        return str(metadata.get("label") or shorten(caption, MAX_NAME_CHARS, placeholder=" …"))

    @property
    def caption(self) -> str:
        """The figure's caption; a machine's must not pass for one that a person wrote."""
        metadata = self.document.metadata
        if not metadata.get("caption"):
            return f"{metadata['modality'].capitalize()} in {self.place}"
        guessed = is_guess(metadata.get("descriptions") or {})
        caption = without_instructions(metadata["caption"])
        return f"{caption}{' (caption by a machine)' if guessed else ''}"

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one source, metadata flat."""
        return {
            **self.document.metadata,
            "n": self.n,
            "score": self.score,
            "text": self.document.page_content,
            "cited": self.cited,
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any], media_base_url: str = "") -> Self:
        """The source of this JSON. media_base_url: as of `Answer.from_dict`."""
        own = ("n", "score", "text", "cited")
        metadata = {name: value for name, value in found.items() if name not in own}
        source = cls(found["n"], found["score"], Document(found["text"], metadata=metadata))
        base = source.picture_url.removesuffix(str(metadata.get("image_key")))
        is_served = SERVED_URL.fullmatch(base) and is_loopback(base)
        is_ours = FOLDER_URL.fullmatch(base) or is_served or base == media_base_url
        document = source.document if is_ours else _without_url(source.document)
        return replace(source, document=document, cited=found["cited"])


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer. support: how well the cited sources bear it out, in [0, 1].

    The support is kept to three decimals, so that the JSON holds all of it. lead: what stands
    before it: GOES_ON, PARAGRAPH or what fits LIST_LEAD.
    """

    text: str
    citations: tuple[int, ...] = ()
    figures: tuple[int, ...] = ()
    support: float = 0.0
    supported: bool = False
    lead: str = GOES_ON

    def __post_init__(self) -> None:
        object.__setattr__(self, "support", round(float(self.support), 3))

    @property
    def marks(self) -> str:
        """What stands after it, with a space: its `[n]` marks, or that it is not borne out."""
        if self.citations:
            return " " + "".join(f"[{n}]" for n in self.citations)
        needs_none = self.supported or is_refusal(self.text) or claims_nothing(self.text)
        return "" if needs_none else f" {UNSUPPORTED}"

    @property
    def is_doubtful(self) -> bool:
        """Whether it is shown as not borne out; one that claims nothing is not."""
        return self.marks.strip() == UNSUPPORTED

    @property
    def marked(self) -> str:
        """The sentence with its `[n]` marks."""
        return self.text + self.marks

    def to_dict(self) -> dict[str, Any]:
        """The JSON of one sentence."""
        return {
            "text": self.text,
            "citations": list(self.citations),
            "figures": list(self.figures),
            "support": self.support,
            "supported": self.supported,
            "lead": self.lead,
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        """The sentence of this JSON."""
        return cls(
            found["text"],
            tuple(found["citations"]),
            tuple(found["figures"]),
            found["support"],
            found["supported"],
            found["lead"],
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """A checked answer. Every citation and figure names a source by its number."""

    question: str
    sentences: tuple[Sentence, ...]
    sources: tuple[Source, ...]
    grounded: bool
    model: str
    timings_s: dict[str, float] = field(default_factory=dict)
    searched_as: str = ""
    """The question as it stands alone, where it is a follow-up and was asked in other words."""

    @property
    def text(self) -> str:
        """All sentences with their marks."""
        return "".join(sentence.lead + sentence.marked for sentence in self.sentences).strip()

    @property
    def figures(self) -> tuple[Source, ...]:
        """The figures in the answer, and the pictures of its tables, in their order."""
        return tuple(self.source(n) for s in self.sentences for n in s.figures)

    @property
    def nearest(self) -> tuple[Source, ...]:
        """Where the documents do not say, what comes nearest to the question; each place once."""
        if self.grounded:
            return ()
        by_place: dict[str, Source] = {}
        for source in self.sources:
            by_place.setdefault(source.place, source)
        return tuple(by_place.values())[:N_NEAREST]

    def source(self, n: int) -> Source:
        """The source with the number n."""
        return self.sources[n - 1]

    def to_dict(self) -> dict[str, Any]:
        """The Answer of the command contract."""
        return {
            "question": self.question,
            "answer": self.text,
            "grounded": self.grounded,
            "sentences": [sentence.to_dict() for sentence in self.sentences],
            "sources": [source.to_dict() for source in self.sources],
            "model": self.model,
            "timings_s": self.timings_s,
            **({"searched_as": self.searched_as} if self.searched_as else {}),
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any], media_base_url: str = "") -> Self:
        """The answer of this JSON, which may come from anywhere.

        media_base_url: where pictures may lie besides this machine; those elsewhere lose their URL.
        Raises AnswerInvalid, which names the part that is missing or wrong.
        """
        check(found)
        return cls(
            found["question"],
            tuple(map(Sentence.from_dict, found["sentences"])),
            tuple(Source.from_dict(source, media_base_url) for source in found["sources"]),
            found["grounded"],
            found["model"],
            found["timings_s"],
            found.get("searched_as", ""),
        )

    def to_markdown(self) -> str:
        """The answer as Markdown: each figure after its sentence, sources at the end."""
        from assistant.markdown import answer_markdown

        return answer_markdown(self)

    def to_html(self) -> str:
        """The answer as a fragment of HTML that holds nothing active."""
        from assistant.html import answer_html

        return answer_html(self)


def _without_url(document: Document) -> Document:
    metadata = {name: value for name, value in document.metadata.items() if name != "image_url"}
    return Document(document.page_content, metadata=metadata)


def search_result(query: str, hits: Sequence[Hit]) -> dict[str, Any]:
    """The search result of the command contract.

    similarity: only of a copy or crop of the picture that was asked about.
    """
    return {
        "query": query,
        "hits": [
            {
                "rank": rank,
                "score": round(hit.score, 4),
                "text": hit.document.page_content,
                **({} if hit.similarity is None else {"similarity": hit.similarity}),
                **hit.document.metadata,
            }
            for rank, hit in enumerate(hits, start=1)
        ],
    }
