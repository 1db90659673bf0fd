"""Starting and stopping the chat page."""

import socket
from pathlib import Path

import pytest

from assistant.settings import Settings, read_settings
from tests.ui.served_page import free_port, interrupt, start, wait_for_address
from ui.launch import PortTaken, serve


@pytest.mark.real
def test_it_says_where_it_is_and_ctrl_c_ends_it_quietly(tmp_path: Path) -> None:
    port = free_port()
    with start(tmp_path / "library", port) as process:
        try:
            assert wait_for_address(process) == f"limner is at http://localhost:{port}\n"
            with socket.create_connection(("127.0.0.1", port), timeout=5):
                pass
            # Another address of this machine's own: what only 127.0.0.1 serves is not there.
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.2", port), timeout=5)
            said = interrupt(process)
        finally:
            process.kill()
    assert "Traceback" not in said
    assert process.returncode == 0


def test_taken_port_is_a_clear_error(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} cannot be used"):
            serve(Settings(library=tmp_path), port=port)


def test_page_reads_the_settings_that_it_is_served_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"LIBRARY": tmp_path / "library", "N_SOURCES": 3, "OPENAI_API_KEY": "a key"}
    for name in given:
        monkeypatch.delenv(f"LIMNER_{name}", raising=False)
    monkeypatch.setenv("LIMNER_LLM", "openai")
    seen = []
    monkeypatch.setattr("streamlit.web.bootstrap.load_config_options", lambda options: None)
    monkeypatch.setattr(
        "streamlit.web.bootstrap.run", lambda *args, **options: seen.append(read_settings())
    )
    settings = Settings(llm="auto", **{name.lower(): value for name, value in given.items()})
    serve(settings, port=free_port())
    assert seen == [settings]
