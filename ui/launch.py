"""Starts the chat page in this process, for this machine only, until it is stopped.

Leaves out the page itself: Streamlit runs `ui/chat.py` once for each visitor and each click,
in this process. It reads the settings anew, so they reach it through the environment.
"""

from __future__ import annotations

import os
import socket
import threading
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from pydantic import SecretStr

from assistant.errors import AssistantError
from assistant.settings import ENV_PREFIX, Settings, read_settings

HOST = "127.0.0.1"
PAGE = Path(__file__).with_name("chat.py")
MAX_UPLOAD_MB = 200
POLL_S = 0.1


class PortTaken(AssistantError):
    """Something else listens on the port already."""


def serve(settings: Settings, *, port: int = 8501, open_browser: bool = False) -> None:
    """Serve the page until Ctrl-C. Raises PortTaken."""
    _check_port(port)
    _hand_to_page(settings)
    from streamlit.web import bootstrap

    options = _options(port, open_browser)
    bootstrap.load_config_options(options)
    stopped = threading.Event()
    threading.Thread(target=_announce, args=(port, stopped), daemon=True).start()
    try:
        bootstrap.run(str(PAGE), is_hello=False, args=[], flag_options=options)
    finally:
        stopped.set()


def _options(port: int, open_browser: bool) -> dict[str, object]:
    """Streamlit's options; they win over a `config.toml` of the user's."""
    return {
        "server.address": HOST,
        "server.port": port,
        "server.headless": not open_browser,
        "server.showEmailPrompt": False,
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        # A foreign page that makes its own name point here (DNS rebinding) gets nothing.
        "server.allowedHosts": ["localhost", HOST],
        "server.enableStaticServing": False,
        "server.maxUploadSize": MAX_UPLOAD_MB,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "browser.serverAddress": "localhost",
        "client.toolbarMode": "minimal",
        "client.showErrorLinks": False,
        "runner.magicEnabled": False,
        "logger.level": "warning",
        "logger.hideWelcomeMessage": True,
        "theme.light.primaryColor": "#2f6f5e",
        "theme.dark.primaryColor": "#3f8f78",
        "theme.headingFontSizes": ["2rem"],
        "theme.paddingTop": "0.5rem",
    }


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        # As the server will: a port that was left a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTaken(
                f"Port {port} cannot be used ({error.strerror}). If limner runs already, open "
                f"http://localhost:{port}; else choose another: limner ui --port {port + 1}"
            ) from error


def _hand_to_page(settings: Settings) -> None:
    """Put into the environment whatever a page would not read there, or in the file, itself."""
    known = read_settings()
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value == getattr(known, name):
            continue
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        variable = f"{ENV_PREFIX}{name.upper()}"
        if value is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = str(value)


def _announce(port: int, stopped: threading.Event) -> None:
    """Say where the page is once it answers."""
    while not stopped.wait(POLL_S):
        page = HTTPConnection(HOST, port, timeout=1)
        try:
            page.request("GET", "/_stcore/health")
            if page.getresponse().status == HTTPStatus.OK:
                print(f"limner is at http://localhost:{port}", flush=True)  # noqa: T201
                return
        except (OSError, HTTPException):
            continue
        finally:
            page.close()
