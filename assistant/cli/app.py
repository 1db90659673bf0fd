"""The `limner` command: its commands, flags and exit codes.

With `--json`, stdout carries the JSON of the command contract and nothing else. Exit
codes: 0 success, 2 bad usage, 1 a failure. Every heavy import happens inside a command,
so that `limner --help` is instant. Leaves out what commands do: that is one module each
in this folder and `assistant.assistant`. Of `limner models` and `conversations` the
commands are in `assistant.cli.groups`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assistant.cli.flags import (
    CollectionFlag,
    ConversationArgument,
    DepthFlag,
    ExportFormat,
    IntoFlag,
    JsonFlag,
    LibraryFlag,
    LlmFlag,
    LoaderFlag,
    ModalityFlag,
    ModelFlag,
    PasswordFlag,
    RemoteImagesFlag,
    SinceFlag,
    SourceFlag,
    UntilFlag,
    WhereFlag,
)
from assistant.cli.groups import conversations_app, models_app

app = typer.Typer(
    name="limner",
    help="Answers questions about your own documents, with the figures that prove the answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(models_app, name="models")
app.add_typer(conversations_app, name="conversations")


@app.command()
def add(
    sources: Annotated[list[str], typer.Argument(metavar="PATH_OR_URL...")],
    passwords: PasswordFlag = None,
    depth: DepthFlag = 0,
    fetch_remote_images: RemoteImagesFlag = False,
    loader: LoaderFlag = None,
    collections: IntoFlag = None,
    library: LibraryFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Read files, folders and web pages into the library; unchanged ones are skipped."""
    from assistant.cli import documents

    documents.add(
        sources,
        passwords or [],
        loader,
        library,
        as_json,
        depth=depth,
        fetch_remote_images=fetch_remote_images,
        collections=collections or [],
    )


@app.command()
def sync(
    passwords: PasswordFlag = None, library: LibraryFlag = None, as_json: JsonFlag = False
) -> None:
    """Bring the library up to date with all that was added: new, changed, moved and deleted."""
    from assistant.cli import following

    following.sync(passwords or [], library, as_json)


@app.command()
def watch(
    folders: Annotated[
        list[str] | None, typer.Argument(metavar="[FOLDER...]", help="Added, if they are not yet.")
    ] = None,
    library: LibraryFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Sync, then follow all that was added and sync what changes, until Ctrl-C."""
    from assistant.cli import following

    following.watch(folders or [], library, as_json)


@app.command("list")
def list_documents(
    collection: CollectionFlag = None, library: LibraryFlag = None, as_json: JsonFlag = False
) -> None:
    """Say what is in the library."""
    from assistant.cli import documents

    documents.list_documents(collection, library, as_json)


@app.command()
def collections(library: LibraryFlag = None, as_json: JsonFlag = False) -> None:
    """Name the collections: sets of documents to ask within."""
    from assistant.cli import collections as cli

    cli.list_collections(library, as_json)


@app.command()
def collect(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Paths, folders, URIs, file names or globs."),
    ],
    remove: Annotated[
        bool,
        typer.Option("--remove", help="Take them out of it instead; the library keeps them."),
    ] = False,
    library: LibraryFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Put documents of the library into a collection, or take them out of it."""
    from assistant.cli import collections as cli

    cli.collect(name, sources, library, as_json, remove=remove)


@app.command()
def show(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A path, URI or file name.")],
    draw: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Draw the pages of a PDF, in the library or not, with boxes, here."
        ),
    ] = None,
    passwords: PasswordFlag = None,
    library: LibraryFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Print everything that was read from one document, in order."""
    if draw is not None:
        from assistant.cli import drawing

        drawing.draw(source, draw, passwords or [], library, as_json)
        return
    from assistant.cli import documents

    documents.show(source, library, as_json)


@app.command()
def remove(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...")],
    library: LibraryFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Take documents out of the library, with their vectors, text and pictures."""
    from assistant.cli import documents

    documents.remove(sources, library, as_json)


