"""The commands of `limner models` and `limner conversations`.

Leaves out what they do: that is one module each in this folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assistant.cli.flags import ConversationArgument, JsonFlag, LibraryFlag

models_app = typer.Typer(
    help="Fetch models, and take them to a machine without a network.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
conversations_app = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


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
