"""`limner ui`, `serve` and `mcp`: start a server and stay with it."""

from __future__ import annotations

from pathlib import Path

from assistant.cli.terminal import err, sentences_for_errors, settings_of


def ui(port: int, browser: bool, library: Path | None) -> None:
    """Run the chat page until it is stopped."""
    with sentences_for_errors():
        from ui.launch import serve as serve_ui

        serve_ui(settings_of(library), port=port, open_browser=browser)


def serve(host: str, port: int, library: Path | None) -> None:
    """Run the HTTP API until it is stopped."""
    with sentences_for_errors():
        from assistant.api import serve as serve_api

        serve_api(
            settings_of(library),
            host=host,
            port=port,
            on_ready=lambda url: err.print(f"limner answers at {url}/v1 (Ctrl-C stops it)"),
        )


def mcp(library: Path | None) -> None:
    """Run the MCP server on stdin and stdout until its client leaves."""
    with sentences_for_errors():
        from assistant.mcp_server import run_stdio

        run_stdio(settings_of(library))
