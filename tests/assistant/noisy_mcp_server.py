"""Starts the MCP server in a process where everything prints to stdout, as libraries do."""

import os
import sys
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from assistant.assistant import Assistant
from assistant.mcp_server import run_stdio
from assistant.settings import Settings
from tests.assistant.harbour import COD, ScriptedChat, model_of, open_harbour


def make_noise(where: str) -> None:
    """Print through Python, whose output waits in a buffer, and past it, as native code does."""
    sys.stdout.write(f"noise from Python {where}\n")
    os.write(1, f"noise from native code {where}\n".encode())


class NoisyChat(ScriptedChat):
    def _stream(self, *args: Any, **kwargs: Any) -> Any:
        make_noise("while answering")
        yield ChatGenerationChunk(message=AIMessageChunk(content=COD))


class NoisyAssistant(Assistant):
    def close(self) -> None:
        make_noise("while closing")
        super().close()


def open_noisily(settings: Settings) -> Assistant:
    make_noise("while opening")
    quiet = open_harbour(settings.library, model_of(NoisyChat(pieces=[])))
    return NoisyAssistant(
        quiet.library, quiet.media, quiet._embeddings, quiet.settings, quiet._model
    )


if __name__ == "__main__":
    Assistant.open = open_noisily  # type: ignore[method-assign, assignment]
    run_stdio(Settings(library=Path(sys.argv[1])))
