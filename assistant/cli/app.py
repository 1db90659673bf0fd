"""The `limner` command: its commands, flags and exit codes.

With `--json`, stdout carries the JSON of the command contract and nothing else. Exit
codes: 0 success, 2 bad usage, 1 a failure. Every heavy import happens inside a command,
so that `limner --help` is instant. Leaves out what commands do: that is one module each
in this folder and `assistant.assistant`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from retrievers.modalities import Modality

app = typer.Typer(
    name="limner",
    help="Answers questions about your own documents, with the figures that prove the answer.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


models_app = typer.Typer(
    help="Fetch models, and take them to a machine without a network.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(models_app, name="models")

conversations_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
app.add_typer(conversations_app, name="conversations")

ConversationArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Its id, or the beginning of it.")
]
ExportFormat = Literal["markdown", "html"]
LibraryFlag = Annotated[
    Path | None,
    typer.Option("--library", metavar="DIR", help="Folder of the library. [default: ./.limner]"),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]
SourceFlag = Annotated[
    str | None,
    typer.Option("--source", metavar="GLOB", help="Only documents whose file name matches."),
]
CollectionFlag = Annotated[
    str | None,
    typer.Option("--collection", metavar="NAME", help="Only documents in this collection."),
]
ModalityFlag = Annotated[
    Modality | None, typer.Option("--modality", help="Only evidence of this kind.")
]
SinceFlag = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="DATE", help="Only documents of 2024-05-01, or all of 2024, or later."
    ),
]
UntilFlag = Annotated[
    str | None, typer.Option("--until", metavar="DATE", help="Only documents of then or before.")
]
WhereFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="KEY=VALUE",
        help="Only evidence with these metadata, such as section=Methods or 'page>=3'; may be "
        "given several times.",
    ),
]
LlmFlag = Annotated[
    str | None,
    typer.Option("--llm", help="auto, ollama, openai or embedded. [default: auto]"),
]
ModelFlag = Annotated[
    str | None, typer.Option("--model", help="A model of the server, such as llama3.1.")
]
PasswordFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--password",
        metavar="TEXT",
        help="Tried on documents that need one; may be given several times. Other users of this "
        "machine may see it: better set LIMNER_PASSWORD, or type it when asked.",
    ),
]


@app.command()
def add(
    sources: Annotated[list[str], typer.Argument(metavar="PATH_OR_URL...")],
    passwords: PasswordFlag = None,
    depth: Annotated[
        int,
        typer.Option(
            min=0, max=20, metavar="N", help="Follow the links of web pages N deep, on their host."
        ),
    ] = 0,
    fetch_remote_images: Annotated[
        bool,
        typer.Option(
            "--fetch-remote-images", help="Fetch pictures that pages show from public addresses."
        ),
    ] = False,
    loader: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:CLASS",
            help="Read with this LangChain loader; what follows are its arguments (or name=value).",
        ),
    ] = None,
    collections: Annotated[
        list[str] | None,
        typer.Option(
            "--collection",
            metavar="NAME",
            help="Put them into this collection, unchanged ones too; may be given several times.",
        ),
    ] = None,
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


@conversations_app.callback()
def conversations(
    context: typer.Context, library: LibraryFlag = None, as_json: JsonFlag = False
) -> None:
    """List the conversations that are kept, rename and delete them."""
    if context.invoked_subcommand is None:
        from assistant.cli import conversations as cli

        cli.list_conversations(library, as_json)


@conversations_app.command("rename")
def rename_conversation(
    conversation: ConversationArgument,
    title: Annotated[str, typer.Argument(metavar="TITLE")],
    library: LibraryFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a conversation another title."""
    from assistant.cli import conversations as cli

    cli.rename(conversation, title, library, as_json)


@conversations_app.command("delete")
def delete_conversations(
    ids: Annotated[list[str], typer.Argument(metavar="ID...")],
    library: LibraryFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Delete conversations for good."""
    from assistant.cli import conversations as cli

    cli.delete(ids, library, as_json)


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


@models_app.command("list")
def list_models(as_json: JsonFlag = False) -> None:
    """Print the language models that could answer, and which one does."""
    from assistant.cli import language_models

    language_models.list_models(as_json)


@models_app.command("pull")
def pull_models(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="blip, blip-large, minilm, clip, speech, a name on the Hugging Face hub, or "
            "ollama:NAME, which Ollama downloads.",
        ),
    ],
    as_json: JsonFlag = False,
) -> None:
    """Download models into the Hugging Face cache, and verify them; or have Ollama do so."""
    from assistant.cli import models

    models.pull_models(names, as_json)


@models_app.command("bundle")
def bundle_models(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    as_json: JsonFlag = False,
) -> None:
    """Pack every model in use, for a machine without a network."""
    from assistant.cli import models

    models.bundle_models(folder, as_json)


@models_app.command("load")
def load_models(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `bundle` has packed.")],
    as_json: JsonFlag = False,
) -> None:
    """Verify a bundle and put its models where limner finds them."""
    from assistant.cli import models

    models.load_models(folder, as_json)


@app.command(hidden=True)
def demo(
    questions_file: Annotated[Path, typer.Argument(metavar="QUESTIONS.txt")],
    library: LibraryFlag = None,
) -> None:
    """Ask each line of a file and print the answers: what `make demo` runs."""
    from assistant.cli import questions

    questions.demo(questions_file, library)
