"""`limner search`, `ask`, `chat` and the demo: questions in, evidence and answers out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

from assistant.answer import REPLACED, Answer, Source, search_result
from assistant.assistant import Assistant
from assistant.cli.terminal import err, opened, out, print_json, say, sentences_for_errors
from assistant.errors import AssistantError
from assistant.events import AnswerFinished, Event, SentenceChecked, SourcesFound, TextAdded

PREVIEW_CHARS = 300


def search(
    query: str,
    k: int,
    image: Path | None,
    modality: str | None,
    source: str | None,
    library: Path | None,
    as_json: bool,
) -> None:
    """Print ranked evidence."""
    if not query.strip() and image is None:
        err.print("Give a query, or a picture with --image FILE.", style="red")
        raise typer.Exit(2)
    with opened(library) as assistant:
        if image is None:
            hits = assistant.search(query, k, source=source, modality=modality)
        else:
            hits = assistant.search_image(image, query=query, k=k, source=source, modality=modality)
    if as_json:
        print_json(search_result(query, hits))
        return
    for rank, hit in enumerate(hits, 1):
        found = Source(rank, hit.score, hit.document)
        kind = hit.document.metadata["modality"]
        say(f"\n{rank}. {found.place}  ({kind}, {hit.score:.2f})", style="bold")
        say(_preview(hit.document.page_content))
        if found.is_figure:
            say(hit.document.metadata["image_url"], style="blue")
    if not hits:
        say("Nothing found.")


def ask(
    question: str,
    source: str | None,
    llm: str | None,
    model: str | None,
    library: Path | None,
    as_json: bool,
) -> None:
    """Print one answer as it is written."""
    with opened(library, llm=llm, ollama_model=model) as assistant:
        if as_json:
            print_json(assistant.ask(question, source=source).to_dict())
        else:
            print_answer(assistant.stream(question, source=source))


def chat(source: str | None, llm: str | None, model: str | None, library: Path | None) -> None:
    """Ask question after question; an empty line or Ctrl-D ends it."""
    with opened(library, llm=llm, ollama_model=model) as assistant:
        say(f"{assistant.library.n_documents} documents, {assistant.model.name}. Empty line ends.")
        while question := _next_question():
            try:
                print_answer(assistant.stream(question, source=source))
            except AssistantError as error:
                err.print(f"limner: {error}", style="red", markup=False)


def demo(questions_file: Path, library: Path | None) -> None:
    """Ask each line of a file and print the answers."""
    with sentences_for_errors(), opened(library) as assistant:
        _demo(assistant, questions_file.read_text("utf-8").splitlines())


def print_answer(events: Iterable[Event]) -> None:
    """Print an answer while it is made: words, marks, figures, and at the end its sources."""
    sources: tuple[Source, ...] = ()
    shown: list[str] = []
    for event in events:
        match event:
            case SourcesFound():
                sources = event.sources
            case TextAdded(text=text):
                out.print(text, end="", markup=False)
                shown.append(text)
            case SentenceChecked(sentence=sentence):
                out.print(sentence.marks, end="", markup=False)
                for n in sentence.figures:
                    _print_figure(sources[n - 1])
            case AnswerFinished(answer=answer):
                say()
                if not answer.grounded:
                    _print_refusal(answer, was_shown=bool(shown))
                _print_sources(answer)


def _demo(assistant: Assistant, questions: list[str]) -> None:
    for question in filter(None, map(str.strip, questions)):
        say(f"\nQ: {question}", style="bold")
        print_answer(assistant.stream(question))


def _next_question() -> str:
    try:
        return out.input("\n[bold]?[/bold] ").strip()
    except EOFError:
        return ""


def _print_figure(source: Source) -> None:
    metadata = source.document.metadata
    say(f"\n   ▣ figure [{source.n}] {metadata['caption']}", style="green")
    say(f"     {source.place}  {metadata['image_url']}", style="dim")


def _print_refusal(answer: Answer, *, was_shown: bool) -> None:
    if was_shown:
        say(REPLACED)
    say(answer.text)
    if answer.sources:
        say(
            "Nearest: " + "; ".join(dict.fromkeys(s.place for s in answer.sources[:3])), style="dim"
        )


def _print_sources(answer: Answer) -> None:
    for source in answer.sources:
        if source.cited:
            say(f"[{source.n}] {source.place}", style="dim")


def _preview(text: str) -> str:
    return text if len(text) <= PREVIEW_CHARS else text[:PREVIEW_CHARS].rsplit(" ", 1)[0] + " …"
