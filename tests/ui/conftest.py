"""Fixtures of the chat page's tests."""

from tests.ui.orchard import orchard

__all__ = ["orchard"]