@app.command("export-library")
def export_library(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    library: LibraryFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the whole library as Parquet tables with its pictures."""
    from assistant.cli import exchange

    exchange.export(folder, library, as_json)


@app.command("import-library")
def import_library(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="What export-library has written, or a LangChain FAISS store."
        ),
    ],
    library: LibraryFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Take in an exported library, or a LangChain FAISS store, without unpickling anything."""
    from assistant.cli import exchange

    exchange.import_library(path, library, as_json)


@app.command()
def verify(
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Mend what can be, and delete what nothing refers to."),
    ] = False,
    library: LibraryFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Prove that the library is whole, with its pictures; exit code 1 where it is not."""
    from assistant.cli import verification

    verification.verify(library, as_json, mends=repair)


@app.command()
def search(
    query: Annotated[str, typer.Argument(metavar="QUERY")] = "",
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many hits.")] = 10,
    image: Annotated[
        Path | None, typer.Option("--image", metavar="FILE", help="Search by a picture.")
    ] = None,
    modality: ModalityFlag = None,
    source: SourceFlag = None,
    collection: CollectionFlag = None,
    since: SinceFlag = None,
    until: UntilFlag = None,
    where: WhereFlag = None,
    library: LibraryFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Print the evidence that is nearest to a query or a picture, best first."""
    from assistant.cli import questions

    chosen = questions.Chosen(source, modality, collection, since, until, where or [])
    questions.search(query, k, image, chosen, library, as_json)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION")],
    source: SourceFlag = None,
    collection: CollectionFlag = None,
    modality: ModalityFlag = None,
    since: SinceFlag = None,
    until: UntilFlag = None,
    where: WhereFlag = None,
    llm: LlmFlag = None,
    model: ModelFlag = None,
    library: LibraryFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Answer one question, with citations and figures."""
    from assistant.cli import questions

    chosen = questions.Chosen(source, modality, collection, since, until, where or [])
    questions.ask(question, chosen, llm, model, library, as_json)


@app.command()
def chat(
    conversation: Annotated[
        str | None,
        typer.Option(
            "--conversation", metavar="ID", help="Go on with this one: `limner conversations`."
        ),
    ] = None,
    source: SourceFlag = None,
    collection: CollectionFlag = None,
    modality: ModalityFlag = None,
    since: SinceFlag = None,
    until: UntilFlag = None,
    where: WhereFlag = None,
    llm: LlmFlag = None,
    model: ModelFlag = None,
    library: LibraryFlag = None,
) -> None:
    """Ask question after question in the terminal; follow-ups are understood."""
    from assistant.cli import questions

    chosen = questions.Chosen(source, modality, collection, since, until, where or [])
    questions.chat(chosen, conversation, llm, model, library)


@app.command()
def export(
    conversation: ConversationArgument,
    form: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="By the name of the output file when not given."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="A new file. [default: after the title]"),
    ] = None,
    answer: Annotated[
        int | None, typer.Option("--answer", min=1, metavar="N", help="Only the Nth answer.")
    ] = None,
    library: LibraryFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a conversation with its figures as Markdown or HTML."""
    from assistant.cli import conversations as cli

    cli.export(conversation, form, output, answer, library, as_json)


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8501,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    library: LibraryFlag = None,
) -> None:
    """Open the chat page (Streamlit)."""
    from assistant.cli import servers

    servers.ui(port, browser, library)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    library: LibraryFlag = None,
) -> None:
    """Serve the OpenAI-compatible HTTP API on this machine."""
    from assistant.cli import servers

    servers.serve(host, port, library)


@app.command()
def mcp(library: LibraryFlag = None) -> None:
    """Serve the tools `search`, `ask` and `collections` to agents over MCP (stdio)."""
    from assistant.cli import servers

    servers.mcp(library)


@app.command()
def evaluate(
    questions_file: Annotated[Path, typer.Argument(metavar="QA.jsonl")],
    ranked: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write the ranked pages here.")
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT", help="Answer the questions too, which takes long; write them here."
        ),
    ] = None,
    scope: Annotated[str, typer.Option(help="document or library.")] = "document",
    split: Annotated[
        str | None, typer.Option(help="Only this half of the questions: fit or report.")
    ] = None,
    library: LibraryFlag = None,
    as_json: JsonFlag = False,
    llm: LlmFlag = None,
    model: ModelFlag = None,
) -> None:
    """Measure retrieval, and answers, on a file of questions with known pages."""
    from assistant.cli import evaluation

    evaluation.evaluate(questions_file, ranked, answers, scope, split, library, as_json, llm, model)


@app.command()
def migrate(library: LibraryFlag = None, as_json: JsonFlag = False) -> None:
    """Bring a library to the embedding model that limner is set to, and to its present format."""
    from assistant.cli import migration

    migration.migrate(library, as_json)


@app.command()
def doctor(library: LibraryFlag = None, as_json: JsonFlag = False) -> None:
    """Say which models are active, what is missing and how to get it."""
    from assistant.cli import health

    health.doctor(library, as_json)


@app.command(hidden=True)
def demo(
    questions_file: Annotated[Path, typer.Argument(metavar="QUESTIONS.txt")],
    library: LibraryFlag = None,
) -> None:
    """Ask each line of a file and print the answers: what `make demo` runs."""
    from assistant.cli import questions

    questions.demo(questions_file, library)
