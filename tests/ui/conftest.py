"""Fixtures of the chat page's tests."""

from tests.assistant.ollama_server import ollama_server
from tests.ui.chat_page import library
from tests.ui.orchard import orchard

__all__ = ["library", "ollama_server", "orchard"]
