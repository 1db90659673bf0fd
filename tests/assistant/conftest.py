"""Fixtures of the assistant's tests."""

from tests.assistant.harbour import harbour
from tests.assistant.ollama_server import ollama_server
from tests.assistant.real_library import real_library

__all__ = ["harbour", "ollama_server", "real_library"]
