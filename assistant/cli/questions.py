"""`limner search`, `ask`, `chat` and the demo: questions in, evidence and answers out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.answer import REPLACED, Answer, Source, search_result
from assistant.assistant import Assistant
from assistant.cli.sources import as_typed, check_glob
from assistant.cli.terminal import opened, out, print_json, refuse, say, say_error
from assistant.errors import EXPLAINED, QuestionsInvalid
from assistant.events import AnswerFinished, Event, FigureShown, SentenceChecked, TextAdded
from assistant.filters import first_day, last_day, where_all
from retrievers import Filter, collection_names

PREVIEW_CHARS = 300


@dataclass(frozen=True, slots=True)
class Chosen:
    """What evidence may be found, as it was typed."""

    source: str | None
    modality: str | None
    collection: str | None
    since: str | None
    until: str | None
    where: Sequence[str]

    def filter(self, assistant: Assistant) -> Filter:
        """Raises InvalidFilter, InvalidCollection, and what no document fits at once."""
        check_glob(assistant, self.source)
        chosen = Filter(
            self.source,
            self.modality,
            self.collection,
            first_day(self.since) if self.since is not None else None,
            last_day(self.until) if self.until is not None else None,
        )
        chosen.check()
        if self.collection is not None:
            collection_names.known(self.collection, assistant.library.collections())
        return where_all(self.where).within(chosen)


def search(
    query: str,
    k: int,
    image: Path | None,
    chosen: Chosen,
    library: Path | None,
    as_json: bool,
) -> None:
    """Print ranked evidence."""
    if not query.strip() and image is None:
        refuse("Give a query, or a picture with --image FILE.")
    with opened(library) as assistant:
        where = chosen.filter(assistant)
        if image is None:
            hits = assistant.search(query, k, where=where)
        else:
            picture = Path(as_typed(str(image)))
            hits = assistant.search_image(picture, query=query, k=k, where=where)
    if as_json:
        print_json(search_result(query, hits))
        return
    for rank, hit in enumerate(hits, 1):
        found = Source(rank, hit.score, hit.document)
        kind = hit.document.metadata["modality"]
        alike = "similarity " if hit.similarity is not None else ""
        say(f"\n{rank}. {found.place}  ({kind}, {alike}{hit.score:.2f})", style="bold")
        say(_preview(hit.document.page_content))
        if found.picture_url:
            say(found.picture_url, style="blue")
    if not hits:
        say("Nothing found.")


def ask(
    question: str,
    chosen: Chosen,
    llm: str | None,
    model: str | None,
    library: Path | None,
    as_json: bool,
) -> None:
    """Print one answer as it is written."""
    if not question.strip():
        refuse('Give a question, such as limner ask "How tall is Taranaki?".')
    with opened(library, llm=llm, model=model) as assistant:
        where = chosen.filter(assistant)
        if as_json:
            print_json(assistant.ask(question, where=where).to_dict())
        else:
            print_answer(assistant.stream(question, where=where))


def chat(chosen: Chosen, llm: str | None, model: str | None, library: Path | None) -> None:
    """Ask question after question; an empty line or Ctrl-D ends it."""
    with opened(library, llm=llm, model=model) as assistant:
        where = chosen.filter(assistant)
        say(f"{assistant.library.n_documents} documents, {assistant.model.name}. Empty line ends.")
        while question := _next_question():
            try:
                print_answer(assistant.stream(question, where=where))
            except EXPLAINED as error:
                say_error(error)


def demo(questions_file: Path, library: Path | None) -> None:
    """Ask each line of a file and print the answers."""
    with opened(library) as assistant:
        _demo(assistant, _lines(questions_file))


def print_answer(events: Iterable[Event]) -> None:
    """Print an answer while it is made: words, marks, figures, and at the end its sources."""
    shown: list[str] = []
    for event in events:
        match event:
            case TextAdded(text=text, lead=lead):
                out.print((lead if shown else lead.strip()) + text, end="")
                shown.append(text)
            case SentenceChecked(sentence=sentence):
                out.print(sentence.marks, end="")
            case FigureShown(figure=figure):
                _print_figure(figure)
            case AnswerFinished(answer=answer):
                say()
                if not answer.grounded:
                    _print_refusal(answer, was_shown=bool(shown))
                _print_sources(answer)


def _demo(assistant: Assistant, questions: list[str]) -> None:
    for question in filter(None, map(str.strip, questions)):
        say(f"\nQ: {question}", style="bold")
        print_answer(assistant.stream(question))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionsInvalid(f"{path} cannot be read: {error}") from error


def _next_question() -> str:
    try:
        return out.input("\n[bold]?[/bold] ").strip()
    except EOFError:
        return ""


def _print_figure(source: Source) -> None:
    say(
        f"\n   ▣ {source.document.metadata['modality']} [{source.n}] {source.caption}",
        style="green",
    )
    say(f"     {source.place}\n     {source.picture_url}", style="dim")


def _print_refusal(answer: Answer, *, was_shown: bool) -> None:
    if was_shown:
        say(REPLACED)
    say(answer.text)
    if answer.nearest:
        say("Nearest: " + "; ".join(source.place for source in answer.nearest), style="dim")


def _print_sources(answer: Answer) -> None:
    for source in answer.sources:
        if source.cited:
            say(f"[{source.n}] {source.place}", style="dim")


def _preview(text: str) -> str:
    return text if len(text) <= PREVIEW_CHARS else text[:PREVIEW_CHARS].rsplit(" ", 1)[0] + " …"
