"""Fixtures of the chat page's tests."""

from tests.assistant.ollama_server import ollama_server
from tests.ui.orchard import orchard

__all__ = ["ollama_server", "orchard"]
