"""The command line. `main` is what the `limner` command runs."""

from __future__ import annotations


def main() -> None:
    """Run the command line; the exit code is 0, 1 for a failure or 2 for bad usage."""
    from assistant.cli.app import app

    app()
