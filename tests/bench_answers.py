"""Measures what limner adds to the language model's own time: part of `make bench`.

10,000 chunks made from those of a real library, that of the samples where none is named; real
embeddings; and a language model that says sentences of its sources, as they are, shortened or
made up, at a pace that is known and taken off. Leaves out whether an answer is good: that is
`make quality-answers`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from assistant import Assistant, Settings
from assistant.answer import Source
from assistant.events import SentenceChecked, SourcesFound, TextAdded
from assistant.llm import LanguageModel
from assistant.sentences import split_sentences
from loaders import MediaStore
from retrievers import Library, MiniLMEmbeddings
from retrievers.database import Database
from retrievers.library import NewDocument
from tests.bench import ROOT, limner
from tests.big_library import BLOCK, Seeds

N_CHUNKS = 10_000
CHUNKS_PER_DOCUMENT = 100
N_QUESTIONS = 40
N_WARMING = 3
WORDS_OF_QUESTION = 12
FIRST_WORD_S, WORD_S = 0.05, 0.002
MIN_WORDS, MAX_WORDS = 8, 30
"""Of the sentences that the model takes from its sources."""
MADE_UP = "The keeper of the northern lighthouse bought 4,711 lamps in 1987."
PHRASE = "Here it is in other words."
GOALS_MS = {"before the first words": 200, "for each sentence": 50}
Kind = Literal["ollama", "embedded"]
PATHS: dict[Kind, str] = {"ollama": "written by the model", "embedded": "quoted"}


class SteadyChat(BaseChatModel):
    """Says word by word what it is given to say; spent_s is how long it has taken."""

    words: list[str]
    spent_s: float = 0.0

    @property
    def _llm_type(self) -> str:
        return "steady"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError

    def _stream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        for n, word in enumerate(self.words):
            begun = time.perf_counter()
            time.sleep(WORD_S if n else FIRST_WORD_S)
            self.spent_s += time.perf_counter() - begun
            yield ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))


class Stopwatch:
    """Laps of what is not the model's: (wall-clock, processor) in milliseconds."""

    def __init__(self, chat: SteadyChat) -> None:
        self._chat = chat
        self._last = self._now()

    def lap(self) -> tuple[float, float]:
        last, self._last = self._last, self._now()
        return 1_000 * (self._last[0] - last[0]), 1_000 * (self._last[1] - last[1])

    def _now(self) -> tuple[float, float]:
        return time.perf_counter() - self._chat.spent_s, time.process_time()


def grown(real: Path, folder: Path) -> Path:
    """A library with the real one's chunks and so many more, made from them."""
    shutil.copy(real / "library.sqlite", folder)
    seeds = _seeds(folder)
    (block,) = seeds.blocks(0, BLOCK)
    n_new = N_CHUNKS - len(seeds.texts)
    vectors = {
        text: vector.astype("<f4").tobytes()
        for text, vector in zip(block.texts, block.vectors, strict=True)
    }
    new = [
        NewDocument(
            f"file:///documents/{first}.pdf",
            [
                Document(text, metadata={"chunk_id": f"made-{n}", "modality": "text", "page": 1})
                for n, text in enumerate(block.texts[first : first + CHUNKS_PER_DOCUMENT], first)
            ],
            fingerprint="1",
            title=f"Document {first}",
            vectors={t: vectors[t] for t in block.texts[first : first + CHUNKS_PER_DOCUMENT]},
        )
        for first in range(0, n_new, CHUNKS_PER_DOCUMENT)
    ]
    with Library.open(folder, MiniLMEmbeddings()) as library:
        list(library.put_all(new))
    return folder


def _seeds(folder: Path) -> Seeds:
    """The chunks of a library; what is asked are the first words of some."""
    database = Database(folder.resolve() / "library.sqlite", busy_timeout_s=10)
    database.open()
    with database.reading() as connection:
        rows = connection.execute(
            "SELECT text, vector FROM chunks JOIN vectors USING (id) ORDER BY id"
        ).fetchall()
    database.close()
    vectors = np.stack([np.frombuffer(vector, dtype="<f4") for _, vector in rows])
    return Seeds([text for text, _ in rows], vectors, [], vectors[:0])


