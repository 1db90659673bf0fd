"""`limner search`, `ask`, `chat` and the demo: questions in, evidence and answers out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import typer

from assistant.answer import REPLACED, UNDERSTOOD, Answer, Source, search_result
from assistant.answering import stopped_answer
from assistant.assistant import Assistant
from assistant.cli.sources import as_typed, check_glob
from assistant.cli.stopping import stopped_by_hand, tell_if_loading
from assistant.cli.terminal import opened, out, print_json, refuse, say, say_error
from assistant.conversation import Turn
from assistant.conversations import SHORT_ID_CHARS
from assistant.counting import number_of
from assistant.errors import EXPLAINED, ConversationsUnusable, QuestionsInvalid, UnknownConversation
from assistant.events import (
    AnswerFinished,
    Event,
    FigureShown,
    SentenceChecked,
    SourcesFound,
    TextAdded,
)
from assistant.filters import first_day, last_day, where_all
from retrievers import Filter, collection_names

PREVIEW_CHARS = 300
ENDS = ("/quit", "/exit", "quit", "exit")
CHAT_HELP = (
    "Ask your documents, for example: Show me the chart of visitors. A follow-up is understood by "
    "what was asked before. An empty line, /quit or Ctrl-D ends; Ctrl-C stops an answer."
)


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
            tell_if_loading(assistant.model)
            with closing(assistant.stream(question, where=where)) as events:
                print_answer(events, question)


def chat(
    chosen: Chosen,
    conversation: str | None,
    llm: str | None,
    model: str | None,
    library: Path | None,
) -> None:
    """Ask question after question; an empty line, `/quit` or Ctrl-D ends it."""
    with opened(library, llm=llm, model=model) as assistant:
        where = chosen.filter(assistant)
        talk = _Talk(assistant, where, conversation)
        n_documents = number_of(assistant.library.n_documents, "document")
        say(f"{n_documents}, {assistant.model.name}. Empty line or /quit ends.")
        try:
            while (question := _next_question()) and question.lower() not in ENDS:
                if question.startswith("/"):
                    say(CHAT_HELP)
                else:
                    talk.ask(question)
        finally:
            if talk.id:
                say(f"Go on with: limner chat --conversation {talk.id[:SHORT_ID_CHARS]}", "dim")
        if talk.is_not_kept:
            raise typer.Exit(1)


class _Talk:
    """A conversation in the terminal: each question is understood by those before."""

    def __init__(self, assistant: Assistant, where: Filter, beginning: str | None) -> None:
        """beginning: of the id of one to go on with. Raises UnknownConversation."""
        self._assistant = assistant
        self._where = where
        self._history: list[Turn] = []
        self._not_kept = ""
        self.id = assistant.conversations.find(beginning) if beginning else None
        if self.id:
            before = assistant.conversations.read(self.id)
            self._history += before.history
            asked = [turn.question for turn in before.turns]
            last = f"; the last: {asked[-1]}" if asked else ""
            say(f"“{before.title}”, {number_of(len(asked), 'question')}{last}", style="dim")
        elif assistant.settings.keep_conversations:
            with self._told_where_not_kept():
                assistant.conversations.all()

    @property
    def is_not_kept(self) -> bool:
        """Whether an answer could not be stored, or will not be."""
        return bool(self._not_kept)

    def ask(self, question: str) -> None:
        """Print the answer, remember and store it."""
        try:
            tell_if_loading(self._assistant.model)
            with stopped_by_hand():
                self._keep(self._answer(question))
        except EXPLAINED as error:
            say_error(error)

    def _answer(self, question: str) -> Answer:
        asked = self._assistant.stream(question, where=self._where, history=self._history)
        so_far: list[Event] = []
        try:
            with closing(asked) as events:
                return print_answer(_noted(events, so_far), question)
        except KeyboardInterrupt:
            if answer := stopped_answer(question, so_far, self._assistant.model.name):
                self._keep(answer)
            raise

    def _keep(self, answer: Answer) -> None:
        self._history.append(Turn.of(answer))
        if not self._assistant.settings.keep_conversations:
            return
        kept = self._assistant.conversations
        with self._told_where_not_kept():
            if self.id:
                with suppress(UnknownConversation):  # deleted meanwhile: a new one begins
                    kept.append(self.id, answer, self._where)
                    return
            self.id = None  # the end offers none where the new one cannot be stored
            self.id = kept.begin(answer, self._where)

    @contextmanager
    def _told_where_not_kept(self) -> Iterator[None]:
        """Have questions answered where answers cannot be stored; each reason is said once."""
        try:
            yield
        except ConversationsUnusable as error:
            if str(error) != self._not_kept:
                say_error(error)
            self._not_kept = str(error)


def _noted(events: Iterable[Event], so_far: list[Event]) -> Iterator[Event]:
    """The events, each noted before it is shown."""
    for event in events:
        so_far.append(event)
        yield event


def demo(questions_file: Path, library: Path | None) -> None:
    """Ask each line of a file and print the answers."""
    with opened(library) as assistant:
        _demo(assistant, _lines(questions_file))


def print_answer(events: Iterable[Event], question: str) -> Answer:
    """Print an answer while it is made: words, marks, figures, and at the end its sources.

    question: as it was typed. Where it was understood in other words, these come first.
    """
    shown: list[str] = []
    for event in events:
        match event:
            case SourcesFound(question=understood):
                if understood != question:
                    say(f"{UNDERSTOOD} {understood}", style="dim")
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
                return answer
    raise AssertionError("a stream ends with AnswerFinished")


def _demo(assistant: Assistant, questions: list[str]) -> None:
    for question in filter(None, map(str.strip, questions)):
        say(f"\nQ: {question}", style="bold")
        print_answer(assistant.stream(question), question)


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
    say(f"     {source.stands_at}\n     {source.picture_url}", style="dim")


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
