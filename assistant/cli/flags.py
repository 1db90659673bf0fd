"""The flags and arguments of `limner` that several commands take, or that are long.

Leaves out the commands: those are in `assistant.cli.app` and `assistant.cli.groups`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from retrievers.modalities import Modality

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
DepthFlag = Annotated[
    int,
    typer.Option(
        min=0, max=20, metavar="N", help="Follow the links of web pages N deep, on their host."
    ),
]
RemoteImagesFlag = Annotated[
    bool,
    typer.Option(
        "--fetch-remote-images", help="Fetch pictures that pages show from public addresses."
    ),
]
LoaderFlag = Annotated[
    str | None,
    typer.Option(
        metavar="MODULE:CLASS",
        help="Read with this LangChain loader; what follows are its arguments (or name=value).",
    ),
]
IntoFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--collection",
        metavar="NAME",
        help="Put them into this collection, unchanged ones too; may be given several times.",
    ),
]