def questions(folder: Path) -> list[str]:
    """Questions about what stands in the real chunks, no two alike."""
    texts = [text for text in _seeds(folder).texts if len(text.split()) > WORDS_OF_QUESTION]
    step = max(1, len(texts) // (N_QUESTIONS + N_WARMING))
    found = [
        f"What is said of {' '.join(text.split()[:WORDS_OF_QUESTION])}?" for text in texts[::step]
    ]
    return list(dict.fromkeys(found))[: N_QUESTIONS + N_WARMING]


def said_of(sources: Sequence[Source]) -> list[str]:
    """Six sentences: of two sources as they stand, of three without a word, and one made up."""
    found = [
        sentence
        for source in sources
        for sentence in split_sentences(source.document.page_content)
        if MIN_WORDS <= len(sentence.split()) <= MAX_WORDS
    ]
    copied, rest = found[:2], found[2:5]
    shortened = [" ".join([*s.split()[:4], *s.split()[5:]]) for s in rest]
    return [s.rstrip(".") + "." for s in [*copied, *shortened, MADE_UP]]


def measured(assistant: Assistant, chat: SteadyChat, asked: Sequence[str], kind: Kind) -> None:
    """Ask everything, and print the overhead before the first words and for each sentence."""
    laps: dict[str, list[tuple[float, float]]] = {name: [] for name in GOALS_MS}
    for n, question in enumerate(asked):
        watch, is_begun = Stopwatch(chat), False
        for event in assistant.stream(question):
            if isinstance(event, SourcesFound):
                said = [PHRASE] if kind == "embedded" else said_of(event.sources)
                chat.words = " ".join(said).split()
            elif isinstance(event, TextAdded) and not is_begun:
                is_begun = True
                _note(laps["before the first words"], watch, n)
            elif isinstance(event, SentenceChecked):
                _note(laps["for each sentence"], watch, n)
    for name, goal_ms in GOALS_MS.items():
        wall, cpu = np.percentile(np.array(laps[name]), [50, 95], axis=0).T
        sys.stdout.write(
            f"{name}, {PATHS[kind]:<22} {wall[0]:6.0f} ms, 95 in 100 within {wall[1]:.0f}; "
            f"of processor {cpu[0]:.0f} and {cpu[1]:.0f}; goal {goal_ms}; n {len(laps[name])}\n"
        )
    sys.stdout.flush()


def _note(laps: list[tuple[float, float]], watch: Stopwatch, n: int) -> None:
    lap = watch.lap()
    if n >= N_WARMING:
        laps.append(lap)


def main(real: Path | None) -> None:
    """Make the library and measure both ways to an answer."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        if real is None:
            real = folder / "samples"
            limner("add", str(ROOT / "samples" / "documents"), "--library", str(real))
        (folder / "grown").mkdir()
        library = grown(real, folder / "grown")
        sys.stdout.write(f"limner's own time in an answer from {N_CHUNKS:,} chunks:\n")
        asked = questions(real)
        for kind in PATHS:
            chat = SteadyChat(words=[])
            model = LanguageModel(
                chat=chat,
                name="steady",
                kind=kind,
                can_see=False,
                context_tokens=8_192,
                reason="its pace is known",
            )
            with opened(library, model) as assistant:
                measured(assistant, chat, asked, kind)


def opened(library: Path, model: LanguageModel) -> Assistant:
    """The assistant over a library, with a language model of ours."""
    settings, embeddings = Settings(library=library), MiniLMEmbeddings()
    media = MediaStore(settings.media_folder)
    return Assistant(Library.open(library, embeddings), media, embeddings, settings, model)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) == 2 else None)
