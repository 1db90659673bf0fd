"""Questions in, grounded answers with their figures out.

`Assistant` is the way in for programs; the CLI, the HTTP API, the MCP server and the chat
page are thin over it. Leaves out reading documents (`loaders`) and finding evidence
(`retrievers`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from assistant.errors import AssistantError

if TYPE_CHECKING:
    from assistant.answer import Answer, Sentence, Source
    from assistant.assistant import Assistant
    from assistant.events import (
        AnswerFinished,
        FigureShown,
        SentenceChecked,
        SourcesFound,
        TextAdded,
    )
    from assistant.settings import Settings, read_settings
    from retrievers import Filter, LibraryDocument

__all__ = [
    "Answer",
    "AnswerFinished",
    "Assistant",
    "AssistantError",
    "FigureShown",
    "Filter",
    "LibraryDocument",
    "Sentence",
    "SentenceChecked",
    "Settings",
    "Source",
    "SourcesFound",
    "TextAdded",
    "read_settings",
]

_MODULES = {
    "Answer": "answer",
    "AnswerFinished": "events",
    "Assistant": "assistant",
    "FigureShown": "events",
    "Filter": "assistant",
    "LibraryDocument": "assistant",
    "Sentence": "answer",
    "SentenceChecked": "events",
    "Settings": "settings",
    "Source": "answer",
    "SourcesFound": "events",
    "TextAdded": "events",
    "read_settings": "settings",
}


def __getattr__(name: str) -> Any:
    # `limner --help` imports this package: what takes long to import waits until it is used.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
